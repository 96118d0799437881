"""One speaker's sentence as reported speech, by closed lists, or nothing where the lists are not sure.

In: a sentence of the client's or the clinician's. Out: the words that follow "reported that", "asked … to" or "asked", or None, so that the caller
quotes. Knows no statement, no section and no style: the two people are private characters, which `named` fills in.

A number, a negation, a drug or a time that would change makes the answer None. First person becomes "they", or the client by name where "they"
could be somebody else; the tense goes back only where every verb of a known subject is on the lists.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

from drafting.pipeline.wording import weighty
from prompts import table

CLIENT, CLINICIAN, AUTHOR = "\ue000", "\ue001", "\ue002"  # "Client", "the clinician", and "Clinician" at the head of a sentence
_WORD = re.compile(r"([\w\ue000-\ue002]+(?:['-]\w+)*)")
_ADVERBS = r"((?: (?:not|just|still|always|never|really|only|also|already|all|so|too|even|probably|\w+ly))*)"
_OPEN_D = re.compile(rf"\b(i|you|he|she|it|we|they)'d{_ADVERBS} (\w+)", re.I)
_OPEN_S = re.compile(rf"\b(he|she|it|that|there|this|what)'s{_ADVERBS} (\w+)", re.I)
_I_AM = re.compile(r"\b(I(?: just| still| also| really| not)?) am\b")  # no time of day
_PERSONS = {
    **{w: ("i", n) for n, w in enumerate("i me my mine myself".split())},
    **{w: ("you", n) for n, w in enumerate("you _ your yours yourself".split())},
    **{w: ("we", n) for n, w in enumerate("we us our ours ourselves".split())},
}
_BE = {"am": "was", "is": "was", "are": "were"}
_DETERMINERS = frozenset("a an the my your his her their our this that free own".split())
_THEY = ("they", "them", "their", "theirs", "themselves")


def _sure(name: str) -> tuple[str, ...]:
    return (name, name, f"{name}'s", f"{name}'s", "themselves")


@dataclass(frozen=True, slots=True)
class _Said:
    """Words and what stands between them: `gaps[k]` before word `k`, one more at the end. `subjects` are places of words that a verb follows."""

    words: tuple[str, ...] = field(repr=False)
    gaps: tuple[str, ...] = field(repr=False)
    subjects: frozenset[int] = frozenset()

    def __str__(self) -> str:
        return "".join(gap + word for gap, word in zip(self.gaps, (*self.words, ""), strict=True))


# ── what the others call ──────────────────────────────────────────────────────────────────────────────────────────────


def reported(said: str, *, client: bool, shift: bool = True, met: bool = False) -> str | None:
    """A sentence as it stands after "that". `client` says whose it is; `met`, for the clinician's, that the client was named before it."""
    text = _written_out(said.rstrip(" .!,;:"))
    if _one("refused").search(said) or not _whole(text):
        return None
    return _retold(text, client=client, shift=shift, met=met)


def phrase(said: str, *, together: bool = False) -> str | None:
    """The clinician's words that begin with a verb and no subject: they stand after "asked … to", or, `together`, after "suggested that they"."""
    text = _written_out(said.rstrip(" .!,;:?"))
    told = None if _one("refused").search(said.rstrip("?")) else _retold(text, client=False, shift=False, met=not together, sole=not together)
    first = _WORD.match(told or "")
    return told[:1].lower() + told[1:] if first and first[0].lower() in _verbs() | _asking() else told


def asked(said: str, *, client: bool) -> str | None:
    """A question that yes or no would answer, as it stands after "asked"."""
    rules = table("talk.toml")["question"]
    text = re.sub(rules["lead"], "", _written_out(said), flags=re.I)
    if _one("refused").search(text.rstrip("?")):
        return None
    if m := re.match(rules["about"], text, re.I):
        told = _retold(m["rest"], client=client, shift=False, met=True)
        return told and f"about {'any ' if text.lower().startswith('any') else ''}{told}"
    m = re.match(rules["inverted"], text, re.I)
    if not m or re.search(rules["again"], m["rest"], re.I):
        return None
    straight = _straight(m)
    told = straight and _retold(straight, client=client, shift=True, met=True)
    return told and f"whether {told}"


