"""Periods of validity: of certificates, of collateral.

The clocks of the two sides are never quite equal. What is not valid yet, or is no longer valid, by no
more than `CLOCK_SKEW` is taken for valid.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from olos.errors import MismatchError

CLOCK_SKEW = timedelta(minutes=5)


def check_validity(what: str, start: datetime, end: datetime, time: datetime) -> None:
    """Raises MismatchError, naming `what`, unless the time lies in the period, give or take `CLOCK_SKEW`."""
    if time - start < -CLOCK_SKEW:
        raise _outside(f"{what} is not valid yet", f"a time from {rfc3339(start)} on", time)
    if time - end > CLOCK_SKEW:
        raise _outside(f"{what} has expired", f"a time until {rfc3339(end)}", time)


def _outside(what: str, expected: str, time: datetime) -> MismatchError:
    skew = CLOCK_SKEW // timedelta(minutes=1)
    return MismatchError(
        f"{what}\n  expected {expected}\n  actual   {rfc3339(time)}, and clocks may differ by {skew} minutes",
        hint="ask for new evidence; to judge it as of the past, say which time: --time",
    )


def rfc3339(time: datetime) -> str:
    """The time in UTC as RFC 3339 has it, in whole seconds."""
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
