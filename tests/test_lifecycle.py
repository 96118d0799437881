"""The life of a note: its states, what stops a signature, what a signature makes, and what may come after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import prompts
from drafting.errors import IllegalMove, NotPermitted, SigningBlocked
from drafting.record.review import canonical, lifecycle
from drafting.record.review.lifecycle import SIGNATURE_STANDS, Block, Move, NothingWritten, band, blocks, late, moved, suggestions
from drafting.types import Mode, Polarity, Provenance, Route, Severity, Support
from drafting.types.record import NoteKind, NoteState, Person, SignedNote, SignedSection, SignedSentence, Standing
from drafting.types.review import Flag, FlagState, NoteHeader, Origin, Review, ReviewSentence, RiskAnswer, RiskQuestion, Undecided

S, M = NoteState, Move
AT = datetime(2026, 11, 18, 15, 0, tzinfo=UTC)
HEADER = NoteHeader("C1", date(2026, 11, 17), "14:03", "14:56", code="90837", diagnoses=("F41.1",), goals=("g1",), confirmed=True)
REVIEW = Review(
    encounter="E1",
    version=4,
    mode=Mode.DICTATION,
    format="soap",
    format_digest="d1",
    sections=(("subjective", "Subjective"), ("objective", "Objective"), ("plan", "Plan")),
    header=HEADER,
    sentences=(
        ReviewSentence("n1", "subjective", "Client slept four hours a night.", ("s1", "s2")),
        ReviewSentence("n2", "plan", "Next session in a week.", ("s3",), goals=("g1",)),
        ReviewSentence("n3", "plan", "Client will keep a log.", ("s4",)),
    ),
    provenance=Provenance("llm", "small", "ab12", "p77", 1),
)
RISK = RiskQuestion("r1", "suicide", "the client", Polarity.PRESENT, ("s5",))
ADA, BEN, CLEO = (
    Person("p1", "Ada Lind", Standing.TRAINEE, "MSW intern", supervisor="p2"),
    Person("p2", "Ben Okoro", Standing.SUPERVISOR, "LCSW"),
    Person("p3", "Cleo Hart", Standing.SUPERVISOR, "LCSW"),
)


def flag(kind: str, state: FlagState = FlagState.OPEN, severity: Severity = Severity.BLOCK, name: str = "f1") -> Flag:
    return Flag(name, "n1", 0, 6, "Priya", kind, severity, "why", "Client", state)


def with_sentence(**changed: object) -> Review:
    first, *rest = REVIEW.sentences
    return replace(REVIEW, sentences=(replace(first, **changed), *rest))


def with_header(**changed: object) -> Review:
    return replace(REVIEW, header=replace(HEADER, **changed))


def sign(review: Review = REVIEW, **more: object) -> SignedNote:
    return lifecycle.signed(review, **({"note_id": "N1", "number": 1, "signed_on": AT, "due_hours": 72} | more))


def codes(found: tuple[Block, ...]) -> list[tuple[str, str]]:
    return [(b.code, b.subject) for b in found]


# ── states and moves ──────────────────────────────────────────────────────────────────────────────────────────────────

LEGAL = {
    (S.DRAFT, M.EDIT): S.IN_REVIEW,
    (S.IN_REVIEW, M.EDIT): S.IN_REVIEW,
    (S.IN_REVIEW, M.SIGN): S.SIGNED,
    (S.RETURNED, M.EDIT): S.IN_REVIEW,
    (S.SIGNED, M.EDIT): S.IN_REVIEW,
    (S.SIGNED, M.LOCK): S.LOCKED,
    (S.COSIGN_DUE, M.EDIT): S.IN_REVIEW,
    (S.COSIGN_DUE, M.RETURN): S.RETURNED,
    (S.COSIGN_DUE, M.COSIGN): S.COSIGNED,
    (S.COSIGNED, M.EDIT): S.IN_REVIEW,
    (S.COSIGNED, M.LOCK): S.LOCKED,
    (S.LOCKED, M.ADDEND): S.ADDENDED,
    (S.LOCKED, M.AMEND): S.AMENDED,
    (S.LOCKED, M.WITHDRAW): S.ENTERED_IN_ERROR,
    (S.ADDENDED, M.ADDEND): S.ADDENDED,
    (S.ADDENDED, M.AMEND): S.AMENDED,
    (S.ADDENDED, M.WITHDRAW): S.ENTERED_IN_ERROR,
    (S.AMENDED, M.ADDEND): S.AMENDED,
    (S.AMENDED, M.AMEND): S.AMENDED,
    (S.AMENDED, M.WITHDRAW): S.ENTERED_IN_ERROR,
}


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("move", M)
def test_every_state_and_move(state: NoteState, move: Move) -> None:
    """Each of the ninety pairs leads where the rules say, or is refused in words."""
    if (state, move) in LEGAL:
        assert moved(state, move) is LEGAL[state, move]
        return
    with pytest.raises(IllegalMove, match=state.value.replace("_", " ")):
        moved(state, move)


def test_a_trainees_signature_waits_for_another() -> None:
    """A trainee's note is not signed but due for a cosignature, and cannot be locked before it; `trainee` changes no other move."""
    assert moved(S.IN_REVIEW, M.SIGN, trainee=True) is S.COSIGN_DUE
    with pytest.raises(IllegalMove):
        moved(S.COSIGN_DUE, M.LOCK, trainee=True)
    assert all(moved(s, m, trainee=True) is after for (s, m), after in LEGAL.items() if m is not M.SIGN)


