"""One canonical JSON: what is read back is what was written, and a signature finds every change."""

from __future__ import annotations

import hashlib
import json
import types
import typing
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from drafting.errors import KeyWrong
from drafting.record.review import canonical
from drafting.record.review.canonical import NotCanonical, clean, digest, note_bytes, note_of, review_bytes, review_of, signature, verified
from drafting.types import Mode
from drafting.types.notes import Severity
from drafting.types.record import Meaning, NoteKind, Person, RiskLine, Signature, SignedNote, SignedSection, SignedSentence, Standing
from drafting.types.review import Flag, NoteHeader, Review, ReviewSentence, Undecided

KEY = SigningKey(bytes(range(32)))
AT = datetime(2026, 11, 18, 15, 4, 5, 678, tzinfo=UTC)
AUTHOR = Person("p1", "Ines Varga", Standing.CLINICIAN, "LCSW", "IL-4471")

NOTE = SignedNote(
    id="N1",
    encounter="E1",
    number=1,
    kind=NoteKind.NOTE,
    format="soap",
    format_digest="0123456789ab",
    header=NoteHeader("C1", date(2026, 11, 17), "14:03", "14:56", "America/Chicago", code="90837", diagnoses=("F41.1",), confirmed=True),
    sections=(
        SignedSection("subjective", "Subjective", (SignedSentence("Client slept four hours a night.", ("s2", "s3"), ("g1",)),)),
        SignedSection("plan", "Plan", (SignedSentence("Next session in a week.", ("s9",)), SignedSentence("Client will keep a log."))),
    ),
    risks=(RiskLine("suicide", "the client", "in the clinician's own words", "Passive thoughts, no intent."),),
    open_items=("header not confirmed",),
    late=True,
    parent="N0",
    reason="A figure was wrong.",
    writer="plain:1",
    model="small@ab12",
    prompt="0011",
    mode="dictation",
    edited_share=0.3333,
)


def signed(note: SignedNote = NOTE, at: datetime = AT) -> Signature:
    return signature(
        note, AUTHOR, meaning=Meaning.AUTHOR, method="passphrase", at=at, zone="America/Chicago", key_id="k1", sign=lambda m: KEY.sign(m).signature
    )


def others(value: object) -> Iterator[object]:
    """`value` with one leaf of it changed, for every leaf; a list also one shorter and one longer."""
    if is_dataclass(value):
        for f in fields(value):
            for other in others(getattr(value, f.name)):
                yield replace(value, **{f.name: other})
    elif isinstance(value, tuple):
        yield (*value, *value[-1:]) if value else ("x",)
        for i, item in enumerate(value):
            yield value[:i] + value[i + 1 :]
            for other in others(item):
                yield (*value[:i], other, *value[i + 1 :])
    elif isinstance(value, StrEnum):
        yield from (member for member in type(value) if member is not value)
    elif isinstance(value, bool):
        yield not value
    elif value is None:
        yield "x"
    else:
        yield CHANGED[type(value)](value)


CHANGED = {
    str: lambda v: v[:-1] + ("x" if v[-1:] != "x" else "y"),
    int: lambda v: v + 1,
    float: lambda v: v + 0.0001,
    bytes: lambda v: bytes([v[0] ^ 1]) + v[1:],
    date: lambda v: v + timedelta(days=1),
    datetime: lambda v: v + timedelta(microseconds=1),
}


def strategy(hint: object, words: st.SearchStrategy[str]) -> st.SearchStrategy[object]:
    """Values of a type's annotation."""
    arguments = typing.get_args(hint)
    if is_dataclass(hint):
        return st.builds(hint, **{name: strategy(h, words) for name, h in typing.get_type_hints(hint).items()})
    if isinstance(hint, types.UnionType):
        return st.none() | strategy(next(a for a in arguments if a is not type(None)), words)
    if typing.get_origin(hint) is tuple and arguments[-1] is Ellipsis:
        return st.lists(strategy(arguments[0], words), max_size=2).map(tuple)
    if typing.get_origin(hint) is tuple:
        return st.tuples(*(strategy(a, words) for a in arguments))
    simple = {
        str: words,
        int: st.integers(),
        bool: st.booleans(),
        float: st.integers(0, 10_000).map(lambda n: n / 10_000),
        date: st.dates(),
        datetime: st.datetimes(
            min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])
        ),
    }
    return simple[hint] if hint in simple else st.sampled_from(list(hint))


