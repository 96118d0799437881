"""A note as a PDF: content in reading order, fonts embedded, every page numbered and named.

In: a `View` of a signed document, or a `Review`, and the day of printing. Out: bytes, the same for the same input. Letters are Noto Sans, signs that
it lacks are FiraGO's. What neither can set letter by letter (emoji, Chinese, Arabic, Hebrew …) stands as a visible mark, and the last line says which
those were. Knows no file and no store; text is text, whatever it looks like.
"""

from __future__ import annotations

import io
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from itertools import groupby
from xml.sax.saxutils import escape

from pymupdf_fonts import FiraGO_Regular, NotoSans_Bold, NotoSans_Regular
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate, Paragraph

import prompts
from drafting.record.export.blocks import FRAME, HEADER, KINDS, Block, Kind, day, note_title, of_review, of_view
from drafting.record.export.letters import MARK, line, visible
from drafting.record.export.parties import Parties
from drafting.record.export.profiles import View
from drafting.types.review import Review

REGULAR, BOLD, SIGNS = "AsideText", "AsideText-Bold", "AsideSigns"
_MARGIN, _HEAD, _FOOT = 20 * mm, 12 * mm, 12 * mm
_HEAD_LENGTH = 200  # characters, more than fit beside one another
_PIECE = 4000  # characters a paragraph: the time to break one into lines grows with the square of its length


@dataclass(frozen=True, slots=True)
class _Page:
    """What stands on every page: the head line, the foot line, and across it where the note is not signed."""

    title: str
    head: str = field(repr=False)
    foot: str
    across: str
    pages: int = 0


def whole(view: View, printed: date) -> bytes:
    """The document and all that was signed after it, as PDF 1.4 on A4. Without a signature it is marked as a draft on every page."""
    header, shown = view.document.note.header, view.profile.shows
    when = day(header.date_of_service, view.profile.months) if header.date_of_service and "date" in shown else ""
    across = "" if view.document.signatures else FRAME["draft"]
    page = _Page(_title(note_title(view.document.note), when), _head(view.parties, when), f"{view.profile.title}, printed {printed}", across)
    return _built(of_view(view), page)


def draft(review: Review, printed: date, parties: Parties | None = None) -> bytes:
    """An unsigned note, marked so on every page; what is in it is what `text.draft_text` has."""
    who = parties or Parties("", review.header.client)
    when = day(review.header.date_of_service, False) if review.header.date_of_service else ""
    page = _Page(_title(f"{KINDS['note']}, draft", when), _head(who, when), f"printed {printed}", FRAME["draft"])
    return _built(of_review(review, who), page)


def _title(what: str, when: str) -> str:
    """For the file's metadata: no client in it."""
    return f"{what}, {when}" if when else what


def _head(parties: Parties, when: str) -> str:
    parts = ((HEADER["client"], line(parties.client)), (HEADER["date"], when))
    return " · ".join(f"{label} {text}" for label, text in parts if text)


def _built(blocks: tuple[Block, ...], page: _Page) -> bytes:
    """Set twice: the first time tells how many pages there are."""
    blocks = (*blocks, *_undrawn((*(block.text for block in blocks), page.head)))
    page = replace(page, head=_fitting(page.head, A4[0] - 2 * _MARGIN))
    _, pages = _set(blocks, page)
    return _set(blocks, replace(page, pages=pages))[0]


def _set(blocks: Iterable[Block], page: _Page) -> tuple[bytes, int]:
    _fonts()
    target = io.BytesIO()
    document = BaseDocTemplate(
        target, pagesize=A4, invariant=1, title=page.title, author="", creator="Aside", producer="Aside", lang="en", pageCompression=1
    )
    width, height = A4
    frame = Frame(_MARGIN, _MARGIN + _FOOT, width - 2 * _MARGIN, height - 2 * _MARGIN - _HEAD - _FOOT, 0, 0, 0, 0)
    document.addPageTemplates(
        PageTemplate(frames=[frame], onPage=lambda canvas, _: _head_of(canvas, page), onPageEnd=lambda canvas, _: _foot_of(canvas, page))
    )
    document.build([Paragraph(markup, _STYLES[block.kind]) for block in blocks for markup in _paragraphs(block)])
    return target.getvalue(), document.page


def _head_of(canvas: Canvas, page: _Page) -> None:
    """The head and the word across, drawn before the content, so that they are read first and lie beneath it."""
    width, height = A4
    canvas.saveState()
    if page.across:
        canvas.saveState()
        canvas.translate(width / 2, height / 2)
        canvas.rotate(52)
        canvas.setFont(BOLD, 58)
        canvas.setFillGray(0.88)
        canvas.drawCentredString(0, 0, page.across)
        canvas.restoreState()
    canvas.setFont(REGULAR, 8.5)
    canvas.drawString(_MARGIN, height - _MARGIN, page.head)
    canvas.restoreState()


