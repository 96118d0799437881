"""A session told as a note: who said it, in which words, and what must never be left out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.rouge import _visit, rouge
from drafting.pipeline.formats import load
from drafting.pipeline.plain.reported import asked, phrase, reported
from drafting.pipeline.plain.talk import told
from drafting.pipeline.wording import weighty
from drafting.types import Context, DraftSentence, Length, Mode, RecordStatement, Role, Style
from prompts import table
from tests.making import statement

SOAP = load("soap")
CLIENT, CLINICIAN = "client", "clinician"


def talk(*said: tuple) -> tuple[RecordStatement, ...]:
    """Record statements of a transcript: each (speaker, words, role) and, where it matters, the reason; one turn each."""
    out, at = [], 0
    for n, (speaker, words, role, *reason) in enumerate(said, 1):
        s = replace(statement(words, n, at, role=role), speaker=speaker)
        out.append(RecordStatement(s, role, reason[0] if reason else "encoder", role is Role.RISK))
        at += len(words) + 12
    return tuple(out)


def note(*said: tuple, style: Style | None = None, key: str = "soap") -> tuple[DraftSentence, ...]:
    return told(talk(*said), load(key), Context(mode=Mode.SESSION, style=style or Style()))


def line(speaker: str, words: str, role: Role, reason: str = "encoder") -> str:
    """The one sentence that these words come to."""
    (sentence,) = note((speaker, words, role, reason))
    return sentence.text


# ── the client's words ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "written"),
    [
        (
            "I've been waking at three and I can't stop worrying about my sister.",
            "Client reported that they had been waking at three and they could not stop worrying about their sister.",
        ),
        ("Um, so I, I took the bus twice, you know.", "Client reported that they took the bus twice."),
        ("When I get in bed I can't breathe.", "Client reported that when they got in bed they could not breathe."),
        ("He stands in the door till I give up on going out.", "Client reported that he stood in the door till they gave up on going out."),
        ("I'd stand at the river most nights", "Client reported that they would stand at the river most nights."),
        ("I felt like muck on somebody's boot", "Client reported that they felt like muck on somebody's boot."),
        ("I'd not thought of it", "Client reported that they had not thought of it."),
        ("I don't sleep now", "Client reported that they do not sleep now."),
        ("My parents think I'm lazy", "Client reported that Client's parents think Client was lazy."),
        ("No, I'd rather drive.", "Client said no and that they would rather drive."),
        ("Three attacks, the worst one at work.", "Client said: three attacks, the worst one at work."),
        ("Can we meet on Thursday again?", "Client asked whether they could meet on Thursday again."),
    ],
)
def test_the_client_is_reported(said: str, written: str) -> None:
    """First person becomes the client's, contractions are written out, the tense goes back where the verbs are known, fillers go."""
    assert line(CLIENT, said, Role.REPORT) == written


@pytest.mark.parametrize(
    "said",
    [
        "It's because you get tired of it in the end.",
        "That everybody could see I was losing it.",
        "We fight every night.",
        "They moved him to the night shift.",
        "My mom goes, you're resting, and I froze.",
        "Dizzy when I get up quick.",
        "He don't talk to me.",
    ],
)
def test_what_cannot_be_told_rightly_is_quoted(said: str) -> None:
    """A "you" or "we" that may be anybody, half a sentence, others as "they", and dialect stand as they were said."""
    assert reported(said, client=True) is None
    assert line(CLIENT, said, Role.MEDICATION) == f"Client said: “{said}”"


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("My brother says he wants to die.", "Client said that their brother says he wants to die."),
        ("I think my dad came in and was drunk.", "Client reported that Client thought Client's dad came in and was drunk."),
        ("They gave me one strike if I sat down.", "Client reported that they gave Client one strike if Client sat down."),
    ],
)
def test_nobody_is_taken_for_the_client(said: str, written: str) -> None:
    """A relative's danger is the relative's, and "they" is never two people in one sentence."""
    assert line(CLIENT, said, Role.RISK if "die" in said else Role.REPORT) == written


@pytest.mark.parametrize("said", ["he's slept in his own bed", "he's stopped", "she's lost"])
def test_a_contraction_that_may_be_two_things_stays(said: str) -> None:
    """Where 's may be "is" or "has" it is not written out, and the tense stays; where 'd may be "had" or "would" nothing is told."""
    assert reported(said, client=True) == said.rstrip(".")
    assert reported("I'd hit him", client=True) is None


