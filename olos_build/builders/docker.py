"""The builder `docker`: a Docker Engine, local or remote.

With BuildKit where the program `docker` has buildx, else with the Engine's own builder over its API
(Docker Engine API, POST /build). Nothing gets a tag, so `docker image prune` removes what is built.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from docker import APIClient
from docker.errors import APIError

from olos.errors import BuildStepError, MissingToolError
from olos.progress import Progress
from olos_build import context
from olos_build.builders.abilities import Abilities, check
from olos_build.builders.buildkit import prepare
from olos_build.builders.buildkit_clients import DOCKER, Work, buildx_build, has_buildx
from olos_build.builders.buildkit_steps import BuildKitSteps
from olos_build.builders.engine_folder import imported
from olos_build.builders.options import build_arguments, by_hand, without_cache
from olos_build.builders.protocol import BuildRequest, BuiltImage
from olos_build.builders.steps import Steps
from olos_build.dockerfile import Dockerfile
from olos_build.engine import connected, explanation, save
from olos_build.tool import MAX_LINE, ToolFailedError, printable, run

_BUILDX = Abilities("docker buildx", "")
_ENGINE = Abilities(
    "the Engine's own builder",
    "--builder buildah or buildkit, or install docker-buildx",
    mounts=False,
    heredocs=False,
    remote_cache=False,
)


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
        job = Job(request, request.load(), spool / "docker", progress)
        archive = job.folder / "image.tar"
        job.folder.mkdir()
        with connected() as client:
            version = str(client.version()["Version"])
            image = build_with_buildx(job) if has_buildx() else build_with_engine(client, job)
            save(client, image, archive, progress)
        return BuiltImage("archive", archive, self.name, version)


@dataclass(frozen=True)
class Job:
    """One build, and the folder for what it needs."""

    request: BuildRequest
    dockerfile: Dockerfile
    folder: Path
    progress: Progress

    def arguments(self) -> dict[str, str]:
        return build_arguments(self.request, self.dockerfile)

    def hint(self) -> str:
        host = os.environ.get("DOCKER_HOST")
        return by_hand("docker build", self.request, {"DOCKER_HOST": host} if host else {})


def build_with_buildx(job: Job) -> str:
    """Returns the id of the image."""
    work = Work(job.request, job.dockerfile, job.folder)
    check(job.dockerfile, job.request, _BUILDX, job.progress)
    prepare(work, job.progress)
    identity = job.folder / "image-id"
    steps = BuildKitSteps(job.dockerfile, job.progress)
    try:
        run(DOCKER, [*buildx_build(work), "--load", "--iidfile", identity, work.context], steps.line)
    except ToolFailedError as exc:
        raise steps.failed(f"docker buildx failed with {exc.reason}:", job.hint()) from exc
    return identity.read_text().strip()


def build_with_engine(client: APIClient, job: Job) -> str:
    """Returns the id of the image."""
    check(job.dockerfile, job.request, _ENGINE, job.progress)
    if lines := directories_of_users(job.dockerfile):
        job.progress.warn(
            "workdir-owner",
            f"{job.request.dockerfile}: line {lines[0]}: the Engine's own builder makes the directory of a"
            " WORKDIR as root, buildah and BuildKit as the USER; make it in a RUN step before USER",
        )
    # The Engine leaves out of the context what it reads itself if the patterns name it.
    extra = {
        context.RESERVED: job.dockerfile.content,
        context.IGNORE_FILE: f"{context.IGNORE_FILE}\n{context.RESERVED}\n".encode(),
    }
    context.check_apart(job.request, job.folder)
    sent = job.folder / "context.tar"
    with sent.open("x+b") as stream:
        context.tar(job.request, stream, job.progress, extra)
        stream.seek(0)
        try:
            with imported(client, job.request.folder, job.folder):
                image = follow(_start(client, job, stream), job)
        except APIError as exc:
            message = f"the Docker Engine refuses it: {explanation(exc)}"
            raise Steps(job.dockerfile, job.progress).failed(message, job.hint()) from exc
    sent.unlink()
    return image


def _start(client: APIClient, job: Job, sent: BinaryIO) -> Iterable[object]:
    network = job.request.extras.network
    events: Iterable[object] = client.build(
        fileobj=sent,
        custom_context=True,
        dockerfile=context.RESERVED,
        decode=True,
        rm=True,
        forcerm=True,
        nocache=without_cache(job.request),
        target=job.request.stage,
        platform=job.request.platform,
        buildargs=job.arguments(),
        network_mode=None if network == "default" else network,
    )
    return events


def directories_of_users(dockerfile: Dockerfile) -> list[int]:
    """The lines of WORKDIR instructions that come after a USER other than root."""
    lines, user = [], "root"
    for instruction in dockerfile.instructions:
        if instruction.keyword == "FROM":
            user = "root"
        elif instruction.keyword == "USER":
            user = instruction.text.partition(" ")[2].strip().partition(":")[0]
        elif instruction.keyword == "WORKDIR" and user not in ("root", "0"):
            lines.append(instruction.line)
    return lines


def follow(events: Iterable[object], job: Job) -> str:
    """Read the Engine's account of the build. Returns the id of the image."""
    steps, image, error = Steps(job.dockerfile, job.progress), "", None
    for event in events:
        if not isinstance(event, dict):
            continue
        if "error" in event:
            # The last event; reading on to the end gives the connection back.
            error = steps.failed(printable(str(event["error"]))[:MAX_LINE], job.hint())
        for line in str(event.get("stream") or event.get("status") or "").splitlines():
            if line.strip():
                steps.line(printable(line)[:MAX_LINE])
        if isinstance(aux := event.get("aux"), dict) and isinstance(aux.get("ID"), str):
            image = aux["ID"]
    if error:
        raise error
    if not image:
        raise BuildStepError("the Docker Engine ended the build without an image or an error")
    return image
