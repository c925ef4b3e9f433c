"""`olos ls` and `olos cat`."""

from pathlib import Path

import pytest

from olos.tree import FileType, Inode
from support.cli import Call
from support.measured import measured_layout
from support.trees import Store, directory, noise, symlink, tree_of


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A layout with symlinks of many kinds."""
    folder = tmp_path_factory.mktemp("linked")
    store = Store(folder / "store")
    tree = tree_of(
        {
            b"usr/bin/tool": store.regular(b"tool\0\xff\n", mode=0o4755, mtime=1_700_000_000),
            b"bin": symlink(b"usr/bin"),
            b"abs": symlink(b"/usr/./bin//"),
            b"out": symlink(b"../../../../usr/bin/tool"),
            b"dots": symlink(b"bin/../../usr"),
            b"loop": symlink(b"loop"),
            b"one": symlink(b"two/x"),
            b"two": symlink(b"one/x"),
            b"gone": symlink(b"nowhere"),
            b"tricky\n\x1b[2J": store.regular(b"", mtime=2**63 - 1),
            b"back\\slash": store.regular(b""),
            b"to\x1b": symlink(b"\x1b\xff"),
            b"null": Inode(FileType.CHARACTER, 0o666, device=(1, 3)),
            b"owned": directory(0o1777),
        }
    )
    return measured_layout(folder / "layout", tree)


def test_lists_a_directory(call: Call, linked: Path) -> None:
    lines = call("ls", linked).stdout.splitlines()
    assert lines == [
        "/abs",
        "/back\\\\slash",
        "/bin",
        "/dots",
        "/gone",
        "/loop",
        "/null",
        "/one",
        "/out",
        "/owned",
        "/to\\x1b",
        r"/tricky\n\x1b[2J",
        "/two",
        "/usr",
    ]


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        ("/usr", ["/usr/bin"]),
        ("usr/bin/", ["/usr/bin/tool"]),
        ("/bin", ["/usr/bin/tool"]),
        ("/abs", ["/usr/bin/tool"]),
        ("/dots/bin/tool", ["/usr/bin/tool"]),
        ("/out", ["/usr/bin/tool"]),
        ("../..//usr/./bin/..", ["/usr/bin"]),
        ("/owned", []),
    ],
)
def test_paths_are_resolved_inside_the_image(call: Call, linked: Path, path: str, lines: list[str]) -> None:
    assert call("ls", linked, path).stdout.splitlines() == lines


@pytest.mark.parametrize("command", ["ls", "cat", "extract"])
@pytest.mark.parametrize("path", ["/loop/x", "/one/x", "/nowhere", "/gone/x", "/usr/bin/tool/x"])
def test_paths_that_lead_nowhere(call: Call, linked: Path, tmp_path: Path, command: str, path: str) -> None:
    options = ["-o", tmp_path / "out"] if command == "extract" else []
    outcome = call(command, linked, path, *options, expect=3)
    assert outcome.out == b""
    assert outcome.stderr.startswith("error: ")
    assert list(tmp_path.iterdir()) == []


def test_recursive_lists_everything_in_path_order(call: Call, linked: Path) -> None:
    lines = call("ls", "-R", linked).stdout.splitlines()
    assert lines[-3:] == ["/usr", "/usr/bin", "/usr/bin/tool"]
    assert len(lines) == 16


def test_long_lines(call: Call, linked: Path) -> None:
    lines = call("ls", "-lR", linked).stdout.splitlines()
    by_path = {line.split(" /", 1)[1]: line for line in lines}
    assert by_path["usr/bin/tool"] == ("-rwsr-xr-x         0:0            7 2023-11-14 22:13 /usr/bin/tool")
    assert by_path["null"] == "crw-rw-rw-         0:0          1,3 1970-01-01 00:00 /null"
    assert by_path["owned"].startswith("drwxrwxrwt ")
    assert by_path[r"to\x1b -> \x1b\xff"].startswith("lrwxrwxrwx ")
    assert f" {2**63 - 1} /tricky" in by_path[r"tricky\n\x1b[2J"]


def test_names_are_shown_in_any_locale(call: Call, layout: Path) -> None:
    outcome = call("ls", layout, "/odd")
    assert "/odd/ümläut 名" in outcome.stdout
    assert r"/odd/\xff\xfe\x80" in outcome.stdout
    assert r"/odd/new\nline" in outcome.stdout


@pytest.mark.parametrize("form", ["layout", "package"])
def test_cat_writes_the_bytes(call: Call, form: str, layout: Path, package: Path) -> None:
    path = layout if form == "layout" else package
    for size in (0, 4097, 300_000):
        assert call("cat", path, f"/edges/{size}").out == noise(size, size)
    assert call("cat", path, "link", "edges/1").out == b"in a" + noise(1, 1)


@pytest.mark.parametrize("file", ["/", "/null", "/usr"])
def test_cat_of_what_is_no_file(call: Call, linked: Path, file: str) -> None:
    outcome = call("cat", linked, "/usr/bin/tool", file, expect=3)
    assert outcome.out == b""
    assert f"error: {file}: is not a regular file" in outcome.stderr


def test_cat_through_a_name_that_is_not_utf_8(call: Call, layout: Path) -> None:
    assert call("cat", layout, "odd/\udcff\udcfe\udc80").out == b"not utf-8"


@pytest.mark.parametrize("command", ["ls", "cat", "extract", "inspect", "measure", "verify", "run"])
def test_what_is_neither_layout_nor_package(call: Call, tmp_path: Path, command: str) -> None:
    (tmp_path / "text\x1b").write_text("hello")
    options: dict[str, list[str | Path]] = {"cat": ["/x"], "extract": ["-o", tmp_path / "out"]}
    outcome = call(command, tmp_path / "text\x1b", *options.get(command, []), expect=3)
    assert r"text\x1b: " in outcome.stderr
    assert "hint: " in outcome.stderr
