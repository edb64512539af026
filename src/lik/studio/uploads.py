"""Photographs that are sent to the studio: what they are is seen before they are decoded.

They are opened by two threads of their own, so that sliders go on meanwhile.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any, TypeVar

from lik.core.errors import UnusableInput
from lik.faces.io.decoding import TOO_MANY_PIXELS, PictureFile
from lik.faces.io.files import InMemory
from lik.faces.io.pictures import NotAPicture
from lik.faces.photograph import Eyes, Photograph, open_photograph
from lik.studio.refusals import Refused

T = TypeVar("T")

MOST_PIXELS = 50_000_000
MOST_FACES = 64
AT_ONCE, MOST_WAITING = 2, 8
LONGEST = 10.0
"""Seconds after which a photograph is given up."""


def checked(data: bytes) -> InMemory:
    """The bytes of a photograph, hashed; of the picture in them the header alone is read.

    Raises:
        Refused: no JPEG, PNG or WebP, a broken header, or more than 50 megapixels.
    """
    webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    if not (data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or webp):
        raise Refused(
            415, "bad-picture", "the photograph is no JPEG, PNG or WebP: those are read here."
        )
    given = InMemory(data)
    try:
        header = PictureFile(data)
    except NotAPicture as error:
        if str(error) == TOO_MANY_PIXELS:
            raise _too_large() from None
        raise Refused(422, "bad-picture", f"{given} cannot be used: {error}.") from None
    if header.width * header.height > MOST_PIXELS:
        raise _too_large()
    _ = given.sha256  # here, where nobody's slider waits for it
    return given


class PhotographPool:
    """Two threads that open photographs; few may wait, and none longer than ten seconds."""

    def __init__(self, seconds: float = LONGEST) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE, "photographs")
        self._seconds, self._inside, self._lock = seconds, 0, Lock()

    async def open(
        self, given: InMemory, rule: dict[str, Any], size: int, eyes: Sequence[Eyes] = ()
    ) -> Photograph:
        """Find and cut the faces of a photograph, as the crop rule of a run says.

        ``eyes`` of its faces, where a person has shown them.

        Raises:
            Refused: it cannot be used, takes too long, or too many others wait.
        """
        try:
            photograph = await self.do(lambda: open_photograph(given, rule, size, eyes=eyes))
        except UnusableInput as error:
            code = "no-face" if error.needs == "shown eyes" else "bad-picture"
            raise Refused(422, code, str(error)) from None
        if len(photograph.faces) > MOST_FACES:
            raise Refused(422, "bad-picture", f"there are more than {MOST_FACES} faces in it.")
        return photograph

    async def do(self, job: Callable[[], T]) -> T:
        """Do something with a picture.

        Raises:
            Refused: it takes too long, or too much waits.
        """
        if self._inside >= AT_ONCE + MOST_WAITING:
            raise Refused(429, "busy", "too many photographs come at once: try again.")
        with self._lock:
            self._inside += 1
        future = self._pool.submit(job)
        future.add_done_callback(self._left)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self._seconds)
        except TimeoutError:
            raise Refused(422, "too-slow", "the photograph takes too long to read.") from None

    def close(self) -> None:
        """Take no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _left(self, _: "Future[Any]") -> None:
        with self._lock:
            self._inside -= 1


def _too_large() -> Refused:
    return Refused(413, "too-large", "the photograph has more than 50 megapixels: reduce it.")
