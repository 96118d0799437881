"""The nouns of release: what is asked, by whom and with which paper, and what the rules say to it.

In: codes, dates and ids. Out: frozen types; those that open private notes check themselves. Knows no store and no words of a note.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from drafting.errors import ReleaseRefused

PRIVATE_RULES = frozenset("D02 D05 D11 D14 D16 D17 D19 D20 D21 D22 D26 D27 D29 D30".split())
"""The only rules by which private notes may leave. A pack of rules cannot add to them."""


class Bucket(StrEnum):
    """What is asked for: the record, or the private notes."""

    RECORD = "record"
    PRIVATE = "private"


class Outcome(StrEnum):
    """What a rule says. `escalate`: nothing leaves until counsel or the privacy officer has found another way."""

    ALLOW = "allow"
    ESCALATE = "escalate"
    DENY = "deny"

    @property
    def strictness(self) -> int:
        """0 for allow, 1 for escalate, 2 for deny: of two rules, the stricter holds."""
        return list(Outcome).index(self)


class Requester(StrEnum):
    """Who asks. `representative`: who may act for the client by law; `own_counsel`: the practice's or therapist's lawyer; `attorney`: any other
    lawyer but the client's; `person_able_to_prevent`: who can avert a danger, its target among them; `agency`: an authority with process of its
    own."""

    CLIENT = "client"
    REPRESENTATIVE = "representative"
    OTHER_PARENT = "other_parent"
    ORIGINATOR = "originator"
    COVERING_CLINICIAN = "covering_clinician"
    SUPERVISOR = "supervisor"
    CONSULTANT = "consultant"
    TREATING_PROVIDER = "treating_provider"
    INSURER = "insurer"
    CLIENT_ATTORNEY = "client_attorney"
    ATTORNEY = "attorney"
    OWN_COUNSEL = "own_counsel"
    COURT = "court"
    GRAND_JURY = "grand_jury"
    AGENCY = "agency"
    PROTECTIVE_SERVICES = "protective_services"
    SAFEGUARDING = "safeguarding"
    PERSON_ABLE_TO_PREVENT = "person_able_to_prevent"
    POLICE = "police"
    LICENSING_BOARD = "licensing_board"
    HHS = "hhs"
    CORONER = "coroner"
    RESEARCHER = "researcher"
    EMPLOYER = "employer"
    WORKERS_COMPENSATION = "workers_compensation"
    FAMILY = "family"
    SYSTEM = "system"
    OTHER = "other"
    UNKNOWN = "unknown"


class Instrument(StrEnum):
    """With what they ask. `access_request`: the client's own right, HIPAA access or a UK subject access request; `letter`: asking, and nothing
    more."""

    ACCESS_REQUEST = "access_request"
    AMENDMENT_REQUEST = "amendment_request"
    COMPLAINT = "complaint"
    SHARE_WITH_CLIENT = "share_with_client"
    AUTHORIZATION = "authorization"
    TPO_CONSENT = "tpo_consent"
    PAYER_REQUEST = "payer_request"
    TREATMENT_REQUEST = "treatment_request"
    SUPERVISION = "supervision"
    SUBPOENA = "subpoena"
    COURT_ORDER = "court_order"
    WITNESS_SUMMONS = "witness_summons"
    GRAND_JURY_SUBPOENA = "grand_jury_subpoena"
    AGENCY_SUBPOENA = "agency_subpoena"
    WARRANT = "warrant"
    CORONER_NOTICE = "coroner_notice"
    MANDATED_REPORT = "mandated_report"
    SAFEGUARDING_CONCERN = "safeguarding_concern"
    IMMINENT_THREAT = "imminent_threat"
    COUNSELLING_INFORMATION_REQUEST = "counselling_information_request"
    OVERSIGHT_INQUIRY = "oversight_inquiry"
    COMPLIANCE_INVESTIGATION = "compliance_investigation"
    LEGAL_DEFENCE = "legal_defence"
    SYSTEM_EXPORT = "system_export"
    LETTER = "letter"
    UNKNOWN = "unknown"


class Fact(StrEnum):
    """What a person found to be so. A fact that is not stated is not assumed: each that opens a door must be said."""

    NAMES_PRIVATE_NOTES = "names_private_notes"
    SIGNED_BY_JUDGE = "signed_by_judge"
    ORIGINATOR_IS_REQUESTER = "originator_is_requester"
    TRAINEE_RELATION_ACTIVE = "trainee_relation_active"
    PLAINTIFF_IS_CLIENT = "plaintiff_is_client"
    BOARD_OF_ORIGINATOR = "board_of_originator"
    REPRESENTATIVE_AUTHORITY = "representative_authority"
    CLIENT_CONSENT_WRITTEN = "client_consent_written"
    STATUTE_NAMED = "statute_named"
    NOT_IN_RECORD = "not_in_record"
    THREAT_SERIOUS_AND_IMMINENT = "threat_serious_and_imminent"
    RECIPIENT_ABLE_TO_PREVENT = "recipient_able_to_prevent"
    SAFEGUARDING_BASIS = "safeguarding_basis"
    CONTROLLER_IS_HEALTH_PROFESSIONAL = "controller_is_health_professional"
    EXTENDED = "extended"
    COMPLEX = "complex"
    # What closes a door, or calls for a second look.
    PART2 = "part2"
    SELF_PAY_RESTRICTION = "self_pay_restriction"
    CLIENT_DECEASED = "client_deceased"
    SAFETY_DANGER = "safety_danger"
    OTHER_PERSON_HARM = "other_person_harm"
    REPRESENTATIVE_HARM = "representative_harm"
    MINOR_LAW_IN_DOUBT = "minor_law_in_doubt"
    LITIGATION_MATERIAL = "litigation_material"
    PRIVILEGED_MATERIAL = "privileged_material"
    APPREHENSION_SOUGHT = "apprehension_sought"


@dataclass(frozen=True, slots=True)
class Opinion:
    """A professional's opinion on the serious-harm test (UK, DPA 2018 Sch 3). `harm_likely` is what it finds, `by_health_professional` as s.204 means
    it. `items`: ids of what it speaks of; without any it speaks of the whole of `about`."""

    on: date
    by_health_professional: bool
    harm_likely: bool
    about: frozenset[Bucket]
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which the clock stands, from the day that identity or clarification was asked for to the day that it came; None: it has not come."""

    since: date
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """Something asked for. `jurisdiction`: a pack's key, such as us-il; `as_of`: the day on which it is decided; `answer_by`: a day that the paper
    itself sets, such as a subpoena's return date. Without a narrower `asked`, everything is asked for."""

    id: str
    client: str
    jurisdiction: str
    requester: Requester
    instrument: Instrument
    received: date
    as_of: date
    asked: frozenset[Bucket] = frozenset(Bucket)
    facts: frozenset[Fact] = frozenset()
    opinion: Opinion | None = None
    pauses: tuple[Pause, ...] = ()
    answer_by: date | None = None


