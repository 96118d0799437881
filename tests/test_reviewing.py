"""A draft under review: how it begins, every change to it, what leaves it when words turn private, and how far it is from what was signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drafting.errors import NotKnown, NotPermitted, PolicyError
from drafting.pipeline import Engines, Work, run
from drafting.pipeline.formats import load
from drafting.record.review import canonical, lifecycle, reviewing
from drafting.record.review.comparing import compared, word_distance
from drafting.record.review.lifecycle import NothingWritten, blocks
from drafting.record.review.reviewing import BadHeader, KeptPrivate, opened
from drafting.record.review.said_times import said_times
from drafting.types import (
    Context,
    Draft,
    DraftSentence,
    ElementReport,
    PhiFinding,
    Placed,
    Polarity,
    Prompt,
    RecordStatement,
    RiskItem,
    Role,
    Route,
    Routed,
    Severity,
    Support,
    Transcript,
)
from drafting.types.review import FlagState, NoteHeader, Origin, Review, RiskAnswer
from tests.making import statement, transcript

SOAP = load("soap")
AT = datetime(2026, 11, 18, 15, 0, tzinfo=UTC)
SAID = (
    ("Maria from Northgate Logistics called.", "subjective", Route.RECORD),
    ("Client slept badly.", "subjective", Route.RECORD),
    ("Session from 2:03 to 2:56 pm.", "objective", Route.RECORD),
    ("Next session in a week.", "plan", Route.RECORD),
    ("I dreaded the hour.", None, Route.PRIVATE),
    ("It may all hang together.", None, Route.HELD),
    ("He might have taken them all.", None, Route.HELD),
    ("Lithium goes on.", None, Route.HELD),
)


def finding(number: int, text: str, kind: str, severity: Severity, suggestion: str, section: str = "subjective") -> PhiFinding:
    whole = [t for t, s, _ in SAID if s == section][number]
    return PhiFinding(whole.index(text), whole.index(text) + len(text), text, "X", kind, severity, "reason", suggestion, 1.0, section, number)


FOUND = (
    finding(0, "Maria", "F03", Severity.HIGH, "A friend"),
    finding(0, "Northgate Logistics", "F05", Severity.MED, "a local company"),
    finding(1, "Client", "F01", Severity.LOW, "The client"),
)


def work(findings: tuple[PhiFinding, ...] = FOUND, missing: tuple[str, ...] = ("E06",), risks: bool = True, **more: object) -> Work:
    """A dictation that has come all the way, with what the test wants to have been found."""
    statements, at = [], 0
    for n, (text, _, _) in enumerate(SAID, 1):
        role = Role.LOGISTICS if "Session" in text else Role.REPORT
        statements.append(statement(text, n, at, role=role, elements={"X1": 0.9, "X8": 0.9} if "Lithium" in text else {}))
        at += len(text) + 1
    placed = tuple(
        Placed(s, route, "test", 1.0, max(s.clause.roles, key=s.clause.roles.get), risk="taken" in s.text)
        for s, (_, _, route) in zip(statements, SAID, strict=True)
    )
    record = tuple(RecordStatement(p.statement, p.role, "test") for p in placed if p.route is Route.RECORD)
    items = (RiskItem("r1", "suicide", "the client", Polarity.UNCLEAR, ("s7",)),) if risks else ()
    sentences = tuple(DraftSentence(section, text, (f"s{n}",)) for n, (text, section, _) in enumerate(SAID, 1) if section)
    return replace(
        Work(Transcript("", ()), Context(date_of_service=date(2026, 11, 17)), SOAP),
        statements=tuple(statements),
        routed=Routed(placed, record, items, (Prompt("X8", ("s8",)),)),
        draft=Draft(SOAP, sentences, "plain:1"),
        elements=ElementReport(missing, ("E10",)),
        findings=findings,
        **more,
    )


def begun(*, allowed: tuple[str, ...] = (), previous: Review | None = None, **more: object) -> Review:
    return opened(work(**more), encounter="E1", client="C1", allowed=allowed, previous=previous)


def text(review: Review, sentence: str) -> str:
    return next(s.text for s in review.sentences if s.id == sentence)


def fits(review: Review) -> bool:
    """Every flag lies on its words, or on its replacement where that stands."""
    standing = {f.id: text(review, f.sentence)[f.start : f.end] for f in review.flags}
    wanted = {f.id: f.suggestion if f.state is FlagState.APPLIED else f.words for f in review.flags}
    return all(standing[name].casefold().split() == words.casefold().split() for name, words in wanted.items())


# ── how it begins ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_review_begins_with_replacements_applied() -> None:
    """Low and medium findings are replaced and keep their words in the flag; a high one stands open; offsets fit what is read."""
    review = begun()
    assert review.version == 1
    assert [s.text for s in review.sentences][:2] == ["Maria from a local company called.", "The client slept badly."]
    assert [(f.id, f.sentence, f.words, f.state) for f in review.flags] == [
        ("f1", "n1", "Maria", FlagState.OPEN),
        ("f2", "n1", "Northgate Logistics", FlagState.APPLIED),
        ("f3", "n2", "Client", FlagState.APPLIED),
    ]
    assert fits(review)


def test_what_stands_beside_the_note() -> None:
    """Held words with what makes them matter, private ids without words, prompts, the risk item unanswered, and a header to confirm."""
    review = begun()
    assert [(h.statement, h.risk, h.elements, h.decision) for h in review.held] == [
        ("s6", False, (), None),
        ("s7", True, (), None),
        ("s8", False, ("X1",), None),
    ]
    assert (review.private, review.prompts, review.missing, review.warnings) == (("s5",), (("X8", ("s8",)),), ("E06",), ("E10",))
    assert [(r.id, r.answer) for r in review.risks] == [("r1", None)]
    header = review.header
    assert (header.client, header.date_of_service, header.start, header.stop, header.confirmed) == ("C1", date(2026, 11, 17), "14:03", "14:56", False)
    assert b"dreaded" not in canonical.review_bytes(review)


@pytest.mark.parametrize(
    ("found", "allowed", "state"),
    [
        (finding(0, "Northgate Logistics", "F05", Severity.MED, "a local company"), ("northgate  LOGISTICS",), FlagState.REMEMBERED),
        (finding(0, "Northgate Logistics", "F05", Severity.MED, "a local company"), ("Northgate",), FlagState.APPLIED),
        (finding(0, "Maria", "F03", Severity.HIGH, "A friend"), ("Maria",), FlagState.REMEMBERED),
        (finding(0, "Maria", "F04", Severity.BLOCK, "Another client"), ("Maria",), FlagState.OPEN),
        (finding(0, "Maria", "F09", Severity.BLOCK, "on file"), (), FlagState.OPEN),
        (finding(0, "called", "F12", Severity.MED, "[paraphrase]"), (), FlagState.OPEN),
        (finding(0, "called", "F24", Severity.MED, ""), (), FlagState.OPEN),
    ],
)
def test_the_first_state_of_a_finding(found: PhiFinding, allowed: tuple[str, ...], state: FlagState) -> None:
    """Words that treatment needs are remembered, never those of another client; where there is nothing to put in their place, a person decides."""
    assert begun(findings=(found,), allowed=allowed).flags[0].state is state


def test_danger_that_nobody_spoke_of_is_a_blank() -> None:
    """T6: where the note must say something of danger and nothing was said, one question is asked; none is filled in, and none is asked twice."""
    review = begun(missing=("E05",), risks=False)
    assert [(r.evidence, r.answer, r.polarity) for r in review.risks] == [((), None, Polarity.UNCLEAR)]
    assert [b.code for b in blocks(review) if b.code in ("risk", "E05")] == ["risk"]
    assert len(begun(missing=("E05",)).risks) == 1
    assert begun(missing=(), risks=False).risks == ()


def test_the_pipelines_own_work_is_opened(engines: Engines) -> None:
    """A dictation through every stage: the review holds no private word, its flags fit, and danger is asked about."""
    said = """Client slept four hours and said her sister Maria keeps calling. She works at Northgate Logistics. We used CBT thought records and
    she engaged well. She said she sometimes wishes she would not wake up. I found myself dreading her, it reminded me of my own mother."""
    made = run(Work(transcript(" ".join(said.split())), Context(), SOAP), engines)
    review = opened(made, encounter="E1", client="C1", allowed=())
    assert fits(review)
    assert {f.words for f in review.flags} >= {"Northgate Logistics"}
    assert "risk" in {b.code for b in blocks(review)}
    assert b"mother" not in canonical.review_bytes(review)
    assert canonical.review_of(canonical.review_bytes(review)) == review


# ── said times ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "times"),
    [
        (("Met from 2:03 to 2:56 pm.",), ("14:03", "14:56")),
        (("Met from 2:03 p.m. until 2:56 p.m.",), ("14:03", "14:56")),
        (("11:30 to 12:20 pm",), ("11:30", "12:20")),
        (("11:30 am to 12:20",), ("11:30", "12:20")),
        (("Session 2 to 2:50pm.",), ("14:00", "14:50")),
        (("14:03–14:56",), ("14:03", "14:56")),
        (("09:10 to 10:00",), ("09:10", "10:00")),
        (("Session 12:30 to 13:20.",), ("12:30", "13:20")),
        (("We started at 9:05 am.", "It ended at 9:55 am."), ("09:05", "09:55")),
        (("Session started at 14:05.",), ("14:05", None)),
        (("From 11:40 pm to 12:30 am.",), ("23:40", "00:30")),
        (("Met 2:03 to 2:56 pm.", "So 2:03 to 2:56 pm it was."), ("14:03", "14:56")),
        (("Met from 2:03 to 2:56.",), (None, None)),
        (("Met from two to two fifty.",), (None, None)),
        (("Met from 2 to 3.",), (None, None)),
        (("Met 2:03 to 2:56 pm.", "No, 2:10 to 3:00 pm."), (None, None)),
        (("Next session from 2:00 to 2:50 pm.",), (None, None)),
        (("Rescheduled to 2:00 to 2:50 pm.",), (None, None)),
        (("She works from 9 am to 5 pm.",), (None, None)),
        (("The office is open 8:00 am to 5:00 pm.",), (None, None)),
        (("25:10 to 26:00 pm",), (None, None)),
        (("Met from 9 to 13:20.",), (None, None)),
        (("Session 2 pm to 2.",), (None, None)),
        (("Started at 9:05 am.", "Started at 9:15 am."), (None, None)),
        (("Paid $2 to 3 pm clinic.", "GAD went from 12 to 9."), (None, None)),
        ((), (None, None)),
    ],
)
def test_said_times(said: tuple[str, ...], times: tuple[str | None, str | None]) -> None:
    """Times are offered where half of the day is beyond doubt and they were said in one way; otherwise none."""
    assert said_times(said) == times


# ── findings ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_replacement_is_accepted_and_taken_back() -> None:
    """The words give way and come back to the letter, and the offsets of the others follow."""
    review = begun()
    accepted = reviewing.accept(review, "f1")
    assert text(accepted, "n1") == "A friend from a local company called."
    assert fits(accepted)
    back = reviewing.revert(reviewing.revert(accepted, "f1"), "f2")
    assert text(back, "n1") == SAID[0][0]
    assert fits(back)
    assert {f.state for f in back.flags if f.sentence == "n1"} == {FlagState.OPEN}
    assert reviewing.accept(accepted, "f1") == replace(accepted, version=3)


def test_words_are_kept_or_remembered() -> None:
    """A replacement that stood gives way to the words; the reason stays in the flag; the sentence stays the draft's."""
    kept = reviewing.keep(begun(), "f2", "the employer is the stressor")
    assert text(kept, "n1") == SAID[0][0]
    assert [(f.state, f.why) for f in kept.flags if f.id == "f2"] == [(FlagState.KEPT, "the employer is the stressor")]
    remembered = reviewing.remember(kept, "f1")
    assert next(f for f in remembered.flags if f.id == "f1").state is FlagState.REMEMBERED
    assert remembered.sentences[0].origin is Origin.DRAFTED
    assert fits(remembered)


