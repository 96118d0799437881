"""The life of a note: what may be done to it when, what stops a signature, and what a signature makes of it.

In: states and moves; a review; signed notes. Out: the next state; what blocks; a `SignedNote`. Pure: knows no store, no key and no clock.
Words and tables are data: signing.toml, and for required elements those of the pipeline.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from drafting.errors import IllegalMove, NotPermitted, RecordError, SigningBlocked
from drafting.pipeline import elements
from drafting.record.review import canonical
from drafting.types.notes import Severity, Support
from drafting.types.record import NoteKind, NoteState, Person, RiskLine, SignedNote, SignedSection, SignedSentence, Standing
from drafting.types.review import FlagState, NoteHeader, Origin, Review, ReviewSentence, RiskAnswer, RiskQuestion
from drafting.types.statements import Route
from prompts import table


class NothingWritten(RecordError):
    """There are no words in {what}."""


class Move(StrEnum):
    """What may be done to a note."""

    EDIT = "edit"
    SIGN = "sign"
    RETURN = "return"
    COSIGN = "cosign"
    LOCK = "lock"
    ADDEND = "addend"
    AMEND = "amend"
    WITHDRAW = "withdraw"


_S = NoteState
_LOCKED = {Move.ADDEND: _S.ADDENDED, Move.AMEND: _S.AMENDED, Move.WITHDRAW: _S.ENTERED_IN_ERROR}
_MOVES: Mapping[NoteState, Mapping[Move, NoteState]] = {
    _S.DRAFT: {Move.EDIT: _S.IN_REVIEW},
    _S.IN_REVIEW: {Move.EDIT: _S.IN_REVIEW, Move.SIGN: _S.SIGNED},
    _S.RETURNED: {Move.EDIT: _S.IN_REVIEW},
    _S.SIGNED: {Move.EDIT: _S.IN_REVIEW, Move.LOCK: _S.LOCKED},
    _S.COSIGN_DUE: {Move.EDIT: _S.IN_REVIEW, Move.RETURN: _S.RETURNED, Move.COSIGN: _S.COSIGNED},
    _S.COSIGNED: {Move.EDIT: _S.IN_REVIEW, Move.LOCK: _S.LOCKED},
    _S.LOCKED: _LOCKED,
    _S.ADDENDED: _LOCKED,
    _S.AMENDED: _LOCKED | {Move.ADDEND: _S.AMENDED},  # an addendum does not hide that there is a correction
    _S.ENTERED_IN_ERROR: {},
}
SIGNATURE_STANDS = frozenset(_S) - {_S.DRAFT, _S.IN_REVIEW, _S.RETURNED}
"""States of a note whose signature holds; a move out of them voids it."""
_OF_HEADER = frozenset({"E01", "E02"})  # date and times: `_header` asks for them by name


def moved(state: NoteState, move: Move, *, trainee: bool = False) -> NoteState:
    """Where a note that is `state` stands after `move`. `trainee`: its author's notes need a cosignature. Raises IllegalMove."""
    after = _MOVES[state].get(move)
    if after is None:
        raise IllegalMove(state=state.value.replace("_", " "), move=table("signing.toml")["moves"][move])
    return _S.COSIGN_DUE if after is _S.SIGNED and trainee else after


# ── what stops a signature ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Block:
    """Something to clear: `code` says what (F04, risk, E03, too_short …), `subject` which (an id). `never`: not even urgent care passes it."""

    code: str
    subject: str
    never: bool = False


def blocks(review: Review, *, author: Person | None = None) -> tuple[Block, ...]:
    """What must be cleared before `review` can be signed, in the order in which one would. `author`'s credential stands for E08."""
    return (
        *_findings(review),
        *(Block("risk", r.id) for r in review.risks if not answered(r)),
        *(Block("held", h.statement) for h in review.held if h.decision is None and (h.risk or h.elements)),
        *([Block("rough", review.encounter)] if review.rough and not review.rough_confirmed else []),
        *(Block(code, code) for code in review.missing if code not in _borne(review, author) | _OF_HEADER),
        *(Block("unsupported", s.id) for s in review.sentences if unsaid(s)),
        *_header(review),
    )


