"""Whether each sentence of a draft is borne out by its sources.

In: a draft and the statements that it was written from. Out: the draft, each sentence marked supported, weak or unsupported, with the reason.
Knows no writer: these rules are not the writer's own, and hold for any.

A sentence is unsupported that names no source; that holds a figure, day, drug, relation or name that its sources lack, or that belongs to something
else in them; that denies what they do not, or leaves out a denial; that tells of one person what they tell of another; that is sure where they
doubt, or tells a plan as done, or plans what they do not. It is weak when many of its words are in no source, or its section is another's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import islice

from drafting.pipeline.grounding.claims import Claims, Part, Source, past, read
from drafting.pipeline.grounding.figures import Mark, settled
from drafting.pipeline.grounding.tokens import NOBODY, PEOPLE, classes, stem, words
from drafting.pipeline.wording import role_of
from drafting.types import Context, Draft, DraftSentence, NoteFormat, RecordStatement, Role, Support
from prompts import table

WEAK_BELOW = 0.6  # share of a sentence's words that its sources hold
ALIKE = 0.6  # share of a clause's words that make it the same clause
WHOLE = 0.9  # share of the sources' words that makes a sentence the whole of them
LENGTH = 0.7  # and its length against theirs
NEARER = 0.3  # how much more another figure's place must be like this one's
MANY = 40  # figures of a kind, or clauses of a word, that one is compared with
MASKED = 0.3  # what another figure beside both counts for, against a word
LEAST = 0.7  # how much it must be like it at all

NO_SOURCE, NEW_NUMBER, NEW_TIME, NEW_DRUG, NEW_PERSON, NEW_NAME, MOVED = (
    "No source was given for this sentence.",
    "A number here is not in the source.",
    "A day, date or time here is not in the source.",
    "A medication here is not in the source.",
    "Somebody here is not in the source.",
    "A name here is not in the source.",
    "In the source a number, time, name or medication of this sentence belongs to something else.",
)
NEW_NEGATIVE, NO_SUCH_DENIAL, LOST_NEGATIVE, OTHER_PERSON, SURER, DONE, NEW_PLAN, OTHER_WORDS, OTHER_SECTION = (
    "This denies something that the source does not deny.",
    "This denies a danger that the source does not deny.",
    "The source says no; this sentence does not.",
    "In the source somebody else says or does this.",
    "The source is less sure than this sentence.",
    "In the source this is still to come.",
    "This next step is not in the source.",
    "Many of these words are not in the source.",
    "This rests on statements that belong to another section.",
)
_QUOTED = re.compile("“([^“”]+)”")
_NEW = {"number": NEW_NUMBER, "rate": NEW_NUMBER, "day": NEW_TIME, "drug": NEW_DRUG, "relation": NEW_PERSON, "name": NEW_NAME}


def ground(draft: Draft, statements: Sequence[RecordStatement], context: Context | None = None) -> Draft:
    """`draft` with support and why on every sentence; what the clinician wrote needs no other source."""
    known = {s.id: s for s in statements}
    names = _names(context) if context else NOBODY
    return replace(draft, sentences=tuple(_marked(s, [known[e] for e in s.evidence if e in known], draft.format, names) for s in draft.sentences))


def _names(context: Context) -> Mapping[str, str]:
    """Who is meant by a name, by a part of one that is no everyday word, and by what the house calls the two."""
    vague = table("phi_people.toml")["ambiguous"]["words"].split()
    whole = [n for name in context.client_names for n in (name, *name.split()) if n == name or (len(n) > 2 and n.lower() not in vague)]
    theirs = [n for n in (context.clinician, context.style.clinician) if n]
    return dict.fromkeys(theirs, "clinician") | dict.fromkeys([*whole, context.style.client], "client")


def _marked(sentence: DraftSentence, statements: Sequence[RecordStatement], note_format: NoteFormat, names: Mapping[str, str]) -> DraftSentence:
    if sentence.edited:
        return replace(sentence, support=Support.SUPPORTED, why=None)
    support, why = judge(sentence.text, [_source(s) for s in statements], names)
    if support is Support.SUPPORTED and not _at_home(sentence.section, statements, note_format):
        support, why = Support.WEAK, OTHER_SECTION
    return replace(sentence, support=support, why=why)


def _source(s: RecordStatement) -> Source:
    if s.statement.speaker:
        return Source(s.words, s.statement.speaker)
    return Source(s.words, "author", "clinician" if s.role is Role.INTERVENTION else "third" if s.role in (Role.REPORT, Role.RESPONSE) else None)


def _at_home(section: str, statements: Sequence[RecordStatement], note_format: NoteFormat) -> bool:
    """Whether any of the statements belongs to the section; danger may also stand where its other role does."""
    roles = {r for s in statements for r in (role_of(s.role, s.words), *((Role.RISK,) if s.risk else ()))}
    return any(note_format.section_of(r).key == section for r in roles)


def judge(text: str, sources: Sequence[str | Source], names: Mapping[str, str] = NOBODY) -> tuple[Support, str | None]:
    """How far `sources` bear out `text`, and why not where they do not. `names` mean client or clinician."""
    given = [Source(s) if isinstance(s, str) else s for s in sources]
    if not any(s.words.strip() for s in given):
        return Support.UNSUPPORTED, NO_SOURCE
    said = read([Source(text, "author")], names)
    held = read(given, names, settle=len(settled(said.tokens)) == len(said.tokens))
    if said.plain == held.plain:
        return Support.SUPPORTED, None
    if "“" in text and (bare := _unquoted(text, held)) != text:
        said = read([Source(bare, "author")], names)
    for check in CHECKS:
        if why := check(said, held):
            return Support.UNSUPPORTED, why
    return (Support.WEAK, OTHER_WORDS) if _share(said, held) < WEAK_BELOW else (Support.SUPPORTED, None)


def _unquoted(text: str, held: Claims) -> str:
    """`text` without the quotations that stand word for word in the sources; that there was one is still seen."""
    whole = f" {' '.join(held.plain)} "
    return _QUOTED.sub(lambda m: "“”" if f" {' '.join(read([Source(m[1])]).plain)} " in whole else m[0], text)


def _share(said: Claims, held: Claims) -> float:
    """The share of the text's words that the sources hold; people and what stands for a denial are judged elsewhere."""
    free = words("leads") | (words("denial", "soft") if held.denials("no") else frozenset())
    own = {t.stem: t for t in said.tokens if t.stem and not t.who and t.text not in free and t.text not in classes("figures", "units")}
    return sum(s in held.stems or _spelled_out(t.text, held) for s, t in own.items()) / len(own) if own else 1.0


