"""Clients, as pages: one's own, found by name; one with their treatment plan and what is signed of them.

In: ids in addresses, names and words in forms alone. Out: pages. Knows no unsigned note. Who sees whom is decided where the API decides it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from pydantic import ValidationError

from drafting.record import people
from drafting.types.record import Client, Standing
from drafting.web import pages, queues, words
from drafting.web.access import Asked, Asking, stands_as, told
from drafting.web.api import clients as api
from drafting.web.api.clients import PlanIn
from drafting.web.api.queue import WRITES
from drafting.web.forms import Short, said, to, tried
from drafting.web.queues import Named, Signed
from drafting.web.reviews import Stale

router = APIRouter(include_in_schema=False)

Many = Annotated[list[str], Form(default_factory=list)]
_SPARE = 2
"""Empty rows of a form in which more may be entered."""


@dataclass(frozen=True, slots=True)
class GoalRow:
    """A goal of the plan as its form has it: objectives a line each, with their ids apart."""

    id: str
    text: str = field(repr=False)
    objectives: str = field(repr=False)
    ids: str = ""


# ── clients ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/clients")
@told("client:listed")
def show_clients(
    request: Request, asked: Asked, after: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9-]{1,64}$")] = None, done: str | None = None
) -> Response:
    """One's own clients; for records staff and administrators, all."""
    page = api.list_clients(asked, after, queues.PAGE)
    return _list(request, asked, page.items, more=f"/clients?after={page.next}" if page.next else None, done=said("done", done))


@router.post("/clients/search")
@told("client:searched")
def search_clients(request: Request, asked: Asked, words: Short = "") -> Response:
    """Those whose names have every one of the words."""
    if not words.strip():
        return to("/clients")
    found = people.search_clients(asked.practice, words, asked.person.id if asked.person.standing in WRITES else None)
    return _list(request, asked, found, sought=words)


@router.post("/clients", dependencies=[Depends(stands_as(*WRITES))])
@told("client:listed")
def add_client(request: Request, asked: Asked, name: Short = "", jurisdiction: Short = "us-federal", part2: bool = Form(False)) -> Response:
    """Take a client in, as one's own."""
    try:
        given = api.ClientIn(name=name, jurisdiction=jurisdiction, part2=part2)
    except ValidationError:
        return _list(request, asked, api.list_clients(asked, None, queues.PAGE).items, status=422, wrong="Give the client's name.")
    return to(f"/clients/{api.add_client(asked, given).id}", "added")


@router.get("/clients/{client}")
@told("client:read")
def show_client(
    request: Request, asked: Asked, client: str, done: str | None = None, before: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9]{1,64}$")] = None
) -> Response:
    """One client."""
    return _page(request, asked, client, before=before, done=said("done", done))


@router.post("/clients/{client}")
@told("client:read")
def change_client(request: Request, asked: Asked, client: str, name: Short = "", self_pay: bool = Form(False)) -> Response:
    """Another name, or another answer to whether the health plan is told."""
    there = api.treated(asked, client)
    if not name.strip():
        return _page(request, asked, client, 422, "Give the client's name.")
    if name.strip() != there.name:
        people.rename_client(asked.practice, client, name, by=asked.person.id)
    if self_pay != there.self_pay:
        people.restrict(asked.practice, client, self_pay=self_pay, by=asked.person.id)
    return to(f"/clients/{client}", "changed")


@router.post("/clients/{client}/search")
@told("chart:searched")
def search_chart(request: Request, asked: Asked, client: str, words: Short = "") -> Response:
    """Of what is signed of the client, what has every one of the words."""
    if not words.strip():
        return to(f"/clients/{_seen(asked, client).id}")
    return _page(request, asked, client, sought=words)


# ── the plan ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.post("/clients/{client}/plan")
@told("plan:read")
def write_plan(
    request: Request,
    asked: Asked,
    client: str,
    code: Many,
    diagnosis: Many,
    goal: Many,
    goal_id: Many,
    steps: Many,
    step_ids: Many,
    version: int = Form(0),
    modality: Short = "",
    frequency: Short = "",
) -> Response:
    """A new version of the treatment plan."""
    api.treated(asked, client)
    try:
        given = _plan_of(list(zip(code, diagnosis, strict=False)), list(zip(goal, goal_id, steps, step_ids, strict=False)), modality, frequency)
    except ValidationError:
        wrong = "Diagnoses are codes such as F41.1; goals and steps have at most 2,000 letters."
        return _page(request, asked, client, 422, wrong)

    def do() -> Response:
        present = (people.plan(asked.practice, client) or {"version": 0})["version"]
        if present != version:
            raise Stale(present=present)
        people.write_plan(asked.practice, client, given.model_dump(mode="json"), by=asked.person.id)
        return to(f"/clients/{client}", "plan")

    return tried(do, lambda status, wrong: _page(request, asked, client, status, wrong))


