"""What grading a class costs: CPU a submission, nbgrader beside it, memory, two jobs, 10,000.

    python benchmarks/grading.py [--students N] [--without-nbgrader]

The small exercise (04, four questions, solved) is handed in by every student. CPU is that of the
grader and of all that runs in its sandbox; what the notebook itself computes is measured apart, in
a plain process that is warm, and taken off. nbgrader (pip install "rnnlab[nbgrader]") grades the
same notebooks in the same run, from its release to its autograde step.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from rnnlab import calls, notebook
from rnnlab.grading import jobs
from rnnlab.grading.grader import SEED, Grader, Settings
from rnnlab.grading.intake import Found, find_all
from rnnlab.questions import all_questions

ROOT = Path(__file__).parent.parent
EXERCISE = ROOT / "solutions" / "04_forget_gate.ipynb"
WITH_TORCH = """
from dataclasses import replace
from rnnlab.questions import ANSWERS, all_questions
QUESTIONS = tuple(replace(q, forbidden=ANSWERS) for q in all_questions() if q.notebook == "04")
"""


def hand_in(folder: Path, students: int, torch: bool = False) -> list[Found]:
    """The solved exercise, from so many students; with torch imported where it is asked for."""
    content = notebook.read(EXERCISE)
    for cell in content["cells"]:
        cell.pop("outputs", None)
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    if torch:
        cells = content["cells"]
        first = next(k for k, cell in enumerate(cells) if cell["cell_type"] == "code")
        own = {"cell_type": "code", "id": "torch", "metadata": {}, "outputs": [],
               "execution_count": None, "source": "import torch\ntorch.ones(3).sum()"}  # fmt: skip
        cells.insert(first, own)
    for number in range(students):
        notebook.write(content, folder / f"s{number:05}" / "04" / EXERCISE.name)
    return list(find_all([folder]).found)


def of_its_own(torch: bool) -> float:
    """The CPU seconds of what the notebook computes: its cells, and its answers on the probes."""
    cells = [
        "".join(cell["source"])
        for cell in notebook.read(EXERCISE)["cells"]
        if cell["cell_type"] == "code" and not cell["metadata"].get("nbgrader", {}).get("locked")
    ]
    if torch:
        cells.insert(0, "import torch\ntorch.ones(3).sum()")
    asked = [q for q in all_questions() if q.notebook == "04"]
    probes = {q.name: list(q.inputs(np.random.default_rng(SEED))) for q in asked}
    times = []
    for _ in range(21):
        namespace: dict[str, Any] = {"check": lambda *a, **k: None}
        with contextlib.redirect_stdout(io.StringIO()):
            begin = time.process_time()
            for source in cells:
                exec(source, namespace)
            for question in asked:
                for probe in probes[question.name]:
                    calls.call(namespace[question.name], question.given(probe))
            times.append(time.process_time() - begin)
    return statistics.median(times)


def cpu_below() -> float:
    """The CPU seconds of every process below this one, the ended ones too."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            t = process.cpu_times()
            total += t.user + t.system + t.children_user + t.children_system
    return total


