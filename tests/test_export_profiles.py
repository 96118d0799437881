"""Who gets what of a signed note: the table of profiles, what is left out, replaced or refused, and the preview that says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drafting.errors import NotKnown, PolicyError, ReleaseRefused
from drafting.record.export import profiles, text
from drafting.record.export.needed import speaks_of
from drafting.record.export.profiles import amended, apply, every, followed, keys, preview, profile, standing, withdrawn
from drafting.types import PhiFinding, Severity
from drafting.types.record import Document
from tests.exporting import PARTIES, PRINTED, SOAP, addendum, amendment, note, section, signed, withdrawal


def words(document: Document) -> list[str]:
    return [s.text for one in every(document) for part in one.note.sections for s in part.sentences]


def found(key: str, number: int, start: int, end: int, suggestion: str) -> PhiFinding:
    return PhiFinding(start, end, "x", "PERSON", "F02", Severity.HIGH, "why", suggestion, section=key, sentence=number)


# ── what stays ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("key", ["chart", "client_copy"])
def test_the_chart_and_the_client_get_every_signed_word(key: str) -> None:
    """Nothing is cut from the record for the chart or for the client, addenda included."""
    document = signed(SOAP, [addendum()])
    view = apply(document, key, PARTIES)
    assert view.document == document
    assert view.whole


def test_a_payer_gets_what_a_claim_needs() -> None:
    """Symptoms, scores, progress and the whole plan stay; a sister, a coat and the office's paint do not."""
    view = apply(signed(SOAP), "payer", PARTIES)
    assert words(view.document) == [
        "She slept poorly on four nights.",
        "PHQ-9 was 11, down from 17.",
        "Panic attacks are less frequent than last month.",
        "Next session is Tuesday.",
        "Bring the worksheet.",
    ]
    assert [(one.title, one.text) for one in view.left_out] == [
        ("Subjective", "Her sister Maria was late again."),
        ("Objective", "She wore a green coat."),
        ("Assessment", "The office is being painted."),
    ]
    assert not view.whole


def test_a_person_s_choice_goes_before_ours() -> None:
    """A sentence can be put back and another taken out of a payer's packet; of a copy that is whole nothing can be taken."""
    decided = {("n1", "subjective", 1): True, ("n1", "plan", 1): False, ("n1", "plan", 9): True}
    kept = words(apply(signed(SOAP), "payer", PARTIES, decided=decided).document)
    assert "Her sister Maria was late again." in kept and "Bring the worksheet." not in kept and "Next session is Tuesday." in kept
    assert apply(signed(SOAP), "client_copy", PARTIES, decided=decided).whole
    assert preview(signed(SOAP), "insurer", PARTIES, decided=decided).kept == 5


def test_danger_is_in_a_payer_s_packet_wherever_it_stands() -> None:
    """Level of risk is what a payer needs: no sentence that speaks of danger is left out of a section that might hold it."""
    document = signed(note(section("subjective", "Asked about hurting herself, she said no.", "She likes to be on time.")))
    assert words(apply(document, "payer", PARTIES).document) == ["Asked about hurting herself, she said no."]


def test_a_format_that_is_not_known_is_read_by_its_words_alone() -> None:
    """A section of another's format keeps only what speaks of something that a payer needs, even under the key of a plan."""
    document = signed(note(section("plan", "Bring the worksheet.", "She slept poorly."), format="house_style"))
    assert words(apply(document, "payer", PARTIES).document) == ["She slept poorly."]


def test_what_was_signed_later_is_cut_too() -> None:
    """An addendum goes through the same profile as the note."""
    document = signed(SOAP, [addendum(text="Her sister rang.")])
    view = apply(document, "payer", PARTIES)
    assert "Her sister rang." not in words(view.document)
    assert view.left_out[-1].place == ("n2", "addendum", 0)


