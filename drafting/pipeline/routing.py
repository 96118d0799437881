"""Where each statement may go. The one room that makes a `RecordStatement`.

In: statements with the encoder's probabilities, the context, the clinician's decisions. Out: `Routed`, a partition, with risk items and prompts.
Knows no writer, no section and no store. Nothing is guessed: what neither side is sure of is held, and held counts as private.

In order: the clinician's own decision; an explicit command; the probabilities. Over all of them stand risk and the excluded elements:
danger always reaches the clinician as a risk item, and medication, session times, modality and test results (45 CFR 164.501) reach the record.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise, takewhile

from drafting.errors import DecisionError
from drafting.pipeline.commands import Ordered, obey
from drafting.types import Clause, Context, Mode, Placed, Polarity, Prompt, RecordStatement, RiskItem, Role, Route, Routed, Statement
from prompts import table

SURE_RECORD, SURE_PRIVATE, SURE_ASIDE, SURE_RISK, SURE_ELEMENT = 0.72, 0.62, 0.70, 0.5, 0.5
FAINT_RISK = 0.12  # enough where the words do not stand in the record: there nobody else would see them
CERTAIN_ELEMENT = 0.9  # an element is found from `SURE_ELEMENT` on and named in a prompt; to move words into the record takes a rule's certainty
FEW_WORDS = 3  # an answer this short says nothing by itself
ANSWER, LONGEST_ANSWER = 3, 8  # clauses of the client's next turn that answer a question about danger: so many, and to the end of their sentence

_TAKES_BACK = re.compile(r"(?:no|not|sorry|wait)\b", re.I)


def route(statements: Sequence[Statement], context: Context, decisions: Mapping[str, Route] | None = None) -> Routed:
    """Place every statement. `decisions` are the clinician's, by statement id. Raises DecisionError for an id that is not there."""
    decisions = decisions or {}
    unknown = sorted(set(decisions) - {s.id for s in statements})
    if unknown:
        raise DecisionError(reason=f"there is no statement {unknown[0]}")
    placed = [_place(s, order) for s, order in zip(statements, obey(statements), strict=True)]
    placed = _conversation(placed) if context.mode is Mode.SESSION else _waiting(placed)
    placed = [_decided(p, decisions.get(p.statement.id)) for p in placed]
    record = tuple(RecordStatement(p.statement, p.role or Role.REPORT, p.reason, p.risk) for p in placed if p.route is Route.RECORD)
    return Routed(tuple(placed), record, _risk_items(placed), _prompts(placed))


def admit(routed: Routed, statement_id: str) -> Routed:
    """The clinician says that a statement belongs in the record. Raises DecisionError for an id that is not there."""
    if statement_id not in {p.statement.id for p in routed.placed}:
        raise DecisionError(reason=f"there is no statement {statement_id}")
    placed = [_decided(p, Route.RECORD if p.statement.id == statement_id else None) for p in routed.placed]
    record = tuple(RecordStatement(p.statement, p.role or Role.REPORT, p.reason, p.risk) for p in placed if p.route is Route.RECORD)
    return Routed(tuple(placed), record, _risk_items(placed), _prompts(placed))


def restored(rows: Sequence[Mapping[str, object]], items: Sequence[Mapping[str, object]] = ()) -> Routed:
    """What of an earlier routing may be written from again: the record statements and risk items of a draft as it was printed (`aside.draft/1`),
    which holds no private words. Raises DecisionError for a row that is none."""
    try:
        kept = [_restored(row) for row in rows if row["route"] == Route.RECORD]
        risks = [RiskItem(i["id"], i["topic"], i["whose"], Polarity(i["polarity"]), tuple(i["evidence"]), bool(i["answered"])) for i in items]
    except (KeyError, TypeError, ValueError):
        raise DecisionError(reason="its statements are not those of a draft") from None
    return Routed((), tuple(kept), tuple(risks))


def _restored(row: Mapping[str, object]) -> RecordStatement:
    text, start, end = str(row["text"]), int(row["start"]), int(row["end"])
    role, audio = Role(row["role"] or Role.REPORT), row.get("audio")
    clause = Clause(start, end, {Route.RECORD: 1.0, Route.PRIVATE: 0.0, Route.SET_ASIDE: 0.0}, {role: 1.0}, float(bool(row["risk"])))
    statement = Statement(str(row["id"]), text, start, end, start, clause, row.get("speaker"), tuple(audio) if audio else None)
    return RecordStatement(statement, role, str(row.get("reason", "encoder")), bool(row["risk"]))


