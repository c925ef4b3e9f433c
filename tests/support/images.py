"""Images for tests: layers written by the standard library's tarfile, OCI layouts, docker archives."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from olos.digest import Digest
from olos.extent import Extent
from olos.progress import Silent
from olos.tree import Inode
from olos_build.image import Layer

Item = tuple[tarfile.TarInfo, bytes]
Json = dict[str, Any]

OCI = "application/vnd.oci.image."


class Recorder(Silent):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.warnings: list[tuple[str, str]] = []

    def warn(self, name: str, text: str) -> None:
        self.warnings.append((name, text))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.warnings]


def item(name: str, kind: bytes, data: bytes = b"", **fields: Any) -> Item:
    """Any entry; `fields` are attributes of TarInfo, `xattrs` a mapping of names to text."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(data)
    xattrs: Mapping[str, str] = fields.pop("xattrs", {})
    info.pax_headers = {f"SCHILY.xattr.{key}": value for key, value in xattrs.items()}
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def file(name: str, data: bytes = b"", **fields: Any) -> Item:
    return item(name, tarfile.REGTYPE, data, **{"mode": 0o644, **fields})


def directory(name: str, **fields: Any) -> Item:
    return item(name, tarfile.DIRTYPE, **{"mode": 0o755, **fields})


def symlink(name: str, target: str, **fields: Any) -> Item:
    return item(name, tarfile.SYMTYPE, linkname=target, **{"mode": 0o777, **fields})


def hardlink(name: str, target: str, **fields: Any) -> Item:
    return item(name, tarfile.LNKTYPE, linkname=target, **{"mode": 0o644, **fields})


def device(name: str, kind: bytes, major: int, minor: int, **fields: Any) -> Item:
    return item(name, kind, devmajor=major, devminor=minor, **{"mode": 0o600, **fields})


def fifo(name: str, **fields: Any) -> Item:
    return item(name, tarfile.FIFOTYPE, **{"mode": 0o644, **fields})


def whiteout(path: str) -> Item:
    folder, _, name = path.rpartition("/")
    return file(f"{folder}/.wh.{name}" if folder else f".wh.{name}")


def opaque(path: str) -> Item:
    return file(f"{path}/.wh..wh..opq" if path else ".wh..wh..opq")


def tar(*items: Item, form: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for info, data in items:
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def write_layer(path: Path, data: bytes) -> Layer:
    """A layer as `merge` takes it."""
    path.write_bytes(data)
    return Layer(Extent(path, 0, len(data)), Digest.sha256(data))


def write_layers(folder: Path, *layers: Sequence[Item]) -> list[Layer]:
    return [write_layer(folder / f"{number}.tar", tar(*items)) for number, items in enumerate(layers)]


def content_of(inode: Inode) -> bytes:
    """All bytes of a file."""
    data = bytearray(inode.size)
    for segment in inode.content:
        part = segment.extent.read(segment.extent.size)
        data[segment.offset : segment.offset + len(part)] = part
    return bytes(data)


def _plain(data: bytes) -> bytes:
    return data


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def _zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


COMPRESSIONS: Mapping[str, Callable[[bytes], bytes]] = {"": _plain, "gzip": _gzip, "zstd": _zstd}


@dataclass(frozen=True)
class Options:
    """How an OCI layout is written."""

    compression: str = "gzip"
    tag: str | None = "latest"
    docker_types: bool = False


DEFAULT = Options()


def config_of(layers: Sequence[bytes], run: Json | None = None, **top: Any) -> Json:
    """The configuration of an image; `run` is its member "config"."""
    return {
        "architecture": "amd64",
        "os": "linux",
        "config": run or {},
        "rootfs": {"type": "layers", "diff_ids": [str(Digest.sha256(layer)) for layer in layers]},
        "history": [{"created_by": f"step {number}"} for number in range(len(layers))],
        **top,
    }


def put_blob(folder: Path, data: bytes, media_type: str) -> Json:
    """Add a blob to a layout; its descriptor."""
    digest = hashlib.sha256(data).hexdigest()
    (folder / "blobs/sha256").mkdir(parents=True, exist_ok=True)
    (folder / "blobs/sha256" / digest).write_bytes(data)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}


