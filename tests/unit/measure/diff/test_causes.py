"""Each cause, on samples made by the tools that make them."""

import ast
import dataclasses
import gzip
import os
import py_compile
import subprocess
import uuid
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from measure.diff.causes import catalogue
from measure.diff.model import Attribute
from olos.errors import InputError
from support.olos import ROOT
from support.sides import annotated, causes_of, compared, difference_of, files_of, side_of, with_digests
from support.trees import Store, noise, tree_of

Sample = Callable[[Path, int], bytes]
"""Makes a content; the number says which of two builds it is."""


def pyc(folder: Path, build: int) -> bytes:
    source = folder / "module.py"
    source.write_text("print('hello')\n")
    os.utime(source, (1_700_000_000 + build, 1_700_000_000 + build))
    mode = py_compile.PycInvalidationMode.TIMESTAMP
    compiled = py_compile.compile(str(source), dfile="module.py", doraise=True, invalidation_mode=mode)
    return Path(str(compiled)).read_bytes()


def compressed(folder: Path, build: int) -> bytes:
    return gzip.compress(noise(500), mtime=1_700_000_000 + build)


def zipped(folder: Path, build: int) -> bytes:
    with zipfile.ZipFile(folder / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a", "b"):
            archive.writestr(zipfile.ZipInfo(name, (2024, 1, 2, 3, 4, 2 * build)), noise(1000, name))
    return (folder / "x.zip").read_bytes()


def infozip(folder: Path, build: int) -> bytes:
    """By Info-ZIP, with extended timestamps."""
    (folder / "member").write_bytes(noise(300))
    os.utime(folder / "member", (1_700_000_000 + build, 1_700_000_000 + build))
    (folder / "x.zip").unlink(missing_ok=True)
    subprocess.run(["zip", "-q", "x.zip", "member"], cwd=folder, check=True)
    return (folder / "x.zip").read_bytes()


def archived(folder: Path, build: int) -> bytes:
    for name in ("one.o", "two.o"):
        (folder / name).write_bytes(noise(101, name))
        os.utime(folder / name, (1_700_000_000 + build, 1_700_000_000 + build))
    (folder / "lib.a").unlink(missing_ok=True)
    subprocess.run(["ar", "rcU", "lib.a", "one.o", "two.o"], cwd=folder, check=True)
    return (folder / "lib.a").read_bytes()


def program(folder: Path, build: int) -> bytes:
    (folder / "x.c").write_text("int main(void) { return 0; }\n")
    flag = f"-Wl,--build-id=0x{build:040x}"
    subprocess.run(["gcc", "-o", "x", "x.c", flag], cwd=folder, check=True)
    return (folder / "x").read_bytes()


def linked(folder: Path, build: int) -> bytes:
    """With .gnu_debuglink, which holds a checksum of the debug file."""
    data = program(folder, 1)
    (folder / "debug").write_bytes(noise(100, build))
    subprocess.run(["objcopy", "--add-gnu-debuglink=debug", "x", "y"], cwd=folder, check=True)
    return (folder / "y").read_bytes() if data else b""


def text(template: str, *values: str) -> Sample:
    return lambda folder, build: template.format(values[build]).encode()


def lines(*orders: str) -> Sample:
    return lambda folder, build: "".join(f"{line}\n" for line in orders[build]).encode()


def random_uuid(folder: Path, build: int) -> bytes:
    return f"id: {uuid.uuid4()}\nname: x\n".encode()


def dated(folder: Path, build: int) -> bytes:
    """As date(1) writes it, in each of its forms."""
    moment = f"@{1_600_000_000 + build * 98_765_432}"
    forms = [
        "+%c",
        "-R",
        "--iso-8601=seconds",
        "+%s",
        "+%F %T",
        "+%b %e %Y",
        "+%Y%m%d%H%M%S",
        "+%d %B %Y",
        "--rfc-3339=ns",
    ]
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    return b"".join(
        b"built "
        + subprocess.run(
            ["date", "-d", moment, form], check=True, capture_output=True, env=environment
        ).stdout
        for form in forms
    )


def both(*samples: Sample) -> Sample:
    return lambda folder, build: b"\n".join(sample(folder, build) for sample in samples)


@pytest.mark.parametrize(
    ("path", "sample", "names"),
    [
        pytest.param(b"a/__pycache__/m.pyc", pyc, ["pyc-timestamp"], id="pyc"),
        pytest.param(b"usr/share/doc/x/changelog.gz", compressed, ["gzip-mtime"], id="gzip"),
        pytest.param(b"app.jar", zipped, ["zip-time"], id="zip"),
        pytest.param(b"app.zip", infozip, ["zip-time"], id="info-zip"),
        pytest.param(b"usr/lib/libx.a", archived, ["ar-time"], id="ar"),
        pytest.param(b"usr/bin/x", program, ["elf-build-id"], id="build-id"),
        pytest.param(b"usr/bin/y", linked, ["elf-build-id"], id="debuglink"),
        pytest.param(b"etc/x", random_uuid, ["random-uuid"], id="uuid"),
        pytest.param(b"etc/x", dated, ["date-in-content"], id="date"),
        pytest.param(
            b"etc/x", text("built in {}/x", "/tmp/tmp.Ab12", "/tmp/tmp.Zz9"), ["build-path"], id="path"
        ),
        pytest.param(b"etc/x", text("{}\n", "0123456789ab", "ba9876543210"), ["build-path"], id="container"),
        pytest.param(
            b"etc/x", both(random_uuid, dated), ["random-uuid", "date-in-content"], id="uuid-and-date"
        ),
        pytest.param(b"etc/x", lines("abc", "cab"), ["line-order"], id="order"),
        pytest.param(
            b"etc/shadow", text("root:*:{}:0:99999:7:::\n", "19000", "19777"), ["shadow-date"], id="shadow"
        ),
        pytest.param(b"etc/hosts.d/x", text("a{}", "1", "2"), [], id="something-else"),
        pytest.param(b"etc/x", text("foo@{}\n", "1.2", "1.3"), [], id="a-version"),
        pytest.param(b"etc/x", lines("abc", "abd"), [], id="other-lines"),
        pytest.param(b"x.gz", lambda f, b: compressed(f, b) + b"%d" % b, [], id="gzip-and-more"),
        pytest.param(b"x.pyc", lambda f, b: pyc(f, b) + b"%d" % b, [], id="pyc-and-more"),
    ],
)
def test_contents(tmp_path: Path, path: bytes, sample: Sample, names: list[str]) -> None:
    old, new = (sample(tmp_path, build) for build in (0, 1))
    assert old != new
    difference = difference_of(tmp_path, {path: old}, {path: new})
    assert causes_of(difference) == {f"/{path.decode()}": names}
    assert difference.unexplained == (not names)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (b"var/lib/apt/lists/deb.debian.org_dists", "apt-cache"),
        (b"var/cache/apt/pkgcache.bin", "apt-cache"),
        (b"var/log/dpkg.log", "package-log"),
        (b"var/log/apt/history.log", "package-log"),
        (b"var/log/alternatives.log", "package-log"),
        (b"var/log/nginx/access.log", "log-file"),
        (b"var/cache/ldconfig/aux-cache", "ldconfig-cache"),
        (b"etc/machine-id", "machine-id"),
        (b"var/lib/dbus/machine-id", "machine-id"),
        (b"var/lib/systemd/random-seed", "random-seed"),
        (b"etc/ssh/ssh_host_ed25519_key", "ssh-host-key"),
        (b"etc/ssh/ssh_host_rsa_key.pub", "ssh-host-key"),
        (b"usr/lib/locale/locale-archive", "locale-archive"),
        (b"var/cache/fontconfig/abc.cache-7", "fontconfig-cache"),
        (b"var/cache/man/index.db", "documentation-index"),
        (b"var/lib/dpkg/status-old", "backup-file"),
        (b"etc/passwd-", "backup-file"),
        (b"var/cache/debconf/config.dat-old", "backup-file"),
        (b"etc/ssl/certs/java/cacerts", "java-keystore"),
        (b"var/lib/rpm/rpmdb.sqlite", "rpm-database"),
        (b"root/.cache/pip/http/x", "user-cache"),
        (b"home/me/.npm/_cacache/x", "user-cache"),
        (b"tmp/build.123", "temporary-file"),
        (b"srv/app/__pycache__/x.cpython-311.pyc", "pycache-on-one-side"),
    ],
)
def test_places(tmp_path: Path, path: bytes, name: str) -> None:
    shown = f"/{path.decode()}"
    assert causes_of(difference_of(tmp_path, {}, {path: b"1"}))[shown] == [name]
    assert causes_of(difference_of(tmp_path, {path: b"1"}, {}))[shown] == [name]
    if name != "pycache-on-one-side":
        assert causes_of(difference_of(tmp_path, {path: b"1"}, {path: b"2"})) == {shown: [name]}


