"""Registries that tell the truth, and those that do not: each byte is compared with its digest here."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from olos.errors import BuildStepError, InputError, MismatchError, MissingToolError
from olos.progress import SILENT
from olos_build import registry
from olos_build.lock import LockedImage
from support.web import Answer, Site, site

OCI = "application/vnd.oci.image"
LAYER = b"\0" * 1024


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def described(data: bytes, media_type: str, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(data), "size": len(data), **more}


def encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


def config(**changed: Any) -> bytes:
    rootfs = {"type": "layers", "diff_ids": [digest(LAYER)]}
    return encoded({"os": "linux", "architecture": "amd64", "config": {}, "rootfs": rootfs} | changed)


def manifest(configuration: bytes, **changed: Any) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": described(configuration, f"{OCI}.config.v1+json"),
        "layers": [described(LAYER, f"{OCI}.layer.v1.tar")],
    }
    return encoded(document | changed)


CONFIG = config()
MANIFEST = manifest(CONFIG)
INDEX = encoded(
    {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.index.v1+json",
        "manifests": [
            described(b"arm", f"{OCI}.manifest.v1+json", platform={"os": "linux", "architecture": "arm64"}),
            described(MANIFEST, f"{OCI}.manifest.v1+json", platform={"os": "linux", "architecture": "amd64"}),
        ],
    }
)


@pytest.fixture
def served() -> Iterator[Site]:
    with site() as made:
        made.answers["/v2/"] = Answer(b"{}")
        serve(made, "one", MANIFEST)
        serve(made, "all", INDEX)
        for blob in (CONFIG, LAYER):
            made.answers[f"/v2/app/blobs/{digest(blob)}"] = Answer(blob)
        yield made


def serve(made: Site, tag: str, document: bytes) -> None:
    """Put a manifest or an index under a tag, and under its digest."""
    answer = Answer(document, headers={"Content-Type": json.loads(document)["mediaType"]})
    made.answers[f"/v2/app/manifests/{tag}"] = answer
    made.answers[f"/v2/app/manifests/{digest(document)}"] = answer


def resolved(made: Site, rest: str) -> LockedImage:
    return registry.resolve(f"{made.address}/app{rest}", SILENT)


@pytest.mark.parametrize("by", ["tag", "digest"])
@pytest.mark.parametrize("kind", ["one", "all"])
def test_what_a_reference_stands_for(served: Site, kind: str, by: str) -> None:
    top = {"one": MANIFEST, "all": INDEX}[kind]
    image = resolved(served, f":{kind}" if by == "tag" else f"@{digest(top)}")
    assert image.name == f"{served.address}/app"
    assert str(image.index.digest if image.index else None) == (digest(INDEX) if kind == "all" else "None")
    assert str(image.manifest.digest) == digest(MANIFEST)
    assert str(image.config) == digest(CONFIG)
    assert list(map(str, image.layers)) == [digest(LAYER)]
    assert not any("arm" in path or digest(LAYER) in path for path in served.asked)


def test_an_image_is_fetched(served: Site, tmp_path: Path) -> None:
    folder = registry.fetch(resolved(served, ":all"), tmp_path / "image", SILENT)
    assert (folder / "manifest.json").read_bytes() == MANIFEST
    assert (folder / digest(LAYER).removeprefix("sha256:")).read_bytes() == LAYER


LIES = {
    "manifest": f"/v2/app/manifests/{digest(MANIFEST)}",
    "config": f"/v2/app/blobs/{digest(CONFIG)}",
    "layer": f"/v2/app/blobs/{digest(LAYER)}",
}


def spoilt(made: Site, path: str) -> str:
    """Another byte in place of one, of the same meaning; the digest of that."""
    answer = made.answers[path]
    body = answer.body.replace(b"linux", b"LINUX") if b"linux" in answer.body else answer.body[:-1] + b"\n"
    made.answers[path] = Answer(body, headers=answer.headers)
    assert body != answer.body
    return digest(body)


@pytest.mark.parametrize("case", LIES)
def test_other_bytes_than_the_digest_says_are_refused(served: Site, tmp_path: Path, case: str) -> None:
    image = resolved(served, ":all")
    actual = spoilt(served, LIES[case])
    with pytest.raises(MismatchError) as caught:
        registry.fetch(image, tmp_path / "image", SILENT)
    assert f"expected {LIES[case].rpartition('/')[2]}\n  actual   {actual}" in caught.value.message


@pytest.mark.parametrize("case", ["index", "manifest", "config"])
def test_a_reference_by_digest_is_verified(served: Site, case: str) -> None:
    path = {**LIES, "index": f"/v2/app/manifests/{digest(INDEX)}"}[case]
    actual = spoilt(served, path)
    with pytest.raises(MismatchError) as caught:
        resolved(served, f"@{digest(INDEX)}")
    assert f"expected {path.rpartition('/')[2]}\n  actual   {actual}" in caught.value.message


FAKE = """\
#!/bin/sh
# A registry client that verifies nothing.
case "$*" in
*inspect*) exec {skopeo} "$@" ;;
esac
for target; do :; done
cp -r {folder} "${{target#dir:}}"
"""


@pytest.mark.parametrize("case", ["manifest", "config", "layer"])
def test_a_client_that_verifies_nothing_is_not_believed(
    served: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    image = resolved(served, ":one")
    folder = registry.fetch(image, tmp_path / "good", SILENT)
    name = {"manifest": "manifest.json", "config": digest(CONFIG)[7:], "layer": digest(LAYER)[7:]}[case]
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data.replace(b"sha256", b"sha256", 1)[:-1] + b"\n")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "skopeo").write_text(FAKE.format(skopeo=shutil.which("skopeo"), folder=folder))
    (programs / "skopeo").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    with pytest.raises(MismatchError) as caught:
        registry.fetch(image, tmp_path / "image", SILENT)
    assert f"actual   {digest((folder / name).read_bytes())}" in caught.value.message


def test_a_client_that_leaves_out_a_layer_is_not_believed(served: Site, tmp_path: Path) -> None:
    image = resolved(served, ":one")
    folder = registry.fetch(image, tmp_path / "good", SILENT)
    (folder / digest(LAYER)[7:]).unlink()
    with pytest.raises(InputError, match="is missing"):
        registry.verify(image, folder)


ARM = config(architecture="arm64")
TWO_LAYERS = config(rootfs={"type": "layers", "diff_ids": [digest(b"a"), digest(b"b")]})
REFUSED = {
    "other-platform": (manifest(ARM), ARM, "is for linux/arm64"),
    "layers-disagree": (manifest(TWO_LAYERS), TWO_LAYERS, "has 1 layers, its configuration speaks of 2"),
    "no-image": (
        manifest(CONFIG, config=described(CONFIG, "application/vnd.cncf.helm.config.v1+json")),
        CONFIG,
        "is no container image",
    ),
    "both": (manifest(CONFIG, manifests=[]), CONFIG, "is an index and a manifest at once"),
    "no-platform": (
        encoded({"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": []}),
        CONFIG,
        "has no image for linux/amd64",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_image_for_us_is_refused(served: Site, case: str) -> None:
    document, configuration, says = REFUSED[case]
    serve(served, "odd", document)
    served.answers[f"/v2/app/blobs/{digest(configuration)}"] = Answer(configuration)
    with pytest.raises((InputError, BuildStepError), match=says):
        resolved(served, ":odd")


@pytest.mark.parametrize("reference", ["oci:/x", "docker://debian", "A", "a b", "", "-x", "x@sha256:12"])
def test_what_is_no_reference_is_refused(reference: str) -> None:
    with pytest.raises(InputError, match="is no reference to an image in a registry"):
        registry.resolve(reference, SILENT)


def test_a_name_that_the_registry_does_not_have(served: Site) -> None:
    with pytest.raises(BuildStepError, match="cannot be had from the registry") as caught:
        resolved(served, ":none")
    assert "skopeo login" in (caught.value.hint or "")


def test_without_skopeo(served: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingToolError, match="skopeo is not installed"):
        resolved(served, ":one")
