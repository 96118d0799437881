"""Who sees what of whom: every route, with every role, against every other's objects. What is another's is as if it were not there.

Each refusal is compared with the answer for an id that nobody has: were they to differ, ids could be guessed. A route that this file does not know how
to call fails it, until somebody has thought about whose it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.routing import APIRoute, iter_route_contexts

from drafting.pipeline import Engines
from drafting.record import notes, people, vault
from drafting.record.notes import Circumstances
from drafting.record.store import reading
from drafting.record.store.tables.record import CLIENTS, ENCOUNTERS, MEDIA, NOTES, PLANS, SIGNATURES, WORK
from tests import webbing
from tests.dictated import TEXT, cleared, stand
from tests.stores import made
from tests.webbing import PASSPHRASE, Browser, House

HOW = Circumstances("password", "UTC")
ROLES = ("bo", "ada", "cy", "di", "rae")
PRIVATE = ("heliotrope", "marigold", "clock-watching", "window-gazing")
"""Of those below: what was kept private, or is held."""
CANARIES = {
    "bo": ("Wren", "Alder", "waking at three", "heliotrope", "clock-watching"),
    "cy": ("Tove", "Ashgrove", "waking at four", "marigold", "window-gazing"),
}
CYS_TEXT = TEXT.replace("waking at three", "waking at four").replace("heliotrope", "marigold").replace("clock-watching", "window-gazing")
ACT = {"verb": "edit", "sentence": "n1", "text": "Client slept."}
PLAN: dict[str, Any] = {"goals": [{"id": "G1", "text": "Sleep"}]}

# How each route of the API is called that is about one object, so that its owner would be heard.
CALLS: dict[str, dict[str, Any]] = {
    "GET /api/v1/encounters/{encounter}": {},
    "GET /api/v1/encounters/{encounter}/review": {},
    "GET /api/v1/encounters/{encounter}/source": {},
    "GET /api/v1/encounters/{encounter}/progress": {},
    "GET /api/v1/encounters/{encounter}/events": {},
    "GET /api/v1/encounters/{encounter}/recording": {},
    "GET /api/v1/encounters/{encounter}/recording/stored": {},
    "PUT /api/v1/encounters/{encounter}/recording": {"params": {"start": 0, "last": True}, "content": b"x"},
    "POST /api/v1/encounters/{encounter}/cancel": {},
    "POST /api/v1/encounters/{encounter}/retry": {},
    "POST /api/v1/encounters/{encounter}/review/acts": {"json": ACT, "headers": {"If-Match": '"1"'}},
    "POST /api/v1/encounters/{encounter}/sign": {"json": {"urgent": True}, "headers": {"If-Match": '"1"'}},
    "POST /api/v1/encounters/{encounter}/return": {"json": {"reason": "So."}, "headers": {"If-Match": '"1"'}},
    "POST /api/v1/encounters/{encounter}/cosign": {"json": {}, "headers": {"If-Match": '"1"'}},
    "POST /api/v1/encounters/{encounter}/reopen": {},
    "POST /api/v1/encounters/{encounter}/addenda": {"json": {"text": "More.", "reason": "So."}},
    "POST /api/v1/encounters/{encounter}/withdraw": {"json": {"reason": "So."}},
    "GET /api/v1/notes/{encounter}": {},
    "GET /api/v1/notes/{encounter}/export": {},
    "GET /api/v1/notes/{encounter}/preview": {"params": {"profile": "chart"}},
    "POST /api/v1/notes/{encounter}/hand-over": {},
    "GET /api/v1/clients/{client}": {},
    "PATCH /api/v1/clients/{client}": {"json": {"name": "Somebody Else", "self_pay": True}},
    "GET /api/v1/clients/{client}/plan": {},
    "PUT /api/v1/clients/{client}/plan": {"json": PLAN, "headers": {"If-Match": '"0"'}},
    "GET /api/v1/clients/{client}/notes": {},
    "POST /api/v1/clients/{client}/notes/search": {"json": {"words": "grounding"}},
    "GET /api/v1/private/{note}": {},
    "POST /api/v1/private/{note}/shares": {"json": {"reader": "READER"}},
    "DELETE /api/v1/private/{note}/shares/{reader}": {},
}
OWN = {"DELETE /api/v1/account/passkeys/{passkey}", "POST /account/passkeys/{passkey}/remove"}
"""Routes about one's own account, which `test_web_core` and `test_accounts` see to."""

