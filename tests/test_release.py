"""Who may get what: the 33 rows with near misses, and what holds of every request."""

from __future__ import annotations

import ast
import copy
import itertools
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import prompts
from drafting.errors import PolicyError, ReleaseRefused
from drafting.record.release import (
    PRIVATE_RULES,
    AmendmentRequest,
    Approval,
    Approver,
    Authorization,
    Bucket,
    Decision,
    Fact,
    Ground,
    Instrument,
    Letter,
    Opinion,
    Outcome,
    Pause,
    Permit,
    Profile,
    Request,
    Requester,
    Role,
    Ruling,
    Scope,
    amendment_decision,
    decide,
    holds,
    say,
)
from drafting.record.release import rules as packs
from drafting.record.release.authorization import FAULTS
from drafting.record.release.deadlines import Term, add_months, due
from drafting.record.release.permits import permitted

TODAY = date(2026, 3, 4)
R, N = Bucket.RECORD, Bucket.PRIVATE
US, IL, UK = "us-federal", "us-il", "uk-ew"
AUTHOR = Approver("p1", Role.ORIGINATOR)
OFFICER = Approver("p2", Role.PRIVACY_OFFICER)
STAFF = Approver("p3", Role.STAFF)

WHOLE = Authorization(
    id="a1",
    client="c1",
    scope=frozenset({Scope.RECORD}),
    recipients=frozenset(Requester),
    description="Progress notes of 2025",
    discloser="Harrow Lane Practice",
    recipient="Tamsin Orde, attorney",
    purpose="at the request of the individual",
    expires=date(2026, 12, 31),
    signed_on=date(2026, 2, 1),
    signed_by="Rowan Pell",
    says_revocable=True,
    says_unconditioned=True,
    warns_of_redisclosure=True,
    patient="Rowan Pell",
)
RECORD = (WHOLE,)
NOTES = (replace(WHOLE, id="a2", scope=frozenset({Scope.PRIVATE_NOTES})),)
COMBINED = (replace(WHOLE, id="a3", scope=frozenset({Scope.RECORD, Scope.PRIVATE_NOTES})),)
TPO = (replace(WHOLE, id="a4", scope=frozenset({Scope.SUD_RECORD})),)
SUD_NOTES = (replace(WHOLE, id="a5", scope=frozenset({Scope.SUD_COUNSELING_NOTES})),)


def but(forms: tuple[Authorization, ...], **changes: object) -> tuple[Authorization, ...]:
    return tuple(replace(form, **changes) for form in forms)


def ask(place: str, requester: str, instrument: str, facts: str = "", **more: object) -> Request:
    stated = frozenset(Fact(fact) for fact in facts.split())
    return Request("q1", "c1", place, Requester(requester), Instrument(instrument), received=TODAY, as_of=TODAY, facts=stated, **more)


def opinion(on: date = TODAY, professional: bool = True, harm: bool = True, about: Iterable[Bucket] = (N,), items: tuple[str, ...] = ()) -> Opinion:
    return Opinion(on, professional, harm, frozenset(about), items)


def said(decision: Decision) -> tuple[str, str]:
    """Both rulings, as "D01 allow"."""
    return tuple(f"{ruling.rule} {ruling.outcome}" for ruling in decision.rulings)


THREAT = "threat_serious_and_imminent recipient_able_to_prevent"