def test_another_client_cannot_be_kept_or_remembered() -> None:
    """To keep the words of such a finding clears nothing, to remember them is refused; the replacement, or other words, clear it."""
    review = begun(findings=(finding(0, "Maria", "F04", Severity.BLOCK, "Another client"),))
    assert blocks(reviewing.keep(review, "f1", "known to all"))[0].code == "F04"
    with pytest.raises(NotPermitted):
        reviewing.remember(review, "f1")
    for cleared in (reviewing.accept(review, "f1"), reviewing.edit(review, "n1", "A friend called."), reviewing.strike(review, "n1")):
        assert "F04" not in [b.code for b in blocks(cleared)]
    assert blocks(reviewing.revert(reviewing.accept(review, "f1"), "f1"))[0].code == "F04"


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("Maria", "from Northgate Logistics called."),
        ("called", "Maria from Northgate Logistics."),
        ("from", "Maria Northgate Logistics called."),
    ],
)
def test_a_word_taken_out_leaves_no_gap_in_the_note(words: str, left: str) -> None:
    """With nothing to stand in its place, what is signed has no double space and none before the full stop; taken back, it is as it was."""
    taken = reviewing.accept(begun(findings=(finding(0, words, "F24", Severity.MED, ""),)), "f1")
    note = lifecycle.signed(taken, note_id="N1", number=1, signed_on=AT, due_hours=72, urgent=True)
    assert note.sections[0].sentences[0].text == left
    assert text(reviewing.revert(taken, "f1"), "n1") == SAID[0][0]


