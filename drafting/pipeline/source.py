"""Text in: bytes of a typed dictation, captions or a transcript, out as a `Transcript`.

In: bytes and the kind that the file's name gives. Out: the canonical text with its turns. Knows no file system, no sound and no rule of routing.
Formats: plain text and Markdown, WebVTT (W3C), SubRip, our transcript JSON, and the JSON that Whisper writes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from drafting.errors import BadTranscript, EmptyInput, NotText, OtherLanguage, TooLarge, UnknownKind, WrongEncoding
from drafting.types import Mode, Transcript, Turn, Utterance, Word
from prompts import table

LIMIT_BYTES = 2**20
TEXT_KINDS = (".txt", ".md", ".vtt", ".srt", ".json")

_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
_CUE = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}")
_VOICE = re.compile(r"<v(?:\.[\w.]+)?\s+([^>]+)>", re.I)
_TAG = re.compile(r"</?[^>\n]{1,40}>")
_LABEL = re.compile(r"^[ \t]*([^\W\d_][\w.'’ -]{0,30}?)[ \t]*:[ \t]*", re.M)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LETTER = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def read_source(raw: bytes, kind: str, speakers: Mapping[str, str] | None = None) -> Transcript:
    """`raw` as a transcript. `kind` is a file ending of TEXT_KINDS; `speakers` adds labels, such as {"Dr Abara": "clinician"}.

    Raises EmptyInput, NotText, WrongEncoding, TooLarge, BadTranscript, OtherLanguage or UnknownKind.
    """
    if len(raw) > LIMIT_BYTES:
        raise TooLarge(limit="1 MB")
    if kind not in TEXT_KINDS:
        raise UnknownKind(ending=kind or "(none)")
    roles = _speaker_roles(speakers or {})
    text = _decode(raw)
    if kind == ".json":
        transcript = _joined(*_from_json(text), roles)
    elif kind in (".vtt", ".srt"):
        transcript = _joined(tuple(_from_captions(text)), "en", roles)
    else:
        transcript = Transcript(text, _turns(text, roles))
    _check(transcript.text)
    return transcript


def plain_text(raw: bytes) -> str:
    """`raw` decoded, newlines normalised, in any language. Raises EmptyInput, NotText, WrongEncoding or TooLarge."""
    if len(raw) > LIMIT_BYTES:
        raise TooLarge(limit="1 MB")
    text = _decode(raw)
    if not text.strip():
        raise EmptyInput()
    return text


def mode_of(transcript: Transcript) -> Mode:
    """A session where a client speaks; otherwise a dictation."""
    return Mode.SESSION if any(t.speaker == "client" for t in transcript.turns) else Mode.DICTATION


def heard(utterances: Iterable[Utterance], engine: str, preview: bool) -> Transcript:
    """Utterances of a transcriber as a transcript. Silence gives an empty one."""
    spoken = tuple(u for u in utterances if u.text.strip())
    return _joined(spoken, "en", {}, engine, preview)


# ── decoding ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _decode(raw: bytes) -> str:
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    if encoding == "utf-8-sig" and b"\x00" in raw[:4096]:
        raise NotText()
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as fault:
        raise (NotText() if _CONTROL.search(raw[:512].decode("latin-1")) else WrongEncoding(position=fault.start)) from None
    if len(_CONTROL.findall(text)) > len(text) // 20:
        raise NotText()
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _check(text: str) -> None:
    """Refuse what no note can be drafted from: nothing at all, or another language."""
    if not any(c.isalnum() for c in text):
        raise EmptyInput()
    words = [w.lower().replace("’", "'") for w in _LETTER.findall(text[:20_000])]
    rules = table("english.toml")
    letters = sum(len(w) for w in words)
    foreign = letters and sum(c > "\u024f" for w in words for c in w) > letters / 2
    share = sum(w in rules["common"] for w in words) / max(len(words), 1)
    if foreign or (len(words) >= rules["least_words"] and share < rules["least_share"]):
        raise OtherLanguage()


# ── who speaks ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _speaker_roles(given: Mapping[str, str]) -> dict[str, str]:
    known = {label: role for role, labels in table("english.toml")["speakers"].items() for label in labels}
    return known | {label.casefold(): role for label, role in given.items()}


def _turns(text: str, roles: Mapping[str, str]) -> tuple[Turn, ...]:
    """Typed turns, where two parties or more are labelled; otherwise the whole text is one turn."""
    labels = [m for m in _LABEL.finditer(text) if m[1].casefold() in roles]
    if len({roles[m[1].casefold()] for m in labels}) < 2:
        return (Turn(0, len(text), 0),)
    turns = [Turn(0, labels[0].start(), 0)] if text[: labels[0].start()].strip() else []
    ends = [m.start() for m in labels[1:]] + [len(text)]
    turns += [Turn(m.start(), end, m.end(), roles[m[1].casefold()]) for m, end in zip(labels, ends, strict=True)]
    return tuple(turns)


def _joined(
    utterances: tuple[Utterance, ...], language: str, roles: Mapping[str, str], engine: str | None = None, preview: bool = False
) -> Transcript:
    turns, at = [], 0
    for u in utterances:
        speaker = roles.get((u.speaker or "").casefold(), u.speaker)
        audio = None if u.start is None or u.end is None else (u.start, u.end)
        turns.append(Turn(at, at + len(u.text), at, speaker, audio))
        at += len(u.text) + 1
    return Transcript("\n".join(u.text for u in utterances), tuple(turns), utterances, engine, language, preview)


# ── captions and transcripts ──────────────────────────────────────────────────────────────────────────────────────────


def _from_captions(text: str) -> Iterable[Utterance]:
    """Cues of WebVTT or SubRip: a time line, then text up to a blank line. A `<v Name>` tag or a `Name:` label gives the speaker."""
    blocks = [b.split("\n") for b in re.split(r"\n[ \t]*\n+", text.strip())]
    cues = [(i, m, b) for b in blocks for i, line in enumerate(b[:2]) if (m := _CUE.match(line))]
    if not cues:
        raise BadTranscript(reason="no cue with a time line such as 00:01.000 --> 00:04.000")
    for i, m, block in cues:
        said = " ".join(block[i + 1 :])
        voice = _VOICE.search(said)
        said = " ".join(_TAG.sub("", said).split())
        label = None if voice else _LABEL.match(said)
        if label and label[1].casefold() in _speaker_roles({}):
            said = said[label.end() :]
        if said:
            speaker = voice[1].strip() if voice else label[1] if label and label[1].casefold() in _speaker_roles({}) else None
            yield Utterance(said, _seconds(m.groups()[:4]), _seconds(m.groups()[4:]), speaker)


def _seconds(parts: tuple[str | None, ...]) -> float:
    h, m, s, ms = parts
    return int(h or 0) * 3600 + int(m or 0) * 60 + int(s or 0) + float(f"0.{ms}")


def _from_json(text: str) -> tuple[tuple[Utterance, ...], str]:
    try:
        data = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        raise BadTranscript(reason="it is not JSON") from None
    if not isinstance(data, dict):
        raise BadTranscript(reason='the top level must be an object with "utterances"')
    rows = data.get("utterances", data.get("segments"))
    if not isinstance(rows, list):
        raise BadTranscript(reason='it has no list "utterances" (or "segments", as Whisper writes)')
    utterances = tuple(_utterance(row, n) for n, row in enumerate(rows, 1))
    language = data.get("language")
    return tuple(u for u in utterances if u.text), language if isinstance(language, str) else "en"


def _utterance(row: Any, n: int) -> Utterance:
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise BadTranscript(reason=f"utterance {n} has no text")
    text = " ".join(row["text"].split())
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise BadTranscript(reason=f"utterance {n} holds half of a character (a lone surrogate)")
    start, end, speaker = row.get("start"), row.get("end"), row.get("speaker")
    if not all(t is None or _is_time(t) for t in (start, end)) or (start is not None and end is not None and end < start):
        raise BadTranscript(reason=f"utterance {n} has times that are no seconds in order")
    if not (speaker is None or isinstance(speaker, str)):
        raise BadTranscript(reason=f"utterance {n} has a speaker that is no name")
    return Utterance(text, start, end, speaker, tuple(_words(row.get("words"))))


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e6


def _words(rows: Any) -> Iterable[Word]:
    for w in rows if isinstance(rows, list) else ():
        if isinstance(w, dict) and isinstance(w.get("word"), str) and _is_time(w.get("start")) and _is_time(w.get("end")):
            yield Word(w["word"].strip(), w["start"], w["end"], float(w.get("probability", 1.0)))
