import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from olos.errors import BuildStepError, MissingToolError
from olos_build import tool
from olos_build.tool import MAX_LINE, TAIL_LINES, Tool, ToolFailedError, first_line, printable, run

SH = Tool("sh", "dash")
ROOT = Path(__file__).parent.parent.parent.parent


def output_of(script: str) -> list[str]:
    lines: list[str] = []
    run(SH, ["-c", script], lines.append)
    return lines


def test_lines_of_both_streams_come_in_order() -> None:
    assert output_of("echo one; echo two >&2; printf three") == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("script", "lines"),
    [
        ("printf 'a\\r\\nb\\rc\\n'", ["a", "b", "c"]),
        ("printf '\\033[31mred\\033[0m\\007\\tx\\n'", ["red\tx"]),
        ("printf '\\303\\274\\377\\n'", ["\u00fc\ufffd"]),
        ("printf '\\n\\nx'", ["", "", "x"]),
        (":", []),
    ],
    ids=["line-ends", "terminal-sequences", "not-utf8", "empty-lines", "nothing"],
)
def test_output_is_made_printable(script: str, lines: list[str]) -> None:
    assert output_of(script) == lines


def test_endless_line_comes_in_pieces() -> None:
    lines = output_of("head -c 1000000 /dev/zero | tr '\\0' x")
    assert sum(map(len, lines)) == 1000000
    assert max(map(len, lines)) == MAX_LINE


def test_surroundings_are_fixed() -> None:
    text = output_of("umask; echo $LC_ALL; cat; ps -o pgid= -p $$; echo $$")
    assert text[:2] == ["0022", "C"]
    assert text[2].strip() == text[3]


def test_failure_names_command_and_last_lines() -> None:
    script = "for i in $(seq 100); do echo line $i; done; exit 3"
    with pytest.raises(ToolFailedError) as caught:
        output_of(script)
    assert isinstance(caught.value, BuildStepError)
    assert caught.value.exit_code == 4
    assert caught.value.tail == tuple(f"line {i}" for i in range(101 - TAIL_LINES, 101))
    assert caught.value.reason == "status 3"
    assert f"sh -c '{script}'" in caught.value.message


def test_failure_by_signal() -> None:
    with pytest.raises(ToolFailedError, match="signal 9"):
        output_of("kill -KILL $$")


def test_missing_tool_says_what_to_install() -> None:
    with pytest.raises(MissingToolError) as caught:
        run(Tool("no-such-program", "its-package"), [], print)
    assert caught.value.exit_code == 6
    assert caught.value.hint == "apt-get install its-package"


def test_program_that_cannot_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken").write_text("#!/no/such/interpreter\n")
    (tmp_path / "broken").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildStepError, match="cannot be started"):
        run(Tool("broken", "x"), [], print)


def test_first_line() -> None:
    assert first_line(SH, ["-c", "echo one; echo two"]) == "one"
    assert first_line(SH, ["-c", ":"]) == ""


@pytest.mark.parametrize(
    "script",
    ["sleep 60", "exec >&- 2>&-; exec sleep 60", "while :; do echo; done", "exec cat /dev/zero"],
    ids=["silent", "closed", "lines", "one-line"],
)
def test_a_short_call_that_does_not_end(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(tool, "_ANSWER_SECONDS", 0.3)
    start = time.monotonic()
    with pytest.raises(BuildStepError, match="has not ended in 0 s"):
        first_line(SH, ["-c", script])
    assert time.monotonic() - start < 5


def test_what_a_program_leaves_behind_neither_holds_us_up_nor_stays() -> None:
    before = time.monotonic()
    (pid,) = output_of("sleep 60 & echo $!")
    assert time.monotonic() - before < 5
    assert gone(int(pid))


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            if re.search(r"\) Z ", Path(f"/proc/{pid}/stat").read_text()):
                return True  # It waits for its parent only.
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


INTERRUPTED = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have had it ignored
from olos_build.tool import Tool, run
try:
    run(Tool("sh", "dash"), ["-c", {script!r}], lambda line: print(line, flush=True))
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize(
    ("script", "tidied"),
    [
        ("trap 'echo tidied > {file}; exit' TERM; echo $$; sleep 60 & echo $!; wait", True),
        ("trap '' TERM; echo $$; sh -c \"trap '' TERM; sleep 60\" & echo $!; wait", False),
    ],
    ids=["tidies-up", "does-not-listen"],
)
def test_interrupt_ends_the_whole_group(tmp_path: Path, script: str, tidied: bool) -> None:
    file = tmp_path / "tidied"
    program = INTERRUPTED.format(script=script.format(file=file))
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        pids = [int(process.stdout.readline()) for _ in range(2)]
        os.kill(process.pid, signal.SIGINT)
        assert process.stdout.read() == "interrupted\n"
    assert file.exists() == tidied
    assert all(map(gone, pids))


def test_printable_keeps_text() -> None:
    assert printable("[red]x[/red]\u00e9\t") == "[red]x[/red]\u00e9\t"
