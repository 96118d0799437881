"""The first page: what waits for whoever logged in, the oldest first; for a supervisor also what waits for their cosignature.

In: a state to filter by, a cursor. Out: the page. Opens no note. Records staff are led to what is signed, an administrator to the audit trail.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from drafting.types.record import NoteState, Standing
from drafting.web import pages, queues
from drafting.web.access import Asked, told
from drafting.web.api.queue import WRITES, read_queue
from drafting.web.forms import to

router = APIRouter(include_in_schema=False)

_ELSEWHERE = {Standing.RECORDS: "/notes", Standing.ADMINISTRATOR: "/audit"}


@router.get("/")
@told("queue:read")
def show_queue(
    request: Request,
    asked: Asked,
    state: NoteState | None = None,
    supervising: bool = False,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """What waits, by state where one is chosen."""
    if asked.person.standing not in WRITES:
        return to(_ELSEWHERE[asked.person.standing])
    supervises = asked.person.standing is Standing.SUPERVISOR
    supervising = supervising and supervises
    found = read_queue(asked, (state,) if state and not supervising else (), supervising, True, cursor, queues.PAGE)
    over = None
    own = found.counts
    if supervises:
        other = read_queue(asked, (), not supervising, False, None, 1).counts
        own, over = (other, found.counts) if supervising else (found.counts, other)
    today = asked.practice.now().date()
    address = "/?" + "".join(("supervising=true&" if supervising else "", f"state={state.value}&" if state and not supervising else ""))
    return pages.render(
        request,
        "queue.html",
        items=tuple(queues.waits(item, today, supervising=supervising) for item in found.items),
        chips=queues.chips(own, over, state, supervising),
        supervising=supervising,
        filtered=state is not None,
        to_cosign=over.get(NoteState.COSIGN_DUE, 0) if over else 0,
        more=f"{address}cursor={found.next}" if found.next else None,
    )
