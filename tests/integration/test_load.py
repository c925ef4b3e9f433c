"""Much of everything: processes, threads, files, bytes, signals. Nothing is lost and nothing stops."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest

from support.processes import resident
from support.runtime import POLICY, TIMEOUT, Spec, command, make_layout, run, running

MIB = 1 << 20
WAIT = 60.0

FORKS = r"""
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    int status, count = 0;
    if (argc == 1)
        return 0;
    for (int i = atoi(argv[1]); i > 0; i--) {
        pid_t child = fork();
        if (child == 0) {
            execl(argv[0], argv[0], (char *)0);
            _exit(1);
        }
        count += waitpid(child, &status, 0) == child && status == 0;
    }
    printf("%d\n", count);
}
"""

ORPHANS = r"""
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    for (int i = atoi(argv[1]); i > 0; i--) {
        pid_t child = fork();
        if (child == 0)
            _exit(fork() < 0);
        int status;
        if (waitpid(child, &status, 0) != child || status)
            return 1;
    }
    printf("%s\n", argv[1]);
}
"""

THREADS = r"""
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
static pthread_barrier_t all;
static _Atomic int count;
static void *work(void *unused)
{
    count++;
    pthread_barrier_wait(&all);
    return unused;
}
int main(int argc, char **argv)
{
    int wanted = atoi(argv[1]);
    pthread_t *threads = calloc(wanted, sizeof *threads);
    pthread_barrier_init(&all, 0, wanted);
    for (int i = 0; i < wanted; i++)
        if (pthread_create(&threads[i], 0, work, 0))
            return 1;
    for (int i = 0; i < wanted; i++)
        pthread_join(threads[i], 0);
    printf("%d\n", count);
}
"""

FILES = r"""
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    int wanted = atoi(argv[1]), *files = calloc(wanted, sizeof *files);
    char name[32], text[32];
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    printf("%lu %lu\n", (unsigned long)limit.rlim_cur, (unsigned long)limit.rlim_max);
    limit.rlim_cur = wanted + 16;
    if (setrlimit(RLIMIT_NOFILE, &limit))
        return 1;
    for (int i = 0; i < wanted; i++) {
        snprintf(name, sizeof name, "/tmp/%d", i);
        files[i] = open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
        if (files[i] < 0 || write(files[i], name, strlen(name)) < 0)
            return 1;
    }
    for (int i = 0; i < wanted; i++) {
        snprintf(name, sizeof name, "/tmp/%d", i);
        memset(text, 0, sizeof text);
        if (pread(files[i], text, sizeof text - 1, 0) < 0 || strcmp(name, text))
            return 1;
    }
    printf("%d\n", wanted);
}
"""

# Counts real-time signals, which queue up, until one says that they were all.
SIGNALS = r"""
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    int wanted = atoi(argv[1]), count = 0;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, 0);
    pid_t app = getpid();
    if (fork() == 0) {
        for (int i = 0; i < wanted; i++)
            if (sigqueue(app, SIGRTMIN, (union sigval){i}))
                return 1;
        return 0;
    }
    siginfo_t information;
    while (count < wanted && sigwaitinfo(&set, &information) > 0 && information.si_value.sival_int == count)
        count++;
    printf("%d\n", count);
}
"""


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    programs = {
        "bin/forks": FORKS,
        "bin/orphans": ORPHANS,
        "bin/threads": THREADS,
        "bin/files": FILES,
        "bin/signals": SIGNALS,
    }
    policy = replace(POLICY, memory=256 * MIB)
    return make_layout(tmp_path_factory.mktemp("load") / "layout", Spec(policy=policy, programs=programs))


def output_of(layout: Path, script: str, timeout: float = TIMEOUT) -> bytes:
    result = subprocess.run(
        command(layout, "-c", script),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, b"")
    return result.stdout


# ---- inside ----

# Program, how many in the long test, how many in the quick one.
MUCH = [
    ("/bin/forks", 10_000, 300),
    ("/bin/orphans", 10_000, 300),
    ("/bin/threads", 1_000, 60),
    ("/bin/signals", 100_000, 5_000),
]
IDS = ["fork-exec", "orphans", "threads", "signals"]


@pytest.mark.parametrize(("program", "number"), [(p, few) for p, _, few in MUCH], ids=IDS)
def test_some(layout: Path, program: str, number: int) -> None:
    assert output_of(layout, f"{program} {number}") == b"%d\n" % number


@pytest.mark.long
@pytest.mark.parametrize(("program", "number"), [(p, many) for p, many, _ in MUCH], ids=IDS)
def test_many(layout: Path, program: str, number: int) -> None:
    assert output_of(layout, f"{program} {number}", timeout=600) == b"%d\n" % number


def test_orphans_are_taken_away(layout: Path) -> None:
    zombies = "cat /proc/[0-9]*/status | grep -c '^State:.*Z'"
    result = run(layout, "-c", f"orphans 100; sleep 0.2; {zombies}")
    assert result.stdout == b"100\n0\n"


def test_ten_thousand_open_files(layout: Path) -> None:
    assert output_of(layout, "files 10000") == b"1024 1048576\n10000\n"


def test_a_pipe_of_ten(layout: Path) -> None:
    pipe = " | ".join(["seq 200000", *["cat"] * 8, "md5sum"])
    lines = b"".join(b"%d\n" % number for number in range(1, 200001))
    assert output_of(layout, pipe).split()[0].decode() == hashlib.md5(lines).hexdigest()


def test_an_app_that_closes_everything(layout: Path) -> None:
    script = "exec 0<&- 1>&- 2>&-; sleep 0.2; exit 9"
    result = run(layout, "-c", script, stdin=b"x" * MIB)
    assert (result.returncode, result.stdout, result.stderr) == (9, b"", b"")


# ---- through the lines ----


@contextmanager
def piped(layout: Path, script: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        command(layout, "-c", script), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def pump(layout: Path, size: int) -> float:
    """Send noise through cat. Returns bytes in a second; raises AssertionError if it comes back changed."""
    block = os.urandom(MIB)
    sent, received = hashlib.sha256(), hashlib.sha256()
    with piped(layout, "exec cat") as process:
        assert process.stdin and process.stdout

        def feed(stream: IO[bytes]) -> None:
            for number in range(size // MIB):
                piece = number.to_bytes(8, "little") + block[8:]
                sent.update(piece)
                stream.write(piece)
            stream.close()

        begin = time.monotonic()
        feeder = threading.Thread(target=feed, args=(process.stdin,))
        feeder.start()
        while piece := os.read(process.stdout.fileno(), MIB):
            received.update(piece)
        feeder.join()
        seconds = time.monotonic() - begin
        assert process.wait(WAIT) == 0
    assert sent.digest() == received.digest()
    return size / seconds


def test_bytes_through(layout: Path) -> None:
    pump(layout, 32 * MIB)


@pytest.mark.long
def test_a_gibibyte_through(layout: Path, record_property: Callable[[str, object], None]) -> None:
    record_property("MB/s", round(pump(layout, 1 << 30) / 1e6))


def test_a_slow_reader(layout: Path) -> None:
    """What it has not read waits in the app; the target keeps no more than its buffers."""
    with piped(layout, "exec dd if=/dev/zero bs=1M count=40 2> /dev/null") as process:
        assert process.stdout
        assert os.read(process.stdout.fileno(), 1) == b"\0"
        time.sleep(1)
        assert resident(process.pid) < 16 * MIB
        assert len(process.stdout.read()) == 40 * MIB - 1
        assert process.wait(WAIT) == 0


def test_a_hundred_thousand_signals(layout: Path) -> None:
    script = 'trap : USR1; trap "echo end; exit 5" TERM; echo ready; while :; do :; done'
    with running(layout, ["-c", script]) as process:
        assert process.stdout
        for _ in range(100_000):
            process.send_signal(signal.SIGUSR1)
        process.terminate()
        assert process.stdout.read() == b"end\n"
        assert process.wait(WAIT) == 5


# ---- time to end ----

IGNORES = 'trap "echo asked" TERM; trap "" INT; echo ready; while :; do sleep 0.05; done'


def test_an_app_that_does_not_stop_is_ended(layout: Path) -> None:
    with running(layout, ["--olos-stop-timeout", "1", "-c", IGNORES]) as process:
        assert process.stdout and process.stderr
        begin = time.monotonic()
        process.terminate()
        assert process.wait(WAIT) == -signal.SIGKILL
        assert time.monotonic() - begin >= 1
        assert process.stdout.read() == b"asked\n"
        message = b"olos: the app was ended: it was asked to stop and still ran after 1 s\n"
        assert process.stderr.read() == message


@pytest.mark.long
def test_the_usual_time_to_end(layout: Path) -> None:
    with running(layout, ["-c", IGNORES]) as process:
        begin = time.monotonic()
        process.terminate()
        assert process.wait(WAIT) == -signal.SIGKILL
        assert time.monotonic() - begin >= 10


def test_only_the_signal_to_stop_begins_the_time(layout: Path) -> None:
    with running(layout, ["--olos-stop-timeout", "0", "-c", IGNORES]) as process:
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert process.poll() is None


def test_an_app_that_stops_in_time(layout: Path) -> None:
    script = 'trap "sleep 0.5; echo done; exit 6" TERM; echo ready; while :; do sleep 0.05; done'
    with running(layout, ["-c", script]) as process:
        assert process.stdout and process.stderr
        process.terminate()
        assert (process.wait(WAIT), process.stdout.read(), process.stderr.read()) == (6, b"done\n", b"")


def test_time_without_end(layout: Path) -> None:
    with running(layout, ["--olos-stop-timeout", "never", "-c", IGNORES]) as process:
        assert process.stdout
        process.terminate()
        assert process.stdout.readline() == b"asked\n"
        time.sleep(0.5)
        assert process.poll() is None


def test_output_that_nobody_takes_does_not_prolong_it(layout: Path) -> None:
    script = "echo ready; trap : TERM; while :; do cat /bin/busybox; done"
    with running(layout, ["--olos-stop-timeout", "0", "-c", script]) as process:
        time.sleep(0.2)
        process.terminate()
        assert process.wait(WAIT) == -signal.SIGKILL


@pytest.mark.parametrize("value", ["", "-1", "1.5", "86401", "1000000", "soon", " 1"], ids=repr)
def test_a_time_that_is_none(layout: Path, value: str) -> None:
    result = run(layout, "--olos-stop-timeout", value)
    assert result.returncode == 2
    assert b"is neither a number of seconds up to 86400 nor 'never'" in result.stderr
