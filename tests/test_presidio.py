"""The PHI scanner: each kind with near misses, the allow-list, the people whom a visit knows, and what holds for any text."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drafting import wiring
from drafting.errors import PolicyError
from drafting.types import Context, PhiFinding, PhiSpan, Roster, Severity
from models.presidio import PresidioScanner, _pieces
from models.presidio.people import named
from models.presidio.rules import rules
from prompts import names, table

SCANNER = PresidioScanner()
NOBODY = Context()


def found(text: str, context: Context = NOBODY, profile: str = "chart") -> tuple[PhiFinding, ...]:
    return SCANNER.scan(text, context, profile)


def replaced(text: str, context: Context = NOBODY) -> str:
    """`text` with every suggestion taken."""
    for f in reversed(found(text, context)):
        text = text[: f.start] + f.suggestion + text[f.end :]
    return text


# ── people ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "kind", "after"),
    [
        ("He argued with his brother Kwabena on Sunday.", "F02", "He argued with his brother on Sunday."),
        ("Her mother-in-law, Ruzanna, moved in.", "F02", "Her mother-in-law moved in."),
        ("Client and her cousin Xóchitl O'Rourke-Díaz went.", "F02", "Client and her cousin went."),
        ("She misses her uncle named Haruto.", "F02", "She misses her uncle."),
        ("His boss, Ingeborg van der Meer, shouted.", "F03", "His boss shouted."),
        ("Her best friend Nokuthula drove.", "F03", "Her best friend drove."),
        ("A colleague called Siddharth lent him the car.", "F03", "A colleague lent him the car."),
        ("Moved out of the flat that she shares with Thandiwe.", "F03", "Moved out of the flat that she shares with another person."),
        ("On the way home Fearghal said that he is leaving.", "F03", "On the way home another person said that he is leaving."),
        ("His teacher, Mrs. Abernathy, wrote home.", "F06", "His teacher wrote home."),
        ("Another group member, Lowri, cried.", "F04", "Another group member cried."),
        ("Her sister K. has been ill.", "F02", "Her sister has been ill."),
        ("her sister fatima has been staying", "F02", "Her sister has been staying"),
        ("He walked Dolores (his aunt) to church.", "F02", "He walked his aunt to church."),
    ],
)
def test_a_person_is_found_and_the_relation_stands_in_the_names_place(text: str, kind: str, after: str) -> None:
    """Relation, apposition, "called", a verb that only a person does, small letters: the suggestion leaves a sentence without the name."""
    assert kind in [f.kind for f in found(text)]
    assert replaced(text) == after


@pytest.mark.parametrize(
    "text",
    [
        "Beck Depression Inventory was 21 and the Hamilton was 18.",
        "Used the Gottman card deck, then Linehan's distress tolerance handout.",
        "In April she will start; hope and grace are themes for her.",
        "Zoloft was raised and Lamictal is unchanged.",
        "On Wednesday he tried DBT skills and an ACT exercise.",
        "Client's mother is Catholic by upbringing and reports that Easter was calm.",
        "Parkinson's disease runs in the family.",
        "Mother reports better mornings. Father agrees.",
        "Young Mania Rating Scale was 4.",
        "She will mark her calendar and rose early in May.",
        "Will continue exposure. Will call the school.",
        "Met criteria for Generalized Anxiety Disorder and Major Depressive Disorder.",
        "Coordinated with Dr. Achterberg, her psychiatrist, about the dose.",
        "Referred to Dr. Nwosu for a sleep study.",
        "Her case manager Delphine was copied on the release.",
        "His ex did not come. Her partner Could not be reached.",
        "The dream was about a house in Texas.",
        "Frank discussion of limits; art and drew a family map.",
        "They met in March and again in August.",
        "Don't rush. Jean jacket on, hood up.",
    ],
)
def test_words_that_look_like_names_are_left_alone(text: str) -> None:
    """Eponyms, months, drugs, therapies, faith's seasons, prescribers in a line of coordination: no person is found."""
    assert [f.text for f in found(text) if f.kind in ("F01", "F02", "F03", "F04", "F06")] == []


def test_a_person_introduced_once_is_known_again() -> None:
    """The relation of the first mention stands for the later ones, before and after it."""
    after = replaced("Bohdan rang twice. Her brother Bohdan wants money. She told Bohdan no.")
    assert after == "Her brother rang twice. Her brother wants money. She told her brother no."


def test_the_clients_own_names_are_the_client() -> None:
    """Whole and in parts, whatever the case; a name that is an everyday word counts with its capital alone."""
    context = Context(client_names=("Hope Marchetti",))
    assert [f.text for f in found("Hope reports hope. MARCHETTI family tension.", context)] == ["Hope", "MARCHETTI"]
    assert replaced("Hope reports poor sleep.", context) == "Client reports poor sleep."


