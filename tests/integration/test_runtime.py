"""The linux target runs apps as plain programs run: exit, policy, user, file systems, processes."""

import hashlib
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from olos.binaries import LAUNCHER, binary
from olos.layout import open_directory
from olos.manifest import Mount, Policy, User
from support.packages import pack
from support.runtime import APP, POLICY, Spec, command, make_layout, run, sh, shell, with_app

HELLO = r"""
#include <stdio.h>
int main(void) { puts("hello"); fputs("trouble\n", stderr); return 0; }
"""

SECOND_USER = r"""
#include <stdio.h>
#include <unistd.h>
int main(void) { printf("%d %d\n", (int)getuid(), (int)geteuid()); return 0; }
"""

POSIX_SPAWN = r"""
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
static int counter;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *count(void *unused) {
    for (int i = 0; i < 100; i++) { pthread_mutex_lock(&lock); counter++; pthread_mutex_unlock(&lock); }
    return unused;
}
int main(void) {
    char *const args[] = {"echo", "spawned", NULL}, *const env[] = {NULL};
    pid_t child;
    pthread_t threads[4];
    if (posix_spawn(&child, "/bin/echo", NULL, NULL, args, env) || waitpid(child, NULL, 0) != child) return 1;
    for (int i = 0; i < 4; i++) if (pthread_create(&threads[i], NULL, count, NULL)) return 2;
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    printf("threads %d\n", counter);
    return 0;
}
"""

SOCKETS = r"""
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
static int answer(int server, const struct sockaddr *address, socklen_t size) {
    char text[8] = "";
    if (fork() == 0) {
        int c = socket(address->sa_family, SOCK_STREAM, 0);
        _exit(connect(c, address, size) || write(c, "ping", 4) != 4);
    }
    int peer = accept(server, NULL, NULL);
    return read(peer, text, 4) == 4 && strcmp(text, "ping") == 0 ? 0 : 1;
}
int main(void) {
    struct sockaddr_in tcp = {.sin_family = AF_INET, .sin_port = htons(80)};
    struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "/tmp/socket"};
    tcp.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int t = socket(AF_INET, SOCK_STREAM, 0), u = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(t, (void *)&tcp, sizeof tcp) || listen(t, 1) || answer(t, (void *)&tcp, sizeof tcp)) return 1;
    if (bind(u, (void *)&local, sizeof local) || listen(u, 1) || answer(u, (void *)&local, sizeof local))
        return 2;
    puts("tcp and unix");
    return 0;
}
"""


MANY_HOST_MOUNTS = tuple(Mount(f"/{n:02}", "host", False, 0) for n in range(17))


