"""The store of weights: looking, fetching, and every way that a fetch can end."""

from __future__ import annotations

import ast
import errno
import hashlib
import importlib.util
import io
import json
import os
import random
import resource
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from drafting.__main__ import app
from drafting.errors import ModelCorrupt, ModelMissing, PullFailed, SettingsError, UnknownModel
from models import hub
from models.hub import chat, fetching, files, speech
from prompts import table

ROOT = Path(__file__).parent.parent
WEIGHTS = random.Random(7).randbytes(300_000)
HALF = len(WEIGHTS) // 2
LOOKUP = socket.getaddrinfo


@dataclass
class Served:
    """What the server does, and what it was asked. `sent` bytes go out, of what was promised; then it hangs up, or waits for `free`. `held` are files
    by path, of a chat model; without, `data` is at every path."""

    data: bytes = WEIGHTS
    status: int = 200
    ranges: bool = True
    sent: int = len(WEIGHTS)
    stalls: bool = False
    hub: str = ""
    url: str = ""
    held: dict[str, bytes] = field(default_factory=dict)
    asked: list[str | None] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    free: threading.Event = field(default_factory=threading.Event)


def handler(served: Served) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            served.asked.append(asked)
            served.paths.append(self.path)
            start = int(asked[6:-1]) if asked and served.ranges else 0
            data = served.held.get(self.path, served.data)
            body = data[start:]
            status = served.status if served.status != 200 else 416 if start and not body else 206 if start else 200
            self.send_response(status)
            if status == 206:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if status < 400:
                self.wfile.write(body[: served.sent])
                self.wfile.flush()
                if served.stalls:
                    served.free.wait(30)

        def log_message(self, *args: object) -> None:
            pass

    return Handler


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A server on this machine, and a table with the one file that it serves."""

    def look_up(host: str, *more: object, **named: object) -> object:
        assert host == "127.0.0.1", "a test tried to look up a host"
        return LOOKUP(host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    served = Served()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler(served)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        served.hub = f"http://127.0.0.1:{server.server_port}"
        served.url = f"{served.hub}/v1/little.pt"
        monkeypatch.setattr(speech, "table", lambda name: rows(served.url))
        yield served
        served.free.set()
        server.shutdown()
        thread.join()


def rows(url: str) -> dict:
    return {"whisper": [{"name": "little.en", "also": ["little"], "url": url, "sha256": hashlib.sha256(WEIGHTS).hexdigest(), "megabytes": 1}]}


def of_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "table", lambda name: rows("http://127.0.0.1:9/little.pt"))


# ── the table ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_table_is_as_openai_has_it() -> None:
    """Names, addresses and digests are those of the installed package, read from its source; only the superseded large models are left out."""
    source = Path(importlib.util.find_spec("whisper").origin).read_text(encoding="utf-8")
    theirs = next(ast.literal_eval(n.value) for n in ast.parse(source).body if isinstance(n, ast.Assign) and n.targets[0].id == "_MODELS")
    ours = {name: w for w in hub.known() for name in (w.name, *w.also)}
    assert set(theirs) - set(ours) == {"large-v1", "large-v2"}
    for name, w in ours.items():
        assert theirs[name] == w.url and w.url.split("/")[-2] == w.sha256 and len(w.sha256) == 64, name
        assert 70 < w.megabytes < 3200, name
    assert len({w.file for w in hub.known()}) == len(hub.known()) == len(table("weights.toml")["whisper"])


# ── looking ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["little.en", "little"])
def test_weights_are_found_by_each_of_their_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    """A name leads to its file in the folder, and to what provenance calls it."""
    of_here(monkeypatch)
    (tmp_path / "little.pt").write_bytes(WEIGHTS)
    path, label = hub.locate(name, tmp_path)
    assert path == tmp_path / "little.pt" and label == f"little.en {hashlib.sha256(WEIGHTS).hexdigest()[:8]}"


def test_a_path_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file of one's own is accepted; its label holds its digest, and no part of its path. Known weights have their name wherever they lie."""
    of_here(monkeypatch)
    own, copied = tmp_path / "J. Doe.pt", tmp_path / "copied.pt"
    own.write_bytes(b"own")
    copied.write_bytes(WEIGHTS)
    assert hub.locate(str(own), tmp_path / "none") == (own, f"own weights {hashlib.sha256(b'own').hexdigest()[:8]}")
    assert hub.locate(str(copied), tmp_path / "none")[1].startswith("little.en ")
    monkeypatch.chdir(tmp_path)
    assert hub.locate("copied.pt", tmp_path / "none")[0].is_absolute()