@pytest.mark.parametrize("order", [("f1", "f2"), ("f2", "f1")])
def test_neighbours_come_back_in_their_order(order: tuple[str, str]) -> None:
    """Two findings with nothing between them, both taken out, come back as they stood, whichever comes first."""
    found = (finding(0, "Maria", "F24", Severity.MED, ""), finding(0, " from", "F25", Severity.MED, ""))
    review = begun(findings=found)
    for flag in order:
        review = reviewing.accept(review, flag)
    for flag in order:
        review = reviewing.revert(review, flag)
    assert text(review, "n1") == SAID[0][0]


WORDS = st.lists(st.sampled_from(["Ana", " ", "met", "Bo", ", ", "(at)", " the ", "café", "."]), min_size=1, max_size=8)


@settings(max_examples=150, deadline=None)
@given(WORDS, st.data())
def test_flags_fit_whatever_is_done(words: list[str], data: st.DataObject) -> None:
    """Any replacements, applied and taken back in any order, leave every flag on its words and, all taken back, the sentence as it was."""
    whole, at, found = "".join(words), 0, []
    for word in words:
        if data.draw(st.booleans()):
            suggestion = data.draw(st.sampled_from(["", "somebody", "a", "her old friend"]))
            found.append(PhiFinding(at, at + len(word), word, "X", "F03", Severity.HIGH, "r", suggestion, 1.0, "plan", 0))
        at += len(word)
    made = work(findings=tuple(found))
    review = opened(replace(made, draft=Draft(SOAP, (DraftSentence("plan", whole, ("s1",)),), "p")), encounter="E1", client="C1", allowed=())
    for flag in data.draw(st.lists(st.sampled_from([f.id for f in review.flags]), max_size=8) if review.flags else st.just([])):
        review = data.draw(st.sampled_from([reviewing.accept, reviewing.revert, reviewing.remember]))(review, flag)
        assert fits(review)
    for flag in data.draw(st.permutations(review.flags)):
        review = reviewing.revert(review, flag.id)
    assert text(review, "n1") == whole
    assert fits(review)


