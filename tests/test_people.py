"""People and clients: found by name, with no name in any byte; whose client is whose; and the treatment plan."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Table

from drafting.errors import Conflict, KeyWrong, NotKnown, NotPermitted, Shredded
from drafting.record import notes, people, workbench
from drafting.record.keys import passphrases
from drafting.record.people import add_client, add_person, find_client, find_person, plan, remember, search_clients, secret_of, write_plan
from drafting.record.practice import Practice
from drafting.record.store.tables.record import CLIENT_NAMES, CLIENTS, ENCOUNTERS, PEOPLE, PLANS
from drafting.types.record import NO_CLINICIANS, NoteState, Person, Standing
from tests import stores as of_tests
from tests.keyrings import dies_at


@pytest.fixture
def house(practice: Practice) -> Practice:
    """With a clinician, a supervisor and an administrator."""
    for name, standing in (("P1", Standing.CLINICIAN), ("P2", Standing.SUPERVISOR), ("P3", Standing.ADMINISTRATOR)):
        add_person(practice, Person(name, f"Person {name}", standing), by="setup")
    return practice


def found(practice: Practice, words: str) -> list[str]:
    return sorted(client.name for client in search_clients(practice, words))


# ── clients by name ───────────────────────────────────────────────────────────────────────────────────────────────────

ON_FILE = (
    "Siobhán O'Brien-Lyall",
    "Maud Ferrier",
    "Maud Anne Ferrier",
    "J. K. Ferrier",
    "D’Angelo Núñez",
    "Anne-Marie Weiß",
    "Nguyễn Thị Hoa",
    "Ó Dálaigh",
)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("siobhan", [0]),
        ("SIOBHÁN LYALL", [0]),
        ("O’Brien", [0]),
        ("obrien", [0]),
        ("o brien", [0]),
        ("brien", [0]),
        ("o'brien-lyall", [0]),
        ("lyall, o'brien", [0]),
        ("ferrier", [1, 2, 3]),
        ("Ferrier Maud", [1, 2]),
        ("maud anne", [2]),
        ("anne", [2, 5]),
        ("anne marie", [5]),
        ("Anne‐Marie", [5]),
        ("weiss", [5]),
        ("j ferrier", [3]),
        ("J.K.", [3]),
        ("m ferrier", []),
        ("dangelo nunez", [4]),
        ("d'angelo", [4]),
        ("nguyen hoa", [6]),
        ("dalaigh", [7]),
        ("maude", []),
        ("mau", []),
        ("maud lyall", []),
        ("", []),
        (" - ' . ", []),
        ("%", []),
        ("_", []),
    ],
)
def test_clients_are_found_by_whole_words_of_their_names(searched: Practice, words: str, names: list[int]) -> None:
    """Apostrophes and hyphens of any kind, accents, case and order make no difference; parts of words, and words that are not there, do."""
    assert found(searched, words) == sorted(ON_FILE[i] for i in names)


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    """A practice with all of them on file, for reading."""
    stores = of_tests.made("sqlite", tmp_path_factory.mktemp("searched"), None)
    practice = of_tests.opened(stores)
    add_person(practice, Person("P1", "Ann Pell", Standing.CLINICIAN), by="setup")
    for name in ON_FILE:
        add_client(practice, name, "P1", by="P1")
    yield practice
    stores.close()


def test_two_clients_of_one_name_are_two(house: Practice) -> None:
    """Both are found, each with its own id, and each clinician finds their own."""
    one, two = add_client(house, "Maud  Ferrier ", "P1", by="P1"), add_client(house, "Maud Ferrier", "P2", by="P2")
    assert one.id != two.id and one.name == two.name == "Maud Ferrier"
    assert {c.id for c in search_clients(house, "maud")} == {one.id, two.id}
    assert [c.id for c in search_clients(house, "maud", clinician="P2")] == [two.id]


def test_no_name_is_in_any_byte(house: Practice) -> None:
    """Of a person, of a client, of words that were allowed or a plan: not in the databases, their logs or the ids; nor in a repr."""
    canaries = ("Quartermaine", "Zanzibar", "marmalade", "Yolande")
    add_person(house, Person("P4", "Yolande Pell", Standing.CLINICIAN), by="setup")
    client = add_client(house, "Quartermaine Zanzibar", "P4", by="P4")
    remember(house, client.id, "marmalade", by="P4")
    write_plan(house, client.id, {"goals": ["less marmalade"]}, by="P4")
    people.rename_client(house, client.id, "Zanzibar Quartermaine", by="P4")
    search_clients(house, "zanzibar")
    kept = b"".join(p.read_bytes() for p in Path(house.stores.record.url.database).parent.iterdir())
    for canary in canaries:
        for form in (canary, canary.lower(), canary.upper()):
            assert form.encode() not in kept and form.encode("utf-16-le") not in kept
        assert canary not in repr(find_client(house, client.id)) + repr(find_person(house, "P4")) + client.id


def test_a_pseudonym_that_is_taken_is_drawn_again(house: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that a client has, or that a client had whose record was destroyed, is never given to another; where none is free it says so."""
    monkeypatch.setattr(secrets, "randbelow", lambda _, drawn=iter([7, 7, 8, 7, 8, 9, *[7] * 50]): next(drawn))
    one, two = add_client(house, "Maud Ferrier", "P1", by="P1"), add_client(house, "Tam Lyall", "P1", by="P1")
    house.keyring.shred([secret_of(two.id)], reason="retention", now=house.now())
    three = add_client(house, "Iris Dell", "P1", by="P1")
    assert [one.id, two.id, three.id] == ["C-00000007", "C-00000008", "C-00000009"]
    with pytest.raises(Conflict):
        add_client(house, "Nell Orme", "P1", by="P1")
    assert find_client(house, one.id).name == "Maud Ferrier" and found(house, "nell") == []


