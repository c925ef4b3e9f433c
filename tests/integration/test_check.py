"""`olos build --check` with real builders: drift is found and explained, the rest is reproduced."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.dynamic_root import LOCALE, add_locale, make_root
from support.olos import execute, olos, start_in_session
from support.user import normal_user, run_as

BASE = "localhost/olos-check-base"

DRIFTING = f"""FROM {BASE}
RUN mkdir /files && cd /files && touch zebra apple mango fig kiwi lime pear plum
RUN date +%F > /day; date +%z > /zone
RUN hostname > /name; od -An -N8 -tx8 /dev/urandom > /random
RUN cd /files && ls -U > /order && printf 'b\\nA\\na\\nB\\n' | sort > /sorted
RUN nproc > /processors; uname -r > /release; echo "language: $LANG" > /language
RUN umask > /mask; stat -c '%n %a %u %g' /* /files/* > /modes; pwd > /where
COPY Dockerfile /copied/
RUN stat -c '%n %a %Y %s' /copied/* > /times
"""

GOOD = f"""FROM {BASE} AS tools
RUN touch /made
FROM tools
ENV TZ=UTC LANG=C
RUN mkdir /files && cd /files && touch b a && ls > /listed && date +%Z > /zone
RUN echo "$LANG" > /language; date > /dev/null
COPY . /all
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_root(tmp_path_factory.mktemp("root") / "root")
    add_locale(folder)
    return folder


@pytest.fixture(scope="module")
def store(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a storage for buildah that nobody else uses, and the base in it."""
    folder = tmp_path_factory.mktemp("check")
    graph, state = folder / "graph", folder / "run"
    (folder / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{graph}"\nrunroot = "{state}"\n'
    )
    (folder / "spool").mkdir()
    (root.parent / "Dockerfile").write_text("FROM scratch\nCOPY root /\n")
    command: list[str | Path] = ["buildah", "build", "--quiet", "--tag", BASE, root.parent]
    execute(command, env=environment(folder))
    return folder


def environment(store: Path) -> dict[str, str]:
    return {"CONTAINERS_STORAGE_CONF": str(store / "storage.conf"), "TMPDIR": str(store / "spool")}


def context(folder: Path, dockerfile: str) -> Path:
    folder.mkdir()
    (folder / "Dockerfile").write_text(f'{dockerfile}ENTRYPOINT ["/bin/sh"]\n')
    return folder / "Dockerfile"


def with_root(dockerfile: Path, root: Path) -> Path:
    """The same context with what the base is made of."""
    execute(["cp", "-a", root, dockerfile.parent / "root"])
    return dockerfile


def check(store: Path, dockerfile: Path, *args: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
    layout = dockerfile.parent.with_name("layout")
    return olos(
        "build", "--check", *args, dockerfile, "--builder", "buildah", "-o", layout,
        expect=expect, env=environment(store),
    )  # fmt: skip


def left_behind(store: Path) -> list[str]:
    """What a check may have left: containers, scratch files, mounts, and its own storage."""
    found = execute(["buildah", "containers", "--quiet"], env=environment(store)).stdout.split()
    found += [str(path) for path in (store / "spool").iterdir()]
    found += [line for line in Path("/proc/mounts").read_text().splitlines() if f"{store}/spool" in line]
    for settings in Path("/dev/shm").glob("olos-*/storage.conf"):
        found += [str(settings)] if str(store) in settings.read_text() else []
    return found


def stored(store: Path) -> dict[str, int]:
    """The files of all layers, with the times of their last change, whatever it was."""
    layers = (store / "graph" / "overlay").glob("*/diff/**/*")
    return {str(path): path.lstat().st_ctime_ns for path in layers if not path.is_dir()}


