"""The plain writer: the clinician's own words, nothing added, nothing that carries weight taken."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drafting.pipeline.composing import compose
from drafting.pipeline.formats import load
from drafting.pipeline.plain import PlainWriter, tidy
from drafting.pipeline.wording import content, weighty
from drafting.types import Context, Draft, DraftSentence, Edit, RecordStatement, Role, Routed, Style, Voice
from tests.making import record, routed, statement


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("um so she she slept uh four hours", "She slept four hours."),
        ("and i taught box breathing,", "I taught box breathing."),
        ("okay, you know, he denied SI today", "He denied SI today."),
        ("For the chart: insight is fair", "Insight is fair."),
        ("Plan: see her on Tuesday at 4", "See her on Tuesday at 4."),
        ("He had had two drinks.", "He had had two drinks."),
        ("no no he never drove", "No no he never drove."),
        ("She took 50 50 mg by mistake", "She took 50 50 mg by mistake."),
        ("Client said “I, um, can't.”", "Client said “I, can't.”"),
        ("um, uh, okay", ""),
        ("I mean, she agreed", "She agreed."),
        ("what I mean is she agreed", "What I mean is she agreed."),
        ("well rested, and on time", "Well rested, and on time."),
    ],
)
def test_lightly_edited(said: str, written: str) -> None:
    """Fillers, repeats and commands go; numbers, negations and meaning stay."""
    assert tidy(said) == written


WORDS = [
    "um",
    "uh",
    "so",
    "and",
    "she",
    "she",
    "he",
    "not",
    "never",
    "no",
    "denied",
    "50",
    "mg",
    "two",
    "two",
    "sertraline",
    "twice",
    "slept",
    "you know,",
    "I mean,",
    "okay",
    "Plan:",
    "private:",
    "a.m.",
    "i",
    "sorry",
    "five",
    "wasn't",
]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(WORDS), max_size=25))
def test_weighty_words_are_never_touched(words: list[str]) -> None:
    """Whatever is edited away, the numbers, negations, times and drugs are the same, in order."""
    said = " ".join(words)
    assert weighty(tidy(said)) == (weighty(said) if tidy(said) else ())


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(WORDS), max_size=25))
def test_no_word_is_added(words: list[str]) -> None:
    """Every content word of the sentence was said."""
    said = " ".join(words)
    assert set(content(tidy(said))) <= set(content(said))


def _draft(r: Routed, key: str = "soap") -> Draft:
    return compose(r.record, load(key), PlainWriter(), Context())


def said(*pairs: tuple[Role, str], style: Style | None = None, names: tuple[str, ...] = (), key: str = "soap") -> Draft:
    """The draft of statements, each with its role, that follow one another."""
    made, at = [], 0
    for n, (role, text) in enumerate(pairs, 1):
        made.append(RecordStatement(statement(text, n, at, role=role), role, "test"))
        at += len(text) + 1
    return compose(tuple(made), load(key), PlainWriter(), Context(client_names=names, style=style or Style()))


def texts(d: Draft, key: str) -> list[str]:
    return [s.text for s in d.section(key)]


def test_neighbours_in_one_section_stay_one_sentence() -> None:
    """Two clauses of one sentence in one section are one sentence, with both as evidence."""
    d = _draft(routed("Client missed two workdays because of panic, and her supervisor has issued a warning."))
    assert [(s.text, s.evidence) for s in d.sentences] == [
        ("Client missed two workdays because of panic, and her supervisor has issued a warning.", ("s1", "s2"))
    ]


def test_a_sentence_is_never_joined_over_a_private_one() -> None:
    """What stood around a private clause is not glued together."""
    d = _draft(routed("Client reports poor sleep, and I felt bored, and she reports low appetite."))
    assert [s.evidence for s in d.sentences] == [("s1",), ("s3",)]


def test_sections_take_their_roles() -> None:
    """Each statement stands under the section that its role belongs to, in the order of the source."""
    d = _draft(routed("PHQ-9 was 11. Client reports poor sleep. We will meet next week. Symptoms are consistent with depression. GAD-7 was 8."))
    assert [s.section for s in d.sentences] == ["subjective", "objective", "objective", "assessment", "plan"]
    assert [s.text for s in d.section("objective")] == ["PHQ-9 was 11.", "GAD-7 was 8."]


def test_the_writer_is_handed_record_statements_alone() -> None:
    """Anything else, a private statement above all, is refused by type."""
    with pytest.raises(TypeError):
        compose((statement("I felt bored."),), load("soap"), PlainWriter(), Context())


class Loose:
    """A writer that cites what it was never given."""

    name = "loose"

    def __init__(self, section: str) -> None:
        self.section = section

    def write(self, statements, note_format, context) -> Draft:
        return Draft(note_format, (DraftSentence(self.section, "He slept.", ("s1", "s99")),), self.name)


def test_evidence_that_was_never_handed_in_is_struck() -> None:
    """A writer cannot cite a statement that it did not get, nor write a section that is not there."""
    handed = record("He slept.", "He ate.")
    d = compose(handed, load("soap"), Loose("subjective"), Context())
    assert d.sentences[0].evidence == ("s1",) and d.omitted == ("s2",)
    with pytest.raises(ValueError, match="section"):
        compose(handed, load("soap"), Loose("musings"), Context())


def test_a_question_about_danger_keeps_its_answer() -> None:
    """In a session the answer "No" means nothing without its question: both stand, both are evidence."""
    from drafting.types import Mode

    text = "Therapist: Any thoughts of suicide?\nClient: No.\n"
    context = Context(mode=Mode.SESSION)
    d = compose(routed(text, context).record, load("soap"), PlainWriter(), context)
    assert [(s.text, s.evidence) for s in d.sentences] == [("Asked about any thoughts of suicide, Client answered: “No.”", ("s1", "s2"))]


def test_roles_hold_in_every_format() -> None:
    """A statement of each role is written exactly once, in every format."""
    for key in ("soap", "dap", "birp", "girp", "pirp", "darp", "pie", "narrative"):
        for role in Role:
            d = compose(record("He said a thing.", role=role), load(key), PlainWriter(), Context())
            assert [s.evidence for s in d.sentences] == [("s1",)], (key, role)


def test_a_recognisers_clauses_are_sentences_of_their_own() -> None:
    """Where nothing but a new subject parts two clauses, each is a sentence; a clause that hangs on another stays with it."""
    text = "client reports poor sleep since the move to the new flat she says the appetite is low because the nausea is back again this week he denied any thoughts of suicide"
    sentences = [s.text for s in _draft(routed(text)).sentences]
    assert "He denied any thoughts of suicide." in sentences
    assert any("because the nausea is back" in s and s.startswith("She sa") for s in sentences)


# ── the record's voice ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_section_begins_with_the_client() -> None:
    """A pronoun whose noun stands in another section is spelled out."""
    d = said((Role.REPORT, "Client sleeps four hours and she is tired."), (Role.PLAN, "She will keep a sleep diary."))
    assert texts(d, "plan") == ["Client will keep a sleep diary."]
    d = said((Role.REPORT, "Client sleeps four hours and she is tired."), (Role.PLAN, "She's agreed to call."), (Role.RISK, "Her safety plan holds."))
    assert texts(d, "plan") == ["Client has agreed to call."] and texts(d, "assessment") == ["Client's safety plan holds."]


@pytest.mark.parametrize(
    "before",
    [
        (Role.REPORT, "Her sister is staying."),
        (Role.REPORT, "She met Priya at work."),
        (Role.REPORT, "Her sister is staying. She drinks."),
    ],
)
def test_a_relative_is_never_made_the_client(before: tuple[Role, str]) -> None:
    """Where the words before speak of somebody who may be meant, the pronoun stays."""
    d = said((Role.REPORT, "Client says she sleeps."), before, (Role.PLAN, "She will drive on Monday."))
    assert texts(d, "plan") == ["She will drive on Monday."]


def test_nobody_unseen_is_made_the_client() -> None:
    """After words that are not in the record a pronoun is the client's only where the whole record speaks of nobody else."""
    seen = record("Client says she sleeps.", "Her sister is staying.", "Appetite is low.")
    later = RecordStatement(statement("She will drive on Monday.", 4, 400, role=Role.PLAN), Role.PLAN, "test")
    assert texts(compose((*seen, later), load("soap"), PlainWriter(), Context()), "plan") == ["She will drive on Monday."]
    assert texts(compose((seen[0], seen[2], later), load("soap"), PlainWriter(), Context()), "plan") == ["Client will drive on Monday."]


