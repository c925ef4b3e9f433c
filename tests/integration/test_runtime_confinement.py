"""Code that has taken over the kernel's own process reaches nothing of the host's."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.attempts import SUPPORT, number, outcome, source, spelt
from support.runtime import Spec, children, command, compile_static, make_layout

READ_ANY_FILE = 1 << 2  # CAP_DAC_READ_SEARCH, which helps only while it boots
USER = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
NO_RIGHTS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--reuid=0")
"""Root without rights: the host allows it no namespaces."""

FORBIDDEN = """
openat -100 'VICTIMS/file 0
openat -100 'VICTIMS/made 0x42 0600
open 'VICTIMS/file 0
openat2 -100 'VICTIMS/file @ 24
creat 'VICTIMS/made 0600
mkdir 'VICTIMS/made 0700
mknod 'VICTIMS/made 0100600
unlink 'VICTIMS/file
unlinkat -100 'VICTIMS/file
rename 'VICTIMS/file 'VICTIMS/other
renameat2 -100 'VICTIMS/file -100 'VICTIMS/other
link 'VICTIMS/file 'VICTIMS/linked
symlink 'VICTIMS/file 'VICTIMS/linked
chmod 'VICTIMS/file 0666
fchmod 1 0777
chown 'VICTIMS/file 1 1
truncate 'VICTIMS/file
utimensat -100 'VICTIMS/file
chroot 'VICTIMS
name_to_handle_at -100 'VICTIMS @ @
open_by_handle_at -100 @
memfd_create 'x
execve '/bin/true
execveat -100 '/bin/true
execveat -100 '/bin/true 0 0 0x1000
socket 2 1
socket 1 1
socket 16 3
socketpair 2 1 0 @
connect 0 @ 16
bind 0 @ 16
listen 0 1
accept4 0
sendmsg 0 @
sendmmsg 0 @ 1
sendto 0 @ 1
recvmsg 0 @
fcntl 0 8 STRANGER
fcntl 0 15 @
ptrace 16 STRANGER
ptrace 0x4206 STRANGER
ptrace 16 1
process_vm_readv STRANGER @ 1 @ 1
process_vm_writev STRANGER @ 1 @ 1
kill -STRANGER 9
kill 0 9
kill STRANGER 15
tgkill STRANGER STRANGER 9
tkill STRANGER 9
rt_sigqueueinfo STRANGER 9 @
rt_tgsigqueueinfo STRANGER STRANGER 9 @
pidfd_open STRANGER
pidfd_send_signal 0 9
pidfd_getfd 0 0
prlimit64 STRANGER 7 @
setpriority 0 STRANGER 19
sched_setaffinity STRANGER 8 @
clone 0x10000011
clone 0x11
clone 0x100
fork
vfork
clone3 @ 88
unshare 0x10000000
unshare 0x20000
setns 0
mount 'none 'VICTIMS 'tmpfs
umount2 'VICTIMS
pivot_root 'VICTIMS 'VICTIMS
fsopen 'tmpfs
bpf 0 @ 72
keyctl 0 -3
add_key 'user 'x 'y 1 -3
request_key 'user 'x
io_uring_setup 1 @
userfaultfd
perf_event_open @ 0 -1 -1
prctl 15 'x
prctl 4 1
seccomp 0
personality 0xffffffff
setuid 65534
setgid 65534
setgroups
capset @ @
setpgid
shmget 1 4096 01600
msgget 1 01600
semget 1 1 01600
mq_open 'x 0102
inotify_init
fanotify_init
eventfd2
signalfd4 -1 @ 8
timerfd_create
dup2 0 9
ioctl 0 0x5412 @
ioctl 0 0x540e
ioctl 0 0x5401 @
reboot 0xfee1dead 672274793 0
kexec_load
init_module @
quotactl
swapon 'x
acct 'x
syslog 10
sethostname 'x 1
settimeofday @
clock_settime 0 @
getdents64 0 @ 4096
copy_file_range
splice
sendfile
sync
"""
"""Should a wall be open, the host loses what is the test's own: files in VICTIMS, which everybody may change,
and the process STRANGER, which leads a group."""

IN_A_NAMESPACE = """
kill -1 9
"""
"""Without one it would end all that there is."""

AT_BOOT = """
socketpair 1 1 0 @
dup 0
fcntl 0 4
newfstatat 0 '. @
uname @
close 250
epoll_create 1
modify_ldt 0 @ 16
"""
"""What it has needed to boot; where it can be asked, that is over."""


@dataclass(frozen=True)
class Mode:
    """How the host runs the target."""

    prefix: Sequence[str]
    asks: bool
    namespaces: int  # levels of process namespaces


MODES = {
    "root": Mode((), True, 2),
    "user": Mode(USER, True, 2),
    "filter-alone": Mode(("LISTENER",), False, 2),
    "user-filter-alone": Mode(("LISTENER", *USER), False, 2),
    "no-namespaces": Mode(NO_RIGHTS, True, 1),
    "least": Mode(("LISTENER", *NO_RIGHTS), False, 1),
}


@dataclass(frozen=True)
class Kernel:
    """A kernel whose app runs, and a process of the same user."""

    mode: Mode
    pid: int
    stranger: subprocess.Popen[bytes]
    inject: Path
    inherited: str
    """What the caller has left open by mistake, as /proc names it."""

    def processes(self) -> list[int]:
        """The kernel's own, its helpers, and those of the app."""
        group = os.getpgid(self.pid)
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if group_of(pid) == group]

    def attempt(self, *lines: str) -> list[str]:
        """Have the kernel's process do system calls."""
        text = "\n".join(lines).replace("STRANGER", str(self.stranger.pid))
        text = text.replace("VICTIMS", str(self.inject.with_name("victims")))
        return subprocess.run(
            [self.inject, str(self.pid)], input=text, capture_output=True, text=True, check=True, timeout=30
        ).stdout.splitlines()


