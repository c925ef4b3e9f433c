"""Images in registries: what a reference stands for, and fetching an image by digest.

skopeo speaks to the registry, since it knows the machine's credentials, mirrors and certificates. Each byte
that it brings is hashed here before it counts: index, manifest, configuration and layers.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from olos.digest import Digest, sha256_stream
from olos.errors import BuildStepError, InputError, MismatchError
from olos.progress import Progress
from olos_build.acquire import SKOPEO
from olos_build.images import oci
from olos_build.images.config import parse_config
from olos_build.images.folder import DOCUMENT_LIMIT
from olos_build.lock import Document, LockedImage
from olos_build.references import Reference, on_loopback, parse
from olos_build.tool import ToolFailedError, run

MANIFEST = "manifest.json"
_PLATFORM = ["--override-os=linux", "--override-arch=amd64"]
_REFUSED = re.compile(r"(?:did|does|do)(?: not|n't) match|mismatch", re.IGNORECASE)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_EXPECTED = re.compile(r"expected (sha256:[0-9a-f]{64})")
_HINT = "the registry, or somebody on the way, gave other bytes"
_TAIL = 5


def resolve(reference: str, progress: Progress) -> LockedImage:
    """What a reference stands for now. No layer is fetched.

    Raises InputError for what is no reference or no image for linux/amd64, MismatchError if the registry
    gives other bytes than a digest says, BuildStepError if it refuses, MissingToolError without skopeo.
    """
    full = parse(reference)
    if full is None:
        raise InputError(
            f"{reference[:200]!r}: is no reference to an image in a registry, so it cannot be pinned",
            hint="write it as in FROM registry/name:tag",
        )
    progress.step(f"asking for {full}")
    expected = Digest.parse(full.digest, where=reference) if full.digest else None
    top = _document(full, expected, progress)
    where = str(full)
    index, manifest = None, top
    if chosen := oci.chosen_manifest(top, where):
        index = Document(Digest.sha256(top), oci.media_type_of(top, where))
        manifest = _document(Reference(full.name, None, str(chosen.digest)), chosen.digest, progress)
    manifest_digest = Digest.sha256(manifest)
    config_at, layers = oci.parts_of_manifest(manifest, where)
    by_digest = Reference(full.name, None, str(manifest_digest))
    config = _document(by_digest, config_at.digest, progress, ["--config"])
    _, diff_ids = parse_config(config, f"{where}: configuration")
    oci.check_layers(len(layers), len(diff_ids), where)
    return LockedImage(
        reference=reference,
        name=full.name,
        index=index,
        manifest=Document(manifest_digest, oci.media_type_of(manifest, where)),
        config=config_at.digest,
        layers=diff_ids,
    )


def fetch(image: LockedImage, folder: Path, progress: Progress) -> Path:
    """Fetch an image into a new directory as skopeo's transport `dir:` has it, and verify all of it.

    Raises MismatchError naming what has another digest; else as `resolve`.
    """
    progress.step(f"pulling {image.pinned}")
    digest = image.manifest.digest
    _document(Reference(image.name, None, str(digest)), digest, progress)
    source = [*_insecure(image.name, "--src-tls-verify=false"), f"docker://{image.pinned}"]
    _skopeo(["copy", *source, f"dir:{folder}"], image.pinned, progress)
    verify(image, folder)
    return folder


def verify(image: LockedImage, folder: Path) -> None:
    """Compare manifest, configuration and layers in a `dir:` directory with their digests.

    Raises MismatchError or InputError.
    """
    manifest = _read(folder / MANIFEST, image.pinned)
    _compare(f"{image.pinned}: manifest", image.manifest.digest, Digest.sha256(manifest))
    config, layers = oci.parts_of_manifest(manifest, image.pinned)
    _compare(f"{image.pinned}: digest of the configuration", image.config, config.digest)
    for part in (config, *layers):
        try:
            with (folder / part.digest.hex).open("rb") as stream:
                actual, _ = sha256_stream(stream)
        except FileNotFoundError as exc:
            raise InputError(f"{image.pinned}: {part.digest} is missing") from exc
        _compare(f"{image.pinned}: content", part.digest, actual)


def _document(
    reference: Reference, expected: Digest | None, progress: Progress, options: Sequence[str] = ()
) -> bytes:
    """A manifest, an index or, with --config, a configuration: its bytes, verified."""
    arguments = ["inspect", "--raw", *options, *_insecure(reference.name, "--tls-verify=false")]
    with tempfile.NamedTemporaryFile(prefix="olos-") as result:
        _skopeo([*arguments, f"docker://{reference}"], str(reference), progress, Path(result.name))
        data = _read(Path(result.name), str(reference))
    if expected is not None:
        _compare(f"{reference}: content", expected, Digest.sha256(data))
    return data


def _read(path: Path, where: str) -> bytes:
    with path.open("rb") as stream:
        data = stream.read(DOCUMENT_LIMIT + 1)
    if len(data) > DOCUMENT_LIMIT:
        raise InputError(f"{where}: a document has more than {DOCUMENT_LIMIT} bytes")
    return data


def _compare(what: str, expected: Digest, actual: Digest) -> None:
    if expected != actual:
        raise _mismatch(what, expected, actual)


def _mismatch(what: str, expected: object, actual: object) -> MismatchError:
    return MismatchError.of(what, expected=expected, actual=actual, hint=_HINT)


def _insecure(name: str, option: str) -> list[str]:
    return [option] if on_loopback(name) else []


def _skopeo(arguments: Sequence[str], what: str, progress: Progress, result: Path | None = None) -> None:
    try:
        if result is None:
            run(SKOPEO, [*_PLATFORM, *arguments], progress.output)
        else:
            with result.open("wb") as stream:
                run(SKOPEO, [*_PLATFORM, *arguments], progress.output, result=stream)
    except ToolFailedError as exc:
        _refused(what, exc)


def _refused(what: str, failed: ToolFailedError) -> NoReturn:
    said = "\n  ".join(failed.tail[-_TAIL:])
    last = failed.tail[-1] if failed.tail else ""
    if _REFUSED.search(last):
        expected = _EXPECTED.search(last)
        others = [found for found in _DIGEST.findall(last) if expected and found != expected[1]]
        if expected and others:
            raise _mismatch(f"{what}: content", expected[1], others[-1]) from failed
        raise MismatchError(f"{what}: other bytes than the digest says:\n  {said}", hint=_HINT) from failed
    raise BuildStepError(
        f"{what}: cannot be had from the registry:\n  {said}",
        hint="is the name right, is it still there, and does the registry want 'skopeo login'?",
    ) from failed
