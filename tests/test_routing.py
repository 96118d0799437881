"""Where statements go: the forty labelled sentences, commands, law 4, and what is never guessed."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drafting.errors import DecisionError
from drafting.pipeline.routing import admit, route
from drafting.pipeline.source import heard
from drafting.pipeline.statements import state
from drafting.types import Context, Mode, Polarity, Role, Route, Statement, Utterance
from tests.making import ENCODER, routed, statement

ROOT = Path(__file__).parent.parent
FORTY = [json.loads(line) for line in (ROOT / "tests/cases/forty.jsonl").read_text(encoding="utf-8").splitlines()]
CLOSED = (Route.PRIVATE, Route.HELD)


def of(text: str, fragment: str, **kw: object) -> Route:
    """The route of the statement that holds `fragment`'s first words."""
    return next(p.route for p in routed(text, **kw).placed if fragment in p.statement.text)


@pytest.mark.parametrize("case", FORTY, ids=lambda c: f"{c['id']}-{c['label']}")
def test_the_forty_sentences(case: dict) -> None:
    """Each part goes where its label allows, and danger ends as record text or behind a risk item."""
    placed = routed(case["text"])
    for part in case["parts"]:
        head = part["text"] if len(case["parts"]) > 1 else None
        routes = {p.route.value for p in placed.placed if head is None or head in p.statement.text or p.statement.text.rstrip(".,;") in head}
        assert routes and routes <= set(part["routes"]), part
    if case["risk"]:
        assert placed.risk_items or any(r.risk for r in placed.record)


def test_every_statement_has_one_route() -> None:
    """The routes partition the statements."""
    r = routed(" ".join(c["text"] for c in FORTY))
    ids = [s.id for route_ in Route for s in r.on(route_)]
    assert sorted(ids) == sorted(p.statement.id for p in r.placed) and len(ids) == len(set(ids))
    assert {s.id for s in r.on(Route.RECORD)} == {s.id for s in r.record}


@pytest.mark.parametrize(
    ("text", "fragment", "expected"),
    [
        ("Private: he wore the green coat again.", "green coat", Route.PRIVATE),
        ("Off the record, he wore the green coat again.", "green coat", Route.PRIVATE),
        ("okay private he wore the green coat again", "green coat", Route.PRIVATE),
        ("For my notes: he wore the green coat again.", "green coat", Route.PRIVATE),
        ("Just for me. The clock was loud.", "clock was loud", Route.PRIVATE),
        ("For the chart: the lamp was on throughout.", "lamp was on", Route.RECORD),
        ("Off the record. The clock was loud. Back to the note. She reports good sleep.", "good sleep", Route.RECORD),
        ("Private: the clock was loud.\n\nShe reports good sleep.", "good sleep", Route.RECORD),
        ("She has private insurance and reports good sleep.", "private insurance", Route.RECORD),
        ("He works in private practice and reports poor sleep.", "private practice", Route.RECORD),
    ],
)
def test_commands_are_obeyed(text: str, fragment: str, expected: Route) -> None:
    """What the clinician says of a passage decides, to the end of its reach; near misses are no commands."""
    assert of(text, fragment) is expected


def test_a_private_passage_never_reaches_the_record_by_its_look() -> None:
    """Later in a private paragraph a clear record sentence is held for the clinician, not taken."""
    assert of("Private: the clock was loud. She reports poor appetite and low mood.", "poor appetite") is Route.HELD


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("Private: she stopped her lithium ten days ago.", "lithium"),
        ("Off the record. We met from 3:00 to 3:50.", "3:00"),
        ("Private: his PHQ-9 was 19 today.", "PHQ-9"),
        ("Not for the chart: we continue weekly CBT sessions.", "weekly CBT"),
    ],
)
def test_x1_to_x4_reach_the_record_after_private(text: str, fragment: str) -> None:
    """Medication, session times, test results and modality cannot be sheltered by a command (45 CFR 164.501)."""
    assert of(text, fragment) is Route.RECORD


def test_medication_inside_a_reflection_is_not_lost() -> None:
    """Where the wording itself is reflection, it stays private and a prompt names the element."""
    r = routed("I felt a flash of irritation about the sertraline again.")
    assert {p.route for p in r.placed} <= set(CLOSED)
    assert [p.element for p in r.prompts] == ["X1"]


