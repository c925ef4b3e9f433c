"""`ldconfig`: the cache in which ldconfig(8) remembers inode numbers and times of the libraries it has seen.

The loader does not read it. What it reads, /etc/ld.so.cache, stays.
"""

from olos_build.scrub.rule import Rule, files

LDCONFIG = Rule("ldconfig", files(b"var/cache/ldconfig/aux-cache"))
