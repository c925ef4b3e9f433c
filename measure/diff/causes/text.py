"""What changes inside of text from build to build: identities, moments, names of places, the order of lines.

All patterns take linear time, whatever they are applied to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from measure.diff.causes.rule import Finding, Pair
from measure.diff.model import Cause

_HEX = rb"[0-9a-fA-F]"
_UUID = rb"(?=[0-9a-fA-F])(?<![0-9a-zA-Z])%b{8}-(?:%b{4}-){3}%b{12}(?![0-9a-zA-Z])" % (_HEX, _HEX, _HEX)

_MONTH = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_DAY = rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}"
_CLOCK = rb"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?: ?[AP]M)?"
_ZONE = rb"(?: ?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2})\b)?"
_DATES = (
    rb"\d{4}-\d{2}-\d{2}(?:[T _]%b)?" % _CLOCK,
    rb"(?:%b,? )?\d{1,2} %b \d{4}(?: %b)?" % (_DAY, _MONTH, _CLOCK),
    rb"(?:%b,? )?%b  ?\d{1,2},?(?: %b%b)?(?: \d{4})?(?: %b)?" % (_DAY, _MONTH, _CLOCK, _ZONE, _CLOCK),
    rb"\d{4}/\d{2}/\d{2}(?:[ -]%b)?" % _CLOCK,
    rb"\d{8}T?\d{6}",
    rb"20\d{6}",
    rb"1\d{9}(?:\.\d{1,9}|\d{3}|\d{6}|\d{9})?",
    _CLOCK,
)
_DATE = rb"(?=[0-9A-W])(?<![0-9a-zA-Z])(?:%b)%b(?![0-9])" % (b"|".join(_DATES), _ZONE)

_TEMPORARY = rb"/tmp/[A-Za-z0-9._-]{1,255}"
_CONTAINER = rb"(?=[0-9a-fA-F])(?<![0-9a-zA-Z])%b{12}(?![0-9a-zA-Z])" % _HEX
_BUILD_HOST = rb"buildkitsandbox|root@[A-Za-z0-9][A-Za-z0-9.-]{0,62}"
_MAX_BINARY = 1 << 20


@dataclass(frozen=True)
class Pattern:
    """Something that a regular expression finds, in text or in the strings of a binary."""

    cause: Cause
    pattern: re.Pattern[bytes]
    shows: bool = True

    def hide(self, path: bytes, data: bytes) -> bytes:
        # Looking for patterns in what is no text takes long and finds little.
        if len(data) > _MAX_BINARY and b"\0" in data:
            return data
        return self.pattern.sub(b"\0", data)


UUIDS = Pattern(
    Cause(
        "random-uuid",
        "A random UUID was made during the build.",
        "Write a fixed value in its place, or make it at the first start of the app.",
    ),
    re.compile(_UUID),
)
DATES = Pattern(
    Cause(
        "date-in-content",
        "A file holds a date or a time of the build.",
        "Write 'ENV SOURCE_DATE_EPOCH=0' above the step: many tools use it in place of the clock.",
    ),
    re.compile(_DATE),
)
BUILD_PLACES = Pattern(
    Cause(
        "build-path",
        "A file holds a temporary path, a container id or a host name of the build.",
        "Build in a fixed directory (WORKDIR /src in place of mktemp -d), and leave out the host name.",
    ),
    re.compile(b"|".join((_TEMPORARY, _CONTAINER, _BUILD_HOST))),
)


class ShadowDates:
    """Field 3 of shadow(5): the day of the last change of a password."""

    cause = Cause(
        "shadow-date",
        "The day on which a user was added stands in /etc/shadow.",
        "Write 'chage -d 2000-01-01 NAME' behind useradd, or COPY passwd and shadow.",
    )
    shows = False
    _field = re.compile(rb"^([^:\n]*:[^:\n]*:)\d*", re.MULTILINE)

    def hide(self, path: bytes, data: bytes) -> bytes:
        return self._field.sub(rb"\1", data) if path in (b"etc/shadow", b"etc/shadow-") else data


class LineOrder:
    """The same lines in another order."""

    cause = Cause(
        "line-order",
        "The same lines stand in another order: that in which a directory was read, or jobs ended.",
        "Sort what is written: '… | LC_ALL=C sort'.",
    )

    def judge(self, pair: Pair) -> Sequence[Finding]:
        contents = pair.contents
        if contents is None or len(contents[0]) != len(contents[1]) or b"\0" in contents[0]:
            return ()
        old, new = (sorted(data.splitlines()) for data in contents)
        return (Finding(self.cause),) if old == new else ()