@pytest.mark.parametrize(
    ("text", "element"),
    [
        ("Private: she meets criteria for panic disorder, no doubt.", "X5"),
        ("Private: the nightmares are back.", "X8"),
        ("Off the record, prognosis is poor.", "X9"),
    ],
)
def test_x5_to_x10_in_private_words_alone_raise_a_prompt(text: str, element: str) -> None:
    """A diagnosis, symptom or prognosis that stands only in private words is asked about."""
    assert element in [p.element for p in routed(text).prompts]


def test_no_prompt_for_what_the_record_has() -> None:
    """An element that the record holds too is not asked about."""
    text = "Client reports nightmares three nights a week.\n\nPrivate: the nightmares are back."
    assert "X8" not in [p.element for p in routed(text).prompts]


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("Private: he still keeps the shotgun under the bed.", "access to a firearm"),
        ("I had a laugh about it, but he did say he'd be better off dead.", "suicide"),
        ("Honestly I wonder if she is cutting herself again.", "self-harm"),
        ("I couldn't stop worrying about her after she left.", "your own worry about safety"),
        ("My gut says the stepfather hits the kids.", "a child's safety"),
        ("Note to self, he drove here and he reeked of vodka.", "driving while impaired"),
        ("Off the record she has stopped taking her clozapine.", "essential medication stopped"),
        ("she said she would not mind not waking up tomorrow", "suicide"),
        ("It bothers me that he waited outside her house again.", "harm to others"),
    ],
)
def test_danger_in_any_voice_opens_a_risk_item(text: str, topic: str) -> None:
    """Whatever the tone, and after "private:", danger is a risk item."""
    assert topic in [r.topic for r in routed(text).risk_items]


@pytest.mark.parametrize(
    "text",
    [
        "This project is killing me, he said.",
        "She is dying to start the course.",
        "I shot him an email about Tuesday.",
        "He murdered the karaoke at the party.",
        "She was bored to death at the office.",
        "The deadline is murder, he said of work.",
        "He is killing it at work this month.",
        "They hung out at the mall on Sunday.",
        "She cut down on coffee this week.",
        "He took a stab at the worksheet.",
    ],
)
def test_idioms_of_death_are_no_risk(text: str) -> None:
    """Figures of speech open nothing."""
    assert routed(text).risk_items == ()


@pytest.mark.parametrize(
    ("text", "polarity"),
    [
        ("Private: she has a plan to end her life.", Polarity.PRESENT),
        ("Private: he denied any thought of suicide.", Polarity.DENIED),
        ("Private: overdosed as a teenager, years ago.", Polarity.PAST),
        ("Private: not sure he is truthful about the gun.", Polarity.UNCLEAR),
        ("He joked he'd like to kill his boss.", Polarity.UNCLEAR),
    ],
)
def test_risk_keeps_its_polarity(text: str, polarity: Polarity) -> None:
    """Spoken of, denied, past or unclear: as in the words."""
    assert routed(text).risk_items[0].polarity is polarity


def test_a_denial_in_the_record_is_record_text() -> None:
    """A pertinent negative that the record holds asks for no second answer."""
    r = routed("Client denied suicidal thoughts today.")
    assert r.risk_items == () and r.record[0].risk and r.record[0].role is Role.RISK


def test_a_risk_item_holds_no_words_of_the_source() -> None:
    """A fixed template: topic, whose, polarity, ids."""
    r = routed("Private: Zebediah keeps a shotgun under the quilted bed.")
    assert "Zebediah" not in repr(r.risk_items) and "quilted" not in repr(r.risk_items)


def test_unsure_is_held() -> None:
    """Without a cue either way nothing is guessed."""
    assert of("Thursdays, then, and the long corridor.", "corridor") is Route.HELD


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_record_takes_only_what_is_sure(record: float, private: float) -> None:
    """With no command, a statement enters the record only when the encoder is sure; neither side sure is held."""
    s = statement("She walked along the river with him.", routes={Route.RECORD: record, Route.PRIVATE: private, Route.SET_ASIDE: 0.0})
    placed = route((s,), Context()).placed[0]
    assert (placed.route is Route.RECORD) == (record >= 0.72)
    if placed.route is Route.PRIVATE:
        assert private >= 0.62


