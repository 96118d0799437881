"""What tests of the workbench and of the private notes begin with: a trainee with a supervisor and a client, their keys, and the recovery kit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime

import sqlalchemy as sa

from drafting.record import people, workbench
from drafting.record import practice as practices
from drafting.record.keys import Keyring, Master, Opener, kit, passphrases
from drafting.record.keys.passphrases import Unlocked
from drafting.record.practice import Practice
from drafting.record.store import Stores, reading, writing
from drafting.record.store.tables.record import AUDIT, ENCOUNTERS, HOLDS, INTENTS, REQUESTS
from drafting.types.record import Person, Standing
from tests.stores import CHEAP, Clock

DAY = date(2026, 11, 17)


@dataclass
class Desk:
    """A practice with a trainee, `author`, her supervisor, a colleague, and a client; all of them have keys."""

    practice: Practice
    kit: Opener
    author: Unlocked
    supervisor: Unlocked
    colleague: Unlocked
    client: str

    def encounter(self) -> str:
        return workbench.receive(self.practice, self.client, self.author.person, DAY).id

    def state(self, encounter: str, state: str) -> None:
        with writing(self.practice.stores.record) as connection:
            connection.execute(ENCOUNTERS.update().where(ENCOUNTERS.c.id == encounter).values(state=state))

    def hold(self, name: str = "L1") -> None:
        with writing(self.practice.stores.record) as connection:
            connection.execute(HOLDS.insert().values(id=name, client=self.client, reason="subpoena", since="2026-11-18"))

    def lift(self) -> None:
        with writing(self.practice.stores.record) as connection:
            connection.execute(HOLDS.update().values(lifted="2026-11-19"))

    def request(self) -> None:
        with writing(self.practice.stores.record) as connection:
            row = {"id": "Q1", "client": self.client, "requester": "client", "instrument": "letter", "received": DAY, "facts": "{}"}
            connection.execute(REQUESTS.insert().values(row))

    def intents(self) -> list[str]:
        with reading(self.practice.stores.record) as connection:
            return list(connection.scalars(sa.select(INTENTS.c.kind)))

    def told(self, action: str) -> list[bytes]:
        """The audit events of that action, as they are stored."""
        with reading(self.practice.stores.record) as connection:
            return [body for body in connection.scalars(sa.select(AUDIT.c.body).order_by(AUDIT.c.seq)) if f'"{action}"'.encode() in body]


def desk(stores: Stores) -> Desk:
    practice = Practice(stores, Keyring(stores.keyring, Master.made()), Clock(datetime(2026, 11, 18, 15, 0, tzinfo=UTC)))
    halves = practices.make(practice, "us-federal")
    kit.prove(practice.keyring, *halves, now=practice.now())
    keys = {}
    for name, standing, over in (("Ada Quill", "supervisor", None), ("Bo Tern", "trainee", "Ada Quill"), ("Cy Marsh", "clinician", None)):
        supervisor = keys[over].person if over else None
        person = people.add_person(practice, Person("", name, Standing(standing), supervisor=supervisor, credential="LCSW"), by="setup")
        keys[name] = passphrases.enrol(practice.keyring, person.id, "quiet green lanterns", now=practice.now(), cost=CHEAP)
    ada, bo, cy = keys.values()
    client = people.add_client(practice, "Wren Alder", bo.person, by="setup").id
    return Desk(practice, kit.joined(practice.keyring, *halves), bo, ada, cy, client)


class Cut(BaseException):
    """The process ends here."""


@contextmanager
def cut_at(stores: Stores, number: int) -> Iterator[list[int]]:
    """End the process before the writing of that number (from 0) is committed, on any of the databases; a number beyond the last lets all pass. What
    is yielded counts them. A transaction that is cut leaves nothing, as when the machine stops."""
    seen = [0]

    def count(connection: sa.Connection) -> None:
        if not connection.get_execution_options().get("aside_writes"):
            return
        seen[0] += 1
        if seen[0] > number:
            connection.invalidate()
            raise Cut

    engines = [engine for _, engine in stores.named()]
    for engine in engines:
        sa.event.listen(engine, "commit", count)
    try:
        yield seen
    finally:
        for engine in engines:
            sa.event.remove(engine, "commit", count)
