"""The desk as one application: its rooms in order, what stands before them, and what is done when it starts and ends.

In: a `Desk`. Out: an ASGI application. Knows no route: every module of `api` and of `pages` has its own `router`, and is found by being there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from fastapi import APIRouter, FastAPI
from fastapi.concurrency import run_in_threadpool
from starlette.staticfiles import StaticFiles

from drafting.record import retention
from drafting.web import api, operating, pages, problems
from drafting.web.access import Desk as Desk
from drafting.web.operating import Figures, Watch
from drafting.web.security import Gate, Measure, Shields, cookie

STATIC = Path(__file__).parent / "static"


def create_app(desk: Desk) -> FastAPI:
    """The application over `desk`, which is its `app.state.desk`."""
    app = FastAPI(
        title="Aside",
        version="1",
        summary="Progress notes from dictation, reviewed and signed. What is private stays apart.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_life,
    )
    app.state.desk, app.state.figures, app.state.up = desk, Figures(), True
    problems.install(app)
    problems.describe(app, cookie=cookie(desk.secure))
    for router in (operating.router, *_routers()):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(Measure)
    app.add_middleware(Gate, hosts=desk.hosts, secure=desk.secure, rates=desk.rates)
    app.add_middleware(Shields, secure=desk.secure)
    app.add_middleware(Watch, figures=app.state.figures)
    return app


def _routers() -> Iterator[APIRouter]:
    for package in (api, pages):
        for found in iter_modules(package.__path__, f"{package.__name__}."):
            if (router := getattr(import_module(found.name), "router", None)) is not None:
                yield router


@asynccontextmanager
async def _life(app: FastAPI) -> AsyncIterator[None]:
    """Before anything is taken in, what a process before this one left under way is finished."""
    app.state.up = False
    count, scrubbed = await run_in_threadpool(retention.tidied, app.state.desk.practice)
    app.state.up = True
    operating.line("started", finished=count, scrubbed=scrubbed)
    yield
    app.state.up = False
    operating.line("ended")