# (jurisdiction, requester, instrument, facts), forms → what is said of the record, of the private notes. Each row's own case, then its near misses.
Row = tuple[tuple[str, str, str, str], tuple[Authorization, ...], str, str]
ROWS: dict[str, list[Row]] = {
    "D01": [
        ((US, "client", "access_request", ""), (), "D01 allow", "D01 deny"),
        ((US, "client", "access_request", ""), NOTES, "D01 allow", "D01 deny"),
        ((US, "client", "access_request", "names_private_notes"), (), "D01 allow", "D01 deny"),
        ((US, "client", "access_request", "safety_danger"), (), "D01 escalate", "D01 deny"),
        ((US, "client", "access_request", "other_person_harm"), (), "D01 escalate", "D01 deny"),
        ((US, "client", "access_request", "litigation_material"), (), "D01 escalate", "D01 deny"),
        ((US, "client", "access_request", "client_deceased"), (), "D01 escalate", "D01 deny"),
        ((US, "client", "letter", ""), (), "D33 deny", "D33 deny"),
    ],
    "D02": [
        ((US, "originator", "share_with_client", "originator_is_requester"), (), "D33 deny", "D02 allow"),
        ((US, "originator", "share_with_client", ""), (), "D33 deny", "D33 deny"),
        ((US, "covering_clinician", "share_with_client", "originator_is_requester"), (), "D33 deny", "D33 deny"),
        ((US, "originator", "letter", "originator_is_requester"), (), "D33 deny", "D33 deny"),
    ],
    "D03": [
        ((US, "representative", "access_request", "representative_authority"), (), "D03 allow", "D03 deny"),
        ((US, "other_parent", "access_request", "representative_authority"), (), "D03 allow", "D03 deny"),
        ((US, "representative", "access_request", ""), (), "D03 escalate", "D03 deny"),
        ((US, "representative", "access_request", "representative_authority representative_harm"), (), "D03 escalate", "D03 deny"),
        ((US, "other_parent", "access_request", "representative_authority minor_law_in_doubt"), (), "D03 escalate", "D03 deny"),
        ((US, "representative", "access_request", "representative_authority safety_danger"), (), "D03 escalate", "D03 deny"),
        ((US, "representative", "access_request", "representative_authority other_person_harm"), (), "D03 escalate", "D03 deny"),
        ((US, "representative", "access_request", "representative_authority litigation_material"), (), "D03 escalate", "D03 deny"),
    ],
    "D04": [
        ((US, "attorney", "authorization", ""), RECORD, "D04 allow", "D04 deny"),
        ((US, "attorney", "letter", ""), RECORD, "D04 allow", "D04 deny"),
        ((US, "attorney", "authorization", ""), but(RECORD, client="c2"), "D07 deny", "D07 deny"),
        ((US, "attorney", "authorization", ""), but(RECORD, recipients=frozenset({Requester.EMPLOYER})), "D07 deny", "D07 deny"),
        ((US, "insurer", "authorization", "self_pay_restriction"), RECORD, "D04 escalate", "D04 deny"),
        ((US, "attorney", "authorization", "client_deceased"), RECORD, "D04 escalate", "D04 deny"),
        ((US, "unknown", "authorization", ""), RECORD, "D33 deny", "D33 deny"),
    ],
    "D05": [
        ((US, "attorney", "authorization", ""), NOTES, "D07 deny", "D05 allow"),
        ((US, "attorney", "authorization", ""), RECORD + NOTES, "D04 allow", "D05 allow"),
        ((US, "treating_provider", "treatment_request", ""), NOTES, "D09 allow", "D05 allow"),
        ((US, "researcher", "letter", ""), NOTES, "D07 deny", "D05 allow"),
        ((US, "attorney", "authorization", ""), but(NOTES, recipients=frozenset({Requester.EMPLOYER})), "D07 deny", "D07 deny"),
        ((US, "attorney", "authorization", ""), but(NOTES, client="c2"), "D07 deny", "D07 deny"),
        ((US, "attorney", "authorization", ""), RECORD + but(NOTES, warns_of_redisclosure=False), "D04 allow", "D04 deny"),
        ((US, "attorney", "subpoena", ""), NOTES, "D12 escalate", "D12 deny"),
        ((US, "insurer", "payer_request", ""), NOTES, "D08 allow", "D08 deny"),
        ((US, "system", "system_export", ""), NOTES, "D25 allow", "D25 deny"),
    ],
    "D06": [
        ((US, "attorney", "authorization", ""), COMBINED, "D06 allow", "D06 deny"),
        ((US, "attorney", "authorization", ""), COMBINED + NOTES, "D06 allow", "D05 allow"),
        ((US, "attorney", "authorization", ""), but(COMBINED, expires=TODAY - timedelta(1)), "D07 deny", "D07 deny"),
    ],
    "D07": [
        ((US, "attorney", "authorization", ""), but(RECORD, expires=TODAY - timedelta(1)), "D07 deny", "D07 deny"),
        ((US, "attorney", "authorization", ""), but(NOTES, revoked_on=TODAY), "D07 deny", "D07 deny"),
        ((US, "employer", "authorization", ""), but(RECORD, purpose=""), "D07 deny", "D07 deny"),
        ((US, "attorney", "authorization", ""), (), "D07 deny", "D07 deny"),
        ((US, "attorney", "letter", ""), (), "D07 deny", "D07 deny"),
        ((US, "attorney", "authorization", ""), but(RECORD, expires=TODAY), "D04 allow", "D04 deny"),
    ],
    "D08": [
        ((US, "insurer", "payer_request", ""), (), "D08 allow", "D08 deny"),
        ((US, "insurer", "payer_request", "self_pay_restriction"), (), "D08 deny", "D08 deny"),
        ((US, "insurer", "payer_request", "part2"), (), "D08 deny", "D08 deny"),
        ((US, "insurer", "payer_request", "part2"), TPO, "D08 allow", "D08 deny"),
        ((US, "employer", "payer_request", ""), (), "D23 deny", "D23 deny"),
    ],
    "D09": [
        ((US, "treating_provider", "treatment_request", ""), (), "D09 allow", "D09 deny"),
        ((US, "treating_provider", "treatment_request", "self_pay_restriction"), (), "D09 allow", "D09 deny"),
        ((US, "treating_provider", "treatment_request", "part2"), (), "D09 deny", "D09 deny"),
        ((US, "consultant", "treatment_request", ""), (), "D33 deny", "D33 deny"),
    ],
    "D10": [
        ((US, "covering_clinician", "treatment_request", ""), (), "D10 allow", "D10 deny"),
        ((US, "covering_clinician", "supervision", "trainee_relation_active"), (), "D33 deny", "D33 deny"),
    ],
    "D11": [
        ((US, "supervisor", "supervision", "trainee_relation_active"), (), "D11 allow", "D11 allow"),
        ((IL, "supervisor", "supervision", "trainee_relation_active"), (), "D11 allow", "D11 allow"),
        ((US, "supervisor", "supervision", ""), (), "D11 escalate", "D11 deny"),
        ((US, "supervisor", "treatment_request", "trainee_relation_active"), (), "D33 deny", "D33 deny"),
    ],
    "D12": [
        ((US, "attorney", "subpoena", ""), (), "D12 escalate", "D12 deny"),
        ((US, "attorney", "subpoena", "names_private_notes"), (), "D12 escalate", "D12 deny"),
        ((US, "court", "court_order", "names_private_notes"), (), "D12 escalate", "D12 deny"),
        ((US, "attorney", "subpoena", "part2"), (), "D12 escalate", "D12 deny"),
    ],
    "D13": [
        ((US, "court", "court_order", "signed_by_judge"), (), "D13 allow", "D13 escalate"),
        ((US, "attorney", "subpoena", "signed_by_judge"), (), "D13 allow", "D13 escalate"),
        ((US, "court", "court_order", ""), (), "D12 escalate", "D12 deny"),
        ((US, "court", "court_order", "signed_by_judge part2"), (), "D13 escalate", "D13 escalate"),
        ((US, "court", "letter", "signed_by_judge"), (), "D33 deny", "D33 deny"),
    ],
    "D14": [
        ((US, "court", "court_order", "signed_by_judge names_private_notes"), (), "D14 allow", "D14 allow"),
        ((IL, "court", "court_order", "signed_by_judge names_private_notes"), (), "D14 allow", "D14 escalate"),
        ((US, "court", "court_order", "names_private_notes"), (), "D12 escalate", "D12 deny"),
        ((US, "court", "court_order", "signed_by_judge"), (), "D13 allow", "D13 escalate"),
        ((US, "court", "court_order", "signed_by_judge names_private_notes part2"), (), "D14 escalate", "D14 escalate"),
    ],
    "D15": [
        ((US, "grand_jury", "grand_jury_subpoena", ""), (), "D15 escalate", "D15 escalate"),
        ((US, "agency", "agency_subpoena", ""), (), "D15 escalate", "D15 escalate"),
        ((US, "police", "warrant", "signed_by_judge names_private_notes"), (), "D15 escalate", "D15 escalate"),
    ],
    "D16": [
        ((US, "protective_services", "mandated_report", "statute_named not_in_record"), (), "D16 allow", "D16 allow"),
        ((US, "protective_services", "mandated_report", "statute_named"), (), "D16 allow", "D16 deny"),
        ((US, "protective_services", "mandated_report", "not_in_record"), (), "D16 allow", "D16 escalate"),
        ((US, "protective_services", "mandated_report", "statute_named not_in_record part2"), (), "D16 allow", "D16 escalate"),
        ((US, "employer", "mandated_report", "statute_named not_in_record"), (), "D23 deny", "D23 deny"),
    ],
    "D17": [
        ((US, "person_able_to_prevent", "imminent_threat", THREAT), (), "D17 allow", "D17 allow"),
        ((US, "police", "imminent_threat", THREAT), (), "D17 allow", "D17 allow"),
        ((US, "police", "imminent_threat", THREAT + " apprehension_sought"), (), "D18 escalate", "D18 deny"),
        ((US, "person_able_to_prevent", "imminent_threat", "threat_serious_and_imminent"), (), "D17 deny", "D17 deny"),
        ((US, "person_able_to_prevent", "imminent_threat", "recipient_able_to_prevent"), (), "D17 deny", "D17 deny"),
        ((US, "employer", "imminent_threat", THREAT), (), "D23 deny", "D23 deny"),
    ],
    "D18": [
        ((US, "police", "letter", ""), (), "D18 escalate", "D18 deny"),
        ((US, "police", "imminent_threat", ""), (), "D18 escalate", "D18 deny"),
        ((US, "police", "letter", ""), RECORD, "D04 allow", "D04 deny"),
    ],
    "D19": [
        ((US, "licensing_board", "oversight_inquiry", "board_of_originator"), (), "D19 allow", "D19 allow"),
        ((US, "licensing_board", "oversight_inquiry", ""), (), "D19 allow", "D19 deny"),
        ((US, "agency", "oversight_inquiry", "board_of_originator"), (), "D33 deny", "D33 deny"),
        ((US, "licensing_board", "agency_subpoena", "board_of_originator"), (), "D15 escalate", "D15 escalate"),
        ((IL, "licensing_board", "oversight_inquiry", "board_of_originator"), (), "D19 allow", "D19 escalate"),
    ],
    "D20": [
        ((US, "hhs", "compliance_investigation", ""), (), "D20 allow", "D20 allow"),
        ((US, "agency", "compliance_investigation", ""), (), "D33 deny", "D33 deny"),
        ((US, "hhs", "compliance_investigation", "part2"), (), "D20 escalate", "D20 escalate"),
    ],
    "D21": [
        ((US, "coroner", "coroner_notice", ""), (), "D21 allow", "D21 allow"),
        ((US, "coroner", "letter", "client_deceased"), (), "D21 allow", "D21 allow"),
        ((US, "coroner", "unknown", ""), (), "D33 deny", "D33 deny"),
        ((US, "other", "coroner_notice", ""), (), "D33 deny", "D33 deny"),
    ],
    "D22": [
        ((US, "own_counsel", "legal_defence", "plaintiff_is_client"), (), "D22 allow", "D22 allow"),
        ((US, "own_counsel", "legal_defence", ""), (), "D22 escalate", "D22 deny"),
        ((US, "attorney", "legal_defence", "plaintiff_is_client"), (), "D33 deny", "D33 deny"),
    ],
    "D23": [
        ((US, "researcher", "letter", ""), (), "D23 deny", "D23 deny"),
        ((US, "employer", "letter", ""), (), "D23 deny", "D23 deny"),
        ((US, "family", "letter", ""), (), "D23 deny", "D23 deny"),
        ((US, "workers_compensation", "payer_request", ""), (), "D23 deny", "D23 deny"),
        ((US, "researcher", "authorization", ""), RECORD, "D04 allow", "D04 deny"),
        ((US, "workers_compensation", "authorization", ""), NOTES, "D07 deny", "D05 allow"),
        ((US, "employer", "subpoena", ""), (), "D12 escalate", "D12 deny"),
    ],
    "D24": [
        ((US, "insurer", "tpo_consent", "part2"), TPO, "D24 allow", "D24 deny"),
        ((US, "insurer", "tpo_consent", "part2"), TPO + SUD_NOTES, "D24 allow", "D05 allow"),
        ((US, "insurer", "tpo_consent", "part2"), RECORD, "D24 deny", "D24 deny"),
        ((US, "insurer", "tpo_consent", "part2"), but(TPO, patient=""), "D24 deny", "D24 deny"),
        ((US, "insurer", "tpo_consent", "part2 self_pay_restriction"), TPO, "D24 deny", "D24 deny"),
        ((US, "insurer", "tpo_consent", "part2"), but(TPO, scope=frozenset({Scope.SUD_RECORD, Scope.SUD_COUNSELING_NOTES})), "D24 allow", "D24 deny"),
        ((US, "insurer", "tpo_consent", ""), TPO, "D33 deny", "D33 deny"),
        ((US, "attorney", "authorization", "part2"), NOTES, "D07 deny", "D07 deny"),
    ],
    "D25": [
        ((US, "system", "system_export", ""), (), "D25 allow", "D25 deny"),
        ((US, "system", "system_export", "names_private_notes signed_by_judge"), COMBINED, "D25 allow", "D25 deny"),
        ((US, "system", "system_export", "part2"), (), "D25 deny", "D25 deny"),
        ((US, "system", "authorization", ""), NOTES, "D33 deny", "D33 deny"),
        ((UK, "system", "system_export", ""), (), "D33 deny", "D33 deny"),
    ],
    "D26": [
        ((UK, "client", "access_request", ""), (), "D26 allow", "D26 allow"),
        ((UK, "client", "access_request", "privileged_material"), (), "D26 escalate", "D26 escalate"),
        ((UK, "client", "access_request", "client_deceased"), (), "D26 escalate", "D26 escalate"),
        ((UK, "representative", "access_request", ""), (), "D31 escalate", "D31 escalate"),
    ],
    "D27": [
        ((UK, "client_attorney", "letter", "client_consent_written names_private_notes"), (), "D27 allow", "D27 allow"),
        ((UK, "insurer", "letter", "client_consent_written"), (), "D27 allow", "D27 deny"),
        ((UK, "client_attorney", "letter", ""), (), "D27 deny", "D27 deny"),
        ((UK, "client_attorney", "letter", "names_private_notes"), (), "D27 deny", "D27 deny"),
        ((UK, "client_attorney", "letter", ""), COMBINED, "D27 deny", "D27 deny"),
        ((UK, "employer", "letter", "client_consent_written names_private_notes"), (), "D33 deny", "D33 deny"),
    ],
    "D28": [
        ((UK, "police", "counselling_information_request", "client_consent_written"), (), "D28 escalate", "D28 escalate"),
        ((UK, "police", "letter", ""), (), "D28 escalate", "D28 escalate"),
        ((UK, "other", "counselling_information_request", ""), (), "D33 deny", "D33 deny"),
    ],
    "D29": [
        ((UK, "court", "court_order", ""), (), "D29 allow", "D29 allow"),
        ((UK, "coroner", "coroner_notice", ""), (), "D29 allow", "D29 allow"),
        ((UK, "court", "witness_summons", ""), (), "D29 allow", "D29 allow"),
        ((UK, "police", "court_order", "signed_by_judge"), (), "D29 allow", "D29 allow"),
        ((UK, "police", "court_order", ""), (), "D29 escalate", "D29 escalate"),
        ((UK, "court", "letter", ""), (), "D33 deny", "D33 deny"),
    ],
    "D30": [
        ((UK, "safeguarding", "safeguarding_concern", "safeguarding_basis"), (), "D30 allow", "D30 allow"),
        ((UK, "police", "imminent_threat", "threat_serious_and_imminent"), (), "D30 allow", "D30 allow"),
        ((UK, "safeguarding", "safeguarding_concern", ""), (), "D30 escalate", "D30 escalate"),
        ((UK, "employer", "safeguarding_concern", "safeguarding_basis"), (), "D33 deny", "D33 deny"),
    ],
    "D31": [
        ((UK, "other_parent", "letter", "representative_authority"), (), "D31 escalate", "D31 escalate"),
        ((UK, "other_parent", "access_request", ""), (), "D31 escalate", "D31 escalate"),
        ((UK, "family", "access_request", ""), (), "D33 deny", "D33 deny"),
    ],
    "D32": [
        ((US, "family", "letter", "client_deceased"), (), "D32 escalate", "D32 deny"),
        ((US, "representative", "access_request", "client_deceased representative_authority"), NOTES, "D32 escalate", "D32 deny"),
        ((UK, "family", "letter", "client_deceased"), (), "D32 escalate", "D32 escalate"),
        ((US, "family", "letter", ""), (), "D23 deny", "D23 deny"),
        ((US, "family", "unknown", "client_deceased"), (), "D33 deny", "D33 deny"),
    ],
    "D33": [
        ((US, "unknown", "unknown", ""), (), "D33 deny", "D33 deny"),
        ((US, "unknown", "court_order", "signed_by_judge names_private_notes"), (), "D33 deny", "D33 deny"),
        ((US, "attorney", "unknown", ""), COMBINED, "D33 deny", "D33 deny"),
        ((UK, "unknown", "letter", "client_consent_written names_private_notes"), (), "D33 deny", "D33 deny"),
        ((US, "client", "complaint", ""), (), "D33 deny", "D33 deny"),
        (("fr", "client", "access_request", ""), (), "D33 deny", "D33 deny"),
        (("uk-sc", "client", "access_request", ""), (), "D33 deny", "D33 deny"),
        (("../letters/words", "client", "access_request", ""), (), "D33 deny", "D33 deny"),
    ],
}
CASES = [(key, number, row) for key, rows in ROWS.items() for number, row in enumerate(rows)]


