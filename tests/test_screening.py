"""Screening a draft: findings are placed in their section and sentence, and a person introduced in one sentence is known in the next."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drafting.pipeline.formats import load
from drafting.pipeline.screening import screen, screen_text
from drafting.types import Context, Draft, DraftSentence, PhiFinding, Severity

SOAP = load("soap")


class Words:
    """A scanner that finds every word "Xan" and, where one is asked for, a stretch over a sentence's end."""

    name = "words"

    def __init__(self, over: bool = False) -> None:
        self.over = over
        self.seen: list[str] = []

    def scan(self, text: str, context: Context, profile: str = "chart") -> tuple[PhiFinding, ...]:
        self.seen.append(text)
        found, at = [], text.find("Xan")
        while at >= 0:
            end = len(text) if self.over else at + 3
            found.append(PhiFinding(at, end, text[at:end], "PERSON", "F03", Severity.HIGH, "why", "a friend"))
            at = text.find("Xan", end)
        return tuple(found)


def draft(*said: tuple[str, str]) -> Draft:
    return Draft(SOAP, tuple(DraftSentence(section, text, ("s1",)) for section, text in said), "test")


words = st.lists(st.sampled_from(["Xan", "slept", "well", "é", "👍"]), min_size=1, max_size=6).map(" ".join)
sentences = st.lists(st.tuples(st.sampled_from([s.key for s in SOAP.sections]), words), max_size=8)


@given(sentences)
def test_each_finding_is_where_it_says(said: list[tuple[str, str]]) -> None:
    """Section, number and offsets lead to the words, and no finding is lost on the way."""
    d = draft(*said)
    findings = screen(d, Words(), Context())
    assert len(findings) == sum(text.count("Xan") for _, text in said)
    for f in findings:
        assert d.section(f.section)[f.sentence].text[f.start : f.end] == f.text == "Xan"


def test_a_finding_that_runs_on_is_cut_at_its_sentence() -> None:
    """A scanner that marks past the end of a sentence cannot mark the next one."""
    (f,) = screen(draft(("subjective", "So Xan left."), ("plan", "Meet on Tuesday.")), Words(over=True), Context())
    assert (f.section, f.sentence, f.text) == ("subjective", 0, "Xan left.")


def test_an_empty_draft_asks_nothing_of_the_scanner() -> None:
    """No sentence, no finding."""
    scanner = Words()
    assert screen(draft(), scanner, Context()) == () and scanner.seen == []


def test_a_person_is_known_from_one_section_to_the_next(engines) -> None:
    """The real scanner reads the draft whole: the relation given in one sentence stands for the name in another."""
    d = draft(("subjective", "Client argued with her brother Bohdan."), ("plan", "Client will call Bohdan on Friday."))
    assert [(f.section, f.text, f.suggestion) for f in screen(d, engines.scanner, Context())] == [
        ("subjective", "her brother Bohdan", "her brother"),
        ("plan", "Bohdan", "her brother"),
    ]


@pytest.mark.parametrize("profile", ["chart", "payer", "supervision", "client_copy", "uk_sar"])
def test_any_text_can_be_screened_for_any_reader(engines, profile: str) -> None:
    """The same scanner serves `aside screen`; another person's name is raised for every reader."""
    findings = screen_text("Write to her friend Nokuthula.", engines.scanner, Context(), profile)
    assert [(f.kind, f.section, f.sentence) for f in findings] == [("F03", None, None)]
