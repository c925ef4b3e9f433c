"""The programs that speak to a BuildKit daemon: `buildctl`, and `docker buildx`.

Each is told the same in its own words: frontend dockerfile.v0, one platform, an OCI archive as output,
no attestations, plain progress.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from olos.errors import MissingToolError
from olos_build.builders.buildkit_address import CA, CERTIFICATE, KEY, Address
from olos_build.builders.options import build_arguments, common_options, without_cache
from olos_build.builders.protocol import BuildRequest
from olos_build.dockerfile import Dockerfile
from olos_build.tool import Tool, ToolFailedError, first_line, run

BUILDCTL = Tool("buildctl", "buildkit")
DOCKER = Tool("docker", "docker.io")
_BUILDER = "olos"
_VERSION = re.compile(r"\bv?(\d+\.\d+[\w.+-]*)")
Output: TypeAlias = Callable[[str], None]


@dataclass(frozen=True)
class Work:
    """One build, and the directory with what it needs."""

    request: BuildRequest
    dockerfile: Dockerfile
    folder: Path

    @property
    def context(self) -> Path:
        return self.folder / "context"

    @property
    def definition(self) -> Path:
        """The directory with the Dockerfile."""
        return self.folder / "dockerfile"

    @property
    def image(self) -> Path:
        return self.folder / "image.tar"

    def output(self) -> str:
        return _csv("type=oci", f"dest={self.image}")


class Client(Protocol):
    """A program that speaks to BuildKit."""

    @property
    def name(self) -> str:
        """The command, as one would type it."""

    def installed(self) -> bool:
        """Whether it can be started."""

    def version(self) -> str:
        """Of the daemon if it says, else of the client. Raises MissingToolError if nobody answers."""

    def build(self, work: Work, output: Output) -> None:
        """Make the image. Raises ToolFailedError."""


@dataclass(frozen=True)
class Buildctl:
    """BuildKit's own client."""

    address: Address

    @property
    def name(self) -> str:
        return BUILDCTL.name

    def installed(self) -> bool:
        return BUILDCTL.installed()

    def version(self) -> str:
        try:
            run(BUILDCTL, [*self._connection(), "debug", "workers"], _ignore)
        except ToolFailedError as exc:
            raise _silent(self.address, exc) from exc
        try:
            # "BuildKit: github.com/moby/buildkit v0.12.5 bac3f2b"; daemons before v0.11 do not know it.
            return _version(first_line(BUILDCTL, [*self._connection(), "debug", "info"]))
        except ToolFailedError:
            return _version(first_line(BUILDCTL, ["--version"]))

    def build(self, work: Work, output: Output) -> None:
        arguments: list[str | Path] = [*self._connection(), "build", "--frontend=dockerfile.v0"]
        arguments += ["--progress=plain", "--local", f"context={work.context}"]
        arguments += ["--local", f"dockerfile={work.definition}", "--output", work.output()]
        arguments += ["--no-cache"] if without_cache(work.request) else []
        if folder := work.request.folder:
            arguments += ["--local", f"{folder.name}={folder.path}"]
        for name, value in self._frontend(work).items():
            arguments += ["--opt", f"{name}={value}"]
        extras = work.request.extras
        arguments += ["--allow=network.host"] if extras.network == "host" else []
        arguments += [f"--secret={secret.option()}" for secret in extras.secrets]
        arguments += [f"--ssh={source.option()}" for source in extras.ssh]
        arguments += [f"--import-cache={cache}" for cache in extras.cache_from]
        run(BUILDCTL, arguments + [f"--export-cache={cache}" for cache in extras.cache_to], output)

    def _connection(self) -> list[str | Path]:
        arguments: list[str | Path] = ["--addr", self.address.url] if self.address.url else []
        if tls := self.address.tls:
            arguments += ["--tlscacert", tls / CA, "--tlscert", tls / CERTIFICATE, "--tlskey", tls / KEY]
        return arguments

    def _frontend(self, work: Work) -> Mapping[str, str]:
        request = work.request
        options = {"filename": "Dockerfile", "platform": request.platform}
        if request.stage:
            options["target"] = request.stage
        if folder := request.folder:
            options[f"context:{folder.name}"] = f"local:{folder.name}"
        if request.extras.network != "default":
            options["force-network-mode"] = request.extras.network
        arguments = build_arguments(request, work.dockerfile)
        return options | {f"build-arg:{name}": value for name, value in arguments.items()}


