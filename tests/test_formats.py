"""Note formats: ours are whole, a practice's own go first, and a bad file is refused in words."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import prompts
from drafting.errors import FormatError
from drafting.pipeline.formats import available, load
from drafting.types import Role

KEYS = {
    "soap": "subjective objective assessment plan",
    "dap": "data assessment plan",
    "birp": "behavior intervention response plan",
    "girp": "goal intervention response plan",
    "pirp": "problem intervention response plan",
    "darp": "data assessment response plan",
    "darp_action": "data assessment response plan",
    "pie": "problem intervention evaluation",
    "narrative": "narrative",
}

OWN = """\
key = "mine"
title = "Mine"
version = 3

[[sections]]
key = "story"
title = "Story"
roles = ["logistics", "report", "observation", "measure", "medication", "intervention", "response", "impression", "progress", "risk"]
questions = ["What happened?"]
words = [50, 200]

[[sections]]
key = "next"
title = "What next"
roles = ["plan"]
questions = ["When do you meet again?"]
words = [10, 60]
"""


def keep(folder: Path, text: str | bytes, name: str = "mine.toml") -> Path:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def fault(folder: Path, key: str = "mine") -> str:
    with pytest.raises(FormatError) as caught:
        load(key, folder)
    return str(caught.value)


# ── ours ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_shipped_formats_are_the_promised_ones() -> None:
    """The formats that ship, and no other."""
    assert {f.key for f in available()} == set(KEYS)


@pytest.mark.parametrize(("key", "sections"), KEYS.items())
def test_section_keys_are_the_promised_ones(key: str, sections: str) -> None:
    """A format's section keys are part of the command line's contract."""
    assert [s.key for s in load(key).sections] == sections.split()


@pytest.mark.parametrize("key", KEYS)
def test_every_role_goes_to_one_section(key: str) -> None:
    """Each of the eleven roles is in exactly one section."""
    taken = [role for section in load(key).sections for role in section.roles]
    assert sorted(taken) == sorted(Role)


@pytest.mark.parametrize("key", KEYS)
def test_each_section_helps_to_dictate_it(key: str) -> None:
    """A section has two to four different questions, each a question, and a sensible length."""
    for section in load(key).sections:
        assert 2 <= len(set(section.questions)) == len(section.questions) <= 4
        assert all(question.endswith("?") for question in section.questions)
        assert 0 < section.words[0] < section.words[1] <= 350


@pytest.mark.parametrize(
    ("key", "role", "section"),
    [
        ("soap", "report", "subjective"),
        ("soap", "medication", "subjective"),
        ("soap", "observation", "objective"),
        ("soap", "measure", "objective"),
        ("soap", "intervention", "objective"),
        ("soap", "response", "objective"),
        ("soap", "logistics", "objective"),
        ("soap", "risk", "assessment"),
        ("soap", "progress", "assessment"),
        ("soap", "plan", "plan"),
        ("dap", "response", "data"),
        ("dap", "risk", "assessment"),
        ("birp", "risk", "behavior"),
        ("birp", "impression", "behavior"),
        ("birp", "progress", "response"),
        ("girp", "report", "goal"),
        ("pirp", "report", "problem"),
        ("darp", "intervention", "data"),
        ("darp", "response", "response"),
        ("darp_action", "intervention", "assessment"),
        ("darp_action", "risk", "data"),
        ("pie", "plan", "evaluation"),
        ("narrative", "risk", "narrative"),
    ],
)
def test_roles_stand_where_a_clinician_looks_for_them(key: str, role: str, section: str) -> None:
    """Each format puts a role where its readers expect it."""
    assert load(key).section_of(Role(role)).key == section


def test_the_nursing_form_of_darp_says_action() -> None:
    """The second section of the nursing variant keeps its key and is called Action."""
    assert [s.title for s in load("darp_action").sections] == ["Data", "Action", "Response", "Plan"]
    assert [s.title for s in load("darp").sections] == ["Data", "Assessment", "Response", "Plan"]


def test_pie_stays_short() -> None:
    """All of PIE together is usually at most 130 words."""
    assert sum(s.words[1] for s in load("pie").sections) <= 130


@pytest.mark.parametrize("key", KEYS)
def test_the_digest_is_that_of_the_file(key: str) -> None:
    """A draft can be traced to the very file that shaped it."""
    assert load(key).digest == prompts.digest(f"formats/{key}.toml")


# ── a practice's own ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_practice_adds_a_format(tmp_path: Path) -> None:
    """A file in the practice's folder is a format like ours."""
    mine = load("mine", keep(tmp_path, OWN))
    assert (mine.key, mine.title, mine.version) == ("mine", "Mine", 3)
    assert [s.key for s in mine.sections] == ["story", "next"]
    assert mine.sections[0].words == (50, 200)
    assert mine.sections[1].questions == ("When do you meet again?",)
    assert mine.digest == hashlib.sha256(OWN.encode()).hexdigest()[:12]


