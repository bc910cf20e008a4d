"""Public holidays, by the library `holidays` (Python, of that name): its data, no network.

The library is imported when the first schedule asks for it: most never do, and its list of countries is large.
"""

import difflib
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

from agentschedule.timing.errors import TimingError

# What people write and ISO 3166-1 does not have.
_OTHER_NAMES: Final = {"EN": "GB", "UK": "GB"}


@dataclass(frozen=True, slots=True)
class Calendar:
    """The public holidays of a country (ISO 3166-1, two letters) and, where given, of one of its subdivisions."""

    country: str
    subdivision: str | None = None

    @classmethod
    def build(cls, country: str, subdivision: str | None, field: str) -> "Calendar":
        """Return the calendar. Raises TimingError with the closest names when there is none.

        ``field`` is the path of the object that holds both ("spec.blackouts[christmas].holidays").
        """
        countries = _countries()
        if country not in countries:
            raise TimingError(
                f"{field}.country", f"no holidays are known for {country[:64]!r}: {_countries_like(country)}"
            )
        if subdivision is not None and subdivision not in _subdivisions(country):
            advice = _subdivisions_like(country, subdivision)
            raise TimingError(
                f"{field}.subdivision", f"no holidays are known for {subdivision[:64]!r} in {country}: {advice}"
            )
        return cls(country, subdivision)

    def __contains__(self, day: date) -> bool:
        """Whether ``day`` is a public holiday. None is in a year for which the library has no data."""
        return day in _days(self.country, self.subdivision, day.year)


@lru_cache(maxsize=4096)
def _days(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    from holidays import country_holidays  # noqa: PLC0415 - see above

    return frozenset(country_holidays(country, subdiv=subdivision, years=year))


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    # ISO codes to names in words: "CzechRepublic" is told as "Czech Republic".
    from holidays.registry import COUNTRIES  # noqa: PLC0415 - see above

    return {code: name.replace("_", " ").title() for name, (_, code, *_) in COUNTRIES.items()}


@lru_cache(maxsize=1)
def _three_letters() -> dict[str, str]:
    from holidays.registry import COUNTRIES  # noqa: PLC0415 - see above

    return {long: code for _, code, long, *_ in COUNTRIES.values()}


@lru_cache(maxsize=256)
def _subdivisions(country: str) -> dict[str, str]:
    # Codes, and their names where the library has some, to the codes.
    from holidays import country_holidays  # noqa: PLC0415 - see above

    calendar = country_holidays(country)
    names = dict(getattr(calendar, "subdivisions_aliases", {}))
    return {**{code: code for code in calendar.subdivisions}, **names}


def _countries_like(country: str) -> str:
    countries = _countries()
    wanted = country.strip()[:64]
    code = {**_three_letters(), **_OTHER_NAMES}.get(wanted.upper(), wanted.upper())
    by_name = {name.lower(): code for code, name in countries.items()}
    if code in countries:
        close = [code]
    elif names := difflib.get_close_matches(wanted.lower(), by_name, n=3, cutoff=0.7):
        close = [by_name[name] for name in names]
    else:
        close = difflib.get_close_matches(code, countries, n=3, cutoff=0.6)
    if not close:
        return "use an ISO 3166-1 code of two letters such as 'DE', 'JP' or 'US'"
    return _one_of([f"'{code}' ({countries[code]})" for code in close])


def _subdivisions_like(country: str, subdivision: str) -> str:
    known = _subdivisions(country)
    if not known:
        return "it has no subdivisions; leave the field out"
    by_spelling = {name.lower(): name for name in known}
    close = difflib.get_close_matches(subdivision.strip()[:64].lower(), by_spelling, n=3, cutoff=0.65)
    if close:
        return _one_of([f"'{by_spelling[spelling]}'" for spelling in close])
    shown = sorted(set(known.values()))
    return f"known are {', '.join(shown[:20])}{', …' if len(shown) > 20 else ''}"


def _one_of(names: list[str]) -> str:
    return "did you mean " + " or ".join([", ".join(names[:-1]), names[-1]] if names[:-1] else names) + "?"
