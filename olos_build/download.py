"""Downloading what an ADD of a URL names: http and https only, within bounds of size and time.

The environment's proxies are used (http_proxy, https_proxy, no_proxy). Redirects stay with http and https.
"""

from __future__ import annotations

import hashlib
import http.client
import shutil
import time
from pathlib import Path
from typing import IO
from urllib import request
from urllib.error import HTTPError, URLError

from olos import VERSION
from olos.digest import Digest, sha256_stream
from olos.errors import BuildStepError, InputError, MismatchError
from olos.extent import Extent
from olos.progress import Progress
from olos_build.cache import LayerCache
from olos_build.lock import LockedDownload

MAX_SIZE = 8 << 30
"""Most bytes of one download."""

_SILENCE_SECONDS = 60
_TOTAL_SECONDS = 3600
_CHUNK = 1 << 18
_SCHEMES = ("http", "https")


def download(url: str, path: Path, progress: Progress, limit: int = MAX_SIZE) -> LockedDownload:
    """Write what a URL gives to a new file; its digest and size.

    Raises InputError for a URL that is none or gives more than `limit` bytes, BuildStepError if the server
    refuses, is silent for a minute, or takes more than an hour.
    """
    state, size, deadline = hashlib.sha256(), 0, time.monotonic() + _TOTAL_SECONDS
    progress.step(f"downloading {url}")
    try:
        with (
            _opener().open(_request(url), timeout=_SILENCE_SECONDS) as response,
            path.open("xb") as file,
            progress.task("downloading", None, "B") as task,
        ):
            while chunk := response.read1(_CHUNK):
                size += len(chunk)
                if size > limit:
                    raise InputError(f"{url}: gives more than {limit} bytes")
                if time.monotonic() > deadline:
                    raise BuildStepError(f"{url}: takes more than {_TOTAL_SECONDS} seconds")
                state.update(chunk)
                file.write(chunk)
                task.advance(len(chunk))
            expected = response.headers.get("Content-Length")
    except HTTPError as exc:
        exc.close()
        raise BuildStepError(f"{url}: the server answers {exc.code} {exc.reason}") from exc
    except URLError as exc:
        raise BuildStepError(f"{url}: cannot be downloaded: {exc.reason}") from exc
    except (http.client.HTTPException, TimeoutError, ConnectionError) as exc:
        raise BuildStepError(f"{url}: cannot be downloaded: {type(exc).__name__} {exc}") from exc
    if expected is not None and expected.isdecimal() and len(expected) < 20 and int(expected) != size:
        raise BuildStepError(f"{url}: the connection broke after {size} of {expected} bytes")
    return LockedDownload(url, Digest("sha256", state.digest()), size)


def fetch(locked: LockedDownload, path: Path, cache: LayerCache, progress: Progress) -> None:
    """Have what is locked in a new file: from the cache, or from its server. Keeps it in the cache.

    Raises MismatchError if the server gives something else now; else as `download`.
    """
    if _copy_of(locked, path, cache):
        return
    hint = f"{locked.url} has moved; accept it with 'olos pin --update'"
    try:
        found = download(locked.url, path, progress, locked.size)
    except InputError as exc:
        raise MismatchError(f"{exc.message}, which is what the lock says it has", hint=hint) from exc
    if found.sha256 != locked.sha256:
        raise MismatchError.of(
            f"{locked.url}: digest", expected=locked.sha256, actual=found.sha256, hint=hint
        )
    cache.keep(found.sha256, Extent.of_file(path), own=False)


def _copy_of(locked: LockedDownload, path: Path, cache: LayerCache) -> bool:
    """Whether the cache had it. The copy is what is verified."""
    kept = cache.find(locked.sha256)
    if kept is None:
        return False
    with kept.open() as source, path.open("xb") as target:
        shutil.copyfileobj(source, target, _CHUNK)
    with path.open("rb") as copy:
        if sha256_stream(copy) == (locked.sha256, locked.size):
            return True
    path.unlink()
    return False


def _request(url: str) -> request.Request:
    try:
        # Coded content would not be what the builders get.
        made = request.Request(url, headers={"User-Agent": f"olos/{VERSION}", "Accept-Encoding": "identity"})  # noqa: S310
    except ValueError as exc:
        raise InputError(f"{url[:200]!r}: is no URL: {exc}") from exc
    if made.type not in _SCHEMES:
        raise InputError(f"{url[:200]!r}: only http and https URLs can be downloaded")
    return made


class _Redirects(request.HTTPRedirectHandler):
    """Redirects to http and https only."""

    def redirect_request(  # noqa: PLR0913, PLR0917
        self,
        req: request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> request.Request | None:
        if newurl.partition(":")[0].lower() not in _SCHEMES:
            fp.close()
            raise URLError(f"is redirected to {newurl[:200]!r}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> request.OpenerDirector:
    """Not `build_opener`, which also reads local files and speaks FTP."""
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler(),
        request.HTTPHandler(),
        request.HTTPSHandler(),
        request.HTTPDefaultErrorHandler(),
        _Redirects(),
        request.HTTPErrorProcessor(),
        request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener
