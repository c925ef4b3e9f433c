"""The rules of docs/formats.md section 2.4, one by one."""

from dataclasses import replace

import pytest

from olos.errors import InputError
from olos.progress import SILENT
from olos.tree import FileType, Inode, Tree
from olos_build.canonical_tree import canonicalise, ensure_directories
from support.images import Recorder
from support.trees import CAPABILITY

DIRECTORY = Inode(FileType.DIRECTORY, 0o755)
OWNED = Inode(FileType.DIRECTORY, 0o700, uid=1, gid=2, mtime=3)
EMPTY = Inode(FileType.REGULAR, 0o644)
FILE = Inode(FileType.REGULAR, 0o644, size=5)
STANDARD = [b"", b"dev", b"etc", b"proc", b"run", b"sys"]


def link(target: bytes) -> Inode:
    return Inode(FileType.SYMLINK, 0o777, size=len(target), target=target)


def canonical(epoch: int = 0, /, **inodes: Inode) -> Tree:
    """Keyword arguments are paths with `__` for a slash."""
    return canonicalise(
        {name.replace("__", "/").encode(): inode for name, inode in inodes.items()}, epoch, SILENT
    )


def inodes(tree: Tree) -> dict[bytes, Inode]:
    return {entry.path: entry.inode for entry in tree}


def paths(tree: Tree) -> list[bytes]:
    return [entry.path for entry in tree if entry.path not in STANDARD]


def test_an_empty_tree_has_the_six_directories() -> None:
    tree = canonical()
    assert [entry.path for entry in tree] == STANDARD
    assert {entry.inode for entry in tree} == {DIRECTORY}
    assert {entry.link for entry in tree} == {b""}


def test_paths_are_in_bytewise_order() -> None:
    merged = dict.fromkeys((b"a/b", b"a-b", b"a", b"a.b", b"\xff", b"Z"), FILE) | {b"a": DIRECTORY}
    tree = canonicalise(merged, 0, SILENT)
    assert [entry.path for entry in tree] == sorted([*STANDARD, *merged])


@pytest.mark.parametrize(
    ("mtime", "epoch", "expected"),
    [(5, 10, 5), (15, 10, 10), (5, 0, 0), (-5, 10, 0), (10, 10, 10), (2**40, 2**50, 2**40)],
)
def test_times(mtime: int, epoch: int, expected: int) -> None:
    tree = canonical(epoch, a=replace(FILE, mtime=mtime), d=replace(DIRECTORY, mtime=mtime))
    assert [inodes(tree)[name].mtime for name in (b"a", b"d")] == [expected, expected]


def test_extended_attributes() -> None:
    kept = (
        (b"security.capability", CAPABILITY),
        (b"system.posix_acl_access", b"a"),
        (b"system.posix_acl_default", b"d"),
        (b"user.x", b"y"),
    )
    dropped = ((b"security.selinux", b"s"), (b"trusted.x", b""), (b"user.", b""), (b"userx", b""))
    inode = replace(FILE, xattrs=tuple(sorted(kept + dropped)))
    progress = Recorder()
    merged = {b"a": inode, b"b": inode, b"c": replace(FILE, xattrs=((b"trusted.x", b""),))}
    tree = canonicalise(merged, 0, progress)
    assert inodes(tree)[b"a"].xattrs == kept
    assert inodes(tree)[b"c"].xattrs == ()
    assert progress.names == ["xattr-dropped"] * 4
    counts = [text.split(" of ")[1].split()[0] for _, text in progress.warnings]
    assert counts == ["1", "2", "1", "1"], "once for each name, hard links counted once"


def test_hard_links_are_named_by_their_first_name() -> None:
    shared = replace(FILE, mtime=7)
    merged = {b"z": shared, b"b": shared, b"m": replace(FILE, mtime=7), b"dev/a": shared}
    tree = canonicalise(merged, 7, SILENT)
    found = {entry.path: entry.link for entry in tree}
    assert (found[b"z"], found[b"b"], found[b"m"]) == (b"b", b"b", b""), "the dropped name does not count"
    assert inodes(tree)[b"z"] is inodes(tree)[b"b"]
    assert inodes(tree)[b"z"] is not inodes(tree)[b"m"]


def test_a_link_whose_other_names_are_dropped_is_none() -> None:
    tree = canonicalise({b"dev/a": FILE, b"b": FILE}, 0, SILENT)
    assert {entry.link for entry in tree} == {b""}


@pytest.mark.parametrize("name", ["dev", "proc", "sys"])
@pytest.mark.parametrize("inode", [OWNED, link(b"/tmp"), FILE], ids=["directory", "symlink", "file"])
def test_mount_points_are_always_empty_directories(name: str, inode: Inode) -> None:
    tree = canonical(99, **{name: inode, f"{name}__x": FILE, f"{name}__y__z": FILE, "devx": FILE})
    assert inodes(tree)[name.encode()] == DIRECTORY
    assert paths(tree) == [b"devx"]


