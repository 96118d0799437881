"""A request, and what the rules say to it: the one maker of rulings and decisions.

In: a request and the authorizations shown with it. Out: a `Decision`, with a ruling for each bucket asked for. Whatever no row fits is D33: denied,
with the reason. Knows no store: who asks must enter what the paper says, and decide again on the day of release.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from drafting.record.release import conditions, deadlines, rules
from drafting.record.release.authorization import Authorization
from drafting.record.release.conditions import Case
from drafting.record.release.nouns import Bucket, Decision, Fact, Instrument, Outcome, Request, Requester, Ruling
from drafting.record.release.rules import Cell, Conditions, Pack, Rule, Turn


def decide(request: Request, authorizations: Iterable[Authorization] = ()) -> Decision:
    """What may leave, by which rule, and what a person must do first. Raises PolicyError where a pack cannot be used.

    The first row that fits decides each bucket; turns that apply can only tighten it. Decide again before anything leaves: a form that was revoked
    since is seen then.
    """
    pack = rules.pack(request.jurisdiction)
    asked = [bucket for bucket in Bucket if bucket in request.asked]
    common = {"request": request.id, "client": request.client, "jurisdiction": request.jurisdiction, "as_of": request.as_of}
    if pack is None:
        rulings = tuple(Ruling(bucket, Outcome.DENY, rules.FALLBACK, (rules.NO_PACK,), steps=("call_counsel",)) for bucket in asked)
        return Decision(**common, pack="", version=0, digest="", rulings=rulings, due=request.answer_by)
    case = Case.of(request, authorizations)
    rows = {bucket: _row(pack, case, bucket) for bucket in asked}
    return Decision(
        **common,
        pack=pack.key,
        version=pack.version,
        digest=pack.digest,
        rulings=tuple(_ruling(pack, row, case, bucket) for bucket, row in rows.items()),
        due=_due(rows.values(), request),
        banners=() if pack.banner is None else (pack.banner,),
        holds=holds(request),
    )


def holds(request: Request) -> bool:
    """The request stops the destruction of anything of this client: a subpoena, a complaint, a board's letter, the client's own request, and
    whatever is unknown, of a deceased client, or from a place that is not modelled."""
    pack = rules.pack(request.jurisdiction)
    unclear = Instrument.UNKNOWN is request.instrument or Requester.UNKNOWN is request.requester or Fact.CLIENT_DECEASED in request.facts
    return pack is None or unclear or request.instrument in pack.holds


def _row(pack: Pack, case: Case, bucket: Bucket) -> Rule:
    """The first row that has a cell for `bucket` and fits; the last one fits everything."""
    request = case.request
    return next(
        rule
        for rule in pack.rules
        if bucket in rule.cells
        and request.requester in rule.requesters
        and request.instrument in rule.instruments
        and _holds(rule.conditions, case, bucket)
    )


def _ruling(pack: Pack, rule: Rule, case: Case, bucket: Bucket) -> Ruling:
    cell = rule.cells[bucket]
    turns = [turn for turn in (*rule.turns, *pack.turns) if _applies(turn, rule, case, bucket)]
    outcome = max([cell.outcome, *(turn.outcome for turn in turns if turn.outcome is not None)], key=lambda o: o.strictness)
    allowed = outcome is Outcome.ALLOW
    # What a row says of letting go is not said where a turn forbids it; nor what a turn adds for that.
    parts: list[Cell | Turn] = [] if cell.outcome is Outcome.ALLOW and not allowed else [cell]
    parts += [turn for turn in turns if allowed or turn.outcome is not None]
    reasons = [code for part in parts for code in part.reasons] + ([] if allowed else list(case.faults(bucket)))
    form = case.good_for(bucket) if rule.authority and allowed else None
    return Ruling(
        bucket,
        outcome,
        rule.id,
        tuple(dict.fromkeys(reasons)),
        tuple(dict.fromkeys(code for part in parts for code in part.notices)),
        tuple(dict.fromkeys(code for part in parts for code in part.steps)),
        rule.evidence,
        tuple(dict.fromkeys([*rule.letters, *(letter for part in parts for letter in part.letters)])),
        cell.approval,
        rule.profile if allowed else None,
        rule.minimum_necessary,
        rule.accounting and allowed,
        None if form is None else form.id,
        case.request.opinion.items if allowed and case.request.opinion and any(t.withholds for t in turns) else (),
    )


def _applies(turn: Turn, rule: Rule, case: Case, bucket: Bucket) -> bool:
    named = not turn.rules or rule.id in turn.rules
    asked = not turn.conditions.requesters or case.request.requester in turn.conditions.requesters
    return bucket in turn.buckets and named and asked and _holds(turn.conditions, case, bucket)


def _holds(asked: Conditions, case: Case, bucket: Bucket) -> bool:
    when = all(conditions.holds(name, case, bucket) for name in asked.when)
    return when and not any(conditions.holds(name, case, bucket) for name in asked.unless)


def _due(rows: Iterable[Rule], request: Request) -> date | None:
    """The day that the law sets, or else the paper."""
    term = next((row.term for row in rows if row.term is not None), None)
    return request.answer_by if term is None else deadlines.due(term, request.received, request.facts, request.pauses)
