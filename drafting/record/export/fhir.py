"""A signed note as FHIR R4: a document bundle, and beside it the DocumentReference that a server would index it by.

In: a `View` of a signed document, and the instant of assembly. Out: a `Package` of JSON for the note and for each document signed after it, each
read back by fhir.resources and by `codes.check` before it is handed out. Shaped like US Core, and not certified: only elements that R4 and R4B share
are used. Knows no server and no private note.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.documentreference import DocumentReference
from pydantic import ValidationError

from drafting.errors import RecordError, ReleaseRefused
from drafting.record.export import codes
from drafting.record.export.blocks import FRAME, MEANINGS, drafting, late, local, note_title, open_items, risk_line, rows
from drafting.record.export.letters import line, plain
from drafting.record.export.profiles import View, amended, every, followed, withdrawn
from drafting.record.export.resources import agent, id_of, instant, narrative, period, practitioner, resource, section, uri, without_empty
from drafting.types.record import Document, Meaning, NoteKind, Signature

PROGRESS = "11506-3"
_STRUCTURED = frozenset({"date", "times", "place", "code", "diagnoses", "drafting"})  # what a bundle says in codes and instants, shown or not
_OURS = uuid.UUID("6f0b8d0e-8a53-5c0e-9a0e-51a4d7c5b0aa")


class ExportFault(RecordError):
    """The note cannot be written as {what}: {reason}. Nothing was handed out."""


@dataclass(frozen=True, slots=True)
class Package:
    """One signed document: its bundle and its DocumentReference as JSON in UTF-8. The reference's hash and size are those of `bundle`."""

    note: str
    bundle: bytes = field(repr=False)
    reference: bytes = field(repr=False)


def packages(view: View, at: datetime) -> tuple[Package, ...]:
    """The note's package, then one for each document signed after it, linked: an addendum appends, an amendment replaces. Raises ReleaseRefused
    for a profile that has no FHIR form or hides what a bundle says in codes, and for what is not signed; ExportFault for what FHIR cannot hold."""
    if not view.profile.fhir or view.profile.months:
        raise ReleaseRefused(reason=f"the profile {view.profile.key} has no FHIR form, since FHIR asks for exact instants")
    if hidden := sorted(_STRUCTURED - view.profile.shows):
        raise ReleaseRefused(reason=f"the profile {view.profile.key} hides what FHIR says in codes: {', '.join(hidden)}")
    if not all(one.signatures for one in every(view.document)):
        raise ReleaseRefused(reason="a document that is not signed does not leave as FHIR")
    if at.tzinfo is None:
        raise ValueError("an instant needs a zone")
    told = followed(view.document), withdrawn(view.document), amended(view.document)
    return tuple(_Writing(view, one, at, *told).package() for one in every(view.document))


def urn(*parts: str) -> str:
    """The same urn:uuid for the same things (RFC 4122, version 5)."""
    return f"urn:uuid:{uuid.uuid5(_OURS, json.dumps(parts))}"