@pytest.mark.parametrize("row", [row for _, _, row in CASES], ids=[f"{key}.{number}" for key, number, _ in CASES])
def test_each_row_and_its_near_misses(row: Row) -> None:
    """T2: what each of the 33 rows says, and what is said to a case that differs in one thing."""
    asked, forms, record, private = row
    assert said(decide(ask(*asked), forms)) == (record, private)


def test_the_table_has_all_33_rows_and_each_answers_for_itself() -> None:
    """Each row's first case is decided by that row, in every bucket that the row speaks of."""
    assert list(ROWS) == list(packs.IDS)
    for key, rows in ROWS.items():
        assert any(key in words for words in rows[0][2:]), key


# ── what a decision says besides ──────────────────────────────────────────────────────────────────────────────────────


def test_access_in_the_us_leaves_private_notes_out_and_in_the_uk_takes_them_in() -> None:
    """T9: the same client's same request."""
    american, british = (decide(ask(place, "client", "access_request")) for place in (US, UK))
    assert american.of(N).outcome is Outcome.DENY and "private_not_accessible" in american.of(N).reasons
    assert Letter.DENIAL_PRIVATE_NOTES in american.letters and american.due == TODAY + timedelta(30)
    assert british.of(N).outcome is Outcome.ALLOW and british.due == date(2026, 4, 4)
    assert Letter.DENIAL_PRIVATE_NOTES not in british.letters and "redact_third_parties" in british.of(N).steps


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        (opinion(), "deny"),
        (opinion(on=date(2025, 9, 4)), "deny"),
        (opinion(on=date(2025, 9, 3)), "allow"),
        (opinion(on=TODAY + timedelta(1)), "allow"),
        (opinion(professional=False), "allow"),
        (opinion(harm=False), "allow"),
        (opinion(about=(R,)), "allow"),
        (None, "allow"),
    ],
    ids=["now", "six months", "a day more", "from tomorrow", "lay", "no harm found", "of the record", "none"],
)
def test_the_uk_withholds_only_on_a_current_opinion_by_a_health_professional(given: Opinion | None, outcome: str) -> None:
    """T9: not older than six months, by a professional in the sense of s.204, and finding that harm is likely."""
    ruling = decide(ask(UK, "client", "access_request", opinion=given)).of(N)
    assert ruling.outcome == outcome and ("serious_harm" in ruling.reasons) == (outcome == "deny")


