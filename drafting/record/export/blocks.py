"""A note as a row of blocks in reading order: what the text and the PDF have in common.

In: a `View` of a signed document, or a `Review` and its `Parties`. Out: `Block`s, whose words are safe to print. Knows no font and no page. A line of
the frame (headings, signatures, banners) and the note's own words are different kinds of block, so that no words can pass for a signature.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from dataclasses import replace as changed
from datetime import UTC, date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import prompts
from drafting.record.export.letters import line, plain, replaced
from drafting.record.export.parties import Parties
from drafting.record.export.profiles import View, amended, every, profile, withdrawn
from drafting.types.record import Document, NoteKind, RiskLine, Signature, SignedNote
from drafting.types.review import Flag, FlagState, NoteHeader, Review, RiskAnswer, RiskQuestion

FRAME, HEADER, KINDS, MEANINGS = (prompts.table("exports.toml")[name] for name in ("frame", "header", "kinds", "meanings"))


class Kind(StrEnum):
    """What a block is. `words`: the note's own; all else is the frame."""

    TITLE = "title"
    BANNER = "banner"
    FIELD = "field"
    HEADING = "heading"
    WORDS = "words"
    SMALL = "small"


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of the page. `label` stands before a field's text; `struck`: of a note that was entered in error."""

    kind: Kind
    text: str = field(repr=False)
    label: str = ""
    struck: bool = False


def of_view(view: View) -> tuple[Block, ...]:
    """The blocks of a signed document, and of all that was signed after it."""
    errors, corrected = withdrawn(view.document), amended(view.document)
    blocks = [Block(Kind.TITLE, _over_all(view)), *_over(view)]
    for number, one in enumerate(every(view.document)):
        mark = FRAME["error"] if one.note.id in errors else FRAME["amended"] if one.note.id in corrected else ""
        blocks += _signed(view, one, mark, headed=not number or one.note.kind is NoteKind.AMENDMENT)
    return tuple(block for block in blocks if block.text)


def of_review(review: Review, parties: Parties) -> tuple[Block, ...]:
    """The blocks of an unsigned note. Found words that are still open stand as their suggestions in brackets; held words, what was found, and the
    supervisor's reason are in none."""
    shown = profile("chart").shows
    blocks = [Block(Kind.TITLE, line(parties.practice)), Block(Kind.HEADING, KINDS["note"])]
    blocks += _header(review.header, parties, shown, months=False)
    for key, title in review.sections:
        if words := draft_section(review, key):
            blocks += [Block(Kind.HEADING, line(title)), Block(Kind.WORDS, words)]
    blocks += _risks(map(_risk, review.risks), shown)
    return tuple(block for block in blocks if block.text)


def draft_section(review: Review, key: str) -> str:
    """One section of an unsigned note, its open findings masked."""
    open_flags = [flag for flag in review.flags if flag.state is FlagState.OPEN]
    sentences = (_masked(s.text, [f for f in open_flags if f.sentence == s.id]) for s in review.sentences if s.section == key)
    return plain(" ".join(sentences)).strip()


def note_title(note: SignedNote) -> str:
    """What the document is: "Clinical note", with its format, or "Addendum"."""
    return KINDS[note.kind] if note.kind is not NoteKind.NOTE else f"{KINDS['note']} ({format_title(note.format)})"


def format_title(key: str) -> str:
    return prompts.table(f"formats/{key}.toml")["title"] if key in prompts.names("formats") else line(key)


def rows(header: NoteHeader, parties: Parties, shown: Iterable[str], months: bool) -> Iterator[tuple[str, str]]:
    """What stands over a note, as (label, text), for the fields in `shown`, in the order of exports.toml."""
    names = frozenset(shown)
    for key, label in HEADER.items():
        text = line(_FIELDS[key](header, parties)) if key in names else ""
        if key == "date" and header.date_of_service:
            text = day(header.date_of_service, months)
        if text:
            yield label, text


