"""A finished draft as the command line's JSON, schema `aside.draft/1` (docs/aside.schema.json).

In: `Work` and the source's name. Out: a plain object. Private and held words are left out unless they are asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from drafting.errors import AsideError
from drafting.pipeline import Engines, Work
from drafting.types import Context, Draft, DraftSentence, ElementReport, PhiFinding, Placed, Route

CLOSED = (Route.PRIVATE, Route.HELD)


def draft_line(source: str, works: Sequence[Work], engines: Engines, show_private: bool = False) -> dict[str, Any]:
    """One line of `aside draft --json`; where the dictation makes several notes, the first, with the others as `parts`."""
    first, *others = (_object(source, work, engines, show_private) for work in works)
    return first | ({"parts": others} if others else {})


def _object(source: str, work: Work, engines: Engines, show_private: bool) -> dict[str, Any]:
    routed = work.routed
    return {
        "schema": "aside.draft/1",
        "source": source,
        "mode": work.context.mode.value,
        "for": work.part.whose if work.part else None,
        "visit": _visit(work.context),
        "text_sha256": hashlib.sha256(work.transcript.text.encode()).hexdigest(),
        "preview": work.transcript.preview,
        "utterances": _utterances(work, show_private),
        "statements": [_statement(p, show_private) for p in routed.placed],
        "note": note(work.draft, work.elements),
        "risk_items": [
            {"id": r.id, "topic": r.topic, "whose": r.whose, "polarity": r.polarity.value, "evidence": list(r.evidence), "answered": r.answered}
            for r in routed.risk_items
        ],
        "prompts": [{"element": p.element, "evidence": list(p.evidence)} for p in routed.prompts],
        "omitted": list(work.draft.omitted),
        "private_note": {"sentences": [{"text": s.text if show_private else None, "evidence": [s.id]} for s in routed.on(Route.PRIVATE)]},
        "held": [s.id for s in routed.on(Route.HELD)],
        "findings": [finding(f) for f in work.findings],
        "engines": {"asr": work.transcript.engine, "encoder": engines.encoder.name, "writer": work.draft.writer, "phi": engines.scanner.name},
    }


def error_line(source: str, error: AsideError) -> dict[str, Any]:
    """One line for an input that failed."""
    return {"schema": "aside.error/1", "source": source, "code": error.code, "message": str(error)}


def finding(f: PhiFinding) -> dict[str, Any]:
    """A finding, with its place in the note where it has one."""
    place = {} if f.section is None else {"section": f.section, "sentence": f.sentence}
    return place | {
        "start": f.start,
        "end": f.end,
        "text": f.text,
        "entity": f.entity,
        "kind": f.kind,
        "severity": f.severity.value,
        "reason": f.reason,
        "suggestion": f.suggestion,
    }


def _utterances(work: Work, show_private: bool) -> list[dict[str, Any]] | None:
    """Utterances as heard. One that holds words which are closed, or another person's part, has its text left out, as the statements have."""
    if work.transcript.utterances is None:
        return None
    open_ = {p.statement.id for p in work.routed.placed if show_private or p.route not in CLOSED}
    closed = [(s.start, s.end) for s in work.statements if s.id not in open_]
    rows = []
    for u, turn in zip(work.transcript.utterances, work.transcript.turns, strict=True):
        shut = any(a < turn.end and b > turn.start for a, b in closed)
        rows.append({"start": u.start, "end": u.end, "speaker": turn.speaker, "text": None if shut else u.text})
    return rows


def _visit(context: Context) -> dict[str, Any]:
    """What was said of the visit beside its words, so that a draft can be drafted again."""
    return {
        "client_names": list(context.client_names),
        "clinician": context.clinician,
        "date_of_service": context.date_of_service.isoformat() if context.date_of_service else None,
        "note_kind": context.note_kind,
        "payer": context.payer,
        "jurisdiction": context.jurisdiction,
    }


def _statement(p: Placed, show_private: bool) -> dict[str, Any]:
    s = p.statement
    return {
        "id": s.id,
        "text": None if p.route in CLOSED and not show_private else s.text,
        "start": s.start,
        "end": s.end,
        "audio": list(s.audio) if s.audio else None,
        "speaker": s.speaker,
        "route": p.route.value,
        "role": p.role.value if p.route is Route.RECORD and p.role else None,
        "risk": p.risk,
        "confidence": round(p.confidence, 3),
        "reason": p.reason,
    }


def note(draft: Draft, elements: ElementReport) -> dict[str, Any]:
    """A draft's sections, what it lacks, and what wrote it."""
    sections = [{"key": s.key, "title": s.title, "sentences": [_sentence(d) for d in draft.section(s.key)]} for s in draft.format.sections]
    return {
        "format": draft.format.key,
        "format_digest": draft.format.digest,
        "sections": sections,
        "missing": list(elements.missing),
        "warnings": list(elements.warnings),
        "questions": [{"section": q.section, "text": q.text, "element": q.element} for q in draft.questions],
        "fallbacks": [{"section": f.section, "reason": f.reason} for f in draft.fallbacks],
        "provenance": asdict(draft.provenance) if draft.provenance else None,
    }


def _sentence(d: DraftSentence) -> dict[str, Any]:
    return {"text": d.text, "evidence": list(d.evidence), "support": d.support.value, "why": d.why, "edited": d.edited, "said": d.said}
