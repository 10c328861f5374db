"""Each lecture in numbers: cells, share of prose, longest code cell, words, seconds to run.

    python benchmarks/lectures.py [NOTEBOOK ...]

Executes copies, in a fresh kernel each; nothing is written back.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

from rnnlab import notebook


def seconds(path: Path) -> float:
    """Wall-clock seconds to run a copy of the notebook, kernel start included."""
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copy(path, folder)
        begin = time.monotonic()
        notebook.execute(Path(copy))
        return time.monotonic() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="*", type=Path, metavar="NOTEBOOK")
    paths = parser.parse_args().paths or sorted(notebook.course().glob("notebooks/*.ipynb"))
    row = "{:<36}{:>6}{:>7}{:>8}{:>9}{:>7}{:>9}"
    print(row.format("lecture", "cells", "prose", "median", "longest", "words", "seconds"))
    total = 0.0
    for path in paths:
        cells = notebook.read(path)["cells"]
        prose = [notebook.source(c) for c in cells if c["cell_type"] == "markdown"]
        code = [notebook.source(c) for c in cells if c["cell_type"] == "code"]
        lines = [len(text.splitlines()) for text in code]
        words = sum(len(text.split()) for text in prose)
        took = seconds(path)
        total += took
        share = f"{len(prose) / len(cells):.0%}"
        print(
            row.format(
                path.stem, len(cells), share, f"{median(lines):g}", max(lines), words, f"{took:.1f}"
            ),
            flush=True,
        )
    print(row.format("together", "", "", "", "", "", f"{total:.1f}"))


if __name__ == "__main__":
    main()
