"""Whisper in its child process: with tiny checkpoints, made to say what the test wants, and with a stand-in package that fails on request."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from drafting.errors import BadAudio, EngineFailed, EngineMissing, ModelMissing, OtherLanguage
from drafting.types import Recording, Utterance
from models import hub, whisper
from models.whisper import RATE, WhisperTranscriber, foreign, utterances, without_loops

ROOT = Path(__file__).parent.parent
SAID = "The client slept badly this week."
PLANS = {
    "said": {"says": [0.0, f" {SAID}", 3.0]},
    "loop": {"says": [0.0, " so sorry" * 14, 9.0]},
    "english": {"says": [0.0, f" {SAID}", 3.0], "languages": {"en": 4.0, "de": 3.0}},
    "german": {"says": [0.0, f" {SAID}", 3.0], "languages": {"en": 1.0, "de": 4.0}},
    "creep": {"says": [0.0, f" {SAID}", 2.0, 2.0]},
    "random": {},
}

# Makes checkpoints that Whisper's own code loads: one layer, 64 wide, its own vocabulary. With random weights it babbles. With a plan it is a music
# box: each position of the decoder points at one token, whatever is heard, and attends to one place of the sound, 0.3 s further on than the last.
MAKER = """
import json, sys, torch
from whisper.model import ModelDimensions, Whisper, sinusoids
from whisper.tokenizer import get_tokenizer

def music_box(model, plan, several):
    tokenizer = get_tokenizer(several, num_languages=99, language="en", task="transcribe")
    tokens = [t for w in plan["says"] for t in ([tokenizer.timestamp_begin + round(50 * w)] if isinstance(w, float) else tokenizer.encode(w))]
    first = len(tokenizer.sot_sequence) - 1
    for name, p in model.named_parameters():
        if not name.endswith(("ln.weight", "ln_post.weight")):
            torch.nn.init.zeros_(p)
    cross, embedding = model.decoder.blocks[0].cross_attn, model.decoder.token_embedding.weight
    model.decoder.positional_embedding.copy_(1000 * torch.eye(64))
    cross.key.weight.copy_(torch.eye(64))
    places = torch.nn.functional.layer_norm(sinusoids(1500, 64), (64,))
    for at, token in enumerate([*tokens, tokenizer.eot], first):
        embedding[token, at] = 4
        cross.query.weight[:, at] = places[15 * (at - first)]
    for code, weight in plan.get("languages", {}).items():
        embedding[tokenizer.to_language_token(code), 0] = weight

for path, plan in json.loads(sys.argv[1]).items():
    several = "languages" in plan
    torch.manual_seed(1)
    model = Whisper(ModelDimensions(80, 1500, 64, 1, 1, 51865 if several else 51864, 64 if plan else 16, 64, 1, 1))
    with torch.no_grad():
        torch.nn.init.normal_(model.decoder.positional_embedding)
        if plan:
            music_box(model, plan, several)
    torch.save({"dims": vars(model.dims), "model_state_dict": model.state_dict()}, path)
torch.save({"weights": torch.zeros(3)}, path + ".other")
"""

# Packages that stand in for Whisper and torch, so that a child takes a tenth of a second. A file of "weights" says what is to happen.
STAND_IN = {
    "torch.py": "class cuda:\n    is_available = staticmethod(lambda: False)\ndef manual_seed(seed): pass\n",
    "whisper.py": """
import os, signal, socket, sys
_ALIGNMENT_HEADS = {"base.en": b"heads of base.en"}
class OutOfMemoryError(RuntimeError): pass
class DecodingResult: pass
class Model:
    is_multilingual = False
    decode = heads = None
    def set_alignment_heads(self, heads): self.heads = heads
    def __init__(self, after): self.after = after
    def transcribe(self, samples, **options):
        print("PRIVATE on standard output", flush=True)
        os.write(2, b"PRIVATE on standard error")
        exec(self.after)
        words = [{"word": f" {k}={v}", "start": 0, "end": 0, "probability": 1} for k, v in sorted(options.items())]
        return {"segments": [{"text": f" {len(samples)} samples", "start": 0, "end": 9, "words": words, "avg_logprob": 0, "no_speech_prob": 0}]}
def load_model(path, device):
    before, _, after = open(path).read().partition("--")
    exec(before)
    return Model(after)
