"""A draft that stands: each part in its place, under the right keys, and what a signature is put under."""

from __future__ import annotations

import contextlib
import json

import pytest
import sqlalchemy as sa

from drafting.errors import Conflict, KeyMissing, NotKnown, Shredded, SigningBlocked
from drafting.pipeline import Engines
from drafting.record import notes, vault, workbench
from drafting.record.review import canonical, reviewing
from drafting.record.store import Stores, reading
from drafting.record.store.tables.record import WORK
from drafting.record.vault import Why
from drafting.record.workbench import drafted, moves
from drafting.record.workbench.moves import Reason
from drafting.types import Route
from drafting.types.record import NoteState, Stage
from tests.desks import Cut, Desk, cut_at, desk
from tests.dictated import NAMED, PRIVATE, TEXT, cleared, stand, work


@pytest.fixture
def here(sqlite_stores: Stores) -> Desk:
    return desk(sqlite_stores)


def source(here: Desk, encounter: str) -> dict:
    return json.loads(workbench.get(here.practice, encounter, drafted.SOURCE, None, here.author.opener)[1])


def private_words(here: Desk, encounter: str) -> list[str]:
    notes = vault.listed(here.practice, here.author.person, encounter=encounter)
    return [vault.read(here.practice, note.id, here.author, Why.OWN_TREATMENT) for note in notes]


def bench(here: Desk, encounter: str) -> str:
    """All that lies on an encounter's workbench, every row of which opens."""
    with reading(here.practice.stores.record) as connection:
        rows = connection.execute(sa.select(WORK.c.kind, WORK.c.version).where(WORK.c.encounter == encounter)).all()
    return "\n".join(workbench.get(here.practice, encounter, row.kind, row.version, here.author.opener)[1].decode() for row in rows)


def test_private_words_go_to_private_notes_alone(here: Desk, engines: Engines) -> None:
    """The aside is in the author's private notes, word for word, and the source beside the draft is blacked out where it stood."""
    review = stand(here, engines)
    told = private_words(here, review.encounter)
    assert told and all(words in TEXT for words in told)
    text = source(here, review.encounter)["text"]
    assert len(text) == len(TEXT) and all(words not in text for words in told)
    assert text.replace(drafted.BLACK, "") != text and text[: TEXT.index(PRIVATE)] == TEXT[: TEXT.index(PRIVATE)]


def test_every_offset_still_holds_in_the_source(here: Desk, engines: Engines) -> None:
    """Statements that are not private stand where they stood."""
    there = source(here, stand(here, engines).encounter)
    for s in there["statements"]:
        words = there["text"][s["start"] : s["end"]]
        assert (words == TEXT[s["start"] : s["end"]]) == (s["route"] != "private")
        assert (s["sha256"] is None) == (s["route"] == "private")


def test_the_worker_cannot_open_what_it_drafted(here: Desk, engines: Engines) -> None:
    """Once the draft stands the worker's key to the encounter is gone, and it never had one to the private notes."""
    review = stand(here, engines)
    worker = workbench.worker(here.practice)
    assert workbench.find(here.practice, review.encounter).stage is Stage.DRAFTED
    with pytest.raises(KeyMissing):
        drafted.load(here.practice, review.encounter, worker)
    for note in vault.listed(here.practice, here.author.person, encounter=review.encounter):
        with pytest.raises(KeyMissing):
            here.practice.keyring.open(vault.secret_of(note.id), worker)


def test_a_cut_draft_may_be_stood_again(here: Desk, engines: Engines) -> None:
    """Wherever it is cut, the same draft stands after a repeat, and the private words are there once."""
    done = work(engines)
    number = 0
    while True:
        encounter = workbench.find(here.practice, here.encounter())
        with cut_at(here.practice.stores, number) as seen, contextlib.suppress(Cut):
            drafted.stand(here.practice, encounter, done)
        whole = seen[0] <= number
        try:
            drafted.stand(here.practice, encounter, done)
        except Conflict:  # it stood before the cut
            workbench.progress(here.practice, encounter.id, Stage.DRAFTED)
        assert drafted.load(here.practice, encounter.id, here.author.opener).version == 1
        assert len(private_words(here, encounter.id)) == len(set(private_words(here, encounter.id))) > 0
        if whole:
            break
        number += 1
    assert number > 5