ANY = st.text(st.characters(), max_size=6)
SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@SLOW
@given(strategy(SignedNote, ANY.map(clean)))
def test_a_note_comes_back_exactly(note: SignedNote) -> None:
    """Any note is read back as it was, and written again to the same bytes."""
    data = note_bytes(note)
    assert note_of(data) == note
    assert note_bytes(note_of(data)) == data


@SLOW
@given(strategy(Review, ANY))
def test_a_review_comes_back_exactly(review: Review) -> None:
    """Any review is read back to the letter, whatever its characters are composed of."""
    assert review_of(review_bytes(review)) == review


def test_a_review_keeps_what_utf8_cannot_hold() -> None:
    """Half a surrogate pair and a decomposed accent stay as they are: offsets count them."""
    words = "Zoe\u0308 \ud83d said no"
    review = Review("E1", 3, Mode.SESSION, "soap", "d", (("plan", "Plan"),), NoteHeader("C1"), (ReviewSentence("n1", "plan", words, ("s1",)),))
    review = replace(review, flags=(Flag("f1", "n1", 0, 4, "Zoe\u0308", "F03", Severity.HIGH, "r", ""),), held=(Undecided("s2", words),))
    again = review_of(review_bytes(review))
    assert again == review
    assert again.sentences[0].text[again.flags[0].start : again.flags[0].end] == again.flags[0].words


def test_the_bytes_are_canonical() -> None:
    """Sorted keys, no spaces, UTF-8, a version tag, and the share as text with four digits."""
    note = replace(NOTE, reason="naïve – 検査", edited_share=1 / 3)
    text = note_bytes(note).decode()
    found = json.loads(text)
    assert text == json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert found["aside"] == "aside.note/1"
    assert found["edited_share"] == "0.3333"
    assert "naïve – 検査" in text
    assert digest(note) == hashlib.sha256(text.encode()).hexdigest()


def test_two_spellings_of_a_letter_are_one() -> None:
    """A composed and a decomposed accent give the same digest; another letter does not."""
    composed, decomposed, other = (replace(NOTE, reason=r) for r in ("caf\u00e9", "cafe\u0301", "cafe"))
    assert digest(composed) == digest(decomposed) != digest(other)


def test_a_field_at_its_default_is_left_out() -> None:
    """What a later version adds with a default changes no digest of today."""
    bare = SignedNote("N1", "E1", 1, NoteKind.NOTE, "soap", "d", NoteHeader("C1"), ())
    assert set(json.loads(note_bytes(bare))) == {"aside", "id", "encounter", "number", "kind", "format", "format_digest", "header", "sections"}


@pytest.mark.parametrize("other", list(others(NOTE)), ids=lambda n: "")
def test_every_part_of_a_note_is_in_its_digest(other: SignedNote) -> None:
    """No leaf of a note can change and leave the digest as it was."""
    assert digest(other) != digest(NOTE)


BYTES = note_bytes(NOTE)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        BYTES[:-1],
        BYTES + b"\n",
        BYTES.replace(b"aside.note/1", b"aside.note/2"),
        BYTES.replace(b'"number":1', b'"number": 1'),
        BYTES.replace(b'"number":1', b'"number":"1"'),
        BYTES.replace(b'"number":1', b'"number":1,"number":1'),
        BYTES.replace(b'"number":1', b'"number":1,"nummer":1'),
        BYTES.replace(b'"encounter":"E1"', b'"encounter":7'),
        BYTES.replace(b'"kind":"note"', b'"kind":"memo"'),
        BYTES.replace(b'"mode":"dictation",', b'"mode":null,'),
        review_bytes(Review("E1", 1, Mode.DICTATION, "soap", "d", (), NoteHeader("C1"))),
    ],
    ids=lambda d: "",
)
def test_anything_but_canonical_bytes_is_refused(data: bytes) -> None:
    """Bytes that are not exactly what is written are no note, and the error quotes none of them."""
    with pytest.raises(NotCanonical) as caught:
        note_of(data)
    assert "slept" not in str(caught.value)
    assert caught.value.__cause__ is None


