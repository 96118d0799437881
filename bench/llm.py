"""What a generative model's child does with random weights: `python -m bench.llm [--answers 200] [--size 0.1b|0.5b|3b] [--device auto]`.

First, of a model of 0.1 B parameters, how many answers have the form that was asked for and cite their own section's statements. Then, at `--size`,
how fast it reads and writes, beside the bound that memory sets: each token reads every weight once. Random weights say nothing of how well a model
writes. Run with nothing else on the machine.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from jsonschema import ValidationError, validate
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from bench.shares import share
from drafting.pipeline import formats
from drafting.types import Clause, Context, RecordStatement, Role, Section, Statement
from models.encoder.pieces import read
from models.llm import answers
from models.llm.asking import Question, question
from models.llm.local import LocalModel

SEED = 20261124
TOKENIZER = 8192  # tokens, learned from the corpus; the model may have more rows than that
MARKS = ("<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# Width, inner width, layers, heads, heads of keys, rows: the first of our own, the others those of Qwen2.5's configs.
SIZES = {
    "0.1b": (768, 2048, 12, 12, 12, 8448),
    "0.5b": (896, 4864, 24, 14, 2, 151936),
    "3b": (2048, 11008, 36, 16, 2, 151936),
}
SHAPE = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "vocab_size")
SAID = (
    "Client reported five hours of sleep on four nights.",
    "Mother called her “mi vida” and señor Ibáñez came at 2:05.",
    "Клиентка сказала, что плохо спит и не ест.",
    "Η μητέρα της τηλεφωνεί κάθε βράδυ.",
    "来访者说睡眠不好，药量是二十毫克。",
    "वह कहती है कि नींद कम है।",
    "المراجعة تنام قليلا وتقلق كثيرا.",
    "היא אמרה שהיא ישנה טוב יותר 🙂.",
    "彼女は仕事に戻りたいと話した。",
    "Ela disse que não pensa em morrer.",
)
# Statements of a usual note.
NOTE = {Role.REPORT: 14, Role.OBSERVATION: 6, Role.MEASURE: 2, Role.INTERVENTION: 4, Role.IMPRESSION: 5, Role.RISK: 2, Role.PLAN: 6}
WRITTEN = 1.5  # tokens for an English word, and
CITING = 20  # tokens about a sentence: its keys and ids


def made(folder: Path, size: str) -> Path:
    """A chat model of random weights."""
    from transformers import AutoModelForCausalLM, Qwen2Config
    from transformers.utils import logging

    logging.disable_progress_bar()
    shape = dict(zip(SHAPE, SIZES[size], strict=True))
    torch.manual_seed(SEED)
    config = Qwen2Config(**shape, max_position_embeddings=32768, tie_word_embeddings=size != "0.1b", bos_token_id=0, eos_token_id=1)
    AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(folder)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=TOKENIZER, special_tokens=list(MARKS), initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([*(s.text for piece in read() for s in piece.segments), *SAID * 10], trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": MARKS[1], "pad_token": MARKS[1], "chat_template": TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"additional_special_tokens": list(MARKS)}), encoding="utf-8")
    return folder


def statement(number: int, text: str, role: Role) -> RecordStatement:
    clause = Clause(0, len(text), {}, {role: 1.0})
    return RecordStatement(Statement(f"s{number}", text, 0, len(text), 0, clause), role, "bench")


def visits(draw: random.Random) -> Iterator[Question]:
    """Questions without end: a section of some format, one or two statements with numbers of their own, of several scripts."""
    known = formats.available()
    while True:
        note_format = draw.choice(known)
        section: Section = draw.choice(note_format.sections)
        first, count = draw.randrange(1, 400), draw.randint(1, 2)
        own = [statement(first + 3 * n, draw.choice(SAID), draw.choice(section.roles)) for n in range(count)]
        yield question(section, own, 1.0, note_format, Context())


def bound(asked: Question) -> dict[str, Any]:
    """The schema, with one sentence at least: random weights would often end the list at once, and prove nothing."""
    schema: dict[str, Any] = answers.schema(asked.ids, asked.sentences)
    schema["properties"]["sentences"]["minItems"] = 1
    return schema


def forms(count: int, device: str) -> Iterator[tuple[str, str]]:
    """How many answers have their form and their own evidence; how many the product would use; why not the others."""
    with tempfile.TemporaryDirectory() as folder:
        model = LocalModel(made(Path(folder), "0.1b"), "random", device=device)
        formed, used, why = [], [], Counter()
        for asked, _ in zip(visits(random.Random(SEED)), range(count), strict=False):
            schema = bound(asked)
            answer = model.ask(asked.messages, schema, asked.tokens)
            formed.append(_formed(answer, schema))
            reason = _reason(answer, asked)
            used.append(reason is None)
            why[reason] += reason is not None
        model.close()
    yield "0.1 B, random: valid by the schema, evidence of its section", str(share(formed))
    yield "the same: used by the writer as it stands", str(share(used))
    yield "the others: reasons", ", ".join(f"{reason} {n}" for reason, n in why.most_common() if n) or "none"


def _formed(answer: str, schema: dict[str, Any]) -> bool:
    try:
        validate(json.loads(answer), schema)
    except (ValueError, ValidationError):
        return False
    return True


def _reason(answer: str, asked: Question) -> str | None:
    try:
        answers.read(answer, asked.ids, asked.sentences)
    except answers.Unusable as fault:
        return fault.reason
    return None


def speeds(size: str, device: str) -> Iterator[tuple[str, str]]:
    """Reading and writing, beside what memory allows, and what they come to for a note of usual length."""
    with tempfile.TemporaryDirectory() as folder:
        device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        dtype = "bfloat16" if device == "cuda" else "float32"
        path = made(Path(folder), size)
        weights = sum(p.stat().st_size for p in path.glob("*.safetensors")) * (2 if dtype == "float32" else 1)
        memory = bandwidth(device)
        model = LocalModel(path, "random", device=device, dtype=dtype)
        began = time.perf_counter()
        model.count(({"role": "user", "content": "a"},))
        started = time.perf_counter() - began
        rows = [timed(model, asked) for asked in note()]
        model.close()
    tokens = sum(n - 1 for _, _, n, _ in rows) / sum(writing for _, writing, _, _ in rows)
    reading = sum(before for before, _, _, _ in rows)
    words = sum(asked for _, _, _, asked in rows)
    yield f"{size} {dtype} on {device}: start, with loading", f"{started:9.1f} s"
    yield "tokens written a second", f"{tokens:9.1f}"
    yield (
        f"bound: {memory / 1e9:.1f} GB/s copied over {weights / 1e9:.2f} GB of weights",
        f"{memory / weights:9.1f}    ratio {tokens * weights / memory:.2f}",
    )
    yield "reading the prompts of a note", f"{reading:9.1f} s   ({len(rows)} sections)"
    yield "a note, reckoned from these", f"{reading + words / tokens:9.1f} s   ({words:.0f} tokens written)"


def note() -> Iterator[Question]:
    """The questions of a SOAP note of usual length."""
    soap, draw = formats.load("soap"), random.Random(SEED)
    texts = [s.text for piece in read() for s in piece.segments if s.role]
    own = [statement(n, draw.choice(texts), role) for n, role in enumerate([r for r, count in NOTE.items() for _ in range(count)], 1)]
    for section in soap.sections:
        yield question(section, [s for s in own if s.role in section.roles], 1.0, soap, Context())


def timed(model: LocalModel, asked: Question) -> tuple[float, float, int, float]:
    """Seconds before the first token, seconds of writing, tokens written (at most 120), and tokens that a real answer would have."""
    heard: list[float] = []
    model.ask(asked.messages, bound(asked), 120, lambda n: heard.append(time.perf_counter()))
    words = int(asked.messages[1]["content"].rpartition("at most ")[2].split()[0])
    return heard[1] - heard[0], heard[-1] - heard[1], len(heard) - 1, WRITTEN * words + CITING * asked.sentences


def bandwidth(device: str, size: int = 1 << 29) -> float:
    """Bytes a second that memory moves: what a copy reads and writes, the best of five."""
    source = torch.ones(size, dtype=torch.uint8, device=device)
    target, best = torch.empty_like(source), float("inf")
    for _ in range(6):
        if device == "cuda":
            torch.cuda.synchronize()
        began = time.perf_counter()
        target.copy_(source)
        if device == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - began)
    return 2 * size / best


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.llm")
    parser.add_argument("--answers", type=int, default=200, help="how many answers of the 0.1 B model are counted; 0 for none")
    parser.add_argument("--size", choices=SIZES, help="how fast a model of that size is")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    given = parser.parse_args(arguments)
    if given.answers:
        for what, figure in forms(given.answers, given.device):
            print(f"{what:70} {figure}")
    if given.size:
        for what, figure in speeds(given.size, given.device):
            print(f"{what:70} {figure}")


if __name__ == "__main__":
    main()