@pytest.fixture(scope="module")
def report(store: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    dockerfile = context(tmp_path_factory.mktemp("drifting") / "context", DRIFTING)
    result = check(store, dockerfile, "--format", "json", expect=5)
    found: dict[str, Any] = json.loads(result.stdout)
    layout = dockerfile.parent.with_name("layout")
    assert olos("measure", layout).stdout.strip() == found["measurement"], "the first build stays"
    return found


CAUSES = [
    ("/day", 3, "date-in-content"),
    ("/zone", 3, "time zone"),
    ("/name", 4, "build-path"),
    ("/order", 5, "line-order"),
    ("/processors", 6, "processors"),
    ("/release", 6, "kernel release"),
    ("/sorted", 5, "line-order"),
    ("/language", 6, "locale"),
]


@pytest.mark.parametrize(("path", "line", "cause"), CAUSES, ids=[path for path, *_ in CAUSES])
def test_drift_is_found_and_explained(report: dict[str, Any], path: str, line: int, cause: str) -> None:
    difference = report["check"]["difference"]
    (change,) = (change for change in difference["changes"] if change["subject"] == path)
    assert change["new_origin"]["line"] == line
    causes = [*change["causes"]]
    causes += [trace["circumstance"] for trace in report["check"]["traces"] if trace["path"] == path]
    assert causes == [cause]
    cures = {cause["name"]: cause["cure"] for cause in difference["causes"]}
    cures |= {trace["circumstance"]: trace["cure"] for trace in report["check"]["traces"]}
    assert cures[cause]


def test_random_values_are_shown(report: dict[str, Any]) -> None:
    changes = report["check"]["difference"]["changes"]
    (change,) = (change for change in changes if change["subject"] == "/random")
    assert change["new_origin"]["line"] == 4
    assert change["evidence"][0]["name"] == "line 1"


def test_what_builders_lay_down_is_the_same(report: dict[str, Any]) -> None:
    """Umask, directory and times of the context: nothing but what is named above differs."""
    found = {change["subject"] for change in report["check"]["difference"]["changes"]}
    assert found == {"/random", "rootfs.img", *(path for path, *_ in CAUSES)}


def test_the_first_step_and_all_circumstances_are_named(report: dict[str, Any]) -> None:
    found = report["check"]
    assert (found["first"]["line"], found["reproduced"], found["builder"]) == (3, False, "buildah")
    (again,) = found["builds"]
    assert again["measurement"] != report["measurement"]
    assert LOCALE in again["varied"]["locale"]
    assert not set(again["varied"]) & set(again["kept"])
    everything = {*again["varied"], *again["kept"]}
    assert everything >= {"clock", "time zone", "locale", "umask", "host name", "build path", "user id"}
    assert everything >= {"processors", "order of directories", "kernel release", "address layout"}


def test_a_good_dockerfile_is_reproduced(store: Path, tmp_path: Path) -> None:
    dockerfile = context(tmp_path / "context", GOOD)
    olos("build", dockerfile, "--builder", "buildah", "-o", tmp_path / "layout", env=environment(store))
    before = stored(store)
    result = check(store, dockerfile, "2")
    assert stored(store) == before, "the user's layers are only read"
    measurement, _, verdict, *rest = result.stdout.splitlines()
    assert measurement == olos("measure", tmp_path / "layout").stdout.strip()
    assert verdict == "reproduced by 2 more builds with buildah, under another"
    assert any("37 hours ahead" in line for line in rest)
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert left_behind(store) == []


def test_the_report_names_the_stage_that_is_copied_from(store: Path, tmp_path: Path) -> None:
    text = f"FROM {BASE} AS made\nRUN date +%F > /day\nFROM scratch\nCOPY --from=made /day /\n"
    result = check(store, context(tmp_path / "context", text), expect=5)
    assert "first step that differs: line 4: COPY --from=made /day /" in result.stdout
    assert "olos build --target made --check" in result.stdout
    assert "[date-in-content]" in result.stdout
    assert "cure: Write 'ENV SOURCE_DATE_EPOCH=0'" in result.stdout
    assert max(map(len, result.stdout.replace(str(tmp_path), "").splitlines())) <= 80


def test_a_step_that_fails_under_another_kernel_release(store: Path, tmp_path: Path) -> None:
    text = f"FROM {BASE}\nRUN case $(uname -r) in 2.6.*) echo too old; exit 1;; esac\n"
    result = check(store, context(tmp_path / "context", text), "--format", "json")
    assert "[check-step-failed]" in result.stderr
    (again,) = json.loads(result.stdout)["check"]["builds"]
    kept = again["kept"]
    assert kept["clock"] == kept["kernel release"] == "a step failed under another one"
    assert "time zone" in again["varied"]
    assert left_behind(store) == []


def test_interrupted(store: Path, tmp_path: Path) -> None:
    """The layout was built; of the second build nothing is left."""
    text = f"FROM {BASE}\nRUN case $(uname -r) in 2.6.*) sleep 7272;; esac\n"
    dockerfile = context(tmp_path / "context", text)
    command: list[str | Path] = [sys.executable, "-m", "olos_cli", "build", "--check", "--builder", "buildah"]
    command += [dockerfile, "-o", tmp_path / "layout"]
    process = start_in_session(command, tmp_path, environment(store))
    deadline = time.monotonic() + 60
    while "sleep 7272" not in execute(["ps", "-eo", "args"]).stdout.splitlines():
        assert time.monotonic() < deadline and process.poll() is None, process.communicate()
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert "sleep 7272" not in execute(["ps", "-eo", "args"]).stdout.splitlines()
    assert left_behind(store) == []
    olos("measure", tmp_path / "layout")


def test_without_root(root: Path, tmp_path: Path) -> None:
    text = "FROM scratch\nCOPY root /\nRUN uname -r > /release\n"
    dockerfile = with_root(context(tmp_path / "context", text), root)
    with normal_user() as user:
        home = Path(user.pw_dir)
        execute(["cp", "-a", dockerfile.parent, home / "context"])
        execute(["chown", "-R", f"{user.pw_uid}:{user.pw_gid}", home / "context"])
        arguments: list[str | Path] = [
            "build",
            "--check",
            home / "context/Dockerfile",
            "--builder",
            "buildah",
        ]
        result = run_as(user, "olos_cli", [*arguments, "--format", "json", "-o", home / "layout"])
        assert result.returncode == 5, result.stderr
        mine = [path for path in Path("/dev/shm").iterdir() if path.lstat().st_uid == user.pw_uid]
        assert mine == []
    found = json.loads(result.stdout)["check"]
    assert found["first"]["line"] == 3
    assert [trace["circumstance"] for trace in found["traces"]] == ["kernel release"]


@pytest.fixture(scope="module")
def dockers(root: Path, engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    text = "FROM scratch\nCOPY root /\nRUN date +%z > /zone\nRUN umask > /mask\n"
    folder = tmp_path_factory.mktemp("docker")
    dockerfile = with_root(context(folder / "context", text), root)
    args: list[str | Path] = [
        "build",
        "--check",
        dockerfile,
        "--builder",
        "docker",
        "--format",
        "json",
        "-o",
        folder / "layout",
    ]
    yield json.loads(olos(*args, expect=5, env={"DOCKER_HOST": engine}).stdout)["check"]


def test_a_docker_engine_reaches_less_and_says_so(dockers: dict[str, Any]) -> None:
    assert [trace["circumstance"] for trace in dockers["traces"]] == ["time zone"]
    assert dockers["first"]["line"] == 3
    (again,) = dockers["builds"]
    assert {"clock", "processors", "order of directories"} <= set(again["kept"])
    assert {"time zone", "locale", "context", "build path"} <= set(again["varied"])
