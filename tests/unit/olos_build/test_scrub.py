"""The rules of scrubbing, one by one, on small trees."""

import py_compile
from pathlib import Path

import pytest

from olos.errors import InputError
from olos.progress import SILENT
from olos.tree import FileType, Inode
from olos_build.canonical_tree import canonicalise
from olos_build.scrub import RULES, check_names, scrub
from olos_build.settings import parse
from support.progress import Recorder
from support.trees import Store, directory, symlink

EMPTY = Inode(FileType.REGULAR, 0o644)
FILE = Inode(FileType.REGULAR, 0o640, uid=3, mtime=5, size=9)
FOLDER = directory()
LINK = symlink(b"somewhere")


def left(rule: str, *paths: bytes, inode: Inode = FILE) -> set[bytes]:
    return set(scrub(dict.fromkeys(paths, inode), [rule], SILENT))


@pytest.mark.parametrize(
    ("rule", "goes"),
    [
        ("apt", b"var/lib/apt/lists/deb.debian.org_debian_dists_bookworm_InRelease"),
        ("apt", b"var/lib/apt/lists/partial/x"),
        ("apt", b"var/lib/apt/lists/new\nline"),
        ("apt", b"var/cache/apt/pkgcache.bin"),
        ("apt", b"var/cache/apt/srcpkgcache.bin"),
        ("apt", b"var/cache/apt/archives/hello_2.10-3_amd64.deb"),
        ("apt", b"var/cache/apt/archives/partial/hello.deb"),
        ("dpkg-logs", b"var/log/dpkg.log"),
        ("dpkg-logs", b"var/log/dpkg.log.2.gz"),
        ("dpkg-logs", b"var/log/alternatives.log"),
        ("dpkg-logs", b"var/log/bootstrap.log"),
        ("dpkg-logs", b"var/log/apt/eipp.log.xz"),
        ("dpkg-logs", b"var/lib/dpkg/status-old"),
        ("dpkg-logs", b"var/lib/dpkg/diversions-old"),
        ("ldconfig", b"var/cache/ldconfig/aux-cache"),
        ("machine-id", b"var/lib/dbus/machine-id"),
        ("caches", b"root/.cache/pip/http/a"),
        ("caches", b"home/a.b/.cache/x"),
        ("caches", b"var/cache/debconf/templates.dat-old"),
        ("caches", b"var/cache/fontconfig/a.cache-8"),
        ("caches", b"var/cache/man/de/index.db"),
        ("caches", b"tmp/x"),
        ("caches", b"var/tmp/.hidden/x"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.decode("unicode-escape"),
)
def test_files_that_go(rule: str, goes: bytes) -> None:
    assert left(rule, goes, inode=FILE) == set()
    others = [name for name in RULES if name != rule]
    assert set(scrub({goes: FILE}, others, SILENT)) == {goes}


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ("apt", b"var/lib/apt/extended_states"),
        ("apt", b"var/lib/apt/listsx"),
        ("apt", b"opt/var/cache/apt/pkgcache.bin"),
        ("dpkg-logs", b"var/lib/dpkg/status"),
        ("dpkg-logs", b"var/lib/dpkg/info/x-old"),
        ("dpkg-logs", b"var/log/app.log"),
        ("ldconfig", b"etc/ld.so.cache"),
        ("machine-id", b"etc/machine-id.txt"),
        ("caches", b"home/.cache/x"),
        ("caches", b"home/a/b/.cache/x"),
        ("caches", b"var/cache/debconf/config.dat"),
        ("caches", b"srv/tmp/x"),
        ("pyc", b"app/module.pyc"),
        ("pyc", b"app/__pycache__/notes.txt"),
    ],
)
def test_files_that_stay(rule: str, path: bytes) -> None:
    assert left(rule, path, inode=EMPTY) == {path}


@pytest.mark.parametrize(
    ("rule", "path", "stays"),
    [
        ("apt", b"var/lib/apt/lists/partial", True),
        ("apt", b"var/cache/apt/archives", True),
        ("dpkg-logs", b"var/log/apt", True),
        ("caches", b"tmp", True),
        ("caches", b"tmp/tmp.J4x", False),
        ("caches", b"root/.cache", True),
        ("caches", b"root/.cache/pip", False),
        ("caches", b"var/cache/man/de", True),
    ],
)
def test_directories(rule: str, path: bytes, stays: bool) -> None:
    assert (left(rule, path, inode=FOLDER) == {path}) is stays


def test_links_go_but_are_not_followed() -> None:
    tree = {b"tmp": LINK, b"var/tmp/link": LINK, b"somewhere": FOLDER, b"somewhere/x": FILE}
    assert set(scrub(tree, ["caches"], SILENT)) == {b"tmp", b"somewhere", b"somewhere/x"}