# ── sentences ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("new", "flags"),
    [
        ("Yesterday Maria from a local company called.", [("f1", FlagState.OPEN), ("f2", FlagState.APPLIED)]),
        ("Yesterday maria called twice.", [("f1", FlagState.OPEN)]),
        ("A local  company called Maria.", [("f2", FlagState.APPLIED), ("f1", FlagState.OPEN)]),
        ("Northgate Logistics called.", [("f2", FlagState.OPEN)]),
        ("Mariana called.", []),
        ("A friend called.", []),
    ],
)
def test_an_edit_keeps_the_findings_whose_words_are_there(new: str, flags: list[tuple[str, FlagState]]) -> None:
    """Findings move with their words and go with them; words that are typed back after their replacement are open again."""
    review = reviewing.edit(begun(), "n1", new)
    assert [(f.id, f.state) for f in review.flags if f.sentence == "n1"] == flags
    assert fits(review)
    assert next(s for s in review.sentences if s.id == "n1").origin is Origin.EDITED


def test_an_edit_is_the_clinicians_wording() -> None:
    """It needs no confirming, voids an earlier one, and keeps evidence and goals; the same words change nothing; no words strike the sentence."""
    drafted = replace(begun(), sentences=(replace(begun().sentences[0], support=Support.UNSUPPORTED), *begun().sentences[1:]))
    confirmed = reviewing.link(reviewing.confirm(drafted, "n1"), "n1", ("g1", "g1"))
    edited = reviewing.edit(confirmed, "n1", " A relative called. ")
    assert edited.sentences[0] == replace(confirmed.sentences[0], text="A relative called.", origin=Origin.EDITED, confirmed=False)
    assert edited.sentences[0].goals == ("g1",)
    assert "unsupported" not in [b.code for b in blocks(edited)]
    assert reviewing.edit(confirmed, "n1", confirmed.sentences[0].text) == replace(confirmed, version=4)
    assert "n1" not in [s.id for s in reviewing.edit(confirmed, "n1", "  ").sentences]


