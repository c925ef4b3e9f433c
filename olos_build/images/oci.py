"""OCI image layouts: index → manifest → configuration and layers (OCI image specification 1.1).

Docker's media types are taken too. Every document but the index is verified against the digest that
led to it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from olos.canonical import parse
from olos.digest import Digest
from olos.errors import InputError
from olos.fields import Fields
from olos_build.images.config import ARCHITECTURE, OS, parse_config, present
from olos_build.images.folder import Folder, document, require, small
from olos_build.images.model import Image
from olos_build.images.spool import Blob, Spool, mismatch

LAYOUT, INDEX = "oci-layout", "index.json"
MAX_LAYERS = 512

_OCI, _DOCKER = "application/vnd.oci.image.", "application/vnd.docker."
_INDEX_TYPES = (f"{_OCI}index.v1+json", f"{_DOCKER}distribution.manifest.list.v2+json")
_MANIFEST_TYPES = (f"{_OCI}manifest.v1+json", f"{_DOCKER}distribution.manifest.v2+json")
_CONFIG_TYPES = (f"{_OCI}config.v1+json", f"{_DOCKER}container.image.v1+json")
_LAYER_TYPES = frozenset(
    [
        f"{_OCI}layer.{kind}v1.tar{suffix}"
        for kind in ("", "nondistributable.")
        for suffix in ("", "+gzip", "+zstd")
    ]
    + [
        f"{_DOCKER}image.rootfs.{kind}.tar{suffix}"
        for kind in ("diff", "foreign.diff")
        for suffix in ("", ".gzip", ".zstd")
    ]
)
_REF_NAME = "org.opencontainers.image.ref.name"
_ATTESTATION = "vnd.docker.reference.type"
_MAX_NESTING = 3
_MAX_BLOB = 2**53 - 1


@dataclass(frozen=True)
class Descriptor:
    """What points to a blob: its media type, digest and size in bytes, and how it is chosen."""

    media_type: str
    digest: Digest
    size: int
    platform: str = ""
    tag: str | None = None
    attestation: bool = False


def read_image(folder: Folder, tag: str | None, spool: Spool) -> Image:
    """The image in a layout, by its tag if there are several. Raises InputError."""
    layout = present(document(folder, LAYOUT), f"{folder.origin}: {LAYOUT}")
    layout.choice("imageLayoutVersion", ("1.0.0",))
    where = f"{folder.origin}: {INDEX}"
    candidates = _descriptors(present(document(folder, INDEX), where), "manifests")
    chosen = _by_platform(_by_tag(candidates, tag, where), where)
    for _ in range(_MAX_NESTING):
        if chosen.media_type not in _INDEX_TYPES:
            break
        where = f"{folder.origin}: index {chosen.digest}"
        index = _typed(folder, chosen, where)
        chosen = _by_platform(_descriptors(index, "manifests"), where)
    return _image(folder, chosen, spool)


def chosen_manifest(data: bytes, where: str) -> Descriptor | None:
    """The manifest that an index names for linux/amd64; None if `data` is itself a manifest.

    Raises InputError, naming `where`, if it is neither, or if there is no such manifest.
    """
    if media_type_of(data, where) not in _INDEX_TYPES:
        return None
    return _by_platform(_descriptors(_alone(data, where), "manifests"), where)


def parts_of_manifest(data: bytes, where: str) -> tuple[Descriptor, tuple[Descriptor, ...]]:
    """The configuration and the layers that a manifest names. Raises InputError, naming `where`."""
    manifest = _alone(data, where)
    config = _descriptor(manifest.raw("config"), manifest.where("config"))
    if config.media_type not in _CONFIG_TYPES:
        raise InputError(f"{where}: is no container image but {config.media_type[:100]!r}")
    return config, _descriptors(manifest, "layers")


def media_type_of(data: bytes, where: str) -> str:
    """The media type of a manifest or index; OCI's where it does not say. Raises InputError."""
    fields = _alone(data, where)
    kind = "index" if "manifests" in fields else "manifest"
    media_type = fields.text("mediaType") if "mediaType" in fields else f"{_OCI}{kind}.v1+json"
    if media_type not in (_INDEX_TYPES if kind == "index" else _MANIFEST_TYPES):
        raise InputError(
            f"{where}: {media_type[:100]!r} is no image manifest or index of OCI or Docker (schema 2)"
        )
    return media_type


def _alone(data: bytes, where: str) -> Fields:
    fields = present(parse(data, where=where), where)
    if "manifests" in fields and ("layers" in fields or "config" in fields):
        raise InputError(f"{where}: is an index and a manifest at once")
    return fields


def _image(folder: Folder, descriptor: Descriptor, spool: Spool) -> Image:
    where = f"{folder.origin}: manifest {descriptor.digest}"
    if descriptor.media_type not in _MANIFEST_TYPES:
        raise InputError(
            f"{where}: {descriptor.media_type[:100]!r} is no image manifest of OCI or Docker (schema 2)"
        )
    manifest = _typed(folder, descriptor, where)
    config_at = _descriptor(manifest.raw("config"), manifest.where("config"))
    if config_at.media_type not in _CONFIG_TYPES:
        raise InputError(f"{where}: is no container image but {config_at.media_type[:100]!r}")
    data = _verified(folder, config_at, f"{folder.origin}: configuration {config_at.digest}")
    config, diff_ids = parse_config(data, f"{folder.origin}: configuration")
    layers = _descriptors(manifest, "layers")
    check_layers(len(layers), len(diff_ids), where)
    return Image(
        config=config,
        config_digest=config_at.digest,
        manifest_digest=descriptor.digest,
        layers=tuple(
            spool.layer(_layer_blob(folder, layer), diff_id)
            for layer, diff_id in zip(layers, diff_ids, strict=True)
        ),
    )


