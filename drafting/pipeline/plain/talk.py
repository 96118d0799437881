"""The plain writer's way with a session: two people's talk, told as a note.

In: the record statements of a transcript, a format, the context. Out: sentences, each with the statements that it is made of. Knows no
grounding and adds no fact: what `reported` cannot tell rightly is quoted as it was said, and nothing is read from how it was said.

Danger, medication, plans, scores, and questions about danger with their answers are always told. Of the rest, what adds most for its length, as
far as the format's and the style's length reach.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise

from drafting.pipeline.plain.joining import goes_on
from drafting.pipeline.plain.reported import AUTHOR, CLIENT, CLINICIAN, asked, bare, phrase, plain_forms, reported
from drafting.pipeline.wording import content, weighty
from drafting.types import Context, DraftSentence, NoteFormat, RecordStatement, Role
from prompts import table

SURE = 0.5  # an element counts from here on
QUOTE_WORDS = 15  # a longer quotation is for danger alone
QUOTES = 2  # a section's, beside those that must be
JOINED_WORDS = 36  # two sentences of one speaker's turn become one up to here
_END = re.compile(r"(?<=[.!?])[\"”’')]*\s+(?=[\"“‘'(]?[A-Z0-9])|(?<=;)\s+")
_CLOSED = re.compile(r"[.?!…][\"”’')]*$")
_PERSONAL = frozenset("i me my mine you your yours yourself we us our ours".split())
_STANDING = (Role.PLAN, Role.MEDICATION, Role.MEASURE, Role.RISK)  # told in the tense they were said in


@dataclass(frozen=True, slots=True)
class _Line:
    """One sentence that may enter the note. `lead` is "Client reported that" or the like, `text` what follows, `quoted` whether as a quotation."""

    run: tuple[RecordStatement, ...]
    section: str
    text: str = field(repr=False)
    lead: str = ""
    quoted: bool = False
    place: int = 0

    @property
    def words(self) -> int:
        return len(f"{self.lead} {self.text}".split())

    @property
    def whole(self) -> str:
        """The sentence, with its full stop."""
        text = f"{self.lead} {self.text}".strip()
        return text if _CLOSED.search(text.rstrip("”")) else text + "."


def told(statements: Sequence[RecordStatement], note_format: NoteFormat, context: Context) -> tuple[DraftSentence, ...]:
    """A session's note: sentences in the format's order of sections, and within one in the order they were said."""
    lines = list(_lines(statements, note_format))
    chosen = _joined(_chosen(lines, note_format, context))
    return tuple(
        DraftSentence(line.section, _named(line.whole, _who(line, context), context.style.clinician), tuple(s.id for s in line.run))
        for section in note_format.sections
        for line in chosen
        if line.section == section.key
    )


def _who(line: _Line, context: Context) -> str:
    speakers = {s.statement.speaker for s in line.run}
    return context.style.client if speakers & {"client", "clinician"} else "Participant"


# ── what belongs together ─────────────────────────────────────────────────────────────────────────────────────────────


def _lines(statements: Sequence[RecordStatement], note_format: NoteFormat) -> Iterator[_Line]:
    before: RecordStatement | None = None
    for place, run in enumerate(_runs(statements)):
        section = note_format.section_of(_role(run)).key
        line = _question(run, section) if run[0].reason == "question" else _spoken(run, section, before)
        if line:
            yield replace(line, place=place)
        before = run[-1]


def _role(run: Sequence[RecordStatement]) -> Role:
    """What one sentence does in the note: the weightiest of its clauses' roles, else the first."""
    roles = [s.role for s in run]
    return next((Role(r) for r in table("talk.toml")["salience"]["first"] if r in roles), roles[0])


def _runs(statements: Sequence[RecordStatement]) -> Iterator[tuple[RecordStatement, ...]]:
    """Clauses of one sentence, and a question with its answer."""
    run: list[RecordStatement] = []
    for s in statements:
        if run and not _belongs(run[-1], s):
            yield tuple(run)
            run = []
        run.append(s)
    if run:
        yield tuple(run)


def _belongs(a: RecordStatement, b: RecordStatement) -> bool:
    if b.reason == "answer":
        return a.reason in ("question", "answer")
    if "question" in (a.reason, b.reason) or a.reason == "answer":
        return False
    return _next_to(a, b) and not _CLOSED.search(a.words) and goes_on(a.words, b.words)


def _next_to(a: RecordStatement, b: RecordStatement) -> bool:
    return 0 <= b.statement.start - a.statement.end <= 1 and a.statement.speaker == b.statement.speaker


