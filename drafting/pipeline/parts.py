"""One dictation, several notes: whose part each statement is.

In: statements in order, and what the clinician said of them beforehand. Out: parts, each with the statements that may stand in its note; a
statement is in one person's part, or, where it was said to be for everyone, in all. Knows no route, no section and no store.

A cue ("for the mother's note:", "group theme:") reaches to the next one. What stands before any cue belongs to the client whose hour it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from drafting.errors import DecisionError
from drafting.types import Context, Roster, Routed, Statement
from prompts import table

OWN, EVERYONE = "client", "everyone"
_PLACE, _NAMED = "place", "named"
_NAME = r"[A-Z][\w-]*(?:[’'][A-Z][\w-]+)?(?: [A-Z][\w-]*(?:[’'][A-Z][\w-]+)?){0,2}"
_END = r"(?:\s*[:.—–-]+\s*|\s*,?$)"


@dataclass(frozen=True, slots=True)
class Part:
    """One person's part: `whose` as it was said, and the ids of the statements that may stand in their note."""

    whose: str = field(repr=False)
    statements: frozenset[str]


def divide(statements: Sequence[Statement], said: Mapping[str, Sequence[str]] | None = None) -> tuple[Part, ...]:
    """The parts, the client's first; a single part where nobody else was named. `said` gives statement ids by whose they are, and goes before any
    cue; `everyone` and `client` are names too. Raises DecisionError for an id that is not there or stands twice."""
    owner = _cued(statements)
    for whose, ids in (said or {}).items():
        for id_ in ids:
            if id_ not in owner:
                raise DecisionError(reason=f"there is no statement {id_}")
            if sum(id_ in others for others in (said or {}).values()) > 1:
                raise DecisionError(reason=f"{id_} is given to two people")
            owner[id_] = whose
    people = [OWN, *dict.fromkeys(w for w in owner.values() if w not in (OWN, EVERYONE))]
    parts = (Part(w, frozenset(id_ for id_, whose in owner.items() if whose in (w, EVERYONE))) for w in people)
    own = set(owner.values())
    return tuple(p for p in parts if p.whose in own or p.whose != OWN) or (Part(OWN, frozenset(owner)),)


def only(routed: Routed, part: Part) -> Routed:
    """What of `routed` belongs to `part`: nothing of anybody else's is handed on."""
    mine = part.statements
    return Routed(
        tuple(p for p in routed.placed if p.statement.id in mine),
        tuple(s for s in routed.record if s.id in mine),
        tuple(r for r in routed.risk_items if mine & set(r.evidence)),
        tuple(p for p in routed.prompts if mine & set(p.evidence)),
    )


def beside(context: Context, part: Part, parts: Sequence[Part]) -> Context:
    """The visit as this part's note knows it: its own person is the client, and the names of the others are other clients' names."""
    others = [p.whose for p in parts if p is not part and p.whose[:1].isupper()]
    others += list(context.client_names) if part.whose != OWN else []
    own = (part.whose,) if part.whose[:1].isupper() else () if part.whose != OWN else context.client_names
    return replace(context, client_names=own, roster=Roster.of(others) if others and not context.roster.digests else context.roster)


def _cued(statements: Sequence[Statement]) -> dict[str, str]:
    owner, whose = {}, OWN
    for s in statements:
        whose = cue(s.text[s.body - s.start :]) or whose
        owner[s.id] = whose
    return owner


def cue(words: str) -> str | None:
    """Whose part `words` begin, if they do: a place in the family in small letters, a name as it was said, `client` or `everyone`."""
    for whose, pattern in _patterns():
        if found := pattern.match(words):
            return found[1].lower() if whose is _PLACE else found[1] if whose is _NAMED else whose
    return None


def uncued(words: str) -> str:
    """`words` without a cue at their head."""
    found = next((m for _, pattern in _patterns() if (m := pattern.match(words))), None)
    return words[found.end() :] if found else words


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    rules = table("parts.toml")
    whole = [(OWN, rules["own"]), (EVERYONE, rules["everyone"])]
    who = [(_PLACE, f"(?i:{rules['person']})"), (_NAMED, f"({_NAME})")]
    shaped = [(kind, f"(?i:{shape.replace('PERSON', f'){person}(?i:')})") for shape in rules["shapes"] for kind, person in who]
    lead = rf"^\W*(?i:{rules['lead']})"
    fixed = ((whose, re.compile(rf"{lead}(?i:{shape}){_END}")) for whose, shape in whole)
    return (*fixed, *((kind, re.compile(rf"{lead}{shape}{_END}")) for kind, shape in shaped))
