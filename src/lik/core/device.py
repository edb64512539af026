"""The choice of the device that models run on."""

import torch

from lik.core.errors import UnusableInput


def choose_device(name: str = "auto", threads: int | None = None) -> torch.device:
    """'auto' (a CUDA device where there is one, else the CPU), 'cpu', 'cuda', or 'cuda:1'.

    ``threads`` limits the processor threads of PyTorch.

    Raises:
        UnusableInput: no such device on this machine.
    """
    if threads is not None:
        if threads < 1:
            raise UnusableInput(f"the number of threads must be at least 1, not {threads}.")
        torch.set_num_threads(threads)
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UnusableInput(f"'{name}' is no device: give auto, cpu, cuda, or cuda:1.") from None
    if device.type not in ("cpu", "cuda"):
        raise UnusableInput(f"'{name}' is not supported: give auto, cpu, cuda, or cuda:1.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UnusableInput(
            f"there is no device {name} here: PyTorch sees {torch.cuda.device_count()} GPUs."
        )
    return device
