"""Files whose path alone says why they differ from build to build."""

from __future__ import annotations

import re
from collections.abc import Sequence

from measure.diff.causes.rule import Finding, Pair
from measure.diff.model import Cause

PLACES: tuple[tuple[bytes, Cause], ...] = (
    (
        rb"var/lib/apt/lists(/.*)?|var/cache/apt(/.*)?",
        Cause(
            "apt-cache",
            "APT keeps what it downloaded: lists of packages, and caches made of them.",
            "Write 'rm -rf /var/lib/apt/lists/* /var/cache/apt/*' at the end of the same RUN.",
        ),
    ),
    (
        rb"var/log/(dpkg\.log|alternatives\.log|bootstrap\.log|apt(/.*)?|dnf.*|yum\.log|apk\.log)",
        Cause(
            "package-log",
            "Package managers write down when they did what.",
            "Write 'rm -rf /var/log/apt/* /var/log/dpkg.log /var/log/alternatives.log' in the same RUN.",
        ),
    ),
    (
        rb"var/cache/ldconfig(/.*)?",
        Cause(
            "ldconfig-cache",
            "ldconfig keeps inode numbers and times of libraries in its auxiliary cache.",
            "Write 'rm -f /var/cache/ldconfig/aux-cache' at the end of the same RUN.",
        ),
    ),
    (
        rb"etc/machine-id|var/lib/dbus/machine-id",
        Cause(
            "machine-id",
            "A random identity of the machine was made during the build.",
            "Write 'RUN : > /etc/machine-id && rm -f /var/lib/dbus/machine-id'.",
        ),
    ),
    (
        rb"(var/lib/(systemd|urandom|seedrng|random-seed)/)?(random-seed|seed\.(no-)?credit)|var/lib/misc/random-seed",
        Cause(
            "random-seed",
            "A random seed was saved during the build; in an image it is no secret and no use.",
            "Write 'rm -f /var/lib/systemd/random-seed' at the end of the RUN that makes it.",
        ),
    ),
    (
        rb"etc/ssh/ssh_host_[^/]*_key(\.pub)?",
        Cause(
            "ssh-host-key",
            "Keys of an SSH server were made during the build; everybody who has the image has them.",
            "Write 'rm -f /etc/ssh/ssh_host_*' in the RUN that installs it, and make keys at start.",
        ),
    ),
    (
        rb"(usr/lib|usr/lib64|lib)/locale/locale-archive",
        Cause(
            "locale-archive",
            "The archive of locales depends on the order in which they were added.",
            "Use 'localedef --no-archive', or C.UTF-8, which needs no archive.",
        ),
    ),
    (
        rb"var/cache/fontconfig(/.*)?|(usr/share|usr/lib)/.*/\.uuid|root/\.cache/fontconfig(/.*)?",
        Cause(
            "fontconfig-cache",
            "fontconfig keeps times of directories in its cache.",
            "Write 'rm -rf /var/cache/fontconfig/*' at the end of the same RUN.",
        ),
    ),
    (
        rb"var/cache/man(/.*)?|usr/share/info/dir(\.old)?",
        Cause(
            "documentation-index",
            "Indices of manuals hold times, and the order in which packages came.",
            "Write 'rm -rf /var/cache/man/* /usr/share/info/dir*' at the end of the same RUN.",
        ),
    ),
    (
        rb"var/cache/debconf/[^/]*|var/lib/dpkg/[^/]*-old|etc/(passwd|group|shadow|gshadow|subuid|subgid)-",
        Cause(
            "backup-file",
            "A backup of the state before the last change, or a cache that can be made again.",
            "Write 'rm -rf /var/cache/debconf/*-old /var/lib/dpkg/*-old /etc/*-' at the end of the RUN.",
        ),
    ),
    (
        rb"etc/ssl/certs/java/cacerts|.*\.(jks|keystore)",
        Cause(
            "java-keystore",
            "A Java keystore holds the times at which certificates were added.",
            "Take a keystore from the build context by COPY rather than making it in a RUN.",
        ),
    ),
    (
        rb"var/lib/rpm/.*|usr/lib/sysimage/rpm/.*|usr/share/rpm/.*|var/lib/dnf/.*|var/cache/(dnf|yum)/.*",
        Cause(
            "rpm-database",
            "The database of RPM holds the times at which packages were installed.",
            "Write 'rm -rf /var/lib/dnf /var/cache/dnf', or copy what is needed into a later stage.",
        ),
    ),
    (
        rb"((root|home/[^/]*)/)?\.(cache|npm|cargo/registry|gem|bundle/cache|m2/repository|gradle|wget-hsts)(/.*)?",
        Cause(
            "user-cache",
            "Tools keep in the home directory what they downloaded.",
            "Clean up in the same RUN ('rm -rf /root/.cache /root/.npm'), or use RUN --mount=type=cache.",
        ),
    ),
    (
        rb"(var/)?tmp/.+",
        Cause(
            "temporary-file",
            "Temporary files were left behind, often with random names.",
            "Write 'rm -rf /tmp/* /var/tmp/*' at the end of the same RUN, or use RUN --mount=type=tmpfs.",
        ),
    ),
    (
        rb"var/log/.+",
        Cause(
            "log-file",
            "Logs say when something happened.",
            "Write 'find /var/log -type f -delete' at the end of the same RUN.",
        ),
    ),
)
"""Patterns of whole paths without leading slash; the first one that fits counts."""

_PATTERNS = tuple((re.compile(pattern, re.DOTALL), cause) for pattern, cause in PLACES)
_BYTES_OR_EXISTENCE = frozenset({"content", "type", "target"})


class Places:
    """Files at known places that came, went, or have other bytes."""

    def judge(self, pair: Pair) -> Sequence[Finding]:
        if pair.what == "changed" and not pair.changed & _BYTES_OR_EXISTENCE:
            return ()
        for pattern, cause in _PATTERNS:
            if pattern.fullmatch(pair.path):
                return (Finding(cause),)
        return ()
