"""No secret of a build is in anything that the build makes, in no usual spelling."""

import base64
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.contexts import BUSYBOX, write_context
from support.olos import olos
from support.user import normal_user, run_as

DOCKERFILE = (
    BUSYBOX
    + """\
ARG TOKEN
RUN --mount=type=secret,id=file cp /run/secrets/file /used && test -s /used && rm /used
RUN --mount=type=secret,id=variable,target=/etc/token test -s /etc/token
RUN test -n "$TOKEN" && echo "$TOKEN" | sha256sum > /proof
LABEL token=$TOKEN
ENTRYPOINT ["/bin/busybox", "echo", "hello"]
"""
)


def spellings(value: str) -> set[bytes]:
    """A text as it is, in hexadecimal, turned round, and in Base64 wherever it may begin in a longer text."""
    data = value.encode()
    found = {data, data.hex().encode(), data.hex().upper().encode(), data[::-1]}
    for shift in range(3):
        coded = base64.b64encode(bytes(shift) + data)
        start = (shift * 8 + 5) // 6  # The first character that is made of nothing else.
        found.add(coded[start : len(coded) - 4])
    return found


def files_below(*places: Path) -> Iterator[Path]:
    for place in places:
        yield from [place] if place.is_file() else (path for path in place.rglob("*") if path.is_file())


def places_of(values: list[str], *places: Path) -> list[str]:
    wanted = re.compile(b"|".join(re.escape(text) for value in values for text in sorted(spellings(value))))
    return [str(path) for path in files_below(*places) if wanted.search(path.read_bytes())]


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    value = secrets.token_hex(16)
    for number in range(3):
        (tmp_path / f"base64-{number}").write_bytes(base64.b64encode(b"x" * number + value.encode() + b"yz"))
    (tmp_path / "hex").write_text(("a" + value).encode().hex())
    (tmp_path / "plain").write_text(f"k={value}\n")
    (tmp_path / "nothing").write_text("nothing")
    assert len(places_of([value], tmp_path)) == 5


def test_no_secret_in_layout_annotations_and_package(tmp_path: Path) -> None:
    folder = write_context(tmp_path / "context", DOCKERFILE)
    hidden = {name: secrets.token_hex(16) for name in ("file", "variable", "argument")}
    secret_file = tmp_path / "secret"
    secret_file.write_text(hidden["file"])
    result = olos(
        "build",
        folder / "Dockerfile",
        "--secret=id=file,src=secret",
        "--secret=id=variable,env=HIDDEN",
        "--build-arg=TOKEN",
        "--verbose",
        "--output=layout",
        cwd=tmp_path,
        env={"HIDDEN": hidden["variable"], "TOKEN": hidden["argument"]},
    )
    olos("pack", "layout", "-o", "app.olos", cwd=tmp_path)
    (tmp_path / "shown").write_text(result.stdout + result.stderr)
    shown = olos("inspect", "--format=json", "app.olos", cwd=tmp_path).stdout
    (tmp_path / "inspected").write_text(shown)
    secret_file.unlink()
    made = [tmp_path / name for name in ("layout", "app.olos", "shown", "inspected")]
    assert places_of(list(hidden.values()), *made) == []
    assert "TOKEN=***" in (tmp_path / "layout" / "annotations.json").read_text()


def test_no_secret_in_what_a_failure_says(tmp_path: Path) -> None:
    folder = write_context(tmp_path / "context", BUSYBOX + "ARG TOKEN\nRUN exit 3\n")
    value = secrets.token_hex(16)
    result = olos(
        "build",
        folder / "Dockerfile",
        f"--build-arg=TOKEN={value}",
        "--verbose",
        cwd=tmp_path,
        expect=4,
    )
    assert "--build-arg=TOKEN" in result.stderr
    assert value not in result.stdout + result.stderr


def test_a_user_builds_with_secrets_and_without_network(tmp_path: Path) -> None:
    folder = write_context(
        tmp_path / "context",
        BUSYBOX
        + "RUN --mount=type=secret,id=s test -s /run/secrets/s && test $(grep -c : /proc/net/dev) = 1\n"
        "RUN --mount=type=cache,target=/cache touch /cache/file\nCMD x\n",
    )
    with normal_user() as user:
        home = Path(user.pw_dir)
        shutil.copytree(folder, home / "context", symlinks=True)
        (home / "secret").write_text("x")
        arguments: list[str | Path] = ["build", home / "context" / "Dockerfile", "--network=none"]
        arguments += [f"--secret=id=s,src={home}/secret", "-o", home / "layout"]
        result = run_as(user, "olos_cli", arguments)
        assert result.returncode == 0, result.stderr
        assert (home / ".cache/olos/run-mounts/cache/file").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--platform=linux/arm64"], 2, "linux/amd64 only"),
        (["--secret=id=x"], 2, "id=NAME,src=FILE"),
        (["--secret=id=x,src=absent"], 3, "absent"),
        (["--ssh=default"], 3, "SSH_AUTH_SOCK"),
        (["--cache-from=a=b"], 2, "--cache-from"),
        (["--cache-from=a/b"], 4, "--cache-from"),
        (["--buildkit-address=nowhere"], 2, "unix://"),
        (["--buildkit-tls=."], 2, "--buildkit-address"),
        (["--builder=buildah", "--buildkit-address=unix:///x"], 2, "--builder buildah"),
        (["--image=x", "--no-cache"], 2, "--image and --no-cache"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_wrong_options(tmp_path: Path, arguments: list[str], code: int, says: str) -> None:
    write_context(tmp_path / "context", BUSYBOX)
    before: list[str] = [] if "--image=x" in arguments else ["context/Dockerfile"]
    result = olos("build", *before, *arguments, cwd=tmp_path, expect=code)
    assert says in " ".join(result.stderr.split())