def cost(found: Sequence[Found], settings: Settings) -> tuple[float, list[float]]:
    """CPU seconds a submission, and the resident MiB of grader and sandbox along the way."""
    sizes = []
    with Grader(settings) as grader:
        assert all(row.passed for row in grader.grade(found[0]).rows)
        here, below = time.process_time(), cpu_below()
        for number, one in enumerate(found):
            result = grader.grade(one)
            assert all(row.passed for row in result.rows), result
            if number % max(1, len(found) // 20) == 0:
                sizes.append(resident())
        time.sleep(0.5)  # the last one is still on its way out
        spent = time.process_time() - here + cpu_below() - below
    return spent / len(found), sizes


def resident() -> float:
    """MiB of this process and the warm one."""
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return total / 2**20


def seconds(found: Sequence[Found], settings: Settings, count: int) -> float:
    """Wall-clock seconds a submission with so many jobs, all of them started: the first third of
    the results is not counted."""
    begin, graded, uncounted = 0.0, 0, len(found) // 3
    for result in jobs.graded(found, settings, count):
        assert result.points == result.max_points
        graded += 1
        if graded == uncounted:
            begin = time.perf_counter()
    return (time.perf_counter() - begin) / (graded - uncounted)


def nbgrader(folder: Path, students: int) -> tuple[float, float]:
    """CPU and wall-clock seconds a submission that nbgrader's autograde takes."""
    source = folder / "source" / "04"
    source.mkdir(parents=True)
    (source / EXERCISE.name).write_bytes(EXERCISE.read_bytes())
    (folder / "nbgrader_config.py").write_text(
        "c = get_config()\nc.CourseDirectory.course_id = 'x'\n"
    )
    run = [sys.executable, "-m", "nbgrader"]
    quiet: dict[str, Any] = {"cwd": folder, "capture_output": True, "text": True}
    subprocess.run([*run, "generate_assignment", "04", "--force"], check=True, **quiet)
    hand_in(folder / "submitted", students)
    before = os.times()
    begin = time.perf_counter()
    done = subprocess.run([*run, "autograde", "04"], check=False, **quiet)
    wall, after = time.perf_counter() - begin, os.times()
    if done.returncode:
        raise SystemExit(f"nbgrader autograde failed: {done.stderr[-2000:]}")
    spent = after.children_user + after.children_system - before.children_user
    return (spent - before.children_system) / students, wall / students


def rows(given: argparse.Namespace, folder: Path) -> Iterator[tuple[str, str, str]]:
    found = hand_in(folder / "numpy", given.students)
    own = of_its_own(torch=False)
    spent, sizes = cost(found, Settings(sandbox=True))
    yield "CPU, NumPy", f"{spent * 1e3:.1f} ms, own {own * 1e3:.1f}", ""
    yield "overhead, NumPy", f"{(spent - own) * 1e3:.1f} ms", "at most 15 ms"
    early, late = statistics.median(sizes[1:6]), statistics.median(sizes[-5:])
    yield "resident, first to last quarter", f"{early:.0f} to {late:.0f} MiB", f"flat, {len(found)}"
    if find_spec("torch") is not None:
        module = folder / "with_torch.py"
        module.write_text(WITH_TORCH)
        torch_found = hand_in(folder / "torch", max(20, given.students // 10), torch=True)
        torch_own = of_its_own(torch=True)
        torch_spent, _ = cost(torch_found, Settings(sandbox=True, questions=module))
        yield "CPU, torch", f"{torch_spent * 1e3:.1f} ms, own {torch_own * 1e3:.1f}", ""
        yield "overhead, torch", f"{(torch_spent - torch_own) * 1e3:.1f} ms", "at most 30 ms"
    runs = [[seconds(found, Settings(sandbox=True), count) for count in (1, 2)] for _ in range(5)]
    one, two = map(statistics.median, zip(*runs, strict=True))
    yield "seconds, 1 job", f"{one * 1e3:.1f} ms, {1 / one:.0f} a second", ""
    yield "throughput, 2 jobs / 1", f"{one / two:.2f}", "at least 1.7"
    yield "10,000 submissions", f"{1e4 * one / 60:.1f} min, 2 jobs {1e4 * two / 60:.1f} min", ""
    if not given.without_nbgrader and find_spec("nbgrader") is not None:
        theirs, wall = nbgrader(folder / "nbgrader", 8)
        yield "CPU, nbgrader", f"{theirs * 1e3:.0f} ms, {wall * 1e3:.0f} of the clock", ""
        yield "CPU, nbgrader / ours", f"{theirs / spent:.0f}", "at least 50"
        yield "throughput, ours / nbgrader", f"{wall / one:.0f}", "at least 50"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--students", type=int, default=400)
    parser.add_argument("--without-nbgrader", action="store_true")
    given = parser.parse_args()
    print(f"{'':<34}{'measured':<34}wanted")
    with tempfile.TemporaryDirectory() as folder:
        for what, measured, wanted in rows(given, Path(folder)):
            print(f"{what:<34}{measured:<34}{wanted}", flush=True)


if __name__ == "__main__":
    main()
