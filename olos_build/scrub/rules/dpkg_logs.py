"""`dpkg-logs`: what dpkg, apt and update-alternatives wrote about their work, with the time of each step.

Also the copies that dpkg keeps of its former state. The state itself, /var/lib/dpkg/status, stays.
"""

from olos_build.scrub.rule import Rule, files

DPKG_LOGS = Rule(
    "dpkg-logs",
    files(
        b"var/log/dpkg.log*",
        b"var/log/alternatives.log*",
        b"var/log/bootstrap.log*",
        b"var/log/apt/**",
        b"var/lib/dpkg/*-old",
    ),
)
