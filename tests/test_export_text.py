"""A note as plain text: its frame, its signatures, drafts that say so, and words that can pass for nothing else."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drafting.errors import NotKnown
from drafting.record.export import text
from drafting.record.export.blocks import local
from drafting.record.export.letters import MARK, line, plain, replaced, visible
from drafting.record.export.profiles import apply
from drafting.types import Severity
from drafting.types.record import Document, Meaning, SignedNote
from drafting.types.review import Flag, FlagState, RiskAnswer, RiskQuestion, Undecided
from tests.exporting import (
    HOSTILE,
    PARTIES,
    PRINTED,
    SOAP,
    addendum,
    amendment,
    everywhere,
    note,
    review,
    section,
    signature,
    signed,
    withdrawal,
)

DRAFT = "DRAFT — NOT SIGNED"


def chart(document: Document) -> str:
    return text.whole(apply(document, "chart", PARTIES), PRINTED)


def flag(start: int, end: int, words: str, state: FlagState, suggestion: str = "a relative", sentence: str = "n0") -> Flag:
    return Flag("f1", sentence, start, end, words, "F02", Severity.HIGH, "why", suggestion, state)


# ── the whole note ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_signed_note_is_printed_with_its_header_words_risk_and_signature() -> None:
    """Practice, header, sections, risk answers and the whole signature block stand in the order in which they are read."""
    printed = chart(signed(SOAP))
    wanted = [
        "Larkspur Practice · Chart", "CLINICAL NOTE (SOAP)", "Client: C-0142", "Name: Ana Belcourt", "Date of service: 2026-03-04",
        "Start and stop: 14:05–14:58 (America/Chicago)", "Minutes: 53", "Service code: 90837", "SUBJECTIVE", "  She slept poorly on four nights. Her sister",
        "PLAN", "  Next session is Tuesday.", "RISK", "  suicide (the client): asked and denied.", "None at home.", "SIGNED ELECTRONICALLY BY THE AUTHOR",
        "Name: Ines Marlow, LCSW", "Licence: 149.021", "Signed: 2026-03-04 16:01:05 -06:00 America/Chicago", "Meaning: I reviewed this note",
        "Method: passphrase", f"SHA-256: {'ab' * 32}", "Key: key-1", "25% of it was changed", "Printed 2026-03-05.",
    ]  # fmt: skip
    places = [printed.find(words) for words in wanted]
    assert -1 not in places and places == sorted(places)
    assert DRAFT not in printed


def test_both_names_and_credentials_of_a_cosigned_note_are_printed() -> None:
    """The author's block and the supervisor's stand one after the other."""
    supervisor = signature("n1", "p2", Meaning.COSIGNER, "Tomas Hale", credential="PhD")
    printed = chart(Document(SOAP, (signature("n1"), supervisor)))
    assert printed.index("Name: Ines Marlow, LCSW") < printed.index("SIGNED ELECTRONICALLY BY THE COSIGNER") < printed.index("Name: Tomas Hale, PhD")


def test_urgent_care_and_a_late_entry_stand_over_the_note() -> None:
    """What was open at the signature, and that and why the entry is late, are read before the words."""
    late = replace(
        SOAP, open_items=("start time not given", "header not confirmed"), late=True, header=replace(SOAP.header, late_reason="Power failure.")
    )
    printed = chart(signed(late))
    assert "*** SIGNED AS INCOMPLETE, URGENT CARE. Still open when it was signed: start time not given; header not confirmed. ***" in printed
    assert "*** LATE ENTRY: Power failure. ***" in printed
    assert printed.index("LATE ENTRY") < printed.index("SUBJECTIVE")
    assert "LATE" not in chart(signed(SOAP)) and "INCOMPLETE" not in chart(signed(SOAP))
    payer = text.whole(apply(signed(late), "payer", PARTIES), PRINTED)
    assert "*** LATE ENTRY ***" in payer and "Power" not in payer
    assert "LATE" not in text.whole(apply(signed(late), "supervision", PARTIES, screened={}), PRINTED)


def test_addenda_stand_below_with_their_own_signatures() -> None:
    """A later document has its heading, the one that it follows, its reason, its words and its signature, and leaves the note as it was."""
    alone, printed = chart(signed(SOAP)), chart(signed(SOAP, [addendum()]))
    assert printed.startswith(alone.removesuffix("\n\nPrinted 2026-03-05.\n"))
    below = printed[len(alone) - 30 :]
    for words in ("ADDENDUM", "Follows document: n1", "Reason: More came in.", "  A letter was sent.", "Name: Ines Marlow, LCSW"):
        assert words in below
    assert "~~" not in printed


def test_a_corrected_note_says_that_a_correction_follows() -> None:
    """The original stays legible and unstruck, and its reader is sent on; the correction has its own header."""
    printed = chart(signed(SOAP, [amendment()]))
    assert (
        printed.index("*** CORRECTED.")
        < printed.index("  Next session is Tuesday.")
        < printed.index("AMENDMENT")
        < printed.index("  Next session is Thursday.")
    )
    assert printed.count("Date of service: 2026-03-04") == 2
    assert "~~" not in printed and "CORRECTED" not in chart(signed(SOAP, [addendum()]))


def test_what_was_entered_in_error_is_struck_and_stays_legible() -> None:
    """Every line of the words and header is struck, the reason is given, and nothing is gone."""
    printed = chart(signed(SOAP, [withdrawal()]))
    assert "*** ENTERED IN ERROR ***" in printed and "Reason: Another client's." in printed
    assert "  ~~Next session is Tuesday. Bring the worksheet.~~" in printed and "~~Client: C-0142~~" in printed
    later = chart(signed(SOAP, [addendum(), withdrawal(parent="n2")]))
    assert "  ~~A letter was sent.~~" in later and "  Next session is Tuesday." in later


def test_an_excerpt_says_that_it_is_one() -> None:
    """A payer's copy counts what was left out; a whole copy has no such line."""
    printed = text.whole(apply(signed(SOAP), "payer", PARTIES), PRINTED)
    assert "*** EXCERPT: 3 sentences left out for this reader." in printed
    assert "EXCERPT" not in chart(signed(SOAP))


