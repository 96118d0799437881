"""The people of a practice and its clients: who they are, whose client is whose, and the treatment plan.

In: a practice. Out: `Person`, `Client`, plans. Knows no note. A client's id is a pseudonym; the name is sealed under the client's own secret, which
seals all that is kept of the client, so that destroying it destroys that.
"""

from __future__ import annotations

import json
import re
import secrets
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from drafting.errors import Conflict, NotPermitted, Shredded
from drafting.record.keys import PRACTICE, RECOVERY, Place, opened
from drafting.record.practice import NAMES, Practice, known, new_id
from drafting.record.store import instant
from drafting.record.store.tables.record import CLIENT_NAMES, CLIENTS, ENCOUNTERS, PEOPLE, PLANS
from drafting.types.record import NO_CLINICIANS, Client, NoteState, Person, Standing

PURGED = "purged"
UNSIGNED = ENCOUNTERS.c.state.in_((NoteState.DRAFT, NoteState.IN_REVIEW, NoteState.RETURNED)) & ENCOUNTERS.c.failure.is_distinct_from(PURGED)
"""Of an encounter: its note waits for a signature, and its work was not destroyed."""

_APOSTROPHES = "'’‘ʼ＇`´"
_TRIES = 8


def secret_of(client: str) -> str:
    """The name of the secret under which a client's record is sealed."""
    return f"client/{client}"


# ── people ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def add_person(practice: Practice, person: Person, *, by: str) -> Person:
    """Take a person in; an empty id is given one. A trainee must have a supervisor who is none. Raises NotKnown, NotPermitted, Conflict."""
    person = replace(person, id=person.id or new_id("P"))
    _supervised(practice, person)
    sealed = practice.seal(NAMES, person.name, "people", person.id, "name")
    with practice.change() as change:
        change.connection.execute(insert(PEOPLE).values(name_sealed=sealed, **_columns(person)))
        change.tell(by, "person:added", subject=person.id, standing=person.standing.value)
    return person


def change_person(practice: Practice, person: Person, *, by: str) -> None:
    """Another name, credential, standing or supervisor. Raises NotKnown, NotPermitted."""
    _supervised(practice, person)
    sealed = practice.seal(NAMES, person.name, "people", person.id, "name")
    with practice.change() as change:
        done = change.connection.execute(update(PEOPLE).where(PEOPLE.c.id == person.id).values(name_sealed=sealed, **_columns(person)))
        known(done.rowcount or None, "person", person.id)
        change.tell(by, "person:changed", subject=person.id, standing=person.standing.value, active=person.active)


def find_person(practice: Practice, person: str) -> Person:
    """Raises NotKnown."""
    with practice.look() as connection:
        row = known(connection.execute(select(PEOPLE).where(PEOPLE.c.id == person)).first(), "person", person)
    return _person(practice, row)


def all_people(practice: Practice) -> tuple[Person, ...]:
    with practice.look() as connection:
        rows = connection.execute(select(PEOPLE).order_by(PEOPLE.c.id)).all()
    return tuple(_person(practice, row) for row in rows)


def _columns(person: Person) -> dict[str, object]:
    return {
        "id": person.id,
        "standing": person.standing.value,
        "credential": person.credential,
        "licence": person.licence,
        "supervisor": person.supervisor,
        "health_professional": int(person.health_professional),
        "active": int(person.active),
    }


def _supervised(practice: Practice, person: Person) -> None:
    """Raise NotPermitted for a trainee whom nobody supervises."""
    if person.standing is Standing.TRAINEE:
        over = find_person(practice, person.supervisor or "")
        if over.id == person.id or over.standing is not Standing.SUPERVISOR or not over.active:
            raise NotPermitted(who=over.id, reason="a trainee's supervisor is somebody who supervises")


def _person(practice: Practice, row: Row) -> Person:
    name = practice.open(NAMES, row.name_sealed, "people", row.id, "name").decode()
    return Person(row.id, name, Standing(row.standing), row.credential, row.licence, row.supervisor, bool(row.health_professional), bool(row.active))