def test_an_opinion_of_some_items_withholds_those_alone() -> None:
    """The rest is given."""
    ruling = decide(ask(UK, "client", "access_request", opinion=opinion(items=("n7",)))).of(N)
    assert ruling.outcome is Outcome.ALLOW and ruling.withheld == ("n7",) and "serious_harm_part" in ruling.reasons
    lay = decide(ask(UK, "client", "access_request", opinion=opinion(items=("n7",), professional=False))).of(N)
    assert lay.withheld == () and "opinion_by_lay_person" in lay.notices


@pytest.mark.parametrize(
    ("facts", "given", "warned"),
    [
        ("", None, True),
        ("", opinion(professional=False, harm=False), True),
        ("", opinion(harm=False), False),
        ("controller_is_health_professional", None, False),
    ],
)
def test_a_lay_controller_in_the_uk_is_told_to_ask(facts: str, given: Opinion | None, warned: bool) -> None:
    """Who is no health professional is told that disclosing health data may itself want an opinion."""
    ruling = decide(ask(UK, "client", "access_request", facts, opinion=given)).of(N)
    assert ("opinion_before_disclosing" in ruling.notices) == ("ask_health_professional" in ruling.steps) == warned


def test_illinois_forbids_emotion_detection_and_lets_no_order_open_personal_notes() -> None:
    """T14: the pack says so, and a judge's order that names them goes to counsel."""
    assert packs.pack(IL).artificial["emotion_detection"] == "banned"
    ruling = decide(ask(IL, "court", "court_order", "signed_by_judge names_private_notes")).of(N)
    assert ruling.outcome is Outcome.ESCALATE and "il_personal_notes" in ruling.reasons and "call_counsel" in ruling.steps
    with pytest.raises(ReleaseRefused):
        Permit(decide(ask(IL, "court", "court_order", "signed_by_judge names_private_notes")), ruling, (AUTHOR, OFFICER))


