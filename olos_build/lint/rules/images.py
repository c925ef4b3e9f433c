"""Images from outside: FROM, COPY --from, RUN --mount=from, the image of the `syntax` directive."""

from __future__ import annotations

import re
from collections.abc import Iterator

from olos_build.lint.model import Hit, Rule, Severity, Site

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}\Z")


def floating_image(site: Site) -> Iterator[Hit]:
    """Images without a digest. With an olos.lock there are none: it names their digests."""
    if site.facts.locked:
        return
    for use in site.images:
        reference = use.reference
        if reference is None:
            yield Hit(
                site.instruction.line,
                f"{use.written} depends on a variable that has no value here",
                "give the ARG before FROM a default with a digest: ARG BASE=name@sha256:…",
            )
        elif not _DIGEST.search(reference):
            name, tag = _name_and_tag(reference)
            what = f"the tag {tag!r}" if tag else "no tag, so the tag 'latest'"
            yield Hit(
                site.instruction.line,
                f"{reference} has {what} and no digest",
                f"run 'olos pin', or write: {name}{':' + tag if tag else ''}@sha256:…",
            )


def floating_syntax(site: Site) -> Iterator[Hit]:
    """`# syntax=` without a digest."""
    syntax = site.dockerfile.syntax
    if site.first and syntax and not _DIGEST.search(syntax[1].split()[0]):
        yield Hit(
            syntax[0],
            f"the frontend {syntax[1].split()[0]} has no digest",
            "leave the line away, or write: # syntax=docker/dockerfile:1@sha256:…",
        )


def _name_and_tag(reference: str) -> tuple[str, str]:
    name, colon, tag = reference.partition("@")[0].rpartition(":")
    return (name, tag) if colon and "/" not in tag else (reference.partition("@")[0], "")


RULES = (
    Rule(
        "floating-image",
        Severity.ERROR,
        "a tag moves: the next build may begin with another image",
        floating_image,
    ),
    Rule(
        "floating-syntax",
        Severity.NOTE,
        "BuildKit fetches this program by its tag to read the Dockerfile",
        floating_syntax,
    ),
)