def test_a_practice_overrides_a_format(tmp_path: Path) -> None:
    """The practice's soap goes before ours, and ours is untouched without its folder."""
    keep(tmp_path, OWN.replace('"mine"', '"soap"'), "soap.toml")
    assert [s.key for s in load("soap", tmp_path).sections] == ["story", "next"]
    assert [s.key for s in load("soap").sections] == KEYS["soap"].split()


def test_available_lists_each_key_once(tmp_path: Path) -> None:
    """Ours and the practice's, by key, an overridden one in its own form."""
    keep(keep(tmp_path, OWN), OWN.replace('"mine"', '"soap"'), "soap.toml")
    listed = available(tmp_path)
    assert [f.key for f in listed] == sorted({*KEYS, "mine"})
    assert next(f for f in listed if f.key == "soap").title == "Mine"


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    """Notes beside the formats, and the copies that some systems make, are no formats."""
    keep(keep(tmp_path, b"\x00\xff", "._mine.toml"), "not a format", "readme.md")
    assert {f.key for f in available(tmp_path)} == set(KEYS)


def test_a_byte_order_mark_and_line_ends_of_another_system_do_no_harm(tmp_path: Path) -> None:
    """A file saved by an editor on Windows is read like any other."""
    mine = load("mine", keep(tmp_path, b"\xef\xbb\xbf" + OWN.replace("\n", "\r\n").encode()))
    assert mine == load("mine", keep(tmp_path, OWN))


@pytest.mark.parametrize("key", ["minutes", "SOAP", "", "../soap", "soap.toml", "{file}", "sections"])
def test_an_unknown_format_names_the_known(tmp_path: Path, key: str) -> None:
    """Whoever mistypes a format is told what there is, the practice's own too."""
    message = fault(keep(tmp_path, OWN), key)
    assert all(known in message for known in (*KEYS, "mine"))


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    """A configured folder that is missing is not passed over."""
    assert "folder cannot be read" in fault(tmp_path / "gone", "soap")


