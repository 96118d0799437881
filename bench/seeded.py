"""A suite of sentences that are true to their sources, and of seeded errors.

In: sources with what is known of them. Out: `Case`s, each a sentence, its sources, and the error that it bears or None. Knows no verdict: its rules
are its own, so that grounding is not asked what it already knows. The same cases come each time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, zip_longest
from random import Random

from bench.numbers import say
from drafting.pipeline.grounding.claims import Source

SEED = 20_517
RELATIONS = "mother father sister brother wife husband son daughter aunt uncle cousin boss teacher neighbour roommate grandmother grandfather".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February April June July August September October November December".split()
DRUGS = "sertraline fluoxetine lithium quetiapine lorazepam prazosin bupropion mirtazapine lamotrigine trazodone olanzapine aripiprazole".split()
NAMES = "Maren Tobias Ingrid Kofi Leila Anselm Priya Dorota Yusuf Bettina".split()
DENIALS = (
    "Client denied suicidal ideation.",
    "Client denied SI and HI.",
    "No suicidal or homicidal ideation was reported.",
    "Client denied thoughts of self-harm.",
    "Client denied any plan or intent to end their life.",
    "Denies suicidal thoughts, plan or intent.",
)
STEPS = (
    "Client will keep a thought record until the next session.",
    "Clinician assigned daily diaphragmatic breathing as homework.",
    "Client agreed to schedule one pleasant activity each day.",
    "Clinician will refer Client to a psychiatrist.",
    "Client will practise grounding twice a day.",
    "Next session will review the exposure hierarchy.",
)
_SAID = {say(n): n for n in range(2, 100)}
_NUMBER = re.compile(rf"\b(?:\d+|{'|'.join(w for w in _SAID if ' ' not in w)})\b", re.I)
_DANGER = re.compile(r"\b(?:suicid|kill|harm|die\b|dying|dead|si\b|hi\b|life|alive|homicid|intent|plan|safe|cut|end)", re.I)
_RELATIVE = rf"(?:{'|'.join(RELATIONS)}|mum|mom|dad)"
_NAMED = re.compile(
    rf"(?:(?:and|but|so|um|okay|then),? )*(?:i|i'm|i've|i'll|he|she|they|client|the client|patient|pt|(?:his|her|their|my) {_RELATIVE})\b", re.I
)


@dataclass(frozen=True, slots=True)
class Case:
    """A sentence, what it rests on, and the kind of error in it; `kind` tells how a true one was made."""

    text: str = field(repr=False)
    sources: tuple[Source, ...] = field(repr=False)
    kind: str
    error: bool


@dataclass(frozen=True, slots=True)
class Material:
    """A source, and the source after it where the two are neighbours."""

    source: Source = field(repr=False)
    follows: Source | None = field(repr=False, default=None)


def cases(material: Iterable[Material]) -> Iterator[Case]:
    """Every case of `material`."""
    for m in material:
        yield from faithful(m)
        yield from errors(m.source)


# ── true to the source ────────────────────────────────────────────────────────────────────────────────────────────────


def faithful(m: Material) -> Iterator[Case]:
    """The source as it is, in record style, with its numbers written the other way, with other words of the same sense, and with its neighbour."""
    own = m.source
    styled = recast(own)
    yield Case(sentence(own.words), (own,), "as said", False)
    yield Case(styled, (own,), "record style", False)
    yield Case(styled, (Source(f"um so {own.words[:1].lower()}{own.words[1:]} you know", own.speaker, own.doer),), "fillers dropped", False)
    other = respelled(styled)
    if other != styled:
        yield Case(other, (own,), "numbers respelled", False)
    same = synonyms(styled)
    if same != styled:
        yield Case(same, (own,), "other words", False)
    if m.follows and not own.words.rstrip().endswith("?"):
        after = recast(m.follows)
        yield Case(
            f"{styled.rstrip('.!')}, and {after[:1].lower()}{after[1:]}" if after[:2] != "I " else f"{styled} {after}",
            (own, m.follows),
            "two merged",
            False,
        )
        yield Case(styled, (own, m.follows), "one of two", False)


def sentence(text: str) -> str:
    """`text` with a capital and a full stop."""
    text = text.strip(" ,;:—–-")
    text = text[:1].upper() + text[1:]
    return text if text[-1:] in '.?!”"' else text + "."


_STYLE: tuple[tuple[str, str], ...] = (
    (r"^(?:and|but|so|um|okay|ok|well|then|also|plus),? +", ""),
    (r"\bshe's (?=not|been|a|so|very|still|\w+ing)", "she was "),
    (r"\bhe's (?=not|been|a|so|very|still|\w+ing)", "he was "),
    (r"\b(isn't|is not)\b", "was not"),
    (r"\b(doesn't|does not|don't|do not)\b", "did not"),
    (r"\b(can't|cannot)\b", "could not"),
    (r"\b(hasn't|has not|haven't|have not)\b", "had not"),
    (r"\bis\b", "was"),
    (r"\bare\b", "were"),
    (r"\bhas\b", "had"),
    (r"\bsays\b|\bsaid\b", "reported"),
    (r"\bfeels\b", "felt"),
    (r"\bdenies\b", "denied"),
)
_HEADS: tuple[tuple[str, str], ...] = (
    (r"^(?:he|she|they|the client|the patient|client|patient|pt)\b(?!')", "Client"),
    (r"^(?:his|her|their) (?=\w)", "Client's "),
    (r"^(?=(?:slept|cried|reported|felt|denied|agreed|described|feels|wanted|thought)\b)", "Client "),
    (r"^(?=(?:taught|reviewed|used|practi[sc]ed|introduced|validated|explored|modell?ed|offered)\b)", "Clinician "),
)


def recast(source: Source) -> str:
    """`source` as a record would word it: third person, past tense where it is no plan. Quoted words stay."""
    text = source.words.strip(" ,;:—–-")
    if '"' in text or "“" in text or "”" in text:
        return sentence(text)
    plan = re.search(r"\b(?:will|next|'ll|plan|tomorrow|continue)\b", text, re.I)
    for pattern, new in _STYLE[:3] if plan else _STYLE:
        text = re.sub(pattern, new, text, flags=re.I)
    own = "Client" if source.speaker == "client" else "Clinician"
    for pattern, new in (
        (r"\bI'm\b", f"{own} was"),
        (r"\bI've\b", f"{own} had"),
        (r"\bI'll\b", f"{own} will"),
        (r"\bI'd\b", f"{own} had"),
        (r"\bI\b(?!\.)", own),
    ):
        text = re.sub(pattern, new, text)
    for pattern, new in ((r"^i (?=\w)", f"{own} "), (r"\bmy\b", f"{own}'s"), (r"\bme\b", own), (r"\bmyself\b", "themselves")):
        text = re.sub(pattern, new, text, flags=re.I)
    text = text[:1].upper() + text[1:]
    for pattern, new in _HEADS:
        changed = re.sub(pattern, new, text, count=1, flags=re.I)
        if changed != text:
            text = changed[:7] + changed[7:].replace("Slept", "slept") if changed.startswith("Client ") else changed
            text = re.sub(r"^(Client|Clinician) ([A-Z])(?=[a-z]+ )", lambda m: f"{m[1]} {m[2].lower()}", text)
            break
    return sentence(text)


def respelled(text: str) -> str:
    """Digits as words, or where there are none words as digits; clock times, scores' names and doses stay as they are."""
    if re.search(r"(?:ty|hundred)[- ]\w|hundred|thousand", text):
        return text
    if re.search(r"\d", text):
        return re.sub(
            r"(?<![\d:./-])(?<![A-Za-z]-)\b\d{1,2}\b(?![\d:/%-])(?!\.\d)(?! ?(?:mg|am|pm|a\.m|p\.m))",
            lambda m: say(int(m[0])) if int(m[0]) > 1 else m[0],
            text,
        )
    if len(_NUMBER.findall(text)) != 1:
        return text
    return _NUMBER.sub(lambda m: str(_SAID[m[0].lower()]), text)


