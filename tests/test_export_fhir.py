"""A note as FHIR R4, read back by fhir.resources and by our own check of codes, references, labels and instants."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.documentreference import DocumentReference
from hypothesis import given, settings
from hypothesis import strategies as st

from drafting.errors import ReleaseRefused
from drafting.record.export import codes, fhir
from drafting.record.export.parties import Parties
from drafting.record.export.profiles import apply
from drafting.types.record import Document, Meaning
from tests.exporting import AT, HOSTILE, PARTIES, SOAP, addendum, amendment, everywhere, note, section, signature, signed, withdrawal

Json = dict[str, Any]


def packages(document: Document, key: str = "chart", parties: Parties = PARTIES) -> list[tuple[Json, Json]]:
    made = fhir.packages(apply(document, key, parties), AT)
    return [(json.loads(package.bundle), json.loads(package.reference)) for package in made]


def one(document: Document, **more: Any) -> Json:
    return packages(document, **more)[0][0]


def resources(bundle: Json, kind: str) -> list[Json]:
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def divs(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from ([value["div"]] if "div" in value else ())
        for inner in value.values():
            yield from divs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from divs(inner)


def text_of(div: str) -> list[str]:
    return ["".join(paragraph.itertext()) for paragraph in ElementTree.fromstring(div)]


# ── the document ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_another_library_and_our_own_check_read_it_back() -> None:
    """Bundle and reference are sound to both, for a note with all that may follow it."""
    document = signed(SOAP, [addendum(), amendment(), withdrawal(parent="n2")])
    for bundle, reference in packages(document):
        assert Bundle.model_validate(bundle).entry[0].resource.get_resource_type() == "Composition"
        assert DocumentReference.model_validate(reference)
        assert codes.check(bundle) == () and codes.check_reference(reference) == ()


def test_the_composition_says_what_was_signed_by_whom_and_when() -> None:
    """Type, status, client, author, attester and sections with the codes that were verified, and titles for the others."""
    (composition,) = resources(one(signed(SOAP)), "Composition")
    assert composition["status"] == "final" and composition["confidentiality"] == "R"
    assert composition["type"]["coding"][0] == {"system": "http://loinc.org", "code": "11506-3", "display": "Progress note"}
    assert composition["date"] == "2026-03-04T22:01:05Z"
    assert [part["title"] for part in composition["section"]] == ["Subjective", "Objective", "Assessment", "Plan", "Risk"]
    assert [part["code"]["coding"][0]["code"] if "code" in part else None for part in composition["section"]] == [
        "61150-9",
        "61149-1",
        None,
        None,
        None,
    ]
    assert text_of(composition["section"][3]["text"]["div"]) == ["Next session is Tuesday. Bring the worksheet."]


def test_client_visit_and_people_are_in_the_bundle() -> None:
    """A pseudonymous identifier with the name as given; the visit with its times, codes and diagnoses; the signer with licence and credential."""
    bundle = one(signed(SOAP))
    (patient,), (encounter,), (practitioner,) = (resources(bundle, kind) for kind in ("Patient", "Encounter", "Practitioner"))
    assert patient["identifier"][0]["value"] == "C-0142" and patient["name"] == [{"text": "Ana Belcourt"}] and patient["birthDate"] == "1990-02-01"
    assert encounter["period"] == {"start": "2026-03-04T14:05:00-06:00", "end": "2026-03-04T14:58:00-06:00"}
    assert encounter["class"]["code"] == "VR" and encounter["status"] == "finished"
    assert encounter["type"][0]["coding"][0]["code"] == "90837" and encounter["reasonCode"][0]["coding"][0]["code"] == "F41.1"
    assert practitioner["name"] == [{"text": "Ines Marlow"}] and practitioner["identifier"][0]["value"] == "149.021"
    nameless = resources(one(signed(SOAP), parties=replace(PARTIES, name=None, born=None)), "Patient")[0]
    assert "name" not in nameless and "birthDate" not in nameless


@pytest.mark.parametrize(
    ("change", "period"),
    [
        ({"stop": "00:20", "start": "23:30"}, {"start": "2026-03-04T23:30:00-06:00", "end": "2026-03-05T00:20:00-06:00"}),
        ({"stop": None}, {"start": "2026-03-04", "end": "2026-03-04"}),
        ({"start": "two"}, {"start": "2026-03-04", "end": "2026-03-04"}),
        ({"zone": "Mars/Base"}, {"start": "2026-03-04", "end": "2026-03-04"}),
        ({"date_of_service": None}, None),
    ],
)
def test_a_visit_s_times_are_told_as_exactly_as_they_are_known(change: Json, period: Json | None) -> None:
    """Over midnight the stop is the next day; without both times, or with a zone that is none, the day stands alone."""
    bundle = one(signed(replace(SOAP, header=replace(SOAP.header, **change))))
    assert resources(bundle, "Encounter")[0].get("period") == period


def test_a_missed_session_is_a_cancelled_visit_and_an_office_visit_is_ambulatory() -> None:
    """The visit's status and class come from the header."""
    header = replace(SOAP.header, note_kind="no_show", telehealth=False)
    (encounter,) = resources(one(signed(replace(SOAP, header=header))), "Encounter")
    assert (encounter["status"], encounter["class"]["code"]) == ("cancelled", "AMB")


