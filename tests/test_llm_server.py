"""Writing with a server: which may be asked, what it is sent, and every way that its answer can come."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from drafting.errors import EngineFailed, HostRefused
from drafting.pipeline.formats import load
from drafting.types import Context, Draft, DraftSentence, Fallback, NoteFormat, RecordStatement
from models.llm import LlmWriter
from models.llm import server as room_of_server
from models.llm.asking import Stopped
from models.llm.server import ServerModel, allowed, label, tokens, unwrapped
from tests.checkpoints import answering_model, random_model
from tests.making import record

ROOT = Path(__file__).parent.parent
HOSTS = ("localhost", "127.0.0.1", "::1")
CANARY = "Ottoline Brack"
MESSAGES = [{"role": "system", "content": "Write the note."}, {"role": "user", "content": f"[s1] {CANARY} slept badly."}]
SCHEMA = {"type": "object", "properties": {"sentences": {"type": "array"}}, "required": ["sentences"], "additionalProperties": False}
ANSWER = '{"sentences": [{"text": "Client slept badly.", "evidence": ["s1"]}]}'
LISTED = {"object": "list", "data": [{"id": "small-chat", "object": "model"}]}

# ── a server that does as it is told ──────────────────────────────────────────────────────────────────────────────────

Reply = Callable[["Handler"], None]


@dataclass
class Script:
    """What the server lists and how it replies, the last reply for good; and what it was asked. `left` is set where a client hung up."""

    replies: list[Reply]
    models: Reply
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)


class Handler(BaseHTTPRequestHandler):
    script: Script
    question: dict[str, Any]

    def do_GET(self) -> None:
        self.script.paths.append(self.path)
        self._reply(self.script.models)

    def do_POST(self) -> None:
        self.script.paths.append(self.path)
        self.question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.script.asked.append(self.question)
        replies = self.script.replies
        self._reply(replies.pop(0) if len(replies) > 1 else replies[0])

    def _reply(self, reply: Reply) -> None:
        self.close_connection = True
        try:
            reply(self)
        except ConnectionError:
            self.script.left.set()

    def log_message(self, *args: object) -> None:
        pass

    def begin(self, status: int = 200, kind: str = "text/event-stream", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def event(self, data: object) -> None:
        self.wfile.write(b"data: " + json.dumps(data, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n\n")
        self.wfile.flush()


def piece(text: str | None, end: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": end}]}


def streams(*pieces: str, end: str | None = "stop", done: bool = True) -> Reply:
    """A stream of pieces, as servers write it, with what they put before, between and after."""

    def reply(handler: Handler) -> None:
        handler.begin()
        handler.event({"choices": [{"index": 0, "delta": {"role": "assistant"}, "finish_reason": None}]})
        for text in pieces:
            handler.wfile.write(b": still here\r\n\r\n")
            handler.event(piece(text))
        if end:
            handler.event(piece(None, end))
            handler.event({"choices": [], "usage": {"completion_tokens": len(pieces)}})
        if done:
            handler.wfile.write(b"data: [DONE]\n\n")

    return reply


def answers(status: int, body: object = "", kind: str = "application/json", **headers: str) -> Reply:
    def reply(handler: Handler) -> None:
        handler.begin(status, kind, **headers)
        handler.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

    return reply


def sends(*data: bytes) -> Reply:
    def reply(handler: Handler) -> None:
        handler.begin()
        for block in data:
            handler.wfile.write(block)
            handler.wfile.flush()

    return reply


def silent(handler: Handler) -> None:
    """Take the question and say nothing, until the client hangs up."""
    handler.connection.settimeout(30)
    if not handler.connection.recv(1):
        raise ConnectionError


def drips(handler: Handler) -> None:
    """A stream that never ends and never pauses for long."""
    handler.begin()
    while not handler.script.over.wait(0.02):
        handler.event(piece(""))


def drips_headers(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not handler.script.over.wait(0.02):
        handler.wfile.write(b"a")


def pours(handler: Handler) -> None:
    """A stream that goes on and on, whatever was asked for."""
    handler.begin()
    while not handler.script.over.is_set():
        handler.event(piece("x" * 50))


@pytest.fixture
def script() -> Iterator[Script]:
    """A server on this machine."""
    script = Script([streams(ANSWER)], answers(200, LISTED))
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Scripted", (Handler,), {"script": script}))
    server.daemon_threads = True
    script.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield script
    script.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between tries are short here."""
    monkeypatch.setattr(room_of_server, "PAUSE", 0.02)