@pytest.mark.parametrize(
    ("sentence", "codes", "is_found"),
    [
        ("She slept poorly.", ("X8",), True),
        ("She slept at her sister’s.", ("X8",), False),
        ("PHQ-9 was 11.", ("E10",), True),
        ("She missed work twice.", ("X6",), True),
        ("She missed the bus.", ("X6",), False),
        ("She slept poorly.", ("E04",), False),
        ("Mood was low.", ("E13",), True),
        ("She wore a green coat.", ("E13",), False),
        ("Asked about hurting herself, she said no.", ("danger",), True),
        ("Her feet were killing her.", ("danger",), False),
        ("She slept poorly.", (), False),
    ],
)
def test_what_speaks_of_an_element(sentence: str, codes: tuple[str, ...], is_found: bool) -> None:
    """The patterns of the elements file are found in a sentence, and near misses are not."""
    assert speaks_of(sentence, codes) is is_found


# ── what is replaced ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_found_words_are_replaced_in_brackets_and_only_there() -> None:
    """What screening found stands as its suggestion, wherever in the sentence; the rest of the note is as signed."""
    screened = {"n1": (found("subjective", 1, 4, 16, "her sister"), found("subjective", 1, 17, 20, ""), found("plan", 0, 16, 23, "a day"))}
    view = apply(signed(SOAP, [addendum()]), "supervision", PARTIES, screened=screened)
    assert "Her [her sister] [left out] late again." in words(view.document)
    assert "Next session is [a day]." in words(view.document)
    assert "A letter was sent." in words(view.document)
    assert (view.replaced, view.whole) == (3, False)


def test_findings_that_overlap_leave_no_rest() -> None:
    """Of two findings over the same words nothing of either shows."""
    screened = {"n1": (found("subjective", 1, 4, 16, "a"), found("subjective", 1, 11, 25, "b"), found("subjective", 1, 11, 12, "c"))}
    view = apply(signed(SOAP), "client_copy", PARTIES, screened=screened)
    assert "Her [a] again." in words(view.document)


def test_numbers_of_sentences_count_in_the_signed_section() -> None:
    """A finding stays with its sentence, though the one before it was left out."""
    content = note(section("subjective", "A green coat.", "Maria slept poorly."))
    view = apply(signed(content), "payer", PARTIES, screened={"n1": (found("subjective", 1, 0, 5, "A friend"),)})
    assert words(view.document) == ["[A friend] slept poorly."]


# ── what is refused ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_client_who_paid_is_kept_from_the_plan() -> None:
    """45 CFR 164.522(a)(1)(vi): the restriction stops the payer's packet, and no other copy."""
    paid = replace(PARTIES, self_pay=True)
    with pytest.raises(ReleaseRefused, match=r"164\.522"):
        apply(signed(SOAP), "payer", paid)
    assert apply(signed(SOAP), "chart", paid).whole
    shown = preview(signed(SOAP), "insurer", paid)
    assert shown.refused and "164.522" in shown.refused
    assert (shown.view, shown.kept) == (None, 0)


def test_nothing_is_called_nameless_that_was_not_screened() -> None:
    """The supervision copy is not made of words that nobody screened; screened and clean is enough."""
    with pytest.raises(ReleaseRefused, match="screened"):
        apply(signed(SOAP), "supervision", PARTIES)
    assert apply(signed(SOAP), "supervision", PARTIES, screened={}).whole


@pytest.mark.parametrize("unknown", ["", "Chart", "insurer", "private"])
def test_a_profile_that_is_none_is_refused(unknown: str) -> None:
    """No copy is made for a profile that the table does not have; a reader is no profile."""
    with pytest.raises(NotKnown):
        apply(signed(SOAP), unknown, PARTIES)


def test_a_reader_who_is_none_is_refused() -> None:
    """A preview is for readers of the table alone."""
    with pytest.raises(NotKnown):
        preview(signed(SOAP), "payer", PARTIES)