# ── clients ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def add_client(
    practice: Practice, name: str, clinician: str, *, by: str, jurisdiction: str = "us-federal", part2: bool = False, majority: date | None = None
) -> Client:
    """Take a client in, under a pseudonym; `majority` is the day on which a minor comes of age. Raises NotKnown, and NotPermitted for a clinician
    who does not work here. Cut between the keyring and the record, it leaves a secret that locks nothing."""
    _takes_clients(practice, clinician)
    client = Client(_pseudonym(practice), " ".join(name.split()), clinician, jurisdiction, part2)
    sealed = practice.seal(secret_of(client.id), client.name, "clients", client.id, "name")
    row = {"id": client.id, "clinician": clinician, "jurisdiction": jurisdiction, "part2": int(part2), "self_pay": 0, "majority": majority}
    with practice.change() as change:
        change.connection.execute(insert(CLIENTS).values(name_sealed=sealed, **row))
        _index(practice, change.connection, client.id, client.name)
        change.tell(by, "client:added", subject=client.id, client=client.id)
    return client


def rename_client(practice: Practice, client: str, name: str, *, by: str) -> None:
    """Another name, by which alone the client is found from now on. What was signed keeps the one it was signed with. Raises NotKnown, Shredded."""
    name = " ".join(name.split())
    with practice.change() as change:
        known(change.connection.scalar(select(CLIENTS.c.id).where(CLIENTS.c.id == client)), "client", client)
        sealed = practice.seal(secret_of(client), name, "clients", client, "name")  # within: a record destroyed meanwhile takes no name
        change.connection.execute(update(CLIENTS).where(CLIENTS.c.id == client).values(name_sealed=sealed))
        forget_names(change.connection, client)
        _index(practice, change.connection, client, name)
        change.tell(by, "client:renamed", subject=client, client=client)


def find_client(practice: Practice, client: str) -> Client:
    """Raises NotKnown; Shredded where the client's record was destroyed."""
    with practice.look() as connection:
        row = known(connection.execute(select(CLIENTS).where(CLIENTS.c.id == client)).first(), "client", client)
    return _client(row, practice.keyring.open(secret_of(row.id)))


def find_clients(practice: Practice, clients: Collection[str]) -> dict[str, Client]:
    """Those of `clients` whose record was not destroyed, by id, in one look at the keyring."""
    with practice.look() as connection:
        return _standing(practice, connection.execute(select(CLIENTS).where(CLIENTS.c.id.in_(clients)).order_by(CLIENTS.c.id)).all())


def search_clients(practice: Practice, words: str, clinician: str | None = None) -> tuple[Client, ...]:
    """Clients whose names have every one of `words`, whole words in any order, case and accents; of one clinician, if named. An initial finds a name
    that was entered with that initial, no longer one. Clients whose record was destroyed are not found."""
    tokens = {practice.token(word) for word in _words(words)}
    if not tokens:
        return ()
    hits = select(CLIENT_NAMES.c.client).where(CLIENT_NAMES.c.token.in_(tokens)).group_by(CLIENT_NAMES.c.client)
    query = select(CLIENTS).where(CLIENTS.c.id.in_(hits.having(func.count() == len(tokens))))
    if clinician is not None:
        query = query.where(CLIENTS.c.clinician == clinician)
    with practice.look() as connection:
        rows = connection.execute(query.order_by(CLIENTS.c.id)).all()
    return tuple(_standing(practice, rows).values())


def remember(practice: Practice, client: str, words: str, *, by: str) -> None:
    """Keep `words` that screening found as relevant to this client's treatment: they are not flagged again."""
    with practice.change() as change:
        row = known(change.connection.execute(select(CLIENTS).where(CLIENTS.c.id == client)).first(), "client", client)
        allowed = dict.fromkeys([*_client(row, practice.keyring.open(secret_of(client))).allowed, words])
        sealed = practice.seal(secret_of(client), json.dumps(list(allowed)), "clients", client, "allowed")
        change.connection.execute(update(CLIENTS).where(CLIENTS.c.id == client).values(allowed_sealed=sealed))
        change.tell(by, "client:words_allowed", subject=client, client=client)


def restrict(practice: Practice, client: str, *, self_pay: bool, by: str) -> None:
    """The client pays and asks that their health plan be told nothing (45 CFR 164.522(a)(1)(vi)), or no longer so."""
    with practice.change() as change:
        done = change.connection.execute(update(CLIENTS).where(CLIENTS.c.id == client).values(self_pay=int(self_pay))).rowcount
        known(done or None, "client", client)
        change.tell(by, "client:self_pay", subject=client, client=client, restricted=self_pay)


def transfer(practice: Practice, client: str, to: str, *, by: str) -> None:
    """Another clinician takes the client on: the record goes with the client, private notes stay with their author. Unsigned notes stay with whoever
    began them, and must be signed by them."""
    _takes_clients(practice, to)
    with practice.change() as change:
        done = change.connection.execute(update(CLIENTS).where(CLIENTS.c.id == client).values(clinician=to)).rowcount
        known(done or None, "client", client)
        change.tell(by, "client:transferred", subject=client, client=client, to=to)


