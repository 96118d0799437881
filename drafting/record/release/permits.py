"""What may leave, once a person has said yes: the one key to a release.

In: a decision, and the people who approve. Out: a `Permit` for each bucket that may go. A permit checks itself, so that none can be made that the
rules or a person did not give. Knows nobody: whether the one who approves is who they say is for the caller to know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from drafting.errors import ReleaseRefused
from drafting.record.release.nouns import Approval, Decision, Outcome, Ruling


class Role(StrEnum):
    """In what capacity somebody approves: as the author of the notes, as privacy officer, or as staff, which opens no private note."""

    ORIGINATOR = "originator"
    PRIVACY_OFFICER = "privacy_officer"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Approver:
    """Somebody who says yes. `person` is a person's id."""

    person: str
    role: Role


_ENOUGH: dict[Approval, tuple[frozenset[Role], ...]] = {
    Approval.STAFF: tuple(frozenset({role}) for role in Role),
    Approval.EITHER: (frozenset({Role.ORIGINATOR}), frozenset({Role.PRIVACY_OFFICER})),
    Approval.ORIGINATOR: (frozenset({Role.ORIGINATOR}),),
    Approval.PRIVACY_OFFICER: (frozenset({Role.PRIVACY_OFFICER}),),
    Approval.BOTH: (frozenset({Role.ORIGINATOR, Role.PRIVACY_OFFICER}),),
}


@dataclass(frozen=True, slots=True)
class Permit:
    """One bucket of one request may leave, by a rule and named people. Raises ReleaseRefused where it may not, however it is made.

    For private notes the ruling itself has seen to it that the rule is one of PRIVATE_RULES; here somebody who wrote them, or the privacy officer,
    must be named.
    """

    decision: Decision
    ruling: Ruling
    approvers: tuple[Approver, ...]

    def __post_init__(self) -> None:
        if self.ruling not in self.decision.rulings:
            raise ReleaseRefused(reason="the ruling is not of this decision")
        if self.ruling.outcome is not Outcome.ALLOW:
            codes = ", ".join(self.ruling.reasons)
            raise ReleaseRefused(reason=f"rule {self.ruling.rule} says {self.ruling.outcome} to {self.ruling.bucket} ({codes})")
        if not _enough(self.ruling, self.approvers):
            raise ReleaseRefused(reason=f"rule {self.ruling.rule} wants approval by {self.ruling.approval}, by name")


def permitted(decision: Decision, ruling: Ruling, approvers: Sequence[Approver]) -> Permit:
    """A permit for one bucket. Raises ReleaseRefused, with the reason."""
    return Permit(decision, ruling, tuple(approvers))


def _enough(ruling: Ruling, approvers: tuple[Approver, ...]) -> bool:
    roles = {a.role for a in approvers if a.person.strip()}
    return any(needed <= roles for needed in _ENOUGH[ruling.approval])
