"""docs/record.md says what is so: its commands and options exist, no command is missing from it, and its form is a good one."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields
from datetime import date
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from drafting import commands
from drafting.__main__ import app
from drafting.commands import reading
from drafting.record.practice import Policy
from drafting.record.release import faults

TEXT = (Path(__file__).parent.parent / "docs/record.md").read_text(encoding="utf-8")
CALLS = re.findall(r"^aside ([^\n#>]+)", TEXT, re.M) + re.findall(r"`aside ([^`]+)`", TEXT)


def test_the_page_calls_the_commands() -> None:
    """There are calls to check."""
    assert len(CALLS) > 50


@pytest.mark.parametrize("call", CALLS)
def test_each_call_is_a_command_with_its_options(call: str) -> None:
    """The command is there, takes each option, and as many arguments as are given."""
    group, *rest = shlex.split(call)
    told = get_command(app).get_command(None, group)
    if group in commands.GROUPS:
        told = told.get_command(None, rest.pop(0))
    assert told is not None
    known = {name: param for param in told.params for name in (*param.opts, *param.secondary_opts)}
    arguments = [param for param in told.params if param.param_type_name == "argument"]
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            assert arguments, call
            if arguments[0].nargs != -1:
                arguments.pop(0)
        else:
            assert word in known, call
            del rest[: 0 if known[word].is_flag else known[word].nargs]


@pytest.mark.parametrize("group", commands.GROUPS)
def test_every_command_of_a_group_is_on_the_page(group: str) -> None:
    """And its help can be read."""
    made = get_command(app).get_command(None, group)
    for name in made.list_commands(None):
        assert any(call.split()[:2] == [group, name] for call in CALLS), name
        assert CliRunner().invoke(app, [group, name, "--help"]).exit_code == 0


def test_what_is_settled_can_be_settled() -> None:
    """Each NAME=VALUE of the page is a setting of the policy."""
    given = " ".join([*(call for call in CALLS if "settle" in call.split()), *re.findall(r"`(\w+=\w+)`", TEXT)])
    named = set(re.findall(r"\b([a-z_]+)=\w+", given))
    assert named and named <= {field.name for field in fields(Policy)}


def test_the_form_on_the_page_is_a_good_one(tmp_path: Path) -> None:
    """As it stands, it has all that an authorization must have."""
    (tmp_path / "form.toml").write_text(re.search(r"```toml\n(.+?)```", TEXT, re.S)[1], encoding="utf-8")
    assert faults(reading.authorization(tmp_path / "form.toml", "C-00000001"), date(2026, 4, 1)) == ()


def test_passphrases_and_halves_are_no_arguments() -> None:
    """No command takes a secret on its line: only files to read it from."""
    for group in commands.GROUPS:
        made = get_command(app).get_command(None, group)
        for param in (param for name in made.list_commands(None) for param in made.get_command(None, name).params):
            if re.search("passphrase|half|halves", param.name or "") and param.param_type_name == "option":
                assert param.metavar in ("FILE", "FILE FILE") or param.is_flag, param.name