""",
}


def tone(seconds: float) -> np.ndarray:
    return (0.3 * np.sin(np.arange(round(seconds * RATE)) * 0.05)).astype(np.float32)


def recording(seconds: float) -> Recording:
    """A tone; `blocks` begins where it is told to."""
    samples = tone(seconds)
    return Recording("0" * 64, seconds, lambda start: iter([samples[round(start * RATE) :]]))


def in_fours(blocks: Iterator[np.ndarray], longest: float) -> Iterator[tuple[float, np.ndarray]]:
    """A stand-in for models.pauses.cut: a stretch every four seconds, but for silence."""
    at = 0.0
    for block in blocks:
        for begin in range(0, len(block), 4 * RATE):
            stretch = block[begin : begin + 4 * RATE]
            if stretch.any():
                yield at + begin / RATE, stretch
        at += len(block) / RATE


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a checkpoint for each plan, and two that are broken. Made in a process of its own, since torch is masked in this one."""
    folder = tmp_path_factory.mktemp("weights")
    plans = {str(folder / f"{name}.pt"): plan for name, plan in PLANS.items()}
    subprocess.run([sys.executable, "-c", MAKER, json.dumps(plans)], check=True, timeout=120)
    (folder / "random.pt.other").rename(folder / "other.pt")
    (folder / "cut.pt").write_bytes((folder / "said.pt").read_bytes()[:-5000])
    return folder


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whisper compiles two functions for the times of words, which takes longer than running them once; and threads cost a model so small more time
    than they save."""
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Every child that the test's transcriber starts."""
    started: list[subprocess.Popen[bytes]] = []
    start = subprocess.Popen

    def noted(*args: object, **named: object) -> subprocess.Popen[bytes]:
        started.append(start(*args, **named))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", noted)
    return started


def ears(path: Path, cut: whisper.Cut = in_fours) -> WhisperTranscriber:
    return WhisperTranscriber(str(path), path.parent, hub.locate, cut)


