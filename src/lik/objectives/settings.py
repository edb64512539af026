"""What the configurations of all objectives have in common."""

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
