"""The three lines of the README, word for word, and what comes of them."""

import json
import re
import shutil
from pathlib import Path

import pytest

from olos.layout import SIGSTRUCT, SIGSTRUCT_SIZE
from support.olos import execute, hello_context, olos

HEX = re.compile(r"[0-9a-f]{64}\n")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which the three lines were run."""
    folder = tmp_path_factory.mktemp("main line")
    hello_context(folder)
    olos("build", "Dockerfile", cwd=folder)
    olos("measure", cwd=folder)
    olos("pack", "-o", "app.olos", cwd=folder)
    return folder


@pytest.fixture(scope="module")
def value(built: Path) -> str:
    return olos("measure", cwd=built).stdout.strip()


def test_build_prints_the_value(built: Path, value: str) -> None:
    result = olos("build", "Dockerfile", "-o", "again", cwd=built)
    assert result.stdout == value + "\n"


def test_a_new_layout_is_not_signed(built: Path) -> None:
    """The signature of the layout that it replaces was over another one, for all that is known."""
    shutil.copytree(built / "olos-layout", built / "signed")
    (built / "signed" / SIGSTRUCT).write_bytes(bytes(SIGSTRUCT_SIZE))
    result = olos("build", "-v", "Dockerfile", "-o", "signed", cwd=built)
    assert "signed was signed; the new layout is not" in result.stderr
    assert not (built / "signed" / SIGSTRUCT).exists()


def test_measure_prints_nothing_but_the_value(built: Path) -> None:
    result = olos("measure", cwd=built)
    assert HEX.fullmatch(result.stdout)
    assert result.stderr == ""


def test_the_package_has_the_same_value(built: Path, value: str) -> None:
    assert olos("measure", "app.olos", cwd=built).stdout == value + "\n"
    assert execute(["./app.olos", "--olos-measure"], cwd=built).stdout == value + "\n"


@pytest.mark.parametrize("how", ["olos unpack", "--olos-unpack", "bsdtar", "xorriso", "7z"])
def test_unpacked_in_any_way_it_has_the_same_value(built: Path, value: str, tmp_path: Path, how: str) -> None:
    """That the kernel mounts it with the same contents is shown in tests/unit/pack/test_mount.py."""
    package, folder = built / "app.olos", tmp_path / "unpacked"
    commands: dict[str, list[str | Path]] = {
        "bsdtar": ["bsdtar", "-xf", package, "-C", folder],
        "xorriso": ["xorriso", "-osirrox", "on", "-indev", package, "-extract", "/", folder],
        "7z": ["7z", "x", "-bd", f"-o{folder}", package],
    }
    if how == "olos unpack":
        olos("unpack", package, folder)
    elif how == "--olos-unpack":
        execute([package, "--olos-unpack", folder])
    else:
        folder.mkdir()
        execute(commands[how])
    assert olos("measure", folder).stdout == value + "\n"


def test_packing_twice_gives_the_same_bytes(built: Path, tmp_path: Path) -> None:
    olos("unpack", built / "app.olos", tmp_path / "layout")
    olos("pack", tmp_path / "layout", "-o", tmp_path / "again.olos", env={"TZ": "Asia/Tokyo"})
    assert (tmp_path / "again.olos").read_bytes() == (built / "app.olos").read_bytes()


def test_verify_accepts(built: Path, value: str) -> None:
    olos("verify", "app.olos", "--measurement", value, cwd=built)
    execute([built / "app.olos", "--olos-verify", value])


def test_verify_refuses_another_value(built: Path, value: str) -> None:
    other = "0" * 64
    for result in (
        olos("verify", "app.olos", "--measurement", other, cwd=built, expect=5),
        execute([built / "app.olos", "--olos-verify", other], expect=5),
        execute([built / "app.olos", "--olos-expect", other], expect=5),
    ):
        assert value in result.stderr
        assert other in result.stderr
        assert result.stdout == ""


def test_runs(built: Path, value: str) -> None:
    for command in (["./app.olos"], ["./app.olos", "--olos-expect", value]):
        result = execute([*command], cwd=built)
        assert (result.stdout, result.stderr) == ("hello\n", "")
    assert olos("run", "app.olos", cwd=built).stdout == "hello\n"
    assert olos("run", "olos-layout", cwd=built).stdout == "hello\n"


@pytest.mark.parametrize("way", ["symlink", "blanks", "path", "read-only", "user"])
def test_runs_wherever_it_lies(built: Path, tmp_path: Path, way: str) -> None:
    package = built / "app.olos"
    tmp_path.chmod(0o755)
    if way == "symlink":
        (tmp_path / "link").symlink_to(package)
        result = execute([tmp_path / "link"], cwd=Path("/"))
    elif way == "blanks":
        shutil.copy(package, tmp_path / "my [first] app.olos")
        result = execute([tmp_path / "my [first] app.olos"])
    elif way == "path":
        shutil.copy(package, tmp_path / "my-app")
        result = execute(["my-app"], env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    elif way == "user":
        target = Path("/var/tmp/olos-test-user.olos")
        shutil.copy(package, target)
        target.chmod(0o755)
        try:
            result = execute(
                ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", target]
            )
        finally:
            target.unlink()
    else:
        mount = tmp_path / "mnt"
        mount.mkdir()
        execute(["mount", "-t", "tmpfs", "none", mount])
        try:
            shutil.copy(package, mount / "app")
            execute(["mount", "-o", "remount,ro", mount])
            result = execute([mount / "app"])
        finally:
            execute(["umount", mount])
    assert (result.stdout, result.stderr) == ("hello\n", "")


def test_manifest_of_the_package(built: Path) -> None:
    manifest = (built / "olos-layout" / "olos.json").read_text()
    assert execute([built / "app.olos", "--olos-manifest"]).stdout.strip() == manifest
    inspected = json.loads(olos("inspect", "app.olos", "--format", "json", cwd=built).stdout)
    assert inspected["manifest"] == json.loads(manifest)


def test_help_of_the_package(built: Path) -> None:
    text = execute([built / "app.olos", "--olos-help"]).stdout
    for option in ("measure", "verify HEX", "expect HEX", "manifest", "unpack DIR", "help"):
        assert f"--olos-{option}" in text
    assert max(map(len, text.splitlines())) <= 80


def test_unknown_option_of_the_package(built: Path) -> None:
    assert "--olos-mesure" in execute([built / "app.olos", "--olos-mesure"], expect=2).stderr


def test_reading_the_root_file_system(built: Path, tmp_path: Path) -> None:
    for path in ("olos-layout", "app.olos"):
        assert "bin/hello" in olos("ls", path, "/bin", cwd=built).stdout + olos("ls", path, cwd=built).stdout
        olos("extract", path, "-o", tmp_path / path, cwd=built)
        extracted = (tmp_path / path / "bin" / "hello").read_bytes()
        assert extracted == (built / "hello").read_bytes()
