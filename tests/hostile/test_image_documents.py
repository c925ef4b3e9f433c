"""Manifests, configurations and indexes that are wrong: each is refused, and the place is named."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from olos.errors import InputError
from olos.progress import SILENT
from olos_build.image import Image, open_oci_directory
from support.images import (
    OCI,
    Json,
    Options,
    config_of,
    file,
    manifest_of,
    oci_layout,
    put_blob,
    put_image,
    put_index,
    put_json,
    tar,
    with_manifest,
)

LAYER = tar(file("a", b"content" * 1000))
PLAIN = Options(compression="")


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    (tmp_path / "spool").mkdir()
    return tmp_path / "spool"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "image"


def open_it(folder: Path, spool: Path) -> Image:
    return open_oci_directory(folder, None, spool, SILENT)


# Manifests --------------------------------------------------------------------------------------------


def _set(*path: str | int, to: object) -> Callable[[Json], None]:
    def change(document: Any) -> None:
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = to

    return change


def _delete(key: str) -> Callable[[Json], None]:
    def change(document: Json) -> None:
        del document[key]

    return change


MANIFESTS: dict[str, tuple[Callable[[Json], None], str]] = {
    "no configuration": (_delete("config"), "config: missing"),
    "configuration of another kind": (
        _set("config", "mediaType", to="application/x"),
        "no container image but",
    ),
    "layers that are no list": (_set("layers", to={}), "layers: expected a list"),
    "layer that is no object": (_set("layers", to=["x"]), r"layers\[0\]: expected an object"),
    "no layer": (_set("layers", to=[]), "has 0 layers, its configuration speaks of 1"),
    "layer of another kind": (_set("layers", 0, "mediaType", to="application/x"), "is no layer"),
    "encrypted layer": (
        _set("layers", 0, "mediaType", to=f"{OCI}layer.v1.tar+gzip+encrypted"),
        "is no layer",
    ),
    "digest without algorithm": (_set("layers", 0, "digest", to="0" * 64), "no digest"),
    "digest that climbs": (_set("layers", 0, "digest", to="sha256:../../../etc/passwd"), "no digest"),
    "digest of an unknown algorithm": (_set("layers", 0, "digest", to="md5:" + "0" * 32), "no digest"),
    "upper-case digest": (_set("layers", 0, "digest", to="sha256:" + "A" * 64), "no digest"),
    "negative size": (_set("layers", 0, "size", to=-1), "-1 is not from 0"),
    "huge size": (_set("layers", 0, "size", to=2**63), "is not from 0"),
    "size in words": (_set("layers", 0, "size", to="5"), "expected a whole number"),
    "index and manifest at once": (_set("manifests", to=[]), "an index and a manifest at once"),
}


@pytest.mark.parametrize(("change", "message"), MANIFESTS.values(), ids=MANIFESTS)
def test_manifests(folder: Path, spool: Path, change: Callable[[Json], None], message: str) -> None:
    oci_layout(folder, [LAYER])
    manifest = manifest_of(folder)
    change(manifest)
    with_manifest(folder, manifest)
    with pytest.raises(InputError, match=message):
        open_it(folder, spool)


def test_a_manifest_that_says_it_is_something_else(folder: Path, spool: Path) -> None:
    oci_layout(folder, [LAYER])
    manifest = manifest_of(folder)
    put_index(folder, put_json(folder, manifest, f"{OCI}index.v1+json"))
    with pytest.raises(InputError, match="media type does not match"):
        open_it(folder, spool)


CONFIGS: dict[str, tuple[Json, str]] = {
    "no architecture": ({"architecture": None}, "architecture: missing"),
    "architecture that is a number": ({"architecture": 1}, "architecture: expected a string"),
    "no layers": ({"rootfs": None}, "rootfs: missing"),
    "layers of another kind": ({"rootfs": {"type": "x", "diff_ids": []}}, "'x' is none of layers"),
    "bad diff_id": ({"rootfs": {"type": "layers", "diff_ids": ["x"]}}, "diff_ids: 'x' is no digest"),
    "history that is no list": ({"history": {}}, "history: expected a list"),
    "history of strings": ({"history": ["x"]}, r"history\[0\]: expected an object"),
    "empty_layer in words": ({"history": [{"empty_layer": "yes"}]}, "expected true or false"),
    "config that is a list": ({"config": []}, "config: expected an object"),
    "entry point that is a string": ({"config": {"Entrypoint": "/app"}}, "Entrypoint: expected a list"),
    "command of numbers": ({"config": {"Cmd": [1]}}, r"Cmd\[0\]: expected a string"),
    "environment that is an object": ({"config": {"Env": {}}}, "Env: expected a list"),
    "NUL in the environment": ({"config": {"Env": ["A=\0"]}}, "NUL"),
    "lone surrogate": ({"config": {"User": "\ud800"}}, "lone surrogate"),
    "ports that are a list": ({"config": {"ExposedPorts": ["80"]}}, "ExposedPorts: expected an object"),
    "volumes that are a string": ({"config": {"Volumes": "/v"}}, "Volumes: expected an object"),
    "label that is a number": ({"config": {"Labels": {"a": 1}}}, "Labels.a: expected a string"),
    "user that is a number": ({"config": {"User": 0}}, "User: expected a string"),
}


@pytest.mark.parametrize(("fields", "message"), CONFIGS.values(), ids=CONFIGS)
def test_configurations(folder: Path, spool: Path, fields: Json, message: str) -> None:
    oci_layout(folder, [LAYER], config_of([LAYER], **fields))
    with pytest.raises(InputError, match=message):
        open_it(folder, spool)


TEXTS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "Expecting value"),
    "no JSON": (b"{", "index.json"),
    "not UTF-8": (b"\xff\xfe", "not UTF-8"),
    "a list": (b"[]", "expected an object"),
    "nested": (b"[" * 100_000, "nested too deeply"),
    "a long number": (b'{"manifests": ' + b"9" * 5000 + b"}", "index.json"),
    "twice": (b'{"manifests": [], "manifests": []}', "appears twice"),
    "no images": (b'{"manifests": []}', "no image for linux/amd64, but: none"),
    "nothing": (b"{}", "no image for linux/amd64, but: none"),
}


@pytest.mark.parametrize(("text", "message"), TEXTS.values(), ids=TEXTS)
def test_indexes(folder: Path, spool: Path, text: bytes, message: str) -> None:
    oci_layout(folder, [LAYER])
    (folder / "index.json").write_bytes(text)
    with pytest.raises(InputError, match=message):
        open_it(folder, spool)


def test_indexes_of_indexes(folder: Path, spool: Path) -> None:
    descriptor = put_image(folder, [LAYER])
    media_type = f"{OCI}index.v1+json"
    for _ in range(5):
        descriptor = put_json(folder, {"mediaType": media_type, "manifests": [descriptor]}, media_type)
    with pytest.raises(InputError, match="no image manifest"):
        open_it(put_index(folder, descriptor), spool)


def test_other_versions_of_the_layout(folder: Path, spool: Path) -> None:
    oci_layout(folder, [LAYER])
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "2.0.0"}')
    with pytest.raises(InputError, match="'2.0.0' is none of 1.0.0"):
        open_it(folder, spool)


# Fuzzing ----------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["linux", "layers"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["config", "rootfs", "diff_ids", "history", "Env", "Cmd", "Labels", "type", "os"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(
    config=JSON,
    key=st.sampled_from(["config", "rootfs", "history", "os", "architecture"]),
    whole=st.booleans(),
)
def test_any_configuration_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, config: Json, key: str, whole: bool
) -> None:
    folder = tmp_path_factory.mktemp("image")
    document = config if whole else config_of([LAYER], **{key: config})
    descriptor = put_json(folder, document, f"{OCI}config.v1+json")
    layer = put_blob(folder, LAYER, f"{OCI}layer.v1.tar")
    with_manifest(folder, {"config": descriptor, "layers": [layer]})
    try:
        image = open_it(folder, folder)
    except InputError:
        return
    finally:
        shutil.rmtree(folder)
    assert len(image.layers) == 1
