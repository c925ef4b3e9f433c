"""`--check [N]` on the command line."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from olos_cli.check_option import CheckCommand, check_option
from support.cli import caller


@click.command(cls=CheckCommand)
@click.argument("path", required=False)
@check_option
def command(path: str | None, check: int | None) -> None:
    click.echo(f"{path} {check}")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ("", "None None"),
        ("--check", "None 1"),
        ("--check Dockerfile", "Dockerfile 1"),
        ("Dockerfile --check", "Dockerfile 1"),
        ("--check 3 Dockerfile", "Dockerfile 3"),
        ("--check=7", "None 7"),
        ("--check=1 5", "5 1"),
        ("--check -- x", "x 1"),
        ("--check -q", "None 1"),
        ("-- --check", "--check None"),
    ],
)
def test_the_number_may_be_left_out(args: str, says: str) -> None:
    result = CliRunner().invoke(command, args.split())
    assert (result.exit_code, result.output) == (0, f"{says}\n")


@pytest.mark.parametrize("args", ["--check 0", "--check 101", "--check=x"])
def test_wrong_numbers(args: str) -> None:
    result = CliRunner().invoke(command, args.split())
    assert result.exit_code == 2
    assert "--check" in result.output


def test_not_with_an_image(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    call = caller(capfdbinary)
    outcome = call("build", "--image", "oci:x", "--check", "-o", tmp_path / "layout", expect=2)
    assert "--image and --check cannot be used together" in outcome.stderr
