"""`aside serve`: the desk, for browsers on this machine or on the practice's own network.

In: an address, a certificate or the wish for one. Out: a running service; its lines on standard error. Knows no page. Over anything but the loopback
of this machine it speaks TLS alone, or stands behind a proxy that does.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from drafting import wiring
from drafting.commands import shared
from drafting.commands.shared import opened, say
from drafting.errors import SettingsError
from drafting.settings import Settings, read_settings

if TYPE_CHECKING:
    from cryptography.x509 import Certificate, GeneralName
    from uvicorn import Config

    from drafting.record.practice import Practice
    from drafting.web.app import Desk

DAYS, SPARE = 397, 30
"""For how many days a certificate of our own is good, and how many before its end it is made anew."""
PATIENCE = 10
"""Seconds that requests under way are given when the service ends."""

T = TypeVar("T")


class PlainRefused(SettingsError):
    """Without TLS the desk is for this machine alone, and {host} is not it. Give --cert and --key, or --self-signed; behind a proxy that speaks TLS,
    --proxied with a loopback address."""


def serve(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="The port to listen on.")] = 8417,
    cert: Annotated[Path | None, typer.Option(metavar="FILE", help="A certificate, PEM, with its chain.")] = None,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its key, PEM.")] = None,
    self_signed: Annotated[bool, typer.Option("--self-signed", help="A certificate of our own, for the local network.")] = False,
    proxied: Annotated[bool, typer.Option("--proxied", help="A proxy on this machine speaks TLS in front of it.")] = False,
    name: Annotated[list[str] | None, typer.Option(metavar="NAME", help="A further name by which browsers reach it; may be given again.")] = None,
    watcher: Annotated[list[str] | None, typer.Option(metavar="ADDRESS", help="Who else may read /metrics; may be given again.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="An invented practice in a folder of its own, with its worker; this machine alone.")] = False,
) -> None:
    """Open the desk to browsers. Words are drafted by `aside work`, which runs beside it."""
    if (cert is None) != (key is None):
        raise typer.BadParameter("--cert and --key are given together")
    if self_signed and cert is not None:
        raise typer.BadParameter("--self-signed makes a certificate; --cert brings one")
    home = is_loopback(host)
    if demo and (proxied or not home):
        raise typer.BadParameter("--demo is for this machine alone: its passwords are known")
    if (not (cert or self_signed) and not home) or (proxied and not home):
        raise PlainRefused(host=host)
    with ExitStack() as beside:
        if demo:
            _invented(beside)
        _served(host, port, cert, key, self_signed=self_signed, proxied=proxied, name=name, watcher=watcher)


def _invented(beside: ExitStack) -> None:
    """From here on this process keeps the invented practice, with a worker beside it until it ends."""
    from drafting.commands import demo, working

    home = demo.apart(read_settings())
    os.environ["ASIDE_DATA"] = str(home.data)
    for name in ("RECORD", "PRIVATE", "KEYRING", "KEY_FILE"):
        os.environ.pop(f"ASIDE_{name}", None)
    say(demo.practice(home, working.tools, say))
    beside.callback(_ended, subprocess.Popen([sys.executable, "-m", "drafting", "work"], start_new_session=True))


def _ended(worker: subprocess.Popen[bytes]) -> None:
    """End the worker: what it had under way it goes on with the next time, however it ended."""
    worker.terminate()
    try:
        worker.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        worker.kill()


def _served(
    host: str,
    port: int,
    cert: Path | None,
    key: Path | None,
    *,
    self_signed: bool,
    proxied: bool,
    name: list[str] | None,
    watcher: list[str] | None,
) -> None:
    from drafting.jobs.runner import DurableJobs

    home = is_loopback(host)
    settings, names = read_settings(), hosts(host, name or ())
    with opened() as practice:
        if self_signed:
            cert, key = own_certificate(settings.data, names, datetime.now(UTC))
        jobs = DurableJobs(practice)
        desk = made(practice, settings, jobs, secure=bool(cert) or proxied, second=proxied or not home, names=names, watchers=watcher or ())
        try:
            _run(configured(desk, host, port, cert, key, proxied=proxied))
        finally:
            jobs.close()


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches that address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def hosts(host: str, names: list[str] | tuple[str, ...]) -> frozenset[str]:
    """The names by which browsers may reach it: the loopback's, its own address, this machine's name where it listens on all, and those given."""
    from drafting.web.security import LOOPBACK

    machine = socket.gethostname().lower()
    own = {machine, f"{machine.split('.')[0]}.local"} if host in ("0.0.0.0", "::") else {host.lower()}
    return LOOPBACK | own | {given.lower() for given in names}


def made(
    practice: Practice, settings: Settings, jobs: object, *, secure: bool, second: bool, names: frozenset[str], watchers: list[str] | tuple[str, ...]
) -> Desk:
    """The desk over a practice; its engines are made when first asked for."""
    from drafting.web.app import Desk
    from drafting.web.security import LOOPBACK

    given = {"formats": settings.formats, "hosts": names, "watchers": LOOPBACK | set(watchers)}
    return Desk(practice, once(lambda: wiring.engines(settings)), jobs, secure=secure, second=second, **given)


def configured(desk: Desk, host: str, port: int, cert: Path | None, key: Path | None, *, proxied: bool = False) -> Config:
    """How uvicorn serves it. It writes no access log, which would hold addresses."""
    from uvicorn import Config

    from drafting.web.app import create_app

    return Config(
        create_app(desk),
        host,
        port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=proxied,
        forwarded_allow_ips="127.0.0.1,::1",
        timeout_graceful_shutdown=PATIENCE,
        ssl_certfile=cert,
        ssl_keyfile=key,
    )


def once(make: Callable[[], T]) -> Callable[[], T]:
    """`make`, called when the first asks, and never twice however many ask at once."""
    lock, found = threading.Lock(), []

    def get() -> T:
        with lock:
            if not found:
                found.append(make())
        return found[0]

    return get


def _run(config: Config) -> None:
    from uvicorn import Server

    log = logging.getLogger("aside.web")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    shown = f"[{config.host}]" if ":" in config.host else config.host
    say(f"aside: the desk is at {'https' if config.is_ssl else 'http'}://{shown}:{config.port}/ · `aside work` drafts what is taken in")
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn hands a signal on when it has ended; then all is closed in order
    try:
        Server(config).run()
    except KeyboardInterrupt:
        say("aside: the desk is closed.")
    finally:
        signal.signal(signal.SIGTERM, before)
        log.removeHandler(handler)


# ── a certificate of our own ──────────────────────────────────────────────────────────────────────────────────────────


def own_certificate(folder: Path, names: frozenset[str], now: datetime) -> tuple[Path, Path]:
    """The files of a certificate for `names` and its key, in `folder`: those that are there, while they are good for these names and for a month
    more, else new ones. Its fingerprint is said, so that whoever opens the desk for the first time can compare. Raises FileTrouble."""
    from cryptography.hazmat.primitives.serialization import Encoding

    cert, key = folder / "desk.crt", folder / "desk.key"
    there = _there(cert, key)
    if there is None or there.not_valid_after_utc - now < timedelta(days=SPARE) or not _for(there) >= names:
        there = _made(cert, key, names, now)
    fingerprint = hashlib.sha256(there.public_bytes(Encoding.DER)).hexdigest()
    say(f"aside: the certificate's SHA-256 fingerprint, to compare in the browser: {fingerprint}")
    return cert, key


def _there(cert: Path, key: Path) -> Certificate | None:
    from cryptography import x509

    if not (cert.exists() and key.exists()):
        return None
    try:
        return x509.load_pem_x509_certificate(shared.bytes_of(cert))
    except ValueError:
        return None


def _for(cert: Certificate) -> frozenset[str]:
    from cryptography import x509

    names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return frozenset(str(name.value) for name in names)


def _made(cert: Path, key: Path, names: frozenset[str], now: datetime) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    private = ec.generate_private_key(ec.SECP256R1())
    title = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Aside, this practice's own")])
    builder = x509.CertificateBuilder(
        title, title, private.public_key(), x509.random_serial_number(), now - timedelta(hours=1), now + timedelta(days=DAYS)
    )
    builder = builder.add_extension(x509.SubjectAlternativeName([_named(name) for name in sorted(names)]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    signed = builder.sign(private, hashes.SHA256())
    shared.put(key, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), force=True)
    shared.put(cert, signed.public_bytes(Encoding.PEM), force=True)
    return signed


def _named(name: str) -> GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
