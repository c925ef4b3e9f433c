"""The lock file (`olos-lock/1`, docs/formats.md section 12): what a build takes from outside, by digest.

JSON with one value a line and keys in order: a tool of version control shows what moved, and the strict
reader of the other formats reads it. The reader takes any blanks and any order of keys.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from olos.canonical import JSON, MAX_INTEGER, parse
from olos.digest import Digest, sha256_of
from olos.errors import InputError
from olos.fields import Fields
from olos_build.dockerfile import read_text_file
from olos_build.references import parse as parse_reference

SCHEMA = "olos-lock/1"
FILE_NAME = "olos.lock"
PLATFORM = "linux/amd64"
MAX_LAYERS = 512

_HINT = "a lock is what 'olos pin' writes"
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PARTS = ("index", "configuration", "layers")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Document:
    """A manifest or an index of a registry."""

    digest: Digest
    media_type: str

    def json(self) -> JSON:
        return {"digest": str(self.digest), "media_type": self.media_type}


@dataclass(frozen=True)
class Package:
    """The Debian package that a file came with."""

    name: str
    version: str

    def json(self) -> JSON:
        return {"name": self.name, "version": self.version}


@dataclass(frozen=True, kw_only=True)
class LockedImage:
    """An image that FROM, COPY or RUN names.

    `reference` is as written, with ARGs replaced; `name` the repository with its registry. `index` is the
    document for all platforms, where there is one, `manifest` that for PLATFORM. `layers` are the digests
    of the uncompressed layers, the lowest first.
    """

    reference: str
    name: str
    index: Document | None
    manifest: Document
    config: Digest
    layers: tuple[Digest, ...]

    @property
    def pinned(self) -> str:
        """The reference by digest that takes the place of the written one."""
        return f"{self.name}@{self.manifest.digest}"

    def json(self) -> JSON:
        return {
            "config": str(self.config),
            "index": self.index.json() if self.index else None,
            "layers": [str(layer) for layer in self.layers],
            "manifest": self.manifest.json(),
            "name": self.name,
            "reference": self.reference,
        }


@dataclass(frozen=True)
class LockedDownload:
    """What an ADD of an http(s) URL gives; size in bytes."""

    url: str
    sha256: Digest
    size: int

    def json(self) -> JSON:
        return {"sha256": self.sha256.hex, "size": self.size, "url": self.url}


@dataclass(frozen=True)
class LockedCommit:
    """What an ADD of a Git repository gives."""

    url: str
    commit: str

    def json(self) -> JSON:
        return {"commit": self.commit, "url": self.url}


@dataclass(frozen=True)
class LockedFile:
    """A file of kernel or crt, by its name in the layout."""

    path: str
    sha256: Digest
    package: Package | None = None

    def json(self) -> JSON:
        package = self.package.json() if self.package else None
        return {"package": package, "path": self.path, "sha256": self.sha256.hex}


@dataclass(frozen=True, kw_only=True)
class Lock:
    """All that a build takes from outside. Lists are sorted."""

    images: tuple[LockedImage, ...] = ()
    downloads: tuple[LockedDownload, ...] = ()
    commits: tuple[LockedCommit, ...] = ()
    kernel: tuple[LockedFile, ...] = ()
    crt: tuple[LockedFile, ...] = ()
    builder: str
    builder_version: str
    olos_version: str
    source_date_epoch: int

    def encode(self) -> bytes:
        """The bytes of the file."""
        document = {
            "builder": {"name": self.builder, "version": self.builder_version},
            "commits": [item.json() for item in self.commits],
            "crt": [item.json() for item in self.crt],
            "downloads": [item.json() for item in self.downloads],
            "images": [item.json() for item in self.images],
            "kernel": [item.json() for item in self.kernel],
            "olos_version": self.olos_version,
            "platform": PLATFORM,
            "schema": SCHEMA,
            "source_date_epoch": self.source_date_epoch,
        }
        return json.dumps(document, indent=2, sort_keys=True).encode("ascii") + b"\n"

    @classmethod
    def decode(cls, data: bytes, *, where: str) -> Lock:
        """Read the bytes of a file. Raises InputError, naming `where`."""
        fields = Fields(parse(data, where=where), where)
        if not fields.optional("schema") or fields.raw("schema") != SCHEMA:
            raise InputError(f"{where}: is no lock: it has no schema {SCHEMA!r}", hint=_HINT)
        fields.choice("platform", (PLATFORM,))
        builder = Fields(fields.raw("builder"), fields.where("builder"))
        lock = cls(
            images=_sorted(fields, "images", _image, lambda item: item.reference),
            downloads=_sorted(fields, "downloads", _download, lambda item: item.url),
            commits=_sorted(fields, "commits", _commit, lambda item: item.url),
            kernel=_sorted(fields, "kernel", _file, lambda item: item.path),
            crt=_sorted(fields, "crt", _file, lambda item: item.path),
            builder=builder.text("name"),
            builder_version=builder.text("version"),
            olos_version=fields.text("olos_version"),
            source_date_epoch=fields.number("source_date_epoch", 0, MAX_INTEGER),
        )
        builder.done()
        fields.done()
        return lock


def load(path: Path) -> Lock:
    """Read a lock. Raises InputError."""
    return Lock.decode(read_text_file(path, _HINT), where=str(path))


def _sorted(
    fields: Fields, key: str, read: Callable[[Fields], _T], name: Callable[[_T], str]
) -> tuple[_T, ...]:
    """The items of a list in the order of their names. Raises InputError for a name that stands twice."""
    found: dict[str, _T] = {}
    for index, value in enumerate(fields.items(key)):
        where = f"{fields.where(key)}[{index}]"
        members = Fields(value, where)
        item = read(members)
        members.done()
        if name(item) in found:
            raise InputError(f"{where}: {name(item)[:150]!r} stands twice")
        found[name(item)] = item
    return tuple(found[key] for key in sorted(found))


def _image(fields: Fields) -> LockedImage:
    name, layers = fields.text("name"), fields.texts("layers")
    reference = parse_reference(fields.text("reference"))
    if reference is None or reference.name != name:
        raise InputError(f"{fields.where('name')}: {name[:150]!r} is not what the reference stands for")
    if len(layers) > MAX_LAYERS:
        raise InputError(f"{fields.where('layers')}: more than {MAX_LAYERS} layers")
    return LockedImage(
        reference=fields.text("reference"),
        name=name,
        index=None if fields.raw("index") is None else _document(fields, "index"),
        manifest=_document(fields, "manifest"),
        config=Digest.parse(fields.text("config"), where=fields.where("config")),
        layers=tuple(Digest.parse(layer, where=fields.where("layers")) for layer in layers),
    )


def _document(fields: Fields, key: str) -> Document:
    where = fields.where(key)
    members = Fields(fields.raw(key), where)
    document = Document(
        Digest.parse(members.text("digest"), where=members.where("digest")), members.text("media_type")
    )
    members.done()
    return document


def _download(fields: Fields) -> LockedDownload:
    return LockedDownload(fields.text("url"), _sha256(fields), fields.number("size", 0, MAX_INTEGER))


def _commit(fields: Fields) -> LockedCommit:
    commit = fields.text("commit")
    if not _COMMIT.fullmatch(commit):
        raise InputError(f"{fields.where('commit')}: {commit[:80]!r} is no commit of 40 or 64 digits")
    return LockedCommit(fields.text("url"), commit)


def _file(fields: Fields) -> LockedFile:
    path, sha256 = fields.text("path"), _sha256(fields)
    if fields.raw("package") is None:
        return LockedFile(path, sha256)
    members = Fields(fields.raw("package"), fields.where("package"))
    package = Package(members.text("name"), members.text("version"))
    members.done()
    return LockedFile(path, sha256, package)


def _sha256(fields: Fields) -> Digest:
    return sha256_of(fields.text("sha256"), where=fields.where("sha256"))


@dataclass(frozen=True)
class Change:
    """What two locks say of one thing; None where one of them does not have it."""

    what: str
    old: str | None
    new: str | None


def changes(old: Lock, new: Lock) -> tuple[Change, ...]:
    """What differs between two locks, in order."""
    before, after = _values(old), _values(new)
    moved = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    # What belongs to an image moves with it.
    parts = {f"{part} of {name}" for name in moved for part in _PARTS}
    return tuple(Change(name, before.get(name), after.get(name)) for name in moved if name not in parts)


def _values(lock: Lock) -> Mapping[str, str]:
    """All that a lock says, by what it says it of."""
    return dict(
        [
            *_image_values(lock.images),
            *((f"download {item.url}", f"{item.sha256} ({item.size} bytes)") for item in lock.downloads),
            *((f"git {item.url}", item.commit) for item in lock.commits),
            *_file_values((*lock.kernel, *lock.crt)),
            ("builder", f"{lock.builder} {lock.builder_version}"),
            ("olos", lock.olos_version),
            ("source_date_epoch", str(lock.source_date_epoch)),
        ]
    )


def _image_values(images: Iterable[LockedImage]) -> Iterable[tuple[str, str]]:
    for image in images:
        what = f"image {image.reference}"
        yield what, str(image.manifest.digest)
        index = str(image.index.digest) if image.index else "none"
        values = (index, str(image.config), _listed(image.layers))
        yield from ((f"{part} of {what}", value) for part, value in zip(_PARTS, values, strict=True))


def _listed(digests: Iterable[Digest]) -> str:
    return ", ".join(map(str, digests)) or "none"


def _file_values(files: Iterable[LockedFile]) -> Iterable[tuple[str, str]]:
    for file in files:
        yield file.path, str(file.sha256)
        package = f"{file.package.name} {file.package.version}" if file.package else "none"
        yield f"package of {file.path}", package
