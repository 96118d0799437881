"""The wheel: built, installed in a clean environment, and run with the source gone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SAID = "Client reports poor sleep this week. I felt bored by the middle of it. PHQ-9 was 11. Her sister Maria called.\n"


def run(*command: str | Path, cwd: Path, **kw: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, cwd=cwd, check=False, timeout=900, **kw)
    assert done.returncode == 0, done.stderr[-2000:]
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    return next(out.glob("*.whl"))


def test_the_wheel_holds_the_packages_and_their_data(wheel: Path) -> None:
    """Code, words, rules and weights are inside; tests, examples and what the encoder was made from are not."""
    names = set(zipfile.ZipFile(wheel).namelist())
    tracked = run("git", "ls-files", "drafting", "models", "prompts", "eval", cwd=ROOT).stdout.split()
    left_out = ("models/encoder/corpus/", "models/encoder/edits/", "models/encoder/folds.npz")
    assert {t for t in tracked if not t.startswith(left_out)} <= names
    assert not any(n.startswith(("tests/", "examples/", "bench/", *left_out)) for n in names)


def test_the_wheel_runs_in_a_clean_environment(wheel: Path, tmp_path: Path) -> None:
    """`pip install` of the wheel alone gives a working `aside`, away from the source."""
    home = tmp_path / "env"
    run(sys.executable, "-m", "venv", home, cwd=tmp_path)
    run(home / "bin/python", "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", wheel, cwd=tmp_path)
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = run(home / "bin/aside", "draft", "--json", "-", cwd=tmp_path, input=SAID, env=env)
    row = json.loads(done.stdout)
    assert [s["route"] for s in row["statements"]] == ["record", "private", "record", "record"]
    assert [f["kind"] for f in row["findings"]] == ["F02"]