def test_a_place_does_not_explain_its_mode(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    old, new = ({b"etc/machine-id": store.regular(b"1", mode)} for mode in (0o644, 0o600))
    assert causes_of(difference_of(tmp_path, old, new)) == {"/etc/machine-id": []}


@pytest.mark.parametrize(
    ("epochs", "times", "name"),
    [
        pytest.param((0, 0), (5, 6), "mtime-not-clamped", id="same-epoch"),
        pytest.param((5, 6), (5, 6), "source-date-epoch-differs", id="other-epoch"),
        pytest.param((9, 6), (5, 6), "mtime-not-clamped", id="below-the-epoch"),
    ],
)
def test_times(tmp_path: Path, epochs: tuple[int, int], times: tuple[int, int], name: str) -> None:
    store = Store(tmp_path / "s")
    sides = [
        side_of(tree_of({b"a": store.regular(b"", mtime=time)}), annotations=annotated(2, epoch=epoch))
        for epoch, time in zip(epochs, times, strict=True)
    ]
    difference = compared(sides)
    assert causes_of(difference) == {"/a": [name]}
    if name.startswith("source"):
        assert difference.causes[0].evidence == (Attribute("source_date_epoch", "5", "6"),)


def status(**versions: str) -> bytes:
    return "\n".join(
        f"Package: {name}\nStatus: install ok installed\nMulti-Arch: same\nArchitecture: amd64\n"
        f"Version: {version}\nDescription: a library\n and Version: 9 in its text\n"
        for name, version in versions.items()
    ).encode()


def test_dpkg_packages_and_their_files(tmp_path: Path) -> None:
    same = {b"usr/bin/other": b"same", b"var/lib/dpkg/info/libc6:amd64.list": b"/.\n/lib/libc.so.6\n/etc\n"}
    old = {b"var/lib/dpkg/status": status(libc6="2.36-9", tzdata="1", gone="3"), b"usr/lib/libc.so.6": b"1"}
    new = {b"var/lib/dpkg/status": status(libc6="2.36-10", tzdata="1"), b"usr/lib/libc.so.6": b"2"}
    difference = difference_of(tmp_path, {**same, **old, b"etc/x": b"1"}, {**same, **new, b"etc/x": b"2"})
    assert causes_of(difference) == {
        "/etc/x": [],
        "/usr/lib/libc.so.6": ["dpkg-package-moved"],
        "/var/lib/dpkg/status": ["dpkg-package-moved"],
    }
    moved = (Attribute("gone:amd64", "3", None), Attribute("libc6:amd64", "2.36-9", "2.36-10"))
    assert difference.causes[0].evidence == moved
    library = files_of(difference)["/usr/lib/libc.so.6"]
    assert library.evidence == (Attribute("package libc6:amd64", "2.36-9", "2.36-10"),)


def test_apk_packages_and_their_files(tmp_path: Path) -> None:
    def installed(version: str) -> bytes:
        return (
            f"C:Q1=\nP:musl\nV:{version}\nF:lib\nR:ld-musl.so.1\nZ:Q1=\n\nP:same\nV:1\nF:\nR:x\n\n".encode()
        )

    old = {b"lib/apk/db/installed": installed("1.2.3-r4"), b"lib/ld-musl.so.1": b"1", b"x": b"1"}
    new = {b"lib/apk/db/installed": installed("1.2.3-r5"), b"lib/ld-musl.so.1": b"2", b"x": b"2"}
    difference = difference_of(tmp_path, old, new)
    moved = ["apk-package-moved"]
    assert causes_of(difference) == {"/lib/apk/db/installed": moved, "/lib/ld-musl.so.1": moved, "/x": []}
    assert difference.causes[0].evidence == (Attribute("musl", "1.2.3-r4", "1.2.3-r5"),)


def test_the_dpkg_database_of_this_machine(tmp_path: Path) -> None:
    """What dpkg-query says is what is read."""
    data = Path("/var/lib/dpkg/status").read_bytes()
    form = "${db:Status-Status} ${binary:Package} ${Version}\n"
    shown = subprocess.run(
        ["dpkg-query", "-W", "-f", form], check=True, capture_output=True, text=True
    ).stdout
    expected = {
        line.split()[1]: line.split()[2] for line in shown.splitlines() if line.startswith("installed ")
    }
    difference = difference_of(tmp_path, {b"var/lib/dpkg/status": data}, {b"var/lib/dpkg/status": b""})
    assert {each.name: each.old for each in difference.causes[0].evidence} == expected


def test_python_packages(tmp_path: Path) -> None:
    folder = b"usr/lib/python3/site-packages/"
    old, new = (
        {folder + b"six-1.15.0.dist-info/METADATA": b""},
        {folder + b"six-1.16.0.dist-info/METADATA": b""},
    )
    difference = difference_of(tmp_path, old, new)
    assert set(map(tuple, causes_of(difference).values())) == {("python-package-moved",)}


def test_base_image_and_lines(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    sides = [
        side_of(
            tree_of({b"a": store.regular(content), b"b": store.regular(content)}),
            annotations=annotated(3, base=(content,)),
        )
        for content in (b"1", b"2")
    ]
    difference = compared(sides)
    files = files_of(difference)
    assert causes_of(difference) == {"/a": [], "/b": ["base-image-moved"]}
    assert files["/a"].origin is not None
    assert (files["/a"].origin.line, files["/a"].origin.base) == (4, False)
    assert difference.causes[0].cause.name == "base-image-moved"
    assert [each.name for each in difference.causes[0].evidence] == ["base layer 1"]


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        pytest.param(b"a\nb\nc", b"a\nB\nc", ("line 2", "b", "B"), id="line"),
        pytest.param(b"a\n", b"a\nb\n", ("line 2", None, "b"), id="one-line-more"),
        pytest.param(b"a\nbc\n", b"a\nb\n", ("line 2", "bc", "b"), id="shorter-line"),
        pytest.param(b"a\n", b"a", ("byte 1", "0a", None), id="last-line-break"),
        pytest.param(b"", b"x", ("line 1", None, "x"), id="empty"),
        pytest.param(b"\0\1\2", b"\0\1\3", ("byte 2", "02", "03"), id="bytes"),
        pytest.param(b"\0" * 3_000_000, b"\0" * 2_999_999 + b"!", ("byte 2999999", "00", "21"), id="far"),
        pytest.param(
            b"x\n" * 700_000 + b"a", b"x\n" * 700_000 + b"b", ("line 700001", "a", "b"), id="far-line"
        ),
        pytest.param(b"\xff a", b"\xff b", ("line 1", "\\xff a", "\\xff b"), id="latin-1"),
    ],
)
def test_the_first_difference(
    tmp_path: Path, old: bytes, new: bytes, shown: tuple[str, str | None, str | None]
) -> None:
    difference = difference_of(tmp_path, {b"f": old}, {b"f": new})
    assert files_of(difference)["/f"].evidence == (Attribute(*shown),)


