"""How a consultation's note compares with the clinician's own: PriMock57 and ACI-Bench (valid), each drafted by the whole pipeline.

In: the folder of public data. Out: rows of figures. ROUGE is our own small count (words in small letters, no stems, no stop words; F1), beside
copying: the first words of the talk, and twelve turns taken evenly. ROUGE says how alike words are, not whether a note is true: it is reported
and nothing is tuned to it.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import fmean

from bench.shares import Share
from drafting import wiring
from drafting.pipeline import Engines, Work, run
from drafting.pipeline.formats import load
from drafting.pipeline.source import read_source
from drafting.pipeline.wording import content
from drafting.settings import read_settings
from drafting.types import Context, Mode
from prompts import table

SETS = {"PriMock57": "primock57", "ACI-Bench valid": "aci-bench-valid"}
TURNS = 12  # of the second copy
_SPEAKERS = {"doctor": "clinician", "patient": "client", "guest_clinician": "clinician"}
_LABEL = re.compile(r"^\[(\w+)\] ?", re.M)


@dataclass(frozen=True, slots=True)
class Visit:
    """A consultation: turns of (speaker, words), and the note that its clinician wrote."""

    turns: tuple[tuple[str, str], ...] = field(repr=False)
    note: str = field(repr=False)


def rows(public: Path, most: int | None = None) -> Iterator[tuple[str, str, str]]:
    """What, figure, goal; `most` consultations of each set, all by default."""
    engines = wiring.engines(read_settings({}))
    for title, name in SETS.items():
        visits = read(public / "dialogues" / f"{name}.jsonl")[:most]
        yield from compared(title, visits, [drafted(v, engines) for v in visits])


def compared(title: str, visits: Sequence[Visit], notes: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """The rows of one set: ROUGE of the notes and of the two copies, words, and the share of the reference's facts that the notes hold."""
    copies = {
        "note": notes,
        "first words copied": [_first(v, len(words(n))) for v, n in zip(visits, notes, strict=True)],
        f"{TURNS} turns copied": [_evenly(v) for v in visits],
    }
    for what, texts in copies.items():
        each = [rouge(text, v.note) for text, v in zip(texts, visits, strict=True)]
        figure = "  ".join(f"{k} {fmean(e[k] for e in each):.3f}" for k in ("1", "2", "L"))
        length = fmean(len(words(t)) for t in texts)
        yield f"{title}, ROUGE of {what}", f"{figure}  {length:.0f} words  n={len(each)}", "reported"
    for kind in ("number", "drug", "symptom"):
        wanted = [(fact, n) for v, n in zip(visits, notes, strict=True) for fact in facts(v.note)[kind]]
        held = sum(fact in facts(n)[kind] for fact, n in wanted)
        yield f"{title}, the reference's {kind}s that the note holds", str(Share(held, len(wanted))), "reported"


# ── consultations ─────────────────────────────────────────────────────────────────────────────────────────────────────


def read(path: Path) -> list[Visit]:
    """The consultations of one file."""
    with path.open(encoding="utf-8") as lines:
        return [_visit(json.loads(line)) for line in lines]


def _visit(row: Mapping[str, object]) -> Visit:
    if "turns" in row:
        said = ((speaker, text) for _, _, speaker, text in sorted(row["turns"]))
    else:
        parts = _LABEL.split(row["dialogue"])[1:]
        said = ((speaker, _joined(text)) for speaker, text in zip(parts[::2], parts[1::2], strict=True))
    return Visit(tuple((_SPEAKERS.get(speaker, speaker), " ".join(text.split())) for speaker, text in said), row["note"])


def _joined(text: str) -> str:
    """Words that the set keeps apart from their ends: "do n't", "wan na", a space before a comma."""
    text = re.sub(r"\b(gon|wan|got) (na|ta)\b", r"\1\2", re.sub(r" (n't|'\w+)\b", r"\1", text))
    return re.sub(r" ([,.?!;:])", r"\1", text)


def drafted(visit: Visit, engines: Engines) -> str:
    """The note that the pipeline drafts from the talk."""
    utterances = [{"speaker": speaker, "text": text} for speaker, text in visit.turns]
    transcript = read_source(json.dumps({"utterances": utterances}).encode(), ".json")
    work = run(Work(transcript, Context(mode=Mode.SESSION), load("soap")), engines)
    return "\n".join(s.text for s in work.draft.sentences)


def _first(visit: Visit, count: int) -> str:
    return " ".join(words(" ".join(text for _, text in visit.turns))[:count])


def _evenly(visit: Visit) -> str:
    step = max(len(visit.turns) / TURNS, 1.0)
    return " ".join(visit.turns[int(i * step)][1] for i in range(min(TURNS, len(visit.turns))))


# ── counting ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def rouge(text: str, reference: str) -> dict[str, float]:
    """ROUGE-1, -2 and -L (Lin 2004), each the F1 of shared words, shared pairs, and the longest common order of words."""
    said, wanted = words(text), words(reference)
    pairs = [list(pairwise(w)) for w in (said, wanted)]
    return {
        "1": _f1((Counter(said) & Counter(wanted)).total(), len(said), len(wanted)),
        "2": _f1((Counter(pairs[0]) & Counter(pairs[1])).total(), len(pairs[0]), len(pairs[1])),
        "L": _f1(common(said, wanted), len(said), len(wanted)),
    }


def _f1(shared: int, said: int, wanted: int) -> float:
    return 2 * shared / max(said + wanted, 1)


def common(a: Sequence[str], b: Sequence[str]) -> int:
    """The length of the longest common subsequence, a bit a word (Hyyrö 2004)."""
    places: Counter[str] = Counter()
    for i, word in enumerate(a):
        places[word] |= 1 << i
    every = left = (1 << len(a)) - 1
    for word in b:
        here = left & places[word]
        left = ((left + here) | (left - here)) & every
    return len(a) - left.bit_count()


def facts(text: str) -> dict[str, frozenset[str]]:
    """Numbers (words as digits), drugs, and words of symptoms (cut to their stem) in `text`."""
    drug = next(c for c in table("record_cues.toml")["cue"] if c["role"] == "medication")["patterns"][0]
    symptom = table("talk.toml")["salience"]["cues"][0][0]
    lower = text.lower()
    return {
        "number": frozenset(w for w in content(text) if w.isdigit()),
        "drug": frozenset(re.findall(drug, lower)),
        "symptom": frozenset(w for found in re.findall(symptom, lower) for w in content(found)),
    }


def main() -> None:
    """`python -m bench.rouge FOLDER [MOST]`."""
    wiring.mask_torch()
    for row in rows(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None):
        print("  ".join(row), flush=True)


if __name__ == "__main__":
    main()