def fill(tree: Path) -> None:
    (tree / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nu:x:1000:1000::/home/u:/bin/sh\n")
    (tree / "etc/hosts").write_text("10.0.0.1 own\n")
    (tree / "bin/not-executable").write_text("#!/bin/sh\n")
    (tree / "bin/no-program").write_bytes(b"\x7fELFthis is none")
    (tree / "bin/no-program").chmod(0o755)
    (tree / "bin/user").chmod(0o4755)
    (tree / "private").mkdir(mode=0o700)


@pytest.fixture(scope="session")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An app that is busybox's shell, or another program of its /bin."""
    programs = {
        "/bin/hello": HELLO,
        "/bin/user": SECOND_USER,
        "/bin/spawn": POSIX_SPAWN,
        "/bin/sockets": SOCKETS,
    }
    return make_layout(tmp_path_factory.mktemp("runtime") / "layout", Spec(programs=programs, fill=fill))


def test_hello(layout: Path, tmp_path: Path) -> None:
    result = run(with_app(layout, tmp_path / "l", replace(APP, args=("/bin/hello",))))
    assert (result.returncode, result.stdout, result.stderr) == (0, b"hello\n", b"trouble\n")


@pytest.mark.parametrize("code", [0, 1, 3, 126, 255])
def test_exit_code(layout: Path, code: int) -> None:
    sh(layout, f"exit {code}", code=code)


@pytest.mark.parametrize("number", [1, 6, 9, 11, 13, 15])
def test_death_by_signal(layout: Path, number: int) -> None:
    sh(layout, f"echo before; kill -{number} $$", code=-number)


# ---- policy ----


def test_arguments_denied(layout: Path, tmp_path: Path) -> None:
    app = with_app(layout, tmp_path / "l", shell('echo "$@"', "own"), Policy(host_args="deny"))
    assert run(app).stdout == b"own\n"
    result = run(app, "other")
    assert (result.returncode, result.stdout) == (2, b"")
    assert b"argument other: the measured policy takes no arguments" in result.stderr


def test_arguments_appended(layout: Path, tmp_path: Path) -> None:
    policy = replace(POLICY, host_args="append")
    app = with_app(layout, tmp_path / "l", shell('printf "[%s]" "$@"', "own"), policy)
    assert run(app, "a b", "", 'q"\\\n\x01é').stdout.decode() == '[own][a b][][q"\\\n\x01é]'
    assert run(app, "--olos--", "--olos-help").stdout == b"[own][--olos-help]"


def test_arguments_replaced(layout: Path) -> None:
    assert run(layout, "-c", "echo $#", "sh", "1", "2").stdout == b"2\n"


def test_argument_that_is_not_text(layout: Path) -> None:
    result = subprocess.run(
        [*command(layout, "-c"), b"echo \xff"],
        capture_output=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    assert (result.returncode, result.stderr) == (2, b"olos: argument 2 is not UTF-8\n")


def test_many_arguments(layout: Path) -> None:
    words = [f"word{n}" for n in range(20000)]
    assert run(layout, "-c", "echo $#", "sh", *words).stdout == b"20000\n"


def test_environment(layout: Path, tmp_path: Path) -> None:
    app = replace(shell("env"), env=("PATH=/bin", "OWN=1", "LET_IN=own"))
    policy = replace(POLICY, host_env=("LET_IN", "MISSING"))
    result = run(with_app(layout, tmp_path / "l", app, policy), env={"LET_IN": "a=b c", "KEPT_OUT": "x"})
    variables = dict(line.split("=", 1) for line in result.stdout.decode().splitlines())
    assert variables == {
        "HOME": "/root", "HOSTNAME": "box", "LET_IN": "a=b c", "OLOS_TARGET": "linux", "OWN": "1",
        "PATH": "/bin", "PWD": "/", "SHLVL": "1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (replace(POLICY, mounts=(Mount("/data", "sealed", False, 0),)), b"policy.mounts: /data"),
        (replace(POLICY, mounts=(Mount("/data", "host", False, 1),)), b"policy.mounts: /data"),
        (replace(POLICY, mounts=(Mount("/a=b", "host", False, 0),)), b"policy.mounts: /a=b"),
        (replace(POLICY, mounts=MANY_HOST_MOUNTS), b"policy.mounts: more than 16"),
        (replace(POLICY, mounts=(Mount("/proc/x", "tmpfs", False, 0),)), b"policy.mounts: /proc/x"),
    ],
    ids=[
        "sealed",
        "size-of-host-mount",
        "equals-sign",
        "many-host-mounts",
        "over-proc",
    ],
)
def test_what_the_target_cannot_do_is_refused(
    layout: Path, tmp_path: Path, policy: Policy, message: bytes
) -> None:
    result = run(with_app(layout, tmp_path / "l", APP, policy))
    assert (result.returncode, result.stdout) == (2, b"")
    assert message in result.stderr


def test_memory_is_as_the_policy_says(layout: Path) -> None:
    total = int(sh(layout, "grep MemTotal /proc/meminfo").split()[1])
    assert 100 << 10 < total < 128 << 10


# ---- who and where ----


def test_user_groups_directory(layout: Path, tmp_path: Path) -> None:
    script = "id -u; id -g; id -G; pwd; echo $HOME; umask; touch /x 2>/dev/null || echo no"
    app = replace(shell(script), user=User(1000, 1001, (10, 20)), cwd="/srv/deep")
    result = run(with_app(layout, tmp_path / "l", app))
    assert result.stdout.decode().split("\n")[:-1] == [
        "1000", "1001", "1001 10 20", "/srv/deep", "/home/u", "0022", "no",
    ]  # fmt: skip


def test_streams_can_be_opened_again_by_name(layout: Path, tmp_path: Path) -> None:
    script = "echo out > /dev/stdout; echo err > /dev/stderr; cat < /dev/stdin"
    app = replace(shell(script), user=User(1000, 1000))
    result = run(with_app(layout, tmp_path / "l", app), stdin=b"in")
    assert (result.stdout, result.stderr) == (b"out\nin", b"err\n")


def test_setuid_program(layout: Path, tmp_path: Path) -> None:
    result = run(with_app(layout, tmp_path / "l", replace(APP, args=("/bin/user",), user=User(1000, 1000))))
    assert result.stdout == b"1000 0\n"


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("/missing",), 127, "/missing: No such file or directory"),
        (("missing",), 127, "missing: not found in PATH of the app"),
        (("/bin/not-executable",), 126, "/bin/not-executable: cannot be executed: Permission denied"),
        (("/bin/no-program",), 126, "/bin/no-program: cannot be executed: Exec format error"),
        (("/etc",), 126, "/etc: cannot be executed: Permission denied"),
        (("hello",), 0, ""),
    ],
    ids=["missing", "not-in-path", "not-executable", "no-program", "directory", "by-path"],
)
def test_finding_the_program(
    layout: Path, tmp_path: Path, args: tuple[str, ...], code: int, message: str
) -> None:
    result = run(with_app(layout, tmp_path / "l", replace(APP, args=args)))
    assert result.returncode == code
    assert result.stderr.decode() == (f"olos: {message}\n" if message else "trouble\n")


