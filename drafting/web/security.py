"""What stands before every room of the desk: which requests are heard, how many, and what a browser may do with the answers.

In: requests as ASGI has them. Out: the same, or a refusal; security's headers on every answer. Knows no session and no person: a cookie is a string
of bytes here.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from drafting.errors import RecordError
from drafting.web.problems import answer

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""
BODY = 1_000_000
"""Bytes of a request's body that are taken, where a route does not say otherwise (`takes`)."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
STATIC = "/static/"

E = TypeVar("E", bound=Callable[..., object])

_YEAR = 365 * 24 * 3600
_CONTENT = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "font-src 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "manifest-src 'self'",
        "worker-src 'self'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _CONTENT,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer, browsers would hide the origin of a form, by which a forged one is known
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), publickey-credentials-get=(self), publickey-credentials-create=(self), "
    "screen-wake-lock=(self), camera=(), geolocation=(), payment=(), usb=()",
}


class WrongHost(RecordError):
    """Nobody is called so here. Open the desk by the address that it was given."""


class Forged(RecordError):
    """That did not come from a page of this desk that is still open. Load the page again; nothing that was saved is lost."""


class TooFast(RecordError):
    """That was too much at once. Wait {seconds} seconds, then go on; nothing that was saved is lost."""

    def __init__(self, *, seconds: int) -> None:
        super().__init__(seconds=seconds)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something may be done: `burst` times at once, and `each` a second over time."""

    burst: float
    each: float


@dataclass(frozen=True, slots=True)
class Rates:
    """How much may be changed: by a session, by an address with all its sessions, and by an address without one. None: as much as comes."""

    session: Rate | None = Rate(240, 8)
    address: Rate | None = Rate(1_200, 40)
    stranger: Rate | None = Rate(30, 0.5)


UNLIMITED = Rates(None, None, None)


def cookie(secure: bool, name: str = "aside") -> str:
    """The name of a cookie: over TLS with the prefix that binds it to this host alone."""
    return f"__Host-{name}" if secure else name


def host_of(header: str) -> str:
    """The host's name in a Host header, without its port."""
    name = header.strip().lower()
    if name.startswith("["):
        return name[1:].split("]")[0]
    return name.rsplit(":", 1)[0]


# ── who is heard ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Gate:
    """Lets through what is meant for this host, comes from its own pages, and is not too much. `hosts`: its names."""

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str], secure: bool, rates: Rates, clock: Callable[[], float] = time.monotonic) -> None:
        self.app = app
        self.hosts = frozenset(hosts)
        self.scheme = "https" if secure else "http"
        self.cookie = cookie(secure)
        self.by_session, self.by_address, self.by_stranger = (Bucket(r, clock) for r in (rates.session, rates.address, rates.stranger))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        refused = self._refused(scope, Headers(scope=scope))
        if refused is None:
            await self.app(scope, receive, send)
        else:
            await answer(scope, refused)(scope, receive, send)

    def _refused(self, scope: Scope, headers: Headers) -> RecordError | None:
        if host_of(headers.get("host", "")) not in self.hosts:
            return WrongHost()
        if scope["method"] in SAFE:
            return None
        if self._foreign(headers):
            return Forged()
        wait = self._wait(scope, headers)
        return TooFast(seconds=wait) if wait else None

    def _foreign(self, headers: Headers) -> bool:
        """Whether a browser says that another site's page asks. A program says neither."""
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return True
        origin = headers.get("origin")
        return origin is not None and origin.lower() != f"{self.scheme}://{headers['host'].strip().lower()}"

    def _wait(self, scope: Scope, headers: Headers) -> int:
        """Seconds until this may be asked, 0 for now. A cookie that nobody gave out has a count of its own, but its address counts it too."""
        address = (scope.get("client") or ("",))[0]
        token = cookie_parser(headers.get("cookie", "")).get(self.cookie) or headers.get("authorization")
        if token is None:
            return self.by_stranger.take(address)
        session = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        return self.by_address.take(address) or self.by_session.take(session)


class Bucket:
    """How much of a rate each of many has left. It remembers the newest only; who is forgotten begins anew."""

    MOST = 10_000

    def __init__(self, rate: Rate | None, clock: Callable[[], float]) -> None:
        self.rate = rate
        self.clock = clock
        self.left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> int:
        """Take one. Returns 0, or after how many whole seconds there is one, which then was not taken."""
        if self.rate is None:
            return 0
        now = self.clock()
        left, since = self.left.pop(key, (self.rate.burst, now))
        left = min(self.rate.burst, left + (now - since) * self.rate.each)
        self.left[key] = (left - 1 if left >= 1 else left, now)
        if len(self.left) > self.MOST:
            self.left.popitem(last=False)
        return 0 if left >= 1 else max(1, round((1 - left) / self.rate.each + 0.5))


# ── how much ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def takes(most: int) -> Callable[[E], E]:
    """A decorator beneath the route's own: it takes a body of so many bytes."""

    def mark(endpoint: E) -> E:
        endpoint.takes = most
        return endpoint

    return mark


class Measure:
    """Ends a request whose body is more than its route takes: before a byte is read where its length is told, else at the first byte too many."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "")
        told, taken = int(length) if length.isdecimal() else 0, 0

        async def measured() -> Message:
            nonlocal taken
            most = getattr(scope.get("endpoint"), "takes", BODY)
            if told > most:
                raise HTTPException(413)
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                raise HTTPException(413)
            return message

        await self.app(scope, measured, send)


# ── what a browser may do ─────────────────────────────────────────────────────────────────────────────────────────────


class Shields:
    """Puts the headers on every answer by which a browser protects what it shows. Nothing is kept by it or on the way but what lies in `static`."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self.app = app
        self.headers = _HEADERS | ({"Strict-Transport-Security": f"max-age={_YEAR}"} if secure else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        keep = "no-cache" if scope["path"].startswith(STATIC) else "no-store"

        async def shielded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self.headers | {"Cache-Control": keep})
            await send(message)

        await self.app(scope, receive, shielded)