def put_json(folder: Path, value: object, media_type: str) -> Json:
    return put_blob(folder, json.dumps(value).encode(), media_type)


def put_image(
    folder: Path, layers: Sequence[bytes], config: Json | None = None, options: Options = DEFAULT
) -> Json:
    """Add an image to a layout; the descriptor of its manifest."""
    suffix = f"+{options.compression}" if options.compression else ""
    types = {
        "layer": f"{OCI}layer.v1.tar{suffix}",
        "config": f"{OCI}config.v1+json",
        "manifest": f"{OCI}manifest.v1+json",
    }
    if options.docker_types:
        prefix = "application/vnd.docker."
        types = {
            "layer": f"{prefix}image.rootfs.diff.tar{suffix.replace('+', '.')}",
            "config": f"{prefix}container.image.v1+json",
            "manifest": f"{prefix}distribution.manifest.v2+json",
        }
    compress = COMPRESSIONS[options.compression]
    manifest = {
        "schemaVersion": 2,
        "mediaType": types["manifest"],
        "config": put_json(folder, config or config_of(layers), types["config"]),
        "layers": [put_blob(folder, compress(layer), types["layer"]) for layer in layers],
    }
    descriptor = put_json(folder, manifest, types["manifest"])
    if options.tag is not None:
        descriptor["annotations"] = {"org.opencontainers.image.ref.name": options.tag}
    return descriptor


def put_index(folder: Path, *descriptors: Json) -> Path:
    """Write the files that make a directory an OCI layout."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    index = {"schemaVersion": 2, "manifests": list(descriptors)}
    (folder / "index.json").write_text(json.dumps(index))
    return folder


def oci_layout(
    folder: Path, layers: Sequence[bytes], config: Json | None = None, options: Options = DEFAULT
) -> Path:
    """An OCI layout with one image."""
    return put_index(folder, put_image(folder, layers, config, options))


def blob_of(folder: Path, descriptor: Json) -> Path:
    return folder / "blobs/sha256" / str(descriptor["digest"]).partition(":")[2]


def manifest_of(folder: Path) -> Json:
    index = json.loads((folder / "index.json").read_text())
    manifest: Json = json.loads(blob_of(folder, index["manifests"][0]).read_text())
    return manifest


def with_manifest(folder: Path, manifest: Json) -> None:
    """Another manifest, rightly named by the index."""
    put_index(folder, put_json(folder, manifest, manifest.get("mediaType", f"{OCI}manifest.v1+json")))


def archive_of(folder: Path, path: Path) -> Path:
    """The tar file of a directory's files, as an OCI archive is one."""
    with tarfile.open(path, "w") as archive:
        for name in sorted(p for p in folder.rglob("*")):
            archive.add(name, arcname=str(name.relative_to(folder)), recursive=False)
    return path


def docker_archive(
    path: Path, layers: Sequence[bytes], config: Json | None = None, tags: Sequence[str] = ("app:latest",)
) -> Path:
    """What `docker save` wrote before it wrote OCI layouts, with one layer file behind a symlink."""
    data = json.dumps(config or config_of(layers)).encode()
    name = f"{hashlib.sha256(data).hexdigest()}.json"
    manifest = [
        {"Config": name, "RepoTags": list(tags), "Layers": [f"{n}/layer.tar" for n in range(len(layers))]}
    ]
    items = [file(name, data)]
    for number, layer in enumerate(layers):
        items.append(file(f"content/{number}.tar", layer))
        items.append(symlink(f"{number}/layer.tar", f"../content/{number}.tar"))
    items.append(file("manifest.json", json.dumps(manifest).encode()))
    path.write_bytes(tar(*items))
    return path
