"""The people of a practice and its clients: who they are, whose client is whose, and the treatment plan.

In: a practice. Out: `Person`, `Client`, plans. Knows no note. A client's id is a pseudonym; the name is sealed under the client's own secret, which
seals all that is kept of the client, so that destroying it destroys that.
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import replace
from datetime import date

from sqlalchemy import Connection, delete, func, insert, select, update

from drafting.errors import NotPermitted
from drafting.record.keys import PRACTICE, RECOVERY, Place, opened
from drafting.record.practice import NAMES, Practice, known, new_id
from drafting.record.store import instant
from drafting.record.tables.record import CLIENT_NAMES, CLIENTS, ENCOUNTERS, PEOPLE, PLANS
from drafting.types.record import Client, NoteState, Person, Standing

_UNSIGNED = (NoteState.DRAFT, NoteState.IN_REVIEW, NoteState.RETURNED)


def secret_of(client: str) -> str:
    """The name of the secret under which a client's record is sealed."""
    return f"client/{client}"


# ── people ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def add_person(practice: Practice, person: Person, *, by: str) -> Person:
    """Take a person in; an empty id is given one. A trainee must have a supervisor who is none."""
    person = replace(person, id=person.id or new_id("P"))
    if person.standing is Standing.TRAINEE:
        over = find_person(practice, person.supervisor or "")
        if over.standing is not Standing.SUPERVISOR or not over.active:
            raise NotPermitted(who=over.id, reason="a trainee's supervisor is somebody who supervises")
    sealed = practice.seal(NAMES, person.name, "people", person.id, "name")
    with practice.change() as change:
        change.connection.execute(insert(PEOPLE).values(name_sealed=sealed, **_columns(person)))
        change.tell(by, "person:added", subject=person.id, standing=person.standing.value)
    return person


def change_person(practice: Practice, person: Person, *, by: str) -> None:
    """Another name, credential, standing or supervisor."""
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


def _person(practice: Practice, row: object) -> Person:
    name = practice.open(NAMES, row.name_sealed, "people", row.id, "name").decode()
    return Person(row.id, name, Standing(row.standing), row.credential, row.licence, row.supervisor, bool(row.health_professional), bool(row.active))


# ── clients ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def add_client(practice: Practice, name: str, clinician: str, *, by: str, jurisdiction: str = "us-federal", part2: bool = False) -> Client:
    """Take a client in, under a pseudonym."""
    client = Client(f"C-{secrets.randbelow(10**8):08d}", " ".join(name.split()), find_person(practice, clinician).id, jurisdiction, part2)
    practice.keyring.make(secret_of(client.id), [PRACTICE, RECOVERY])
    sealed = practice.seal(secret_of(client.id), client.name, "clients", client.id, "name")
    row = {"id": client.id, "clinician": clinician, "jurisdiction": jurisdiction, "part2": int(part2), "self_pay": 0}
    tokens = [{"client": client.id, "token": token} for token in _tokens(practice, client.name)]
    with practice.change() as change:
        change.connection.execute(insert(CLIENTS).values(name_sealed=sealed, **row))
        if tokens:
            change.connection.execute(insert(CLIENT_NAMES), tokens)
        change.tell(by, "client:added", subject=client.id, client=client.id)
    return client


def find_client(practice: Practice, client: str) -> Client:
    """Raises NotKnown; Shredded where the client's record was destroyed."""
    with practice.look() as connection:
        row = known(connection.execute(select(CLIENTS).where(CLIENTS.c.id == client)).first(), "client", client)
    return _client(practice, row)


def search_clients(practice: Practice, words: str, clinician: str | None = None) -> tuple[Client, ...]:
    """Clients whose names have every one of `words`, whole words in any order and case; of one clinician, if named."""
    tokens = [practice.token(word) for word in _words(words)]
    if not tokens:
        return ()
    hits = select(CLIENT_NAMES.c.client).where(CLIENT_NAMES.c.token.in_(tokens)).group_by(CLIENT_NAMES.c.client)
    query = select(CLIENTS).where(CLIENTS.c.id.in_(hits.having(func.count() == len(set(tokens)))))
    if clinician is not None:
        query = query.where(CLIENTS.c.clinician == clinician)
    with practice.look() as connection:
        rows = connection.execute(query.order_by(CLIENTS.c.id)).all()
    return tuple(_client(practice, row) for row in rows)


