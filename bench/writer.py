"""What writing and the check of a draft come to: `make eval-writer`, or `python -m bench.writer [--public FOLDER]`.

Each figure with n, a 95% interval and its goal: seeded errors that grounding catches, and sentences true to their sources that it marks all the same.
On record clauses of writers that no rule was made on; with `--public`, on the notes of aci-bench and primock57, by themselves and by the dialogue.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bench import plain, rouge, tagging
from bench.seeded import KINDS, Case, Material, cases, errors, neighbours, sentence
from bench.shares import share
from drafting import wiring
from drafting.pipeline import formats
from drafting.pipeline.grounding import OTHER_SECTION, ground, judge
from drafting.pipeline.grounding.claims import Source
from drafting.pipeline.routing import route
from drafting.pipeline.statements import state
from drafting.settings import read_settings
from drafting.types import Clause, Context, Draft, DraftSentence, Mode, Reading, RecordStatement, Role, Route, Support
from models.encoder.pieces import FINAL, Piece, read
from models.encoder.unseen import transcript

Row = tuple[str, str, str]
WANTED = ("entity swapped", "number changed", "numbers swapped", "negation added", "negation dropped", "danger denied", "wrong person")
LINES = 4  # lines of a dialogue that a sentence of its note may rest on, each with the line before and after it
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_LABEL = re.compile(r"^(?:[A-Z][\w/]*(?:,? and |, | )?){1,6}:\s*")
_SPEAKERS = {"doctor": "clinician", "patient": "client"}


def rows(material: Iterable[Material]) -> Iterator[Row]:
    """Seeded errors caught by kind, then true sentences marked, by how they were made."""
    yield from _rows(cases(material))


def _rows(made: Iterable[Case]) -> Iterator[Row]:
    verdicts: dict[str, list[Support]] = defaultdict(list)
    true: set[str] = set()
    for case in made:
        verdicts[case.kind].append(judge(case.text, case.sources)[0])
        true |= {case.kind} - set(KINDS)
    for kind in (k for k in KINDS if k in verdicts):
        yield f"caught: {kind}", str(share(v is Support.UNSUPPORTED for v in verdicts[kind])), "≥ 97%" if kind in WANTED else ""
    for kind in sorted(true):
        yield f"true, yet marked unsupported: {kind}", str(share(v is Support.UNSUPPORTED for v in verdicts[kind])), "≤ 5%"
    every = [v for kind in true for v in verdicts[kind]]
    if every:
        yield "true, yet marked unsupported: all", str(share(v is Support.UNSUPPORTED for v in every)), "≤ 5%"
        yield "true, yet marked weak: all", str(share(v is Support.WEAK for v in every)), ""


def sections(pieces: Iterable[Piece], key: str = "soap") -> Iterator[Row]:
    """Whether a sentence in another section than its statement's is marked, and one in its own is not."""
    note_format = formats.load(key)
    wrong, right = [], []
    for s in (s for piece in pieces for s in record(piece)):
        own = {note_format.section_of(r).key for r in ((s.role, Role.RISK) if s.risk else (s.role,))}
        for section in note_format.sections:
            draft = Draft(note_format, (DraftSentence(section.key, sentence(s.words), (s.id,)),), "seeded")
            marked = ground(draft, [s]).sentences[0].why == OTHER_SECTION
            (right if section.key in own else wrong).append(marked)
    yield "caught: wrong section (weak)", str(share(wrong)), ""
    yield "right section, yet marked", str(share(right)), "≤ 5%"


def record(piece: Piece) -> tuple[RecordStatement, ...]:
    """The record statements of a piece as its writer labelled them."""
    t = transcript(piece)
    clauses = tuple(
        Clause(
            a,
            b,
            {r: 0.98 if r is s.route else 0.01 for r in (Route.RECORD, Route.PRIVATE, Route.SET_ASIDE)},
            {s.role or Role.REPORT: 1.0},
            float(s.risk),
        )
        for (a, b), s in zip(piece.laid_out[1], piece.segments, strict=True)
    )
    mode = Mode.SESSION if piece.kind == "session" else Mode.DICTATION
    return route(state(t, Reading(clauses)), Context(mode=mode)).record


def clauses(pieces: Iterable[Piece]) -> Iterator[Material]:
    """Record clauses; those that follow one another are neighbours."""
    for piece in pieces:
        run: list[Source] = []
        for s in piece.segments:
            if s.route is Route.RECORD:
                doer = {Role.INTERVENTION: "clinician", Role.REPORT: "third", Role.RESPONSE: "third"}.get(s.role) if s.speaker is None else None
                run.append(Source(s.text, s.speaker or "author", doer))
            else:
                yield from neighbours(run)
                run = []
        yield from neighbours(run)