def bare(said: str) -> str | None:
    """Words that need no change of person, for after a colon: one sentence, nobody's I, you or we in it."""
    text = said.strip(" .!,;:")
    persons = any(w.lower().split("'")[0] in _PERSONS for w in _WORD.findall(_written_out(text)))
    if persons or any(_one(key).search(said) for key in ("refused", "others")):
        return None
    return _lowered(text)


# ── persons ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _retold(text: str, *, client: bool, shift: bool, met: bool, sole: bool = True) -> str | None:
    """`sole`: nobody but the client can be "they"."""
    said = _split(_pointed(text) if client else text)
    told = _people(said, _cast(text, client, sole), met)
    if told is None or (_one("others").search(text) and not re.search(f"{CLIENT}(?!')", str(told))):
        return None
    back = _shifted(told) if shift and not _one("present").search(text) else None
    out = str(back or told)
    if weighty(_faceless(out)) != weighty(_I_AM.sub(r"\1", text)):
        return None
    return _lowered(re.sub(r"\bcan not\b", "cannot", out))


def _cast(text: str, client: bool, sole: bool) -> Mapping[str, tuple[str, ...]]:
    """What each person's pronouns become; a person who is not there makes the sentence one to quote."""
    lower = text.lower()
    crowd = _one("several").search(lower) or (re.search(r"\bwe\b|\bus\b|\bour\b", lower))
    if not client:
        return {"i": _sure(CLINICIAN), "you": _sure(CLIENT) if crowd or not sole else _THEY, "we": _THEY}
    clear = _one("companion").search(lower) or _one("shared").search(lower)
    return {"i": _sure(CLIENT) if crowd or _one("joined_verb").search(lower) else _THEY} | ({"we": _THEY} if clear else {})


def _people(said: _Said, cast: Mapping[str, tuple[str, ...]], met: bool) -> _Said | None:
    words, subjects = list(said.words), set()
    for k, word in enumerate(said.words):
        person, case = _PERSONS.get(word.lower(), (None, 0))
        if "'" in word and word.lower().split("'")[0] in _PERSONS:
            return None
        if word in (CLINICIAN, CLIENT) or (person is None and word.lower() in _set("subjects")):
            if not _object(said, k):
                subjects.add(k)
            if word.lower() in ("he", "she") and (v := _next(said, k)) is not None and said.words[v].lower() in plain_forms():
                return None
            continue
        if person is None:
            continue
        if person not in cast:
            return None
        if person == "you" and case == 0 and (case := _place_of_you(said, k)) is None:
            return None
        forms = _sure(CLIENT) if person == "you" and not met else cast[person]
        met = met or person == "you"
        words[k] = forms[case]
        if case == 0:
            subjects.add(k)
            if not _agrees(words, said, k, forms == _THEY):
                return None
    return _Said(tuple(words), said.gaps, frozenset(subjects))


def _place_of_you(said: _Said, k: int) -> int | None:
    """0 where "you" is a subject, 1 where it is an object, None where the lists do not tell."""
    if _object(said, k):
        return 1
    after = _next(said, k)
    if after is None:
        return 1
    word = said.words[after].lower()
    if word in _verbs() or word.endswith("ed") or word == "and":
        return 0
    if word in _set("after_object") or word.isdigit():
        return 1
    opens = k == 0 or said.gaps[k].strip() or said.words[k - 1].lower() in _set("opening")
    return 0 if opens else None


def _object(said: _Said, k: int) -> bool:
    """Whether a word that may be subject or object follows a verb that makes it an object: "let it go", "hear you say"."""
    return k > 0 and not said.gaps[k].strip() and said.words[k - 1].lower() in _set("causative") and said.words[k].lower() in ("it", "you", "that")


def _agrees(words: list[str], said: _Said, k: int, plural: bool) -> bool:
    """Set the verb after the new subject at `k` in its number. False where the lists cannot."""
    v = _next(said, k)
    if v is None or words[v].lower() == "and":
        return True
    old = words[v].lower()
    if plural:
        words[v] = {"am": "are", "was": "were"}.get(old, words[v])
        return True
    if old in plain_forms() or old in _BE or old == "were":
        words[v] = {"am": "is", "are": "is", "is": "is", "were": "was"}.get(old) or _third(old)
        return True
    return old not in _past_of() and (old in _set("modals") or old in _pasts() or old.endswith("ed"))


