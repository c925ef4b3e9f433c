"""Opening images in every form, written by these tests and by other programs."""

import gzip
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from olos.digest import Digest
from olos.errors import InputError
from olos.progress import SILENT
from olos_build.image import History, Image, open_archive, open_oci_directory
from olos_build.merge import merge
from support.images import (
    COMPRESSIONS,
    OCI,
    Json,
    Options,
    archive_of,
    config_of,
    content_of,
    directory,
    docker_archive,
    file,
    oci_layout,
    put_image,
    put_index,
    put_json,
    tar,
    whiteout,
)
from support.progress import Recorder

LAYERS = [
    tar(directory("d"), file("d/a", b"lower" * 500)),
    tar(whiteout("d/a"), file("d/b", b"upper")),
]
NAMES = [b"", b"d", b"d/b"]
RUN: Json = {
    "Entrypoint": ["/app"],
    "Cmd": ["-v"],
    "Env": ["A=1", "B=2"],
    "WorkingDir": "/work",
    "User": "app",
    "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
    "StopSignal": "SIGINT",
    "Volumes": {"/v": {}, "/data": {}},
    "Healthcheck": {"Test": ["CMD", "true"], "Interval": 30000000000},
    "Labels": {"b": "2", "a": "1"},
    "OnBuild": None,
    "ArgsEscaped": True,
}


def check(image: Image, layers: list[bytes] = LAYERS) -> None:
    """The image has the layers and what is in them."""
    assert [layer.diff_id for layer in image.layers] == [Digest.sha256(layer) for layer in layers]
    assert [layer.extent.read(1 << 20) for layer in image.layers] == layers
    tree = merge(image.layers, SILENT)
    assert list(tree) == NAMES
    assert content_of(tree[b"d/b"]) == b"upper"


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    (tmp_path / "spool").mkdir()
    return tmp_path / "spool"


@pytest.mark.parametrize("docker_types", [False, True], ids=["oci", "docker"])
@pytest.mark.parametrize("compression", ["", "gzip", "zstd"])
def test_oci_directory(tmp_path: Path, spool: Path, compression: str, docker_types: bool) -> None:
    folder = oci_layout(
        tmp_path / "x", LAYERS, options=Options(compression=compression, docker_types=docker_types)
    )
    image = open_oci_directory(folder, None, spool, SILENT)
    check(image)
    assert bool(list(spool.iterdir())) == bool(compression), "what is not compressed stays where it is"
    manifest = json.loads((folder / "index.json").read_text())["manifests"][0]
    assert str(image.manifest_digest) == manifest["digest"]
    check(open_oci_directory(folder, "latest", spool, SILENT) if not compression else image)


def test_oci_archive(tmp_path: Path, spool: Path) -> None:
    oci_layout(tmp_path / "x", LAYERS)
    check(open_archive(archive_of(tmp_path / "x", tmp_path / "x.tar"), spool, SILENT))


def test_docker_archive(tmp_path: Path, spool: Path) -> None:
    path = docker_archive(tmp_path / "x.tar", LAYERS)
    image = open_archive(path, spool, SILENT)
    check(image)
    assert image.manifest_digest is None
    assert not list(spool.iterdir())
    for tag in ("app:latest", "latest"):
        check(open_archive(path, spool, SILENT, tag))


@pytest.mark.parametrize("compress", ["gzip", "zstd"])
def test_compressed_archive(tmp_path: Path, spool: Path, compress: str) -> None:
    path = docker_archive(tmp_path / "x.tar", LAYERS)
    path.write_bytes(COMPRESSIONS[compress](path.read_bytes()))
    check(open_archive(path, spool, SILENT))


def test_gzip_of_several_members(tmp_path: Path, spool: Path) -> None:
    """As pigz and stargz write it."""
    data = LAYERS[0]
    folder = tmp_path / "x"
    parts = b"".join(gzip.compress(data[start : start + 512]) for start in range(0, len(data), 512))
    descriptor = put_image(folder, LAYERS, options=Options(compression=""))
    manifest = json.loads((folder / "blobs/sha256" / descriptor["digest"][7:]).read_text())
    blob = put_blob_raw(folder, parts)
    manifest["layers"][0] = {"mediaType": f"{OCI}layer.v1.tar+gzip", **blob}
    put_index(folder, put_json(folder, manifest, descriptor["mediaType"]))
    check(open_oci_directory(folder, None, spool, SILENT))


def put_blob_raw(folder: Path, data: bytes) -> Json:
    digest = Digest.sha256(data)
    (folder / "blobs/sha256" / digest.hex).write_bytes(data)
    return {"digest": str(digest), "size": len(data)}