def test_another_name_is_the_one_that_is_found(house: Practice) -> None:
    """By the old one the client is found no more."""
    client = add_client(house, "Maud Ferrier", "P1", by="P1").id
    people.rename_client(house, client, "Maud  O'Dell", by="P1")
    assert find_client(house, client).name == "Maud O'Dell"
    assert found(house, "ferrier") == [] and found(house, "odell") == found(house, "maud") == ["Maud O'Dell"]


def test_a_client_whose_record_was_destroyed_hides_nobody(house: Practice) -> None:
    """Cut before the index forgot them, they are not found, and the others are; asked for by id, it says that they were shredded."""
    gone, stays = (add_client(house, name, "P1", by="P1").id for name in ("Maud Ferrier", "Maud Lyall"))
    house.keyring.shred([secret_of(gone)], reason="retention", now=house.now())
    assert [c.id for c in search_clients(house, "maud")] == [stays]
    for attempt in (
        lambda: find_client(house, gone),
        lambda: write_plan(house, gone, {}, by="P1"),
        lambda: people.rename_client(house, gone, "A B", by="P1"),
    ):
        with pytest.raises(Shredded):
            attempt()
    with house.change() as change:
        people.forget_names(change.connection, gone)
        change.tell("P1", "client:forgotten", subject=gone)
    with house.look() as connection:
        assert set(connection.execute(sa.select(CLIENT_NAMES.c.client)).scalars()) == {stays}


def test_a_client_is_taken_in_whole_or_not_at_all(house: Practice) -> None:
    """Cut anywhere, there is no half of a client, and trying again takes them in."""
    for step in range(1, 24):
        with dies_at(step, house.stores.record, house.stores.keyring):
            add_client(house, f"Maud {step}", "P1", by="P1")
        with house.look() as connection:
            clients = connection.execute(sa.select(CLIENTS.c.id)).scalars().all()
            indexed = set(connection.execute(sa.select(CLIENT_NAMES.c.client)).scalars())
        assert set(clients) == indexed and len({find_client(house, c).name for c in clients}) == len(clients)
    assert add_client(house, "Maud Ferrier", "P1", by="P1")
    house.audit_verify(house.audit_head())


# ── sealed where they stand ───────────────────────────────────────────────────────────────────────────────────────────


