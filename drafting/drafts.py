"""One input of the command line, from a path to a finished `Work`.

In: a path (or `-`), options. Out: `Work` with the source's name and the engine that heard it. Knows how files fail, and no page.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from drafting.errors import DecisionError, EmptyInput, IsDirectory, NoSpeech, NotFound, TooLarge, Unreadable
from drafting.pipeline import Engines, Work, run_parts
from drafting.pipeline.source import LIMIT_BYTES, TEXT_KINDS, heard, mode_of, plain_text, read_source
from drafting.ports import Transcriber
from drafting.types import Context, Mode, NoteFormat, Route, Transcript, Utterance

AUDIO_KINDS = (".wav", ".mp3", ".m4a", ".mp4", ".ogg", ".oga", ".opus", ".webm", ".flac", ".aac", ".mkv", ".mov", ".wma", ".aiff")


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked for. `mode` None takes it from the speakers."""

    context: Context
    note_format: NoteFormat
    mode: Mode | None = None
    speakers: Mapping[str, str] | None = None
    decisions: Mapping[str, Route] | None = None
    profile: str = "chart"
    max_hours: float = 6.0
    shares: Mapping[str, Sequence[str]] | None = None


Progress = Callable[[Utterance, float | None], None]


def draft(source: str, options: Options, engines: Engines, ears: Callable[[], Transcriber], progress: Progress | None = None) -> tuple[Work, ...]:
    """Draft one input: a `Work`, or several where it makes several notes. Raises InputError for what cannot be used, and the engine's own errors."""
    transcript = take_in(source, options, ears, progress)
    context = replace(options.context, mode=options.mode or mode_of(transcript))
    work = Work(transcript, context, options.note_format, options.decisions or {}, options.shares or {}, options.profile)
    return run_parts(work, engines)


def take_in(source: str, options: Options, ears: Callable[[], Transcriber], progress: Progress | None = None) -> Transcript:
    """The words of one input, typed or heard."""
    if source == "-":
        return read_source(sys.stdin.buffer.read(LIMIT_BYTES + 1), ".txt", options.speakers)
    path = _file(source)
    kind = path.suffix.lower()
    if kind in AUDIO_KINDS:
        return _heard(path, options, ears(), progress)
    return read_source(_bytes(path), kind if kind in TEXT_KINDS else kind or ".txt", options.speakers)


def read_any(source: str) -> str:
    """The text of one input that is only to be screened: any language, no transcript."""
    raw = sys.stdin.buffer.read(LIMIT_BYTES + 1) if source == "-" else _bytes(_file(source))
    return plain_text(raw)


def _file(source: str) -> Path:
    path = Path(source)
    try:
        if path.is_dir():
            raise IsDirectory()
        if not path.exists():
            raise NotFound()
        if path.is_file() and path.stat().st_size == 0:
            raise EmptyInput()
    except (OSError, ValueError) as fault:
        raise Unreadable(reason=_why(fault)) from None
    return path


def _bytes(path: Path) -> bytes:
    """The file's bytes, one more than the limit at most."""
    try:
        with path.open("rb") as file:
            raw = file.read(LIMIT_BYTES + 1)
    except OSError as fault:
        raise Unreadable(reason=_why(fault)) from None
    if len(raw) > LIMIT_BYTES:
        raise TooLarge(limit="1 MB")
    return raw


def _why(fault: Exception) -> str:
    return getattr(fault, "strerror", None) or "the name is not valid"


def _heard(path: Path, options: Options, transcriber: Transcriber, progress: Progress | None) -> Transcript:
    from drafting.pipeline.audio import open_recording

    _bytes_readable(path)
    recording = open_recording(path, options.max_hours)
    utterances = []
    for utterance in transcriber.transcribe(recording):
        utterances.append(utterance)
        if progress:
            progress(utterance, recording.seconds)
    if not any(u.text.strip() for u in utterances):
        raise NoSpeech()
    return heard(utterances, transcriber.name, transcriber.preview)


def _bytes_readable(path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as fault:
        raise Unreadable(reason=_why(fault)) from None


# ── files that come beside the inputs ─────────────────────────────────────────────────────────────────────────────────


def read_decisions(path: Path) -> dict[str, dict[str, Route]]:
    """The clinician's decisions: `{"s4": "record"}`, or for several inputs `{"a.txt": {"s4": "record"}}`. Raises DecisionError."""
    data = _decided(path)
    if not isinstance(data, dict):
        raise DecisionError(reason='it must be an object such as {"s4": "record"}')
    nested = data if data and all(isinstance(v, dict) for v in data.values()) else {"": data}
    return {source: {k: _route(v) for k, v in rows.items()} for source, rows in nested.items()}


def read_shares(path: Path) -> dict[str, list[str]]:
    """Whose each statement is: `{"the mother": ["s4", "s5"], "everyone": ["s1"]}`. Raises DecisionError."""
    data = _decided(path)
    if not isinstance(data, dict) or not all(isinstance(v, list) and all(isinstance(i, str) for i in v) for v in data.values()):
        raise DecisionError(reason='it must be an object such as {"mother": ["s4", "s5"]}')
    return data


def _decided(path: Path) -> object:
    """The JSON of a file of decisions."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise DecisionError(reason=f"it cannot be read ({_why(fault)})") from None
    except ValueError:
        raise DecisionError(reason="it is not JSON") from None


def _route(value: object) -> Route:
    if value not in ("record", "private", "set_aside"):
        raise DecisionError(reason="each decision is one of record, private, set_aside")
    return Route(value)


def read_roster(path: Path) -> list[str]:
    """Names of other clients, one a line. Raises Unreadable or NotFound."""
    if not path.exists():
        raise NotFound()
    return [line for line in _bytes(path).decode("utf-8", "replace").splitlines() if line.strip()]
