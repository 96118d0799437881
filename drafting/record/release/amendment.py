"""A client asks for a change to what is kept about them: what the rules say, and by when.

In: what is to be changed, and what a person found. Out: an `AmendmentDecision`: accepted, refused on a ground that the rules know, or not yet to be
said. Knows no note: an accepted change is signed as an amendment beside what stands, which never changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from drafting.record.release import deadlines, rules
from drafting.record.release.nouns import Bucket, Fact, Letter, Outcome, Pause
from drafting.record.release.rules import Ground


@dataclass(frozen=True, slots=True)
class AmendmentRequest:
    """A change asked for, in one bucket. `grounds` are those of refusal that a person found; `reviewed`: a person has looked for them."""

    id: str
    client: str
    jurisdiction: str
    bucket: Bucket
    received: date
    as_of: date
    grounds: frozenset[Ground] = frozenset()
    reviewed: bool = False
    facts: frozenset[Fact] = frozenset()
    pauses: tuple[Pause, ...] = ()


@dataclass(frozen=True, slots=True)
class AmendmentDecision:
    """What the rules say. `grounds` are those that count here; `rights` what the client has on a refusal, `steps` what a person must do: words for
    both are with `rules.say`."""

    request: str
    pack: str
    version: int
    digest: str
    outcome: Outcome
    reasons: tuple[str, ...]
    due: date | None
    grounds: tuple[Ground, ...] = ()
    rights: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    letter: Letter | None = None


def amendment_decision(request: AmendmentRequest) -> AmendmentDecision:
    """Whether a change must be made. Raises PolicyError where a pack cannot be used.

    US, 45 CFR 164.526(a)(2): what was not created here, is outside the designated record set, is not open to inspection (private notes), or is
    accurate and complete may be refused, with the right to a statement of disagreement. UK: only what is accurate and complete, in private notes too.
    A ground that the place does not know refuses nothing.
    """
    pack = rules.pack(request.jurisdiction)
    if pack is None:
        return AmendmentDecision(request.id, "", 0, "", Outcome.ESCALATE, (rules.NO_PACK,), None, steps=("call_counsel",))
    beyond = {Ground.NOT_OPEN_TO_INSPECTION} if request.bucket in pack.amending.beyond else set()
    found = request.grounds | beyond
    grounds = tuple(ground for ground in Ground if ground in found & pack.amending.grounds)
    due = deadlines.due(pack.amending.term, request.received, request.facts, request.pauses)
    said = (request.id, pack.key, pack.version, pack.digest)
    if grounds:
        reasons, rights, steps = tuple(map(str, grounds)), pack.amending.rights, pack.amending.refused
        return AmendmentDecision(*said, Outcome.DENY, reasons, due, grounds, rights, steps, Letter.AMENDMENT_DENIED)
    if not request.reviewed:
        return AmendmentDecision(*said, Outcome.ESCALATE, ("not_reviewed",), due, steps=("review_change",))
    if found:
        return AmendmentDecision(*said, Outcome.ESCALATE, ("ground_not_known_here",), due, steps=("call_counsel",))
    return AmendmentDecision(*said, Outcome.ALLOW, ("change_due",), due, steps=pack.amending.accepted, letter=Letter.AMENDMENT_ACCEPTED)