def moved(
    practice: Practice, table: Table, column: str, source: sa.ColumnElement[bool], target: sa.ColumnElement[bool], from_column: str = ""
) -> None:
    """Put the sealed bytes of one row into another, as somebody with the database's rights could."""
    with practice.stores.record.begin() as connection:
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table.name}_no_update")
        body = connection.scalar(sa.select(table.c[from_column or column]).where(source))
        connection.execute(table.update().where(target).values({column: body}))


def test_sealed_values_open_in_their_own_place_alone(house: Practice) -> None:
    """A name, allowed words or a plan in another row, another column or another version is a wrong key, and no other client's words."""
    one, two = (add_client(house, name, "P1", by="P1").id for name in ("Maud Ferrier", "Tam Lyall"))
    for client in (one, two):
        remember(house, client, "lithium", by="P1")
        for goal in ("sleep", "work"):
            write_plan(house, client, {"goals": [goal]}, by="P1")
    at = lambda client, version=None: (PLANS.c.client == client) & (PLANS.c.version == version) if version else CLIENTS.c.id == client  # noqa: E731
    attempts = [
        ((PEOPLE, "name_sealed", PEOPLE.c.id == "P2", PEOPLE.c.id == "P1"), lambda: find_person(house, "P1")),
        ((PLANS, "body_sealed", at(one, 1), at(one, 2)), lambda: plan(house, one)),
        ((PLANS, "body_sealed", at(one, 1), at(two, 2)), lambda: plan(house, two)),
        ((CLIENTS, "allowed_sealed", at(two), at(one)), lambda: find_client(house, one)),
        ((CLIENTS, "name_sealed", at(one), at(two)), lambda: find_client(house, two)),
    ]
    for move, read in attempts:
        read()
        moved(house, *move)
        with pytest.raises(KeyWrong):
            read()
    three = add_client(house, "Iris Dell", "P2", by="P2").id
    moved(house, CLIENTS, "allowed_sealed", at(three), at(three), "name_sealed")
    with pytest.raises(KeyWrong):
        find_client(house, three)


# ── who may be whose ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_trainee_has_somebody_who_supervises(house: Practice) -> None:
    """When they come and when they change; a clinician, an administrator, nobody, a supervisor who has left, or they themselves will not do."""
    trainee = Person("P5", "Tess Young", Standing.TRAINEE, supervisor="P2")
    add_person(house, trainee, by="setup")
    for supervisor, error in (("P1", NotPermitted), ("P3", NotPermitted), (None, NotKnown), ("P9", NotKnown)):
        for act in (add_person, people.change_person):
            with pytest.raises(error):
                act(house, Person("P6" if act is add_person else "P5", "Tess Young", Standing.TRAINEE, supervisor=supervisor), by="setup")
    with pytest.raises(NotPermitted):
        people.change_person(house, Person("P2", "Person P2", Standing.TRAINEE, supervisor="P2"), by="setup")
    assert find_person(house, "P2").standing is Standing.SUPERVISOR
    people.change_person(house, Person("P2", "Person P2", Standing.SUPERVISOR, active=False), by="setup")
    with pytest.raises(NotPermitted):
        add_person(house, Person("P6", "Tom Old", Standing.TRAINEE, supervisor="P2"), by="setup")
    assert find_person(house, "P5") == trainee and [p.id for p in people.all_people(house)] == ["P1", "P2", "P3", "P5"]


def test_ids_are_given_and_not_given_twice(house: Practice) -> None:
    """A person without an id gets one; an id that is taken is a conflict; somebody who is not here cannot be changed."""
    assert find_person(house, add_person(house, Person("", "Ida Vale", Standing.CLINICIAN), by="setup").id).name == "Ida Vale"
    with pytest.raises(Conflict):
        add_person(house, Person("P1", "Ida Vale", Standing.CLINICIAN), by="setup")
    with pytest.raises(NotKnown):
        people.change_person(house, Person("P9", "Ida Vale", Standing.CLINICIAN), by="setup")
    assert find_person(house, "P1").name == "Person P1"


