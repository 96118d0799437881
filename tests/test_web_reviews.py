"""The verbs of a review: each does its one thing, what it changed is screened and checked again, and what must not come back does not."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest
from starlette.datastructures import FormData

from drafting.errors import IllegalMove, NotKnown
from drafting.pipeline import Engines
from drafting.record import holds, notes, people, vault, workbench
from drafting.record.accounts import sessions
from drafting.record.accounts.sessions import Locked
from drafting.record.review import canonical, reviewing
from drafting.record.store import Stores
from drafting.record.vault import Why
from drafting.record.workbench import drafted
from drafting.types.record import NoteState
from drafting.types.review import FlagState, Origin, Review, ReviewSentence, RiskAnswer
from drafting.types.statements import Route
from drafting.web import acts, reviews, sources
from drafting.web.access import Asking
from tests.desks import Desk, desk
from tests.dictated import NAMED, TEXT, cleared, stand

PASSPHRASE = "quiet green lanterns"
HELD = "I noticed I was clock-watching"


@dataclass
class Room:
    """A draft under review, its author at the desk."""

    desk: Desk
    engines: Engines
    asking: Asking
    review: Review

    def act(self, verb: acts.Act) -> Review:
        self.review = reviews.act(self.asking, self.review.encounter, self.review.version, verb)
        return self.review

    def sentence(self, words: str) -> ReviewSentence:
        return next(s for s in self.review.sentences if words in s.text)

    def held(self) -> str:
        return next(h.statement for h in self.review.held if h.text == HELD)

    def source(self) -> str:
        return workbench.get(self.desk.practice, self.review.encounter, drafted.SOURCE, None, self.desk.author.opener)[1].decode()

    def everything(self) -> str:
        """Every version that anybody can still read."""
        found = []
        for version in range(1, self.review.version + 1):
            try:
                found.append(workbench.get(self.desk.practice, self.review.encounter, drafted.REVIEW, version, self.desk.author.opener)[1].decode())
            except NotKnown:
                continue
        return self.source() + "".join(found)

    def private(self) -> dict[str, str]:
        listed = [n.id for n in vault.listed(self.desk.practice, self.desk.author.person, encounter=self.review.encounter)]
        return vault.read_all(self.desk.practice, listed, self.desk.author, Why.OWN_TREATMENT)


def sat_down(here: Desk, engines: Engines, who: str, *, unlocked: bool = True) -> Asking:
    token = sessions.begin(here.practice, who, second=True)
    if unlocked:
        sessions.unlock(here.practice, token, PASSPHRASE)
    work_on = SimpleNamespace(practice=here.practice, engines=lambda: engines, formats=None)
    return Asking(work_on, sessions.find(here.practice, token), people.find_person(here.practice, who), token)


@pytest.fixture
def room(sqlite_stores: Stores, engines: Engines) -> Room:
    here = desk(sqlite_stores)
    here.practice.settle("setup", payer="self_pay")
    return Room(here, engines, sat_down(here, engines, here.author.person), stand(here, engines))


# ── words ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_name_that_a_person_types_is_found_and_nothing_is_replaced_by_itself(room: Room) -> None:
    """An edited and a new sentence are screened again; the words stay until the clinician says."""
    room.act(acts.Edit(sentence="n1", text="Client reported that Priya Nandakumar woke her at three."))
    room.act(acts.Write(section="plan", text="Bring Ravi Menon along next time."))
    found = {f.words: f for f in room.review.flags}
    assert found["Priya Nandakumar"].state is found["Ravi Menon"].state is FlagState.OPEN
    assert room.sentence("Priya Nandakumar").origin is Origin.EDITED and room.sentence("Ravi Menon").origin is Origin.TYPED
    assert room.review.version == 3 == workbench.find(room.desk.practice, room.review.encounter).version


def test_accepting_a_replacement_leaves_nothing_open_in_its_place(room: Room) -> None:
    """The replaced sentence is screened too, and its own replacement is no new finding; taken back, the words are there and the finding is open."""
    flag = next(f for f in room.review.flags if NAMED in f.words)
    room.act(acts.Accept(flag=flag.id))
    assert NAMED not in "".join(s.text for s in room.review.sentences)
    assert [f.state for f in room.review.flags if f.sentence == flag.sentence] == [FlagState.APPLIED]
    room.act(acts.Revert(flag=flag.id))
    assert room.sentence(NAMED) and [f.state for f in room.review.flags if f.sentence == flag.sentence] == [FlagState.OPEN]


def test_remembered_words_are_remembered_for_the_client(room: Room) -> None:
    """The flag is settled, the client has the words, and the next sentence with them is not an open question."""
    flag = next(f for f in room.review.flags if NAMED in f.words)
    room.act(acts.Remember(flag=flag.id))
    assert flag.words in people.find_client(room.desk.practice, room.desk.client).allowed
    room.act(acts.Write(section="plan", text=f"{flag.words} will drive."))
    assert {f.state for f in room.review.flags if f.words == flag.words} == {FlagState.REMEMBERED}


def test_what_the_note_lacks_follows_what_it_says(room: Room) -> None:
    """Without its plan the note lacks one; a plan that a person writes stands for it; an edit that takes the plan out of a sentence takes it away."""
    assert "E07" not in (*room.review.missing, *room.review.warnings)
    room.act(acts.Strike(sentence=room.sentence("Next session").id))
    assert "E07" in room.review.missing
    room.act(acts.Write(section="plan", text="We will meet again on Tuesday at four."))
    assert "E07" not in room.review.missing
    room.act(acts.Edit(sentence=room.sentence("meet again").id, text="Client wore a green coat."))
    assert "E07" in room.review.missing


def test_danger_that_is_struck_opens_a_blank_and_no_denial_is_made_up(room: Room) -> None:
    """With its sentences about danger gone the note lacks them, and asks; nothing is answered."""
    assert not room.review.risks
    room.act(acts.Strike(sentence=room.sentence("suicide").id))
    assert "E05" in room.review.missing
    assert [(r.evidence, r.answer) for r in room.review.risks] == [((), None)]
    room.act(acts.Answer(risk=room.review.risks[0].id, answer=RiskAnswer.OWN_WORDS, own="Asked, and nothing named."))
    assert room.review.risks[0].own == "Asked, and nothing named." and room.review.risks[0].answered_by == room.desk.author.person


def test_the_kind_of_note_decides_what_is_lacking(room: Room) -> None:
    """A header of another kind of note is checked at once."""
    before = {*room.review.missing, *room.review.warnings}
    header = replace(room.review.header, note_kind="no_show", confirmed=True)
    values = {name: getattr(header, name) for name in acts.SetHeader.model_fields if name != "verb"}
    room.act(acts.SetHeader(**values))
    assert {*room.review.missing, *room.review.warnings} != before and room.review.header.client == room.desk.client


# ── what is held, and what is private ─────────────────────────────────────────────────────────────────────────────────


def test_held_words_taken_into_the_record_are_written_and_screened(room: Room) -> None:
    """One sentence more, that rests on the statement; decided again, it is not written twice; out of the record it goes."""
    held = room.held()
    room.act(acts.Decide(statement=held, route=Route.RECORD))
    assert [s.evidence for s in room.review.sentences].count((held,)) == 1
    room.act(acts.Decide(statement=held, route=Route.RECORD))
    assert [s.evidence for s in room.review.sentences].count((held,)) == 1
    room.act(acts.Decide(statement=held, route=Route.SET_ASIDE))
    assert all(held not in s.evidence for s in room.review.sentences)
    assert next(h for h in room.review.held if h.statement == held).decision is Route.SET_ASIDE


def test_held_words_with_a_name_bring_a_finding_with_them(sqlite_stores: Stores, engines: Engines) -> None:
    """What is written of a held statement is screened as the draft was."""
    here = desk(sqlite_stores)
    words = "Thursdays, then, and Ottoline Harcastle in the long corridor."
    room = Room(here, engines, sat_down(here, engines, here.author.person), stand(here, engines, words))
    held = [h for h in room.review.held if "Ottoline" in h.text]
    assert held
    room.act(acts.Decide(statement=held[0].statement, route=Route.RECORD))
    assert any("Ottoline" in f.words for f in room.review.flags)


def test_words_moved_to_private_are_in_no_version_and_the_note_is_checked(room: Room) -> None:
    """A sentence of the note that goes to private goes with its words, everywhere; and what it stood for is lacking now."""
    plan = room.sentence("Next session")
    room.act(acts.Decide(statement=plan.evidence[0], route=Route.PRIVATE))
    assert "Next session" not in room.everything() and "Next session Tuesday at four." in room.private().values()
    assert "E07" in room.review.missing and room.review.version == 2


def test_the_rest_is_left_private(room: Room) -> None:
    """Held words that nobody need decide on are private notes, and nowhere else; where nothing is left, nothing is written."""
    room.act(acts.LeaveRest())
    assert HELD not in room.everything() and HELD in room.private().values()
    version = room.review.version
    assert room.act(acts.LeaveRest()).version == version


def test_a_private_note_comes_into_the_record_only_while_private_notes_are_open(room: Room) -> None:
    """Closed, nothing is read; open, its words are one screened sentence of the note, and the private note is gone."""
    note, words = next(iter(room.private().items()))
    with pytest.raises(reviews.PrivateClosed):
        room.act(acts.AdmitPrivate(note=note))
    sessions.open_private(room.desk.practice, room.asking.token, PASSPHRASE)
    (statement,) = next(n.statements for n in vault.listed(room.desk.practice, room.desk.author.person) if n.id == note)
    room.act(acts.AdmitPrivate(note=note))
    assert [s.evidence for s in room.review.sentences].count((statement,)) == 1 and statement not in room.review.private
    assert note not in room.private() and words not in room.source()


def test_an_admission_that_was_cut_goes_on(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut after the words came over and before the review was kept, the same act again writes them: no word is lost."""
    sessions.open_private(room.desk.practice, room.asking.token, PASSPHRASE)
    note = next(iter(room.private()))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(drafted, "save", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        room.act(acts.AdmitPrivate(note=note))
    before = len(room.review.sentences)
    room.act(acts.AdmitPrivate(note=note))
    assert len(room.review.sentences) == before + 1


def test_what_was_said_for_the_record_and_written_nowhere_can_be_written(room: Room) -> None:
    """A record statement whose sentence was struck is written again when the clinician says so; an unknown one is not there."""
    struck = room.sentence("Next session")
    room.act(acts.Strike(sentence=struck.id))
    room.act(acts.Decide(statement=struck.evidence[0], route=Route.RECORD))
    assert room.sentence("Next session").evidence == struck.evidence and struck.evidence[0] not in room.review.private
    with pytest.raises(NotKnown):
        room.act(acts.Decide(statement="s99", route=Route.RECORD))


# ── undo ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_undo_brings_the_words_back_as_a_new_version(room: Room) -> None:
    """Nothing is rewound: the earlier content is the next version, and undoing to a named version goes further back."""
    first = room.review
    room.act(acts.Edit(sentence="n1", text="Client slept."))
    room.act(acts.Strike(sentence="n2"))
    assert room.act(acts.Undo()).version == 4 and room.sentence("Client slept.") and room.sentence(NAMED)
    room.act(acts.Undo(to=1))
    assert room.review.version == 5 and room.review.sentences == first.sentences and room.review.flags == first.flags
    for nowhere in (5, 9):
        with pytest.raises(reviews.CannotUndo):
            room.act(acts.Undo(to=nowhere))


@pytest.mark.parametrize("kept", [False, True], ids=["destroyed", "under a hold"])
def test_undo_never_brings_private_words_back(room: Room, kept: bool) -> None:
    """A version that held words which are private by now does not come back, though a hold keeps its bytes."""
    if kept:
        holds.hold(room.desk.practice, room.desk.client, "subpoena", room.desk.author.person)
    room.act(acts.Decide(statement=room.held(), route=Route.PRIVATE))
    with pytest.raises(reviews.CannotUndo, match="private"):
        room.act(acts.Undo())
    assert HELD not in json.dumps([s.text for s in room.review.sentences] + [h.text for h in room.review.held])


def test_undoing_an_admission_puts_the_words_back_into_the_private_notes(room: Room) -> None:
    """The sentence is gone, and its words are private again and nowhere else."""
    sessions.open_private(room.desk.practice, room.asking.token, PASSPHRASE)
    note, words = next(iter(room.private().items()))
    sentences = [s.text for s in room.review.sentences]
    room.act(acts.AdmitPrivate(note=note))
    room.act(acts.Undo())
    assert [s.text for s in room.review.sentences] == sentences and words in room.private().values()
    assert words not in room.everything()


# ── another format ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_another_format_keeps_all_that_the_clinician_did(room: Room) -> None:
    """Edited and typed sentences, answers to findings and decisions stand in the other format; what was struck does not come back."""
    flag = next(f for f in room.review.flags if NAMED in f.words)
    room.act(acts.Accept(flag=flag.id))
    room.act(acts.Edit(sentence="n1", text="Client woke at three most nights."))
    room.act(acts.Write(section="plan", text="Bring the sleep diary."))
    room.act(acts.Strike(sentence=room.sentence("grounding").id))
    room.act(acts.ChangeFormat(format="dap"))
    assert [key for key, _ in room.review.sections] == ["data", "assessment", "plan"]
    assert room.sentence("Client woke").section == "data" and room.sentence("Client woke").id == "n1"
    assert room.sentence("sleep diary").section == "plan" and room.sentence("sleep diary").origin is Origin.TYPED
    text = " ".join(s.text for s in room.review.sentences)
    assert NAMED not in text and "grounding" not in text and "suicide" in text
    assert {f.id: f.state for f in room.review.flags}[flag.id] is FlagState.APPLIED
    assert {h.statement for h in room.review.held} == {room.held()}


# ── who, and when ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stale_version_changes_nothing_and_says_which_one_stands(room: Room) -> None:
    """Two windows: the second act is refused with the present version."""
    first = room.review.version
    room.act(acts.Edit(sentence="n1", text="Client slept."))
    with pytest.raises(reviews.Stale) as refused:
        reviews.act(room.asking, room.review.encounter, first, acts.Strike(sentence="n1"))
    assert refused.value.present == 2 == workbench.find(room.desk.practice, room.review.encounter).version


def test_nobody_else_acts_and_a_locked_session_opens_nothing(room: Room) -> None:
    """A colleague and the supervisor are told that there is no such encounter; the author without a passphrase is told to give it."""
    for who in (room.desk.colleague.person, room.desk.supervisor.person):
        with pytest.raises(NotKnown):
            reviews.act(sat_down(room.desk, room.engines, who), room.review.encounter, 1, acts.Strike(sentence="n1"))
    with pytest.raises(Locked):
        reviews.act(sat_down(room.desk, room.engines, room.desk.author.person, unlocked=False), room.review.encounter, 1, acts.Strike(sentence="n1"))


def test_a_signed_note_is_not_edited(room: Room) -> None:
    """An act after the signature is an illegal move; the supervisor it waits for reads the review and its blacked-out source."""
    done = cleared(room.desk, room.review)
    document = notes.sign(room.desk.practice, room.desk.author, done.encounter, done.version, notes.Circumstances("totp", "UTC"))
    there = workbench.find(room.desk.practice, done.encounter)
    assert there.state is NoteState.COSIGN_DUE
    with pytest.raises(IllegalMove):
        reviews.act(room.asking, done.encounter, there.version, acts.Strike(sentence="n1"))
    supervisor = sat_down(room.desk, room.engines, room.desk.supervisor.person)
    seen = reviews.load(supervisor, done.encounter)
    assert [s.text for s in seen.sentences] == [s.text for section in document.note.sections for s in section.sentences]
    assert all(words not in reviews.source(supervisor, done.encounter)["text"] for words in room.private().values())


def test_a_supervisor_reads_no_word_that_is_held(room: Room) -> None:
    """A note signed as incomplete waits with held words in it: they are in nothing that the supervisor is shown, and the author, to whom it is given
    back, has them still."""
    held = tuple(replace(h, risk=True) for h in cleared(room.desk, room.review).held)
    done = drafted.load(room.desk.practice, room.review.encounter, room.desk.author.opener)
    done = drafted.save(room.desk.practice, replace(done, version=done.version + 1, held=held), by=room.desk.author.person)
    notes.sign(room.desk.practice, room.desk.author, done.encounter, done.version, notes.Circumstances("totp", "UTC"), urgent=True)
    supervisor = sat_down(room.desk, room.engines, room.desk.supervisor.person)
    version = workbench.find(room.desk.practice, done.encounter).version
    shown = [reviews.load(supervisor, done.encounter), reviews.give_back(supervisor, done.encounter, version, "Decide on it.")]
    assert all(HELD not in str([canonical.review_bytes(review)]) for review in shown) and {h.text for h in shown[0].held} == {""}
    assert HELD in {h.text for h in reviews.load(room.asking, done.encounter).held}


def test_a_supervisor_is_shown_the_source_without_what_is_held(room: Room) -> None:
    """What the author has not taken into the record is a bar in the source, letter for letter; what they have taken stands there."""
    done = cleared(room.desk, room.review)
    room.review = drafted.save(
        room.desk.practice, replace(done, version=done.version + 1, held=tuple(replace(h, risk=True) for h in done.held)), by=room.asking.person.id
    )
    own = reviews.source(room.asking, done.encounter)
    notes.sign(room.desk.practice, room.desk.author, done.encounter, room.review.version, notes.Circumstances("totp", "UTC"), urgent=True)
    seen = reviews.source(sat_down(room.desk, room.engines, room.desk.supervisor.person), done.encounter)
    assert HELD in own["text"] and HELD not in seen["text"] and len(seen["text"]) == len(own["text"])
    assert sources.unheld(own, {room.held()}) == own


def test_what_an_admitted_note_brings_is_counted_at_once(sqlite_stores: Stores, engines: Engines) -> None:
    """A plan that stood in private words alone: taken into the record, the note lacks none any more."""
    here = desk(sqlite_stores)
    here.practice.settle("setup", payer="self_pay")
    asking = sat_down(here, engines, here.author.person)
    room = Room(here, engines, asking, stand(here, engines))
    plan = room.sentence("Next session").evidence[0]
    room.act(acts.Decide(statement=plan, route=Route.PRIVATE))
    assert "E07" in room.review.missing
    sessions.open_private(here.practice, asking.token, PASSPHRASE)
    (note,) = (n.id for n in vault.listed(here.practice, here.author.person) if plan in n.statements)
    room.act(acts.AdmitPrivate(note=note))
    assert "E07" not in room.review.missing and room.sentence("Next session").evidence == (plan,)


def test_every_verb_is_an_act_of_a_form_and_of_json() -> None:
    """A form's fields make the same act as JSON; lists may be one field; what is blank is not there; an unknown verb is refused."""
    assert acts.of_form([("verb", "link"), ("sentence", "n1"), ("goals", "G1, G2"), ("csrf", "x")]) == acts.Link(sentence="n1", goals=("G1", "G2"))
    assert acts.of_form([("verb", "link"), ("sentence", "n1"), ("goals", "G1"), ("goals", "G2")]) == acts.Link(sentence="n1", goals=("G1", "G2"))
    assert acts.of_form([("verb", "undo"), ("to", "")]) == acts.Undo()
    assert acts.of_form([("verb", "edit"), ("sentence", "n1"), ("text", "")]) == acts.Edit(sentence="n1", text="")
    assert acts.of_form({"verb": "strike", "sentence": "n1"}) == acts.Strike(sentence="n1")
    form = FormData([("verb", "link"), ("sentence", "n1"), ("goals", "G1"), ("goals", "G2")])
    assert acts.of_form(form) == acts.Link(sentence="n1", goals=("G1", "G2"))
    for fields in ([("verb", "sing")], [("verb", "edit"), ("text", "marmalade")], [("verb", "undo"), ("to", "marmalade")], []):
        with pytest.raises(acts.NotAnAct) as refused:
            acts.of_form(fields)
        assert "marmalade" not in str(refused.value) and refused.value.__cause__ is None
    assert "marmalade" not in repr(acts.Edit(sentence="n1", text="marmalade"))


def test_a_statement_kept_private_is_not_decided_into_the_record(room: Room) -> None:
    """Its words are elsewhere: they are taken back from there, or not at all."""
    held = room.held()
    room.act(acts.Decide(statement=held, route=Route.PRIVATE))
    with pytest.raises(reviewing.KeptPrivate):
        room.act(acts.Decide(statement=held, route=Route.RECORD))
    assert TEXT.index(HELD) and HELD not in room.source()
