"""Applying rules to the merged layers, before the tree is made canonical."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from olos.progress import Progress
from olos.tree import Inode
from olos_build.scrub.table import RULES


def scrub(tree: Mapping[bytes, Inode], names: Iterable[str], progress: Progress) -> dict[bytes, Inode]:
    """The tree without what the rules of these names take away. Says how many entries each has changed.

    Entries whose name stays keep their inode, so hard links among them stay hard links.
    """
    left = dict(tree)
    for name in names:
        changed = _apply(left, name)
        progress.step(f"scrub {name}: {_counted(changed)}")
    return left


def _apply(tree: dict[bytes, Inode], name: str) -> Counter[str]:
    changed: Counter[str] = Counter()
    judge = RULES[name].judge
    for path, inode in tuple(tree.items()):
        judged = judge(path, inode)
        if judged is None:
            del tree[path]
            changed["removed"] += 1
        elif judged != inode:
            tree[path] = judged
            changed["changed"] += 1
    return changed


def _counted(changed: Counter[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in sorted(changed.items())) or "nothing found"
