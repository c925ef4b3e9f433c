"""Git repositories that an ADD names: which commit a branch or tag is (BuildKit's Git context URLs)."""

from __future__ import annotations

import re

from olos.errors import BuildStepError, InputError
from olos.progress import Progress
from olos_build.lock import LockedCommit
from olos_build.tool import Tool, ToolFailedError, run

GIT = Tool("git", "git")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LINE = re.compile(r"([0-9a-f]{40}|[0-9a-f]{64})\t(\S+)")
_MAX_LINES = 100_000


def parts(url: str) -> tuple[str, str, str]:
    """Repository, branch or tag or commit (may be empty), and directory (may be empty)."""
    repository, _, fragment = url.partition("#")
    reference, _, folder = fragment.partition(":")
    return repository, reference, folder


def at_commit(url: str, commit: str) -> str:
    """The same URL at a commit."""
    repository, _, folder = parts(url)
    return f"{repository}#{commit}" + (f":{folder}" if folder else "")


def resolve(url: str, progress: Progress) -> LockedCommit:
    """The commit that a URL stands for now.

    Raises InputError if it names no branch or tag, BuildStepError if git fails, MissingToolError without it.
    """
    repository, reference, _ = parts(url)
    if _COMMIT.fullmatch(reference):
        return LockedCommit(url, reference)
    progress.step(f"asking {repository} for {reference or 'its HEAD'}")
    found: dict[str, str] = {}

    def line(text: str) -> None:
        progress.output(text)
        if (match := _LINE.fullmatch(text)) and len(found) < _MAX_LINES:
            found[match[2]] = match[1]

    wanted = _names(reference)
    try:
        run(GIT, ["ls-remote", "--", repository, *wanted], line, environment={"GIT_TERMINAL_PROMPT": "0"})
    except ToolFailedError as exc:
        said = "\n  ".join(exc.tail[-5:])
        raise BuildStepError(f"{repository}: git cannot read it:\n  {said}") from exc
    for name in wanted:
        if name in found:
            return LockedCommit(url, found[name])
    raise InputError(f"{url}: there is no branch or tag {reference or 'HEAD'!r}")


def _names(reference: str) -> list[str]:
    """The full names that a reference may have. Those that end in ^{} are the commits of annotated tags."""
    if not reference:
        return ["HEAD"]
    if reference.startswith("refs/"):
        return [f"{reference}^{{}}", reference]
    tag = f"refs/tags/{reference}"
    return [f"refs/heads/{reference}", f"{tag}^{{}}", tag]