def test_config(tmp_path: Path, spool: Path) -> None:
    config = config_of(
        LAYERS,
        RUN,
        created="2020-01-01T00:00:00Z",
        history=[{"created_by": "COPY"}, {"created_by": "ENV", "empty_layer": True}, {"comment": "?"}],
    )
    image = open_oci_directory(oci_layout(tmp_path / "x", LAYERS, config), None, spool, SILENT)
    found = image.config
    assert (found.entrypoint, found.cmd, found.env) == (("/app",), ("-v",), ("A=1", "B=2"))
    assert (found.working_dir, found.user, found.stop_signal) == ("/work", "app", "SIGINT")
    assert (found.exposed_ports, found.volumes) == (("53/udp", "80/tcp"), ("/data", "/v"))
    assert (found.healthcheck, found.labels) == (True, (("a", "1"), ("b", "2")))
    assert found.history == (History("COPY", False), History("ENV", True), History("", False))
    assert image.config_digest == Digest.sha256(json.dumps(config).encode())


@pytest.mark.parametrize("run", [None, {}, dict.fromkeys(RUN)], ids=["missing", "empty", "null"])
def test_config_that_says_nothing(tmp_path: Path, spool: Path, run: Json | None) -> None:
    config = config_of(LAYERS)
    config["config"] = run
    found = open_oci_directory(oci_layout(tmp_path / "x", LAYERS, config), None, spool, SILENT).config
    assert (found.entrypoint, found.cmd, found.env, found.user) == (None, None, (), "")
    assert (found.exposed_ports, found.volumes, found.healthcheck, found.labels) == ((), (), False, ())


@pytest.mark.parametrize(
    ("check_", "expected"),
    [({"Test": ["NONE"]}, False), ({"Test": []}, False), ({}, False), ({"Test": ["CMD-SHELL", "x"]}, True)],
)
def test_healthcheck(tmp_path: Path, spool: Path, check_: Json, expected: bool) -> None:
    config = config_of(LAYERS, {"Healthcheck": check_})
    folder = oci_layout(tmp_path / "x", LAYERS, config)
    assert open_oci_directory(folder, None, spool, SILENT).config.healthcheck is expected


def test_image_without_layers(tmp_path: Path, spool: Path) -> None:
    assert open_oci_directory(oci_layout(tmp_path / "x", []), None, spool, SILENT).layers == ()


def test_one_blob_twice_is_unpacked_once(tmp_path: Path, spool: Path) -> None:
    folder = oci_layout(tmp_path / "x", [LAYERS[0], LAYERS[1], LAYERS[0]])
    assert len(open_oci_directory(folder, None, spool, SILENT).layers) == 3
    assert len(list(spool.iterdir())) == 2


def test_progress_is_reported_in_bytes(tmp_path: Path, spool: Path) -> None:
    progress = Recorder()
    open_oci_directory(oci_layout(tmp_path / "x", LAYERS), None, spool, progress)
    assert len(progress.tasks) == 2
    for task in progress.tasks:
        assert sum(task.steps) == task.total


# Choosing ---------------------------------------------------------------------------------------------


def _platform(descriptor: Json, system: str, architecture: str, **more: str) -> Json:
    return {**descriptor, "platform": {"os": system, "architecture": architecture, **more}}


def _images(folder: Path) -> tuple[Json, Json, Json]:
    """Descriptors of a right image, one for another machine and an attestation."""
    plain = Options(tag=None)
    right = put_image(folder, LAYERS, options=plain)
    foreign = put_image(folder, LAYERS, config_of(LAYERS, architecture="arm64"), plain)
    note = put_image(folder, [], config_of([], os="unknown"), plain)
    note["annotations"] = {"vnd.docker.reference.type": "attestation-manifest"}
    return right, foreign, note


INDEXES: dict[str, Callable[[Json, Json, Json], list[Json]]] = {
    "one": lambda right, foreign, note: [right],
    "one with an attestation": lambda right, foreign, note: [right, note],
    "several platforms": lambda right, foreign, note: [
        _platform(foreign, "linux", "arm64", variant="v8"),
        _platform(right, "linux", "amd64"),
        _platform(note, "unknown", "unknown"),
    ],
    "baseline before a variant": lambda right, foreign, note: [
        _platform(foreign, "linux", "amd64", variant="v3"),
        _platform(right, "linux", "amd64"),
    ],
}


@pytest.mark.parametrize("choose", INDEXES.values(), ids=INDEXES)
@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
def test_platforms(tmp_path: Path, spool: Path, choose: Callable[..., list[Json]], nested: bool) -> None:
    folder = tmp_path / "x"
    manifests = choose(*_images(folder))
    if nested:
        media_type = f"{OCI}index.v1+json"
        index = {"schemaVersion": 2, "mediaType": media_type, "manifests": manifests}
        manifests = [put_json(folder, index, media_type)]
    check(open_oci_directory(put_index(folder, *manifests), None, spool, SILENT))


