"""Who may get what, by which instrument, where: the pure rules of release.

In: a `Request`, the authorizations shown with it. Out: a `Decision`, and from it and a named person a `Permit`, without which nothing leaves; days by
which to answer, faults of a form, drafts of replies. Rules and words are data: prompts/jurisdictions, prompts/letters. Knows no store. It is not
legal advice, and what it does not know it denies.
"""

from drafting.record.release.amendment import AmendmentDecision, AmendmentRequest, amendment_decision
from drafting.record.release.authorization import Authorization, Scope, faults
from drafting.record.release.deciding import decide, holds
from drafting.record.release.letters import Details, NotDrafted, draft_letter
from drafting.record.release.nouns import (
    PRIVATE_RULES,
    Approval,
    Bucket,
    Decision,
    Fact,
    Instrument,
    Letter,
    Opinion,
    Outcome,
    Pause,
    Profile,
    Request,
    Requester,
    Ruling,
)
from drafting.record.release.permits import Approver, Permit, Role
from drafting.record.release.rules import Ground, say

__all__ = [
    "PRIVATE_RULES",
    "AmendmentDecision",
    "AmendmentRequest",
    "Approval",
    "Approver",
    "Authorization",
    "Bucket",
    "Decision",
    "Details",
    "Fact",
    "Ground",
    "Instrument",
    "Letter",
    "NotDrafted",
    "Opinion",
    "Outcome",
    "Pause",
    "Permit",
    "Profile",
    "Request",
    "Requester",
    "Role",
    "Ruling",
    "Scope",
    "amendment_decision",
    "decide",
    "draft_letter",
    "faults",
    "holds",
    "say",
]
