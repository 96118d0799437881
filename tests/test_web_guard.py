"""The guard: no route serves what is kept without the audit trail being told of it, and none can be added that does by oversight.

Whatever depends on `Asked` is told of by itself. So what is listed here is what does not, and what says of itself that it need not be: a new route of
either kind fails this file until somebody has thought about it and put it on the list.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import Mount, Route

from drafting.errors import StoreFailed
from drafting.record.practice import Practice
from drafting.record.store import Stores
from drafting.web import access
from drafting.web.access import Arriving, Asked, mine, told, untold
from drafting.web.app import create_app
from tests.stores import made
from tests.webbing import House, opened, uses

OPEN = {
    # up, ready, figures by route; the way in
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "GET /login",
    "POST /login",
    "POST /api/v1/sessions",
    # a session that may lack its second factor: itself, and one's own account
    "GET /second",
    "POST /second",
    "GET /step-up",
    "POST /step-up",
    "POST /switch",
    "POST /logout",
    "GET /account",
    "POST /account/totp",
    "POST /account/totp/confirm",
    "GET /api/v1/session",
    "DELETE /api/v1/session",
    "POST /api/v1/session/switch",
    "POST /api/v1/session/second",
    "POST /api/v1/session/step-up",
    "POST /api/v1/session/passkey",
    "POST /api/v1/session/passkey/options",
    "GET /api/v1/account",
    "POST /api/v1/account/totp",
    "POST /api/v1/account/totp/confirm",
    "POST /api/v1/account/passkeys",
    "POST /api/v1/account/passkeys/options",
}
"""Routes that ask for no full session. Nothing of a client is served by them."""

COUNTED = {"GET /api/v1/encounters/{encounter}/progress", "GET /api/v1/encounters/{encounter}/recording/stored"}
"""Routes about an encounter that serve ids and counts alone, and are asked again and again."""

UNTOLD = COUNTED | {
    # one's own keys, session and account; where something changes, the record tells of it
    "GET /unlock",
    "POST /unlock",
    "POST /lock",
    "POST /account/password",
    "POST /account/totp/drop",
    "POST /account/codes",
    "POST /account/passkeys/{passkey}/remove",
    "POST /account/end-all",
    "DELETE /api/v1/sessions",
    "POST /api/v1/session/unlock",
    "POST /api/v1/session/lock",
    "PUT /api/v1/account/password",
    "DELETE /api/v1/account/totp",
    "POST /api/v1/account/codes",
    "DELETE /api/v1/account/passkeys/{passkey}",
}
"""Routes that say of themselves that they need no event."""

KEPT = ("encounters", "notes", "clients", "private", "review", "queue", "work", "new", "audit")
"""First words of addresses, behind /api/v1 or not, where what is kept is served."""

NAME = "Heliotrope"


def unguarded(app: FastAPI) -> list[str]:
    """Each route of `app` that could serve what is kept with nobody told, and is on no list."""
    found = []
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute):
            for method in sorted(route.methods):
                name = f"{method} {route.path}"
                asks, action = uses(route.dependant, access.asking), access.telling_of(route.endpoint).action
                if not ((action or name in UNTOLD) if asks else name in OPEN):
                    found.append(name)
        elif not (isinstance(route.original_route, Mount) and route.path == "/static") and route.path != app.openapi_url:
            found.append(f"{type(route.original_route).__name__} {route.path}")
    return found


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    stores = made("sqlite", tmp_path_factory.mktemp("guard"), None)
    with opened(stores) as house:
        yield house
    stores.close()


@pytest.fixture
def house(kept: House) -> House:
    """The house with a fresh application over the same practice, to which a test may add rooms."""
    return House(kept.here, create_app(kept.desk), kept.ids, kept.codes)


def add(house: House, router: APIRouter) -> None:
    house.app.include_router(router)
    house.app.router.routes.insert(0, house.app.router.routes.pop())


# ── what there is ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_route_serves_what_is_kept_untold(house: House) -> None:
    """Every route of the desk is told of, or is on a list above; and nothing on a list is gone."""
    assert unguarded(house.app) == []
    there = {f"{method} {route.path}" for route in iter_route_contexts(house.app.routes) for method in route.methods or ()}
    assert there >= OPEN | UNTOLD


def test_nothing_listed_is_where_what_is_kept_is_served() -> None:
    """No address of an encounter, a note, a client, a private note or a review is on a list, but for those that count."""
    for name in (OPEN | UNTOLD) - COUNTED:
        first = name.split(" ")[1].removeprefix("/api/v1").split("/")[1]
        assert first not in KEPT and name != "GET /"


# ── what somebody might add ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_guard_sees_a_route_that_nobody_thought_of(house: House) -> None:
    """One that asks nobody who they are, one that is content with half a session, one that says it need not be told, one that is no room of ours, and
    one that hides in a router within a router."""
    outer, inner = APIRouter(prefix="/api/v1"), APIRouter()

    @outer.get("/encounters/{encounter}/anybody")
    def anybody(encounter: str) -> str:
        return encounter

    @outer.get("/encounters/{encounter}/half")
    def half(asked: Arriving, encounter: str) -> str:
        return encounter

    @outer.get("/encounters/{encounter}/quiet")
    @untold("it seemed harmless")
    def quiet(asked: Asked, encounter: str) -> str:
        return encounter

    @inner.post("/notes/{encounter}/deep")
    @untold("nobody looks here")
    def deep(asked: Asked, encounter: str) -> str:
        return encounter

    @outer.get("/encounters/{encounter}/good")
    def good(asked: Asked, encounter: str) -> str:
        return encounter

    outer.include_router(inner)
    add(house, outer)
    house.app.router.routes.append(Route("/api/v1/notes/raw", lambda request: None))
    house.app.mount("/other", FastAPI())
    assert sorted(unguarded(house.app)) == [
        "GET /api/v1/encounters/{encounter}/anybody",
        "GET /api/v1/encounters/{encounter}/half",
        "GET /api/v1/encounters/{encounter}/quiet",
        "Mount /other",
        "POST /api/v1/notes/{encounter}/deep",
        "Route /api/v1/notes/raw",
    ]


# ── what is told ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def room(house: House) -> House:
    """The house with routes of every kind that a careless author might write."""
    router = APIRouter(prefix="/api/v1/encounters/{encounter}")

    @router.get("/plain")
    def plain(asked: Asked, encounter: str) -> str:
        return mine(asked, encounter).id

    @router.get("/named")
    @told("review:read")
    def named(asked: Asked, encounter: str) -> str:
        return mine(asked, encounter).id

    @router.get("/itself")
    def itself(asked: Asked, encounter: str) -> str:
        with asked.desk.practice.change() as change:
            change.tell(asked.person.id, "note:exported", subject=encounter)
        return encounter

    @router.get("/stream", response_class=StreamingResponse)
    def stream(asked: Asked, encounter: str) -> StreamingResponse:
        return StreamingResponse(counted(house))

    @router.get("/broken")
    def broken(asked: Asked, encounter: str) -> str:
        raise StoreFailed(reason="a disk")

    add(house, router)
    return house


def counted(house: House) -> Iterator[str]:
    """How many times the stream had been told of, when its first word was sent."""
    yield str(len(house.told("desk:stream")))


def test_a_route_that_tells_nothing_is_told_of(room: House) -> None:
    """The event has the function's name, who asked, what for, and whose record that is."""
    encounter = room.here.encounter()
    browser, before = room.browser(), room.seq()
    assert browser.get(f"/api/v1/encounters/{encounter}/plain").json() == encounter
    (event,) = room.events(before)
    assert (event["action"], event["actor"], event["subject"], event["client"]) == ("desk:plain", room.ids["bo"], encounter, room.client)


