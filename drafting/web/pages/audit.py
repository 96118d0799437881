"""The audit trail, as a page for an administrator: who did what, the newest first; whether all of it fits.

In: a number to go back from, a person or a client. Out: the page. Knows no words: none are there. What happened is said in words of ours, ids stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import select

from drafting.record import audit, people
from drafting.record.store import at
from drafting.record.store.tables.record import AUDIT_HEAD
from drafting.types.record import Standing
from drafting.web import pages, words
from drafting.web.access import Asked, Asking, stands_as, told
from drafting.web.api import audit as api
from drafting.web.forms import said

router = APIRouter(include_in_schema=False, dependencies=[Depends(stands_as(Standing.ADMINISTRATOR))])

Code = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9-]{0,64}$")]
SHOWN, STRIDE, STRIDES = 60, 1_000, 20
"""Events of a page; so many are looked through at once, and so often, before the page ends though fewer were found."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, in words."""

    seq: int
    when: str
    who: str = field(repr=False)
    what: str
    subject: str
    client: str
    denied: bool
    more: str


@router.get("/audit")
@told("audit:read")
def show_audit(
    request: Request,
    asked: Asked,
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    actor: Code = None,
    client: Code = None,
) -> Response:
    """Events, the newest first."""
    return _page(request, asked, before, actor or None, client or None)


@router.post("/audit")
@told("audit:verified")
def verify(request: Request, asked: Asked) -> Response:
    """Walk the whole trail."""
    head, count = api.read_head(asked).head, api.verify(asked).events
    return _page(request, asked, None, None, None, head=head, count=count)


def _page(request: Request, asked: Asking, before: int | None, actor: str | None, client: str | None, **more: object) -> Response:
    staff = {p.id: p.name for p in people.all_people(asked.practice)}
    found, at_ = _events(asked, before, actor, client)
    address = "".join(f"&{name}={value}" for name, value in (("actor", actor), ("client", client)) if value)
    given = {"head": None, "count": None} | more
    return pages.render(
        request,
        "audit.html",
        events=tuple(_event(seq, event, staff) for seq, event in found),
        staff=tuple(sorted(staff.items(), key=lambda one: one[1].casefold())),
        actor=actor or "",
        client=client or "",
        more=f"/audit?before={at_}{address}" if at_ else None,
        **given,
    )


def _events(asked: Asking, before: int | None, actor: str | None, client: str | None) -> tuple[list[tuple[int, Mapping[str, Any]]], int | None]:
    """A page of events that are wanted, the newest first, and the number before which the next begins; None where there is none."""
    with asked.practice.look() as connection:
        end = connection.scalar(select(AUDIT_HEAD.c.seq)) + 1 if before is None else before
        found: list[tuple[int, Mapping[str, Any]]] = []
        for _ in range(STRIDES):
            start = max(0, end - 1 - STRIDE)
            with closing(audit.events(connection, after=start)) as rows:
                some = [(seq, event) for seq, event in islice(rows, end - 1 - start) if _wanted(event, actor, client)]
            found += reversed(some)
            end = start + 1
            if len(found) > SHOWN or not start:
                break
    if len(found) > SHOWN:
        return found[:SHOWN], found[SHOWN - 1][0]
    return found, end if end > 1 else None


def _wanted(event: Mapping[str, Any], actor: str | None, client: str | None) -> bool:
    return actor in (None, event["actor"]) and client in (None, event.get("client"))


def _event(seq: int, event: Mapping[str, Any], staff: Mapping[str, str]) -> Event:
    action = event["action"]
    what = said("actions", action) or _plain(action)
    facts = [_plain(str(event[name])) for name in ("reason", "rule") if event.get(name)]
    return Event(
        seq=seq,
        when=words.moment(at(event["at"]), UTC),
        who=staff.get(event["actor"], _plain(event["actor"])),
        what=what,
        subject=event.get("subject") or "",
        client=event.get("client") or "",
        denied=event["outcome"] != "ok",
        more=", ".join(facts),
    )


def _plain(code: str) -> str:
    """A code as one would read it out."""
    return code.replace(":", ": ").replace("_", " ")
