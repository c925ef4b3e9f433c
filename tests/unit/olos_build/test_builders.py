from pathlib import Path

import pytest

from olos.errors import BuildStepError, InputError, MissingToolError
from olos.progress import SILENT
from olos_build import dockerfile
from olos_build.builders import docker as docker_builder
from olos_build.builders import registries
from olos_build.builders.buildah import commands_after_shell
from olos_build.builders.buildkit_clients import has_buildx
from olos_build.builders.docker import directories_of_users
from olos_build.builders.options import build_arguments, by_hand
from olos_build.builders.protocol import BuildRequest
from olos_build.builders.steps import Steps
from olos_build.builders.table import BUILDERS, choose
from olos_build.dockerfile import Dockerfile
from support.progress import Recorder


def load(folder: Path, text: str) -> Dockerfile:
    (folder / "Dockerfile").write_text(text)
    return dockerfile.load(folder / "Dockerfile")


def scan(folder: Path, text: str) -> list[tuple[int, str, str]]:
    return [(i.line, i.keyword, i.text) for i in load(folder, text).instructions]


@pytest.mark.parametrize(
    ("text", "instructions"),
    [
        ("FROM a\nRUN b\n", [(1, "FROM", "FROM a"), (2, "RUN", "RUN b")]),
        ("# c\n\nFROM a\n\n  run  b\n", [(3, "FROM", "FROM a"), (5, "RUN", "run  b")]),
        (
            "FROM a\nRUN b && \\\n  # comment\n\n  c\nUSER x",
            [(1, "FROM", "FROM a"), (2, "RUN", "RUN b && c"), (6, "USER", "USER x")],
        ),
        ("# escape=`\nFROM a\nRUN b `\nc", [(2, "FROM", "FROM a"), (3, "RUN", "RUN b c")]),
        ("#syntax=x\n# escape = `\nFROM a `\nAS b", [(3, "FROM", "FROM a AS b")]),
        (
            "FROM a\n# escape=`\nRUN b `\nUSER c",
            [(1, "FROM", "FROM a"), (3, "RUN", "RUN b `"), (4, "USER", "USER c")],
        ),
        (
            "FROM a\nRUN <<EOF\nhello\nEOF\nUSER b",
            [(1, "FROM", "FROM a"), (2, "RUN", "RUN <<EOF"), (5, "USER", "USER b")],
        ),
        (
            "FROM a\nCOPY <<one <<-'two' /x/\n1\none\n2\n\ttwo\nUSER b",
            [(1, "FROM", "FROM a"), (2, "COPY", "COPY <<one <<-'two' /x/"), (7, "USER", "USER b")],
        ),
        (
            "FROM a\nRUN echo $((1<<X))\nUSER b",
            [(1, "FROM", "FROM a"), (2, "RUN", "RUN echo $((1<<X))"), (3, "USER", "USER b")],
        ),
        ("\ufeffFROM a\r\nRUN b\r\n", [(1, "FROM", "FROM a"), (2, "RUN", "RUN b")]),
    ],
    ids=[
        "plain",
        "blank",
        "continued",
        "escape",
        "directives",
        "late-escape",
        "heredoc",
        "two",
        "shift",
        "windows",
    ],
)
def test_where_instructions_stand(
    tmp_path: Path, text: str, instructions: list[tuple[int, str, str]]
) -> None:
    found = scan(tmp_path, text)
    assert [(line, keyword, " ".join(text.split())) for line, keyword, text in found] == [
        (line, keyword, " ".join(text.split())) for line, keyword, text in instructions
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("FORM scratch\n", "line 1: unknown instruction FORM"),
        ("FROM a\n\nRUNN b", "line 3: unknown instruction RUNN"),
        ("", "no FROM"),
        ("# only a comment", "no FROM"),
        ("ARG x=1", "no FROM"),
    ],
)
def test_what_is_no_dockerfile(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BuildStepError, match=says) as caught:
        load(tmp_path, text)
    assert str(tmp_path / "Dockerfile") in caught.value.message