# ── one sentence ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _words(run: Sequence[RecordStatement]) -> str:
    return re.sub(f"[{CLIENT}{CLINICIAN}{AUTHOR}]", " ", " ".join(" ".join(s.words.split()) for s in run))


def _quote(run: Sequence[RecordStatement]) -> str:
    return f"“{_exact(_words(run))}”"


def _question(run: Sequence[RecordStatement], section: str) -> _Line:
    """A question about danger with what was answered, in the answerer's own words."""
    question, answer = ([s for s in run if (s.reason == "question") is it] for it in (True, False))
    parts = _sentences(_spare(_words(question)))
    form = asked(parts[0], client=False) if len(parts) == 1 else None
    if form and answer:
        return _Line(tuple(run), section, _quote(answer), f"Asked {form}, {CLIENT} answered:", True)
    put = f"{AUTHOR} asked {form}" if form else f"{AUTHOR} asked: {_quote(question)}"
    return _Line(tuple(run), section, f"{put} {CLIENT} answered: {_quote(answer)}" if answer else put, quoted=not form)


def _spoken(run: Sequence[RecordStatement], section: str, before: RecordStatement | None) -> _Line | None:
    said = _sentences(_spare(_words(run)))
    by_clinician = run[0].statement.speaker == "clinician"
    if not said or (by_clinician and _pattern("leading_up").match(_words(run))):
        return None
    line = _moves(run, section, said) if by_clinician else _client(run, section, said, before)
    if line:
        return line
    verb = "asked" if said[-1].endswith("?") else "said" if not by_clinician else "planned" if _role(run) is Role.PLAN else "noted"
    return _Line(tuple(run), section, _quote(run), f"{AUTHOR if by_clinician else CLIENT} {verb}:", True)


def _client(run: Sequence[RecordStatement], section: str, said: Sequence[str], before: RecordStatement | None) -> _Line | None:
    """What the client said, told; None where it is to be quoted: their own danger, briefly put, or what cannot be told rightly."""
    role, risk = _role(run), any(s.risk or s.role is Role.RISK for s in run)
    if risk and re.search(r"\bi\b", _words(run), re.I) and len(_words(run).split()) <= QUOTE_WORDS:
        return None
    if said[-1].endswith("?"):
        form = asked(said[0], client=True) if len(said) == 1 else None
        return _Line(tuple(run), section, form, f"{CLIENT} asked") if form else None
    answered = re.match(table("talk.toml")["yes_no"], said[0], re.I)
    rest = [said[0][answered.end() :], *said[1:]] if answered else list(said)
    rest = [r for r in rest if any(c.isalnum() for c in r)]
    told = [reported(r, client=True, shift=role not in _STANDING and not risk) for r in rest]
    verb = _verb(role, risk, before)
    if rest and all(told):
        lead = f"{CLIENT} said {answered['word'].lower()} and that" if answered else f"{CLIENT} {verb} that"
        return _Line(tuple(run), section, ", and that ".join(told), lead)
    word = bare(said[0]) if len(said) == 1 else None
    return _Line(tuple(run), section, word, f"{CLIENT} said:") if word else None


def _verb(role: Role, risk: bool, before: RecordStatement | None) -> str:
    if role is Role.RESPONSE and before and before.role is Role.INTERVENTION and before.statement.speaker == "clinician":
        return "responded"
    return "said" if risk or role in (Role.PLAN, Role.RESPONSE) else "reported"


# ── words as they were said ───────────────────────────────────────────────────────────────────────────────────────────


def _spare(said: str) -> str:
    """`said` on one line, with straight apostrophes, without fillers and stammered words; unless that would take a word that carries weight."""
    text = " ".join(said.replace("’", "'").split())
    return _without(_fillers(), text, rounds=2)


def _without(patterns: Sequence[re.Pattern[str]], text: str, rounds: int = 1) -> str:
    after = text
    for pattern in (*patterns,) * rounds:
        after = " ".join(pattern.sub(" ", after).split()).lstrip(" ,;:.-–—")
    after = re.sub(r"\s+([,.;:?!])", r"\1", _pattern("repeated").sub(r"\1", after))
    return after if weighty(after) == weighty(text) else text


def _sentences(text: str) -> list[str]:
    """The sentences of `text` that say something."""
    cuts = [0] + [m.end() for m in _END.finditer(text) if not _shortened().search(text[: m.start()])] + [len(text)]
    each = (text[a:b].strip() for a, b in pairwise(cuts))
    return [s for s in each if any(c.isalnum() for c in s) and not _pattern("empty").match(s.strip(" .!,?").lower())]