_SAME = (
    (r"\bmum\b|\bmom\b", "mother"),
    (r"\bdad\b", "father"),
    (r"\bmeds\b", "medication"),
    (r"\bkids\b", "children"),
    (r"\bscared\b", "afraid"),
    (r"\bpractised\b", "practiced"),
    (r"\bstopped\b", "discontinued"),
    (r"\bcried\b", "was tearful"),
    (r"\bgot\b", "received"),
    (r"\btalked about\b", "discussed"),
    (r"\bwent over\b", "reviewed"),
    (r"\babout\b", "approximately"),
    (r"\bnow\b", "currently"),
    (r"\btold\b", "informed"),
    (r"\bstarted\b", "began"),
)


def synonyms(text: str) -> str:
    """`text` with harmless other words."""
    for pattern, new in _SAME:
        text = re.sub(pattern, new, text)
    return text


# ── seeded errors ─────────────────────────────────────────────────────────────────────────────────────────────────────


def errors(source: Source) -> Iterator[Case]:
    """One error of each kind that the source has room for."""
    styled = recast(source)
    if styled.endswith("?"):
        return
    named = _NAMED.match(source.words)
    for kind, make in KINDS.items():
        if kind == "wrong person" and not named:
            continue
        wrong = make(styled, Random(f"{SEED} {kind} {styled}"))
        if wrong and wrong.lower() != styled.lower():
            yield Case(wrong, (source,), kind, True)


