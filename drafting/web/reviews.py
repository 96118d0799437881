"""The verbs of a review, with all that each brings with it: an act loads the review, does its one thing, screens anew the words that it changed,
checks anew what the note lacks, and keeps the next version.

In: who asks, an encounter, the version that they saw, an act. Out: the review as it stands then. Knows no page and no form. What a writer is handed
here is made by routing, of statements that are the record's or that their author took into it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from drafting.errors import Conflict, NotKnown, NotPermitted, RecordError, Shredded
from drafting.pipeline import elements, formats, rewritten
from drafting.pipeline.composing import compose
from drafting.pipeline.grounding import ground
from drafting.pipeline.routing import restored
from drafting.pipeline.screening import screen
from drafting.record import notes, people, workbench
from drafting.record.accounts import sessions
from drafting.record.review import reviewing
from drafting.record.workbench import drafted, moves
from drafting.record.workbench.moves import Reason
from drafting.types import ElementReport, Route
from drafting.types.record import Encounter
from drafting.types.review import Origin, Review
from drafting.web import acts, sources
from drafting.web.access import Asking, mine
from drafting.web.acts import Act, AdmitPrivate
from drafting.web.opened import Desktop, Row, opened, source_of


class Stale(Conflict):
    """The note stands at version {present} by now: it was changed in another window, or by another person. Load it again; nothing that was saved is
    lost."""

    def __init__(self, *, present: int) -> None:
        super().__init__(present=present)
        self.present = present
        self.headers = {"ETag": f'"{present}"'}


class CannotUndo(RecordError):
    """That cannot be undone: {reason}."""


class PrivateClosed(RecordError):
    """Your private notes are closed. Open them with your passphrase first."""


# ── looking ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def load(asking: Asking, encounter: str) -> Review:
    """The review as it stands, for its author; or for the supervisor it waits for, without the words of what is held. Raises NotKnown, Locked,
    KeyMissing, Shredded."""
    there = mine(asking, encounter, supervising=True)
    review = drafted.load(asking.practice, encounter, asking.unlocked().opener)
    return review if there.author == asking.person.id else _apart(review)


def source(asking: Asking, encounter: str) -> dict[str, Any]:
    """What the review rests on: the text with private words blacked out, for a supervisor also what is held; and each statement's place. Raises as
    `load`."""
    there, unlocked = mine(asking, encounter, supervising=True), asking.unlocked()
    found = source_of(asking, encounter, unlocked)
    if there.author == asking.person.id:
        return found
    return sources.unheld(found, _taken(drafted.load(asking.practice, encounter, unlocked.opener)))


def fresh(asking: Asking, encounter: str, version: int, *, supervising: bool = False) -> Encounter:
    """The encounter, whose review still stands at that version. Raises Stale, NotKnown."""
    there = mine(asking, encounter, supervising=supervising)
    if there.version != version:
        raise Stale(present=there.version)
    return there


def give_back(asking: Asking, encounter: str, version: int, reason: str) -> Review:
    """Give a trainee's note, as its supervisor saw it at `version`, back to its author; returned as `load` does. Raises Stale, NotKnown, KeyMissing,
    NotPermitted, IllegalMove."""
    fresh(asking, encounter, version, supervising=True)
    unlocked = asking.unlocked()
    review = drafted.load(asking.practice, encounter, unlocked.opener, version)
    return _apart(notes.give_back(asking.practice, unlocked, review, reason))


def _apart(review: Review) -> Review:
    """The review for anybody but its author: held words that were not taken into the record are empty."""
    taken = _taken(review)
    return replace(review, held=tuple(h if h.statement in taken else replace(h, text="") for h in review.held))


def _taken(review: Review) -> frozenset[str]:
    """Held statements that were taken into the record."""
    return frozenset(h.statement for h in review.held if h.decision is Route.RECORD)


# ── doing ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def act(asking: Asking, encounter: str, version: int, verb: Act) -> Review:
    """Do one thing to the review that its author saw at `version`, and return the next. Raises Stale where it has moved on, IllegalMove once signed,
    CannotUndo, PrivateClosed, NotKnown for an id that is not there, and what the act itself raises."""
    there, practice = fresh(asking, encounter, version), asking.practice
    with practice.keyring.remembering():
        desktop = opened(asking, there)
        try:
            after = _acted(desktop, verb)
        except Conflict:
            raise Stale(present=workbench.find(practice, encounter).version) from None
        if isinstance(verb, acts.Remember):
            words = next(f.words for f in desktop.review.flags if f.id == verb.flag)
            people.remember(practice, there.client, words, by=asking.person.id)
        return after


def _acted(desktop: Desktop, verb: Act) -> Review:
    """The review as it is kept after `verb`."""
    review = desktop.review
    match verb:
        case acts.Decide(route=Route.PRIVATE):
            return _to_private(desktop, [verb.statement], verb.reason)
        case acts.LeaveRest():
            return drafted.leave_rest_private(desktop.asking.practice, desktop.unlocked, review)
        case acts.Decide():
            after = _decided(desktop, verb.statement, verb.route)
        case acts.AdmitPrivate():
            desktop, after = _admitted(desktop, verb)
        case acts.ChangeFormat():
            return _kept(desktop, _reformed(desktop, verb.format))
        case acts.Undo():
            return _undone(desktop, verb.to)
        case _:
            after = _done(desktop, verb)
    return _kept(desktop, _screened(desktop, after))


def _done(desktop: Desktop, verb: Act) -> Review:
    """The review after an act that is about the review alone."""
    review, by = desktop.review, desktop.asking.person.id
    match verb:
        case acts.Edit():
            return reviewing.edit(review, verb.sentence, verb.text)
        case acts.Write():
            return reviewing.write(review, verb.section, verb.text, verb.after)
        case acts.Strike():
            return reviewing.strike(review, verb.sentence)
        case acts.Confirm():
            return reviewing.confirm(review, verb.sentence)
        case acts.Link():
            return reviewing.link(review, verb.sentence, verb.goals)
        case acts.Accept():
            return reviewing.accept(review, verb.flag)
        case acts.Keep():
            return reviewing.keep(review, verb.flag, verb.why)
        case acts.Remember():
            return reviewing.remember(review, verb.flag)
        case acts.Revert():
            return reviewing.revert(review, verb.flag)
        case acts.Answer():
            return reviewing.answer(review, verb.risk, verb.answer, verb.own, by=by, at=desktop.asking.practice.now())
        case acts.ConfirmRough():
            return reviewing.confirm_rough(review)
        case acts.SetHeader():
            return reviewing.set_header(review, verb.header(review.header.client))
        case acts.Dismiss():
            return reviewing.dismiss(review, verb.element)
    raise TypeError(f"{type(verb).__name__} is no act")


def _kept(desktop: Desktop, after: Review) -> Review:
    """Keep the next version, checked for what it lacks."""
    after = replace(after, version=desktop.review.version + 1)
    return drafted.save(desktop.asking.practice, _checked(desktop, after), by=desktop.asking.person.id)


def _to_private(desktop: Desktop, statements: Sequence[str], reason: Reason) -> Review:
    """The review kept without the words of `statements`, which are private notes then."""
    gone = reviewing.purged(desktop.review, statements)
    before = reviewing.rechecked(desktop.review, _lacks(desktop, gone))  # the move keeps what it is handed, less the words
    return drafted.move_private(desktop.asking.practice, desktop.unlocked, before, statements, reason=reason)


def _decided(desktop: Desktop, statement: str, route: Route) -> Review:
    """A decision that moves nothing to private. Into the record the statement is written, unless a sentence rests on it; out of it, the sentences
    that rest on it alone go."""
    review = desktop.review
    rest = [s for s in review.sentences if statement in s.evidence]
    if route is not Route.RECORD:
        after = reviewing.decide(review, statement, route)
        for sentence in (s for s in rest if s.evidence == (statement,)):
            after = reviewing.strike(after, sentence.id)
        return after
    if statement in review.private:
        raise reviewing.KeptPrivate(id=statement)
    if statement not in {h.statement for h in review.held}:
        if statement not in desktop.said:
            raise NotKnown(what="statement", id=statement)
        return review if rest else _written(desktop, replace(review, private=(*review.private, statement)), [statement])
    return reviewing.decide(review, statement, route) if rest else _written(desktop, review, [statement])


def _admitted(desktop: Desktop, verb: AdmitPrivate) -> tuple[Desktop, Review]:
    """A private note's words in the record, and beside it. Where an earlier call was cut after the words came over, it goes on from there."""
    asking = desktop.asking
    if not sessions.use_private(asking.practice, asking.token):
        raise PrivateClosed()
    try:
        over = moves.to_record(asking.practice, desktop.unlocked, desktop.review.encounter, [verb.note], reason=verb.reason)
    except NotPermitted:  # another's, or of another encounter: as if it were not there
        raise NotKnown(what="private note", id=verb.note) from None
    desktop = replace(desktop, admitted=over)
    waiting = [a for a in over if set(a.statements) & set(desktop.review.private)]
    after = _written(desktop, desktop.review, [a.statements[0] for a in waiting]) if waiting else desktop.review
    return desktop, replace(after, private=tuple(s for s in after.private if s not in {s for a in waiting for s in a.statements}))


