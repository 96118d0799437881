"""The command line: its contract, its exit codes, and every bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from drafting.errors import EmptyInput

ROOT = Path(__file__).parent.parent
SCHEMA = jsonschema.Draft202012Validator(json.loads((ROOT / "docs/aside.schema.json").read_text(encoding="utf-8")))
SAID = "Client reports poor sleep this week. I felt bored by the middle of it. Affect was flat. Her sister Maria called. Plan is to meet next week.\n"


def aside(*args: str | Path, stdin: bytes | None = None, **env: str) -> subprocess.CompletedProcess[bytes]:
    """One real process of `aside`."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("ASIDE_")}
    command = [sys.executable, "-m", "drafting", *map(str, args)]
    return subprocess.run(command, input=stdin, capture_output=True, cwd=ROOT, env=clean | env, timeout=120, check=False)


def lines(done: subprocess.CompletedProcess[bytes]) -> list[dict]:
    """The JSON lines of a call, each accepted by the schema."""
    rows = [json.loads(line) for line in done.stdout.decode().splitlines()]
    for row in rows:
        SCHEMA.validate(row)
    return rows


@pytest.fixture
def said(tmp_path: Path) -> Path:
    path = tmp_path / "said.txt"
    path.write_text(SAID, encoding="utf-8")
    return path


def test_a_draft_in_json_keeps_the_contract(said: Path) -> None:
    """The line names every statement once, quotes the source exactly, and leaves private words out."""
    done = aside("draft", "--json", "--format", "dap", said)
    assert done.returncode == 0 and done.stderr == b""
    (row,) = lines(done)
    assert [s["key"] for s in row["note"]["sections"]] == ["data", "assessment", "plan"]
    for s in row["statements"]:
        shut = s["route"] in ("private", "held")
        assert s["text"] == (None if shut else SAID[s["start"] : s["end"]])
    assert "bored" not in done.stdout.decode()
    assert row["mode"] == "dictation" and row["utterances"] is None


def test_private_words_are_shown_when_asked_for(said: Path) -> None:
    """`--show-private` gives the text of private statements, and still keeps them out of the note."""
    (row,) = lines(aside("draft", "--json", "--show-private", said))
    assert any("bored" in s["text"] for s in row["private_note"]["sentences"])
    assert "bored" not in json.dumps(row["note"])


def test_evidence_names_record_statements(said: Path) -> None:
    """Every sentence's evidence is a statement on the record."""
    (row,) = lines(aside("draft", "--json", said))
    record = {s["id"] for s in row["statements"] if s["route"] == "record"}
    sentences = [s for section in row["note"]["sections"] for s in section["sentences"]]
    assert sentences and all(s["evidence"] and set(s["evidence"]) <= record for s in sentences)


def test_a_persons_view_says_it_in_a_clinicians_words(said: Path) -> None:
    """No code of ours is on the screen; the private count and the flags are."""
    done = aside("draft", said)
    text = done.stdout.decode()
    assert "Private notes: 1 kept apart" in text and "More than the chart needs" in text and "Maria" in text
    assert "bored" not in text
    import re

    assert not re.search(r"\b[EFX]\d{1,2}\b", text)


def test_standard_input_is_read() -> None:
    """`-` reads text."""
    (row,) = lines(aside("draft", "--json", "-", stdin=SAID.encode()))
    assert row["source"] == "-" and row["statements"]


