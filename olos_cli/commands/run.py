"""`olos run`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from olos.package import open_any
from olos_cli.options import Command, layout_argument
from pack import run

_END_OF_OPTIONS = "--"
_ALL = "all"


@dataclass(frozen=True, kw_only=True)
class _Options:
    """What was typed."""

    published: tuple[str, ...]
    host_loopback: bool
    mounts: tuple[str, ...]
    expect: str | None
    stop_timeout: str | None
    trace: str | None
    trace_failed: bool
    gdb: bool

    @property
    def words(self) -> list[str]:
        """The same, as a package has it (docs/formats.md section 6)."""
        words = [word for mount in self.mounts for word in ("--olos-mount", mount)]
        words += [word for port in self.published for word in ("--olos-publish", port)]
        for name, value in (("expect", self.expect), ("stop-timeout", self.stop_timeout)):
            words += [] if value is None else [f"--olos-{name}", value]
        if self.trace is not None:
            words.append("--olos-trace" if self.trace == _ALL else f"--olos-trace={self.trace}")
        flags = {"host-loopback": self.host_loopback, "trace-failed": self.trace_failed, "gdb": self.gdb}
        return words + [f"--olos-{name}" for name, given in flags.items() if given]


@click.command("run", cls=Command, context_settings={"allow_interspersed_args": False})
@click.option(
    "--publish",
    "published",
    metavar="SPEC",
    multiple=True,
    help="Listen on a port of this machine for one of the app: [ADDRESS:]HOSTPORT:PORT[/tcp|udp], "
    "ADDRESS 127.0.0.1 if not given. May be repeated.",
)
@click.option(
    "--host-loopback",
    is_flag=True,
    help="Let the app reach what listens on this machine's 127.0.0.1, as 10.0.2.2, "
    "if the policy lets it open connections.",
)
@click.option(
    "--mount",
    "mounts",
    metavar="TARGET=DIR",
    multiple=True,
    help="Give the app a directory where its policy has a host mount.",
)
@click.option("--expect", metavar="HEX", help="Run the app only if the measurement is this one.")
@click.option(
    "--stop-timeout",
    metavar="N",
    help="End the app N seconds after SIGTERM, or never (default: 10).",
)
@click.option(
    "--trace",
    metavar="LIST",
    help="Show the app's system calls, all or those of LIST. This and what follows are for debug builds.",
)
@click.option("--trace-failed", is_flag=True, help="Show system calls that fail.")
@click.option("--gdb", is_flag=True, help="Say how to attach a debugger to the kernel.")
@layout_argument()
@click.argument("args", metavar="[-- ARGS]", nargs=-1, type=click.UNPROCESSED)
def command(path: Path, args: tuple[str, ...], **given: Any) -> None:
    """Run the app of a layout or package.

    All that stands behind PATH goes to the app, as far as the measured policy
    (host_args, host_env) lets it. The exit code is the app's. For a package,
    ./app.olos does the same without olos; --mount is --olos-mount there.
    """
    behind = args[1:] if args[:1] == (_END_OF_OPTIONS,) else args
    run.run(open_any(path), behind, _Options(**given).words)
