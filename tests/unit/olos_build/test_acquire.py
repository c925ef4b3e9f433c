import stat
from pathlib import Path

import pytest

from olos.errors import BuildStepError, InputError, MissingToolError, OlosError
from olos.progress import SILENT
from olos_build.acquire import acquire


@pytest.mark.parametrize(
    ("reference", "kind", "path", "tag"),
    [
        ("oci:dir", "oci-directory", "dir", None),
        ("oci:dir:v1", "oci-directory", "dir", "v1"),
        ("oci:dir:a:b", "oci-directory", "dir", "a:b"),
        ("oci:dir:v2:t", "oci-directory", "dir:v2", "t"),
        ("oci-archive:file.tar:v1", "archive", "file.tar", "v1"),
        ("docker-archive:file.tar", "archive", "file.tar", None),
        ("docker-archive:file.tar:", "archive", "file.tar", None),
        ("docker-archive:file.tar:busybox:1", "archive", "file.tar", "busybox:1"),
    ],
)
def test_images_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str, kind: str, path: str, tag: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("dir", "dir:v2"):
        Path(name).mkdir()
    Path("file.tar").touch()
    built = acquire(reference, tmp_path, SILENT)
    assert (built.kind, str(built.path), built.tag) == (kind, path, tag)


@pytest.mark.parametrize(
    "reference",
    [
        "oci:absent",
        "oci:",
        "oci:\0",
        "oci:file.tar",
        "oci-archive:.",
        "docker-archive:absent:tag",
        "docker:busybox",
        "dir:x",
        "containers-storage:x",
        "",
        "-v",
        "--help",
        "busy box",
        "UPPER/case",
        "docker://",
        "a" * 5000 + "!",
        "../x",
        "host/../x",
        "a@sha256:12",
    ],
)
def test_what_is_no_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file.tar").touch()
    with pytest.raises(InputError) as caught:
        acquire(reference, tmp_path, SILENT)
    assert caught.value.hint or "docker://" in caught.value.message


SKOPEO = """#!/bin/sh
[ "$1" != --version ] || {{ echo skopeo version 9.8.7; exit 0; }}
printf '%s\\n' "$@" > {folder}/arguments
echo from the registry
exit {status}
"""


@pytest.mark.parametrize(
    ("reference", "plain_http"),
    [
        ("localhost:5000/debian:12", True),
        ("127.0.0.1/x", True),
        ("127.1.2.3:80/x", True),
        ("[::1]:5000/x", True),
        ("docker://localhost:5000/x", True),
        ("localhost.example.org/x", False),
        ("127.0.0.1.example.org/x", False),
        ("localhost", False),
        ("debian", False),
        ("debian:12", False),
        ("quay.io/a/b_c__d-e.f:Tag_1@sha256:" + "0" * 64, False),
    ],
)
def test_registries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str, plain_http: bool
) -> None:
    fake_skopeo(tmp_path, monkeypatch, 0)
    built = acquire(reference, tmp_path, SILENT)
    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert arguments[-2:] == [
        f"docker://{reference.removeprefix('docker://')}",
        f"docker-archive:{built.path}",
    ]
    assert ("--src-tls-verify=false" in arguments) == plain_http
    assert (built.kind, built.builder, built.version) == ("archive", "skopeo", "9.8.7")


def test_registry_that_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_skopeo(tmp_path, monkeypatch, 1)
    with pytest.raises(BuildStepError, match="from the registry") as caught:
        acquire("debian:12", tmp_path, SILENT)
    assert caught.value.message.startswith("debian:12: cannot be pulled")


def fake_skopeo(folder: Path, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    program = folder / "skopeo"
    program.write_text(SKOPEO.format(folder=folder, status=status))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


@pytest.mark.parametrize("reference", ["debian:12", "docker-daemon:debian:12"])
def test_without_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    with pytest.raises(MissingToolError) as caught:
        acquire(reference, tmp_path, SILENT)
    assert "apt-get install" in (caught.value.hint or "")
    assert isinstance(caught.value, OlosError)