@pytest.mark.parametrize(
    ("asked", "forms", "warned"),
    [
        (("originator", "share_with_client", "originator_is_requester"), (), True),
        (("treating_provider", "authorization", ""), NOTES, True),
        (("coroner", "letter", ""), (), True),
        (("supervisor", "supervision", "trainee_relation_active"), (), False),
        (("consultant", "authorization", ""), NOTES, False),
        (("own_counsel", "legal_defence", "plaintiff_is_client"), (), False),
        (("client", "access_request", ""), (), False),
    ],
)
def test_illinois_warns_where_personal_notes_lose_their_standing(asked: tuple[str, str, str], forms: tuple[Authorization, ...], warned: bool) -> None:
    """Beyond supervisor, consultant and attorney; and the federal rules alone say nothing of it."""
    assert ("il_status_loss" in decide(ask(IL, *asked), forms).of(N).notices) == warned
    assert "il_status_loss" not in decide(ask(US, *asked), forms).of(N).notices


def test_a_state_that_is_not_modelled_says_so() -> None:
    """Federal rules, under a banner; Illinois has none, and elsewhere nothing is allowed."""
    ohio, federal = decide(ask("us-oh", "client", "access_request")), decide(ask(US, "client", "access_request"))
    assert ohio.banners == ("state_law_not_modelled",) and ohio.pack == US and ohio.rulings == federal.rulings
    assert decide(ask(IL, "client", "access_request")).banners == ()
    abroad = decide(ask("fr", "client", "access_request"))
    assert abroad.of(R).reasons == ("jurisdiction_not_modelled",) and abroad.holds


@pytest.mark.parametrize(
    ("forms", "bucket", "codes"),
    [
        (but(RECORD, recipient="", purpose=""), R, {"A3", "A4"}),
        (but(NOTES, expires=TODAY - timedelta(1)), N, {"expired"}),
        (COMBINED, N, {"compound"}),
        (but(RECORD, client="c2"), R, {"other_client"}),
        (but(RECORD, recipients=frozenset({Requester.EMPLOYER})), R, {"other_recipient"}),
        ((), R, {"no_authorization"}),
    ],
)
def test_a_denial_lists_what_the_form_lacks(forms: tuple[Authorization, ...], bucket: Bucket, codes: set[str]) -> None:
    """T8: every fault of the form is among the reasons; no other fault is."""
    reasons = decide(ask(US, "attorney", "authorization"), forms).of(bucket).reasons
    every = {*FAULTS, "other_client", "other_recipient", "no_authorization"}
    assert set(reasons) & every == codes


def test_an_allowed_release_names_the_form_that_it_rests_on() -> None:
    """Each bucket its own, so that the scope is exact."""
    decision = decide(ask(US, "attorney", "authorization"), RECORD + NOTES)
    assert (decision.of(R).authority, decision.of(N).authority) == ("a1", "a2")
    assert decide(ask(US, "attorney", "authorization"), COMBINED).of(N).authority is None


@pytest.mark.parametrize(
    ("asked", "accounted"),
    [
        (("court", "court_order", "signed_by_judge names_private_notes"), True),
        (("protective_services", "mandated_report", "statute_named not_in_record"), True),
        (("person_able_to_prevent", "imminent_threat", THREAT), True),
        (("licensing_board", "oversight_inquiry", "board_of_originator"), True),
        (("hhs", "compliance_investigation", ""), True),
        (("coroner", "letter", ""), True),
        (("originator", "share_with_client", "originator_is_requester"), False),
        (("supervisor", "supervision", "trainee_relation_active"), False),
        (("own_counsel", "legal_defence", "plaintiff_is_client"), False),
        (("licensing_board", "oversight_inquiry", ""), False),
    ],
)
def test_what_leaves_by_p4_to_p8_is_accounted_for(asked: tuple[str, str, str], accounted: bool) -> None:
    """P1–P3 are not, and what does not leave is not."""
    assert decide(ask(US, *asked)).of(N).accounting == accounted


@pytest.mark.parametrize(
    ("asked", "profile", "minimum"),
    [
        ((US, "insurer", "payer_request", ""), Profile.PAYER, True),
        ((US, "client", "access_request", ""), Profile.CLIENT, False),
        ((US, "treating_provider", "treatment_request", ""), Profile.CHART, False),
        ((US, "court", "court_order", "signed_by_judge"), Profile.COURT, False),
        ((US, "supervisor", "supervision", "trainee_relation_active"), Profile.SUPERVISION, True),
        ((UK, "client", "access_request", ""), Profile.CLIENT, False),
        ((US, "insurer", "payer_request", "self_pay_restriction"), None, True),
    ],
)
def test_a_decision_says_how_the_record_is_rendered(asked: tuple[str, str, str, str], profile: Profile | None, minimum: bool) -> None:
    """A payer gets the minimum necessary, a client a copy; for what does not leave there is no rendering."""
    ruling = decide(ask(*asked)).of(R)
    assert (ruling.profile, ruling.minimum_necessary) == (profile, minimum)


def test_only_what_was_asked_for_is_ruled_on() -> None:
    """A request for the record opens nothing else."""
    decision = decide(ask(UK, "client", "access_request", asked=frozenset({R})))
    assert [r.bucket for r in decision.rulings] == [R] and decision.of(N) is None
    assert let_go(decision, AUTHOR) == {R}
    assert decide(ask(UK, "client", "access_request", asked=frozenset())).rulings == ()


def let_go(decision: Decision, *approvers: Approver) -> set[Bucket]:
    """What these people may let go by a decision."""
    buckets = set()
    for ruling in decision.rulings:
        with suppress(ReleaseRefused):
            buckets.add(permitted(decision, ruling, approvers).ruling.bucket)
    return buckets


# ── a person must say yes ─────────────────────────────────────────────────────────────────────────────────────────────

SHARE = (US, "originator", "share_with_client", "originator_is_requester")
ORDER = (US, "court", "court_order", "signed_by_judge names_private_notes")
PLEA = (UK, "client", "access_request", "")