@pytest.mark.parametrize(
    "content", [b"FROM \xff", b"#" * (dockerfile.MAX_SIZE + 1)], ids=["not-utf8", "too-large"]
)
def test_dockerfile_that_is_no_text(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "Dockerfile").write_bytes(content)
    with pytest.raises(InputError):
        dockerfile.load(tmp_path / "Dockerfile")


@pytest.mark.parametrize("name", ["absent", ".", "/dev/zero", "loop", "file/x"])
def test_dockerfile_that_is_no_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=name):
        dockerfile.load(tmp_path / name)


TWICE = "FROM a AS x\nRUN make\nFROM b\nCOPY c /\nRUN make  \\\n  all\nRUN make\n"


@pytest.mark.parametrize(
    ("lines", "where"),
    [
        (["STEP 1/2: FROM a", "STEP 2/2: RUN make", "oops"], "line 2: RUN make"),
        (
            ["[1/2] STEP 2/2: RUN make", "[2/2] STEP 3/4: RUN make   all", "oops"],
            "line 5: RUN make",
        ),
        (["[1/2] STEP 2/2: RUN make", "[2/2] STEP 4/4: RUN make", "oops"], "line 7: RUN make"),
        (["Step 4/6 : COPY c /", "oops"], "line 4: COPY c /"),
        (["oops"], "Dockerfile\n"),
    ],
    ids=["buildah", "stages", "again", "engine", "before"],
)
def test_failing_step_is_found_in_the_file(tmp_path: Path, lines: list[str], where: str) -> None:
    steps = Steps(load(tmp_path, TWICE), SILENT)
    for line in lines:
        steps.line(line)
    error = steps.failed("it failed", "try again")
    assert where in error.message
    assert error.message.endswith("it failed\n  oops")
    assert error.hint == "try again"


@pytest.mark.parametrize(
    ("text", "epoch", "given", "expected"),
    [
        ("FROM a\nRUN b", 7, "", "7"),
        ("FROM a\nRUN b", 0, "", "315619200"),
        ("FROM a\nARG X SOURCE_DATE_EPOCH=3", 7, "", "7"),
        ("FROM a\nARG SOURCE_DATE_EPOCH=3\nRUN b", 7, "9", "9"),
        ("FROM a\nRUN b", 7, "9", "9"),
        ("FROM a\nCOPY b /", 7, "", None),
    ],
    ids=["run", "oldest", "declared", "declared-and-given", "given", "nothing-runs"],
)
def test_epoch_is_given_to_what_runs(
    tmp_path: Path, text: str, epoch: int, given: str, expected: str | None
) -> None:
    path = load(tmp_path, text).path
    more = (("SOURCE_DATE_EPOCH", given),) if given else ()
    request = BuildRequest(path, tmp_path, epoch=epoch, build_args=(("A", "1"), *more))
    arguments = build_arguments(request, request.load())
    assert arguments.pop("A") == "1"
    assert arguments == ({"SOURCE_DATE_EPOCH": expected} if expected else {})


def test_hint_can_be_pasted() -> None:
    request = BuildRequest(Path("my file"), Path("."), "stage", (("A", "b c"),))
    expected = (
        "to try it by hand: X=1 docker build --target=stage --build-arg=A -f 'my file' ."
        " (with A in the environment)"
    )
    assert by_hand("docker build", request, {"X": "1"}) == expected


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("FROM a\nWORKDIR /x\nUSER root\nWORKDIR /y", []),
        ("FROM a\nUSER app:app\nWORKDIR /x\nFROM b\nWORKDIR /y", [3]),
        ("FROM a\nUSER 0:5\nWORKDIR /x\nUSER 5\nworkdir /y", [5]),
    ],
)
def test_directories_of_users(tmp_path: Path, text: str, lines: list[int]) -> None:
    assert directories_of_users(load(tmp_path, text)) == lines


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("FROM a\nCMD x\nFROM b\nENTRYPOINT y", []),
        ('FROM a\nSHELL ["/bin/bash", "-c"]\nRUN x\nCMD ["y"]\nFROM b\nCMD z', []),
        ('FROM a\nSHELL ["/bin/bash", "-c"]\nCMD y\nentrypoint  z', [3, 4]),
    ],
)
def test_commands_after_shell(tmp_path: Path, text: str, lines: list[int]) -> None:
    assert commands_after_shell(load(tmp_path, text)) == lines


