"""A draft under review: how it begins, and each thing that a clinician may do to it, as a function from one version to the next.

In: a pipeline's `Work`, or a review and what to change. Out: the next version; nothing is changed in place, so to undo is to take up an earlier one.
Pure: knows no store and no clock. An id that is not there raises NotKnown. What is new in a later version has that version in its id (`n7-1`), so
that no id ever means two things.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from drafting.errors import NotKnown, NotPermitted, RecordError
from drafting.pipeline import Work, elements
from drafting.pipeline.routing import SURE_ELEMENT
from drafting.record.review import flagging
from drafting.record.review.canonical import clean
from drafting.record.review.lifecycle import NothingWritten, never
from drafting.record.review.said_times import said_times
from drafting.types.notes import Draft, ElementReport, PhiFinding, Provenance
from drafting.types.review import Flag, FlagState, NoteHeader, Origin, Review, ReviewSentence, RiskAnswer, RiskQuestion, Undecided
from drafting.types.statements import Polarity, Role, Route
from prompts import table

T = TypeVar("T")
_CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")


class BadHeader(RecordError):
    """The header cannot be used: {reason}."""


class KeptPrivate(RecordError):
    """The words of {id} are kept private. To have them in the note, take them back from there."""


# ── how it begins ─────────────────────────────────────────────────────────────────────────────────────────────────────


def opened(work: Work, *, encounter: str, client: str, allowed: tuple[str, ...], previous: Review | None = None, zone: str = "UTC") -> Review:
    """The review of a finished `work`. Low and medium replacements stand applied, words in `allowed` (relevant to this client's treatment) are left.

    `previous`: the review of the same encounter before it was drafted again. What the clinician answered, decided and confirmed there stands, where
    it is about the same thing; what they typed stays, what was moved to private stays out. Sentences that they edited stand as the draft has them
    (`redraft` keeps those that it is told of). `zone`: an IANA name, in which the hour was held.
    """
    version = previous.version + 1 if previous else 1
    sentences, flags = _screened(_matched(work.draft, version, previous), work.findings, version, allowed, previous)
    review = Review(
        encounter=encounter,
        version=version,
        mode=work.context.mode,
        format=work.note_format.key,
        format_digest=work.note_format.digest,
        sections=tuple((s.key, s.title) for s in work.note_format.sections),
        header=previous.header if previous else _suggested(work, client, zone),
        sentences=sentences,
        flags=flags,
        risks=_asked(work, version, previous),
        dismissed=previous.dismissed if previous else (),
        provenance=work.draft.provenance or Provenance(work.draft.writer),
        returned=previous.returned if previous else None,
        **_apart(work, previous),
    )
    review = rechecked(review, work.elements)
    return _without(_with_typed(review, previous), previous.private) if previous else review


def _matched(draft: Draft, version: int, previous: Review | None) -> tuple[ReviewSentence, ...]:
    """The draft's sentences, section by section. One that was there before, by its words or else by what it rests on, keeps its id and its goals."""
    before, made = list(previous.sentences) if previous else [], []
    drafted = [d for section in draft.format.sections for d in draft.section(section.key)]
    for number, d in enumerate(drafted, 1):
        alike = [b for b in before if d.evidence and (b.section, b.evidence) == (d.section, d.evidence)]
        old = next((b for b in before if b.text == d.text), alike[0] if alike else None)
        same = old is not None and old.text == d.text
        origin = old.origin if same else Origin.EDITED if d.edited else Origin.DRAFTED
        sentence = ReviewSentence(_id("n", version, number), d.section, d.text, d.evidence, d.support, origin)
        if old:
            before.remove(old)
            sentence = replace(sentence, id=old.id, goals=old.goals, confirmed=same and old.confirmed)
        made.append(sentence)
    return tuple(made)


def _with_typed(review: Review, previous: Review) -> Review:
    """The same version with what the clinician typed before and the new draft does not hold: at the end of its section, or of the last one where the
    format has no such section."""
    keys, there = [key for key, _ in review.sections], {s.id for s in review.sentences}
    typed = [s for s in previous.sentences if s.origin is Origin.TYPED and s.id not in there]
    placed = [s if s.section in keys else replace(s, section=keys[-1]) for s in typed]
    flags = (f for s in typed for f in _flags(previous, s.id))
    return replace(review, sentences=_in_order(review, (*review.sentences, *placed)), flags=(*review.flags, *flags))


def _screened(
    sentences: Sequence[ReviewSentence], findings: Sequence[PhiFinding], version: int, allowed: tuple[str, ...], previous: Review | None
) -> tuple[tuple[ReviewSentence, ...], tuple[Flag, ...]]:
    """Sentences as they stand once replacements are applied, and their flags, which keep the words. What became of the same words in the same
    sentence before becomes of them again."""
    before = list(previous.flags) if previous else []
    flags, states = [], {}
    for number, f in enumerate(findings, 1):
        place = [s for s in sentences if s.section == f.section][f.sentence]
        old = next((b for b in before if (b.sentence, b.kind, b.words) == (place.id, f.kind, f.text)), None)
        flag = flagging.raised(f, old.id if old else _id("f", version, number), place.id)
        states[flag.id] = old.state if old else flagging.first_state(f, allowed, place.origin is Origin.DRAFTED)
        flags.append(replace(flag, why=old.why if old else None))
        if old:
            before.remove(old)
    texts, settled = [], []
    for s in sentences:
        text, own = flagging.settled_all(s.text, tuple(f for f in flags if f.sentence == s.id), states)
        texts.append(replace(s, text=text))
        settled += own
    return tuple(texts), tuple(settled)


def _asked(work: Work, version: int, previous: Review | None) -> tuple[RiskQuestion, ...]:
    """The risk items, none answered; one that was answered of the same words keeps its answer."""
    before = {(r.topic, r.whose, r.polarity): r for r in previous.risks} if previous else {}
    made = []
    for number, item in enumerate(work.routed.risk_items, 1):
        old = before.get((item.topic, item.whose, item.polarity))
        fresh = RiskQuestion(_id("r", version, number), item.topic, item.whose, item.polarity, item.evidence)
        same = old is not None and set(item.evidence) <= set(old.evidence)
        made.append(old if same else fresh)
    blanks = (r for r in before.values() if not r.evidence)
    return tuple(made or blanks)


def _apart(work: Work, previous: Review | None) -> dict[str, object]:
    """What stands beside the note. A draft written again from its record statements alone knows nothing of it, and the earlier review does."""
    names = ("held", "private", "prompts", "rough", "rough_confirmed", "engines")
    if previous and not work.routed.placed:
        return {name: getattr(previous, name) for name in names}
    decided = {h.statement: h for h in previous.held} if previous else {}
    held = (
        Undecided(p.statement.id, p.statement.text, p.risk, _always(p.statement.clause.elements)) for p in work.routed.placed if p.route is Route.HELD
    )
    kept = previous.private if previous else ()
    private = (s.id for s in work.routed.on(Route.PRIVATE))
    engines = {"asr": work.transcript.engine, "encoder": work.reading.engine if work.reading else None, "writer": work.draft.writer}
    values = (
        tuple(decided.get(h.statement, h) for h in held),
        tuple(dict.fromkeys((*kept, *private))),
        tuple((p.element, p.evidence) for p in work.routed.prompts),
        work.transcript.preview,
        previous.rough_confirmed if previous else False,
        tuple((name, engine) for name, engine in engines.items() if engine),
    )
    return dict(zip(names, values, strict=True))


def _always(likely: Mapping[str, float]) -> tuple[str, ...]:
    """Those of X1–X4 that stand in a statement."""
    return tuple(code for code in table("excluded.toml")["always"] if likely.get(code, 0.0) >= SURE_ELEMENT)


def _suggested(work: Work, client: str, zone: str) -> NoteHeader:
    """A header to be confirmed: what is known of the visit, and the times that were said beyond doubt."""
    start, stop = said_times([s.words for s in work.routed.record if s.role is Role.LOGISTICS])
    date = work.context.date_of_service
    return NoteHeader(client, date, start, stop, zone, note_kind=work.context.note_kind)


# ── what the clinician does ───────────────────────────────────────────────────────────────────────────────────────────


def edit(review: Review, sentence: str, text: str) -> Review:
    """Other words for a sentence; none at all strikes it. Findings whose words are still there stay, the others are gone. The new words are to be
    screened (`rescreened`)."""
    old, text = _sentence(review, sentence), clean(text).strip()
    if not text:
        return strike(review, sentence)
    if text == old.text:
        return _next(review)
    new = replace(old, text=text, origin=Origin.TYPED if old.origin is Origin.TYPED else Origin.EDITED, confirmed=False)
    return _next(_put(review, new, flagging.still(text, _flags(review, sentence))))


def write(review: Review, section: str, text: str, after: str | None = None) -> Review:
    """A sentence of the clinician's own, after the sentence `after` or at the section's end. To be screened. Raises NothingWritten."""
    if section not in dict(review.sections):
        raise NotKnown(what="section", id=section)
    if not (text := clean(text).strip()):
        raise NothingWritten(what="the sentence")
    here = [s.id for s in review.sentences if s.section == section]
    if after is not None and after not in here:
        raise NotKnown(what="sentence", id=after)
    new = ReviewSentence(_id("n", review.version + 1, 1), section, text, (), origin=Origin.TYPED)
    at = len(review.sentences) if after is None else [s.id for s in review.sentences].index(after) + 1
    return _next(review, sentences=_in_order(review, (*review.sentences[:at], new, *review.sentences[at:])))


def strike(review: Review, sentence: str) -> Review:
    """Take a sentence out, with its findings."""
    return _next(_struck(review, {_sentence(review, sentence).id}))


def confirm(review: Review, sentence: str) -> Review:
    """The clinician vouches for a sentence that nobody was heard to say."""
    return _next(_put(review, replace(_sentence(review, sentence), confirmed=True)))


def link(review: Review, sentence: str, goals: Iterable[str]) -> Review:
    """The goals of the treatment plan that a sentence speaks to, in place of those that it had."""
    return _next(_put(review, replace(_sentence(review, sentence), goals=tuple(dict.fromkeys(goals)))))


def accept(review: Review, flag: str) -> Review:
    """The replacement stands in place of the words."""
    return _next(_settled(review, flag, FlagState.APPLIED))


def keep(review: Review, flag: str, why: str) -> Review:
    """The words stay, with a reason. It clears no finding that no signature passes."""
    return _next(_settled(review, flag, FlagState.KEPT, why))


def remember(review: Review, flag: str) -> Review:
    """The words stay, here and in this client's notes to come. Raises NotPermitted for a finding that no signature passes."""
    if (kind := _one(review.flags, "finding", flag).kind) in never():
        raise NotPermitted(who=f"A finding of kind {kind}", reason="it must go before a signature, and is not remembered")
    return _next(_settled(review, flag, FlagState.REMEMBERED))


def revert(review: Review, flag: str) -> Review:
    """The finding is open again; where a replacement stood, its words are back."""
    return _next(_settled(review, flag, FlagState.OPEN))


def answer(review: Review, risk: str, answer: RiskAnswer, own: str | None = None, *, by: str, at: datetime) -> Review:
    """The clinician's answer to a risk item. Raises NothingWritten for their own words without any, ValueError for a naive `at`."""
    if at.tzinfo is None:
        raise ValueError("an instant needs a zone")
    words = clean(own or "").strip() if answer is RiskAnswer.OWN_WORDS else None
    if words == "":
        raise NothingWritten(what="the answer")
    new = replace(_one(review.risks, "risk item", risk), answer=answer, own=words, answered_by=by, answered_at=at)
    return _next(review, risks=tuple(new if r.id == risk else r for r in review.risks))


def decide(review: Review, statement: str, route: Route) -> Review:
    """Where a held statement goes. To private: its words leave the review, with every sentence that rests on it. To the record: its sentence is still
    to be written (`admitted`). `HELD`: not decided after all. Raises KeptPrivate for a statement that went to private."""
    _one(review.held, "held statement", statement, "statement")
    if route is Route.PRIVATE:
        return purged(review, (statement,))
    if statement in review.private:
        raise KeptPrivate(id=statement)
    return _next(_decided(review, statement, None if route is Route.HELD else route))


def leave_rest_private(review: Review) -> Review:
    """Every held statement that is not decided and need not be (no danger and none of X1–X4 in it) is left private."""
    return purged(review, [h.statement for h in review.held if h.decision is None and not h.risk and not h.elements])


def confirm_rough(review: Review) -> Review:
    """The clinician has checked the rough transcript."""
    return _next(review, rough_confirmed=True)


def set_header(review: Review, header: NoteHeader) -> Review:
    """Another header, of the same client. Raises BadHeader for a time that is none or a zone that is not known, PolicyError for a kind of note."""
    if any(t is not None and not _CLOCK.fullmatch(t) for t in (header.start, header.stop)):
        raise BadHeader(reason="times are hours and minutes of a 24-hour clock, such as 14:05")
    try:
        ZoneInfo(header.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadHeader(reason="its time zone is not known here") from None
    elements.kind(header.note_kind)
    return _next(review, header=replace(header, client=review.header.client))


def dismiss(review: Review, element: str) -> Review:
    """A prompt or a reminder is not wanted. What signing requires cannot be dismissed."""
    if element not in {*(e for e, _ in review.prompts), *review.warnings}:
        raise NotKnown(what="prompt", id=element)
    return _next(review, dismissed=tuple(dict.fromkeys((*review.dismissed, element))))


def purged(review: Review, statements: Iterable[str]) -> Review:
    """Statements moved to private, late or now: their words leave the review, with every sentence that rests on one of them. Risk items stay, since
    danger is asked about wherever it was said; they hold ids alone."""
    return _next(_without(review, tuple(statements)))


# ── what the pipeline brings later ────────────────────────────────────────────────────────────────────────────────────


def admitted(review: Review, statement: str, draft: Draft, findings: Sequence[PhiFinding], allowed: tuple[str, ...] = ()) -> Review:
    """A held or private statement taken into the record: `draft` is what was written of it alone, `findings` what screening found there. Each
    sentence stands at the end of its section. Raises NotKnown for a statement that is neither."""
    if statement not in review.private:
        _one(review.held, "held statement", statement, "statement")
    version = review.version + 1
    sentences, flags = _screened(_matched(draft, version, None), findings, version, allowed, None)
    review = _decided(replace(review, private=tuple(p for p in review.private if p != statement)), statement, Route.RECORD)
    return _next(review, sentences=_in_order(review, (*review.sentences, *sentences)), flags=(*review.flags, *flags))


def rescreened(review: Review, sentence: str, findings: Sequence[PhiFinding], allowed: tuple[str, ...] = ()) -> Review:
    """The same version with what screening finds in an edited or typed sentence; offsets count in it. Nothing is replaced by itself in a person's own
    words. A finding that stands already keeps its state, unless the new one is graver or wider."""
    prefix, old = _id("f", review.version, ""), _sentence(review, sentence)
    used = [int(f.id.removeprefix(prefix)) for f in review.flags if re.fullmatch(rf"{prefix}\d+", f.id)]
    found = []
    for number, f in enumerate(findings, max(used, default=0) + 1):
        found.append(flagging.raised(f, f"{prefix}{number}", sentence, flagging.first_state(f, allowed, False)))
    return _put(review, old, flagging.joined(_flags(review, sentence), found))


def rechecked(review: Review, report: ElementReport) -> Review:
    """The same version with what the note lacks. Where it must say something of danger (E05) and nobody spoke of any, a blank is opened, to be
    answered; nothing is filled in."""
    review = replace(review, missing=report.missing, warnings=report.warnings)
    if "E05" not in report.missing or review.risks:
        return review
    blank = table("signing.toml")["blank"]
    return replace(review, risks=(RiskQuestion(_id("r", review.version, 1), blank["topic"], blank["whose"], Polarity.UNCLEAR, ()),))


# ── pieces ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _id(kind: str, version: int, number: int | str) -> str:
    return f"{kind}{number}" if version == 1 else f"{kind}{version}-{number}"


def _next(review: Review, **changes: object) -> Review:
    return replace(review, version=review.version + 1, **changes)


def _one(items: Iterable[T], what: str, name: str, key: str = "id") -> T:
    found = next((i for i in items if getattr(i, key) == name), None)
    if found is None:
        raise NotKnown(what=what, id=name)
    return found


def _sentence(review: Review, name: str) -> ReviewSentence:
    return _one(review.sentences, "sentence", name)


def _flags(review: Review, sentence: str) -> tuple[Flag, ...]:
    return tuple(f for f in review.flags if f.sentence == sentence)


def _put(review: Review, new: ReviewSentence, flags: tuple[Flag, ...] | None = None) -> Review:
    """The same version with `new` in the place of the sentence of its id, and its flags if they are given."""
    sentences = tuple(new if s.id == new.id else s for s in review.sentences)
    if flags is None:
        return replace(review, sentences=sentences)
    return replace(review, sentences=sentences, flags=(*(f for f in review.flags if f.sentence != new.id), *flags))


def _settled(review: Review, flag: str, state: FlagState, why: str | None = None) -> Review:
    sentence = _sentence(review, _one(review.flags, "finding", flag).sentence)
    text, flags = flagging.settled(sentence.text, _flags(review, sentence.id), flag, state, why)
    return _put(review, replace(sentence, text=text), flags)


def _in_order(review: Review, sentences: Iterable[ReviewSentence]) -> tuple[ReviewSentence, ...]:
    """Sentences by section, in the order in which they stand there."""
    keys = [key for key, _ in review.sections]
    return tuple(sorted(sentences, key=lambda s: keys.index(s.section)))


def _struck(review: Review, gone: set[str]) -> Review:
    left = tuple(s for s in review.sentences if s.id not in gone)
    return replace(review, sentences=left, flags=tuple(f for f in review.flags if f.sentence not in gone))


def _without(review: Review, statements: tuple[str, ...]) -> Review:
    """The same version without the words of `statements`, which are private."""
    private = tuple(dict.fromkeys((*review.private, *statements)))
    for name in statements:
        review = _decided(review, name, Route.PRIVATE)
    return replace(_struck(review, {s.id for s in review.sentences if set(s.evidence) & set(statements)}), private=private)


def _decided(review: Review, statement: str, route: Route | None) -> Review:
    """The same version with a held statement's decision, and without its words where they went to private."""
    changed = {"decision": route} | ({"text": ""} if route is Route.PRIVATE else {})
    return replace(review, held=tuple(replace(h, **changed) if h.statement == statement else h for h in review.held))
