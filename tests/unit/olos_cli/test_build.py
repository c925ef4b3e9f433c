"""`olos build`: how the call becomes options. The building itself is tested elsewhere."""

from pathlib import Path

import pytest

from olos.digest import Digest
from olos.errors import BuildStepError
from olos.manifest import Policy
from olos.progress import Progress
from olos_build.settings import Settings
from olos_cli.building import BuildOptions, Built
from support.cli import Call

VALUE = Digest.sha256(b"value")


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The current directory, with a Dockerfile."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    (tmp_path / "Dockerfile").touch()
    return tmp_path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[BuildOptions]:
    """What the pipeline was asked for."""
    seen: list[BuildOptions] = []

    def build(options: BuildOptions, progress: Progress) -> Built:
        seen.append(options)
        progress.step("Building")
        progress.output("\x1b[31mSTEP 1/1")
        progress.warn("volume-ephemeral", "VOLUME [/data]")
        return Built(options.output, VALUE)

    monkeypatch.setattr("olos_cli.building.build", build)
    return seen


def test_defaults(call: Call, asked: list[BuildOptions]) -> None:
    outcome = call("build")
    assert outcome.stdout == VALUE.hex + "\n"
    assert outcome.stderr == "warning: VOLUME [/data] [volume-ephemeral]\n"
    assert asked == [
        BuildOptions(
            output=Path("olos-layout"),
            settings=Settings(),
            dockerfile=Path("Dockerfile"),
            context=Path(),
        )
    ]


def test_verbose_shows_what_tools_print(call: Call, asked: list[BuildOptions]) -> None:
    assert call("build", "-v").stderr.splitlines() == [
        "Building",
        r"\x1b[31mSTEP 1/1",
        "warning: VOLUME [/data] [volume-ephemeral]",
        "built olos-layout",
    ]


def test_everything(call: Call, asked: list[BuildOptions], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_HERE", "a=b")
    call(
        *("build", "sub/Dockerfile.x", "--context", "ctx", "--builder", "docker", "--target", "stage"),
        *("--build-arg", "A=1", "--build-arg", "FROM_HERE", "--build-arg", "A=2=3", "--build-arg", "E="),
        *("--kernel", "k", "--debug", "--source-date-epoch", "77", "-o", "out"),
    )
    assert asked == [
        BuildOptions(
            output=Path("out"),
            settings=Settings(policy=Policy(debug=True), source_date_epoch=77),
            dockerfile=Path("sub/Dockerfile.x"),
            context=Path("ctx"),
            builder="docker",
            stage="stage",
            build_args=(("A", "2=3"), ("FROM_HERE", "a=b"), ("E", "")),
            kernel=Path("k"),
        )
    ]


def test_the_context_is_where_the_dockerfile_is(call: Call, asked: list[BuildOptions]) -> None:
    call("build", "sub/Dockerfile")
    assert asked[0].context == Path("sub")


@pytest.mark.parametrize("where", ["beside", "option", "image"])
def test_the_configuration(call: Call, asked: list[BuildOptions], here: Path, where: str) -> None:
    (here / "sub").mkdir()
    path = {"beside": here / "sub" / "olos.toml", "option": here / "x.toml", "image": here / "olos.toml"}[
        where
    ]
    path.write_text("[policy]\nmemory = '1G'\n[build]\nsource_date_epoch = 5\n")
    args = {
        "beside": ["sub/Dockerfile"],
        "option": ["--config", "x.toml", "--source-date-epoch", "6"],
        "image": ["--image", "oci:x"],
    }[where]
    call("build", *args)
    assert asked[0].settings.policy.memory == 1 << 30
    assert asked[0].settings.source_date_epoch == (6 if where == "option" else 5)
    assert asked[0].image == ("oci:x" if where == "image" else None)


def test_a_configuration_that_is_named_must_exist(call: Call, asked: list[BuildOptions]) -> None:
    assert "error: none.toml: cannot be read" in call("build", "--config", "none.toml", expect=3).stderr
    assert asked == []


def test_a_dangling_configuration_is_not_overlooked(
    call: Call, asked: list[BuildOptions], here: Path
) -> None:
    (here / "olos.toml").symlink_to("gone")
    assert "error: olos.toml: cannot be read" in call("build", expect=3).stderr
    assert asked == []


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["--image", "x", "Dockerfile"], 2, "--image and DOCKERFILE cannot be used together"),
        (["--image", "x", "--target", "s"], 2, "--image and --target cannot be used together"),
        (["--image", "x", "--build-arg", "A=1"], 2, "--image and --build-arg cannot be used together"),
        (["--builder", "podman"], 2, "'podman' is not one of"),
        (["--build-arg", "=1"], 2, "--build-arg =1: has no form K=V or K"),
        (["--source-date-epoch", "-1"], 3, "--source-date-epoch: -1 is not from 0 to"),
        (["--source-date-epoch", "x"], 2, "'x' is not a valid integer"),
        (["."], 3, "hint: name the file: olos build Dockerfile"),
        (["a", "b"], 2, "unexpected extra argument"),
    ],
    ids=str,
)
def test_wrong_calls(call: Call, asked: list[BuildOptions], args: list[str], code: int, says: str) -> None:
    assert says in call("build", *args, expect=code).stderr
    assert asked == []


def test_an_argument_that_the_environment_does_not_have(call: Call, asked: list[BuildOptions]) -> None:
    assert "[build-arg-unset]" in call("build", "--build-arg", "OLOS_NOT_THERE").stderr
    assert asked[0].build_args == ()


@pytest.mark.parametrize(
    ("outside", "args", "warned"),
    [
        ("5", [], True),
        ("0", [], False),
        ("", [], False),
        ("5", ["--source-date-epoch", "5"], False),
        ("x", [], True),
    ],
    ids=["differs", "same", "empty", "same-as-option", "no-number"],
)
def test_the_environment_does_not_change_the_value(
    call: Call,
    asked: list[BuildOptions],
    monkeypatch: pytest.MonkeyPatch,
    outside: str,
    args: list[str],
    warned: bool,
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", outside)
    assert ("[source-date-epoch-ignored]" in call("build", *args).stderr) is warned
    assert asked[0].settings.source_date_epoch == (5 if args else 0)


def test_a_step_that_fails(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(_: BuildOptions, progress: Progress) -> Built:
        progress.output("shown only if verbose")
        raise BuildStepError("line 4: RUN [x] failed\nout of \x1b[red]cheese", hint="buildah build .")

    monkeypatch.setattr("olos_cli.building.build", build)
    outcome = call("build", expect=4)
    assert outcome.out == b""
    assert outcome.stderr == (
        "error: line 4: RUN [x] failed\n  out of \\x1b[red]cheese\nhint: buildah build .\n"
    )
