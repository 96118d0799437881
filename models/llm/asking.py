"""What a generative writer asks, and of whom.

In: a section's statements, a format, what may be known of the visit; the words of `prompts/draft.v1.jinja`. Out: a `Question`. Beside it the protocol
that every model keeps to. Knows no engine and no other section's statements.
"""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

from jinja2 import StrictUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment

from drafting.types import Context, Length, Mode, NoteFormat, RecordStatement, Section
from prompts import read

Messages = Sequence[Mapping[str, str]]  # {"role": "system" or "user", "content": …}, in order

PROMPT = "draft.v1.jinja"
FULLNESS = {Length.SHORT: 0.6, Length.USUAL: 1.0, Length.FULL: 1.6}  # times a section's usual length
SPARE = 1.5  # words written for each word said, at most: whoever is asked for more makes it up
FEWEST = 12  # words that a section may take, however little was said
TERSE = 6  # words of a short sentence
TOKENS = 160  # of an English sentence at its longest, with what it cites
FRAME = 32  # tokens of an answer beside its sentences


class Stopped(Exception):
    """The answer was given up, since somebody closed the model or asked the writer to stop."""


class Model(Protocol):
    """A chat model that answers with JSON. `name` is for provenance, never a path; `room` is how many tokens prompt and answer may take together."""

    name: str
    revision: str | None
    seed: int
    room: int

    def count(self, messages: Messages) -> int:
        """How many tokens a prompt takes. Raises what `ask` raises."""
        ...

    def ask(self, messages: Messages, schema: Mapping[str, object], most: int, told: Callable[[int], None] | None = None) -> str:
        """The answer's text, bound to `schema` where the model can be bound, and cut off after `most` tokens. `told` hears how many there are so far;
        what it raises ends the answer and is raised here. Raises EngineFailed, and Stopped where `close` was called meanwhile."""
        ...

    def close(self) -> None:
        """Give up an answer that is being written, and what the model holds; from any thread. A later `ask` begins anew."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for: at most so many `sentences` and `tokens`, resting on the statements `ids`."""

    messages: Messages = field(repr=False)
    ids: tuple[str, ...]
    sentences: int
    tokens: int


def question(section: Section, statements: Sequence[RecordStatement], share: float, note_format: NoteFormat, context: Context) -> Question:
    """One section asked for, or the part of it that these statements are; `share` is how much of its length they may take."""
    said = sum(len(s.words.split()) for s in statements)
    words = max(FEWEST, math.ceil(min(section.words[1] * FULLNESS[context.style.length] * share, said * SPARE)))
    sentences = min(len(statements) + 1, math.ceil(words / TERSE))
    asked = _data(statements, context) | {"title": section.title, "note": note_format.title, "words": words, "sentences": sentences}
    messages = tuple({"role": role, "content": _block(role, asked)} for role in ("system", "user"))
    return Question(messages, tuple(s.id for s in statements), sentences, FRAME + TOKENS * sentences)


def _data(statements: Sequence[RecordStatement], context: Context) -> dict[str, object]:
    """What somebody said or wrote, made inert, and a line to fence it with that nobody can have written: it is a digest of all that was."""
    style = context.style
    material = {
        "names": [inert(name) for name in context.client_names],
        "phrases": [(inert(theirs), inert(ours)) for theirs, ours in style.phrases],
        "example": "\n".join(inert(line) for line in style.example.splitlines()) if style.example else "",
        "statements": [{"id": s.id, "speaker": inert(s.statement.speaker or ""), "words": inert(s.words)} for s in statements],
        "client": inert(style.client),
        "clinician": inert(style.clinician),
    }
    fence = "-----" + str(int(hashlib.sha256(repr(material).encode()).hexdigest()[:10], 16))
    return material | {"fence": fence, "layout": style.layout.value, "session": context.mode is Mode.SESSION}


def inert(text: str) -> str:
    """`text` on one line, so that it can begin no line of the prompt, and with nothing in it that a tokenizer would take for a mark of the chat
    (<|end|>, </s>, [INST]) or a reader for a statement's id: a space parts the bracket from what follows."""
    line = "".join(c for c in " ".join(text.split()) if unicodedata.category(c) not in ("Cc", "Cs"))
    return re.sub(r"([<\[])(?=\S)", r"\1 ", line)


@cache
def _template() -> Template:
    """Undefined names raise, and the template can reach nothing but what it is given."""
    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False).from_string(read(PROMPT))


def _block(name: str, given: Mapping[str, object]) -> str:
    template = _template()
    return "".join(template.blocks[name](template.new_context(dict(given)))).strip()