# ── signatures ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_provenance_bears_the_signature_and_names_the_software() -> None:
    """The author's purpose, the very bytes of the signature, the digest in words, and the drafting software as assembler."""
    bundle = one(signed(SOAP))
    (provenance,), (device,) = resources(bundle, "Provenance"), resources(bundle, "Device")
    (mark,) = provenance["signature"]
    assert mark["type"][0]["system"] == "urn:iso-astm:E1762-95:2013"
    assert [purpose["code"] for purpose in mark["type"]] == ["1.2.840.10065.1.12.1.1"]
    assert base64.b64decode(mark["data"]) == bytes(range(64)) and mark["when"] == "2026-03-04T22:01:05Z"
    assert [agent["type"]["coding"][0]["code"] for agent in provenance["agent"]] == ["author", "assembler"]
    assert provenance["agent"][1]["who"]["reference"] == f"urn:uuid:{device['id']}"
    assert "ab" * 32 in " ".join(text_of(provenance["text"]["div"]))


def test_no_software_is_named_where_none_wrote() -> None:
    """A note that a person typed has no device."""
    bundle = one(signed(replace(SOAP, writer=None)))
    assert not resources(bundle, "Device") and len(resources(bundle, "Provenance")[0]["agent"]) == 1


def test_a_cosigner_verifies_and_answers_for_the_note() -> None:
    """Two signatures: the author attests as a professional, the supervisor legally, with the purpose of a review; alone the author does legally."""
    bundle = one(Document(SOAP, (signature("n1"), signature("n1", "p2", Meaning.COSIGNER, "Tomas Hale"))))
    (composition,) = resources(bundle, "Composition")
    assert [attester["mode"] for attester in composition["attester"]] == ["professional", "legal"]
    assert len(composition["author"]) == 1 and len(resources(bundle, "Practitioner")) == 2
    assert resources(bundle, "Provenance")[1]["signature"][0]["type"][0]["code"] == "1.2.840.10065.1.12.1.13"
    assert resources(bundle, "Provenance")[1]["agent"][0]["type"]["coding"][0]["code"] == "verifier"
    assert [a["mode"] for a in resources(one(signed(SOAP)), "Composition")[0]["attester"]] == ["legal"]


def test_an_excerpt_bears_no_signature_value() -> None:
    """A payer's excerpt names who signed; the signature, which is over the whole note, is not shown to cover it. It is another document too."""
    bundle = one(signed(SOAP), key="payer")
    assert "signature" not in resources(bundle, "Provenance")[0]
    assert "EXCERPT" in resources(bundle, "Composition")[0]["text"]["div"]
    assert "sister" not in json.dumps(bundle)
    assert bundle["entry"][0]["fullUrl"] != one(signed(SOAP))["entry"][0]["fullUrl"]


