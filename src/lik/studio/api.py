"""The application that answers what pages ask, behind the guard of `lik.studio.server`."""

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.studio.engine import StudioEngine
from lik.studio.journals import training_router
from lik.studio.live import live_router
from lik.studio.maps import map_router
from lik.studio.refusals import Refused, refusal_of
from lik.studio.routes import edit_router


def create_api(engine: StudioEngine, network: str | None = None) -> FastAPI:
    """The routes below /api; errors become a status and a sentence here.

    ``network``: what this computer is called, where others can reach it.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)

    async def refuse(_: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException | RequestValidationError):
            refused = _of_router(error)
        else:
            refused = refusal_of(error, engine.names)
        return Response(refused.body, refused.status, NOT_KEPT, "application/json")

    foreseen = (Refused, UnusableInput, FailedOnTheWay, TimeoutError)
    for kind in (*foreseen, HTTPException, RequestValidationError, OSError, Exception):
        app.add_exception_handler(kind, refuse)
    app.include_router(edit_router(engine, network))
    app.include_router(live_router(engine))
    app.include_router(training_router(engine))
    app.include_router(map_router(engine))
    return app


NOT_KEPT = {"Cache-Control": "no-store"}


def _of_router(error: HTTPException | RequestValidationError) -> Refused:
    """What the router itself refuses: no such page, or no such way to ask for it."""
    if isinstance(error, HTTPException) and error.status_code in (404, 405):
        return Refused(404, "unknown", "there is no such page here.")
    return Refused(400, "bad-request", "this is not understood.")