@pytest.mark.parametrize(
    ("asked", "approvers", "opened"),
    [
        (SHARE, (AUTHOR,), {N}),
        (SHARE, (OFFICER,), set()),
        (SHARE, (STAFF,), set()),
        (SHARE, (), set()),
        (SHARE, (Approver("  ", Role.ORIGINATOR),), set()),
        (ORDER, (AUTHOR, OFFICER), {R, N}),
        (ORDER, (Approver("p1", Role.ORIGINATOR), Approver("p1", Role.PRIVACY_OFFICER)), {R, N}),
        (ORDER, (OFFICER,), {R}),
        (ORDER, (AUTHOR,), set()),
        (PLEA, (AUTHOR,), {R, N}),
        (PLEA, (OFFICER,), {R, N}),
        (PLEA, (STAFF,), set()),
        ((US, "client", "access_request", ""), (STAFF,), {R}),
        ((US, "client", "access_request", ""), (AUTHOR, OFFICER), {R}),
        ((US, "attorney", "subpoena", ""), (AUTHOR, OFFICER), set()),
    ],
)
def test_nothing_leaves_without_the_right_person(asked: tuple[str, ...], approvers: tuple[Approver, ...], opened: set[Bucket]) -> None:
    """Named, in the right capacity, and both where both are asked for; staff open the record where the row lets them, and never private notes."""
    assert let_go(decide(ask(*asked)), *approvers) == opened


def test_a_permit_cannot_be_made_by_hand() -> None:
    """Neither for a denied bucket, nor with another decision's ruling, nor by changing who approved."""
    denied, allowed = decide(ask(US, "client", "access_request")), decide(ask(*PLEA))
    with pytest.raises(ReleaseRefused, match="D01 says deny"):
        Permit(denied, denied.of(N), (AUTHOR, OFFICER))
    with pytest.raises(ReleaseRefused, match="not of this decision"):
        Permit(denied, allowed.of(N), (AUTHOR, OFFICER))
    permit = permitted(allowed, allowed.of(N), (AUTHOR,))
    for approvers in ((), (STAFF,), (Approver("", Role.PRIVACY_OFFICER),)):
        with pytest.raises(ReleaseRefused):
            replace(permit, approvers=approvers)


@pytest.mark.parametrize("rule", [key for key in packs.IDS if key not in PRIVATE_RULES])
def test_no_ruling_opens_private_notes_by_another_rule(rule: str) -> None:
    """Even made by hand, such a ruling cannot be; nor one that asks staff alone."""
    with pytest.raises(ReleaseRefused):
        Ruling(N, Outcome.ALLOW, rule, approval=Approval.EITHER)
    with pytest.raises(ReleaseRefused):
        replace(decide(ask(*PLEA)).of(N), rule=rule)
    with pytest.raises(ReleaseRefused):
        Ruling(N, Outcome.ALLOW, "D05", approval=Approval.STAFF)


def test_only_decide_makes_decisions_and_only_permitted_makes_permits() -> None:
    """Read from the code of the application."""
    makers: dict[str, set[str]] = {"Ruling": set(), "Decision": set(), "Permit": set()}
    for path in Path(packs.__file__).parents[2].rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.parent.name != "release" and "record.release" not in text:
            continue
        for called in (node.func for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)):
            name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
            if name in makers:
                makers[name].add(path.name)
    assert makers == {"Ruling": {"deciding.py"}, "Decision": {"deciding.py"}, "Permit": {"permits.py"}}


# ── whatever is asked ─────────────────────────────────────────────────────────────────────────────────────────────────

PLACES = (US, IL, UK, "us-oh", "us", "fr")
forms = st.builds(
    lambda form, change: replace(form, **change),
    st.sampled_from([*RECORD, *NOTES, *COMBINED, *TPO, *SUD_NOTES]),
    st.sampled_from(
        [{}, {}, {"client": "c2"}, {"expires": date(2026, 1, 1)}, {"says_revocable": False}, {"recipients": frozenset({Requester.INSURER})}]
    ),
)
opinions = st.none() | st.builds(
    Opinion,
    st.dates(date(2025, 6, 1), date(2026, 4, 1)),
    st.booleans(),
    st.booleans(),
    st.frozensets(st.sampled_from(Bucket)),
    st.sampled_from([(), ("n1",)]),
)
requests = st.builds(
    Request,
    id=st.just("q1"),
    client=st.just("c1"),
    jurisdiction=st.sampled_from(PLACES),
    requester=st.sampled_from(Requester),
    instrument=st.sampled_from(Instrument),
    received=st.just(TODAY),
    as_of=st.just(TODAY),
    asked=st.frozensets(st.sampled_from(Bucket)),
    facts=st.frozensets(st.sampled_from(Fact)),
    opinion=opinions,
)


def lawful(decision: Decision) -> None:
    """What must hold of every decision."""
    for ruling in decision.rulings:
        assert ruling.reasons and all(say(c) for c in (*ruling.reasons, *ruling.notices, *ruling.steps, *ruling.evidence))
        if ruling.outcome is not Outcome.ALLOW:
            assert not ruling.accounting and ruling.profile is None and ruling.authority is None and not ruling.withheld
    private = decision.of(N)
    if private is None or private.outcome is not Outcome.ALLOW:
        assert not any(N in let_go(decision, *approvers) for approvers in ((AUTHOR, OFFICER, STAFF), ()))
        return
    assert private.rule in PRIVATE_RULES
    for unfit in ((), (STAFF,), (Approver(" ", Role.ORIGINATOR), Approver("", Role.PRIVACY_OFFICER))):
        with pytest.raises(ReleaseRefused):
            Permit(decision, private, unfit)
    assert N in let_go(decision, AUTHOR, OFFICER)


@settings(max_examples=200, deadline=None)
@given(requests, st.lists(forms, max_size=3))
def test_private_notes_leave_by_a_named_rule_and_a_named_person(request: Request, given_forms: list[Authorization]) -> None:
    """Whoever asks with whatever, the notes go only by a rule of the closed list and with the author or the privacy officer named; every code has words."""
    lawful(decide(request, given_forms))


@pytest.mark.parametrize("place", [US, IL, UK])
def test_every_requester_with_every_instrument(place: str) -> None:
    """The whole table of who and with what, with no fact, with every one, and with those that open: always an answer with a reason, never notes by a
    rule outside the list."""
    opening = list(itertools.takewhile(lambda fact: fact is not Fact.PART2, Fact))
    for requester, instrument, facts in itertools.product(Requester, Instrument, ([], opening, Fact)):
        private = decide(ask(place, requester, instrument, " ".join(facts))).of(N)
        assert private is not None and private.reasons
        if private.outcome is Outcome.ALLOW:
            assert private.rule in PRIVATE_RULES and private.approval is not Approval.STAFF


@settings(max_examples=100, deadline=None)
@given(requests, st.lists(forms, max_size=3))
def test_an_overlay_only_tightens(request: Request, given_forms: list[Authorization]) -> None:
    """What Illinois says is never looser than what the federal rules say, by the same row."""
    ours, federal = (decide(replace(request, jurisdiction=place), given_forms) for place in (IL, US))
    for one, other in zip(ours.rulings, federal.rulings, strict=True):
        assert one.rule == other.rule and one.outcome.strictness >= other.outcome.strictness


