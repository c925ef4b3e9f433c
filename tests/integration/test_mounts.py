"""Host mounts: directories of the host inside the app, as the measured policy lets them in."""

import hashlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from olos.manifest import Mount, Policy, User
from support.layouts import noise
from support.runtime import APP, POLICY, TIMEOUT, Spec, command, make_layout, shell, with_app

NOBODY = 65534
READ_WRITE = replace(POLICY, mounts=(Mount("/data", "host", False, 0),))
READ_ONLY = replace(POLICY, mounts=(Mount("/data", "host", True, 0),))
SEVERAL = replace(
    POLICY,
    mounts=(
        Mount("/a", "host", True, 0),
        Mount("/a/below", "tmpfs", False, 0),
        Mount("/b/c", "host", False, 0),
        Mount("/b/c/inner", "host", False, 0),
    ),
)

MAP = r"""
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
int main(int argc, char **argv) {
    int fd = open(argv[1], O_RDWR);
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (argc < 2 || fd < 0 || page == MAP_FAILED) return 1;
    fwrite(page, 1, 5, stdout);
    memcpy(page + 4096, "mapped", 6);
    if (argc > 2) return msync(page, 8192, MS_SYNC);
    close(fd); /* what is not written now is written at the end */
    return 0;
}
"""

KEEP_OPEN = r"""
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
int main(void) {
    char text[8] = "";
    struct stat status;
    int fd = open("/data/gone", O_RDWR | O_CREAT, 0600);
    if (fd < 0 || write(fd, "still", 5) != 5 || unlink("/data/gone")) return 1;
    if (fstat(fd, &status) || status.st_size != 5 || ftruncate(fd, 4) || fsync(fd)) return 2;
    if (pread(fd, text, 8, 0) != 4 || strcmp(text, "stil")) return 3;
    puts("kept");
    return 0;
}
"""