def test_a_time_of_day_is_no_verb() -> None:
    """ "Three am" stays a time, whoever is told of."""
    assert line(CLIENT, "I woke up at three am and I am tired.", Role.REPORT).endswith("“I woke up at three am and I am tired.”")


def test_standing_facts_keep_their_tense() -> None:
    """Medication, scores and plans are told in the tense in which they were said."""
    assert line(CLIENT, "I still take the sertraline, just at night.", Role.MEDICATION) == (
        "Client reported that they still take the sertraline, just at night."
    )
    assert line(CLIENT, "I'll do it Sunday.", Role.PLAN) == "Client said that they will do it Sunday."


# ── the clinician's moves ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "role", "written"),
    [
        (
            "Let's try the breathing again, in for four.",
            Role.INTERVENTION,
            "Clinician suggested that they try the breathing again, in for four.",
        ),
        (
            "I'd like you to take the bus three times and write down your number.",
            Role.PLAN,
            "Clinician asked Client to take the bus three times and write down their number.",
        ),
        (
            "Put both feet flat and tell me what you hear.",
            Role.INTERVENTION,
            "Clinician asked Client to put both feet flat and tell the clinician what they hear.",
        ),
        (
            "You stayed with it, and you used the breathing.",
            Role.INTERVENTION,
            "Clinician reflected that Client stayed with it, and they used the breathing.",
        ),
        (
            "It sounds as if the shame is louder than the sadness.",
            Role.INTERVENTION,
            "Clinician reflected that it sounded as if the shame is louder than the sadness.",
        ),
        ("I wonder whether you were angry.", Role.INTERVENTION, "Clinician wondered whether Client was angry."),
        ("To sum up, you slept better.", Role.INTERVENTION, "Clinician summarised that Client slept better."),
        ("We practised the exhale.", Role.INTERVENTION, "Clinician and Client practised the exhale."),
        ("In here the thought is only a thought.", Role.INTERVENTION, "Clinician commented that in here the thought is only a thought."),
        ("We'll look at the numbers together.", Role.PLAN, "Clinician and Client will look at the numbers together."),
        ("I'll phone the school about the bell.", Role.PLAN, "Clinician will phone the school about the bell."),
        (
            "Before Thursday, please do the breathing each morning.",
            Role.PLAN,
            "Clinician asked Client, before Thursday, to do the breathing each morning.",
        ),
        ("Tonight you write three lines, only three.", Role.PLAN, "Tonight Client writes three lines, only three."),
        ("Thursday at four.", Role.PLAN, "Thursday at four."),
        ("For this week, phone on the counter at ten.", Role.PLAN, "For this week, phone on the counter at ten."),
        ("Fourteen is down from thirty.", Role.PROGRESS, "Clinician noted that fourteen is down from thirty."),
    ],
)
def test_a_move_is_called_by_its_words(said: str, role: Role, written: str) -> None:
    """What the clinician does is named by a closed list of verbs, each shown by the words, and "you" is the client."""
    assert line(CLINICIAN, said, role) == written


def test_what_is_to_be_done_is_not_told_as_done() -> None:
    """A direction of the clinician's stays in the present, and is no reflection."""
    said = "So you ring the night line before you go near the wharf."
    assert line(CLINICIAN, said, Role.INTERVENTION) == "Clinician said that Client rings the night line before they go near the wharf."


def test_you_and_the_two_of_us_are_not_mixed() -> None:
    """After "they" for both, the client is named."""
    said = "Let's agree that you sleep at your friend's until then."
    assert line(CLINICIAN, said, Role.PLAN) == "Clinician suggested that they agree that Client sleeps at Client's friend's until then."


def test_a_reaction_just_after_a_move_is_a_response() -> None:
    """ "Responded" stands only where the clinician did something just before."""
    after = note((CLINICIAN, "Let's try the exhale once.", Role.INTERVENTION), (CLIENT, "My chest feels looser.", Role.RESPONSE))
    alone = note((CLIENT, "My chest feels looser.", Role.RESPONSE))
    assert [s.text for s in after][1] == "Client responded that their chest felt looser."
    assert [s.text for s in alone] == ["Client said that their chest felt looser."]


