"""One Dockerfile through a builder: what the engine itself has of the image, and what olos makes of it."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest
from docker import APIClient

from olos.manifest import App
from olos.progress import SILENT
from olos_build.appconfig import AppOverrides, resolve
from olos_build.builders.protocol import BuildRequest
from olos_build.builders.table import BUILDERS
from olos_build.canonical_tree import canonicalise, ensure_directories
from olos_build.image import Image, open_archive
from olos_build.images.model import ImageConfig
from olos_build.merge import merge
from support.engine import private_engine
from support.facts import Facts, of_folder, of_tar, of_tree
from support.olos import execute

BUILDKIT = """\
#!/bin/sh
# buildx, made of the BuildKit that is inside of a Docker Engine and of Debian's `docker`, which talks to it.
shift
[ "$1" != version ] || exit 0
shift
for argument; do
    shift
    case $argument in --load | --provenance=* | --sbom=*) ;; *) set -- "$@" "$argument" ;; esac
done
DOCKER_BUILDKIT=1 exec /usr/bin/docker build --network=none "$@"
"""


@dataclass(frozen=True)
class Engine:
    """A builder of olos, and the way to look into what it built. `path` stands before PATH."""

    builder: str
    look: Callable[[str], Iterable[Facts]]
    path: Path | None = None


@contextmanager
def engines() -> Iterator[dict[str, Engine]]:
    """All that there are, with stores of their own, so that none meets what others have built.

    The environment names them as long as they run.
    """
    with tempfile.TemporaryDirectory(prefix="olos-engines-", dir="/tmp") as name, _own_storage(Path(name)):
        program = Path(name) / "bin" / "docker"
        program.parent.mkdir()
        program.write_text(BUILDKIT)
        program.chmod(0o755)
        with private_engine("overlay2") as address, _variable("DOCKER_HOST", address):
            look = look_with_engine(address)
            yield {
                "buildah": Engine("buildah", look_with_buildah),
                "docker": Engine("docker", look),
                "buildkit": Engine("docker", look, program.parent),
            }


@contextmanager
def _own_storage(folder: Path) -> Iterator[None]:
    """A containers-storage.conf(5)."""
    configuration = folder / "storage.conf"
    configuration.write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/graph"\nrunroot = "{folder}/run"\n'
    )
    try:
        with _variable("CONTAINERS_STORAGE_CONF", str(configuration)):
            yield
    finally:
        # buildah mounts its store on itself.
        subprocess.run(["umount", "-R", "-q", folder / "graph" / "overlay"], check=False)


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(name, value)
        yield


@dataclass(frozen=True)
class Judged:
    """An image: its files as the engine has them and as olos merges them, its configuration, the app."""

    own: dict[str, Facts]
    merged: dict[str, Facts]
    config: ImageConfig
    app: App


def judged(engine: Engine, request: BuildRequest) -> Judged:
    """Build it. Raises BuildStepError."""
    # The environment is everybody's: who needs no other PATH must not put back what another one has.
    path = _variable("PATH", f"{engine.path}:{os.environ['PATH']}") if engine.path else nullcontext()
    with tempfile.TemporaryDirectory() as name, path:
        built = BUILDERS[engine.builder].build(request, Path(name), SILENT)
        image = open_archive(built.path, Path(name), SILENT, built.tag)
        tree = canonicalise(merge(image.layers, SILENT), request.epoch, SILENT)
        app = resolve(image.config, tree, AppOverrides(args=_args(image)))
        tree = ensure_directories(tree, (app.cwd, *image.config.volumes))
        return Judged(
            own={facts.path: facts for facts in engine.look(image.config_digest.hex)},
            merged={facts.path: facts for facts in of_tree(tree)},
            config=image.config,
            app=app,
        )


def _args(image: Image) -> tuple[str, ...] | None:
    """An app has a program; most of these images have none."""
    return None if image.config.entrypoint or image.config.cmd else ("none",)


def look_with_buildah(image: str) -> Iterator[Facts]:
    """The image as buildah mounts it."""
    storage = {"CONTAINERS_STORAGE_CONF": os.environ["CONTAINERS_STORAGE_CONF"]}
    container = execute(["buildah", "from", "--pull-never", image], env=storage).stdout.strip()
    try:
        mounted = execute(["buildah", "mount", container], env=storage).stdout.strip()
        yield from of_folder(Path(mounted))
    finally:
        execute(["buildah", "rm", container], env=storage)


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