def suggestions(review: Review) -> tuple[Block, ...]:
    """What a clinician may want to look at, and may leave."""
    header = review.header
    weighty = (f for f in review.flags if f.state is FlagState.OPEN and f.severity is not Severity.LOW)
    written = {e for s in review.sentences for e in s.evidence}
    return (
        *(Block(f.kind, f.id) for f in weighty if f.kind not in never()),
        *(Block("held", h.statement) for h in review.held if h.decision is None and not h.risk and not h.elements),
        *(Block("unwritten", h.statement) for h in review.held if h.decision is Route.RECORD and h.statement not in written),
        *(Block(e, e) for e in review.warnings if e not in review.dismissed and e not in _borne(review, None)),
        *(Block(e, e) for e, _ in review.prompts if e not in review.dismissed),
        *(Block("weak", s.id) for s in review.sentences if s.support is Support.WEAK and s.origin is Origin.DRAFTED and not s.confirmed),
        *(Block(code, header.code or "") for code in _band(header) if code.startswith("unknown")),
    )


def never() -> frozenset[str]:
    """Kinds of findings that no signature passes, and that cannot be kept."""
    return frozenset(table("signing.toml")["never"]["kinds"])


def answered(risk: RiskQuestion) -> bool:
    """Whether the clinician answered; own words need words."""
    return risk.answer is not None and (risk.answer is not RiskAnswer.OWN_WORDS or bool((risk.own or "").strip()))


def unsaid(sentence: ReviewSentence) -> bool:
    """Whether nobody was heard to say it, and nobody has edited or confirmed it."""
    return sentence.support is Support.UNSUPPORTED and sentence.origin is Origin.DRAFTED and not sentence.confirmed


def band(code: str | None, minutes: int | None, add_ons: Sequence[str]) -> tuple[str, ...]:
    """What is wrong with a service code, in codes: no_minutes, too_short, too_long, not_together, only_with, repeated; unknown_code and
    unknown_add_on where signing.toml does not know them, which is no fault. `minutes`: whole minutes from start to stop."""
    rules = table("signing.toml")
    known, extras = rules["codes"].get(code or "", {}), [rules["add_ons"].get(a, {}) for a in add_ons]
    given = {code, *add_ons}
    barred = [set(rule.get("not_with", ())) for rule in (known, *extras)]
    found = {
        "unknown_code": code is not None and code not in rules["codes"],
        "unknown_add_on": any(a not in rules["add_ons"] for a in add_ons),
        "only_with": any(not given & set(rule.get("only_with", given)) for rule in extras) or (code is None and bool(add_ons)),
        "not_together": any(given & others for others in barred),
        "repeated": any(add_ons.count(a) > 1 and "each" not in rules["add_ons"].get(a, {}) for a in add_ons),
        **_minutes(known, minutes, [rule["each"] for rule in extras if "each" in rule]),
    }
    return tuple(problem for problem, there in found.items() if there)


def _minutes(rule: Mapping[str, Any], minutes: int | None, each: Sequence[int]) -> dict[str, bool]:
    """How `minutes` lie to a code's band; every add-on that counts time moves it up by so many, and the last of them must have begun."""
    if "least" not in rule:
        return {}
    least, most = rule["least"], rule.get("most")
    if each and most is not None:
        least, most = most + 1 + sum(each[:-1]), most + sum(each)
    return {
        "no_minutes": minutes is None,
        "too_short": minutes is not None and minutes < least,
        "too_long": minutes is not None and most is not None and minutes > most,
    }


def _band(header: NoteHeader) -> tuple[str, ...]:
    return band(header.code, header.minutes, header.add_ons)


def _findings(review: Review) -> Iterator[Block]:
    """Findings that only a replacement, or other words, clear: to keep them does not."""
    return (Block(f.kind, f.id, never=True) for f in review.flags if f.kind in never() and f.state is not FlagState.APPLIED)


def _borne(review: Review, author: Person | None) -> set[str]:
    """Required elements that the header, the links to goals, a risk item (which must be answered for itself) or the author's credential bear."""
    header = review.header
    borne = {code for code, names in table("signing.toml")["borne"].items() if all(getattr(header, name) for name in names)}
    borne |= {"E05"} if review.risks else set()
    borne |= {"E08"} if author and author.credential else set()
    return borne | ({"E09"} if any(s.goals for s in review.sentences) else set())


def _header(review: Review) -> Iterator[Block]:
    """A date always; start and stop where the kind of note is a session, which needs them (E02); minutes that fit the code; and a person's word."""
    header, timed = review.header, "E02" in elements.kind(review.header.note_kind).require
    if header.date_of_service is None:
        yield Block("date", review.encounter)
    if timed and not header.start:
        yield Block("start", review.encounter)
    if timed and (not header.stop or header.minutes == 0):
        yield Block("stop", review.encounter)
    if not header.confirmed:
        yield Block("header", review.encounter)
    yield from (Block(code, header.code or "") for code in _band(header) if not code.startswith("unknown"))


