"""What a Dockerfile takes from outside: images, downloads and Git repositories, and where each is written.

What a base image triggers with ONBUILD, and what RUN steps fetch, does not stand in the Dockerfile.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

from olos_build.dockerfile import Dockerfile, ImageUse, Instruction, StageStep, Walk
from olos_build.dockerfile.words import Style, WordError, expand

PLATFORMS = ("linux/amd64", "linux/amd64/v1", "linux/x86_64", "linux/x86-64", "amd64")
_HTTP = re.compile(r"https?://", re.IGNORECASE)
_GIT = re.compile(r"(?:git|ssh)://|git@|https?://[^?#]*\.git(?:#|$)", re.IGNORECASE)
_SAFE_NAME = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._+~@%=,-]{1,200}")
_DEFAULT_NAME = "download"  # what BuildKit calls a file when the URL has no name


@dataclass(frozen=True)
class Span:
    """Characters of the decoded Dockerfile."""

    start: int
    end: int


@dataclass(frozen=True)
class ImageWanted:
    """An image: its reference with ARGs replaced, and the words to be replaced."""

    line: int
    reference: str
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class FileWanted:
    """One source of a download: the word, its URL, and the file name that the URL stands for."""

    url: str
    name: str
    span: Span


@dataclass(frozen=True)
class DownloadsWanted:
    """An ADD whose sources are all http(s) URLs.

    `checksums` are the values of its --checksum flags, `checksum_spans` where those stand.
    """

    line: int
    keyword: Span
    files: tuple[FileWanted, ...]
    json: bool
    checksums: tuple[str, ...] = ()
    checksum_spans: tuple[Span, ...] = ()


@dataclass(frozen=True)
class CommitWanted:
    """A Git repository: the word, and it with variables replaced."""

    line: int
    url: str
    span: Span


@dataclass(frozen=True)
class Unpinnable:
    """What comes from outside but cannot be fixed, and why."""

    line: int
    what: str
    reason: str


Wanted: TypeAlias = ImageWanted | DownloadsWanted | CommitWanted | Unpinnable


def wanted(dockerfile: Dockerfile, build_args: Mapping[str, str], stage: str | None) -> Iterator[Wanted]:
    """All that is taken from outside, in order; with `stage` up to the end of that stage."""
    walk = Walk(dockerfile, build_args)
    ending = False
    for step in walk.steps():
        if step.instruction.keyword == "FROM" and ending:
            return
        if step.stage and stage is not None:
            ending = stage.lower() in (step.stage.name, str(step.stage.index))
        if step.instruction not in dockerfile.instructions:
            continue  # ONBUILD: it happens elsewhere
        for use in walk.images(step):
            yield _image(use)
        if step.instruction.keyword == "ADD" and not step.instruction.heredocs:
            yield from _added(step, dockerfile.escape)


def base_reference(dockerfile: Dockerfile, build_args: Mapping[str, str], stage: str | None) -> str | None:
    """The image that the built stage begins with, through all stages that it goes on from; None: scratch."""
    walk = Walk(dockerfile, build_args)
    base = None
    for step in walk.steps():
        if step.instruction.keyword != "FROM" or step.stage is None:
            continue
        root = step.stage
        while root.parent:
            root = root.parent
        base = root.base
        if stage is not None and stage.lower() in (step.stage.name, str(step.stage.index)):
            break
    return base


def _image(use: ImageUse) -> Wanted:
    instruction = use.instruction
    if use.reference is None:
        return Unpinnable(instruction.line, f"image {use.written}", "a variable in it has no value")
    platform = instruction.flag("platform") if instruction.keyword == "FROM" else None
    if platform and "$" not in platform and platform.lower() not in PLATFORMS:
        return Unpinnable(
            instruction.line, f"image {use.written}", f"it is taken for {platform}, not for linux/amd64"
        )
    spans = _image_spans(use)
    if not spans:
        return Unpinnable(instruction.line, f"image {use.written}", "it does not stand there in one piece")
    return ImageWanted(instruction.line, use.reference, spans)


def _image_spans(use: ImageUse) -> tuple[Span, ...]:
    instruction, written = use.instruction, re.escape(use.written)
    if instruction.keyword == "FROM":
        match = re.compile(rf"{written}(?=\s|$)").match(instruction.text, instruction.rest_offset)
        found = [match.start()] if match else []
    else:
        pattern = re.compile(rf"(?<=[\s,=-])from={written}(?=[\s,]|$)", re.IGNORECASE)
        flags = instruction.text[: instruction.rest_offset]
        found = [match.start() + len("from=") for match in pattern.finditer(flags)]
    spans = tuple(_span(instruction, offset, len(use.written)) for offset in found)
    return tuple(span for span in spans if span) if all(spans) else ()


def _span(instruction: Instruction, offset: int, length: int) -> Span | None:
    """Where a part of an instruction stands in the file; None if a line break cuts it."""
    start, last = instruction.source_at(offset), instruction.source_at(offset + length - 1)
    return Span(start, last + 1) if last - start == length - 1 else None


@dataclass(frozen=True)
class _Source:
    """A source of an ADD: with variables replaced, and where it stands (None: not in one piece)."""

    text: str
    span: Span | None
    known: bool = True

    @property
    def remote(self) -> bool:
        """Whether it may come from elsewhere: so may what begins with a variable nobody knows."""
        pattern = re.compile(rf"{_HTTP.pattern}|{_GIT.pattern}|[\"']?\$", re.IGNORECASE)
        return bool((_HTTP if self.known else pattern).match(self.text) or _GIT.match(self.text))


def _added(step: StageStep, escape: str) -> Iterator[Wanted]:
    instruction = step.instruction
    sources = list(_sources(step, escape))
    for source in sources:
        if source.remote and not source.known:
            yield Unpinnable(
                instruction.line, f"download {source.text}", "a variable in it has no value here"
            )
            return
    downloads = [source for source in sources if source.remote and not _GIT.match(source.text)]
    for source in sources:
        if _GIT.match(source.text):
            yield _git(instruction, source)
    if downloads:
        yield _downloads(instruction, sources, downloads)


def _git(instruction: Instruction, source: _Source) -> Wanted:
    if source.span is None:
        return _not_in_one_piece(instruction, source)
    return CommitWanted(instruction.line, source.text, source.span)


def _downloads(instruction: Instruction, sources: list[_Source], downloads: list[_Source]) -> Wanted:
    def refused(reason: str) -> Unpinnable:
        return Unpinnable(instruction.line, f"download {downloads[0].text}", reason)

    if len(downloads) != len(sources):
        return refused("the same ADD has other sources; give them an ADD of their own")
    if instruction.flag("unpack") not in (None, "false"):
        return refused("--unpack of a download; unpack it in a RUN step")
    files = []
    for source in downloads:
        name = _file_name(source.text)
        if name is None:
            return refused("its file name has unusual characters")
        if source.span is None:
            return _not_in_one_piece(instruction, source)
        files.append(FileWanted(source.text, name, source.span))
    keyword = _span(instruction, 0, len("ADD"))
    spans = tuple(_flag_spans(instruction, "checksum"))
    checksums = instruction.flag_values("checksum")
    if keyword is None or len(spans) != len(checksums):
        return refused("the instruction is not written plainly")
    return DownloadsWanted(instruction.line, keyword, tuple(files), instruction.json, checksums, spans)


def _not_in_one_piece(instruction: Instruction, source: _Source) -> Unpinnable:
    return Unpinnable(instruction.line, f"download {source.text}", "it does not stand there in one piece")


def _sources(step: StageStep, escape: str) -> Iterator[_Source]:
    instruction = step.instruction
    variables = step.stage.variables if step.stage else {}
    offset = instruction.rest_offset
    for word in instruction.arguments[:-1]:
        written = f'"{word}"' if instruction.json else word
        found = instruction.text.find(written, offset)
        span = None if found < 0 else _span(instruction, found, len(written))
        offset = offset if found < 0 else found + len(written)
        try:
            yield _Source(expand(word, variables, Style(escape=escape, refuse_unset=True)), span)
        except WordError:
            yield _Source(word, span, known=False)


def _flag_spans(instruction: Instruction, name: str) -> Iterator[Span]:
    flags = instruction.text[: instruction.rest_offset]
    for match in re.finditer(rf"(?<=\s)--{name}=[^\s\"'\\]+(?=\s|$)", flags, re.IGNORECASE):
        if span := _span(instruction, match.start(), len(match[0])):
            yield span


def _file_name(url: str) -> str | None:
    """The name that a builder gives the file; None if it is no plain one."""
    try:
        name = PurePosixPath(unquote(urlsplit(url).path)).name or _DEFAULT_NAME
    except ValueError:
        return None
    return name if _SAFE_NAME.fullmatch(name) else None
