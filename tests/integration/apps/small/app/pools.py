"""Pools of processes, started in each way, and programs started by threads."""

import multiprocessing
import subprocess
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor


def square(number: int) -> int:
    return number * number


def echo(number: int) -> str:
    return subprocess.run(["/bin/echo", str(number)], capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    for method in ("fork", "spawn", "forkserver"):
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
            print(method, sum(pool.map(square, range(100))))
    with multiprocessing.Pool(2) as workers:
        print("Pool", sum(workers.imap_unordered(square, range(100))))
    with multiprocessing.Manager() as manager:
        shared = manager.dict(a=1)
        print("Manager", shared["a"])
    with ThreadPoolExecutor(4) as threads:
        print("echo", sum(int(text) for text in threads.map(echo, range(20))))