def test_a_long_line_is_cut_around_the_difference(tmp_path: Path) -> None:
    old = b"x" * 5000 + b"a" + b"y" * 5000
    (evidence,) = files_of(difference_of(tmp_path, {b"f": old}, {b"f": old.replace(b"a", b"b")}))[
        "/f"
    ].evidence
    assert evidence.name == "line 1"
    assert evidence.old is not None
    assert "xay" in evidence.old
    assert len(evidence.old) < 500


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(
            b"PK\x03\x04" + b"PK\x01\x02" * 30_000 + b"PK\x05\x06" + b"\0" * 16 + b"\4\0\0\0\0\0", id="zip"
        ),
        pytest.param(b"!<arch>\n" + (b" " * 48 + b"9" * 10 + b"`\n") * 3, id="ar-size"),
        pytest.param(b"\x7fELF\x02\x01" + b"\xff" * 200_000, id="elf-of-ones"),
        pytest.param(b"2024-01-01T" * 50_000, id="dates"),
        pytest.param(b"1" * 500_000, id="digits"),
        pytest.param(b"Mon, " * 100_000, id="days"),
        pytest.param(b"a-" * 200_000, id="uuid-like"),
        pytest.param(b"/tmp/" * 100_000, id="paths"),
        pytest.param(b"\n\n" * 200_000, id="paragraphs"),
    ],
)
@pytest.mark.parametrize(
    "path", [b"x", b"x.pyc", b"etc/shadow", b"var/lib/dpkg/status", b"lib/apk/db/installed"]
)
def test_hostile_contents_take_no_time(tmp_path: Path, path: bytes, data: bytes) -> None:
    difference = difference_of(tmp_path, {path: data + b"one"}, {path: data + b"two!"})
    assert list(files_of(difference)) == [f"/{path.decode()}"]


