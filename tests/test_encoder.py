"""The clinical encoder: the whole way from corpus to weights to reading, on a small network; the corpus and the figures."""

from __future__ import annotations

import random
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from bench.encoder import Share, met, transcript
from drafting import wiring
from drafting.errors import EncoderMissing
from drafting.pipeline.statements import state
from drafting.types import Route, Transcript, Turn
from models.encoder import HERE, ClinicalEncoder
from models.encoder.features import CONTEXT, SHAPES, WINDOW, Tokens, tokens, windows
from models.encoder.pieces import ELEMENTS, FINAL, HELD_OUT, LABEL_OF, ROLES, ROUTES, Piece, Segment, Span, read
from models.encoder.ready import Ready, batch, unmarked, varied
from prompts import table

CORPUS = read()
WORDS = Tokenizer.from_file(str(HERE / "tokenizer.json"))

# What a child makes, since torch stays out of this process: a base of one thin layer, an epoch on two pieces, and its export.
MAKE = """
import sys
from pathlib import Path
import torch
from transformers import BertConfig, BertModel
from models.encoder.pieces import read
from models.encoder.train import export, fit
from models.encoder import HERE
folder = Path(sys.argv[1])
torch.manual_seed(1)
thin = BertConfig(vocab_size=30522, hidden_size=384, num_hidden_layers=1, num_attention_heads=12, intermediate_size=32)
BertModel(thin, add_pooling_layer=False).save_pretrained(folder)
(folder / "tokenizer.json").write_bytes((HERE / "tokenizer.json").read_bytes())
export(fit(read()[:2], folder, epochs=1), folder)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with weights that were trained for a moment: they read badly, and the whole way from the corpus to them is the real one."""
    folder = tmp_path_factory.mktemp("encoder")
    done = subprocess.run([sys.executable, "-c", MAKE, folder], capture_output=True, text=True, cwd=ROOT, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.fixture(scope="module")
def encoder(made: Path) -> ClinicalEncoder:
    return wiring.trained_encoder(made)


ROOT = Path(__file__).parent.parent


def plain(text: str) -> Transcript:
    return Transcript(text, (Turn(0, len(text), 0),))


# ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=40, deadline=None)
@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200))
def test_any_text_is_read_and_covered(encoder: ClinicalEncoder, text: str) -> None:
    """Whatever is typed, clauses are in order and apart, and the statements made of them cover every character that is no blank."""
    t = plain(text)
    reading = encoder.read(t)
    assert all(a.end <= b.start for a, b in pairwise(reading.clauses))
    assert "".join("".join(s.text.split()) for s in state(t, reading)) == "".join(text.split())


def test_a_reading_is_the_same_twice_and_names_its_weights(encoder: ClinicalEncoder, made: Path) -> None:
    """Two encoders read alike, and the name tells the weights from others."""
    t = plain("Client reports poor sleep. I felt bored by the middle of it, but she stopped lithium ten days ago.")
    other = wiring.trained_encoder(made)
    assert other.read(t) == encoder.read(t)
    assert encoder.name == other.name and encoder.name.startswith("encoder:") and wiring.encoder().name in encoder.name


def test_probabilities_are_probabilities(encoder: ClinicalEncoder) -> None:
    """Routes and roles sum to one; danger and elements lie between none and certain; every element is spoken of."""
    for clause in encoder.read(plain("We met from 2:05 to 2:58. He denied any thoughts of suicide. What a day.")).clauses:
        assert sum(clause.routes.values()) == pytest.approx(1, abs=1e-4) and sum(clause.roles.values()) == pytest.approx(1, abs=1e-4)
        assert 0 <= clause.risk <= 1 and set(clause.elements) == set(ELEMENTS)


def test_what_the_rules_are_sure_of_stands(encoder: ClinicalEncoder) -> None:
    """A danger and an excluded element that a rule finds are never lost to the network, however badly it reads."""
    reading = encoder.read(plain("Private: he still keeps the shotgun under the bed. She stopped her lithium."))
    assert any(c.topic == "firearm access" and c.risk > 0.9 for c in reading.clauses)
    assert any(c.elements["X1"] > 0.9 for c in reading.clauses)


def test_a_turn_is_never_joined_to_the_next(encoder: ClinicalEncoder) -> None:
    """Clauses end where a speaker does."""
    piece = next(p for p in CORPUS if p.kind == "session" and p.writer == "w18")
    t = transcript(piece)
    edges = {turn.start for turn in t.turns}
    for clause in encoder.read(t).clauses:
        assert not any(clause.start < edge < clause.end for edge in edges)


def test_without_weights_it_says_how_to_get_them(tmp_path: Path) -> None:
    """An encoder that is not trained is refused by name and path."""
    with pytest.raises(EncoderMissing, match="make train"):
        wiring.trained_encoder(tmp_path)


def test_the_figures_are_of_the_products_own_way() -> None:
    """Each labelled clause is met once, and what is in the record there is what routing put there."""
    piece = next(p for p in CORPUS if p.kind == "dictation")
    rows = list(met(piece, wiring.encoder()))
    assert len(rows) == len(piece.segments) and all(0 <= m.record <= 1 for m in rows)
    assert all(m.most.route is Route.RECORD for m in rows if m.record == 1)