def test_other_clients_block() -> None:
    """A roster's name blocks, in either case, with initials and a possessive; a part of it alone does not."""
    context = Context(roster=Roster.of(["Anneliese Bright", "J. P. Okonjo"]))
    for text in ("She knows Anneliese Bright from church.", "saw anneliese bright's car", "He spoke of J. P. Okonjo at length."):
        assert [(f.kind, f.severity) for f in found(text, context) if f.entity == "OTHER_CLIENT"] == [("F04", Severity.BLOCK)]
    assert not [f for f in found("A bright morning.", context) if f.kind == "F04"]


def test_a_name_in_a_group_note_is_another_members() -> None:
    """In a group's note a person whom nothing else explains may be another client, which blocks; a relative is a relative."""
    context = Context(note_kind="group")
    assert [f.kind for f in found("He agreed when Ngozi said it was late, and thought of his sister Olu.", context)] == ["F04", "F02"]


def test_the_authors_name_is_no_finding() -> None:
    """The clinician signs with that name."""
    assert found("Reviewed by Imogen Faraday.", Context(clinician="Imogen Faraday, LCSW")) == ()


def test_a_person_to_be_warned_is_pointed_out_and_does_not_weigh() -> None:
    """A duty to warn needs the name, and a report its number."""
    (f,) = found("Duty to warn: intended victim is his neighbour Casimir.")
    assert f.severity is Severity.LOW
    assert all(f.severity is not Severity.BLOCK for f in found("CPS report made, reference number HL-20931."))


# ── everything else ───────────────────────────────────────────────────────────────────────────────────────────────────

KINDS = [
    ("She works nights at Fernhill Packaging.", "F05", "Fernhill Packaging"),
    ("He was let go by Osgood & Sons last week.", "F05", "Osgood & Sons"),
    ("Her son attends Thistledown Primary.", "F06", "Thistledown Primary"),
    ("He dropped out of Calder Valley College.", "F06", "Calder Valley College"),
    ("They live at 48 Quarry Bank Road, flat 3.", "F07", "48 Quarry Bank Road"),
    ("She moved to Little Wenlock in the spring.", "F07", "Little Wenlock"),
    ("The zip code is 60647.", "F07", "60647"),
    ("Text her on 773-555-0102 after five.", "F08", "773-555-0102"),
    ("Write to k.abara@mailbox.example with the form.", "F08", "k.abara@mailbox.example"),
    ("His account is @quietstorm_88 there.", "F08", "@quietstorm_88"),
    ("See https://portal.clinic.example/u/31 for it.", "F08", "https://portal.clinic.example/u/31"),
    ("MRN: 7719-204", "F09", "7719-204"),
    ("Member ID WQX883120 was given.", "F09", "WQX883120"),
    ("SSN 219-09-9999 on the form.", "F09", "219-09-9999"),
    ("Docket no. 2025-FA-118 is pending.", "F09", "2025-FA-118"),
    ("NHS number 943 476 5919.", "F09", "943 476 5919"),
    ("The card 4012 8888 8888 1881 was stolen.", "F09", "4012 8888 8888 1881"),
    ("The assault took place on 14 June 2021.", "F10", "14 June 2021"),
    ("Their wedding was September 9th.", "F10", "September 9th"),
    ("dob 3/7/1988", "F10", "3/7/1988"),
    ("He cares for his father, who is 93 years old.", "F11", "93"),
    ("Her ex is the mayor.", "F11", "the mayor"),
    ("He pinned her against the wall and left.", "F13", "pinned her against the wall"),
    ("She spoke of oral sex with him.", "F14", "oral sex"),
    ("He told her that he is HIV-positive.", "F15", "HIV-positive"),
    ("She goes daily to the methadone clinic.", "F16", "methadone clinic"),
    ("She carries the BRCA1 mutation.", "F17", "BRCA1 mutation"),
    ("The family is undocumented.", "F18", "undocumented"),
    ("She had an abortion at nineteen.", "F19", "abortion"),
    ("He admits to shoplifting last month.", "F20", "shoplifting"),
    ("Her father is an alcoholic.", "F21", "alcoholic"),
    ("His wife is having an affair.", "F21", "affair"),
    ("He is a shop steward and union rep.", "F22", "union rep"),
    ("They owe £8,400 to the bank.", "F23", "£8,400"),
    ("The reviewer was useless.", "F24", "useless"),
    ("He was manipulative.", "F25", "manipulative"),
    ("My own divorce came to mind.", "F26", "My own divorce"),
    ("The safe word is marigold.", "F27", "marigold"),
    ("She is staying at a women's refuge.", "F27", "refuge"),
]