def test_missing_weights_name_the_command_and_the_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The error says how to fetch them and where to put them; a folder that is not there yet is no other case."""
    of_here(monkeypatch)
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(ModelMissing) as told:
            hub.locate("little", folder)
        assert "aside models pull little.en" in str(told.value) and str(folder / "little.pt") in str(told.value)


@pytest.mark.parametrize("damage", [WEIGHTS[:-1], WEIGHTS + b"\0", bytes([WEIGHTS[0] ^ 1]) + WEIGHTS[1:], b""])
def test_damaged_weights_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damage: bytes) -> None:
    """A byte less, a byte more, one bit, or nothing: the file is not used, also when it was good a moment ago and looks the same from outside."""
    of_here(monkeypatch)
    path = tmp_path / "little.pt"
    path.write_bytes(WEIGHTS)
    hub.locate("little.en", tmp_path)
    stat = path.stat()
    path.write_bytes(damage)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(ModelCorrupt):
        hub.locate("little.en", tmp_path)


@pytest.mark.parametrize("name", ["litle", "LITTLE.EN", "", ".", "nowhere/little.pt", "a\0b"])
def test_a_name_that_is_none_lists_the_ones_that_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    """A slip of the pen, a folder, a path to nothing: the error names what is known."""
    of_here(monkeypatch)
    for call in (hub.locate, hub.pull):
        with pytest.raises(UnknownModel, match=r"little\.en"):
            call(name, tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="NOT CHECKED: root may read any file")
def test_weights_that_may_not_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No permission is told as such, not as missing or corrupt weights."""
    of_here(monkeypatch)
    path = tmp_path / "little.pt"
    path.write_bytes(WEIGHTS)
    path.chmod(0)
    with pytest.raises(SettingsError, match="Permission denied"):
        hub.locate("little.en", tmp_path)
    told, good = hub.verify(tmp_path)
    assert not good and "Permission denied" in told[0]


def test_a_fault_of_the_disk_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file that is there and cannot be read is neither missing nor corrupt."""
    of_here(monkeypatch)
    (tmp_path / "little.pt").write_bytes(WEIGHTS)

    def fail(*args: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(hashlib, "file_digest", fail)
    with pytest.raises(SettingsError, match="Input/output error"):
        hub.locate("little.en", tmp_path)


def test_the_list_says_what_is_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The folder stands on top; each row gives names, size, file and state."""
    of_here(monkeypatch)
    assert hub.listing(tmp_path)[0] == str(tmp_path)
    assert hub.listing(tmp_path)[1].split() == ["little.en", "or", "little", "1", "MB", "little.pt", "not", "here"]
    (tmp_path / "little.pt.part").write_bytes(b"begun")
    assert "cut short" in hub.listing(tmp_path)[1]
    (tmp_path / "little.pt").write_bytes(WEIGHTS)
    assert hub.listing(tmp_path)[1].endswith(" here")


