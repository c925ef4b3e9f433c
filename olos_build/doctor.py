"""What this host offers to builds: builders, a kernel, the compiled parts of olos."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from olos import hashcore
from olos.errors import OlosError
from olos.finding import Finding
from olos_build import crt, kernel
from olos_build.builders.table import BUILDERS
from olos_build.component import Component


def examine() -> Iterator[Finding]:
    """What is found. Programs are asked for their version; nothing is built."""
    yield from _builders()
    yield _component("kernel", lambda: kernel.collect(None), "olos build --kernel takes one from elsewhere")
    yield _component("C-runtime", crt.collect, "")
    if hashcore.COMPILED:
        yield Finding("hash core", "ok", "compiled")
    else:
        cost = "measuring and building take several times as long"
        yield Finding("hash core", "limited", "Python alone", cost, "unset OLOS_PURE; pip install .")


def _builders() -> Iterator[Finding]:
    """Each of them; one is enough."""
    findings = []
    for name, builder in BUILDERS.items():
        try:
            findings.append(Finding(name, "ok", builder.version()))
        except OlosError as exc:
            cost = f"olos build cannot use --builder {name}"
            findings.append(Finding(name, "limited", _one_line(exc.message), cost, _one_line(exc.hint or "")))
    yield from findings
    if all(finding.state != "ok" for finding in findings):
        cost = "olos build takes finished images only"
        yield Finding("builder", "missing", "there is none", cost, "apt-get install buildah")


def _component(name: str, collect: Callable[[], Sequence[Component]], otherwise: str) -> Finding:
    try:
        size = sum(len(component.content) for component in collect())
    except OlosError as exc:
        cost = f"no layout can be made; {otherwise}" if otherwise else "no layout can be made"
        return Finding(name, "missing", _one_line(exc.message), cost, _one_line(exc.hint or ""))
    return Finding(name, "ok", f"{size:,} bytes")


def _one_line(text: str) -> str:
    return " ".join(text.split())