@pytest.mark.parametrize(("text", "kind", "fragment"), KINDS, ids=[f"{k}-{w}" for _, k, w in KINDS])
def test_each_kind_is_found(text: str, kind: str, fragment: str) -> None:
    """The finding of that kind covers the words, says why, and its suggestion does not repeat them."""
    hit = next(f for f in found(text) if f.kind == kind)
    assert fragment in hit.text or hit.text in fragment
    assert hit.reason and fragment not in hit.suggestion


@pytest.mark.parametrize(
    "text",
    [
        "We met from 2:05 to 2:58 by video; client was at home in Oregon.",
        "PHQ-9 was 11, GAD-7 was 13, and SUDs fell from 80 to 35.",
        "Next session is March 12 at 4.",
        "Sertraline was raised to 100 mg on April 3.",
        "She slept five hours, woke at 3 a.m. and ate twice.",
        "He scored 94 on the attention index.",
        "Refused nothing; agreed to the plan and to the crisis line after hours.",
        "She lost 12 pounds since intake and her weight is stable.",
        "Client said “I am done with this.”",
        "slept well.so she felt better.and then ate",
        "They talked at work about the school run and the church hall.",
        "Affect was constricted; insight fair; judgment intact.",
        "Denied thoughts of suicide. Named her daughter as a reason for living.",
        "Practised the breathing at 9/10 confidence, 3 times a day.",
        "Will review CBT homework for 45 minutes and 10 trials.",
    ],
)
def test_ordinary_clinical_lines_are_left_alone(text: str) -> None:
    """Times, scores, doses, states, the next session, a short quotation: nothing is found."""
    assert [(f.kind, f.text) for f in found(text)] == []


def test_a_long_quotation_and_one_too_many() -> None:
    """Over fifteen words is too long; the third quotation of a section is one too many, and answers of a word do not count."""
    long = "“I went back to the house and stood there in the rain until somebody from next door came out.”"
    assert [(f.kind, f.text) for f in found(f"Client said {long}")] == [("F12", long)]
    short = "He said “it was all too much”. She said “I never knew that”. They said “we want it back”."
    assert [f.text for f in found(short)] == ["“we want it back”"]
    assert [f.text for f in found(short.replace(". They", ".\n\nThey"))] == []
    assert found("“No.” “No.” “Never.” “Yes.”") == ()


def test_a_quotation_yields_to_what_is_graver_in_it() -> None:
    """A name inside a long quotation is a finding of its own, and the rest of the quotation stays one."""
    kinds = [f.kind for f in found("“I told my sister Ngaire that I would never again go back to that house by the river, not for anything.”")]
    assert kinds == ["F02", "F12"]


# ── policy ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_profiles_weigh_and_drop() -> None:
    """A payer's packet is stricter; the client's own copy leaves the client's own facts alone; an unknown profile is refused."""
    text = "She works at Fernhill Packaging with her friend Nokuthula."
    assert [(f.kind, f.severity.value) for f in found(text)] == [("F05", "med"), ("F03", "high")]
    assert [(f.kind, f.severity.value) for f in found(text, profile="payer")] == [("F05", "high"), ("F03", "high")]
    assert [f.kind for f in found(text, profile="client_copy")] == ["F03"]
    with pytest.raises(PolicyError, match="uk_sar"):
        found(text, profile="everyone")


def test_every_rule_and_entity_names_a_kind_of_the_policy() -> None:
    """No rule points nowhere, and the policy has F01 to F27."""
    policy = table("phi_policy.toml")
    assert sorted(policy["kinds"]) == [f"F{n:02d}" for n in range(1, 28)]
    used = {r.found["kind"] for r in rules()} | {e["kind"] for e in policy["entities"].values()}
    used |= set(table("phi_people.toml")["relations"]) - {"care"}
    assert used <= set(policy["kinds"])
    for profile in policy["profiles"].values():
        assert set(profile["drop"]) | set(profile.get("severity", {})) <= set(policy["kinds"])
    assert {"phi_policy", "phi_rules", "phi_people"} <= set(names(""))


# ── any text ──────────────────────────────────────────────────────────────────────────────────────────────────────────

ODD = ["her brother Bohdan called", "“so it goes on and on”", "\n", "\n\n", "and Fearghal said", "Dr. Lin", "👍", "Her aunt", "@", "$5", "…"]
PARTS = [t for t, *_ in KINDS] + ODD


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=14))
def test_findings_are_in_order_apart_and_quote_the_text(parts: list[str]) -> None:
    """Whatever stands beside whatever: offsets quote the text, findings are in order and none overlaps another."""
    text = " ".join(parts)
    at = 0
    for f in found(text):
        assert at <= f.start < f.end and f.text == text[f.start : f.end]
        at = f.end


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=200))
def test_any_text_can_be_scanned(text: str) -> None:
    """No string raises."""
    assert all(f.text == text[f.start : f.end] for f in found(text))