# ── danger ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_question_about_danger_keeps_its_answer() -> None:
    """The question is reported or quoted, the answer is in the answerer's own words, and both are evidence."""
    (s,) = note(
        (CLINICIAN, "Have you had any thoughts of hurting yourself or of not wanting to live?", Role.RISK, "question"),
        (CLIENT, "No.", Role.RISK, "answer"),
        (CLIENT, "Not since the spring.", Role.RISK, "answer"),
    )
    assert (
        s.text
        == "Asked whether they had had any thoughts of hurting themselves or of not wanting to live, Client answered: “No. Not since the spring.”"
    )
    assert (s.evidence, s.section) == (("s1", "s2", "s3"), "assessment")


@pytest.mark.parametrize(
    ("question", "form"),
    [
        ("And has he ever turned up where you live?", "whether he had ever turned up where they lived"),
        ("Any thoughts of ending your life?", "about any thoughts of ending their life"),
        ("Is that door locked now?", None),
        ("What stopped you going further?", None),
        ("Did you hit him, or think that you would?", None),
        ("Were you hurt, and was he?", None),
    ],
)
def test_questions_that_yes_or_no_answers_are_reported(question: str, form: str | None) -> None:
    """Others are quoted: a question turned wrongly would make the answer another's."""
    got = asked(question, client=False)
    assert (got and got.replace("\ue000", "Client")) == form


def test_a_question_that_nobody_answered_denies_nothing() -> None:
    """There is no answer where none was given."""
    (s,) = note((CLINICIAN, "Have you thought of suicide?", Role.RISK, "question"))
    assert s.text == "Clinician asked whether they had thought of suicide."


def test_words_that_only_lead_up_to_a_question_are_not_told() -> None:
    """They say nothing, even where they are taken for danger; with anything named in them they stand."""
    assert note((CLINICIAN, "Before we go on I want to ask what I always ask.", Role.RISK)) == ()
    assert "gun" in line(CLINICIAN, "I have to ask about the gun at your house.", Role.RISK)


def test_own_danger_is_in_their_own_words() -> None:
    """A short statement of the client's own danger is quoted, whatever could be told."""
    assert line(CLIENT, "I looked at the razor for a while.", Role.RISK) == "Client said: “I looked at the razor for a while.”"


# ── choosing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _long_talk() -> list[tuple]:
    """An hour's talk: many reports, and what must be told at its very end."""
    things = "garden fence gate window carpet kettle ladder cupboard mirror lantern blanket basket pillow curtain drawer candle bucket hammer".split()
    places = "attic cellar hallway kitchen".split()
    chat = [(CLIENT, f"I painted the {a} in the {b} with my cousin.", Role.REPORT) for a in things for b in places]
    kept = [
        (CLIENT, "I looked at the river.", Role.RISK),
        (CLIENT, "I take fifty milligrams.", Role.MEDICATION),
        (CLINICIAN, "Your score was fourteen.", Role.MEASURE),
        (CLINICIAN, "Thursday at four.", Role.PLAN),
    ]
    return chat + kept


@pytest.mark.parametrize("length", list(Length))
def test_danger_medication_scores_and_plans_are_always_told(length: Length) -> None:
    """At every length they are in the note, and the rest keeps to the room of its section."""
    said = _long_talk()
    sentences = note(*said, style=Style(length=length))
    used = {e for s in sentences for e in s.evidence}
    assert {f"s{n}" for n in range(len(said) - 3, len(said) + 1)} <= used
    room = SOAP.sections[0].words[1] * table("talk.toml")["salience"]["room"][length.value]
    assert sum(len(s.text.split()) for s in sentences if s.section == "subjective") <= room + 8


def test_longer_styles_tell_more() -> None:
    """Short, usual and full each take more of an hour's talk than the one before."""
    counts = [sum(len(s.text.split()) for s in note(*_long_talk(), style=Style(length=n))) for n in (Length.SHORT, Length.USUAL, Length.FULL)]
    assert counts == sorted(counts) and len(set(counts)) == 3


def test_what_is_new_goes_before_what_was_told() -> None:
    """Of two reports the one that says something else is chosen: the same thing twice adds nothing."""
    said = [
        (CLIENT, "I slept four hours a night.", Role.REPORT),
        (CLIENT, "I slept four hours a night.", Role.REPORT),
        (CLIENT, "I lost my job.", Role.REPORT),
    ]
    assert [s.evidence for s in note(*said)] == [("s1",), ("s3",)]