@settings(max_examples=100, deadline=None)
@given(requests, st.lists(forms, max_size=2), st.sampled_from(["part2", "self_pay_restriction", "safety_danger", "privileged_material"]))
def test_a_fact_that_protects_never_opens(request: Request, given_forms: list[Authorization], fact: str) -> None:
    """To state it may close a bucket, and opens none, unless a form that is for a Part 2 chart was shown."""
    with_it = replace(request, facts=request.facts | {Fact(fact)})
    without = replace(request, facts=request.facts - {Fact(fact)})
    plain = [form for form in given_forms if not form.part2]
    for one, other in zip(decide(with_it, plain).rulings, decide(without, plain).rulings, strict=True):
        assert one.outcome is not Outcome.ALLOW or other.outcome is Outcome.ALLOW


@pytest.mark.parametrize("rules", [US, UK])
def test_an_unknown_requester_or_paper_is_denied_with_the_reason(rules: str) -> None:
    """D33, whatever else is stated or shown."""
    for other in Instrument:
        decision = decide(ask(rules, "unknown", other, " ".join(Fact)), COMBINED + NOTES)
        assert said(decision) == ("D33 deny", "D33 deny") and "requester_unknown" in decision.of(N).reasons
    for other in Requester:
        decision = decide(ask(rules, other, "unknown", " ".join(Fact)), COMBINED + NOTES)
        assert said(decision) == ("D33 deny", "D33 deny") and "instrument_unknown" in decision.of(R).reasons


# ── by when, and what holds ───────────────────────────────────────────────────────────────────────────────────────────

MONTH = Term(months=1, more_months=2, more_when=Fact.COMPLEX, stops=True)
COMPLEX, PLAIN = frozenset({Fact.COMPLEX}), frozenset()


@pytest.mark.parametrize(
    ("received", "facts", "last"),
    [
        (date(2026, 3, 4), PLAIN, date(2026, 4, 4)),
        (date(2026, 1, 31), PLAIN, date(2026, 2, 28)),
        (date(2028, 1, 31), PLAIN, date(2028, 2, 29)),
        (date(2026, 3, 31), PLAIN, date(2026, 4, 30)),
        (date(2026, 12, 31), PLAIN, date(2027, 1, 31)),
        (date(2026, 1, 31), COMPLEX, date(2026, 4, 30)),
        (date(2026, 11, 30), COMPLEX, date(2027, 2, 28)),
        (date(2026, 3, 4), frozenset({Fact.EXTENDED}), date(2026, 4, 4)),
    ],
)
def test_a_calendar_month_at_the_ends_of_months(received: date, facts: frozenset[Fact], last: date) -> None:
    """The same day a month on, or that month's last; all three months counted from receipt."""
    assert due(MONTH, received, facts) == last


@pytest.mark.parametrize(
    ("pauses", "last"),
    [
        ([Pause(date(2026, 3, 10), date(2026, 3, 15))], date(2026, 4, 9)),
        ([Pause(date(2026, 3, 10), date(2026, 3, 15)), Pause(date(2026, 3, 12), date(2026, 3, 16))], date(2026, 4, 10)),
        ([Pause(date(2026, 3, 12), date(2026, 3, 14)), Pause(date(2026, 3, 10), date(2026, 3, 20))], date(2026, 4, 14)),
        ([Pause(date(2026, 2, 1), date(2026, 3, 6))], date(2026, 4, 6)),
        ([Pause(date(2026, 4, 4), date(2026, 4, 6))], date(2026, 4, 6)),
        ([Pause(date(2026, 4, 5), date(2026, 4, 6))], date(2026, 4, 4)),
        ([Pause(date(2026, 3, 10))], None),
        ([Pause(date(2026, 4, 5))], date(2026, 4, 4)),
        ([Pause(date(2026, 3, 10), date(2026, 3, 8))], date(2026, 4, 4)),
    ],
    ids=["five days", "overlapping", "one within another", "before receipt", "on the last day", "after it", "open", "open too late", "backwards"],
)
def test_the_clock_stops_for_identity_and_clarification(pauses: list[Pause], last: date | None) -> None:
    """A day is counted out once; a term that is over is not revived; while an answer is awaited no day is set."""
    assert due(MONTH, date(2026, 3, 4), PLAIN, pauses) == last


def test_a_term_in_the_us_is_extended_once_and_its_clock_never_stops() -> None:
    """Access 30 and 30 days, amendment 60 and 30."""
    pauses = (Pause(TODAY),)
    for facts, days in (("", 30), ("extended", 60), ("extended complex", 60)):
        assert decide(ask(US, "client", "access_request", facts, pauses=pauses)).due == TODAY + timedelta(days)
    for facts, days in ((PLAIN, 60), (frozenset({Fact.EXTENDED}), 90)):
        assert amendment_decision(AmendmentRequest("q1", "c1", IL, R, TODAY, TODAY, facts=facts)).due == TODAY + timedelta(days)
    assert amendment_decision(AmendmentRequest("q1", "c1", UK, R, TODAY, TODAY)).due == date(2026, 4, 4)


def test_a_paper_sets_a_day_where_the_law_sets_none() -> None:
    """A subpoena's return date is the day; a client's own wish moves none that the law sets."""
    soon = TODAY + timedelta(9)
    assert decide(ask(US, "attorney", "subpoena", answer_by=soon)).due == soon
    assert decide(ask(US, "client", "access_request", answer_by=soon)).due == TODAY + timedelta(30)
    assert decide(ask(US, "attorney", "subpoena")).due is None


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(-24, 24))
def test_months_are_added_to_a_day_that_is_there(day: date, months: int) -> None:
    """The month is the one that is meant, and the day is the same or the month's last."""
    there = add_months(day, months)
    assert (there.year * 12 + there.month) - (day.year * 12 + day.month) == months
    assert there.day == day.day or (there.day < day.day and (there + timedelta(1)).day == 1)


@pytest.mark.parametrize(
    ("requester", "instrument", "held"),
    [
        ("attorney", "subpoena", True),
        ("client", "complaint", True),
        ("licensing_board", "oversight_inquiry", True),
        ("licensing_board", "letter", True),
        ("client", "access_request", True),
        ("client", "amendment_request", True),
        ("client_attorney", "letter", True),
        ("court", "court_order", True),
        ("police", "warrant", True),
        ("other", "unknown", True),
        ("unknown", "payer_request", True),
        ("insurer", "payer_request", False),
        ("treating_provider", "treatment_request", False),
        ("supervisor", "supervision", False),
        ("system", "system_export", False),
    ],
)
@pytest.mark.parametrize("place", [US, IL, UK])
def test_what_is_entered_holds_by_itself(place: str, requester: str, instrument: str, held: bool) -> None:
    """A subpoena, a complaint, a board's letter, a client's request and the unknown stop destruction; everyday business does not."""
    request = ask(place, requester, instrument)
    assert holds(request) is held and decide(request).holds is held
    assert holds(replace(request, facts=frozenset({Fact.CLIENT_DECEASED})))


