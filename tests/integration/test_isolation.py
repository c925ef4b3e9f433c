"""Neither root nor anybody else inside comes out of the place that the policy gives the app."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from olos.manifest import User
from support.attempts import outcome, source, spelt
from support.runtime import APP, KERNEL_VARIABLE, Spec, command, make_layout, run, shell, with_app

OWN_KERNEL = KERNEL_VARIABLE in os.environ
REFUSED = {"ENOENT", "EAFNOSUPPORT", "EINVAL", "EPERM"}

PROBES = """
# attempt                                                      root      other user
# the kernel's memory, and what it says of itself
read /proc/kcore                                               nothing   nothing
read /proc/keys                                                nothing   nothing
read /proc/timer_list                                          nothing   nothing
read /proc/cmdline                                             nothing   nothing
read /proc/iomem                                               nothing   nothing
read /proc/kmsg                                                EPERM     EACCES
read /proc/mconsole                                            ENOENT    ENOENT
read /proc/kpagecount                                          EINVAL    EACCES
write /proc/sysrq-trigger                                      EROFS     EACCES
write /proc/exitcode                                           EROFS     EACCES
write /proc/sysemu                                             EROFS     EACCES
write /proc/cpuinfo                                            EROFS     EACCES
write /proc/sys/kernel/core_pattern                            EROFS     EACCES
write /proc/sys/kernel/modprobe                                EROFS     EACCES
write /proc/sys/kernel/modules_disabled                        EROFS     EACCES
write /proc/sys/kernel/sysrq                                   EROFS     EACCES
write /proc/sys/user/max_user_namespaces                       EACCES    EACCES
write /proc/sys/vm/drop_caches                                 EROFS     EACCES
call syslog 3 @ 100                                            EPERM     EPERM
call syslog 10 @ 1                                             EPERM     EPERM
# settings of devices
write /sys/kernel/uevent_helper                                EROFS     EROFS
write /sys/block/ubda/queue/read_ahead_kb                      EROFS     EROFS
write /sys/block/ubda/uevent                                   EROFS     EROFS
write /sys/module/dm_verity/parameters/prefetch_cluster        EROFS     EROFS
write /sys/power/state                                         EROFS     EROFS
list /sys/kernel/debug                                         ENOENT    ENOENT
list /sys/kernel/tracing                                       ENOENT    ENOENT
# init and crt
read /proc/1/environ                                           EACCES    EACCES
read /proc/1/exe                                               EACCES    EACCES
read /proc/1/maps                                              EACCES    EACCES
read /proc/1/mem                                               EACCES    EACCES
read /proc/1/auxv                                              EACCES    EACCES
read /proc/1/stack                                             EACCES    EACCES
list /proc/1/root                                              EACCES    EACCES
list /proc/1/cwd                                               EACCES    EACCES
read /proc/1/fd/4                                              EACCES    EACCES
write /proc/1/fd/4                                             EACCES    EACCES
write /proc/1/mem                                              EACCES    EACCES
write /proc/1/comm                                             EINVAL    EACCES
write /proc/1/uid_map                                          EPERM     EACCES
peek 1                                                         EPERM     EPERM
poke 1                                                         EPERM     EPERM
steal 1 4                                                      EPERM     EPERM
call ptrace 16 1                                               EPERM     EPERM
call ptrace 0x4206 1                                           EPERM     EPERM
call prlimit64 1 0 @                                           EPERM     EPERM
call prlimit64 1 7 @                                           EPERM     EPERM
call get_robust_list 1 @ @                                     EPERM     EPERM
call kcmp 1 1                                                  ENOSYS    ENOSYS
# process 1 takes no signal that it does not wait for
call kill 1 9                                                  ok        EPERM
call kill 1 15                                                 ok        EPERM
call kill 1 17                                                 ok        EPERM
call kill 1 19                                                 ok        EPERM
call tgkill 1 1 9                                              ok        EPERM
# what init has left behind
above                                                          nothing   EPERM
list /lower                                                    ENOENT    ENOENT
list /olos                                                     ENOENT    ENOENT
call open_by_handle_at -100 @ 0                                EPERM     EPERM
# devices: any node may be made by root, few can be opened
node c 1 3                                                     ok        EPERM
node b 98 0                                                    EPERM     EPERM
node b 98 1                                                    EPERM     EPERM
node b 98 16                                                   EPERM     EPERM
node b 98 32                                                   EPERM     EPERM
node b 252 0                                                   EPERM     EPERM
node b 253 0                                                   EPERM     EPERM
node b 254 0                                                   EPERM     EPERM
node b 254 1                                                   EPERM     EPERM
node b 7 0                                                     EPERM     EPERM
node b 1 0                                                     EPERM     EPERM
node c 1 1                                                     EPERM     EPERM
node c 1 2                                                     EPERM     EPERM
node c 1 4                                                     EPERM     EPERM
node c 1 11                                                    EPERM     EPERM
node c 4 0                                                     EPERM     EPERM
node c 4 64                                                    EPERM     EPERM
node c 4 65                                                    EPERM     EPERM
node c 4 66                                                    EPERM     EPERM
node c 4 67                                                    EPERM     EPERM
node c 4 68                                                    EPERM     EPERM
node c 5 1                                                     EPERM     EPERM
node c 10 144                                                  EPERM     EPERM
node c 10 183                                                  EPERM     EPERM
node c 10 200                                                  EPERM     EPERM
node c 10 229                                                  EPERM     EPERM
node c 10 236                                                  EPERM     EPERM
node c 10 237                                                  EPERM     EPERM
ring c 1 3                                                     ok        EPERM
ring b 98 0                                                    EPERM     EPERM
ring b 254 1                                                   EPERM     EPERM
ring c 4 68                                                    EPERM     EPERM
ring c 4 64                                                    EPERM     EPERM
# mounts: hostfs would be the host's files
call mount 'none '/tmp 'hostfs 0 '/                            EPERM     EPERM
call mount 'none '/tmp 'tmpfs                                  EPERM     EPERM
call mount 'none '/tmp 'cgroup 0 'devices                      EPERM     EPERM
call mount 'none '/ 'none 32                                   EPERM     EPERM
call mount 'none '/proc/sys 'none 4128                         EPERM     EPERM
call umount2 '/proc/sys 2                                      EPERM     EPERM
call umount2 '/proc/kcore 2                                    EPERM     EPERM
call umount2 '/run/olos 2                                      EPERM     EPERM
call umount2 '/ 2                                              EPERM     EPERM
call fsopen 'hostfs                                            EPERM     EPERM
call fspick -100 '/                                            EPERM     EPERM
call open_tree -100 '/ 1                                       EPERM     EPERM
call move_mount                                                EPERM     EPERM
call mount_setattr -100 '/ 0 @ 32                              EPERM     EPERM
call pivot_root '/tmp '/tmp                                    EPERM     EPERM
call swapon '/dev/null                                         EPERM     EPERM
call acct '/tmp                                                EPERM     EPERM
call quotactl 0x800002                                         ENODEV    ENODEV
# namespaces: a new user namespace would give all capabilities
call unshare 0x10000000                                        ENOSPC    ENOSPC
call clone 0x10000011                                          ENOSPC    ENOSPC
call unshare 0x20000                                           EPERM     EPERM
call unshare 0x20000000                                        EPERM     EPERM
call unshare 0x40000000                                        EPERM     EPERM
call setns 0 0x20000                                           EINVAL    EINVAL
# code for the kernel
modprobe                                                       nothing   nothing
call init_module @ 4096 @                                      EPERM     EPERM
call finit_module 0 @                                          EPERM     EPERM
call delete_module 'erofs                                      EPERM     EPERM
call bpf 0 @ 72                                                EPERM     EPERM
call bpf 5 @ 72                                                EPERM     EPERM
call kexec_load                                                ENOSYS    ENOSYS
call kexec_file_load 0 0 0 @                                   ENOSYS    ENOSYS
call perf_event_open @ 0 -1 -1                                 ENOSYS    ENOSYS
call userfaultfd                                               EPERM     EPERM
call iopl 3                                                    ENOSYS    ENOSYS
call ioperm 0 1 1                                              ENOSYS    ENOSYS
# the machine as a whole
call reboot 0xfee1dead 672274793 0x1234567                     EPERM     EPERM
call reboot 0xfee1dead 672274793 0x4321fedc                    EPERM     EPERM
call sethostname 'x 1                                          EPERM     EPERM
call settimeofday @                                            EPERM     EPERM
call clock_settime 0 @                                         EPERM     EPERM
call vhangup                                                   EPERM     EPERM
call fanotify_init                                             EPERM     EPERM
call socket 40 1                                               EAFNOSUPPORT EAFNOSUPPORT
# who it is
read /run/olos/tee.json                                        ok        ok
write /run/olos/tee.json                                       EROFS     EROFS
call unlink '/run/olos/tee.json                                EROFS     EROFS
call rename '/run/olos '/run/other                             EBUSY     EACCES
# what containers leave to root
call chroot '/tmp                                              ok        EPERM
call setuid 0                                                  ok        EPERM
"""

Table = dict[str, tuple[str, str]]


def table() -> Table:
    rows = [line.split() for line in PROBES.splitlines() if line and not line.startswith("#")]
    return {" ".join(words): (root, other) for *words, root, other in rows}


def line(attempt: str) -> str:
    """An attempt as the prober reads it."""
    return f"call {spelt(attempt[5:])}" if attempt.startswith("call ") else attempt


def said(attempt: str, value: str) -> str:
    finds = attempt.split(maxsplit=1)[0] in ("read", "above", "modprobe")
    return "nothing" if finds and value == "0" else outcome(value)


def as_strict(expected: str, got: str) -> bool:
    """A kernel of our own does not even have much of what Debian's refuses."""
    refused = got == "ENOSYS" or (expected != "ok" and got in REFUSED)
    return got == expected or (OWN_KERNEL and refused)


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = Spec(app=replace(APP, args=("/bin/prober",)), programs={"/bin/prober": source("prober.c")})
    return make_layout(tmp_path_factory.mktemp("isolation") / "layout", spec)


