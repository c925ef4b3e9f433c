"""`olos lint`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from olos_build import dockerfile as dockerfiles
from olos_build.lint import RULES, Severity, lint, look_around
from olos_cli.lint_report import RENDERERS, Report, label, rule_lines
from olos_cli.options import FILE, Command, Terminal, pass_terminal

FOUND = 7
"""The exit code for findings. No error: the work was done, and this is its result."""

_NEVER = "never"


def _show_rules(context: click.Context, _: click.Parameter, given: bool) -> None:
    if given:
        for line in rule_lines(RULES):
            click.echo(line)
        context.exit()


@click.command("lint", cls=Command)
@click.argument("dockerfile", metavar="[DOCKERFILE]", type=FILE, default="Dockerfile")
@click.option("--context", metavar="DIR", type=FILE, help="Build context (default: DOCKERFILE's).")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(list(RENDERERS)),
    default="text",
    show_default=True,
    help="For people, for programs, for code hosts.",
)
@click.option(
    "--fail-on",
    type=click.Choice([*(label(severity) for severity in sorted(Severity, reverse=True)), _NEVER]),
    default="error",
    show_default=True,
    help="Exit with 7 if there is a finding this bad.",
)
@click.option(
    "--ignore",
    metavar="RULE",
    multiple=True,
    type=click.Choice([rule.name for rule in RULES]),
    help="Leave out a rule. May be given several times.",
)
@click.option(
    "--rules",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_rules,
    help="List the rules and exit.",
)
@pass_terminal
def command(terminal: Terminal, /, dockerfile: Path, context: Path | None, **how: Any) -> None:
    """Name what makes the next build differ from this one.

    DOCKERFILE (default: ./Dockerfile) is read, nothing is built or downloaded.
    Each finding has a line, a reason and a cure. The comment
    '# olos-lint: ignore=RULE' above an instruction suppresses a rule there.
    """
    parsed = dockerfiles.load(dockerfile)
    facts = look_around(dockerfile, context or dockerfile.parent)
    report = Report(str(dockerfile), lint(parsed, facts, how["ignore"]))
    terminal.console.result(RENDERERS[how["output_format"]](report))
    if _is_bad(report, how["fail_on"]):
        click.get_current_context().exit(FOUND)


def _is_bad(report: Report, fail_on: str) -> bool:
    worst = report.worst()
    return worst is not None and fail_on != _NEVER and worst >= Severity[fail_on.upper()]