# ── what a signature makes ────────────────────────────────────────────────────────────────────────────────────────────


def signed(
    review: Review,
    *,
    note_id: str,
    number: int,
    signed_on: datetime,
    due_hours: int,
    kind: NoteKind = NoteKind.NOTE,
    urgent: bool = False,
    author: Person | None = None,
    parent: str | None = None,
    reason: str | None = None,
) -> SignedNote:
    """The note that a signature of `review` is over. `urgent` passes all but the blocks that nothing passes, and prints what was open. `parent` and
    `reason`: for an amendment, whose `kind` is not NOTE. Nothing of held or private words goes in, nor what a finding found.

    Raises SigningBlocked while anything blocks, NothingWritten for an amendment without a reason, ValueError for a naive `signed_on`.
    """
    standing = blocks(review, author=author)
    if stopping := [b for b in standing if b.never or not urgent]:
        raise SigningBlocked(count=len(stopping), codes=", ".join(dict.fromkeys(b.code for b in stopping)))
    if kind is not NoteKind.NOTE and not (parent and (reason or "").strip()):
        raise NothingWritten(what="the reason")
    made = review.provenance
    note = SignedNote(
        id=note_id,
        encounter=review.encounter,
        number=number,
        kind=kind,
        format=review.format,
        format_digest=review.format_digest,
        header=review.header,
        sections=_sections(review),
        risks=tuple(_risk_line(r) for r in review.risks),
        open_items=tuple(dict.fromkeys(_open(review, b) for b in standing)),
        late=late(review.header, signed_on, due_hours) and kind is NoteKind.NOTE,
        parent=parent,
        reason=reason,
        writer=made.writer if made else None,
        model="@".join(part for part in (made.model, made.revision) if part) or None if made else None,
        prompt=made.prompt if made else None,
        mode=review.mode.value,
        edited_share=_edited(review),
    )
    return _settled(note)


def late(header: NoteHeader, signed_on: datetime, due_hours: int) -> bool:
    """Whether `signed_on` is more than `due_hours` after the service ended: its stop time, or the end of its day. A label; nothing is dated back.
    Raises ValueError for a naive `signed_on`."""
    if signed_on.tzinfo is None:
        raise ValueError("an instant needs a zone")
    if header.date_of_service is None:
        return False
    end = time.fromisoformat(header.stop) if header.stop else time(23, 59)
    over_midnight = bool(header.start and header.stop and header.stop < header.start)
    service = datetime.combine(header.date_of_service, end, _zone(header.zone)) + timedelta(days=over_midnight)
    return signed_on > service.astimezone(UTC) + timedelta(hours=due_hours)


def addendum(parent: SignedNote, text: str, reason: str | None = None, *, note_id: str, number: int) -> SignedNote:
    """Something added to `parent`, a paragraph a sentence; `parent` stays as it is. Raises NothingWritten, and IllegalMove for a withdrawal."""
    lines = tuple(SignedSentence(line.strip()) for line in text.splitlines() if line.strip())
    section = SignedSection("addendum", table("signing.toml")["titles"]["addendum"], _written(lines, "the addendum"))
    return _settled(_after(parent, Move.ADDEND, NoteKind.ADDENDUM, reason, note_id, number, sections=(section,)))


def amendment(
    parent: SignedNote,
    sections: tuple[SignedSection, ...],
    reason: str,
    *,
    note_id: str,
    number: int,
    header: NoteHeader | None = None,
    risks: tuple[RiskLine, ...] | None = None,
    open_items: tuple[str, ...] | None = None,
) -> SignedNote:
    """A correction of `parent`: the whole new content. The original stays. What is not given is the parent's. Raises NothingWritten without
    words or a reason, and IllegalMove for a withdrawal."""
    _written(tuple(s for section in sections for s in section.sentences if s.text.strip()), "the amendment")
    given = {"header": header, "risks": risks, "open_items": open_items}
    kept = {name: getattr(parent, name) if value is None else value for name, value in given.items()}
    return _settled(_after(parent, Move.AMEND, NoteKind.AMENDMENT, _reason(reason), note_id, number, sections=sections, **kept))