def test_marks_of_builders_are_dropped() -> None:
    tree = canonical(
        **{".dockerenv": FILE, "run__.containerenv": FILE, "d__.dockerenv": FILE, "d": DIRECTORY}
    )
    assert paths(tree) == [b"d", b"d/.dockerenv"]


@pytest.mark.parametrize("name", ["hosts", "resolv.conf", "hostname"])
def test_stubs_are_dropped_when_they_are_empty_files(name: str) -> None:
    path = f"etc__{name}"
    assert paths(canonical(etc=OWNED, **{path: EMPTY})) == []
    for inode in (FILE, link(b"/x"), DIRECTORY):
        assert paths(canonical(etc=OWNED, **{path: inode})) == [f"etc/{name}".encode()]


def test_mtab() -> None:
    assert paths(canonical(etc__mtab=link(b"/proc/mounts"))) == []
    for inode in (link(b"../proc/self/mounts"), EMPTY):
        assert paths(canonical(etc__mtab=inode)) == [b"etc/mtab"]


@pytest.mark.parametrize("name", ["etc", "run"])
def test_etc_and_run(name: str) -> None:
    key = name.encode()
    assert inodes(canonical(9, **{name: OWNED}))[key] == DIRECTORY, "empty"
    assert inodes(canonical(9))[key] == DIRECTORY, "missing"
    used = canonical(9, **{name: OWNED, f"{name}__x": FILE})
    assert inodes(used)[key] == replace(OWNED, mtime=0)


def test_etc_that_a_stub_alone_was_in_counts_as_empty() -> None:
    assert inodes(canonical(etc=OWNED, etc__hosts=EMPTY))[b"etc"] == DIRECTORY


def test_the_root_is_always_the_same() -> None:
    root = replace(OWNED, xattrs=((b"user.x", b"y"), (b"trusted.x", b"y")))
    tree = canonicalise({b"": root}, 9, SILENT)
    assert inodes(tree)[b""] == replace(DIRECTORY, xattrs=((b"user.x", b"y"),))


def test_etc_that_is_a_file_is_refused() -> None:
    with pytest.raises(InputError, match="/etc is not a directory"):
        canonical(etc=FILE)


def test_etc_that_is_a_symlink_stays() -> None:
    assert inodes(canonical(etc=link(b"usr/etc")))[b"etc"].target == b"usr/etc"


def test_canonical_twice_is_canonical() -> None:
    tree = canonical(50, a=replace(FILE, mtime=9), b__c=link(b"a"), b=OWNED, etc=OWNED, etc__x=FILE)
    assert canonicalise(inodes(tree), 50, SILENT) == tree


# Directories that the configuration asks for -----------------------------------------------------------


def test_directories_are_made() -> None:
    tree = ensure_directories(canonical(9, a=OWNED), ["/a/b/c", "/", "/a", "/w//x/./y/"])
    assert paths(tree) == [b"a", b"a/b", b"a/b/c", b"w", b"w/x", b"w/x/y"]
    assert inodes(tree)[b"a/b/c"] == DIRECTORY
    assert inodes(tree)[b"a"].uid == 1


def test_nothing_to_make_changes_nothing() -> None:
    tree = canonical(a=OWNED, b=FILE, c=FILE)
    assert ensure_directories(tree, ["/", "/a"]) is tree


def test_directories_are_made_where_symlinks_lead() -> None:
    tree = canonical(a=OWNED, s=link(b"/a"), t=link(b"../../a/new"), u=link(b"s"))
    tree = ensure_directories(tree, ["/s/x", "/t", "/u/y"])
    assert paths(tree) == [b"a", b"a/new", b"a/x", b"a/y", b"s", b"t", b"u"]


def test_links_survive() -> None:
    tree = ensure_directories(canonicalise({b"x": FILE, b"y": FILE}, 0, SILENT), ["/a"])
    assert {entry.path: entry.link for entry in tree if entry.link} == {b"x": b"x", b"y": b"x"}


@pytest.mark.parametrize("path", ["/dev/shm", "/proc/x", "/sys/fs/cgroup", "/dev", "/s"])
def test_nothing_is_made_below_mount_points(path: str) -> None:
    tree = canonical(s=link(b"/dev/x"))
    assert ensure_directories(tree, [path]) is tree


@pytest.mark.parametrize(
    ("path", "message"),
    [("/f", "/f' is not a directory"), ("/f/x", "/f' is not"), ("/l/x", "cycle"), ("x", "absolute")],
)
def test_directories_that_cannot_be_made(path: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ensure_directories(canonical(f=FILE, l=link(b"l")), [path])
