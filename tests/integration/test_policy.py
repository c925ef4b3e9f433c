"""The measured policy holds: what the host may supply, and limits and log as the policy says."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from olos.manifest import Policy
from olos.rlimit import RLIMITS, Rlimit
from support.runtime import POLICY, Spec, make_layout, run, shell, with_app

PORT = replace(POLICY, host_env=("PORT", "TZ"), host_env_patterns=(("PORT", "[1-9][0-9]{0,4}"),))

LIMITS = r"""
#include <stdio.h>
#include <sys/resource.h>
int main(void) {
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        struct rlimit l;
        if (getrlimit(i, &l)) return 1;
        printf("%d %lld %lld\n", i, (long long)l.rlim_cur, (long long)l.rlim_max);
    }
    return 0;
}
"""
NUMBERS = dict(
    zip(
        ("cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile", "memlock", "as", "locks"),
        range(11),
        strict=True,
    ),
    sigpending=11,
    msgqueue=12,
    nice=13,
    rtprio=14,
    rttime=15,
)
"""Of getrlimit(2), <asm-generic/resource.h>."""


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_layout(tmp_path_factory.mktemp("policy") / "layout", Spec(programs={"/bin/limits": LIMITS}))


# ---- environment ----


@pytest.mark.parametrize(
    ("env", "shown"),
    [({"PORT": "8080", "TZ": "any"}, "8080 any"), ({"TZ": "a\nb"}, "none a\nb"), ({}, "none ")],
    ids=["match", "unset", "nothing"],
)
def test_values_that_match_are_let_in(
    layout: Path, tmp_path: Path, env: Mapping[str, str], shown: str
) -> None:
    app = with_app(layout, tmp_path / "l", shell('echo "${PORT-none} $TZ"'), PORT)
    result = run(app, env=env)
    assert (result.returncode, result.stdout.decode()) == (0, f"{shown}\n"), result


@pytest.mark.parametrize(
    "value", ["", "0", "808080", "80 ", " 80", "80\n", "80;secret", "8" * 5000], ids=lambda v: repr(v[:10])
)
def test_other_values_are_refused(layout: Path, tmp_path: Path, value: str) -> None:
    result = run(with_app(layout, tmp_path / "l", shell("echo started"), PORT), env={"PORT": value})
    assert (result.returncode, result.stdout) == (2, b"")
    assert result.stderr.decode() == (
        "olos: environment variable PORT: its value does not match the measured policy\n"
        "  hint: policy.host_env_patterns lets in [1-9][0-9]{0,4}\n"
    )


# ---- limits ----


def limits_of(layout: Path, folder: Path, policy: Policy) -> dict[int, tuple[int, int]]:
    result = run(with_app(layout, folder, shell("exec /bin/limits"), policy))
    assert result.returncode == 0, result
    return {
        n: (soft, hard) for n, soft, hard in (map(int, line.split()) for line in result.stdout.splitlines())
    }


def test_limits_that_nobody_sets(layout: Path, tmp_path: Path) -> None:
    limits = limits_of(layout, tmp_path / "l", POLICY)
    assert [limits[NUMBERS[name]] for name in ("nofile", "core", "memlock", "nproc", "sigpending")] == [
        *((1024, 1 << 20), (0, -1), (8 << 20, 8 << 20), (-1, -1), (-1, -1))
    ]


def test_every_limit_can_be_set(layout: Path, tmp_path: Path) -> None:
    assert sorted(NUMBERS) == [*RLIMITS]
    wanted = {name: (1 << 30, (1 << 30) + NUMBERS[name]) for name in RLIMITS}
    wanted |= {"nofile": (77, 1 << 20), "core": (5, -1), "fsize": (-1, -1)}
    rlimits = [Rlimit(name, *(None if v < 0 else v for v in pair)) for name, pair in sorted(wanted.items())]
    limits = limits_of(layout, tmp_path / "l", replace(POLICY, rlimits=tuple(rlimits)))
    assert limits == {NUMBERS[name]: pair for name, pair in wanted.items()}


def test_limits_hold_for_root_too(layout: Path, tmp_path: Path) -> None:
    """Without the right to raise it (CAP_SYS_RESOURCE), a hard limit is one."""
    script = 'ulimit -n; ulimit -n 21 || echo no; i=3; while eval "exec $i>/dev/null"; do i=$((i+1)); done'
    policy = replace(POLICY, rlimits=(Rlimit("nofile", 20, 20),))
    result = run(with_app(layout, tmp_path / "l", shell(script), policy))
    assert result.stdout == b"20\nno\n"
    assert b"Too many open files" in result.stderr or b"Bad file descriptor" in result.stderr, result


# ---- log ----


def start(layout: Path, folder: Path, policy: Policy) -> str:
    """What the start of an app that says nothing leaves on standard error."""
    result = run(with_app(layout, folder, shell("true"), policy))
    assert (result.returncode, result.stdout) == (0, b"")
    return result.stderr.decode()


def test_production_says_nothing(layout: Path, tmp_path: Path) -> None:
    assert start(layout, tmp_path / "l", POLICY) == ""


def test_each_step_is_a_line(layout: Path, tmp_path: Path) -> None:
    lines = start(layout, tmp_path / "l", replace(POLICY, log_level="info")).splitlines()
    assert all(line.startswith("olos: ") for line in lines)
    steps = ("modules loaded", "root file system: ", "user 0:0", "limits: 0", "start of /bin/sh")
    assert [step for line in lines for step in steps if step in line] == [*steps]
    assert len(lines) == len(steps)


def test_all_details_in_a_debug_build(layout: Path, tmp_path: Path) -> None:
    text = start(layout, tmp_path / "l", replace(POLICY, log_level="debug", debug=True))
    for line in ("olos: mounted /proc\n", "olos: module ", "olos: start of /bin/sh\n", "Linux version "):
        assert line in text


def test_details_are_for_debug_builds(layout: Path, tmp_path: Path) -> None:
    result = run(with_app(layout, tmp_path / "l", shell("true"), POLICY))
    assert result.returncode == 0
    path = tmp_path / "l" / "olos.json"
    path.write_bytes(path.read_bytes().replace(b',"memory"', b',"log_level":"debug","memory"'))
    result = run(tmp_path / "l")
    assert (result.returncode, result.stdout) == (3, b"")
    assert b'log_level "debug" is for debug builds only' in result.stderr