def test_a_part_2_record_says_so() -> None:
    """The line stands over every copy of such a programme's record, and over no other."""
    view = apply(signed(SOAP), "client_copy", replace(PARTIES, part2=True))
    assert "42 CFR Part 2" in text.whole(view, PRINTED)
    assert "42 CFR" not in chart(signed(SOAP))


def test_times_that_are_none_are_printed_as_they_stand() -> None:
    """A header with times that cannot be counted has no minutes, and still prints."""
    printed = chart(signed(replace(SOAP, header=replace(SOAP.header, start="two", stop="three"))))
    assert "Start and stop: two–three" in printed and "Minutes" not in printed


def test_a_signature_without_a_zone_is_not_printed_as_if_it_had_one() -> None:
    """An instant needs a zone; a zone that this machine does not know is printed in UTC."""
    assert local(datetime(2026, 7, 1, 12, 0, tzinfo=UTC), "Europe/London") == "2026-07-01 13:00:00 +01:00 Europe/London"
    assert local(datetime(2026, 7, 1, 12, 0, tzinfo=UTC), "Mars/Base") == "2026-07-01 12:00:00 +00:00 UTC"
    with pytest.raises(ValueError, match="zone"):
        local(datetime(2026, 7, 1, 12, 0), "Europe/London")


# ── a section ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_section_is_its_words_and_nothing_else() -> None:
    """For pasting into another chart: no heading, no mark, no indent."""
    assert text.section(apply(signed(SOAP), "chart", PARTIES), "plan") == "Next session is Tuesday. Bring the worksheet."


