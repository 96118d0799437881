"""Moves between the record's side and the private notes: nothing lost, nothing left in both, wherever the process ends."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
import sqlalchemy as sa

from drafting.errors import Conflict, IllegalMove, KeyMissing, NotKnown, NotPermitted, Shredded, StoreFailed
from drafting.record import vault, workbench
from drafting.record.store import Stores, reading
from drafting.record.store.tables.private import PRIVATE_NOTES
from drafting.record.store.tables.record import INTENTS, WORK
from drafting.record.vault import PrivateItem, Why
from drafting.record.workbench import Item, lending, moves
from drafting.record.workbench.moves import Reason
from drafting.types.record import NoteState
from tests.desks import Cut, Desk, cut_at, desk

ASIDE = "I dread these hours."
WITH, WITHOUT = f"Client came late. {ASIDE}".encode(), b"Client came late."


@pytest.fixture
def here(sqlite_stores: Stores) -> Desk:
    return desk(sqlite_stores)


def begun(here: Desk) -> str:
    """An encounter whose draft and review hold the aside, which is statement s2."""
    name = here.encounter()
    workbench.put(here.practice, name, "draft", 1, WITH, statements=("s1", "s2"), by="worker")
    workbench.put(here.practice, name, "review", 1, WITH, statements=("s1", "s2"), by=here.author.person)
    return name


def to_private(here: Desk, name: str, note: str = "N1", review: int = 2) -> None:
    instead = [Item("review", review, WITHOUT, ("s1",))]
    moves.to_private(here.practice, here.author, name, [PrivateItem(note, 2, ASIDE, ("s2",))], reason=Reason.REFLECTION, instead=instead)


def to_record(here: Desk, name: str, *notes: str) -> tuple[moves.Admitted, ...]:
    return moves.to_record(here.practice, here.author, name, notes, reason=Reason.NEEDED)


def private(here: Desk, note: str) -> str | None:
    """The note's words; None where it is destroyed, or never was."""
    try:
        return vault.read(here.practice, note, here.author, Why.OWN_TREATMENT)
    except (Shredded, NotKnown):
        return None


def work(here: Desk, name: str) -> list[bytes]:
    """All bodies that open on an encounter's workbench."""
    with reading(here.practice.stores.record) as connection:
        rows = connection.execute(sa.select(WORK.c.kind, WORK.c.version).where(WORK.c.encounter == name)).all()
    return [workbench.get(here.practice, name, row.kind, row.version, here.author.opener)[1] for row in rows]


def on_workbench(here: Desk, name: str) -> bool:
    return any(ASIDE.encode() in body for body in work(here, name))


# ── there and back ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_words_moved_late_leave_every_version(stores: Stores) -> None:
    """The private note has them, the review goes on without them, and no version or kind of work has them any more."""
    here = desk(stores)
    name = begun(here)
    to_private(here, name)
    assert private(here, "N1") == ASIDE and not on_workbench(here, name) and here.intents() == []
    assert workbench.get(here.practice, name, "review", None, here.author.opener) == (2, WITHOUT)
    with pytest.raises(NotKnown):
        workbench.get(here.practice, name, "draft", None, here.author.opener)


def test_a_move_is_undone_by_the_other_and_again(stores: Stores) -> None:
    """To private, back, and to private again under a new id: the words are the same each time, and in one place."""
    here = desk(stores)
    name = begun(here)
    to_private(here, name)
    (back,) = moves.to_record(here.practice, here.author, name, ["N1"], reason=Reason.UNDONE)
    assert (back.note, back.statements, back.text, back.reason) == ("N1", ("s2",), ASIDE, Reason.UNDONE)
    assert private(here, "N1") is None and on_workbench(here, name) and here.intents() == []
    assert moves.admitted(here.practice, name, here.author.opener) == (back,)
    to_private(here, name, "N2", review=3)
    assert private(here, "N2") == ASIDE and not on_workbench(here, name) and here.intents() == []
    assert moves.admitted(here.practice, name, here.author.opener) == ()


def test_what_was_admitted_adds_up(here: Desk) -> None:
    """Each move to the record keeps those before; one taken back takes its own words alone; a repetition changes nothing."""
    name = begun(here)
    items = [PrivateItem(f"N{n}", n, f"{ASIDE} {n}", (f"s{n}",)) for n in (4, 5, 6)]
    vault.put(here.practice, name, here.client, here.author.person, items, by="worker")
    to_record(here, name, "N4")
    assert [a.note for a in to_record(here, name, "N5", "N6")] == ["N4", "N5", "N6"]
    assert [a.note for a in to_record(here, name, "N5")] == ["N4", "N5", "N6"]
    moves.to_private(here.practice, here.author, name, [PrivateItem("N8", 5, f"{ASIDE} 5", ("s5",))], reason=Reason.UNDONE)
    assert [a.text for a in moves.admitted(here.practice, name, here.author.opener)] == [f"{ASIDE} 4", f"{ASIDE} 6"]
    assert private(here, "N8") == f"{ASIDE} 5"