def bad(folder: Path, name: str, raw: bytes) -> Path:
    path = folder / name
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize(
    ("name", "raw", "code"),
    [
        ("empty.txt", b"", "empty"),
        ("blank.txt", b" \n \t\n", "empty"),
        ("picture.txt", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00" * 30, "not_text"),
        ("latin.txt", "She slept badly after the café closed on Monday".encode("latin-1"), "wrong_encoding"),
        ("surrogate.txt", b"She said \xed\xb0\x80 and then she left the room", "wrong_encoding"),
        ("surrogate.json", b'{"utterances":[{"text":"She said \\udc00 and left."}]}', "bad_transcript"),
        ("huge.txt", b"She slept. " * 120_000, "too_large"),
        ("german.txt", b"Die Klientin berichtet von Schlafproblemen seit drei Wochen und hat auch wenig Appetit gehabt", "other_language"),
        ("note.docx", b"PK\x03\x04" + b"\x00" * 50, "unknown_kind"),
        ("broken.json", b"{", "bad_transcript"),
        ("cut.wav", b"RIFF\x24\x08\x00\x00WAVEfmt ", "bad_audio"),
        ("noise.mp3", b"this is no sound at all " * 40, "bad_audio"),
    ],
)
def test_bad_files_fail_alone_in_one_line(tmp_path: Path, said: Path, name: str, raw: bytes, code: str) -> None:
    """A bad input gives its error line and one line on standard error; the input after it is drafted; exit code 1."""
    done = aside("draft", "--json", "--asr", "pocketsphinx", bad(tmp_path, name, raw), said)
    rows = lines(done)
    assert [r["schema"] for r in rows] == ["aside.error/1", "aside.draft/1"]
    assert rows[0]["code"] == code
    assert done.returncode == 1
    assert done.stderr.decode().count("\n") == 1 and b"Traceback" not in done.stderr


def test_a_folder_a_missing_and_an_unreadable_file(tmp_path: Path, said: Path) -> None:
    """Each is told by name, and a name that is no character is escaped."""
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/no-such-\xff.txt")
    done = aside("draft", "--json", tmp_path, tmp_path / "none.txt", odd, "a\nb.txt", said)
    assert [r.get("code") for r in lines(done)] == ["is_directory", "not_found", "not_found", "not_found", None]
    assert done.returncode == 1 and b"Traceback" not in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read any file")
def test_a_file_without_permission(tmp_path: Path) -> None:
    """No permission is told as such."""
    path = bad(tmp_path, "shut.txt", SAID.encode())
    path.chmod(0)
    assert [r["code"] for r in lines(aside("draft", "--json", path))] == ["unreadable"]


def test_control_characters_never_reach_the_terminal(tmp_path: Path) -> None:
    """An escape sequence in the source is printed as a mark, not obeyed."""
    path = bad(tmp_path, "escape.txt", b"Client reports poor sleep \x1b[31mthis\x1b[0m week and low mood.\n")
    done = aside("draft", path)
    assert done.returncode == 0 and b"\x1b[31m" not in done.stdout and b"poor sleep" in done.stdout


@pytest.mark.parametrize(
    "args",
    [
        ("draft",),
        ("draft", "--format", "none", "x.txt"),
        ("draft", "--mode", "seance", "x.txt"),
        ("draft", "--kind", "party", "x.txt"),
        ("draft", "--date", "tomorrow", "x.txt"),
        ("draft", "--speaker", "Mina", "x.txt"),
        ("draft", "--decide", "/nowhere.json", "x.txt"),
        ("nonsense",),
    ],
)
def test_wrong_usage_ends_with_2(args: tuple[str, ...]) -> None:
    """A wrong call says so, with exit code 2 and no traceback."""
    done = aside(*args)
    assert done.returncode == 2 and b"Traceback" not in done.stderr and done.stdout == b""


def test_an_unknown_setting_is_refused(said: Path) -> None:
    """A slip in a setting's name is an error, not a silence."""
    done = aside("draft", said, ASIDE_FORMAT="/tmp")
    assert done.returncode == 2 and b"ASIDE_FORMAT" in done.stderr


def test_decisions_move_statements(tmp_path: Path, said: Path) -> None:
    """`--decide` admits a private statement and takes one out."""
    (row,) = lines(aside("draft", "--json", "--show-private", said))
    private = next(s["id"] for s in row["statements"] if s["route"] == "private")
    decide = bad(tmp_path, "decide.json", json.dumps({private: "record"}).encode())
    (row,) = lines(aside("draft", "--json", "--decide", decide, said))
    assert next(s for s in row["statements"] if s["id"] == private)["route"] == "record"
    assert any(private in x["evidence"] for section in row["note"]["sections"] for x in section["sentences"])


def test_another_client_is_found_by_roster(tmp_path: Path) -> None:
    """A name on the roster is the gravest flag, and the roster's file is not named in the output."""
    roster = bad(tmp_path, "roster.txt", b"Ottoline Marsh\nBashir Qureshi\n")
    text = bad(tmp_path, "t.txt", b"Client reports that she met Ottoline Marsh in the waiting room.\n")
    (row,) = lines(aside("draft", "--json", "--roster", roster, text))
    assert [(f["kind"], f["severity"]) for f in row["findings"] if "Ottoline" in f["text"]] == [("F04", "block")]


def test_screen_gives_findings_in_any_text(tmp_path: Path) -> None:
    """`aside screen` needs no dictation, and its offsets quote the text."""
    text = "Her brother Tomasz called from 0161 496 0735."
    path = bad(tmp_path, "letter.txt", text.encode())
    (row,) = lines(aside("screen", "--json", path))
    assert row["schema"] == "aside.screen/1" and row["findings"]
    assert all(f["text"] == text[f["start"] : f["end"]] for f in row["findings"])


def test_text_drafting_loads_no_torch(said: Path) -> None:
    """The way of a text dictation imports neither torch nor transformers."""
    code = f"import sys; sys.argv=['aside','draft','--json',{str(said)!r}]\nfrom drafting.__main__ import main\ntry: main()\nexcept SystemExit: pass\nassert not sys.modules.get('torch') and not sys.modules.get('transformers')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr.decode()[-500:]


def test_whisper_without_weights_says_where_to_put_them(said: Path, tmp_path: Path) -> None:
    """Weights that are not here: the error names the command and the path."""
    done = aside("draft", "--asr", "whisper", ROOT / "examples/spoken.ogg", ASIDE_MODELS=str(tmp_path))
    assert done.returncode == 1
    assert b"aside models pull" in done.stderr and str(tmp_path).encode() in done.stderr


def test_a_closed_pipe_is_no_accident(said: Path) -> None:
    """`aside draft … | head -c 1` prints no traceback."""
    command = f"{sys.executable} -m drafting draft --json {said} {said} {said} | head -c 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, cwd=ROOT, check=False)
    assert b"Traceback" not in done.stderr


def test_a_fault_of_ours_is_one_line_without_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An exception that nobody foresaw names its kind and its line of code, never its message; the next input is still done."""
    import drafting.drafts
    from drafting.__main__ import main

    def broken(source: str, *rest: object) -> object:
        raise KeyError("marmalade") if source == "a.txt" else EmptyInput()

    monkeypatch.setattr(drafting.drafts, "draft", broken)
    monkeypatch.setattr(sys, "argv", ["aside", "draft", "--json", "a.txt", "b.txt"])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    assert ended.value.code == 1 and [json.loads(line)["code"] for line in out.splitlines()] == ["our_fault", "empty"]
    assert "KeyError" in err and "marmalade" not in out + err and err.count("\n") == 2


# ── the writer, drafting again, parts, style ──────────────────────────────────────────────────────────────────────────


def test_a_draft_by_a_small_model_keeps_the_contract(said: Path, tmp_path: Path) -> None:
    """A checkpoint of random weights, imported, then asked: each section is the model's, with evidence, or the plain writer's, with the reason."""
    from tests.checkpoints import random_model

    here = {"ASIDE_MODELS": str(tmp_path / "models"), "ASIDE_LLM": "babble", "ASIDE_LLM_THREADS": "1"}
    (tmp_path / "made").mkdir()
    imported = aside("models", "import", random_model(tmp_path / "made"), "--name", "babble", **here)
    assert imported.returncode == 0, imported.stderr
    done = aside("draft", "--json", "--writer", "llm", "--format", "dap", said, **here)
    assert done.returncode == 0, done.stderr
    (row,) = lines(done)
    made = row["note"]["provenance"]
    assert row["note"]["sections"][0]["sentences"]
    assert row["engines"]["writer"].startswith("llm:babble ") and made["model"].startswith("babble ") and made["prompt"] and made["seed"] == 0
    for section in row["note"]["sections"]:
        for sentence in section["sentences"]:
            assert sentence["evidence"], section["key"]
    assert "bored" not in done.stdout.decode()


def test_a_model_that_is_not_set_or_not_here_is_told(said: Path, tmp_path: Path) -> None:
    """`--writer llm` without a model, and a server that is nobody's, end with 2 and a line."""
    none = aside("draft", "--writer", "llm", said)
    assert none.returncode == 2 and b"ASIDE_LLM" in none.stderr
    far = aside("draft", "--writer", "llm", said, ASIDE_LLM_SERVER="http://models.example/v1")
    assert far.returncode == 2 and b"models.example" in far.stderr and b"ASIDE_LLM_HOSTS" in far.stderr


def test_drafting_again_keeps_an_edit_and_needs_no_source(said: Path, tmp_path: Path) -> None:
    """From the printed line alone: another format, the sentence that was edited as it stands, and no private word."""
    (row,) = lines(aside("draft", "--json", "--date", "2026-03-02", said))
    first = next(s for section in row["note"]["sections"] for s in section["sentences"])
    first["text"], first["edited"] = "Sleep was poor, in my words.", True
    printed = tmp_path / "draft.jsonl"
    printed.write_text(json.dumps(row), encoding="utf-8")
    said.unlink()
    done = aside("redraft", printed, "--format", "dap")
    assert done.returncode == 0, done.stderr
    (again,) = lines(done)
    sentences = [s for section in again["note"]["sections"] for s in section["sentences"]]
    assert [s["key"] for s in again["note"]["sections"]] == ["data", "assessment", "plan"]
    assert [s["text"] for s in sentences if s["edited"]] == ["Sleep was poor, in my words."]
    assert again["statements"] == row["statements"] and "bored" not in done.stdout.decode()
    assert "E01" not in again["note"]["missing"]


@pytest.mark.parametrize("text", ["", "no", '{"schema": "aside.screen/1"}', '{"schema": "aside.draft/1"}'])
def test_what_is_no_draft_cannot_be_drafted_again(tmp_path: Path, text: str) -> None:
    """One line says so, and the exit code is 1."""
    path = tmp_path / "draft.jsonl"
    path.write_text(text, encoding="utf-8")
    done = aside("redraft", path)
    (row,) = lines(done)
    assert done.returncode == 1 and row["schema"] == "aside.error/1" and row["code"] in ("draft_error", "empty")


def test_one_dictation_two_notes(tmp_path: Path) -> None:
    """A cue parts the dictation: one line, the child's note with the mother's as a part of it."""
    path = tmp_path / "two.txt"
    path.write_text("Client reports that school is boring. Part for the mother: She reports drinking most evenings.", encoding="utf-8")
    (row,) = lines(aside("draft", "--json", path))
    (mother,) = row["parts"]
    assert row["for"] == "client" and mother["for"] == "mother"
    assert "drinking" not in json.dumps(row["note"]) and "drinking" in json.dumps(mother["note"])
    assert b"For mother" in aside("draft", path).stdout


def test_a_style_is_followed(said: Path, tmp_path: Path) -> None:
    """What the client is called, and a house phrase, as the file says; a file that is none is told."""
    style = tmp_path / "mine.toml"
    style.write_text('client = "Patient"\nlayout = "bullets"\n[phrases]\n"poor sleep" = "insomnia"\n', encoding="utf-8")
    out = aside("draft", "--style", style, said).stdout.decode()
    assert "insomnia" in out and "•" in out
    style.write_text('client = ""', encoding="utf-8")
    bad = aside("draft", "--style", style, said)
    assert bad.returncode == 2 and b"mine.toml" in bad.stderr