def test_a_section_is_the_last_correction_s() -> None:
    """What was corrected is pasted as corrected; once the correction was entered in error, the note does not pass for one that stands."""
    assert text.section(apply(signed(SOAP, [amendment()]), "chart", PARTIES), "plan") == "Next session is Thursday."
    again = signed(SOAP, [amendment(), withdrawal(parent="n3")])
    lines = text.section(apply(again, "chart", PARTIES), "plan").splitlines()
    assert (lines[0], lines[-1]) == ("ENTERED IN ERROR", "ENTERED IN ERROR") and "Next session is Thursday." not in lines


@pytest.mark.parametrize(("document", "mark"), [(Document(SOAP, ()), DRAFT), (signed(SOAP, [withdrawal()]), "ENTERED IN ERROR")])
def test_a_section_that_does_not_stand_is_marked_first_and_last(document: Document, mark: str) -> None:
    """Pasted words of an unsigned or withdrawn note cannot be taken for a signed one's."""
    lines = text.section(apply(document, "chart", PARTIES), "plan").splitlines()
    assert (lines[0], lines[-1]) == (mark, mark) and "Next session is Tuesday. Bring the worksheet." in lines


def test_a_section_that_is_none_is_refused() -> None:
    """A key of another format gives an error and not an empty paste, signed or not."""
    with pytest.raises(NotKnown):
        text.section(apply(signed(SOAP), "chart", PARTIES), "data")
    with pytest.raises(NotKnown):
        text.draft_section_text(review(("plan", "Call.")), "data")


# ── drafts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_draft_says_so_in_its_first_and_last_line() -> None:
    """Whole or one section, from a review or from a document without a signature."""
    made = review(("subjective", "She slept poorly."), ("plan", "Call on Friday."))
    for printed in (text.draft_text(made), text.draft_section_text(made, "plan"), chart(Document(SOAP, ()))):
        lines = printed.splitlines()
        assert (lines[0], lines[-1]) == (DRAFT, DRAFT)
    assert "  Call on Friday." in text.draft_text(made, PARTIES) and "Larkspur Practice" in text.draft_text(made, PARTIES)


@pytest.mark.parametrize(
    ("state", "shown"),
    [(FlagState.OPEN, "Her [a relative] rang."), (FlagState.KEPT, "Her sister Maria rang."), (FlagState.REMEMBERED, "Her sister Maria rang.")],
)
def test_found_words_that_are_open_are_not_in_a_draft(state: FlagState, shown: str) -> None:
    """What nobody has decided on stands as its suggestion; what a person kept stays."""
    made = review(("subjective", "Her sister Maria rang."), flags=(flag(4, 16, "sister Maria", state),))
    assert shown in text.draft_text(made) and shown in text.draft_section_text(made, "subjective")


def test_a_replacement_that_stands_is_printed_without_what_it_replaced() -> None:
    """An applied finding's words are nowhere in the draft."""
    made = review(("subjective", "Her sister rang."), flags=(flag(4, 10, "sister Maria", FlagState.APPLIED),))
    assert "Maria" not in text.draft_text(made) and "Her sister rang." in text.draft_text(made)


def test_nothing_that_waits_for_a_decision_is_in_a_draft() -> None:
    """Held words, the supervisor's reason, what a dropped answer said, and a finding's own words are in no draft."""
    made = review(
        ("subjective", "She came with quokka today."),
        flags=(flag(14, 20, "quokka", FlagState.OPEN, ""),),
        held=(Undecided("s9", "I felt quokka towards her.", risk=True),),
        risks=(
            RiskQuestion("r1", "firearm", "the client", "present", ("s9",), RiskAnswer.DENIED, own="quokka"),
            RiskQuestion("r2", "falls", "child", "past", ()),
        ),
        returned="The quokka is missing.",
        warnings=("E16",),
    )
    printed = text.draft_text(made, PARTIES) + text.draft_section_text(made, "subjective")
    assert "quokka" not in printed
    assert "firearm (the client): asked and denied." in printed and "falls (child): not answered yet." in printed