def remember(practice: Practice, client: str, words: str, *, by: str) -> None:
    """Keep `words` that screening found as relevant to this client's treatment: they are not flagged again."""
    found = find_client(practice, client)
    if words in found.allowed:
        return
    sealed = practice.seal(secret_of(client), json.dumps([*found.allowed, words]), "clients", client, "allowed")
    with practice.change() as change:
        change.connection.execute(update(CLIENTS).where(CLIENTS.c.id == client).values(allowed_sealed=sealed))
        change.tell(by, "client:words_allowed", subject=client, client=client)


def restrict(practice: Practice, client: str, *, self_pay: bool, by: str) -> None:
    """The client pays and asks that their health plan be told nothing (45 CFR 164.522(a)(1)(vi)), or no longer so."""
    with practice.change() as change:
        known(
            change.connection.execute(update(CLIENTS).where(CLIENTS.c.id == client).values(self_pay=int(self_pay))).rowcount or None, "client", client
        )
        change.tell(by, "client:self_pay", subject=client, client=client, restricted=self_pay)


def transfer(practice: Practice, client: str, to: str, *, by: str) -> None:
    """Another clinician takes the client on: the record goes with the client, private notes stay with their author. Unsigned notes stay with whoever
    began them, and must be signed by them."""
    receiver = find_person(practice, to)
    if not receiver.active or receiver.standing is Standing.ADMINISTRATOR:
        raise NotPermitted(who=to, reason="a client is handed to a clinician who works here")
    with practice.change() as change:
        done = change.connection.execute(update(CLIENTS).where(CLIENTS.c.id == client).values(clinician=to)).rowcount
        known(done or None, "client", client)
        change.tell(by, "client:transferred", subject=client, client=client, to=to)


def unsigned_of(connection: Connection, person: str) -> int:
    """How many notes of `person` are not signed: a clinician who leaves signs them first."""
    return connection.scalar(select(func.count()).select_from(ENCOUNTERS).where(ENCOUNTERS.c.author == person, ENCOUNTERS.c.state.in_(_UNSIGNED)))


def forget_names(connection: Connection, client: str) -> None:
    """Take a client's names out of the index: part of destroying the client's record."""
    connection.execute(delete(CLIENT_NAMES).where(CLIENT_NAMES.c.client == client))


def _client(practice: Practice, row: object) -> Client:
    secret = practice.keyring.open(secret_of(row.id))
    name = opened(secret, row.name_sealed, Place("clients", row.id, "name")).decode()
    allowed = json.loads(opened(secret, row.allowed_sealed, Place("clients", row.id, "allowed"))) if row.allowed_sealed else ()
    return Client(row.id, name, row.clinician, row.jurisdiction, bool(row.part2), bool(row.self_pay), tuple(allowed))


def _tokens(practice: Practice, name: str) -> set[bytes]:
    return {practice.token(word) for word in _words(name)}


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", name)


# ── treatment plans ───────────────────────────────────────────────────────────────────────────────────────────────────


def write_plan(practice: Practice, client: str, plan: dict[str, object], *, by: str, since: date | None = None) -> int:
    """A new version of a client's treatment plan: diagnoses, and goals and objectives with ids that note sentences may link to. Earlier ones stay."""
    with practice.change() as change:
        latest = change.connection.scalar(select(func.max(PLANS.c.version)).where(PLANS.c.client == client)) or 0
        sealed = practice.seal(secret_of(client), json.dumps(plan, sort_keys=True), "plans", client, "body", latest + 1)
        change.connection.execute(insert(PLANS).values(client=client, version=latest + 1, body_sealed=sealed, since=instant(change.at)))
        change.tell(by, "plan:written", subject=client, client=client, version=latest + 1)
    return latest + 1


def plan(practice: Practice, client: str) -> dict[str, object] | None:
    """The client's present treatment plan, with its `version`."""
    with practice.look() as connection:
        row = connection.execute(select(PLANS).where(PLANS.c.client == client).order_by(PLANS.c.version.desc()).limit(1)).first()
    if row is None:
        return None
    return json.loads(practice.open(secret_of(client), row.body_sealed, "plans", client, "body", row.version)) | {"version": row.version}
