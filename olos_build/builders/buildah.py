"""The builder `buildah`: no daemon, as root or as a user with subordinate ids (subuid(5)).

RUN steps are isolated by chroot, which works everywhere: in containers, without cgroups, for users. The
environment variable BUILDAH_ISOLATION chooses another way. Registries on loopback may speak plain HTTP.
Steps are cached; images have no tag, so that `buildah prune` removes them. What `RUN --mount=type=cache`
keeps is in the user's cache directory.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from olos.errors import InputError
from olos.progress import Progress
from olos_build import context
from olos_build.builders import no_network
from olos_build.builders.abilities import Abilities, check, mounts
from olos_build.builders.options import by_hand, common_options
from olos_build.builders.protocol import BuildRequest, BuiltImage
from olos_build.builders.registries import VARIABLE, configuration
from olos_build.builders.steps import Steps
from olos_build.builders.storage import BUILDAH, preload
from olos_build.builders.working_containers import removed
from olos_build.dockerfile import Dockerfile
from olos_build.tool import ToolFailedError, first_line, run

_DOCKERS_CAPABILITIES = ("CAP_AUDIT_WRITE", "CAP_MKNOD", "CAP_NET_RAW")
"""What RUN steps may do under Docker by default, and under buildah may not."""

_HEREDOCS_SINCE = (1, 33)
_ATTEMPTS = 3
_LOST = "Error: checking if cached image exists from a previous build: "
_VERSION = re.compile(r"(\d+)\.(\d+)")


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
        dockerfile = request.load()
        version = self.version()
        check(dockerfile, request, abilities(version), progress)
        parts = _Spool(spool / "buildah")
        _prepare(parts, request, dockerfile, progress)
        preload(request.images, parts.folder, progress, parts.environment())
        if lines := commands_after_shell(dockerfile):
            progress.warn(
                "shell-ignored",
                f"{dockerfile.path}: line {lines[0]}: buildah may run it by /bin/sh -c, whatever SHELL says;"
                " write it as a JSON list",
            )
        _run(parts, request, dockerfile, progress)
        progress.step("exporting the image")
        image_id = parts.image_id.read_text().strip()
        push = ["push", "--quiet", image_id, f"docker-archive:{parts.image}"]
        run(BUILDAH, push, progress.output, environment=parts.environment())
        return BuiltImage("archive", parts.image, self.name, version)


def abilities(version: str) -> Abilities:
    """What this version of buildah can do."""
    match = _VERSION.match(version)
    heredocs = match is None or (int(match[1]), int(match[2])) >= _HEREDOCS_SINCE
    return Abilities(f"buildah {version}", "--builder buildkit", heredocs=heredocs, remote_cache=False)


def _run(parts: _Spool, request: BuildRequest, dockerfile: Dockerfile, progress: Progress) -> None:
    program, before = BUILDAH, list[str | Path]()
    if request.extras.network == "none":
        no_network.pull(request, dockerfile, parts.environment(), progress)
        program, before = no_network.command()
    for attempts_left in reversed(range(_ATTEMPTS)):
        steps = Steps(dockerfile, progress)
        show = partial(_show, steps, parts, request)
        try:
            with removed(parts.folder) as hooks:
                arguments = [*before, *_arguments(parts, request, dockerfile, hooks)]
                run(program, arguments, show, environment=parts.environment())
        except ToolFailedError as exc:
            if attempts_left and _lost_an_image(exc):
                continue
            hint = by_hand("buildah build --isolation=chroot", request)
            raise steps.failed(f"buildah failed with {exc.reason}:", hint) from exc
        return


def _show(steps: Steps, parts: _Spool, request: BuildRequest, line: str) -> None:
    steps.line(_without_spool(line, parts, request))


def _lost_an_image(exc: ToolFailedError) -> bool:
    """buildah looks at all images for layers to reuse, and fails if one of them is removed meanwhile."""
    return bool(exc.tail) and exc.tail[-1].startswith(_LOST)


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
    if any(mount.type == "cache" for mount in mounts(dockerfile)):
        _keep_cache_mounts(parts.scratch)
    parts.registries.write_text(configuration())
    context.unpack(request, parts.context, progress)


def _keep_cache_mounts(scratch: Path) -> None:
    """buildah keeps them below TMPDIR; newer versions put the user's number behind the name."""
    kept = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "olos" / "run-mounts"
    try:
        kept.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise InputError(
            f"{kept}: RUN --mount=type=cache needs it: {exc.strerror}", hint="set XDG_CACHE_HOME"
        ) from exc
    for name in ("buildah-cache", f"buildah-cache-{os.geteuid()}"):
        (scratch / name).symlink_to(kept.absolute())


def _arguments(parts: _Spool, request: BuildRequest, dockerfile: Dockerfile, hooks: Path) -> list[str | Path]:
    isolation = os.environ.get("BUILDAH_ISOLATION") or "chroot"
    arguments: list[str | Path] = ["build"]
    # The Docker format keeps SHELL, HEALTHCHECK and ONBUILD; OCI has no place for them.
    arguments += ["--format=docker", f"--isolation={isolation}", "--hooks-dir", hooks]
    arguments += [f"--cap-add={capability}" for capability in _DOCKERS_CAPABILITIES]
    arguments += ["--layers", "--force-rm", "--pull=false", "--identity-label=false"]
    arguments += ["--network=host"] if request.extras.network == "host" else []
    # The cache does not tell apart what was made with a network and without.
    arguments += ["--no-cache"] if request.extras.network == "none" else []
    # Where the tree has no times, all files of a layer may have one: later steps do not see the clock there.
    arguments += [] if request.epoch else [f"--timestamp={request.time}"]
    arguments += common_options(request, dockerfile)
    arguments += ["--file", parts.dockerfile, "--ignorefile", parts.no_patterns]
    return [*arguments, "--iidfile", parts.image_id, parts.context]


def _without_spool(line: str, parts: _Spool, request: BuildRequest) -> str:
    line = line.replace(str(parts.context), str(request.context))
    return line.replace(str(parts.dockerfile), str(request.dockerfile))
