"""The API against its own description: whatever somebody asks, well or badly, is answered as described, and nothing fails on our side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from drafting.errors import EngineMissing
from drafting.jobs import InlineJobs, Tools
from drafting.pipeline import Engines
from drafting.record import notes, vault, workbench
from drafting.record.notes import Circumstances
from drafting.web.api import encounters
from tests import webbing
from tests.dictated import cleared, stand
from tests.stores import made
from tests.webbing import PASSPHRASE, House

EXAMPLES = 1
"""Cases of each operation, kind and address: few, as this is for every day."""
ROOMS = ("audit", "clients", "encounters", "notes", "private", "queue")
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
QUIET = {"deadline": None, "database": None, "phases": [Phase.generate], "suppress_health_check": list(HealthCheck)}


class Desk:
    """A practice in which there is one of everything, and who asks there: Bo, whose things they are, and Di, who reads the trail. `ids` are of what
    is there, by the name that a path gives it; `told` holds each status that was answered."""

    def __init__(self, house: House, engines: Engines) -> None:
        self.house, here = house, house.here
        house.practice.settle("setup", payer="self_pay", chart="elsewhere")
        drafts = [stand(here, engines).encounter for _ in range(2)]
        signed = cleared(here, stand(here, engines))
        notes.sign(here.practice, here.author, signed.encounter, signed.version, Circumstances("password", "UTC"))
        private = [n.id for n in vault.listed(here.practice, here.author.person)]
        self.ids = {"encounter": [*drafts, signed.encounter], "client": [here.client], "note": private, "reader": [house.ids["ada"]]}
        self.bo, self.di = house.browser("bo"), house.browser("di")
        assert self.bo.post("/api/v1/private/open", json={"passphrase": PASSPHRASE}).status_code == 200
        self.told: list[int] = []

    def ask(self, case: Case, well: bool) -> None:
        """Send a case, and hold the answer against the description. What is asked `well` names the version that stands."""
        there = case.path_parameters.get("encounter")
        if well and "If-Match" in (case.headers or {}) and there in self.ids["encounter"]:
            case.headers["If-Match"] = f'"{workbench.find(self.house.practice, there).version}"'
        browser = self.di if case.path.startswith("/api/v1/audit") else self.bo
        sent = case.as_transport_kwargs(base_url="https://desk.test", headers={"X-Aside-CSRF": browser.csrf})
        sent["content"] = sent.pop("data", None)
        sent["headers"] = {name: value.encode("latin-1") for name, value in sent["headers"].items()}
        response = browser.request(**{name: value for name, value in sent.items() if value is not None and name != "cookies"})
        self.told.append(response.status_code)
        case.validate_response(response, checks=CHECKS)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, engines: Engines) -> Iterator[Desk]:
    stores = made("sqlite", tmp_path_factory.mktemp("schema"), None)
    with pytest.MonkeyPatch.context() as patch, webbing.opened(stores, engines) as house:
        patch.setattr(encounters, "STREAMED", 0.01)
        house.change(jobs=InlineJobs(house.practice, Tools(lambda *_: engines, _deaf)))
        yield Desk(house, engines)
    stores.close()


def _deaf(_name: str) -> Any:
    raise EngineMissing(name="speech", extra="speech")


def operations(desk: Desk) -> list[APIOperation]:
    """What the API offers, but for sessions and accounts, whose tests are elsewhere."""
    found = schemathesis.openapi.from_dict(desk.house.app.openapi()).get_all_operations()
    return [op.ok() for op in found if op.ok().path.split("/")[3] in ROOMS]


@pytest.mark.parametrize("well", [True, False], ids=["well", "badly"])
def test_whatever_is_asked_is_answered_as_described(desk: Desk, well: bool) -> None:
    """Every operation, of what is there and of what is not: no fault of ours, no status, header or field that the description does not name; what is
    not of its form is refused."""
    desk.told.clear()
    kind = GenerationMode.POSITIVE if well else GenerationMode.NEGATIVE
    for number, op in enumerate(operations(desk)):
        names = [p.name for p in op.path_parameters]
        for own in (True, False) if names else (True,):
            for pick in range(3 if own and well and "encounter" in names else 1):
                check(desk, op, kind, {name: desk.ids[name][pick % len(desk.ids[name])] for name in names} if own else None, number)
    assert len(desk.told) >= 60 and {404, 422} <= set(desk.told) and (200 in desk.told or not well)


def check(desk: Desk, op: APIOperation, kind: GenerationMode, ids: dict[str, str] | None, number: int) -> None:
    """A few cases of one operation."""

    @seed(number)
    @settings(max_examples=EXAMPLES, **QUIET)
    @given(case=op.as_strategy(generation_mode=kind, path_parameters=ids))
    def each(case: Case) -> None:
        desk.ask(case, kind is GenerationMode.POSITIVE)

    each()
