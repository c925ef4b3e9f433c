"""The standard library and one third-party package (PyYAML) at work."""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import sqlite3
import subprocess
import sys
import tempfile

import yaml


def main() -> None:
    settings = yaml.safe_load(pathlib.Path(__file__).with_name("settings.yaml").read_text())
    print(f"{settings['title']}: {json.dumps(settings, sort_keys=True)}")
    print("libyaml", yaml.__with_libyaml__)
    print("user", os.getuid(), "in", pathlib.Path.cwd())
    print("sha256", hashlib.sha256(b"measured").hexdigest()[:16])
    with sqlite3.connect(":memory:") as database:
        database.execute("create table t (n integer)")
        database.executemany("insert into t values (?)", [(n,) for n in settings["numbers"]])
        print("sorted", [n for (n,) in database.execute("select n from t order by n")])
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        print("threads", sum(pool.map(lambda n: n * n, range(10))))
    child = [sys.executable, "-c", "import sys; print(sys.stdin.read().upper(), end='')"]
    result = subprocess.run(child, input="child process", capture_output=True, text=True, check=True)
    print("subprocess", result.stdout)
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"x" * 100_000)
        file.flush()
        print("temporary file", os.stat(file.name).st_size)


main()
