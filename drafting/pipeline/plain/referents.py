"""Who "she" is: which pronoun is the client's in one dictation, and whether a pronoun at a sentence's head can be anybody else.

In: the words of a dictation's record. Out: a pronoun, or None where it is not sure; whether somebody else is spoken of. Knows no style.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache

from drafting.pipeline.wording import names, relations
from prompts import table

_OF = {"he": "he", "him": "he", "his": "he", "himself": "he", "she": "she", "her": "she", "hers": "she", "herself": "she"}
_PRONOUN = re.compile(rf"\b(?:{'|'.join(_OF)})\b", re.I)
HEAD = re.compile(r"^(?P<word>He|She|His|Her)(?=['’](?:s|d|ll)\b| [a-z])")
_PLAIN = 4  # times as often as the other that a pronoun is said before it is taken for the client's


def pronoun(texts: Sequence[str], client_names: Sequence[str] = ()) -> str | None:
    """The client's pronoun in a dictation: the one after "client" or a name of theirs, or of whom the clinician asked and taught; else the one that
    is nearly always said. None where these disagree."""
    told: Counter[str] = Counter()
    for text in texts:
        for m in _client(tuple(client_names)).finditer(text):
            told[_OF[m["after"].lower()]] += 1
    if told:
        (best, n), *others = told.most_common()
        return best if not others or n >= _PLAIN * others[0][1] else None
    said = Counter(_OF[m[0].lower()] for text in texts for m in _PRONOUN.finditer(text))
    (best, n), *others = said.most_common() or [(None, 0)]
    return best if n > 1 and (not others or n >= _PLAIN * others[0][1]) else None


@cache
def _client(client_names: tuple[str, ...]) -> re.Pattern[str]:
    """The client or one whom the clinician taught, with the pronoun that follows and nobody between."""
    t = table("recast.toml")
    called = "|".join([*t["client"]["words"], *(re.escape(n) for name in client_names for n in (name, name.split()[0]) if n)])
    nobody = rf"(?:(?!{relations().pattern})[^.;?!]){{0,60}}?"
    taught = rf"\bI (?:\w+ly |also |then |just )?{t['with_client']['verbs']} "
    return re.compile(rf"(?:\b(?:{called})\b{nobody}|{taught})\b(?P<after>{'|'.join(_OF)})\b", re.I)


def others(text: str, who: str, client_names: Sequence[str] = ()) -> bool:
    """Whether `text` speaks of somebody besides the client who may be called `who`."""
    kin = table("recast.toml")["gender"]
    never = frozenset(kin["she" if who == "he" else "he"])
    own = {part.lower() for name in client_names for part in name.split()}
    people = [m[0].lower() for m in relations().finditer(text)]
    if any(p not in never and p.removesuffix("s") not in never for p in people):
        return True
    return any(n not in own and not _given_to(text, n, never) for n in names(text))


def _given_to(text: str, name: str, never: frozenset[str]) -> bool:
    """Whether a name is that of a relative who cannot be called so ("her brother Colin" is never "she")."""
    return bool(re.search(rf"\b(?:{'|'.join(map(re.escape, never))}),? {re.escape(name)}\b", text, re.I))
