"""What may be done to a review, each an act of one verb: as JSON of the API, or as the fields of a form.

In: JSON, or a form's fields. Out: one frozen act. Knows no store and no review: whether there is such a sentence is for `reviews` to find out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, StringConstraints, TypeAdapter, ValidationError
from pydantic_core import CoreSchema

from drafting.errors import InputError
from drafting.record.workbench.moves import Reason
from drafting.types.review import NoteHeader, RiskAnswer
from drafting.types.statements import Route

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,32}$")]
Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2999, 12, 31))]
Words = Annotated[str, StringConstraints(max_length=20_000)]
Line = Annotated[str, StringConstraints(max_length=200)]

_LIST = re.compile(r"\s*[,;\n]\s*")


class NotAnAct(InputError):
    """That is nothing that can be done to a note. Load the page again; nothing that was saved is lost."""


class _Act(BaseModel):
    """One thing that is done to a review."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The verb has a default in Python, where the class says it, and must be given over the wire."""
        schema = handler(core)
        body = handler.resolve_ref_schema(schema)
        if "verb" in body.get("properties", {}):
            body["required"] = ["verb", *(name for name in body.get("required", ()) if name != "verb")]
        return schema


class Edit(_Act):
    """Other words for a sentence; none at all strike it."""

    verb: Literal["edit"] = Field(default="edit", description="What is done.")
    sentence: Id = Field(description="The sentence's id.")
    text: Words = Field(repr=False, description="The sentence as it shall read.")


class Write(_Act):
    """A sentence of the clinician's own."""

    verb: Literal["write"] = Field(default="write", description="What is done.")
    section: Code = Field(description="The key of the section in which it shall stand.")
    text: Words = Field(repr=False, description="The new sentence.")
    after: Id | None = Field(default=None, description="The id of the sentence before it; without one, it stands at the end of its section.")


class Strike(_Act):
    """A sentence is taken out."""

    verb: Literal["strike"] = Field(default="strike", description="What is done.")
    sentence: Id = Field(description="The sentence's id.")


class Confirm(_Act):
    """The clinician vouches for a sentence that nobody was heard to say."""

    verb: Literal["confirm"] = Field(default="confirm", description="What is done.")
    sentence: Id = Field(description="The sentence's id.")


class Link(_Act):
    """The goals of the treatment plan that a sentence speaks to, in place of those that it had."""

    verb: Literal["link"] = Field(default="link", description="What is done.")
    sentence: Id = Field(description="The sentence's id.")
    goals: tuple[Code, ...] = Field(default=(), max_length=50, description="Ids of goals in the treatment plan.")


class Accept(_Act):
    """A finding's replacement stands in place of the words."""

    verb: Literal["accept"] = Field(default="accept", description="What is done.")
    flag: Id = Field(description="The finding's id.")


class Keep(_Act):
    """The words of a finding stay, with a reason."""

    verb: Literal["keep"] = Field(default="keep", description="What is done.")
    flag: Id = Field(description="The finding's id.")
    why: Words = Field(default="", repr=False, description="Why the record needs the words.")


class Remember(_Act):
    """The words of a finding stay, here and in this client's notes to come."""

    verb: Literal["remember"] = Field(default="remember", description="What is done.")
    flag: Id = Field(description="The finding's id.")


class Revert(_Act):
    """A finding is open again; where a replacement stood, its words are back."""

    verb: Literal["revert"] = Field(default="revert", description="What is done.")
    flag: Id = Field(description="The finding's id.")


class Answer(_Act):
    """The clinician's answer to a risk item."""

    verb: Literal["answer"] = Field(default="answer", description="What is done.")
    risk: Id = Field(description="The risk item's id.")
    answer: RiskAnswer = Field(description="The answer: asked and denied, not asked, discussed in the note, or in the clinician's own words.")
    own: Words | None = Field(default=None, repr=False, description="The clinician's own words, where the answer is in them.")


class Decide(_Act):
    """Where a statement goes: into the record, to the private notes, or out of the note. `held` takes a decision back. What was said for the record
    and was never held can be decided on too: into the record it is written, where no sentence rests on it; to private it is moved."""

    verb: Literal["decide"] = Field(default="decide", description="What is done.")
    statement: Id = Field(description="The statement's id.")
    route: Route = Field(description="Where it goes.")
    reason: Reason = Field(default=Reason.REFLECTION, description="Why it is moved, where it goes to the private notes.")


class LeaveRest(_Act):
    """Every statement that is not decided, and need not be, goes to the private notes."""

    verb: Literal["leave_rest"] = Field(default="leave_rest", description="What is done.")


class ConfirmRough(_Act):
    """The clinician has checked the rough transcript."""

    verb: Literal["confirm_rough"] = Field(default="confirm_rough", description="What is done.")


