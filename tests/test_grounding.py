"""Grounding: rules that are not the writer's own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drafting.pipeline.formats import load
from drafting.pipeline.grounding import (
    DONE,
    LOST_NEGATIVE,
    MOVED,
    NEW_DRUG,
    NEW_NAME,
    NEW_NEGATIVE,
    NEW_NUMBER,
    NEW_PERSON,
    NEW_PLAN,
    NEW_TIME,
    NO_SOURCE,
    NO_SUCH_DENIAL,
    OTHER_PERSON,
    OTHER_SECTION,
    OTHER_WORDS,
    SURER,
    ground,
    judge,
)
from drafting.pipeline.grounding.claims import Source
from drafting.pipeline.plain import tidy
from drafting.types import Context, Draft, DraftSentence, Role, Support
from tests.making import record, routed

TRUE = [
    ("Client slept four hours.", ["um she slept four hours"]),
    ("Client slept 4 hours.", ["she slept four hours"]),
    ("Client reported feeling sad.", ["I feel sad"]),
    ("Client reported she was not sleeping.", ["she's not sleeping"]),
    ("Client reported poor sleep.", ["she's not sleeping"]),
    ("Clinician taught Client a grounding exercise.", ["I taught her a grounding exercise"]),
    ("Clinician and Client reviewed the thought record.", ["we went through, we reviewed the thought record"]),
    ("Client reported that her mother had been drinking again.", ["her mom's drinking again"]),
    ("Client's mother was drinking again.", ["her mum is drinking again"]),
    ("PHQ-9 was 11, down from 14.", ["PHQ nine was eleven, down from fourteen"]),
    ("PHQ-9: 11.", ["phq nine is eleven today"]),
    ("Client met with Clinician from 2:05 p.m. to 2:55 p.m.", ["met from two oh five to two fifty-five"]),
    ("Session began at 3:10.", ["we began at ten past three"]),
    ("Session ended at 3:55.", ["session ended at five to four"]),
    ("Panic attacks decreased to two to three per week.", ["panic attacks are down to two or three a week"]),
    ("Client reported three panic attacks per week.", ["two, no wait, three panic attacks a week"]),
    ("Client takes sertraline 50 mg daily.", ["on Zoloft fifty milligrams daily"]),
    ("Client takes sertraline 50 mg and prazosin 2 mg.", ["sertraline 50 and prazosin 2 at night"]),
    ("Client was last seen on November 27.", ["last seen 11/27"]),
    ("Client denied suicidal thoughts.", ["she denied suicidal thoughts today"]),
    ("Client denied SI and HI.", ["no suicidal ideation, no homicidal ideation"]),
    ("Client denied fever, chills and cough.", ["no fever, chills or cough"]),
    ("Client could not sleep.", ["she was unable to sleep"]),
    ("Client slept poorly and ate twice.", ["she slept poorly", "and she ate twice"]),
    ("Client slept poorly.", ["she slept poorly and she ate twice"]),
    ("Client may have been depressed.", ["she might be depressed"]),
    ("Client will call the clinic on Thursday.", ["she'll call the clinic thursday"]),
    ("Client agreed to log her worry each day.", ["she agreed to log her worry every day"]),
    ("Half an hour was spent on exposure.", ["thirty minutes were spent on exposure"]),
    ("Client's partner moved out.", ["her husband moved out"]),
    ("Client was tearful when discussing her father.", ["she cried when she talked about her dad"]),
    ("Client engaged in CBT.", ["she engaged in cognitive behavioral therapy"]),
    ("Client reported 20 of 30 days sober.", ["twenty of thirty days sober"]),
    ("Client said: “I can't go on like this.”", [Source("I can't go on like this", "client")]),
    ("Clinician said: “You stayed with it.”", [Source("You stayed with it", "clinician")]),
    ("Client denied thoughts of suicide.", [Source("Any thoughts of suicide?", "clinician"), Source("No.", "client")]),
    (
        "Asked about any thoughts of suicide, Client answered: “No, I like my dog too much.”",
        [Source("Any thoughts of suicide?", "clinician"), Source("No, I like my dog too much.", "client")],
    ),
]

FALSE = [
    ("Client slept.", [], NO_SOURCE),
    ("Client slept five hours.", ["she slept four hours"], NEW_NUMBER),
    ("Client slept 4 nights.", ["she slept four hours"], NEW_NUMBER),
    ("PHQ-9 was 14, down from 11.", ["PHQ nine was eleven, down from fourteen"], MOVED),
    ("Distress fell from 55 to 90.", ["distress fell from 90 to 55"], MOVED),
    ("Client slept five hours on four nights.", ["she slept four hours on five nights"], NEW_NUMBER),
    ("Client takes sertraline 2 mg and prazosin 50 mg.", ["sertraline 50 mg and prazosin 2 mg"], MOVED),
    ("Client takes sertraline 100 mg.", ["sertraline 50 mg"], NEW_NUMBER),
    ("Sertraline was raised.", ["the dose was raised"], NEW_DRUG),
    ("Fluoxetine was raised.", ["sertraline was raised"], NEW_DRUG),
    ("Seen on Tuesday.", ["seen on Monday"], NEW_TIME),
    ("Client drank on Monday and fought on Friday.", ["she fought on Monday and drank on Friday"], MOVED),
    ("Session began at 2:15.", ["session began at two oh five"], NEW_NUMBER),
    ("Client was seen yesterday.", ["she was seen today"], NEW_TIME),
    ("Client used grounding twice a day.", ["she used grounding twice a week"], NEW_NUMBER),
    ("Exposure starts last week.", ["exposure starts next week"], NEW_TIME),
    ("Client reported that her sister drinks.", ["her mother drinks"], NEW_PERSON),
    ("Client's mother slept badly.", ["she slept badly"], NEW_PERSON),
    ("Client argued with Tobias.", ["she argued with Maren"], NEW_NAME),
    ("Client engaged in DBT.", ["she engaged in CBT"], NEW_NAME),
    ("Client's mother hit her sister.", ["her sister hit her mother"], MOVED),
    ("Client denied suicidal ideation.", ["she talked about her week"], NO_SUCH_DENIAL),
    ("Client denied suicidal ideation.", ["we talked about suicidal ideation"], NO_SUCH_DENIAL),
    ("Client denied suicide.", ["he denied drinking and talked of suicide"], NO_SUCH_DENIAL),
    ("Client slept. No SI or HI.", ["she slept and did not eat"], NO_SUCH_DENIAL),
    (
        "Client denied thoughts of suicide.",
        [Source("Any thoughts of suicide?", "clinician"), Source("No, but I think of the bridge.", "client")],
        NO_SUCH_DENIAL,
    ),
    ("Client denied drinking.", ["she described drinking"], NEW_NEGATIVE),
    ("Client did not call.", ["she called"], NEW_NEGATIVE),
    ("Client was not sleeping but was eating.", ["she was sleeping but was not eating"], NEW_NEGATIVE),
    ("Client is drinking.", ["he is not drinking"], LOST_NEGATIVE),
    ("Client reported thoughts of suicide.", ["um no thoughts of suicide"], LOST_NEGATIVE),
    ("Client reported chest pain.", ["denies cough, chest pain or fever"], LOST_NEGATIVE),
    ("Client was drinking again.", ["her mother is drinking again"], OTHER_PERSON),
    ("Client reported the bill would finish them off.", ["mother says the bill will finish her off"], OTHER_PERSON),
    ("Clinician cried.", ["she cried"], OTHER_PERSON),
    ("Client taught the grounding exercise.", [Source("I taught the grounding exercise", "author")], OTHER_PERSON),
    ("Client reported feeling tense.", [Source("It sounds tense for you.", "clinician")], OTHER_PERSON),
    ("Client was depressed.", ["she may be depressed"], SURER),
    ("Depression was established.", ["I suspect depression"], SURER),
    ("Client called the clinic Thursday.", ["she'll call the clinic thursday"], DONE),
    ("Client slept. Client will keep a thought record.", ["she slept"], NEW_PLAN),
    ("Client slept badly. Clinician assigned breathing as homework.", ["she slept badly"], NEW_PLAN),
]


@pytest.mark.parametrize(("sentence", "sources"), TRUE)
def test_record_style_is_borne_out(sentence: str, sources: list[str | Source]) -> None:
    """Person, tense, number words, fillers and harmless other words may change, statements may be joined or parted."""
    assert judge(sentence, sources) == (Support.SUPPORTED, None)


@pytest.mark.parametrize(("sentence", "sources", "why"), FALSE)
def test_a_claim_that_the_sources_do_not_make_is_unsupported(sentence: str, sources: list[str | Source], why: str) -> None:
    """A figure, time, drug, person, denial, certainty or plan must be the sources' own and stand where it stands there."""
    assert judge(sentence, sources) == (Support.UNSUPPORTED, why)


