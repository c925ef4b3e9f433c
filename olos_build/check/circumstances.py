"""One build under other circumstances: all of them put together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from olos_build.builders.buildah import Buildah
from olos_build.builders.protocol import BuildRequest
from olos_build.check import context_copy
from olos_build.check.dimensions import MOST_RISK, outcomes
from olos_build.check.model import Change, Outcome, Place, Stays
from olos_build.check.storage import Storage, own_storage
from olos_build.tool import Surroundings, Tool, ToolFailedError, started_in

_IMAGE_ID = re.compile(r"(?:sha256:)?([0-9a-f]{7,64})")
_SETARCH = Tool("setarch", "util-linux")


@dataclass(frozen=True)
class Circumstances:
    """A context to build from, the variables for RUN steps, and what is another one and what is not."""

    context: Path
    variables: tuple[tuple[str, str], ...]
    outcomes: tuple[Outcome, ...]

    @property
    def varied(self) -> tuple[tuple[str, str], ...]:
        """The names of what is another one now, and what it is."""
        return tuple((name, found.text) for name, found in self.outcomes if isinstance(found, Change))

    @property
    def kept(self) -> tuple[tuple[str, str], ...]:
        """The names of what stays, and why."""
        return tuple((name, found.reason) for name, found in self.outcomes if isinstance(found, Stays))


@dataclass(frozen=True)
class Turn:
    """Which build it is, from 1, with the builder of this name; `size` is about that of its image, in bytes.

    `risk`: how much of what some programs cannot bear.
    """

    builder: str
    number: int
    size: int
    risk: int = MOST_RISK


@contextmanager
def other_circumstances(turn: Turn, request: BuildRequest, spool: Path) -> Iterator[Circumstances]:
    """Within the block, programs are started in other surroundings. Raises InputError, MissingToolError.

    `spool` is an empty directory. Of the request, context and Dockerfile are looked at.
    """
    context = spool / "context"
    context_copy.copy(request, context)
    with ExitStack() as stack:
        place = _place(turn, _image_ids(request), spool, stack)
        found = tuple(outcomes(place, turn.risk))
        changes = [change for _, change in found if isinstance(change, Change)]
        stack.enter_context(started_in(_surroundings(place.storage, changes)))
        variables = tuple(variable for change in changes for variable in change.variables)
        yield Circumstances(context, variables, found)


def _place(turn: Turn, ids: Iterable[str], spool: Path, stack: ExitStack) -> Place:
    if turn.builder != Buildah().name:
        return Place(turn.builder, turn.number, None)
    size = turn.size if turn.risk else None
    try:
        storage = stack.enter_context(own_storage(spool, size, ids))
    except ToolFailedError as exc:
        reason = exc.tail[-1] if exc.tail else exc.reason
        return Place(turn.builder, turn.number, None, f"there are no namespaces for it here: {reason}")
    return Place(turn.builder, turn.number, storage)


def _image_ids(request: BuildRequest) -> Iterator[str]:
    """What in FROM, or in a build argument for it, may be the id of an image without a name."""
    froms = (each for each in request.load().instructions if each.keyword == "FROM")
    words = [word for instruction in froms for word in instruction.arguments[:1]]
    for word in (*words, *(value for _, value in request.build_args)):
        if match := _IMAGE_ID.fullmatch(word):
            yield match[1]


def _surroundings(storage: Storage | None, changes: list[Change]) -> Surroundings:
    usual = storage.surroundings() if storage else Surroundings()
    personality = [option for change in changes for option in change.personality]
    umasks = [change.umask for change in changes if change.umask is not None]
    return Surroundings(
        (
            *usual.prefix,
            *(word for change in changes for word in change.prefix),
            *((_SETARCH.path(), *personality) if personality else ()),
        ),
        (*usual.environment, *(pair for change in changes for pair in change.environment)),
        umasks[-1] if umasks else usual.umask,
    )