def test_the_clinician_decides() -> None:
    """A decision overrides, in both directions, and an unknown id is refused."""
    text = "Thursdays, then, and the long corridor."
    assert of(text, "corridor", decisions={"s1": Route.RECORD}) is Route.RECORD
    assert of("Client slept well this week.", "slept", decisions={"s1": Route.PRIVATE}) is Route.PRIVATE
    with pytest.raises(DecisionError):
        routed(text, decisions={"s9": Route.RECORD})


def test_admit_makes_a_record_statement() -> None:
    """`admit` moves one statement into the record, and danger that was private keeps its item when it moves to private."""
    r = routed("Thursdays, then, and the long corridor.")
    assert [s.id for s in admit(r, "s1").record] == ["s1"]
    with pytest.raises(DecisionError):
        admit(r, "s2")
    moved = routed("Client denied suicidal thoughts today.", decisions={"s1": Route.PRIVATE})
    assert [i.polarity for i in moved.risk_items] == [Polarity.DENIED]


def test_scratch_that_takes_back_what_was_said() -> None:
    """What the clinician takes back is left out, unless it speaks of danger: then it is held."""
    assert of("Client reports good sleep. Scratch that.", "good sleep") is Route.SET_ASIDE
    assert of("Client owns a shotgun. Scratch that.", "shotgun") is Route.HELD


def test_a_therapists_question_is_no_report() -> None:
    """In a session a question stays out of the record; about danger it stands beside its answer."""
    text = "Therapist: Are you sleeping at all?\nClient: I sleep about four hours a night now.\nTherapist: Any thoughts of suicide?\nClient: No.\n"
    r = routed(text, Context(mode=Mode.SESSION))
    assert [p.route for p in r.placed] == [Route.SET_ASIDE, Route.RECORD, Route.RECORD, Route.RECORD]
    assert [p.reason for p in r.placed][2:] == ["question", "answer"]