def test_what_is_not_signed_does_not_leave() -> None:
    """Neither a note without a signature nor an addendum without one is written as FHIR."""
    for document in (Document(SOAP, ()), signed(SOAP, [Document(addendum().note, ())])):
        with pytest.raises(ReleaseRefused, match="not signed"):
            packages(document)


def test_a_copy_without_days_has_no_fhir_form() -> None:
    """FHIR asks for exact instants, which a de-identified copy must not have."""
    view = apply(signed(SOAP), "supervision", PARTIES, screened={})
    with pytest.raises(ReleaseRefused, match="no FHIR form"):
        fhir.packages(view, AT)


@pytest.mark.parametrize("hidden", ["date", "times", "place", "code", "diagnoses", "drafting"])
def test_a_profile_that_hides_what_fhir_says_in_codes_has_no_fhir_form(hidden: str) -> None:
    """Dates, times, codes and the software are elements of their own: a reader who may not see one gets no bundle, whatever the table says of FHIR."""
    view = apply(signed(SOAP), "chart", PARTIES)
    less = replace(view, profile=replace(view.profile, shows=view.profile.shows - {hidden}))
    with pytest.raises(ReleaseRefused, match=hidden):
        fhir.packages(less, AT)
    with pytest.raises(ReleaseRefused, match="no FHIR form"):
        fhir.packages(replace(view, profile=replace(view.profile, months=True)), AT)


@pytest.mark.parametrize(
    ("shown", "said"), [({"late", "reason"}, "LATE ENTRY: Power failure."), ({"late"}, "LATE ENTRY"), ({"reason"}, None)], ids=str
)
def test_a_late_entry_says_why_to_whom_it_may_be_told(shown: set[str], said: str | None) -> None:
    """The bundle says that and why an entry is late, each as far as the profile shows it."""
    late = replace(SOAP, late=True, header=replace(SOAP.header, late_reason="Power failure."))
    view = apply(signed(late), "chart", PARTIES)
    view = replace(view, profile=replace(view.profile, shows=view.profile.shows - {"late", "reason"} | shown))
    (over,) = [c["text"]["div"] for c in resources(json.loads(fhir.packages(view, AT)[0].bundle), "Composition")]
    assert [line for line in text_of(over) if line.startswith("LATE") or "Power" in line] == ([said] if said else [])


# ── what follows ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("after", "status", "standing"),
    [
        ([], "final", "current"),
        ([addendum()], "amended", "current"),
        ([amendment()], "amended", "superseded"),
        ([amendment(), withdrawal(parent="n3")], "entered-in-error", "entered-in-error"),
        ([withdrawal()], "entered-in-error", "entered-in-error"),
        ([addendum(), withdrawal(parent="n2")], "amended", "current"),
    ],
)
def test_a_note_s_status_tells_what_came_after(after: list[Document], status: str, standing: str) -> None:
    """Final; amended once something was added; superseded once corrected; in error once withdrawn."""
    bundle, reference = packages(signed(SOAP, after))[0]
    assert resources(bundle, "Composition")[0]["status"] == reference["docStatus"] == status
    assert reference["status"] == standing


@pytest.mark.parametrize(
    ("later", "relation", "status", "purpose"),
    [(addendum(), "appends", "final", ".15"), (amendment(), "replaces", "amended", ".16"), (withdrawal(), "appends", "entered-in-error", None)],
)
def test_a_later_document_is_linked_to_what_it_follows(later: Document, relation: str, status: str, purpose: str | None) -> None:
    """An addendum appends and an amendment replaces, in the composition and in the reference; the signature's purpose says so."""
    (bundle, reference), (after, card) = packages(signed(SOAP, [later]))
    (composition,), (first,) = resources(after, "Composition"), resources(bundle, "Composition")
    assert composition["status"] == card["docStatus"] == status
    assert composition["relatesTo"] == [{"code": relation, "targetIdentifier": first["identifier"]}]
    assert card["relatesTo"] == [{"code": relation, "target": {"reference": f"DocumentReference/{reference['id']}"}}]
    purposes = [mark["code"] for mark in resources(after, "Provenance")[0]["signature"][0]["type"]]
    assert purposes == ["1.2.840.10065.1.12.1.1", *([f"1.2.840.10065.1.12.1{purpose}"] if purpose else [])]
    assert "relatesTo" not in first and "relatesTo" not in reference