# ── figures, days, drugs, people ──────────────────────────────────────────────────────────────────────────────────────


def _figures(said: Claims, held: Claims) -> str | None:
    """A figure that the sources lack, or that stands there beside something else."""
    read_whole = {m.group for m in said.marks if m.whole and _same(m, held)}
    for m in said.marks:
        if not m.needed or m.whole or (m.group and m.group in read_whole):
            continue
        if m.kind == "name" and _named(m, held):
            continue
        same = _same(m, held)
        if m.kind in ("part", "period", "turn"):
            if not same and (m.kind, "") in held.places:
                return NEW_TIME
        elif not same:
            return _NEW[m.kind]
        elif _belongs_elsewhere(m, same, held):
            return MOVED
    return None


def _same(m: Mark, held: Claims) -> list[Mark]:
    values = m.values | _narrower(m)
    found = (h for v in values for h in held.places.get((m.kind, v), ()))
    return list(islice((h for h in found if not m.unit or not h.unit or m.unit == h.unit), MANY))


def _narrower(m: Mark) -> frozenset[str]:
    wider = table("grounding.toml")["people"]["wider"]
    return frozenset(w for v in m.values for w in wider.get(v, "").split()) if m.kind == "relation" else frozenset()


def _named(m: Mark, held: Claims) -> bool:
    """A name is known by its letters, and an abbreviation by what it stands for."""
    if any(t.text in m.values or (t.stem and t.stem in m.values) for t in held.tokens):
        return True
    return any(_spelled_out(v, held) for v in m.values)


