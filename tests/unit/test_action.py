"""action.yml: its form as the metadata syntax of GitHub Actions has it, and what its scripts must not do."""

import re
import subprocess
from typing import Any

import pytest
import yaml

from support.actions import EXPRESSION, document, steps
from support.olos import ROOT

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
KNOWN = {"name", "author", "description", "inputs", "outputs", "runs", "branding"}
STEP_KEYS = {"name", "id", "if", "shell", "run", "env"}
CONTEXTS = re.compile(
    r"inputs\.[a-z-]+|steps\.[a-z]+\.outputs\.[a-z-]+|github\.(token|event\.pull_request\.number)"
)
STEPS = {step["name"]: step for step in steps()}


def test_a_composite_action() -> None:
    action = document()
    assert set(action) <= KNOWN
    assert action["name"]
    assert action["description"]
    assert set(action["runs"]) == {"using", "steps"}
    assert action["runs"]["using"] == "composite"


def test_inputs_and_outputs_are_described() -> None:
    action = document()
    for name, given in action["inputs"].items():
        assert IDENTIFIER.fullmatch(name)
        assert set(given) <= {"description", "required", "default"}
        assert given["description"]
        assert isinstance(given["default"], str), f"{name}: inputs are strings"
    for name, given in action["outputs"].items():
        assert IDENTIFIER.fullmatch(name)
        assert set(given) == {"description", "value"}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_every_step_is_a_script_with_a_shell(step: dict[str, Any]) -> None:
    assert set(step) <= STEP_KEYS
    assert step["shell"] == "bash"
    assert step["run"].strip()


def inside(text: str) -> str:
    """What an expression says; the text must be one, and nothing else."""
    match = EXPRESSION.fullmatch(text)
    assert match, text
    return match[1]


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_no_input_can_become_a_command(step: dict[str, Any]) -> None:
    """An expression in a script is replaced before the shell reads it; in `env` it is a value."""
    assert "${{" not in step["run"]
    for value in step.get("env", {}).values():
        assert CONTEXTS.fullmatch(inside(value))


def test_every_expression_names_something_that_there_is() -> None:
    action = document()
    texts = [value for step in steps() for value in step.get("env", {}).values()]
    texts += [given["value"] for given in action["outputs"].values()]
    for text in texts:
        kind, name, *rest = inside(text).split(".")
        if kind == "inputs":
            assert name in action["inputs"]
        elif kind == "steps":
            (step,) = [step for step in steps() if step.get("id") == name]
            assert f'echo "{rest[-1]}=' in step["run"]


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_shellcheck_has_nothing_to_say(step: dict[str, Any]) -> None:
    result = subprocess.run(
        # SC2016: backticks in single quotes are Markdown.
        ["shellcheck", "--shell=bash", "--exclude=SC2016", "-"],
        input=step["run"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout


GUIDE = (ROOT / "docs" / "ci.md").read_text("utf-8")


def table(heading: str) -> set[str]:
    """The names in the first column of the table below a heading of the guide."""
    section = GUIDE.partition(f"### {heading}\n")[2].partition("\n#")[0]
    return set(re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE))


def test_the_guide_names_all_inputs_and_outputs() -> None:
    assert table("Inputs") == set(document()["inputs"])
    assert table("Outputs") == set(document()["outputs"])


def test_the_workflow_of_the_guide_fits_the_action() -> None:
    workflow = yaml.safe_load(GUIDE.partition("```yaml\n")[2].partition("```")[0])
    uses = workflow["jobs"]["measurement"]["steps"]
    (ours,) = [step for step in uses if step.get("id") == "olos"]
    assert set(ours["with"]) <= set(document()["inputs"])
    for step in uses:
        for value in step.get("env", {}).values():
            match = re.search(r"steps\.olos\.outputs\.([a-z-]+)", value)
            assert match
            assert match[1] in document()["outputs"]
        assert "${{" not in step.get("run", "")
