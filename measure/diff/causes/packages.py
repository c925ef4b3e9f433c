"""Packages of a distribution that moved, and the files that moved with them; base images that moved."""

from __future__ import annotations

from collections.abc import Sequence

from measure.diff.causes.databases import APK_INSTALLED, DPKG_STATUS, Moved, apk, dpkg
from measure.diff.causes.rule import Finding, Pair
from measure.diff.model import Attribute, Cause
from measure.diff.side import Side

BASE_MOVED = Cause(
    "base-image-moved",
    "The base image is another one: its layers differ.",
    "Pin it by its digest: 'FROM NAME@sha256:…' ('docker pull' and 'skopeo inspect' print it).",
)
DPKG_MOVED = Cause(
    "dpkg-package-moved",
    "Packages of the distribution came, went, or have other versions.",
    "Install from a dated archive (snapshot.debian.org), or pin them: 'apt-get install NAME=VERSION'.",
)
APK_MOVED = Cause(
    "apk-package-moved",
    "Packages of the distribution came, went, or have other versions.",
    "Pin the base image by digest and packages by version: 'apk add NAME=VERSION'.",
)


class BaseImage:
    """Files that the base image wrote, when its layers differ."""

    def __init__(self, sides: tuple[Side, Side]) -> None:
        self._moved = bool(base_layers(sides))

    def judge(self, pair: Pair) -> Sequence[Finding]:
        origins = [origin for origin in (pair.old_origin, pair.new_origin) if origin]
        if self._moved and origins and all(origin.base for origin in origins):
            return (Finding(BASE_MOVED),)
        return ()


class Packages:
    """Files of packages that moved, and the databases that name these."""

    def __init__(self, sides: tuple[Side, Side]) -> None:
        self.moved = ((DPKG_MOVED, DPKG_STATUS, dpkg(sides)), (APK_MOVED, APK_INSTALLED, apk(sides)))

    def judge(self, pair: Pair) -> Sequence[Finding]:
        for cause, database, moved in self.moved:
            if finding := _finding(pair, cause, database, moved):
                return (finding,)
        return ()


def _finding(pair: Pair, cause: Cause, database: bytes, moved: Moved) -> Finding | None:
    if not moved.packages or (pair.what == "changed" and pair.changed <= {"mtime"}):
        return None
    if pair.path == database:
        return Finding(cause)
    owner = moved.owners.get(pair.path)
    # A directory that stays belongs to many packages.
    if owner is None or (pair.what == "changed" and not pair.regular):
        return None
    return Finding(cause, (Attribute(f"package {owner.name}", owner.old, owner.new),))


def base_layers(sides: tuple[Side, Side]) -> tuple[Attribute, ...]:
    """The layers of the base images that differ, if both are known."""
    if sides[0].annotations is None or sides[1].annotations is None:
        return ()
    old, new = ([str(layer) for layer in side.annotations.base_layers] for side in sides if side.annotations)
    return tuple(
        Attribute(f"base layer {number + 1}", _at(old, number), _at(new, number))
        for number in range(max(len(old), len(new)))
        if _at(old, number) != _at(new, number)
    )


def _at(layers: list[str], index: int) -> str | None:
    return layers[index] if index < len(layers) else None
