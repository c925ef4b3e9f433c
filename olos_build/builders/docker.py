"""The builder `docker`: a Docker Engine, local or remote.

With BuildKit where the program `docker` has buildx, else with the Engine's own builder over its API
(Docker Engine API, POST /build). Nothing gets a tag, so `docker image prune` removes what is built.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from docker import APIClient

from olos.errors import BuildStepError, MissingToolError
from olos.progress import Progress
from olos_build import context
from olos_build.builders.options import build_arguments, by_hand
from olos_build.builders.protocol import BuildRequest, BuiltImage
from olos_build.builders.steps import Steps
from olos_build.dockerfile import Dockerfile, load
from olos_build.engine import connected, save
from olos_build.tool import MAX_LINE, Tool, ToolFailedError, printable, run

DOCKER = Tool("docker", "docker.io")


class Docker:
    """Builds with a Docker Engine."""

    @property
    def name(self) -> str:
        return "docker"

    def available(self) -> bool:
        try:
            with connected():
                return True
        except MissingToolError:
            return False

    def version(self) -> str:
        with connected() as client:
            return str(client.version()["Version"])

    def build(self, request: BuildRequest, spool: Path, progress: Progress) -> BuiltImage:
        dockerfile = load(request.dockerfile)
        folder = spool / "docker"
        archive = folder / "image.tar"
        folder.mkdir()
        with connected() as client:
            version = str(client.version()["Version"])
            steps = Steps(dockerfile, progress)
            if has_buildx():
                image = _build_with_buildx(request, dockerfile, folder, steps, progress)
            else:
                image = _build_with_engine(client, request, dockerfile, folder, steps, progress)
            save(client, image, archive, progress)
        return BuiltImage("archive", archive, self.name, version)


def has_buildx() -> bool:
    """Whether `docker buildx` works."""
    if not DOCKER.installed():
        return False
    try:
        run(DOCKER, ["buildx", "version"], lambda line: None)
    except ToolFailedError:
        return False
    return True


def _build_with_buildx(
    request: BuildRequest, dockerfile: Dockerfile, folder: Path, steps: Steps, progress: Progress
) -> str:
    """BuildKit looks for NAME.dockerignore beside the Dockerfile first; an empty one ignores nothing."""
    (folder / "Dockerfile").write_bytes(dockerfile.content)
    (folder / "Dockerfile.dockerignore").touch()
    context.unpack(request, folder / "context", progress)
    arguments: list[str | Path] = ["buildx", "build", "--progress=plain", "--provenance=false", "--load"]
    arguments += [f"--platform={request.platform}", "--iidfile", folder / "image-id"]
    arguments += [f"--target={request.stage}"] if request.stage else []
    arguments += [f"--build-arg={n}={v}" for n, v in build_arguments(request, dockerfile).items()]
    try:
        run(DOCKER, [*arguments, "--file", folder / "Dockerfile", folder / "context"], steps.line)
    except ToolFailedError as exc:
        raise steps.failed(f"docker buildx failed with {exc.reason}:", exc.tail, _hint(request)) from exc
    return (folder / "image-id").read_text().strip()


def _build_with_engine(
    client: APIClient,
    request: BuildRequest,
    dockerfile: Dockerfile,
    folder: Path,
    steps: Steps,
    progress: Progress,
) -> str:
    # The Engine leaves out what it reads itself if the patterns name it.
    extra = {
        context.RESERVED: dockerfile.content,
        context.IGNORE_FILE: f"{context.IGNORE_FILE}\n{context.RESERVED}\n".encode(),
    }
    sent = folder / "context.tar"
    with sent.open("x+b") as stream:
        context.tar(request, stream, progress, extra)
        stream.seek(0)
        events = client.build(
            fileobj=stream,
            custom_context=True,
            dockerfile=context.RESERVED,
            decode=True,
            rm=True,
            forcerm=True,
            target=request.stage,
            platform=request.platform,
            buildargs=build_arguments(request, dockerfile),
        )
        image = _follow(events, steps, request)
    sent.unlink()
    return image


def _follow(events: Iterable[object], steps: Steps, request: BuildRequest) -> str:
    """Read the Engine's account of the build. Returns the id of the image."""
    image = ""
    for event in events:
        if not isinstance(event, dict):
            continue
        if "error" in event:
            message = printable(str(event["error"]))[:MAX_LINE]
            raise steps.failed(message, steps.tail, _hint(request))
        for line in str(event.get("stream") or event.get("status") or "").splitlines():
            steps.line(printable(line)[:MAX_LINE])
        if isinstance(aux := event.get("aux"), dict) and isinstance(aux.get("ID"), str):
            image = aux["ID"]
    if not image:
        raise BuildStepError("the Docker Engine ended the build without an image or an error")
    return image


def _hint(request: BuildRequest) -> str:
    host = os.environ.get("DOCKER_HOST")
    return by_hand("docker build", request, {"DOCKER_HOST": host} if host else {})