def withdrawal(parent: SignedNote, reason: str, *, note_id: str, number: int) -> SignedNote:
    """`parent` entered in error: it stays, struck. Raises NothingWritten without a reason, and IllegalMove for a withdrawal."""
    return _settled(_after(parent, Move.WITHDRAW, NoteKind.ERROR, _reason(reason), note_id, number, sections=()))


# ── the cosignature ───────────────────────────────────────────────────────────────────────────────────────────────────


def needs_cosignature(author: Person) -> bool:
    return author.standing is Standing.TRAINEE


def check_cosigner(person: Person, author: Person) -> None:
    """Raise NotPermitted unless `person` is `author`'s supervisor; nobody cosigns their own note."""
    if person.id == author.id:
        raise NotPermitted(who=person.id, reason="nobody cosigns a note of their own")
    if person.id != author.supervisor or person.standing is not Standing.SUPERVISOR or not person.active:
        raise NotPermitted(who=person.id, reason=f"the supervisor of {author.id} cosigns this note")


def given_back(review: Review, reason: str, *, person: Person, author: Person) -> Review:
    """The next version of `review`, with the supervisor's reason for returning it. The reason stays until the next one, so that it can be read while
    the note is edited. Raises NotPermitted, NothingWritten."""
    check_cosigner(person, author)
    return replace(review, version=review.version + 1, returned=_reason(reason))


# ── pieces ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _settled(note: SignedNote) -> SignedNote:
    """The note as its canonical bytes have it, so that what is signed is what will be read."""
    return canonical.note_of(canonical.note_bytes(note))


def _after(parent: SignedNote, move: Move, kind: NoteKind, reason: str | None, note_id: str, number: int, **content: Any) -> SignedNote:
    """A document after `parent`, whose header and format it has; the draft that stood behind the parent is not its own."""
    if parent.kind is NoteKind.ERROR:
        moved(NoteState.ENTERED_IN_ERROR, move)
    bare = SignedNote(note_id, parent.encounter, number, kind, parent.format, parent.format_digest, parent.header, ())
    return replace(bare, parent=parent.id, reason=reason, **content)


def _sections(review: Review) -> tuple[SignedSection, ...]:
    """The sections in which something stands."""
    sections = (SignedSection(key, title, tuple(_sentences(review, key))) for key, title in review.sections)
    return tuple(section for section in sections if section.sentences)


def _sentences(review: Review, key: str) -> Iterator[SignedSentence]:
    emptied = {f.sentence for f in review.flags if f.state is FlagState.APPLIED and not f.suggestion}
    texts = ((s, _tidied(s.text) if s.id in emptied else s.text) for s in review.sentences if s.section == key)
    return (SignedSentence(text, s.evidence, s.goals) for s, text in texts if text.strip())


def _tidied(text: str) -> str:
    """`text` without the spaces that a word left which was taken out."""
    return re.sub(r" +(?=[.,;:!?]|$)", "", re.sub(r" {2,}", " ", text)).strip()


def _risk_line(risk: RiskQuestion) -> RiskLine:
    said = risk.answer if answered(risk) else "unanswered"
    own = risk.own if said is RiskAnswer.OWN_WORDS else None
    return RiskLine(risk.topic, risk.whose, table("signing.toml")["answers"][said], own)


def _edited(review: Review) -> float | None:
    """The share of sentences whose wording is a person's, to four digits."""
    own = sum(s.origin is not Origin.DRAFTED for s in review.sentences)
    return round(own / len(review.sentences), 4) if review.sentences else None


def _open(review: Review, block: Block) -> str:
    """A block as a reader of the note is told of it; fixed words, and none of the source."""
    words = table("signing.toml")["open"]
    if block.code in elements.CODES:
        return words["element"].format(what=elements.label(block.code))
    return words[block.code].format(what=_what(review, block))


def _what(review: Review, block: Block) -> str:
    if block.code == "risk":
        return next(f"{r.topic}, {r.whose}" for r in review.risks if r.id == block.subject)
    if block.code != "unsupported":
        return block.subject
    section = next(s.section for s in review.sentences if s.id == block.subject)
    number = [s.id for s in review.sentences if s.section == section].index(block.subject) + 1
    return f"{dict(review.sections)[section]}, sentence {number}"


def _written(lines: tuple[SignedSentence, ...], what: str) -> tuple[SignedSentence, ...]:
    if not lines:
        raise NothingWritten(what=what)
    return lines


def _reason(reason: str) -> str:
    if not reason.strip():
        raise NothingWritten(what="the reason")
    return reason.strip()


def _zone(name: str) -> ZoneInfo:
    """The zone of that name; UTC for a name that this machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