# ── a change is asked for ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("place", "bucket", "grounds", "reviewed", "outcome", "reason"),
    [
        (US, R, (), True, "allow", "change_due"),
        (US, R, (), False, "escalate", "not_reviewed"),
        (US, R, ("not_ours",), True, "deny", "not_ours"),
        (US, R, ("not_in_set",), True, "deny", "not_in_set"),
        (US, R, ("accurate_and_complete",), True, "deny", "accurate_and_complete"),
        (US, N, (), False, "deny", "not_open_to_inspection"),
        (IL, N, (), True, "deny", "not_open_to_inspection"),
        (UK, R, ("accurate_and_complete",), True, "deny", "accurate_and_complete"),
        (UK, R, ("not_ours",), True, "escalate", "ground_not_known_here"),
        (UK, N, (), True, "allow", "change_due"),
        (UK, N, ("not_open_to_inspection",), True, "escalate", "ground_not_known_here"),
        ("fr", R, (), True, "escalate", "jurisdiction_not_modelled"),
    ],
)
def test_a_change_is_refused_on_the_grounds_that_the_place_knows(
    place: str, bucket: Bucket, grounds: tuple[str, ...], reviewed: bool, outcome: str, reason: str
) -> None:
    """Four grounds in the US, private notes among them; in the UK only that it is right as it stands."""
    request = AmendmentRequest("q1", "c1", place, bucket, TODAY, TODAY, frozenset(map(Ground, grounds)), reviewed)
    decision = amendment_decision(request)
    assert (decision.outcome, decision.reasons) == (outcome, (reason,))
    assert bool(decision.rights) == (outcome == "deny")
    assert all(say(code) for code in (*decision.reasons, *decision.rights, *decision.steps))


def test_who_is_refused_may_disagree() -> None:
    """In the US by a statement that goes with later disclosures, and the refusal is linked to them."""
    request = AmendmentRequest("q1", "c1", US, R, TODAY, TODAY, frozenset({Ground.NOT_OURS}), True)
    decision = amendment_decision(request)
    assert "statement_of_disagreement" in decision.rights and "link_to_disclosures" in decision.steps
    assert decision.letter is Letter.AMENDMENT_DENIED
    assert amendment_decision(replace(request, grounds=frozenset())).letter is Letter.AMENDMENT_ACCEPTED


# ── the packs ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def spoilt(key: str, change: str, value: object) -> dict[str, object]:
    """A pack's table with one value changed; `change` is a path such as rules.3.private.outcome, and None takes it away."""
    data = copy.deepcopy(prompts.table(f"jurisdictions/{key}.toml"))
    *path, last = [int(p) if p.isdigit() else p for p in change.split(".")]
    place = data
    for step in path:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return data


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("titel", "x"),
        ("version", None),
        ("version", True),
        ("version", 0),
        ("country", "fr"),
        ("banner", "no_such_words"),
        ("holds", "letter"),
        ("holds", ["leter"]),
        ("groups", []),
        ("ai", "banned"),
        ("rules", {}),
        ("rules.0.id", "D34"),
        ("rules.0.requesters", ["everybody"]),
        ("rules.0.instruments", ["lettre"]),
        ("rules.0.when", ["threat"]),
        ("rules.0.evidence", ["no_such_words"]),
        ("rules.0.accounting", "yes"),
        ("rules.0.profile", "print"),
        ("rules.0.sense", 1),
        ("rules.0.record", "allow"),
        ("rules.0.record.outcome", "permit"),
        ("rules.0.record.reasons", []),
        ("rules.0.record.approval", None),
        ("rules.0.private.approval", "staff"),
        ("rules.0.private.letters", ["love"]),
        ("rules.2.turns.0.outcome", "allow"),
        ("rules.2.turns.0.reasons", None),
        ("rules.2.turns.0.buckets", ["pail"]),
        ("rules.5.deadline", {"days": 30, "months": 1}),
        ("rules.5.deadline", {"days": -1}),
        ("rules.5.deadline", {}),
        ("rules.8.private.outcome", "allow"),
        ("rules.-1", None),
        ("amendment.grounds", ["dislike"]),
        ("turns.0.rules", ["D99"]),
        ("turns.0.rules", None),
    ],
)
def test_a_pack_that_is_not_whole_is_refused(change: str, value: object) -> None:
    """An unknown key or code, a missing reason, a looser turn, private notes by a rule outside the list: each is refused, naming the file."""
    data = prompts.table(f"jurisdictions/{US}.toml")
    if change == "rules.-1":
        spoilt_data = {**data, "rules": data["rules"][:-1]}
    elif change == "rules.8.private.outcome":
        number = next(n for n, row in enumerate(data["rules"]) if row["id"] == "D25")
        spoilt_data = spoilt(US, f"rules.{number}.private", {"outcome": "allow", "reasons": ["never_by_system"], "approval": "both"})
    else:
        spoilt_data = spoilt(US, change, value)
    with pytest.raises(PolicyError, match=r"jurisdictions/us-federal\.toml"):
        packs.parse(spoilt_data, US, "")


def test_an_overlay_holds_turns_and_nothing_else() -> None:
    """It can bring no row, and no turn that allows."""
    base, data = packs.pack(US), prompts.table("jurisdictions/us-il.toml")
    assert packs.parse(data, IL, "", base).rules == base.rules
    for change in ({"rules": []}, {"holds": []}, {"turns": [{**data["turns"][0], "outcome": "allow"}]}):
        with pytest.raises(PolicyError):
            packs.parse({**data, **change}, IL, "", base)


def test_a_decision_names_the_rules_that_made_it() -> None:
    """The digest of an overlay changes with its base's."""
    decision, base = decide(ask(IL, "client", "access_request")), packs.pack(US)
    assert (
        (decision.pack, decision.version) == (IL, packs.pack(IL).version) and decision.digest.endswith(base.digest) and decision.digest != base.digest
    )


def test_a_code_without_words_is_refused() -> None:
    """Nobody reads a bare code by accident."""
    with pytest.raises(PolicyError, match="no_such_code"):
        say("no_such_code")