def test_machine_id_is_emptied_and_keeps_its_attributes(tmp_path: Path) -> None:
    inode = Store(tmp_path / "store").regular(b"uninitialized\n", mode=0o444)
    tree = {b"etc/machine-id": inode, b"var/lib/dbus/machine-id": LINK}
    after = scrub(tree, ["machine-id"], SILENT)
    assert after[b"etc/machine-id"] == Inode(FileType.REGULAR, 0o444)
    assert after[b"var/lib/dbus/machine-id"] is LINK
    assert scrub({}, ["machine-id"], SILENT) == {}


@pytest.mark.parametrize(
    ("mode", "stays"),
    [
        (py_compile.PycInvalidationMode.TIMESTAMP, False),
        (py_compile.PycInvalidationMode.CHECKED_HASH, True),
        (py_compile.PycInvalidationMode.UNCHECKED_HASH, True),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_bytecode_of_python(tmp_path: Path, mode: py_compile.PycInvalidationMode, stays: bool) -> None:
    (tmp_path / "m.py").write_text("x = 1\n")
    made = py_compile.compile(str(tmp_path / "m.py"), doraise=True, invalidation_mode=mode)
    assert made is not None
    inode = Store(tmp_path / "store").regular(Path(made).read_bytes())
    path = b"usr/lib/python3/__pycache__/m.cpython-311.pyc"
    assert (path in left("pyc", path, inode=inode)) is stays
    assert left("pyc", b"m.pyc", inode=inode) == {b"m.pyc"}


@pytest.mark.parametrize(
    ("content", "stays"),
    [
        (b"\x33\x0d\x0d\x0a" + (1_600_000_000).to_bytes(4, "little") + b"\0" * 20, False),
        (b"\x33\x0d\x0d\x0a\0\0", True),
        (b"no bytecode at all", True),
    ],
    ids=["python-3.6", "cut-off", "other"],
)
def test_bytecode_by_its_header(tmp_path: Path, content: bytes, stays: bool) -> None:
    inode = Store(tmp_path / "store").regular(content)
    assert (left("pyc", b"__pycache__/a.pyc", inode=inode) != set()) is stays


def test_hard_links_stay_hard_links() -> None:
    tree = {b"a": FILE, b"b": FILE, b"etc/machine-id": FILE, b"tmp": FOLDER, b"tmp/c": FILE}
    entries = {e.path: e for e in canonicalise(scrub(tree, list(RULES), SILENT), 9, SILENT)}
    assert (entries[b"a"].link, entries[b"b"].link) == (b"a", b"a")
    assert entries[b"a"].inode.size == FILE.size
    assert (entries[b"etc/machine-id"].link, entries[b"etc/machine-id"].inode.size) == (b"", 0)
    assert b"tmp/c" not in entries


def test_a_link_to_what_goes_is_left_alone() -> None:
    tree = {b"a": FILE, b"tmp/a": FILE}
    (entry,) = (e for e in canonicalise(scrub(tree, ["caches"], SILENT), 9, SILENT) if e.path == b"a")
    assert (entry.link, entry.inode.size) == (b"", FILE.size)


def test_the_tree_that_is_given_stays_as_it_is() -> None:
    tree = {b"tmp/a": FILE}
    assert scrub(tree, [], SILENT) == tree
    scrub(tree, ["caches"], SILENT)
    assert tree == {b"tmp/a": FILE}


def test_it_says_what_it_did() -> None:
    progress = Recorder()
    scrub(
        {b"tmp/a": FILE, b"tmp/b": FILE, b"etc/machine-id": FILE}, ["apt", "caches", "machine-id"], progress
    )
    assert progress.steps == [
        "scrub apt: nothing found",
        "scrub caches: 2 removed",
        "scrub machine-id: 1 changed",
    ]


def test_names() -> None:
    assert check_names(["pyc", "apt", "pyc"], "x") == ("apt", "pyc")
    with pytest.raises(InputError) as caught:
        check_names(["apt", "yum"], "build.scrub")
    assert caught.value.message == "build.scrub: there is no rule 'yum'"
    assert caught.value.hint == "known are apt, dpkg-logs, ldconfig, pyc, machine-id, caches"


def test_settings() -> None:
    assert parse(b"", "x").scrub == ()
    assert parse(b'[build]\nscrub = ["pyc", "apt"]\n', "x").scrub == ("apt", "pyc")
    with pytest.raises(InputError, match="olos.toml: build.scrub: there is no rule 'all'"):
        parse(b'[build]\nscrub = ["all"]\n', "olos.toml")
    with pytest.raises(InputError, match="build.scrub: expected a list"):
        parse(b'[build]\nscrub = "apt"\n', "olos.toml")
