"""The clinician's spoken words, worded as a record is: the third person for "I" and "we", the style's names, the past where it was told so.

In: a mended sentence, a `Record` of how this dictation is worded. Out: the sentence, recast. Knows no section and no statement.
Nothing is recast that may be somebody else's speech, and where the verb after "I" is not known the sentence stays as it was said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from drafting.pipeline.plain.quoted import outside, speech
from drafting.pipeline.plain.referents import pronoun
from drafting.pipeline.wording import relations
from drafting.types import Context
from prompts import table

_I = r"(?<!ipolar )(?<![Tt]ype )(?<![Aa]xis )\bI"  # and not the numeral of a diagnosis
_HEAD = re.compile(r"(?:^|[.?!]\s+)\W*$")


@dataclass(frozen=True, slots=True)
class Record:
    """How one dictation is worded. `company` is what "we" holds beside the clinician: the client, the couple, the family, the group.
    `past`: the session is told in the past. `pronoun`: the client's, "he" or "she", where it is sure."""

    client: str
    clinician: str
    company: str
    past: bool
    pronoun: str | None = None
    client_names: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, texts: Sequence[str], context: Context) -> Record:
        """As the context has it, and as the whole dictation was told."""
        whole, style, rules = " ".join(texts), context.style, table("recast.toml")
        company = next((row["who"] for row in rules["company"] if re.search(row["words"], whole, re.I)), None)
        told, shown = (len(re.findall(rules["tense"][k], whole, re.I)) for k in ("past", "present"))
        who = None if company else pronoun(texts, context.client_names)
        return cls(style.client, style.clinician, f"the {company}" if company else inside(style.client), told > shown, who, context.client_names)

    def client_for(self, said: str, text: str) -> str:
        """`text`, which begins with the pronoun `said`, beginning with the client: "She's been" is "Client has been"."""
        rest = text[len(said) :]
        if said in ("His", "Her"):
            return f"{self.client}'s{rest}"
        m = re.match(r"['’](?P<cut>s|d|ll) (?P<next>[a-z]+)", rest)
        if not m:
            return self.client + rest
        done = m["next"] in table("recast.toml")["had"]["words"] or m["next"].endswith("ed")
        verb = {"s": "has" if done else "is", "d": "had" if done else "would", "ll": "will"}[m["cut"]]
        return f"{self.client} {verb}{rest[m.end('cut') :]}"


def recast(text: str, record: Record, within: bool = False) -> str:
    """`text` in the third person and the record's tense; `within`: it begins inside a quotation."""
    return outside(lambda words: _recast(words, record), text, within)


def _recast(text: str, record: Record) -> str:
    text = _client_words(_named(text, record), record)
    start, end = speech(text)
    return _told(text[:start], record) + text[start:end] + _told(text[end:], record)


def _told(text: str, record: Record) -> str:
    third = _i(text, record)
    if re.search(rf"{_I}\b(?!\.)", third):
        return text
    for edit in (_we, _objects, _possessives, _emphatic, _past):
        third = edit(third, record)
    return third


def replaced(text: str, phrase: tuple[str, str], within: bool = False) -> str:
    """`text` with the house's words for the speaker's, whole words, outside quotations."""
    said, written = phrase
    pattern = re.compile(rf"(?<!\w){re.escape(said)}(?!\w)", re.I)
    return outside(lambda t: pattern.sub(lambda m: _as_placed(written, t, m.start()) if m[0][0].isupper() else written, t), text, within)


def inside(name: str) -> str:
    """A style's name within a sentence: "Client" is "client" there, initials stay."""
    return name[0].lower() + name[1:] if name[1:].replace(" ", "").islower() else name


def at_head(text: str, at: int) -> bool:
    """Whether a sentence begins at `at`."""
    return bool(_HEAD.search(text[max(0, at - 6) : at])) if at > 6 else bool(_HEAD.search(text[:at]))


def _as_placed(name: str, text: str, at: int) -> str:
    return name[0].upper() + name[1:] if at_head(text, at) else inside(name)


# ── the clinician ─────────────────────────────────────────────────────────────────────────────────────────────────────


@cache
def _verbs(key: str) -> frozenset[str]:
    found = table("recast.toml")[key]
    return frozenset((found if isinstance(found, str) else found["verbs"]).split())


@cache
def _subject(words: str) -> re.Pattern[str]:
    """`words` as a subject, with the adverbs and the verb after it."""
    adverbs = "|".join(table("recast.toml")["adverbs"])
    middle = rf"(?P<mid>(?: (?:{adverbs}|(?!(?:re|ap|com|sup|multi)ply|rely)[a-z]+ly))*)"
    return re.compile(rf"(?P<who>{words})(?P<cut>['’](?:m|ve|ll|d|re))?{middle} (?P<verb>[a-z]+(?:['’][a-z]+)?)\b")


def _i(text: str, record: Record) -> str:
    def third(m: re.Match[str]) -> str:
        if re.search(r"\b(?:am|was|do|did|have|had|can|could|should|will|would) $", text[: m.start()]):
            return m[0]  # a question
        verb = _cut(m, "is", "has") if m["cut"] else _agreeing(m["verb"].replace("’", "'"))
        return f"{_as_placed(record.clinician, text, m.start())}{_joined(m, verb)}" if verb else m[0]

    return _subject(_I).sub(third, text)