@given(st.lists(st.tuples(st.sampled_from(M), st.booleans()), max_size=60))
def test_no_moves_sign_a_version_twice(moves: list[tuple[Move, bool]]) -> None:
    """Whatever is tried in whatever order: between two signatures there is an edit, nothing unsigned is locked, what is locked stays so, nothing leaves
    entered in error, and a signature that an edit voided does not stand."""
    state, version, signed_versions, cosigned_versions = S.DRAFT, 1, [], []
    for move, trainee in moves:
        try:
            after = moved(state, move, trainee=trainee)
        except IllegalMove:
            continue
        assert state is not S.ENTERED_IN_ERROR
        version += move is M.EDIT
        if move is M.SIGN:
            signed_versions.append(version)
        if move is M.COSIGN:
            cosigned_versions.append(version)
        if move is M.EDIT:
            assert after not in SIGNATURE_STANDS
        if state in (S.LOCKED, S.ADDENDED, S.AMENDED):
            assert after in (S.ADDENDED, S.AMENDED, S.ENTERED_IN_ERROR)
        if after is S.LOCKED:
            assert signed_versions[-1] == version
        state = after
    assert len(set(signed_versions)) == len(signed_versions)
    assert set(cosigned_versions) <= set(signed_versions)
    assert len(set(cosigned_versions)) == len(cosigned_versions)


# ── what blocks ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_finished_review_is_blocked_by_nothing() -> None:
    """The review that the other tests spoil can be signed as it is."""
    assert blocks(REVIEW) == ()


@pytest.mark.parametrize("kind", ["F04", "F09", "F27"])
@pytest.mark.parametrize("state", FlagState)
def test_another_client_a_number_or_a_password_must_go(kind: str, state: FlagState) -> None:
    """Only the replacement clears these three: to keep or remember them does not, and urgent care does not pass them."""
    review = replace(REVIEW, flags=(flag(kind, state),))
    if state is FlagState.APPLIED:
        assert blocks(review) == ()
        return
    assert blocks(review) == (Block(kind, "f1", never=True),)
    with pytest.raises(SigningBlocked, match=kind):
        sign(review, urgent=True)


