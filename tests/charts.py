"""What tests of release and of retention begin with: a clinician, an administrator, a client, notes signed quickly, and private notes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from drafting.record import notes, people, vault, workbench
from drafting.record import practice as practices
from drafting.record.keys import Keyring, Master, Opener, kit, passphrases
from drafting.record.keys.passphrases import Unlocked
from drafting.record.notes import Circumstances
from drafting.record.practice import Practice
from drafting.record.release import Approver, Authorization, Requester, Role, Scope, authorizations
from drafting.record.review import canonical
from drafting.record.store import Stores, reading
from drafting.record.store.tables.record import AUDIT, TASKS
from drafting.record.vault import PrivateItem
from drafting.types.record import Person, Standing
from drafting.types.review import NoteHeader, Review, ReviewSentence
from drafting.types.visit import Mode
from tests.stores import CHEAP, Clock, made

START = datetime(2026, 11, 18, 15, 0, tzinfo=UTC)
DAY = date(2026, 11, 17)
SAID = "Client reported sleeping six hours on most nights."
ASIDE = "I caught myself counting the teal buttons on the cushion"
HOW = Circumstances("reauthenticated", "UTC")


@dataclass
class House:
    """A practice with a clinician, `cy`, who sees `client`; a colleague; a supervisor with a trainee; and an administrator, by id."""

    practice: Practice
    kit: Opener
    cy: Unlocked
    lee: Unlocked
    ada: Unlocked
    bo: Unlocked
    di: str
    client: str

    def another(self, jurisdiction: str = "us-federal", *, part2: bool = False) -> House:
        """The same practice, with another client of Cy's, who has nothing yet; the clock is back at the start."""
        self.practice.now.at = START
        return replace(self, client=_client(self.practice, self.cy.person, jurisdiction, part2))

    # ── who approves ──

    @property
    def author(self) -> Approver:
        return Approver(self.cy.person, Role.ORIGINATOR)

    @property
    def officer(self) -> Approver:
        return Approver(self.di, Role.PRIVACY_OFFICER)

    @property
    def staff(self) -> Approver:
        return Approver(self.lee.person, Role.STAFF)

    # ── what is kept ──

    def work(self, text: str = SAID, *, day: date = DAY, who: Unlocked | None = None, client: str | None = None) -> str:
        """An encounter whose review is ready to be signed."""
        who, client = who or self.cy, client or self.client
        name = workbench.receive(self.practice, client, who.person, day).id
        workbench.put(self.practice, name, "source", 1, json.dumps({"text": "", "statements": []}).encode(), by="worker")
        header = NoteHeader(client, day, note_kind="contact", confirmed=True)
        sentences = (ReviewSentence("n1", "narrative", text, ()),)
        review = Review(name, 1, Mode.DICTATION, "narrative", "0" * 12, (("narrative", "Narrative"),), header, sentences)
        workbench.put(self.practice, name, "review", 1, canonical.review_bytes(review), by=who.person)
        return name

    def signed(self, text: str = SAID, **more: object) -> str:
        """An encounter whose note is signed."""
        name = self.work(text, **more)
        notes.sign(self.practice, more.get("who") or self.cy, name, 1, HOW)
        return name

    def aside(self, encounter: str, text: str = ASIDE, *, who: Unlocked | None = None, client: str | None = None) -> str:
        """A private note beside it; its id."""
        who, note = who or self.cy, f"{encounter}-s9"
        vault.put(self.practice, encounter, client or self.client, who.person, [PrivateItem(note, 1, text, ("s9",))], by="worker")
        return note

    def form(self, *scope: Scope, **more: object) -> str:
        """An authorization by the client, good in every point, for the private notes if not said otherwise; its id."""
        values = {
            "client": self.client,
            "scope": frozenset(scope or (Scope.PRIVATE_NOTES,)),
            "recipients": frozenset({Requester.ATTORNEY, Requester.CLIENT_ATTORNEY, Requester.INSURER}),
            "description": "Notes of the autumn of 2026",
            "discloser": "Harrow Lane Practice",
            "recipient": "Tamsin Orde, attorney",
            "purpose": "at the request of the individual",
            "expires": self.today + timedelta(200),
            "signed_on": self.today,
            "signed_by": "Wren Alder",
            "says_revocable": True,
            "says_unconditioned": True,
            "warns_of_redisclosure": True,
        }
        return authorizations.authorize(self.practice, Authorization("", **values | more), self.di).id

    # ── time, and what was told ──

    @property
    def today(self) -> date:
        return self.practice.now().date()

    def later(self, **span: float) -> None:
        self.practice.now.at += timedelta(**span)

    def told(self, action: str) -> list[dict[str, object]]:
        """The audit events of that action and this client, in order."""
        with reading(self.practice.stores.record) as connection:
            events = [json.loads(body) for body in connection.scalars(sa.select(AUDIT.c.body).order_by(AUDIT.c.seq))]
        return [event for event in events if event["action"] == action and event.get("client") == self.client]

    def tasks(self, kind: str) -> list[sa.Row]:
        return self.rows(TASKS, TASKS.c.kind == kind)

    def rows(self, table: sa.Table, *where: sa.ColumnElement[bool]) -> list[sa.Row]:
        """The rows of a table of the record that are this client's."""
        with reading(self.practice.stores.record) as connection:
            return list(connection.execute(sa.select(table).where(table.c.client == self.client, *where).order_by(table.c.id)))


def house(stores: Stores, jurisdiction: str = "us-federal", *, part2: bool = False) -> House:
    practice = Practice(stores, Keyring(stores.keyring, Master.made()), Clock(START))
    halves = practices.make(practice, "us-federal")
    kit.prove(practice.keyring, *halves, now=practice.now())
    keys: dict[str, Unlocked] = {}
    for name, standing, over in (
        ("Cy Marsh", "clinician", None),
        ("Lee Thorn", "clinician", None),
        ("Ada Quill", "supervisor", None),
        ("Bo Tern", "trainee", "Ada Quill"),
    ):
        supervisor = keys[over].person if over else None
        person = people.add_person(practice, Person("", name, Standing(standing), credential="LCSW", supervisor=supervisor), by="setup")
        keys[name] = passphrases.enrol(practice.keyring, person.id, "quiet green lanterns", now=practice.now(), cost=CHEAP)
    cy, lee, ada, bo = keys.values()
    di = people.add_person(practice, Person("", "Di Fenn", Standing.ADMINISTRATOR), by="setup").id
    return House(practice, kit.joined(practice.keyring, *halves), cy, lee, ada, bo, di, _client(practice, cy.person, jurisdiction, part2))


@contextmanager
def kept_open(folder: Path) -> Iterator[House]:
    """One practice for a file of tests, each of which takes a client of its own (`another`)."""
    stores = made("sqlite", folder, None)
    yield house(stores)
    stores.close()


def _client(practice: Practice, clinician: str, jurisdiction: str, part2: bool) -> str:
    return people.add_client(practice, "Wren Alder", clinician, by="setup", jurisdiction=jurisdiction, part2=part2).id