def test_directory_that_the_user_may_not_enter(layout: Path, tmp_path: Path) -> None:
    app = replace(shell("pwd"), user=User(1000, 1000), cwd="/private")
    result = run(with_app(layout, tmp_path / "l", app))
    assert result.returncode == 126
    assert b"app.cwd: /private cannot be entered: Permission denied" in result.stderr


def test_names_and_files_of_the_run(layout: Path) -> None:
    script = "hostname; cat /etc/hostname /etc/hosts; test -e /etc/resolv.conf && cat /run/olos/tee.json"
    hostname, name_file, hosts, tee = sh(layout, script).splitlines()
    assert (hostname, name_file, hosts) == ("box", "box", "10.0.0.1 own")
    assert tee.startswith('{"debug":false,"hardware":false,"measurement":"') and tee.endswith(
        ',"target":"linux"}'
    )


# ---- what is around the app ----


def test_writable_and_forgotten(layout: Path) -> None:
    change = "echo x > /new; mv /bin/hello /hello; rm /etc/passwd; chmod 0 /bin/spawn; mkdir /d; mv /tmp /d/"
    before = hashlib.sha256((layout / "rootfs.img").read_bytes()).digest()
    assert (
        sh(layout, change + "; cat /new; ls -d /d/tmp; test -e /etc/passwd || echo gone")
        == "x\n/d/tmp\ngone\n"
    )
    assert sh(layout, "ls /new /d 2>/dev/null; ls -d /tmp /etc/passwd /bin/hello").split() == [
        "/bin/hello", "/etc/passwd", "/tmp",
    ]  # fmt: skip
    assert hashlib.sha256((layout / "rootfs.img").read_bytes()).digest() == before


def test_mounts_of_the_policy(layout: Path, tmp_path: Path) -> None:
    mounts = (Mount("/data/x", "tmpfs", False, 1 << 20), Mount("/run", "tmpfs", True, 0))
    script = (
        "touch /data/x/f && echo writable; touch /run/f 2>/dev/null || echo read-only; df -k /data/x|tail -1"
    )
    result = run(with_app(layout, tmp_path / "l", shell(script), replace(POLICY, mounts=mounts)))
    lines = result.stdout.decode().splitlines()
    assert lines[:2] == ["writable", "read-only"]
    assert lines[2].split()[1] == "1024"


