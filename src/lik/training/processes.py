"""Several processes that train one model: `torchrun --nproc-per-node N -m lik train …`.

Every process holds the whole model and takes its share of each batch; the gradients are averaged
by DistributedDataParallel. Batch normalisation normalises over the whole batch on GPUs, and over
each process' own share on CPUs, where PyTorch has no synchronised kind; its averages are those of
the first process.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

TIMEOUT = timedelta(minutes=30)
"""How long processes wait for each other: validation and saving are the first one's alone."""


@dataclass(frozen=True)
class Processes:
    """This process among all that train together; alone by default."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the one that writes, shows and validates."""
        return self.rank == 0

    def shared(self, model: nn.Module, device: torch.device) -> nn.Module:
        """The model as the loss is to call it, so that gradients are averaged over processes."""
        if self.count == 1:
            return model
        if device.type == "cuda":
            model = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
            return nn.parallel.DistributedDataParallel(model, device_ids=[device.index or 0])
        return nn.parallel.DistributedDataParallel(model)

    def total(self, sums: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The sums over all processes."""
        if self.count == 1 or not sums:
            return dict(sums)
        stacked = torch.stack([value.double() for value in sums.values()])
        dist.all_reduce(stacked)
        return dict(zip(sums, stacked, strict=True))

    def from_first(self, value: Any) -> Any:
        """What the first process has for ``value``; the others wait for it."""
        if self.count == 1:
            return value
        box = [value if self.first else None]
        dist.broadcast_object_list(box)
        return box[0]

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether the flag is up in any process."""
        if self.count == 1:
            return flag
        tensor = torch.tensor(float(flag), device=device)
        dist.all_reduce(tensor, dist.ReduceOp.MAX)
        return bool(tensor)


ALONE = Processes()


def join(device_type: str) -> Processes:
    """Join the processes that torchrun has begun; alone where it has not."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return ALONE
    if not dist.is_initialized():
        backend = "nccl" if device_type == "cuda" else "gloo"
        dist.init_process_group(backend, timeout=TIMEOUT)
    return Processes(dist.get_rank(), dist.get_world_size())


def local_device(device: torch.device) -> torch.device:
    """The GPU of this process among those of its machine."""
    if device.type != "cuda" or ":" in str(device):
        return device
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def leave() -> None:
    """Take leave of the other processes, all at once: none ends while another still talks to it."""
    if dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()
