import io
import re
import time

import pytest

from olos.progress import Progress
from olos_cli.console import Console

HOSTILE = "\x1b]0;title\x07[bold red]x[/nonsense]\r\u202e:smile:"
SHOWN = r"\x1b]0;title\x07[bold red]x[/nonsense]\r\u202e:smile:"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


def work(console: Progress) -> None:
    """Some of everything."""
    console.step(f"step {HOSTILE}")
    console.output(f"tool {HOSTILE}\n")
    console.warn("some-name", f"warned of {HOSTILE}\nerror: not one")
    with console.task(f"task {HOSTILE}", 10, "B") as task:
        task.advance(4)
        task.advance(6)
    with console.task("things", None, "entries") as task:
        task.advance(1)


def seen(stream: io.StringIO, *, verbose: bool = False, quiet: bool = False, color: bool = True) -> str:
    console = Console(stream=stream, verbose=verbose, quiet=quiet, color=color)
    work(console)
    console.close()
    return stream.getvalue()


WARNING = f"warning: warned of {SHOWN}\n  error: not one [some-name]\n"


@pytest.mark.parametrize("quiet", [False, True], ids=["default", "quiet"])
def test_a_pipe_gets_warnings_only(quiet: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert seen(io.StringIO(), quiet=quiet) == WARNING


def test_a_verbose_pipe_gets_everything_as_plain_lines() -> None:
    lines = seen(io.StringIO(), verbose=True).splitlines()
    assert lines[0] == f"step {SHOWN}"
    assert lines[1] == f"tool {SHOWN}"
    assert "\n".join(lines[2:4]) + "\n" == WARNING
    assert lines[4].startswith(f"task {SHOWN}: 10 B in 0.0 s")
    assert lines[5].startswith("things: 1 entries in 0.0 s")
    assert len(lines) == 6


def test_a_terminal_gets_steps_bars_and_colours() -> None:
    text = seen(Terminal())
    assert "\x1b[33mwarning" in text
    assert "━" in text
    assert r"step \x1b]0;title" in text
    assert "\x1b]0" not in text
    assert "\x07" not in text
    assert "\u202e" not in text


def test_a_terminal_under_quiet_gets_warnings_only() -> None:
    text = seen(Terminal(), quiet=True, color=False)
    assert text.replace("\n", "") == WARNING.replace("\n", "")


@pytest.mark.parametrize("way", ["option", "NO_COLOR", "dumb"])
def test_no_colours(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "NO_COLOR":
        monkeypatch.setenv("NO_COLOR", "1")
    if way == "dumb":
        monkeypatch.setenv("TERM", "dumb")
    text = seen(Terminal(), color=way != "option")
    assert "warning: warned" in text
    assert "\x1b[3" not in text
    assert "\x1b[1m" not in text
    assert "\x1b[38" not in text


def test_error_and_hint() -> None:
    stream = io.StringIO()
    Console(stream=stream).error(f"{HOSTILE}\nhint: no", f"do\n{HOSTILE}")
    assert stream.getvalue() == f"error: {SHOWN}\n  hint: no\nhint: do\n  {SHOWN}\n"


def test_a_failing_task_leaves_no_bar_and_no_summary() -> None:
    stream = Terminal()
    console = Console(stream=stream, color=False)
    with pytest.raises(KeyError), console.task("work", 10, "B"):
        raise KeyError
    console.error("it failed")
    assert "work: " not in stream.getvalue()
    assert stream.getvalue().endswith("error: it failed\n")


def test_a_long_task_leaves_its_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 2))
    monkeypatch.setattr("olos_cli.console.time.monotonic", lambda: float(next(clock)))
    stream = Terminal()
    with Console(stream=stream, color=False).task("work", 10 << 20, "B") as task:
        task.advance(10 << 20)
    found = re.search(r"work: 10 MiB in (\d+)\.0 s, ([0-9.]+) MiB/s\n$", stream.getvalue())
    assert found
    assert abs(float(found[1]) * float(found[2]) - 10) < 0.5


def test_a_bar_with_a_long_name_stays_on_one_line() -> None:
    stream = Terminal()
    with Console(stream=stream, color=False).task("a very long name of a task " * 9, 300 << 20, "B") as task:
        task.advance(100 << 20)
        time.sleep(0.06)
        task.advance(99 << 20)
        time.sleep(0.3)
    rows = re.split(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\n]+", stream.getvalue())
    bars = [row for row in rows if "━" in row]
    assert any("199 MiB of 300 MiB" in row and "iB/s" in row for row in bars)
    assert all(row.startswith("a very long name of a task a") for row in bars)
    assert max(map(len, bars)) <= 80


def test_tasks_within_tasks() -> None:
    console = Console(stream=Terminal(), color=False)
    with console.task("outer", 2, "layers") as outer:
        for _ in range(2):
            with console.task("inner", 5, "B") as inner:
                inner.advance(5)
            outer.advance(1)
    console.close()


def test_a_long_line_of_a_pipe_stays_one_line() -> None:
    stream = io.StringIO()
    Console(stream=stream).error("word " * 100)
    assert stream.getvalue().count("\n") == 1
