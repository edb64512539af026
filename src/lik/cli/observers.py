"""Several observers of one training, each told everything."""

from torch import nn

from lik.training.journal import EpochRecord
from lik.training.loop import Position, Progress
from lik.training.recipe import Plan
from lik.training.run import Observer


class Observers(Observer):
    """Passes on what it is told, in the order given; any of them may stop the training."""

    def __init__(self, *observers: Observer) -> None:
        self.observers = observers

    def began(self, recipe: Plan, resumed: Position, steps_per_epoch: int, how: str) -> None:
        for observer in self.observers:
            observer.began(recipe, resumed, steps_per_epoch, how)

    def progressed(self, progress: Progress) -> None:
        for observer in self.observers:
            observer.progressed(progress)

    def noted(self, remark: str) -> None:
        for observer in self.observers:
            observer.noted(remark)

    def epoch_ended(self, record: EpochRecord, model: nn.Module) -> None:
        for observer in self.observers:
            observer.epoch_ended(record, model)

    def should_stop(self) -> bool:
        return any(observer.should_stop() for observer in self.observers)