@pytest.mark.parametrize(
    "script",
    [
        "echo 1 > /proc/sys/kernel/modules_disabled",
        "echo b > /proc/sysrq-trigger",
        "echo 3 > /proc/exitcode",
        "mount -t tmpfs none /tmp",
        "mount -t hostfs none /tmp",
        "mknod /tmp/ubd b 98 0 && cat /tmp/ubd",
        "mknod /tmp/line c 4 64 && echo > /tmp/line",
        "mknod /dev/mem c 1 1 && cat /dev/mem",
        "reboot -f",
        "unshare -U true",
        "readlink /proc/1/fd/0",
        "touch /sys/x",
        "insmod /bin/hello",
    ],
)
def test_root_of_the_app_is_not_root_of_the_kernel(layout: Path, script: str) -> None:
    assert sh(layout, f"({script}) >/dev/null 2>&1 || echo refused") == "refused\n"


def test_usual_devices(layout: Path) -> None:
    script = "for d in null zero full random urandom; do head -c1 /dev/$d | wc -c; done"
    assert sh(layout, script + "; mknod /tmp/null c 1 3; cat /tmp/null").split() == ["0", "1", "1", "1", "1"]


def test_processes_threads_pipes(layout: Path) -> None:
    assert sh(layout, "spawn; (echo a; echo b) | sort -r | tr -d '\\n'") == "spawned\nthreads 400\nba"


def test_sockets(layout: Path) -> None:
    assert sh(layout, "sockets") == "tcp and unix\n"


def test_orphans_are_reaped(layout: Path) -> None:
    script = "for i in 1 2 3 4 5; do (sleep 0.1 &) ; done; sleep 0.4; ps -o stat= | grep -c Z"
    assert sh(layout, script, code=1) == "0\n"


def test_app_ends_whatever_it_left_behind(layout: Path) -> None:
    assert sh(layout, "sleep 1000 & echo started") == "started\n"


# ---- packages ----


@pytest.fixture(scope="module")
def package(layout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("packed") / "an app.olos"
    return pack(open_directory(layout), path, binary(LAUNCHER).read_bytes())


def test_package(package: Path) -> None:
    result = subprocess.run(
        [package, "-c", "hello; cat"], input=b"input", capture_output=True, check=False, timeout=60
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, b"hello\ninput", b"trouble\n")


def test_package_with_closed_streams(package: Path) -> None:
    """The package itself is then opened under the number of one of them."""
    line = f"'{package}' -c 'cat; echo out; exit 4' <&- 2>&-"
    result = subprocess.run(["sh", "-c", line], capture_output=True, check=False, timeout=60)
    assert (result.returncode, result.stdout, result.stderr) == (4, b"out\n", b"")


@pytest.mark.parametrize("option", ["manifest", "sim-root", "doctor", "help"])
def test_answers_to_nobody_are_errors(package: Path, option: str) -> None:
    line = f"'{package}' --olos-{option} >&-"
    result = subprocess.run(["sh", "-c", line], capture_output=True, check=False, timeout=60)
    message = b"olos: standard output cannot be written: Bad file descriptor\n"
    assert (result.returncode, result.stderr) == (125, message)


def test_package_reached_in_other_ways(package: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(package)
    for name in (str(tmp_path / "link"), "link"):
        path = f"{tmp_path}:{os.environ['PATH']}"
        result = subprocess.run(
            ["sh", "-c", f"{name} -c hello"],
            env={"PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert (result.returncode, result.stdout) == (0, b"hello\n")


def test_two_runs_of_one_package_at_a_time(package: Path) -> None:
    runs = [subprocess.Popen([package, "-c", "read x; echo $x"], stdin=-1, stdout=-1) for _ in range(2)]
    for number, process in enumerate(runs):
        assert process.communicate(f"{number}\n".encode(), 60)[0] == f"{number}\n".encode()