def model(script: Script, **more: Any) -> ServerModel:
    return ServerModel(script.url, HOSTS, **{"patience": 10.0, **more})


def ask(asked: ServerModel, most: int = 200, told: Callable[[int], None] | None = None) -> str:
    return asked.ask(MESSAGES, SCHEMA, most, told)


def fails(asked: ServerModel, most: int = 200) -> str:
    """What the failure says; neither it nor its traceback holds words of the prompt or of the server's answer."""
    with pytest.raises(EngineFailed) as caught:
        ask(asked, most)
    assert CANARY not in "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    return str(caught.value)


# ── who may be asked ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("http://localhost:8000/v1", HOSTS),
        ("HTTP://LOCALHOST:8000/v1", HOSTS),
        ("http://localhost/v1", ("LocalHost",)),
        ("https://127.0.0.1/v1", HOSTS),
        ("http://[::1]:8000/v1", HOSTS),
        ("http://[::1]:8000/v1", ("[::1]",)),
        ("http://writer.practice.example:8000/v1", ("writer.practice.example",)),
        ("http://localhost./v1", ("localhost.",)),
    ],
)
def test_a_host_on_the_list_may_be_asked(url: str, hosts: tuple[str, ...]) -> None:
    """Case and the brackets of IPv6 do not matter."""
    assert allowed(url, hosts).scheme in ("http", "https")


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example/v1",
        "http://localhost@evil.example/v1",
        "http://localhost:8000@evil.example/v1",
        "http://user:secret-word@localhost/v1",
        "http://localhost\\@evil.example/v1",
        "http://evil.example\\@localhost/v1",
        "http://evil.example#@localhost/v1",
        "http://evil.example?@localhost/v1",
        "http://localhost.evil.example/v1",
        "http://127.0.0.1.evil.example/v1",
        "http://evil-localhost/v1",
        "http://localhost./v1",
        "http://localhost\u3002/v1",
        "http://l\u043ecalhost/v1",
        "http://xn--lcalhost-nbh/v1",
        "http://\uff4cocalhost/v1",
        "http://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3/v1",
        "http://%6cocalhost/v1",
        "http://localhost%00.evil.example/v1",
        "http://localhost /v1",
        "http://localhost\n.evil.example/v1",
        "http://2130706433/v1",
        "http://0x7f000001/v1",
        "http://0177.0.0.1/v1",
        "http://127.1/v1",
        "http://0.0.0.0/v1",
        "http://[::ffff:127.0.0.1]/v1",
        "http://[0:0:0:0:0:0:0:1]/v1",
        "http://[::1%25eth0]/v1",
        "http://[::1]evil.example/v1",
        "http://localhost:99999/v1",
        "http:///v1",
        "http:localhost/v1",
        "//localhost/v1",
        "localhost:8000/v1",
        "ftp://localhost/v1",
        "file://localhost/etc/passwd",
        "javascript://localhost/v1",
        "",
    ],
)
def test_any_other_host_is_refused_before_anything_is_sent(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every other name, every other spelling of the same machine, and every trick with an address."""
    monkeypatch.setattr(socket.socket, "connect", lambda *a: pytest.fail("something was sent"))
    with pytest.raises(HostRefused) as caught:
        ServerModel(url, HOSTS, model="small-chat")
    assert "secret-word" not in "".join(traceback.format_exception(caught.value))


def test_an_empty_list_lets_nobody_be_asked() -> None:
    """Neither does a list with an empty name on it."""
    for url, hosts in (("http://localhost/v1", ()), ("http:///v1", ("",)), ("http://localhost/v1", ("*", ""))):
        with pytest.raises(HostRefused):
            allowed(url, hosts)


def test_a_refused_host_is_named() -> None:
    """The message says which host it was, and where hosts are listed."""
    with pytest.raises(HostRefused, match=r"evil\.example .* ASIDE_LLM_HOSTS"):
        allowed("http://evil.example/v1", HOSTS)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(script: Script, status: int) -> None:
    """Wherever a server sends the prompt, there it does not go; not even to itself."""
    asked = model(script)
    script.replies = [answers(status, Location=f"{script.url}/elsewhere")]
    assert f"sends elsewhere (status {status})" in fails(asked)
    assert script.paths == ["/v1/models", "/v1/chat/completions"]


def test_a_proxy_of_the_environment_is_not_used(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """The prompt goes to the server itself, whatever the environment says of proxies."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert ask(model(script)) == ANSWER


# ── which model ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_model_listed_is_asked_where_none_is_named(script: Script) -> None:
    """Its name is the one in the request and in the provenance; entries that are none are passed over."""
    script.models = answers(200, {"data": [None, {"id": ""}, {"id": 7}, {"id": "first"}, {"id": "second"}]})
    asked = model(script)
    ask(asked)
    assert (asked.name, asked.revision, script.asked[0]["model"]) == ("first", None, "first")


@pytest.mark.parametrize(
    ("entries", "named", "size"),
    [
        ([{"id": "a", "max_model_len": 4096}], None, 4096),
        ([{"id": "a", "meta": {"n_ctx_train": 131072}}], None, 131072),
        ([{"id": "a", "meta": {"n_ctx_train": 131072, "n_ctx": 6000}}], None, 6000),
        ([{"id": "a", "max_model_len": 4096}, {"id": "b", "max_model_len": 2048}], "b", 2048),
        ([{"id": "/weights/a.gguf", "meta": {"n_ctx": 3000}}], "a", 3000),
        ([{"id": "a", "max_model_len": 4096}, {"id": "b", "max_model_len": 2048}], "c", 8192),
        ([{"id": "a"}], None, 8192),
        ([{"id": "a", "max_model_len": None, "meta": None}], None, 8192),
        ([{"id": "a", "max_model_len": "4096", "meta": [1]}], None, 8192),
        ([{"id": "a", "max_model_len": True}], None, 8192),
        ([{"id": "a", "max_model_len": -1}], None, 8192),
    ],
)
def test_room_is_what_the_server_says(script: Script, entries: list[object], named: str | None, size: int) -> None:
    """vLLM and llama.cpp say it in their own ways; where nothing usable is said it is 8192."""
    script.models = answers(200, {"object": "list", "data": entries})
    assert model(script, model=named).room == size


@pytest.mark.parametrize(
    "listing",
    [
        answers(200, {"data": []}),
        answers(200, {"data": "none"}),
        answers(200, [CANARY]),
        answers(200, b"<html>" + CANARY.encode()),
        answers(200, b"[" * 100_000),
        answers(200, b" " * 3_000_000 + json.dumps(LISTED).encode()),
        answers(404, {"error": CANARY}),
        answers(500, {"error": CANARY}),
        answers(302, Location="http://evil.example/"),
    ],
)
def test_a_server_without_a_usable_list_must_be_told_the_model(script: Script, listing: Reply) -> None:
    """With no name and no list there is nobody to ask; with a name there is."""
    script.models = listing
    with pytest.raises(EngineFailed) as caught:
        model(script)
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    named = model(script, model="mine")
    assert (ask(named), named.name, named.room) == (ANSWER, "mine", 8192)


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("small-chat", "small-chat"),
        ("maker/small-chat", "maker/small-chat"),
        ("maker/small-chat:q4.gguf", "maker/small-chat:q4.gguf"),
        ("/home/rosa/weights/small-chat.gguf", "small-chat.gguf"),
        ("~/weights/small-chat/", "small-chat"),
        ("../weights/small-chat", "small-chat"),
        ("weights/of/small-chat", "small-chat"),
        ("C:\\Users\\rosa\\small-chat.gguf", "small-chat.gguf"),
        ("small\nchat\x1b[31m", "smallchat[31m"),
        ("x" * 500, "x" * 100),
    ],
)
def test_a_model_is_never_called_by_its_path(called: str, name: str) -> None:
    """A path tells whose machine it is; only its last part goes into a note's provenance."""
    assert label(called) == name


