"""Values of build arguments in an image's history, which must not travel on with a layout.

Builders write into the history what a RUN step had as build arguments: `|2 A=1 TOKEN=abc /bin/sh -c make`.
The names stay, the values go. A value that is known goes wherever it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

HIDDEN = "***"
_ARGUMENTS = re.compile(r"((?:RUN )?\|([0-9]{1,4}) )(.*)", re.DOTALL)
_NAME = re.compile(r"(?:^|(?<= ))([A-Za-z_][A-Za-z0-9_]*)=")
_SHORT = 4
"""Characters; a shorter value is hidden behind its name only, since `1` or `x86` says nothing elsewhere."""


def redacted(created_by: str, build_args: Iterable[tuple[str, str]] = ()) -> str:
    """The text of a step without the values of build arguments, those given and those it names itself."""
    # Longest first: a value may be a part of another.
    for name, value in sorted(build_args, key=lambda pair: -len(pair[1])):
        if value:
            created_by = created_by.replace(f"{name}={value}", f"{name}={HIDDEN}")
        if len(value) >= _SHORT:
            created_by = created_by.replace(value, HIDDEN)
    match = _ARGUMENTS.fullmatch(created_by)
    return match[1] + _without_values(match[3], int(match[2])) if match else created_by


def _without_values(text: str, count: int) -> str:
    """The first `count` NAME=VALUE of a text without their values, and the rest.

    A value may hold blanks, and so only ends for certain where the next name begins. The last one ends
    where the shell does: steps show it with its full path.
    """
    names = [match[1] for match in _NAME.finditer(text)][:count]
    if len(names) < count:
        return text
    *_, last = list(_NAME.finditer(text))[:count]
    command = text.find(" /", last.end())
    rest = text[command:] if command >= 0 else ""
    return " ".join(f"{name}={HIDDEN}" for name in names) + rest
