"""The builder `buildah`: no daemon, as root or as a user with subordinate ids (subuid(5)).

RUN steps are isolated by chroot, which works everywhere: in containers, without cgroups, for users. The
environment variable BUILDAH_ISOLATION chooses another way. Registries on loopback may speak plain HTTP.
Steps are cached; images have no tag, so that `buildah prune` removes them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from olos.progress import Progress
from olos_build import context
from olos_build.builders.options import build_arguments, by_hand, cache_is_foreign
from olos_build.builders.protocol import BuildRequest, BuiltImage
from olos_build.builders.registries import VARIABLE, configuration
from olos_build.builders.steps import Steps
from olos_build.dockerfile import Dockerfile, load
from olos_build.tool import Tool, ToolFailedError, first_line, run

BUILDAH = Tool("buildah", "buildah")
_DOCKERS_CAPABILITIES = ("CAP_AUDIT_WRITE", "CAP_MKNOD", "CAP_NET_RAW")
"""What RUN steps may do under Docker by default, and under buildah may not."""


@dataclass(frozen=True)
class _Spool:
    """Where the parts of one build lie."""

    folder: Path

    @property
    def context(self) -> Path:
        return self.folder / "context"

    @property
    def dockerfile(self) -> Path:
        return self.folder / "Dockerfile"

    @property
    def no_patterns(self) -> Path:
        return self.folder / "ignore-nothing"

    @property
    def registries(self) -> Path:
        return self.folder / "registries.conf"

    @property
    def scratch(self) -> Path:
        return self.folder / "scratch"

    @property
    def image_id(self) -> Path:
        return self.folder / "image-id"

    @property
    def image(self) -> Path:
        return self.folder / "image.tar"

    def environment(self) -> dict[str, str]:
        """An interrupted buildah leaves its scratch files; here they go with the spool."""
        return {VARIABLE: str(self.registries), "TMPDIR": str(self.scratch)}


class Buildah:
    """Builds with the program `buildah`."""

    @property
    def name(self) -> str:
        return "buildah"

    def available(self) -> bool:
        return BUILDAH.installed()

    def version(self) -> str:
        # "buildah version 1.28.2 (image-spec …)"
        return " ".join(first_line(BUILDAH, ["--version"]).split()[2:3])

    def build(self, request: BuildRequest, spool: Path, progress: Progress) -> BuiltImage:
        dockerfile = load(request.dockerfile)
        version = self.version()
        parts = _Spool(spool / "buildah")
        _prepare(parts, request, dockerfile, progress)
        if lines := commands_after_shell(dockerfile):
            progress.warn(
                "shell-ignored",
                f"{dockerfile.path}: line {lines[0]}: buildah may run it by /bin/sh -c, whatever SHELL says;"
                " write it as a JSON list",
            )
        steps = Steps(dockerfile, progress)
        try:
            run(
                BUILDAH,
                _arguments(parts, request, dockerfile),
                lambda line: steps.line(_without_spool(line, parts, request)),
                environment=parts.environment(),
            )
        except ToolFailedError as exc:
            hint = by_hand("buildah build --isolation=chroot", request)
            raise steps.failed(f"buildah failed with {exc.reason}:", hint) from exc
        progress.step("exporting the image")
        image_id = parts.image_id.read_text().strip()
        push = ["push", "--quiet", image_id, f"docker-archive:{parts.image}"]
        run(BUILDAH, push, progress.output, environment=parts.environment())
        return BuiltImage("archive", parts.image, self.name, version)


def commands_after_shell(dockerfile: Dockerfile) -> list[int]:
    """The lines of CMD and ENTRYPOINT instructions in shell form for which a SHELL was chosen."""
    lines, chosen = [], False
    for instruction in dockerfile.instructions:
        if instruction.keyword in ("FROM", "SHELL"):
            chosen = instruction.keyword == "SHELL"
        elif instruction.keyword in ("CMD", "ENTRYPOINT") and chosen:
            in_shell_form = not instruction.text.partition(" ")[2].lstrip().startswith("[")
            lines += [instruction.line] if in_shell_form else []
    return lines


def _prepare(parts: _Spool, request: BuildRequest, dockerfile: Dockerfile, progress: Progress) -> None:
    parts.folder.mkdir()
    parts.dockerfile.write_bytes(dockerfile.content)
    parts.no_patterns.touch()
    parts.scratch.mkdir()
    parts.registries.write_text(configuration())
    context.unpack(request, parts.context, progress)


def _arguments(parts: _Spool, request: BuildRequest, dockerfile: Dockerfile) -> list[str | Path]:
    isolation = os.environ.get("BUILDAH_ISOLATION") or "chroot"
    arguments: list[str | Path] = ["build"]
    # The Docker format keeps SHELL, HEALTHCHECK and ONBUILD; OCI has no place for them.
    arguments += ["--format=docker", f"--isolation={isolation}", f"--platform={request.platform}"]
    arguments += [f"--cap-add={capability}" for capability in _DOCKERS_CAPABILITIES]
    arguments += ["--layers", "--force-rm", "--pull=false", "--identity-label=false"]
    arguments += ["--no-cache"] if cache_is_foreign(request) else []
    arguments += [f"--target={request.stage}"] if request.stage else []
    arguments += [f"--build-arg={n}={v}" for n, v in build_arguments(request, dockerfile).items()]
    arguments += ["--file", parts.dockerfile, "--ignorefile", parts.no_patterns]
    return [*arguments, "--iidfile", parts.image_id, parts.context]


def _without_spool(line: str, parts: _Spool, request: BuildRequest) -> str:
    line = line.replace(str(parts.context), str(request.context))
    return line.replace(str(parts.dockerfile), str(request.dockerfile))
