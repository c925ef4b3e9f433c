"""The lock file: strict reading, one way of writing, and what differs between two."""

import json
from dataclasses import replace
from typing import Any

import pytest

from olos.digest import Digest
from olos.errors import InputError
from olos_build.lock import (
    Change,
    Document,
    Lock,
    LockedCommit,
    LockedDownload,
    LockedFile,
    LockedImage,
    Package,
    changes,
)

MEDIA_TYPE = "application/vnd.oci.image.manifest.v1+json"


def digest(text: str) -> Digest:
    return Digest.sha256(text.encode())


IMAGE = LockedImage(
    reference="debian:12",
    name="docker.io/library/debian",
    index=Document(digest("index"), "application/vnd.oci.image.index.v1+json"),
    manifest=Document(digest("manifest"), MEDIA_TYPE),
    config=digest("config"),
    layers=(digest("one"), digest("two")),
)
LOCK = Lock(
    images=(IMAGE, replace(IMAGE, reference="localhost:5000/a/b", name="localhost:5000/a/b", index=None)),
    downloads=(LockedDownload("https://example.org/x?y=z", digest("x"), 17),),
    commits=(LockedCommit("https://example.org/x.git#main", "0123456789" * 4),),
    kernel=(
        LockedFile("kernel/libc.so.6", digest("libc"), Package("libc6", "2.36-9+deb12u14")),
        LockedFile("kernel/linux", digest("linux")),
    ),
    crt=(LockedFile("crt/initramfs.cpio", digest("crt")),),
    builder="buildah",
    builder_version="1.28.2",
    olos_version="0.1.0",
    source_date_epoch=7,
)


def document() -> Any:
    return json.loads(LOCK.encode())


def test_what_is_written_is_read() -> None:
    data = LOCK.encode()
    assert Lock.decode(data, where="lock") == LOCK
    assert data == json.dumps(document(), indent=2, sort_keys=True).encode() + b"\n"
    assert max(len(line) for line in data.splitlines()) < 110


def test_order_and_blanks_do_not_matter_to_a_reader() -> None:
    top = document()
    for key in ("images", "kernel"):
        top[key].reverse()
    shuffled = dict(reversed(top.items()))
    assert Lock.decode(json.dumps(shuffled).encode(), where="lock").encode() == LOCK.encode()


def edited(*path: Any, value: Any = None) -> bytes:
    """The lock with one value replaced."""
    top = document()
    place = top
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return json.dumps(top).encode()


def without(*path: Any) -> bytes:
    top = document()
    place = top
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return json.dumps(top).encode()


def twice(key: str) -> bytes:
    top = document()
    top[key].append(top[key][0])
    return json.dumps(top).encode()


WRONG = {
    "no-json": (b"{", "lock: Expecting"),
    "a-list": (b"[]", "lock: expected an object"),
    "no-schema": (without("schema"), "is no lock: it has no schema 'olos-lock/1'"),
    "other-schema": (edited("schema", value="olos-lock/2"), "is no lock"),
    "unknown-key": (edited("extra", value=1), "lock.extra: unknown key"),
    "repeated-key": (LOCK.encode().replace(b"{", b'{"schema": "olos-lock/1",', 1), "appears twice"),
    "no-images": (without("images"), "lock.images: missing"),
    "other-platform": (edited("platform", value="linux/arm64"), "lock.platform: 'linux/arm64' is none of"),
    "image-twice": (twice("images"), r"images\[2\]: 'debian:12' stands twice"),
    "download-twice": (twice("downloads"), "stands twice"),
    "image-no-index": (without("images", 0, "index"), r"images\[0\].index: missing"),
    "image-unknown": (edited("images", 0, "x", value=""), r"images\[0\].x: unknown key"),
    "manifest-digest": (edited("images", 0, "manifest", "digest", value="sha256:12"), "is no digest"),
    "manifest-unknown": (edited("images", 0, "manifest", "x", value=1), "manifest.x: unknown key"),
    "other-repository": (
        edited("images", 0, "name", value="evil.example/debian"),
        "'evil.example/debian' is not what the reference stands for",
    ),
    "no-reference": (edited("images", 0, "reference", value="oci:x y"), "is not what the reference stands"),
    "many-layers": (edited("images", 0, "layers", value=[str(digest("x"))] * 513), "more than 512 layers"),
    "download-size": (edited("downloads", 0, "size", value=-1), "-1 is not from 0"),
    "download-sha256": (edited("downloads", 0, "sha256", value="AB" * 32), "not 64 lower-case"),
    "commit": (edited("commits", 0, "commit", value="main"), "'main' is no commit"),
    "package": (edited("kernel", 0, "package", value="libc6"), "package: expected an object"),
    "builder": (edited("builder", "x", value=1), "lock.builder.x: unknown key"),
    "epoch": (edited("source_date_epoch", value=True), "expected a whole number"),
    "fraction": (edited("source_date_epoch", value=0.5), "0.5 is not an integer"),
}


@pytest.mark.parametrize("case", WRONG)
def test_anything_else_is_refused(case: str) -> None:
    data, says = WRONG[case]
    with pytest.raises(InputError, match=says):
        Lock.decode(data, where="lock")


def test_the_same_has_no_changes() -> None:
    assert changes(LOCK, replace(LOCK)) == ()


def test_an_image_that_moved_is_one_change() -> None:
    moved = replace(
        IMAGE,
        manifest=Document(digest("new"), MEDIA_TYPE),
        index=None,
        config=digest("new config"),
        layers=(digest("three"),),
    )
    assert changes(LOCK, replace(LOCK, images=(moved, LOCK.images[1]))) == (
        Change("image debian:12", str(digest("manifest")), str(digest("new"))),
    )


CHANGES = {
    "index-alone": (
        replace(LOCK, images=(replace(IMAGE, index=Document(digest("i"), "x")), LOCK.images[1])),
        Change("index of image debian:12", str(digest("index")), str(digest("i"))),
    ),
    "edited-layers": (
        replace(LOCK, images=(replace(IMAGE, layers=()), LOCK.images[1])),
        Change("layers of image debian:12", f"{digest('one')}, {digest('two')}", "none"),
    ),
    "new": (
        replace(LOCK, downloads=(*LOCK.downloads, LockedDownload("http://b/c", digest("c"), 3))),
        Change("download http://b/c", None, f"{digest('c')} (3 bytes)"),
    ),
    "gone": (
        replace(LOCK, commits=()),
        Change("git https://example.org/x.git#main", "0123456789" * 4, None),
    ),
    "kernel": (
        replace(LOCK, kernel=(LOCK.kernel[0], LockedFile("kernel/linux", digest("other")))),
        Change("kernel/linux", str(digest("linux")), str(digest("other"))),
    ),
    "package": (
        replace(
            LOCK, kernel=(LOCK.kernel[0], LockedFile("kernel/linux", digest("linux"), Package("u", "1")))
        ),
        Change("package of kernel/linux", "none", "u 1"),
    ),
    "builder": (replace(LOCK, builder_version="2"), Change("builder", "buildah 1.28.2", "buildah 2")),
    "epoch": (replace(LOCK, source_date_epoch=8), Change("source_date_epoch", "7", "8")),
}


@pytest.mark.parametrize("case", CHANGES)
def test_changes(case: str) -> None:
    new, change = CHANGES[case]
    assert changes(LOCK, new) == (change,)