@pytest.fixture
def acting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A transcriber over the stand-in package, which does `before` as it loads and `after` as it hears."""
    for name, source in STAND_IN.items():
        (tmp_path / name).write_text(source, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def make(before: str = "", after: str = "", cut: whisper.Cut = in_fours) -> WhisperTranscriber:
        (tmp_path / "weights").write_text(f"{before}--{after}", encoding="utf-8")
        return ears(tmp_path / "weights", cut)

    return make


def gone(process: subprocess.Popen[bytes]) -> bool:
    """Ended and waited for: neither running nor a zombie."""
    return process.returncode is not None and not Path(f"/proc/{process.pid}").exists()


# ── the real Whisper ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_recording_becomes_utterances(checkpoints: Path, children: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words, times from the recording's beginning and confidences come out, by one child that is gone afterwards. Files in the current folder with the
    names of its packages do not get in its way."""
    for name in ("torch.py", "models.py", "whisper.py"):
        (tmp_path / name).write_text("raise SystemExit('shadowed')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    heard = list(ears(checkpoints / "said.pt").transcribe(recording(8)))
    assert [u.text for u in heard] == [SAID, SAID]
    for u, begin in zip(heard, (0, 4), strict=True):
        assert u.speaker is None and begin <= u.start < u.end <= begin + 4
        assert [w.text for w in u.words] == SAID.split()
        assert all(a.start < a.end <= b.start for a, b in zip(u.words, u.words[1:], strict=False))
        assert all(0.99 < w.confidence <= 1 for w in u.words)
        assert u.words[2].start == pytest.approx(begin + 0.9, abs=0.2)  # the third word, where the music box attends 0.3 s further on for each
    assert len(children) == 1 and gone(children[0])
    assert sys.modules.get("torch") is None and "whisper" not in sys.modules


def test_a_cut_job_resumes(checkpoints: Path) -> None:
    """From four seconds on, the same words come with the same times, and the ones before do not."""
    (heard,) = ears(checkpoints / "said.pt").transcribe(recording(8), 4.0)
    assert heard.text == SAID and 4 <= heard.start < heard.end <= 8
    assert all(4 <= w.start <= w.end <= 8 for w in heard.words)


def test_babble_keeps_its_times(checkpoints: Path) -> None:
    """Random weights say anything at all, at every temperature; what comes out is in order and inside the sound, and the same for the same sound."""
    twice = Recording("0" * 64, 8.0, lambda start: iter([tone(4), tone(4)]))
    heard = list(ears(checkpoints / "random.pt").transcribe(twice))
    assert all(0 <= u.start <= u.end <= 8 and all(u.start <= w.start <= w.end <= u.end and 0 <= w.confidence <= 1 for w in u.words) for u in heard)
    assert [u.start for u in heard] == sorted(u.start for u in heard)
    first, second = ([u.text for u in heard if (u.start < 4) is early] for early in (True, False))
    assert first and first == second


def test_a_model_that_creeps_is_stopped(checkpoints: Path) -> None:
    """Words that fill two seconds of a window would be followed by fifteen windows through half a minute of noise: after eight the rest is left."""
    whole = ears(checkpoints / "creep.pt", lambda blocks, longest: ((0.0, b) for b in blocks))
    heard = list(whole.transcribe(recording(30)))
    assert heard and 10 < heard[-1].end < 20


def test_a_loop_is_said_once(checkpoints: Path) -> None:
    """A model that is stuck does not fill the note."""
    (heard,) = ears(checkpoints / "loop.pt").transcribe(recording(4))
    assert heard.text == "so sorry" and [w.text for w in heard.words] == ["so", "sorry"]


def test_german_is_turned_away(checkpoints: Path) -> None:
    """Weights for many languages that are sure of another one: no English is made up of it. A short recording is told at its end, a long one early."""
    for seconds, at_most in ((4, 1), (40, 2)):
        heard: list[Utterance] = []
        with pytest.raises(OtherLanguage):
            heard.extend(u for u in ears(checkpoints / "german.pt").transcribe(recording(seconds)))
        assert len(heard) <= at_most


def test_english_is_heard_by_weights_for_many_languages(checkpoints: Path) -> None:
    """The same weights, sure of English."""
    assert [u.text for u in ears(checkpoints / "english.pt").transcribe(recording(4))] == [SAID]


@pytest.mark.parametrize("broken", ["cut", "other"])
def test_a_file_that_is_no_checkpoint(checkpoints: Path, children: list, broken: str) -> None:
    """Half a checkpoint, and one of another model, are told as such, with no path and no traceback."""
    with pytest.raises(EngineFailed, match="damaged, or is not one of OpenAI's Whisper") as told:
        list(ears(checkpoints / f"{broken}.pt").transcribe(recording(4)))
    assert "\n" not in str(told.value) and str(checkpoints) not in str(told.value)
    assert gone(children[0])


# ── being made ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_name_is_provenance(tmp_path: Path) -> None:
    """Engine, version and digest; never a path. It is no preview, and torch was not loaded to find out."""
    (tmp_path / "Jane Doe.pt").write_bytes(b"any")
    transcriber = ears(tmp_path / "Jane Doe.pt")
    assert transcriber.name.startswith("whisper 2") and transcriber.name.endswith(hub.locate(str(tmp_path / "Jane Doe.pt"), tmp_path)[1])
    assert "Doe" not in transcriber.name and not transcriber.preview
    assert sys.modules.get("torch") is None


def test_missing_weights_name_the_place(tmp_path: Path) -> None:
    """Weights that are not here are told before any sound is read, with the path to put them at."""
    with pytest.raises(ModelMissing, match=r"base\.en") as told:
        WhisperTranscriber("base.en", tmp_path, hub.locate, in_fours)
    assert str(tmp_path / "base.en.pt") in str(told.value)


@pytest.mark.parametrize("package", ["torch", "openai-whisper"])
def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, package: str) -> None:
    """Without its packages the engine says how to install them, before anything about weights."""

    def version(name: str) -> str:
        if name == package:
            raise whisper.PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(whisper, "version", version)
    with pytest.raises(EngineMissing, match=r"aside-notes\[whisper\]"):
        WhisperTranscriber("base.en", tmp_path, hub.locate, in_fours)


# ── the child and its end ─────────────────────────────────────────────────────────────────────────────────────────────


def test_silence_starts_no_child(acting, children: list) -> None:
    """Where nothing is said nothing comes out, and no model is loaded to learn it."""
    silent = Recording("0" * 64, 60.0, lambda start: iter([np.zeros(30 * RATE, np.float32)] * 2))
    assert list(acting().transcribe(silent)) == [] and children == []