@pytest.mark.parametrize(
    ("given", "added"),
    [
        ("", 3),
        ('unqualified-search-registries = ["docker.io"]\n', 3),
        ('[[registry]]\nlocation = "localhost"\ninsecure = false', 2),
        ('[[registry]]\nprefix = "localhost:5000"\nlocation = "elsewhere"\n', 3),
        ('[registries.search]\nregistries = ["docker.io"]\n', 0),
    ],
    ids=["empty", "search", "localhost", "other", "version-1"],
)
def test_registries_on_loopback_are_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, added: int
) -> None:
    path = tmp_path / "registries.conf"
    path.write_text(given)
    monkeypatch.setenv(registries.VARIABLE, str(path))
    text = registries.configuration()
    assert text.startswith(given)
    assert text.count("insecure = true") == added


def test_registries_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(registries.VARIABLE, str(tmp_path / "absent"))
    with pytest.raises(InputError, match="absent"):
        registries.configuration()


def test_without_any_builder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    for name in ("auto", "buildah", "docker", "buildkit"):
        with pytest.raises(MissingToolError) as caught:
            choose(name)
        assert caught.value.exit_code == 6
        assert "install" in (caught.value.hint or "")


def test_auto_takes_buildah_first() -> None:
    assert choose("auto") is BUILDERS["buildah"]
    assert BUILDERS["buildah"].version()[:1].isdigit()


BUILDX = """#!/bin/sh
[ "$2" != version ] || {{ echo github.com/docker/buildx v0.30; exit 0; }}
printf '%s\\n' "$@" > {folder}/arguments
while [ $# -gt 0 ]; do
    [ "$1" != --iidfile ] || echo sha256:1234 > "$2"
    shift
done
exit {status}
"""


@pytest.fixture
def buildx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `docker` with buildx that notes what it is asked for. Exits 0, or as the file says."""
    write_buildx(tmp_path, 0)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path


def write_buildx(folder: Path, status: int) -> None:
    (folder / "docker").write_text(BUILDX.format(folder=folder, status=status))
    (folder / "docker").chmod(0o755)


def job(folder: Path) -> docker_builder.Job:
    context = folder / "context"
    context.mkdir()
    (context / "a").write_text("a")
    request = BuildRequest(folder / "Dockerfile", context, "last", (("K", "V"),))
    (folder / "job").mkdir()
    return docker_builder.Job(request, load(folder, "FROM scratch\nCOPY a /\n"), folder / "job", Recorder())


def test_buildx_gets_the_canonical_context(buildx: Path) -> None:
    assert has_buildx()
    made = job(buildx)
    assert docker_builder.build_with_buildx(made) == "sha256:1234"
    arguments = (buildx / "arguments").read_text().splitlines()
    assert arguments[:2] == ["buildx", "build"]
    assert {"--load", "--target=last", "--build-arg=K=V", "--platform=linux/amd64"} <= set(arguments)
    assert arguments[-1] == str(made.folder / "context")
    assert (made.folder / "context" / "a").stat().st_mtime == 315_619_200
    assert (made.folder / "dockerfile/Dockerfile.dockerignore").read_bytes() == b""


def test_buildx_that_fails(buildx: Path) -> None:
    made = job(buildx)
    write_buildx(buildx, 17)
    with pytest.raises(BuildStepError, match="status 17"):
        docker_builder.build_with_buildx(made)


@pytest.mark.parametrize(
    ("events", "says"),
    [
        ([{"stream": "Step 2/2 : COPY a /\n"}, {"error": "no \x1b[31ma"}], "line 2: COPY a /\nno a"),
        ([{"stream": "x"}], "without an image"),
        ([], "without an image"),
        (["text", 5, {"aux": 7}], "without an image"),
    ],
    ids=["error", "cut-off", "nothing", "nonsense"],
)
def test_what_an_engine_says_when_it_fails(tmp_path: Path, events: list[object], says: str) -> None:
    with pytest.raises(BuildStepError) as caught:
        docker_builder.follow(events, job(tmp_path))
    assert says in caught.value.message
