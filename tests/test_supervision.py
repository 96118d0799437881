"""The supervision log: hours to count, items for two, and no client in it."""

from __future__ import annotations

from datetime import date

import pytest

from drafting.errors import KeyMissing, NotPermitted
from drafting.record import people
from drafting.record.store import Stores, reading
from drafting.record.store.tables.private import SUPERVISION
from drafting.record.vault import supervision
from drafting.types.record import Person, Standing
from tests.desks import Desk, desk

ITEMS = ("Staying with silence", "My wish to rescue")


@pytest.fixture
def here(sqlite_stores: Stores) -> Desk:
    return desk(sqlite_stores)


def test_the_two_read_what_was_spoken_of(stores: Stores) -> None:
    """The supervisee and the supervisor open an entry; the kit and a colleague do not."""
    here = desk(stores)
    name = supervision.log(here.practice, here.author, here.supervisor.person, date(2026, 11, 3), 50, ITEMS)
    for opener in (here.author.opener, here.supervisor.opener):
        (entry,) = supervision.entries(here.practice, here.author.person, opener)
        assert (entry.id, entry.minutes, entry.items) == (name, 50, ITEMS) and ITEMS[0] not in repr(entry)
    assert supervision.entries(here.practice, here.author.person, here.colleague.opener) == ()
    for opener in (here.kit, here.colleague.opener):
        with pytest.raises(KeyMissing):
            here.practice.keyring.open(f"supervision/{name}", opener)
    with reading(stores.private) as connection:
        row = connection.execute(SUPERVISION.select()).one()
    assert ITEMS[0].encode() not in row.body_sealed


def test_a_supervisor_sees_the_entries_of_their_own_hours(here: Desk) -> None:
    """Where two supervise one person, each opens their own."""
    second = people.add_person(here.practice, Person("", "Fay Holm", Standing.SUPERVISOR), by="setup").id
    with pytest.raises(KeyMissing):
        supervision.log(here.practice, here.author, second, date(2026, 11, 3), 50)
    supervision.log(here.practice, here.author, here.supervisor.person, date(2026, 11, 4), 60, ITEMS[:1])
    supervision.log(here.practice, here.author, here.supervisor.person, date(2026, 11, 3), 50, ITEMS[1:])
    assert [e.minutes for e in supervision.entries(here.practice, here.author.person, here.supervisor.opener)] == [50, 60]


def test_hours_are_counted_without_a_key(here: Desk) -> None:
    """Minutes by supervisor, with both ends of the stretch counted and nobody else's."""
    for day, minutes in ((1, 50), (2, 45), (30, 60)):
        supervision.log(here.practice, here.author, here.supervisor.person, date(2026, 11, day), minutes)
    supervision.log(here.practice, here.colleague, here.supervisor.person, date(2026, 11, 2), 90)
    over = here.supervisor.person
    assert supervision.hours(here.practice, here.author.person, date(2026, 11, 2), date(2026, 11, 30)) == {over: 105}
    assert supervision.hours(here.practice, here.author.person, date(2026, 11, 3), date(2026, 11, 29)) == {}


@pytest.mark.parametrize("item", ["About C-12345678", "c-00000001's father"])
def test_no_client_stands_in_it(here: Desk, item: str) -> None:
    """An item with a client's id is refused, and neither the row nor the trail names a client."""
    with pytest.raises(NotPermitted):
        supervision.log(here.practice, here.author, here.supervisor.person, date(2026, 11, 3), 50, [item])
    supervision.log(here.practice, here.author, here.supervisor.person, date(2026, 11, 3), 50, ["C-1234 is no id"])
    assert "client" not in SUPERVISION.c and "encounter" not in SUPERVISION.c
    assert b'"client"' not in here.told("supervision:logged")[0]


@pytest.mark.parametrize(("minutes", "right"), [(0, False), (1, True), (1440, True), (1441, False), (-50, False)])
def test_an_entry_is_of_a_minute_to_a_day(here: Desk, minutes: int, right: bool) -> None:
    """Minutes that no day has are refused."""
    if right:
        assert supervision.log(here.practice, here.author, here.supervisor.person, date(2026, 11, 3), minutes)
        return
    with pytest.raises(NotPermitted):
        supervision.log(here.practice, here.author, here.supervisor.person, date(2026, 11, 3), minutes)


def test_supervision_is_given_by_another_who_supervises(here: Desk) -> None:
    """A colleague, and oneself, are no supervisors."""
    for unlocked, over in ((here.author, here.colleague), (here.supervisor, here.supervisor)):
        with pytest.raises(NotPermitted):
            supervision.log(here.practice, unlocked, over.person, date(2026, 11, 3), 50)