def test_a_prompt_is_never_taken_for_shorter_than_it_is() -> None:
    """Against a real tokenizer, on prose, doses, times, names and many scripts; and against bytes, where a tokenizer knows a script not at all."""
    tokenizer = Tokenizer.from_file(str(ROOT / "models/encoder/tokenizer.json"))
    tokenizer.no_truncation()
    prose = (ROOT / "examples/dictation.txt").read_text(encoding="utf-8")
    for text in (prose, prose.upper(), "Sertraline 50 mg → 75.5 mg at 21:05 on 3/14/2026; PHQ-9: 11, GAD-7: 8.", "[s1] no\n[s2] Mkhitaryan\n" * 9):
        assert tokens(text) >= len(tokenizer.encode(text, add_special_tokens=False).ids)
    for text in ("0123456789", "Клиент", "来访者说睡眠不好", "नींद", "🙂👩‍👩‍👧", "\t\n.,;:!?()-", "\ud83d"):
        assert tokens(text) == len(text.encode("utf-8", "surrogatepass"))
    assert tokens(prose) < 2.5 * len(tokenizer.encode(prose, add_special_tokens=False).ids)


def test_a_prompt_counts_with_what_a_template_adds(script: Script) -> None:
    """Empty messages take tokens too, each its own."""
    asked = model(script)
    empty = {"role": "user", "content": ""}
    assert 0 < asked.count([empty]) < asked.count([empty, empty]) < asked.count([empty, {"role": "user", "content": "a word"}])


