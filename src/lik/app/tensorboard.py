"""The metrics of a training for TensorBoard, which draws them while it runs."""

import importlib.util
from typing import TYPE_CHECKING

from torch import nn

from lik.core.errors import UnusableInput
from lik.core.run_folder import RunFolder
from lik.training import journal
from lik.training.callback import Callback
from lik.training.journal import EpochRecord
from lik.training.loop import TrainState
from lik.training.recipe import TrainingPlan

if TYPE_CHECKING:  # an extra
    from torch.utils.tensorboard import SummaryWriter


class TensorBoard(Callback):
    """Writes the scalars of every epoch into the run's folder tensorboard/, over the steps.

    A resumed run goes on there; what it trains again takes the place of what it had written.
    What a run has trained without TensorBoard is written after the fact, from its journal.
    """

    def __init__(self, folder: RunFolder) -> None:
        """Begin; nothing is written yet.

        Raises:
            UnusableInput: TensorBoard is not installed.
        """
        if importlib.util.find_spec("tensorboard") is None:
            raise UnusableInput(
                "writing for TensorBoard needs the package tensorboard: "
                "pip install 'lik-vae[tensorboard]'"
            )
        self.folder = folder
        self.writer: SummaryWriter | None = None

    def __enter__(self) -> "TensorBoard":
        return self

    def __exit__(self, *error: object) -> None:
        if self.writer is not None:
            self.writer.close()

    def began(self, plan: TrainingPlan, resumed: TrainState, steps: int, how: str) -> None:
        from torch.utils.tensorboard import SummaryWriter  # an extra

        place = self.folder.path / "tensorboard"
        fresh = not any(place.glob("events.out.tfevents.*"))
        # What an earlier process wrote of later steps is void: this one comes there again.
        purge = None if fresh else resumed.step + 1
        self.writer = SummaryWriter(str(place), purge_step=purge)
        for record in journal.read(self.folder.journal) if fresh else ():
            self._write(record)
        self.writer.flush()

    def epoch_ended(self, record: EpochRecord, model: nn.Module) -> None:
        self._write(record)
        assert self.writer is not None
        self.writer.flush()

    def _write(self, record: EpochRecord) -> None:
        assert self.writer is not None
        for name, value in scalars(record).items():
            self.writer.add_scalar(name, value, record.step)


def scalars(record: EpochRecord) -> dict[str, float]:
    """The single numbers of an epoch under the names that TensorBoard groups by."""
    named: dict[str, float] = {}
    for split, metrics in (("training", record.train), ("validation", record.validation)):
        named |= {f"{part}/{split}": value for part, value in (metrics or {}).items()}
    named["run/epoch"] = record.epoch
    named["run/images_per_second"] = record.images_per_second
    for name, value in record.details.items():
        if isinstance(value, int | float):
            named[f"run/{name}"] = value
    # What the objective has learned or arrived at.
    named |= {f"objective/{name}": v for name, v in record.details.get("objective", {}).items()}
    return named