# ── signatures ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_signature_holds_for_its_note() -> None:
    """It says who, in which words, how and when, and its own bytes bring it back."""
    made = signed()
    verified(NOTE, made, bytes(KEY.verify_key))
    assert (made.name, made.credential, made.licence, made.at, made.zone) == ("Ines Varga", "LCSW", "IL-4471", AT, "America/Chicago")
    assert made.statement == canonical.statement(Meaning.AUTHOR) != canonical.statement(Meaning.COSIGNER)
    again = canonical.signature_of(canonical.signature_bytes(made))
    assert again == made
    verified(note_of(note_bytes(NOTE)), again, bytes(KEY.verify_key))


@pytest.mark.parametrize("other", list(others(NOTE)), ids=lambda n: "")
def test_a_changed_note_is_found(other: SignedNote) -> None:
    """T5: a signature is void for a note in which anything was changed."""
    with pytest.raises(KeyWrong):
        verified(other, signed(), bytes(KEY.verify_key))


@pytest.mark.parametrize("other", list(others(signed())), ids=lambda s: "")
def test_a_changed_signature_is_found(other: Signature) -> None:
    """Signer, name, credential, licence, meaning, statement, method, time, zone, digest, key and value: none can be changed alone."""
    with pytest.raises(KeyWrong):
        verified(NOTE, other, bytes(KEY.verify_key))


def test_a_signature_cannot_be_carried_to_another_note() -> None:
    """A signature whose note and digest are exchanged for another note's does not hold for it."""
    other = replace(NOTE, id="N2")
    with pytest.raises(KeyWrong):
        verified(other, replace(signed(), note="N2", digest=digest(other)), bytes(KEY.verify_key))


def test_a_signature_names_its_note_rightly() -> None:
    """One that was truly made over this note's digest but names another note is refused."""
    named = replace(signed(), note="N9", value=b"")
    with pytest.raises(KeyWrong):
        verified(NOTE, replace(named, value=KEY.sign(canonical.signature_bytes(named)).signature), bytes(KEY.verify_key))


@pytest.mark.parametrize("key", [bytes(SigningKey(bytes(32)).verify_key), bytes(32), b"", b"short"])
def test_another_key_does_not_verify(key: bytes) -> None:
    """A key that is another's, or none, is refused in the same words."""
    with pytest.raises(KeyWrong):
        verified(NOTE, signed(), key)


@pytest.mark.parametrize("value", [b"", b"x" * 64, signed().value[:-1], signed().value + b"\0"])
def test_a_value_that_is_no_signature_is_refused(value: bytes) -> None:
    """Too short, too long or made up: KeyWrong each time."""
    with pytest.raises(KeyWrong):
        verified(NOTE, replace(signed(), value=value), bytes(KEY.verify_key))


def test_a_naive_instant_is_refused() -> None:
    """A time without a zone is not signed, and a signature that has one does not verify."""
    with pytest.raises(ValueError, match="zone"):
        signed(at=AT.replace(tzinfo=None))
    with pytest.raises(KeyWrong):
        verified(NOTE, replace(signed(), at=AT.replace(tzinfo=None)), bytes(KEY.verify_key))


def test_the_same_instant_elsewhere_is_the_same() -> None:
    """A signature's time is an instant: it may be given in any zone."""
    assert signed(at=AT.astimezone(timezone(timedelta(hours=-6)))) == signed()