# ── what is sent, and what comes back ─────────────────────────────────────────────────────────────────────────────────


def test_the_request_is_bound_and_repeatable(script: Script) -> None:
    """Temperature nought, the seed, the bound on tokens, the schema, and the messages as they were given."""
    ask(model(script, seed=11), most=77)
    form = {"type": "json_schema", "json_schema": {"name": "section", "strict": True, "schema": SCHEMA}}
    sent = {"temperature": 0, "seed": 11, "max_tokens": 77, "stream": True, "messages": MESSAGES, "model": "small-chat", "response_format": form}
    assert script.asked == [sent]


def test_the_answer_is_joined_from_its_stream(script: Script) -> None:
    """Piece by piece, and each piece is told of."""
    heard: list[int] = []
    script.replies = [streams(ANSWER[:9], ANSWER[9:10], ANSWER[10:])]
    assert (ask(model(script), told=heard.append), heard) == (ANSWER, [1, 2, 3])


@pytest.mark.parametrize(("end", "done", "counts"), [("stop", False, [1, 2]), (None, True, [1, 2]), ("length", True, [1, 2, 200])])
def test_each_way_to_end_a_stream_is_understood(script: Script, end: str | None, done: bool, counts: list[int]) -> None:
    """Some servers say why they stopped, some that they are done, some both. An answer cut at its bound comes as it is, and the count says so."""
    heard: list[int] = []
    script.replies = [streams("{", "}", end=end, done=done)]
    assert (ask(model(script), told=heard.append), heard) == ("{}", counts)


def test_text_comes_through_whatever_its_characters(script: Script) -> None:
    """Line separators inside an answer part nothing; a character may be parted between blocks of bytes, or between pieces."""
    text = "{é\u2028\u0085\u000b来🙂}"
    raw = b"data: " + json.dumps(piece(text), ensure_ascii=False).encode() + b"\n\ndata: [DONE]\n\n"
    at = raw.index("🙂".encode()) + 2
    halves = json.dumps(piece("{\ud83d")).encode(), json.dumps(piece("\ude42}", "stop")).encode()
    script.replies = [sends(raw[:at], raw[at:]), sends(b"data: " + halves[0] + b"\n\n", b"data: " + halves[1] + b"\n\n")]
    asked = model(script)
    assert (ask(asked), ask(asked)) == (text, "{🙂}")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (ANSWER, ANSWER),
        (f"\n {ANSWER}\n", ANSWER),
        (f"```json\n{ANSWER}\n```", ANSWER),
        (f"```\n{ANSWER}\n```\n", ANSWER),
        (f"```JSON\r\n{ANSWER}\r\n```", ANSWER),
        (f"<think>\nWell, {{}}.\n</think>\n\n{ANSWER}", ANSWER),
        (f"<think>Hm.</think>```json\n{ANSWER}\n```", ANSWER),
        (f"Well.\n</think>\n{ANSWER}", ANSWER),
        ('{"text": "said </think> and ```"}', '{"text": "said </think> and ```"}'),
        ('```json\n{"text": "a ``` b"}\n```', '{"text": "a ``` b"}'),
        ("<think>It never ends", "<think>It never ends"),
        (f"Here it is: {ANSWER}", f"Here it is: {ANSWER}"),
        ("", ""),
    ],
)
def test_an_answer_is_taken_out_of_its_wrapping(text: str, answer: str) -> None:
    """Fences and thoughts go; what a sentence says of either stays; other talk is for the caller to refuse."""
    assert unwrapped(text) == answer


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_cannot_be_bound_is_asked_without(script: Script, status: int) -> None:
    """Once it has refused a schema and answered without one, it is not offered another."""
    script.replies = [answers(status, {"error": "response_format"}), streams(ANSWER)]
    asked = model(script)
    assert (ask(asked), ask(asked)) == (ANSWER, ANSWER)
    assert ["response_format" in body for body in script.asked] == [True, False, False]


