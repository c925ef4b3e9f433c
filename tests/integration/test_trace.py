"""Debug builds can be looked into: the trace of system calls and gdb. Production builds cannot."""

import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from support.runtime import POLICY, Spec, command, make_layout, run, shell, with_app

DEBUG = replace(POLICY, debug=True)

THREADS = r"""
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
static void *thread(void *unused) {
    char *args[] = {"echo", "from a thread", NULL};
    access("/from/a/thread", 0);
    execv("/bin/echo", args);
    return unused;
}
int main(void) {
    pid_t child;
    char *args[] = {"true", NULL};
    pthread_t other;
    if (posix_spawn(&child, "/bin/true", NULL, NULL, args, environ)) return 1;
    if (waitpid(child, NULL, 0) != child) return 1;
    pthread_create(&other, NULL, thread, NULL);
    pthread_join(other, NULL);
    return 2;
}
"""

OPTIONS = ("--olos-trace", "--olos-trace=open", "--olos-trace-failed", "--olos-gdb")


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A debug build whose app is busybox's shell."""
    spec = Spec(policy=DEBUG, programs={"/bin/threads": THREADS})
    return make_layout(tmp_path_factory.mktemp("trace") / "layout", spec)


def trace(layout: Path, *args: str, code: int = 0) -> list[tuple[int, str]]:
    """Process and text of each line, the first process being 1 and so on; the app's own output is as ever."""
    result = run(layout, *args)
    assert result.returncode == code, result
    found = re.findall(r"^olos: \[(\d+)\] (.*)$", result.stderr.decode(), re.MULTILINE)
    numbers = list(dict.fromkeys(number for number, _ in found))
    return [(numbers.index(number) + 1, text) for number, text in found]


def test_calls_arguments_and_results(layout: Path) -> None:
    script = "cd /tmp; mkdir -m 700 d; echo -n 'a\"b\n' >d/f; read x <d/f; rmdir /tmp"
    lines = [text for _, text in trace(layout, "--olos-trace", "-c", script, code=1)]
    for line in (
        'chdir("/tmp") = 0',
        'mkdir("d", 0777) = 0',
        'chmod("d", 0700) = 0',
        'openat(AT_FDCWD, "d/f", 0x241, 0666) = 3',
        'write(1, "a\\"b\\n", 4) = 4',
        'read(0, "a", 1) = 1',
        'rmdir("/tmp") = -1 ENOTEMPTY',
        "exit_group(1) = ?",
    ):
        assert line in lines
    assert lines[-1] == "+++ exited with 1 +++"


def test_children_threads_and_what_they_start(layout: Path) -> None:
    lines = trace(layout, "--olos-trace=execve,access", "-c", "exec /bin/threads")
    calls = [(process, text) for process, text in lines if "(" in text]
    assert [re.sub(r", 0x\w+\)", ")", text) for _, text in calls] == [
        'execve("/bin/threads", ["/bin/threads"]) = 0',
        'execve("/bin/true", ["true"]) = 0',
        'access("/from/a/thread", 0) = -1 ENOENT',
        'execve("/bin/echo", ["echo", "from a thread"]) = 0',
    ]
    first, child, thread, _ = (process for process, _ in calls)
    assert len({first, child, thread}) == 3
    assert [text for process, text in lines if process == child][-1] == "+++ exited with 0 +++"


def test_signals(layout: Path) -> None:
    script = "trap 'echo caught' USR1; kill -USR1 $$; sh -c 'kill -9 $$'; kill -SEGV $$"
    lines = [text for _, text in trace(layout, "--olos-trace=kill", "-c", script, code=-11)]
    for line in (
        "--- SIGUSR1 ---",
        "+++ killed by SIGKILL +++",
        "--- SIGSEGV ---",
        "+++ killed by SIGSEGV +++",
    ):
        assert line in lines


def test_a_stopped_process_stays_stopped(layout: Path) -> None:
    script = """
    sleep 0.1 & kill -STOP $!
    sleep 0.3; grep State /proc/$!/status; kill -CONT $!; wait $!; echo ended $?
    """
    result = run(layout, "--olos-trace=%signal", "-c", script)
    assert result.stdout == b"State:\tt (tracing stop)\nended 0\n"


