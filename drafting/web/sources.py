"""What was said, as the side pane shows it: lines, in them statements that can be pointed at, private words as black bars.

In: a source from the workbench, and the ids of what is private by now. Out: lines of pieces; the words of a statement, and what was said around it.
Pure: knows no review, no store and no template. Private words are blacked out here once more, whatever the source says.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from drafting.web import words

_LABEL = re.compile(r"\s*[^\W\d_][\w.'’ -]{0,30}?\s*:")
BLACK = "█"
_AROUND = 90  # characters of context on either side


@dataclass(frozen=True, slots=True)
class Piece:
    """Characters of a line: of a statement, by its id, or of none. `hidden`: private words, of which only the length is known."""

    text: str = field(repr=False)
    statement: str | None = None
    hidden: bool = False
    held: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """An utterance, or a line of typed text. `at`: seconds into the recording, None where there is none."""

    pieces: tuple[Piece, ...]
    at: float | None = None
    clock: str = ""
    speaker: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """A statement by itself: its words, what was said just before and after it, and when."""

    id: str
    text: str = field(repr=False)
    before: str = field(repr=False, default="")
    after: str = field(repr=False, default="")
    at: float | None = None
    clock: str = ""
    hidden: bool = False


class Source:
    """A source that can be asked. `private`: ids of statements that are private by now; `held`: of those that are still to decide."""

    def __init__(self, source: Mapping[str, Any], private: Collection[str] = (), held: Collection[str] = ()) -> None:
        self.statements: Sequence[Mapping[str, Any]] = sorted(source.get("statements", ()), key=lambda s: s["start"])
        self._utterances: Sequence[Mapping[str, Any]] = source.get("utterances", ())
        self._places = {s["id"]: s for s in self.statements}
        self._hidden = frozenset(private) | {s["id"] for s in self.statements if s["route"] == "private"}
        self._held = frozenset(held)
        self._text = _blacked(source.get("text", ""), [(s["start"], s["end"]) for s in self.statements if s["id"] in self._hidden])

    def __contains__(self, statement: str) -> bool:
        return statement in self._places

    @property
    def whole(self) -> bool:
        """Whether any words are here: a note that was typed by hand has no source."""
        return bool(self.statements)

    def role(self, statement: str) -> str | None:
        return self._places[statement]["role"] if statement in self else None

    def at(self, statement: str) -> float | None:
        """Where in the recording a statement begins, in seconds."""
        place = self._places.get(statement)
        return place["audio"][0] if place and place["audio"] else None

    def said(self, statement: str) -> Said | None:
        """A statement with its surroundings; None for one that is not in this source (words that came from elsewhere)."""
        place = self._places.get(statement)
        if place is None:
            return None
        at = self.at(statement)
        before, after = self._around(place["start"], place["end"])
        text = self._shown(place["start"], place["end"])
        return Said(statement, text, before, after, at, words.clock(at), statement in self._hidden)

    def lines(self) -> tuple[Line, ...]:
        """All of it, an utterance or a typed line after another; empty ones are left out."""
        times = {u["from"]: u["start"] for u in self._utterances}
        made, pieces, begins = [], [], 0
        for start, end, name in self._spans():
            for at, part in self._parts(start, end):
                if part == "\n":
                    made.append(self._line(pieces, begins, times))
                    pieces, begins = [], at + 1
                else:
                    pieces.append(Piece(part, name, name in self._hidden or BLACK in part, name in self._held))
        made.append(self._line(pieces, begins, times))
        return tuple(line for line in made if line.pieces)

    # ── within ──

    def _line(self, pieces: Sequence[Piece], begins: int, times: Mapping[int, float]) -> Line:
        shown = tuple(pieces) if any(p.text.strip() for p in pieces) else ()
        if not shown:
            return Line(())
        at = times.get(begins)
        labelled = bool(_LABEL.match("".join(p.text for p in shown)))
        speaker = "" if labelled else next((self._places[p.statement]["speaker"] or "" for p in shown if p.statement), "")
        known = words.group("speakers")
        return Line(shown, at, words.clock(at), known.get(speaker, known["other"]) if speaker else "")

    def _spans(self) -> Iterator[tuple[int, int, str | None]]:
        """The whole text in order: statements, and what lies between them."""
        at = 0
        for s in self.statements:
            if s["start"] > at:
                yield at, s["start"], None
            if s["end"] > at:
                yield max(at, s["start"]), s["end"], s["id"]
                at = s["end"]
        if at < len(self._text):
            yield at, len(self._text), None

    def _parts(self, start: int, end: int) -> Iterator[tuple[int, str]]:
        """A span's text, newlines apart; each with its offset."""
        at = start
        for n, part in enumerate(self._text[start:end].split("\n")):
            if n:
                yield at, "\n"
                at += 1
            if part:
                yield at, part
                at += len(part)

    def _shown(self, start: int, end: int) -> str:
        """Characters `start:end`, an ellipsis for private words."""
        return re.sub(rf"{BLACK}[{BLACK}\s]*", "… ", self._text[start:end]).strip()

    def _around(self, start: int, end: int) -> tuple[str, str]:
        """What was said just before and after, cut at a word."""
        first, last = max(0, start - _AROUND), min(len(self._text), end + _AROUND)
        before, after = self._shown(first, start), self._shown(end, last)
        if first and " " in before:
            before = "… " + before.split(" ", 1)[1]
        if last < len(self._text) and " " in after:
            after = after.rsplit(" ", 1)[0] + " …"
        return before, after


def unheld(source: Mapping[str, Any], taken: Collection[str]) -> dict[str, Any]:
    """A source for anybody but its author: what was held is blacked out too, but for what was `taken` into the record since."""
    shut = {s["id"]: (s["start"], s["end"]) for s in source["statements"] if s["route"] == "held" and s["id"] not in taken}
    closed = {"route": "private", "role": None, "sha256": None}
    statements = [{**s, **closed} if s["id"] in shut else s for s in source["statements"]]
    return {**source, "text": _blacked(source["text"], list(shut.values())), "statements": statements}


def _blacked(text: str, spans: Sequence[tuple[int, int]]) -> str:
    letters = list(text)
    for start, end in spans:
        letters[start:end] = [c if c.isspace() else BLACK for c in letters[start:end]]
    return "".join(letters)
