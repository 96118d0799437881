"""`aside work`: a worker, which drafts what the desk takes in.

In: how much at once. Out: drafts that stand, until the service is stopped. Knows no page. As many as there are machines may run over one PostgreSQL;
what a worker that died had under way another goes on with.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from drafting import wiring
from drafting.commands.serve import once
from drafting.commands.shared import opened, say
from drafting.settings import Settings, read_settings

if TYPE_CHECKING:
    from drafting.jobs.way import Tools
    from drafting.pipeline import Engines

PATIENCE = 30
"""Seconds that jobs under way are given when the worker is stopped; what is not done by then another goes on with."""


def work(
    context: typer.Context,
    speech: Annotated[int, typer.Option(min=1, metavar="N", help="Recordings at one time.")] = 1,
    writers: Annotated[int, typer.Option(min=1, metavar="N", help="Drafts at one time.")] = 2,
    only: Annotated[str | None, typer.Option(metavar="QUEUE", help="Serve one queue alone: speech or writers.")] = None,
    drain: Annotated[bool, typer.Option("--drain", help="Do what waits, and end.")] = False,
) -> None:
    """Draft what the desk takes in, until stopped. The commands below do by hand what falls due with time."""
    if context.invoked_subcommand is not None:
        return
    from drafting.jobs.runner import SPEECH, WRITERS
    from drafting.jobs.worker import Pace, Worker
    from drafting.record import retention

    if only not in (None, SPEECH, WRITERS):
        raise typer.BadParameter(f"a queue is {SPEECH} or {WRITERS}")
    settings = read_settings()
    with opened() as practice:
        retention.tidied(practice)
        worker = Worker(practice, tools(settings), Pace(speech=speech, writers=writers, only=(only,) if only else (SPEECH, WRITERS)))
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        worker.start()
        say("aside: at work; drafts what `aside serve` takes in")
        if drain:
            worker.drain()
        else:
            stopped.wait()
            say("aside: finishing what is under way")
        worker.stop(PATIENCE)


def tools(settings: Settings) -> Tools:
    """What the steps of a job call, made when it is first asked for. The encoder and the screening are shared; a writer that holds a model is made
    for each job, and closed after it."""
    from drafting.jobs.way import Tools

    shared = once(lambda: wiring.engines(settings))

    def engines(writer: str, told: Callable[[str, int], None] | None) -> Engines:
        return shared() if writer == "plain" else replace(shared(), writer=wiring.writer(settings, writer, told))

    return Tools(engines, lambda asr: wiring.transcriber(settings, asr), settings.formats, settings.max_hours)