class SetHeader(_Act):
    """What stands over the note, all of it; what is not given is empty."""

    verb: Literal["set_header"] = Field(default="set_header", description="What is done.")
    date_of_service: Day | None = Field(default=None, description="The day of the visit.")
    start: Clock | None = Field(default=None, description="When it began, local time of a 24-hour clock.")
    stop: Clock | None = Field(default=None, description="When it ended.")
    zone: Line = Field(default="UTC", description="The time zone of both, an IANA name.")
    place: Line | None = Field(default=None, description="Where it was held.")
    telehealth: bool = Field(default=False, description="Whether it was held over a distance.")
    client_location: Line | None = Field(default=None, description="Where the client was, if it was.")
    participants: tuple[Line, ...] = Field(default=(), max_length=20, description="Who took part, as roles, never as names.")
    code: Code | None = Field(default=None, description="The service code.")
    add_ons: tuple[Code, ...] = Field(default=(), max_length=10, description="Its add-on codes.")
    diagnoses: tuple[Code, ...] = Field(default=(), max_length=20, description="Diagnoses, as ICD-10-CM codes.")
    goals: tuple[Code, ...] = Field(default=(), max_length=50, description="Goals of the treatment plan that the visit served.")
    modality: Line | None = Field(default=None, description="The modality of treatment.")
    frequency: Line | None = Field(default=None, description="How often client and clinician meet.")
    note_kind: Code = Field(default="session", description="The kind of note: session, intake, crisis, contact, no_show and so on.")
    late_reason: Words | None = Field(default=None, repr=False, description="Why the note is late, where it is.")
    confirmed: bool = Field(default=False, description="Whether the clinician has confirmed all of this.")

    def header(self, client: str) -> NoteHeader:
        """The header as the record has it, of `client`."""
        return NoteHeader(client, **self.model_dump(exclude={"verb"}))


class Dismiss(_Act):
    """A prompt or a reminder is not wanted."""

    verb: Literal["dismiss"] = Field(default="dismiss", description="What is done.")
    element: Code = Field(description="The code of what was prompted.")


class Undo(_Act):
    """The review as it read before."""

    verb: Literal["undo"] = Field(default="undo", description="What is done.")
    to: int | None = Field(default=None, ge=1, le=2**31, description="The version to go back to; the one before the present, if none is named.")


class ChangeFormat(_Act):
    """The note in another format, with all that the clinician wrote kept."""

    verb: Literal["change_format"] = Field(default="change_format", description="What is done.")
    format: Code = Field(description="The format's key: soap, dap, birp and so on.")


class AdmitPrivate(_Act):
    """A private note's words are taken into the record; the private note is destroyed."""

    verb: Literal["admit_private"] = Field(default="admit_private", description="What is done.")
    note: Id = Field(description="The private note's id.")
    reason: Reason = Field(default=Reason.NEEDED, description="Why it is moved.")


Act = Annotated[
    Edit
    | Write
    | Strike
    | Confirm
    | Link
    | Accept
    | Keep
    | Remember
    | Revert
    | Answer
    | Decide
    | LeaveRest
    | ConfirmRough
    | SetHeader
    | Dismiss
    | Undo
    | ChangeFormat
    | AdmitPrivate,
    Field(discriminator="verb"),
]
"""Any of them, told apart by the verb."""

KINDS: dict[str, type[_Act]] = {kind.model_fields["verb"].default: kind for kind in get_args(get_args(Act)[0])}
"""Each kind of act by its verb."""

_ANY: TypeAdapter[Act] = TypeAdapter(Act)


def of_form(fields: Mapping[str, str] | Iterable[tuple[str, str]]) -> Act:
    """The act that a form's fields say: names and values, a name once for each value. A list may also be one field, its parts apart by commas. What
    is left blank, and need not be given, is as if it were not there; other fields are passed over. Raises NotAnAct."""
    given: dict[str, list[str]] = {}
    for name, value in _pairs(fields):
        given.setdefault(name, []).append(value)
    verb = given.get("verb", [""])[0]
    kind = KINDS.get(verb)
    values: dict[str, object] = {"verb": verb}
    for name, about in kind.model_fields.items() if kind else ():
        found = given.get(name, [])
        if get_origin(about.annotation) is tuple:
            values[name] = [part for value in found for part in _LIST.split(value.strip()) if part]
        elif found and (found[-1].strip() or about.is_required()):
            values[name] = found[-1]
    try:
        return _ANY.validate_python(values)
    except ValidationError:  # whose own words hold what was typed
        raise NotAnAct() from None


def _pairs(fields: Mapping[str, str] | Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """Names and values in order; a form as it came has each name as often as it has values."""
    if isinstance(fields, Mapping):
        return getattr(fields, "multi_items", fields.items)()
    return fields
