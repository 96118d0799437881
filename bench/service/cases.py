"""The API against its own description: requests that another program draws from it, answered by the desk, and held to it.

In: finished drafts, how many cases, a seed. Out: how many were server errors, and how many breaches of the description. Knows no route. Half of what
is drawn for an id is an id that is there, so that requests come past the door; whoever asks is logged in all the time, with keys and private notes
open, whatever the requests do to their session.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema
from schemathesis.hooks import GLOBAL_HOOK_DISPATCHER

from bench.record import places
from bench.record.life import HOW, clearing
from bench.record.places import Place
from bench.service.measure import Measure
from bench.service.served import HERE, PASSPHRASE, admit, served
from drafting.errors import NotKnown
from drafting.pipeline import Work
from drafting.record import notes, people, vault, workbench
from drafting.record.accounts import sessions, throttling
from drafting.record.practice import Practice
from drafting.record.store import writing
from drafting.record.workbench import drafted
from tests.desks import DAY

CASES = 10_000
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance", "response_schema_conformance")
"""What each answer is held to: no 5xx; a status, a content type, headers and a body as the description has them."""
DRAFTS, SIGNED = 6, 2
_EACH = 40  # cases that are drawn of an operation in one pass
_SHOWN = 12
_ENDED = ("session_ended", "locked", "not_proven", "private_closed")


@dataclass(slots=True)
class Found:
    """What came of the cases. `faults`: how often, by operation, check and what was wrong; `reached`: operations that once did what was asked."""

    cases: int = 0
    errors: int = 0
    breaches: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    operations: set[str] = field(default_factory=set)
    reached: set[str] = field(default_factory=set)
    untested: set[str] = field(default_factory=set)

    def take(self, event: object) -> None:
        """Count what an event of a run tells."""
        if isinstance(event, events.NonFatalError):
            self.untested.add(f"{event.label}: {type(event.value).__name__}")
        if not isinstance(event, events.ScenarioFinished):
            return
        recorder = event.recorder
        for name, answered in recorder.interactions.items():
            label = recorder.cases[name].value.operation.label
            self.cases += 1
            self.operations.add(label)
            if answered.response is not None and answered.response.status_code < 300:
                self.reached.add(label)
            failed = [check for check in recorder.checks.get(name, ()) if check.status is Status.FAILURE]
            kinds = {check.name for check in failed}
            self.errors += "not_a_server_error" in kinds
            self.breaches += bool(kinds - {"not_a_server_error"})
            self.faults.update(f"{label}: {check.name}: {_why(check)}" for check in failed)


def _why(check: Any) -> str:
    """What was wrong, in a line; numbers and ids in it made alike, so that the same fault is one."""
    failure = check.failure_info.failure
    lines = str(getattr(failure, "validation_message", "") or failure.message or failure.title).splitlines() or [failure.title]
    return re.sub(r"\b[A-Z][0-9a-z]{12,15}\b|\d+", "#", lines[0])[:160]


# ── what is there ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Asker:
    """Somebody who is always logged in, and who knows what there is: `known` values by the names under which requests carry them."""

    place: Place
    practice: Practice
    chance: random.Random
    token: str = field(default="", repr=False)
    known: dict[str, list[str]] = field(default_factory=dict, repr=False)

    def arrive(self) -> None:
        """Log in anew, with everything open."""
        person = self.place.colleague.person
        with writing(self.practice.stores.record) as connection:
            throttling.clear(self.practice, connection, f"passphrase:{person}")
        self.token = sessions.begin(self.practice, person, second=False)
        sessions.step_up(self.practice, self.token)
        sessions.unlock(self.practice, self.token, PASSPHRASE)
        sessions.open_private(self.practice, self.token, PASSPHRASE)

    def furnish(self, works: Sequence[Work]) -> None:
        """Further notes, of another client: some to be reviewed, some signed, one to be drafted; and one of somebody else's."""
        author, practice = self.place.colleague, self.practice
        client = people.add_client(practice, "Wren Alder", author.person, by="setup").id
        begun = workbench.receive(practice, client, author.person, DAY).id
        others = workbench.receive(practice, self.place.clients[0], self.place.trainee.person, DAY).id
        reviews = [_stood(practice, client, author.person, works[0 if n < SIGNED else n % len(works)]) for n in range(DRAFTS + SIGNED)]
        for name in reviews[:SIGNED]:
            _sign(self.place, practice, name)
        private = [note.id for name in reviews for note in vault.listed(practice, author.person, encounter=name)]
        known = {"client": [client, self.place.clients[0]], "encounter": [*reviews, begun, others], "note": private}
        for name, values in known.items():
            self.known[name] = [*self.known.get(name, ()), *values]
        review = drafted.load(practice, reviews[-1], author.opener)
        self.known |= {
            "reader": [self.place.supervisor.person, self.place.trainee.person],
            "sentence": [one.id for one in review.sentences],
            "flag": [one.id for one in review.flags],
            "risk": [one.id for one in review.risks],
            "statement": [one.statement for one in review.held] + list(review.private) + [e for one in review.sentences for e in one.evidence],
            "section": [key for key, _ in review.sections],
            "format": ["soap", "dap", "birp"],
            "zone": ["UTC", "America/Chicago"],
        }

    def ready(self, case: schemathesis.Case) -> None:
        """Give a request the session, and in half of its places what is there; of an encounter the version that stands, more often than not."""
        case.path_parameters = self._there(case.path_parameters or {})
        if case.query:
            case.query = self._there(case.query)
        if isinstance(case.body, Mapping):
            case.body = self._there(case.body)
        headers = dict(case.headers or {})
        if "If-Match" in headers and self.chance.random() < 0.7:
            headers["If-Match"] = f'"{self._version(str(case.path_parameters.get("encounter", "")))}"'
        case.headers = headers | {"Authorization": f"Bearer {self.token}"}

    def _there(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._value(name, value) for name, value in values.items()}

    def _value(self, name: str, value: Any) -> Any:
        known = self.known.get(name)
        return self.chance.choice(known) if known and isinstance(value, str) and self.chance.random() < 0.5 else value

    def _version(self, encounter: str) -> int:
        try:
            return workbench.find(self.practice, encounter).version
        except (NotKnown, UnicodeError):
            return 1


