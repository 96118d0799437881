"""Tiny chat models that tests make: folders that transformers loads, written without torch, in a tenth of a second.

`random_model` babbles. `answering_model` says one thing to whatever it is asked, by weights that point from the prompt's last token to it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

WIDTH, HEADS, LAYERS = 32, 2, 2
VOCABULARY = 768  # rows of the model, more than its tokenizer has tokens
MARKS = ("<|start|>", "<|end|>", "<|answer|>")
TEMPLATE = (
    "{% for m in messages %}<|start|>{{ m['role'] }}\n{{ m['content'] }}<|end|>\n{% endfor %}{% if add_generation_prompt %}<|answer|>{% endif %}"
)
NO_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}" + TEMPLATE
READ = [
    "The client reported sleeping five hours and was worried about work and her sister. Mood anxious, affect full. PHQ-9 was 11.",
    "Клиент сообщил, что плохо спит. Η πελάτισσα κοιμάται λίγο. 来访者说睡眠不好。 المراجعة تنام قليلا. नींद कम है।",
    '{"sentences": [{"text": "Client reported", "evidence": ["s1", "s2", "s3"]}]}',
]


def random_model(folder: Path, kind: str = "llama", seed: int = 0, template: str | None = TEMPLATE, room: int = 4096) -> Path:
    """A model of random weights; `kind` is llama or qwen2."""
    _describe(folder, kind, room)
    _tokenizer(folder, template)
    save_file(weights(kind, seed), folder / "model.safetensors", {"format": "pt"})
    return folder


def answering_model(folder: Path, says: str, kind: str = "llama", template: str = TEMPLATE, room: int = 4096) -> Path:
    """A model that answers every question with `says`, which is one token of its own; where a grammar forbids that, it babbles."""
    _describe(folder, kind, room)
    said = _tokenizer(folder, template, says)
    tensors = weights(kind, 0)
    embedding, head = tensors["model.embed_tokens.weight"], tensors["lm_head.weight"]
    for token, following in ((MARKS.index("<|answer|>"), said), (said, MARKS.index("<|end|>"))):
        head[following] = 10 * embedding[token] / np.linalg.norm(embedding[token])
        embedding[token] *= 100  # so loud that what the layers add to it is not heard
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return folder


def weights(kind: str, seed: int) -> dict[str, np.ndarray]:
    """Random weights under the names that transformers gives them."""
    draw = np.random.default_rng(seed)

    def drawn(*shape: int) -> np.ndarray:
        return draw.normal(0, 0.3, shape).astype(np.float32)

    tensors = {"model.embed_tokens.weight": drawn(VOCABULARY, WIDTH), "lm_head.weight": drawn(VOCABULARY, WIDTH)}
    for layer in range(LAYERS):
        at = f"model.layers.{layer}"
        tensors |= {f"{at}.self_attn.{part}_proj.weight": drawn(WIDTH, WIDTH) for part in "qkvo"}
        if kind == "qwen2":
            tensors |= {f"{at}.self_attn.{part}_proj.bias": drawn(WIDTH) for part in "qkv"}
        tensors |= {f"{at}.mlp.{part}_proj.weight": drawn(2 * WIDTH, WIDTH) for part in ("gate", "up")}
        tensors[f"{at}.mlp.down_proj.weight"] = drawn(WIDTH, 2 * WIDTH)
        tensors |= {f"{at}.{part}_layernorm.weight": np.ones(WIDTH, np.float32) for part in ("input", "post_attention")}
    return tensors | {"model.norm.weight": np.ones(WIDTH, np.float32)}


def _describe(folder: Path, kind: str, room: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "architectures": [{"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM"}[kind]],
        "model_type": kind,
        "hidden_size": WIDTH,
        "intermediate_size": 2 * WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
        "vocab_size": VOCABULARY,
        "max_position_embeddings": room,
        "tie_word_embeddings": False,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "dtype": "float32",
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


@cache
def _trained() -> str:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=list(MARKS), initial_alphabet=alphabet, show_progress=False, min_frequency=1)
    tokenizer.train_from_iterator(READ * 2, trainer)
    return tokenizer.to_str()


def _tokenizer(folder: Path, template: str | None, says: str | None = None) -> int:
    """Write the tokenizer; the number of the token that is `says`."""
    tokenizer = Tokenizer.from_str(_trained())
    if says is not None:
        tokenizer.add_tokens([AddedToken(says, normalized=False)])
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|end|>", "pad_token": "<|end|>", "clean_up_tokenization_spaces": False}
    settings["additional_special_tokens"] = list(MARKS)
    if template is not None:
        settings["chat_template"] = template
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return tokenizer.token_to_id(says) if says is not None else 0
