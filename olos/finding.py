"""What was found about the host: that something is there, or what its lack costs and how to cure it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

State: TypeAlias = Literal["ok", "limited", "missing"]

STATES: tuple[State, ...] = get_args(State)
"""There; there but worse than it could be; not there, and nothing goes without it."""


@dataclass(frozen=True)
class Finding:
    """One thing of the host's. `cost` and `cure` are empty if there is nothing to say."""

    name: str
    state: State
    what: str
    cost: str = ""
    cure: str = ""
