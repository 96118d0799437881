"""A note as a PDF, read back by another library: its words in order, its pages, its fonts, and what its letters cannot be."""

from __future__ import annotations

import io
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from drafting.record.export import pdf
from drafting.record.export.letters import MARK
from drafting.record.export.profiles import apply
from drafting.types import Severity
from drafting.types.record import Document
from drafting.types.review import Flag, Undecided
from tests.exporting import HOSTILE, PARTIES, PRINTED, SOAP, addendum, everywhere, note, review, section, signed, withdrawal

DRAFT = "DRAFT — NOT SIGNED"


def made(document: Document, key: str = "chart") -> bytes:
    return pdf.whole(apply(document, key, PARTIES, screened={}), PRINTED)


def pages(data: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(data)).pages]


def of_words(words: str) -> str:
    """What the first page says of a note whose plan is `words`."""
    return pages(made(signed(note(section("plan", words)))))[0]


# ── what stands in it ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_its_text_is_read_in_the_order_in_which_it_is_written() -> None:
    """Head, practice, header, sections, risk, signature, foot: another library reads them so."""
    (text,) = pages(made(signed(SOAP)))
    wanted = [
        "Client C-0142 · Date of service 2026-03-04", "Larkspur Practice · Chart", "Clinical note (SOAP)", "Name: Ana Belcourt", "Start and stop: 14:05–14:58",
        "Subjective", "She slept poorly", "Objective", "PHQ-9 was 11", "Assessment", "Plan", "Next session is Tuesday.", "Risk", "asked and denied",
        "Signed electronically by the author", "Ines Marlow, LCSW", "2026-03-04 16:01:05 -06:00 America/Chicago", "ab" * 32, "page 1 of 1",
    ]  # fmt: skip
    places = [text.find(words) for words in wanted]
    assert -1 not in places and places == sorted(places)


def test_later_documents_and_withdrawals_are_in_it() -> None:
    """What was signed later stands below with its signature; what was entered in error says so and stays legible."""
    text = "\n".join(pages(made(signed(SOAP, [addendum(), withdrawal(parent="n2")]))))
    assert (
        text.index("Next session is Tuesday.") < text.index("ENTERED IN ERROR") < text.index("A letter was sent.") < text.index("Another client's.")
    )
    assert text.count("Signed electronically by the author") == 3


def test_what_was_entered_in_error_has_a_line_through_it() -> None:
    """The struck print draws a stroke for each line of words, which the unstruck one does not."""

    def strokes(document: Document) -> int:
        return sum(page.get_contents().get_data().count(b" l S") for page in PdfReader(io.BytesIO(made(document))).pages)

    alone, struck = strokes(signed(SOAP, [addendum()])), strokes(signed(SOAP, [addendum(), withdrawal(parent="n2")]))
    assert struck > alone


def test_a_supervision_copy_names_nobody_on_any_page_nor_in_its_metadata() -> None:
    """Names, day and practice are in no page's head and not among the file's own facts."""
    data = made(signed(SOAP), "supervision")
    everything = "\n".join(pages(data)) + str(PdfReader(io.BytesIO(data)).metadata)
    for hidden in ("Belcourt", "Marlow", "Larkspur", "2026-03-04"):
        assert hidden not in everything
    assert "Date of service 2026-03" in everything


def test_its_metadata_does_not_name_the_client() -> None:
    """The title says what it is and when; neither the client's name nor number is in the file's facts, and the language is given."""
    reader = PdfReader(io.BytesIO(made(signed(SOAP))))
    assert reader.metadata.title == "Clinical note (SOAP), 2026-03-04"
    assert all(word not in str(reader.metadata) for word in ("Belcourt", "C-0142", "Marlow"))
    assert reader.root_object["/Lang"] == "en"


# ── pages ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_page_of_a_long_note_is_headed_and_counted() -> None:
    """Fifty pages and more: each bears client, date and its number, and no sentence is lost between two."""
    sentences = [f"Sentence {number} was about sleep, work and what the week had brought." for number in range(3000)]
    texts = pages(made(signed(note(section("plan", *sentences)))))
    assert len(texts) >= 50
    for number, text in enumerate(texts, 1):
        assert text.startswith("Client C-0142 · Date of service 2026-03-04") and text.rstrip().endswith(f"page {number} of {len(texts)}")
    joined = " ".join(" ".join(" ".join(text.splitlines()[1:-2]) for text in texts).split())
    assert all(f"Sentence {number} was" in joined for number in range(3000))


def test_a_word_longer_than_a_line_and_than_a_page_is_set() -> None:
    """Letters without a space run on over lines and pages; none is lost."""
    texts = pages(made(signed(note(section("plan", "ж" * 12000)))))
    assert sum(text.count("ж") for text in texts) == 12000 and len(texts) > 2


def test_an_unsigned_one_says_draft_on_every_page() -> None:
    """A review and a document without a signature are marked on each page; a signed one on none."""
    long = note(section("plan", "She will log worry twice a day and rest. " * 200))
    for data in (made(Document(long, ())), pdf.draft(review(("plan", "She will log worry twice a day and rest. " * 200)), PRINTED, PARTIES)):
        texts = pages(data)
        assert len(texts) > 1 and all(DRAFT in text for text in texts)
    assert all("DRAFT" not in text for text in pages(made(signed(long))))


