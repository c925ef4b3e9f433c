"""`olos pin` and building under a lock: a registry, a web server and builders that are real."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.images import directory, file, oci_layout, tar
from support.olos import execute, olos
from support.registry import private_registry
from support.web import Answer, Site, site

BUSYBOX = "/bin/busybox"
DOCKERFILE = """\
ARG BASE={registry}/base
FROM $BASE:1 AS tools
RUN ["/bin/busybox", "touch", "/tool"]

FROM ${{BASE}}:1
COPY --from={registry}/other /other /second
COPY --from=tools /tool /tool
ADD --chown=5:6 {site}/file.tar /opt/
COPY . /context/
ENTRYPOINT ["/bin/busybox", "cat", "/other", "/opt/file.tar"]
"""


@dataclass(frozen=True)
class Outside:
    """What lies outside: the address of a registry, and a web server."""

    registry: str
    site: Site

    def push(self, name: str, folder: Path, content: str, form: str = "oci") -> None:
        """Put an image with busybox and a file /other under a name."""
        busybox = file("bin/busybox", Path(BUSYBOX).read_bytes(), mode=0o755)
        oci_layout(folder, [tar(directory("bin"), busybox, file("other", content.encode()))])
        target = f"docker://{self.registry}/{name}"
        copy = ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", f"--format={form}"]
        execute([*copy, f"oci:{folder}", target])


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with private_registry() as address, site() as web:
        made = Outside(address, web)
        folder = tmp_path_factory.mktemp("images")
        made.push("base:1", folder / "base", "one\n")
        made.push("other", folder / "other", "other\n", "v2s2")
        yield made


@pytest.fixture
def context(outside: Outside, tmp_path: Path) -> Path:
    """A context whose base and download are the same for each test."""
    outside.site.answers["/file.tar"] = Answer(b"not unpacked\n")
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text(DOCKERFILE.format(registry=outside.registry, site=outside.site.url))
    return folder


def lock_of(folder: Path) -> Any:
    return json.loads((folder / "olos.lock").read_text())


def measured(folder: Path, *arguments: str | Path, env: dict[str, str] | None = None) -> str:
    return olos("build", *arguments, "-o", folder.parent / "layout", cwd=folder, env=env).stdout.strip()


def test_a_lock_pins_all_and_changes_nothing(context: Path, outside: Outside) -> None:
    without = measured(context)
    wrote = olos("pin", cwd=context)
    assert wrote.stdout.startswith("wrote olos.lock\n")
    assert wrote.stderr == ""
    lock = lock_of(context)
    assert [image["reference"] for image in lock["images"]] == [
        f"{outside.registry}/base:1",
        f"{outside.registry}/other",
    ]
    for image in lock["images"]:
        name = f"docker://{image['name']}@{image['manifest']['digest']}"
        facts = json.loads(execute(["skopeo", "inspect", "--tls-verify=false", name]).stdout)
        config = json.loads(
            execute(["skopeo", "inspect", "--tls-verify=false", "--config", "--raw", name]).stdout
        )
        assert facts["Digest"] == image["manifest"]["digest"]
        assert image["layers"] == config["rootfs"]["diff_ids"]
    assert lock["downloads"][0]["size"] == len(b"not unpacked\n")
    assert lock["builder"]["name"] == "buildah"
    # The lock itself is not in the image, nor is anything else that was not there before.
    assert measured(context, "--locked") == without
    assert measured(context) == without
    listed = olos("ls", "-l", context.parent / "layout", "/opt").stdout.split()
    assert (listed[:3], listed[-1]) == (["-rw-------", "5:6", "13"], "/opt/file.tar")


def test_what_still_holds_is_left_alone(context: Path) -> None:
    olos("pin", cwd=context)
    before = (context / "olos.lock").stat().st_ino
    again = olos("pin", cwd=context)
    assert again.stdout == "olos.lock still holds: 2 images, 1 download, kernel, crt\n"
    assert (context / "olos.lock").stat().st_ino == before


def test_a_tag_that_moves_is_noticed_and_the_build_stays(
    context: Path, outside: Outside, tmp_path: Path
) -> None:
    text = (context / "Dockerfile").read_text()
    (context / "Dockerfile").write_text(text.replace("/base\n", "/moving\n", 1))
    outside.push("moving:1", tmp_path / "old", "one\n")
    olos("pin", cwd=context)
    pinned, old = measured(context, "--locked"), lock_of(context)
    outside.push("moving:1", tmp_path / "new", "two\n")
    assert measured(context, "--locked") == pinned
    assert measured(context, "--no-lock") != pinned

    moved = olos("pin", cwd=context, expect=5)
    assert lock_of(context) == old
    change = moved.stdout.splitlines()[1]
    assert change.startswith(f"  image {outside.registry}/moving:1: sha256:")
    assert moved.stderr.endswith("hint: to accept it: olos pin --update Dockerfile\n")

    accepted = olos("pin", "--update", cwd=context)
    assert accepted.stdout.splitlines() == ["wrote olos.lock", change]
    new = lock_of(context)["images"][0]["manifest"]["digest"]
    assert change.split(": ")[1] == f"{old['images'][0]['manifest']['digest'][:19]} → {new[:19]}"
    assert measured(context, "--locked") != pinned


def test_a_download_that_moves_fails_the_build(context: Path, outside: Outside) -> None:
    olos("pin", cwd=context)
    outside.site.answers["/file.tar"] = Answer(b"not unpackeD\n")
    failed = olos("build", cwd=context, expect=5)
    assert "file.tar: digest does not match\n  expected sha256:" in failed.stderr
    assert "olos pin --update" in failed.stderr
    assert not (context / "olos-layout").exists()


def test_what_the_lock_does_not_cover(context: Path, outside: Outside) -> None:
    olos("pin", cwd=context)
    (context / "Dockerfile").write_text(
        (context / "Dockerfile").read_text().replace("/other /other ", "/other:latest /other ")
    )
    says = (
        f"Dockerfile: line 6: image {outside.registry}/other:latest is not pinned: the lock does not have it"
    )
    failed = olos("build", "--locked", cwd=context, expect=3)
    assert says in failed.stderr
    warned = olos("build", "-o", "../layout", cwd=context)
    assert f"warning: {says} [not-pinned]\n" in warned.stderr


def test_locked_without_a_lock(context: Path) -> None:
    failed = olos("build", "--locked", cwd=context, expect=3)
    assert failed.stderr == "error: olos.lock: there is no lock\nhint: write one: olos pin Dockerfile\n"


def test_a_kernel_that_moved(context: Path) -> None:
    olos("pin", cwd=context)
    lock = lock_of(context)
    linux = next(file for file in lock["kernel"] if file["path"] == "kernel/linux")
    actual, linux["sha256"] = linux["sha256"], "0" * 64
    (context / "olos.lock").write_text(json.dumps(lock))
    failed = olos("build", cwd=context, expect=5)
    assert f"  kernel/linux: sha256:{'0' * 12} → sha256:{actual[:12]}\n" in failed.stderr


def test_a_builder_that_moved(context: Path) -> None:
    olos("pin", cwd=context)
    lock = lock_of(context)
    lock["builder"]["version"] = "0.1"
    (context / "olos.lock").write_text(json.dumps(lock))
    failed = olos("build", "--locked", cwd=context, expect=5)
    assert "  builder: buildah 0.1 → buildah 1" in failed.stderr
    warned = olos("build", "-o", "../layout", cwd=context)
    assert "warning: olos.lock: builder: buildah 0.1 → buildah 1" in warned.stderr


def test_another_base_in_the_storage_is_found_out(context: Path) -> None:
    """Where the builder has other layers than the lock says, whatever it calls them."""
    olos("pin", cwd=context)
    lock = lock_of(context)
    lock["images"][0]["layers"][0] = f"sha256:{'0' * 64}"
    (context / "olos.lock").write_text(json.dumps(lock))
    failed = olos("build", cwd=context, expect=5)
    assert "in the built image does not match\n  expected sha256:0000" in failed.stderr


def test_nothing_is_asked_for_what_the_builder_has(tmp_path: Path) -> None:
    """The servers are gone; what was built once can be built again."""
    folder = tmp_path / "context"
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "OLOS_CACHE_SIZE": "1G"}
    folder.mkdir()
    with private_registry() as address, site() as web:
        Outside(address, web).push("base:1", tmp_path / "base", "one\n")
        web.answers["/x"] = Answer(b"x")
        (folder / "Dockerfile").write_text(f'FROM {address}/base:1\nADD {web.url}/x /\nENTRYPOINT ["/x"]\n')
        olos("pin", cwd=folder, env=env)
        value = measured(folder, "--locked", env=env)
    assert measured(folder, "--locked", env=env) == value
    assert "cannot be had from the registry" in olos("pin", cwd=folder, expect=4).stderr


def test_an_engine_makes_the_same(context: Path, engine: str) -> None:
    env = {"DOCKER_HOST": engine}
    olos("pin", cwd=context)
    value = measured(context)
    warned = olos("build", "--builder", "docker", "-o", "../engine", cwd=context, env=env)
    assert warned.stdout.strip() == value
    assert "[lock-tools]" in warned.stderr
    olos("pin", "--update", "--builder", "docker", cwd=context, env=env)
    assert measured(context, "--locked", env=env) == value
    images = execute(["docker", "images", "--format", "{{.Repository}}"], env=env).stdout.split()
    assert not [name for name in images if name.startswith("olos-add-")]
