"""Notebooks as students hand them in, for the tests of the grader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rnnlab import notebook

SETUP = "import numpy as np\nfrom rnnlab.check import check\n"

SOLVED = {
    "forget_gate": """def forget_gate(x_t, h_prev, W_f, V_f, b_f):
    return 1 / (1 + np.exp(-(x_t @ W_f.T + h_prev @ V_f.T + b_f)))
""",
    "half_life": """def half_life(f):
    return np.log(0.5) / np.log(f)
""",
    "belt": """def belt(f, C_0):
    C = []
    for f_t in f:
        C_0 = f_t * C_0
        C.append(C_0)
    return np.array(C)
""",
    "forget_on_reset": """def forget_on_reset():
    return np.array([[0.0, 0, -20], [0, 0, -20]]), np.zeros((2, 2)), np.full(2, 10.0)
""",
}
STUBS = {name: text.split("\n")[0] + "\n    raise NotImplementedError" for name, text in
         SOLVED.items()}  # fmt: skip
POINTS = {"forget_gate": 3, "half_life": 2, "belt": 2, "forget_on_reset": 3}


def code(source: str, **grading: Any) -> dict[str, Any]:
    """A code cell, with nbgrader's metadata when there is a grade_id."""
    whole = {"grade": False, "locked": False, "schema_version": 3, "solution": False, "task": False}
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": f"c{abs(hash((source, *grading.values()))) % 10**12}",
        "metadata": {"nbgrader": {**whole, **grading}} if grading else {},
        "outputs": [],
        "source": source,
    }


def solution(name: str, source: str) -> dict[str, Any]:
    return code(source, grade_id=name, solution=True)


def locked_check(name: str) -> dict[str, Any]:
    return code(
        f'check("04.{name}", {name})',
        grade_id=f"check-{name}", grade=True, locked=True, points=POINTS[name],
    )  # fmt: skip


def content(cells: list[dict[str, Any]], language: str = "python") -> dict[str, Any]:
    return {
        "cells": cells,
        "metadata": {"language_info": {"name": language}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def submission(setup: str = SETUP, **answers: str) -> dict[str, Any]:
    """A solved notebook, with these answers instead."""
    cells = [code(setup)]
    for name, source in {**SOLVED, **answers}.items():
        cells += [solution(name, source), locked_check(name)]
    return content(cells)


def hand_in(folder: Path, student: str, handed: dict[str, Any], name: str = "work.ipynb") -> Path:
    path = folder / student / name
    notebook.write(handed, path)
    return path