def test_only_what_fails(layout: Path) -> None:
    lines = trace(
        layout, "--olos-trace-failed", "--olos-trace=%file", "-c", "cat /none; cat /etc; exit 3", code=3
    )
    calls = [text for _, text in lines if "(" in text]
    assert calls == ['openat(AT_FDCWD, "/none", 0, 0) = -1 ENOENT']
    lines = trace(layout, "--olos-trace-failed", "-c", "cat /none; cat /etc; exit 3", code=3)
    failed = [text for _, text in lines if "(" in text]
    assert all(" = -1 E" in text for text in failed)
    assert any(text.startswith("read(") and text.endswith("EISDIR") for text in failed)


def test_without_some(layout: Path) -> None:
    shown = {
        text.partition("(")[0]
        for _, text in trace(layout, "--olos-trace=!%file,!%memory,!write", "-c", "ls /")
    }
    assert "getdents64" in shown and "exit_group" in shown
    assert not shown & {"openat", "execve", "mmap", "brk", "write", "newfstatat"}


def test_the_app_s_bytes_are_as_ever(layout: Path) -> None:
    data = bytes(range(256)) * 2000
    result = run(layout, "--olos-trace=write", "-c", "tee /dev/stderr | cat", stdin=data)
    assert (result.returncode, result.stdout) == (0, data)
    assert result.stderr.count(b"] write(") > 100


@pytest.mark.parametrize(
    ("names", "wrong"),
    [
        ("none", "none"),
        ("open,", ""),
        (",open", ""),
        ("open,,read", ""),
        ("%files", "%files"),
        ("%", "%"),
        ("!", ""),
        ("!!open", "!open"),
        ("open openat", "open openat"),
        ('open,"', '"'),
        ("a" * 200, "a" * 24),
    ],
    ids=lambda value: value[:12],
)
def test_lists_that_are_none(layout: Path, names: str, wrong: str) -> None:
    result = run(layout, f"--olos-trace={names}", "-c", "echo started")
    assert (result.returncode, result.stdout) == (2, b"")
    text = f"olos: --olos-trace: '{wrong}' is no system call and no class of them\n  hint: "
    assert result.stderr.decode().startswith(text)


def test_an_empty_list(layout: Path) -> None:
    result = run(layout, "--olos-trace=", "-c", "echo started")
    assert (result.returncode, result.stdout) == (2, b"")
    hint = b"--olos-trace shows all system calls"
    assert result.stderr == b"olos: --olos-trace=: needs a list\n  hint: " + hint + b"\n"


@pytest.mark.parametrize("option", OPTIONS)
def test_production_refuses(layout: Path, tmp_path: Path, option: str) -> None:
    result = run(with_app(layout, tmp_path / "l", shell("echo started"), POLICY), option)
    assert (result.returncode, result.stdout) == (2, b"")
    name = "--olos-gdb" if "gdb" in option else "--olos-trace"
    assert result.stderr.decode() == (
        f"olos: {name}: the measured policy is that of a production build\n"
        "  hint: build a twin with olos build --debug; it has another measurement\n"
    )


def test_gdb_attaches_to_the_kernel(layout: Path) -> None:
    with subprocess.Popen(
        command(layout, "--olos-gdb", "-c", "echo up; read x; exit 7"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        assert process.stdout.readline() == b"up\n"
        said = os.read(process.stderr.fileno(), 1 << 16).decode()
        match = re.search(
            r"^olos: the kernel is process (\d+)\n  gdb -p \1 -ex '(handle .*)'$", said, re.MULTILINE
        )
        assert match, said
        result = subprocess.run(
            ["gdb", "-batch", "-nx", "-p", match[1], "-ex", match[2], "-ex", "bt 1", "-ex", "detach"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert "#0  0x" in result.stdout
        process.communicate(b"\n", timeout=60)
        assert process.returncode == 7