def test_the_reference_finds_the_very_bytes_of_the_bundle() -> None:
    """Size and SHA-1 (as FHIR R4 has it) are those of the bundle, and the reference names no client in words."""
    made = fhir.packages(apply(signed(SOAP), "chart", PARTIES), AT)[0]
    reference = json.loads(made.reference)
    attachment = reference["content"][0]["attachment"]
    assert attachment["size"] == len(made.bundle)
    assert base64.b64decode(attachment["hash"]) == hashlib.sha1(made.bundle).digest()
    assert attachment["url"] == f"urn:uuid:{json.loads(made.bundle)['id']}"
    assert b"Belcourt" not in made.reference and b"Marlow" not in made.reference


def test_the_same_note_gives_the_same_bytes() -> None:
    """Ids come from what they are of: written again at the same instant, it is the same to the byte; of another client it is not."""
    view = apply(signed(SOAP, [addendum()]), "chart", PARTIES)
    assert fhir.packages(view, AT) == fhir.packages(view, AT)
    other = apply(signed(SOAP, [addendum()]), "chart", replace(PARTIES, client="C-0143"))
    assert fhir.packages(other, AT)[0].bundle != fhir.packages(view, AT)[0].bundle
    with pytest.raises(ValueError, match="zone"):
        fhir.packages(view, datetime(2026, 3, 5))


# ── labels ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("change", "labels"),
    [
        ({}, ["R", "PSY", "BH"]),
        ({"part2": True}, ["R", "PSY", "BH", "42CFRPart2", "SUD"]),
        ({"self_pay": True}, ["R", "PSY", "BH", "HIPAASelfPay"]),
    ],
)
def test_security_labels_say_what_kind_of_record_it_is(change: dict[str, bool], labels: list[str]) -> None:
    """Restricted, psychiatric and behavioural always; Part 2 and self-pay where so; on bundle, composition and reference alike."""
    bundle, reference = packages(signed(SOAP), parties=replace(PARTIES, **change))[0]
    for marked in (bundle, resources(bundle, "Composition")[0], reference):
        assert [label["code"] for label in marked["meta"]["security"]] == labels
    assert [label["coding"][0]["code"] for label in reference["securityLabel"]] == labels
    assert "PSYTHPN" not in json.dumps(bundle) + json.dumps(reference)


# ── our own check ─────────────────────────────────────────────────────────────────────────────────────────────────────


def composition(bundle: Json) -> Json:
    return bundle["entry"][0]["resource"]


BROKEN: list[tuple[str, Callable[[Json], object]]] = [
    ("Composition.status", lambda b: composition(b).update(status="signed")),
    ("Composition.status", lambda b: composition(b).update(status="preliminary")),
    ("Bundle.type", lambda b: b.update(type="collection")),
    ("Composition.attester.mode", lambda b: composition(b)["attester"][0].update(mode="legally")),
    ("Composition.subject.reference", lambda b: composition(b)["subject"].update(reference="urn:uuid:00000000-0000-4000-8000-000000000000")),
    ("Bundle.entry[1].fullUrl", lambda b: b["entry"][1].update(fullUrl="https://example.org/Patient/1")),
    ("Bundle.entry[1].fullUrl", lambda b: b["entry"][1]["resource"].update(id="other")),
    ("Bundle.entry[2].fullUrl", lambda b: b["entry"].insert(2, b["entry"][1])),
    ("Bundle.entry", lambda b: b["entry"].reverse()),
    ("Bundle.entry", lambda b: b.update(entry=[])),
    ("Bundle.meta.security", lambda b: b.pop("meta")),
    ("Composition.meta.security", lambda b: composition(b)["meta"].pop("security")),
    ("Bundle.meta.security.code", lambda b: b["meta"]["security"].append({"code": "PSYTHPN"})),
    ("Bundle.timestamp", lambda b: b.update(timestamp="2026-03-05T09:00:00")),
    ("Bundle.timestamp", lambda b: b.pop("timestamp")),
    ("Composition.date", lambda b: composition(b).update(date="2026-03-05T09:00:00")),
    ("Composition.attester.time", lambda b: composition(b)["attester"][0].update(time="2026-03-05")),
    ("Provenance.signature.data", lambda b: b["entry"][-1]["resource"]["signature"][0].update(data="not base64!")),
    ("Provenance.signature.type.code", lambda b: b["entry"][-1]["resource"]["signature"][0]["type"][0].update(code="1.2.3")),
    ("Encounter.status", lambda b: resources(b, "Encounter")[0].update(status="done")),
]


