"""The store of weights: looking, fetching, and every way that a fetch can end."""

from __future__ import annotations

import ast
import errno
import hashlib
import importlib.util
import io
import os
import random
import resource
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
from prompts import table

ROOT = Path(__file__).parent.parent
WEIGHTS = random.Random(7).randbytes(300_000)
HALF = len(WEIGHTS) // 2
LOOKUP = socket.getaddrinfo


@dataclass
class Served:
    """What the server does, and what it was asked. `sent` bytes go out, of what was promised; then it hangs up, or waits for `free`."""

    data: bytes = WEIGHTS
    status: int = 200
    ranges: bool = True
    sent: int = len(WEIGHTS)
    stalls: bool = False
    url: str = ""
    asked: list[str | None] = field(default_factory=list)
    free: threading.Event = field(default_factory=threading.Event)


def handler(served: Served) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            served.asked.append(asked)
            start = int(asked[6:-1]) if asked and served.ranges else 0
            body = served.data[start:]
            status = served.status if served.status != 200 else 416 if start and not body else 206 if start else 200
            self.send_response(status)
            if status == 206:
                self.send_header("Content-Range", f"bytes {start}-{len(served.data) - 1}/{len(served.data)}")
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
        served.url = f"http://127.0.0.1:{server.server_port}/v1/little.pt"
        monkeypatch.setattr(hub, "table", lambda name: rows(served.url))
        yield served
        served.free.set()
        server.shutdown()
        thread.join()


def rows(url: str) -> dict:
    return {"whisper": [{"name": "little.en", "also": ["little"], "url": url, "sha256": hashlib.sha256(WEIGHTS).hexdigest(), "megabytes": 1}]}


def of_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "table", lambda name: rows("http://127.0.0.1:9/little.pt"))


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

    monkeypatch.setattr(hub.hashlib, "file_digest", fail)
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
    code = f"from models import hub\nhub.table = lambda name: {rows(served.url)!r}\nhub.pull('little', hub.Path({str(tmp_path)!r}))"
    part = tmp_path / "little.pt.part"
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) as process:
        until = time.monotonic() + 20
        while not (part.exists() and part.stat().st_size >= HALF - hub.BLOCK) and time.monotonic() < until:
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
        monkeypatch.setattr(hub, "table", lambda name: rows(f"http://127.0.0.1:{bound.getsockname()[1]}/little.pt"))
        assert "Connection refused" in told(lambda: hub.pull("little.en", tmp_path))
    assert only(tmp_path) == []


def test_a_server_that_falls_silent(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pull does not wait for ever; what came is kept."""
    monkeypatch.setattr(hub, "PATIENCE", 0.3)
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
        monkeypatch.setattr(hub, "table", lambda name: rows(f"http://127.0.0.1:{server.getsockname()[1]}/little.pt"))
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
    assert [row.split()[0] for row in done.stdout.splitlines()[1:]] == [w.name for w in hub.known()]
    done = subprocess.run([*command, "pull", "bse.en"], capture_output=True, text=True, cwd=ROOT, env=env, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1) and "base.en" in done.stderr