def test_verify_tells_good_from_corrupt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing here is not wrong; a good file is good; a damaged one is told with what to do, and the command ends with 1."""
    of_here(monkeypatch)

    def call() -> tuple[int, str]:
        done = CliRunner().invoke(app, ["models", "verify"], env={"ASIDE_MODELS": str(tmp_path)})
        return done.exit_code, done.output

    assert call() == (0, f"No weights are in {tmp_path}.\n")
    (tmp_path / "little.pt").write_bytes(WEIGHTS)
    assert call() == (0, "little.en: good\n")
    (tmp_path / "little.pt").write_bytes(WEIGHTS[1:])
    code, said = call()
    assert code == 1 and "sha256 differs" in said and "aside models pull little.en" in said


# ── fetching ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def only(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []


def told(call: Callable[[], object]) -> str:
    """The one line of a pull that failed: it says where to put the file by hand."""
    with pytest.raises(PullFailed) as failed:
        call()
    line = str(failed.value)
    assert "\n" not in line and "little.pt" in line and "put it at" in line
    return line


def test_a_pull_fetches_and_checks(served: Served, tmp_path: Path) -> None:
    """The file is there, whole, under its name and alone; a second pull asks nobody."""
    folder = tmp_path / "deep" / "models"
    assert str(folder / "little.pt") in hub.pull("little", folder)
    assert (folder / "little.pt").read_bytes() == WEIGHTS and only(folder) == ["little.pt"]
    assert "already" in hub.pull("little.en", folder)
    assert served.asked == [None]


def test_a_corrupt_file_is_replaced(served: Served, tmp_path: Path) -> None:
    """A pull over a damaged file puts the good one in its place."""
    (tmp_path / "little.pt").write_bytes(b"rot")
    hub.pull("little.en", tmp_path)
    assert hub.verify(tmp_path)[1] and only(tmp_path) == ["little.pt"]


def test_a_pull_that_was_killed_goes_on(served: Served, tmp_path: Path) -> None:
    """Killed half-way by SIGKILL: nothing has the final name, nobody else could pull meanwhile, and the next pull asks only for the rest."""
    served.sent, served.stalls = HALF, True
    code = f"from models.hub import Path, pull, speech\nspeech.table = lambda name: {rows(served.url)!r}\npull('little', Path({str(tmp_path)!r}))"
    part = tmp_path / "little.pt.part"
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) as process:
        until = time.monotonic() + 20
        while not (part.exists() and part.stat().st_size >= HALF - files.BLOCK) and time.monotonic() < until:
            time.sleep(0.02)
        assert "another pull" in told(lambda: hub.pull("little.en", tmp_path))
        process.kill()
    kept = part.stat().st_size
    assert 0 < kept <= HALF and only(tmp_path) == ["little.pt.part"]
    served.sent, served.stalls = len(WEIGHTS), False
    hub.pull("little.en", tmp_path)
    assert served.asked == [None, f"bytes={kept}-"]
    assert (tmp_path / "little.pt").read_bytes() == WEIGHTS and only(tmp_path) == ["little.pt"]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_cut_connection_keeps_what_came(served: Served, tmp_path: Path, ranges: bool) -> None:
    """What came before the cut is kept; a server that will not go on from the middle is fetched from the start."""
    served.sent, served.ranges = HALF, ranges
    assert "cut after 0 MB, which are kept" in told(lambda: hub.pull("little.en", tmp_path))
    assert only(tmp_path) == ["little.pt.part"] and (tmp_path / "little.pt.part").read_bytes() == WEIGHTS[:HALF]
    served.sent = len(WEIGHTS)
    hub.pull("little.en", tmp_path)
    assert served.asked == [None, f"bytes={HALF}-"]
    assert (tmp_path / "little.pt").read_bytes() == WEIGHTS and only(tmp_path) == ["little.pt"]


def test_a_part_that_is_whole_needs_nothing_more(served: Served, tmp_path: Path) -> None:
    """Killed after the last byte and before the new name: the server has nothing left to give, and the file is accepted."""
    (tmp_path / "little.pt.part").write_bytes(WEIGHTS)
    hub.pull("little.en", tmp_path)
    assert only(tmp_path) == ["little.pt"] and len(served.asked) == 1


@pytest.mark.parametrize("begun", [b"", b"not these", WEIGHTS + b"more"])
def test_wrong_bytes_never_get_the_name(served: Served, tmp_path: Path, begun: bytes) -> None:
    """Another file at the address, or another beginning here: it is removed, so that the next pull begins anew and comes right."""
    if begun:
        (tmp_path / "little.pt.part").write_bytes(begun)
    else:
        served.data = WEIGHTS[::-1]
    assert "sha256 differs" in told(lambda: hub.pull("little.en", tmp_path))
    assert only(tmp_path) == []
    served.data = WEIGHTS
    hub.pull("little.en", tmp_path)
    assert only(tmp_path) == ["little.pt"]


@pytest.mark.parametrize("status", [404, 403, 500, 416])
def test_a_server_that_refuses(served: Served, tmp_path: Path, status: int) -> None:
    """The server's answer is told, and nothing is left behind."""
    served.status = status
    assert f"answered {status}" in told(lambda: hub.pull("little.en", tmp_path))
    assert only(tmp_path) == []


