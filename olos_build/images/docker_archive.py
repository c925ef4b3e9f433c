"""What `docker save` writes: `manifest.json`, a configuration and layers by name (Docker image spec 1.2)."""

from __future__ import annotations

import re

from olos.digest import Digest
from olos.errors import InputError
from olos.fields import Fields
from olos_build.images.config import parse_config, present
from olos_build.images.folder import Folder, document, require, small
from olos_build.images.model import Image
from olos_build.images.oci import check_layers
from olos_build.images.spool import Blob, Spool, mismatch

MANIFEST = "manifest.json"
_HASH_NAME = re.compile(r"(?:blobs/sha256/)?([0-9a-f]{64})(?:\.json)?")


def read_image(folder: Folder, tag: str | None, spool: Spool) -> Image:
    """The image in an archive, by its tag if there are several. Raises InputError."""
    where = f"{folder.origin}: {MANIFEST}"
    chosen = _choose(_images(document(folder, MANIFEST), where), tag, where)
    name, layers = chosen.text("Config"), chosen.texts("Layers") if "Layers" in chosen else ()
    data = small(require(folder, name), f"{folder.origin}: configuration")
    digest = Digest.sha256(data)
    match = _HASH_NAME.fullmatch(name)
    if match and match[1] != digest.hex:
        raise mismatch(f"{folder.origin}: digest of the configuration", f"sha256:{match[1]}", digest)
    config, diff_ids = parse_config(data, f"{folder.origin}: configuration")
    check_layers(len(layers), len(diff_ids), where)
    return Image(
        config=config,
        config_digest=digest,
        manifest_digest=None,
        layers=tuple(
            spool.layer(Blob(f"{folder.origin}: layer {layer[:150]}", require(folder, layer)), diff_id)
            for layer, diff_id in zip(layers, diff_ids, strict=True)
        ),
    )


def _images(value: object, where: str) -> list[Fields]:
    if not isinstance(value, list):
        raise InputError(f"{where}: expected a list of images")
    return [present(item, f"{where}[{index}]") for index, item in enumerate(value)]


def _choose(images: list[Fields], tag: str | None, where: str) -> Fields:
    found = [image for image in images if tag is None or _has(image, tag)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(name[:150] for image in images for name in _tags(image)) or "none"
    problem = "holds no image" if not images else f"holds {len(images)} images"
    if tag is not None:
        problem = (
            f"has no image with tag {tag[:80]!r}"
            if not found
            else f"has several images with tag {tag[:80]!r}"
        )
    raise InputError(f"{where}: {problem}", hint=f"tags that are there: {known}")


def _has(image: Fields, tag: str) -> bool:
    """Whether an image has the reference `name:tag`, or the tag alone."""
    return any(name == tag or name.rpartition(":")[2] == tag for name in _tags(image))


def _tags(image: Fields) -> tuple[str, ...]:
    return image.texts("RepoTags") if "RepoTags" in image else ()