def test_the_order_is_the_sources_and_sections_are_the_formats() -> None:
    """Whatever was chosen first, sentences stand as they were said, under the section that their role belongs to."""
    said = [
        (CLINICIAN, "Thursday at four.", Role.PLAN),
        (CLIENT, "I lost my job.", Role.REPORT),
        (CLINICIAN, "Let's try the exhale once.", Role.INTERVENTION),
        (CLIENT, "I slept four hours.", Role.REPORT),
    ]
    assert [(s.section, s.evidence) for s in note(*said, key="birp")] == [
        ("behavior", ("s2",)),
        ("behavior", ("s4",)),
        ("intervention", ("s3",)),
        ("plan", ("s1",)),
    ]


def test_clauses_of_one_sentence_are_told_as_one() -> None:
    """Two clauses of a sentence keep together, and a statement made on end is joined; both are evidence."""
    parts = [("I slept five hours,", 0, Role.REPORT), ("and I had three attacks.", 20, Role.PROGRESS), ("I took the bus twice.", 45, Role.PROGRESS)]
    said = tuple(
        RecordStatement(replace(statement(words, n, at, role=role), speaker=CLIENT), role, "encoder") for n, (words, at, role) in enumerate(parts, 1)
    )
    (s,) = told(said, SOAP, Context(mode=Mode.SESSION))
    assert s.text == "Client reported that they slept five hours, and they had three attacks, and that they took the bus twice."
    assert s.evidence == ("s1", "s2", "s3")


# ── what holds for all ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_styles_words_for_the_two_are_used() -> None:
    """A practice's names stand for both, at the head of a sentence and within it."""
    style = Style(client="J.S.", clinician="Therapist")
    (s,) = note((CLINICIAN, "Tell me what you hear.", Role.INTERVENTION), style=style)
    assert s.text == "Therapist asked J.S. to tell the therapist what they hear."


def test_another_speaker_is_not_the_client() -> None:
    """Somebody else in the room is a participant."""
    (s,) = note(("mother", "I hear him pacing at night.", Role.REPORT))
    assert s.text == "Participant reported that they heard him pacing at night."


FACTS = [
    "I didn't take fifty milligrams on Tuesday",
    "I never slept more than two hours",
    "I can't eat twice a day",
    "I've had no drink since Monday",
    "My dad won't take his lithium",
]


@pytest.mark.parametrize("said", FACTS)
def test_numbers_negations_drugs_and_times_are_as_they_were_said(said: str) -> None:
    """In order, whatever else is told anew."""
    assert weighty(line(CLIENT, said, Role.REPORT)) == weighty(said)


def test_a_phrase_keeps_who_is_who() -> None:
    """The clinician's I is the clinician, also inside what the client is asked to do."""
    assert phrase("bring me your log").replace("\ue001", "the clinician") == "bring the clinician their log"


def test_words_that_stand_for_people_here_are_not_taken_from_a_source() -> None:
    """A source's own private characters name nobody."""
    assert "Clinician" not in line(CLIENT, "I slept \ue002 badly and \ue001 I cried.", Role.REPORT)


# ── how notes are compared ────────────────────────────────────────────────────────────────────────────────────────────


def test_rouge_counts_words_pairs_and_order() -> None:
    """Against counts made by hand: five of six words, three of five pairs, five in order; a text is wholly like itself."""
    got = rouge("the cat sat on the mat", "The cat lay on the mat.")
    assert {k: round(v, 3) for k, v in got.items()} == {"1": 0.833, "2": 0.6, "L": 0.833}
    assert rouge("mat the on", "on the mat")["L"] == pytest.approx(1 / 3)
    assert set(rouge("one two", "one two").values()) == {1.0} and set(rouge("one", "two").values()) == {0.0}


def test_a_consultation_is_read_whichever_way_it_is_kept() -> None:
    """Timed turns and labelled text give the same talk, in order, with the two roles."""
    timed = _visit({"turns": [[2.0, 3.0, "patient", "I don't sleep."], [0.0, 1.0, "doctor", "Well?"]], "note": "n"})
    labelled = _visit({"dialogue": "[doctor] Well ?\n[patient] I do n't sleep .", "note": "n"})
    assert timed == labelled and timed.turns == (("clinician", "Well?"), ("client", "I don't sleep."))
