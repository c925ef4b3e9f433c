"""docs/tcall.md says what the headers say, which the filter is made from."""

import re
from pathlib import Path

import pytest

from support.attempts import number
from support.tcalls import LISTS, calls, frames

DOCUMENT = (Path(__file__).parent.parent.parent.parent / "docs/tcall.md").read_text()
MYSTIKOS = 49 + 64


def tables() -> list[list[str]]:
    """Rows of each table, without its head."""
    found = re.findall(r"^\|.*\n\|[-|]+\n((?:\|.*\n)+)", DOCUMENT, re.MULTILINE)
    return [rows.splitlines() for rows in found]


@pytest.mark.parametrize(("place", "which"), list(enumerate(LISTS)), ids=LISTS)
def test_calls(place: int, which: str) -> None:
    assert tables()[place] == [call.row() for call in calls(which)]


def test_frames() -> None:
    rows = [[cell.strip(" `") for cell in row.strip("|").split("|")] for row in tables()[len(LISTS)]]
    assert {row[0]: row[1] for row in rows} == frames()


def test_all_are_system_calls() -> None:
    assert all(number(call.name) >= 0 for which in LISTS for call in calls(which))


@pytest.mark.parametrize(
    ("which", "text"),
    [("RUNNING", "**{} system calls**"), ("NETWORK", "{} more with a network"), ("BOOTING", "{} more. The")],
    ids=["running", "network", "booting"],
)
def test_counts(which: str, text: str) -> None:
    running = {call.name for call in calls("RUNNING")}
    names = {call.name for call in calls(which)} - (running if which != "RUNNING" else set())
    assert text.format(len(names)) in DOCUMENT
    assert len(names) < MYSTIKOS / 2


def test_nothing_opens_a_way_out_once_the_app_runs() -> None:
    paths = {"open", "openat", "execve", "execveat", "socket", "connect", "sendmsg", "dup", "mount", "prctl"}
    assert not paths & {call.name for call in calls("RUNNING")}
