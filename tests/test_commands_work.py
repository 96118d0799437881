"""`aside work`, the worker, as a process of its own: it drafts what waits, and stops when it is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from drafting.record import vault, workbench
from drafting.record.workbench import media, visits
from drafting.record.workbench.visits import TYPED, Visit
from drafting.types.record import Stage
from tests.commanding import Place, copied
from tests.desks import DAY
from tests.dictated import PRIVATE, TEXT

PATIENCE = 120


@pytest.fixture
def here(tmp_path: Path) -> Place:
    return copied(tmp_path)


def worker(here: Place, *args: str) -> subprocess.Popen[str]:
    command = (sys.executable, "-m", "drafting", "work", *args)
    return subprocess.Popen(command, env=os.environ | here.env, stderr=subprocess.PIPE, text=True)


def test_it_drafts_what_waits_and_ends(here: Place) -> None:
    """With --drain: typed words become a draft that stands, their private ones a private note; it says nothing of them, and ends by itself."""
    with here.practice() as practice:
        encounter = workbench.receive(practice, here.wren, here.ada, DAY).id
        visits.put(practice, encounter, Visit(media=TYPED), by=here.ada)
        media.put(practice, encounter, TYPED, [TEXT.encode()], by=here.ada)
    process = worker(here, "--drain")
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0 and "aside: at work" in said and PRIVATE not in said and "Colin" not in said
    with here.practice() as practice:
        there = workbench.find(practice, encounter)
        assert (there.stage, there.version) == (Stage.DRAFTED, 1)
        assert len(vault.listed(practice, here.ada, encounter=encounter)) == 1


def test_it_ends_in_order_when_it_is_told_to(here: Place) -> None:
    """A service manager's SIGTERM: it finishes what is under way, and that is no failure."""
    process = worker(here)
    assert process.stderr is not None and "at work" in process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0 and "finishing" in said


def test_a_queue_that_is_none_is_refused(here: Place) -> None:
    """Before anything is opened."""
    assert "a queue is" in here.refused("work", "--only", "dreams", code=2)
