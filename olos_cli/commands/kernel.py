"""`olos kernel`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

import click

from olos_build.kernel_build.build import build
from olos_build.kernel_build.provenance import Provenance
from olos_cli.options import FILE, Command, Terminal, format_option, pass_terminal, terminal_options
from olos_cli.text import size


@click.group("kernel", params=terminal_options())
def command() -> None:
    """Build a small kernel of our own.

    It starts faster than Debian's, reads faster through dm-verity, and has nothing
    that apps in a package do not need.
    """


@command.command("build", cls=Command)
@click.option("-o", "--output", metavar="DIR", type=FILE, required=True, help="The directory to write.")
@click.option(
    "--source",
    metavar="PATH",
    type=FILE,
    help="Linux 6.1, a tarball or a directory (default: that of Debian's linux-source-6.1).",
)
@click.option(
    "--jobs",
    metavar="N",
    type=click.IntRange(1, 1024),
    help="Compilers at once (default: one for each processor).",
)
@format_option
@pass_terminal
def build_command(
    terminal: Terminal, output: Path, source: Path | None, jobs: int | None, output_format: str
) -> None:
    """Build a kernel for 'olos build --kernel DIR'.

    DIR must not exist, or be empty. It takes some minutes and 1 GB below $TMPDIR. The
    same source and compiler give the same bytes. Prints the SHA-256 of the kernel.
    """
    made = build(source, output, jobs or len(os.sched_getaffinity(0)), terminal.console)
    terminal.console.step(f"built {output} ({size(made.size)})")
    terminal.console.result(lines(made, output, output_format))


def lines(made: Provenance, output: Path, output_format: str) -> Iterable[str]:
    """The result of `olos kernel build`."""
    if output_format == "json":
        return [json.dumps(made.as_dict() | {"path": str(output)}, indent=2, sort_keys=True)]
    return [made.kernel.hex]
