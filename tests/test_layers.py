"""Who may import whom, read from the code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("drafting", "models", "prompts", "eval")

# room → what of ours it may import. A room is named by the longest prefix that fits.
MAY = {
    "prompts": (),
    "drafting.types": ("drafting.types",),
    "drafting.errors": (),
    "drafting.ports": ("drafting.types",),
    "drafting.pipeline": ("drafting.types", "drafting.ports", "drafting.errors", "drafting.pipeline", "prompts"),
    "drafting.record": ("drafting.types", "drafting.ports", "drafting.errors", "drafting.pipeline", "drafting.record", "prompts"),
    "drafting.jobs": ("drafting.types", "drafting.ports", "drafting.errors", "drafting.pipeline", "drafting.record", "drafting.jobs"),
    "drafting.web": (
        *("drafting.types", "drafting.ports", "drafting.errors", "drafting.pipeline", "drafting.record", "drafting.jobs", "drafting.web"),
        *("drafting.report", "prompts"),
    ),
    "drafting.settings": ("drafting.errors",),
    "drafting.wiring": ("drafting.types", "drafting.ports", "drafting.errors", "drafting.settings", "drafting.pipeline", "drafting.record", "models"),
    "drafting.drafts": ("drafting.types", "drafting.ports", "drafting.errors", "drafting.pipeline"),
    "drafting.redrafts": ("drafting.types", "drafting.errors", "drafting.pipeline", "drafting.report"),
    "drafting.console": ("drafting", "prompts"),
    "drafting.report": ("drafting.types", "drafting.errors", "drafting.pipeline"),
    "drafting.view": ("drafting.types", "drafting.pipeline", "prompts"),
    "drafting.commands": ("drafting", "prompts"),
    "drafting.__main__": ("drafting", "prompts"),
    "models": ("drafting.types", "drafting.ports", "drafting.errors", "prompts"),
    "eval": ("drafting", "prompts"),
}


def modules() -> Iterator[tuple[str, Path]]:
    for package in OURS:
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(p for p in parts if p != "__init__"), path


def imports(path: Path) -> set[str]:
    """Every module of ours that the file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            found |= {f"{node.module}.{a.name}" if (ROOT / node.module.replace(".", "/")).is_dir() else node.module for a in node.names}
    return {m for m in found if m.split(".")[0] in OURS}


def under(module: str, prefix: str) -> bool:
    return module == prefix or module.startswith(prefix + ".")


@pytest.mark.parametrize(("module", "path"), sorted(modules()), ids=lambda v: v if isinstance(v, str) else "")
def test_each_room_imports_only_what_it_may(module: str, path: Path) -> None:
    """The table of who may import whom holds for every file."""
    room = max((r for r in MAY if under(module, r)), key=len, default=None)
    if room is None:
        assert module == "drafting" and not imports(path)
        return
    own_folder = module.rsplit(".", 1)[0] if path.name != "__init__.py" else module
    for imported in imports(path):
        allowed = any(under(imported, prefix) for prefix in MAY[room])
        sibling = room == "models" and own_folder.count(".") == 1 and under(imported, own_folder)
        assert allowed or sibling, f"{module} imports {imported}"


def test_wiring_alone_imports_the_models() -> None:
    """Outside `models` itself no room but wiring names an adapter."""
    outside = {m for m, path in modules() if not under(m, "models") and any(under(i, "models") for i in imports(path))}
    assert outside == {"drafting.wiring"}


def importers(room: str) -> set[str]:
    return {m for m, path in modules() if not under(m, room) and any(under(i, room) for i in imports(path))}


def test_private_notes_are_known_to_few() -> None:
    """Exports, signed notes and the pipeline do not know that there are private notes."""
    assert importers("drafting.record.vault") <= {
        "drafting.commands.people",
        "drafting.commands.private",
        "drafting.record.release.disclosing",
        "drafting.record.release.leaving",
        "drafting.record.retention",
        "drafting.record.retention.ending",
        "drafting.record.workbench.drafted",
        "drafting.record.workbench.moves",
        "drafting.web.api.private",
        "drafting.web.pages.private",
    }


def test_a_draft_under_review_is_pure() -> None:
    """The life of a note and the rules of release know no store and no key; an export is handed what it renders."""
    for module, path in modules():
        if under(module, "drafting.record.review") or under(module, "drafting.record.export"):
            known = {i for i in imports(path) if under(i, "drafting.record")}
            assert all(under(i, "drafting.record.review") or under(i, "drafting.record.export") for i in known), module


def test_the_reader_of_the_table_can_fail() -> None:
    """The check sees an import inside a function too."""
    assert "models.cues.CueEncoder" in imports(ROOT / "drafting/wiring.py") or "models.cues" in imports(ROOT / "drafting/wiring.py")


def test_rooms_are_of_a_size_that_one_can_read() -> None:
    """No file over 400 lines, no function over 60 with its docstring."""
    for module, path in modules():
        if "migrations" in path.parts:  # a migration is a list of tables
            continue
        source = path.read_text(encoding="utf-8")
        assert source.count("\n") <= 400, module
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno - node.lineno + 1 <= 60, f"{module}.{node.name}"