@pytest.mark.parametrize("act", ["to_record", "to_private"])
def test_of_two_moves_at_once_neither_loses_the_others_words(here: Desk, monkeypatch: pytest.MonkeyPatch, act: str) -> None:
    """A move that has seen what was admitted before another admitted more is a conflict; what came is kept, and it goes through when repeated."""
    name = begun(here)
    items = [PrivateItem(f"N{n}", n, f"{ASIDE} {n}", (f"s{n}",)) for n in (4, 5, 6)]
    vault.put(here.practice, name, here.client, here.author.person, items, by="worker")
    to_record(here, name, "N4")

    def move(note: str) -> None:
        if act == "to_record":
            to_record(here, name, "N6")
        else:
            moves.to_private(here.practice, here.author, name, [PrivateItem(note, 4, f"{ASIDE} 4", ("s4",))], reason=Reason.UNDONE)

    does, what = (vault.read_all, "read_all") if act == "to_record" else (vault.put, "put")

    def meanwhile(*given: object, **named: object) -> object:
        monkeypatch.setattr(vault, what, does)
        to_record(here, name, "N5")
        return does(*given, **named)

    monkeypatch.setattr(vault, what, meanwhile)
    with pytest.raises(Conflict):
        move("N7")
    assert [a.note for a in moves.admitted(here.practice, name, here.author.opener)] == ["N4", "N5"]
    assert private(here, "N6") == f"{ASIDE} 6" and private(here, "N7") is None and here.intents() == []
    move("N8")
    there = [a.note for a in moves.admitted(here.practice, name, here.author.opener)]
    assert there == (["N4", "N5", "N6"] if act == "to_record" else ["N5"])


def test_words_that_came_together_move_together(here: Desk) -> None:
    """Half of what was admitted as one is not moved, since the other half would go with it."""
    name = begun(here)
    vault.put(here.practice, name, here.client, here.author.person, [PrivateItem("N4", 4, ASIDE, ("s4", "s5"))], by="worker")
    to_record(here, name, "N4")
    with pytest.raises(NotPermitted):
        moves.to_private(here.practice, here.author, name, [PrivateItem("N5", 4, ASIDE, ("s4",))], reason=Reason.REFLECTION)
    assert private(here, "N5") is None and on_workbench(here, name)


# ── what is refused ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("state", [s for s in NoteState if s not in workbench.EDITABLE])
def test_nothing_moves_after_signing(here: Desk, state: NoteState) -> None:
    """Either way, in any state that is signed, and nothing is touched."""
    name = begun(here)
    vault.put(here.practice, name, here.client, here.author.person, [PrivateItem("N4", 4, ASIDE, ("s4",))], by="worker")
    here.state(name, state)
    with pytest.raises(IllegalMove):
        to_private(here, name)
    with pytest.raises(IllegalMove):
        to_record(here, name, "N4")
    assert private(here, "N1") is None and private(here, "N4") == ASIDE and here.intents() == []
    assert sorted(work(here, name)) == [WITH, WITH]


def test_a_review_that_moved_on_drops_the_move(stores: Stores) -> None:
    """Where another changed the review meanwhile, nothing is moved, nothing is lost, and nothing is left over."""
    here = desk(stores)
    name = begun(here)
    workbench.put(here.practice, name, "review", 2, WITH + b" More.", statements=("s1", "s2"), by=here.author.person)
    with pytest.raises(Conflict):
        to_private(here, name)
    assert private(here, "N1") is None and here.intents() == [] and vault.listed(here.practice, here.author.person) == ()
    assert sorted(work(here, name)) == sorted([WITH, WITH, WITH + b" More."])
    to_private(here, name, "N2", review=3)
    assert private(here, "N2") == ASIDE and not on_workbench(here, name)


def test_a_move_may_not_take_the_review_with_it(here: Desk) -> None:
    """The review that stands holds the words: without one to stand instead, or with one that still holds them, nothing moves; nor under an id in use."""
    name = begun(here)
    item = PrivateItem("N1", 2, ASIDE, ("s2",))
    for items, instead in (([item], []), ([item], [Item("review", 2, WITH, ("s2",))]), ([PrivateItem("N1", 2, ASIDE)], []), ([], [])):
        with pytest.raises(ValueError):
            moves.to_private(here.practice, here.author, name, items, reason=Reason.REFLECTION, instead=instead)
    assert sorted(work(here, name)) == [WITH, WITH] and private(here, "N1") is None
    vault.put(here.practice, name, here.client, here.author.person, [PrivateItem("N1", 9, "Another thought.")], by="worker")
    with pytest.raises(Conflict):
        to_private(here, name)
    assert private(here, "N1") == "Another thought." and here.intents() == []