@pytest.mark.parametrize(("place", "breaking"), BROKEN, ids=[f"{n}-{place}" for n, (place, _) in enumerate(BROKEN)])
def test_our_check_finds_what_is_wrong(place: str, breaking: Callable[[Json], object]) -> None:
    """Codes of other lists, references that lead out, ids that differ, lost labels, instants without a zone and broken base64 are found by place."""
    bundle = copy.deepcopy(one(signed(SOAP)))
    breaking(bundle)
    assert any(problem.startswith(f"{place}:") for problem in codes.check(bundle)), codes.check(bundle)


def test_our_check_quotes_nothing() -> None:
    """A problem names its place and never the value that was found there."""
    bundle = copy.deepcopy(one(signed(SOAP)))
    composition(bundle).update(status="quokka", title="quokka")
    assert codes.check(bundle) and "quokka" not in " ".join(codes.check(bundle))


def test_a_date_of_service_needs_no_zone() -> None:
    """A day alone is no instant, and is no problem."""
    bundle = copy.deepcopy(one(signed(SOAP)))
    composition(bundle).update(date="2026-03-05")
    assert codes.check(bundle) == ()


# ── words are words ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_words_in_every_field_stay_words(words: str) -> None:
    """Bundles that both checks read come out, whose narratives are XHTML of paragraphs alone."""
    document, parties = everywhere(words)
    made = fhir.packages(apply(document, "chart", parties), AT)
    assert len(made) == 4
    for package in made:
        bundle = json.loads(package.bundle.decode())
        assert codes.check(bundle) == ()
        for div in divs(bundle):
            root = ElementTree.fromstring(div)
            assert {element.tag.split("}")[1] for element in root.iter()} <= {"div", "p"} and not any(e.attrib for e in root.iter())


@settings(deadline=None, max_examples=40)
@given(st.text(st.characters(codec=None), max_size=60))
def test_any_words_of_a_note_are_read_back_from_its_narrative(words: str) -> None:
    """For any text the narrative is XML, and says the letters that were signed."""
    bundle = one(signed(note(section("plan", f"Plan {words} end."))))
    (part,) = composition(bundle)["section"]
    told = "".join(text_of(part["text"]["div"]))
    assert [c for c in told if c.isalnum()] == [c for c in f"Plan {words} end." if c.isalnum()]


def test_a_fault_names_the_place_and_no_words() -> None:
    """What FHIR cannot hold is refused by the place where it stands; the note's words are not in the error."""
    with pytest.raises(fhir.ExportFault) as caught:
        fhir._packed(
            Bundle, {"resourceType": "Bundle", "type": "document", "entry": [{"resource": {"resourceType": "Patient", "gender": ["quokka"]}}]}, ()
        )
    assert "Bundle" in str(caught.value) and "entry" in str(caught.value) and "quokka" not in str(caught.value)


def test_utc_is_the_zone_of_what_is_written() -> None:
    """Instants of other zones are the same instants in UTC, to the microsecond."""
    at = datetime.fromisoformat("2026-03-04T16:01:05.000123-06:00")
    bundle = one(Document(SOAP, (signature("n1", at=at),)))
    assert composition(bundle)["date"] == "2026-03-04T22:01:05.000123Z"
    assert datetime.fromisoformat(composition(bundle)["date"]) == at.astimezone(UTC)