@pytest.mark.parametrize(
    ("review", "code", "subject"),
    [
        (replace(REVIEW, risks=(RISK,)), "risk", "r1"),
        (replace(REVIEW, risks=(replace(RISK, answer=RiskAnswer.OWN_WORDS, own="  "),)), "risk", "r1"),
        (replace(REVIEW, held=(Undecided("s7", "w", risk=True),)), "held", "s7"),
        (replace(REVIEW, held=(Undecided("s7", "w", elements=("X1",)),)), "held", "s7"),
        (replace(REVIEW, rough=True), "rough", "E1"),
        (replace(REVIEW, missing=("E06",)), "E06", "E06"),
        (replace(REVIEW, missing=("E08",)), "E08", "E08"),
        (replace(REVIEW, missing=("E04",), header=replace(HEADER, diagnoses=())), "E04", "E04"),
        (replace(REVIEW, missing=("E05",)), "E05", "E05"),
        (with_sentence(support=Support.UNSUPPORTED), "unsupported", "n1"),
        (with_header(date_of_service=None), "date", "E1"),
        (with_header(start=None, code=None), "start", "E1"),
        (with_header(stop=None, code=None), "stop", "E1"),
        (with_header(stop="14:03", code=None), "stop", "E1"),
        (with_header(confirmed=False), "header", "E1"),
        (with_header(stop="14:55"), "too_short", "90837"),
        (with_header(add_ons=("90840",)), "only_with", "90837"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_each_thing_that_blocks(review: Review, code: str, subject: str) -> None:
    """It alone blocks; signing says so by its code; urgent care passes it and prints it in words that quote nothing."""
    assert codes(blocks(review)) == [(code, subject)]
    with pytest.raises(SigningBlocked, match=rf"1 left \({code}\)"):
        sign(review)
    note = sign(review, urgent=True)
    assert len(note.open_items) == 1
    assert note.open_items[0][:1].isalpha()
    assert "{" not in note.open_items[0]


@pytest.mark.parametrize(
    "review",
    [
        replace(REVIEW, flags=(flag("F02", severity=Severity.HIGH), flag("F05", severity=Severity.MED, name="f2"))),
        *(replace(REVIEW, risks=(replace(RISK, answer=a, own="Fleeting thoughts."),)) for a in RiskAnswer),
        replace(REVIEW, held=(Undecided("s7", "w"),)),
        replace(REVIEW, held=(Undecided("s7", "", True, ("X1",), Route.PRIVATE), Undecided("s8", "w", True, (), Route.RECORD))),
        replace(REVIEW, rough=True, rough_confirmed=True),
        replace(REVIEW, warnings=("E10",), prompts=(("X8", ("s9",)),)),
        replace(REVIEW, missing=("E01", "E02", "E04", "E09")),
        replace(REVIEW, missing=("E05",), risks=(replace(RISK, answer=RiskAnswer.NOT_ASKED),)),
        with_sentence(support=Support.WEAK),
        with_sentence(support=Support.UNSUPPORTED, confirmed=True),
        with_sentence(support=Support.UNSUPPORTED, origin=Origin.EDITED),
        with_sentence(support=Support.UNSUPPORTED, origin=Origin.TYPED),
        with_header(code="99999"),
        with_header(code=None),
        with_header(code="90791", start="14:00", stop="17:00"),
        with_header(start="23:30", stop="00:30"),
        with_header(note_kind="no_show", start=None, stop=None, code=None),
    ],
)
def test_what_does_not_block(review: Review) -> None:
    """Suggestions, what was decided, confirmed or answered, and what the header bears, leave the way free."""
    assert blocks(review) == ()
    assert sign(review).open_items == ()


def test_goals_and_credential_stand_for_their_elements() -> None:
    """A sentence linked to a goal bears E09, the author's credential E08; without either both block."""
    bare = replace(REVIEW, missing=("E08", "E09"), header=replace(HEADER, goals=()))
    assert codes(blocks(bare, author=BEN)) == []
    unlinked = replace(bare, sentences=tuple(replace(s, goals=()) for s in bare.sentences))
    assert codes(blocks(unlinked, author=replace(BEN, credential=None))) == [("E08", "E08"), ("E09", "E09")]


def test_blocks_come_in_the_order_of_clearing_them() -> None:
    """Findings first, then danger, held words, the transcript, what is missing, sentences, and the header last."""
    review = replace(
        with_sentence(support=Support.UNSUPPORTED),
        header=replace(HEADER, confirmed=False, stop="14:20"),
        missing=("E06",),
        rough=True,
        held=(Undecided("s7", "w", risk=True),),
        risks=(RISK,),
        flags=(flag("F09"),),
    )
    assert [b.code for b in blocks(review)] == ["F09", "risk", "held", "rough", "E06", "unsupported", "header", "too_short"]


def test_suggestions_are_the_rest() -> None:
    """What may be left is listed apart, once, and a dismissed prompt or a low finding is not."""
    review = replace(
        with_sentence(support=Support.WEAK),
        flags=(flag("F02", severity=Severity.HIGH), flag("F23", severity=Severity.LOW, name="f2"), flag("F05", FlagState.KEPT, Severity.MED, "f3")),
        held=(Undecided("s7", "w"), Undecided("s8", "w", risk=True), Undecided("s9", "w", decision=Route.RECORD)),
        warnings=("E10", "E11"),
        prompts=(("X8", ("s9",)), ("X5", ("s9",))),
        dismissed=("E11", "X5"),
        header=replace(HEADER, code="H0004"),
    )
    expected = [("F02", "f1"), ("held", "s7"), ("unwritten", "s9"), ("E10", "E10"), ("X8", "X8"), ("weak", "n1"), ("unknown_code", "H0004")]
    assert codes(suggestions(review)) == expected
    assert suggestions(replace(REVIEW, flags=(flag("F04"),))) == ()


# ── minutes and codes ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("code", "minutes", "add_ons", "problems"),
    [
        ("90832", 15, (), ("too_short",)),
        ("90832", 16, (), ()),
        ("90832", 37, (), ()),
        ("90832", 38, (), ("too_long",)),
        ("90834", 37, (), ("too_short",)),
        ("90834", 38, (), ()),
        ("90834", 52, (), ()),
        ("90834", 53, (), ("too_long",)),
        ("90837", 52, (), ("too_short",)),
        ("90837", 53, (), ()),
        ("90837", 240, (), ()),
        ("90839", 29, (), ("too_short",)),
        ("90839", 30, (), ()),
        ("90839", 74, (), ()),
        ("90839", 75, (), ("too_long",)),
        ("90839", 74, ("90840",), ("too_short",)),
        ("90839", 75, ("90840",), ()),
        ("90839", 104, ("90840",), ()),
        ("90839", 105, ("90840",), ("too_long",)),
        ("90839", 104, ("90840", "90840"), ("too_short",)),
        ("90839", 105, ("90840", "90840"), ()),
        ("90846", 25, (), ("too_short",)),
        ("90847", 26, (), ()),
        ("90853", None, (), ()),
        ("90791", 5, (), ()),
        ("90834", None, (), ("no_minutes",)),
        ("90834", 45, ("90785",), ()),
        ("90834", 45, ("90785", "90785"), ("repeated",)),
        ("90839", 60, ("90785",), ("not_together",)),
        ("90846", 60, ("90785",), ("not_together",)),
        ("90847", 60, ("90785",), ("not_together",)),
        ("90839", 80, ("90840", "90785"), ("not_together",)),
        ("90837", 60, ("90840",), ("only_with",)),
        (None, 60, ("90785",), ("only_with",)),
        (None, 60, (), ()),
        ("H0004", 60, (), ("unknown_code",)),
        ("90834", 45, ("99XXX",), ("unknown_add_on",)),
    ],
)
def test_minutes_and_service_codes(code: str | None, minutes: int | None, add_ons: tuple[str, ...], problems: tuple[str, ...]) -> None:
    """T7: both sides of every edge, and which add-on goes with which code."""
    assert band(code, minutes, add_ons) == problems


def test_every_problem_of_a_code_can_be_printed() -> None:
    """Signed as incomplete, a note says in words what is wrong with its code."""
    for minutes, code, add_ons in (("14:10", "90834", ("90785", "90785")), ("15:50", "90839", ("90785",)), ("14:50", "90834", ("90840",))):
        review = with_header(stop=minutes, code=code, add_ons=add_ons)
        assert len(sign(review, urgent=True).open_items) == len(blocks(review)) > 0


# ── what a signature makes ────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_signed() -> None:
    """Header, sections that hold something, evidence and goals by id, what wrote it, and how much of it a person worded."""
    review = replace(with_sentence(origin=Origin.EDITED), risks=(replace(RISK, answer=RiskAnswer.DENIED, own="left over"),))
    note = sign(review, number=3)
    assert (note.id, note.encounter, note.number, note.kind, note.header) == ("N1", "E1", 3, NoteKind.NOTE, HEADER)
    assert [(s.key, s.title, s.text) for s in note.sections] == [
        ("subjective", "Subjective", "Client slept four hours a night."),
        ("plan", "Plan", "Next session in a week. Client will keep a log."),
    ]
    assert note.sections[1].sentences[0] == SignedSentence("Next session in a week.", ("s3",), ("g1",))
    assert [(r.topic, r.whose, r.answer, r.own) for r in note.risks] == [("suicide", "the client", "asked and denied", None)]
    assert (note.writer, note.model, note.prompt, note.mode, note.edited_share) == ("llm", "small@ab12", "p77", "dictation", 0.3333)
    assert canonical.note_of(canonical.note_bytes(note)) == note


@pytest.mark.parametrize("answer", RiskAnswer)
def test_risk_answers_have_fixed_words(answer: RiskAnswer) -> None:
    """Each answer prints as its words in signing.toml; own words stand beside it and with it alone."""
    note = sign(replace(REVIEW, risks=(replace(RISK, answer=answer, own="Fleeting, no intent."),)))
    assert note.risks[0].answer == prompts.table("signing.toml")["answers"][answer]
    assert note.risks[0].own == ("Fleeting, no intent." if answer is RiskAnswer.OWN_WORDS else None)


def test_no_denial_without_an_answer() -> None:
    """T6: a danger that nobody answered is signed, in urgent care alone, as not answered, and never as denied."""
    note = sign(replace(REVIEW, risks=(RISK,)), urgent=True)
    assert note.open_items == ("risk not answered: suicide, the client",)
    assert "not answered" in note.risks[0].answer
    assert "denied" not in canonical.note_bytes(note).decode()


def test_nothing_apart_is_signed() -> None:
    """Words that are held, were found and replaced, explain a decision or came back from the supervisor are in no byte of the note."""
    held = (Undecided("s7", "canary held", decision=Route.PRIVATE), Undecided("s8", "canary undecided", risk=True))
    flags = (replace(flag("F05", FlagState.APPLIED), words="canary found", why="canary why"), replace(flag("F02"), id="f2", words="canary open"))
    review = replace(REVIEW, held=held, flags=flags, private=("s7", "s66"), returned="canary reason", risks=(RISK,))
    assert b"canary" not in canonical.note_bytes(sign(review, urgent=True))
    assert b"s66" not in canonical.note_bytes(sign(review, urgent=True))


def test_an_empty_sentence_and_section_are_not_signed() -> None:
    """A section in which only blank words are left is not in the note."""
    assert [s.key for s in sign(with_sentence(text=" ")).sections] == ["plan"]


def test_what_is_signed_is_composed() -> None:
    """A decomposed accent is signed composed, so that what is read back is what was signed."""
    assert sign(with_sentence(text="Cafe\u0301 shut.")).sections[0].text == "Caf\u00e9 shut."


@pytest.mark.parametrize(
    ("header", "signed_on", "expected"),
    [
        ({}, datetime(2026, 11, 20, 14, 56, tzinfo=UTC), False),
        ({}, datetime(2026, 11, 20, 14, 56, 1, tzinfo=UTC), True),
        ({"stop": None}, datetime(2026, 11, 20, 23, 59, tzinfo=UTC), False),
        ({"stop": None}, datetime(2026, 11, 21, 0, 1, tzinfo=UTC), True),
        ({"zone": "America/Chicago"}, datetime(2026, 11, 20, 20, 55, tzinfo=UTC), False),
        ({"zone": "America/Chicago"}, datetime(2026, 11, 20, 20, 57, tzinfo=UTC), True),
        ({"zone": "Nowhere/Else"}, datetime(2026, 11, 20, 14, 57, tzinfo=UTC), True),
        ({"start": "23:30", "stop": "00:20"}, datetime(2026, 11, 21, 0, 20, tzinfo=UTC), False),
        ({"start": "23:30", "stop": "00:20"}, datetime(2026, 11, 21, 0, 21, tzinfo=UTC), True),
        ({"date_of_service": None}, datetime(2027, 1, 1, tzinfo=UTC), False),
    ],
)
def test_late(header: dict[str, object], signed_on: datetime, expected: bool) -> None:
    """T5: a note is late from the first moment after 72 hours from the end of the service, where that was; it keeps its date of service."""
    given_header = replace(HEADER, **header)
    assert late(given_header, signed_on, 72) is expected
    note = sign(replace(REVIEW, header=given_header), signed_on=signed_on, urgent=True)
    assert note.late is expected
    assert note.header.date_of_service == given_header.date_of_service


def test_a_naive_instant_is_refused() -> None:
    """Without a zone nobody knows when it was signed."""
    with pytest.raises(ValueError, match="zone"):
        sign(signed_on=AT.replace(tzinfo=None))


def test_an_edit_makes_another_digest() -> None:
    """T5: the digest of an edited version is not the one that was signed."""
    assert canonical.digest(sign()) == canonical.digest(sign()) != canonical.digest(sign(with_sentence(text="Client slept five hours a night.")))


# ── after the lock ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_addendum_adds() -> None:
    """It is linked to its parent, has its header, a paragraph a sentence, and nothing of the parent's words, risks or drafting."""
    parent = sign(replace(REVIEW, risks=(replace(RISK, answer=RiskAnswer.DENIED),)))
    note = lifecycle.addendum(parent, "Client called later.\n\n Moved to Friday. ", "A call", note_id="N2", number=2)
    assert (note.id, note.number, note.kind, note.parent, note.reason, note.header) == ("N2", 2, NoteKind.ADDENDUM, "N1", "A call", HEADER)
    assert [s.text for s in note.sections[0].sentences] == ["Client called later.", "Moved to Friday."]
    assert (note.risks, note.writer, note.model, note.edited_share, note.late) == ((), None, None, None, False)
    assert lifecycle.addendum(note, "And again.", note_id="N3", number=3).parent == "N2"


def test_an_amendment_is_the_whole_content() -> None:
    """What is given replaces, what is not given is the parent's, and the parent is as it was."""
    parent = sign(replace(REVIEW, risks=(RISK,)), urgent=True)
    before = canonical.digest(parent)
    sections = (SignedSection("plan", "Plan", (SignedSentence("Next session in two weeks.", ("s3",)),)),)
    note = lifecycle.amendment(parent, sections, "The interval was wrong.", note_id="N2", number=2)
    assert (note.kind, note.parent, note.sections, note.risks, note.open_items) == (
        NoteKind.AMENDMENT,
        "N1",
        sections,
        parent.risks,
        parent.open_items,
    )
    assert lifecycle.amendment(parent, sections, "Answered.", note_id="N2", number=2, risks=(), open_items=()).open_items == ()
    assert canonical.digest(parent) == before


def test_an_amendment_may_be_signed_from_a_review() -> None:
    """It names its parent and its reason, is not late, and is refused without them."""
    late_day = AT + timedelta(days=90)
    note = sign(kind=NoteKind.AMENDMENT, parent="N0", reason="A figure was wrong.", signed_on=late_day)
    assert (note.kind, note.parent, note.reason, note.late) == (NoteKind.AMENDMENT, "N0", "A figure was wrong.", False)
    for missing in ({"parent": None}, {"reason": " "}):
        with pytest.raises(NothingWritten):
            sign(**({"kind": NoteKind.AMENDMENT, "parent": "N0", "reason": "r"} | missing))


def test_a_withdrawal_ends_it() -> None:
    """It says why and repeats no word; nothing can come after it."""
    gone = lifecycle.withdrawal(sign(), "Another client's hour.", note_id="N2", number=2)
    assert (gone.kind, gone.parent, gone.reason, gone.sections) == (NoteKind.ERROR, "N1", "Another client's hour.", ())
    after: tuple[Callable[[], object], ...] = (
        lambda: lifecycle.addendum(gone, "More.", note_id="N3", number=3),
        lambda: lifecycle.amendment(gone, sign().sections, "r", note_id="N3", number=3),
        lambda: lifecycle.withdrawal(gone, "r", note_id="N3", number=3),
    )
    for again in after:
        with pytest.raises(IllegalMove, match="entered in error"):
            again()


def test_words_and_reasons_are_needed() -> None:
    """An empty addendum, an empty amendment, an amendment or a withdrawal without a reason are refused."""
    blank = (SignedSection("plan", "Plan", (SignedSentence(" "),)),)
    calls: tuple[Callable[[], object], ...] = (
        lambda: lifecycle.addendum(sign(), " \n ", note_id="N2", number=2),
        lambda: lifecycle.amendment(sign(), blank, "r", note_id="N2", number=2),
        lambda: lifecycle.amendment(sign(), sign().sections, " ", note_id="N2", number=2),
        lambda: lifecycle.withdrawal(sign(), "", note_id="N2", number=2),
    )
    for call in calls:
        with pytest.raises(NothingWritten):
            call()


# ── the cosignature ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("person", "author"),
    [
        (ADA, ADA),
        (BEN, replace(BEN, supervisor="p2")),
        (CLEO, ADA),
        (replace(BEN, active=False), ADA),
        (replace(BEN, standing=Standing.CLINICIAN), ADA),
        (BEN, replace(ADA, supervisor=None)),
    ],
)
def test_nobody_else_cosigns(person: Person, author: Person) -> None:
    """Not the author, not another's supervisor, not one who has left or does not supervise."""
    with pytest.raises(NotPermitted):
        lifecycle.check_cosigner(person, author)
    with pytest.raises(NotPermitted):
        lifecycle.given_back(REVIEW, "Say why.", person=person, author=author)


def test_the_supervisor_cosigns_or_gives_back() -> None:
    """A trainee needs a cosignature; the supervisor may give it, or return the note with a reason in its next version."""
    assert [lifecycle.needs_cosignature(p) for p in (ADA, BEN)] == [True, False]
    lifecycle.check_cosigner(BEN, ADA)
    back = lifecycle.given_back(REVIEW, " Name the basis of the risk level. ", person=BEN, author=ADA)
    assert (back.returned, back.version) == ("Name the basis of the risk level.", REVIEW.version + 1)
    assert "basis" not in repr(back)
    with pytest.raises(NothingWritten):
        lifecycle.given_back(REVIEW, " ", person=BEN, author=ADA)
