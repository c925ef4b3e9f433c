"""`--secret`, `--ssh`, what builders can do, and what of build arguments stays out of sight."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from olos.errors import BuildStepError, InputError, OlosError, UsageError
from olos_build import dockerfile
from olos_build.builders.abilities import Abilities, check, mounts
from olos_build.builders.buildah import abilities
from olos_build.builders.docker import _ENGINE
from olos_build.builders.options import by_hand
from olos_build.builders.protocol import BuildRequest, Extras
from olos_build.builders.secrets import MAX_SIZE, Secret, SshSource, parse_secrets, parse_ssh
from olos_build.redaction import redacted
from support.progress import Recorder

ALL = Abilities("all", "")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "key").write_text("secret")
    (tmp_path / "a,b").write_text("secret")
    (tmp_path / "large").write_bytes(bytes(MAX_SIZE + 1))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOKEN", "value")
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("agent")
        yield tmp_path


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("id=a,src=key", "id=a,src={}/key"),
        ("type=file,source=key,id=a", "id=a,src={}/key"),
        ("id=a,env=TOKEN", "id=a,env=TOKEN"),
        ("type=env,id=a,src=TOKEN", "id=a,env=TOKEN"),
    ],
)
def test_secrets(place: Path, text: str, option: str) -> None:
    (secret,) = parse_secrets([text])
    assert secret.option() == option.format(place)


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("", UsageError, "id=NAME,src=FILE"),
        ("hunter2", UsageError, "id=NAME,src=FILE"),
        ("id=a", UsageError, "id=NAME,src=FILE"),
        ("id=a,src=key,env=TOKEN", UsageError, "id=NAME,src=FILE"),
        ("id=a,id=b,src=key", UsageError, "id=NAME,src=FILE"),
        ("id=a/../b,src=key", UsageError, "id=NAME,src=FILE"),
        ("id=a,value=hunter2", UsageError, "id=NAME,src=FILE"),
        ("id=a,env=hunter2!", UsageError, "name of a variable"),
        ("type=x,id=a,src=key", UsageError, "type is file or env"),
        ("id=a,src=absent", InputError, "absent"),
        ("id=a,src=.", InputError, "directory"),
        ("id=a,src=/dev/zero", InputError, "regular file"),
        ("id=a,src=large", InputError, "512000"),
        ("id=a,env=NOT_SET", InputError, "NOT_SET"),
    ],
)
def test_what_is_no_secret(text: str, kind: type[OlosError], says: str) -> None:
    with pytest.raises(kind, match=says) as caught:
        parse_secrets([text])
    assert "hunter2" not in f"{caught.value.message} {caught.value.hint}"


def test_a_path_that_builders_would_misread(place: Path) -> None:
    (place / "a,b").rename("a\nb")
    for parse, text in ((parse_secrets, "id=a,src=a\nb"), (parse_ssh, "a=a\nb")):
        with pytest.raises(InputError, match="comma"):
            parse([text])


def test_nothing_twice() -> None:
    with pytest.raises(UsageError, match="given twice"):
        parse_secrets(["id=a,src=key", "id=a,env=TOKEN"])
    with pytest.raises(UsageError, match="given twice"):
        parse_ssh(["a=key", "a=agent"])


@pytest.mark.parametrize(
    ("text", "option"),
    [("a=key", "a={0}/key"), ("a=agent", "a={0}/agent"), ("a=key,key", "a={0}/key,{0}/key")],
)
def test_ssh(place: Path, text: str, option: str) -> None:
    (source,) = parse_ssh([text])
    assert source.option() == option.format(place)


def test_ssh_takes_the_agent_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("", "/nowhere", "key"):
        monkeypatch.setenv("SSH_AUTH_SOCK", value)
        with pytest.raises(InputError, match="SSH_AUTH_SOCK"):
            parse_ssh(["default"])
    monkeypatch.setenv("SSH_AUTH_SOCK", "agent")
    assert parse_ssh(["default"]) == (SshSource("default"),)


@pytest.mark.parametrize("text", ["", "=", "a=", "a b", "a/b=key"])
def test_what_is_no_ssh(text: str) -> None:
    with pytest.raises(UsageError, match="--ssh"):
        parse_ssh([text])


def load(text: str) -> dockerfile.Dockerfile:
    Path("Dockerfile").write_text(text)
    return dockerfile.load(Path("Dockerfile"))


def test_mounts() -> None:
    text = (
        "FROM a\nRUN --mount=target=/x --mount=type=secret,target=/run/secrets/t \\\n --mount=type=ssh x\n"
        "ONBUILD RUN --mount=type=cache,id=c,target=/c x\nCOPY --chown=1 a b\n"
    )
    found = [(mount.instruction.line, mount.type, mount.id) for mount in mounts(load(text))]
    assert found == [(2, "bind", "x"), (2, "secret", "t"), (2, "ssh", "default"), (4, "cache", "c")]


def request(extras: Extras) -> BuildRequest:
    return BuildRequest(Path("Dockerfile"), Path(), extras=extras)


NOTHING = Extras()


@pytest.mark.parametrize(
    ("text", "extras", "can", "says"),
    [
        (
            "FROM a\nRUN x\nRUN --mount=type=cache,target=/x y",
            NOTHING,
            _ENGINE,
            "line 3: RUN --mount=type=cache",
        ),
        ("FROM a\nRUN --mount=type=cash,target=/x y", NOTHING, ALL, "line 2: RUN --mount: no type 'cash'"),
        ("FROM a\nRUN <<X\nx\nX\n", NOTHING, abilities("1.28.2"), "line 2: a here-document: buildah 1.28.2"),
        ("FROM a\nCOPY <<X /\nx\nX\n", NOTHING, _ENGINE, "line 2: a here-document"),
        ("FROM a\nRUN x", Extras(secrets=(Secret("x", variable="X"),)), _ENGINE, "--secret"),
        ("FROM a\nRUN x", Extras(ssh=(SshSource("x"),)), _ENGINE, "--ssh"),
        ("FROM a\nRUN x", Extras(cache_from=("x",)), abilities("1.28.2"), "--cache-from"),
        ("FROM a\nRUN x", Extras(cache_to=("x",)), _ENGINE, "--cache-to"),
    ],
    ids=["mount", "type", "heredoc", "heredoc-copy", "secret", "ssh", "cache-from", "cache-to"],
)
def test_what_a_builder_cannot_do(text: str, extras: Extras, can: Abilities, says: str) -> None:
    with pytest.raises(BuildStepError) as caught:
        check(load(text), request(extras), can, Recorder())
    assert says in caught.value.message
    assert caught.value.hint


def test_newer_buildah_knows_here_documents() -> None:
    check(load("FROM a\nRUN <<X\nx\nX\n"), request(NOTHING), abilities("1.33.0"), Recorder())


@pytest.mark.parametrize(
    ("run", "names"),
    [
        ("RUN --mount=type=secret,id=s x", []),
        ("RUN --mount=type=secret,target=/a/s x", []),
        ("RUN x", ["secret-unused"]),
        ("RUN --mount=type=secret,id=t x", ["secret-missing", "secret-unused"]),
        ("ARG I\nRUN --mount=type=secret,id=$I x", []),
        ("RUN --mount=type=secret,id=s --mount=type=ssh x", ["secret-missing"]),
    ],
    ids=["used", "by-target", "unused", "other", "variable", "ssh"],
)
def test_secrets_that_go_amiss_are_a_warning(run: str, names: list[str]) -> None:
    progress = Recorder()
    secrets = (Secret("s", variable="X"),)
    check(load(f"FROM a\n{run}\n"), request(Extras(secrets=secrets)), ALL, progress)
    assert [name for name, _ in progress.warnings] == names


def test_hints_show_no_values() -> None:
    asked = BuildRequest(
        Path("Dockerfile"),
        Path(),
        build_args=(("TOKEN", "hunter2"), ("B", "x")),
        extras=Extras(secrets=(Secret("s", variable="X"),), network="none"),
    )
    assert by_hand("buildah build", asked) == (
        "to try it by hand: buildah build --build-arg=TOKEN --build-arg=B --secret=id=s,env=X --network=none"
        " -f Dockerfile . (with TOKEN and B in the environment)"
    )


@pytest.mark.parametrize(
    ("step", "given", "left"),
    [
        ("|1 T=hunter2 /bin/sh -c make", (), "|1 T=*** /bin/sh -c make"),
        (
            "RUN |2 A=1 T=hunter2 /bin/sh -c make # buildkit",
            (),
            "RUN |2 A=*** T=*** /bin/sh -c make # buildkit",
        ),
        ("|2 A=b c T=d e /bin/bash -c x", (), "|2 A=*** T=*** /bin/bash -c x"),
        ("|1 T=/a /b /bin/sh -c x", (("T", "/a /b"),), "|1 T=*** /bin/sh -c x"),
        ("|1 T= /bin/sh -c x", (("T", ""),), "|1 T=*** /bin/sh -c x"),
        ("|1 T=x=y /bin/sh -c A=1 make", (), "|1 T=*** /bin/sh -c A=1 make"),
        ("|9 T=x /bin/sh", (), "|9 T=x /bin/sh"),
        ("LABEL t=hunter2", (("T", "hunter2"),), "LABEL t=***"),
        ("WORKDIR /1", (("T", "1"),), "WORKDIR /1"),
        ("ENV T=1", (("T", "1"),), "ENV T=***"),
        ("COPY file:1 in /x", (), "COPY file:1 in /x"),
        ("|2 A=hunter22 B=hunter2 /x", (("B", "hunter2"), ("A", "hunter22")), "|2 A=*** B=*** /x"),
    ],
)
def test_values_of_build_arguments_go(step: str, given: tuple[tuple[str, str], ...], left: str) -> None:
    assert redacted(step, given) == left
