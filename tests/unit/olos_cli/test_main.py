import errno
import importlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from olos.errors import BuildStepError, InputError, MismatchError, MissingToolError, OlosError, UsageError
from olos_cli.main import COMMANDS, module_of
from support.cli import Call
from support.olos import ROOT

DOCUMENT = (ROOT / "docs" / "cli.md").read_text("utf-8")


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_is_what_the_document_shows(call: Call, name: str) -> None:
    words = [*name.split(), "--help"]
    text = call(*words).stdout
    assert f"```text\n$ olos {' '.join(words)}\n{text}```" in DOCUMENT
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_is_the_first_line_of_the_help(name: str) -> None:
    command = importlib.import_module(module_of(name)).command
    assert command.name == name
    assert COMMANDS[name] == command.help.splitlines()[0]


def test_every_command_has_its_module() -> None:
    modules = {path.stem for path in (ROOT / "olos_cli" / "commands").glob("*.py")} - {"__init__"}
    assert modules == {module_of(name).rpartition(".")[2] for name in COMMANDS}


def test_without_arguments_there_is_help(call: Call) -> None:
    assert call().stdout == call("--help").stdout


def test_version(call: Call) -> None:
    assert re.fullmatch(r"olos \d+\.\d+\.\d+\n", call("--version").stdout)


@pytest.mark.parametrize(
    ("args", "says", "hint"),
    [
        (["mesure"], "there is no command 'mesure'", "did you mean 'olos measure'?"),
        (["xyzzy"], "there is no command 'xyzzy'", "see 'olos --help'"),
        (["\x1b[2J"], r"there is no command '\x1b[2J'", "see 'olos --help'"),
        (["--frobnicate"], "No such option", "see 'olos --help'"),
        (["pack"], "Missing option", "see 'olos pack --help'"),
        (["ls"], "Missing argument 'PATH'", "see 'olos ls --help'"),
        (["verify", ".", "--measurement", "12"], "'12' is not 64", "see 'olos verify --help'"),
        (["measure", "--format", "xml"], "'xml' is not one of", "see 'olos measure --help'"),
    ],
    ids=["close", "unknown", "hostile", "option", "missing-option", "missing-argument", "hex", "choice"],
)
def test_wrong_calls(call: Call, args: list[str], says: str, hint: str) -> None:
    outcome = call(*args, expect=2)
    assert outcome.out == b""
    assert outcome.stderr.startswith("error: ")
    assert says in outcome.stderr
    assert outcome.stderr.endswith(f"hint: {hint}\n")


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let `olos inspect` raise an error."""

    def raise_it(_: Path) -> None:
        raise error

    monkeypatch.setattr("olos_cli.commands.inspect.open_any", raise_it)


@pytest.mark.parametrize(
    ("kind", "code"),
    [(UsageError, 2), (InputError, 3), (BuildStepError, 4), (MismatchError, 5), (MissingToolError, 6)],
)
def test_errors(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: type[OlosError], code: int
) -> None:
    failing(monkeypatch, kind("what [/x] \x1b\nwhere", hint="do"))
    outcome = call("inspect", tmp_path, expect=code)
    assert outcome.out == b""
    assert outcome.stderr == "error: what [/x] \\x1b\n  where\nhint: do\n"


def test_a_bug(call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    failing(monkeypatch, ZeroDivisionError("odd\n\x1b"))
    outcome = call("inspect", tmp_path, expect=1)
    assert outcome.stderr == (
        "error: internal error: ZeroDivisionError: odd\n  \\x1b\n"
        "hint: this is a bug in olos: please report it, with what -v adds to this\n"
    )
    verbose = call("-v", "inspect", tmp_path, expect=1).stderr
    assert "Traceback" in verbose
    assert "in raise_it" in verbose


@pytest.mark.parametrize(
    "number",
    [errno.ENOSPC, errno.EIO, errno.EMFILE, errno.EROFS, errno.EACCES, errno.ENAMETOOLONG],
    ids=errno.errorcode.get,
)
def test_troubles_of_the_machine_are_no_bugs(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int
) -> None:
    failing(monkeypatch, OSError(number, os.strerror(number), "/tmp/x"))
    assert call("inspect", tmp_path, expect=3).stderr == f"error: /tmp/x: {os.strerror(number)}\n"


def test_interrupted(call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    failing(monkeypatch, KeyboardInterrupt())
    assert call("inspect", tmp_path, expect=130).stderr == "error: interrupted\n"


@pytest.mark.parametrize(
    ("before", "behind"),
    [(["-q", "-v"], []), (["-v"], []), ([], ["-v"]), (["-q"], ["-v"]), ([], ["--verbose"])],
    ids=str,
)
def test_options_of_the_terminal_before_and_behind(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, before: list[str], behind: list[str]
) -> None:
    failing(monkeypatch, ZeroDivisionError())
    assert "Traceback" in call(*before, "inspect", tmp_path, *behind, expect=1).stderr


def python(*args: str | Path, stdout: int = subprocess.PIPE) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *args],
        cwd=ROOT,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
    )


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from olos_cli.main import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    )
    process = python("-c", code)
    loaded = set(process.communicate()[1].split())
    assert process.returncode == 0
    assert not loaded & {"rich", "docker", "requests", "pycdlib", "zstandard", "olos_cli.pipeline"}


def test_reading_a_layout_loads_no_builder() -> None:
    code = "import sys, olos_cli.commands.ls, olos_cli.commands.run; print(*sys.modules)"
    loaded = set(python("-c", code).communicate()[0].split())
    assert not loaded & {"rich", "docker", "requests", "pycdlib", "olos_build"}


def test_as_a_module(layout: Path) -> None:
    assert python("-m", "olos_cli", "ls", layout, "/link").communicate() == ("/a/x\n", "")


def test_nobody_reads_the_output(layout: Path) -> None:
    process = python("-m", "olos_cli", "cat", layout, *["/edges/300000"] * 5)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 141


def test_a_full_output(layout: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        process = python("-m", "olos_cli", "ls", layout, stdout=full.fileno())
        _, text = process.communicate()
    assert text == "error: standard output: cannot be written: No space left on device\n"
    assert process.returncode == 3


def test_a_closed_output(layout: Path) -> None:
    result = subprocess.run(
        ["sh", "-c", 'exec "$0" -m olos_cli ls "$1" >&-', sys.executable, str(layout)],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert "standard output: is closed" in result.stderr
    assert result.returncode == 3


WAITING = """
import sys, time
from pathlib import Path
from olos.output import atomic_directory
from olos_cli import main
def wait(_):
    with atomic_directory(Path(sys.argv[1])) as folder:
        print("waiting", file=sys.stderr, flush=True)
        time.sleep(60)
import olos_cli.commands.inspect as command
command.open_any = wait
sys.exit(main.main(["inspect", "."]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda s: s.name)
def test_a_signal_ends_it_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    process = python("-c", WAITING, tmp_path / "out")
    assert process.stderr is not None
    assert process.stderr.readline() == "waiting\n"
    started = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert time.monotonic() - started < 10
    assert (out, err) == ("", "error: interrupted\n")
    assert process.returncode == 128 + number
    assert list(tmp_path.iterdir()) == []


def test_an_ignored_hangup_stays_ignored() -> None:
    code = (
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN);"
        "from olos_cli.main import main; main(['--version']);"
        "print(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)"
    )
    assert python("-c", code).communicate()[0].endswith("True\n")


def test_the_exit_codes_stand_in_the_document() -> None:
    for kind in (OlosError, UsageError, InputError, BuildStepError, MismatchError, MissingToolError):
        assert f"| {kind.exit_code} | " in DOCUMENT