def group_of(pid: int) -> int:
    """The process group, or 0 if the process is gone."""
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    layout = make_layout(tmp_path_factory.mktemp("confined") / "layout", Spec())
    compile_static(source("inject.c"), layout.parent / "inject")
    compile_static((SUPPORT / "listener.c").read_text(), layout.parent / "listener")
    for folder in (layout.parent, *layout.parents[:-2]):  # all below /tmp
        folder.chmod(folder.stat().st_mode | 0o055)
    victims = layout.parent / "victims"
    victims.mkdir()
    (victims / "file").write_text("victim")
    for path in (victims, victims / "file"):
        path.chmod(0o777)
    return layout


@contextmanager
def started(layout: Path, mode: Mode) -> Iterator[Kernel]:
    prefix = [word.replace("LISTENER", str(layout.parent / "listener")) for word in mode.prefix]
    reader, writer = os.pipe()
    sleeper = [word for word in prefix if not word.endswith("listener")]
    with (
        subprocess.Popen([*sleeper, "sleep", "1000"], process_group=0) as stranger,
        subprocess.Popen(
            [*prefix, *command(layout, "-c", "echo ready; sleep 1000")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            pass_fds=[writer],
        ) as process,
    ):
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.2)  # until nothing happens inside
        (guard,) = children(process.pid)
        inherited = os.readlink(f"/proc/self/fd/{writer}")
        yield Kernel(mode, children(guard)[0], stranger, layout.parent / "inject", inherited)
        process.kill()
        stranger.kill()
    os.close(reader)
    os.close(writer)


@pytest.fixture(scope="module", params=list(MODES.values()), ids=list(MODES))
def kernel(layout: Path, request: pytest.FixtureRequest) -> Iterator[Kernel]:
    with started(layout, request.param) as kernel:
        yield kernel


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def calls(table: str) -> dict[str, str]:
    """System calls as they are written above, and as the injector reads them."""
    return {line: spelt(line) for line in table.splitlines() if line}


