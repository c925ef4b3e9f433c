"""Following BuildKit, by what its clients print with `--progress=plain`.

    #7 [build 2/3] RUN make            a vertex of the build begins, or is looked at again
    #7 0.213 cc -c a.c                 what it prints, seconds first
    #7 DONE 1.2s | CACHED | CANCELED | ERROR: …
    ------                             after a failure: what the vertex printed
    Dockerfile:12                      and where it stands
    error: failed to solve: …          and why, once more

Steps run side by side, so each vertex keeps its own last lines.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field

from olos.errors import BuildStepError
from olos.progress import Progress
from olos_build.builders.steps import Steps
from olos_build.dockerfile import Dockerfile, Instruction
from olos_build.tool import TAIL_LINES

_MAX_VERTICES = 10_000
_VERTEX = re.compile(r"#(\d{1,9}) (.*)", re.DOTALL)
_STEP = re.compile(r"\[(?:[^\]]* )?\s*\d+/\d+\] (.+)", re.DOTALL)
_LOG = re.compile(r"\d+\.\d+ (.*)", re.DOTALL)
_ERROR = "ERROR: "
_CANCELED = "context canceled"
_PLACE = re.compile(r"Dockerfile:(\d{1,9})")
_REASON = re.compile(r"(?:error|ERROR): (.+)", re.DOTALL)


@dataclass
class _Vertex:
    """One piece of BuildKit's work. `instruction` is None for what is of no step, as loading the context."""

    instruction: Instruction | None = None
    begun: bool = False
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL_LINES))


class BuildKitSteps:
    """Passes on what a client of BuildKit prints, and finds the step that failed."""

    def __init__(self, dockerfile: Dockerfile, progress: Progress) -> None:
        self._dockerfile, self._progress = dockerfile, progress
        self._steps = Steps(dockerfile, progress)
        self._vertices: dict[int, _Vertex] = {}
        self._failed: _Vertex | None = None
        self._place: Instruction | None = None
        self._loose: deque[str] = deque(maxlen=TAIL_LINES)
        self._reason = ""

    def line(self, line: str) -> None:
        """One line of output."""
        self._progress.output(line)
        if match := _VERTEX.fullmatch(line):
            self._vertex(int(match[1]), match[2])
        elif match := _PLACE.fullmatch(line):
            self._place = self._dockerfile.at_line(int(match[1]))
        elif match := _REASON.fullmatch(line):
            self._reason = match[1]
        elif line.strip("-"):
            self._loose.append(line)

    def failed(self, message: str, hint: str) -> BuildStepError:
        """The error for a build that failed, with the last lines of the step that failed."""
        vertex = self._failed or _Vertex()
        output = list(vertex.tail) if self._failed else list(self._loose)
        output += [self._reason] if self._reason and self._reason not in output else []
        self._steps.at(self._place or vertex.instruction, output)
        return self._steps.failed(message, hint)

    def _vertex(self, number: int, text: str) -> None:
        vertex = self._vertices.get(number)
        if vertex is None:
            if len(self._vertices) >= _MAX_VERTICES:
                return
            vertex = self._vertices[number] = _Vertex()
        if not vertex.begun:
            vertex.begun = True
            step = _STEP.fullmatch(text)
            vertex.instruction = self._steps.begin(step[1]) if step else None
        elif text.startswith(_ERROR) and not text.endswith(_CANCELED):
            self._failed = vertex
            vertex.tail.append(text.removeprefix(_ERROR))
        elif match := _LOG.fullmatch(text):
            vertex.tail.append(match[1])