def test_a_typed_sentence_stands_where_it_was_put() -> None:
    """After the sentence named, or at the end of its section; its id is new in every version, also after one was struck."""
    review = reviewing.write(reviewing.write(begun(), "subjective", "Typed first.", after="n1"), "subjective", "Typed last.")
    assert [s.text for s in review.sentences if s.section == "subjective"] == [
        "Maria from a local company called.",
        "Typed first.",
        "The client slept badly.",
        "Typed last.",
    ]
    assert [s.section for s in review.sentences] == ["subjective"] * 4 + ["objective", "plan"]
    typed = review.sentences[1]
    assert (typed.origin, typed.evidence, typed.support) == (Origin.TYPED, (), Support.SUPPORTED)
    again = reviewing.write(reviewing.strike(review, review.sentences[3].id), "subjective", "Another.")
    assert again.sentences[3].id not in {s.id for s in review.sentences}
    assert reviewing.edit(review, typed.id, "Other.").sentences[1].origin is Origin.TYPED


def test_a_struck_sentence_takes_its_findings_along() -> None:
    """Nothing of it is left in the review."""
    review = reviewing.strike(begun(), "n1")
    assert b"Maria" not in canonical.review_bytes(review)
    assert [f.id for f in review.flags] == ["f3"]


def test_new_findings_in_an_edited_sentence() -> None:
    """They are put on the same version and replace nothing; what stands keeps its state; ids are new; words of the client's treatment are remembered."""
    edited = reviewing.edit(reviewing.keep(begun(), "f1", "needed"), "n1", "Maria and Priya met at Harbour House, call 555.")
    found = tuple(
        PhiFinding(edited.sentences[0].text.index(w), edited.sentences[0].text.index(w) + len(w), w, "X", kind, severity, "r", "s")
        for w, kind, severity in (
            ("Maria", "F03", Severity.HIGH),
            ("Priya", "F04", Severity.BLOCK),
            ("Harbour House", "F07", Severity.LOW),
            ("555", "F09", Severity.BLOCK),
        )
    )
    review = reviewing.rescreened(edited, "n1", found, allowed=("Harbour House", "Priya"))
    assert review.version == edited.version
    assert review.sentences == edited.sentences
    assert [(f.id, f.words, f.state) for f in review.flags if f.sentence == "n1"] == [
        ("f1", "Maria", FlagState.KEPT),
        ("f3-2", "Priya", FlagState.OPEN),
        ("f3-3", "Harbour House", FlagState.REMEMBERED),
        ("f3-4", "555", FlagState.OPEN),
    ]
    assert fits(review)
    assert reviewing.rescreened(review, "n1", found, allowed=("Harbour House",)).flags == review.flags


@pytest.mark.parametrize(
    ("start", "end", "severity", "kinds"),
    [
        (0, 5, Severity.HIGH, ["F03"]),
        (0, 5, Severity.BLOCK, ["F04"]),
        (0, 10, Severity.HIGH, ["F04"]),
        (0, 10, Severity.MED, ["F03"]),
        (6, 10, Severity.MED, ["F03", "F04"]),
    ],
)
def test_the_graver_finding_holds_the_place(start: int, end: int, severity: Severity, kinds: list[str]) -> None:
    """Where a new finding overlaps one that stands, the graver stays, of two as grave the wider; beside it, both do."""
    review = begun(findings=(FOUND[0],))
    new = PhiFinding(start, end, SAID[0][0][start:end], "X", "F04", severity, "r", "s")
    assert [f.kind for f in reviewing.rescreened(review, "n1", (new,)).flags] == kinds


# ── what is asked and decided ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_risk_item_is_answered_by_a_person() -> None:
    """Answer, person and time stand; own words only with that answer, and never blank."""
    review = reviewing.answer(begun(), "r1", RiskAnswer.OWN_WORDS, " Fleeting. ", by="p1", at=AT)
    assert [(r.answer, r.own, r.answered_by, r.answered_at) for r in review.risks] == [(RiskAnswer.OWN_WORDS, "Fleeting.", "p1", AT)]
    assert reviewing.answer(review, "r1", RiskAnswer.DENIED, "left over", by="p1", at=AT).risks[0].own is None
    with pytest.raises(NothingWritten):
        reviewing.answer(review, "r1", RiskAnswer.OWN_WORDS, " ", by="p1", at=AT)
    with pytest.raises(ValueError, match="zone"):
        reviewing.answer(review, "r1", RiskAnswer.DENIED, by="p1", at=AT.replace(tzinfo=None))


