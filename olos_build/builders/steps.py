"""Following a builder through the steps of a Dockerfile, so that an error names the line."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable

from olos.errors import BuildStepError
from olos.progress import Progress
from olos_build.dockerfile import Dockerfile, Instruction
from olos_build.tool import TAIL_LINES

_STEP = re.compile(r"(?:\[\d+/\d+\] )?(?:STEP|Step) \d+/\d+ ?: (.+)")


class Steps:
    """Passes on what a builder prints, and remembers which step it is at and what that printed."""

    def __init__(self, dockerfile: Dockerfile, progress: Progress) -> None:
        self._dockerfile, self._progress = dockerfile, progress
        self._seen: dict[str, int] = {}
        self._current: Instruction | None = None
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)

    def line(self, line: str) -> None:
        """One line of output, as buildah and the Docker Engine write them."""
        if match := _STEP.fullmatch(line):
            self.at(self.begin(match[1]))
        else:
            self._tail.append(line)
        self._progress.output(line)

    def begin(self, text: str) -> Instruction | None:
        """A step begins; the instruction that it is of, if it is known."""
        number = self._seen.get(text, 0)
        self._seen[text] = number + 1
        self._progress.step(text)
        return self._dockerfile.find(text, number)

    def at(self, instruction: Instruction | None, output: Iterable[str] = ()) -> None:
        """From now on an error is one of this instruction, which has printed this so far."""
        self._current = instruction
        self._tail.clear()
        self._tail.extend(output)

    def failed(self, message: str, hint: str) -> BuildStepError:
        """The error for a build that failed, with the last lines that its last step printed."""
        output = "".join(f"\n  {line}" for line in self._tail)
        where = f"{self._dockerfile.path}"
        if self._current:
            where += f": line {self._current.line}: {self._current.text}"
        return BuildStepError(f"{where}\n{message}{output}", hint=hint)
