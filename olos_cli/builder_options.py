"""The options of `olos build` that are about how the builder works: secrets, network, caches, BuildKit."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from olos.errors import UsageError
from olos_build.builders.buildkit_address import Address, parse_address
from olos_build.builders.protocol import PLATFORM, Extras
from olos_build.builders.secrets import parse_secrets, parse_ssh
from olos_cli.options import FILE

SHOWN = {
    "secret": "--secret",
    "ssh": "--ssh",
    "network": "--network",
    "platform": "--platform",
    "no_cache": "--no-cache",
    "cache_from": "--cache-from",
    "cache_to": "--cache-to",
    "buildkit_address": "--buildkit-address",
    "buildkit_tls": "--buildkit-tls",
}
"""The parameters, and how they are typed."""

_SAME_PLATFORM = (PLATFORM, f"{PLATFORM}/v1", "amd64", "x86_64", "linux/x86_64")
_OPTIONS = (
    click.option(
        "--secret",
        metavar="SPEC",
        multiple=True,
        help="For RUN --mount=type=secret: id=NAME,src=FILE or id=NAME,env=VARIABLE.",
    ),
    click.option(
        "--ssh",
        metavar="SPEC",
        multiple=True,
        help="For RUN --mount=type=ssh: default, or NAME=SOCKET|KEY.",
    ),
    click.option(
        "--network",
        type=click.Choice(["default", "none", "host"]),
        default="default",
        help="What RUN steps see.",
    ),
    click.option("--platform", metavar="NAME", default=PLATFORM, help=f"Only {PLATFORM} so far."),
    click.option("--no-cache", is_flag=True, help="Run every step again."),
    click.option(
        "--cache-from", metavar="SPEC", multiple=True, help="A remote cache to read, with BuildKit."
    ),
    click.option("--cache-to", metavar="SPEC", multiple=True, help="A remote cache to write, with BuildKit."),
    click.option(
        "--buildkit-address",
        metavar="ADDR",
        help="A BuildKit daemon: unix://PATH, tcp://HOST:PORT, docker-container://NAME, "
        "kube-pod://NAME, ssh://HOST (also: BUILDKIT_HOST).",
    ),
    click.option("--buildkit-tls", metavar="DIR", type=FILE, help="ca.pem, cert.pem and key.pem for tcp://."),
)


def builder_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options to a command, which gets them as `extras` and `buildkit`."""

    @wraps(function)
    def collected(*args: Any, **given: Any) -> Any:
        mine = {name: given.pop(name) for name in SHOWN}
        return function(*args, extras=_extras(mine), buildkit=_address(mine), **given)

    for option in reversed(_OPTIONS):
        collected = option(collected)
    return collected


def _extras(given: dict[str, Any]) -> Extras:
    if given["platform"].lower() not in _SAME_PLATFORM:
        raise UsageError(
            f"--platform {given['platform'][:80]}: the target runs {PLATFORM} only",
            hint="other stages may have another: FROM --platform=… in the Dockerfile",
        )
    return Extras(
        secrets=parse_secrets(given["secret"]),
        ssh=parse_ssh(given["ssh"]),
        network=given["network"],
        cache_from=tuple(_cache("--cache-from", text) for text in given["cache_from"]),
        cache_to=tuple(_cache("--cache-to", text) for text in given["cache_to"]),
        no_cache=given["no_cache"],
    )


def _cache(option: str, text: str) -> str:
    """A name alone is one of a registry, as docker has it."""
    if not text or ("=" in text and not text.startswith("type=")):
        raise UsageError(f"{option} {text[:80]}: has no form type=TYPE,KEY=VALUE,… or NAME")
    return text if "=" in text else f"type=registry,ref={text}"


def _address(given: dict[str, Any]) -> Address | None:
    text, tls = given["buildkit_address"], given["buildkit_tls"]
    if text is None and tls is not None:
        raise UsageError("--buildkit-tls needs --buildkit-address")
    return None if text is None else parse_address(text, None if tls is None else Path(tls))