def test_names_of_the_client_are_the_houses_word() -> None:
    """A name of the client is the style's word for them, and their pronoun is known by it."""
    d = said((Role.REPORT, "Mara says she sleeps."), (Role.PLAN, "She will call."), style=Style(client="Patient"), names=("Mara Quist",))
    assert texts(d, "subjective") == ["Patient says she sleeps."] and texts(d, "plan") == ["Patient will call."]


def test_said_twice_is_written_once() -> None:
    """The same sentence, or one that another begins with, is one sentence with the evidence of both; numbers that differ are both kept."""
    d = said((Role.MEASURE, "PHQ-9 was 11."), (Role.MEASURE, "GAD-7 was 8."), (Role.MEASURE, "PHQ-9 was 11, down from 17."))
    assert [(s.text, s.evidence) for s in d.section("objective")] == [("PHQ-9 was 11, down from 17.", ("s1", "s3")), ("GAD-7 was 8.", ("s2",))]
    assert len(said((Role.MEASURE, "PHQ-9 was 11."), (Role.MEASURE, "PHQ-9 was 14.")).sentences) == 2


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("He denied thoughts of suicide.", "She denied thoughts of suicide."),
        ("She drank on Sunday night.", "She drank on Sunday night but not since."),
        ("She agreed.", "She agreed."),
        ("He hit the wall with his fist.", "He hit the wall."),
    ],
)
def test_what_may_be_two_things_is_two_sentences(first: str, second: str) -> None:
    """Another person, a limit that follows, a short answer and a fuller sentence that says something else are not merged away."""
    d = said((Role.REPORT, first), (Role.REPORT, "Appetite is low."), (Role.REPORT, second))
    assert len(d.sentences) == (2 if first.startswith("He hit") else 3)


