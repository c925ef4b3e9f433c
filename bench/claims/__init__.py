"""The claims, one module each with a function `claim(inputs)`; the name of a module is that of its claim."""

CLAIMS = (
    "verity_tree",
    "fsverity_digest",
    "measure_package",
    "self_measure",
    "small_files",
    "memory",
    "pack",
    "start",
    "startup",
    "startup_gvisor",
    "startup_memory",
    "cost_syscall",
    "cost_process",
    "cost_memory",
    "cost_first_read",
    "cost_cached_read",
    "cost_loopback",
    "build_debian",
    "build_large",
    "build_many",
)