def _spelled_out(word: str, held: Claims) -> bool:
    """Whether the sources hold what an abbreviation stands for."""
    whole = table("grounding.toml")["short"].get(word)
    return bool(whole) and {stem(w) for w in whole.split()} <= held.stems


def _belongs_elsewhere(m: Mark, same: Sequence[Mark], held: Claims) -> bool:
    """Whether another figure of the sources stands where this one does here, and this one there does not."""
    if m.kind not in ("number", "day", "drug", "relation"):
        return False
    others = [h for h in islice(held.places.get((m.kind, ""), ()), MANY) if h.needed and not h.values & m.values and not h.whole]
    own = max(_likeness(m, h) for h in same)
    return any(_likeness(m, h) > max(own + NEARER, LEAST) for h in others)


def _likeness(m: Mark, h: Mark) -> float:
    """How alike two places are: the same words on the same side, the nearer the more."""
    pairs = ((m.before, h.before, 1.0), (m.after, h.after, 1.0), (m.before, h.after, 0.3), (m.after, h.before, 0.3))
    shared = ((w, k / (1 + max(i, b.index(w)))) for a, b, k in pairs for i, w in enumerate(a) if w in b and w not in a[:i])
    return sum(share * (MASKED if w[0] in "#@" else 1) for w, share in shared)


# ── denials ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _dangers_denied(said: Claims, held: Claims) -> str | None:
    return NO_SUCH_DENIAL if _denied(said) - _denied(held) else None


@cache
def _dangers() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((t["key"], re.compile("|".join(f"(?:{p})" for p in t["patterns"]))) for t in table("risk.toml")["topic"])


def _denied(claims: Claims) -> frozenset[str]:
    """Dangers that are named in what a denial reaches over; that risk is low denies it too."""
    low = re.search(table("risk.toml")["polarity"]["low"], " ".join(t.text for t in claims.tokens))
    found = {"low risk"} if low else set()
    for s in claims.scopes:
        if s.kind == "no" and s.firm and s.at:
            first, last = min(s.at), max(s.at)
            over = " ".join(t.text for t in claims.tokens[max(0, first - 2) : last + 2])
            found |= {key for key, pattern in _dangers() if pattern.search(over)}
    return frozenset(found)


def _new_denial(said: Claims, held: Claims) -> str | None:
    """A denial of words that the sources have and do not deny, or one denial more than they have."""
    denied = {w for item in held.items("no") for w in item}
    known = held.stems
    strange = 0
    for item in said.items("no", firm=True):
        own = [w for w in item if w in known][:4]
        if own and not denied.intersection(own):
            return NEW_NEGATIVE
        strange += not own
    return NEW_NEGATIVE if (strange and not held.items("no")) or said.denials("no") > held.denials("no", "near") else None


def _lost_denial(said: Claims, held: Claims) -> str | None:
    softly = len({t.text for t in said.tokens} & words("denial", "soft") - {t.text for t in held.tokens})
    fewer = said.denials("no", "near") + softly < held.denials("no")
    return LOST_NEGATIVE if _lost(said, held, "no") or (fewer and _whole(said, held)) else None


def _whole(said: Claims, held: Claims) -> bool:
    """Whether the text is all that the sources say, and not a part of it."""
    return bool(held.stems) and len(held.stems & said.stems) >= WHOLE * len(held.stems) and len(said.tokens) >= LENGTH * len(held.tokens)


