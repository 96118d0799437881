"""A finished draft as a person reads it in a terminal.

In: `Work`. Out: rich renderables. The words are a clinician's; no code of ours is shown. Private words are counted, not printed, unless asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from drafting.pipeline import Work
from drafting.pipeline.elements import label
from drafting.types import DraftSentence, Layout, Mode, PhiFinding, Route, Severity, Support
from prompts import table

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_FLAG = {Severity.LOW: "underline", Severity.MED: "underline yellow", Severity.HIGH: "underline bold yellow", Severity.BLOCK: "underline bold red"}


def show(console: Console, source: str, work: Work, show_private: bool = False) -> None:
    """Print one draft."""
    whose = f"For {safe(work.part.whose)} · " if work.part else ""
    console.print(Rule(Text(f"{whose}{safe(source)} · {work.note_format.title}", "bold"), style="cyan", align="left"))
    if work.transcript.preview:
        console.print(Text("Rough transcript, check it: confirm the words before you sign.", "yellow"))
    console.print(note(work))
    for block in (unsaid(work), private(work, show_private), held(work, show_private), risks(work), asked(work), flags(work), left_out(work)):
        if block is not None:
            console.print(block)


def show_findings(console: Console, source: str, text: str, findings: tuple[PhiFinding, ...]) -> None:
    """Print a text with its findings underlined, then each with its replacement."""
    console.print(Rule(Text(safe(source), "bold"), style="cyan", align="left"))
    marked = Text(safe_same_length(text))
    for f in findings:
        marked.stylize(_FLAG[f.severity], f.start, f.end)
    console.print(marked)
    console.print(Text(f"\nMore than the reader needs: {len(findings)}", "bold yellow"))
    for f in findings:
        console.print(_flag(f))


def safe(text: str) -> str:
    """`text` without characters that could steer a terminal."""
    return _CONTROL.sub("", text)


def note(work: Work) -> RenderableType:
    """The note's sections, flags underlined in place, what is missing in its place."""
    parts: list[RenderableType] = []
    bullet = "• " if work.context.style.layout is Layout.BULLETS else ""
    for section in work.note_format.sections:
        parts.append(Text(f"\n{section.title.upper()}", "bold cyan"))
        if reason := next((f.reason for f in work.draft.fallbacks if f.section == section.key), None):
            parts.append(Text(f"  In your own words: {_WHY[reason]}.", "yellow"))
        sentences = work.draft.section(section.key)
        if not sentences:
            parts.append(Text("  Nothing was said for this part.", "dim"))
        for n, sentence in enumerate(sentences):
            here = [f for f in work.findings if f.section == section.key and f.sentence == n]
            parts.append(_indented(_sentence(sentence, here, bullet)))
    missing = [label(code) for code in work.elements.missing]
    if missing:
        parts.append(Text(f"\nNot said, needed before signing: {', '.join(missing)}", "yellow"))
    return Group(*parts)


_WHY = {
    "refused": "the model would not write this part",
    "empty": "the model wrote nothing for this part",
    "invalid": "the model's answer could not be used",
    "too_long": "the model's answer was too long",
    "too_much": "more was said than the model can read at once",
    "failed": "the model failed",
    "stopped": "the model was stopped",
}


def _sentence(sentence: DraftSentence, findings: list[PhiFinding], bullet: str) -> Text:
    text = Text(safe_same_length(sentence.text))
    for f in findings:
        text.stylize(_FLAG[f.severity], f.start, f.end)
    text = Text(bullet) + text
    text.append(f"  [{' '.join(sentence.evidence)}]", "dim")
    if sentence.said:
        text.append(f"\n  said first: {safe(sentence.said)}", "dim")
    if sentence.support is not Support.SUPPORTED:
        title = "You didn't say this" if sentence.support is Support.UNSUPPORTED else "Check this"
        text.append(f"\n  {title}: {sentence.why}", "red")
    return text


def safe_same_length(text: str) -> str:
    """`safe`, with a mark for each character taken out, so that offsets hold."""
    return _CONTROL.sub("\ufffd", text)


def unsaid(work: Work) -> RenderableType | None:
    """What the format asks and nobody said."""
    if not work.draft.questions:
        return None
    rows = [Text(q.text) for q in work.draft.questions]
    return Group(Text("\nNot mentioned", "bold"), *map(_indented, rows))


def private(work: Work, show_private: bool) -> RenderableType | None:
    statements = work.routed.on(Route.PRIVATE)
    head = Text(f"\nPrivate notes: {len(statements)} kept apart. Not part of the record.", "magenta")
    return head if not (show_private and statements) else Group(head, *_quotes([s.text for s in statements], "magenta"))


def held(work: Work, show_private: bool) -> RenderableType | None:
    statements = work.routed.on(Route.HELD)
    if not statements:
        return None
    head = Text(f"\nYou decide: {len(statements)} held, private until you do.  [{' '.join(s.id for s in statements)}]", "bold")
    if show_private:
        return Group(head, *_quotes([s.text for s in statements], "magenta"))
    return Group(head, Text("  See them with --show-private, answer with --decide.", "dim"))


def risks(work: Work) -> RenderableType | None:
    if not work.routed.risk_items:
        return None
    rows = [Text(f"{r.topic} · {r.whose} · {_POLARITY[r.polarity.value]}  [{' '.join(r.evidence)}]", "red") for r in work.routed.risk_items]
    return Group(Text("\nRisk: your answer before signing", "bold red"), *map(_indented, rows))


_POLARITY = {"present": "spoken of", "denied": "denied", "past": "in the past", "unclear": "not clear"}


def asked(work: Work) -> RenderableType | None:
    if not work.routed.prompts:
        return None
    labels = {e["code"]: e["label"] for e in table("excluded.toml")["element"]}
    rows = [Text(f"{labels[p.element]}  [{' '.join(p.evidence)}]") for p in work.routed.prompts]
    return Group(Text("\nSaid in private words alone; does the record need it?", "bold"), *map(_indented, rows))


def flags(work: Work) -> RenderableType | None:
    if not work.findings:
        return None
    return Group(Text(f"\nMore than the chart needs: {len(work.findings)}", "bold yellow"), *map(_flag, work.findings))


def _indented(text: Text) -> Padding:
    return Padding(text, (0, 0, 0, 2))


def _flag(f: PhiFinding) -> Padding:
    text = Text()
    text.append(safe(f.text if len(f.text) <= 60 else f.text[:57] + "…"), _FLAG[f.severity])
    text.append(f" → {safe(f.suggestion) or 'leave out'}", "green")
    text.append(f"   {f.reason}", "dim")
    return _indented(text)


def left_out(work: Work) -> RenderableType | None:
    aside = work.routed.on(Route.SET_ASIDE)
    lines = [f"\nLeft out: {len(aside)}"] if aside and work.context.mode is Mode.DICTATION else []
    if work.draft.omitted:
        lines.append(f"\nNot in the note: {len(work.draft.omitted)} things {'you said' if work.context.mode is Mode.DICTATION else 'that were said'}")
    return Text("".join(lines), "dim") if lines else None


def _quotes(texts: list[str], style: str) -> Iterator[Padding]:
    yield from (_indented(Text(safe(t), style)) for t in texts)
