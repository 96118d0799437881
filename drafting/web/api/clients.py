"""Clients over the wire: one's own listed and found by name, taken in, changed; their treatment plans, and their charts.

In: ids; names and words to search for in the body of a request, never in its address. Out: clients, plans, signed documents. Knows no unsigned note.
Whoever treats a client sees them; records staff see every client and what is signed; an administrator sees who is whose client, and no note.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import ConfigDict, Field, StringConstraints
from sqlalchemy import func, select

from drafting.errors import NotKnown, Shredded
from drafting.record import notes, people
from drafting.record.store.tables.record import CLIENTS, ENCOUNTERS
from drafting.types.record import Client, NoteState, Standing
from drafting.web.access import Asked, Asking, stands_as, told
from drafting.web.acts import Code, Day, Id, Line
from drafting.web.api.queue import WRITES
from drafting.web.reviews import Stale
from drafting.web.schemas import ClientId, DocumentOut, IfMatch, In, Name, Out, Reason, tag_of, version_of

router = APIRouter(prefix="/api/v1/clients", tags=["clients"])

READS_NOTES = (*WRITES, Standing.RECORDS)


class ClientIn(In):
    """A client to be taken in, under a pseudonym."""

    name: Name = Field(repr=False, description="The client's name.")
    jurisdiction: Code = Field(default="us-federal", description="Whose law binds the record.")
    part2: bool = Field(default=False, description="Whether 42 CFR Part 2 binds it.")
    majority: Day | None = Field(default=None, description="For a minor, the day on which they come of age.")


class ClientChange(In):
    """What of a client is changed; what is not given stays."""

    name: Name | None = Field(default=None, repr=False, description="Another name.")
    self_pay: bool | None = Field(default=None, description="Whether the client pays and asks that their health plan be told nothing.")


class ClientOut(Out):
    """A client."""

    id: str = Field(description="The client's pseudonym.")
    name: str = Field(repr=False, description="The client's name.")
    clinician: str = Field(description="Who treats them.")
    jurisdiction: str = Field(description="Whose law binds the record.")
    part2: bool = Field(description="Whether 42 CFR Part 2 binds it.")
    self_pay: bool = Field(description="Whether their health plan is told nothing.")


class ClientsOut(Out):
    """Clients found, or a page of one's own."""

    items: tuple[ClientOut, ...] = Field(description="The clients.")
    next: str | None = Field(description="The cursor of the next page; none on the last.")


class Diagnosis(In):
    """A diagnosis of the treatment plan."""

    code: Code = Field(description="Its ICD-10-CM code.")
    text: Line = Field(default="", repr=False, description="In words.")


class Objective(In):
    """A step towards a goal."""

    id: Code = Field(description="Its id.")
    text: Reason = Field(repr=False, description="What shall be reached, and how it is seen.")


class Goal(In):
    """A goal of the treatment plan."""

    id: Code = Field(description="Its id, which sentences of notes link to.")
    text: Reason = Field(repr=False, description="What shall be reached.")
    objectives: tuple[Objective, ...] = Field(default=(), max_length=50, description="Steps towards it.")


class PlanIn(In):
    """A treatment plan."""

    diagnoses: tuple[Diagnosis, ...] = Field(default=(), max_length=20, description="Diagnoses.")
    goals: tuple[Goal, ...] = Field(default=(), max_length=50, description="Goals.")
    modality: Line | None = Field(default=None, description="The modality of treatment.")
    frequency: Line | None = Field(default=None, description="How often client and clinician meet.")


class PlanOut(PlanIn):
    """A treatment plan, as it stands."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: int = Field(description="Which version this is: the entity tag; 0 where there is none yet.")


class ChartOut(Out):
    """What is signed of a client, by date of service."""

    items: tuple[DocumentOut, ...] = Field(description="Signed documents; of a search, those whose text has every word.")


class SearchIn(In):
    """Words to be found."""

    words: Annotated[str, StringConstraints(max_length=200)] = Field(repr=False, description="Whole words, in any order.")


@router.get("")
@told("client:listed")
def list_clients(
    asked: Asked,
    after: Annotated[Id | None, Query(description="The cursor: where the page before ended.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="So many at most.")] = 50,
) -> ClientsOut:
    """One's own clients; for records staff and administrators, all."""
    query = select(CLIENTS.c.id).order_by(CLIENTS.c.id).limit(limit + 1)
    query = query if (own := _own(asked)) is None else query.where(CLIENTS.c.clinician == own)
    with asked.practice.look() as connection:
        ids = list(connection.scalars(query if after is None else query.where(CLIENTS.c.id > after)))
    with asked.practice.keyring.remembering():
        found = [client for name in ids[:limit] if (client := _there(asked, name)) is not None]
    return ClientsOut(items=tuple(map(ClientOut.model_validate, found)), next=ids[limit - 1] if len(ids) > limit else None)


@router.post("/search")
@told("client:searched")
def search_clients(asked: Asked, given: SearchIn) -> ClientsOut:
    """Clients whose names have every one of the words: one's own; for records staff and administrators, all."""
    found = people.search_clients(asked.practice, given.words, _own(asked))
    return ClientsOut(items=tuple(map(ClientOut.model_validate, found)), next=None)


