"""What a training tells whoever watches it, and asks them."""

from torch import nn

from lik.training.journal import EpochRecord
from lik.training.loop import TrainingProgress, TrainState
from lik.training.recipe import TrainingPlan


class Callback:
    """Called as a run goes on; the methods do nothing until a front end overrides them."""

    def began(self, plan: TrainingPlan, resumed: TrainState, steps: int, how: str) -> None:
        """Training begins at ``resumed``, in epochs of ``steps``; ``how`` says what is fast."""

    def progressed(self, progress: TrainingProgress) -> None:
        """Some more steps are done."""

    def epoch_ended(self, record: EpochRecord, model: nn.Module) -> None:
        """An epoch is over; ``model`` has the weights for pictures, and is in evaluation mode."""

    def should_stop(self) -> bool:
        """Whether to save and stop; asked after every step."""
        return False


class Callbacks(Callback):
    """Several callbacks as one; any of them may stop a run."""

    def __init__(self, *callbacks: Callback) -> None:
        self.callbacks = callbacks

    def began(self, plan: TrainingPlan, resumed: TrainState, steps: int, how: str) -> None:
        for callback in self.callbacks:
            callback.began(plan, resumed, steps, how)

    def progressed(self, progress: TrainingProgress) -> None:
        for callback in self.callbacks:
            callback.progressed(progress)

    def epoch_ended(self, record: EpochRecord, model: nn.Module) -> None:
        for callback in self.callbacks:
            callback.epoch_ended(record, model)

    def should_stop(self) -> bool:
        return any(callback.should_stop() for callback in self.callbacks)