def test_words_moved_late_leave_every_version(here: Desk, engines: Engines) -> None:
    """A sentence that the clinician moves to private is in no version of the review, and not in the source; its words are a private note."""
    review = stand(here, engines)
    sentence = next(s for s in review.sentences if NAMED not in s.text and s.evidence)
    words = TEXT[source(here, review.encounter)["statements"][0]["start"] : source(here, review.encounter)["statements"][0]["end"]]
    assert sentence.evidence == ("s1",) and words in sentence.text
    after = drafted.move_private(here.practice, here.author, review, ["s1"], reason=Reason.THIRD_PARTY)
    assert after.version == 2 and "s1" in after.private and all("s1" not in s.evidence for s in after.sentences)
    assert words not in source(here, review.encounter)["text"] and words in private_words(here, review.encounter)
    with pytest.raises(Exception, match="no review"):
        drafted.load(here.practice, review.encounter, here.author.opener, 1)
    assert source(here, review.encounter)["statements"][0]["sha256"] is None  # short words could be guessed from one
    with pytest.raises(NotKnown, match="s1"):
        drafted.move_private(here.practice, here.author, after, ["s1"], reason=Reason.REFLECTION)
    assert private_words(here, review.encounter).count(words) == 1


def test_words_that_came_back_are_moved_again_as_they_were_said(here: Desk, engines: Engines) -> None:
    """To private, back to the record and to private again: the words, and not what they are blacked out with, in one place, and every row opens."""
    review = stand(here, engines)
    place = source(here, review.encounter)["statements"][0]
    words = TEXT[place["start"] : place["end"]]
    after = drafted.move_private(here.practice, here.author, review, ["s1"], reason=Reason.THIRD_PARTY)
    (note,) = (n.id for n in vault.listed(here.practice, here.author.person, encounter=review.encounter) if n.statements == ("s1",))
    moves.to_record(here.practice, here.author, review.encounter, [note], reason=Reason.UNDONE)
    assert words in bench(here, review.encounter) and words not in private_words(here, review.encounter)
    drafted.move_private(here.practice, here.author, after, ["s1"], reason=Reason.UNDONE)
    told = private_words(here, review.encounter)
    assert told.count(words) == 1 and not any(drafted.BLACK in one for one in told)
    assert words not in bench(here, review.encounter) and workbench.unreadable(here.practice, review.encounter) == ()
    assert here.intents() == [] and moves.admitted(here.practice, review.encounter, here.author.opener) == ()


def test_what_is_left_private_is_put_away_before_a_signature(here: Desk, engines: Engines) -> None:
    """A held statement that nobody decided, and need not, is a private note by the time the note can be signed."""
    review = cleared(here, stand(here, engines))
    left = [h for h in review.held if h.decision is None and not h.risk and not h.elements]
    assert left
    signing = drafted.to_sign(here.practice, here.author, review.encounter, review.version)
    assert all(h.decision == "private" and not h.text for h in signing.review.held) and set(signing.review.private) >= {h.statement for h in left}
    assert {h.text for h in left} <= set(private_words(here, review.encounter))
    assert signing.first.version == 1  # for the comparison that stays, though the version itself is destroyed by now
    with pytest.raises((NotKnown, Shredded)):
        drafted.load(here.practice, review.encounter, here.author.opener, 1)


def test_what_was_sent_to_private_in_the_review_is_there_once_it_is_signed(here: Desk, engines: Engines) -> None:
    """A held statement that the clinician decided on, and nobody moved yet: signed, it is a private note, on no workbench and in no signed note."""
    review = stand(here, engines)
    held = next(h for h in review.held if not h.risk and not h.elements)
    decided = drafted.save(here.practice, reviewing.decide(review, held.statement, Route.PRIVATE), by=here.author.person)
    ready = cleared(here, decided)
    assert held.text in bench(here, review.encounter) and held.text not in private_words(here, review.encounter)
    note = notes.sign(here.practice, here.author, review.encounter, ready.version, notes.Circumstances("password_totp", "UTC")).note
    assert private_words(here, review.encounter).count(held.text) == 1
    assert held.text not in bench(here, review.encounter) and held.text not in canonical.note_bytes(note).decode()
    assert here.intents() == [] and workbench.unreadable(here.practice, review.encounter) == ()


