"""What a rule may ask of a case: the stated facts, and what follows from the forms and the opinion that came with it.

In: a request and the authorizations shown with it. Out: a `Case`, and conditions by name, each yes or no. Knows no rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from drafting.record.release.authorization import Authorization, blocking, names
from drafting.record.release.deadlines import add_months
from drafting.record.release.nouns import Bucket, Fact, Instrument, Opinion, Request, Requester

OPINION_MONTHS = 6
"""How long an opinion on serious harm may be relied on (DPA 2018 Sch 3)."""


@dataclass(frozen=True, slots=True)
class Case:
    """A request with the forms shown with it."""

    request: Request
    forms: tuple[Authorization, ...]

    @classmethod
    def of(cls, request: Request, forms: Iterable[Authorization]) -> Case:
        return cls(request, tuple(forms))

    def good_for(self, bucket: Bucket) -> Authorization | None:
        """The first form that authorizes this requester to have `bucket`, the one for it alone before a combined one; None without such a form."""
        good = [form for form in self.forms if self._names(form, bucket) and not self.wrong(form, bucket)]
        return min(good, key=_compound, default=None)

    def wrong(self, form: Authorization, bucket: Bucket) -> tuple[str, ...]:
        """Why `form` does not authorize this: it is another client's, names another recipient, or is defective."""
        foreign = ("other_client",) if form.client != self.request.client else ()
        elsewhere = ("other_recipient",) if form.recipients and self.request.requester not in form.recipients else ()
        return (*foreign, *elsewhere, *blocking(form, self.request.as_of, bucket))

    def faults(self, bucket: Bucket) -> tuple[str, ...]:
        """What is wrong with the forms that name `bucket`, each code once."""
        return tuple(dict.fromkeys(code for form in self.forms if self._names(form, bucket) for code in self.wrong(form, bucket)))

    def _names(self, form: Authorization, bucket: Bucket) -> bool:
        return names(form, bucket, Fact.PART2 in self.request.facts)


def _compound(form: Authorization) -> bool:
    return len(form.scope) > 1


def _combined(case: Case, _bucket: Bucket) -> bool:
    """A form that is sound but for being for the notes and something else together."""
    form = case.good_for(Bucket.RECORD)
    return form is not None and "compound" in case.wrong(form, Bucket.PRIVATE)


def _opinion(case: Case, bucket: Bucket) -> Opinion | None:
    opinion = case.request.opinion
    return opinion if opinion is not None and bucket in opinion.about else None


def _stale(case: Case, bucket: Bucket) -> bool:
    """Older than six months on the day of the decision, or dated after it."""
    opinion = _opinion(case, bucket)
    return opinion is not None and not opinion.on <= case.request.as_of <= add_months(opinion.on, OPINION_MONTHS)


def _lay(case: Case, bucket: Bucket) -> bool:
    opinion = _opinion(case, bucket)
    return opinion is not None and not opinion.by_health_professional


def _usable(case: Case, bucket: Bucket) -> bool:
    return _opinion(case, bucket) is not None and not _stale(case, bucket) and not _lay(case, bucket)


def _harm(case: Case, bucket: Bucket, part: bool) -> bool:
    opinion = _opinion(case, bucket)
    return opinion is not None and _usable(case, bucket) and opinion.harm_likely and bool(opinion.items) is part


_DERIVED: Mapping[str, Callable[[Case, Bucket], bool]] = {
    "requester_unknown": lambda case, _: case.request.requester is Requester.UNKNOWN,
    "instrument_unknown": lambda case, _: case.request.instrument is Instrument.UNKNOWN,
    "authorization_shown": lambda case, _: bool(case.forms),
    "authorization_record": lambda case, _: case.good_for(Bucket.RECORD) is not None,
    "authorization_private": lambda case, _: case.good_for(Bucket.PRIVATE) is not None,
    "authorization_combined": _combined,
    "opinion_usable": _usable,
    "opinion_stale": _stale,
    "opinion_by_lay_person": _lay,
    "opinion_harm_whole": partial(_harm, part=False),
    "opinion_harm_part": partial(_harm, part=True),
}

CONDITIONS = frozenset({*_DERIVED, *Fact})
"""Every name that a rule may use."""


def holds(name: str, case: Case, bucket: Bucket) -> bool:
    """Does the condition `name` hold of `case`, for `bucket`? A fact that is not stated does not."""
    return _DERIVED[name](case, bucket) if name in _DERIVED else name in case.request.facts
