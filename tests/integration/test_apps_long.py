"""Real apps that take long: CPython's own tests, PostgreSQL, Node.js, Java, Go."""

import re
from pathlib import Path

import pytest

from support.apps import build_app, run_app

pytestmark = pytest.mark.long

# Each with its reason in docs/limits.md.
LEFT_OUT = {
    "test_socket": ["test_sendall_interrupted", "test_sendall_interrupted_with_timeout"],
}

# How many tests pass at least: the end alone says success as well if all were skipped.
MOST = {"test_os": 250, "test_socket": 400, "test_subprocess": 140, "test_threading": 180}


@pytest.fixture(scope="module")
def python(debian: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_app("small", debian, tmp_path_factory.mktemp("apps"))


@pytest.mark.parametrize("module", ["test_os", "test_socket", "test_subprocess", "test_threading"])
def test_python_by_its_own_tests(python: Path, module: str) -> None:
    ignored = " ".join(f"-i {name}" for name in LEFT_OUT.get(module, []))
    output = run_app(python, "-c", f"cd /tmp && exec python3 -m test -v {ignored} {module}", patience=3600)
    assert output.endswith("Tests result: SUCCESS\n")
    passed = len(re.findall(r"\.\.\. ok$", output, re.MULTILINE))
    assert passed >= MOST[module], f"{passed} of them ran"


def test_postgresql(debian: str, tmp_path: Path) -> None:
    failed, rate, *rest = run_app(build_app("postgresql", debian, tmp_path)).splitlines()
    assert failed == "number of failed transactions: 0 (0.000%)"
    assert rate.startswith("tps = ")
    assert rest == ["100000|t", "Database cluster state:               shut down"]


NODE = """\
100 hello /99
worker 42
program sub
file true
processors 1
"""
JAVA = """\
hello from Java 17
sum 499500
memory true
program 0
"""
GO = """\
user defined signal 1
10000 goroutines
hello /go
"""


@pytest.mark.parametrize(
    ("name", "expected"), [("node", NODE), ("java", JAVA), ("go", GO)], ids=["node", "java", "go"]
)
def test_other_languages(debian: str, tmp_path: Path, name: str, expected: str) -> None:
    assert run_app(build_app(name, debian, tmp_path)) == expected
