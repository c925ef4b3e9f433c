"""The app's configuration: what the image says, and what `olos.toml` says instead."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AppOverrides:
    """The table [app] of `olos.toml`. None, or no `env`: as the image says.

    `env` adds to the image's variables or replaces them, by name. `user` and `stop_signal` are
    spelled as USER and STOPSIGNAL are in a Dockerfile; `expose` is sorted.
    """

    args: tuple[str, ...] | None = None
    env: tuple[tuple[str, str], ...] = ()
    cwd: str | None = None
    user: str | None = None
    hostname: str | None = None
    stop_signal: str | None = None
    expose: tuple[str, ...] | None = None
