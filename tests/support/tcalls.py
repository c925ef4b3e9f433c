"""The list of TCALLs and of frames, read from the headers that the runtime is built from."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HEADERS = Path(__file__).parent.parent.parent / "runtime/include/olos"
LISTS = ("RUNNING", "NETWORK", "ENTERING", "BOOTING")


@dataclass(frozen=True)
class Call:
    """A row of the list: the system call, tests of its arguments, what it is for."""

    name: str
    tests: Sequence[str]
    purpose: str

    def row(self) -> str:
        """The row of the table in the documentation."""
        return f"| `{self.name}` | {'; '.join(map(_in_words, self.tests))} | {self.purpose} |"


def calls(which: str) -> list[Call]:
    """The rows of one of the lists."""
    header = (HEADERS / "tcall.h").read_text()
    found = re.search(rf"#define TCALLS_{which}\(CALL\)((?:.*\\\n)*.*\n)", header)
    assert found
    text = re.sub(r"\s*\\\n\s*", " ", found[1])
    rows = re.findall(r'CALL\((\w+), (.*?), "([^"]*)"\)', text)
    assert len(rows) == text.count("CALL("), "a row that is not understood"
    return [Call(name, _tests(tests), purpose) for name, tests, purpose in rows]


def frames() -> dict[str, str]:
    """Names of the frames by their letters."""
    found = re.findall(r"CONTROL_(\w+) = '(\w)'", (HEADERS / "control.h").read_text())
    return {letter: name for name, letter in found}


def _tests(text: str) -> list[str]:
    return [test for test in re.findall(r"ANY|POSITIVE\(\d\)|ONE_OF\([^()]*\)", text) if test != "ANY"]


def _in_words(test: str) -> str:
    argument, _, values = test.partition("(")[2].removesuffix(")").partition(", ")
    if test.startswith("POSITIVE"):
        return f"argument {argument} is above 0"
    return f"argument {argument} is " + ", ".join(
        f"`{value}`" for value in values.replace("|", "\\|").split(", ")
    )