def test_a_held_statement_is_decided() -> None:
    """To private: its words leave the review at once. To the record: it waits for its sentence. Undecided again: it blocks again."""
    private = reviewing.decide(begun(), "s7", Route.PRIVATE)
    assert [(h.decision, h.text) for h in private.held if h.statement == "s7"] == [(Route.PRIVATE, "")]
    assert "s7" in private.private
    assert b"taken them all" not in canonical.review_bytes(private)
    assert [b.subject for b in blocks(private) if b.code == "held"] == ["s8"]
    for route in (Route.RECORD, Route.HELD, Route.SET_ASIDE):
        with pytest.raises(KeptPrivate):
            reviewing.decide(private, "s7", route)
    record = reviewing.decide(private, "s8", Route.RECORD)
    assert [b.subject for b in blocks(record) if b.code == "held"] == []
    assert ("unwritten", "s8") in [(b.code, b.subject) for b in lifecycle.suggestions(record)]
    assert [b.subject for b in blocks(reviewing.decide(record, "s8", Route.HELD)) if b.code == "held"] == ["s8"]


def test_the_rest_is_left_private_with_one_act() -> None:
    """Only what is neither danger nor one of X1–X4 goes; a decision that was made stays."""
    review = reviewing.leave_rest_private(begun())
    assert [(h.statement, h.decision) for h in review.held] == [("s6", Route.PRIVATE), ("s7", None), ("s8", None)]
    assert review.private == ("s5", "s6")
    decided = reviewing.leave_rest_private(reviewing.decide(begun(), "s6", Route.RECORD))
    assert decided.held[0].decision is Route.RECORD


def test_a_statement_moved_late_is_purged() -> None:
    """Every sentence that rests on it goes, with its findings and their words, edited or not; the risk item stays and is still asked."""
    first = begun()
    both = replace(first, sentences=tuple(replace(s, evidence=(*s.evidence, "s1")) if s.id == "n2" else s for s in first.sentences))
    review = reviewing.purged(reviewing.edit(both, "n2", "Slept badly after the call."), ("s1", "s7"))
    assert [s.id for s in review.sentences] == ["n3", "n4"]
    assert review.flags == ()
    assert review.private == ("s5", "s1", "s7")
    assert len(review.risks) == 1
    data = canonical.review_bytes(review)
    assert not any(word in data for word in (b"Maria", b"Northgate", b"Slept", b"taken them all"))


def test_a_statement_is_taken_into_the_record() -> None:
    """What was written of it stands at its section's end, screened like any draft; it is private no more."""
    draft = Draft(SOAP, (DraftSentence("subjective", "Client told Maria of it.", ("s5",)),), "plain:1")
    found = (PhiFinding(12, 17, "Maria", "X", "F01", Severity.LOW, "r", "a friend", 1.0, "subjective", 0),)
    review = reviewing.admitted(begun(), "s5", draft, found)
    assert [(s.id, s.text) for s in review.sentences][2] == ("n2-1", "Client told a friend of it.")
    assert review.flags[-1].id == "f2-1"
    assert review.private == ()
    assert fits(review)
    held = reviewing.admitted(begun(), "s8", replace(draft, sentences=(DraftSentence("subjective", "Lithium goes on.", ("s8",)),)), ())
    assert [h.decision for h in held.held if h.statement == "s8"] == [Route.RECORD]
    assert "unwritten" not in [b.code for b in lifecycle.suggestions(held)]


def test_the_header_is_set_and_stays_the_clients() -> None:
    """Whoever sets it, the client is the one whose hour it was; a time, a zone or a kind of note that is none is refused."""
    good = NoteHeader("C9", date(2026, 11, 17), "14:00", "14:50", "America/Chicago", confirmed=True)
    review = reviewing.set_header(begun(), good)
    assert review.header == replace(good, client="C1")
    for bad in ({"start": "2pm"}, {"stop": "24:10"}, {"start": "9:05"}, {"zone": "Mars/One"}, {"zone": "../etc"}):
        with pytest.raises(BadHeader):
            reviewing.set_header(review, replace(good, **bad))
    with pytest.raises(PolicyError):
        reviewing.set_header(review, replace(good, note_kind="memoir"))


def test_prompts_are_dismissed_and_requirements_are_not() -> None:
    """A prompt and a reminder can be, what signing requires cannot."""
    review = reviewing.dismiss(reviewing.dismiss(begun(), "X8"), "E10")
    assert review.dismissed == ("X8", "E10")
    assert not {b.code for b in lifecycle.suggestions(review)} & {"X8", "E10"}
    with pytest.raises(NotKnown):
        reviewing.dismiss(review, "E06")


def test_a_rough_transcript_is_confirmed() -> None:
    """It blocks until a person says that it was checked."""
    review = begun(transcript=Transcript("", (), preview=True))
    assert "rough" in [b.code for b in blocks(review)]
    assert "rough" not in [b.code for b in blocks(reviewing.confirm_rough(review))]


