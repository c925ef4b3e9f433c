"""Imports go one way: olos_cli -> {olos_build, measure, pack} -> olos -> standard library."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STDLIB = sys.stdlib_module_names | {"_typeshed"}  # which type checkers alone import

ALLOWED: dict[str, set[str]] = {
    "olos": {"olos"},
    "measure": {"measure", "olos"},
    "olos_build": {"olos_build", "olos", "docker", "elftools", "requests", "isal", "zstandard"},
    "pack": {"pack", "olos", "pycdlib"},
    "olos_cli": {"olos_cli", "olos_build", "measure", "pack", "olos", "click", "cryptography", "rich"},
}
EVIDENCE = ROOT / "measure" / "evidence"
EVIDENCE_ALLOWED = {"cryptography"}  # and nobody else in `measure`
TLS = EVIDENCE / "tls"
TLS_ALLOWED = {"cryptography", "OpenSSL", "requests", "urllib3"}
NO_IO = {"subprocess", "socket", "time", "datetime", "urllib", "http"}
CLOCK = {"now", "utcnow", "today"}


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add((node.module or "").split(".")[0])
    return found


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_go_one_way(package: str) -> None:
    paths = modules(package)
    assert len(paths) > 1
    for path in paths:
        allowed = ALLOWED[package] | (EVIDENCE_ALLOWED if path.is_relative_to(EVIDENCE) else set())
        allowed |= TLS_ALLOWED if path.is_relative_to(TLS) else set()
        foreign = imports(path) - STDLIB - allowed
        assert not foreign, f"{path.relative_to(ROOT)} imports {foreign}"


@pytest.mark.parametrize("package", ["olos", "measure"])
def test_vocabulary_and_measuring_start_nothing_and_ask_no_clock(package: str) -> None:
    for path in modules(package):
        if path.is_relative_to(TLS):  # whose business are connections, and the time now
            continue
        # Certificates have times, which are compared with one that the caller gives.
        no_io = NO_IO - {"datetime"} if path.is_relative_to(EVIDENCE) else NO_IO
        assert not imports(path) & no_io, path.relative_to(ROOT)


def test_verifying_evidence_asks_no_clock() -> None:
    for path in sorted(set(EVIDENCE.rglob("*.py")) - set(TLS.rglob("*.py"))):
        names = {
            node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)
        }
        assert not names & CLOCK, path.relative_to(ROOT)


def test_nobody_else_in_measure_needs_the_verification_of_evidence() -> None:
    for path in modules("measure"):
        if not path.is_relative_to(EVIDENCE):
            assert "measure.evidence" not in path.read_text(), path.relative_to(ROOT)


@pytest.mark.parametrize(
    "module", ["building.py", "checking.py", "pipeline.py", "signing.py", "verification.py"]
)
def test_pipeline_knows_nothing_of_the_terminal(module: str) -> None:
    assert not imports(ROOT / "olos_cli" / module) & {"click", "rich"}


@pytest.mark.parametrize("package", ALLOWED)
def test_no_import_hides_in_a_function_to_break_a_cycle(package: str) -> None:
    """The command line imports lazily for a quick start; nobody else has a reason to."""
    if package == "olos_cli":
        return
    for path in modules(package):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef):
                hidden = [n for n in ast.walk(function) if isinstance(n, ast.Import | ast.ImportFrom)]
                assert not hidden, f"{path.relative_to(ROOT)}: {function.name}"


@pytest.mark.parametrize("package", ALLOWED)
def test_every_module_says_what_it_is(package: str) -> None:
    for path in modules(package):
        assert ast.get_docstring(ast.parse(path.read_text())), path.relative_to(ROOT)
