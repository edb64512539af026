"""Work that is begun some items ahead of the one that is waited for."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

ItemT = TypeVar("ItemT")
BegunT = TypeVar("BegunT")
DoneT = TypeVar("DoneT")


def prefetch(
    begin: Callable[[ItemT], BegunT],
    finish: Callable[[BegunT], DoneT],
    items: Iterable[ItemT],
    ahead: int,
) -> Iterator[DoneT]:
    """What comes of each item, in order, while up to ``ahead`` others are being worked on.

    ``begin`` gives work away, such as to a pool; ``finish`` waits for what was begun.
    """
    rest = iter(items)
    waiting = deque(begin(item) for item in islice(rest, ahead))
    while waiting:
        yield finish(waiting.popleft())
        waiting.extend(begin(item) for item in islice(rest, 1))