# What of another's somebody may, beside the supervisor of a note that waits, and records staff of what is signed.
SUPERVISES = {
    "GET /api/v1/encounters/{encounter}",
    "GET /api/v1/encounters/{encounter}/review",
    "GET /api/v1/encounters/{encounter}/source",
    "POST /api/v1/encounters/{encounter}/cosign",
    "POST /api/v1/encounters/{encounter}/return",
    "POST /api/v1/encounters/{encounter}/addenda",
    "POST /api/v1/encounters/{encounter}/withdraw",
    "POST /api/v1/notes/{encounter}/hand-over",
    "GET /api/v1/clients/{client}",
    "GET /api/v1/clients/{client}/plan",
    "GET /clients/{client}",
    "GET /review/{encounter}",
    "GET /cosign/{encounter}",
    "POST /cosign/{encounter}",
    "POST /cosign/{encounter}/return",
    "POST /notes/{encounter}/addenda",
    "POST /notes/{encounter}/withdraw",
    "POST /notes/{encounter}/hand-over",
    "POST /notes/{encounter}/reopen",  # which the API refuses them; the page says first that the note is not as it was seen
}
READS_SIGNED = {
    "GET /api/v1/notes/{encounter}",
    "GET /api/v1/notes/{encounter}/export",
    "GET /api/v1/notes/{encounter}/preview",
    "GET /notes/{encounter}",
    "GET /notes/{encounter}/export",
}
READS_CLIENTS = {
    "GET /api/v1/clients/{client}",
    "GET /api/v1/clients/{client}/plan",
    "GET /api/v1/clients/{client}/notes",
    "POST /api/v1/clients/{client}/notes/search",
    "GET /clients/{client}",
    "POST /clients/{client}/search",
}
SEES_CLIENTS = {"GET /api/v1/clients/{client}", "GET /clients/{client}"}
SEARCHES = {"POST /clients/{client}/search"}
"""Where whoever sees a client, and asks for no word, is led to the client's page."""


@dataclass(frozen=True)
class Thing:
    """Something that is somebody's. `signed`: a note is signed; `waits`: for Ada's cosignature."""

    kind: str
    id: str
    owner: str
    signed: bool = False
    waits: bool = False


@dataclass
class World:
    house: House
    things: list[Thing]
    browsers: dict[str, Browser]

    def rows(self) -> list[object]:
        """All that a refused request must leave as it was."""
        with reading(self.house.practice.stores.record) as connection:
            tables = (ENCOUNTERS, CLIENTS, PLANS, WORK, MEDIA, NOTES, SIGNATURES)
            return [tuple(row) for table in tables for row in connection.execute(sa.select(table).order_by(*table.primary_key))]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, engines: Engines) -> Iterator[World]:
    """Bo, supervised by Ada, and Cy: each with a client, a draft, a signed note and private notes."""
    stores = made("sqlite", tmp_path_factory.mktemp("tenants"), None)
    with webbing.opened(stores, engines) as house:
        house.practice.settle("setup", payer="self_pay")
        tove = people.add_client(house.practice, "Tove Ashgrove", house.ids["cy"], by="setup").id
        things = []
        for who, text, here in (("bo", TEXT, house.here), ("cy", CYS_TEXT, replace(house.here, author=house.here.colleague, client=tove))):
            draft, other = stand(here, engines, text), cleared(here, stand(here, engines, text))
            notes.sign(here.practice, here.author, other.encounter, other.version, HOW)
            private = vault.listed(here.practice, here.author.person)[0].id
            things += [Thing("client", here.client, who, True, who == "bo"), Thing("encounter", draft.encounter, who)]
            things += [Thing("encounter", other.encounter, who, True, who == "bo"), Thing("note", private, who)]
        browsers = {who: house.browser(who) for who in ROLES}
        for who in ("bo", "ada", "cy"):
            assert browsers[who].post("/api/v1/private/open", json={"passphrase": PASSPHRASE}).status_code == 200
        yield World(house, things, browsers)
    stores.close()