def day(value: date, months: bool) -> str:
    """A date, or only its month."""
    return value.strftime("%Y-%m") if months else value.isoformat()


def local(at: datetime, zone: str) -> str:
    """An instant as its signer saw it, with its distance from UTC: "2026-03-04 15:10:22 +00:00 Europe/London". Refuses one without a zone."""
    if at.tzinfo is None:
        raise ValueError("an instant needs a zone")
    known = zone_of(zone)
    text = at.astimezone(known or UTC).isoformat(sep=" ", timespec="seconds")
    return f"{text[:19]} {text[19:]} {zone if known else 'UTC'}"


def zone_of(name: str) -> ZoneInfo | None:
    """The zone of an IANA name, None for a name that this machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


# ── pieces ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _over_all(view: View) -> str:
    practice = line(view.parties.practice) if "practice" in view.profile.shows else ""
    return " · ".join(part for part in (practice, view.profile.title) if part)


def _over(view: View) -> Iterator[Block]:
    """What must be read first."""
    if view.parties.part2:
        yield Block(Kind.BANNER, FRAME["part2"])
    if not view.whole:
        left = [f"{_counted(len(view.left_out), 'sentence')} left out for this reader"] if view.left_out else []
        replaced_here = [f"{_counted(view.replaced, 'passage')} replaced in [brackets]"] if view.replaced else []
        yield Block(Kind.BANNER, FRAME["excerpt"].format(what=", ".join(left + replaced_here)))


def _signed(view: View, one: Document, mark: str, headed: bool) -> list[Block]:
    note, shown, months = one.note, view.profile.shows, view.profile.months
    blocks = [Block(Kind.HEADING, note_title(note)), Block(Kind.BANNER, mark), *_labels(note, shown)]
    inner = _header(note.header, view.parties, shown, months) if headed else []
    for section in note.sections:
        if words := plain(section.text).strip():
            inner += [Block(Kind.HEADING, line(section.title)), Block(Kind.WORDS, words)]
    inner += _risks(note.risks, shown)
    blocks += [changed(block, struck=mark == FRAME["error"]) for block in inner]
    blocks += _signatures(one, shown, months)
    if "drafting" in shown:
        blocks.append(Block(Kind.SMALL, drafting(one)))
    return blocks


def _labels(note: SignedNote, shown: frozenset[str]) -> Iterator[Block]:
    if note.open_items:
        yield Block(Kind.BANNER, f"{FRAME['incomplete']} {open_items(note, shown)}")
    yield Block(Kind.BANNER, late(note, shown))
    if "digest" in shown:
        yield Block(Kind.FIELD, line(note.id), "Document")
        yield Block(Kind.FIELD, line(note.parent or ""), "Follows document")
    if note.reason and "reason" in shown:
        yield Block(Kind.FIELD, line(note.reason), "Reason")


def late(note: SignedNote, shown: frozenset[str]) -> str:
    """That the entry is late, and where reasons are shown why; nothing for one that is not, or for a reader who is not told."""
    if not note.late or "late" not in shown:
        return ""
    why = line(note.header.late_reason or "") if "reason" in shown else ""
    return f"{FRAME['late']}: {why}" if why else FRAME["late"]


def open_items(note: SignedNote, shown: frozenset[str]) -> str:
    """What was still open at the signature, by name or as a count."""
    if "open" not in shown:
        return f"{_counted(len(note.open_items), 'item')}."
    return "; ".join(map(line, note.open_items)) + "."


def _header(header: NoteHeader, parties: Parties, shown: Iterable[str], months: bool) -> list[Block]:
    return [Block(Kind.FIELD, text, label) for label, text in rows(header, parties, shown, months)]


def _risk(question: RiskQuestion) -> RiskLine:
    """A risk item as it would be signed."""
    answer = prompts.table("signing.toml")["answers"][question.answer] if question.answer else FRAME["unanswered"]
    return RiskLine(question.topic, question.whose, answer, question.own if question.answer is RiskAnswer.OWN_WORDS else None)


def _risks(risks: Iterable[RiskLine], shown: frozenset[str]) -> list[Block]:
    words = "\n".join(risk_line(risk, own="own_words" in shown) for risk in risks)
    return [Block(Kind.HEADING, FRAME["risk"]), Block(Kind.WORDS, words)] if words else []


def risk_line(risk: RiskLine, own: bool) -> str:
    """A risk item on one line; `own`: with the clinician's own words."""
    said = f" {line(risk.own)}" if own and risk.own else ""
    return f"{line(risk.topic)} ({line(risk.whose)}): {line(risk.answer)}.{said}"