def _swap_entity(text: str, chance: Random) -> str | None:
    relation = re.search(rf"\b({'|'.join(RELATIONS)}|mum|mom|dad)\b(?! of)", text, re.I)
    if relation:
        mum, dad = ("mum", "mom", "mother"), ("dad", "father")
        same = next((s for s in (mum, dad) if relation[0].lower() in s), (relation[0].lower(),))
        others = [r for r in RELATIONS if r not in same and not re.search(rf"\b{r}", text, re.I)]
        return text[: relation.start()] + chance.choice(others) + text[relation.end() :]
    name = re.search(r"(?<=[a-z,] )(?!Client|Clinician|I\b)[A-Z][a-z]{2,}(?=\b)(?!day)", text)
    if not name or name[0] in DAYS or name[0] in MONTHS or name[0] in ("March", "May"):
        return None
    return text[: name.start()] + chance.choice([n for n in NAMES if n not in text]) + text[name.end() :]


def _change_number(text: str, chance: Random) -> str | None:
    found = list(_NUMBER.finditer(text))
    if not found:
        return None
    m = chance.choice(found)
    n = int(m[0]) if m[0].isdigit() else _SAID[m[0].lower()]
    here = {int(f[0]) if f[0].isdigit() else _SAID[f[0].lower()] for f in found}
    new = chance.choice([k for k in range(max(2, n - 3), n + 5) if k not in here])
    return text[: m.start()] + (str(new) if m[0].isdigit() or new > 99 else say(new)) + text[m.end() :]


def _swap_numbers(text: str, chance: Random) -> str | None:
    found = list(_NUMBER.finditer(text))
    found = [m for m in found if not re.search(r"[\d:./]", text[m.start() - 1 : m.start()] + text[m.end() : m.end() + 2].strip(". "))]
    for a, b in pairwise(found):
        between = text[a.end() : b.start()]
        value = [int(m[0]) if m[0].isdigit() else _SAID[m[0].lower()] for m in (a, b)]
        if value[0] != value[1] and not re.fullmatch(r"[\s-]*(?:or|and|,|)?[\s-]*", between):
            return text[: a.start()] + b[0] + between + a[0] + text[b.end() :]
    return None


def _add_negation(text: str, chance: Random) -> str | None:
    if re.search(r"\b(?:not|no|never|n't|nor|without|denied|nothing|none|only)\b|n't", text, re.I):
        return None
    for pattern, new in (
        (r"\b(was|were|is|are|could|will|had been)\b(?! (?:to|going)\b)", r"\1 not"),
        (r"^(Client|Clinician) (slept|cried|reported|felt|agreed|described|wanted|taught|reviewed|used)\b", None),
        (r"\breported\b", "denied"),
    ):
        if new and re.search(pattern, text):
            return re.sub(pattern, new, text, count=1)
        base = {
            "slept": "sleep",
            "cried": "cry",
            "reported": "report",
            "felt": "feel",
            "agreed": "agree",
            "described": "describe",
            "wanted": "want",
            "taught": "teach",
        }
        if not new and (m := re.match(pattern, text)) and m[2] in base:
            return f"{m[1]} did not {base[m[2]]}{text[m.end() :]}"
    return None


def _drop_negation(text: str, chance: Random) -> str | None:
    for pattern, new in (
        (r"\b(was|were|is|are|could|will|had|did) not (?!only|sure)", r"\1 "),
        (r"\b(is|was|were|are|could|would|did|has|have|had)n't\b", r"\1"),
        (r"\bdenied\b", "reported"),
        (r"\bDenies\b", "Reports"),
        (r"\bdenies\b", "reports"),
        (r"\bnever\b", "often"),
        (r"\bNo (?=[a-z]+ )", "Some "),
        (r"(?<=\w )no (?=[a-z]+)(?!longer|doubt|one|show|wait|sorry)", "some "),
        (r"\bwithout\b", "with"),
    ):
        if re.search(pattern, text):
            return re.sub(pattern, new, text, count=1)
    return None


def _deny_danger(text: str, chance: Random) -> str | None:
    return None if _DANGER.search(text) else f"{text} {chance.choice(DENIALS)}"