CHANGES: tuple[Callable[[Review], Review], ...] = (
    lambda r: reviewing.edit(r, "n1", "Other words."),
    lambda r: reviewing.write(r, "plan", "More."),
    lambda r: reviewing.strike(r, "n1"),
    lambda r: reviewing.confirm(r, "n1"),
    lambda r: reviewing.link(r, "n1", ("g1",)),
    lambda r: reviewing.accept(r, "f1"),
    lambda r: reviewing.keep(r, "f1", "why"),
    lambda r: reviewing.remember(r, "f1"),
    lambda r: reviewing.revert(r, "f2"),
    lambda r: reviewing.answer(r, "r1", RiskAnswer.DENIED, by="p1", at=AT),
    lambda r: reviewing.decide(r, "s6", Route.PRIVATE),
    lambda r: reviewing.decide(r, "s6", Route.RECORD),
    reviewing.leave_rest_private,
    reviewing.confirm_rough,
    lambda r: reviewing.set_header(r, r.header),
    lambda r: reviewing.dismiss(r, "X8"),
    lambda r: reviewing.purged(r, ("s1",)),
)


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_makes_the_next_version(change: Callable[[Review], Review]) -> None:
    """The version goes up by one, the one before is as it was, and what is stored comes back."""
    before = begun()
    bytes_before = canonical.review_bytes(before)
    after = change(before)
    assert after.version == before.version + 1
    assert canonical.review_bytes(before) == bytes_before
    assert canonical.review_of(canonical.review_bytes(after)) == after


@pytest.mark.parametrize(
    "change",
    [
        lambda r: reviewing.edit(r, "n99", "x"),
        lambda r: reviewing.write(r, "dreams", "x"),
        lambda r: reviewing.write(r, "plan", "x", after="n1"),
        lambda r: reviewing.strike(r, "n99"),
        lambda r: reviewing.confirm(r, "n99"),
        lambda r: reviewing.link(r, "n99", ()),
        lambda r: reviewing.accept(r, "f99"),
        lambda r: reviewing.keep(r, "f99", ""),
        lambda r: reviewing.remember(r, "f99"),
        lambda r: reviewing.revert(r, "f99"),
        lambda r: reviewing.answer(r, "r99", RiskAnswer.DENIED, by="p1", at=AT),
        lambda r: reviewing.decide(r, "s1", Route.PRIVATE),
        lambda r: reviewing.dismiss(r, "X5"),
        lambda r: reviewing.rescreened(r, "n99", ()),
        lambda r: reviewing.admitted(r, "s1", Draft(SOAP, (), "p"), ()),
    ],
)
def test_an_id_that_is_not_there_is_said_so(change: Callable[[Review], Review]) -> None:
    """NotKnown, whatever was to be done."""
    with pytest.raises(NotKnown):
        change(begun())


def test_blank_words_are_not_written() -> None:
    """A typed sentence has words."""
    with pytest.raises(NothingWritten):
        reviewing.write(begun(), "plan", " \n")


def test_no_words_in_a_repr() -> None:
    """A review that is printed by mistake shows ids and states alone."""
    shown = repr(reviewing.keep(begun(), "f1", "x"))
    assert not any(word in shown for word in ("Maria", "Northgate", "slept", "hang together"))


# ── drafted again ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_second_draft_keeps_what_was_decided() -> None:
    """Answers, kept and accepted findings, goals, confirmations, decisions, header and typed sentences stand; ids stay; the version goes on."""
    review = begun()
    for change in (
        lambda r: reviewing.answer(r, "r1", RiskAnswer.DISCUSSED, by="p1", at=AT),
        lambda r: reviewing.accept(r, "f1"),
        lambda r: reviewing.keep(r, "f2", "needed"),
        lambda r: reviewing.link(reviewing.confirm(r, "n4"), "n4", ("g1",)),
        lambda r: reviewing.decide(r, "s8", Route.RECORD),
        lambda r: reviewing.set_header(r, replace(r.header, confirmed=True)),
        lambda r: reviewing.write(r, "plan", "A typed step."),
        lambda r: reviewing.dismiss(r, "X8"),
    ):
        review = change(review)
    again = begun(previous=review)
    assert again.version == review.version + 1
    assert again.sentences == review.sentences
    assert {(f.id, f.state, f.why) for f in again.flags} == {(f.id, f.state, f.why) for f in review.flags}
    assert (again.risks, again.held, again.header, again.dismissed) == (review.risks, review.held, review.header, review.dismissed)
    assert fits(again)