# ── supervision ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_supervision_copy_has_no_names_and_no_days() -> None:
    """Client, clinician, practice, place, clock and digest are not in it; the pseudonym, the month and the minutes are."""
    document = signed(replace(SOAP, header=replace(SOAP.header, late_reason="ill")), [addendum()])
    printed = text.whole(apply(document, "supervision", PARTIES, screened={}), PRINTED)
    for hidden in (
        "Belcourt",
        "1990",
        "Marlow",
        "149.021",
        "Larkspur",
        "2026-03-04",
        "14:05",
        "Illinois",
        "Chicago",
        "abab",
        "None at home",
        "90837",
    ):
        assert hidden not in printed
    assert "Client: C-0142" in printed and "Date of service: 2026-03\n" in printed and "Minutes: 53" in printed


# ── preview ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("reader", "key", "kept", "left_out", "hidden"),
    [("insurer", "payer", 5, 3, {"location", "own_words", "reason"}), ("lawyer", "chart", 8, 0, set()), ("client", "client_copy", 8, 0, set())],
)
def test_a_preview_counts_what_goes_and_what_not(reader: str, key: str, kept: int, left_out: int, hidden: set[str]) -> None:
    """Each reader's copy, what of the frame it lacks, and how many sentences go and stay."""
    shown = preview(signed(SOAP), reader, PARTIES)
    assert (shown.profile, shown.kept, len(shown.left_out), set(shown.hidden)) == (key, kept, left_out, hidden)
    assert "rivate notes" in shown.not_given and shown.gets and shown.refused is None


def test_a_preview_shows_no_words_when_it_is_printed() -> None:
    """Neither the preview nor the view prints the note's words, the client or the practice."""
    shown = preview(signed(SOAP), "insurer", PARTIES)
    for words_of in ("sister", "slept", "Belcourt", "Larkspur", "Marlow"):
        assert words_of not in repr(shown)


# ── the table ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_profile_of_the_table_can_be_used() -> None:
    """Profiles and readers are sound, and no profile but supervision hides who signed."""
    assert keys() == ("chart", "payer", "client_copy", "supervision")
    assert [key for key in keys() if "signer" not in profile(key).shows] == ["supervision"]


@pytest.mark.parametrize(
    "change",
    [{"shows": ["clinet"]}, {"sections": "some"}, {"dates": "year"}, {"share": True}, {"roles": ["poem"]}, {"about": ["E99"]}],
    ids=lambda c: next(iter(c)),
)
def test_a_table_that_is_wrong_is_not_used(change: dict[str, object]) -> None:
    """A misspelt field, a value or key that is none, and a role or an element that is none are refused."""
    sound = {"title": "T", "shows": ["client"], "sections": "whole", "dates": "day", "screened": False, "fhir": True}
    profiles._parsed("t", sound)
    with pytest.raises(PolicyError):
        profiles._parsed("t", sound | change)


# ── what follows what ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_links_withdrawals_and_corrections_are_read_from_parents_and_places() -> None:
    """A later document follows its parent, or else what it stands under; what a withdrawal names is in error, what a correction names is corrected."""
    placed = replace(addendum("n5"), note=replace(addendum("n5").note, parent=None))
    document = signed(SOAP, [addendum(), amendment(), withdrawal(parent="n2"), placed])
    assert followed(document) == {"n2": "n1", "n3": "n1", "n4": "n2", "n5": "n1"}
    assert withdrawn(document) == {"n2"}
    assert amended(document) == {"n1"}
    assert standing(document).note.id == "n3"


def test_a_correction_that_was_withdrawn_takes_with_it_what_it_corrected() -> None:
    """Entered in error is the whole row of corrections, back to the note, which does not stand again; what was added beside it is not."""
    document = signed(SOAP, [amendment(), withdrawal(parent="n3")])
    assert (withdrawn(document), amended(document), standing(document).note.id) == ({"n1", "n3"}, frozenset(), "n1")
    row = signed(SOAP, [addendum(), amendment(), amendment("n5", parent="n3"), withdrawal(parent="n5")])
    assert withdrawn(row) == {"n1", "n3", "n5"}


def test_a_note_that_corrects_itself_is_read_to_its_end() -> None:
    """Parents in a ring, as only a foreign file could have them, stop nothing."""
    assert withdrawn(signed(SOAP, [amendment("n3", parent="n5"), amendment("n5", parent="n3"), withdrawal(parent="n5")])) == {"n3", "n5"}
