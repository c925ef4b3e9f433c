"""buildah's working containers: none of a build is left behind, whatever ends it.

buildah removes them itself, unless it is killed. They have no names of our choice, but buildah notes the
options of a build with each, in the file `buildah.json`; a directory for hooks that is empty and named by
nobody else tells ours from those of other builds.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from olos_build.builders.storage import BUILDAH
from olos_build.tool import ToolFailedError, first_line, run

_MAX_STATE = 16 << 20


@contextmanager
def removed(folder: Path) -> Iterator[Path]:
    """Gives a directory for `--hooks-dir`, new in `folder`. If the block fails, its containers go."""
    mark = folder / f"hooks-{secrets.token_hex(16)}"
    mark.mkdir()
    try:
        yield mark
    except BaseException:
        with suppress(ToolFailedError):  # What made the block fail is to be told.
            _remove(mark.name)
        raise


def _remove(mark: str) -> None:
    if found := _marked(Path(first_line(BUILDAH, ["info", "--format", "{{.store.GraphRoot}}"])), mark):
        run(BUILDAH, ["rm", *found], _ignore)


def _marked(store: Path, mark: str) -> list[str]:
    """The ids of the containers with this mark (containers-storage(5): DRIVER-containers/ID/userdata)."""
    found = []
    for state in store.glob("*-containers/*/userdata/buildah.json"):
        # Those of other builds come and go.
        with suppress(OSError), state.open("rb") as stream:
            if mark.encode() in stream.read(_MAX_STATE):
                found.append(state.parent.parent.name)
    return found


def _ignore(_: str) -> None:
    """What buildah says of containers that it has removed."""
