"""A practice that the commands made, for their tests: `aside` in a folder of its own, and a signed note in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from typer.testing import CliRunner, Result

from drafting import wiring
from drafting.__main__ import app
from drafting.pipeline import Work
from drafting.pipeline.formats import load
from drafting.record import drafted, notes, passphrases, reviewing, workbench
from drafting.record.notes import Circumstances
from drafting.record.passphrases import Unlocked
from drafting.record.practice import Practice
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
    """A folder in which a practice is kept. `halves` of its kit, `ids` of the people and the client by a short name."""

    folder: Path
    halves: tuple[str, str] = ("", "")
    ids: dict[str, str] | None = None

    def __call__(self, *args: object, told: str = "") -> Result:
        """`aside` with `args`; `told` is what is typed."""
        return CliRunner().invoke(app, [str(a) for a in args], input=told, env={"ASIDE_DATA": str(self.folder)})

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

    def kit(self, *names: str) -> tuple[Path, Path]:
        """The halves in two files."""
        files = tuple(self.folder.parent / f"half{number}.txt" for number in (1, 2))
        for file, half in zip(files, names or self.halves, strict=True):
            file.write_text(half + "\n")
        return files

    @contextmanager
    def practice(self) -> Iterator[Practice]:
        practice = wiring.practice(read_settings({"ASIDE_DATA": str(self.folder)}))
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
