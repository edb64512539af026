"""What all objectives have in common: their configuration, and what they learn or count.

Shapes: images (B, 3, S, S) in 0…1; terms in nats per image (B,).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from lik.core.configuration import Settings


class ObjectiveSettings(Settings):
    """The configuration of something that is minimised."""

    @property
    def scale(self) -> str:
        """What the figures of this objective are sums of, to be printed beside them."""
        raise NotImplementedError

    @property
    def recordable(self) -> bool:
        """Whether it is the same work at every step, on nothing but images and normal noise."""
        return False

    @property
    def whole_batch(self) -> str | None:
        """The key that needs all of a batch in one process; None where nothing does."""
        return None

    @property
    def shareable(self) -> bool:
        """Whether workers of one process may each pass a share of a batch."""
        return self.whole_batch is None


class Objective(nn.Module):
    """An objective, or a part of one; by default it is what its own parts are.

    Its state is what it learns or counts on the way, in training mode only: often nothing.
    """

    @property
    def parts(self) -> list["Objective"]:
        return [child for child in self.children() if isinstance(child, Objective)]

    def settled(self) -> bool:
        """Whether losses of different times compare, for no weight changes any more."""
        return all(part.settled() for part in self.parts)

    def metrics(self) -> dict[str, float]:
        """What it has learned or arrived at, by name; waits for the device."""
        return {key: value for part in self.parts for key, value in part.metrics().items()}

    def restore(self, metrics: Mapping[str, float]) -> None:
        """Put back what `metrics` gave, as far as it is there; schedules are taken at their end."""
        for part in self.parts:
            part.restore(metrics)


@dataclass(frozen=True)
class Weighed:
    """A weighted sum of terms (B,), and the terms of which people are told, unweighted."""

    total: Tensor
    terms: dict[str, Tensor]