@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [
        ('key = "mine"', 'key = "mine', "not TOML"),
        ('key = "mine"', "key = " + "[" * 5000, "nested too deep"),
        ("version = 3", "version = " + "9" * 5000, "not TOML"),
        ('key = "mine"', 'key = "other"', "its name says 'mine'"),
        ('key = "mine"', 'key = "My notes"', "a key is small letters"),
        ('key = "mine"', "key = 7", "a key is small letters"),
        ('key = "story"', 'key = "1st"', "a key is small letters"),
        ('key = "story"', 'key = "histoire-é"', "a key is small letters"),
        ('key = "next"', 'key = "story"', "'story' stands twice"),
        ("version = 3", "version = 3\nauthor = 'J'", "unknown key 'author'"),
        ("words = [10, 60]", "words = [10, 60]\nlength = 3", "section 2 has the unknown key 'length'"),
        ("version = 3\n", "", "lacks the key 'version'"),
        ('title = "Story"\n', "", "section 1 lacks the key 'title'"),
        ("version = 3", "version = true", "version must be a whole number"),
        ("version = 3", 'version = "3"', "version must be a whole number"),
        ("version = 3", "version = 0", "version must be a whole number"),
        ('title = "Mine"', 'title = "  "', "title must be words on one line"),
        ('title = "Story"', 'title = "Story\\nPlan"', "story: title must be words on one line"),
        ('["What happened?"]', '["What happened?", 3]', "story: questions must be words"),
        ('["What happened?"]', "[]", "story: questions must be a list"),
        ('["What happened?"]', '"What happened?"', "story: questions must be a list"),
        ('["plan"]', '["plan", "risk"]', "'risk' goes to more than one section"),
        ('["plan"]', '["plan", "plan"]', "'plan' goes to more than one section"),
        ('"risk"]', '"plan"]', "'plan' goes to more than one section"),
        (', "risk"]', "]", "no section takes the role risk"),
        (', "progress", "risk"]', "]", "no section takes the role progress, risk"),
        ('["plan"]', '["plans"]', "unknown role 'plans'"),
        ('["plan"]', "[1]", "unknown role 1"),
        ('["plan"]', "[['plan']]", "unknown role ['plan']"),
        ('["plan"]', "[]", "next: roles must be a list"),
        ("[10, 60]", "[60, 10]", "the least, 60, is over the most, 10"),
        ("[10, 60]", "[-1, 10]", "next: words must be a whole number of at least 0"),
        ("[10, 60]", "[0, 0]", "next: words must be a whole number of at least 1"),
        ("[10, 60]", "[10]", "two whole numbers"),
        ("[10, 60]", "[10, 20, 60]", "two whole numbers"),
        ("[10, 60]", "60", "two whole numbers"),
        ("[10, 60]", "[10.0, 60.5]", "next: words must be a whole number"),
        (OWN[OWN.index("[[sections]]") :], "sections = []", "one or more [[sections]]"),
        (OWN[OWN.index("[[sections]]") :], "[sections]\nkey = 'story'", "one or more [[sections]]"),
        (OWN[OWN.index("[[sections]]") :], "sections = ['story']", "one or more [[sections]]"),
        (OWN, "", "lacks the key 'key'"),
    ],
)
def test_a_bad_file_is_refused_with_its_name_and_fault(tmp_path: Path, old: str, new: str, cause: str) -> None:
    """Whoever writes a format is told which file is wrong, and what in it."""
    assert old in OWN
    message = fault(keep(tmp_path, OWN.replace(old, new, 1)))
    assert str(tmp_path / "mine.toml") in message
    assert cause in message


def test_a_wrong_encoding_is_said(tmp_path: Path) -> None:
    """A file that is not UTF-8 is named, with the place."""
    message = fault(keep(tmp_path, OWN.replace("Story", "Récit").encode("latin-1")))
    assert "not valid UTF-8" in message and "mine.toml" in message


def test_a_folder_named_like_a_format_is_said(tmp_path: Path) -> None:
    """What cannot be read is an error in words too."""
    (tmp_path / "mine.toml").mkdir()
    assert "cannot be read" in fault(tmp_path)


def test_available_does_not_pass_over_a_bad_file(tmp_path: Path) -> None:
    """A practice hears of its mistake when it lists formats, not when it drafts."""
    with pytest.raises(FormatError, match="unknown role"):
        available(keep(tmp_path, OWN.replace('"plan"', '"plans"')))


def test_one_bad_file_does_not_stop_another_format(tmp_path: Path) -> None:
    """Drafting in a good format goes on beside a bad file."""
    assert load("soap", keep(tmp_path, "bad")).key == "soap"


same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


@same_folder
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda t: t.encode("utf-8", "surrogatepass"))))
def test_no_file_whatever_raises_anything_else(tmp_path: Path, content: bytes) -> None:
    """Whatever bytes a file holds, the fault is a FormatError: no short file of them is a format."""
    assert "mine.toml" in fault(keep(tmp_path, content))


@same_folder
@given(st.permutations(list(Role)), st.lists(st.integers(1, 10), max_size=4, unique=True))
def test_any_split_of_the_roles_is_a_format(tmp_path: Path, roles: list[Role], cuts: list[int]) -> None:
    """Every way to deal the roles out is a format that gives each role the section that it was dealt to."""
    edges = [0, *sorted(cuts), len(roles)]
    hands = [roles[a:b] for a, b in pairwise(edges)]
    text = 'key = "mine"\ntitle = "Mine"\nversion = 1\n' + "".join(
        f'[[sections]]\nkey = "s{n}"\ntitle = "S"\nroles = {[str(r) for r in hand]}\nquestions = ["Q?"]\nwords = [1, 2]\n'
        for n, hand in enumerate(hands)
    )
    mine = load("mine", keep(tmp_path, text))
    assert [mine.section_of(role).key for role in roles] == [f"s{n}" for n, hand in enumerate(hands) for _ in hand]