def test_no_image_for_this_machine(tmp_path: Path, spool: Path) -> None:
    folder = tmp_path / "x"
    _, foreign, note = _images(folder)
    put_index(
        folder, _platform(foreign, "linux", "arm64", variant="v8"), _platform(foreign, "linux", "s390x"), note
    )
    with pytest.raises(InputError, match="no image for linux/amd64, but: linux/arm64/v8, linux/s390x"):
        open_oci_directory(folder, None, spool, SILENT)


@pytest.mark.parametrize(("system", "architecture"), [("linux", "arm64"), ("windows", "amd64")])
def test_foreign_configuration(tmp_path: Path, spool: Path, system: str, architecture: str) -> None:
    folder = oci_layout(tmp_path / "x", LAYERS, config_of(LAYERS, os=system, architecture=architecture))
    with pytest.raises(InputError, match=f"for {system}/{architecture}, not for linux/amd64"):
        open_oci_directory(folder, None, spool, SILENT)


def test_tags(tmp_path: Path, spool: Path) -> None:
    folder = tmp_path / "x"
    other = [tar(file("other"))]
    put_index(folder, put_image(folder, other, options=Options(tag="one")), put_image(folder, LAYERS))
    check(open_oci_directory(folder, "latest", spool, SILENT))
    for tag, message in ((None, "several images"), ("two", "no image with tag 'two'")):
        with pytest.raises(InputError, match=message) as caught:
            open_oci_directory(folder, tag, spool, SILENT)
        assert caught.value.hint == "tags that are there: 'latest', 'one'"


def test_tags_of_a_docker_archive(tmp_path: Path, spool: Path) -> None:
    path = docker_archive(tmp_path / "x.tar", LAYERS, tags=["a:1", "b:2"])
    check(open_archive(path, spool, SILENT, "b:2"))
    with pytest.raises(InputError, match="no image with tag 'c'") as caught:
        open_archive(path, spool, SILENT, "c")
    assert caught.value.hint == "tags that are there: a:1, b:2"


# Other programs write them ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "source"),
    [
        ("oci-archive", "x.tar:app:1"),
        ("docker-archive", "x.tar:app:1"),
        ("oci", "y:1"),
        ("oci", "y"),
    ],
    ids=["oci-archive", "docker-archive", "oci with a tag", "oci without a tag"],
)
def test_images_that_skopeo_wrote(tmp_path: Path, spool: Path, form: str, source: str) -> None:
    folder = oci_layout(tmp_path / "x", LAYERS, config_of(LAYERS, RUN))
    command = [
        "skopeo",
        "--insecure-policy",
        "copy",
        "-q",
        f"oci:{folder}:latest",
        f"{form}:{tmp_path}/{source}",
    ]
    subprocess.run(command, check=True)
    shutil.rmtree(folder)
    if form == "oci":
        tag = "1" if source.endswith(":1") else None
        image = open_oci_directory(tmp_path / "y", tag, spool, SILENT)
    else:
        image = open_archive(tmp_path / "x.tar", spool, SILENT)
    check(image)
    assert image.config.entrypoint == ("/app",)


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_images_that_skopeo_compressed(tmp_path: Path, spool: Path, compression: str) -> None:
    folder = oci_layout(tmp_path / "x", LAYERS, options=Options(compression=""))
    command = ["skopeo", "--insecure-policy", "copy", "-q", "--dest-compress-format", compression]
    command += ["--dest-compress", f"oci:{folder}:latest", f"oci:{tmp_path}/y:1"]
    subprocess.run(command, check=True)
    check(open_oci_directory(tmp_path / "y", None, spool, SILENT))


def test_an_image_that_umoci_wrote(tmp_path: Path, spool: Path) -> None:
    layout = tmp_path / "x"
    (tmp_path / "rootfs/d").mkdir(parents=True)
    (tmp_path / "rootfs/d/b").write_bytes(b"upper")
    for command in (
        ["init", "--layout", layout],
        ["new", "--image", f"{layout}:app"],
        ["insert", "--image", f"{layout}:app", tmp_path / "rootfs", "/"],
        ["config", "--image", f"{layout}:app", "--config.entrypoint", "/app"],
    ):
        subprocess.run(["umoci", *command], check=True, capture_output=True)
    image = open_oci_directory(layout, "app", spool, SILENT)
    assert list(merge(image.layers, SILENT)) == NAMES
    assert image.config.entrypoint == ("/app",)