def _stood(practice: Practice, client: str, person: str, work: Work) -> str:
    encounter = workbench.receive(practice, client, person, DAY)
    drafted.stand(practice, encounter, work)
    return encounter.id


def _sign(place: Place, practice: Practice, encounter: str) -> None:
    author = place.colleague
    review = drafted.load(practice, encounter, author.opener)
    while after := clearing(practice, review, author.person):
        review = drafted.save(practice, after, by=author.person)
    review = drafted.leave_rest_private(practice, author, review)
    notes.sign(practice, author, encounter, review.version, HOW)


# ── asking ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def drawn(asker: Asker, port: int, each: int, seed: int, *, wide: bool) -> Iterator[object]:
    """One pass over all operations: what a run of it tells. `each`: how many cases are drawn at random of an operation; `wide`: besides, the edges of
    every value, and requests that follow on one another."""
    schema = schemathesis.openapi.from_url(f"http://{HERE}:{port}/api/v1/openapi.json", config=_config(each, seed, wide))
    GLOBAL_HOOK_DISPATCHER.register_hook_with_name(_before(asker), "before_call")
    GLOBAL_HOOK_DISPATCHER.register_hook_with_name(_after(asker), "after_call")
    try:
        yield from from_schema(schema).execute()
    finally:
        GLOBAL_HOOK_DISPATCHER.unregister_all()


def _before(asker: Asker) -> Any:
    def before_call(context: Any, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
        asker.ready(case)

    return before_call


def _after(asker: Asker) -> Any:
    def after_call(context: Any, case: schemathesis.Case, response: schemathesis.Response) -> None:
        gone = case.method in ("DELETE", "POST") and case.path.startswith("/api/v1/session") and response.status_code < 300
        if gone or response.status_code == 401 or any(f'"{code}"'.encode() in response.content[-400:] for code in _ENDED):
            asker.arrive()

    return after_call


def _config(each: int, seed: int, wide: bool) -> SchemathesisConfig:
    given = {
        "seed": seed,
        "suppress-health-check": ["all"],
        "continue-on-failure": True,
        "max-stream-events": 1,
        "request-timeout": 60,
        "checks": {"enabled": False} | {name: {"enabled": True} for name in CHECKS},
        "generation": {"max-examples": each, "database": "none", "no-shrink": True},
        "phases": {name: {"enabled": wide or name == "fuzzing"} for name in ("examples", "coverage", "fuzzing", "stateful")},
    }
    return SchemathesisConfig.from_dict(given)


# ── figures ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def measured(works: Sequence[Work], *, cases: int = CASES, seed: int = 1) -> Iterator[Measure]:
    """The figures: a first pass over everything, then further ones until there were as many cases."""
    found = Found()
    with places.place("sqlite") as place, place.practice() as practice:
        admit(place)
        asker = Asker(place, practice, random.Random(seed))
        with served(place, unlimited=True) as here:
            passes = 0
            while found.cases < cases:
                asker.furnish(works)
                asker.arrive()
                each = _EACH if passes else max(2, min(_EACH, cases // 240))
                for event in drawn(asker, here.port, each, seed + passes, wide=bool(passes)):
                    found.take(event)
                    if passes and found.cases >= cases:
                        break
                passes += 1
    yield from told(found)


def told(found: Found) -> Iterator[Measure]:
    """The figures, and under them each fault once."""
    n = f"{found.cases:,} cases of {len(found.operations)} operations, {len(found.reached)} of which did what was asked"
    yield Measure("schemathesis: server errors", found.errors, "", 0, n)
    yield Measure("schemathesis: breaches of the description", found.breaches, "", 0, n)
    yield Measure("schemathesis: operations that could not be drawn for", len(found.untested), "", 0, "; ".join(sorted(found.untested)))
    for fault, count in found.faults.most_common(_SHOWN):
        yield Measure(f"    {fault}", count, "times")