def test_a_version_that_is_not_the_latest_is_not_signed(here: Desk, engines: Engines) -> None:
    """A clinician signs what they see: a review changed meanwhile is a conflict, a block is told with its code."""
    review = stand(here, engines)
    with pytest.raises(SigningBlocked, match="header"):
        drafted.to_sign(here.practice, here.author, review.encounter, review.version)
    ready = cleared(here, review)
    with pytest.raises(Conflict):
        drafted.to_sign(here.practice, here.author, review.encounter, ready.version - 1)


def test_the_evidence_holds_no_word(here: Desk, engines: Engines) -> None:
    """What the record keeps of each sentence's source is ids, offsets, times and digests."""
    review = cleared(here, stand(here, engines))
    signing = drafted.to_sign(here.practice, here.author, review.encounter, review.version)
    told = json.dumps(signing.evidence)
    assert len(signing.evidence["sentences"]) == len(signing.review.sentences)
    for word in TEXT.split():
        assert len(word) < 4 or word.strip(".,") not in told


def test_an_editors_save_puts_the_note_in_review(here: Desk, engines: Engines) -> None:
    """The machine's draft is a draft until its author touches it."""
    review = stand(here, engines)
    assert workbench.find(here.practice, review.encounter).state is NoteState.DRAFT
    cleared(here, review)
    assert workbench.find(here.practice, review.encounter).state is NoteState.IN_REVIEW
    assert moves.sweep(here.practice) == 0


def test_a_supervisor_reads_the_note_and_its_blacked_source_and_hears_nothing(here: Desk, engines: Engines) -> None:
    """While a cosignature is due the supervisor opens the review and the source, and neither the encounter nor an aside; after it nothing; and what is
    shredded is gone for them too."""
    review = cleared(here, stand(here, engines))
    how = notes.Circumstances("password_totp", "UTC")
    notes.sign(here.practice, here.author, review.encounter, review.version, how)
    seen = drafted.load(here.practice, review.encounter, here.supervisor.opener)
    _, body = workbench.get(here.practice, review.encounter, drafted.SOURCE, None, here.supervisor.opener)
    assert seen.sentences and PRIVATE not in body.decode() and all(words not in body.decode() for words in private_words(here, review.encounter))
    with pytest.raises(KeyMissing):
        workbench.own(here.practice, review.encounter, here.supervisor.opener)
    notes.cosign(here.practice, here.supervisor, review.encounter, how)
    with pytest.raises(KeyMissing):
        drafted.load(here.practice, review.encounter, here.supervisor.opener)


def test_shredding_takes_what_a_supervisor_held(here: Desk, engines: Engines) -> None:
    """A workbench that is shredded while the supervisor could read it is unreadable to them as well."""
    review = cleared(here, stand(here, engines))
    notes.sign(here.practice, here.author, review.encounter, review.version, notes.Circumstances("password_totp", "UTC"))
    workbench.shred(here.practice, review.encounter, by="retention", reason="locked")
    assert not [s for s in here.practice.keyring.held_by(here.supervisor.opener.holder) if review.encounter in s]


def test_a_supervisor_can_read_whatever_waits_for_them_and_nothing_else(here: Desk, engines: Engines) -> None:
    """Wherever a signature, a cosignature or a return is cut, after a sweep the supervisor opens the note if a cosignature is due, and otherwise not."""
    how = notes.Circumstances("password_totp", "UTC")

    def readable(encounter: str) -> bool:
        try:
            return bool(drafted.load(here.practice, encounter, here.supervisor.opener))
        except (KeyMissing, NotKnown):
            return False

    for number in range(12):
        review = cleared(here, stand(here, engines))
        with cut_at(here.practice.stores, number), contextlib.suppress(Cut):
            notes.sign(here.practice, here.author, review.encounter, review.version, how)
            notes.cosign(here.practice, here.supervisor, review.encounter, how)
        moves.sweep(here.practice)
        due = workbench.find(here.practice, review.encounter).state is NoteState.COSIGN_DUE
        assert readable(review.encounter) == due, number
