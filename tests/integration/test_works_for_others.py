"""One package, started in all the ways and places in which others start programs."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from olos.binaries import TARGET, binary
from support.runtime import TIMEOUT, children, shell
from support.ssh import server
from support.works import INPUT, assert_works, make_package

ASKED = Path(__file__).parent.parent / "support/asked.c"
NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups"
PRIVATE = "mount --make-rprivate /"
NO_SHARED_MEMORY = "mount -t tmpfs none /dev; mknod -m 666 /dev/null c 1 3"
READ_ONLY = "mount -o bind / /; mount -o remount,bind,ro /"
NO_EXECUTION = "for place in /dev/shm /tmp; do mount -t tmpfs -o noexec none $place; done"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A directory that everybody can read; pytest's own can be read by its owner."""
    with tempfile.TemporaryDirectory(prefix="olos-others-", dir="/var/tmp") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@pytest.fixture(scope="module")
def package(folder: Path) -> Path:
    """Reads a line, writes to both outputs, and ends with 3."""
    return make_package(folder)


@pytest.fixture(scope="module")
def asked(folder: Path) -> Path:
    """Runs a program where no system call filter can ask questions, as it is before Linux 5.5."""
    subprocess.run(["gcc", "-O1", "-o", folder / "asked", ASKED], check=True)
    return folder / "asked"


def start(script: str, *args: str | Path, **env: str) -> subprocess.CompletedProcess[bytes]:
    """Run a shell script; `$1` is the first of `args`."""
    return subprocess.run(
        ["bash", "-ec", script, "bash", *args],
        input=INPUT,
        env={**os.environ, **env},
        capture_output=True,
        check=False,
        timeout=TIMEOUT,
    )


def in_mounts(script: str) -> str:
    """The script in a mount namespace of its own."""
    return f"exec unshare -m bash -ec '{PRIVATE}; {script}' bash \"$@\""


@pytest.mark.parametrize(
    "script",
    [
        f'exec {NOBODY} env -i "$1"',
        f'exec {NOBODY} --no-new-privs --bounding-set=-all --inh-caps=-all env -i "$1"',
        f'exec {NOBODY} env HOME=/none TMPDIR=/none LC_ALL=xx_YY.none TERM= "$1"',
        'exec sudo -n -u nobody "$1"',
        'exec setsid -w "$1"',
        'exec nice -n 19 taskset -c 0 "$1"',
        'exec env --ignore-signal=CHLD --ignore-signal=PIPE "$1"',
        'exec env --block-signal "$1"',
        "umask 777; exec \"$1\"",
        'cd "$(mktemp -d)"; rmdir "$PWD"; exec "$1"',
        'ulimit -n 64; exec "$1"',
        'ulimit -v 300000; exec "$1"',
        'ulimit -s 256; exec "$1"',
        'ulimit -d 10000; exec "$1"',
        'ulimit -l 0; exec "$1"',
        'ulimit -S -f 0; exec "$1"',
        'ulimit -c unlimited; exec "$1"',
        'true & exec "$1"',
    ],
    ids=[
        "nobody-without-environment", "no-rights-at-all", "odd-environment", "sudo", "session",
        "one-processor", "signals-ignored", "signals-blocked", "umask", "no-current-directory",
        "few-files", "address-space", "stack", "data", "locked-memory", "soft-file-size", "core-files",
        "child-of-another",
    ],
)  # fmt: skip
def test_callers(package: Path, script: str) -> None:
    assert_works(start(script, package), own_messages="sudo" in script)


@pytest.mark.parametrize(
    "script",
    [
        'ln -s "$1" link; exec ./link',
        'cp "$1" original; ln original hard; exec ./hard',
        'exec 9<"$1"; exec /proc/self/fd/9',
        "name=$'a b\\n\\xff'; cp \"$1\" \"$name\"; exec \"./$name\"",
        'exec -a "" "$1"',
        f'cp "$1" app; chmod 555 app; exec {NOBODY} ./app',
        'cp "$1" app; chown 65534:65534 app; chmod 700 app; exec ./app',
        'cp "$1" app; PATH="$PWD:$PATH" exec env app',
        'sh -c "$1; exit \\$?"',
    ],
    ids=[
        "symlink", "hard-link", "descriptor", "odd-name", "empty-argv0", "read-only", "of-another-user",
        "search-path", "shell",
    ],
)  # fmt: skip
def test_names_and_modes(package: Path, script: str) -> None:
    with tempfile.TemporaryDirectory(prefix="olos-others-", dir="/var/tmp") as name:
        Path(name).chmod(0o755)
        assert_works(start(f"cd {name}; {script}", package))


