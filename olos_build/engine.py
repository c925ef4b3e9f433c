"""A Docker Engine, through the Docker SDK: which one, whether it answers, and taking images out of it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from docker import APIClient
from docker.constants import DEFAULT_UNIX_SOCKET
from docker.context import ContextAPI
from docker.errors import APIError, DockerException, ImageNotFound
from docker.utils import kwargs_from_env
from requests.exceptions import RequestException

from olos.errors import BuildStepError, InputError, MissingToolError
from olos.progress import Progress

_ANSWER_SECONDS = 10
_CHUNK = 1 << 20


@contextmanager
def connected() -> Iterator[APIClient]:
    """A client of the Engine that DOCKER_HOST names, or else the current context of `docker context`.

    Raises MissingToolError if it does not answer; what the Engine refuses inside of the block comes
    out as BuildStepError.
    """
    client = _connect()
    try:
        yield client
    except (DockerException, RequestException) as exc:
        raise BuildStepError(f"Docker Engine at {client.base_url}: {explanation(exc)}") from exc
    finally:
        client.close()


def _connect() -> APIClient:
    address = "the current context of 'docker context'"
    try:
        settings = kwargs_from_env()
        if "base_url" not in settings:
            context = ContextAPI.get_current_context()
            if context:
                settings = {"base_url": context.Host, "tls": context.TLSConfig or False, **settings}
        address = settings.setdefault("base_url", DEFAULT_UNIX_SOCKET)
        _check_socket(address)
        client = APIClient(version="auto", timeout=_ANSWER_SECONDS, **settings)
        client.ping()
        # A step of a Dockerfile may be silent for as long as it likes.
        client.timeout = None
    except (DockerException, RequestException, OSError) as exc:
        raise MissingToolError(
            f"no Docker Engine answers at {address}: {explanation(exc)}",
            hint="apt-get install docker.io and start it, or set DOCKER_HOST; or apt-get install buildah",
        ) from exc
    return client


def _check_socket(address: str) -> None:
    """Raises OSError if nobody listens on a Unix socket; the SDK wraps that in ten lines and leaks."""
    scheme, _, path = address.partition("://")
    if scheme in ("unix", "http+unix"):
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(_ANSWER_SECONDS)
            probe.connect("/" + path.lstrip("/"))


def explanation(exc: Exception) -> str:
    """What an error of the SDK says, without its wrapping."""
    if isinstance(exc, OSError) and exc.strerror:
        return exc.strerror
    if isinstance(exc, APIError) and exc.explanation:
        return str(exc.explanation)
    return str(exc)


def save(client: APIClient, image: str, path: Path, progress: Progress) -> None:
    """Write an image to a new file, as `docker save` does. Raises InputError if there is no such image."""
    try:
        # The SDK's streams leave it to the caller to ask whether the image exists.
        client.inspect_image(image)
    except ImageNotFound as exc:
        raise InputError(
            f"docker-daemon:{image}: the Engine has no such image", hint="docker images"
        ) from exc
    with path.open("xb") as stream, progress.task("exporting the image", None, "B") as task:
        for chunk in client.get_image(image, chunk_size=_CHUNK):
            stream.write(chunk)
            task.advance(len(chunk))