def may(who: str, route: str, thing: Thing) -> bool:
    """Whether somebody may do that with a thing of another's."""
    if who == "ada" and thing.waits:
        return route in SUPERVISES | READS_SIGNED | SEARCHES
    if who == "rae":
        return route in READS_CLIENTS or (thing.signed and route in READS_SIGNED)
    return who == "di" and route in SEES_CLIENTS | SEARCHES


def routes(world: World) -> list[tuple[str, tuple[str, ...]]]:
    """Every route about one object: its method and path, and the names of what stands in the path."""
    found = []
    for route in iter_route_contexts(world.house.app.routes):
        if isinstance(route.original_route, APIRoute) and "{" in route.path:
            names = tuple(part[1:-1].split(":")[0] for part in route.path.split("/") if part.startswith("{"))
            found += [(f"{method} {route.path}", names) for method in sorted(route.methods)]
    return found


def kind_of(names: tuple[str, ...]) -> str:
    """What a path is about: pages may call an encounter by other names."""
    return names[0] if names[0] in ("client", "note") else "encounter"


def nobody(thing: Thing) -> str:
    """An id of the same shape that nobody has."""
    return {"client": "C-00000000", "encounter": "E000000000000", "note": "E000000000000-s4"}[thing.kind]


def asked(world: World, who: str, route: str, id: str) -> tuple[int, str, str]:
    """What somebody is answered, with the id taken out."""
    method, path = route.split(" ")
    call = json.loads(json.dumps({k: v for k, v in CALLS.get(route, {}).items() if k != "content"}).replace("READER", world.house.ids["ada"]))
    content = {"content": CALLS[route]["content"]} if "content" in CALLS.get(route, {}) else {}
    parts = [(id if n == 0 else world.house.ids["ada"]) for n in range(path.count("{"))]
    for part in parts:
        path = path[: path.index("{")] + part + path[path.index("}") + 1 :]
    response = world.browsers[who].request(method, path, **call, **content)
    return response.status_code, response.headers.get("location", "").replace(id, "ID"), response.text.replace(id, "ID")


def test_every_route_is_known_here(world: World) -> None:
    """A route of the API about one object is on the list above, and nothing on it is gone."""
    there = {route for route, _ in routes(world) if route.split(" ")[1].startswith("/api/")}
    assert there - OWN == set(CALLS)


@pytest.mark.parametrize("who", ROLES)
def test_what_is_anothers_is_as_if_it_were_not_there(world: World, who: str) -> None:
    """Whoever asks, and however: another's object and one that nobody has are answered alike, no word of it is told, and nothing has changed."""
    before, tried, blank = world.rows(), 0, dict[tuple[str, str], tuple[int, str, str]]()
    for route, names in routes(world):
        if route in OWN:
            continue
        for thing in world.things:
            if thing.owner == who or thing.kind != kind_of(names) or may(who, route, thing):
                continue
            status, location, body = told = asked(world, who, route, thing.id)
            if (route, thing.kind) not in blank:
                blank[route, thing.kind] = asked(world, who, route, nobody(thing))
            assert told == blank[route, thing.kind], (who, route, thing)
            assert status in (403, 404, 423) or (not route.split(" ")[1].startswith("/api/") and status >= 300), (who, route, thing, status)
            assert not [word for word in CANARIES[thing.owner] if word in body + location], (who, route, thing)
            tried += 1
    assert tried >= len(CALLS) and world.rows() == before


@pytest.mark.parametrize("who", ["ada", "rae", "di"])
def test_what_one_may_read_of_anothers_is_read(world: World, who: str) -> None:
    """The supervisor reads what waits for them, records staff what is signed, an administrator who is whose client: the refusals above are no
    accident. No private or held word is in any of it."""
    read = 0
    for route, names in routes(world):
        for thing in world.things:
            if route.startswith("GET /api/") and thing.owner != who and thing.kind == kind_of(names) and may(who, route, thing):
                status, _, body = asked(world, who, route, thing.id)
                assert status == 200 and not [word for word in PRIVATE if word in body], (who, route, thing)
                read += 1
    assert read >= 2


