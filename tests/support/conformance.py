"""The table of cases in tests/integration/conformance/cases, and the Dockerfiles made of them."""

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from support.contexts import BUSYBOX

CASES = Path(__file__).parent.parent / "integration" / "conformance" / "cases"
ENGINES = ("buildah", "docker", "buildkit")

BASE = (
    BUSYBOX
    + """\
COPY make-odd /bin/odd
COPY users /etc/
"""
)
_FROM = re.compile(r"(?im)^from .*$")


@dataclass(frozen=True, eq=False)
class Case:
    """A row.

    `differs`: engine → what it has otherwise than the first one; `why` it does, and which olos follows.
    `refused`: engine → what its error says. With `whole` all of the tree is compared, not only `here`.
    """

    group: str
    name: str
    engines: tuple[str, ...] = ENGINES
    steps: str = ""
    layers: tuple[str, ...] = ()
    before: str = ""
    stage: str = ""
    dockerfile: str = ""
    target: str | None = None
    whole: bool = False
    long: bool = False
    differs: dict[str, list[str]] = field(default_factory=dict)
    why: str = ""
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def here(self) -> str:
        """The directory in which lies all that the case makes."""
        return f"/{self.name}"


@cache
def cases(group: str) -> tuple[Case, ...]:
    """The rows of a file, the same objects each time. An unknown key is a TypeError."""
    with (CASES / f"{group}.toml").open("rb") as stream:
        table = tomllib.load(stream)
    return tuple(Case(group=group, name=name, **_values(row)) for name, row in table.items())


def _values(row: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if key in ("engines", "layers") else value for key, value in row.items()}


def layer_scripts(rows: Iterable[Case]) -> dict[str, str]:
    """For each layer the shell script of all cases; `steps` come behind them."""
    scripts: dict[str, str] = {}
    for row in rows:
        for number, commands in enumerate(row.layers, 1):
            scripts[str(number)] = scripts.get(str(number), "set -e\n") + (
                f"mkdir -p {row.here}; cd {row.here}; (\n{commands}\n)\n"
            )
    return scripts


def dockerfile(rows: Sequence[Case], registry: str) -> str:
    """The Dockerfile that makes all of these rows, which are of one kind."""
    if rows[0].dockerfile:
        (row,) = rows
        text = row.dockerfile
        if "FROM BASE" in text:
            text = BASE + text.replace("FROM BASE", "FROM base")
    elif not rows[0].stage:
        text = BASE + "FROM base\nCOPY layers /layers\n"
        text += "".join(f"RUN sh /layers/{number}\n" for number in sorted(layer_scripts(rows)))
        text += "".join(f"{row.steps.replace('HERE', row.here)}\n" for row in rows)
    else:
        before = "\n".join(row.before for row in rows if row.before)
        text = f"{before}\n{BASE}" + "".join(_stage(row) for row in rows) + "FROM scratch\n"
        text += "".join(f"COPY --from=out-{row.name} {row.here} {row.here}\n" for row in rows)
    return text.replace("REGISTRY", registry)


def _stage(row: Case) -> str:
    """The stages of a case; the last one gets a name."""
    text = row.stage.replace("STAGE", f"in-{row.name}").replace("HERE", row.here).replace("BASE", "base")
    end = [match.end() for match in _FROM.finditer(text)][-1]
    return f"{text[:end]} AS out-{row.name}{text[end:]}\n"


IMAGES = {
    "tool": BASE
    + """\
RUN echo tool > /tool && mkdir -p /tools /links && echo own > /tools/owned && chown 5:6 /tools/owned \\
    && chmod 4750 /tools/owned && ln -s owned /tools/link && mkdir -m 1777 /tools/open \\
    && echo other > /tools/other && touch -d '2000-01-01 00:00:00' /tools/other \\
    && echo x > /links/b && ln /links/b /links/a && ln -s b /links/soft \\
    && echo x > /capable && chmod 755 /capable \\
    && odd xattr /capable security.capability 0100000200040000000000000000000000000000
""",
    "onbuild": BASE
    + """\
ONBUILD ENV FROM_ONBUILD=yes
ONBUILD COPY src/a /copied
ONBUILD RUN echo on > /on
""",
    "configured": """\
FROM scratch
COPY users /etc/
ENV A=1 Z=2
ENTRYPOINT ["/inherited"]
CMD ["inherited", "command"]
USER app
WORKDIR /home
EXPOSE 80
VOLUME /v
STOPSIGNAL SIGINT
HEALTHCHECK CMD ["x"]
LABEL inherited=yes kept=yes
""",
}
"""Images that cases are made from."""