def test_only_the_author_moves(here: Desk) -> None:
    """A supervisor to whom the encounter is lent moves nothing, and no note of another encounter comes into this one."""
    name, other = begun(here), begun(here)
    lending.lend_supervisor(here.practice, name, here.author.opener, ["draft", "review"])
    item = PrivateItem("N1", 2, ASIDE, ("s2",))
    for another in (here.supervisor, here.colleague):
        with pytest.raises((NotPermitted, KeyMissing)):
            moves.to_private(here.practice, another, name, [item], reason=Reason.REFLECTION, instead=[Item("review", 2, WITHOUT)])
    to_private(here, other)
    for unlocked in (here.supervisor, here.author):
        with pytest.raises((NotPermitted, KeyMissing)):
            moves.to_record(here.practice, unlocked, name, ["N1"], reason=Reason.NEEDED)
    assert private(here, "N1") == ASIDE and here.intents() == []


def test_what_is_written_down_has_no_words(here: Desk) -> None:
    """An intent and the trail hold ids and codes; each move says why."""
    name = begun(here)
    here.hold()
    to_private(here, name)
    with reading(here.practice.stores.record) as connection:
        (subject,) = connection.scalars(sa.select(INTENTS.c.subject)).all()
    assert json.loads(subject) == {"by": here.author.person, "reason": "reflection", "notes": {"N1": ["s2"]}}
    assert all(b'"reason":"reflection"' in here.told(action)[0] for action in ("move:private", "move:placed"))
    with pytest.raises(ValueError):
        moves.to_record(here.practice, here.author, name, ["N1"], reason="because")


# ── cuts ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_move_to_private_can_be_cut_anywhere(stores: Stores) -> None:
    """After any cut the statement is somewhere, and in both places only while that is written down; after a sweep it is in one place, the review that
    stands opens, and nothing is left over."""
    here = desk(stores)
    outcomes = []
    for number in range(20):
        name = begun(here)
        with cut_at(stores, number):
            try:
                to_private(here, name, f"N7{number}")
                done = True
            except Cut:
                done = False
        in_private, in_work = private(here, f"N7{number}") is not None, _quoted(here, name)
        assert in_private or in_work
        assert not (in_private and in_work) or here.intents()
        moves.sweep(here.practice)
        in_private, in_work = private(here, f"N7{number}") is not None, on_workbench(here, name)
        assert in_private is not in_work and here.intents() == [] and moves.sweep(here.practice) == 0
        standing = workbench.find(here.practice, name).version
        assert workbench.get(here.practice, name, "review", None, here.author.opener) == (standing, WITH if in_work else WITHOUT)
        assert in_private or sorted(work(here, name)) == [WITH, WITH]
        outcomes.append(in_private)
        if done:
            break
    assert done and outcomes == sorted(outcomes) and outcomes.count(False) >= 3 and outcomes.count(True) >= 3
    with reading(stores.private) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(PRIVATE_NOTES)) == outcomes.count(True)


def _quoted(here: Desk, name: str) -> bool:
    """Whether any row of the workbench still says that it holds the aside, also one whose key is gone already."""
    with reading(here.practice.stores.record) as connection:
        return any("s2" in s.split() for s in connection.scalars(sa.select(WORK.c.statements).where(WORK.c.encounter == name)))


def test_a_move_to_the_record_can_be_cut_anywhere(stores: Stores) -> None:
    """The same the other way: before the words are on the workbench the private note is whole, afterwards a sweep destroys it."""
    here = desk(stores)
    name, outcomes = here.encounter(), []
    for number in range(12):
        note = f"N7{number}"
        vault.put(
            here.practice, name, here.client, here.author.person, [PrivateItem(note, number, f"{ASIDE} {number}", (f"s{number}",))], by="worker"
        )
        with cut_at(stores, number):
            try:
                to_record(here, name, note)
                done = True
            except Cut:
                done = False
        there = {a.note for a in moves.admitted(here.practice, name, here.author.opener)}
        assert note in there or private(here, note)
        assert not (note in there and private(here, note)) or here.intents()
        moves.sweep(here.practice)
        there = {a.note: a.text for a in moves.admitted(here.practice, name, here.author.opener)}
        assert (note in there) is (private(here, note) is None) and here.intents() == []
        assert there.get(note, f"{ASIDE} {number}") == f"{ASIDE} {number}"
        outcomes.append(note in there)
        if done:
            break
    assert done and outcomes == sorted(outcomes) and outcomes.count(False) >= 2 and outcomes.count(True) >= 3


