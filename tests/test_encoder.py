"""The clinical encoder: the whole way from corpus to weights to reading, on a small network; the corpus and the figures."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from bench.met import met
from bench.shares import Share, kappa
from drafting import wiring
from drafting.errors import EncoderMissing
from drafting.pipeline.routing import route
from drafting.pipeline.statements import state
from drafting.types import Context, PhiSpan, Route, Transcript, Turn
from models.encoder import HERE, ClinicalEncoder, Outputs, public
from models.encoder.features import AHEAD, CONTEXT, SHAPES, WINDOW, Tokens, tokens, windows
from models.encoder.pieces import CORPUS as CORPUS_FOLDER
from models.encoder.pieces import ELEMENTS, FINAL, LABEL_OF, ROLES, ROUTES, Piece, Segment, Span, inner_sentences, read
from models.encoder.places import rejoined
from models.encoder.ready import Ready, batch, unmarked, varied
from models.encoder.unseen import load, parts, save, transcript
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
    return wiring.encoder(made)


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
    other = wiring.encoder(made)
    assert other.read(t) == encoder.read(t)
    assert encoder.name == other.name and encoder.name.startswith("encoder:") and wiring.rules().name in encoder.name


def test_probabilities_are_probabilities(encoder: ClinicalEncoder) -> None:
    """Roles sum to one, and routes to no more: what caution takes from the record goes to no other side. Every element is spoken of."""
    for clause in encoder.read(plain("We met from 2:05 to 2:58. He denied any thoughts of suicide. What a day.")).clauses:
        assert 0 < sum(clause.routes.values()) < 1.0001 and sum(clause.roles.values()) == pytest.approx(1, abs=1e-4)
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
        wiring.encoder(tmp_path)


def test_the_figures_are_of_the_products_own_way() -> None:
    """Each labelled clause is met once, and what is in the record there is what routing put there."""
    piece = next(p for p in CORPUS if p.kind == "dictation")
    rows, needless = met(piece, wiring.rules())
    assert len(rows) == len(piece.segments) and all(0 <= m.record <= 1 for m in rows) and needless >= 0
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
    for context, new, old, end in windows(text, t):
        assert new == at < old <= end and new - CONTEXT <= context <= new and end - context <= WINDOW
        assert old == end or end - old == AHEAD
        at = old
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
    for piece in (CORPUS[number], *varied(CORPUS[number], random.Random(number), bare=1.0, halved=0.0)):
        item = Ready(piece, WORDS)
        assert (item.begins == 1).sum() == len(piece.segments) == len(np.unique(item.owner[item.real]))
        spans = [(a + s.start, a + s.end) for (a, _), g in zip(item.places, piece.segments, strict=True) for s in g.phi]
        for i in np.flatnonzero(item.tags):
            assert any(item.tokens.start[i] < b and a < item.tokens.end[i] for a, b in spans)
        assert (item.tags % 2 == 1).sum() == len(spans)


def test_short_stretches_lose_no_clause() -> None:
    """A piece read in short stretches is the same clauses, and no stretch begins in the middle of a sentence."""
    piece = max(CORPUS, key=lambda p: sum(s.joins for s in p.segments))
    stretches = varied(piece, random.Random(1), bare=0.0, short=1.0, halved=0.0)
    assert len(stretches) > 3 and tuple(s for p in stretches for s in p.segments) == piece.segments
    assert not any(p.segments[0].joins for p in stretches[1:])


def test_a_clause_in_halves_is_not_taught_to_begin_twice() -> None:
    """Halves keep every word and span; where the second begins, and which of them holds the danger, is not known."""
    piece = max(CORPUS, key=lambda p: sum(len(s.phi) for s in p.segments))
    (cut,) = varied(piece, random.Random(2), bare=0.0, short=0.0, halved=1.0)[:1]
    assert sum(s.part == 2 for s in cut.segments) > 3
    whole = " ".join(s.text for s in piece.segments)
    assert whole.endswith(" ".join(s.text for s in cut.segments))
    spans = [s.text[p.start : p.end] for s in piece.segments for p in s.phi]
    mine = [s.text[p.start : p.end] for s in cut.segments for p in s.phi]
    assert mine == spans[len(spans) - len(mine) :]
    item = Ready(cut, WORDS)
    assert (item.begins == -1).sum() >= sum(s.part == 2 for s in cut.segments)
    assert all(r == -1 for r, s in zip(item.risk, cut.segments, strict=True) if s.part and s.risk)


def test_a_faint_cut_stands_only_where_its_sides_go_apart() -> None:
    """Private and record are parted there, two of a kind are joined, and a firm cut always stands."""
    fine = [(0, 5), (6, 9), (10, 14), (15, 20)]
    record, private = [0.9, 0.05, 0.05], [0.1, 0.85, 0.05]
    routes = np.array([record, private, private, record])
    assert rejoined(fine, {0}, routes, 0.6) == [(0, 5), (6, 14), (15, 20)]
    assert rejoined(fine, {0}, np.array([record] * 4), 0.6) == [(0, 20)]
    assert rejoined(fine, {0, 10}, np.array([record] * 4), 0.6) == [(0, 9), (10, 20)]
    assert rejoined(fine, {0}, np.array([record, [0.4, 0.55, 0.05], private, private]), 0.6) == [(0, 9), (10, 20)]


def test_a_second_sentence_in_a_clause_is_neither_right_nor_wrong() -> None:
    """Writers differ in whether they cut there; an abbreviation ends no sentence."""
    text = 'She said "I saw Dr. Osei at 9 a.m. today." Then she wept. 3 tissues.'
    assert [text[at:] for at in inner_sentences(text)] == ["Then she wept. 3 tissues.", "3 tissues."]


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


def test_public_text_is_read_for_what_it_knows(tmp_path: Path) -> None:
    """Tagged text knows spans and no clause, dialogues where sentences begin and no span; every third template stays unread."""
    (tmp_path / "phi").mkdir()
    (tmp_path / "dialogues").mkdir()
    rows = [{"text": f"Ring Ola Bakke {n}.", "spans": [[5, 14, "PERSON"], [15, 16, "AGE"]], "template": n} for n in range(6)]
    (tmp_path / public.PHI).write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / public.WNUT).write_text(json.dumps({"tokens": ["met", "Ola", "Bakke", "there"], "tags": ["O", "B-person", "I-person", "O"]}))
    talk = {"dialogue": "Doctor: Come in. Sit down.\r\nPatient: Thanks. It hurts. Here.", "section_text": "Pain."}
    (tmp_path / public.DIALOGUES).write_text(json.dumps(talk))
    research, tweet, dialogue = public.read(tmp_path)
    assert {p.knows for p in (research, tweet)} == {frozenset({"tags"})} and dialogue.knows == {"begins"}
    assert len(research.segments) == 4 and all(
        [s.text[p.start : p.end] for p in s.phi] == ["Ola Bakke"] for s in (*research.segments, *tweet.segments)
    )
    assert [s.text for s in dialogue.segments] == ["Come in.", "Sit down.", "Thanks.", "It hurts.", "Here.", "Pain."]
    item = Ready(dialogue, WORDS)
    assert (item.tags == -1).all() and (item.route == -1).all() and (item.begins == 1).sum() == 6


def test_what_a_fold_says_is_kept_as_it_was(tmp_path: Path) -> None:
    """Outputs come back with their offsets, logits and spans."""
    said = {
        "a": Outputs([(0, 4), (5, 9)], np.arange(50, dtype=np.float32).reshape(2, 25), [PhiSpan(1, 3, "PLACE", 0.75)]),
        "b": Outputs([(0, 2)], np.ones((1, 25)), []),
    }
    save(said, tmp_path / "folds.npz")
    back = dict(load(tmp_path / "folds.npz"))
    assert list(back) == ["a", "b"] and back["a"].clauses == [(0, 4), (5, 9)] and back["a"].spans == [PhiSpan(1, 3, "PLACE", 0.75)]
    assert (back["a"].logits == said["a"].logits).all() and len(back["b"].clauses) == 1 and not back["b"].spans


def test_every_writer_is_left_out_once() -> None:
    """Folds part the writers, and the final ones are in none."""
    writers = sorted({p.writer for p in CORPUS} - set(FINAL))
    assert sorted(w for part in parts(writers) for w in part) == writers


def test_kappa_is_cohens() -> None:
    """The example that the measure is usually taught with: 20 and 15 agreed of 50, 0.7 against chance 0.5."""
    first = [True] * 25 + [False] * 25
    second = [True] * 20 + [False] * 5 + [True] * 10 + [False] * 15
    assert kappa(first, second) == pytest.approx(0.4)


# ── the corpus ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_corpus_is_as_large_as_its_card_says() -> None:
    """Every number of the card's table is counted, and ids are unique."""
    card = (CORPUS_FOLDER / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([a-z].*?) \| ([\d,]+)", card, re.M))
    segments = [s for p in CORPUS for s in p.segments]
    counted = {
        "pieces": len(CORPUS),
        "clauses": len(segments),
        "distinct clauses": len({s.text.casefold() for s in segments}),
        "writers": len({p.writer for p in CORPUS}),
        "private, or private detail": sum(s.route is Route.PRIVATE for s in segments),
        "danger to anyone, present, past or denied": sum(s.risk for s in segments),
        "spans that identify somebody": sum(len(s.phi) for s in segments),
    }
    assert {what: int(n.replace(",", "")) for what, n in rows.items()} == counted
    assert len({p.id for p in CORPUS}) == len(CORPUS)


def test_two_hands_labelled_the_same_clauses() -> None:
    """Each line of the agreement has one label of either hand for each clause of a piece."""
    pieces = {p.id: p for p in CORPUS}
    rows = [json.loads(line) for line in (CORPUS_FOLDER / "agreement.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == len({r["id"] for r in rows}) == 390
    assert all(len(r["first"]) == len(r["second"]) == len(pieces[r["id"]].segments) for r in rows)


@pytest.mark.parametrize("piece", CORPUS[::7], ids=lambda p: p.id)
def test_labels_are_of_the_vocabulary(piece: Piece) -> None:
    """Record has a role and nothing else has; elements, kinds and offsets exist."""
    kinds = table("phi_policy.toml")["kinds"]
    for s in piece.segments:
        assert s.text.strip() == s.text and s.route in ROUTES and (s.role in ROLES) == (s.route is Route.RECORD)
        assert set(s.elements) <= set(ELEMENTS) and (s.speaker is None) == (piece.kind == "dictation")
        for span in s.phi:
            assert 0 <= span.start < span.end <= len(s.text) and span.kind in kinds and span.kind in LABEL_OF


# ── what ships ────────────────────────────────────────────────────────────────────────────────────────────────────────

FORTY = [json.loads(line) for line in (ROOT / "tests/cases/forty.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("case", FORTY, ids=lambda c: f"{c['id']}-{c['label']}")
def test_the_forty_sentences_as_shipped(case: dict) -> None:
    """By the network that ships: what may not be record is not, and danger ends as record text or behind a risk item."""
    t = plain(case["text"])
    placed = route(state(t, wiring.encoder().read(t)), Context())
    for part in case["parts"]:
        if "record" not in part["routes"]:
            kept = [p for p in placed.placed if p.route is Route.RECORD]
            assert not any(part["text"] in p.statement.text or p.statement.text.rstrip(".,;") in part["text"] for p in kept), part
    if case["risk"]:
        assert placed.risk_items or any(r.risk for r in placed.record)


def test_most_of_the_forty_sentences_are_where_a_clinician_would_put_them() -> None:
    """Of the parts that are plainly record or plainly private, at most one in eight is held."""
    held = total = 0
    for case in FORTY:
        t = plain(case["text"])
        routed = route(state(t, wiring.encoder().read(t)), Context())
        if case["label"] in ("RECORD", "PRIVATE"):
            total += len(routed.placed)
            held += sum(p.route is Route.HELD for p in routed.placed)
    assert total > 30 and held <= total / 8