def test_many_other_words_are_weak() -> None:
    """A sentence whose words are mostly in no source is not called supported."""
    assert judge("Grief about loss dominated exploration of attachment.", ["she talked about her cat"]) == (Support.WEAK, OTHER_WORDS)


def test_the_clients_name_is_the_client() -> None:
    """A draft may say Client for a name that the visit gives, and a stranger's name stays a stranger's."""
    handed, context = record("Ottoline slept badly."), Context(client_names=("Ottoline Marsh",))
    draft = Draft(
        load("soap"),
        (DraftSentence("subjective", "Client slept badly.", ("s1",)), DraftSentence("subjective", "Ottoline slept badly.", ("s1",))),
        "test",
    )
    assert [s.support for s in ground(draft, handed, context).sentences] == [Support.SUPPORTED, Support.SUPPORTED]
    strange = replace(draft, sentences=(DraftSentence("subjective", "Tobias asked why.", ("s1",)),))
    assert ground(strange, handed, context).sentences[0].support is Support.UNSUPPORTED


def test_sources_are_found_by_id() -> None:
    """A sentence is judged by the statements that it cites and no others."""
    handed = record("She slept four hours.", "She ate twice.")
    draft = Draft(
        load("soap"),
        (DraftSentence("subjective", "She slept four hours.", ("s2",)), DraftSentence("subjective", "She slept four hours.", ())),
        "test",
    )
    assert [s.support for s in ground(draft, handed).sentences] == [Support.UNSUPPORTED, Support.UNSUPPORTED]


