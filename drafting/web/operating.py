"""What whoever runs the desk sees of it: a line of JSON a request, figures for Prometheus, and whether it is up and ready.

In: requests as they pass. Out: lines on the log `aside.web`, figures. Knows no words: a request is known by its own id and its route's template,
never by its path, and nothing that was asked or answered is in a line.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from datetime import UTC, datetime
from typing import Literal

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from pydantic import BaseModel, Field
from sqlalchemy import text
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from drafting.errors import AsideError, OurFault
from drafting.record.store import Stores, reading
from drafting.web.problems import answer

LOG = logging.getLogger("aside.web")
NOWHERE = "nowhere"
"""The template of a request that no route was there for."""

router = APIRouter(include_in_schema=False)

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


def line(event: str, **facts: object) -> None:
    """A line of JSON on the log; facts that are None are left out."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    LOG.info(json.dumps({"at": at, "event": event, **{name: fact for name, fact in facts.items() if fact is not None}}))


class Figures:
    """What is counted: requests, and how long they took, by route."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route")
        self.requests = Counter("aside_requests", "Requests that were answered.", (*labels, "status"), registry=self.registry)
        self.seconds = Histogram("aside_request_seconds", "How long an answer took.", labels, registry=self.registry, buckets=_SECONDS)

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(method, route).observe(seconds)


class Watch:
    """The outermost: gives each request an id, counts it, writes its line, and ends whatever went wrong that nobody foresaw. A traceback is never
    written, since it may quote what was said."""

    def __init__(self, app: ASGIApp, *, figures: Figures) -> None:
        self.app = app
        self.figures = figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        name, began, status, fault = secrets.token_hex(8), time.perf_counter(), 0, None

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = name
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except ClientDisconnect:
            pass
        except Exception as error:
            fault = OurFault.of(error)
            if status:  # half an answer was sent: the connection must break
                raise fault from None
            await answer(scope, OurFault(where=f"request {name}"))(scope, receive, noted)
        finally:
            self._written(scope, name, status, time.perf_counter() - began, fault)

    def _written(self, scope: Scope, name: str, status: int, seconds: float, fault: OurFault | None) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route, asking = template(scope), scope.get("state", {}).get("asking")
        self.figures.count(method, route, status, seconds)
        facts = {"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 1)}
        line("request", id=name, **facts, person=asking.person.id if asking else None, fault=str(fault) if fault else None)


def template(scope: Scope) -> str:
    """The template of the route that a request went to, such as /api/v1/encounters/{encounter}."""
    path = getattr(scope.get("route"), "path", None)
    return path or ("/static" if scope["path"].startswith("/static/") else NOWHERE)


# ── up, and ready ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Ready(BaseModel):
    """Whether the service can do its work, and which of its parts cannot."""

    ready: bool = Field(description="Whether all of them can.")
    parts: dict[str, Literal["ok", "down"]] = Field(description="Each part, and how it is.")


@router.get("/healthz")
def healthz() -> Response:
    """That the process answers."""
    return Response("ok\n", media_type="text/plain")


@router.get("/readyz")
def readyz(request: Request, response: Response) -> Ready:
    """Whether it can do its work: all three databases answer, and it is neither starting nor ending."""
    state = request.app.state
    parts = _stores(state.desk.practice.stores) | {"process": "ok" if state.up else "down"}
    ready = all(how == "ok" for how in parts.values())
    response.status_code = 200 if ready else 503
    return Ready(ready=ready, parts=parts)


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """Figures for Prometheus, for those who may watch."""
    if request.client is None or request.client.host not in request.app.state.desk.watchers:
        return Response(status_code=404)
    return Response(generate_latest(request.app.state.figures.registry), media_type=CONTENT_TYPE_LATEST)


def _stores(stores: Stores) -> dict[str, Literal["ok", "down"]]:
    found: dict[str, Literal["ok", "down"]] = {}
    for name, engine in stores.named():
        try:
            with reading(engine) as connection:
                connection.execute(text("SELECT 1"))
            found[name] = "ok"
        except AsideError:
            found[name] = "down"
    return found