def _exact(said: str) -> str:
    """Words as they were said, hesitations apart, to stand between quotation marks."""
    text = _without(_fillers()[: table("talk.toml")["hesitations"]], " ".join(said.split())).strip(" ,;")
    text = re.sub(r'"([^"]*)"', r"‘\1’", text).translate({ord("“"): "‘", ord("”"): "’", ord('"'): "’"})
    return text[:1].upper() + text[1:]


def _named(text: str, client: str, clinician: str) -> str:
    """`text` with the two people's names, a capital at its head."""
    role = clinician.lower() in table("english.toml")["speakers"]["clinician"]
    names = {CLIENT: client, AUTHOR: clinician, CLINICIAN: f"the {clinician.lower()}" if role else clinician}
    text = "".join(names.get(c, c) for c in text)
    return text[:1].upper() + text[1:]


@cache
def _fillers() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(p, re.I) for p in table("talk.toml")["fillers"])


@cache
def _pattern(key: str) -> re.Pattern[str]:
    return re.compile(table("talk.toml")[key], re.I)


@cache
def _shortened() -> re.Pattern[str]:
    return re.compile(rf"(?:{'|'.join(table('clauses.toml')['abbreviation'])})$", re.I)


# ── what the clinician does ───────────────────────────────────────────────────────────────────────────────────────────


def _moves(run: Sequence[RecordStatement], section: str, said: Sequence[str]) -> _Line | None:
    """What the clinician said, each sentence by the move that its words show; None where one cannot be told."""
    texts = [_move(s, _role(run)) for s in said]
    if not all(texts):
        return None
    heads = [AUTHOR + t[1:] if t.startswith(CLINICIAN) else t[:1].upper() + t[1:] for t in texts]
    return _Line(tuple(run), section, ". ".join(heads))


def _move(said: str, role: Role) -> str | None:
    text = said.rstrip(" .!,;:")
    if text.endswith("?"):
        form = asked(text, client=False)
        known = _known_move(text.rstrip("?"))
        return known or (form and f"{AUTHOR} asked {form}")
    if known := _known_move(text):
        return known
    if role is Role.PLAN:
        told = bare(text) or reported(text, client=False, shift=False) or (phrase(text, together=True) if _only_your(text) else None)
        return told and re.sub(r"^they\b", f"{AUTHOR} and {CLIENT}", told)
    if clause := reported(re.sub(r"^that\b", "this", text, flags=re.I), client=False, shift=False):
        return f"{AUTHOR} {_called(clause, text, role)} that {clause}"
    return (word := bare(text)) and f"{AUTHOR} noted: {word}"


def _called(clause: str, text: str, role: Role) -> str:
    """What a statement of the clinician's is called: about the client it is a reflection, unless it may be something to do."""
    if role is not Role.INTERVENTION:
        return "noted"
    present = re.match(r"(?:[^,]+, )?you (?:just )?(\w+)", text, re.I)
    if present and present[1].lower() in plain_forms() - set(table("talk.toml")["stative"].split()):
        return "said"
    return "reflected" if CLIENT in clause.split(" ")[:2] else "commented"


def _only_your(text: str) -> bool:
    """Whether "your" is the one word that means a person: such words have no subject to be told wrongly."""
    return {w for w in re.findall(r"[a-z]+", text.lower()) if w in _PERSONAL} <= {"your"}


def _known_move(text: str) -> str | None:
    for pattern, move in _table():
        m = pattern.match(text)
        if m and (rest := _rest(m["rest"], move)):
            filled = {k: (v or "")[:1].lower() + (v or "")[1:].rstrip(", ") for k, v in m.groupdict().items() if k != "rest"}
            return re.sub(r" +", " ", move["text"].format(K=AUTHOR, C=CLIENT, rest=rest, **filled).replace(", , ", " ")).strip()
    return None


def _rest(rest: str, move: dict[str, str]) -> str | None:
    if move["rest"] != "clause":
        return phrase(rest, together="that they" in move["text"] or "{K} and {C}" in move["text"] or "{K} will" in move["text"])
    lead = re.match(r"(?:(?:like|as if|as though|if|whether|what|how|who|that) )?", rest, re.I)[0]
    clause = reported(rest[len(lead) :], client=False, shift=False, met="{C}" in move["text"]) or (lead and phrase(rest[len(lead) :], together=True))
    return clause and lead.lower().removeprefix("that ") + clause


@cache
def _table() -> tuple[tuple[re.Pattern[str], dict[str, str]], ...]:
    data = table("talk.toml")
    sure, noun, next_word = ("|".join(data[key].split()) for key in ("asking", "asking_or_noun", "asked_for"))
    asking = rf"(?:(?:{sure})|(?:{noun})(?= (?:{next_word})\b))"
    return tuple((re.compile(m["pattern"].replace("ASKING", asking), re.I), m) for m in data["move"])