def _undone(desktop: Desktop, to: int | None) -> Review:
    """An earlier version's content as the next one. What was taken into the record since then goes back to the private notes; a version with words
    that were moved to private since then does not come back, not even while a hold keeps it."""
    review, practice = desktop.review, desktop.asking.practice
    number = review.version - 1 if to is None else to
    if not 0 < number < review.version:
        raise CannotUndo(reason="there is nothing before it")
    moved = CannotUndo(reason="words of that version were moved to your private notes. Take them back from there instead")
    try:
        before = drafted.load(practice, review.encounter, desktop.unlocked.opener, number)
    except (NotKnown, Shredded):
        raise moved from None
    if set(drafted.quoted(before)) & set(review.private):
        raise moved
    if back := [s for s in before.private if s not in review.private]:
        desktop = replace(desktop, review=_to_private(desktop, back, Reason.UNDONE))
    private = tuple(dict.fromkeys((*before.private, *desktop.review.private)))
    return _kept(desktop, replace(before, private=private, returned=review.returned))


def _reformed(desktop: Desktop, key: str) -> Review:
    """The note written anew in another format from the statements that it rests on; what the clinician wrote, answered and decided stays."""
    review, engines = desktop.review, desktop.asking.desk.engines()
    new = formats.load(key, desktop.asking.desk.formats)
    rests = dict.fromkeys(e for s in review.sentences for e in s.evidence)
    known = desktop.said
    said = restored(desktop.rows([s for s in rests if s in known]), _items(review))
    work = rewritten(desktop.draft(review), said, new, None, desktop.wide(), engines)
    homes = {d.evidence: d.section for d in work.draft.sentences if d.evidence}
    there = tuple(replace(s, section=homes.get(s.evidence, s.section)) for s in review.sentences)  # so that each is known again where it went
    given = {"encounter": review.encounter, "client": desktop.client.id, "allowed": desktop.client.allowed}
    return reviewing.opened(replace(work, elements=ElementReport()), previous=replace(review, sentences=there), **given)


