"""Print each figure with its goal and their ratio. Run with nothing else on the machine.

Whole-process figures are medians of several runs of the installed `aside`; peak memory is the largest of the process and its children.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
TYPED = ROOT / "examples/dictation.txt"
SPOKEN = ROOT / "examples/spoken.ogg"
SCRIPT = ROOT / "examples/spoken.script.txt"
ASIDE = (sys.executable, "-m", "drafting")
RUNS = 5


def process(*args: str) -> tuple[float, float, str]:
    """Seconds, peak MB and standard output of one whole process."""
    began = time.perf_counter()
    with subprocess.Popen([*ASIDE, *args], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT, text=True) as child:
        out = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"aside {' '.join(args)} ended with {child.returncode}")
    return time.perf_counter() - began, usage.ru_maxrss / 1024, out


def median(*args: str, runs: int = RUNS) -> tuple[float, float]:
    """Median seconds and MB over `runs`, after one run not counted."""
    rows = [process(*args)[:2] for _ in range(runs + 1)][1:]
    return statistics.median(r[0] for r in rows), statistics.median(r[1] for r in rows)


def line(what: str, value: float, unit: str, goal: float, *, least: bool = False) -> None:
    """One figure beside its goal; a ratio of 1 or less meets it."""
    ratio = goal / value if least else value / goal
    print(f"{what:58} {value:9.2f} {unit:6} goal {'≥' if least else '≤'} {goal:<7g} ratio {ratio:5.2f}  {'met' if ratio <= 1 else 'FALLS SHORT'}")


def start_up() -> None:
    seconds, _ = median("--help")
    line("aside --help, whole process", seconds, "s", 0.4)


def typed() -> None:
    one, mb = median("draft", "--json", str(TYPED))
    line("aside draft, typed example, cold", one, "s", 2.5)
    line("its peak memory", mb, "MB", 600)
    many, _ = median("draft", "--json", *[str(TYPED)] * 21)
    line("each further input of the same call", (many - one) / 20 * 1000, "ms", 300)


def linear() -> None:
    """Processor time on 1 MB over that on 100 kB, start-up taken off: what the machine does beside would drown so small a difference."""
    folder = ROOT / ".bench"
    folder.mkdir(exist_ok=True)
    words = TYPED.read_text(encoding="utf-8")
    taken = {}
    for size in (len(words), 100_000, 1_000_000):
        path = folder / f"{size}.txt"
        path.write_text((words * (size // len(words) + 1))[:size], encoding="utf-8")
        taken[size] = statistics.median(_cpu(path) for _ in range(3))
    short, middle, long = taken.values()
    line("1 MB over 100 kB (processor time, start-up taken off)", (long - short) / (middle - short), "×", 12)
    print(f"{'':4}1 MB took {long:.1f} s of processor time, 100 kB {middle:.1f} s")


def _cpu(path: Path) -> float:
    """Seconds of processor time of `aside draft --json PATH`, the system's own account."""
    before = os.times()
    process("draft", "--json", str(path))
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def spoken() -> None:
    """Speed and word error rate of the preview engine on the spoken example."""
    import json

    import jiwer

    seconds, mb, out = process("draft", "--json", "--show-private", "--asr", "pocketsphinx", str(SPOKEN))
    row = json.loads(out)
    length = _length(SPOKEN)
    line("spoken example, audio length over time taken", length / seconds, "×", 2, least=True)
    heard = " ".join(u["text"] for u in row["utterances"])
    error = jiwer.wer(_bare(SCRIPT.read_text(encoding="utf-8")), _bare(heard))
    print(f"{'spoken example, word error rate of the preview engine':58} {error:9.1%}        ({length:.0f} s of audio, peak {mb:.0f} MB)")


def _length(path: Path) -> float:
    import av

    with av.open(str(path)) as container:
        return container.duration / av.time_base


def _bare(text: str) -> str:
    """Words alone, small letters, numbers spelled as a recogniser spells them."""
    from bench.numbers import spelled

    return " ".join(re.findall(r"[a-z]+(?:'[a-z]+)?", spelled(text.lower().replace("’", "'"))))


FIGURES: tuple[Callable[[], None], ...] = (start_up, typed, linear, spoken)


def main() -> None:
    wanted = sys.argv[1:]
    for figure in FIGURES:
        if not wanted or figure.__name__ in wanted:
            figure()


if __name__ == "__main__":
    main()
