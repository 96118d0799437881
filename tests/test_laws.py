"""The laws, as far as one dictation reaches: each a test of behaviour."""

from __future__ import annotations

import json
import logging
from dataclasses import fields, is_dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drafting import types
from drafting.pipeline import Work, run
from drafting.pipeline.formats import available, load
from drafting.pipeline.source import read_source
from drafting.report import draft_line
from drafting.types import Context, Route, Support

CANARY = "Zanzibar7 marmalade"
DICTATION = f"""We met from 2:05 to 2:58 by video. Client reports poor sleep and low mood.
I taught paced breathing and she practised it twice. Private: I keep thinking of {CANARY} when she talks.
I felt oddly bored, {CANARY}, but she stopped lithium ten days ago. Off the record, {CANARY} and the shotgun in his truck.
Next session is Tuesday at 4."""
MUSINGS = [
    "I felt bored by him.",
    "I wonder whether I was too harsh.",
    "Note to self: slow down.",
    "She reminds me of my sister.",
    "Take to supervision: did I rush?",
]
FACTS = [
    "Client reports poor sleep.",
    "Affect was flat.",
    "We reviewed the thought record.",
    "PHQ-9 was 12.",
    "She denied suicidal thoughts.",
    "Next session is Tuesday.",
]


def work_of(text: str, engines, key: str = "soap", **context: object) -> Work:
    return run(Work(read_source(text.encode(), ".txt"), Context(**context), load(key)), engines)


def test_law_1_the_writer_never_sees_a_private_word(engines) -> None:
    """What reaches the writer holds no private word, in any format."""
    for note_format in available():
        work = work_of(DICTATION, engines, note_format.key)
        assert CANARY not in " ".join(s.words for s in work.routed.record)
        assert CANARY not in " ".join(s.text for s in work.draft.sentences)


def test_law_2_a_canary_is_in_no_output(engines, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    """The JSON line, the logs and every repr on the way are free of private words."""
    with caplog.at_level(logging.DEBUG):
        work = work_of(DICTATION, engines)
        line = json.dumps(draft_line("a.txt", [work], engines))
    assert "Zanzibar7" not in line and "Zanzibar7" not in repr(work)
    assert "Zanzibar7" not in caplog.text + "".join(capsys.readouterr())


def test_law_3_held_counts_as_private(engines) -> None:
    """What is held is in no sentence, and its text is in no line."""
    work = work_of("Thursdays, then, and the long corridor.", engines)
    assert work.routed.on(Route.HELD) and not work.draft.sentences
    assert "corridor" not in json.dumps(draft_line("a.txt", [work], engines))


def test_law_4_risk_is_never_swallowed(engines) -> None:
    """After "off the record" a weapon is a risk item, and medication beside a reflection is record."""
    work = work_of(DICTATION, engines)
    assert "access to a firearm" in [r.topic for r in work.routed.risk_items]
    assert any("lithium" in s.text for s in work.draft.sentences)


@pytest.mark.parametrize("fact", [f for f in FACTS if "denied" not in f])
def test_law_5_no_invented_negative(engines, fact: str) -> None:
    """A dictation without a word on risk gives no sentence that denies any, and says that it is missing."""
    work = work_of(fact, engines)
    assert not any("denie" in s.text.lower() or "no si" in s.text.lower() for s in work.draft.sentences)
    assert "E05" in work.elements.missing


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(MUSINGS + FACTS), min_size=1, max_size=8, unique=True))
def test_law_6_every_sentence_has_evidence(engines, parts: list[str]) -> None:
    """Whatever is mixed, each sentence rests on record statements and is supported by them; no musing is among them, and no fact is put away unasked:
    it is record, or held for the clinician."""
    work = work_of(" ".join(parts), engines)
    record = {s.id: s.words for s in work.routed.record}
    for sentence in work.draft.sentences:
        assert sentence.evidence and set(sentence.evidence) <= set(record) and sentence.support is Support.SUPPORTED
    said = " ".join(record.values())
    assert not any(m in said for m in MUSINGS)
    away = {p.statement.text for p in work.routed.placed if p.route in (Route.PRIVATE, Route.SET_ASIDE)}
    assert not away & set(FACTS)


def test_law_7_nothing_leaves_the_machine(engines) -> None:
    """A whole draft runs while every connection and every look-up of a host fails the test."""
    assert work_of(DICTATION + "\n\nClient said to write to her at mina.example@post.example or see www.clinic.example.", engines).findings


def test_law_9_types_that_hold_text_do_not_print_it() -> None:
    """No field that holds somebody's words is in a repr."""
    holders = [(name, "text") for name in ("Statement", "Utterance", "Word", "Transcript", "DraftSentence", "PhiFinding", "Edit")]
    for name, attribute in [*holders, ("DraftSentence", "said"), ("Style", "example"), ("Style", "phrases"), ("Context", "client_names")]:
        cls = getattr(types, name)
        assert not next(f for f in fields(cls) if f.name == attribute).repr, name
    for cls in vars(types).values():
        if is_dataclass(cls):
            assert cls.__dataclass_params__.frozen and "__slots__" in vars(cls), cls
