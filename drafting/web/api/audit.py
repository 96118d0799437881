"""The audit trail over the wire, for an administrator: what happened, in codes and ids.

In: a number to go on from, an actor or a client. Out: events, the trail's signed end, and whether all of it fits. Knows no words: none are there.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from drafting.record import audit
from drafting.types.record import Standing
from drafting.web.access import Asked, stands_as, told
from drafting.web.acts import Id
from drafting.web.schemas import Out

router = APIRouter(prefix="/api/v1/audit", tags=["audit"], dependencies=[Depends(stands_as(Standing.ADMINISTRATOR))])


class EventOut(Out):
    """Something that happened: codes and ids, no words."""

    seq: int = Field(description="Its number in the trail.")
    at: datetime = Field(description="When.")
    actor: str = Field(description="Who did it.")
    action: str = Field(description="What was done, a code.")
    outcome: str = Field(description="How it went: ok, or denied.")
    subject: str | None = Field(default=None, description="What it was done to, an id.")
    client: str | None = Field(default=None, description="Whose record it concerns.")
    rule: str | None = Field(default=None, description="By which rule.")
    reason: str | None = Field(default=None, description="Why, a code.")
    facts: Mapping[str, Any] = Field(description="Further codes, counts and digests.")


class EventsOut(Out):
    """A page of the audit trail."""

    items: tuple[EventOut, ...] = Field(description="Events in order.")
    next: int | None = Field(description="The number after which the next page begins; none on the last.")


class HeadOut(Out):
    """The trail's end, signed by the practice, to be kept elsewhere."""

    head: str = Field(description="How many events, the last one's hash, and the signature, as one line.")


class VerdictOut(Out):
    """That the whole trail was walked and fits."""

    events: int = Field(description="How many events it has.")


@router.get("")
@told("audit:read")
def read_events(
    asked: Asked,
    after: Annotated[int, Query(ge=0, le=2**53, description="Events after this number.")] = 0,
    limit: Annotated[int, Query(ge=1, le=500, description="So many at most.")] = 100,
    actor: Annotated[Id | None, Query(description="Of one person alone.")] = None,
    client: Annotated[Id | None, Query(description="About one client alone.")] = None,
) -> EventsOut:
    """Events in order, a page at a time."""
    with asked.practice.look() as connection, closing(audit.events(connection, after=after)) as rows:
        wanted = (row for row in rows if actor in (None, row[1]["actor"]) and client in (None, row[1].get("client")))
        page = list(islice(wanted, limit + 1))
    items = [EventOut(seq=seq, **event) for seq, event in page[:limit]]
    return EventsOut(items=tuple(items), next=items[-1].seq if len(page) > limit else None)


@router.get("/head")
@told("audit:head_taken")
def read_head(asked: Asked) -> HeadOut:
    """The trail's end, signed by the practice: keep it elsewhere, and the trail can be checked against it."""
    return HeadOut(head=asked.practice.audit_head().text())


@router.get("/verdict")
@told("audit:verified")
def verify(asked: Asked) -> VerdictOut:
    """Walk the whole trail. A break is a problem that says where."""
    return VerdictOut(events=asked.practice.audit_verify())
