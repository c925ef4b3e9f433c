"""Collecting changes in bounded memory: all are counted, as many as wanted are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from measure.diff.causes.catalogue import rank
from measure.diff.model import Attribute, Cause, CauseCount, Change, Difference, FileCounts
from olos.digest import Digest

_EXAMPLES = 20
_KINDS = 1000
"""Of each kind of change, for so many kinds, some examples are kept even when the room is used up."""


class Collector:
    """Takes changes in path order. `keep`: how many files to keep, and as many below added directories."""

    def __init__(self, keep: int) -> None:
        self._room = {False: keep, True: keep}
        self._others: list[Change] = []
        self._files: list[Change] = []
        self._counts: Counter[str] = Counter()
        self._causes: dict[str, Cause] = {}
        self._per_cause: Counter[str] = Counter()
        self._examples: Counter[tuple[object, ...]] = Counter()
        self._unexplained = 0
        self._tops: list[tuple[bytes, str]] = []
        self._below: dict[str, int] = {}
        self._evidence: Mapping[str, tuple[Attribute, ...]] = {}

    def add_all(self, changes: Iterable[Change]) -> None:
        """Changes of anything but files."""
        for change in changes:
            self._others.append(change)
            self._count_causes(change.causes)

    def explain(self, changes: Iterable[Change], cause: Cause) -> None:
        """Changes of anything but files, which all have one cause."""
        self.add_all(replace(change, causes=(*change.causes, cause)) for change in changes)

    def add_file(self, path: bytes, change: Change, *, is_top: bool) -> None:
        """A change of a file; `is_top`: what lies below came or went with it."""
        change = replace(change, inside=self._top(path))
        self._counts[change.what] += 1
        self._unexplained += not change.causes and change.inside is None
        self._count_causes(change.causes)
        self._keep(change)
        if is_top and change.inside is None:
            self._tops.append((path + b"/", change.subject))

    def know(self, evidence: Mapping[str, tuple[Attribute, ...]]) -> None:
        """What causes come down to, by their names."""
        self._evidence = evidence

    def difference(
        self, names: tuple[str, str], values: tuple[Digest, Digest], notes: Sequence[str], files_known: bool
    ) -> Difference:
        """The result."""
        files = [replace(change, below=self._below.get(change.subject, 0)) for change in self._files]
        counts = FileCounts(self._counts["added"], self._counts["removed"], self._counts["changed"])
        return Difference(
            *names,
            *values,
            changes=(*self._others, *files),
            causes=tuple(self._sorted_causes()),
            notes=tuple(dict.fromkeys(notes)),
            files=counts,
            unexplained=self._unexplained,
            left_out=counts.total - len(files),
            files_known=files_known,
        )

    def _sorted_causes(self) -> Iterable[CauseCount]:
        for name in sorted(self._causes, key=lambda name: rank(name, self._per_cause[name])):
            yield CauseCount(self._causes[name], self._per_cause[name], self._evidence.get(name, ()))

    def _count_causes(self, causes: Iterable[Cause]) -> None:
        for cause in causes:
            self._causes.setdefault(cause.name, cause)
            self._per_cause[cause.name] += 1

    def _top(self, path: bytes) -> str | None:
        """The directory above a path that came or went as a whole.

        In path order `a/x` comes behind `a-b`, so several directories can be open; one is closed when
        nothing that follows can be below it.
        """
        while self._tops and path > self._tops[-1][0] and not path.startswith(self._tops[-1][0]):
            self._tops.pop()
        return next((subject for prefix, subject in self._tops if path.startswith(prefix)), None)

    def _keep(self, change: Change) -> None:
        inside = change.inside is not None
        if change.inside in self._below:
            self._below[change.inside] += 1
        if self._room[inside] > 0:
            self._room[inside] -= 1
        elif inside or not self._is_example(change):
            return
        self._files.append(change)
        if not inside:
            self._below[change.subject] = 0

    def _is_example(self, change: Change) -> bool:
        names = (attribute.name for attribute in change.attributes)
        key = (change.what, change.causes, *names)
        if len(self._examples) >= _KINDS and key not in self._examples:
            return False
        self._examples[key] += 1
        return self._examples[key] <= _EXAMPLES