class Approval(StrEnum):
    """Who must say yes before anything leaves. `both`: originator and privacy officer, who in a practice of one are the same person, asked twice."""

    STAFF = "staff"
    EITHER = "either"
    ORIGINATOR = "originator"
    PRIVACY_OFFICER = "privacy_officer"
    BOTH = "both"


class Profile(StrEnum):
    """How what leaves is rendered. `report`: nothing is rendered; a person writes down the facts that are needed."""

    CHART = "chart"
    CLIENT = "client"
    PAYER = "payer"
    SUPERVISION = "supervision"
    COURT = "court"
    REPORT = "report"


class Letter(StrEnum):
    """The replies that can be drafted: each a file of prompts/letters."""

    ACKNOWLEDGEMENT = "acknowledgement"
    DENIAL_PRIVATE_NOTES = "denial_private_notes"
    SUBPOENA_WITHOUT_JUDGE = "subpoena_without_judge"
    AUTHORIZATION_DEFECTIVE = "authorization_defective"
    PAYER_PACKET = "payer_packet"
    UK_ACCESS = "uk_access"
    AMENDMENT_ACCEPTED = "amendment_accepted"
    AMENDMENT_DENIED = "amendment_denied"


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the rules say of one bucket. Only `deciding.decide` makes one (a test reads the code for it).

    `reasons`, `notices`, `steps` (what a person must do) and `evidence` (what must be on file) are codes, `rules.say` words them. `authority` is the
    id of the authorization relied on, whose scope is exact; `withheld` ids that stay here though the rest leaves. Raises ReleaseRefused where
    private notes would be allowed by a rule that is not one of PRIVATE_RULES, or on the word of staff alone.
    """

    bucket: Bucket
    outcome: Outcome
    rule: str
    reasons: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    letters: tuple[Letter, ...] = ()
    approval: Approval = Approval.BOTH
    profile: Profile | None = None
    minimum_necessary: bool = True
    accounting: bool = False
    authority: str | None = None
    withheld: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.bucket is not Bucket.PRIVATE or self.outcome is not Outcome.ALLOW:
            return
        if self.rule not in PRIVATE_RULES:
            raise ReleaseRefused(reason=f"no rule {self.rule} lets private notes out")
        if self.approval is Approval.STAFF:
            raise ReleaseRefused(reason=f"rule {self.rule} names nobody who may let private notes out")


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rules say of a request, a ruling for each bucket asked for. Only `deciding.decide` makes one.

    `pack`, `version` and `digest` name the rules; `due` is the day by which an answer is owed, None where none is set or the clock stands; `banners`
    hold whatever the outcome; `holds`: the request stops the destruction of anything of this client.
    """

    request: str
    client: str
    jurisdiction: str
    as_of: date
    pack: str
    version: int
    digest: str
    rulings: tuple[Ruling, ...]
    due: date | None = None
    banners: tuple[str, ...] = ()
    holds: bool = True

    def of(self, bucket: Bucket) -> Ruling | None:
        """The ruling on `bucket`; None where it was not asked for."""
        return next((r for r in self.rulings if r.bucket is bucket), None)

    @property
    def letters(self) -> tuple[Letter, ...]:
        """The replies that the rulings call for, each once."""
        return tuple(dict.fromkeys(letter for r in self.rulings for letter in r.letters))
