"""The editing tagger: what it may do, what it was made from, and what ships."""

from __future__ import annotations

import random

import pytest

from bench.tagging import _survived
from drafting import wiring
from drafting.errors import EncoderMissing
from drafting.pipeline.wording import weighty
from models.encoder.edit_pairs import Pair, disturbed, written
from models.encoder.pieces import FINAL, read
from models.encoder.tagger import DROP, KEEP, SWAPS, TAGS, WORD, EditingTagger

PAIRS = [*written(held_out=False), *written(held_out=True)]


@pytest.fixture(scope="module")
def tagger() -> EditingTagger:
    return wiring.editor()


def applied(text: str, tagger: EditingTagger, least: float = 0.5) -> str:
    for e in reversed([e for e in tagger.edits([text])[0] if e.score >= least]):
        text = text[: e.start] + e.text + text[e.end :]
    return " ".join(text.split())


def test_it_can_add_no_word_that_is_not_on_its_list(tagger: EditingTagger) -> None:
    """Whatever it reads, each edit covers one word and puts nothing or a word of the list in its place, in order and apart."""
    rng = random.Random(3)
    words = sorted({w for p in PAIRS for w in p.words})
    for _ in range(40):
        text = " ".join(rng.choices(words, k=rng.randrange(1, 30)))
        at = 0
        for e in tagger.edits([text])[0]:
            assert at <= e.start < e.end and not any(c.isspace() for c in text[e.start : e.end])
            assert e.text == "" or e.text in SWAPS
            assert 0 < e.score <= 1
            at = e.end


@pytest.mark.parametrize("text", ["", "   ", "\n", "—", "👩‍👦 Зоя", "a" * 4000])
def test_odd_text_is_read(text: str, tagger: EditingTagger) -> None:
    """Nothing, marks alone, another script, one endless word: no edit or a whole one, and no fault."""
    assert all(0 <= e.start < e.end <= len(text) for e in tagger.edits([text])[0])


def test_fillers_go(tagger: EditingTagger) -> None:
    """What a typist leaves out without a thought."""
    assert applied("um she slept uh five hours a night", tagger) == "she slept five hours a night"
    assert applied("Affect was flat, uh, and she wept once.", tagger) == "Affect was flat, and she wept once."


@pytest.mark.parametrize(
    "text",
    [
        "She said no, no thoughts of suicide.",
        "He likes his new job.",
        "She is doing very very well at school.",
        "He took 50 mg, not 15.",
        "Possibly a depressive episode, about two weeks.",
    ],
)
def test_content_stays(text: str, tagger: EditingTagger) -> None:
    """Denials, hedges, repeats that mean something and figures are no disfluency."""
    kept = applied(text, tagger, 0.9)
    assert weighty(kept) == weighty(text) and len(kept.split()) == len(text.split())


def test_without_its_head_it_says_so(tmp_path) -> None:
    """A folder that holds none is told."""
    with pytest.raises(EncoderMissing):
        EditingTagger(wiring.encoder().engine, tmp_path)


# ── what it was made from ─────────────────────────────────────────────────────────────────────────────────────────────


def test_pairs_tag_every_word_and_swap_none_that_carries_weight() -> None:
    """A tag a word, of the vocabulary; no figure, negation, drug or time is swapped; held-out rows are no others' rows."""
    for p in PAIRS:
        assert len(WORD.findall(p.text)) == len(p.words) == len(p.tags) and set(p.tags) <= set(TAGS)
        assert not any(weighty(w) for w, t in zip(p.words, p.tags, strict=True) if t not in (KEEP, DROP))
    assert not {p.text for p in written(held_out=True)} & {p.text for p in written(held_out=False)}


def test_disturbed_clauses_hold_the_clause_that_they_were_made_of() -> None:
    """The words that are kept are the clause's own, in order, and final writers are disturbed for measuring alone."""
    pieces = [p for p in read() if p.writer in ("w01", FINAL[0])]
    clauses = {w: {" ".join(s.text.lower().split()) for p in pieces if p.writer == w for s in p.segments} for w in ("w01", FINAL[0])}
    for final, writer in ((False, "w01"), (True, FINAL[0])):
        made = list(disturbed(pieces, final, seed=5, most=80))
        assert len(made) > 20 and any(DROP in p.tags for p in made)
        kept = [" ".join(w for w, t in zip(p.words, p.tags, strict=True) if t == KEEP).lower() for p in made]
        assert sum(k in clauses[writer] for k in kept) > len(kept) / 2
        assert all(len(WORD.findall(p.text)) == len(p.tags) for p in made)


def test_the_count_of_what_survived_is_right() -> None:
    """A word that went is none, a word swapped is the word in its place."""
    pair = Pair(("Um,", "she", "says", "no."), (DROP, KEEP, "said", KEEP))
    assert list(_survived(pair, "She said no.")) == [(DROP, "Um,", None), (KEEP, "she", "she"), ("said", "says", "said"), (KEEP, "no.", "no")]
