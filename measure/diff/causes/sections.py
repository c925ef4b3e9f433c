"""Causes that are seen in the manifest: components, and the debug twin."""

from __future__ import annotations

from measure.diff.model import DEBUG_TWIN as DEBUG_TWIN_NAME
from measure.diff.model import Cause, Change

DEBUG_TWIN = Cause(
    DEBUG_TWIN_NAME,
    "One is the debug twin of the other: they differ in policy.debug and in nothing else.",
    "Pin the value of the one that was built without --debug.",
)
KERNEL_MOVED = Cause(
    "kernel-moved",
    "The kernel, its modules or its libraries are those of another version of their packages.",
    "Build with the kernel of the older layout: 'olos build --kernel LAYOUT/kernel'.",
)
CRT_MOVED = Cause(
    "crt-moved",
    "The C-runtime is that of another version of olos.",
    "Build both with the same version of olos.",
)

_COMPONENTS = {"kernel/": KERNEL_MOVED, "crt/": CRT_MOVED}


def component_causes(name: str) -> tuple[Cause, ...]:
    """Why a component file differs, by its name in the layout."""
    return tuple(cause for folder, cause in _COMPONENTS.items() if name.startswith(folder))


def is_debug_twin(changes: list[Change]) -> bool:
    """Whether these changes of what is measured are those of a debug twin."""
    return [change.subject for change in changes] == ["policy.debug"]
