"""Text in: every kind of file, and every way in which one can be wrong."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drafting.errors import AsideError, BadTranscript, EmptyInput, NotText, OtherLanguage, TooLarge, UnknownKind, WrongEncoding
from drafting.pipeline.source import LIMIT_BYTES, heard, mode_of, plain_text, read_source
from drafting.types import Mode, Utterance

SAID = "Client reported that she slept better this week and went back to work on Monday."


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (SAID.encode(), SAID),
        (b"\xef\xbb\xbf" + SAID.encode(), SAID),
        (SAID.encode("utf-16"), SAID),
        (f"{SAID}\r\n{SAID}\r".encode(), f"{SAID}\n{SAID}\n"),
        ("naïve – “quoted” 👍 she said".encode(), "naïve – “quoted” 👍 she said"),
    ],
)
def test_decoded_text_is_kept_to_the_character(raw: bytes, text: str) -> None:
    """Decoding normalises newlines and drops a byte order mark, and nothing else."""
    assert read_source(raw, ".txt").text == text


@pytest.mark.parametrize(
    ("raw", "kind", "error"),
    [
        (b"", ".txt", EmptyInput),
        (b" \n\t ", ".md", EmptyInput),
        (b"... --- !!!", ".txt", EmptyInput),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" * 20, ".txt", NotText),
        (bytes(range(1, 32)) * 30, ".txt", NotText),
        ("Client slept badly in the café".encode("latin-1"), ".txt", WrongEncoding),
        (b"She said \xed\xa0\x80 and left", ".txt", WrongEncoding),
        (b"a " * (LIMIT_BYTES // 2) + b"b", ".txt", TooLarge),
        (SAID.encode(), ".docx", UnknownKind),
        (SAID.encode(), "", UnknownKind),
        (b"Die Klientin berichtet von Schlafproblemen seit drei Wochen und hat auch wenig Appetit gehabt", ".txt", OtherLanguage),
        ("La paciente refiere que duerme mal desde hace tres semanas y que no tiene apetito ni energía".encode(), ".txt", OtherLanguage),
        ("Клиентка сообщает, что плохо спит уже три недели".encode(), ".txt", OtherLanguage),
        (b"{", ".json", BadTranscript),
        (b"[" * 100_000, ".json", BadTranscript),
        (b"[]", ".json", BadTranscript),
        (b'{"utterances": 3}', ".json", BadTranscript),
        (b'{"utterances": [{"start": 1}]}', ".json", BadTranscript),
        (b'{"utterances": [{"text": "hello", "start": 5, "end": 2}]}', ".json", BadTranscript),
        (b'{"utterances": [{"text": "hello", "start": "soon"}]}', ".json", BadTranscript),
        (b'{"utterances": [{"text": "hello \\ud83d there"}]}', ".json", BadTranscript),
        (b'{"utterances": [{"text": "hello", "speaker": 4}]}', ".json", BadTranscript),
        (b'{"utterances": []}', ".json", EmptyInput),
        (b"WEBVTT\n\nno cue at all, only these words", ".vtt", BadTranscript),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(raw: bytes, kind: str, error: type[AsideError]) -> None:
    """Each kind of bad input has an error of its own, in one line that quotes nothing of the input."""
    with pytest.raises(error) as caught:
        read_source(raw, kind)
    assert "\n" not in str(caught.value)
    assert "slept" not in str(caught.value) and "hello" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["so we met today and she said it was fine", SAID.lower().replace(".", ""), "PHQ-9 14. Sertraline 50 mg. Sleep poor.", "OK."]
)
def test_short_telegraphic_and_unpunctuated_english_is_english(text: str) -> None:
    """No punctuation, no capitals or few common words is no reason to refuse a dictation."""
    assert read_source(text.encode(), ".txt").text == text


def test_webvtt_cues_become_utterances() -> None:
    """Times, voices and tags of WebVTT are read; the canonical text is the utterances joined by newlines."""
    vtt = "WEBVTT\n\nNOTE made by hand\n\n1\n00:00:01.500 --> 00:00:04.000\n<v Therapist>How was\nthe <i>week</i>?\n\n01:02.000 --> 01:05.250 align:start\nClient: I slept.\n"
    t = read_source(vtt.encode(), ".vtt")
    assert t.text == "How was the week?\nI slept."
    assert [(u.start, u.end) for u in t.utterances] == [(1.5, 4.0), (62.0, 65.25)]
    assert [turn.speaker for turn in t.turns] == ["clinician", "client"]


def test_subrip_cues_become_utterances() -> None:
    """SubRip's comma before the milliseconds is read too, and a cue without words is dropped."""
    srt = "1\n00:00:00,000 --> 00:00:02,000\nShe slept for five hours a night.\n\n2\n00:00:02,000 --> 00:00:03,000\n\n\n3\n00:00:03,000 --> 00:00:04,000\nThat is better.\n"
    t = read_source(srt.encode(), ".srt")
    assert [u.text for u in t.utterances] == ["She slept for five hours a night.", "That is better."]


