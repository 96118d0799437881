"""What is deployed, read as data: units, containers and proxies start commands that exist, by settings that exist, with as little as they need."""

from __future__ import annotations

import configparser
import re
import shlex
from collections.abc import Sequence
from dataclasses import fields
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from drafting.__main__ import app
from drafting.commands.serve import serve
from drafting.settings import Settings

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
UNITS = sorted(DEPLOY.glob("systemd/*.service"))
FILES = sorted(f for f in DEPLOY.rglob("*") if f.is_file())
PAGES = [ROOT / "docs/operating.md", ROOT / "docs/desk.md"]
PORT = signature(serve).parameters["port"].default
SETTINGS = {f"ASIDE_{f.name.upper()}" for f in fields(Settings)}

# What each unit says, so that a process that was taken over can do little.
HARD = {
    "User": "aside",
    "UMask": "0077",
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectControlGroups": "yes",
    "RestrictNamespaces": "yes",
    "RestrictSUIDSGID": "yes",
    "LockPersonality": "yes",
    "CapabilityBoundingSet": "",
    "SystemCallArchitectures": "native",
    "SystemCallFilter": "@system-service",
    "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6",
    "IPAddressDeny": "any",
    "IPAddressAllow": "localhost",
    "LimitCORE": "0",
    "MemorySwapMax": "0",
    "StateDirectoryMode": "0700",
}


def fault_of(call: Sequence[str]) -> str | None:
    """What of `call`, the words after `aside`, is no command or no option of it."""
    command: Any = get_command(app)
    rest = list(call)
    while rest and not rest[0].startswith("-") and hasattr(command, "get_command") and command.get_command(None, rest[0]):
        command = command.get_command(None, rest.pop(0))
    known = {name: param for param in command.params for name in (*param.opts, *param.secondary_opts)}
    spare = sum(param.nargs if param.nargs > 0 else 99 for param in command.params if param.param_type_name == "argument")
    if command is get_command(app) or (hasattr(command, "commands") and not command.invoke_without_command):
        return "no command"
    while rest:
        word = rest.pop(0)
        if word.startswith("--") and word not in known:
            return f"{word} is no option"
        if word.startswith("--"):
            del rest[: 0 if known[word].is_flag else known[word].nargs]
        elif (spare := spare - 1) < 0:
            return f"{word} is too much"
    return None


def unit(path: Path) -> configparser.ConfigParser:
    """A unit; a line given twice is a fault."""
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(path.read_text(encoding="utf-8"))
    return parser


def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, continued lines joined."""
    text = re.sub(r"\\\n\s*", " ", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"))
    return [(word, rest) for line in text.splitlines() if line and not line.startswith("#") for word, _, rest in [line.partition(" ")]]


# ── what is started exists ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_check_of_a_call_can_fail() -> None:
    """It knows a command from none, an option from none, and an argument too many."""
    assert fault_of(["serve", "--proxied"]) is None and fault_of(["work", "purge"]) is None and fault_of(["work"]) is None
    for call in (["serves"], ["serve", "--prox"], ["serve", "now"], ["keys"], ["work", "--hurry"], []):
        assert fault_of(call), call


def calls() -> list[tuple[str, list[str]]]:
    found = []
    for path in UNITS:
        for name, line in unit(path)["Service"].items():
            if name.startswith("Exec"):
                first, *rest = shlex.split(line)
                assert first == "/opt/aside/bin/aside", line
                found.append((path.name, rest))
    found += [(name, one["command"]) for name, one in compose()["services"].items() if one["image"].startswith("aside:")]
    found += [("Dockerfile", yaml.safe_load(rest)) for word, rest in instructions() if word == "CMD"]
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        lines = re.findall(r"^aside ([^\n#]+)", text, re.M) + re.findall(r"`aside ((?:serve|work|keys|people|practice|backup)\b[^`]*)`", text)
        lines += re.findall(r"run --rm (?:web|worker) ([^\n#]+)", text)
        found += [(page.name, shlex.split(line)) for line in lines]
    return found


@pytest.mark.parametrize(("where", "call"), calls(), ids=lambda v: v if isinstance(v, str) else " ".join(v))
def test_every_command_that_is_started_exists(where: str, call: list[str]) -> None:
    """A unit, a container and a line of the page call `aside` as it is."""
    assert fault_of(call) is None, (where, call)


def test_every_setting_that_is_named_is_one() -> None:
    """No file and no page sets what is not read; an unknown name would keep the service from starting."""
    for path in [*FILES, *PAGES]:
        assert set(re.findall(r"\bASIDE_[A-Z_]+\b", path.read_text(encoding="utf-8"))) <= SETTINGS, path.name


def test_proxies_ask_where_the_desk_listens_and_keep_nothing() -> None:
    """Caddy and nginx reach the desk's own port on the loopback, pass progress on at once, hide the figures, and write no access log."""
    caddy, nginx = ((DEPLOY / name).read_text(encoding="utf-8") for name in ("Caddyfile", "nginx.conf"))
    assert f"reverse_proxy 127.0.0.1:{PORT}" in caddy and f"proxy_pass http://127.0.0.1:{PORT};" in nginx
    assert "flush_interval -1" in caddy and "proxy_buffering off;" in nginx and "proxy_request_buffering off;" in nginx
    assert "/metrics" in caddy and "/metrics" in nginx
    assert "access_log off;" in nginx and not re.search(r"^\s*log\b", caddy, re.M)
    assert "X-Forwarded-For $remote_addr;" in nginx, "an address that a client claims is not passed on"