@router.post("", status_code=201, dependencies=[Depends(stands_as(*WRITES))])
def add_client(asked: Asked, given: ClientIn) -> ClientOut:
    """Take a client in, as one's own."""
    more = {"jurisdiction": given.jurisdiction, "part2": given.part2, "majority": given.majority}
    return ClientOut.model_validate(people.add_client(asked.practice, given.name, asked.person.id, by=asked.person.id, **more))


@router.get("/{client}")
@told("client:read")
def read_client(asked: Asked, client: ClientId) -> ClientOut:
    """A client."""
    return ClientOut.model_validate(_seen(asked, client))


@router.patch("/{client}")
def change_client(asked: Asked, client: ClientId, given: ClientChange) -> ClientOut:
    """Another name, or another answer to whether the health plan is told."""
    treated(asked, client)
    if given.name is not None:
        people.rename_client(asked.practice, client, given.name, by=asked.person.id)
    if given.self_pay is not None:
        people.restrict(asked.practice, client, self_pay=given.self_pay, by=asked.person.id)
    return ClientOut.model_validate(treated(asked, client))


@router.get("/{client}/plan", dependencies=[Depends(stands_as(*READS_NOTES))])
@told("plan:read")
def read_plan(asked: Asked, client: ClientId, response: Response) -> PlanOut:
    """The treatment plan as it stands; an empty one of version 0 where there is none."""
    _seen(asked, client)
    return _plan(asked, client, response)


@router.put("/{client}/plan")
def write_plan(asked: Asked, client: ClientId, if_match: IfMatch, given: PlanIn, response: Response) -> PlanOut:
    """A new version of the treatment plan; earlier ones stay."""
    treated(asked, client)
    present = (people.plan(asked.practice, client) or {"version": 0})["version"]
    if present != version_of(if_match):
        raise Stale(present=present)
    people.write_plan(asked.practice, client, given.model_dump(mode="json"), by=asked.person.id)
    return _plan(asked, client, response)


@router.get("/{client}/notes", dependencies=[Depends(stands_as(*READS_NOTES))])
@told("chart:read")
def read_chart(asked: Asked, client: ClientId) -> ChartOut:
    """All that is signed of a client, by date of service."""
    return _chart(asked, client, "")


@router.post("/{client}/notes/search", dependencies=[Depends(stands_as(*READS_NOTES))])
@told("chart:searched")
def search_chart(asked: Asked, client: ClientId, given: SearchIn) -> ChartOut:
    """Of what is signed of a client, that whose text has every one of the words."""
    return _chart(asked, client, given.words)


# ── who may ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def treated(asking: Asking, client: str) -> Client:
    """A client of one's own. Raises NotKnown, for another's as for one that is not there."""
    found = _there(asking, client)
    if found is None or found.clinician != asking.person.id or asking.person.standing not in WRITES:
        raise NotKnown(what="client", id=client)
    return found


def _seen(asking: Asking, client: str) -> Client:
    """A client whom this person may see: their own, one whose note waits for their cosignature, or any for records staff and administrators."""
    found = _there(asking, client)
    if found is None or not (_own(asking) is None or found.clinician == asking.person.id or _waits(asking, client)):
        raise NotKnown(what="client", id=client)
    return found


def _own(asking: Asking) -> str | None:
    """Whose clients this person sees: None for all."""
    return asking.person.id if asking.person.standing in WRITES else None


def _waits(asking: Asking, client: str) -> bool:
    """Whether a note of the client's waits for this person's cosignature."""
    mine = (ENCOUNTERS.c.client == client) & (ENCOUNTERS.c.supervisor == asking.person.id)
    with asking.practice.look() as connection:
        return bool(connection.scalar(select(func.count()).select_from(ENCOUNTERS).where(mine, ENCOUNTERS.c.state == NoteState.COSIGN_DUE)))


def _there(asking: Asking, client: str) -> Client | None:
    """A client whose record was not destroyed."""
    try:
        return people.find_client(asking.practice, client)
    except (NotKnown, Shredded):
        return None


# ── what is shown ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _chart(asking: Asking, client: str, words: str) -> ChartOut:
    """What of a chart this person may read: all of their own client's, and for records staff; otherwise nothing, as if there were no such client."""
    if asking.person.standing is not Standing.RECORDS:
        treated(asking, client)
    else:
        _seen(asking, client)
    with asking.practice.keyring.remembering():
        found = notes.chart(asking.practice, client, words)
    return ChartOut(items=tuple(map(DocumentOut.of, found)))


def _plan(asking: Asking, client: str, response: Response) -> PlanOut:
    plan = people.plan(asking.practice, client) or {"version": 0}
    response.headers.update(tag_of(plan["version"]))
    return PlanOut.model_validate(plan | {"goals": [_goal(number, goal) for number, goal in enumerate(plan.get("goals", ()), 1)]})


def _goal(number: int, goal: Any) -> Mapping[str, Any]:
    """A goal as a plan has it, or as words alone."""
    return goal if isinstance(goal, Mapping) else {"id": f"G{number}", "text": str(goal)}
