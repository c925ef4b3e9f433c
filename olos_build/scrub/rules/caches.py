"""`caches`: caches of users, of debconf, fontconfig and man, and temporary files.

What tools keep below ~/.cache they can make or fetch again, if they have a network: an app that shall
find its models or packages there must have them elsewhere, or do without this rule.
"""

from olos_build.scrub.rule import Rule, both, contents, files

CACHES = Rule(
    "caches",
    both(
        contents(b"root/.cache", b"home/*/.cache", b"tmp", b"var/tmp"),
        files(b"var/cache/debconf/*-old", b"var/cache/fontconfig/**", b"var/cache/man/**"),
    ),
)
