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
    "kernel_start",
    "kernel_read",
    "kernel_memory",
    "build_debian",
    "build_large",
    "build_many",
)
