"""Getting an image that exists, by the reference that `--image` takes.

The forms are those of containers-transports(5): `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`,
`docker-archive:FILE[:TAG]`, `docker-daemon:NAME`, `docker://NAME`; anything else is the name of an image
in a registry. A registry on loopback may speak plain HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from olos.errors import BuildStepError, InputError
from olos.progress import Progress
from olos_build.builders.protocol import BuiltImage
from olos_build.engine import connected, save
from olos_build.references import is_reference, on_loopback
from olos_build.tool import Tool, ToolFailedError, first_line, run

SKOPEO = Tool("skopeo", "skopeo")
_FORMS = (
    "oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:TAG], docker-daemon:NAME,"
    " or a name in a registry"
)
_OTHER_TRANSPORTS = ("containers-storage", "dir", "ostree", "sif", "tarball")


@dataclass(frozen=True)
class _Place:
    """How an image lies on the disk already."""

    kind: Literal["oci-directory", "archive"]
    noun: str
    is_there: Callable[[Path], bool]


_LOCAL: Mapping[str, _Place] = {
    "oci": _Place("oci-directory", "directory", Path.is_dir),
    "oci-archive": _Place("archive", "file", Path.is_file),
    "docker-archive": _Place("archive", "file", Path.is_file),
}


def acquire(reference: str, spool: Path, progress: Progress) -> BuiltImage:
    """The image on disk; what must be fetched goes to `spool`.

    Raises InputError for a reference that is none or names nothing here, BuildStepError when a registry or
    the Engine refuses, MissingToolError without skopeo or an Engine.
    """
    transport, separator, rest = reference.partition(":")
    if separator and transport in _LOCAL:
        return _local(transport, rest)
    if separator and transport in _FETCHED:
        return _FETCHED[transport](rest, spool / "image.tar", progress)
    if separator and transport in _OTHER_TRANSPORTS:
        raise InputError(f"{reference}: {transport}: is not supported", hint=f"give {_FORMS}")
    return _from_registry(reference, spool / "image.tar", progress)


def _local(transport: str, rest: str) -> BuiltImage:
    """Both a path and a tag may hold colons: the longest path that exists counts."""
    place = _LOCAL[transport]
    ends = [len(rest), *(match.start() for match in reversed(list(re.finditer(":", rest))))]
    try:
        for end in ends:
            if end and place.is_there(Path(rest[:end])):
                return BuiltImage(place.kind, Path(rest[:end]), transport, "", rest[end + 1 :] or None)
    except ValueError as exc:
        raise InputError(f"{transport}: {rest[:80]!r} is no path: {exc}") from exc
    raise InputError(f"{transport}:{rest}: there is no such {place.noun}", hint=f"--image takes {_FORMS}")


def _docker_daemon(rest: str, path: Path, progress: Progress) -> BuiltImage:
    with connected() as client:
        version = str(client.version()["Version"])
        save(client, rest, path, progress)
    return BuiltImage("archive", path, "docker", version)


def _docker(rest: str, path: Path, progress: Progress) -> BuiltImage:
    if not rest.startswith("//"):
        raise InputError(f"docker:{rest}: a name in a registry is written docker://{rest}")
    return _from_registry(rest.removeprefix("//"), path, progress)


def _from_registry(name: str, path: Path, progress: Progress) -> BuiltImage:
    if not is_reference(name):
        raise InputError(f"{name[:200]!r}: is no reference to an image", hint=f"give {_FORMS}")
    # "skopeo version 1.9.3"
    version = " ".join(first_line(SKOPEO, ["--version"]).split()[2:3])
    arguments: list[str | Path] = ["--override-os=linux", "--override-arch=amd64", "copy"]
    if on_loopback(name):
        arguments.append("--src-tls-verify=false")
    progress.step(f"pulling {name}")
    try:
        # An archive in Docker's format keeps all of the configuration, whatever format it comes in.
        run(SKOPEO, [*arguments, f"docker://{name}", f"docker-archive:{path}"], progress.output)
    except ToolFailedError as exc:
        raise BuildStepError(
            f"{name}: cannot be pulled:\n  " + "\n  ".join(exc.tail[-5:]),
            hint="is the name right, and does the registry want 'skopeo login'?",
        ) from exc
    return BuiltImage("archive", path, "skopeo", version)


_FETCHED: Mapping[str, Callable[[str, Path, Progress], BuiltImage]] = {
    "docker-daemon": _docker_daemon,
    "docker": _docker,
}
