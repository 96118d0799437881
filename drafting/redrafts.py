"""A printed draft (`aside.draft/1`) drafted again.

In: a line of JSON as `aside draft --json` printed it, perhaps with sentences that the clinician changed and marked as edited. Out: such a line again,
its note written anew. It holds no private word, so none can come back.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from drafting.errors import DraftError, EmptyInput, NotFound, Unreadable
from drafting.pipeline import Engines, rewritten
from drafting.pipeline.formats import load
from drafting.pipeline.routing import restored
from drafting.report import finding, note
from drafting.types import Context, Draft, DraftSentence, Mode, Style

LIMIT = 50_000_000  # characters


def read(source: str) -> Iterator[dict[str, Any]]:
    """The drafts of a file, or of standard input for `-`. Raises DraftError and the errors of reading."""
    if source != "-" and not Path(source).exists():
        raise NotFound()
    try:
        text = sys.stdin.read(LIMIT) if source == "-" else Path(source).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise DraftError(reason="it is not UTF-8") from None
    except OSError as fault:
        raise Unreadable(reason=fault.strerror or "no reason given") from None
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise EmptyInput()
    for line in lines:
        yield _draft(line)


def _draft(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        raise DraftError(reason="it is not JSON") from None
    if not isinstance(row, dict) or row.get("schema") != "aside.draft/1":
        raise DraftError(reason="it is not what `aside draft --json` prints")
    return row


def again(row: dict[str, Any], engines: Engines, style: Style, formats: Path | None, key: str | None, section: str | None) -> dict[str, Any]:
    """`row` with its note drafted again, and the notes of its parts. Raises DraftError, FormatError."""
    try:
        old = _old(row, formats)
        context = Context(mode=Mode(row["mode"]), style=style, **_visit(row))
        routed = restored(row["statements"], row["risk_items"])
    except (KeyError, TypeError, ValueError, StopIteration):
        raise DraftError(reason="its parts are not those of a draft") from None
    new = load(key, formats) if key else old.format
    work = rewritten(old, routed, new, section, context, engines)
    parts = [again(p, engines, style, formats, key, section) for p in row.get("parts", ())]
    fresh = {
        "note": note(work.draft, work.elements),
        "omitted": list(work.draft.omitted),
        "findings": [finding(f) for f in work.findings],
        "engines": row["engines"] | {"writer": work.draft.writer, "phi": engines.scanner.name},
    }
    return row | fresh | ({"parts": parts} if parts else {})


def _visit(row: dict[str, Any]) -> dict[str, Any]:
    """What the draft tells of the visit, where it was drafted by a version that tells it."""
    visit = row.get("visit") or {}
    given = {k: visit[k] for k in ("clinician", "note_kind", "payer", "jurisdiction") if visit.get(k)}
    if visit.get("date_of_service"):
        given["date_of_service"] = date.fromisoformat(visit["date_of_service"])
    return given | {"client_names": tuple(visit.get("client_names", ()))}


def _old(row: dict[str, Any], formats: Path | None) -> Draft:
    note_format = load(row["note"]["format"], formats)
    sentences = tuple(
        DraftSentence(s["key"], d["text"], tuple(d["evidence"]), edited=bool(d.get("edited")))
        for s in row["note"]["sections"]
        for d in s["sentences"]
    )
    return Draft(note_format, sentences, row["engines"]["writer"])