def test_a_server_that_refuses_the_request_itself_is_offered_the_schema_again(script: Script) -> None:
    """A prompt that is too long is refused with or without a schema; that says nothing of schemas."""
    refusal = answers(400, {"error": CANARY})
    script.replies = [refusal, refusal, streams(ANSWER)]
    asked = model(script)
    assert "status 400 Bad Request" in fails(asked)
    assert ask(asked) == ANSWER
    assert ["response_format" in body for body in script.asked] == [True, False, True]


# ── what goes wrong ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("first", [answers(429), answers(500), answers(503), streams(ANSWER[:20], end=None, done=False), sends(b"data: {")])
def test_what_may_pass_is_tried_again(script: Script, first: Reply) -> None:
    """A busy server, one that failed, and a stream that was cut: the next answer counts, and nothing of the first is in it."""
    script.replies = [first, streams(ANSWER)]
    assert ask(model(script)) == ANSWER
    assert len(script.asked) == 2


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (answers(500, {"error": CANARY}), "status 500 Internal Server Error"),
        (answers(599, CANARY), "status 599"),
        (streams(CANARY, end=None, done=False), "cut before the end"),
    ],
)
def test_tries_come_to_an_end(script: Script, reply: Reply, says: str) -> None:
    """After two more it fails, and a stream cut half-way is never an answer."""
    script.replies = [reply]
    assert says in fails(model(script))
    assert len(script.asked) == 3


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (answers(401, {"error": CANARY}), "status 401 Unauthorized"),
        (answers(404, {"error": CANARY}), "status 404 Not Found"),
        (answers(204), "status 204 No Content"),
        (answers(200, {"choices": [{"message": {"content": CANARY}}]}), "does not stream"),
        (sends(b"data: {" + CANARY.encode() + b"}\n\n"), "no JSON"),
        (sends(b"data: \xff\xfe\n\n"), "no JSON"),
        (sends(b"data: [1]\n\n"), "no answer"),
        (sends(b"data: " + b"[" * 100_000 + b"\n\n"), "no JSON"),
        (sends(b'data: {"error": {"message": "' + CANARY.encode() + b'"}}\n\n'), "failed while it wrote"),
        (sends(b"data: " + json.dumps(piece("\ud83d", "stop")).encode() + b"\n\n"), "half a character"),
    ],
)
def test_what_will_not_pass_is_not_tried_again(script: Script, reply: Reply, says: str) -> None:
    """The failure says what it was in words of ours, none of the server's."""
    script.replies = [reply]
    assert says in fails(model(script))
    assert len(script.asked) == 1


def test_the_wait_that_a_server_asks_for_is_kept(script: Script) -> None:
    """Retry-After is waited for before the next try."""
    script.replies = [answers(429, Retry_After="1"), streams(ANSWER)]
    asked = model(script)
    begun = time.monotonic()
    assert ask(asked) == ANSWER
    assert time.monotonic() - begun >= 1


