"""The documents say what is so."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from typer.testing import CliRunner

from drafting.__main__ import app
from drafting.settings import Settings

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def test_every_setting_is_documented() -> None:
    """docs/settings.md names each setting and no other."""
    named = set(re.findall(r"`ASIDE_(\w+)`", (ROOT / "docs/settings.md").read_text(encoding="utf-8")))
    assert {n.lower() for n in named} == {f.name for f in fields(Settings)}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link of a page is a file."""
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert "://" in target or (page.parent / target).exists(), target


def test_the_readmes_commands_exist() -> None:
    """Every `aside …` and `make …` of the README is a command, and its options are options of it."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\w+)", text, re.M):
        assert re.search(rf"^{target}:", makefile, re.M), target
    for call in re.findall(r"\.venv/bin/aside ([^\n#>|]+)", text):
        words = call.split()
        command = words[:2] if words[0] == "models" else words[:1]
        help_text = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200"}).output
        assert "Usage" in help_text, call
        for option in [w for w in words if w.startswith("--")]:
            assert option in help_text, call


def test_architecture_names_every_room() -> None:
    """ARCHITECTURE.md shows each file of the pipeline and of the application."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    for path in [*ROOT.glob("drafting/*.py"), *ROOT.glob("drafting/pipeline/*.py")]:
        assert path.name == "__init__.py" or path.name in text, path.name


def test_no_page_or_code_names_the_place_where_it_was_made() -> None:
    """No path of a developer's machine stands in the project."""
    for path in [*PAGES, *ROOT.glob("drafting/**/*.py"), *ROOT.glob("models/**/*.py"), *ROOT.glob("prompts/**/*.toml"), ROOT / "Makefile"]:
        assert not re.search(r"/(?:work|root|home)/\w", path.read_text(encoding="utf-8")), path