def test_danger_said_twice_stands_as_danger() -> None:
    """Of the same words in two sections the one under risk is kept."""
    d = said((Role.REPORT, "He has thought of the bridge."), (Role.MEASURE, "PHQ-9 was 20."), (Role.RISK, "He has thought of the bridge."))
    assert [(s.section, s.evidence) for s in d.sentences] == [("objective", ("s2",)), ("assessment", ("s1", "s3"))]


def test_a_correction_is_resolved_and_shown() -> None:
    """Inside a sentence and between neighbours the last word stands, on the evidence of both, with what was given up beside it."""
    d = said((Role.MEASURE, "PHQ-9 was 38, sorry, 36."))
    assert [(s.text, s.said) for s in d.sentences] == [("PHQ-9 was 36.", "38")]
    d = said((Role.MEDICATION, "The dose is 100."), (Role.MEDICATION, "Correction: the dose is 50."))
    assert [(s.text, s.evidence, s.said) for s in d.sentences] == [("The dose is 50.", ("s1", "s2"), "The dose is 100")]


def test_a_section_is_read_in_order() -> None:
    """Attendance, what was seen, measures, then what was done with what came of it; impression, progress, risk; the next contact last."""
    d = said(
        (Role.PLAN, "Next session is Tuesday."),
        (Role.INTERVENTION, "I taught him grounding."),
        (Role.RESPONSE, "He tried it twice."),
        (Role.MEASURE, "He rated his fear at 3 by the end."),
        (Role.RISK, "Suicide risk is low."),
        (Role.MEASURE, "PHQ-9 was 11."),
        (Role.OBSERVATION, "Affect was flat."),
        (Role.IMPRESSION, "This is panic disorder."),
        (Role.PROGRESS, "Progress on goal 2 is steady."),
        (Role.PLAN, "Continue weekly CBT."),
        (Role.LOGISTICS, "Session ran from 2:05 to 2:58."),
    )
    assert texts(d, "objective") == [
        "Session ran from 2:05 to 2:58.",
        "Affect was flat.",
        "PHQ-9 was 11.",
        "Clinician taught him grounding.",
        "He tried it twice.",
        "He rated his fear at 3 by the end.",
    ]
    assert texts(d, "assessment") == ["This is panic disorder.", "Progress on goal 2 is steady.", "Suicide risk is low."]
    assert texts(d, "plan") == ["Continue weekly CBT.", "Next session is Tuesday."]


def test_a_sentence_stays_with_whom_it_speaks_of() -> None:
    """What leans on the sentence before it, or speaks on of somebody whom that one named, is not moved away."""
    d = said(
        (Role.REPORT, "His brother sells pills."),
        (Role.MEDICATION, "He takes lithium too."),
        (Role.REPORT, "Appetite is low."),
    )
    assert texts(d, "subjective") == ["Client's brother sells pills.", "He takes lithium too.", "Appetite is low."]


def test_the_clients_mood_is_seen() -> None:
    """Mood in the client's words stands with the mental state; a mood diary is a report."""
    d = said((Role.REPORT, "Mood described as “worn thin.”"), (Role.REPORT, "Mood diary kept on five days."))
    assert texts(d, "objective") == ["Mood described as “worn thin.”"] and texts(d, "subjective") == ["Mood diary kept on five days."]