def test_nothing_that_waits_for_a_decision_is_in_a_draft() -> None:
    """Held words and found words that are open are in no page of a printed draft."""
    flag = Flag("f1", "n0", 14, 20, "quokka", "F02", Severity.HIGH, "why", "an animal")
    draft = review(("subjective", "She came with quokka."), flags=(flag,), held=(Undecided("s9", "Said quokka."),), returned="No quokka.")
    data = pdf.draft(draft, PRINTED)
    assert "quokka" not in "".join(pages(data)) and "She came with [an animal]." in pages(data)[0]
    assert "C-0142" not in str(PdfReader(io.BytesIO(data)).metadata)


def test_the_same_note_gives_the_same_bytes() -> None:
    """The file has no clock and no chance in it: printed again, after another, it is the same."""
    first = made(signed(SOAP))
    made(signed(note(section("plan", "Ω → ж"))))
    assert made(signed(SOAP)) == first
    assert made(signed(replace(SOAP, late=True))) != first


# ── letters ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_font_is_embedded() -> None:
    """Text, headings and signs: each font of the file brings its letters along, with their Unicode."""
    data = made(signed(note(section("plan", "5 ≥ 3 → better"))))
    fonts = [font.get_object() for page in PdfReader(io.BytesIO(data)).pages for font in page["/Resources"]["/Font"].values()]
    named = [font for font in fonts if font["/Subtype"] == "/TrueType"]
    used = {str(font["/BaseFont"]).split("+")[1] for font in named}
    assert used == {"NotoSans-Regular", "NotoSans-Bold", "FiraGO-Regular"}
    assert all("/FontFile2" in font["/FontDescriptor"] and "/ToUnicode" in font for font in named)


@pytest.mark.parametrize(
    "words",
    [
        "Zażółć gęślą jaźń, ŁÓDŹ",
        "Άγχος και ύπνος, ΐ ΰ ς",
        "Тревога, сон; ґ є ї Ђ ћ Ў",
        "Lo âu, mất ngủ; Nguyễn, đường, ữ ợ ẵ",
        "kaygı, uyku; ğ ı İ ş Ş",
        "Žluťoučký kůň, őű, ș ț, ð þ, ŋ",
        "“quoted” – ‘and’ — … • § € £ 25° ½ ±2 µg 1⁄4",
        "5 ≥ 3 ≤ 4 ≠ 2 ≈ 1 → ← ↑ ↓ √ ∞",
        "e\u0301\u0323 decomposed",
    ],
)
def test_letters_of_many_languages_are_read_back(words: str) -> None:
    """Greek, Cyrillic, Vietnamese, Polish, Turkish and signs: what another library extracts is what was written (composed)."""
    text = of_words(words)
    assert unicodedata.normalize("NFC", words) in " ".join(text.split())
    assert MARK not in text


@pytest.mark.parametrize(
    ("words", "shown", "told"),
    [
        ("mood 😀 now", f"mood {MARK} now", "1 character"),
        ("家族と話した。", MARK, "U+5BB6"),
        ("سلام", MARK * 4, "U+0633"),
        ("שלום", MARK * 4, "U+05E9"),
        ("ไทย", MARK * 3, "U+0E44"),
        ("हिन्दी", MARK, "U+0939"),
        ("😀😀😃", MARK * 3, "3 characters"),
        ("\U000e0041tag", f"{MARK}tag", None),
        ("\u202edrow", f"{MARK}drow", None),
    ],
)
def test_what_cannot_be_set_letter_by_letter_leaves_a_mark_and_is_told(words: str, shown: str, told: str | None) -> None:
    """Emoji, Chinese, scripts from right to left and scripts whose letters join: a mark each, and a last line with their code points."""
    text = " ".join(of_words(words).split())
    assert shown in text
    assert (told or "each shown as") in text or told is None
    assert words not in text


def test_markup_is_text() -> None:
    """Tags, entities and braces in a note are read back as they were typed."""
    words = "<b>bold</b> & <para> &amp; <font name='x'> {0} %s <!-- x -->"
    assert words in " ".join(of_words(words).split())


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_words_in_every_field_are_printed(words: str) -> None:
    """Whatever stands in any field, a file comes out that another library reads, with its signatures."""
    document, parties = everywhere(words)
    texts = pages(pdf.whole(apply(document, "chart", parties), PRINTED))
    assert "".join(texts).count("Signed electronically by the author") == 4


@settings(deadline=None, max_examples=15)
@given(st.text(st.characters(codec=None), max_size=60))
def test_any_words_are_printed_and_none_is_dropped_without_a_mark(words: str) -> None:
    """For any text, each ASCII letter is read back as often as it was written, and what is no letter of ours is at least a mark."""
    plain, text = of_words(""), of_words(words)
    for letter in set(words) & set("qxzQXZ#%~"):
        assert text.count(letter) >= plain.count(letter) + words.count(letter)
    if any("\u4e00" <= c <= "\u9fff" for c in words):
        assert MARK in text