def test_no_rights(kernel: Kernel) -> None:
    assert len(kernel.processes()) > 2  # helpers and the app, too
    for pid in kernel.processes():
        fields = status(pid)
        assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2")
    fields = status(kernel.pid)
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        # Of a user, there is nothing that could be gained from the bounding set.
        allowed = READ_ANY_FILE if fields["Uid"].split()[0] == "0" else int(fields["CapBnd"], 16)
        assert int(fields[kind], 16) & ~allowed == 0, kind
    assert len(fields["NSpid"].split()) == kernel.mode.namespaces


def test_own_process_group(kernel: Kernel) -> None:
    """A kernel that panics signals its whole group."""
    assert os.getpgid(kernel.pid) == kernel.pid
    assert os.getsid(kernel.pid) != os.getsid(0)


def test_namespaces(kernel: Kernel) -> None:
    kinds = ["pid", "net", "uts", "ipc"]
    own = [os.readlink(f"/proc/{kernel.pid}/ns/{kind}") for kind in kinds]
    ours = [os.readlink(f"/proc/self/ns/{kind}") for kind in kinds]
    assert [a != b for a, b in zip(own, ours, strict=True)] == [kernel.mode.namespaces == 2] * len(kinds)


def test_limits(kernel: Kernel) -> None:
    lines = Path(f"/proc/{kernel.pid}/limits").read_text().splitlines()
    limits = {line[:26].strip(): line[26:].split()[:2] for line in lines}
    assert limits["Max core file size"] == ["0", "0"]
    assert limits["Max open files"] == ["256", "256"]
    assert max(int(link.name) for link in Path(f"/proc/{kernel.pid}/fd").iterdir()) < 256


def test_own_descriptors_only(kernel: Kernel) -> None:
    links = [os.readlink(link) for link in Path(f"/proc/{kernel.pid}/fd").iterdir()]
    assert kernel.inherited not in links
    foreign = [
        link
        for link in links
        if not link.startswith(("/memfd:", "/dev/null", "pipe:", "socket:", "anon_inode:", "/dev/shm/"))
        and not link.endswith(("/rootfs.img", "/dev/random"))
    ]
    assert foreign == []


def test_host_is_out_of_reach(kernel: Kernel) -> None:
    table = calls(FORBIDDEN)
    if kernel.mode.asks:
        table |= calls(AT_BOOT)
    if kernel.mode.namespaces == 2:
        table |= calls(IN_A_NAMESPACE)
    results = dict(zip(table, map(outcome, kernel.attempt(*table.values())), strict=True))
    sys.stdout.write("".join(f"{call} -> {result}\n" for call, result in results.items()))
    # Files are Landlock's where the filter cannot ask.
    refused = {"EPERM"} if kernel.mode.asks else {"EPERM", "EACCES"}
    assert {call: result for call, result in results.items() if result not in refused} == {}
    victims = kernel.inject.with_name("victims")
    assert [(path.name, path.read_text()) for path in victims.iterdir()] == [("file", "victim")]
    assert kernel.stranger.poll() is None


def test_a_stranger_survives(kernel: Kernel) -> None:
    """The filter must let the kernel end its own processes; others are out of sight, or Landlock's."""
    (result,) = map(outcome, kernel.attempt(f"{number('kill')} STRANGER 9"))
    assert result == ("ESRCH" if kernel.mode.namespaces == 2 else "EPERM")
    assert kernel.stranger.poll() is None


def test_other_entries(layout: Path) -> None:
    """System calls have three numbers on this machine; the filter knows one."""
    with started(layout, MODES["root"]) as kernel:
        x32 = 0x40000000 | number("getpid")
        assert list(map(outcome, kernel.attempt(str(number("getpid")), str(x32)))) == ["ok", "EPERM"]
        assert kernel.attempt("old 20") == ["killed"]