def test_a_route_may_name_its_event(room: House) -> None:
    """As the record names such things elsewhere."""
    encounter = room.here.encounter()
    browser, before = room.browser(), room.seq()
    browser.get(f"/api/v1/encounters/{encounter}/named")
    assert [event["action"] for event in room.events(before)] == ["review:read"]


def test_what_told_of_itself_is_not_told_of_again(room: House) -> None:
    """One act, one event."""
    encounter = room.here.encounter()
    browser, before = room.browser(), room.seq()
    browser.get(f"/api/v1/encounters/{encounter}/itself")
    assert [event["action"] for event in room.events(before)] == ["note:exported"]


def test_a_stream_is_told_of_before_its_first_word(room: House) -> None:
    """Whoever breaks off has been told of all the same."""
    assert room.browser().get(f"/api/v1/encounters/{room.here.encounter()}/stream").text == "1"


def test_nothing_is_served_that_cannot_be_told(room: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the audit trail takes nothing, neither does whoever asks get anything."""
    encounter = room.here.encounter()
    browser = room.browser()

    @contextmanager
    def full(practice: Practice) -> Iterator[None]:
        raise StoreFailed(reason="the disk is full")
        yield

    monkeypatch.setattr(Practice, "change", full)
    told = browser.problem("GET", f"/api/v1/encounters/{encounter}/plain", 503)
    assert encounter not in str(told)


def test_a_refusal_is_told_too(room: House) -> None:
    """Somebody else's encounter: denied, with its id, and whose record it is."""
    encounter = room.here.encounter()
    browser, before = room.browser("cy"), room.seq()
    assert browser.problem("GET", f"/api/v1/encounters/{encounter}/plain", 404)["code"] == "not_known"
    (event,) = room.events(before)
    assert (event["outcome"], event["reason"], event["actor"], event["subject"]) == ("denied", "not_known", room.ids["cy"], encounter)


def test_what_somebody_typed_as_an_address_is_on_no_trail(room: House) -> None:
    """A name in place of an id is not written down, whether as a word or in the form of an id."""
    browser, before = room.browser(), room.seq()
    for typed in (NAME, f"C-{NAME}", f"{NAME}-s1", f"{NAME} Umbrella", "\0", "%"):
        browser.problem("GET", f"/api/v1/encounters/{quote(typed)}/plain", 404)
    events = room.events(before)
    assert len(events) == 6 and NAME not in str(events) and not any("subject" in event for event in events)


def test_a_fault_of_ours_is_no_refusal(room: House) -> None:
    """Where nothing was served and nobody was refused, the trail stays as it was."""
    browser, before = room.browser(), room.seq()
    browser.problem("GET", f"/api/v1/encounters/{room.here.encounter()}/broken", 503)
    assert [event["action"] for event in room.events(before)] == ["encounter:received"]


def test_browsers_of_the_tests_see_an_answer_that_nobody_was_told_of(room: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test that sits in such a browser is a guard too."""
    encounter = room.here.encounter()
    browser = room.browser()
    monkeypatch.setattr(access, "_tell", lambda *args: None)
    with pytest.raises(AssertionError, match="told nobody"):
        browser.get(f"/api/v1/encounters/{encounter}/plain")


def test_it_is_told_on_either_database(stores: Stores) -> None:
    """Reading an encounter is one event, on SQLite and on PostgreSQL."""
    with opened(stores) as house:
        encounter = house.here.encounter()
        browser, before = house.browser(), house.seq()
        assert browser.get(f"/api/v1/encounters/{encounter}").status_code == 200
        assert len(house.events(before)) == 1