def check_layers(layers: int, diff_ids: int, where: str) -> None:
    """Raise InputError if manifest and configuration disagree, or there are too many layers."""
    if layers != diff_ids:
        raise InputError(f"{where}: has {layers} layers, its configuration speaks of {diff_ids}")
    if layers > MAX_LAYERS:
        raise InputError(f"{where}: has {layers} layers, more than {MAX_LAYERS}")


def _layer_blob(folder: Folder, descriptor: Descriptor) -> Blob:
    name = f"{folder.origin}: layer {descriptor.digest}"
    if descriptor.media_type not in _LAYER_TYPES:
        raise InputError(f"{name}: {descriptor.media_type[:100]!r} is no layer that can be read")
    return _blob(folder, descriptor, name)


def _blob(folder: Folder, descriptor: Descriptor, name: str) -> Blob:
    extent = require(folder, f"blobs/{descriptor.digest.algorithm}/{descriptor.digest.hex}")
    if extent.size != descriptor.size:
        raise mismatch(f"{name}: size", descriptor.size, extent.size)
    return Blob(name, extent, descriptor.digest)


def _typed(folder: Folder, descriptor: Descriptor, where: str) -> Fields:
    """A manifest or index. One that could be read as either is refused, as the specification asks."""
    fields = present(parse(_verified(folder, descriptor, where), where=where), where)
    if "mediaType" in fields and fields.text("mediaType") != descriptor.media_type:
        raise mismatch(f"{where}: media type", descriptor.media_type, fields.text("mediaType"))
    if "manifests" in fields and ("layers" in fields or "config" in fields):
        raise InputError(f"{where}: is an index and a manifest at once")
    return fields


def _verified(folder: Folder, descriptor: Descriptor, where: str) -> bytes:
    blob = _blob(folder, descriptor, where)
    data = small(blob.extent, where)
    actual = digest_of(data, descriptor.digest.algorithm)
    if actual != descriptor.digest:
        raise mismatch(f"{where}: digest", descriptor.digest, actual)
    return data


def _descriptors(fields: Fields, key: str) -> tuple[Descriptor, ...]:
    items = fields.items(key) if key in fields else []
    return tuple(_descriptor(item, f"{fields.where(key)}[{i}]") for i, item in enumerate(items))


def _descriptor(value: object, where: str) -> Descriptor:
    fields = present(value, where)
    notes = present(fields.raw("annotations") if "annotations" in fields else {}, fields.where("annotations"))
    return Descriptor(
        media_type=fields.text("mediaType"),
        digest=Digest.parse(fields.text("digest"), where=fields.where("digest")),
        size=fields.number("size", 0, _MAX_BLOB),
        platform=_platform(fields),
        tag=notes.text(_REF_NAME) if _REF_NAME in notes else None,
        attestation=_ATTESTATION in notes,
    )


def _platform(fields: Fields) -> str:
    """`os/architecture`, with the variant if there is one, empty if the descriptor does not say."""
    if "platform" not in fields:
        return ""
    platform = present(fields.raw("platform"), fields.where("platform"))
    parts = [platform.text("os"), platform.text("architecture")]
    if "variant" in platform and platform.text("variant"):
        parts.append(platform.text("variant"))
    return "/".join(parts)


def _by_tag(candidates: tuple[Descriptor, ...], tag: str | None, where: str) -> tuple[Descriptor, ...]:
    tags = {candidate.tag for candidate in candidates}
    if tag is None and len(tags) <= 1:
        return candidates
    found = tuple(candidate for candidate in candidates if candidate.tag == tag)
    if tag is None or not found:
        known = ", ".join(sorted(repr(name[:80]) for name in tags if name)) or "none"
        problem = "holds several images" if tag is None else f"has no image with tag {tag[:80]!r}"
        raise InputError(f"{where}: {problem}", hint=f"tags that are there: {known}")
    return found


def _by_platform(candidates: tuple[Descriptor, ...], where: str) -> Descriptor:
    images = [candidate for candidate in candidates if not candidate.attestation]
    if len(images) == 1 and not images[0].platform:
        return images[0]
    wanted = f"{OS}/{ARCHITECTURE}"
    # Without a variant is the baseline; the higher ones need a newer processor.
    for platform in (wanted, f"{wanted}/v1", f"{wanted}/v2"):
        for image in images:
            if image.platform == platform:
                return image
    there = ", ".join(sorted({image.platform[:80] or "no platform" for image in images})) or "none"
    raise InputError(
        f"{where}: has no image for {wanted}, but: {there}", hint=f"get it with --platform {wanted}"
    )


def digest_of(data: bytes, algorithm: str) -> Digest:
    """The digest of some bytes."""
    return Digest(algorithm, hashlib.new(algorithm, data).digest())