# ── public notes ──────────────────────────────────────────────────────────────────────────────────────────────────────


def notes(folder: Path) -> Iterator[tuple[str, list[tuple[list[str], list[Source]]]]]:
    """A set's name and, for each visit, the sentences of its note and the lines of its dialogue."""
    yield "aci-bench valid", [(_sentences(r["note"]), _lines(r["dialogue"])) for r in _read(folder / "dialogues/aci-bench-valid.jsonl")]
    yield (
        "primock57",
        [
            (_sentences(r["note"]), [Source(text, _SPEAKERS.get(who)) for _, _, who, text in sorted(r["turns"], key=lambda t: t[0])])
            for r in _read(folder / "dialogues/primock57.jsonl")
        ],
    )


def _read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _sentences(note: str) -> list[str]:
    """Its sentences; headings and labels are left out."""
    found = (_LABEL.sub("", line.strip(" •-\t\r")) for line in _SENTENCE.split(note))
    return [s for s in found if len(s.split()) > 2 and not s.isupper() and not s.endswith(":")]


def _lines(dialogue: str) -> list[Source]:
    said = (re.match(r"\[(\w+)\]\s*(.*)", line) for line in dialogue.splitlines())
    return [Source(m[2], _SPEAKERS.get(m[1])) for m in said if m and m[2].strip()]


def best(text: str, lines: Sequence[Source]) -> tuple[Source, ...]:
    """The lines that share most words with `text`, each with its neighbours, in order."""
    own = _long(text)
    ranked = sorted(range(len(lines)), key=lambda i: (-len(own & _long(lines[i].words)), i))[:LINES]
    kept = sorted({j for i in ranked for j in (i - 1, i, i + 1) if 0 <= j < len(lines)})
    return tuple(lines[j] for j in kept)


def _long(text: str) -> set[str]:
    return {w[:6] for w in re.findall(r"[a-z]{4,}|\d+", text.lower())}


def by_dialogue(visits: Sequence[tuple[list[str], list[Source]]]) -> Iterator[Row]:
    """Sentences of notes by the lines that they seem to rest on: how many are marked as they are, which nobody has checked, and with an error."""
    made = [(text, best(text, lines)) for note, lines in visits if lines for text in note]
    marked = [judge(text, lines)[0] for text, lines in made]
    yield "as written by a clinician, marked unsupported", str(share(v is Support.UNSUPPORTED for v in marked)), ""
    yield "as written by a clinician, marked weak", str(share(v is Support.WEAK for v in marked)), ""
    wrong = (Case(c.text, lines, c.kind, True) for text, lines in made for c in errors(Source(text, "author")))
    yield from _rows(wrong)


# ── the program ───────────────────────────────────────────────────────────────────────────────────────────────────────


def main() -> None:
    parser = argparse.ArgumentParser(description="The figures of writing, and of the check that each sentence is borne out.")
    parser.add_argument("--public", type=Path, help="folder of aci-bench and primock57, to measure on them")
    parser.add_argument("--most", type=int, help="read so many dialogues of each set, not all")
    args = parser.parse_args()
    wiring.mask_torch()
    engines = wiring.engines(read_settings({}))
    final = [p for p in read() if p.writer in FINAL]
    _print("the plain writer's notes, final writers", plain.rows(engines))
    _print("editing, held-out pairs and final writers", tagging.rows(wiring.editor()))
    _print(f"grounding, record clauses of the final writers ({', '.join(FINAL)})", rows(clauses(final)))
    _print("grounding, sections of SOAP, final writers", sections(final))
    for name, visits in notes(args.public) if args.public else ():
        _print(
            f"grounding, {name}: sentences of notes by themselves",
            rows(m for note, _ in visits for m in neighbours([Source(s, "author") for s in note])),
        )
        _print(f"grounding, {name}: sentences of notes by the dialogue", by_dialogue(visits))
    if args.public:
        _print("sessions, beside copying", rouge.rows(args.public, args.most))


def _print(name: str, found: Iterable[Row]) -> None:
    print(f"\n{name}")
    for what, figure, goal in found:
        print(f"  {what:58} {figure:42} {goal}".rstrip(), flush=True)


if __name__ == "__main__":
    main()