def _plan_of(diagnoses: Sequence[tuple[str, str]], goals: Sequence[tuple[str, str, str, str]], modality: str, frequency: str) -> PlanIn:
    """What the form says: a row without a code or a goal is none; a goal that had an id keeps it. Raises ValidationError."""
    taken = {id for _, id, _, _ in goals if id}
    fresh = (f"G{n}" for n in range(1, 1_000) if f"G{n}" not in taken)
    made = []
    for text, id, steps, ids in goals:
        if text.strip():
            name = id or next(fresh)
            made.append({"id": name, "text": text, "objectives": _objectives(name, steps, ids.split())})
    return PlanIn(
        diagnoses=[{"code": code.strip(), "text": " ".join(text.split())} for code, text in diagnoses if code.strip()],
        goals=made,
        modality=modality.strip() or None,
        frequency=frequency.strip() or None,
    )


def _objectives(goal: str, steps: str, ids: Sequence[str]) -> list[dict[str, str]]:
    """Steps towards a goal, a line each, with the ids that they had in order, and new ones after those."""
    lines = [line.strip() for line in steps.splitlines() if line.strip()]
    fresh = (f"{goal}.{n}" for n in range(1, 1_000) if f"{goal}.{n}" not in ids)
    return [{"id": ids[n] if n < len(ids) else next(fresh), "text": line} for n, line in enumerate(lines)]


# ── pages ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _list(request: Request, asked: Asking, found: Sequence[Any], status: int = 200, **more: object) -> Response:
    given = {"sought": "", "more": None, "wrong": None, "done": ""} | more
    items = tuple(sorted((Named(c.id, c.name) for c in found), key=lambda c: (c.name.casefold(), c.id)))
    return pages.render(request, "clients.html", status, items=items, takes=asked.person.standing in WRITES, **given)


def _page(request: Request, asked: Asking, client: str, status: int = 200, wrong: str | None = None, **more: Any) -> Response:
    there = _seen(asked, client)
    own = there.clinician == asked.person.id and asked.person.standing in WRITES
    chart = own or asked.person.standing is Standing.RECORDS
    sought, before = more.get("sought", ""), more.get("before")
    notes, later = _notes(asked, client, sought, before) if chart else ((), None)
    plan = api.PlanOut.model_validate(api.read_plan(asked, client, Response())) if asked.person.standing in api.READS_NOTES else None
    return pages.render(
        request,
        "client.html",
        status,
        client=there,
        own=own,
        chart=chart,
        notes=notes,
        more=f"/clients/{client}?before={later}" if later else None,
        plan=plan,
        diagnoses=(*((d.code, d.text) for d in plan.diagnoses), *[("", "")] * _SPARE) if plan else (),
        goals=(*map(_row, plan.goals), *[GoalRow("", "", "")] * _SPARE) if plan else (),
        clinician=people.find_person(asked.practice, there.clinician).name,
        sought=sought,
        wrong=wrong,
        done=more.get("done", ""),
    )


def _seen(asked: Asking, client: str) -> Client:
    """A client whom this person may see. Raises NotKnown."""
    api.read_client(asked, client)
    return people.find_client(asked.practice, client)


def _notes(asked: Asking, client: str, sought: str, before: str | None) -> tuple[tuple[Signed, ...], str | None]:
    """What is signed of a client; of a search, what was found."""
    today = asked.practice.now().date()
    if not sought:
        return queues.signed(asked, today, client=client, before=before)
    found = api.search_chart(asked, client, api.SearchIn(words=sought)).items
    named = queues.named(asked, client)
    made = (Signed(d.note.encounter, named, words.day(d.note.header.date_of_service, today), d.note.kind.value, False) for d in reversed(found))
    return tuple(made), None


def _row(goal: api.Goal) -> GoalRow:
    return GoalRow(goal.id, goal.text, "\n".join(o.text for o in goal.objectives), " ".join(o.id for o in goal.objectives))