def test_a_question_keeps_its_answer() -> None:
    """A clinician's question and the client's no are one sentence, under risk where danger is asked about."""
    d = said((Role.INTERVENTION, "I asked about wanting to be dead"), (Role.RISK, "and she said no."), (Role.PLAN, "Continue weekly."))
    assert texts(d, "assessment") == ["Clinician asked about wanting to be dead and she said no."]


def test_a_quotation_over_sentences_is_the_clients() -> None:
    """An "I" inside a quotation that runs over several sentences is left alone, and the clinician's after it is not."""
    d = said(
        (Role.REPORT, "She said, “I am tired."), (Role.REPORT, "I set out two bowls."), (Role.REPORT, "I never sleep.”"), (Role.PLAN, "I will call.")
    )
    assert texts(d, "subjective") == ["She said, “I am tired.", "I set out two bowls.", "I never sleep.”"] and texts(d, "plan") == [
        "Clinician will call."
    ]


def test_the_own_voice_is_the_speakers() -> None:
    """In the clinician's own voice words are mended, corrections resolved, and nothing is recast, merged or moved."""
    own = Style(voice=Voice.OWN, phrases=(("box breathing", "breathing exercise"),))
    d = said((Role.PLAN, "Next session Tuesday."), (Role.PLAN, "um I teach box breathing twice, no, three times."), style=own)
    assert [(s.text, s.said) for s in d.sentences] == [("Next session Tuesday.", None), ("I teach breathing exercise three times.", "twice")]


def test_phrases_may_not_change_a_fact() -> None:
    """A house's phrase that would touch a number, a drug or a denial is not made."""
    d = said((Role.REPORT, "She denied pain and slept well."), style=Style(phrases=(("denied", "reported"), ("slept well", "slept soundly"))))
    assert [s.text for s in d.sentences] == ["She denied pain and slept soundly."]


# ── an editor ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Scripted:
    """An editor that gives the edits it was made with, for every text that holds their words."""

    name = "scripted"

    def __init__(self, *edits: tuple[str, str, float]) -> None:
        self._edits = edits

    def edits(self, texts: Sequence[str]) -> tuple[tuple[Edit, ...], ...]:
        found = ([Edit(t.index(w), t.index(w) + len(w), new, score) for w, new, score in self._edits if w in t] for t in texts)
        return tuple(tuple(sorted(edits, key=lambda e: e.start)) for edits in found)


@pytest.mark.parametrize(
    ("edit", "written"),
    [
        (("kind of ", "", 0.95), "She slept badly, “kind of” not at all, with her sister, on 50 mg."),
        (("kind of ", "", 0.5), "She kind of slept badly, “kind of” not at all, with her sister, on 50 mg."),
        (("50", "", 0.99), "She kind of slept badly, “kind of” not at all, with her sister, on 50 mg."),
        (("not ", "", 0.99), "She kind of slept badly, “kind of” not at all, with her sister, on 50 mg."),
        (("her sister", "family", 0.99), "She kind of slept badly, “kind of” not at all, with her sister, on 50 mg."),
        (("at all", "", 0.99), "She kind of slept badly, “kind of” not, with her sister, on 50 mg."),
        (("badly", "poorly", 0.99), "She kind of slept poorly, “kind of” not at all, with her sister, on 50 mg."),
        (("“kind of”", "", 0.99), "She kind of slept badly, “kind of” not at all, with her sister, on 50 mg."),
    ],
)
def test_an_editors_edit_is_made_where_it_is_sure_and_safe(edit: tuple[str, str, float], written: str) -> None:
    """A sure edit is made; an unsure one, and one that would touch a fact, a person or a quotation, is not."""
    handed = record("She kind of slept badly, “kind of” not at all, with her sister, on 50 mg.")
    assert [s.text for s in compose(handed, load("soap"), PlainWriter(Scripted(edit)), Context()).sentences] == [written]


def test_an_editor_swaps_no_word_of_the_own_voice() -> None:
    """In the clinician's own voice an editor may drop words and swap none."""
    handed = record("She kind of slept badly.")
    writer = PlainWriter(Scripted(("kind of ", "", 0.99), ("badly", "poorly", 0.99)))
    d = compose(handed, load("soap"), writer, Context(style=Style(voice=Voice.OWN)))
    assert [s.text for s in d.sentences] == ["She slept badly."] and writer.name.endswith("+scripted")
