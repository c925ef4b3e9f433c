"""What `olos kernel build` makes of Debian's source: the same bytes each time; the runtime works on it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from olos_build.kernel_build import source
from support.olos import ROOT, olos
from support.runtime import KERNEL_VARIABLE, Spec, make_layout, run

pytestmark = pytest.mark.long

RUNTIME_TESTS = (
    "test_isolation.py",
    "test_load.py",
    "test_runtime.py",
    "test_runtime_confinement.py",
    "test_runtime_hostile_kernel.py",
    "test_runtime_refuses.py",
    "test_runtime_signals.py",
)

# Each thread finds what was written before it was started, and the others what it writes.
THREADS = r"""
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
enum { COUNT = 300, PAGE = 4096, EACH = 32 * PAGE };
static char *before, *fresh;
static void *work(void *argument)
{
    long number = (long)argument;
    for (long i = number * EACH; i < (number + 1) * EACH; i += PAGE) {
        if (before[i] != (char)(i / PAGE))
            return "changed";
        before[i]++;
        fresh[i] = (char)(i / PAGE);
    }
    return 0;
}
int main(void)
{
    pthread_t threads[COUNT];
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    before = mmap(0, COUNT * EACH, PROT_READ | PROT_WRITE, flags, -1, 0);
    for (long i = 0; i < COUNT * EACH; i += PAGE)
        before[i] = (char)(i / PAGE);
    fresh = mmap(0, COUNT * EACH, PROT_READ | PROT_WRITE, flags, -1, 0);
    for (long i = 0; i < COUNT; i++)
        if (pthread_create(&threads[i], 0, work, (void *)i))
            return 1;
    for (long i = 0; i < COUNT; i++) {
        void *failed;
        if (pthread_join(threads[i], &failed) || failed)
            return 2;
    }
    for (long i = 0; i < COUNT * EACH; i += PAGE)
        if (before[i] != (char)(i / PAGE + 1) || fresh[i] != (char)(i / PAGE))
            return 3;
}
"""

# A second of computing is the user's, and ends by a timer of the user's time.
USER_TIME = r"""
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
static volatile sig_atomic_t fired;
static void on_alarm(int unused)
{
    fired = unused;
}
int main(void)
{
    struct itimerval second = {.it_value = {1, 0}};
    struct rusage used;
    signal(SIGVTALRM, on_alarm);
    if (setitimer(ITIMER_VIRTUAL, &second, 0))
        return 1;
    while (!fired)
        ;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_utime.tv_sec < 1 || used.ru_stime.tv_sec > 0 ? 2 : 0;
}
"""


def built(folder: Path, umask: int, **environment: str) -> Path:
    """A kernel, built by the command. The directory in which it is compiled is one of its own."""
    (folder / "scratch").mkdir(parents=True)
    env = {**os.environ, "TMPDIR": str(folder / "scratch"), **environment}
    command: list[str | Path] = [sys.executable, "-m", "olos_cli", "kernel", "build", "-o", folder / "kernel"]
    subprocess.run(command, check=True, env=env, umask=umask, stdout=subprocess.DEVNULL)
    assert not any((folder / "scratch").iterdir())
    return folder / "kernel"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kernel; OLOS_TEST_KERNEL names one that is there already."""
    if given := os.environ.get(KERNEL_VARIABLE):
        return Path(given)
    return built(tmp_path_factory.mktemp("own"), 0o022)


def test_same_bytes_elsewhere(own: Path, tmp_path: Path) -> None:
    other = built(tmp_path / "another-place", 0o077, TZ="Asia/Tokyo", LC_ALL="tr_TR.UTF-8", CFLAGS="-O0")
    for name in ("linux", "modules.cpio", "config", "build.json"):
        assert (own / name).read_bytes() == (other / name).read_bytes(), name


def test_one_static_program(own: Path) -> None:
    headers = subprocess.run(
        ["readelf", "-lW", own / "linux"], capture_output=True, text=True, check=True
    ).stdout
    assert "INTERP" not in headers
    assert "DYNAMIC" not in headers


@pytest.mark.parametrize("module", RUNTIME_TESTS)
def test_the_runtime_works_with_it(own: Path, module: str) -> None:
    command: list[str | Path] = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    # It has no loader and no libraries that could be changed.
    command += ["-k", "not (ld-linux or libc.so)", ROOT / "tests/integration" / module]
    environment = {**os.environ, KERNEL_VARIABLE: str(own)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_olos_build_takes_it(own: Path, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(
        'FROM scratch\nCOPY busybox /\nENTRYPOINT ["/busybox", "uname", "-r"]\n'
    )
    (tmp_path / "busybox").write_bytes(Path("/bin/busybox").read_bytes())
    (tmp_path / "busybox").chmod(0o755)
    olos("build", "--kernel", own, cwd=tmp_path)
    olos("pack", "-o", "app.olos", cwd=tmp_path)
    said = subprocess.run([tmp_path / "app.olos"], capture_output=True, text=True, check=True).stdout
    assert said.startswith(source.SERIES + ".")
    assert said.endswith("-olos\n")


@pytest.mark.parametrize("program", [THREADS, USER_TIME], ids=["threads", "user-time"])
def test_programs(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setenv(KERNEL_VARIABLE, str(own))
    layout = make_layout(tmp_path / "layout", Spec(programs={"bin/program": program}))
    done = run(layout, "-c", "exec program")
    assert (done.returncode, done.stderr) == (0, b"")