@dataclass(frozen=True)
class Buildx:
    """Docker's client. It is given an address by a configuration of its own, which nobody else sees."""

    address: Address

    @property
    def name(self) -> str:
        return "docker buildx"

    def installed(self) -> bool:
        return has_buildx()

    def version(self) -> str:
        # "github.com/docker/buildx v0.30.0 …"
        return f"buildx {_version(first_line(DOCKER, ['buildx', 'version']))}"

    def build(self, work: Work, output: Output) -> None:
        environment = {}
        arguments: list[str | Path] = [*buildx_build(work), "--output", work.output()]
        if self.address.url:
            environment = {"BUILDX_CONFIG": str(work.folder / "buildx")}
            run(DOCKER, self._create(), output, environment=environment)
            arguments.append(f"--builder={_BUILDER}")
        run(DOCKER, [*arguments, work.context], output, environment=environment)

    def _create(self) -> list[str | Path]:
        arguments: list[str | Path] = ["buildx", "create", f"--name={_BUILDER}", "--driver=remote"]
        if tls := self.address.tls:
            files = (f"cacert={tls / CA}", f"cert={tls / CERTIFICATE}", f"key={tls / KEY}")
            arguments += ["--driver-opt", _csv(*files)]
        return [*arguments, str(self.address.url)]


def buildx_build(work: Work) -> list[str | Path]:
    """`docker buildx build` but for output and context."""
    extras = work.request.extras
    arguments: list[str | Path] = [
        "buildx",
        "build",
        "--progress=plain",
        "--provenance=false",
        "--sbom=false",
    ]
    arguments += common_options(work.request, work.dockerfile)
    arguments += [f"--network={extras.network}"] if extras.network != "default" else []
    arguments += ["--allow=network.host"] if extras.network == "host" else []
    arguments += [f"--cache-from={cache}" for cache in extras.cache_from]
    arguments += [f"--cache-to={cache}" for cache in extras.cache_to]
    return [*arguments, "--file", work.definition / "Dockerfile"]


def has_buildx() -> bool:
    """Whether `docker buildx` works."""
    if not DOCKER.installed():
        return False
    try:
        first_line(DOCKER, ["buildx", "version"])
    except ToolFailedError:
        return False
    return True


def choose_client(address: Address) -> Client:
    """`buildctl` if it is there, else `docker buildx`. Raises MissingToolError."""
    for client in (Buildctl(address), Buildx(address)):
        if client.installed():
            return client
    raise MissingToolError(
        "no client of BuildKit: neither buildctl nor docker buildx is installed",
        hint="install buildctl (a release of moby/buildkit), or the package docker-buildx",
    )


def _silent(address: Address, exc: ToolFailedError) -> MissingToolError:
    said = next((line for line in reversed(exc.tail) if line.strip()), exc.reason)
    return MissingToolError(
        f"no BuildKit answers at {address.url or 'its usual place'}: {said}",
        hint="start buildkitd, or name another one with --buildkit-address or BUILDKIT_HOST",
    )


def _version(line: str) -> str:
    match = _VERSION.search(line)
    return match[1] if match else ""


def _csv(*fields: str) -> str:
    """Fields as BuildKit reads them: one record of CSV."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(fields)
    return out.getvalue()


def _ignore(_: str) -> None:
    """For calls of which only the status counts."""