def test_stretches_reach_the_child_whole(acting, capfd: pytest.CaptureFixture[str]) -> None:
    """Every sample arrives; what a library prints in the child is neither taken for an answer nor shown to anyone."""
    whole = "assert abs(samples).max() > 0.29 and samples.dtype == 'float32' and samples.flags.writeable"
    heard = list(acting(after=whole).transcribe(recording(7.5)))
    assert [u.text for u in heard] == [f"{4 * RATE} samples", f"{round(3.5 * RATE)} samples"]
    assert [(u.start, u.end) for u in heard] == [(0, 4), (4, 7.5)]
    assert capfd.readouterr() == ("", "")


def test_whisper_is_asked_not_to_loop(acting) -> None:
    """The options that keep Whisper from repeating and inventing are passed, with full precision on a processor; no stretch is longer than its window."""
    longest = []

    def cut(blocks: Iterator[np.ndarray], limit: float) -> Iterator[tuple[float, np.ndarray]]:
        longest.append(limit)
        return in_fours(blocks, limit)

    (heard,) = acting(cut=cut).transcribe(recording(4))
    asked = {w.text for w in heard.words}
    assert longest == [30.0]
    assert asked >= {"condition_on_previous_text=False", "word_timestamps=True", "fp16=False", "language=en", "hallucination_silence_threshold=2.0"}
    assert asked >= {"compression_ratio_threshold=2.4", "logprob_threshold=-1.0", "no_speech_threshold=0.6"}
    assert any(a.startswith("temperature=(0.0, 0.2") for a in asked)


SHORT = "memory ran out; smaller weights need less"


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("raise MemoryError('PRIVATE')", "", SHORT),
        ("", "raise OutOfMemoryError('PRIVATE')", SHORT),
        ("", "raise RuntimeError('DefaultCPUAllocator: can\\'t allocate memory: PRIVATE')", SHORT),
        ("import no_such_package", "", "its packages cannot be loaded"),
        ("raise KeyError('PRIVATE')", "", "damaged, or is not one of OpenAI's Whisper"),
        ("", "raise ValueError('PRIVATE')", r"a fault of its own \(ValueError\)"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "", "it was killed, most often because memory ran out"),
        ("", "os.kill(os.getpid(), signal.SIGKILL)", "it was killed, most often because memory ran out"),
        ("", "os.kill(os.getpid(), signal.SIGSEGV)", "ended by signal 11"),
        ("os._exit(3)", "", "ended with code 3"),
    ],
)
def test_each_fault_of_the_child_is_told_in_one_line(
    acting, children: list, capfd: pytest.CaptureFixture[str], before: str, after: str, reason: str
) -> None:
    """However the child fails, the reason is in words, holds none of the source's, and leaves no process."""
    with pytest.raises(EngineFailed, match=reason) as told:
        list(acting(before, after).transcribe(recording(8)))
    assert "\n" not in str(told.value) and "PRIVATE" not in str(told.value) and "Traceback" not in str(told.value)
    assert capfd.readouterr() == ("", "")
    assert len(children) == 1 and gone(children[0])


def test_a_child_that_is_killed_between_stretches(acting, children: list) -> None:
    """What was heard before the kill has been given; the next stretch tells of it."""
    heard = acting().transcribe(recording(12))
    next(heard)
    os.kill(children[0].pid, signal.SIGKILL)
    with pytest.raises(EngineFailed, match="it was killed"):
        next(heard)
    assert gone(children[0])


def test_a_reader_that_stops_leaves_no_process(acting, children: list) -> None:
    """Closing the generator, or letting go of it, ends the child at once, also one that hangs."""
    heard = acting().transcribe(recording(12))
    next(heard)
    assert children[0].poll() is None
    heard.close()
    assert gone(children[0])
    for _ in acting().transcribe(recording(12)):
        break
    assert len(children) == 2 and gone(children[1])


def test_a_fault_of_the_recording_leaves_no_process(acting, children: list) -> None:
    """Sound that breaks off raises its own error, and the child is ended."""

    def cut(blocks: Iterator[np.ndarray], longest: float) -> Iterator[tuple[float, np.ndarray]]:
        yield 0.0, next(blocks)
        raise BadAudio(reason="it breaks off")

    with pytest.raises(BadAudio):
        list(acting(cut=cut).transcribe(recording(4)))
    assert gone(children[0])