@pytest.mark.parametrize("after", ["600", formatdate(time.time() + 600, usegmt=True)])
def test_a_wait_beyond_patience_is_not_begun(script: Script, after: str) -> None:
    """A server that is busy for longer than anybody waits has failed now; its words may be seconds or a date."""
    script.replies = [answers(503, Retry_After=after)]
    asked = model(script)
    begun = time.monotonic()
    assert "status 503" in fails(asked)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("after", ["soon", "-5", "", "Mon, 01 Jan 2001 00:00:00 GMT", "Mon, 01 Jan 2001 00:00:00 -0000", "9" * 400])
def test_a_wait_that_is_none_is_passed_over(script: Script, after: str) -> None:
    """Words, numbers below nought or beyond all counting, and dates gone by leave the short pause of ours."""
    script.replies = [answers(429, Retry_After=after), streams(ANSWER)]
    assert ask(model(script)) == ANSWER


def test_a_server_that_is_not_there_fails_in_words() -> None:
    """The message names the address and what to look at; with a model named, only when it is asked."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and no one listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.raises(EngineFailed, match=r"at 127\.0\.0\.1:[0-9]+ stopped: no connection"):
            ServerModel(url, HOSTS)
        assert "no connection" in fails(ServerModel(url, HOSTS, model="small-chat"))


@pytest.mark.parametrize("slow", [silent, drips, drips_headers])
def test_patience_bounds_the_whole_time(script: Script, slow: Reply) -> None:
    """A server that is silent, or never quite silent, is left when the time is up."""
    asked = model(script, patience=0.4)
    script.replies = [slow]
    begun = time.monotonic()
    assert "within 0.4 seconds" in fails(asked)
    assert time.monotonic() - begun < 3
    assert script.left.wait(5)


def test_an_answer_without_end_is_left(script: Script) -> None:
    """What comes is about eight characters a token at most, and the server is hung up on."""
    heard: list[int] = []
    script.replies = [pours]
    assert 80 < len(ask(model(script), most=10, told=heard.append)) < 200
    assert heard[-1] == 10
    assert script.left.wait(5)


def test_a_line_without_end_is_left(script: Script) -> None:
    """A server cannot fill this machine's memory with one event."""
    script.replies = [sends(b"data: ", *[b" " * 100_000] * 40)]
    assert "has no end" in fails(model(script))


def test_nothing_of_a_prompt_is_logged(script: Script, caplog: pytest.LogCaptureFixture) -> None:
    """Neither of the answer, at any level, by any package."""
    caplog.set_level(logging.DEBUG)
    script.replies = [answers(500, {"error": CANARY}), streams(CANARY)]
    assert ask(model(script)) == CANARY
    assert caplog.text
    assert CANARY not in caplog.text


# ── several at once, and an end to all ────────────────────────────────────────────────────────────────────────────────


def test_several_threads_ask_at_once(script: Script) -> None:
    """Each gets the answer to its own question, and none waits for another: the server answers nobody until all four have asked."""
    together = threading.Barrier(4)

    def reply(handler: Handler) -> None:
        together.wait(10)
        streams(handler.question["messages"][0]["content"])(handler)

    script.replies = [reply]
    asked = model(script)
    got: dict[str, str] = {}

    def run(words: str) -> None:
        got[words] = asked.ask([{"role": "user", "content": words}], SCHEMA, 200)

    threads = [threading.Thread(target=run, args=(words,)) for words in ("one", "two", "three", "four")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert got == {words: words for words in ("one", "two", "three", "four")}


@pytest.mark.parametrize("slow", [silent, drips, answers(503, Retry_After="5")])
def test_closing_ends_every_answer_under_way(script: Script, slow: Reply) -> None:
    """Wherever each stands, waiting for a word, in a stream or between tries, it is stopped at once; a later question is answered."""
    asked = model(script)
    script.replies = [slow]
    ended: list[type[BaseException]] = []

    def run() -> None:
        try:
            ask(asked)
        except Exception as fault:
            ended.append(type(fault))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    until = time.monotonic() + 5
    while len(script.asked) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.1)
    asked.close()
    for thread in threads:
        thread.join(3)
    assert ended == [Stopped, Stopped]
    script.replies = [streams(ANSWER)]
    assert ask(asked) == ANSWER


