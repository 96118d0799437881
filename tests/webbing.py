"""What tests of the web begin with: the desk over a practice whose people have logins, and browsers in which they sit.

Whatever a browser here is answered by a route that serves what is kept, it sees to it that the audit trail was told.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from drafting.pipeline import Engines
from drafting.record import people
from drafting.record.accounts import logins
from drafting.record.store import Stores, reading
from drafting.record.store.tables.record import AUDIT, AUDIT_HEAD
from drafting.types.record import Person, Standing
from drafting.web import access
from drafting.web.access import Desk, csrf_of
from drafting.web.app import create_app
from drafting.web.security import SAFE, UNLIMITED, cookie
from tests import desks
from tests.stores import CHEAP

PASSWORD = "seven lamps on the quay"
PASSPHRASE = "quiet green lanterns"
HOST = "desk.test"


class NoJobs:
    """Jobs of a test that takes nothing in."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"nobody thought that jobs were asked to {name}")


@dataclass
class House:
    """The desk over a practice (`here`): `bo`, a trainee with a client; `ada`, her supervisor; `cy`, a colleague; `di`, an administrator; `rae`, of
    the records. Each has a login of that name, the same password, no second factor, and the first three have keys. `ids` are theirs by login."""

    here: desks.Desk
    app: FastAPI
    ids: dict[str, str]
    codes: dict[str, tuple[str, ...]]

    @property
    def desk(self) -> Desk:
        return self.app.state.desk

    @property
    def practice(self):
        return self.here.practice

    @property
    def client(self) -> str:
        """The client, who is Bo's."""
        return self.here.client

    def change(self, **fields: object) -> None:
        """Another desk from now on: of other jobs, say. What stands before its rooms stays as it was made."""
        self.app.state.desk = replace(self.desk, **fields)

    def stranger(self) -> Browser:
        """A browser in which nobody is logged in."""
        return Browser(self)

    def browser(self, who: str = "bo", *, unlocked: bool = True) -> Browser:
        """A browser in which somebody has just logged in, by a cookie, and given their passphrase if they have one and are `unlocked`."""
        browser = self.stranger().log_in(who)
        if unlocked and who in ("bo", "ada", "cy"):
            browser.unlock()
        return browser

    def later(self, **span: float) -> None:
        self.practice.now.at += timedelta(**span)

    def seq(self) -> int:
        """How many events the audit trail has."""
        with reading(self.practice.stores.record) as connection:
            return connection.scalar(sa.select(AUDIT_HEAD.c.seq))

    def events(self, after: int = 0) -> list[dict[str, Any]]:
        """The events on the audit trail after that number."""
        with reading(self.practice.stores.record) as connection:
            return [json.loads(body) for body in connection.scalars(sa.select(AUDIT.c.body).where(AUDIT.c.seq > after).order_by(AUDIT.c.seq))]

    def told(self, action: str) -> list[dict[str, Any]]:
        return [event for event in self.events() if event["action"] == action]


class Browser(TestClient):
    """A browser, or a program, at the desk. It follows no redirect, sends the header against forged requests by itself, and fails the test where a
    route that serves what is kept told nobody."""

    __test__ = False

    def __init__(self, house: House, **more: Any) -> None:
        self.house = house
        self.bare = False
        """Whether it sends what a form holds, and no header by itself."""
        self.scope: Scope = {}
        scheme = "https" if house.desk.secure else "http"
        super().__init__(self._seen, base_url=f"{scheme}://{HOST}", follow_redirects=False, **more)

    async def _seen(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        await self.house.app(scope, receive, send)

    @property
    def token(self) -> str | None:
        """The session's token, from the cookie."""
        return self.cookies.get(cookie(self.house.desk.secure))

    @property
    def csrf(self) -> str:
        return csrf_of(self.token) if self.token else ""

    def request(self, method: str, url: Any, **more: Any):
        headers = dict(more.pop("headers", None) or {})
        if self.token and not self.bare and method.upper() not in SAFE:
            headers = {"X-Aside-CSRF": self.csrf} | headers
        before = self.house.seq()
        response = super().request(method, url, headers=headers, **more)
        if response.is_success and serves(self.scope) and self.house.seq() == before:
            raise AssertionError(f"{method} {self.scope['route'].path} told nobody")
        return response

    def log_in(self, who: str, password: str = PASSWORD) -> Browser:
        assert self.post("/api/v1/sessions", json={"login": who, "password": password}).status_code == 201
        return self

    def unlock(self) -> Browser:
        assert self.post("/api/v1/session/unlock", json={"passphrase": PASSPHRASE}).status_code == 200
        return self

    def problem(self, method: str, url: str, status: int, **more: Any) -> dict[str, Any]:
        """The problem that a request is answered with."""
        response = self.request(method, url, **more)
        assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json"), response.text
        body = response.json()
        assert body["status"] == status and body["type"] == f"/problems/{body['code']}" and body["detail"]
        return body


def serves(scope: Scope) -> bool:
    """Whether a request went to a route that must be told of."""
    route = scope.get("route")
    return uses(getattr(route, "dependant", None), access.asking) and access.telling_of(route.endpoint).action is not None


def uses(dependant: Dependant | None, call: Callable[..., object]) -> bool:
    """Whether a route's dependencies have `call` among them, at whatever depth."""
    return dependant is not None and (dependant.call is call or any(uses(below, call) for below in dependant.dependencies))


@contextmanager
def opened(stores: Stores, engines: Engines | None = None, **fields: object) -> Iterator[House]:
    """The desk over fresh stores, with `fields` of its own; passwords cost nothing meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logins, "HASHER", PasswordHasher(*CHEAP))
        here = desks.desk(stores)
        ids = {"bo": here.author.person, "ada": here.supervisor.person, "cy": here.colleague.person}
        for login, name, standing in (("di", "Di Fenn", Standing.ADMINISTRATOR), ("rae", "Rae Holt", Standing.RECORDS)):
            ids[login] = people.add_person(here.practice, Person("", name, standing), by="setup").id
        codes = {login: logins.create(here.practice, person, login, PASSWORD, by="setup") for login, person in ids.items()}
        given = {"hosts": frozenset({HOST}), "rates": UNLIMITED, "jobs": NoJobs(), "engines": lambda: engines} | fields
        yield House(here, create_app(Desk(here.practice, **given)), ids, codes)