def test_nobody_at_the_port(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No server: the reason is told, and no empty beginning is left behind."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # held and not listened at, so that nobody else can be there
        monkeypatch.setattr(speech, "table", lambda name: rows(f"http://127.0.0.1:{bound.getsockname()[1]}/little.pt"))
        assert "Connection refused" in told(lambda: hub.pull("little.en", tmp_path))
    assert only(tmp_path) == []


def test_a_server_that_falls_silent(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pull does not wait for ever; what came is kept."""
    monkeypatch.setattr(fetching, "PATIENCE", 0.3)
    served.sent, served.stalls = HALF, True
    assert "nothing came for" in told(lambda: hub.pull("little.en", tmp_path))
    assert only(tmp_path) == ["little.pt.part"]


def test_what_is_no_http(monkeypatch: pytest.MonkeyPatch, served: Served, tmp_path: Path) -> None:
    """Something else that answers at the port is told in one line."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            line, _ = server.accept()
            with line:
                line.recv(1000)
                line.sendall(b"220 mail.example ESMTP\r\n\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        monkeypatch.setattr(speech, "table", lambda name: rows(f"http://127.0.0.1:{server.getsockname()[1]}/little.pt"))
        assert "does not speak HTTP" in told(lambda: hub.pull("little.en", tmp_path))
        thread.join()


def test_a_disk_that_takes_no_more(served: Served, tmp_path: Path) -> None:
    """A write that fails half-way (here by a limit on a file's size) is told in one line; nothing has the final name; a later pull comes right."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (HALF, hard))
    try:
        assert "File too large" in told(lambda: hub.pull("little.en", tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert only(tmp_path) == ["little.pt.part"]
    hub.pull("little.en", tmp_path)
    assert only(tmp_path) == ["little.pt"]


def test_a_folder_that_is_a_file(served: Served, tmp_path: Path) -> None:
    """A folder of weights that cannot be made is told."""
    (tmp_path / "models").write_bytes(b"")
    told(lambda: hub.pull("little.en", tmp_path / "models"))


@pytest.mark.skipif(os.geteuid() == 0, reason="NOT CHECKED: root may write into a read-only folder")
def test_a_folder_that_may_not_be_written(served: Served, tmp_path: Path) -> None:
    """No permission is told, and nobody is asked for the file."""
    tmp_path.chmod(0o500)
    assert "Permission denied" in told(lambda: hub.pull("little.en", tmp_path))
    assert served.asked == []
    tmp_path.chmod(0o700)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("watched", [True, False])
def test_progress_is_for_a_person_who_watches(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watched: bool) -> None:
    """On a terminal one line is rewritten and taken away at the end; elsewhere nothing is said."""
    screen = Terminal() if watched else io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    hub.pull("little.en", tmp_path)
    said = screen.getvalue()
    assert ("of 1 MB" in said and said.endswith("\r\033[K") and "\n" not in said) if watched else said == ""


# ── chat models ───────────────────────────────────────────────────────────────────────────────────────────────────────


def tensors(body: bytes) -> bytes:
    """A safetensors file that holds `body`."""
    header = json.dumps({"w": {"dtype": "U8", "shape": [len(body)], "data_offsets": [0, len(body)]}}).encode()
    return len(header).to_bytes(8, "little") + header + body


FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
INDEX = "model.safetensors.index.json"
CHAT = {
    "LICENSE": b"Do as you like.",
    "config.json": b'{"model_type": "llama"}',
    FIRST: tensors(WEIGHTS[:100_000]),
    SECOND: tensors(WEIGHTS[100_000:150_000]),
    INDEX: json.dumps({"weight_map": {"a": FIRST, "b": SECOND}}).encode(),
    "tokenizer.json": b"{}",
}
COMMIT = "ab" * 20
RULES = chat.table()["folder"]


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def pins(model: dict[str, bytes]) -> list[dict]:
    return [{"path": path, "size": len(data), "sha256": sha(data)} for path, data in model.items()]


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue of one pinned model and one that nobody pinned; no speech weights beside them."""
    row = {"title": "Tiny", "licence": "Apache-2.0", "repository": "ours/Tiny", "memory": {"bfloat16": 4.5, "float32": 8.0}}
    pinned = row | {"name": "tiny-chat", "revision": COMMIT, "files": pins(CHAT)}
    loose = row | {"name": "loose-chat", "licence": "MIT", "pinned": False}
    monkeypatch.setattr(chat, "table", lambda: {"folder": RULES, "chat": [pinned, loose]})


@pytest.fixture
def library(served: Served, shelf: None) -> Served:
    """A server that holds the pinned model."""
    served.held = {f"/ours/Tiny/resolve/{COMMIT}/{path}": data for path, data in CHAT.items()}
    return served


def folder_of(model: dict[str, bytes], path: Path) -> Path:
    path.mkdir(parents=True)
    for name, data in model.items():
        (path / name).write_bytes(data)
    return path


def held(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def asked(library: Served) -> list[tuple[str, str | None]]:
    pairs = [(path.rpartition("/")[2], span) for path, span in zip(library.paths, library.asked, strict=True)]
    library.paths.clear()
    library.asked.clear()
    return pairs


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(hub.ModelRefused) as told:
        call()
    assert "\n" not in str(told.value)
    return str(told.value)


def test_the_catalogue_is_of_one_piece() -> None:
    """A pinned model has a commit, digests and all that a chat model needs; memory is more than the weights; no name means two things."""
    models = chat.catalogue()
    names = [m.name for m in models] + [n for w in hub.known() for n in (w.name, *w.also)]
    assert len(names) == len(set(names)) and len(models) >= 2
    for m in models:
        assert chat.NAME.fullmatch(m.name) and m.licence in ("Apache-2.0", "MIT") and m.pinned is bool(m.files), m.name
        weights = sum(f.size for f in m.files if f.path.endswith(".safetensors"))
        assert weights + 10**9 < m.memory["bfloat16"] * 10**9 and 2 * weights + 10**9 < m.memory["float32"] * 10**9, m.name
        if m.pinned:
            paths = {f.path for f in m.files}
            assert {"config.json", "tokenizer.json", "tokenizer_config.json"} <= paths and len(paths) == len(m.files), m.name
            assert len(m.revision) == 40 and all(len(f.sha256) == 64 and set(f.sha256) <= set("0123456789abcdef") for f in m.files), m.name


def test_the_files_of_qwen3_add_up() -> None:
    """With the two files that are not fetched (its README and its attributes) they are as many bytes as another record of that commit counts."""
    assert sum(f.size for f in chat.named("qwen3-4b-instruct-2507").files) + 8_168 + 1_570 == 8_060_917_568


def test_a_chat_model_is_fetched_whole(library: Served, tmp_path: Path) -> None:
    """Every file comes from the pinned commit into a folder of the model's name; a second pull asks nobody; the label is over the files' digests."""
    said = hub.pull("tiny-chat", tmp_path, library.hub)
    assert str(tmp_path / "tiny-chat") in said and "Apache-2.0" in said
    assert held(tmp_path / "tiny-chat") == CHAT and only(tmp_path) == ["tiny-chat"]
    assert asked(library) == [(path, None) for path in CHAT]
    assert "already" in hub.pull("tiny-chat", tmp_path, library.hub) and asked(library) == []
    lines = "".join(f"{sha(CHAT[path])}  {path}\n" for path in sorted(CHAT))
    assert hub.locate_chat("tiny-chat", tmp_path) == (tmp_path / "tiny-chat", f"tiny-chat {sha(lines.encode())[:8]}", COMMIT)


def test_a_chat_model_that_was_cut_goes_on(library: Served, tmp_path: Path) -> None:
    """Cut inside the weights: nothing has the name, the list says so, and the next pull asks for the rest of that file and for no earlier one."""
    library.sent = 60_000
    with pytest.raises(PullFailed, match="cut after 0 MB, which are kept"):
        hub.pull("tiny-chat", tmp_path, library.hub)
    assert only(tmp_path) == ["tiny-chat.part"] and "cut short" in hub.listing(tmp_path)[-2]
    with pytest.raises(ModelMissing):
        hub.locate_chat("tiny-chat", tmp_path)
    assert hub.verify(tmp_path) == ([f"No weights are in {tmp_path}."], True)
    library.sent = len(WEIGHTS)
    asked(library)
    hub.pull("tiny-chat", tmp_path, library.hub)
    assert asked(library) == [(FIRST, "bytes=60000-"), (SECOND, None), (INDEX, None), ("tokenizer.json", None)]
    assert held(tmp_path / "tiny-chat") == CHAT and only(tmp_path) == ["tiny-chat"]


@pytest.mark.parametrize("lie", [CHAT[SECOND][::-1], CHAT[SECOND][:-1], CHAT[SECOND] + bytes(3 * files.BLOCK), b""])
def test_a_server_that_lies_gives_no_model(library: Served, tmp_path: Path, lie: bytes) -> None:
    """Other bytes, fewer, more without end, or none, in one file of six: no model; told the truth, the next pull comes right with what was good."""
    path = f"/ours/Tiny/resolve/{COMMIT}/{SECOND}"
    library.held[path], library.stalls, library.sent = lie, len(lie) > len(CHAT[SECOND]), 180_000
    with pytest.raises(PullFailed, match="sha256 differs") as failed:
        hub.pull("tiny-chat", tmp_path, library.hub)
    assert f"{library.hub}/ours/Tiny/tree/{COMMIT}" in str(failed.value) and only(tmp_path) == ["tiny-chat.part"]
    library.held[path], library.stalls = CHAT[SECOND], False
    library.free.set()
    asked(library)
    hub.pull("tiny-chat", tmp_path, library.hub)
    assert asked(library)[0] == (SECOND, None) and held(tmp_path / "tiny-chat") == CHAT


def test_nothing_is_left_where_nothing_came(library: Served, tmp_path: Path) -> None:
    """A server that refuses the first file leaves no empty folder."""
    library.status = 404
    with pytest.raises(PullFailed, match="answered 404"):
        hub.pull("tiny-chat", tmp_path, library.hub)
    assert only(tmp_path) == []


def test_room_on_the_disk_is_seen_to_first(library: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too little room for what is still lacking: told before anything is asked for, and before anything is copied."""
    source = folder_of(CHAT, tmp_path / "here")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9 - 100, 100))
    with pytest.raises(PullFailed, match="0 MB are free"):
        hub.pull("tiny-chat", tmp_path / "a", library.hub)
    assert "0 MB are free" in refused(lambda: hub.import_folder(source, tmp_path / "a", "mine"))
    assert asked(library) == [] and only(tmp_path / "a") == []


def test_one_pull_at_a_time(library: Served, tmp_path: Path) -> None:
    """While one is under way another is told so, be it a pull or an import."""
    source, tmp_path = folder_of(CHAT, tmp_path / "here"), tmp_path / "models"
    tmp_path.mkdir()
    with files.alone(tmp_path):
        with pytest.raises(PullFailed, match="another pull"):
            hub.pull("tiny-chat", tmp_path, library.hub)
        assert "another pull" in refused(lambda: hub.import_folder(source, tmp_path, "mine"))
    assert asked(library) == [] and only(tmp_path) == []


BAD_BIT = bytes([CHAT[FIRST][-1] ^ 1])
DAMAGE = [
    {FIRST: CHAT[FIRST][:-1] + BAD_BIT},
    {FIRST: CHAT[FIRST][:-1]},
    {"config.json": b"{}"},
    {"chat_template.jinja": b"{{ x }}"},
    {"run.py": b""},
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_chat_model_is_refused_and_mended(library: Served, tmp_path: Path, damage: dict[str, bytes]) -> None:
    """One bit, one byte less, other settings, or a file too many: it is not used, verify says so, and a pull fetches what is wrong and no more."""
    home = folder_of(CHAT | damage, tmp_path / "tiny-chat")
    with pytest.raises(ModelCorrupt):
        hub.locate_chat("tiny-chat", tmp_path)
    (row,), good = hub.verify(tmp_path)
    assert not good and row.startswith("tiny-chat: ") and "aside models pull tiny-chat" in row
    hub.pull("tiny-chat", tmp_path, library.hub)
    assert {path for path, _ in asked(library)} == set(damage) & set(CHAT)
    assert held(home) == CHAT and only(tmp_path) == ["tiny-chat"]


def test_a_chat_model_with_a_file_less_is_refused(shelf: None, tmp_path: Path) -> None:
    """Every file of the catalogue must be there, also one that no reader would miss."""
    folder_of({path: data for path, data in CHAT.items() if path != "LICENSE"}, tmp_path / "tiny-chat")
    with pytest.raises(ModelCorrupt, match="LICENSE"):
        hub.locate_chat("tiny-chat", tmp_path)


def test_a_model_that_is_not_pinned_is_not_pulled(library: Served, tmp_path: Path) -> None:
    """The refusal says why and what to do; the import takes it, notes the digests, and verify compares."""
    assert "not pinned" in refused(lambda: hub.pull("loose-chat", tmp_path, library.hub)) and "not pinned: import it" in hub.listing(tmp_path)[-1]
    assert asked(library) == [] and only(tmp_path) == []
    source = folder_of(CHAT, tmp_path / "a" / "Loose-Chat")
    assert chat.RECORD in hub.import_folder(source, tmp_path / "b")
    assert hub.locate_chat("loose-chat", tmp_path / "b")[1:] == (hub.locate_chat(str(source), tmp_path / "b")[1].replace("tiny", "loose"), None)
    assert hub.verify(tmp_path / "b")[1] and "here" in hub.listing(tmp_path / "b")[-1]


def test_a_pinned_model_is_imported_without_a_network(shelf: None, tmp_path: Path) -> None:
    """Copied, checked against the catalogue, with its name, licence and memory shown; the source stays, and what is no part of the model does too."""
    source = folder_of(CHAT | {"README.md": b"read me", "model.onnx": b"other"}, tmp_path / "a" / "Tiny-Chat")
    assert "every sha256 checked" in hub.import_folder(source, tmp_path / "b")
    assert held(tmp_path / "b" / "tiny-chat") == CHAT and only(tmp_path / "b") == ["tiny-chat"] and "README.md" in only(source)
    assert hub.locate_chat("tiny-chat", tmp_path / "b")[2] == COMMIT
    shown = "(Apache-2.0; memory 4.5 GB in bfloat16, 8 GB in float32)"
    assert hub.verify(tmp_path / "b") == ([f"tiny-chat: good {shown}"], True)
    assert hub.listing(tmp_path / "b")[-2].split(maxsplit=3) == ["tiny-chat", "0", "MB", f"here {shown}"]
    assert "already" in hub.import_folder(source, tmp_path / "b")


def test_an_import_mends_a_damaged_model(shelf: None, tmp_path: Path) -> None:
    """Over a model that is not what it should be, the import puts the right one."""
    folder_of(CHAT | {"config.json": b"{}"}, tmp_path / "b" / "tiny-chat")
    hub.import_folder(folder_of(CHAT, tmp_path / "a"), tmp_path / "b", "tiny-chat")
    assert held(tmp_path / "b" / "tiny-chat") == CHAT and only(tmp_path / "b") == ["tiny-chat"]


@pytest.mark.parametrize("other", [{FIRST: CHAT[FIRST][:-1] + BAD_BIT}, {"config.json": b"{}"}])
def test_another_model_gets_no_pinned_name(shelf: None, tmp_path: Path, other: dict[str, bytes]) -> None:
    """One bit beside what the catalogue pins: refused, and nothing of it is kept; under a name of its own it is taken."""
    source = folder_of(CHAT | other, tmp_path / "a")
    assert "sha256 differs" in refused(lambda: hub.import_folder(source, tmp_path / "b", "tiny-chat")) and only(tmp_path / "b") == []
    assert "no LICENSE" in refused(
        lambda: hub.import_folder(folder_of({k: v for k, v in CHAT.items() if k != "LICENSE"}, tmp_path / "c"), tmp_path / "b", "tiny-chat")
    )
    hub.import_folder(source, tmp_path / "b", "mine")
    assert hub.locate_chat("mine", tmp_path / "b")[1].startswith("mine ")


@pytest.mark.parametrize("damage", [{FIRST: CHAT[FIRST][:-1] + BAD_BIT}, {"more.json": b"{}"}, {chat.RECORD: b"files = 3"}, {chat.RECORD: b"\xff"}])
def test_an_imported_model_is_checked_against_what_was_noted(shelf: None, tmp_path: Path, damage: dict[str, bytes]) -> None:
    """Good as it came, under any name; changed later, or its note spoilt, it is refused and verify tells."""
    hub.import_folder(folder_of(CHAT, tmp_path / "a"), tmp_path / "b", "mine")
    assert hub.verify(tmp_path / "b") == (["mine: good (imported; its licence is its own)"], True)
    assert "here" in next(row for row in hub.listing(tmp_path / "b") if row.split()[0] == "mine")
    for name, data in damage.items():
        (tmp_path / "b" / "mine" / name).write_bytes(data)
    with pytest.raises(ModelCorrupt):
        hub.locate_chat("mine", tmp_path / "b")
    assert not hub.verify(tmp_path / "b")[1]


def test_an_import_that_was_cut_begins_anew(shelf: None, tmp_path: Path) -> None:
    """What an import that was killed left behind is neither used nor in the way; a name that is taken is not written over."""
    folder_of({FIRST: b"half", "run.py": b"x"}, tmp_path / "b" / "mine.part")
    source = folder_of(CHAT, tmp_path / "a")
    with pytest.raises(UnknownModel):
        hub.locate_chat("mine", tmp_path / "b")
    hub.import_folder(source, tmp_path / "b", "mine")
    assert set(held(tmp_path / "b" / "mine")) == {*CHAT, chat.RECORD} and only(tmp_path / "b") == ["mine"]
    assert "model of that name is here" in refused(lambda: hub.import_folder(source, tmp_path / "b", "mine"))


def without(*names: str) -> dict[str, bytes]:
    return {path: data for path, data in CHAT.items() if path not in names}


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (CHAT | {"pytorch_model.bin": b"x"}, "pytorch_model.bin can run code"),
        (CHAT | {"extra.PT": b"x"}, "extra.PT can run code"),
        (CHAT | {"modeling_tiny.py": b"x"}, "modeling_tiny.py can run code"),
        (without("config.json"), "no config.json"),
        (without("tokenizer.json"), "no tokenizer"),
        (without(FIRST, SECOND, INDEX), "no safetensors"),
        (without(SECOND), f"{SECOND} is missing"),
        (CHAT | {FIRST: CHAT[FIRST][:-1]}, f"{FIRST} is missing, cut short"),
        (CHAT | {FIRST: b""}, f"{FIRST} is missing, cut short"),
        (CHAT | {FIRST: WEIGHTS}, f"{FIRST} is missing, cut short"),
        (CHAT | {INDEX: b"[]"}, "index of the weights"),
    ],
)
def test_a_folder_that_is_no_chat_model_is_refused(shelf: None, tmp_path: Path, model: dict[str, bytes], reason: str) -> None:
    """Pickles, code, and models with something missing or cut short: told which file, and nothing is kept; the same where the folder is used in place."""
    source = folder_of(model, tmp_path / "a")
    assert reason in refused(lambda: hub.import_folder(source, tmp_path / "b", "mine"))
    assert reason in refused(lambda: hub.locate_chat(str(source), tmp_path / "b"))
    assert only(tmp_path / "b") == []


def test_links_are_followed_inside_the_folder_alone(shelf: None, tmp_path: Path) -> None:
    """A link to a file of the same folder is copied as a file; one that leads out is refused."""
    source = folder_of(without("tokenizer.json"), tmp_path / "a")
    (source / "tokenizer.json").symlink_to("config.json")
    hub.import_folder(source, tmp_path / "b", "mine")
    assert not (tmp_path / "b" / "mine" / "tokenizer.json").is_symlink()
    (tmp_path / "secret.json").write_bytes(b"{}")
    (source / "more.json").symlink_to(tmp_path / "secret.json")
    assert "leads out" in refused(lambda: hub.import_folder(source, tmp_path / "c", "mine"))


@pytest.mark.parametrize("name", ["", "Mine", "a/b", "..", "mine.part", "-x", "a b", "base.en", "turbo"])
def test_a_name_that_could_mislead_is_refused(shelf: None, tmp_path: Path, name: str) -> None:
    """A name is a plain word that means no speech weights and no place."""
    source = folder_of(CHAT, tmp_path / "a")
    assert "Give it another" in refused(lambda: hub.import_folder(source, tmp_path / "b", name))


def test_the_store_is_not_imported_into_itself(shelf: None, tmp_path: Path) -> None:
    """A folder that lies in the folder of weights already, or nowhere, is no source."""
    source = folder_of(CHAT, tmp_path / "b" / "mine.part")
    assert "already" in refused(lambda: hub.import_folder(source, tmp_path / "b", "mine")) and held(source) == CHAT
    assert "no such folder" in refused(lambda: hub.import_folder(tmp_path / "none", tmp_path / "b", "mine"))


def test_a_chat_model_of_ones_own_is_taken_where_it_lies(shelf: None, tmp_path: Path) -> None:
    """Its label holds a digest and no part of its path; what the catalogue pins has its name wherever it lies."""
    own = folder_of(CHAT | {"config.json": b"{}"}, tmp_path / "J. Doe")
    path, label, revision = hub.locate_chat(str(own), tmp_path)
    assert path == own and label.startswith("own model ") and len(label) == 18 and revision is None
    twin = folder_of(CHAT | {"README.md": b"x"}, tmp_path / "copied")
    assert hub.locate_chat(str(twin), tmp_path / "none")[1].startswith("tiny-chat ") and hub.locate_chat(str(twin), tmp_path)[2] == COMMIT


@pytest.mark.parametrize("name", ["tiny", "TINY-CHAT", "", "nowhere/tiny-chat", "a\0b"])
def test_a_chat_model_that_nobody_knows(shelf: None, tmp_path: Path, name: str) -> None:
    """The error names the ones that are known; one that is known and not here names the command."""
    with pytest.raises(UnknownModel, match="tiny-chat"):
        hub.locate_chat(name, tmp_path)
    with pytest.raises(ModelMissing, match="aside models pull tiny-chat"):
        hub.locate_chat("tiny-chat", tmp_path)


# ── the command line ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_failed_pull_ends_with_1_on_the_command_line(served: Served, tmp_path: Path) -> None:
    """`aside models pull` tells success on standard output; failure is one line on standard error, with exit code 1."""
    done = CliRunner().invoke(app, ["models", "pull", "little.en"], env={"ASIDE_MODELS": str(tmp_path / "a")})
    assert done.exit_code == 0 and str(tmp_path / "a" / "little.pt") in done.stdout
    served.status = 404
    done = CliRunner().invoke(app, ["models", "pull", "little.en"], env={"ASIDE_MODELS": str(tmp_path / "b")})
    assert done.exit_code == 1 and done.stdout == "" and done.stderr.count("\n") == 1


def test_the_models_commands_in_a_process(tmp_path: Path) -> None:
    """`list` shows the folder and every name; a pull of an unknown name is wrong use, told in one line that lists the known ones."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("ASIDE_")} | {"ASIDE_MODELS": str(tmp_path)}
    command = [sys.executable, "-m", "drafting", "models"]
    done = subprocess.run([*command, "list"], capture_output=True, text=True, cwd=ROOT, env=env, check=True)
    assert done.stdout.splitlines()[0] == str(tmp_path)
    assert [row.split()[0] for row in done.stdout.splitlines()[1:]] == [w.name for w in hub.known()] + [m.name for m in chat.catalogue()]
    done = subprocess.run([*command, "pull", "bse.en"], capture_output=True, text=True, cwd=ROOT, env=env, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1) and "base.en" in done.stderr