def test_closing_with_nothing_under_way_does_nothing(script: Script) -> None:
    """Before a question and after one."""
    asked = model(script)
    asked.close()
    assert ask(asked) == ANSWER
    asked.close()


def test_what_the_listener_raises_ends_the_answer(script: Script) -> None:
    """It comes out as it was raised, and the server is hung up on."""

    class Enough(Exception):
        pass

    def told(pieces: int) -> None:
        raise Enough

    script.replies = [pours]
    with pytest.raises(Enough):
        ask(model(script), most=100_000, told=told)
    assert script.left.wait(5)


# ── a server that others made ─────────────────────────────────────────────────────────────────────────────────────────

CLI = Path(sys.executable).parent / "transformers"


def lacking() -> str:
    """Which part of `transformers serve` is not installed, if any."""
    if not CLI.exists():
        return "its command line"
    for package in ("openai", "accelerate", "fastapi", "uvicorn"):
        try:
            version(package)
        except PackageNotFoundError:
            return f"the package {package}"
    return ""


transformers_serve = pytest.mark.skipif(bool(lacking()), reason=f"NOT CHECKED against `transformers serve`: {lacking()} is not installed")


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`transformers serve`, really running, on a processor, with no way out; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path_factory.mktemp("hub")), "OMP_NUM_THREADS": "1"}
    command = [str(CLI), "serve", "--device", "cpu", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_until_it_listens(process, port)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.kill()


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + 300
    while time.monotonic() < until:
        assert process.poll() is None, f"`transformers serve` ended with code {process.returncode}"
        with socket.socket() as knock:
            if knock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail("`transformers serve` did not begin to listen")


class Plain:
    """A plain writer: a sentence for each statement."""

    name = "plain"

    def write(self, statements: Sequence[RecordStatement], note_format: NoteFormat, context: Context) -> Draft:
        sentences = (DraftSentence(note_format.section_of(s.role).key, f"Plainly: {s.words}", (s.id,)) for s in statements)
        return Draft(note_format, tuple(sentences), self.name)


def written(url: str, folder: Path) -> Draft:
    """A draft of one statement, by the model in `folder`."""
    served = ServerModel(url, HOSTS, model=str(folder), patience=60)
    return LlmWriter(served, Plain()).write(record("She slept badly."), load("soap"), Context())


@transformers_serve
def test_a_real_server_writes_a_section(serving: str, tmp_path: Path) -> None:
    """An answer of the right form becomes the section, with its evidence; the folder of the weights stands nowhere in the draft."""
    draft = written(serving, answering_model(tmp_path / "steady", ANSWER))
    assert [(s.section, s.text, s.evidence) for s in draft.sentences] == [("subjective", "Client slept badly.", ("s1",))]
    assert draft.fallbacks == ()
    assert draft.provenance.model == "steady"
    assert str(tmp_path) not in repr(draft)


@transformers_serve
def test_an_answer_of_no_form_from_a_real_server_leaves_the_section_plain(serving: str, tmp_path: Path) -> None:
    """It binds no answer to a schema, so prose may come: then the plain writer's sentences stand, and the draft says why."""
    draft = written(serving, answering_model(tmp_path / "chatty", "The client slept badly."))
    assert [s.text for s in draft.sentences] == ["Plainly: She slept badly."]
    assert draft.fallbacks == (Fallback("subjective", "invalid"),)


@transformers_serve
def test_babble_from_a_real_server_leaves_the_section_plain(serving: str, tmp_path: Path) -> None:
    """Random weights write no JSON; whether they stop or are cut, nothing of theirs is in the note."""
    draft = written(serving, random_model(tmp_path / "babbling"))
    assert [s.text for s in draft.sentences] == ["Plainly: She slept badly."]
    assert [f.reason for f in draft.fallbacks] in (["invalid"], ["too_long"])


@transformers_serve
def test_a_real_server_can_be_stopped_and_asked_again(serving: str, tmp_path: Path) -> None:
    """Closing ends an answer in the middle; the next question is answered."""
    asked = ServerModel(serving, HOSTS, model=str(random_model(tmp_path / "babbling")), patience=60)
    with pytest.raises(Stopped):
        ask(asked, most=3000, told=lambda pieces: asked.close())
    assert ask(asked, most=20)
