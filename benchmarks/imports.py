"""What does `import rnnlab` cost on top of `import numpy`? CPU time of fresh Python processes.

    python benchmarks/imports.py [--runs 15]

The two imports, and a Python that imports nothing, take turns, so that a slow spell of the machine
meets all three. Each figure is a median; the start of Python itself is in it and shown apart.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from statistics import median

GOAL = 1.3
STATEMENTS = ("pass", "import numpy", "import rnnlab")
CODE = "{}\nfrom time import process_time; print(process_time())"


def cpu_ms(statement: str) -> float:
    """CPU time of a fresh Python that runs the statement, user and system, milliseconds."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(statement)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    return 1e3 * float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    times: dict[str, list[float]] = {statement: [] for statement in STATEMENTS}
    for statement in STATEMENTS:
        cpu_ms(statement)  # writes the bytecode caches
    for _ in range(runs):
        for statement in STATEMENTS:
            times[statement].append(cpu_ms(statement))
    medians = {statement: median(times[statement]) for statement in STATEMENTS}
    for statement, ms in medians.items():
        print(f"{statement if statement != 'pass' else 'Python alone':15} {ms:7.1f} ms")
    ratio = medians["import rnnlab"] / medians["import numpy"]
    print(f"{'ratio':15} {ratio:7.2f}    goal at most {GOAL}")


if __name__ == "__main__":
    main()
