"""Several notes from one dictation: whose part is whose, and nothing of one person's in another's note."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drafting.drafts import read_shares
from drafting.errors import DecisionError
from drafting.pipeline import Work, run_parts
from drafting.pipeline.formats import load
from drafting.pipeline.parts import cue, divide
from drafting.pipeline.source import read_source
from drafting.report import draft_line
from drafting.types import Context
from tests.making import statement

CHILD = """Client reports that school is boring. Affect was bright.
Part for the mother: She reports drinking most evenings since March. I taught her a bedtime routine.
Private: I found myself on her side again.
Back to the client: Next session is Thursday at 4."""


def parts_of(text: str, engines, shares: dict | None = None, **context: object) -> dict[str, Work]:
    works = run_parts(Work(read_source(text.encode(), ".txt"), Context(**context), load("dap"), shares=shares or {}), engines)
    return {w.part.whose if w.part else "": w for w in works}


def words(work: Work) -> str:
    return " ".join(s.text for s in work.draft.sentences)


@pytest.mark.parametrize(
    ("said", "whose"),
    [
        ("For the mother's note: she is worn out", "mother"),
        ("okay now part for the parents:", "parents"),
        ("Mina's part:", "Mina"),
        ("Individual note for Jonas. He spoke of the move", "Jonas"),
        ("Group theme: endings", "everyone"),
        ("For both charts: they agreed to try", "everyone"),
        ("Back to the client:", "client"),
        ("The mother's part took an hour", None),
        ("For the record, he was late", None),
        ("Everyone, he said, was late", None),
        ("Mother's note about school was read", None),
        ("In the group he spoke of his brother", None),
        ("The plan for the mother is unchanged", None),
    ],
)
def test_a_cue_says_whose_the_next_words_are(said: str, whose: str | None) -> None:
    """A cue is heard where it begins a clause and nothing else is meant."""
    assert cue(said) == whose


def test_nothing_of_one_persons_lands_in_anothers_note(engines) -> None:
    """The mother's drinking is in her note alone, the child's school in his, and what is private is in neither."""
    works = parts_of(CHILD, engines)
    assert list(works) == ["client", "mother"]
    child, mother = words(works["client"]), words(works["mother"])
    assert "drinking" in mother and "bedtime" in mother and "school" not in mother and "Thursday" not in mother
    assert "school" in child and "Thursday" in child and "drinking" not in child and "bedtime" not in child
    assert "on her side" not in child + mother
    assert "part for the mother" not in (child + mother).lower()


def test_what_is_for_everyone_is_in_each_note(engines) -> None:
    """A group's theme stands in each member's note, a member's own part in theirs alone."""
    works = parts_of(
        "Group theme: the grounding exercise was reviewed and practised. Individual note for Mina: she reported two panic attacks. "
        "Individual note for Jonas: he reported sleeping well.",
        engines,
    )
    assert list(works) == ["Mina", "Jonas"]
    assert all("grounding exercise" in words(w) for w in works.values())
    assert "panic" in words(works["Mina"]) and "panic" not in words(works["Jonas"])
    assert "sleeping well" in words(works["Jonas"]) and "sleeping well" not in words(works["Mina"])


def test_another_members_name_in_a_note_blocks(engines) -> None:
    """Where a member is named in another's part, screening says that it is another client's name."""
    works = parts_of("Individual note for Mina Sorel: she thanked Tobias Renn twice. Individual note for Tobias Renn: he was quiet.", engines)
    whose = next(w for k, w in works.items() if k.startswith("Mina"))
    assert any("Tobias" in f.text for f in whose.findings)


def test_danger_in_a_part_is_that_parts_risk_item(engines) -> None:
    """A danger that the mother speaks of is asked about with her note and not with the child's."""
    works = parts_of("Client reports poor sleep. Part for the mother: she said she does not want to be alive any more.", engines)
    assert works["mother"].routed.risk_items and not works["client"].routed.risk_items


def test_the_clinicians_word_goes_before_any_cue(engines) -> None:
    """A statement that the clinician gives to somebody is theirs, whatever cue stands before it."""
    text = "He said school is boring. She reports drinking most evenings."
    works = parts_of(text, engines, {"mother": ["s2"]})
    assert "drinking" in words(works["mother"]) and "drinking" not in words(works["client"])


def test_shares_that_make_no_sense_are_refused() -> None:
    """An id that is not there, and one that is given to two people, are told."""
    statements = [statement("He came.", 1), statement("She came.", 2, 9)]
    with pytest.raises(DecisionError, match="no statement s9"):
        divide(statements, {"mother": ["s9"]})
    with pytest.raises(DecisionError, match="two people"):
        divide(statements, {"mother": ["s1"], "father": ["s1"]})


@pytest.mark.parametrize("text", ["[]", '{"mother": "s1"}', '{"mother": [1]}', "no"])
def test_a_file_of_shares_that_is_none_is_told(tmp_path: Path, text: str) -> None:
    """Anything but names with lists of ids is refused."""
    path = tmp_path / "shares.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DecisionError):
        read_shares(path)


def test_a_dictation_for_one_is_one_note(engines) -> None:
    """Without a cue there is one note, and it is nobody's part."""
    assert list(parts_of("Client reports poor sleep. The mother's part in this was discussed.", engines)) == [""]


def test_the_printed_line_of_one_part_holds_no_words_of_another(engines) -> None:
    """In JSON the first note's object leaves out the others' statements, also in what was heard."""
    heard = {"utterances": [{"text": t} for t in ("Client reports poor sleep.", "Part for the mother: she reports drinking most evenings.")]}
    transcript = read_source(json.dumps(heard).encode(), ".json")
    works = run_parts(Work(transcript, Context(), load("dap")), engines)
    line = draft_line("a.json", works, engines)
    others = line.pop("parts")
    assert "drinking" not in json.dumps(line) and "poor sleep" in json.dumps(line)
    assert "drinking" in json.dumps(others) and "poor sleep" not in json.dumps(others)
