"""An image, read and verified: its configuration and its layers, whatever form it came in."""

from __future__ import annotations

from dataclasses import dataclass

from olos.digest import Digest
from olos.extent import Extent


@dataclass(frozen=True)
class History:
    """A step that made the image; `empty_layer` if it changed no file."""

    created_by: str
    empty_layer: bool


@dataclass(frozen=True, kw_only=True)
class ImageConfig:
    """What the image says of how it is run (OCI image configuration), as it stands there.

    `entrypoint` and `cmd` are None where they are not given; `working_dir`, `user` and `stop_signal`
    are empty. `exposed_ports`, `volumes` and `labels` are sorted.
    """

    architecture: str
    os: str
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    env: tuple[str, ...] = ()
    working_dir: str = ""
    user: str = ""
    exposed_ports: tuple[str, ...] = ()
    stop_signal: str = ""
    volumes: tuple[str, ...] = ()
    healthcheck: bool = False
    labels: tuple[tuple[str, str], ...] = ()
    history: tuple[History, ...] = ()


@dataclass(frozen=True)
class Layer:
    """An uncompressed tar archive and its digest, which has been verified."""

    extent: Extent
    diff_id: Digest


@dataclass(frozen=True)
class Image:
    """An image for linux/amd64. `manifest_digest` is None where its form has no manifest."""

    config: ImageConfig
    config_digest: Digest
    manifest_digest: Digest | None
    layers: tuple[Layer, ...]
