"""A note drafted again: other formats, one section, and the clinician's edits kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from drafting.errors import DecisionError, DraftError
from drafting.pipeline.composing import compose, omissions
from drafting.pipeline.formats import load
from drafting.pipeline.redrafting import redraft
from drafting.pipeline.routing import restored
from drafting.types import Context, Draft, DraftSentence, NoteFormat, Polarity, RecordStatement, Role
from tests.making import record

SAID = (
    *record("Client reports poor sleep."),
    *(replace(s, statement=replace(s.statement, id="s2")) for s in record("Affect was flat.", role=Role.OBSERVATION)),
    *(replace(s, statement=replace(s.statement, id="s3")) for s in record("Next session is Tuesday.", role=Role.PLAN)),
)


class Numbered:
    """A writer that writes each statement with a number that grows, so that old and new can be told apart."""

    name = "numbered"

    def __init__(self) -> None:
        self.calls = 0

    def write(self, statements: Sequence[RecordStatement], note_format: NoteFormat, context: Context) -> Draft:
        self.calls += 1
        return Draft(
            note_format, tuple(DraftSentence(note_format.section_of(s.role).key, f"{s.words} {self.calls}", (s.id,)) for s in statements), self.name
        )


@pytest.fixture
def writer() -> Numbered:
    return Numbered()


def texts(draft: Draft, key: str) -> list[str]:
    return [s.text for s in draft.section(key)]


def edited(draft: Draft, evidence: tuple[str, ...], text: str) -> Draft:
    return replace(draft, sentences=tuple(replace(s, text=text, edited=True) if s.evidence == evidence else s for s in draft.sentences))


def test_another_format_from_the_same_statements(writer: Numbered) -> None:
    """Every statement is in the new format's sections, and none is heard again."""
    again = redraft(compose(SAID, load("soap"), writer, Context()), SAID, load("dap"), writer, Context())
    assert texts(again, "data") == ["Client reports poor sleep. 2", "Affect was flat. 2"] and texts(again, "plan") == ["Next session is Tuesday. 2"]


def test_one_section_alone_is_written_anew(writer: Numbered) -> None:
    """The other sections stay word for word."""
    again = redraft(compose(SAID, load("soap"), writer, Context()), SAID, load("soap"), writer, Context(), "plan")
    assert texts(again, "plan") == ["Next session is Tuesday. 2"] and texts(again, "subjective") == ["Client reports poor sleep. 1"]


def test_the_clinicians_edits_are_kept(writer: Numbered) -> None:
    """An edited sentence stands where its statements would be written, in the new format too, and they are not written twice."""
    draft = edited(compose(SAID, load("soap"), writer, Context()), ("s1",), "Sleep is poor, five hours.")
    again = redraft(draft, SAID, load("birp"), writer, Context())
    assert texts(again, "behavior") == ["Sleep is poor, five hours.", "Affect was flat. 2"]
    assert [s.edited for s in again.section("behavior")] == [True, False] and again.omitted == ()
    assert texts(redraft(draft, SAID, load("soap"), writer, Context(), "subjective"), "subjective") == ["Sleep is poor, five hours."]


def test_a_sentence_that_the_clinician_added_is_kept(writer: Numbered) -> None:
    """It rests on no statement, and still goes to the section of the same kind."""
    draft = compose(SAID, load("soap"), writer, Context())
    draft = replace(draft, sentences=(*draft.sentences, DraftSentence("subjective", "Added by hand.", (), edited=True)))
    assert texts(redraft(draft, SAID, load("dap"), writer, Context()), "data")[-1] == "Added by hand."


def test_what_cannot_be_drafted_again_is_told(writer: Numbered) -> None:
    """A section that the format lacks, and one section of another format."""
    draft = compose(SAID, load("soap"), writer, Context())
    with pytest.raises(DraftError, match="no section data"):
        redraft(draft, SAID, load("soap"), writer, Context(), "data")
    with pytest.raises(DraftError, match="own format"):
        redraft(draft, SAID, load("dap"), writer, Context(), "data")


def test_omissions_name_danger_then_medication_then_plan(writer: Numbered) -> None:
    """What no sentence rests on is listed with what matters most first."""
    roles = (Role.REPORT, Role.PLAN, Role.MEDICATION, Role.RISK)
    left = [replace(s, role=r) for s, r in zip(record("a", "b", "c", "d"), roles, strict=True)]
    assert omissions((), left) == ("s4", "s3", "s2", "s1")


def test_a_printed_draft_gives_back_its_record_and_nothing_private() -> None:
    """Only record rows come back; a row without text is refused in words."""
    rows = [
        {
            "id": "s1",
            "text": "Sleep is poor.",
            "start": 0,
            "end": 14,
            "audio": None,
            "speaker": None,
            "route": "record",
            "role": "report",
            "risk": False,
        },
        {"id": "s2", "text": None, "start": 15, "end": 30, "audio": None, "speaker": None, "route": "private", "role": None, "risk": False},
    ]
    assert [s.words for s in restored(rows).record] == ["Sleep is poor."]
    with pytest.raises(DecisionError):
        restored([{"id": "s1", "route": "record"}])


def test_a_risk_item_comes_back_with_its_answer() -> None:
    """What stood before a signature stands before it still: a note drafted again is held to the same danger."""
    item = {"id": "r1", "topic": "firearm access", "whose": "the client", "polarity": "unclear", "evidence": ["s9"], "answered": True}
    (risk,) = restored([], [item]).risk_items
    assert (risk.topic, risk.polarity, risk.evidence, risk.answered) == ("firearm access", Polarity.UNCLEAR, ("s9",), True)
    with pytest.raises(DecisionError):
        restored([], [item | {"polarity": "perhaps"}])