def test_a_process_that_cannot_be_started(acting, monkeypatch: pytest.MonkeyPatch) -> None:
    """No memory for a process at all: a line, not a traceback."""
    transcriber = acting()
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(EngineFailed, match=r"no process could be started for it \(No such file"):
        list(transcriber.transcribe(recording(4)))


def runs(pid: int) -> bool:
    """Whether the process does anything; one that ended and that nobody waited for does not."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False


def test_the_child_ends_with_its_parent(acting, tmp_path: Path) -> None:
    """A parent killed by SIGKILL cleans up nothing: the child sees the pipe end, and ends."""
    acting(after=f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))")
    code = (
        "import time, numpy\nfrom pathlib import Path\nfrom models.whisper import WhisperTranscriber\nfrom drafting.types import Recording\n"
        f"path = Path({str(tmp_path / 'weights')!r})\n"
        "ears = WhisperTranscriber('', path, lambda name, folder: (path, 'own weights'), lambda blocks, longest: [(0, numpy.ones(9, 'f4'))] * 2)\n"
        "for u in ears.transcribe(Recording('', 1.0, lambda start: iter([]))):\n    print('heard', flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT) as parent:
        assert parent.stdout.readline() == b"heard\n"
        child = int((tmp_path / "pid").read_text(encoding="utf-8"))
        assert runs(child)
        parent.kill()
    until = time.monotonic() + 10
    while runs(child) and time.monotonic() < until:
        time.sleep(0.02)
    assert not runs(child)


def test_known_weights_time_words_by_their_own_heads(acting, tmp_path: Path) -> None:
    """The child is told which weights they are, since a path does not say; of weights that nobody knows nothing is claimed."""
    acting(after="assert self.heads == b'heads of base.en'")
    list(WhisperTranscriber("", tmp_path, lambda name, folder: (tmp_path / "weights", "base.en 25a8566e"), in_fours).transcribe(recording(1)))
    list(acting(after="assert self.heads is None").transcribe(recording(1)))
    source = Path(importlib.util.find_spec("whisper").origin).read_text(encoding="utf-8")
    named = [n for n in ast.parse(source).body if isinstance(n, ast.Assign) and n.targets[0].id == "_ALIGNMENT_HEADS"]
    assert {w.name for w in hub.known()} <= set(ast.literal_eval(named[0].value))


def test_waiting_threads_sleep(acting, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's threads are told not to spin, unless the operator says otherwise."""
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    list(acting(after="assert os.environ['OMP_WAIT_POLICY'] == 'PASSIVE'").transcribe(recording(1)))
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    list(acting(after="assert os.environ['OMP_WAIT_POLICY'] == 'ACTIVE'").transcribe(recording(1)))


@pytest.mark.parametrize("call", ["create_connection(('127.0.0.1', {port}))", "getaddrinfo('localhost', 80)", "gethostbyname('localhost')"])
def test_the_child_has_no_network(acting, call: str) -> None:
    """Neither Whisper nor torch can look up or reach a host, not even this one: the call fails, and nobody was reached."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        attempt = f"socket.{call}".format(port=server.getsockname()[1])
        with pytest.raises(EngineFailed, match=r"a fault of its own \(PermissionError\)"):
            list(acting(after=attempt).transcribe(recording(4)))
        with pytest.raises(BlockingIOError):
            server.accept()


# ── segments to utterances ────────────────────────────────────────────────────────────────────────────────────────────


def segment(text: str, start: float = 0.0, end: float = 1.0, **more: object) -> dict:
    words = [{"word": f" {w}", "start": start, "end": end, "probability": 0.5} for w in text.split()]
    return {"text": f" {text}", "start": start, "end": end, "words": words, "avg_logprob": -0.2, "no_speech_prob": 0.1} | more


def test_times_are_absolute_inside_and_in_order() -> None:
    """Whisper's times past the stretch, before it, backwards or turned round are held inside it and in order."""
    rows = [segment("a", -1, 2), segment("b", 1, 0.5), segment("", 2, 3), segment("c", 0.5, 2), segment("d", 4, 99), segment("e", 50, 60)]
    heard = list(utterances(rows, 100.0, 5.0))
    assert [(u.text, u.start, u.end) for u in heard] == [("a", 100, 102), ("b", 101, 101), ("c", 101, 102), ("d", 104, 105), ("e", 105, 105)]
    assert all(u.start <= w.start <= w.end <= u.end for u in heard for w in u.words)