def _lost(said: Claims, held: Claims, kind: str) -> bool:
    """Whether what a scope of the sources reaches over stands in the text outside such a scope, and stands so in no source."""
    free, elsewhere = said.outside(kind, "poor") if kind == "no" else said.outside(kind), held.outside(kind)
    return any(_mostly(item, free) and not _mostly(item, elsewhere) for item in held.items(kind, firm=True))


def _mostly(item: Sequence[str], stems: frozenset[str]) -> bool:
    return bool(item) and sum(w in stems for w in item) > ALIKE * len(item)


# ── who, how sure, when ───────────────────────────────────────────────────────────────────────────────────────────────


def _other_person(said: Claims, held: Claims) -> str | None:
    """A clause whose words the sources tell of somebody else, or that somebody else told."""
    leads = frozenset(map(stem, words("leads"))) if held.speakers else frozenset()
    for part in said.parts:
        if not part.who:
            continue
        if part.told and not _told_by(part, held):
            return OTHER_PERSON
        near = islice((h for w in sorted(part.stems) if part.stems - leads for h in islice(held.telling.get(w, ()), MANY)), MANY * MANY)
        alike = [(len(part.stems & h.stems) / len(part.stems), h) for h in near]
        best = max((share for share, _ in alike), default=0)
        if best >= ALIKE and not any(_may_be(part.who, h.who) for share, h in alike if share >= best - 0.15):
            return OTHER_PERSON
    return OTHER_PERSON if not held.speakers and _other_sex(said, held) else None


def _told_by(part: Part, held: Claims) -> bool:
    """Whether the one who tells something here told something there. In a session that is whoever spoke; in a dictation it may be left open."""
    if held.speakers:
        spoke = held.speakers | {h.who for h in held.parts if h.told}
        return part.told == "speech" or part.who not in ("client", "clinician") or part.who in spoke
    tells = {h.who for h in held.parts if h.told and h.who}
    return not tells or any(_may_be(part.who, who) for who in tells)


def _may_be(a: str | None, b: str | None) -> bool:
    """Whether the two may be one person. "They" may be anybody, "he" and "she" anybody but the clinician; a name may be the client."""
    if a == b or not a or not b or a == "they":
        return True
    b = "third" if b == "they" else b
    if {"we", "self"} & {a, b}:
        return {a, b} <= set(PEOPLE)
    if "clinician" in (a, b):
        return False
    return "third" in (a, b) or "name" in (a, b) or b in table("grounding.toml")["people"]["wider"].get(a, "").split()


def _other_sex(said: Claims, held: Claims) -> bool:
    ours, theirs = {t.text for t in said.tokens}, {t.text for t in held.tokens}
    men, women = words("people", "men"), words("people", "women")
    return any(ours & a and not ours & b and theirs & b and not theirs & a for a, b in ((men, women), (women, men)))


def _surer(said: Claims, held: Claims) -> str | None:
    told = any(p.told for p in said.parts)
    mild = words("doubt", "mild")
    if told and not {t.text for t in held.tokens} & (words("doubt", "words") - mild):
        return None
    return SURER if _lost(said, held, "maybe") else None


def _done(said: Claims, held: Claims) -> str | None:
    told = any(t.text.endswith("ed") or t.text in past() for t in said.tokens)
    ahead = said.items("will") or any(t.text == "would" for t in said.tokens)
    return DONE if told and not ahead and _lost(said, held, "will") else None


def _new_plan(said: Claims, held: Claims) -> str | None:
    plan = table("grounding.toml")["plan"]
    text, source = (" ".join(t.text for t in c.tokens) for c in (said, held))
    if re.search(plan["claims"], text) and not re.search(plan["signs"], source):
        return NEW_PLAN
    strange = [item for item in said.items("will") if len(item) > 1 and not _mostly(item, held.stems)]
    return NEW_PLAN if strange else None


CHECKS: tuple[Callable[[Claims, Claims], str | None], ...] = (
    _dangers_denied,
    _new_denial,
    _lost_denial,
    _figures,
    _other_person,
    _surer,
    _done,
    _new_plan,
)