@pytest.mark.parametrize("uid", [0, 1000], ids=["root", "other"])
def test_probes(layout: Path, tmp_path: Path, uid: int) -> None:
    expected = {attempt: outcomes[uid != 0] for attempt, outcomes in table().items()}
    app = replace(APP, args=("/bin/prober",), user=User(uid, uid))
    result = run(with_app(layout, tmp_path / "l", app), stdin="\n".join(map(line, expected)).encode())
    assert (result.returncode, result.stderr) == (0, b"")
    values = [line.rpartition("\t")[2] for line in result.stdout.decode().splitlines()]
    outcomes = {attempt: said(attempt, value) for attempt, value in zip(expected, values, strict=True)}
    sys.stdout.write("".join(f"{attempt} -> {got}\n" for attempt, got in outcomes.items()))
    assert [attempt for attempt, got in outcomes.items() if not as_strict(expected[attempt], got)] == []


def test_no_module_can_be_loaded_any_more(layout: Path, tmp_path: Path) -> None:
    """Whoever asks: not for lack of a right alone."""
    result = run(with_app(layout, tmp_path / "l", shell("cat /proc/sys/kernel/modules_disabled")))
    assert result.stdout == (b"" if OWN_KERNEL else b"1\n")


@pytest.mark.parametrize("apart", [True, False], ids=["namespaces", "none"])
def test_no_word_of_the_host(layout: Path, tmp_path: Path, apart: bool) -> None:
    """All that can be read of /proc and /sys names no path, user, variable or name of the host."""
    word = "telling"
    folder = tmp_path / f"{word}-folder"
    folder.mkdir()
    place = with_app(layout, folder / "layout", replace(APP, args=("/bin/prober",)))
    names = ("HOME", "TMPDIR", "USER", "LOGNAME", "PWD", word.upper())
    host = ["unshare", "--uts", "sh", "-c", f'hostname {word}-host; exec "$@"', "sh"]
    # Without CAP_SYS_ADMIN there are no further namespaces to hide the name.
    rights = [] if apart else ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--reuid=0"]
    process = subprocess.run(
        [*host, *rights, *command(place)],
        input=f"search /proc {word}\nsearch /sys {word}\n".encode(),
        cwd=folder,
        env={"PATH": os.environ["PATH"], **dict.fromkeys(names, str(folder))},
        capture_output=True,
        timeout=60,
        check=False,
    )
    lines = process.stdout.decode().splitlines()
    assert (process.returncode, [line.rpartition("\t")[2] for line in lines]) == (0, ["0", "0"]), process
