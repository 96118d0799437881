"""The generative writer: a section at a time, from that section's statements alone.

In: record statements, a format, what may be known of the visit; a `Model`, and the plain writer. Out: a draft, with what wrote it. Knows no engine.

An answer is material to be judged: one that cannot be used, or none, leaves its section to the plain writer, and the draft says so. Nothing is cut to
fit: a section that is too long for the model is asked for in parts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from drafting.errors import EngineFailed
from drafting.ports import Writer
from drafting.types import Context, Draft, DraftSentence, Fallback, NoteFormat, Provenance, RecordStatement, Section
from models.llm import answers
from models.llm.answers import Said, Unusable
from models.llm.asking import PROMPT, Model, Question, Stopped, question
from prompts import digest

Statements = Sequence[RecordStatement]


class LlmWriter:
    """Implements `ports.Writer`. `told` hears of each section how many tokens it has so far, from a thread of the writer's; `workers` sections are
    asked for at one time. `failure` is what the engine said when it last failed, in words for a person."""

    def __init__(self, model: Model, plain: Writer, told: Callable[[str, int], None] | None = None, workers: int = 1) -> None:
        self._model, self._plain, self._told, self._workers = model, plain, told, max(1, workers)
        self._prompt = digest(PROMPT)
        self._stopped = threading.Event()
        self.failure: str | None = None
        self.name = f"llm:{model.name}:{self._prompt}"

    def cancel(self) -> None:
        """From another thread, and for good: what is not yet written is left to the plain writer, with the reason "stopped"."""
        self._stopped.set()
        self._model.close()

    def close(self) -> None:
        """End what the model keeps running; it starts again when asked."""
        self._model.close()

    def write(self, statements: Statements, note_format: NoteFormat, context: Context) -> Draft:
        """Every section that has statements: by the model, or else by the plain writer."""
        made = self._all_sections(statements, note_format, context)
        fallbacks = tuple(Fallback(key, reason) for key, reason in made.items() if isinstance(reason, str))
        plain = self._plain.write(statements, note_format, context) if fallbacks else None
        sentences = tuple(s for key, said in made.items() for s in (plain.section(key) if isinstance(said, str) else said))
        used = {e for s in sentences for e in s.evidence}
        by = Provenance(self.name, self._model.name, self._model.revision, self._prompt, self._model.seed)
        return Draft(note_format, sentences, self.name, tuple(s.id for s in statements if s.id not in used), by, fallbacks)

    def _all_sections(self, statements: Statements, note_format: NoteFormat, context: Context) -> dict[str, tuple[DraftSentence, ...] | str]:
        """Of each section that has statements, in order, its sentences, or the reason why there are none."""
        asked = {section: [s for s in statements if s.role in section.roles] for section in note_format.sections}
        asked = {section: own for section, own in asked.items() if own}
        with ThreadPoolExecutor(self._workers) as pool:
            try:
                made = list(pool.map(lambda section: self._section(section, asked[section], note_format, context), asked))
            except BaseException:
                self.cancel()  # or the pool would wait for answers that nobody wants
                raise
        return {section.key: said for section, said in zip(asked, made, strict=True)}

    def _section(self, section: Section, statements: Statements, note_format: NoteFormat, context: Context) -> tuple[DraftSentence, ...] | str:
        try:
            said = self._answered(section.key, self._questions(section, statements, 1.0, note_format, context))
            return tuple(DraftSentence(section.key, s.text, s.evidence) for s in said)
        except Unusable as fault:
            return fault.reason
        except Stopped:
            return "stopped"
        except EngineFailed as fault:
            self.failure = str(fault)
            return "failed"

    def _questions(self, section: Section, statements: Statements, share: float, note_format: NoteFormat, context: Context) -> Iterator[Question]:
        """The section as one question, or as several where prompt and answer do not fit; raises Unusable where one statement alone does not."""
        self._go_on()
        asked = question(section, statements, share, note_format, context)
        if self._model.count(asked.messages) + asked.tokens <= self._model.room:
            yield asked
            return
        at = _middle(statements)
        for part in (statements[:at], statements[at:]):
            yield from self._questions(section, part, share * len(part) / len(statements), note_format, context)

    def _answered(self, key: str, questions: Iterator[Question]) -> tuple[Said, ...]:
        """The answers to all questions as one. A sentence that comes twice rests on the statements of both."""
        said: dict[str, Said] = {}
        before = 0
        for asked in tuple(questions):
            count = 0

            def told(tokens: int) -> None:
                nonlocal count
                self._go_on()
                count = tokens
                if self._told:
                    self._told(key, before + tokens)  # noqa: B023

            self._go_on()
            answer = self._model.ask(asked.messages, answers.schema(asked.ids, asked.sentences), asked.tokens, told)
            for s in answers.read(answer, asked.ids, asked.sentences, cut=count >= asked.tokens - answers.HURRY):
                first = said.get(s.text.casefold())
                said[s.text.casefold()] = Said(first.text, first.evidence + s.evidence) if first else s
            before += count
        return tuple(said.values())

    def _go_on(self) -> None:
        if self._stopped.is_set():
            raise Stopped


def _middle(statements: Statements) -> int:
    """Where to part them, near the middle; never between a question and its answer, since "no" alone says nothing. Raises Unusable where nowhere."""
    places = [i for i in range(1, len(statements)) if statements[i].reason != "answer"]
    if not places:
        raise Unusable("too_much")
    return min(places, key=lambda i: abs(2 * i - len(statements)))