def _we(text: str, record: Record) -> str:
    def third(m: re.Match[str]) -> str:
        delivered = m["verb"] in _verbs("delivered") and not m["cut"]
        who = record.clinician if delivered else f"{record.clinician} and {record.company}"
        verb = _cut(m, "are", "have") or m["verb"]
        return f"{_as_placed(who, text, m.start()) if delivered else _pair(record, text, m.start())}{_joined(m, verb)}"

    text = _subject(r"\b[Ww]e").sub(third, text)
    text = re.sub(r"\b(?:[Oo]ur)\b(?! (?:father|lady|lord)\b)", lambda m: _as_placed("The", text, m.start()), text)
    return re.sub(r"(?<=\b(?:of|to) )us\b|(?<=\bwith )us\b|(?<=\bbetween )us\b", f"{inside(record.clinician)} and {record.company}", text)


def _pair(record: Record, text: str, at: int) -> str:
    return f"{_as_placed(record.clinician, text, at)} and {record.company}"


def _cut(m: re.Match[str], be: str, have: str) -> str | None:
    """The verb that "'m", "'ve", "'ll" or "'d" is short for."""
    short = (m["cut"] or "").replace("’", "'")
    return _had_or_would(m["verb"]) if short == "'d" else {"'m": be, "'re": be, "'ve": have, "'ll": "will"}.get(short)


def _had_or_would(verb: str) -> str | None:
    rules = table("recast.toml")["had"]
    if verb in rules["words"] or (verb.endswith("ed") and verb not in _verbs("base_verbs")):
        return "had"
    return "would" if verb in rules["would"] or verb in _verbs("base_verbs") | _verbs("same_verbs") else None


def _joined(m: re.Match[str], verb: str) -> str:
    return f" {verb}{m['mid']} {m['verb']}" if m["cut"] else f"{m['mid']} {verb}"


def _agreeing(verb: str) -> str | None:
    """`verb`, as said after "I", after a name; None where it is not known."""
    irregular = table("recast.toml")["agreement"]
    if verb in irregular:
        return irregular[verb]
    if verb in _verbs("same_verbs") or (verb.endswith("ed") and verb not in ("need", "feed", "proceed", "succeed", "exceed")):
        return verb
    if verb not in _verbs("base_verbs"):
        return None
    if re.search(r"(?:[^aeiou]y)$", verb):
        return verb[:-1] + "ies"
    return verb + ("es" if re.search(r"(?:s|sh|ch|x|z|o)$", verb) else "s")


def _objects(text: str, record: Record) -> str:
    text = re.sub(r"(?<=\w )\bme\b(?![-'’])", inside(record.clinician), text)
    return re.sub(r"\bmyself\b", "themself", text)


def _possessives(text: str, record: Record) -> str:
    return re.sub(r"\b[Mm]y\b(?! (?:god|goodness|word)\b)", lambda m: f"{_as_placed(record.clinician, text, m.start())}'s", text)


# ── the client ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _named(text: str, record: Record) -> str:
    """The client's names, whole or given, are the style's word; a name that stands with a relation or before another surname is somebody else's."""
    for name in sorted(_names(record.client_names), key=len, reverse=True):
        pattern = re.compile(rf"(?:\b(?:Mr|Mrs|Ms|Miss|Mx)\.? )?\b{re.escape(name)}\b(?!-\w)(?! [A-Z][a-z])")
        text = pattern.sub(lambda m: m[0] if _other(m) else _as_placed(record.client, m.string, m.start()), text)
    return text


def _names(full: Sequence[str]) -> set[str]:
    return {part for name in full for part in (name, name.split()[0] if name.split() else "", *_surnames(name)) if len(part) > 1}


def _surnames(name: str) -> tuple[str, ...]:
    return tuple(f"{title} {name.split()[-1]}" for title in ("Mr", "Mr.", "Mrs", "Mrs.", "Ms", "Ms.", "Mx.")) if " " in name else ()


def _other(m: re.Match[str]) -> bool:
    near = m.string[: m.start()].rstrip(" ,").split(" ")[-2:]
    return bool(near) and bool(relations().search(" ".join(near)))


def _client_words(text: str, record: Record) -> str:
    """ "The patient", "pt" or "client" as the subject, in the style's word; within a sentence only where it can be nothing else."""
    words = "|".join(table("recast.toml")["client"]["words"])
    text = re.sub(rf"^(?:[Tt]he )?(?:{words})\b\.?(?=['’]s\b| [a-z])(?! (?:of|in|with|and (?:his|her|their))\b)", record.client, text, flags=re.I)
    text = re.sub(r"\bmy (?:client|patient)\b(?!s)", inside(record.client), text)
    return re.sub(rf"(?<=[a-z,;] )(?:the (?:{words})|pt|client)\b(?!['’]?s?['’]? (?:group|member))(?![s-])", inside(record.client), text)


# ── the past ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _emphatic(text: str, record: Record) -> str:
    rules = table("recast.toml")["tense"]
    return re.sub(rf"(?<!\bnot )(?<!what ){rules['emphatic']}", lambda m: rules["emphatic_past"][m["verb"]], text)


@cache
def _telling() -> re.Pattern[str]:
    """Somebody says something, at the head of a clause."""
    verbs = "|".join(table("recast.toml")["past"])
    return re.compile(rf"(?P<before>(?:^|[.?!;,] |\b(?:and|but) )(?:\w+)(?: (?:also|then|now|\w+ly))?) (?P<verb>{verbs})\b")


def _past(text: str, record: Record) -> str:
    """What the client says in the session is told in the past, except what is said again and again."""
    if not record.past or re.search(table("recast.toml")["tense"]["habit"], text, re.I):
        return text
    people = (record.pronoun, record.client.lower())

    def told(m: re.Match[str]) -> str:
        subject = re.sub(r"^(?:[.?!;,] )?(?:(?:and|but) )?", "", m["before"]).split()[0].lower()
        return f"{m['before']} {table('recast.toml')['past'][m['verb']]}" if subject in people else m[0]

    return _telling().sub(told, text)