def test_a_transcript_in_json_keeps_its_times_and_speakers() -> None:
    """Our own JSON, times and speaker optional."""
    data = {"utterances": [{"text": " How  are you? ", "speaker": "clinician", "start": 0, "end": 1.5}, {"text": "I am all right today."}]}
    t = read_source(json.dumps(data).encode(), ".json")
    assert t.text == "How are you?\nI am all right today."
    assert t.turns[0].audio == (0, 1.5) and t.turns[1].audio is None
    assert mode_of(t) is Mode.DICTATION


def test_whispers_own_json_is_read() -> None:
    """Whisper writes `segments` with words."""
    words = [{"word": " She", "start": 0.0, "end": 0.4, "probability": 0.9}, {"word": " slept.", "start": 0.4, "end": 1.0, "probability": 0.8}]
    t = read_source(
        json.dumps({"text": " She slept.", "language": "en", "segments": [{"start": 0, "end": 1, "text": " She slept.", "words": words}]}).encode(),
        ".json",
    )
    assert t.text == "She slept."
    assert [w.confidence for w in t.utterances[0].words] == [0.9, 0.8]


def test_typed_turns_are_found_where_two_parties_speak() -> None:
    """Labels of two parties make a session; the label belongs to its turn and its body begins after it."""
    text = "Therapist: How was the week?\nClient: I slept badly.\nIt was hot.\nTherapist: I see."
    t = read_source(text.encode(), ".txt")
    assert [x.speaker for x in t.turns] == ["clinician", "client", "clinician"]
    assert text[t.turns[1].body : t.turns[1].end] == "I slept badly.\nIt was hot.\n"
    assert mode_of(t) is Mode.SESSION


@pytest.mark.parametrize(
    "text", ["Plan: see her again on Monday and repeat the PHQ-9.", "Client: the same as last week, she says, and the plan holds.\nPlan: continue."]
)
def test_headings_of_a_dictation_are_no_speakers(text: str) -> None:
    """One label alone, or labels that name nobody, leave a dictation one turn."""
    assert len(read_source(text.encode(), ".txt").turns) == 1


def test_speakers_can_be_named() -> None:
    """A practice's own labels are given by name."""
    t = read_source(b"Dr Abara: How are you?\nMina: I am well, and the week was good.", ".txt", {"Dr Abara": "clinician", "Mina": "client"})
    assert [x.speaker for x in t.turns] == ["clinician", "client"]


def test_silence_heard_is_an_empty_transcript() -> None:
    """Utterances without words leave no text and no turn."""
    t = heard([Utterance("  ", 0.0, 1.0)], "engine", True)
    assert (t.text, t.turns, t.utterances, t.preview) == ("", (), (), True)


@given(st.text(max_size=300))
def test_turns_cover_every_word(text: str) -> None:
    """Whatever is typed is refused by name or covered by turns that do not overlap."""
    try:
        t = read_source(text.encode("utf-8", "surrogatepass"), ".txt")
    except AsideError:
        return
    inside = [i for turn in t.turns for i in range(turn.start, turn.end)]
    assert len(inside) == len(set(inside))
    assert {i for i, c in enumerate(t.text) if not c.isspace()} <= set(inside)


@given(st.binary(max_size=200), st.sampled_from([".txt", ".md", ".vtt", ".srt", ".json"]))
def test_no_bytes_raise_anything_but_a_named_error(raw: bytes, kind: str) -> None:
    """Random bytes give a transcript or an error of the tree."""
    try:
        read_source(raw, kind)
    except AsideError as error:
        assert error.code != "error"


def test_any_language_may_be_screened() -> None:
    """Screening takes text of any language, and refuses the same broken bytes."""
    assert plain_text("Die Klientin heißt Ayşe.".encode()) == "Die Klientin heißt Ayşe."
    with pytest.raises(EmptyInput):
        plain_text(b"  \n")
    with pytest.raises(TooLarge):
        plain_text(b"a" * (LIMIT_BYTES + 1))