def test_a_sweep_can_be_cut_too(here: Desk) -> None:
    """A sweep that ends half way is finished by the next."""
    for number in (1, 4, 5, 6, 7):
        for stop in range(4):
            name, note = begun(here), f"N{number}x{stop}"
            with cut_at(here.practice.stores, number), pytest.raises(Cut):
                to_private(here, name, note)
            with cut_at(here.practice.stores, stop), suppress(Cut):
                moves.sweep(here.practice)
            moves.sweep(here.practice)
            assert (private(here, note) is not None) is not on_workbench(here, name) and here.intents() == []


def test_words_that_come_back_after_a_cut_leave_no_row_that_nobody_can_open(here: Desk) -> None:
    """A move whose old versions' keys were destroyed, and whose last step failed, is taken back: their rows go with it."""
    name = begun(here)

    def fails(*_given, **_named) -> None:
        raise StoreFailed(reason="the disk failed")

    with pytest.MonkeyPatch.context() as patch, pytest.raises(StoreFailed):
        patch.setattr(workbench, "forget", fails)
        to_private(here, name)
    assert len(workbench.unreadable(here.practice, name)) == 2 and here.intents() == ["move_placed"]
    to_record(here, name, "N1")
    assert workbench.unreadable(here.practice, name) == () and moves.sweep(here.practice) == 0
    assert [a.text for a in moves.admitted(here.practice, name, here.author.opener)] == [ASIDE]


def test_a_store_that_fails_drops_the_move_at_once(here: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that the process survives leaves nothing to a sweep."""
    name = begun(here)
    taken = vault.put

    def half(practice, encounter, client, author, items, *, by) -> None:
        taken(practice, encounter, client, author, items[:1], by=by)
        raise Conflict

    monkeypatch.setattr(vault, "put", half)
    items = [PrivateItem("N1", 2, ASIDE, ("s2",)), PrivateItem("N2", 3, ASIDE, ("s3",))]
    with pytest.raises(Conflict):
        moves.to_private(here.practice, here.author, name, items, reason=Reason.REFLECTION, instead=[Item("review", 2, WITHOUT, ("s1",))])
    assert here.intents() == [] and private(here, "N1") is None and on_workbench(here, name)


# ── holds ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_under_a_hold_a_move_is_made_and_destroys_nothing_yet(stores: Stores) -> None:
    """The words are private and the review goes on without them; old versions stay, written down, until the hold is lifted, and go then."""
    here = desk(stores)
    name = begun(here)
    here.hold()
    to_private(here, name)
    assert private(here, "N1") == ASIDE and on_workbench(here, name) and here.intents() == ["move_placed"]
    assert workbench.get(here.practice, name, "review", None, here.author.opener) == (2, WITHOUT)
    assert moves.sweep(here.practice) == 0 and on_workbench(here, name)
    here.lift()
    assert moves.sweep(here.practice) == 1 and not on_workbench(here, name) and private(here, "N1") == ASIDE


def test_a_move_undone_under_a_hold_purges_nothing_later(here: Desk) -> None:
    """Words that came back before the hold was lifted are the record's: the sweep destroys their private copy, and no work that holds them."""
    name = begun(here)
    here.hold()
    to_private(here, name)
    to_record(here, name, "N1")
    workbench.put(here.practice, name, "review", 3, WITH, statements=("s1", "s2"), by=here.author.person)
    assert private(here, "N1") == ASIDE and here.intents() == ["shred_private"]
    here.lift()
    assert moves.sweep(here.practice) == 1 and private(here, "N1") is None
    assert workbench.get(here.practice, name, "review", None, here.author.opener) == (3, WITH)
    assert [a.text for a in moves.admitted(here.practice, name, here.author.opener)] == [ASIDE]


def test_of_two_that_moved_together_one_comes_back(here: Desk) -> None:
    """What waits for the hold to be lifted goes on for the one that stayed private."""
    name = begun(here)
    here.hold()
    items = [PrivateItem("N1", 1, "Client came late.", ("s1",)), PrivateItem("N2", 2, ASIDE, ("s2",))]
    moves.to_private(here.practice, here.author, name, items, reason=Reason.REFLECTION, instead=[Item("review", 2, b"")])
    to_record(here, name, "N1")
    here.lift()
    assert moves.sweep(here.practice) == 2
    assert private(here, "N1") is None and private(here, "N2") == ASIDE and not on_workbench(here, name)
