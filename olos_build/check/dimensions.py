"""The table of circumstances that are made others, each with what it is made and why it may stay.

What every builder lays down is none: RUN steps run as root, under umask 022, with the environment that the
image has. It is the same on every machine, and another one would be another build.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from olos_build.check.model import Change, Dimension, Outcome, Place, Stays
from olos_build.check.storage import SHARED
from olos_build.tool import Tool

_HOURS = 37
"""By how much the clock is put forward each time. Another day and another hour; but certificates and
indices of packages that expire in a week are still good."""

_ZONES = ("<+1330>-13:30", "<-1130>+11:30")
_LOCALES = ("tr_TR.UTF-8", "de_DE.UTF-8")
_FAKETIME = "faketime/libfaketime.so.1"
_TASKSET = Tool("taskset", "util-linux")
_HOSTNAME = Tool("hostname", "hostname")
_RELEASE = re.compile(r"\d+\.(\d+)(\.\d+)?")
"""What personality UNAME26 puts 2.6.(60 + minor number) for (kernel/sys.c, override_release)."""


MOST_RISK = 2


def outcomes(place: Place, risk: int) -> Iterator[Outcome]:
    """What becomes of each circumstance. Those of a higher risk stay."""
    for dimension in DIMENSIONS:
        if dimension.risk > risk:
            yield dimension.name, Stays("a step failed under another one")
        else:
            yield dimension.name, dimension.vary(place)


def _clock(place: Place) -> Change | Stays:
    if place.storage is None:
        return _out_of_reach(place)
    library = next(Path("/usr/lib").glob(f"*/{_FAKETIME}"), None)
    if library is None:
        return Stays("libfaketime is not installed: apt-get install faketime")
    shutil.copy(library, place.storage.shared)
    (place.storage.shared / library.name).chmod(0o755)
    variables = {
        "LD_PRELOAD": str(SHARED / library.name),
        "FAKETIME": f"+{_HOURS * place.number}h",
        # Only the time of day: neither the times of files nor what waits are measured by.
        "NO_FAKE_STAT": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    text = f"{_HOURS * place.number} hours ahead, in programs that are linked with glibc"
    return Change(text=text, variables=tuple(variables.items()))


def _time_zone(place: Place) -> Change | Stays:
    zone = _of_turn(_ZONES, place)
    short = zone[1 : zone.index(">")]
    return Change(
        text=f"TZ={zone}",
        environment=(("TZ", zone),),
        variables=(("TZ", zone),),
        traces=(("UTC", short), ("+0000", short), ("", zone)),
        cure="write 'ENV TZ=UTC' above the step",
    )


def _locale(place: Place) -> Change | Stays:
    name = _of_turn(_LOCALES, place)
    text = f"LANG={name}, in images that have it"
    return Change(
        text=text,
        environment=(("LANG", name),),
        variables=(("LANG", name),),
        traces=(("", name),),
        cure="write 'ENV LC_ALL=C.UTF-8' above the step",
    )


def _host_name(place: Place) -> Change | Stays:
    if place.storage is None:
        return _out_of_reach(place)
    name = f"check-{place.number}"
    script = 'hostname "$1"; shift; exec "$@"'
    _HOSTNAME.path()
    return Change(text="another one for every RUN step", prefix=("/bin/sh", "-ec", script, "sh", name))


def _read_order(place: Place) -> Change | Stays:
    if place.storage is None:
        return _out_of_reach(place)
    if not place.storage.newest_first:
        return Stays(f"{SHARED} is no tmpfs, or there is not enough memory")
    return Change(text="what was made last comes first, on a tmpfs")


def _processors(place: Place) -> Change | Stays:
    usable = sorted(os.sched_getaffinity(0))
    if place.storage is None:
        return _out_of_reach(place)
    if len(usable) == 1:
        return Stays("this machine has only one")
    one = str(usable[-place.number % len(usable)])
    return Change(
        text=f"1 in place of {len(usable)}",
        prefix=(_TASKSET.path(), "--cpu-list", one),
        traces=((str(len(usable)), "1"),),
        cure="give a number of jobs, as in 'make -j4', in place of that of nproc",
    )


def _addresses(place: Place) -> Change | Stays:
    if place.storage is None:
        return _out_of_reach(place)
    return Change(text="not randomised", personality=("--addr-no-randomize",))


def _release(place: Place) -> Change | Stays:
    if place.storage is None:
        return _out_of_reach(place)
    release = platform.release()
    other = _RELEASE.sub(lambda match: f"2.6.{int(match[1]) + 60}", release, count=1)
    return Change(
        text=f"{other[:40]} in place of {release[:40]}",
        personality=("--uname-2.6",),
        traces=((release, other),),
        cure="write nothing of 'uname' into the image",
    )


def _environment(place: Place) -> Change | Stays:
    others = {"OLOS_CHECK": str(place.number), "TERM": "dumb", "COLUMNS": "72"}
    return Change(text="other variables of the builder", environment=tuple(others.items()))


def _always(outcome: Change | Stays) -> Callable[[Place], Change | Stays]:
    return lambda _: outcome


def _out_of_reach(place: Place) -> Stays:
    return Stays(place.why_not or f"{place.builder} chooses it")


def _of_turn(values: tuple[str, ...], place: Place) -> str:
    return values[(place.number - 1) % len(values)]


DIMENSIONS = (
    Dimension("clock", _clock, risk=2),
    Dimension("time zone", _time_zone),
    Dimension("locale", _locale),
    Dimension(
        "umask",
        _always(
            Change(text="077, of the builder and the context; in RUN steps it is always 022", umask=0o077)
        ),
    ),
    Dimension("host name", _host_name),
    Dimension("build path", _always(Change(text="context and builder in other directories"))),
    Dimension("context", _always(Change(text="times of now, made in the reverse order"))),
    Dimension("order of directories", _read_order, risk=1),
    Dimension("processors", _processors),
    Dimension("address layout", _addresses),
    Dimension("kernel release", _release, risk=1),
    Dimension("environment", _environment),
    Dimension(
        "home directory",
        _always(Stays("the builder's credentials are there; RUN steps never see it")),
    ),
    Dimension(
        "user id",
        _always(Stays("the builder's storage is that of its user; RUN steps are root in any case")),
    ),
)