def test_record_statements_are_made_in_routing_alone() -> None:
    """The code outside `drafting/pipeline/routing.py` never constructs a RecordStatement."""
    makers = set()
    for path in [*ROOT.glob("drafting/**/*.py"), *ROOT.glob("models/**/*.py"), *ROOT.glob("eval/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "RecordStatement":
                makers.add(path.relative_to(ROOT).as_posix())
    assert makers == {"drafting/pipeline/routing.py"}


@pytest.mark.parametrize(
    ("answer", "asked"),
    [
        ("No.", False),
        ("No. Not since the spring.", False),
        ("Never.", False),
        ("I haven't, no.", False),
        ("Yes.", True),
        ("Sometimes.", True),
        ("No, but I have thought about the bridge.", True),
        ("Not really.", True),
        ("It comes and goes.", True),
        ("No. Only at night.", True),
    ],
)
def test_a_question_about_danger_is_closed_by_a_plain_no_alone(answer: str, asked: bool) -> None:
    """In a session "Yes" to the question is danger, though it names none; only an answer that says no and takes nothing back opens no item."""
    r = routed(f"Therapist: Any thoughts of suicide?\nClient: {answer}\nTherapist: I see. Thank you for telling me.", Context(mode=Mode.SESSION))
    assert bool(r.risk_items) is asked
    assert r.placed[0].reason == "question" and r.placed[1].route is Route.RECORD
    assert not asked or {"s1", "s2"} <= set(r.risk_items[0].evidence)


def test_an_answer_that_names_danger_itself_opens_an_item() -> None:
    """Danger inside the answer is never covered by the question."""
    r = routed("Therapist: Any thoughts of suicide?\nClient: No. I keep my dad's gun in the truck.", Context(mode=Mode.SESSION))
    assert "access to a firearm" in [i.topic for i in r.risk_items]


def test_a_pause_ends_a_spoken_private_sentence() -> None:
    """In a recogniser's text a pause is the full stop: what follows a private sentence and looks like record is held for the clinician."""
    words = ["private i found the story hard to believe", "he denied any thoughts of suicide today"]
    for gap, expected in ((1.0, Route.HELD), (0.05, Route.PRIVATE)):
        t = heard([Utterance(words[0], 0.0, 3.0), Utterance(words[1], 3.0 + gap, 6.0)], "engine", True)
        assert route(state(t, ENCODER.read(t)), Context()).placed[-1].route is expected


# ── costs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("private", "risk", "items"), [(0.9, 0.3, 1), (0.9, 0.1, 0), (0.05, 0.3, 0), (0.05, 0.6, 1)])
def test_faint_danger_is_shown_where_nobody_would_read_it(private: float, risk: float, items: int) -> None:
    """In private words a danger that is hardly likely opens an item; in the record, where it is read anyway, it takes more."""
    s = statement("He has given away the records and the good guitar.", private=private, risk=risk)
    assert len(route([s], Context()).risk_items) == items


@pytest.mark.parametrize(("likely", "expected"), [(0.89, Route.PRIVATE), (0.95, Route.RECORD)])
def test_words_under_a_private_command_move_by_certainty_alone(likely: float, expected: Route) -> None:
    """An element that is only likely raises a prompt and leaves the words where the clinician put them."""
    s = statement("Private: the marmalade dose again.", elements={"X1": likely})
    routed = route([s], Context())
    assert routed.placed[0].route is expected and bool(routed.prompts) is (expected is Route.PRIVATE)


@pytest.mark.parametrize(("text", "items"), [("and agreed that the safety plan still fits", 0), ("and has put the letters in order", 1)])
def test_a_step_for_safety_in_the_record_asks_nothing_more(text: str, items: int) -> None:
    """A safeguard that names no danger is record text; a danger that only the network saw still opens an item."""
    assert len(route([statement(text, risk=0.9)], Context()).risk_items) == items


def test_a_question_about_medication_stands_beside_its_answer() -> None:
    """ "Yes, fifty milligrams" says nothing without the drug that was asked about; it opens no risk item."""
    out = routed("Therapist: Are you still taking the sertraline?\nClient: Yes, fifty milligrams, every morning.\n", Context(mode=Mode.SESSION))
    assert next((s.reason, s.role) for s in out.record) == ("question", Role.MEDICATION)
    assert {s.role for s in out.record} == {Role.MEDICATION} and len(out.record) >= 2 and not out.risk_items


def test_an_answer_about_danger_runs_to_its_sentences_end() -> None:
    """What is cut off in the middle of a sentence could be read as something else."""
    out = routed(
        "Therapist: Any thoughts of suicide?\nClient: I did think of it in June, and I wrote to my sister, and she came over, and we sat up. The dog slept.\n",
        Context(mode=Mode.SESSION),
    )
    said = " ".join(s.words for s in out.record)
    assert "we sat up." in said


def unsure(text: str, n: int, start: int) -> Statement:
    """A statement that neither side is sure of."""
    return statement(text, n, start, routes={Route.RECORD: 0.4, Route.PRIVATE: 0.3, Route.SET_ASIDE: 0.3})


@pytest.mark.parametrize(
    ("first", "second", "placed"),
    [
        ("bi polo", "no bipolar one in partial remission", Route.HELD),
        ("bi polo", "wait bipolar one in partial remission", Route.HELD),
        ("Bi polo.", "No change in the diagnosis.", Route.RECORD),
        ("bi polo", "nothing has changed since May", Route.RECORD),
        ("i did not quite know what to make of it", "no change in medication", Route.RECORD),
    ],
)
def test_half_a_self_correction_does_not_stand_alone(first: str, second: str, placed: Route) -> None:
    """Law 5: "no" after a broken-off fragment that is held may take the fragment back, and alone it would deny what was said."""
    out = route((unsure(first, 1, 0), statement(second, 2, len(first) + 1)), Context())
    assert [p.route for p in out.placed] == [Route.HELD, placed]


def test_a_denial_of_danger_never_waits_for_a_fragment() -> None:
    """What names danger stands where it was placed."""
    out = route((unsure("um well", 1, 0), statement("no thoughts of suicide", 2, 8, risk=0.9, topic="suicide")), Context())
    assert out.placed[1].route is Route.RECORD
