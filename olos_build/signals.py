"""STOPSIGNAL: names and numbers of signals on x86-64 Linux (signal(7)), whatever machine builds."""

from __future__ import annotations

import re

from olos.errors import InputError

_NAMES = re.findall(
    r"\w+",
    """HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP
    TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS""",
)
"""The names of 1, 2, …"""
_NUMBERS = {name: number for number, name in enumerate(_NAMES, 1)} | {"IOT": 6, "CLD": 17, "POLL": 29}
_REAL_TIME = re.compile(r"RT(MIN|MAX)(?:([+-])([0-9]{1,2}))?")
_RTMIN, _RTMAX = 34, 64
"""As the C library counts: it keeps 32 and 33 for itself."""

SIGTERM = _NUMBERS["TERM"]


def signal_number(text: str) -> int:
    """The number of `SIGTERM`, `term`, `15`, `SIGRTMIN+3` and the like. Raises InputError."""
    name = text.upper().removeprefix("SIG")
    if name in _NUMBERS:
        return _NUMBERS[name]
    number = 0
    if re.fullmatch("[0-9]{1,2}", text):
        number = int(text)
    elif match := _REAL_TIME.fullmatch(name):
        offset = int(match[3] or 0) * (-1 if match[2] == "-" else 1)
        number = _RTMIN + offset if match[1] == "MIN" else _RTMAX + offset
        number = number if _RTMIN <= number <= _RTMAX else 0
    if not 1 <= number <= _RTMAX:
        raise InputError(
            f"stop signal {text[:80]!r} is not known", hint="give a name as SIGTERM, or a number from 1 to 64"
        )
    return number