@pytest.mark.parametrize("mode", ["4755", "2755"])
def test_nobody_lends_his_rights(package: Path, mode: str) -> None:
    with tempfile.TemporaryDirectory(prefix="olos-others-", dir="/var/tmp") as name:
        Path(name).chmod(0o755)
        result = start(f'cd {name}; cp "$1" app; chmod {mode} app; exec {NOBODY} ./app', package)
    assert (result.returncode, result.stdout) == (2, b"")
    assert result.stderr.startswith(b"olos: the package has the rights of another user\n  hint: ")


@pytest.mark.parametrize(
    "script",
    [
        f'{READ_ONLY}; HOME=/root TMPDIR=/tmp exec "$1"',
        f'mount -t tmpfs none /mnt; cp "$1" /mnt/app; {NO_EXECUTION}; exec /mnt/app',
        f'mount -t tmpfs none /mnt; cp "$1" /mnt/app; mount -o remount,ro /mnt; exec {NOBODY} /mnt/app',
        'mount -t tmpfs -o size=1m none /dev/shm; exec "$1"',
        'mount -t tmpfs -o noexec,size=64m none /dev/shm; exec "$1"',
        f'{NO_SHARED_MEMORY}; exec {NOBODY} "$1"',
        f'{NO_EXECUTION}; {READ_ONLY}; exec {NOBODY} "$1"',
    ],
    ids=["read-only", "noexec", "package-read-only", "tiny-shm", "docker-shm", "no-shm", "nowhere"],
)
def test_file_systems(package: Path, script: str) -> None:
    assert_works(start(in_mounts(script), package))


@pytest.mark.parametrize(
    "script",
    [
        'mount -t tmpfs -o noexec none /dev/shm; TMPDIR=/ exec "$0" "$1"',
        'mount -t tmpfs none /mnt; mount -t tmpfs -o size=1m none /dev/shm; TMPDIR=/mnt exec "$0" "$1"',
        f'{NO_SHARED_MEMORY}; mount -t tmpfs none /mnt; TMPDIR=/mnt exec "$0" "$1"',
    ],
    ids=["noexec-shm", "tiny-shm", "no-shm"],
)
def test_memory_in_a_directory(package: Path, asked: Path, script: str) -> None:
    """Where no file can be the answer to a question of the kernel's."""
    assert_works(start(in_mounts(script).replace('bash "$@"', f'{asked} "$@"'), package))


def test_no_place_for_memory(package: Path, asked: Path) -> None:
    script = f'{NO_EXECUTION}; {READ_ONLY}; exec "$0" "$1"'
    result = start(in_mounts(script).replace('bash "$@"', f'{asked} "$@"'), package)
    assert (result.returncode, result.stdout) == (125, b"")
    assert b"no directory for the 128 MiB of memory" in result.stderr
    assert b"hint: make /dev/shm, $TMPDIR or /tmp writable" in result.stderr


def limited(limit: str) -> str:
    return f'ulimit {limit}; exec "$1"'


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (in_mounts('umount -l /proc; exec "$1"'), "/proc/self/fd cannot be read: "),
        ('cp "$1" app; exec chroot . /app', "hint: the host must have /proc mounted"),
        (in_mounts('mount -t tmpfs none /dev; exec "$1"'), "/dev/null cannot be used: No such file"),
        (limited("-n 30"), "open files are limited to 30; 64 are needed\n  hint: ulimit -n 1024"),
        (limited("-v 100000"), "the address space is limited to 97 MiB; 144 MiB are needed"),
        (limited("-f 100000"), "the size of a file is limited to 97 MiB; 128 MiB are needed"),
        (limited("-f 100"), "cannot be copied into memory: error 27 (limit for the size of files)"),
        (f'{NOBODY} bash -c \'ulimit -u 3; exec "$0"\' "$1"', "processes of this user are limited to 3"),
        (f'cp "$1" app; chmod 111 app; exec {NOBODY} ./app', "hint: who runs it must be able to read it"),
        (
            "exec unshare -pf --mount-proc bash -c "
            "'echo 2 >/proc/sys/vm/memfd_noexec; exec \"$0\"' \"$1\"",
            "hint: the host must allow programs in memory: sysctl vm.memfd_noexec=1, or 0",
        ),
    ],
    ids=[
        "no-proc", "bare-chroot", "no-dev-null", "files", "addresses", "file-size", "smallest-file-size",
        "processes", "unreadable", "no-programs-in-memory",
    ],
)  # fmt: skip
def test_what_the_host_must_offer(package: Path, script: str, message: str) -> None:
    with tempfile.TemporaryDirectory(prefix="olos-others-", dir="/var/tmp") as name:
        Path(name).chmod(0o755)
        result = start(f"cd {name}; {script}", package)
    assert (result.returncode, result.stdout) == (125, b""), result
    assert result.stderr.startswith(b"olos: ")
    assert message in result.stderr.decode()