def test_a_sentence_in_another_section_is_weak() -> None:
    """What a client reports does not stand under the plan; it stands where the format puts reports."""
    handed = record("She slept four hours.", role=Role.REPORT)
    at = {k: DraftSentence(k, "She slept four hours.", ("s1",)) for k in ("plan", "subjective")}
    marked = ground(Draft(load("soap"), tuple(at.values()), "test"), handed).sentences
    assert [(s.support, s.why) for s in marked] == [(Support.WEAK, OTHER_SECTION), (Support.SUPPORTED, None)]


def test_danger_may_stand_under_its_own_section() -> None:
    """A statement of danger that is a report is at home where reports and where danger go."""
    handed = tuple(replace(s, risk=True) for s in record("She thinks of suicide.", role=Role.REPORT))
    sentences = tuple(DraftSentence(k, "She thinks of suicide.", ("s1",)) for k in ("subjective", "assessment", "plan"))
    assert [s.support for s in ground(Draft(load("soap"), sentences, "test"), handed).sentences] == [
        Support.SUPPORTED,
        Support.SUPPORTED,
        Support.WEAK,
    ]


def test_reasons_hold_no_word_of_a_source() -> None:
    """Why a sentence is marked is one of a few fixed sentences, so that it may be shown and logged."""
    reasons = {why for _, _, why in FALSE}
    assert all(judge(text, sources)[1] in reasons for text, sources, _ in FALSE)


@pytest.mark.parametrize("text", ["", "…", "“”", "123", "no", "?", "-- --", "a/b 3/0 00:99 13/45/2001 1,2,3", "x" * 2_000])
def test_odd_texts_are_judged(text: str) -> None:
    """Text without words, or with figures that are no figures, gets a verdict like any other."""
    assert judge(text, ["she slept"])[0] in Support and judge("She slept.", [text])[0] in Support


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet="aeio nt0123456789:/.,'?-“”", max_size=40))
@example("e“0”1")
def test_any_text_bears_itself_out(text: str) -> None:
    """Whatever the characters, a text is borne out by itself."""
    assert not text.strip() or judge(text, [text])[0] is Support.SUPPORTED


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.sampled_from("she he slept four hours never drank twice today denied suicide plan sertraline not um so and the".split()),
        min_size=3,
        max_size=20,
    )
)
def test_what_the_plain_writer_does_is_supported(words: list[str]) -> None:
    """Own words, lightly edited, are always borne out by themselves."""
    said = " ".join(words)
    if tidy(said):
        assert judge(tidy(said), [said])[0] is Support.SUPPORTED


def test_what_routing_hands_on_keeps_who_did_it() -> None:
    """In a dictation "I" is the clinician: a draft that gives the client what the clinician did is unsupported."""
    handed = routed("I taught her a breathing exercise. She reported three panic attacks this week.").record
    sentence = DraftSentence("objective", "Client taught a breathing exercise.", (handed[0].id,))
    assert ground(Draft(load("soap"), (sentence,), "test"), handed).sentences[0].why == OTHER_PERSON
