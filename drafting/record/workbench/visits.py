"""What a visit's words came with: format, mode, medium and zone, sealed on the workbench beside them; and what the pipeline may know of the visit.

In: an encounter, and what was chosen when its words were taken in. Out: `Visit` again, and a `Context`. Knows no page and no engine.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from sqlalchemy import select

from drafting.record import workbench
from drafting.record.keys import Opener, Place, opened
from drafting.record.people import find_client, find_person, secret_of
from drafting.record.practice import Practice
from drafting.record.store.tables.record import CLIENTS
from drafting.record.workbench import Item
from drafting.types import Context, Mode, Roster
from drafting.types.record import Encounter

VISIT = "visit"
TYPED, RECORDING = "typed", "recording"
"""The two media, and what they are called among an encounter's `media`."""

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Visit:
    """What was chosen for a visit. `mode` None takes it from the speakers; `suffix` is the ending that says what kind of text was typed or dropped;
    `zone` an IANA name; `writer` and `asr` name engines. Raises ValueError for a medium or a mode that is none."""

    format: str = "soap"
    mode: str | None = None
    note_kind: str = "session"
    media: str = TYPED
    suffix: str = ".txt"
    zone: str = "UTC"
    writer: str = "plain"
    asr: str = "auto"

    def __post_init__(self) -> None:
        if self.media not in (TYPED, RECORDING) or self.mode not in (None, *Mode):
            raise ValueError("a visit's medium is typed or recording, its mode dictation or session")


def put(practice: Practice, encounter: str, visit: Visit, *, by: str) -> None:
    """Keep what was chosen; the last choice holds. Raises NotKnown, Shredded, and IllegalMove once the note is signed."""
    with practice.change() as change:
        workbench.editable(change.connection, encounter, "drafted anew")
        version, _ = workbench.latest(change.connection, encounter, VISIT)
        workbench.add(practice, change, encounter, Item(VISIT, version + 1, json.dumps(asdict(visit)).encode()), by=by)


def get(practice: Practice, encounter: str, opener: Opener) -> Visit:
    """Raises NotKnown, Shredded, KeyMissing."""
    return Visit(**json.loads(workbench.get(practice, encounter, VISIT, None, opener)[1]))


def context(practice: Practice, encounter: Encounter, visit: Visit) -> Context:
    """What the pipeline may know of a visit: the client's name, the practice's other clients' as digests, who wrote it, when and where. The mode is
    the visit's, or dictation where it was left open. Raises NotKnown, Shredded."""
    client = find_client(practice, encounter.client)
    return Context(
        mode=Mode(visit.mode or Mode.DICTATION),
        client_names=(client.name,),
        roster=Roster.of(_names_beside(practice, client.id)),
        clinician=find_person(practice, encounter.author).name,
        date_of_service=encounter.service_date,
        jurisdiction=client.jurisdiction,
        note_kind=visit.note_kind,
        payer=practice.policy().payer,
    )


def _names_beside(practice: Practice, client: str) -> list[str]:
    """The names of all other clients but those whose record was destroyed."""
    with practice.look() as connection:
        rows = connection.execute(select(CLIENTS.c.id, CLIENTS.c.name_sealed).where(CLIENTS.c.id != client)).all()
    names = []
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        secrets = practice.keyring.open_all([secret_of(row.id) for row in some])
        pairs = ((row, secrets[secret_of(row.id)]) for row in some if secret_of(row.id) in secrets)
        names += [opened(secret, row.name_sealed, Place("clients", row.id, "name")).decode() for row, secret in pairs]
    return names