def unsigned_of(connection: Connection, person: str) -> int:
    """How many notes of `person` are not signed: a clinician who leaves signs them first."""
    return connection.scalar(select(func.count()).select_from(ENCOUNTERS).where(ENCOUNTERS.c.author == person, UNSIGNED))


def forget_names(connection: Connection, client: str) -> None:
    """Take a client's names out of the index: part of destroying the client's record."""
    connection.execute(delete(CLIENT_NAMES).where(CLIENT_NAMES.c.client == client))


def _takes_clients(practice: Practice, person: str) -> None:
    """Raise NotPermitted unless `person` is a clinician who works here, or is still learning to be one."""
    found = find_person(practice, person)
    if not found.active or found.standing in NO_CLINICIANS:
        raise NotPermitted(who=person, reason="a client is handed to a clinician who works here")


def _pseudonym(practice: Practice) -> str:
    """A client's id that no client has or had, and a secret for it. Of the hundred million there are, one that is taken is drawn now and then."""
    for _ in range(_TRIES):
        name = f"C-{secrets.randbelow(10**8):08d}"
        try:
            practice.keyring.make(secret_of(name), [PRACTICE, RECOVERY])
        except (Conflict, Shredded):
            continue
        return name
    raise Conflict()


def _standing(practice: Practice, rows: Sequence[Row]) -> dict[str, Client]:
    """The clients of `rows` whose record was not destroyed."""
    secrets = practice.keyring.open_all([secret_of(row.id) for row in rows])
    return {row.id: _client(row, secrets[secret_of(row.id)]) for row in rows if secret_of(row.id) in secrets}


def _client(row: Row, secret: bytes) -> Client:
    name = opened(secret, row.name_sealed, Place("clients", row.id, "name")).decode()
    allowed = json.loads(opened(secret, row.allowed_sealed, Place("clients", row.id, "allowed"))) if row.allowed_sealed else ()
    return Client(row.id, name, row.clinician, row.jurisdiction, bool(row.part2), bool(row.self_pay), tuple(allowed))


def _index(practice: Practice, connection: Connection, client: str, name: str) -> None:
    """Enter a name's words, and the pieces of those that an apostrophe joins: O'Brien is found as obrien, and as brien."""
    pieces = name.translate(dict.fromkeys(map(ord, _APOSTROPHES), " "))
    tokens = {practice.token(word) for word in (*_words(name), *_words(pieces))}
    if tokens:
        connection.execute(insert(CLIENT_NAMES), [{"client": client, "token": token} for token in tokens])


def _words(name: str) -> list[str]:
    """Letters and digits in a row; a hyphen parts two words, an apostrophe joins them. Marks belong to the letter before them."""
    plain = unicodedata.normalize("NFKC", name.translate(dict.fromkeys(map(ord, _APOSTROPHES))))
    return re.findall(r"(?:[^\W_]|[\u0300-\u036f])+", plain)


# ── treatment plans ───────────────────────────────────────────────────────────────────────────────────────────────────


def write_plan(practice: Practice, client: str, plan: dict[str, object], *, by: str, since: date | None = None) -> int:
    """A new version of a client's treatment plan: diagnoses, and goals and objectives with ids that note sentences may link to. Earlier ones stay.
    `since`: the day from which it holds, if not from now on. Returns its number. Raises NotKnown, Shredded."""
    with practice.change() as change:
        known(change.connection.scalar(select(CLIENTS.c.id).where(CLIENTS.c.id == client)), "client", client)
        latest = change.connection.scalar(select(func.max(PLANS.c.version)).where(PLANS.c.client == client)) or 0
        sealed = practice.seal(secret_of(client), json.dumps(plan, sort_keys=True), "plans", client, "body", latest + 1)
        begins = since.isoformat() if since else instant(change.at)
        change.connection.execute(insert(PLANS).values(client=client, version=latest + 1, body_sealed=sealed, since=begins))
        change.tell(by, "plan:written", subject=client, client=client, version=latest + 1)
    return latest + 1


def plan(practice: Practice, client: str) -> dict[str, object] | None:
    """The client's present treatment plan, with its `version`."""
    with practice.look() as connection:
        row = connection.execute(select(PLANS).where(PLANS.c.client == client).order_by(PLANS.c.version.desc()).limit(1)).first()
    if row is None:
        return None
    return json.loads(practice.open(secret_of(client), row.body_sealed, "plans", client, "body", row.version)) | {"version": row.version}
