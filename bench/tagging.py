"""What editing by rules, by the tagger, and by both comes to, on pairs and writers that neither was made on.

In: an editor. Out: rows of figures. A word that was to go and stayed costs little; a word that was to stay and went costs much, and most of all one
that carries weight.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher

from bench.shares import share
from drafting.pipeline.plain import edited
from drafting.pipeline.plain.repairs import corrected, mended
from drafting.pipeline.wording import weighty
from drafting.ports import Editor
from models.encoder.edit_pairs import Pair, disturbed, written
from models.encoder.pieces import read
from models.encoder.tagger import DROP, KEEP

DISTURBED = 600  # clauses of final writers
_WORD = re.compile(r"[^\w’'%/.:-]+|[.:]+$")


def rows(editor: Editor) -> Iterator[tuple[str, str, str]]:
    """What, figure, goal, for each way of editing."""
    pairs = [*written(held_out=True), *disturbed(read(), final=True, seed=1, most=DISTURBED)]
    ways: dict[str, Callable[[Sequence[str]], list[str]]] = {
        "rules alone": lambda texts: [mended(corrected(t)[0]) for t in texts],
        "tagger alone": lambda texts: edited(texts, editor),
        "both": lambda texts: [mended(t) for t in edited([corrected(t)[0] for t in texts], editor)],
    }
    for name, way in ways.items():
        yield from _rows(name, pairs, way([p.text for p in pairs]))


def _rows(name: str, pairs: Sequence[Pair], texts: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    met = [(tag, word, got) for p, text in zip(pairs, texts, strict=True) for tag, word, got in _survived(p, text)]
    yield f"{name}: words to drop that went", str(share(got is None for tag, _, got in met if tag == DROP)), ""
    kept = [(word, got) for tag, word, got in met if tag == KEEP]
    yield f"{name}: words to keep that went", str(share(got is None for _, got in kept)), "≤ 0.5%"
    yield f"{name}: of them words of weight", str(share(got is None for word, got in kept if weighty(word))), "0"
    yield f"{name}: swaps made as a typist makes them", str(share(got == tag for tag, _, got in met if tag not in (KEEP, DROP))), ""


def _survived(pair: Pair, text: str) -> Iterator[tuple[str, str, str | None]]:
    """For each word said: its tag, itself, and the word that stands for it in `text`, None where none does."""
    said, got = [_bare(w) for w in pair.words], [_bare(w) for w in text.split()]
    stands: dict[int, str] = {}
    for kind, a, b, c, d in SequenceMatcher(None, said, got, autojunk=False).get_opcodes():
        if kind in ("equal", "replace"):
            stands |= {i: got[j] for i, j in zip(range(a, b), range(c, d), strict=False)}
    yield from ((tag, word, stands.get(n)) for n, (tag, word) in enumerate(zip(pair.tags, pair.words, strict=True)) if said[n])


def _bare(word: str) -> str:
    return _WORD.sub("", word).lower()
