"""The images of buildah's storage that somebody gave a name, without the steps of earlier builds.

Images and layers stand in two files (containers/storage, `images.json` and `layers.json`). A directory with
shorter ones beside links to the rest is a storage to read from. Otherwise a step whose layer is one that is
there already would not be written anew, and directories would be read in the order that they have there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def make(storage: Path, driver: str, ids: Iterable[str], folder: Path) -> None:
    """Write it into the new directory `folder`. `ids`: the first digits of unnamed images that belong to it.

    Raises OSError, ValueError or KeyError if the storage is none that is known.
    """
    folder.mkdir()
    wanted = tuple(ids)
    images = [
        image
        for image in _load(storage / f"{driver}-images" / "images.json")
        if image.get("names") or any(image["id"].startswith(start) for start in wanted)
    ]
    layers = _load(storage / f"{driver}-layers" / "layers.json")
    used = _with_parents({layer["id"]: layer.get("parent") for layer in layers}, images)
    _write(folder, storage, f"{driver}-images", "images", images)
    _write(folder, storage, f"{driver}-layers", "layers", [layer for layer in layers if layer["id"] in used])
    _link_contents(storage / driver, folder / driver, used)


def _link_contents(source: Path, target: Path, layers: set[str]) -> None:
    """The directories of these layers alone: what is not listed but there would be taken for rubbish.

    The overlay driver has a short name for each layer in the directory `l`.
    """
    target.mkdir()
    short = target / "l"
    for layer in layers:
        (target / layer).symlink_to(source / layer)
        name = source / layer / "link"
        if name.exists():
            short.mkdir(exist_ok=True)
            (short / name.read_text().strip()).symlink_to(f"../{layer}/diff")


def _load(path: Path) -> list[dict[str, Any]]:
    """Entries; none if there is no such file, since nothing was stored."""
    found = json.loads(path.read_bytes()) if path.exists() else []
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise ValueError(f"{path}: expected a list of objects")
    return found


def _with_parents(parents: dict[str, str | None], images: list[dict[str, Any]]) -> set[str]:
    used: set[str] = set()
    for image in images:
        for top in (image.get("layer"), *image.get("mapped-layers", ())):
            layer = top
            while layer and layer not in used:
                used.add(layer)
                layer = parents.get(layer)
    return used


def _write(folder: Path, storage: Path, part: str, name: str, entries: list[dict[str, Any]]) -> None:
    target = folder / part
    target.mkdir()
    (target / f"{name}.json").write_text(json.dumps(entries))
    (target / f"{name}.lock").touch()
    known = {entry["id"] for entry in entries}
    for path in (storage / part).iterdir() if (storage / part).exists() else ():
        if path.name.partition(".")[0] in known:
            (target / path.name).symlink_to(path)
