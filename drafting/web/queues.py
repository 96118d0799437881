"""What waits, and what is signed, as lists of a page: each line with its words and where it leads.

In: a page of the queue as the API has it, or who asks. Out: frozen lines and chips. Opens no note. Of a client, a name and a pseudonym.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import ColumnElement, Row, func, select, tuple_

from drafting.errors import NotKnown, Shredded
from drafting.record import people, workbench
from drafting.record.review.lifecycle import SIGNATURE_STANDS
from drafting.record.store.tables.record import ENCOUNTERS
from drafting.types.record import NoteState, Stage, Standing
from drafting.web import words
from drafting.web.access import Asking
from drafting.web.api.queue import QueueItem
from drafting.web.schemas import EncounterOut

PAGE = 50
"""Lines of a list."""

_STANDS = sorted(s.value for s in SIGNATURE_STANDS)
_LABELS = {
    NoteState.RETURNED: "Given back",
    NoteState.IN_REVIEW: "Begun",
    NoteState.DRAFT: "Not begun",
    NoteState.COSIGN_DUE: "With your supervisor",
}


@dataclass(frozen=True, slots=True)
class Named:
    """A client as a list names them."""

    id: str
    name: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Waits:
    """A line of the queue. `way`: its words are on their way to a draft, or stopped on it (`stopped`); `tasks` in words."""

    href: str
    client: Named
    when: str
    stands: str
    overdue: bool
    tasks: tuple[str, ...]
    way: bool
    stopped: bool


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter with how many it finds."""

    label: str
    count: int
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class Signed:
    """A line of the list of signed notes."""

    encounter: str
    client: Named
    when: str
    stands: str
    error: bool


# ── the queue ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def waits(item: QueueItem, today: date, *, supervising: bool = False) -> Waits:
    """An encounter as a line of the queue."""
    e = item.encounter
    way = e.version == 0
    stopped = way and e.stage is Stage.FAILED
    stands = words.word("stages", e.stage.value) if way else words.word("states", e.state.value)
    tasks = tuple(words.word("tasks", task) for task in item.tasks)
    late = item.overdue and not way
    return Waits(where(e, supervising), Named(e.client, item.name or ""), words.day(e.service_date, today), stands, late, tasks, way, stopped)


def where(e: EncounterOut, supervising: bool = False) -> str:
    """The page on which an encounter is worked on, or read."""
    if e.version == 0:
        return f"/work/{e.id}"
    if e.state in workbench.EDITABLE:
        return f"/review/{e.id}"
    return f"/cosign/{e.id}" if supervising and e.state is NoteState.COSIGN_DUE else f"/notes/{e.id}"


def chips(own: Mapping[NoteState, int], over: Mapping[NoteState, int] | None, state: NoteState | None, supervising: bool) -> tuple[Chip, ...]:
    """The filters above the queue. `over`: what somebody supervises, None for who does not; a filter that finds nothing is left out, but for the
    first of each kind, and the one that is on."""
    first = Chip("To review", sum(own.get(s, 0) for s in workbench.EDITABLE), "/", state is None and not supervising)
    made = [first]
    if over is not None:
        made.append(Chip("To cosign", over.get(NoteState.COSIGN_DUE, 0), "/?supervising=true", supervising))
    for one, label in _LABELS.items():
        count, on = own.get(one, 0), state is one and not supervising
        if on or (count and (count != first.count or one not in workbench.EDITABLE)):
            made.append(Chip(label, count, f"/?state={one.value}", on))
    made.append(Chip("Signed", sum(n for s, n in own.items() if s in SIGNATURE_STANDS), "/notes", False))
    return tuple(made)


# ── what is signed ────────────────────────────────────────────────────────────────────────────────────────────────────


def signed(asked: Asking, today: date, *, client: str | None = None, before: str | None = None) -> tuple[tuple[Signed, ...], str | None]:
    """A page of signed notes, the newest first, and the cursor of the next: a client's; or one's own, for records staff everybody's. Whether somebody
    may see that client is not asked here."""
    on = func.coalesce(ENCOUNTERS.c.service_date, date.min)
    query = select(ENCOUNTERS).where(ENCOUNTERS.c.state.in_(_STANDS), ENCOUNTERS.c.note.is_not(None), _whose(asked, client))
    with asked.practice.look() as connection:
        if before is not None:
            end = connection.execute(select(on.label("on"), ENCOUNTERS.c.id).where(ENCOUNTERS.c.id == before)).first()
            query = query.where(tuple_(on, ENCOUNTERS.c.id) < tuple_(end.on, end.id)) if end else query
        rows = connection.execute(query.order_by(on.desc(), ENCOUNTERS.c.id.desc()).limit(PAGE + 1)).all()
    with asked.practice.keyring.remembering():
        made = tuple(_signed(row, named(asked, row.client), today) for row in rows[:PAGE])
    return made, rows[PAGE - 1].id if len(rows) > PAGE else None


def newest(asked: Asking, client: str) -> str | None:
    """The encounter of a client's newest signed note."""
    query = select(ENCOUNTERS.c.id).where(ENCOUNTERS.c.client == client, ENCOUNTERS.c.note.is_not(None))
    stands = query.where(ENCOUNTERS.c.state.in_(_STANDS), ENCOUNTERS.c.state != NoteState.ENTERED_IN_ERROR.value)
    with asked.practice.look() as connection:
        return connection.scalar(stands.order_by(ENCOUNTERS.c.service_date.desc(), ENCOUNTERS.c.signed.desc()).limit(1))


def named(asked: Asking, client: str) -> Named:
    """A client with their name; without, where the record was destroyed."""
    try:
        return Named(client, people.find_client(asked.practice, client).name)
    except (NotKnown, Shredded):
        return Named(client, "")


def _whose(asked: Asking, client: str | None) -> ColumnElement[bool]:
    if client is not None:
        return ENCOUNTERS.c.client == client
    if asked.person.standing is Standing.RECORDS:
        return ENCOUNTERS.c.id.is_not(None)
    return ENCOUNTERS.c.author == asked.person.id


def _signed(row: Row, client: Named, today: date) -> Signed:
    return Signed(row.id, client, words.day(row.service_date, today), words.word("states", row.state), row.state == NoteState.ENTERED_IN_ERROR.value)
