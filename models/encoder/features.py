"""Text to what the network reads: tokens with their shape, and windows over them. Used in training and in reading, so that both see the same.

In: a transcript's text and turns, a tokenizer. Out: arrays. Knows no label, no network and no threshold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from drafting.types import Turn
from prompts import table

if TYPE_CHECKING:
    from tokenizers import Tokenizer

WINDOW, CONTEXT = 126, 28  # tokens read at once, besides [CLS] and [SEP]; of them, how many were read before and stand there as context
FEWEST_NEW = 48  # a window is cut back to the last sentence's end only if it keeps so many new tokens
AHEAD = 14  # where it ends inside a sentence, so many tokens are read again by the next: a token is judged with some of what follows it
SHAPES = ("capital", "capitals", "digit", "mark", "sentence_head", "word_head", "given_name", "wide_place")
SPEAKERS = ("none", "clinician", "client")
_ENDS, _CLOSING = ".?!…\n", " \"”’')]"


@dataclass(frozen=True, slots=True)
class Tokens:
    """One text's tokens. `ids` int64 (n,), `start` and `end` int64 (n,) offsets of characters, `shape` float32 (n, len(SHAPES)).

    A speaker's mark at a turn's head has no characters: its start and end are one place.
    """

    ids: np.ndarray
    start: np.ndarray
    end: np.ndarray
    shape: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


def tokens(text: str, turns: Sequence[Turn], tokenizer: Tokenizer) -> Tokens:
    """The tokens of every turn's words, a mark before each turn whose speaker is known."""
    ids: list[int] = []
    places: list[tuple[int, int]] = []
    for turn in turns:
        if turn.speaker in SPEAKERS[1:]:
            mark = tokenizer.encode(f"{turn.speaker}:", add_special_tokens=False).ids
            ids += mark
            places += [(turn.body, turn.body)] * len(mark)
        read = tokenizer.encode(text[turn.body : turn.end], add_special_tokens=False)
        ids += read.ids
        places += [(turn.body + a, turn.body + b) for a, b in read.offsets]
    start, end = np.array(places, dtype=np.int64).reshape(-1, 2).T
    return Tokens(np.array(ids, dtype=np.int64), start, end, _shapes(text, start, end))


@cache
def _lists() -> tuple[frozenset[str], frozenset[str]]:
    people = table("phi_people.toml")
    return frozenset(people["given"]["words"].split()), frozenset(people["wide_places"]["words"].split())


def _shapes(text: str, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """What the uncased tokenizer cannot see. A piece of a word has the word's shape."""
    given, places = _lists()
    out = np.zeros((len(start), len(SHAPES)), np.float32)
    word_from = 0
    for i, (a, b) in enumerate(zip(start.tolist(), end.tolist(), strict=True)):
        if a == b:
            continue
        head = i == 0 or end[i - 1] != a or not (text[a - 1].isalnum() and text[a].isalnum())
        if head:
            word_from = a
        word = _word(text, word_from)
        before = text[max(0, word_from - 4) : word_from].rstrip(_CLOSING)
        out[i] = (
            word[:1].isupper(),
            len(word) > 1 and word.isupper(),
            any(c.isdigit() for c in word),
            not word[:1].isalnum(),
            not before or before[-1] in _ENDS,
            head,
            word.lower() in given,
            word.lower() in places,
        )
    return out


def _word(text: str, at: int) -> str:
    """The word that begins at `at`, 40 characters of it at most."""
    end = at + 1
    while end < min(len(text), at + 40) and text[at].isalnum() and text[end].isalnum():
        end += 1
    return text[at:end]


def windows(text: str, tokens: Tokens) -> Iterator[tuple[int, int, int, int]]:
    """`(context, new, old, end)`: read tokens `context:end` at once, and take what is said of `new:old`. Every token is new in exactly one window."""
    at, n = 0, len(tokens)
    while at < n:
        context = max(0, at - CONTEXT)
        end = old = min(context + WINDOW, n)
        if end < n:
            ends = [i + 1 for i in range(at + FEWEST_NEW, end) if _ends_sentence(text, tokens, i)]
            end, old = (ends[-1], ends[-1]) if ends else (end, end - AHEAD)
        yield context, at, old, end
        at = old


def _ends_sentence(text: str, tokens: Tokens, i: int) -> bool:
    a, b = int(tokens.start[i]), int(tokens.end[i])
    return a < b and (text[b - 1] in ".?!…" or "\n" in text[b : b + 2])