@given(st.text(alphabet="a. \n", max_size=40), st.integers(1, 900))
def test_pieces_cover_a_long_text_once(text: str, times: int) -> None:
    """A long text is read in pieces that join to the whole."""
    long = text * times
    assert "".join(piece for _, piece in _pieces(long)) == long
    assert all(long[at : at + len(piece)] == piece for at, piece in _pieces(long))


def test_a_finding_deep_in_a_long_text_is_where_it_says() -> None:
    """Pieces do not shift offsets, and a person introduced at the start is known at the end."""
    text = "Her brother Bohdan called. " + "Client slept well. " * 2000 + "Then Bohdan left."
    assert [(f.start, f.text) for f in found(text)] == [(0, "Her brother Bohdan"), (text.rindex("Bohdan"), "Bohdan")]


def test_nothing_of_the_text_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """At the loudest level no log line and no repr holds a word that was found."""
    with caplog.at_level(logging.DEBUG):
        findings = found("Her sister Zebediana lives at 48 Quarry Bank Road. MRN 7719-204. Mail zeb@mailbox.example.")
    assert len(findings) == 4
    assert not any(word in caplog.text + repr(findings) for word in ("Zebediana", "Quarry", "7719", "mailbox"))


@pytest.mark.parametrize(
    ("run", "name"),
    [
        ("Maria", "Maria"),
        ("Maria Lopez", "Maria Lopez"),
        ("Maria Tuesday", "Maria"),
        ("Client Maria", ""),
        ("Zoloft", ""),
        ("Pia van der Meer", "Pia van der Meer"),
    ],
)
def test_a_name_ends_where_words_that_name_nobody_begin(run: str, name: str) -> None:
    """ "Her sister Maria Tuesday" is Maria."""
    assert named(run) == name


# ── what an encoder tags ──────────────────────────────────────────────────────────────────────────────────────────────


def tagged(text: str, *words: tuple[str, str, float]) -> list[tuple[str, str, str]]:
    """What a scanner finds whose tagger says `words` (text, label, probability) of `text` and nothing else."""

    def tagger(whole: str) -> list[PhiSpan]:
        return [PhiSpan(whole.index(w), whole.index(w) + len(w), label, p) for w, label, p in words if w in whole]

    return [(f.text, f.kind, f.suggestion) for f in PresidioScanner(tagger).scan(text, NOBODY)]


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("saw her sister marisela on sunday", ("marisela", "PERSON", 0.9), [("her sister marisela", "F02", "her sister")]),
        ("a neighbour called ngozi came", ("ngozi", "PERSON", 0.9), [("a neighbour called ngozi", "F03", "A neighbour")]),
        ("Osei-Bonsu was there again.", ("Osei-Bonsu", "PERSON", 0.9), [("Osei-Bonsu", "F03", "Another person")]),
        ("clears tables at the Copper Ladle", ("Copper Ladle", "EMPLOYER", 0.9), [("Copper Ladle", "F05", "a local company")]),
    ],
)
def test_a_tagged_span_takes_its_kind_from_what_stands_before_it(text: str, words: tuple[str, str, float], expected: list) -> None:
    """A name that no list holds is found; with a relation before it, the relation is enough."""
    assert found(text) == () and tagged(text, words) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The Beck score fell.", ("Beck", "PERSON", 0.99)),
        ("She was born in Poland.", ("Poland", "PLACE", 0.99)),
        ("Coordinated with Dr. Okafor about the trazodone.", ("Dr. Okafor", "PERSON", 0.99)),
        ("Osei was there.", ("Osei", "PERSON", 0.3)),
    ],
)
def test_the_allow_list_and_the_policys_least_hold_for_tags(text: str, words: tuple[str, str, float]) -> None:
    """A scale's name, a nation, a doctor whose care is coordinated and a doubtful tag are no findings."""
    assert tagged(text, words) == []


def test_two_recognisers_make_one_finding() -> None:
    """Where a rule and the tagger agree, the clinician reads it once, with the rule's fuller words."""
    assert tagged("Her sister Maria called.", ("Maria", "PERSON", 0.9)) == [("Her sister Maria", "F02", "Her sister")]


def test_the_shipped_scanner_asks_the_encoder() -> None:
    """A bare surname that no list holds is found by what `aside` runs, and not by rules alone."""
    text = "Osei-Bonsu was in group again and said little."
    assert found(text) == () and [f.text for f in wiring.scanner().scan(text, NOBODY)] == ["Osei-Bonsu"]
