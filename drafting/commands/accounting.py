"""`aside accounting`: to whom what of a client was disclosed (45 CFR 164.528).

In: a client's id. Out: rows. Knows no note: what is listed are counts, days and recipients.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from drafting.commands import shared
from drafting.commands.shared import Json, Me, opened


def accounting(
    client: Annotated[str, typer.Argument(metavar="CLIENT")],
    as_: Me,
    since: Annotated[date | None, typer.Option(parser=date.fromisoformat, metavar="DAY", help="From this day on; six years, if not given.")] = None,
    as_json: Json = False,
) -> None:
    """Disclosures that must be accounted for to a client, of the last six years at most (45 CFR 164.528)."""
    from drafting.record import people
    from drafting.record.release import disclosing

    with opened() as practice:
        by = shared.at_work(practice, as_).id
        people.find_client(practice, client)
        found = disclosing.accounting(practice, client, since)
        with practice.change() as change:
            change.tell(by, "accounting:read", subject=client, client=client, disclosures=len(found))
    rows = [
        {
            "on": d.on.isoformat(),
            "to": d.recipient,
            "what": f"{d.bucket}, {d.items} notes" + (f", {d.since} to {d.until}" if d.since else ""),
            "for": d.purpose.value,
            "said": d.said,
            "certain": d.certain,
        }
        for d in found
    ]
    shared.rows("aside.disclosure/1", rows, as_json)