# ── writing, screening, checking ──────────────────────────────────────────────────────────────────────────────────────


def _written(desktop: Desktop, review: Review, statements: Sequence[str]) -> Review:
    """The next version, with what is written of these statements alone, screened, at the end of its sections."""
    engines, context, said = desktop.asking.desk.engines(), desktop.wide(), restored(desktop.rows(statements)).record
    draft = ground(compose(said, desktop.format, engines.writer, context), said, context)
    findings = screen(draft, engines.scanner, context)
    return reviewing.admitted(review, statements[0], draft, findings, desktop.client.allowed)


def _screened(desktop: Desktop, after: Review) -> Review:
    """`after` with what screening finds where words were changed; a section is scanned whole, so that whoever is introduced in one sentence is known
    in the next."""
    before = {s.id: s.text for s in desktop.review.sentences}
    changed = [s for s in after.sentences if before.get(s.id) != s.text and (s.id in before or s.origin is not Origin.DRAFTED)]
    if not changed:
        return after
    touched = {s.section for s in changed}
    draft = desktop.draft(replace(after, sentences=tuple(s for s in after.sentences if s.section in touched)))
    findings = screen(draft, desktop.asking.desk.engines().scanner, desktop.wide())
    for sentence in changed:
        number = [s.id for s in after.sentences if s.section == sentence.section].index(sentence.id)
        own = [f for f in findings if (f.section, f.sentence) == (sentence.section, number)]
        after = reviewing.rescreened(after, sentence.id, own, desktop.client.allowed)
    return after


def _checked(desktop: Desktop, after: Review) -> Review:
    return reviewing.rechecked(after, _lacks(desktop, after))


def _lacks(desktop: Desktop, review: Review) -> ElementReport:
    """What the note lacks as it reads now: a sentence of the writer's counts as what was said for it, one that a person wrote or changed as it is."""
    said = desktop.said
    rests = dict.fromkeys(e for s in review.sentences if s.origin is Origin.DRAFTED for e in s.evidence if e in said)
    rows = [*desktop.rows(rests), *desktop.own_words([s for s in review.sentences if s.origin is not Origin.DRAFTED])]
    header = review.header
    visit = replace(desktop.context, date_of_service=header.date_of_service, note_kind=header.note_kind)
    routed = restored(rows, _items(review))
    return elements.check(routed.record, routed.risk_items, desktop.draft(review), visit)


def _items(review: Review) -> list[Row]:
    """The risk items that rest on something, as routing takes them."""
    named = ("id", "topic", "whose", "polarity", "evidence")
    return [{name: getattr(r, name) for name in named} | {"answered": r.answer is not None} for r in review.risks if r.evidence]