def test_clients_are_given_to_clinicians_who_work_here(house: Practice) -> None:
    """At the start and when they are handed on: not to an administrator, to records staff, to somebody who left, or to nobody."""
    add_person(house, Person("P4", "Person P4", Standing.RECORDS), by="setup")
    client = add_client(house, "Maud Ferrier", "P1", by="P1").id
    people.transfer(house, client, "P2", by="P1")
    assert find_client(house, client).clinician == "P2"
    people.change_person(house, Person("P1", "Person P1", Standing.CLINICIAN, active=False), by="setup")
    for person, error in (("P1", NotPermitted), ("P3", NotPermitted), ("P4", NotPermitted), ("P9", NotKnown)):
        with pytest.raises(error):
            people.transfer(house, client, person, by="P2")
        with pytest.raises(error):
            add_client(house, "Tam Lyall", person, by="P2")
    assert find_client(house, client).clinician == "P2" and found(house, "tam") == []
    with pytest.raises(NotKnown):
        people.transfer(house, "C-00000000", "P2", by="P2")


@pytest.mark.parametrize("standing", sorted(NO_CLINICIANS))
def test_who_is_no_clinician_writes_no_notes(house: Practice, standing: Standing) -> None:
    """An administrator or records staff cannot begin an encounter, and a clinician of yesterday who is one now reopens nothing."""
    client = add_client(house, "Maud Ferrier", "P1", by="P1").id
    add_person(house, Person("P7", "Person P7", standing), by="setup")
    with pytest.raises(NotPermitted, match="clinician"):
        workbench.receive(house, client, "P7", date(2026, 11, 17))
    passphrases.enrol(house.keyring, "P1", "quiet green lanterns", now=house.now(), cost=of_tests.CHEAP)
    begun = workbench.receive(house, client, "P1", date(2026, 11, 17)).id
    with house.stores.record.begin() as connection:
        connection.execute(ENCOUNTERS.update().where(ENCOUNTERS.c.id == begun).values(state=NoteState.SIGNED))
    people.change_person(house, Person("P1", "Person P1", standing), by="setup")
    with pytest.raises(NotPermitted, match="clinician"):
        notes.reopen(house, "P1", begun)
    assert workbench.find(house, begun).state is NoteState.SIGNED


def test_what_is_kept_of_a_client_changes_with_an_event(house: Practice) -> None:
    """Allowed words once each and in order; the client's own payment; an unknown client is told."""
    client = add_client(house, "Maud Ferrier", "P1", by="P1", jurisdiction="us-il", part2=True).id
    for words in ("lithium", "Dr Vale", "lithium"):
        remember(house, client, words, by="P1")
    people.restrict(house, client, self_pay=True, by="P1")
    kept = find_client(house, client)
    assert kept.allowed == ("lithium", "Dr Vale") and kept.self_pay and kept.part2 and kept.jurisdiction == "us-il"
    for attempt in (lambda: remember(house, "C-00000000", "x", by="P1"), lambda: people.restrict(house, "C-00000000", self_pay=True, by="P1")):
        with pytest.raises(NotKnown):
            attempt()
    house.audit_verify(house.audit_head())


def test_a_plan_has_versions(house: Practice) -> None:
    """The newest is read; earlier ones stay as they were; a client without one has none."""
    client = add_client(house, "Maud Ferrier", "P1", by="P1").id
    assert plan(house, client) is None
    assert write_plan(house, client, {"goals": ["sleep"]}, by="P1") == 1
    assert write_plan(house, client, {"goals": ["sleep", "work"]}, by="P1", since=date(2026, 11, 1)) == 2
    assert plan(house, client) == {"goals": ["sleep", "work"], "version": 2}
    with house.look() as connection:
        assert list(connection.execute(sa.select(PLANS.c.since).order_by(PLANS.c.version)).scalars()) == [
            "2026-11-18T15:00:00.000000+00:00",
            "2026-11-01",
        ]
    with pytest.raises(NotKnown):
        write_plan(house, "C-00000000", {}, by="P1")
