"""What a visit's words came with, and what the pipeline may know of it."""

from __future__ import annotations

import pytest

from drafting.errors import IllegalMove, KeyMissing, NotKnown, Shredded
from drafting.record import people, workbench
from drafting.record.store import Stores
from drafting.record.workbench import visits
from drafting.record.workbench.visits import RECORDING, Visit
from drafting.types import Mode
from tests.desks import DAY, Desk, desk

CHOSEN = Visit("dap", "session", "intake", RECORDING, ".webm", "Europe/London", "llm", "whisper")


@pytest.fixture
def here(sqlite_stores: Stores) -> Desk:
    return desk(sqlite_stores)


def test_the_last_choice_holds(here: Desk) -> None:
    """Every part of it comes back, for whoever can open the encounter: its author, the worker, and not a colleague."""
    name = here.encounter()
    visits.put(here.practice, name, Visit(), by=here.author.person)
    visits.put(here.practice, name, CHOSEN, by=here.author.person)
    for opener in (here.author.opener, workbench.worker(here.practice)):
        assert visits.get(here.practice, name, opener) == CHOSEN
    with pytest.raises(KeyMissing):
        visits.get(here.practice, name, here.colleague.opener)


def test_nothing_is_chosen_for_a_signed_note_or_for_nobody(here: Desk) -> None:
    """Nor for what was destroyed."""
    name = here.encounter()
    with pytest.raises(NotKnown):
        visits.get(here.practice, name, here.author.opener)
    with pytest.raises(NotKnown):
        visits.put(here.practice, "E0none", Visit(), by=here.author.person)
    here.state(name, "signed")
    with pytest.raises(IllegalMove):
        visits.put(here.practice, name, Visit(), by=here.author.person)
    gone = here.encounter()
    workbench.shred(here.practice, gone, by=here.author.person, reason="by_request")
    with pytest.raises(Shredded):
        visits.put(here.practice, gone, Visit(), by=here.author.person)


@pytest.mark.parametrize("wrong", [{"media": "film"}, {"mode": "monologue"}])
def test_a_choice_that_is_none_is_refused(wrong: dict[str, str]) -> None:
    """There are two media, and two modes or none."""
    with pytest.raises(ValueError, match="medium"):
        Visit(**wrong)


def test_the_pipeline_knows_the_visit_and_other_clients_as_digests_alone(here: Desk) -> None:
    """The client's name, the author's, the day, the payer; another client's name is known when it is met, and stands nowhere in the clear."""
    other = people.add_client(here.practice, "Ione Varga", here.author.person, by="setup")
    gone = people.add_client(here.practice, "Pell Strand", here.author.person, by="setup")
    here.practice.keyring.shred([people.secret_of(gone.id)], reason="ended", now=here.practice.now())
    there = workbench.find(here.practice, here.encounter())
    context = visits.context(here.practice, there, CHOSEN)
    assert (context.mode, context.client_names, context.clinician) == (Mode.SESSION, ("Wren Alder",), "Bo Tern")
    assert (context.date_of_service, context.note_kind, context.payer) == (DAY, "intake", here.practice.policy().payer)
    assert visits.context(here.practice, there, Visit()).mode is Mode.DICTATION
    for name, known in ((other.name, True), ("Wren Alder", False), ("Pell Strand", False)):
        assert (name in context.roster) is known
    assert "Varga" not in repr((context, context.roster.digests))