def _pointed(text: str) -> str:
    """The client's "you" and "me and my sister", where they can mean one thing alone."""
    for pattern, instead in table("talk.toml")["to_clinician"]:
        text = re.sub(pattern, instead.replace("{K}", CLINICIAN), text, flags=re.I)
    for pattern in table("talk.toml")["companions_head"]:
        text = re.sub(pattern, rf"{CLIENT} and \1", text, flags=re.I)
    return text


# ── tense ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _shifted(said: _Said) -> _Said | None:
    """Every known finite verb a step back; None where one may be finite and is not on the lists."""
    if any("'" in w and not w.endswith(("s'", "'s")) for w in said.words) or _loose_s(said):
        return None
    words = list(said.words)
    finite = {v: k for k in sorted(said.subjects) if (v := _next(said, k)) is not None}
    for k, word in enumerate(said.words):
        past = _past(said, k, word.lower(), finite)
        if past is None:
            return None
        words[k] = past or word
    return _Said(tuple(words), said.gaps, said.subjects)


def _past(said: _Said, k: int, word: str, finite: Mapping[int, int]) -> str | None:
    """The word a step back, "" where it stays, None where nobody can tell."""
    before = said.words[k - 1].lower() if k else ""
    if word in _BE:
        return _BE[word]
    if word in ("has", "does"):
        return "had" if word == "has" else "did"
    if word in ("can", "will", "may"):
        return "" if before in _DETERMINERS else {"can": "could", "will": "would", "may": "might"}[word]
    if k in finite:
        singular = said.words[finite[k]].lower() in _set("singular")  # a plain form or a small word after these is no verb of theirs
        settled = word in _set("modals") or word in _pasts() or (word.endswith("ed") and word not in _past_of())
        if settled or (singular and word in plain_forms() | _set("after_object")):
            return ""
        return _past_of().get(word) or _thirds().get(word)
    if word in _set("sure"):
        return _thirds()[word]
    if word in ("have", "do"):
        return "" if before in _set("modals") | {"to", "not", "do", "did"} else None
    joined = before in ("and", "but", "or", "then")
    unknown = k > 1 and said.words[k - 2].lower() in _verbs() and word not in _pasts() | _set("after_object") | _set("subjects")
    return None if joined and (word in plain_forms() or unknown) else ""


def _loose_s(said: _Said) -> bool:
    """Whether a pronoun's 's is left that may be "is" or "has"."""
    return any(w.lower().removesuffix("'s") in _set("subjects") | {"that", "what"} for w in said.words if w.endswith("'s"))


# ── shapes ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _whole(text: str) -> bool:
    """Whether `text` has a subject and a verb, as far as its first words and the lists tell."""
    words = _WORD.findall(text.lower())
    if len(words) < 2 or _one("headless").match(text.lower()):
        return False
    first = next((w for w in words if w not in _set("adverbs")), "")
    if (first in _verbs() | _asking() or first.endswith("ed")) and words[1] not in ("is", "was", "has", "are", "were"):
        return False
    head = text.split(",")[0].lower()
    if _one("adverbial").match(head):
        return _verb_count(words) > (words[0] in _set("under"))
    main = re.split(rf" (?:{'|'.join(_set('under'))}|that|which|who|like|so)\b", head)[0]
    return _verb_count(_WORD.findall(main)) > 0


def _verb_count(words: Sequence[str]) -> int:
    """How many finite verbs the lists find: by their form, or by the subject before them."""
    finite = (frozenset(_past_of().values()) - frozenset(_past_of())) | _set("modals") | _set("sure") | {*_BE, "was", "were", "has", "does"}
    others = ["", *(w for w in words if w not in _set("adverbs") or w in finite)]
    return sum(b in finite or b.endswith("n't") or (_takes_verb(a) and (b in _verbs() or b.endswith("ed"))) for a, b in pairwise(others))


def _takes_verb(word: str) -> bool:
    plural = word.endswith("s") and "'" not in word and word not in _verbs() | _set("after_object") | {"us", "his", "yes"}
    return plural or word in _set("subjects") or word == "you"