# ── one statement ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _place(s: Statement, order: Ordered) -> Placed:
    p, risk, faint = s.clause.routes, s.clause.risk >= SURE_RISK, s.clause.risk >= FAINT_RISK
    role = order.role if order.role and _top(s) is not Role.RISK else _top(s)
    private = p[Route.PRIVATE]
    if order.bare or not any(c.isalnum() for c in s.text[s.body - s.start :]):
        return Placed(s, Route.SET_ASIDE, "command", 1.0)
    if order.retracted:
        return Placed(s, Route.HELD if faint else Route.SET_ASIDE, "retracted", 1.0, None, faint)
    if order.private:
        placed = Placed(s, Route.PRIVATE, "command", 1.0, role, faint)
        if order.private == "scope" and p[Route.RECORD] >= SURE_RECORD:
            placed = replace(placed, route=Route.HELD, confidence=p[Route.RECORD])
    elif order.record:
        return Placed(s, Route.RECORD, "command", 1.0, role, risk)
    elif p[Route.RECORD] >= SURE_RECORD:
        return Placed(s, Route.RECORD, "encoder", p[Route.RECORD], role, risk)
    elif private >= SURE_PRIVATE:
        placed = Placed(s, Route.PRIVATE, "encoder", private, role, faint)
    elif p[Route.SET_ASIDE] >= SURE_ASIDE and not faint:
        return Placed(s, Route.SET_ASIDE, "encoder", p[Route.SET_ASIDE])
    else:
        placed = Placed(s, Route.HELD, "unsure", max(p.values()), role, faint)
    return _excluded(placed)


def _waiting(placed: Sequence[Placed]) -> list[Placed]:
    """A guess that begins with "no" or the like waits with the fragment before it that waits: the two may be one self-correction ("bi polo, no,
    bipolar one"), and without its first half it says the opposite."""
    out = list(placed)
    for i, (a, b) in enumerate(pairwise(placed), 1):
        fragment = a.route is Route.HELD and len(a.statement.text.split()) <= FEW_WORDS and a.statement.text[-1:] not in ".?!…"
        goes_on = b.statement.start - a.statement.end <= 1 and _TAKES_BACK.match(b.statement.text)
        if fragment and goes_on and b.route is Route.RECORD and b.reason == "encoder" and not b.risk:
            out[i] = replace(b, route=Route.HELD, reason="unsure")
    return out


def _excluded(placed: Placed) -> Placed:
    """Medication, session times, modality and test results are record whatever was commanded, unless the wording itself is reflection."""
    routes = placed.statement.clause.routes
    reflective = routes[Route.PRIVATE] >= 0.5 or routes[Route.PRIVATE] > routes[Route.RECORD]
    if _elements(placed.statement, CERTAIN_ELEMENT) & set(table("excluded.toml")["always"]) and not reflective:
        return replace(placed, route=Route.RECORD, reason="element", risk=placed.statement.clause.risk >= SURE_RISK)
    return placed


def _decided(placed: Placed, choice: Route | None) -> Placed:
    if choice is None or choice is placed.route:
        return placed
    return replace(placed, route=choice, reason="decided", confidence=1.0, role=_top(placed.statement))


def _top(s: Statement) -> Role:
    return max(s.clause.roles, key=lambda r: s.clause.roles[r])


def _elements(s: Statement, least: float = SURE_ELEMENT) -> set[str]:
    return {code for code, p in s.clause.elements.items() if p >= least}


# ── a session: two people talking ─────────────────────────────────────────────────────────────────────────────────────


def _conversation(placed: Sequence[Placed]) -> list[Placed]:
    """What the therapist asks is no report: it stays out, except a question about danger or medication, which stands beside its answer."""
    out = [_talk(p) for p in placed]
    for i, p in enumerate(placed):
        about = _asked_about(p)
        answers = _answer(placed, i + 1) if about else []
        if answers:
            out[i] = replace(p, route=Route.RECORD, reason="question", role=about, risk=about is Role.RISK)
        for j, answer in answers:
            out[j] = replace(answer, route=Route.RECORD, reason="answer", role=about)
    return out


def _asked_about(p: Placed) -> Role | None:
    """Danger or medication, where the therapist asks about it."""
    if not _asks(p):
        return None
    return Role.RISK if p.statement.clause.risk >= FAINT_RISK else Role.MEDICATION if "X1" in _elements(p.statement) else None


def _talk(p: Placed) -> Placed:
    """`p` set aside where it only keeps the talk going: a question or a report of the therapist's, a word or two of anybody's."""
    guessed = p.reason in ("encoder", "unsure") and p.route in (Route.RECORD, Route.HELD) and p.statement.clause.risk < FAINT_RISK
    brief = len(p.statement.text.split()) <= FEW_WORDS and not _elements(p.statement)
    theirs = p.statement.speaker == "clinician" and p.route is Route.RECORD and (_asks(p) or p.role is Role.REPORT)
    return replace(p, route=Route.SET_ASIDE, reason="conversation", role=None) if guessed and (brief or theirs) else p


