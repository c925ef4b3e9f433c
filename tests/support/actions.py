"""Running the steps of a composite GitHub action as a runner does, without one."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from support.olos import PACKAGES, ROOT

ACTION = ROOT / "action.yml"
EXPRESSION = re.compile(r"\$\{\{ (.*?) \}\}")


def document() -> dict[str, Any]:
    """action.yml as it is."""
    value = yaml.safe_load(ACTION.read_text("utf-8"))
    assert isinstance(value, dict)
    return value


def steps() -> list[dict[str, Any]]:
    """Its steps in order."""
    return list(document()["runs"]["steps"])


@dataclass
class Runner:
    """A job: its directories, what the workflow gives, and the outputs of steps so far.

    Every program that a step may find comes from `bin`, or from the machine.
    """

    folder: Path
    workspace: Path
    given: dict[str, str] = field(default_factory=dict)
    pull_request: str = ""
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    log: str = ""

    def __post_init__(self) -> None:
        for name in ("temp", "bin"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    @property
    def summary(self) -> str:
        return (self.folder / "summary").read_text("utf-8")

    def output(self, name: str) -> str:
        """An output of the action."""
        return self._value(str(document()["outputs"][name]["value"]))

    def run(self, *names: str) -> int:
        """Run steps by name, as far as their conditions hold; the exit code of the last one."""
        code = 0
        for step in steps():
            if step["name"] in names and self._wanted(step.get("if", "true")):
                code = self._run(step)
                if code:
                    break
        return code

    def _run(self, step: Mapping[str, Any]) -> int:
        assert step["shell"] == "bash"
        script = self.folder / "step.sh"
        script.write_text(step["run"], "utf-8")
        outputs = self.folder / "outputs"
        outputs.write_text("")
        (self.folder / "summary").touch()
        result = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", script],
            cwd=self.workspace,
            env={**self._environment(), "GITHUB_OUTPUT": str(outputs)}
            | {name: self._value(str(value)) for name, value in step.get("env", {}).items()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            text=True,
            timeout=300,
        )
        self.log += result.stdout
        if "id" in step:
            self.outputs[step["id"]] = dict(_pairs(outputs.read_text()))
        return result.returncode

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("HOME", "TMPDIR") if name in os.environ}
        return {
            **kept,
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": PACKAGES,
            "PYTHONSAFEPATH": "1",
            "GITHUB_ACTION_PATH": str(self.folder / "action"),
            "GITHUB_PATH": str(self.folder / "path"),
            "GITHUB_REPOSITORY": "owner/app",
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            "RUNNER_TEMP": str(self.folder / "temp"),
        }

    def _value(self, text: str) -> str:
        """A text with its expressions filled in."""
        return EXPRESSION.sub(lambda match: self._expression(match[1]), text)

    def _expression(self, name: str) -> str:
        if name == "github.token":
            return "secret"
        if name == "github.event.pull_request.number":
            return self.pull_request
        kind, _, rest = name.partition(".")
        if kind == "inputs":
            return self.given.get(rest, self._value(str(document()["inputs"][rest]["default"])))
        step, _, output = rest.removeprefix("").partition(".outputs.")
        assert kind == "steps", name
        return self.outputs[step][output]

    def _wanted(self, condition: str) -> bool:
        """Comparisons with strings, joined by `&&`: all that the action needs."""
        for term in condition.split(" && "):
            if term == "true":
                continue
            left, sign, right = term.split(" ")
            if (self._expression(left) == right.strip("'")) != (sign == "=="):
                return False
        return True


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, _, value = line.partition("=")
        yield name, value