# ── units ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", UNITS, ids=lambda p: p.name)
def test_a_unit_may_do_little(path: Path) -> None:
    """Each service runs as its own user with its own folder, no privileges, and no network but this machine's."""
    service = unit(path)["Service"]
    assert {name: service.get(name) for name in HARD} == HARD
    assert "ASIDE_DATA=/var/lib/aside" in service["Environment"] and service["StateDirectory"] == "aside"
    assert not re.search(r"(?i)passw|passphrase|secret|token", service["Environment"])


def test_both_roles_come_back_and_the_night_has_its_timer() -> None:
    """Desk and worker are started again when they end badly, and given the time that they take to end; the night's unit is started by a timer."""
    web, work = (unit(DEPLOY / f"systemd/aside-{role}.service") for role in ("web", "work"))
    assert web["Service"]["Restart"] == "on-failure" and work["Service"]["Restart"] == "always"
    assert int(web["Service"]["TimeoutStopSec"]) > 10 and int(work["Service"]["TimeoutStopSec"]) > 30
    assert all(one["Install"]["WantedBy"] == "multi-user.target" for one in (web, work))
    timer = unit(DEPLOY / "systemd/aside-night.timer")
    assert timer["Timer"]["OnCalendar"] and timer["Install"]["WantedBy"] == "timers.target"
    assert "Install" not in unit(DEPLOY / "systemd/aside-night.service")


# ── the image ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def pinned(image: str) -> bool:
    """Whether an image has a tag that names a version."""
    name, _, tag = image.rpartition(":")
    return bool(name) and bool(re.match(r"v?\d", tag))


def test_the_image_is_of_named_versions_and_runs_as_nobody_special() -> None:
    """Every base has a version; what runs is not root; packages are those of constraints.txt; nothing is fetched but by pip."""
    made = instructions()
    bases = [rest.split()[0] for word, rest in made if word == "FROM"]
    assert len(bases) == 2 and all(map(pinned, bases))
    assert [rest for word, rest in made if word == "USER"][-1].split(":")[0] not in ("0", "root")
    assert [word for word, _ in made][-1] == "CMD" and ("ENTRYPOINT", '["aside"]') in made
    assert not [word for word, _ in made if word in ("ADD", "SHELL", "ONBUILD", "MAINTAINER")]
    runs = " ".join(rest for word, rest in made if word == "RUN")
    assert "--constraint constraints.txt" in runs and not re.search(r"curl|wget|sudo|chmod 777|--break-system|apt-get", runs)


def test_the_image_has_what_the_wheel_has_and_no_secret() -> None:
    """All packages are copied, from this repository and by name; no line sets a password, and the builder is sent nothing else."""
    made = instructions()
    copied = {source for word, rest in made if word == "COPY" and "--from" not in rest for source in rest.split()[:-1]}
    assert "." not in copied and all((ROOT / source).exists() for source in copied)
    packages = re.search(r"^packages = (\[.*\])$", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)
    assert set(yaml.safe_load(packages[1])) <= copied
    for word, rest in made:
        assert not (word in ("ENV", "ARG") and re.search(r"(?i)passw|passphrase|secret|token|_key\b", rest)), rest
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[1] == "*" and {line[1:] for line in ignored if line.startswith("!")} == copied