@dataclass(frozen=True, slots=True)
class _Writing:
    """One signed document on its way into resources."""

    view: View
    one: Document
    at: datetime
    links: Mapping[str, str]
    errors: frozenset[str]
    corrected: frozenset[str]

    def package(self) -> Package:
        bundle = {
            **resource("Bundle", self.bundle),
            "meta": {"security": self.labels},
            "identifier": uri(self.bundle),
            "type": "document",
            "timestamp": instant(self.at),
            "entry": [{"fullUrl": f"urn:uuid:{r['id']}", "resource": r} for r in self.resources()],
        }
        packed = _packed(Bundle, bundle, codes.check(bundle))
        reference = self.reference(packed)
        return Package(self.one.note.id, packed, _packed(DocumentReference, reference, codes.check_reference(reference)))

    # ── what is in the bundle ──

    def resources(self) -> Iterator[dict[str, Any]]:
        note = self.one.note
        yield self.composition()
        yield self.patient()
        yield from (practitioner(self.signer(s), s, self.view.profile.shows) for s in self.signers())
        yield self.encounter()
        if note.writer:
            name = {"name": line(f"Aside, writer {note.writer}"), "type": "user-friendly-name"}
            version = {"version": [{"value": line(note.model)}]} if note.model and line(note.model) else {}
            yield {**resource("Device", self.device), "deviceName": [name], **version}
        yield from (self.provenance(signature) for signature in self.one.signatures)

    def composition(self) -> dict[str, Any]:
        note = self.one.note
        body = {
            **resource("Composition", self.document),
            "meta": {"security": self.labels},
            "text": narrative(self.over()),
            "identifier": uri(self.document),
            "status": self.status,
            "type": codes.note_type(PROGRESS),
            "subject": {"reference": self.client},
            "encounter": {"reference": self.visit},
            "date": instant(self.one.signatures[0].at),
            "author": self.authors(),
            "title": note_title(note),
            "confidentiality": "R",
            "attester": [self.attester(signature) for signature in self.one.signatures],
            "custodian": {"display": line(self.view.parties.practice)} if line(self.view.parties.practice) else None,
            "relatesTo": self.relation("targetIdentifier", lambda parent: uri(self.urn("composition", parent))),
            "section": list(self.sections()) or None,
        }
        return without_empty(body)

    def sections(self) -> Iterator[dict[str, Any]]:
        for signed in self.one.note.sections:
            if words := plain(signed.text).strip():
                yield section(line(signed.title) or "Section", words.split("\n"), codes.section_code(signed.key))
        own = "own_words" in self.view.profile.shows
        if risks := [risk_line(risk, own) for risk in self.one.note.risks]:
            yield section(FRAME["risk"], risks)

    def over(self) -> Iterator[str]:
        """What stands over the note, and what must be read with it, as lines."""
        note, profile = self.one.note, self.view.profile
        yield note_title(note)
        if note.id in self.errors:
            yield FRAME["error"]
        elif note.id in self.corrected:
            yield FRAME["amended"]
        if self.view.parties.part2:
            yield FRAME["part2"]
        if not self.view.whole:
            yield FRAME["excerpt"].format(what="words are left out or replaced for this reader")
        if note.open_items:
            yield f"{FRAME['incomplete']} {open_items(note, profile.shows)}"
        if told := late(note, profile.shows):
            yield told
        if note.reason and "reason" in profile.shows:
            yield f"Reason: {line(note.reason)}"
        yield from (f"{label}: {text}" for label, text in rows(note.header, self.view.parties, profile.shows, profile.months))
        if software := drafting(self.one):
            yield software

    def patient(self) -> dict[str, Any]:
        parties, shown = self.view.parties, self.view.profile.shows
        name = [{"text": line(parties.name)}] if "name" in shown and parties.name and line(parties.name) else None
        born = parties.born.isoformat() if "birth" in shown and parties.born else None
        return without_empty({**resource("Patient", self.client), "identifier": [self.pseudonym], "name": name, "birthDate": born})

    def encounter(self) -> dict[str, Any]:
        header = self.one.note.header
        kinds = [codes.concept(codes.CPT, code) for code in map(line, (header.code or "", *header.add_ons)) if code]
        reasons = [codes.concept(codes.ICD10CM, code) for code in map(line, header.diagnoses) if code]
        body = {
            **resource("Encounter", self.visit),
            "status": "cancelled" if header.note_kind == "no_show" else "finished",
            "class": {"system": codes.ACT, "code": "VR" if header.telehealth else "AMB"},
            "type": kinds,
            "subject": {"reference": self.client},
            "period": period(header),
            "reasonCode": reasons,
        }
        return without_empty(body)

    def provenance(self, signature: Signature) -> dict[str, Any]:
        who = {"reference": self.signer(signature)}
        role = "author" if signature.meaning is Meaning.AUTHOR else "verifier"
        agents = [agent(role, who)]
        if self.one.note.writer and role == "author":
            agents.append(agent("assembler", {"reference": self.device}))
        body = {
            **resource("Provenance", self.urn("provenance", f"{self.one.note.id} {signature.signer} {signature.meaning}")),
            "text": narrative(self.signed(signature)),
            "target": [{"reference": self.document}],
            "recorded": instant(signature.at),
            "agent": agents,
            "signature": [self.signature(signature, who)] if self.view.whole and signature.value else None,
        }
        return without_empty(body)

    def signature(self, signature: Signature, who: dict[str, str]) -> dict[str, Any]:
        """The Ed25519 signature itself. It is over the note's canonical JSON, not over this bundle: `targetFormat` says so as far as FHIR can."""
        return {
            "type": codes.signature_types(signature.meaning, self.one.note.kind),
            "when": instant(signature.at),
            "who": who,
            "targetFormat": "application/json",
            "sigFormat": "application/octet-stream",
            "data": base64.b64encode(signature.value).decode(),
        }

    def signed(self, signature: Signature) -> Iterator[str]:
        yield f"{MEANINGS[signature.meaning]}, {local(signature.at, line(signature.zone))}: {line(signature.statement)}"
        if "digest" in self.view.profile.shows:
            yield f"Ed25519, key {line(signature.key)}, over the SHA-256 of the note's canonical JSON: {line(signature.digest)}."
            yield f"The signer was known by: {line(signature.method)}."

    # ── beside it ──

    def reference(self, bundle: bytes) -> dict[str, Any]:
        """The bundle's index card. `hash` is SHA-1, as FHIR R4 says of an attachment: it finds a wrong file, it proves nothing."""
        note = self.one.note
        attachment = {
            "contentType": "application/fhir+json",
            "url": self.bundle,
            "size": len(bundle),
            "hash": base64.b64encode(hashlib.sha1(bundle, usedforsecurity=False).digest()).decode(),
            "title": note_title(note),
        }
        body = {
            **resource("DocumentReference", self.urn("reference", note.id)),
            "meta": {"security": self.labels},
            "masterIdentifier": uri(self.bundle),
            "status": self.standing,
            "docStatus": self.status,
            "type": codes.note_type(PROGRESS),
            "category": [{"coding": [{"system": codes.CATEGORY, "code": "clinical-note"}]}],
            "subject": {"type": "Patient", "identifier": self.pseudonym},
            "date": instant(self.one.signatures[0].at),
            "author": [{"type": "Practitioner", "identifier": uri(self.signer(s))} for s in self.signers(Meaning.AUTHOR)],
            "authenticator": {"type": "Practitioner", "identifier": uri(self.signer(self.one.signatures[-1]))},
            "custodian": {"display": line(self.view.parties.practice)} if line(self.view.parties.practice) else None,
            "relatesTo": self.relation("target", lambda parent: {"reference": f"DocumentReference/{id_of(self.urn('reference', parent))}"}),
            "securityLabel": [{"coding": [label]} for label in self.labels],
            "content": [{"attachment": attachment}],
            "context": {"encounter": [{"type": "Encounter", "identifier": uri(self.visit)}], "period": period(note.header)},
        }
        return without_empty(body)

    # ── who and what ──

    def urn(self, what: str, note: str) -> str:
        """Of this reader's copy: an excerpt is another document than the chart's."""
        return urn(what, note, self.view.profile.key)

    @property
    def bundle(self) -> str:
        return urn("bundle", self.one.note.id, self.view.profile.key, self.at.isoformat())

    @property
    def document(self) -> str:
        return self.urn("composition", self.one.note.id)

    @property
    def client(self) -> str:
        return urn("client", self.view.parties.practice, self.view.parties.client)

    @property
    def pseudonym(self) -> dict[str, str]:
        return {"system": urn("clients of", self.view.parties.practice), "value": line(self.view.parties.client) or "unknown"}

    @property
    def visit(self) -> str:
        return urn("encounter", self.one.note.encounter)

    @property
    def device(self) -> str:
        return urn("device", self.one.note.writer or "", self.one.note.model or "")

    @property
    def labels(self) -> list[dict[str, str]]:
        return codes.labels(self.view.parties.part2, self.view.parties.self_pay)

    def relation(self, name: str, target: Callable[[str], dict[str, Any]]) -> list[dict[str, Any]] | None:
        """How this document relates to what it follows, if it follows anything."""
        kind, parent = self.one.note.kind, self.links.get(self.one.note.id)
        return [{"code": codes.relates(kind), name: target(parent)}] if parent and kind is not NoteKind.NOTE else None

    @property
    def standing(self) -> str:
        """Of the reference: what an amendment replaced is superseded."""
        if self.status == "entered-in-error":
            return self.status
        return "superseded" if self.one.note.id in self.corrected else "current"

    @property
    def status(self) -> str:
        """Of the composition: a withdrawal and what it withdraws are in error; what something was added to, and a correction, are amended."""
        note = self.one.note
        if note.id in self.errors or note.kind is NoteKind.ERROR:
            return "entered-in-error"
        return "amended" if note.id in self.links.values() or note.kind is NoteKind.AMENDMENT else "final"

    def signer(self, signature: Signature) -> str:
        return urn("person", self.view.parties.practice, signature.signer)

    def signers(self, meaning: Meaning | None = None) -> list[Signature]:
        """One signature of each person who signed."""
        found = {s.signer: s for s in reversed(self.one.signatures) if meaning in (None, s.meaning)}
        return list(reversed(found.values()))

    def authors(self) -> list[dict[str, str]]:
        people = self.signers(Meaning.AUTHOR) or self.signers()
        return [{"reference": self.signer(signature)} for signature in people]

    def attester(self, signature: Signature) -> dict[str, Any]:
        """Who answers for the note: its author, or where there is one the cosigner; the other attests as a professional."""
        cosigned = any(s.meaning is Meaning.COSIGNER for s in self.one.signatures)
        answers = signature.meaning is Meaning.COSIGNER or not cosigned
        return {"mode": "legal" if answers else "professional", "time": instant(signature.at), "party": {"reference": self.signer(signature)}}


def _packed(model: type[Bundle] | type[DocumentReference], body: dict[str, Any], problems: tuple[str, ...]) -> bytes:
    """JSON that another library and our own check have read. Their messages may quote the note: ours names the place alone."""
    what = body["resourceType"]
    if problems:
        raise ExportFault(what=what, reason="; ".join(problems))
    packed = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    try:
        model.model_validate_json(packed)
    except ValidationError as error:
        places = {".".join(str(part) for part in e["loc"]) for e in error.errors(include_input=False, include_context=False, include_url=False)}
        raise ExportFault(what=what, reason=", ".join(sorted(places))) from None
    return packed
