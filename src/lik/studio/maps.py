"""The page that shows the map of the latent space: its routes, and the maps that were made last.

Models draw and see on their thread; points are laid out beside it, where no slider waits for them.
"""

from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from numpy.typing import NDArray

from lik.app.latent_map import MappedCodes, attributes_seen, codes_to_map, lay_out, seen_in
from lik.core.configuration import validated
from lik.core.events import Progress
from lik.latent.projection import Plane
from lik.studio.engine import StudioEngine, kept
from lik.studio.requests import MapRequest, parsed
from lik.studio.routes import streamed
from lik.studio.wire import floats, to_base64

MOST_MAPS = 8
"""Maps of which the codes, the points and what is seen in them are kept."""
SEEN_AT_ONCE = 2
"""Faces that the network sees before a slider has its turn."""


def map_router(engine: StudioEngine) -> APIRouter:
    """What the page of the map asks for; numbers go as float32 and uint32, little endian."""
    router, maps = APIRouter(prefix="/api/runs/{run_id}/map"), _Maps(engine)

    @router.get("")
    async def known(run_id: str) -> Response:
        return JSONResponse({"attributes": list(await maps.attributes(run_id))})

    @router.post("")
    async def points(run_id: str, request: Request) -> Response:
        wanted = validated(MapRequest, parsed(await request.body()), "the request")

        async def work(progress: Progress) -> dict[str, Any]:
            mapped = await maps.codes(run_id, wanted, progress)
            plane = await maps.plane(run_id, wanted, mapped, progress)
            return {
                "count": len(mapped.codes), "shares": plane.shares,
                "places": to_base64(mapped.places.astype("<u4").tobytes()),
                "points": to_base64(floats(plane.points)),
                "codes": to_base64(floats(mapped.codes)),
            }  # fmt: skip

        return streamed(engine, work)

    @router.post("/attributes")
    async def attributes(run_id: str, request: Request) -> Response:
        wanted = validated(MapRequest, parsed(await request.body()), "the request")

        async def work(progress: Progress) -> dict[str, Any]:
            seen = await maps.seen(run_id, wanted, progress)
            return {"names": list(await maps.attributes(run_id)), "seen": to_base64(floats(seen.T))}

        return streamed(engine, work)

    return router


@dataclass(frozen=True)
class _Key:
    """What tells maps apart; of codes and what is seen in them, the method does not."""

    run_id: str
    kind: str
    seed: int
    count: int
    method: str = ""

    @classmethod
    def of(cls, run_id: str, wanted: MapRequest, method: str = "") -> "_Key":
        return cls(run_id, wanted.kind, wanted.seed, wanted.count, method)


class _Maps:
    """The maps that were asked for last, so that another colour or method does not draw again."""

    def __init__(self, engine: StudioEngine) -> None:
        self._engine = engine
        self._codes: OrderedDict[_Key, MappedCodes] = OrderedDict()
        self._planes: OrderedDict[_Key, Plane] = OrderedDict()
        self._seen: OrderedDict[_Key, dict[int, NDArray[np.float32]]] = OrderedDict()

    async def attributes(self, run_id: str) -> list[str]:
        """The attributes by which points can be coloured."""
        run = await self._engine.run(run_id)
        return list(await self._engine.models.run(lambda: attributes_seen(run), urgent=True))

    async def codes(self, run_id: str, wanted: MapRequest, progress: Progress) -> MappedCodes:
        """The codes of a map."""
        run, key = await self._engine.run(run_id), _Key.of(run_id, wanted)

        def job(step: Progress) -> MappedCodes:
            make = partial(codes_to_map, run, wanted.kind, wanted.count, wanted.seed, step)
            return kept(self._codes, key, make, MOST_MAPS)

        return await self._engine.models.run_long(job, progress)

    async def plane(
        self, run_id: str, wanted: MapRequest, mapped: MappedCodes, progress: Progress
    ) -> Plane:
        """The points of a map."""
        key = _Key.of(run_id, wanted, wanted.method)
        progress("layout", 0, 0)

        def job() -> Plane:
            make = partial(lay_out, mapped.codes, wanted.method)
            return kept(self._planes, key, make, MOST_MAPS)

        return await self._engine.aside.run(job)

    async def seen(
        self, run_id: str, wanted: MapRequest, progress: Progress
    ) -> NDArray[np.float32]:
        """What the network of the run sees in the faces of a map, (N, A) in 0…1.

        Few faces are seen at a time, each time in turn with what else is asked for; those that
        were seen before somebody went away are not seen again.
        """
        mapped = await self.codes(run_id, wanted, progress)
        run, total = await self._engine.run(run_id), len(mapped.codes)
        parts = kept(self._seen, _Key.of(run_id, wanted), dict, MOST_MAPS)
        for start in range(0, total, SEEN_AT_ONCE):
            progress("seeing", start, total)
            if start not in parts:
                job = partial(seen_in, run, mapped.codes[start : start + SEEN_AT_ONCE])
                parts[start] = await self._engine.models.run(job)
        return np.concatenate([parts[start] for start in sorted(parts)])
