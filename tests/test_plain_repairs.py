"""What the plain writer makes of a speaker's repairs where no mark helps it: a repair is resolved or stays whole, and no denial is lost or made up."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drafting.pipeline.composing import compose
from drafting.pipeline.formats import load
from drafting.pipeline.plain import PlainWriter
from drafting.pipeline.plain.repairs import begun, corrected
from drafting.pipeline.wording import weighty
from drafting.ports import Editor
from drafting.types import Context, Edit, RecordStatement, Role
from tests.making import statement


@dataclass(frozen=True, slots=True)
class Gone:
    """Words that were said there and are not in the record."""

    text: str


def note(*pieces: str | tuple[Role, str] | Gone, editor: Editor | None = None) -> list[tuple[str, str | None]]:
    """The sentences of a draft of `pieces`, one blank between, each with what was said first; a piece is a report unless it says its role."""
    made, at = [], 0
    for n, piece in enumerate(pieces, 1):
        role, text = piece if isinstance(piece, tuple) else (Role.REPORT, piece.text if isinstance(piece, Gone) else piece)
        if not isinstance(piece, Gone):
            made.append(RecordStatement(statement(text, n, at, role=role), role, "test"))
        at += len(text) + 1
    draft = compose(tuple(made), load("soap"), PlainWriter(editor), Context())
    return [(s.text, s.said) for s in draft.sentences]


FIRST = [  # written before the rules that they are for
    # a false start that sounds like what follows it
    (["the diagnosis is bi polo sorry bipolar one in partial remission"], [("The diagnosis is bipolar one in partial remission.", "bi polo")]),
    (["bi polo", "sorry bipolar one in partial remission"], [("Bipolar one in partial remission.", "bi polo")]),
    (["Bi polo, sorry, bipolar one, in partial remission."], [("Bipolar one, in partial remission.", "Bi polo")]),
    (["so anna rexia i mean anorexia binge purge type"], [("Anorexia binge purge type.", "anna rexia")]),
    (["She is on lamotragine.", "Sorry, lamotrigine, 100 mg."], [("She is on lamotrigine, 100 mg.", "lamotragine")]),
    # "no" between two that sound alike may deny: whole, and never cut before the "no"
    (["bi polo no bipolar one in partial remission"], [("Bi polo no bipolar one in partial remission.", None)]),
    (["bi polo", "no bipolar one in partial remission"], [("Bi polo no bipolar one in partial remission.", None)]),
    (["she is sleeping three hours", "no four hands a night"], [("She is sleeping three hours no four hands a night.", None)]),
    (["she felt panicky no panic attacks since may"], [("She felt panicky no panic attacks since may.", None)]),
    (["she is post partum no postpartum depression"], [("She is post partum no postpartum depression.", None)]),
    # one thing named again
    (["he signed the back of the intake form no the blue form"], [("He signed the back of the blue form.", "the intake form")]),
    (["woke four nights no two nights in a row"], [("Woke four nights no two nights in a row.", None)]),
    (["on the grief paper she has twenty eight no twenty six"], [("On the grief paper she has twenty six.", "twenty eight")]),
    # a repair whose false start is not in the record
    ([Gone("bi polo"), "no wait bipolar two current episode depressed"], [("Bipolar two current episode depressed.", None)]),
    ([Gone("the dose"), "sorry sertraline is at fifty milligrams"], [("Sertraline is at fifty milligrams.", None)]),
    ([Gone("fifty"), "make that seventy five milligrams at night"], [("Seventy five milligrams at night.", None)]),
    ([Gone("four weeks"), "no sorry two weeks in person"], [("Two weeks in person.", None)]),
    ([Gone("Her feet."), "I mean, both hands were still."], [("Both hands were still.", None)]),
    # and what only looks like one
    ([Gone("thrilling stuff"), "no panic attacks this week"], [("No panic attacks this week.", None)]),
    ([Gone("my uncle"), "no she denied it"], [("No she denied it.", None)]),
    ([Gone("of course"), "no wait list at the clinic"], [("No wait list at the clinic.", None)]),
    ([Gone("he must"), "make that appointment before friday"], [("Make that appointment before friday.", None)]),
    ([Gone("poor thing"), "sorry for her loss was all that the boss wrote"], [("Sorry for her loss was all that the boss wrote.", None)]),
    ([Gone("as ever"), "rather low mood all week"], [("Rather low mood all week.", None)]),
    (["mood is low", "no change in sleep"], [("No change in sleep.", None), ("Mood is low.", None)]),
    (["He saw Dan, I mean, the neighbour."], [("He saw Dan, I mean, the neighbour.", None)]),
    (
        ["Denied suicidal thoughts, no, sorry, denied homicidal thoughts."],
        [("Denied suicidal thoughts, no, sorry, denied homicidal thoughts.", None)],
    ),
]


@pytest.mark.parametrize(("pieces", "written"), FIRST)
def test_a_repair_is_resolved_or_stays_whole(pieces: list, written: list) -> None:
    """Where it is certain what was taken back it goes, with the word that takes it back, and is told; elsewhere both halves stay in one sentence."""
    assert note(*pieces) == written


SECOND = [  # written when the rules stood, to break them
    (["she rang the my grant rights centre sorry migrant rights centre"], [("She rang the migrant rights centre.", "my grant rights centre")]),
    (["she picked the walk and the laying I mean lying in the sun"], [("She picked the walk and the lying in the sun.", "laying")]),
    (["it is severe panic i mean panic disorder"], [("It is severe panic disorder.", "panic")]),
    (["not sleeping i mean not sleeping at all"], [("Not sleeping at all.", "not sleeping")]),
    (["she is not eating i mean eating little"], [("She is not eating I mean eating little.", None)]),
    (["no tremor sorry tremor at rest"], [("No tremor sorry tremor at rest.", None)]),
    (["denied tremor sorry tremor at rest"], [("Denied tremor sorry tremor at rest.", None)]),
    (["she was panicky i mean panic is back"], [("She was panicky I mean panic is back.", None)]),
    (["Denied suicidal thoughts, sorry, homicidal thoughts."], [("Denied suicidal thoughts, sorry, homicidal thoughts.", None)]),
    (["history of bi polar no bipolar episodes since may"], [("History of bi polar no bipolar episodes since may.", None)]),
    (["she is post partum actually no postpartum depression"], [("She is post partum actually no postpartum depression.", None)]),
    (["she is post partum no wait no postpartum depression"], [("She is post partum no wait no postpartum depression.", None)]),
    (["the consul the console i mean of the truck"], [("The consul the console I mean of the truck.", None)]),
    # one thing named again, and two things
    (["he took the bike seats i mean the car seats"], [("He took the car seats.", "the bike seats")]),
    (["his sister took the kids seats i mean the car seats"], [("His sister took the kids seats I mean the car seats.", None)]),
    (["he moved from the day shift no the night shift"], [("He moved from the night shift.", "the day shift")]),
    (["asked if he wanted the day shift no the night shift"], [("Asked if he wanted the day shift no the night shift.", None)]),
    (["told the boss no the second time"], [("Told the boss no the second time.", None)]),
    (["did the food diary no sorry the regular eating plan"], [("Did the food diary no sorry the regular eating plan.", None)]),
    (["her hands were still the whole hour", "i mean the clients hands"], [("Her hands were still the whole hour I mean the clients hands.", None)]),
    # values
    (["sleeps four hours no five hours a night"], [("Sleeps five hours a night.", "four hours")]),
    (["he says he slept four hours no five hours"], [("Client says he slept five hours.", "four hours")]),
    (["asked whether she slept eight hours no four hours"], [("Asked whether she slept eight hours no four hours.", None)]),
    (["woke three times no two hours at a time"], [("Woke three times no two hours at a time.", None)]),
    (["Slept ten hours, no two nights the same."], [("Slept ten hours, no two nights the same.", None)]),
    ([(Role.RISK, "two attempts in may"), (Role.RISK, "no three attempts in may")], [("Three attempts in may.", "two attempts in may")]),
    (
        [(Role.MEASURE, "phq nine was eleven"), (Role.RISK, "no thoughts of suicide")],
        [("Phq nine was eleven.", None), ("No thoughts of suicide.", None)],
    ),
    # a fragment and a denial
    (["appetite fair", "no nausea"], [("Appetite fair no nausea.", None)]),
    (["mood low", "no panic attacks this week"], [("No panic attacks this week.", None), ("Mood low.", None)]),
    (["He denied plans.", "No intent."], [("He denied plans.", None), ("No intent.", None)]),
    # heads
    ([Gone("as if"), "sorry no panic attacks since june"], [("Sorry no panic attacks since june.", None)]),
    ([Gone("as if"), "no wait no thoughts of suicide"], [("No wait no thoughts of suicide.", None)]),
    ([Gone("of course"), "no wait time at the pharmacy"], [("No wait time at the pharmacy.", None)]),
    ([Gone("five"), "scratch that fifty milligrams"], [("Fifty milligrams.", None)]),
    ([Gone("sertraline"), "or rather citalopram twenty milligrams"], [("Citalopram twenty milligrams.", None)]),
    ([Gone("four weeks."), "No, sorry, two weeks in person."], [("Two weeks in person.", None)]),
    ([Gone("He did it."), "No, she denied it."], [("No, she denied it.", None)]),
    ([Gone("poor him"), "my mistake was to wait, he says"], [("Clinician's mistake was to wait, he says.", None)]),
    ([Gone("poor him"), "i mean it he told the boss"], [("I mean it he told the boss.", None)]),
    # a ward is no hesitation
    (["she uh sat in the er for um six hours"], [("She sat in the er for six hours.", None)]),
    (["Seen at the ER twice."], [("Seen at the ER twice.", None)]),
]


@pytest.mark.parametrize(("pieces", "written"), SECOND)
def test_what_would_break_the_rules(pieces: list, written: list) -> None:
    """Two words that merely sound alike, a denial beside a repair, a mark that is a word of the sentence: nothing is lost and nothing made up."""
    assert note(*pieces) == written


def test_a_false_start_does_not_choose_the_section() -> None:
    """A diagnosis whose false start was read as a measure stands with the assessment."""
    pieces = [(Role.MEASURE, "bi polo"), (Role.IMPRESSION, "sorry bipolar one in partial remission")]
    made = tuple(RecordStatement(statement(text, n, 8 * n, role=role), role, "test") for n, (role, text) in enumerate(pieces))
    draft = compose(made, load("soap"), PlainWriter(), Context())
    assert [(s.section, s.text, s.evidence) for s in draft.sentences] == [("assessment", "Bipolar one in partial remission.", ("s0", "s1"))]


# ── an editor beside it ───────────────────────────────────────────────────────────────────────────────────────────────


class Taking:
    """An editor that would take away each of `words`, and is sure of it."""

    name = "taking"

    def __init__(self, *words: str) -> None:
        self.words = words

    def edits(self, texts: Sequence[str]) -> list[list[Edit]]:
        return [[Edit(m.start(), m.end(), "", 0.99) for m in re.finditer(r"\S+", text) if m[0].lower() in self.words] for text in texts]


TAKEN = [
    (["um"], "he um slept", "He slept."),
    (["the"], "he left the the house", "He left the house."),
    (["you", "know"], "he can you know sleep again", "He can sleep again."),
    (["um"], "to the chemist in the morn um no sorry tomorrow", "To the chemist in the morn no sorry tomorrow."),
    # whole or not at all, and nothing that says something
    (["know"], "he can you know sleep again", "He can you know sleep again."),
    (["sorry"], "to the chemist in the morn no sorry tomorrow", "To the chemist in the morn no sorry tomorrow."),
    (["wait"], "met at the library no wait the café beside it", "Met at the library no wait the café beside it."),
    (["i", "know"], "a note that said i know your shift", "A note that said I know your shift."),
    (["yes,"], "Consent to write: yes, signed.", "Consent to write: yes, signed."),
    (["the"], "he left the house", "He left the house."),
    (["where", "it", "is"], "lithium stays where it is", "Lithium stays where it is."),
    (["so"], "he would not say so today", "He would not say so today."),
]


@pytest.mark.parametrize(("words", "said", "written"), TAKEN)
def test_an_editor_takes_only_what_is_spare(words: list[str], said: str, written: str) -> None:
    """However sure an editor is, what goes is a whole filler or a word said twice; no repair is taken apart."""
    assert [text for text, _ in note(said, editor=Taking(*words))] == [written]


# ── whatever is said ──────────────────────────────────────────────────────────────────────────────────────────────────

MARKS = ["no", "no wait", "sorry", "no sorry", "i mean", "scratch that", "make that", "or rather", "um", ","]
DENIALS = ["no panic attacks", "denied any wish to die", "no change in sleep", "did not drink", "never drove"]
CLAIMS = [
    *DENIALS,
    "lithium at nine hundred",
    "sertraline fifty",
    "four hours a night",
    "her sister came",
    "bipolar one",
    "bi polo",
    "mood low",
    "the blue form",
    "the intake form",
]
TURNS = [*MARKS[:-2], "well", "so", "okay"]


@settings(deadline=None, max_examples=600)
@given(st.permutations(CLAIMS), st.lists(st.tuples(st.sampled_from(MARKS), st.booleans()), min_size=1, max_size=6))
def test_every_claim_stands_or_is_told_as_given_up(claims: list[str], turns: list[tuple[str, bool]]) -> None:
    """Of claims with repairs between them no word is lost: it stands in the draft, or in what was said first. Each denial stands whole in one of
    them, and nothing of weight is added."""
    pieces, said = [claims[0]], [claims[0]]
    for (mark, parted), claim in zip(turns, claims[1:], strict=False):
        said.append(claim)
        pieces, last = (pieces, "") if parted else (pieces[:-1], pieces[-1] + " ")
        pieces.append(f"{last}{mark} {claim}".strip(" ,"))
    drafted = note(*pieces)
    told = re.sub(r"[,.;]", "", " ".join(f"{text} {lost or ''}" for text, lost in drafted).lower())
    assert {w for claim in said for w in claim.split()} <= set(told.split())
    assert all(claim in told for claim in said if claim in DENIALS)
    assert set(weighty(" ".join(text for text, _ in drafted))) <= {w for claim in said for w in weighty(claim)} | {"no"}


@settings(deadline=None, max_examples=150)
@given(st.lists(st.sampled_from([*CLAIMS, *TURNS]), max_size=8))
def test_what_is_dropped_is_told_or_is_a_repair(words: list[str]) -> None:
    """Every word that a correction drops is in what was given up, or is a word of the repair itself."""
    said = " ".join(words)
    text, lost = corrected(said)
    left = Counter(said.lower().split()) - Counter(text.lower().split()) - Counter((lost or "").lower().replace(";", "").split())
    assert set(left) <= {w for turn in TURNS for w in turn.split()}


@settings(deadline=None, max_examples=150)
@given(st.lists(st.sampled_from([*CLAIMS, *TURNS]), max_size=6))
def test_a_head_loses_only_its_repair(words: list[str]) -> None:
    """What is cut from a sentence's head is a repair, and never one before a denial, nor a bare "no"."""
    said = " ".join(words)
    left = begun(said)
    cut = said.removesuffix(left).split()
    assert said.endswith(left) and set(cut) <= {w for turn in TURNS for w in turn.split()}
    assert cut != ["no"] and not (cut and weighty(left)[:1] == ("no",) and left.startswith("no"))
