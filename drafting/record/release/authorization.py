"""Is a client's authorization good? And for what?

In: an `Authorization`, as a person read it off the paper, and a day. Out: what is wrong with it, as codes in order. Does not judge whether a
description is specific enough, or whether somebody lied: a person says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from drafting.record.release.nouns import Bucket, Requester

ITEMS = tuple(f"A{number}" for number in range(1, 10))
"""What a form must have: A1–A6 its core elements, A7–A9 its statements (45 CFR 164.508(c)(1) and (2))."""

FAULTS = (*ITEMS, "patient", "compound", "proceedings", "expired", "revoked", "conditioned", "false")
"""Every code that `faults` gives, in its order."""


class Scope(StrEnum):
    """What a form covers. The last two are records of a 42 CFR Part 2 programme; `sud_counseling_notes` are its psychotherapy notes."""

    RECORD = "record"
    PRIVATE_NOTES = "private_notes"
    BILLING = "billing"
    OTHER = "other"
    SUD_RECORD = "sud_record"
    SUD_COUNSELING_NOTES = "sud_counseling_notes"


_APART = (Scope.PRIVATE_NOTES, Scope.SUD_COUNSELING_NOTES)
_PART2 = frozenset({Scope.SUD_RECORD, Scope.SUD_COUNSELING_NOTES})


@dataclass(frozen=True, slots=True)
class Authorization:
    """A form that a client signed, as a person read it. An empty field is one that the paper lacks.

    `recipients`: what kinds of requester `recipient` names. `ended_on`: the day on which `expiry_event` came to pass. `conditioned`: treatment,
    payment, enrolment or eligibility was made to hang on it. `false`: known to hold something material that is not true. `other_purposes`: a
    consent for use in proceedings that is for something else too.
    """

    id: str
    client: str
    scope: frozenset[Scope]
    recipients: frozenset[Requester]
    description: str = field(default="", repr=False)
    discloser: str = field(default="", repr=False)
    recipient: str = field(default="", repr=False)
    purpose: str = field(default="", repr=False)
    expires: date | None = None
    expiry_event: str = field(default="", repr=False)
    ended_on: date | None = None
    signed_on: date | None = None
    signed_by: str = field(default="", repr=False)
    representative: str = field(default="", repr=False)
    authority: str = field(default="", repr=False)
    says_revocable: bool = False
    says_unconditioned: bool = False
    warns_of_redisclosure: bool = False
    revoked_on: date | None = None
    conditioned: bool = False
    false: bool = False
    patient: str = field(default="", repr=False)
    for_proceedings: bool = False
    other_purposes: bool = False

    @property
    def part2(self) -> bool:
        """It covers records of a Part 2 programme."""
        return not self.scope.isdisjoint(_PART2)


def faults(authorization: Authorization, on: date) -> tuple[str, ...]:
    """What is wrong with a form on a day, codes of FAULTS in order; () where nothing is.

    Defective is a form that is expired, incomplete, revoked, compound, conditioned or materially false (45 CFR 164.508(b)(2)). A consent under
    42 CFR Part 2 is held to the same nine items, must name the patient (2.31(a)), and, where it is for proceedings, be for nothing else (2.31(d)):
    that is this product's line, and may ask more than the rule.
    """
    lacking = {**_lacking(authorization, on), **_broken(authorization, on)}
    return tuple(code for code in FAULTS if lacking[code])


def blocking(authorization: Authorization, on: date, bucket: Bucket) -> tuple[str, ...]:
    """The faults that count for `bucket`. A form for record and notes together is no authorization for the notes; for the record it may still be
    one."""
    return tuple(code for code in faults(authorization, on) if code != "compound" or bucket is Bucket.PRIVATE)


def names(authorization: Authorization, bucket: Bucket, part2: bool) -> bool:
    """The form names this bucket: of a Part 2 chart its SUD record and counselling notes, of another its record and psychotherapy notes."""
    if bucket is Bucket.RECORD:
        return (Scope.SUD_RECORD if part2 else Scope.RECORD) in authorization.scope
    return (Scope.SUD_COUNSELING_NOTES if part2 else Scope.PRIVATE_NOTES) in authorization.scope


def _lacking(form: Authorization, on: date) -> dict[str, bool]:
    signed = form.signed_on is not None and form.signed_on <= on and _said(form.signed_by)
    authority = _said(form.authority) or not _said(form.representative)
    return {
        "A1": not (form.scope and _said(form.description)),
        "A2": not _said(form.discloser),
        "A3": not (form.recipients and _said(form.recipient)),
        "A4": not _said(form.purpose),
        "A5": form.expires is None and not _said(form.expiry_event),
        "A6": not (signed and authority),
        "A7": not form.says_revocable,
        "A8": not form.says_unconditioned,
        "A9": not form.warns_of_redisclosure,
        "patient": form.part2 and not _said(form.patient),
    }


def _broken(form: Authorization, on: date) -> dict[str, bool]:
    """What breaks a form that has every item. It holds through its last day, and not on the day on which it is revoked or its event comes to pass."""
    expired = form.expires is not None and form.expires < on
    ended = form.ended_on is not None and form.ended_on <= on
    return {
        "compound": len(form.scope) > 1 and not form.scope.isdisjoint(_APART),
        "proceedings": form.part2 and form.for_proceedings and form.other_purposes,
        "expired": expired or ended,
        "revoked": form.revoked_on is not None and form.revoked_on <= on,
        "conditioned": form.conditioned,
        "false": form.false,
    }


def _said(words: str) -> bool:
    return bool(words.strip())