@pytest.mark.parametrize(("hits", "n", "low", "high"), [(0, 10, 0.0, 0.278), (5, 10, 0.237, 0.763), (10, 10, 0.722, 1.0), (81, 263, 0.255, 0.366)])
def test_intervals_are_wilsons(hits: int, n: int, low: float, high: float) -> None:
    """Against published values of the score interval."""
    assert Share(hits, n).interval == pytest.approx((low, high), abs=0.001)


# ── what the network reads ────────────────────────────────────────────────────────────────────────────────────────────


@given(st.integers(0, 900), st.sets(st.integers(0, 899)))
def test_every_token_is_new_in_one_window(n: int, stops: set[int]) -> None:
    """Windows fit the network, follow one another, and carry what was read before as context."""
    text = "".join("." if i in stops else "a" for i in range(n))
    t = Tokens(np.zeros(n, np.int64), np.arange(n), np.arange(n) + 1, np.zeros((n, len(SHAPES)), np.float32))
    at = 0
    for context, new, end in windows(text, t):
        assert new == at < end and new - CONTEXT <= context <= new and end - context <= WINDOW
        at = end
    assert at == n


def test_tokens_keep_their_place_and_shape() -> None:
    """Offsets quote the text whatever its case and script, and a capital is seen though the words are uncased."""
    text = "Zoë met APRIL in april, 12 mg."
    t = tokens(text, (Turn(0, len(text), 0),), WORDS)
    of = {text[a:b]: s for a, b, s in zip(t.start, t.end, t.shape, strict=True)}
    assert of["APRIL"][SHAPES.index("capitals")] and not of["april"][SHAPES.index("capital")] and of["12"][SHAPES.index("digit")]
    assert "".join(text[a:b] for a, b in zip(t.start, t.end, strict=True)) == text.replace(" ", "")


@pytest.mark.parametrize("number", range(0, 390, 26))
def test_training_labels_lie_on_the_words_they_name(number: int) -> None:
    """Each clause begins at one token, and the tokens marked as PHI are those of the spans, in a piece as written and as a recogniser would."""
    for piece in (CORPUS[number], varied(CORPUS[number], random.Random(number), bare=1.0)):
        item = Ready(piece, WORDS)
        assert item.begins.sum() == len(piece.segments) == len(np.unique(item.owner[item.real]))
        spans = [(a + s.start, a + s.end) for (a, _), g in zip(item.places, piece.segments, strict=True) for s in g.phi]
        for i in np.flatnonzero(item.tags):
            assert any(item.tokens.start[i] < b and a < item.tokens.end[i] for a, b in spans)
        assert (item.tags % 2 == 1).sum() == len(spans)


def test_a_batch_gives_each_token_its_own_place() -> None:
    """What is gathered from a batch are the items' tokens, in order."""
    items = [Ready(p, WORDS) for p in CORPUS[:3]]
    ids, mask, shapes, new = batch(items, 101, 102)
    assert (ids.reshape(-1)[new] == np.concatenate([i.tokens.ids for i in items])).all()
    assert mask.reshape(-1)[new].all() and shapes.shape[:2] == ids.shape


def test_unmarked_text_keeps_its_spans() -> None:
    """Taking out capitals and marks moves a span with its words."""
    s = unmarked(Segment("Her sister — Máire-Ann, 3:30 p.m. — rang!", Route.RECORD, phi=(Span(13, 22, "F02"),)))
    assert s.text[s.phi[0].start : s.phi[0].end] == "máire ann" and "3:30" in s.text and not any(c in s.text for c in "—!,")


# ── the corpus ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_corpus_is_as_large_as_its_card_says() -> None:
    """Clauses, pieces and writers; ids are unique."""
    assert len(CORPUS) == len({p.id for p in CORPUS}) == 390
    assert sum(len(p.segments) for p in CORPUS) == 8864 and len({p.writer for p in CORPUS}) == 26
    assert len({s.text.casefold() for p in CORPUS for s in p.segments}) > 8800


@pytest.mark.parametrize("piece", CORPUS[::7], ids=lambda p: p.id)
def test_labels_are_of_the_vocabulary(piece: Piece) -> None:
    """Record has a role and nothing else has; elements, kinds and offsets exist."""
    kinds = table("phi_policy.toml")["kinds"]
    for s in piece.segments:
        assert s.text.strip() == s.text and s.route in ROUTES and (s.role in ROLES) == (s.route is Route.RECORD)
        assert set(s.elements) <= set(ELEMENTS) and (s.speaker is None) == (piece.kind == "dictation")
        for span in s.phi:
            assert 0 <= span.start < span.end <= len(s.text) and span.kind in kinds and span.kind in LABEL_OF


def test_no_writer_is_on_two_sides() -> None:
    """Those that train, those that calibrate and those kept for the end are different people, and all are there."""
    held, final = set(HELD_OUT), set(FINAL)
    assert not held & final and held | final < {p.writer for p in CORPUS} and len(held) >= 4 and len(final) >= 5
