"""One Dockerfile through a builder: what the engine itself says is in the image, and what olos makes of it."""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker import APIClient

from olos.progress import SILENT
from olos_build.appconfig import AppOverrides, resolve
from olos_build.builders.protocol import BuildRequest
from olos_build.builders.table import BUILDERS
from olos_build.canonical_tree import canonicalise, ensure_directories
from olos_build.image import Image, open_archive
from olos_build.merge import merge
from support.facts import EPOCH, Facts, of_folder, of_tar, of_tree
from support.olos import execute

BUILDKIT = """\
#!/bin/sh
# buildx, made of the BuildKit that is inside of a Docker Engine and of Debian's `docker`, which talks to it.
shift
[ "$1" != version ] || exit 0
shift
for argument; do
    shift
    case $argument in --load | --provenance=*) ;; *) set -- "$@" "$argument" ;; esac
done
DOCKER_BUILDKIT=1 exec /usr/bin/docker build --network=none "$@"
"""


@dataclass(frozen=True)
class Engine:
    """A builder of olos, and the way to look into what it built. `environment` chooses the engine."""

    builder: str
    environment: Mapping[str, str]
    look: Callable[[str], Iterable[Facts]]


@dataclass(frozen=True)
class Judged:
    """An image: its files as the engine has them and as olos merges them, its configuration, the app."""

    own: dict[str, Facts]
    merged: dict[str, Facts]
    config: dict[str, Any]
    app: dict[str, Any]


def judged(engine: Engine, request: BuildRequest) -> Judged:
    """Build it. Raises BuildStepError."""
    with tempfile.TemporaryDirectory() as name:
        built = BUILDERS[engine.builder].build(request, Path(name), SILENT)
        image = open_archive(built.path, Path(name), SILENT, built.tag)
        tree = canonicalise(merge(image.layers, SILENT), request.epoch, SILENT)
        app = resolve(image.config, tree, AppOverrides(args=_args(image)))
        tree = ensure_directories(tree, (app.cwd, *image.config.volumes))
        return Judged(
            own={facts.path: facts for facts in engine.look(image.config_digest.hex)},
            merged={facts.path: facts for facts in of_tree(tree)},
            config=_plain(image.config),
            app=_plain(app),
        )


def _args(image: Image) -> tuple[str, ...] | None:
    """An app has a program; most of these images have none."""
    return None if image.config.entrypoint or image.config.cmd else ("none",)


def _plain(record: object) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(json.dumps(record, default=vars_of))
    return result


def vars_of(record: object) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}  # type: ignore[attr-defined]


def look_with_buildah(image: str) -> Iterator[Facts]:
    """The image as buildah mounts it."""
    container = execute(["buildah", "from", "--pull-never", image]).stdout.strip()
    try:
        yield from of_folder(Path(execute(["buildah", "mount", container]).stdout.strip()))
    finally:
        execute(["buildah", "rm", container])


def look_with_engine(address: str) -> Callable[[str], Iterator[Facts]]:
    """The image as the Docker Engine exports a container of it."""

    def look(image: str) -> Iterator[Facts]:
        with _client(address) as client:
            container = client.create_container(image, command=["none"])["Id"]
            with tempfile.TemporaryFile() as archive:
                for chunk in client.export(container):
                    archive.write(chunk)
                archive.seek(0)
                yield from of_tar(archive)
            client.remove_container(container)

    return look


@contextmanager
def _client(address: str) -> Iterator[APIClient]:
    client = APIClient(base_url=address, version="auto")
    try:
        yield client
    finally:
        client.close()