def fill(tree: Path) -> None:
    (tree / "a").mkdir()


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A layout with one host mount, /data, that the app may write."""
    programs = {"/bin/map": MAP, "/bin/keep-open": KEEP_OPEN}
    spec = Spec(policy=READ_WRITE, programs=programs, fill=fill)
    return make_layout(tmp_path_factory.mktemp("mounts") / "layout", spec)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("canary")
    source = tmp_path / "source"
    source.mkdir(mode=0o755)
    (source / "file").write_text("from outside\n")
    return source


def run(
    layout: Path, mounts: Sequence[str], script: str, cwd: Path | None = None, user: int = 0
) -> subprocess.CompletedProcess[str]:
    options = [word for mount in mounts for word in ("--olos-mount", mount)]
    line = command(layout, *options, "-c", script)
    return subprocess.run(
        line, capture_output=True, text=True, timeout=TIMEOUT, cwd=cwd, check=False, user=user, group=user,
        errors="surrogateescape", extra_groups=(),
    )  # fmt: skip


def inside(layout: Path, source: Path, script: str) -> str:
    """What a script prints that finds `source` at /data and must succeed."""
    result = run(layout, [f"/data={source}"], f"set -e; cd /data; {script}")
    assert (result.returncode, result.stderr) == (0, ""), result
    return result.stdout


# ---- what an app finds ----


def test_read_and_write(layout: Path, source: Path) -> None:
    script = """cat file; echo one > new; echo two >> new; chmod 640 new; mkdir -p d/e; mv new d/e/moved
        truncate -s 5 file; echo more >> file; ln d/e/moved linked; ln -s d/e/moved soft; cat soft; rm -r gone
        mkfifo pipe; cat pipe & echo through > pipe; wait; touch -d @77 file; stat -c %Y file; sync
        df . > /dev/null"""
    (source / "gone").mkdir()
    (source / "gone/x").touch()
    assert inside(layout, source, script) == "from outside\none\ntwo\nthrough\n77\n"
    assert (source / "file").read_text() == "from more\n"
    assert (source / "file").stat().st_mtime == 77
    assert (source / "d/e/moved").stat().st_mode & 0o7777 == 0o640
    assert (source / "linked").stat().st_ino == (source / "d/e/moved").stat().st_ino
    assert os.readlink(source / "soft") == "d/e/moved"
    assert not (source / "gone").exists()


def test_a_thousand_files(layout: Path, source: Path) -> None:
    many = source / "many"
    many.mkdir()
    for number in range(1000):
        (many / f"{number:04}").write_text(str(number))
    listed = inside(layout, source, "ls many | md5sum; ls -l many | grep -c '^-rw'; cat many/* | wc -c")
    names = "".join(f"{number:04}\n" for number in range(1000)).encode()
    assert listed == f"{hashlib.md5(names).hexdigest()}  -\n1000\n2890\n"


def test_odd_names(layout: Path, source: Path) -> None:
    names = [b"\xff\xfe", b"new\nline", b"-rf", b"\x1b[31m", "ü".encode(), b"x" * 255]
    for name in names:
        Path(os.fsdecode(os.path.join(os.fsencode(source), name))).write_bytes(name)
    script = 'for f in *; do [ "$f" = file ] || mv -- "./$f" "$(cat "./$f" | md5sum | cut -c1-32)"; done'
    inside(layout, source, script)
    expected = {hashlib.md5(name).hexdigest(): name for name in names}
    assert {p.name: p.read_bytes() for p in source.iterdir() if p.name != "file"} == expected


def test_large_files_both_ways(layout: Path, source: Path) -> None:
    data = noise(5 << 20, "mounts") + b"tail"
    (source / "big").write_bytes(data)
    inside(
        layout,
        source,
        "cat big > copy; dd if=big of=blocks bs=1000003 2>/dev/null; cmp big copy; head -c 9 big > small",
    )
    for name in ("copy", "blocks"):
        assert hashlib.sha256((source / name).read_bytes()).digest() == hashlib.sha256(data).digest()


def test_memory_maps(layout: Path, source: Path) -> None:
    for name in ("synced", "left"):
        (source / name).write_bytes(b"first".ljust(8192, b"."))
    assert inside(layout, source, "map synced sync; map left") == "firstfirst"
    for name in ("synced", "left"):
        assert (source / name).read_bytes()[4096:4103] == b"mapped."


def test_an_open_file_outlives_its_name(layout: Path, source: Path) -> None:
    assert inside(layout, source, "keep-open") == "kept\n"


def test_nothing_is_executed_from_there(layout: Path, source: Path) -> None:
    shutil.copy("/bin/busybox", source / "sh")
    os.mknod(source / "null", 0o20666, os.makedev(1, 3))
    script = (
        "./sh -c 'echo ran'; echo $?; cat null; echo $?; mknod dev c 1 3; chmod u+s sh; ls -l sh | cut -c1-4"
    )
    result = run(layout, [f"/data={source}"], f"cd /data; {script}")
    assert result.stdout == "126\n1\n-rwx\n"
    assert sorted(os.listdir(source)) == ["file", "null", "sh"]


def test_a_hundred_readers_at_once(layout: Path, source: Path) -> None:
    data = noise(300_000, "readers")
    (source / "shared").write_bytes(data)
    script = "for n in $(seq 100); do md5sum < shared & done | uniq -c"
    assert inside(layout, source, script).split()[:2] == ["100", hashlib.md5(data).hexdigest()]


def test_several_mounts(layout: Path, tmp_path: Path, source: Path) -> None:
    other, inner = tmp_path / "other", tmp_path / "inner"
    other.mkdir()
    inner.mkdir()
    (source / "below").mkdir()
    with_app(layout, tmp_path / "l", APP, SEVERAL)
    script = """cat /a/file; echo x > /a/below/x; echo c > /b/c/new; echo i > /b/c/inner/new; ls /b/c
        mv /b/c/new /b/c/inner/2"""
    result = run(tmp_path / "l", [f"/b/c={other}", "/a=source", f"/b/c/inner={inner}"], script, cwd=tmp_path)
    assert (result.stdout, result.stderr, result.returncode) == ("from outside\ninner\nnew\n", "", 0)
    assert (sorted(os.listdir(inner)), os.listdir(other), os.listdir(source / "below")) == (
        ["2", "new"],
        ["inner"],
        [],
    )


# ---- nothing beyond ----


def test_no_way_leads_outside(layout: Path, source: Path) -> None:
    (source / "link").symlink_to("../secret")
    (source / "absolute").symlink_to(source.parent / "secret")
    (source / "up").symlink_to("..")
    script = """for f in link absolute up/secret ../secret; do cat $f 2>/dev/null && echo found; done
        ls -a .. | grep -c secret; echo inside > /secret; cat link
        stat -c %i .. / | uniq | wc -l"""
    result = run(layout, [f"/data={source}"], f"cd /data; {script}")
    assert (result.stdout, result.returncode) == ("0\ninside\n1\n", 0)
    assert (source.parent / "secret").read_text() == "canary"


def test_read_only(layout: Path, tmp_path: Path, source: Path) -> None:
    read_only = with_app(layout, tmp_path / "l", APP, READ_ONLY)
    script = """cat file; for c in 'touch x' 'rm file' 'mkdir d' 'chmod 600 file' 'ln file y' 'tee file'
        do $c </dev/null && echo $c; done"""
    result = run(read_only, [f"/data={source}"], f"cd /data; {script}")
    assert result.stdout == "from outside\n"
    assert result.stderr.count("Read-only file system") == 6
    assert os.listdir(source) == ["file"]


def test_another_user(layout: Path, tmp_path: Path, source: Path) -> None:
    """What is the caller's is the app's; what is not stays closed."""
    app = replace(shell(""), user=User(1000, 1000), args=APP.args)
    layout = with_app(layout, tmp_path / "l", app, READ_WRITE)
    for folder in (*reversed(layout.parents), layout):
        folder.chmod(folder.stat().st_mode | 0o011)
    os.chown(source, 1234, 1234)
    (source / "closed").write_text("no")
    (source / "closed").chmod(0o600)
    script = "cd /data; id -u; stat -c %u . file; echo mine > own; stat -c %u:%g own; cat closed; chown 0 own"
    result = run(layout, [f"/data={source}"], script, user=1234)
    assert result.stdout == "1000\n1000\n65534\n1000:1000\n"
    assert result.stderr.count("ermi") == 2  # Permission denied; not permitted
    assert ((source / "own").stat().st_uid, (source / "own").stat().st_gid) == (1234, 1234)


# ---- what the caller gives ----


@pytest.mark.parametrize(
    ("mounts", "message"),
    [
        ([], "policy.mounts: /data: needs a directory of the host\n  hint: --olos-mount /data=DIRECTORY"),
        (
            ["/data=source", "/else=source"],
            "--olos-mount /else=source: the measured policy has no host mount there",
        ),
        (["/data=source", "/data=source"], "--olos-mount /data: is given twice"),
        (["/data"], "--olos-mount /data: is not TARGET=DIRECTORY"),
        (["/data=source/file"], "directory source/file cannot be opened: Not a directory"),
        (["/data=missing"], "directory missing cannot be opened: No such file or directory"),
        (["/data="], "cannot be opened: No such file or directory"),
    ],
    ids=["missing", "extra", "twice", "no-source", "file", "absent", "empty"],
)
def test_refused(layout: Path, source: Path, mounts: list[str], message: str) -> None:
    result = run(layout, mounts, "echo started", cwd=source.parent)
    assert (result.returncode, result.stdout) == (2, "")
    assert message in result.stderr


@pytest.mark.parametrize(
    ("mode", "policy", "message"),
    [
        (0o700, READ_ONLY, "cannot be opened: Permission denied"),
        (0o755, READ_WRITE, "cannot be written, as the policy lets the app: Permission denied"),
        (0o755, READ_ONLY, None),
    ],
    ids=["closed", "not-writable", "read-only-is-enough"],
)
def test_rights_are_those_of_the_caller(
    layout: Path, tmp_path: Path, source: Path, mode: int, policy: Policy, message: str | None
) -> None:
    layout = with_app(layout, tmp_path / "l", APP, policy)
    for folder in (*reversed(layout.parents), layout):
        folder.chmod(folder.stat().st_mode | 0o011)
    source.chmod(mode)
    result = run(layout, [f"/data={source}"], "cat /data/file", user=NOBODY)
    assert (result.returncode, result.stdout) == ((2, "") if message else (0, "from outside\n")), (
        result.stderr
    )
    assert (message or "") in result.stderr


# ---- while it runs ----


class Running:
    """An app that does as it is told, line by line."""

    def __init__(self, layout: Path, source: Path) -> None:
        script = 'while read c; do eval "$c" 2>&1; echo .; done'
        self.process = subprocess.Popen(
            command(layout, "--olos-mount", f"/data={source}", "-c", script),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def do(self, script: str) -> str:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(script + "\n")
        self.process.stdin.flush()
        return "".join(iter(self.process.stdout.readline, ".\n"))

    def server(self) -> int:
        names = {pid: Path(f"/proc/{pid}/comm").read_text() for pid in self.family()}
        (server,) = (pid for pid, name in names.items() if name == "olos-mounts\n")
        return server

    def family(self) -> list[int]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(word) for word in path.read_text().split()]


def test_the_host_changes_things_meanwhile(layout: Path, source: Path) -> None:
    running = Running(layout, source)
    assert running.do("cat /data/file") == "from outside\n"
    (source / "file").write_text("something else, and longer\n")
    (source / "new").write_text("new\n")
    time.sleep(1.1)  # how long the kernel may rely on what it knows
    assert running.do("cat /data/file /data/new") == "something else, and longer\nnew\n"
    source.rename(source.with_name("elsewhere"))
    source.mkdir()
    (source / "file").write_text("of another directory\n")
    time.sleep(1.1)
    assert running.do("cat /data/new; echo follows > /data/made") == "new\n"
    assert (source.with_name("elsewhere") / "made").read_text() == "follows\n"
    shutil.rmtree(source.with_name("elsewhere"))
    time.sleep(1.1)
    assert "No such file" in running.do("cat /data/new")
    running.process.communicate("exit 7\n", timeout=TIMEOUT)
    assert running.process.returncode == 7


def test_the_server_has_few_rights(layout: Path, source: Path) -> None:
    running = Running(layout, source)
    running.do("cat /data/file")
    server = running.server()
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{server}/status").read_text().splitlines())
    assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1")
    assert int(status["CapEff"], 16) & ~0xA == 0
    assert not os.listdir(f"/proc/{server}/root")
    opened = {os.readlink(link) for link in Path(f"/proc/{server}/fd").iterdir()}
    assert {name for name in opened if name.startswith("/")} <= {
        "/dev/null", f"/proc/{server}/fd", str(source), str(source / "file"),
    }  # fmt: skip
    running.process.communicate("exit 0\n", timeout=TIMEOUT)
    assert running.process.returncode == 0


@pytest.mark.parametrize(
    ("victim", "code"),
    [(lambda r: r.server(), 125), (lambda r: r.process.pid, -signal.SIGKILL)],
    ids=["server", "target"],
)
def test_killed(layout: Path, source: Path, victim: Callable[[Running], int], code: int) -> None:
    running = Running(layout, source)
    running.do("cat /data/file")
    family = running.family()
    os.kill(victim(running), signal.SIGKILL)
    running.process.wait(TIMEOUT)  # before its input ends, which would end the app as well
    _, text = running.process.communicate(timeout=TIMEOUT)
    assert running.process.returncode == code
    assert ("the server of the host mounts has ended" in text) == (code == 125)
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in family):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_more_files_than_descriptors(layout: Path, source: Path) -> None:
    """The server asks the kernel to forget before it has no room left."""
    many = source / "many"
    many.mkdir()
    for number in range(600):
        (many / str(number)).touch()
    line = command(
        layout, "--olos-mount", f"/data={source}", "-c", "ls -l /data/many | wc -l; ls -l /data/many | wc -l"
    )
    result = subprocess.run(
        ["prlimit", "--nofile=256:256", *line], capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert (result.stdout, result.stderr, result.returncode) == ("601\n601\n", "", 0)