def _other_speaker(text: str, chance: Random) -> str | None:
    """Client for clinician and the other way; a relative's words as the client's; the client's as a relative's."""
    whose = re.match(rf"^Client's {_RELATIVE}\b(?= [a-z])", text)
    if whose and not re.search(r"\bhe\b|\bshe\b", text):
        return "Client" + text[whose.end() :]
    head = re.match(r"^(Client|Clinician) (?=[a-z])", text)
    if not head:
        return None
    other = {"Clinician": ["Client"], "Client": ["Clinician", "Client's mother", "Client's husband"]}[head[1]]
    other = [o for o in other if o.split()[-1] not in text[head.end() :]]
    return f"{chance.choice(other)} {text[head.end() :]}" if other else None


def _change_drug(text: str, chance: Random) -> str | None:
    dose = re.search(r"\b(\d+)(?= ?mg)", text)
    drug = re.search(rf"\b(?:{'|'.join(DRUGS)})\b", text, re.I)
    if drug and (not dose or chance.random() < 0.5):
        return text[: drug.start()] + chance.choice([d for d in DRUGS if d.lower() not in text.lower()]) + text[drug.end() :]
    return text[: dose.start()] + str(int(dose[1]) * 2) + text[dose.end() :] if dose else None


def _change_time(text: str, chance: Random) -> str | None:
    day = re.search(rf"\b(?:{'|'.join(DAYS)})\b", text, re.I)
    month = re.search(rf"\b(?:{'|'.join(MONTHS)})\b", text)
    for found, others in ((day, DAYS), (month, MONTHS)):
        if found:
            return text[: found.start()] + chance.choice([o for o in others if o.lower() not in text.lower()]) + text[found.end() :]
    for pattern, new in (
        (r"\byesterday\b", "today"),
        (r"\btoday\b", "yesterday"),
        (r"\btomorrow\b", "today"),
        (r"\b(\d{1,2}):(\d\d)\b", r"\1:07"),
        (r"\bnext week\b", "last week"),
        (r"\blast week\b", "next week"),
        (r"\bmornings?\b", "evening"),
        (r"\bevenings?\b", "morning"),
        (r"\ba week\b", "a day"),
        (r"\bdaily\b", "weekly"),
        (r"\bweekly\b", "monthly"),
        (r"\bhours\b", "minutes"),
        (r"\bminutes\b", "hours"),
        (r"\bweeks\b", "months"),
    ):
        if re.search(pattern, text):
            return re.sub(pattern, new, text, count=1)
    return None


def _invent_step(text: str, chance: Random) -> str | None:
    return f"{text} {chance.choice(STEPS)}"


def _make_certain(text: str, chance: Random) -> str | None:
    for pattern, new in (
        (r"\b(?:may|might) be\b", "was"),
        (r"\b(?:may|might) have\b", "had"),
        (r"\b(?:may|might) (?=[a-z])", "did "),
        (r"\b(?:probably|possibly|perhaps|maybe|apparently|likely),? ", ""),
        (r"\bseem(?:s|ed) to be\b", "was"),
        (r"\b(?:seem(?:s|ed)|appear(?:s|ed)) (?!to)", "was "),
        (r"\bwonder(?:s|ed)? (?:if|whether)\b", "knew that"),
        (r"\bsuspect(?:s|ed)?\b", "established"),
    ):
        if re.search(pattern, text, re.I):
            return sentence(re.sub(pattern, new, text, count=1, flags=re.I))
    return None


_PAST = dict(
    pair.split(":")
    for pair in """call:called ask:asked check:checked review:reviewed contact:contacted follow:followed repeat:repeated start:started work:worked
    return:returned attend:attended watch:watched practise:practised use:used continue:continued complete:completed phone:phoned write:wrote
    bring:brought send:sent see:saw meet:met keep:kept go:went take:took do:did make:made try:tried ring:rang speak:spoke give:gave""".split()
)


def _tell_done(text: str, chance: Random) -> str | None:
    m = re.search(r"\b(?:will|going to|plans to|agreed to) (" + "|".join(_PAST) + r")\b", text)
    return text[: m.start()] + _PAST[m[1]] + text[m.end() :] if m and not re.search(r"\bnext (?:session|week)\b|\bplan\b", text, re.I) else None


KINDS: dict[str, Callable[[str, Random], str | None]] = {
    "entity swapped": _swap_entity,
    "number changed": _change_number,
    "numbers swapped": _swap_numbers,
    "negation added": _add_negation,
    "negation dropped": _drop_negation,
    "danger denied": _deny_danger,
    "wrong person": _other_speaker,
    "drug or dose": _change_drug,
    "date or time": _change_time,
    "next step invented": _invent_step,
    "doubt made certain": _make_certain,
    "plan told as done": _tell_done,
}


def neighbours(sources: Sequence[Source]) -> Iterator[Material]:
    """Sources of one text in order, each with the one after it."""
    for own, after in zip_longest(sources, sources[1:]):
        if any(c.isalnum() for c in own.words):
            yield Material(own, after)