def test_the_check_of_a_tag_can_fail() -> None:
    """No tag, and a tag that moves, are no versions."""
    assert pinned("postgres:17.6-bookworm") and not pinned("postgres") and not pinned("postgres:latest") and not pinned("caddy:alpine")


# ── compose ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_service_of_compose_may_do_little() -> None:
    """No capability but what PostgreSQL's own start needs, no new privileges, no core dump, an image of a version or our own."""
    for name, one in compose()["services"].items():
        assert one["cap_drop"] == ["ALL"] and "no-new-privileges:true" in one["security_opt"], name
        assert one["ulimits"]["core"] == 0 and not one.get("privileged"), name
        assert one["image"] == "aside:local" or pinned(one["image"]), name
        assert set(one.get("cap_add", ())) <= {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"} and (name == "db" or "cap_add" not in one)
        assert one.get("read_only") or name == "model", name


def test_the_desk_alone_is_reached_from_outside() -> None:
    """It alone publishes a port, to its own; the others stand in a network without a way out."""
    whole = compose()
    outside = {name for name, one in whole["services"].items() if "outside" in one["networks"] or "ports" in one}
    assert outside == {"web"} and whole["networks"]["inside"]["internal"] is True
    (port,) = whole["services"]["web"]["ports"]
    assert port.endswith(f":{PORT}") and port.startswith("${DESK_ADDRESS:-127.0.0.1}")
    assert {"--cert", "--key"} <= set(whole["services"]["web"]["command"])
    assert "network_mode" not in str(whole)


def test_what_compose_refers_to_is_there() -> None:
    """Networks, volumes, secrets, services and files that a service names."""
    whole = compose()
    for name, one in whole["services"].items():
        assert set(one["networks"]) <= set(whole["networks"]), name
        assert set(one.get("secrets", ())) <= set(whole["secrets"]) and set(one.get("depends_on", {})) <= set(whole["services"]), name
        for volume in one.get("volumes", ()):
            source = volume.partition(":")[0]
            kept = source in whole["volumes"] or source.startswith("${") or (DEPLOY / source).is_file()
            assert kept, (name, volume)
    (build,) = {str(one["build"]) for one in whole["services"].values() if "build" in one}
    assert (DEPLOY / whole["services"]["web"]["build"]["context"] / whole["services"]["web"]["build"]["dockerfile"]).is_file(), build


def test_no_password_stands_in_compose() -> None:
    """What is secret is a file: no URL holds a password, and no variable is one."""
    for name, one in compose()["services"].items():
        for key, value in one.get("environment", {}).items():
            assert not re.search(r"://[^/@\s]+:[^/@\s]+@", str(value)), (name, key)
            assert not re.search(r"(?i)passw|secret|token", key) or key.endswith("_FILE"), (name, key)
    assert all(one["file"].startswith("./secrets/") for one in compose()["secrets"].values())


def test_the_three_databases_are_made() -> None:
    """What the settings name is what the server has: its own first database, and those that the script makes."""
    whole, script = compose(), (DEPLOY / "postgres/databases.sql").read_text(encoding="utf-8")
    env = whole["services"]["web"]["environment"]
    named = {env[f"ASIDE_{store}"].rpartition("/")[2] for store in ("RECORD", "PRIVATE", "KEYRING")}
    assert named == {whole["services"]["db"]["environment"]["POSTGRES_DB"], *re.findall(r"^CREATE DATABASE (\w+)", script, re.M)}
    assert len(named) == 3 and env == whole["services"]["worker"]["environment"]


def test_a_model_server_comes_only_on_request_and_tells_nobody() -> None:
    """It has a profile of its own, and is told to fetch and to report nothing."""
    model = compose()["services"]["model"]
    assert model["profiles"] == ["model"]
    assert {model["environment"][name] for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "VLLM_NO_USAGE_STATS")} == {"1"}


def test_no_file_names_the_place_where_it_was_made() -> None:
    """Nor holds a key."""
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"/(?:work|root|home)/\w|BEGIN [A-Z ]*PRIVATE KEY|ASIDE-[A-Z0-9]{5}", text), path.name