def test_bubblewrap(package: Path) -> None:
    sandbox = "bwrap --ro-bind / / --dev /dev --proc /proc --unshare-all --new-session --die-with-parent"
    assert_works(start(f'exec {NOBODY} {sandbox} "$1"', package))


def test_ssh_without_a_terminal(package: Path) -> None:
    with server() as client:
        result = subprocess.run(
            [*client, package], input=INPUT, capture_output=True, check=False, timeout=TIMEOUT
        )
    assert_works(result)


# ---- as a service ----


@pytest.fixture(scope="module")
def service(folder: Path, package: Path) -> Path:
    """Runs until it is told to end."""
    app = shell("trap 'echo ended; exit 5' USR1; echo up; while :; do sleep 0.1; done")
    return make_package(folder / "service", app)


@pytest.mark.parametrize(
    ("prefix", "number", "code"),
    [
        ([], signal.SIGTERM, -15),
        ([], signal.SIGUSR1, 5),
        (["tini", "-s", "--"], signal.SIGTERM, 143),
    ],
    ids=["term", "trapped", "tini"],
)
def test_supervisor(service: Path, tmp_path: Path, prefix: list[str], number: int, code: int) -> None:
    with started(tmp_path / "log", *prefix, service) as process:
        process.send_signal(number)
        assert process.wait(30) == code
    assert (tmp_path / "log").read_text() == ("up\nended\n" if code == 5 else "up\n")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGUSR1, 5)], ids=["term", "trapped"]
)
def test_first_process(service: Path, tmp_path: Path, number: int, code: int) -> None:
    """As process 1 it takes signals, though nothing can kill it, and reaps the orphans that it is given."""
    apart = ("unshare", "-pf", "--kill-child", "--mount-proc")
    orphans = "(sleep 0 & sleep 0.1 &)"
    with started(tmp_path / "log", *apart, "bash", "-c", f'{orphans}; exec "$0"', service) as process:
        (first,) = children(process.pid)
        wait_until(lambda: len(children(first)) == 1)  # the guard
        os.kill(first, number)
        assert process.wait(30) == code


@contextmanager
def started(log: Path, *command: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """A service as a supervisor starts it; its app is up."""
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        ) as process,
    ):
        try:
            wait_until(lambda: log.read_text() == "up\n")
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# ---- the doctor ----


DOCTOR = [
    ('ulimit -n 30; exec "$1" "$2"', 125, "missing  limits: open files are limited to 30; 64 are needed"),
    (
        in_mounts('umount -l /proc; exec "$1" "$2"'),
        125,
        "missing  /proc: /proc/self/fd: No such file or directory",
    ),
    (
        in_mounts('mount -t tmpfs none /dev; exec "$1" "$2"'),
        125,
        "missing  /dev/null: No such file or directory",
    ),
    (f'exec {NOBODY} --no-new-privs "$1" "$2"', 0, "ok       room: "),
    ('exec "$3" "$1" "$2"', 0, "limited  filter: cannot ask the target"),
    (
        in_mounts('mount -t tmpfs -o noexec none /dev/shm; TMPDIR=/var/tmp exec "$3" "$1" "$2"'),
        0,
        "limited  app's memory: in /var/tmp, which is not in memory",
    ),
]


@pytest.mark.parametrize(
    ("script", "code", "line"),
    DOCTOR,
    ids=["files", "no-proc", "no-dev-null", "nobody", "no-questions", "on-disk"],
)
def test_doctor(package: Path, asked: Path, script: str, code: int, line: str) -> None:
    """It says what the others meet, in lines for a terminal; what is missing is an error."""
    result = start(script, package, "--olos-doctor", asked)
    lines = result.stdout.decode().splitlines()
    assert result.returncode == code, result
    assert [found for found in lines if found.startswith(line)], lines
    assert [found for found in lines if len(found) > 80] == []
    assert all(found.startswith(("ok ", "limited ", "missing ", "         c")) for found in lines)
    said = (
        b"olos: this host cannot run this package: 1 of these findings stands in the way\n" if code else b""
    )
    assert result.stderr == said


def test_doctor_without_passt() -> None:
    script = in_mounts('mount --bind /dev/null "$(command -v passt)"; exec "$1" --olos-doctor')
    result = start(script, binary(TARGET))
    assert result.returncode == 0, result
    message = b"limited  network: the network needs the program passt, which is not in PATH\n         cost: "
    assert message in result.stdout


def test_doctor_leaves_nothing_behind(package: Path) -> None:
    script = 'before=$(ls -A /dev/shm); "$1" --olos-doctor >/dev/null; test "$before" = "$(ls -A /dev/shm)"'
    assert start(script, package).returncode == 0
