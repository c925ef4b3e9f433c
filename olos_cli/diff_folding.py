"""Many files of a directory that differ in the same way, as one line of a report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from measure.diff.model import Attribute, Change

_FEWEST = 4
"""So many files that are alike become one line."""
_EXPLAINED = {"content", "size"}
"""Attributes that say no more where a cause or the first difference explains them."""


@dataclass(frozen=True)
class Folded:
    """Files of one directory that are alike; the first one stands for all."""

    first: Change
    count: int

    @property
    def folder(self) -> str:
        """The directory that they are in."""
        return self.first.subject.rpartition("/")[0] + "/"


def telling(change: Change) -> list[Attribute]:
    """The attributes worth a line, and what was found in the contents."""
    explained = change.kind == "file" and (change.causes or change.evidence)
    hidden = _EXPLAINED if explained else set()
    attributes = [attribute for attribute in change.attributes if attribute.name not in hidden]
    return [*attributes, *change.evidence]


def fold(files: Iterable[Change]) -> list[Folded]:
    """The files in their order; of those that have a cause and nothing more to say, many become one."""
    groups: defaultdict[Hashable, list[Change]] = defaultdict(list)
    for change in files:
        groups[_key(change)].append(change)
    result: list[Folded] = []
    for alike in groups.values():
        if len(alike) < _FEWEST:
            result += [Folded(change, 1) for change in alike]
        else:
            result.append(Folded(alike[0], len(alike)))
    return sorted(result, key=lambda each: each.first.subject)


def _key(change: Change) -> Hashable:
    silent = change.what != "changed" or all(attribute.name == "mtime" for attribute in telling(change))
    if not change.causes or change.below or not silent:
        return change.subject
    return change.what, change.causes, change.origin, change.subject.rpartition("/")[0]