def _straight(m: re.Match[str]) -> str | None:
    """A question's words in the order of a statement; "do" and "did" go into the verb."""
    aux, subject, rest = m["aux"].lower(), m["subject"], m["rest"]
    no = m["not"] or ""
    if aux not in ("do", "does", "did") or no:
        return f"{subject} {aux} {no}{rest}"
    ever, verb, tail = re.match(r"(ever |still |also )?(\S+)(.*)", rest, re.I).groups("")
    base = verb.lower()
    if base not in _past_of() or any(b in _past_of() for b in re.findall(r"\b(?:and|or|but) (\w+)", tail.lower())):
        return None
    return f"{subject} {ever}{ {'do': base, 'does': _third(base), 'did': _past_of()[base]}[aux] }{tail}"


def _written_out(text: str) -> str:
    for pattern, instead in _contractions():
        text = pattern.sub(instead, text)
    text = _OPEN_S.sub(_is, _OPEN_D.sub(_would, text))
    return re.sub(r"\bi\b(?!\.)", "I", text)


def _would(m: re.Match[str]) -> str:
    """What 'd is in "I'd go" and "I'd gone"; where the verb after it may be both, or is not on the lists, it stays."""
    verb = m[3].lower()
    plain, past = verb in _past_of() or verb == "be", verb in _pasts() or verb.endswith("ed")
    return m[0] if plain == past else f"{m[1]} {'would' if plain else 'had'}{m[2]} {m[3]}"


def _is(m: re.Match[str]) -> str:
    """What 's is in "he's tired"; where a verb's past follows it may be "has", and stays."""
    verb = m[3].lower()
    return m[0] if verb in _pasts() or verb.endswith("ed") else f"{m[1]} is{m[2]} {m[3]}"


def _split(text: str) -> _Said:
    parts = _WORD.split(text)
    return _Said(tuple(parts[1::2]), tuple(parts[0::2]))


def _next(said: _Said, k: int) -> int | None:
    """The place of the word after `k`, adverbs passed over; None where a comma or the end comes first."""
    for j in range(k + 1, len(said.words)):
        if said.gaps[j].strip():
            return None
        if said.words[j].lower() not in _set("adverbs"):
            return j
    return None


def _lowered(text: str) -> str:
    """`text` with a small letter at its head, where the first word is no name."""
    first = _WORD.match(text)
    return text[:1].lower() + text[1:] if first and re.split("['-]", first[0].lower())[0] in _set("proper_head") | _set("after_object") else text


def _faceless(text: str) -> str:
    return re.sub(f"[{CLIENT}{CLINICIAN}{AUTHOR}]", "they", text)


# ── lists ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@cache
def _one(key: str) -> re.Pattern[str]:
    return re.compile(table("talk.toml")[key], re.I)


@cache
def _contractions() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(p, re.I), instead) for p, instead in table("talk.toml")["contractions"])


@cache
def _set(key: str) -> frozenset[str]:
    return frozenset(table("talk.toml")[key].split())


def _asking() -> frozenset[str]:
    return _set("asking") | _set("asking_or_noun")


@cache
def _past_of() -> Mapping[str, str]:
    """Each verb's past by its plain form."""
    strong = {base: forms.split()[0] for base, forms in table("talk.toml")["irregular"].items()}
    return {b: _ed(b) for b in table("talk.toml")["verbs"]["regular"].split()} | strong


@cache
def _pasts() -> frozenset[str]:
    participles = {form for forms in table("talk.toml")["irregular"].values() for form in forms.split()}
    return frozenset(_past_of().values()) | participles | {"was", "were", "been"}


@cache
def plain_forms() -> frozenset[str]:
    """Forms that are a verb's plain form and nothing else: "cook", but not "put" or "come"."""
    return frozenset(_past_of()) - _pasts()


@cache
def _thirds() -> Mapping[str, str]:
    """Each verb's past by its third person."""
    return {_third(base): past for base, past in _past_of().items()}


@cache
def _verbs() -> frozenset[str]:
    return frozenset(_past_of()) | frozenset(_thirds()) | _pasts() | _set("modals") | frozenset(_BE)


def _ed(base: str) -> str:
    return base + "d" if base.endswith("e") else re.sub(r"(?<![aeiou])y$", "i", base) + "ed"


def _third(base: str) -> str:
    if base == "have":
        return "has"
    if re.search(r"[^aeiou]y$", base):
        return base[:-1] + "ies"
    return base + ("es" if re.search(r"(?:s|sh|ch|x|z|o)$", base) else "s")
