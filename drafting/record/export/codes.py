"""FHIR's codes as we use them, and a check of a bundle against them.

In: exports.toml, and a bundle as JSON. Out: codings; what is wrong with a bundle, as places and causes without its words. fhir.resources checks
shapes and takes any word for a status, so that codes, references, labels, instants and base64 are checked here. Knows no note.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

import prompts

_TABLE = prompts.table("exports.toml")
_TERMS = "http://terminology.hl7.org/CodeSystem/"
LOINC, CPT, ICD10CM = "http://loinc.org", "http://www.ama-assn.org/go/cpt", "http://hl7.org/fhir/sid/icd-10-cm"
ACT, PARTICIPANT = f"{_TERMS}v3-ActCode", f"{_TERMS}provenance-participant-type"
CATEGORY = "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category"

_CODE = re.compile(r"[^\s]+( [^\s]+)*")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_URN = re.compile(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def note_type(code: str) -> dict[str, Any]:
    """The type of a note's document. Raises KeyError for a code that is not in the table."""
    return {"coding": [{"system": LOINC, "code": code, "display": _TABLE["loinc"]["types"][code]}]}


def section_code(key: str) -> dict[str, Any] | None:
    """The LOINC code of a section where one was verified."""
    found = _TABLE["loinc"]["sections"].get(key)
    return {"coding": [{"system": LOINC, **found}]} if found else None


def labels(part2: bool, self_pay: bool) -> list[dict[str, str]]:
    """Security labels of a signed note. They tell a receiver; they bind none."""
    security = _TABLE["security"]
    chosen = [*security["always"], *(security["part2"] if part2 else ()), *(security["self_pay"] if self_pay else ())]
    return [{"system": f"{_TERMS}{system}", "code": code} for system, code in chosen]


def signature_types(meaning: str, kind: str) -> list[dict[str, str]]:
    """ASTM E1762-95 purposes of a signature: who signs, and for an addendum or an amendment that too."""
    table = _TABLE["signature"]
    return [{"system": table["system"], **table[name]} for name in (meaning, kind) if name in table]


def relates(kind: str) -> str:
    """How what was signed later relates to what it follows."""
    return _TABLE["relates"][kind]


def concept(system: str, value: str) -> dict[str, Any]:
    """A code of a system, or its words where they cannot be a code."""
    return {"coding": [{"system": system, "code": value}]} if _CODE.fullmatch(value) else {"text": value}


def check(bundle: Mapping[str, Any]) -> tuple[str, ...]:
    """What is wrong with a document bundle of ours: nothing, if it is empty. Each line is "place: cause"."""
    return tuple(dict.fromkeys((*_frame(bundle), *_entries(bundle), *_leaves(bundle))))


def check_reference(reference: Mapping[str, Any]) -> tuple[str, ...]:
    """What is wrong with a DocumentReference of ours."""
    problems = list(_leaves(reference))
    if not reference.get("securityLabel"):
        problems.append("DocumentReference.securityLabel: missing")
    return tuple(dict.fromkeys(problems))


# ── checking ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _frame(bundle: Mapping[str, Any]) -> Iterator[str]:
    entries = bundle.get("entry") or []
    if not entries or entries[0].get("resource", {}).get("resourceType") != "Composition":
        yield "Bundle.entry: the first is no Composition"
    for name in ("type", "timestamp", "identifier"):
        if not bundle.get(name):
            yield f"Bundle.{name}: missing"
    for where, resource in (("Bundle", bundle), *(("Composition", e.get("resource", {})) for e in entries[:1])):
        if not (resource.get("meta") or {}).get("security"):
            yield f"{where}.meta.security: missing"


def _entries(bundle: Mapping[str, Any]) -> Iterator[str]:
    """Full URLs that are urn:uuid, one each, of their resource's id; references that are among them."""
    urls: set[str] = set()
    for number, entry in enumerate(bundle.get("entry") or []):
        url, resource = entry.get("fullUrl", ""), entry.get("resource", {})
        if not _URN.fullmatch(url) or url != f"urn:uuid:{resource.get('id')}":
            yield f"Bundle.entry[{number}].fullUrl: not the resource's urn:uuid"
        if url in urls:
            yield f"Bundle.entry[{number}].fullUrl: given twice"
        urls.add(url)
    for path, key, value in _walk(bundle, "Bundle"):
        if key == "reference" and value not in urls:
            yield f"{path}: refers to nothing in the bundle"


def _leaves(resource: Mapping[str, Any]) -> Iterator[str]:
    codes = _TABLE["codes"]
    for path, key, value in _walk(resource, resource["resourceType"]):
        if path in codes and value not in codes[path]:
            yield f"{path}: no code of ours"
        if key == "code" and value in _TABLE["security"]["never"]:
            yield f"{path}: a label that no record bears"
        if key in ("timestamp", "time", "when", "recorded") and not (isinstance(value, str) and _INSTANT.fullmatch(value)):
            yield f"{path}: no instant with its zone"
        if key == "date" and "T" in str(value) and not _INSTANT.fullmatch(str(value)):
            yield f"{path}: no instant with its zone"
        if path.endswith((".signature.data", ".attachment.data", ".attachment.hash")) and not _base64(value):
            yield f"{path}: no base64"


def _walk(value: Any, path: str) -> Iterator[tuple[str, str, Any]]:
    """Every leaf: its path without numbers, from the resource that it is in, its key, and its value."""
    for key, inner in value.items():
        for one in inner if isinstance(inner, list) else [inner]:
            if isinstance(one, Mapping):
                yield from _walk(one, one.get("resourceType") or f"{path}.{key}")
            else:
                yield f"{path}.{key}", key, one


def _base64(value: object) -> bool:
    try:
        return bool(base64.b64decode(str(value), validate=True))
    except (binascii.Error, ValueError):
        return False
