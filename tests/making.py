"""Short ways to make the nouns that tests need."""

from __future__ import annotations

from dataclasses import replace

from drafting.pipeline.routing import route
from drafting.pipeline.source import read_source
from drafting.pipeline.statements import state
from drafting.types import Clause, Context, RecordStatement, Role, Route, Routed, Statement, Transcript
from models.cues import CueEncoder

ENCODER = CueEncoder()


def transcript(text: str, kind: str = ".txt") -> Transcript:
    """`text` as an input of that kind."""
    return read_source(text.encode(), kind)


def routed(text: str, context: Context | None = None, decisions: dict[str, Route] | None = None) -> Routed:
    """`text` read by cues and routed."""
    t = transcript(text)
    return route(state(t, ENCODER.read(t)), context or Context(), decisions)


def statement(text: str, n: int = 1, start: int = 0, private: float = 0.05, role: Role = Role.REPORT, **clause: object) -> Statement:
    """A statement whose clause says what the test wants it to."""
    routes = {Route.RECORD: 0.95 - private, Route.PRIVATE: private, Route.SET_ASIDE: 0.05}
    read = replace(Clause(start, start + len(text), routes, {role: 1.0}), **clause)
    return Statement(f"s{n}", text, start, start + len(text), start, read)


def record(*texts: str, role: Role = Role.REPORT) -> tuple[RecordStatement, ...]:
    """Record statements, each a sentence of its own."""
    out, at = [], 0
    for n, text in enumerate(texts, 1):
        out.append(RecordStatement(statement(text, n, at, role=role), role, "test"))
        at += len(text) + 2
    return tuple(out)