def _foot_of(canvas: Canvas, page: _Page) -> None:
    canvas.saveState()
    canvas.setFont(REGULAR, 8.5)
    canvas.drawString(_MARGIN, _MARGIN, page.foot)
    canvas.drawRightString(A4[0] - _MARGIN, _MARGIN, FRAME["page"].format(number=canvas.getPageNumber(), count=page.pages))
    canvas.restoreState()


def _fitting(text: str, width: float) -> str:
    """A line in the text font alone, cut with an ellipsis where it is too long for the page."""
    _fonts()
    text = "".join(c if _font(c) == REGULAR else MARK for c in visible(text))
    if len(text) <= _HEAD_LENGTH and pdfmetrics.stringWidth(text, REGULAR, 8.5) <= width:
        return text
    text = text[:_HEAD_LENGTH]
    while pdfmetrics.stringWidth(f"{text}…", REGULAR, 8.5) > width:
        text = text[:-1]
    return f"{text}…"


# ── letters ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _paragraphs(block: Block) -> Iterator[str]:
    """A block's lines as paragraphs in reportlab's markup."""
    for one in visible(block.text).split("\n"):
        for number, piece in enumerate(_pieces(one)):
            label = f'<font name="{BOLD}">{escape(block.label)}:</font> ' if block.label and not number else ""
            text = label + _markup(piece)
            yield f"<strike>{text}</strike>" if block.struck else text


def _pieces(text: str) -> Iterator[str]:
    """A line in pieces of a length that can be set in good time, cut between words where there are any."""
    while len(text) > _PIECE:
        cut = text.rfind(" ", 0, _PIECE) + 1 or _PIECE
        yield text[:cut]
        text = text[cut:]
    yield text


def _markup(text: str) -> str:
    """Text in runs of one font each; characters that no font has become the mark."""
    runs = groupby(((c, _font(c)) for c in text), key=lambda pair: pair[1])
    return "".join(_run("".join(c for c, _ in pairs), font) for font, pairs in runs)


def _run(text: str, font: str | None) -> str:
    if font is None:
        return MARK * len(text)
    return f'<font name="{SIGNS}">{escape(text)}</font>' if font == SIGNS else escape(text)


def _undrawn(texts: Iterable[str]) -> list[Block]:
    """The line that says which characters stand as marks, if any do."""
    missing = Counter(c for text in texts for c in visible(text) if c not in (MARK, "\n") and _font(c) is None)
    if not missing:
        return []
    total, most = missing.total(), sorted(missing.items(), key=lambda item: (-item[1], item[0]))
    points = ", ".join(f"U+{ord(c):04X}" + (f" ({n})" if n > 1 else "") for c, n in most[:12]) + (", and others" if len(most) > 12 else "")
    return [Block(Kind.SMALL, FRAME["missing"].format(count=f"{total} character{'s' if total > 1 else ''}", points=points))]


@cache
def _font(character: str) -> str | None:
    """The font that sets a character, or None. Scripts that run from right to left, or whose letters change with their neighbours, have none here:
    set letter by letter they would read wrongly."""
    fonts = _fonts()
    if (
        unicodedata.category(character)[0] in "LM"
        and unicodedata.name(character, "").split(" ")[0] not in prompts.table("exports.toml")["pdf"]["scripts"]
    ):
        return None
    if unicodedata.bidirectional(character) in ("R", "AL", "AN"):
        return None
    return next((name for name in (REGULAR, SIGNS) if ord(character) in fonts[name].face.charToGlyph), None)


@cache
def _fonts() -> dict[str, TTFont]:
    """The fonts, registered with reportlab once."""
    made = {
        name: TTFont(name, io.BytesIO(module.fontbuffer))
        for name, module in ((REGULAR, NotoSans_Regular), (BOLD, NotoSans_Bold), (SIGNS, FiraGO_Regular))
    }
    for font in made.values():
        pdfmetrics.registerFont(font)
    return made


_BODY = ParagraphStyle("body", fontName=REGULAR, fontSize=10, leading=14, splitLongWords=1)
_BOX = {"borderWidth": 0.75, "borderColor": "black", "borderPadding": 4}
_STYLES = {
    Kind.TITLE: ParagraphStyle("title", _BODY, fontName=BOLD, fontSize=13, leading=18, spaceAfter=6),
    Kind.HEADING: ParagraphStyle("heading", _BODY, fontName=BOLD, fontSize=11, spaceBefore=9, spaceAfter=2, keepWithNext=1),
    Kind.BANNER: ParagraphStyle("banner", _BODY, fontName=BOLD, spaceBefore=8, spaceAfter=8, leftIndent=5, rightIndent=5, **_BOX),
    Kind.FIELD: ParagraphStyle("field", _BODY),
    Kind.WORDS: ParagraphStyle("words", _BODY, leftIndent=10, spaceAfter=3),
    Kind.SMALL: ParagraphStyle("small", _BODY, fontSize=8, leading=11, spaceBefore=6),
}