@pytest.mark.parametrize("who", ROLES)
def test_no_list_holds_anothers(world: World, who: str) -> None:
    """Queues, clients, searches and private notes hold one's own, and beside it what one may see; filters by another's id find nothing."""
    browser, mine = world.browsers[who], {t.id for t in world.things if t.owner == who}
    theirs = [t for t in world.things if t.owner != who]
    for address in ("queue", "queue?supervising=true&state=cosign_due&state=returned&state=draft&state=in_review&state=signed", "clients", "private"):
        body = browser.get(f"/api/v1/{address}").text
        for thing in theirs:
            listed = who in ("di", "rae") and address == "clients" and thing.kind == "client"
            waits = who == "ada" and thing.waits and address.startswith("queue?") and thing.kind in ("encounter", "client")
            assert thing.id not in body or listed or waits, (who, address, thing)
    for thing in theirs:
        if thing.kind != "note" and who in ("bo", "ada", "cy"):
            assert browser.get(f"/api/v1/private?{thing.kind}={thing.id}").json() == {"own": [], "shared": []}
    for name in ("Wren", "Tove"):
        found = {c["id"] for c in browser.post("/api/v1/clients/search", json={"words": name}).json()["items"]}
        assert found <= mine or who in ("di", "rae")


def test_another_is_not_reached_through_what_is_ones_own(world: World) -> None:
    """Another's id in the body of a request about one's own is as one that nobody has: a client to write of, a private note to admit."""
    bo = world.browsers["bo"]
    wren, tove = (next(t.id for t in world.things if t.kind == "client" and t.owner == who) for who in ("bo", "cy"))
    draft = next(t.id for t in world.things if t.kind == "encounter" and t.owner == "bo" and not t.signed)
    private = next(t for t in world.things if t.kind == "note" and t.owner == "cy")
    told = [bo.problem("POST", "/api/v1/encounters", 404, json={"client": c, "text": "x"})["detail"].replace(c, "ID") for c in (tove, "C-00000000")]
    assert told[0] == told[1]
    given = {"headers": {"If-Match": '"1"'}}
    told = []
    for id in (private.id, nobody(private)):
        act = {"verb": "admit_private", "note": id}
        told.append(bo.problem("POST", f"/api/v1/encounters/{draft}/review/acts", 404, json=act, **given)["detail"].replace(id, "ID"))
    assert told[0] == told[1] and world.browsers["cy"].get(f"/api/v1/private/{private.id}").status_code == 200
    assert bo.get(f"/api/v1/clients/{wren}").status_code == 200


def test_the_same_key_of_two_people_is_two_encounters(world: World) -> None:
    """A key for an upload is its person's: nobody comes upon another's encounter by guessing it."""
    ids = set()
    for who in ("bo", "cy"):
        client = next(t.id for t in world.things if t.kind == "client" and t.owner == who)
        given = {"json": {"client": client, "suffix": ".wav"}, "headers": {"Idempotency-Key": "1"}}
        ids.add(world.browsers[who].post("/api/v1/encounters", **given).json()["id"])
    assert len(ids) == 2


def test_a_stranger_is_told_nothing(world: World) -> None:
    """Without a session every route about an object is closed, whether there is such a one or not."""
    stranger = world.house.stranger()
    for route, names in routes(world):
        if route in OWN:
            continue
        for thing in (t for t in world.things if t.kind == kind_of(names)):
            method, path = route.split(" ")
            path = path.replace("{reader}", world.house.ids["ada"])
            while "{" in path:
                path = path[: path.index("{")] + thing.id + path[path.index("}") + 1 :]
            response = stranger.request(method, path)
            assert response.status_code in ((401,) if path.startswith("/api/") else (303, 401)), (route, response.status_code)
            assert not [word for word in CANARIES[thing.owner] if word in response.text]
