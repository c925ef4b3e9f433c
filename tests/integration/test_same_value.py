"""One Dockerfile, one value: whoever builds it, wherever, whenever, with whatever builder."""

import os
import shutil
from pathlib import Path

import pytest

from support.olos import olos
from support.user import normal_user, run_as

DOCKERFILE = r"""
FROM scratch AS tools
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]

FROM tools AS build
RUN mkdir -p /out/deep && echo one > /out/one && ln /out/one /out/deep/two && chmod 4755 /out/one

FROM tools
RUN mkdir -p /etc /tmp && echo 'app:x:1000:100:App:/home/app:/bin/sh' > /etc/passwd \
 && echo 'users:x:100:' > /etc/group && echo 'extra:x:7:app' >> /etc/group && chmod 1777 /tmp
RUN mkdir -p /home/app /data && chown 1000:100 /home/app && mkfifo /data/pipe && echo gone > /gone
COPY --from=build /out /out
COPY --chown=1000:100 src /src
RUN rm /gone && ln -s ../out/one /data/link && touch /etc/hosts
ENV GREETING="hello world"
VOLUME /var/lib/app
WORKDIR /home/app
USER app
EXPOSE 8080
ENTRYPOINT ["/bin/sh", "-c", "id; cat /src/b/file; echo $GREETING"]
"""


def write_context(folder: Path, names: list[str]) -> Path:
    """The same context, its directory entries made in the given order."""
    folder.mkdir(parents=True)
    for name in names:
        path = folder / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}\n")
        path.chmod(0o644 & ~current_umask())
    shutil.copy("/bin/busybox", folder / "busybox")
    (folder / "busybox").chmod(0o755 & ~current_umask())
    (folder / "Dockerfile").write_text(DOCKERFILE)
    return folder


def current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


NAMES = ["a", "b/file", "b/empty", "c [x]", "\u00fcml\u00e4ut"]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_context(tmp_path_factory.mktemp("same") / "context", NAMES)


@pytest.fixture(scope="module")
def value(context: Path) -> str:
    return built_value(context)


def built_value(context: Path, *args: str, **more: object) -> str:
    with_output = context.parent / f"layout-{context.name}-{'-'.join(args).replace('/', '_')}"
    env = more.get("env")
    assert env is None or isinstance(env, dict)
    return olos("build", "Dockerfile", *args, "-o", with_output, cwd=context, env=env).stdout.strip()


def test_docker_engine(context: Path, value: str, engine: str) -> None:
    assert built_value(context, "--builder", "docker", env={"DOCKER_HOST": engine}) == value


def test_buildah_without_root(context: Path, value: str) -> None:
    """Another user as well: the context belongs to it, and so does the layout."""
    with normal_user() as user:
        home = Path(user.pw_dir)
        shutil.copytree(context, home / "context")
        for path in (home / "context", *(home / "context").rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid)
        arguments: list[str | Path] = [
            "build",
            home / "context" / "Dockerfile",
            "--builder",
            "buildah",
            "-o",
            home / "layout",
        ]
        result = run_as(user, "olos_cli", arguments)
        assert result.returncode == 0, result.stderr
        assert result.stdout.strip() == value


def test_another_path_and_order(value: str, tmp_path: Path) -> None:
    context = write_context(tmp_path / "other place" / "é", [*reversed(NAMES)])
    assert built_value(context) == value


def test_other_times(value: str, tmp_path: Path) -> None:
    context = write_context(tmp_path / "times", NAMES)
    for number, path in enumerate(context.rglob("*")):
        os.utime(path, (10**9 + number, 10**9 + number))
    assert built_value(context) == value


@pytest.mark.parametrize("mask", [0o000, 0o077], ids=oct)
def test_another_umask(value: str, tmp_path: Path, mask: int) -> None:
    old = os.umask(mask)
    try:
        assert built_value(write_context(tmp_path / "mask", NAMES)) == value
    finally:
        os.umask(old)


def test_another_day(value: str, context: Path) -> None:
    env = {"LD_PRELOAD": faketime_library(), "FAKETIME": "+400d", "TZ": "Asia/Kolkata", "LANG": "de_DE.UTF-8"}
    # Not from the cache: with the other clock, a step that wrote the time would show.
    fresh = write_context(context.parent / "another-day", NAMES)
    text = (fresh / "Dockerfile").read_text()
    (fresh / "Dockerfile").write_text(text.replace("echo one >", "true && echo one >"))
    other = built_value(fresh, env=env)
    assert other == value


def faketime_library() -> str:
    (path,) = Path("/usr/lib").rglob("libfaketime.so.1")
    return str(path)