# ── what matters ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _chosen(lines: Sequence[_Line], note_format: NoteFormat, context: Context) -> list[_Line]:
    """Everything that must be told, then what adds most while its section has room; in the order of the source."""
    rules, length = table("talk.toml")["salience"], context.style.length.value
    room = {s.key: s.words[1] * rules["room"][length] for s in note_format.sections}
    weight, stems = _weights(lines), {line.place: frozenset(content(line.text)) for line in lines}
    kept = {line.place for line in lines if _must(line)}
    known = {w for place in kept for w in stems[place]}
    quotes = {s.key: 0 for s in note_format.sections}
    for line in lines:
        if line.place in kept:
            room[line.section] -= line.words
            quotes[line.section] += line.quoted
    left = [line for line in lines if line.place not in kept and _tellable(line)]
    while left:
        left = [x for x in left if x.words <= room[x.section] and not (x.quoted and quotes[x.section] >= QUOTES)]
        gain, best = max(((_gain(x, weight[x.place], stems[x.place], known, kept), x) for x in left), key=lambda found: found[0], default=(0.0, None))
        if best is None or gain < rules["least"][length]:
            break
        left.remove(best)
        kept.add(best.place)
        known |= stems[best.place]
        room[best.section] -= best.words
        quotes[best.section] += best.quoted
    return [line for line in lines if line.place in kept]


def _must(line: _Line) -> bool:
    always = table("talk.toml")["salience"]["always"]
    return any(s.risk or s.reason in ("question", "answer", "decided", "command") or s.role.value in always for s in line.run)


def _tellable(line: _Line) -> bool:
    return not line.quoted or len(_words(line.run).split()) <= QUOTE_WORDS


def _gain(line: _Line, weight: float, stems: frozenset[str], known: set[str], kept: set[int]) -> float:
    """What the line weighs, as far as its words are new; more where it answers a move that is told."""
    new = len(stems - known) / len(stems) if stems else 0.0
    rules, follows = table("talk.toml")["salience"], line.place - 1 in kept
    answers = rules["answers"] if follows and _role(line.run) is Role.RESPONSE else 0.0
    leaning = rules["leaning"] if not follows and re.match(rules["leans"], line.text, re.I) else 1.0
    return new * leaning * (weight + answers)


def _weights(lines: Sequence[_Line]) -> dict[int, float]:
    rules = table("talk.toml")["salience"]
    taken_up = {w for line in lines if line.run[0].statement.speaker == "clinician" for w in content(_words(line.run))}
    last = max((line.place for line in lines), default=0)
    return {line.place: _weight(line, rules, taken_up, line.place / max(last, 1)) for line in lines}


def _weight(line: _Line, rules: dict, taken_up: set[str], where: float) -> float:
    said = _words(line.run).lower().replace("’", "'")
    elements = {code for s in line.run for code, p in s.statement.clause.elements.items() if p >= SURE}
    weight = rules["roles"].get(_role(line.run).value, 1.0) + sum(rules["elements"].get(e, 0.0) for e in elements)
    weight += sum(w for pattern, w in rules["cues"] if re.search(pattern, said))
    stems = set(content(said))
    weight += rules["number"] * any(w.isdigit() for w in stems) + rules["ends"] * (where < 0.2 or where > 0.8)
    if line.run[0].statement.speaker != "clinician" and stems:
        weight += rules["agreed"] * len(stems & taken_up) / len(stems)
    return weight * min(1.0, len(stems) / 4) * (rules["quoted"] if line.quoted or line.lead.endswith(":") else 1.0)


# ── two sentences to one ──────────────────────────────────────────────────────────────────────────────────────────────


def _joined(lines: Sequence[_Line]) -> list[_Line]:
    """What one speaker said on end, under one "reported that"."""
    out: list[_Line] = []
    for line in lines:
        if out and _joins(out[-1], line):
            between = ", and that" if line.lead.endswith(" that") else ";"
            out[-1] = replace(out[-1], run=out[-1].run + line.run, text=f"{out[-1].text}{between} {line.text}")
        else:
            out.append(line)
    return out


def _joins(a: _Line, b: _Line) -> bool:
    same = (
        (a.section, a.lead) == (b.section, b.lead)
        and a.lead.endswith((" that", " said:"))
        and not (a.quoted or b.quoted)
        and _next_to(a.run[-1], b.run[0])
    )
    return same and a.words + b.words <= JOINED_WORDS
