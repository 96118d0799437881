"""An invented practice, to try the desk on.

In: settings whose data folder is empty, and what the jobs call. Out: a practice on SQLite whose notes stand in every state; in words, who may log in.
Knows no page. Who works there and what was said is data (prompts/practice.toml); the notes are made of it by the pipeline, the signatures by those
who sign, each on its own day: the clock goes from the oldest visit to the present, and each night does what a timer would. It is made beside its
place and then moved there, so that a cut leaves nothing. The spoken visit is left for the worker, so that one sees it come.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from drafting.commands.shared import FileTrouble, bytes_of
from drafting.errors import RecordError
from drafting.jobs import InlineJobs, Tools
from drafting.record import notes, people, retention, workbench
from drafting.record import practice as practices
from drafting.record.accounts import logins
from drafting.record.keys import Keyring, Master, keyfile, kit, passphrases
from drafting.record.keys.passphrases import Unlocked
from drafting.record.notes import Circumstances
from drafting.record.practice import Practice
from drafting.record.review import lifecycle, reviewing
from drafting.record.store import Stores, in_folder, migrating, reading
from drafting.record.store.tables.record import PRACTICE
from drafting.record.workbench import drafted, media, visits
from drafting.record.workbench.visits import RECORDING, TYPED, Visit
from drafting.settings import Settings
from drafting.types.record import Person, Standing
from drafting.types.review import FlagState, Review, RiskAnswer
from prompts import table

DATA = "practice.toml"
SPOKEN = Path(__file__).parents[2] / "examples" / "spoken.ogg"
"""What is spoken in it; an installation without the examples does without."""

_MARK = "invented"  # the file that says that a folder holds this practice: its public id
_DAMAGED = b"OggS" + bytes(4_000)
_BY = "setup"

Data = Mapping[str, Any]


class NotInvented(RecordError):
    """{folder} holds something else than the invented practice, and is left as it is. Name an empty folder with ASIDE_DATA."""


def folder(settings: Settings) -> Path:
    """Where it is kept: in a folder of its own, beside what is real."""
    return settings.data / "demo"


def apart(settings: Settings) -> Settings:
    """The same settings, with the invented practice in place of the real one."""
    return replace(settings, data=folder(settings), record=None, private=None, keyring=None, key_file=None)


def practice(settings: Settings, tools: Callable[[Settings], Tools], say: Callable[[str], None]) -> str:
    """See that the data folder of `settings` holds the invented practice, and return what to log in with. One that is there is left as it is. Raises
    NotInvented where the folder holds anything else, FileTrouble."""
    home = settings.data
    if not (_there(home) or _is_empty(home)):
        raise NotInvented(folder=home)
    if not _there(home):
        say("aside: making the invented practice, which takes about half a minute")
        _put(home, tools(settings))
    return card(home)


def card(home: Path) -> str:
    """Who may log in, and with what."""
    data = table(DATA)
    who = [f"  {login:5} {p['name']}{', ' + p['credential'] if 'credential' in p else ''} ({p['standing']})" for login, p in data["people"].items()]
    return "\n".join(
        [
            f"An invented practice, in {home}. Everybody knows its passwords: no real client belongs in it.",
            *who,
            f"  password for all: {data['password']}",
            f"  passphrase for all: {data['passphrase']} (asked for after the login; it opens unsigned work)",
        ]
    )


# ── where it lies ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _is_empty(home: Path) -> bool:
    return not home.exists() or (home.is_dir() and not any(home.iterdir()))


def _there(home: Path) -> bool:
    """Whether it is the invented practice that is kept in `home`."""
    mark = home / _MARK
    if not (mark.is_file() and (home / "record.db").is_file()):
        return False
    stores = in_folder(home)
    try:
        return migrating.version(stores.record) is not None and _name(stores) == mark.read_text("utf-8").strip()
    finally:
        stores.close()


def _name(stores: Stores) -> str | None:
    with reading(stores.record) as connection:
        return connection.scalar(select(PRACTICE.c.public_id))


def _put(home: Path, tools: Tools) -> None:
    """Make it beside its place, and move it there whole."""
    try:
        home.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = Path(tempfile.mkdtemp(prefix=f".{home.name}-", dir=home.parent))
        try:
            _made(beside, tools)
            home.mkdir(exist_ok=True)
            beside.replace(home)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        raise FileTrouble(path=home, done="made", reason=error.strerror) from None


def _made(home: Path, tools: Tools) -> None:
    stores, path = in_folder(home), home / "practice.key"
    try:
        migrating.upgrade(stores)
        keyfile.write(path, Master.made())
        making = _Making(Practice(stores, Keyring(stores.keyring, keyfile.read(path)), clock := _Clock()), clock, tools)
        making.all()
        (home / _MARK).write_text(f"{_name(stores)}\n", encoding="utf-8")
    finally:
        stores.close()


# ── how it came about ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class _Clock:
    """The time of day that it is, so many days ago."""

    ago: int = 0

    def __call__(self) -> datetime:
        return datetime.now(UTC) - timedelta(days=self.ago)


@dataclass
class _Making:
    """The practice as it comes about: ids of people and clients by their short names, the keys of those who have some, encounters by their place in
    the data."""

    practice: Practice
    clock: _Clock
    tools: Tools
    people: dict[str, str] = field(default_factory=dict)
    keys: dict[str, Unlocked] = field(default_factory=dict, repr=False)
    clients: dict[str, str] = field(default_factory=dict)
    encounters: dict[int, str] = field(default_factory=dict)

    @property
    def data(self) -> Data:
        return table(DATA)

    @property
    def how(self) -> Circumstances:
        return Circumstances("password", self.data["zone"])

    def all(self) -> None:
        """From its first day to the present one."""
        oldest = max(visit["ago"] for visit in self.data["visits"])
        self.clock.ago = oldest + 1
        kit.prove(self.practice.keyring, *practices.make(self.practice, self.data["jurisdiction"], actor=_BY), now=self.practice.now())
        for login, person in self.data["people"].items():
            self.person(login, person)
        for short, client in self.data["clients"].items():
            self.client(short, client)
        for ago in range(oldest, -1, -1):
            self.clock.ago = ago
            self.day(ago)

    def person(self, login: str, given: Data) -> None:
        over = self.people[given["over"]] if "over" in given else None
        person = Person("", given["name"], Standing(given["standing"]), credential=given.get("credential"), supervisor=over)
        self.people[login] = people.add_person(self.practice, person, by=_BY).id
        logins.create(self.practice, self.people[login], login, self.data["password"], by=_BY)
        if given.get("keys"):
            enrolling = {"now": self.practice.now(), "cost": passphrases.COST}
            self.keys[login] = passphrases.enrol(self.practice.keyring, self.people[login], self.data["passphrase"], **enrolling)

    def client(self, short: str, given: Data) -> None:
        clinician = self.people[given["clinician"]]
        jurisdiction = self.data["jurisdiction"]
        self.clients[short] = people.add_client(self.practice, given["name"], clinician, by=_BY, jurisdiction=jurisdiction).id
        people.write_plan(self.practice, self.clients[short], dict(given["plan"]), by=clinician)

    def day(self, ago: int) -> None:
        """What a timer does at night; then the day's visits, and what is done to those that were taken in by then."""
        retention.run(self.practice)
        for number, visit in enumerate(self.data["visits"]):
            if visit["ago"] == ago and (not visit.get("spoken") or SPOKEN.is_file()):
                self.encounters[number] = self.taken_in(visit)
        for number, visit in enumerate(self.data["visits"]):
            for verb, do in (("signed", self.sign), ("cosigned", self.cosign), ("returned", self.give_back), ("added", self.add)):
                if visit.get(verb) == ago:
                    do(self.encounters[number], visit)

    # ── a visit ──

    def taken_in(self, visit: Data) -> str:
        """Its words taken in and drafted, but for those that the worker shall hear; the encounter's id."""
        client, author = self.clients[visit["client"]], self.people[self.author(visit)]
        kind, suffix, words = _words(visit)
        day = self.practice.now().astimezone(ZoneInfo(self.data["zone"])).date()
        encounter = workbench.receive(self.practice, client, author, day).id
        chosen = {"format": visit.get("format", "soap"), "mode": visit.get("mode"), "zone": self.data["zone"], "asr": "pocketsphinx"}
        visits.put(self.practice, encounter, Visit(media=kind, suffix=suffix, **chosen), by=author)
        media.put(self.practice, encounter, kind, [words], by=author)
        if not visit.get("spoken"):
            InlineJobs(self.practice, self.tools).submit(encounter)
        return encounter

    def author(self, visit: Data) -> str:
        return self.data["clients"][visit["client"]]["clinician"]

    def unlocked(self, visit: Data) -> Unlocked:
        return self.keys[self.author(visit)]

    def over(self, visit: Data) -> Unlocked:
        """The supervisor of its author."""
        return self.keys[self.data["people"][self.author(visit)]["over"]]

    def sign(self, encounter: str, visit: Data) -> None:
        author = self.unlocked(visit)
        notes.sign(self.practice, author, encounter, self.reviewed(encounter, visit).version, self.how)

    def cosign(self, encounter: str, visit: Data) -> None:
        notes.cosign(self.practice, self.over(visit), encounter, self.how)

    def give_back(self, encounter: str, visit: Data) -> None:
        over = self.over(visit)
        notes.give_back(self.practice, over, drafted.load(self.practice, encounter, over.opener), visit["reason"])

    def add(self, encounter: str, visit: Data) -> None:
        notes.add(self.practice, self.unlocked(visit), encounter, visit["addition"], visit["reason"], self.how)

    def reviewed(self, encounter: str, visit: Data) -> Review:
        """The draft with everything answered that its author would have to answer."""
        author = self.unlocked(visit)
        review = self.kept(self.headed(drafted.load(self.practice, encounter, author.opener), visit), author)
        for flag in review.flags:
            if flag.state is FlagState.OPEN:
                review = self.kept(reviewing.accept(review, flag.id), author)
        for risk in review.risks:
            answer = reviewing.answer(review, risk.id, RiskAnswer.DENIED, by=author.person, at=self.practice.now())
            review = self.kept(answer, author)
        for sentence in filter(lifecycle.unsaid, review.sentences):
            review = self.kept(reviewing.confirm(review, sentence.id), author)
        return review

    def headed(self, review: Review, visit: Data) -> Review:
        """With its header, taken from the visit and from the client's plan."""
        plan = self.data["clients"][visit["client"]]["plan"]
        fields = {name: visit[name] for name in ("start", "stop", "place", "code")}
        fields |= {"modality": plan["modality"], "frequency": plan["frequency"], "participants": ("client",)}
        fields |= {"diagnoses": tuple(d["code"] for d in plan["diagnoses"]), "goals": (plan["goals"][0]["id"],)}
        return reviewing.set_header(review, replace(review.header, confirmed=True, **fields))

    def kept(self, review: Review, author: Unlocked) -> Review:
        return drafted.save(self.practice, review, by=author.person)


def _words(visit: Data) -> tuple[str, str, bytes]:
    """What a visit brings: the medium, the ending that says what it is, the bytes."""
    if "text" in visit:
        return TYPED, ".txt", visit["text"].strip().encode()
    return RECORDING, ".ogg", bytes_of(SPOKEN) if visit.get("spoken") else _DAMAGED
