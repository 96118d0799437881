"""A note as plain text, whole or a section at a time for pasting into another chart.

In: a `View` of a signed document, or a `Review`. Out: a string with LF line ends. The note's own words are set in by two spaces, the frame is not, so
that no words can pass for a heading or a signature. Knows no file.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from drafting.errors import NotKnown
from drafting.record.export.blocks import FRAME, Block, Kind, draft_section, of_review, of_view
from drafting.record.export.letters import plain
from drafting.record.export.parties import Parties
from drafting.record.export.profiles import View, standing, withdrawn
from drafting.types.review import Review


def whole(view: View, printed: date) -> str:
    """The document and all that was signed after it, each with its signatures. Without a signature it is marked as a draft."""
    body = f"{_set(of_view(view))}\n\nPrinted {printed.isoformat()}.\n"
    return body if view.document.signatures else _framed(body, FRAME["draft"])


def section(view: View, key: str) -> str:
    """One section's words alone, of the last correction where there is one; with a mark in the first and last line where it is not signed, or was
    entered in error. Raises NotKnown."""
    one = standing(view.document)
    found = next((s for s in one.note.sections if s.key == key), None)
    if found is None:
        raise NotKnown(what="section", id=key)
    words = plain(found.text).strip()
    mark = FRAME["error"] if one.note.id in withdrawn(view.document) else "" if one.signatures else FRAME["draft"]
    return _framed(words, mark) if mark else words


def draft_text(review: Review, parties: Parties | None = None) -> str:
    """An unsigned note, marked in its first and last line. Found words that are still open are masked; held words are not in it."""
    return _framed(_set(of_review(review, parties or Parties("", review.header.client))), FRAME["draft"])


def draft_section_text(review: Review, key: str) -> str:
    """One section of an unsigned note, marked and masked in the same way. Raises NotKnown."""
    if key not in {k for k, _ in review.sections}:
        raise NotKnown(what="section", id=key)
    return _framed(draft_section(review, key), FRAME["draft"])


def _framed(body: str, mark: str) -> str:
    return f"{mark}\n\n{body.strip()}\n\n{mark}\n"


def _set(blocks: Iterable[Block]) -> str:
    """Blocks below one another, an empty line before each heading."""
    lines: list[str] = []
    for block in blocks:
        lines += [""] * (block.kind is Kind.HEADING and bool(lines))
        lines += _lines(block)
    return "\n".join(lines)


def _lines(block: Block) -> list[str]:
    text = f"{block.label}: {block.text}" if block.kind is Kind.FIELD else block.text
    if block.kind is Kind.HEADING:
        text = text.upper()
    lines = [f"~~{one}~~" if block.struck and one else one for one in text.split("\n")]
    return [f"  {one}" for one in lines] if block.kind is Kind.WORDS else [f"*** {one} ***" for one in lines] if block.kind is Kind.BANNER else lines
