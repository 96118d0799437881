"""A practice that the commands made, for their tests: `aside` in a folder of its own, and a signed note in it."""

from __future__ import annotations

import atexit
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from typer.testing import CliRunner, Result

from drafting import wiring
from drafting.__main__ import app
from drafting.pipeline import Work
from drafting.pipeline.formats import load
from drafting.record import notes, workbench
from drafting.record.keys import passphrases
from drafting.record.keys.passphrases import Unlocked
from drafting.record.notes import Circumstances
from drafting.record.practice import Practice
from drafting.record.review import reviewing
from drafting.record.workbench import drafted
from drafting.settings import read_settings
from drafting.types import Context, Draft, DraftSentence, ElementReport, Placed, RecordStatement, Role, Route, Routed, Transcript
from tests.making import statement
from tests.stores import CHEAP

PHRASE = "quiet green lanterns"
NAME = "Wren Alder"
SLEPT = "Wren slept three hours a night."
TAUGHT = "Grounding was taught and practised."
NEXT = "Next session on Tuesday."
ASIDE = "I felt oddly relieved at the heliotrope umbrella."
_SAID = ((SLEPT, "subjective", Role.REPORT), (TAUGHT, "objective", Role.INTERVENTION), (ASIDE, None, None), (NEXT, "plan", Role.PLAN))


