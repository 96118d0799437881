"""The commands for what is kept: the groups by name, each made when it is called and not before.

In: the command line's app. Out: the same with the groups on it. A group's file is read only where one of its commands is asked for, and reads the
stores' libraries only inside that command, so that a draft starts as fast as it did without them.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from drafting.commands.accounting import accounting
from drafting.commands.serve import serve as _serve
from drafting.commands.working import work
from drafting.errors import AsideError, EngineMissing, SettingsError

GROUPS: Mapping[str, str] = {
    "practice": "What the practice has settled, its stores, and what falls due.",
    "keys": "The practice's keys, its recovery kit, and passphrases.",
    "people": "Who works here.",
    "clients": "Clients, and whose they are.",
    "notes": "Signed notes: to list, to show, to export.",
    "private": "Private notes. Every reading is on the audit trail.",
    "audit": "The audit trail.",
    "backup": "Backups, and the way back from them.",
    "letter": "A letter arrived: by when, what the rules say, what leaves, the reply.",
    "hold": "What stops the destruction of anything of a client.",
    "authorization": "Forms that clients signed.",
    "work": "A worker for the desk; below it, what falls due with time.",
}


def register(app: typer.Typer) -> None:
    """Put every group on `app`."""
    for name, what in GROUPS.items():
        alone = {"invoke_without_command": True, "callback": work} if name == "work" else {"no_args_is_help": True}
        app.add_typer(typer.Typer(cls=Group, help=what, **alone), name=name)
    app.command(cls=Command)(accounting)
    app.command("serve", cls=Command)(_serve)


class _Told:
    """A command whose failures are told in one line: 1 for what failed, 2 for settings that cannot be used."""

    def invoke(self, ctx: typer.Context) -> Any:
        try:
            return super().invoke(ctx)  # type: ignore[misc]
        except ModuleNotFoundError as missing:
            part = (missing.name or "").split(".")[0]
            if part in ("", "drafting", "prompts", "models"):
                raise
            error: AsideError = EngineMissing(name=part, extra="serve")
        except AsideError as told:
            error = told
        typer.echo(f"aside: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, SettingsError) else 1)


class Command(_Told, TyperCommand):
    """A command of its own."""


class Group(_Told, TyperGroup):
    """A group whose commands are in the file of its name."""

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:
        return self._made().get_command(ctx, cmd_name)

    def list_commands(self, ctx: typer.Context) -> list[str]:
        return self._made().list_commands(ctx)

    def _made(self) -> TyperGroup:
        return typer.main.get_group(import_module(f"{__name__}.{self.name}").app)
