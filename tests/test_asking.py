"""What the format asks and nobody said is asked, never filled."""

from __future__ import annotations

from drafting.pipeline.asking import ask
from drafting.pipeline.formats import load
from drafting.types import Draft, DraftSentence, ElementReport
from prompts import table


def test_homework_that_was_not_mentioned_is_asked_for_in_the_plan() -> None:
    """The question stands where the answer would, and no sentence is written for it."""
    draft = Draft(load("soap"), (DraftSentence("plan", "Next session is Tuesday.", ("s1",)),), "test")
    asked = ask(draft, ElementReport(warnings=("E14",)))
    (homework,) = [q for q in asked.questions if q.element == "E14"]
    assert homework.section == "plan" and "homework" in homework.text.lower()
    assert asked.sentences == draft.sentences


def test_an_empty_section_asks_its_own_first_question() -> None:
    """Where nothing stands in a section and no element asks for it, the format's question does."""
    soap = load("soap")
    asked = ask(Draft(soap, (), "test"), ElementReport(missing=("E07",)))
    by_section = {q.section: q.text for q in asked.questions}
    assert by_section["objective"] == soap.sections[1].questions[0]
    assert sum(q.section == "plan" for q in asked.questions) == 1


def test_every_question_finds_its_section_in_every_format() -> None:
    """Each question's role is one that formats take, so that none can be lost."""
    codes = [c for c in table("questions.toml") if c.startswith("E")]
    for key in ("soap", "dap", "birp", "pie", "narrative"):
        draft = ask(Draft(load(key), (), "test"), ElementReport(missing=tuple(codes)))
        assert {q.element for q in draft.questions} >= set(codes)
