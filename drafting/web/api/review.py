"""A review over the wire: read, changed an act at a time, signed, cosigned, given back, taken up again, added to.

In: an encounter's id, the version that the person saw. Out: the review, or what was signed. Knows no rule: `reviews` and the record do.
"""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Body, Response

from drafting.errors import RecordError
from drafting.record import notes, people, workbench
from drafting.record.notes import Circumstances
from drafting.types.review import Review
from drafting.web import reviews
from drafting.web.access import Asked, Asking, Sitting, mine, told
from drafting.web.acts import Act
from drafting.web.api.notes import signed_by
from drafting.web.schemas import (
    AddendumIn,
    CosignIn,
    DocumentOut,
    EncounterId,
    EncounterOut,
    IfMatch,
    ReturnIn,
    ReviewOut,
    SignatureOut,
    SignIn,
    SourceOut,
    WithdrawIn,
    tag_of,
    version_of,
)


class UnknownZone(RecordError):
    """That time zone is not known here. Give its IANA name, such as America/Chicago."""


router = APIRouter(prefix="/api/v1/encounters/{encounter}", tags=["review"])


@router.get("/review")
@told("review:read")
def read_review(asked: Asked, encounter: EncounterId, response: Response) -> ReviewOut:
    """The review as it stands: for its author, or for the supervisor whom it waits for."""
    return _out(asked, reviews.load(asked, encounter), response)


@router.get("/source")
@told("source:read")
def read_source(asked: Asked, encounter: EncounterId) -> SourceOut:
    """What the review rests on, with private words blacked out."""
    return SourceOut.model_validate(reviews.source(asked, encounter))


@router.post("/review/acts")
def act(asked: Asked, encounter: EncounterId, if_match: IfMatch, verb: Annotated[Act, Body()], response: Response) -> ReviewOut:
    """Do one thing to the review, and return its next version."""
    return _out(asked, reviews.act(asked, encounter, version_of(if_match), verb), response)


@router.post("/sign")
def sign(asked: Sitting, encounter: EncounterId, if_match: IfMatch, given: SignIn) -> DocumentOut:
    """Sign the review of that version as its author; what was left undecided, and need not be decided, goes to the private notes."""
    version, how = version_of(if_match), _how(asked, given.zone)
    reviews.fresh(asked, encounter, version)
    signed = notes.sign(asked.practice, asked.unlocked(), encounter, version, how, urgent=given.urgent, reason=given.reason)
    return DocumentOut.of(signed)


@router.post("/cosign")
def cosign(asked: Sitting, encounter: EncounterId, if_match: IfMatch, given: CosignIn) -> SignatureOut:
    """Cosign a trainee's note, signed at that version of its review, as their supervisor."""
    reviews.fresh(asked, encounter, version_of(if_match), supervising=True)
    return SignatureOut.model_validate(notes.cosign(asked.practice, asked.unlocked(), encounter, _how(asked, given.zone)))


@router.post("/return")
def give_back(asked: Asked, encounter: EncounterId, if_match: IfMatch, given: ReturnIn, response: Response) -> ReviewOut:
    """Give a trainee's note back, as their supervisor."""
    return _out(asked, reviews.give_back(asked, encounter, version_of(if_match), given.reason), response)


@router.post("/reopen")
def reopen(asked: Asked, encounter: EncounterId) -> EncounterOut:
    """Take a signed note that is not locked back into review, as its author."""
    mine(asked, encounter)
    notes.reopen(asked.practice, asked.person.id, encounter)
    return EncounterOut.model_validate(mine(asked, encounter))


@router.post("/addenda", status_code=201)
def add(asked: Sitting, encounter: EncounterId, given: AddendumIn) -> DocumentOut:
    """Add to a locked note; the addendum is signed as it is made."""
    signed_by(asked, encounter)
    return DocumentOut.of(notes.add(asked.practice, asked.unlocked(), encounter, given.text, given.reason, _how(asked, given.zone)))


@router.post("/withdraw", status_code=201)
def withdraw(asked: Sitting, encounter: EncounterId, given: WithdrawIn) -> DocumentOut:
    """Mark a locked note as entered in error: it stays, struck, with the reason."""
    signed_by(asked, encounter)
    return DocumentOut.of(notes.withdraw(asked.practice, asked.unlocked(), encounter, given.reason, _how(asked, given.zone)))


def _out(asked: Asking, review: Review, response: Response) -> ReviewOut:
    """A review with its tag, and with what stops its author's signature, whoever reads it."""
    response.headers.update(tag_of(review.version))
    return ReviewOut.of(review, people.find_person(asked.practice, workbench.find(asked.practice, review.encounter).author))


def _how(asked: Asking, zone: str) -> Circumstances:
    """How a signature is given. Raises UnknownZone."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnknownZone() from None
    return Circumstances("password_second" if asked.session.second else "password", zone)