def _signatures(one: Document, shown: frozenset[str], months: bool) -> Iterator[Block]:
    if not one.signatures:
        yield Block(Kind.BANNER, FRAME["unsigned"])
    for signature in one.signatures:
        yield Block(Kind.HEADING, MEANINGS[signature.meaning])
        for label, text in _signature(signature, shown, months):
            yield Block(Kind.FIELD, text, label)


def _signature(signature: Signature, shown: frozenset[str], months: bool) -> Iterator[tuple[str, str]]:
    """Printed name, credential, when, what it means, and over what (domain: who signs, when, and the digest of the exact text)."""
    if "signer" in shown:
        yield "Name", ", ".join(line(part) for part in (signature.name, signature.credential or "") if part.strip())
    elif signature.credential:
        yield "Credential", line(signature.credential)
    if "licence" in shown and signature.licence:
        yield "Licence", line(signature.licence)
    yield "Signed", day(signature.at.date(), True) if months else local(signature.at, line(signature.zone))
    yield "Meaning", line(signature.statement)
    if "digest" in shown:
        yield "Method", line(signature.method)
        yield "SHA-256", line(signature.digest)
        yield "Key", line(signature.key)


def drafting(one: Document) -> str:
    """Whether software drafted the note, which, and how much a person changed."""
    note = one.note
    if not note.writer:
        return ""
    told = (("writer", note.writer), ("model", note.model), ("from a", note.mode))
    how = ", ".join(f"{name} {line(value)}" for name, value in told if value)
    share = "" if note.edited_share is None else f" {note.edited_share:.0%} of it was changed in review."
    return f"Drafted by software ({how}){', read and signed by a person' if one.signatures else ''}.{share}"


def _masked(text: str, flags: Iterable[Flag]) -> str:
    return replaced(text, [(f.start, f.end, f.suggestion) for f in flags])[0]


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def _clock(header: NoteHeader) -> str:
    return f"{header.start}–{header.stop} ({header.zone})" if header.start and header.stop else ""


def _minutes(header: NoteHeader) -> str:
    """Nothing for times that are none: they are printed as they stand."""
    try:
        return "" if header.minutes is None else str(header.minutes)
    except ValueError:
        return ""


def _place(header: NoteHeader) -> str:
    return ", ".join(part for part in (header.place or "", "telehealth" if header.telehealth else "") if part)


_FIELDS: dict[str, Callable[[NoteHeader, Parties], str]] = {
    "client": lambda _, p: p.client,
    "name": lambda _, p: p.name or "",
    "birth": lambda _, p: p.born.isoformat() if p.born else "",
    "date": lambda _, p: "",
    "times": lambda h, _: _clock(h),
    "minutes": lambda h, _: _minutes(h),
    "place": lambda h, _: _place(h),
    "location": lambda h, _: h.client_location or "",
    "participants": lambda h, _: ", ".join(h.participants),
    "code": lambda h, _: ", ".join(part for part in (h.code or "", *h.add_ons) if part),
    "diagnoses": lambda h, _: ", ".join(h.diagnoses),
    "goals": lambda h, _: ", ".join(h.goals),
    "modality": lambda h, _: h.modality or "",
    "frequency": lambda h, _: h.frequency or "",
}