def test_a_word_found_twice_keeps_both_decisions() -> None:
    """Two findings of the same words in one sentence stay two when the note is drafted again."""
    twice = "Maria rang Maria."
    found = tuple(PhiFinding(at, at + 5, "Maria", "X", "F03", Severity.HIGH, "r", "a friend", 1.0, "plan", 0) for at in (0, 11))
    made = replace(work(findings=found), draft=Draft(SOAP, (DraftSentence("plan", twice, ("s1",)),), "p"))
    review = reviewing.accept(opened(made, encounter="E1", client="C1", allowed=()), "f2")
    again = opened(made, encounter="E1", client="C1", allowed=(), previous=review)
    assert text(again, "n1") == text(review, "n1") == "Maria rang a friend."
    assert again.flags == review.flags


def test_nothing_is_replaced_in_a_persons_own_words() -> None:
    """A sentence that the clinician edited comes through a second draft with a new finding open, not applied."""
    edited = reviewing.edit(begun(), "n2", "Client slept well.")
    made = work(findings=(finding(1, "Client", "F26", Severity.LOW, "The client"),))
    draft = replace(
        made.draft, sentences=tuple(replace(d, text="Client slept well.", edited=True) if d.evidence == ("s2",) else d for d in made.draft.sentences)
    )
    again = opened(replace(made, draft=draft), encounter="E1", client="C1", allowed=(), previous=edited)
    assert (text(again, "n2"), again.flags[-1].state, again.sentences[1].origin) == ("Client slept well.", FlagState.OPEN, Origin.EDITED)


def test_a_second_draft_brings_nothing_back_from_private() -> None:
    """What was moved to private is in no sentence of a draft that was made of it again."""
    again = begun(previous=reviewing.purged(begun(), ("s1",)))
    assert "n1" not in [s.id for s in again.sentences]
    assert b"Maria" not in canonical.review_bytes(again)
    assert "s1" in again.private


def test_a_danger_that_is_new_is_asked_again() -> None:
    """An answer holds for the words that it answered, and for no others."""
    review = reviewing.answer(begun(), "r1", RiskAnswer.DENIED, by="p1", at=AT)
    made = work()
    more = replace(made.routed, risk_items=(replace(made.routed.risk_items[0], evidence=("s7", "s2")),))
    again = opened(replace(made, routed=more), encounter="E1", client="C1", allowed=(), previous=review)
    assert again.risks[0].answer is None


def test_a_draft_from_record_statements_alone_keeps_what_stands_beside() -> None:
    """Drafted again without the source, the review still holds what was held, what is private and that the transcript is rough."""
    review = replace(begun(), rough=True)
    made = work()
    bare = replace(made, routed=Routed((), made.routed.record, made.routed.risk_items))
    again = opened(bare, encounter="E1", client="C1", allowed=(), previous=review)
    assert (again.held, again.private, again.prompts, again.rough) == (review.held, review.private, review.prompts, True)


# ── what stays ────────────────────────────────────────────────────────────────────────────────────────────────────────


def plainly(a: list[str], b: list[str]) -> int:
    """Levenshtein's table, cell by cell."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row, before = [i], row
        for j, y in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y)))
    return row[-1]


@given(st.lists(st.sampled_from("abcd"), max_size=40), st.lists(st.sampled_from("abcd"), max_size=40))
def test_the_distance_is_levenshteins(a: list[str], b: list[str]) -> None:
    """As the plain table has it, either way round."""
    assert word_distance(a, b) == plainly(a, b) == word_distance(b, a)


def test_a_comparison_holds_numbers_alone() -> None:
    """What was signed against what was drafted: counts, distance and share, and no word."""
    first = begun()
    last = reviewing.write(reviewing.strike(reviewing.edit(first, "n2", "The client slept well."), "n4"), "plan", "More.")
    last = replace(last, header=replace(last.header, confirmed=True))
    note = lifecycle.signed(last, note_id="N1", number=1, signed_on=AT, due_hours=72, urgent=True)
    numbers = asdict(compared(first, note))
    assert numbers == {"drafted": 4, "signed": 4, "unchanged": 2, "words_drafted": 21, "words_signed": 17, "distance": 6, "share": 0.2857}
    assert compared(first, lifecycle.signed(first, note_id="N1", number=1, signed_on=AT, due_hours=72, urgent=True)).distance == 0
    assert compared(replace(first, sentences=()), replace(note, sections=())).share == 0.0
