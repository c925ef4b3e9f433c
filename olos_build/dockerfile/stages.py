"""Build stages, the variables that each instruction sees, and the images that come from outside.

Scopes: docs.docker.com/reference/dockerfile ("Understand how ARG and FROM interact", "Scope", "ENV"). What
olos builds is for linux/amd64, and so are the predefined arguments.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from olos.errors import BuildStepError
from olos_build.dockerfile.model import Dockerfile, Instruction
from olos_build.dockerfile.words import Style, WordError, expand

NO_IMAGE = "scratch"
DEFAULT_SHELL = ("/bin/sh", "-c")
PREDEFINED = {
    f"{side}{part}": value
    for side in ("BUILD", "TARGET")
    for part, value in (("PLATFORM", "linux/amd64"), ("OS", "linux"), ("ARCH", "amd64"), ("VARIANT", ""))
}
_MAX_COPIED = 5_000_000
"""Most variables that stages may take over from each other, all together."""


@dataclass
class Stage:
    """One build stage. `base` is the image it begins with, or None: then it goes on from `parent`.

    While steps are read, `environment`, `arguments` and `shell` are those that the next instruction sees.
    """

    index: int
    name: str
    base: str | None
    parent: Stage | None
    environment: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    shell: tuple[str, ...] = DEFAULT_SHELL

    @property
    def variables(self) -> Mapping[str, str]:
        """All variables that have values. ENV wins over ARG."""
        return ChainMap(self.environment, self.arguments)


@dataclass(frozen=True)
class StageStep:
    """An instruction and the stage it stands in: None before the first FROM.

    What ONBUILD triggers is a step too. A stage changes when the next step is read.
    """

    instruction: Instruction
    stage: Stage | None


@dataclass(frozen=True)
class ImageUse:
    """An image from outside that an instruction names.

    `written` is the word in the file, at `offset` of the instruction's text (None if it is not there
    literally); `reference` is the same with variables replaced, None if one of them has no value.
    """

    instruction: Instruction
    written: str
    reference: str | None
    offset: int | None


class Walk:
    """Goes through a Dockerfile once, in order."""

    def __init__(self, dockerfile: Dockerfile, build_args: Mapping[str, str] | None = None) -> None:
        self._dockerfile = dockerfile
        self._build_args = dict(build_args or {})
        self._style = Style(escape=dockerfile.escape)
        self._globals: dict[str, str] = {**PREDEFINED}
        self._stages: list[Stage] = []
        self._names: dict[str, Stage] = {}
        self._copied = 0

    def steps(self) -> Iterator[StageStep]:
        """Each instruction with the scope it sees. Raises BuildStepError if scopes grow beyond measure."""
        for instruction in self._dockerfile.instructions:
            if instruction.keyword == "FROM":
                self._begin(instruction)
            stage = self._stages[-1] if self._stages else None
            yield StageStep(instruction, stage)
            if instruction.child:
                yield StageStep(instruction.child, stage)
            self._apply(instruction, stage)

    def images(self, step: StageStep) -> Iterator[ImageUse]:
        """The images from outside that a step names. To be asked while the step is the present one."""
        instruction = step.instruction
        if instruction.keyword == "FROM":
            if self._stages[-1].parent is None and self._stages[-1].base != NO_IMAGE:
                yield self._use(instruction, instruction.arguments[0])
        elif instruction.keyword == "COPY":
            for written in instruction.flag_values("from"):
                yield from self._other(instruction, written)
        elif instruction.keyword == "RUN":
            for mount in instruction.flag_values("mount"):
                for option in mount.split(","):
                    key, _, written = option.partition("=")
                    if key.strip().lower() == "from":
                        yield from self._other(instruction, written)

    def _other(self, instruction: Instruction, written: str) -> Iterator[ImageUse]:
        is_stage = written.lower() in self._names or written.isdecimal()
        if written and not is_stage and written != NO_IMAGE:
            yield self._use(instruction, written)

    def _use(self, instruction: Instruction, written: str) -> ImageUse:
        if instruction.keyword == "FROM":
            offset = instruction.text.find(written, instruction.rest_offset)
        else:
            offset = instruction.text.find(f"from={written}", 0, instruction.rest_offset)
            offset += len("from=") if offset >= 0 else 0
        known = self._known(written, self._globals)
        return ImageUse(instruction, written, known, None if offset < 0 else offset)

    def _known(self, text: str, variables: Mapping[str, str]) -> str | None:
        try:
            return expand(text, variables, Style(escape=self._dockerfile.escape, refuse_unset=True)) or None
        except WordError:
            return None

    def _begin(self, instruction: Instruction) -> None:
        written, *named = instruction.arguments
        base = self._known(written, self._globals)
        parent = self._names.get((base or "").lower())
        name = named[-1].lower() if named else ""
        stage = Stage(len(self._stages), name, None if parent else base or written, parent)
        if parent:
            self._copied += len(parent.environment) + len(parent.arguments)
            if self._copied > _MAX_COPIED:
                raise BuildStepError(
                    f"{self._dockerfile.path}: line {instruction.line}: too many variables in too many stages"
                )
            stage.environment.update(parent.environment)
            stage.arguments.update(parent.arguments)
            stage.shell = parent.shell
        self._stages.append(stage)
        if name:
            self._names[name] = stage

    def _apply(self, instruction: Instruction, stage: Stage | None) -> None:
        if instruction.keyword == "ARG":
            self._declare(instruction, stage)
        elif stage and instruction.keyword == "ENV":
            new = {name: self._value(value or "", stage) for name, value in instruction.pairs}
            stage.environment.update((self._value(name, stage), value) for name, value in new.items())
        elif stage and instruction.keyword == "SHELL" and instruction.json and instruction.arguments:
            stage.shell = instruction.arguments

    def _declare(self, instruction: Instruction, stage: Stage | None) -> None:
        arguments = stage.arguments if stage else self._globals
        for name, default in instruction.pairs:
            if name in self._build_args:
                arguments[name] = self._build_args[name]
            elif default is not None:
                arguments[name] = self._value(default, stage)
            elif stage and name in self._globals:
                arguments[name] = self._globals[name]

    def _value(self, text: str, stage: Stage | None) -> str:
        """A value with its variables replaced; as written if that cannot be done."""
        if "$" not in text and '"' not in text and "'" not in text and self._style.escape not in text:
            return text
        try:
            return expand(text, stage.variables if stage else self._globals, self._style)
        except WordError:
            return text
