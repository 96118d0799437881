"""Every noun of the application.

In: nothing. Out: frozen values that the stages hand to one another. Knows no rule, no file and no engine, and imports nothing of ours.
A field that holds somebody's words is kept out of `repr`, so that a log line or a traceback cannot print it.

Offsets count Unicode code points in `Transcript.text`, the canonical text; times are seconds from the start of the recording.
"""

from drafting.types.notes import (
    Draft,
    DraftSentence,
    Edit,
    ElementReport,
    Fallback,
    NoteFormat,
    PhiFinding,
    Provenance,
    Question,
    Section,
    Severity,
    Support,
)
from drafting.types.speech import Recording, Transcript, Turn, Utterance, Word
from drafting.types.statements import (
    Clause,
    PhiSpan,
    Placed,
    Polarity,
    Prompt,
    Reading,
    RecordStatement,
    RiskItem,
    Role,
    Route,
    Routed,
    Statement,
)
from drafting.types.visit import Context, Layout, Length, Mode, Roster, Style, Voice

__all__ = [
    "Clause",
    "Context",
    "Draft",
    "DraftSentence",
    "Edit",
    "ElementReport",
    "Fallback",
    "Layout",
    "Length",
    "Mode",
    "NoteFormat",
    "PhiFinding",
    "PhiSpan",
    "Placed",
    "Polarity",
    "Prompt",
    "Provenance",
    "Question",
    "Reading",
    "RecordStatement",
    "Recording",
    "RiskItem",
    "Role",
    "Roster",
    "Route",
    "Routed",
    "Section",
    "Severity",
    "Statement",
    "Style",
    "Support",
    "Transcript",
    "Turn",
    "Utterance",
    "Voice",
    "Word",
]