def _asks(p: Placed) -> bool:
    return p.statement.speaker == "clinician" and p.statement.text.rstrip().endswith("?")


def _answer(placed: Sequence[Placed], first: int) -> list[tuple[int, Placed]]:
    """What the client says in the turn that begins at `first`, a few clauses of it, to a sentence's end: "No. Not since the spring." """
    turn = list(takewhile(lambda ip: ip[1].statement.speaker == "client", enumerate(placed[first : first + LONGEST_ANSWER], first)))
    ends = [n for n, (_, p) in enumerate(turn, 1) if p.statement.text[-1:] in ".?!…" and n >= ANSWER]
    return turn[: ends[0] if ends else ANSWER]


# ── risk and prompts ──────────────────────────────────────────────────────────────────────────────────────────────────


def _risk_items(placed: Sequence[Placed]) -> tuple[RiskItem, ...]:
    """One item for each topic, person and polarity spoken of. A denial, or a step for safety that names no danger, asks nothing more once it stands
    in the record."""
    found: dict[tuple[str, str, Polarity], list[str]] = {}
    for i, p in enumerate(placed):
        if not p.risk:
            continue
        answers = [a for _, a in _answer(placed, i + 1)] if p.reason == "question" else []
        words = p.statement.text.lower().replace("’", "'")
        topic, danger = _topics().get(p.statement.clause.topic or "", ({}, None))
        polarity = _answered(answers) if answers else _polarity(words, danger)
        if p.route is Route.RECORD and (polarity is Polarity.DENIED or (not danger and _safeguard().search(words))):
            continue
        key = (topic.get("label", "safety"), _first(_persons(), words, topic.get("whose", "the client")), polarity)
        found.setdefault(key, []).extend(x.statement.id for x in (p, *answers))
    return tuple(RiskItem(f"r{n}", *key, tuple(ids)) for n, (key, ids) in enumerate(found.items(), 1))


def _answered(answers: Sequence[Placed]) -> Polarity:
    """A question about danger is denied by an answer that begins with a no and takes nothing back; anything else is for the clinician to judge."""
    rules = table("risk.toml")["polarity"]
    words = " ".join(a.statement.text[a.statement.body - a.statement.start :] for a in answers).lower().replace("’", "'")
    denied = re.match(rules["answer_no"], words) and not re.search(rules["takes_back"], words)
    return Polarity.DENIED if denied else Polarity.UNCLEAR


def _polarity(words: str, danger: re.Pattern[str] | None) -> Polarity:
    """As in the words. A denial counts only before the danger that it denies."""
    rules = _polarities()
    if _low_level().search(words):
        return Polarity.DENIED
    named = danger.search(words) if danger else None
    before = words[: named.start()] if named else words
    for polarity, pattern in rules:
        if pattern.search(before if polarity is Polarity.DENIED else words):
            return polarity
    return Polarity.PRESENT


@cache
def _polarities() -> tuple[tuple[Polarity, re.Pattern[str]], ...]:
    rules = table("risk.toml")["polarity"]
    return tuple((Polarity(k), re.compile(rules[k])) for k in ("unclear", "denied", "past"))


@cache
def _low_level() -> re.Pattern[str]:
    return re.compile(table("risk.toml")["polarity"]["low"])


@cache
def _safeguard() -> re.Pattern[str]:
    return re.compile(table("risk.toml")["polarity"]["safeguard"])


@cache
def _persons() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((who, re.compile(pattern)) for who, pattern in table("risk.toml")["whose"].items())


def _first(rules: Sequence[tuple], words: str, otherwise: object) -> object:
    return next((value for value, pattern in rules if pattern.search(words)), otherwise)


@cache
def _topics() -> dict[str, tuple[dict[str, str], re.Pattern[str]]]:
    return {t["key"]: (t, re.compile("|".join(f"(?:{p})" for p in t["patterns"]))) for t in table("risk.toml")["topic"]}


def _prompts(placed: Sequence[Placed]) -> tuple[Prompt, ...]:
    """Excluded elements that stand in private or held words and nowhere in the record."""
    recorded = {e for p in placed if p.route is Route.RECORD for e in _elements(p.statement)}
    found: dict[str, list[str]] = {}
    for p in placed:
        if p.route in (Route.PRIVATE, Route.HELD):
            for element in _elements(p.statement) - recorded:
                found.setdefault(element, []).append(p.statement.id)
    return tuple(Prompt(e, tuple(found[e])) for e in sorted(found, key=lambda e: int(e[1:])))
