"""A dictation that was drafted and reviewed, for tests of what comes after: every block cleared as a clinician would."""

from __future__ import annotations

from dataclasses import replace

from drafting.pipeline import Engines, Work, run
from drafting.pipeline.formats import load
from drafting.record import workbench
from drafting.record.review import lifecycle, reviewing
from drafting.record.workbench import drafted
from drafting.types import Context, Transcript, Turn
from drafting.types.review import Review, RiskAnswer
from tests.desks import DAY, Desk

PRIVATE = "I noticed I was clock-watching and felt oddly relieved at the heliotrope umbrella."
NAMED = "Colin Maddox"
TEXT = (
    "Client reported waking at three in the morning on four nights this week. "
    f"Her brother-in-law {NAMED} drives her to work. "
    f"{PRIVATE} "
    "I taught a five-step grounding exercise and she practised it twice in session. "
    "She denied thoughts of suicide and named her daughter as a reason for living. "
    "Next session Tuesday at four."
)
HOW_LONG = ("14:03", "14:56")


def work(engines: Engines, text: str = TEXT, **context: object) -> Work:
    """The pipeline's whole way over `text`."""
    transcript = Transcript(text, (Turn(0, len(text), 0),))
    return run(Work(transcript, Context(date_of_service=DAY, payer="self_pay", **context), load("soap")), engines)


def stand(desk: Desk, engines: Engines, text: str = TEXT) -> Review:
    """A draft that stands on the workbench of a new encounter."""
    encounter = workbench.find(desk.practice, desk.encounter())
    return drafted.stand(desk.practice, encounter, work(engines, text))


def cleared(desk: Desk, review: Review) -> Review:
    """The review saved with everything answered that would stop a signature."""
    practice = desk.practice

    def save(after: Review) -> Review:
        return drafted.save(practice, after, by=desk.author.person)

    header = replace(
        review.header, start=HOW_LONG[0], stop=HOW_LONG[1], code="90837", diagnoses=("F41.1",), goals=("G1",), modality="CBT", confirmed=True
    )
    review = save(reviewing.set_header(review, header))
    for flag in review.flags:
        if flag.state == "open":
            review = save(reviewing.accept(review, flag.id))
    for risk in review.risks:
        review = save(reviewing.answer(review, risk.id, RiskAnswer.DENIED, by=desk.author.person, at=practice.now()))
    for sentence in review.sentences:
        if lifecycle.unsaid(sentence):
            review = save(reviewing.confirm(review, sentence.id))
    return review