@pytest.mark.parametrize(("given", "kept"), [(0.5, 0.5), (1.0000001, 1.0), (-0.1, 0.0), (float("nan"), 0.0)])
def test_a_confidence_is_between_0_and_1(given: float, kept: float) -> None:
    """A number that is none counts as no confidence."""
    row = segment("slept")
    row["words"][0]["probability"] = given
    (heard,) = utterances([row], 0.0, 5.0)
    assert heard.words[0].confidence == kept


def test_text_is_one_line() -> None:
    """Whisper's spaces and line breaks become single spaces, since a newline parts utterances in the canonical text."""
    (heard,) = utterances([segment("x") | {"text": "  She \n slept\t badly. "}], 0.0, 5.0)
    assert heard.text == "She slept badly."


SURE, UNSURE, UNHEARD = {}, {"avg_logprob": -1.2}, {"no_speech_prob": 0.7}


@pytest.mark.parametrize(
    ("texts", "more", "kept"),
    [
        (["Thank you. Thank you. Thank you. Thank you."], UNSURE, []),
        (["you you you you you"], UNHEARD, []),
        (["Thank you."] * 4, UNSURE, []),
        (["She slept.", *["Okay."] * 9, "Then she woke."], UNHEARD, ["She slept.", "Then she woke."]),
        (["I want to die, I want to die. I want to die I want to die"], SURE, ["I want to die,"]),
        (["no, no, no, no, no"], SURE, ["no,"]),
        (["I want to die."] * 5, SURE, ["I want to die."]),
        (["up and down and up and down and up and down and up and down and up and"], SURE, ["up and down and"]),
        # near misses: fewer rounds, something else in it, doubted but no loop
        (["no, no, no"], UNSURE, ["no, no, no"]),
        (["Thank you. Thank you. Thank you."], UNHEARD, ["Thank you. Thank you. Thank you."]),
        (["Okay."] * 3, UNSURE, ["Okay."] * 3),
        (["no no no no maybe"], UNSURE, ["no no no no maybe"]),
        (["She said no no no no"], UNHEARD, ["She said no no no no"]),
        (["Okay.", "Okay.", "Yes.", "Okay.", "Okay."], UNSURE, ["Okay.", "Okay.", "Yes.", "Okay.", "Okay."]),
        (["She slept badly this week."], UNSURE, ["She slept badly this week."]),
        ([], SURE, []),
    ],
)
def test_loops_are_dropped_where_doubted_and_said_once_where_not(texts: list[str], more: dict, kept: list[str]) -> None:
    """A phrase four times or more and nothing else is a loop; a sure one is kept, since somebody may have said it."""
    assert [s["text"].strip() for s in without_loops([segment(t, **more) for t in texts])] == kept


def test_a_loop_keeps_its_span_and_its_words() -> None:
    """A loop that is kept lasts as long as it was said, and its words are those of the first round; none, where words and text do not match."""
    (one,) = without_loops([segment("help me help me help me help me", n, n + 1.0) for n in range(3)])
    assert (one["start"], one["end"]) == (0, 3) and [w["word"] for w in one["words"]] == [" help", " me"]
    odd = segment("help me help me help me help me")
    odd["words"].pop()
    (one,) = without_loops([odd])
    assert one["text"] == "help me" and one["words"] == []


@pytest.mark.parametrize(
    ("heard", "verdict"),
    [
        ([], False),
        ([(0.0, 0.0, 1.0)], False),
        ([(5.0, 0.01, 0.98)], True),
        ([(10.0, 0.0, 0.99), (10.0, 0.05, 0.9)], True),
        ([(10.0, 0.0, 0.99), (10.0, 0.5, 0.4)], False),  # half of it may be English
        ([(10.0, 0.02, 0.3)], False),  # not English, yet no other language either: noise, or an accent
        ([(1.0, 0.0, 0.99), (20.0, 0.97, 0.01)], False),  # a foreign greeting
        ([(20.0, 0.0, 0.99), (1.0, 0.97, 0.01)], True),
    ],
)
def test_only_speech_that_is_surely_foreign_is_turned_away(heard: list[tuple[float, float, float]], verdict: bool) -> None:
    """Longer stretches weigh more; a doubt is no refusal."""
    assert foreign(heard) is verdict
