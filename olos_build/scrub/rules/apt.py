"""`apt`: the package lists that `apt-get update` fetched, apt's caches of them, and downloaded packages.

All of it is fetched or computed again when apt needs it. Which packages were installed on demand
(/var/lib/apt/extended_states) stays.
"""

from olos_build.scrub.rule import Rule, files

APT = Rule(
    "apt",
    files(b"var/lib/apt/lists/**", b"var/cache/apt/*.bin", b"var/cache/apt/archives/**"),
)
