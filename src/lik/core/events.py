"""What long work tells those who asked for it: how far it is, and what they should know.

Both are arguments, never attributes, so that one opened object can serve several people.
"""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with the stage, which may tell how it goes, how much of it is done, and of how much."""

Notify = Callable[[str], None]
"""Called with a sentence for people: something that happened on the way, and is no error."""


def no_progress(stage: str, done: int, total: int) -> None:
    """Nobody watches."""


def no_notices(sentence: str) -> None:
    """Nobody listens."""
