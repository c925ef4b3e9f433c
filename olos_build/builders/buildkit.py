"""The builder `buildkit`: a BuildKit daemon anywhere, asked by `buildctl` or `docker buildx`.

The image comes back as an OCI archive. The daemon keeps its own cache; a remote one can be named.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from olos.errors import BuildStepError, MissingToolError
from olos.progress import Progress
from olos_build import context
from olos_build.builders.abilities import Abilities, check
from olos_build.builders.buildkit_address import VARIABLE, Address, parse_address
from olos_build.builders.buildkit_clients import Client, Work, choose_client
from olos_build.builders.buildkit_steps import BuildKitSteps
from olos_build.builders.options import by_hand, without_cache
from olos_build.builders.protocol import BuildRequest, BuiltImage
from olos_build.tool import ToolFailedError

_ABILITIES = Abilities("buildkit", "")
_NOWHERE = Address()


@dataclass(frozen=True)
class BuildKit:
    """Builds with a BuildKit daemon: the one at `address`, else that of BUILDKIT_HOST."""

    address: Address = _NOWHERE

    @property
    def name(self) -> str:
        return "buildkit"

    def available(self) -> bool:
        try:
            self.version()
        except MissingToolError:
            return False
        return True

    def version(self) -> str:
        return self._client().version()

    def build(self, request: BuildRequest, spool: Path, progress: Progress) -> BuiltImage:
        work = Work(request, request.load(), spool / "buildkit")
        check(work.dockerfile, request, _ABILITIES, progress)
        client = self._client()
        version = client.version()
        _warn(self._address(), request, progress)
        prepare(work, progress)
        steps = BuildKitSteps(work.dockerfile, progress)
        try:
            client.build(work, steps.line)
        except ToolFailedError as exc:
            hint = by_hand("docker buildx build", request)
            raise steps.failed(f"{client.name} failed with {exc.reason}:", hint) from exc
        if not work.image.is_file() or not work.image.stat().st_size:
            raise BuildStepError(f"{client.name} ended the build without an image or an error")
        return BuiltImage("archive", work.image, self.name, version)

    def _address(self) -> Address:
        if self.address.url:
            return self.address
        outside = os.environ.get(VARIABLE)
        return parse_address(outside, self.address.tls, VARIABLE) if outside else self.address

    def _client(self) -> Client:
        return choose_client(self._address())


def prepare(work: Work, progress: Progress) -> None:
    """Put Dockerfile and context where BuildKit's clients look for them."""
    work.definition.mkdir(parents=True)
    (work.definition / "Dockerfile").write_bytes(work.dockerfile.content)
    # BuildKit looks for the patterns there first; an empty file leaves out nothing.
    (work.definition / "Dockerfile.dockerignore").touch()
    context.unpack(work.request, work.context, progress)


def _warn(address: Address, request: BuildRequest, progress: Progress) -> None:
    if address.in_the_clear:
        progress.warn(
            "buildkit-plain",
            f"{address.url}: build context and secrets go over the network unencrypted; see --buildkit-tls",
        )
    if request.extras.cache_from and without_cache(request):
        progress.warn(
            "cache-unused",
            "--cache-from is not used: with --no-cache or a source_date_epoch nothing comes from a cache",
        )