@settings(deadline=None)
@given(st.text(alphabet="ab .", max_size=12), st.text(max_size=20), st.data())
def test_no_overlap_of_open_findings_lets_a_letter_of_them_through(before: str, after: str, data: st.DataObject) -> None:
    """However findings overlap, the letters that they span are not in the draft."""
    secret = "ΩΩΩΩΩΩΩΩ"
    sentence = before + secret + after.replace("Ω", "")
    spans = data.draw(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)).map(sorted).filter(lambda s: s[0] < s[1]), max_size=5))
    flags = tuple(flag(len(before) + a, len(before) + b, secret[a:b], FlagState.OPEN) for a, b in [*spans, [0, 8]])
    assert "Ω" not in text.draft_text(review(("subjective", sentence), flags=flags))


# ── words are words ───────────────────────────────────────────────────────────────────────────────────────────────────


def frame(printed: str) -> list[str]:
    """The lines that are not set in: what the frame says."""
    return [one for one in printed.splitlines() if not one.startswith("  ")]


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_words_in_every_field_change_nothing_of_the_frame(words: str) -> None:
    """The print works, steers nothing, and has no line more of frame than with plain words."""
    document, parties = everywhere(words)
    printed = text.whole(apply(document, "chart", parties), PRINTED)
    assert printed.encode() and steering(printed) == []
    ordinary, named = everywhere("Word")
    assert len(frame(printed)) <= len(frame(text.whole(apply(ordinary, "chart", named), PRINTED)))


def steering(printed: str) -> list[str]:
    return [c for c in printed if c != "\n" and (unicodedata.category(c) in ("Cc", "Cs") or unicodedata.bidirectional(c) in BIDI)]


BIDI = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


@settings(deadline=None, max_examples=50)
@given(st.text(st.characters(codec=None), max_size=80))
def test_no_words_of_a_note_leave_their_place(words: str) -> None:
    """Any text, half surrogates too: printed, it can be written as UTF-8, steers nothing and adds no line to the frame."""
    one: SignedNote = note(section("plan", words))
    printed = chart(signed(one))
    assert printed.encode() and steering(printed) == []
    assert set(frame(printed)) <= set(frame(chart(signed(note(section("plan", "Word"))))))


@given(st.text(st.characters(codec=None), max_size=60))
def test_made_safe_twice_is_made_safe(words: str) -> None:
    """Making safe changes a text once, keeps its visible letters, and leaves a mark for each character taken."""
    safe = plain(words)
    assert plain(safe) == safe and line(line(words)) == line(words) and "\n" not in line(words)
    assert [c for c in safe if c.isalnum()] == [c for c in words if c.isalnum()]


@pytest.mark.parametrize(
    ("words", "safe"),
    [
        ("a\x00b", f"a{MARK}b"),
        ("a\r\nb\rc\u2028d\x85e\x0bf", "a\nb\nc\nd\ne\nf"),
        ("a\tb", "a b"),
        ("\u202eab\u202c", f"{MARK}ab{MARK}"),
        ("\U000e0041", MARK),
        ("\ufffe\ufdd0\U0001ffff", MARK * 3),
        ("naïve — “quote” 😀 سلام", "naïve — “quote” 😀 سلام"),
        ("\u200fא\u200d", "\u200fא\u200d"),
    ],
)
def test_what_is_taken_leaves_a_mark(words: str, safe: str) -> None:
    """Controls, overrides, tags and noncharacters become marks; breaks become line feeds; all else stays."""
    assert plain(words) == safe


def test_letters_without_a_form_are_not_drawn() -> None:
    """Joiners and soft hyphens have nothing to draw; letters and their accents are composed."""
    assert visible("a\u00adb\u200b\ufeff e\u0301") == "ab é"


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)).map(sorted).map(tuple), max_size=6))
def test_spans_are_replaced_whole(spans: list[tuple[int, int]]) -> None:
    """What lies outside all spans stays in order, and nothing inside one does."""
    words = "abcdefghijklmnopqrst"
    made, _ = replaced(words, [(a, b, "#") for a, b in spans])
    inside = {n for a, b in spans for n in range(a, b)}
    assert [c for c in made if c.isalpha()] == [c for n, c in enumerate(words) if n not in inside]
