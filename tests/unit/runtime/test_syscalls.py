"""The table of system calls against the kernel's own header."""

import re
import subprocess
from pathlib import Path

from support.probe import COMMON

HEADER = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
"""Of Linux 6.1, from Debian's linux-libc-dev."""

PROGRAM = r"""
#include <stdio.h>
#include "syscalls.h"
int main(void) {
    struct syscall_entry e;
    for (size_t n = 0; n < syscall_count() + 1000; n++)
        if (syscall_find(n, &e)) printf("%zu %s :%s :%s\n", n, e.name, e.arguments, e.classes);
    return syscall_find(UINT64_MAX, &e) || syscall_find(UINT64_C(1) << 32, &e);
}
"""


def test_names_and_numbers(tmp_path: Path) -> None:
    source = tmp_path / "list.c"
    source.write_text(PROGRAM)
    flags = ("-std=c17", "-D_GNU_SOURCE", "-fsanitize=address,undefined", f"-I{COMMON}")
    subprocess.run(["gcc", *flags, source, COMMON / "syscalls.c", "-o", tmp_path / "list"], check=True)
    listing = subprocess.run([tmp_path / "list"], capture_output=True, text=True, check=True).stdout
    ours = dict(line.split(" ", 2)[:2] for line in listing.splitlines())
    kernels = {number: name for name, number in re.findall(r"#define __NR_(\w+) (\d+)", HEADER.read_text())}
    assert len(ours) > 350
    assert ours == {number: kernels[number] for number in ours}
    assert {number for number in kernels if int(number) <= 450} == set(ours)
    for line in listing.splitlines():
        assert re.fullmatch(r"\d+ \w+ :[dlxofsvwr]{0,6} :[FDNPMSI]{0,4}", line), line