@dataclass
class Place:
    """A folder in which a practice is kept. `halves` of its kit, `ids` of the people and the client by a short name, `more` settings."""

    folder: Path
    halves: tuple[str, str] = ("", "")
    ids: dict[str, str] = field(default_factory=dict)
    more: dict[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        return {"ASIDE_DATA": str(self.folder), **self.more}

    def __getattr__(self, short: str) -> str:
        """The id of somebody or something, by its short name."""
        try:
            return self.__dict__["ids"][short]
        except KeyError:
            raise AttributeError(short) from None

    def __call__(self, *args: object, told: str = "") -> Result:
        """`aside` with `args`; `told` is what is typed."""
        return CliRunner().invoke(app, [str(a) for a in args], input=told, env=self.env)

    def done(self, *args: object, told: str = "") -> str:
        """The standard output of a call that must not fail."""
        result = self(*args, told=told)
        assert result.exit_code == 0, result.output + repr(result.exception)
        return result.stdout.lstrip(" \n")  # what the runner shows of a hidden question

    def refused(self, *args: object, told: str = "", code: int = 1) -> str:
        """The one line on standard error of a call that must fail; nothing is on standard output."""
        result = self(*args, told=told)
        assert result.exit_code == code, (result.output, result.exception)
        assert result.stdout.strip() == ""
        lines = [line for line in result.stderr.splitlines() if line.startswith("aside: ")]
        assert len(lines) == 1 or code == 2, result.stderr
        return lines[0] if lines else result.stderr

    def kit(self, *halves: str) -> tuple[Path, ...]:
        """The halves, the present ones if none are given, in two files."""
        return tuple(self.secret(half, f"half{number}") for number, half in enumerate(halves or self.halves, 1))

    def secret(self, words: str = PHRASE, name: str = "phrase") -> Path:
        """A passphrase, or another secret, in a file."""
        file = self.folder.parent / f"{name}.txt"
        file.write_text(f"{words}\n", encoding="utf-8")
        return file

    @contextmanager
    def practice(self) -> Iterator[Practice]:
        practice = wiring.practice(read_settings(self.env))
        try:
            yield practice
        finally:
            practice.stores.close()

    def told(self, action: str) -> list[dict]:
        """The events of that action on the audit trail."""
        from drafting.record import audit

        with self.practice() as practice, practice.look() as connection:
            return [event for _, event in audit.events(connection) if event["action"] == action]


def printed(text: str) -> tuple[str, str]:
    """Both halves of a kit, from what was printed."""
    one, other = re.findall(r"^ {4}(ASIDE-\S+)$", text, re.M)
    return one, other


def enrolled(practice: Practice, person: str) -> Unlocked:
    return passphrases.enrol(practice.keyring, person, PHRASE, now=practice.now(), cost=CHEAP)


def work(day: datetime) -> Work:
    """A dictation that has come all the way: three sentences for the note, one aside."""
    placed, at = [], 0
    for n, (text, _, role) in enumerate(_SAID, 1):
        placed.append(Placed(statement(text, n, at, role=role or Role.REPORT), Route.RECORD if role else Route.PRIVATE, "test", 1.0, role))
        at += len(text) + 1
    record = tuple(RecordStatement(p.statement, p.role, "test") for p in placed if p.route is Route.RECORD)
    sentences = tuple(DraftSentence(section, text, (f"s{n}",)) for n, (text, section, _) in enumerate(_SAID, 1) if section)
    return replace(
        Work(Transcript(" ".join(text for text, _, _ in _SAID), ()), Context(date_of_service=day.date()), load("soap")),
        statements=tuple(p.statement for p in placed),
        routed=Routed(tuple(placed), record, (), ()),
        draft=Draft(load("soap"), sentences, "plain:1"),
        elements=ElementReport(),
    )


def drafted_note(practice: Practice, client: str, author: str) -> str:
    """An encounter whose draft stands."""
    day = datetime.now(UTC) - timedelta(days=1)
    encounter = workbench.receive(practice, client, author, day.date())
    drafted.stand(practice, encounter, work(day))
    return encounter.id


def signed_note(practice: Practice, client: str, author: Unlocked) -> str:
    """An encounter whose note is signed."""
    encounter = drafted_note(practice, client, author.person)
    review = drafted.load(practice, encounter, author.opener)
    header = replace(review.header, start="14:03", stop="14:56", code="90837", diagnoses=("F41.1",), goals=("G1",), modality="CBT", confirmed=True)
    review = drafted.save(practice, reviewing.set_header(review, header), by=author.person)
    notes.sign(practice, author, encounter, review.version, Circumstances("passphrase", "UTC"))
    return encounter


def rows(text: str) -> list[dict]:
    """JSON lines."""
    return [json.loads(line) for line in text.splitlines()]


@cache
def _begun() -> Place:
    """A practice that the commands began, made once: an administrator `di`, clinicians `ada` and `cy`, a supervisor `sue` with a trainee `bo`, all with
    keys; `wren`, a client of ada's; and a note that ada signed, `visit`, with its aside in `note`."""
    home = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, home)
    place = Place(home / "data")
    place.halves = printed(place.done("keys", "init"))
    place.done("keys", "prove", "--halves", *place.kit())
    given = (
        ("di", "Di Fenn", "--standing", "administrator"),
        ("ada", "Ada Quill", "--credential", "LCSW"),
        ("cy", "Cy Marsh"),
        ("sue", "Sue Orchard", "--standing", "supervisor"),
    )
    place.ids = {short: place.done("people", "add", *rest).strip() for short, *rest in given}
    place.ids["bo"] = place.done("people", "add", "Bo Tern", "--standing", "trainee", "--supervisor", place.ids["sue"]).strip()
    place.ids["wren"] = place.done("clients", "add", "--clinician", place.ids["ada"], told=f"{NAME}\n").strip()
    with place.practice() as practice:
        unlocked = {short: enrolled(practice, place.ids[short]) for short in ("di", "ada", "cy", "sue", "bo")}
        place.ids["visit"] = signed_note(practice, place.ids["wren"], unlocked["ada"])
    place.ids["note"] = f"{place.ids['visit']}-s3"
    return place


def copied(tmp_path: Path) -> Place:
    """The practice of `_begun`, for one test to change."""
    begun = _begun()
    shutil.copytree(begun.folder, tmp_path / "data")
    return Place(tmp_path / "data", begun.halves, dict(begun.ids))