def test_large_files_are_not_read_as_a_whole(tmp_path: Path) -> None:
    data = gzip.compress(b"", mtime=1) + bytes(9 << 20)
    difference = difference_of(tmp_path, {b"x": data}, {b"x": data.replace(b"\x01", b"\x02", 1)})
    assert causes_of(difference) == {"/x": []}
    assert files_of(difference)["/x"].evidence[0].name == "byte 4"


def test_a_content_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    sides = []
    for content in (b"1", b"2"):
        tree = tree_of({b"a": store.regular(content)})
        known = list(with_digests(tree))
        sides.append(dataclasses.replace(side_of(tree), tree=partial(iter, known)))
    store.path.write_bytes(b"")
    with pytest.raises(InputError, match="shorter than"):
        compared(sides)


def test_every_cause_is_in_the_document() -> None:
    document = (ROOT / "docs" / "diff.md").read_text("utf-8")
    expected = "".join(f"## {each.name}\n{each.text}\n\n{each.cure}\n\n" for each in catalogue.CAUSES)
    assert document.endswith(expected.rstrip("\n") + "\n")
    names = [cause.name for cause in catalogue.CAUSES]
    assert len(set(names)) == len(names)


def test_every_cause_is_in_the_catalogue() -> None:
    """Whatever calls `Cause(…)`."""
    folder = ROOT / "measure" / "diff"
    found = {
        node.args[0].value
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Cause"
        if isinstance(node.args[0], ast.Constant)
    }
    assert found <= {cause.name for cause in catalogue.CAUSES}
    assert len(found) >= len(catalogue.CAUSES) - 1
