"""The pieces of FHIR that resources are made of.

In: texts, instants, a header, a signature. Out: dicts in FHIR's JSON shape, with no empty member. Knows no document and no profile's rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from html import escape
from typing import Any

from drafting.record.export import codes
from drafting.record.export.blocks import zone_of
from drafting.record.export.letters import line, plain
from drafting.types.record import Signature
from drafting.types.review import NoteHeader

_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def resource(kind: str, at: str) -> dict[str, Any]:
    return {"resourceType": kind, "id": id_of(at)}


def id_of(at: str) -> str:
    return at.removeprefix("urn:uuid:")


def uri(value: str) -> dict[str, str]:
    return {"system": "urn:ietf:rfc:3986", "value": value}


def instant(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError("an instant needs a zone")
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def narrative(lines: Iterable[str]) -> dict[str, str]:
    """XHTML in which words are words: each line a paragraph, escaped."""
    paragraphs = "".join(f"<p>{escape(plain(one))}</p>" for one in lines if one.strip())
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{paragraphs}</div>'}


def section(title: str, lines: Iterable[str], code: dict[str, Any] | None = None) -> dict[str, Any]:
    return without_empty({"title": title, "code": code, "text": narrative(lines)})


def agent(role: str, who: dict[str, str]) -> dict[str, Any]:
    return {"type": {"coding": [{"system": codes.PARTICIPANT, "code": role}]}, "who": who}


def practitioner(at: str, signature: Signature, shown: frozenset[str]) -> dict[str, Any]:
    licence, credential = line(signature.licence or ""), line(signature.credential or "")
    body = {
        **resource("Practitioner", at),
        "identifier": [{"type": {"text": "licence"}, "value": licence}] if licence and "licence" in shown else None,
        "name": [{"text": line(signature.name)}] if line(signature.name) and "signer" in shown else None,
        "qualification": [{"code": {"text": credential}}] if credential else None,
    }
    return without_empty(body)


def period(header: NoteHeader) -> dict[str, str] | None:
    """Start and stop as instants of the header's zone, over midnight if need be; the day alone where times or zone are not known."""
    day, zone = header.date_of_service, zone_of(header.zone)
    if day is None:
        return None
    times = [t for t in (header.start, header.stop) if t and _CLOCK.fullmatch(t)]
    if zone is None or len(times) < 2:
        return {"start": day.isoformat(), "end": day.isoformat()}
    start, stop = (datetime.combine(day, time.fromisoformat(t), zone) for t in times)
    return {"start": start.isoformat(), "end": (stop if stop >= start else stop + timedelta(days=1)).isoformat()}


def without_empty(body: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if value}
