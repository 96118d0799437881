"""Authorizations as they are kept: what a person read off each form, sealed with the client's record.

In: an `Authorization`. Out: the same again, as it stands today. Knows no rule: whether a form is good for anything is `release`'s to say, on the day.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from drafting.record.people import secret_of
from drafting.record.practice import Practice, known, new_id
from drafting.record.release import Authorization, Requester, Scope
from drafting.record.store.tables.record import AUTHORIZATIONS, CLIENTS

_DATES = ("expires", "ended_on", "signed_on", "revoked_on")


def authorize(practice: Practice, authorization: Authorization, by: str) -> Authorization:
    """Keep a form, good or not; an empty id is given one. Raises NotKnown, Shredded where the client's record was destroyed, Conflict for an id that
    is another's."""
    form = replace(authorization, id=authorization.id or new_id("A"))
    with practice.change() as change:
        known(change.connection.scalar(select(CLIENTS.c.id).where(CLIENTS.c.id == form.client)), "client", form.client)
        change.connection.execute(insert(AUTHORIZATIONS).values(id=form.id, client=form.client, **_columns(practice, form)))
        change.tell(by, "authorization:received", subject=form.id, client=form.client)
    return form


def revoke(practice: Practice, authorization: str, by: str, on: date | None = None) -> Authorization:
    """The client takes a form back, today or on an earlier day `on`; what was done in reliance on it before was done (45 CFR 164.508(b)(5)). It is
    not taken back later by saying it again."""
    return _amended(practice, authorization, "authorization:revoked", "revoked_on", by, on)


def end(practice: Practice, authorization: str, by: str, on: date | None = None) -> Authorization:
    """The event on which a form ends has come to pass."""
    return _amended(practice, authorization, "authorization:ended", "ended_on", by, on)


def authorizations(practice: Practice, client: str) -> tuple[Authorization, ...]:
    """All forms of a client, by the day of signing. Raises Shredded."""
    query = select(AUTHORIZATIONS).where(AUTHORIZATIONS.c.client == client)
    with practice.look() as connection:
        rows = connection.execute(query.order_by(AUTHORIZATIONS.c.signed, AUTHORIZATIONS.c.id)).all()
    return tuple(_form(practice, row) for row in rows)


def shown(practice: Practice, connection: Connection, ids: Iterable[str]) -> tuple[Authorization, ...]:
    """The forms of those ids, in that order, inside a transaction that does more. Raises NotKnown, Shredded."""
    return tuple(_form(practice, _row(connection, name)) for name in ids)


def _amended(practice: Practice, authorization: str, action: str, what: str, by: str, on: date | None) -> Authorization:
    with practice.change() as change:
        form = _form(practice, _row(change.connection, authorization))
        day = min(on or change.at.date(), change.at.date())
        form = replace(form, **{what: min(day, getattr(form, what) or day)})
        mine = AUTHORIZATIONS.c.id == authorization
        change.connection.execute(update(AUTHORIZATIONS).where(mine).values(**_columns(practice, form)))
        change.tell(by, action, subject=authorization, client=form.client, on=getattr(form, what).isoformat())
    return form


def _row(connection: Connection, name: str) -> Row:
    return known(connection.execute(select(AUTHORIZATIONS).where(AUTHORIZATIONS.c.id == name)).first(), "authorization", name)


def _columns(practice: Practice, form: Authorization) -> dict[str, object]:
    body = json.dumps({f.name: _plain(getattr(form, f.name)) for f in fields(form)}, sort_keys=True)
    sealed = practice.seal(secret_of(form.client), body, "authorizations", form.id, "body")
    return {"body_sealed": sealed, "signed": form.signed_on, "expires": form.ended_on or form.expires, "revoked": form.revoked_on}


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    return value.isoformat() if isinstance(value, date) else value


def _form(practice: Practice, row: Row) -> Authorization:
    found = json.loads(practice.open(secret_of(row.client), row.body_sealed, "authorizations", row.id, "body"))
    days = {name: date.fromisoformat(found[name]) if found[name] else None for name in _DATES}
    kinds = {"scope": frozenset(map(Scope, found["scope"])), "recipients": frozenset(map(Requester, found["recipients"]))}
    return Authorization(**{**found, **days, **kinds})
