"""Build an exercise, copy to work/ without ever losing a learner's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest

from rnnlab import notebook
from rnnlab.notebook import BEGIN, END

Notebook = dict[str, Any]


def code(text: str, **grading: Any) -> dict[str, Any]:
    meta = {"nbgrader": {"schema_version": 3, "task": False, **grading}} if grading else {}
    return {
        "cell_type": "code", "id": f"c{abs(hash(text)) % 10**8}", "metadata": meta,
        "source": text.splitlines(keepends=True), "execution_count": 7,
        "outputs": [{"output_type": "stream", "name": "stdout", "text": ["spoilt\n"]}],
    }  # fmt: skip


def make(*cells: dict[str, Any]) -> Notebook:
    metadata = {"widgets": {"a": 1}, "kernelspec": {"name": "python3", "display_name": "Python 3"}}
    return {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


SOLVED = f"def gate(x):\n    ### BEGIN\n    {BEGIN}\n    y = 2 * x\n    return y\n    {END}"


def test_a_solution_region_becomes_a_stub_and_a_check_may_raise() -> None:
    solution = make(
        code("import numpy"),
        code(SOLVED, grade=False, solution=True, locked=False, grade_id="gate"),
        code("check('x', gate)", grade=True, solution=False, locked=True, grade_id="check-gate"),
    )
    exercise = notebook.build_exercise(solution)
    texts = [notebook.source(cell) for cell in exercise["cells"]]
    assert texts[1] == (
        "def gate(x):\n    ### BEGIN\n    # Write your code here.\n    raise NotImplementedError"
    )
    assert exercise["cells"][2]["metadata"]["tags"] == ["raises-exception"]
    assert "tags" not in exercise["cells"][1]["metadata"]
    assert [c["id"] for c in exercise["cells"]] == [c["id"] for c in solution["cells"]]
    assert all(c["outputs"] == [] and c["execution_count"] is None for c in exercise["cells"])
    assert "widgets" not in exercise["metadata"]
    assert solution["cells"][1]["outputs"], "the solution itself is not touched"
    nbformat.validate(exercise)
    assert [grade_id for grade_id, _ in notebook.answers(exercise)] == ["gate"]


@pytest.mark.parametrize(
    "text",
    [
        f"{BEGIN}\nx = 1",
        f"x = 1\n{END}",
        f"{BEGIN}\n{BEGIN}\nx = 1\n{END}",
    ],
)
def test_markers_must_pair(text: str) -> None:
    with pytest.raises(ValueError, match=r"must pair, in cell gate"):
        notebook.build_exercise(
            make(code(text, grade=False, solution=True, locked=False, grade_id="gate"))
        )


def test_a_solution_cell_without_a_region_is_refused() -> None:
    with pytest.raises(ValueError, match=r"solution cell gate must hold a region"):
        notebook.build_exercise(
            make(code("x = 1", grade=False, solution=True, locked=False, grade_id="gate"))
        )


@pytest.mark.parametrize("text", ["", "no json", "[]", '{"nbformat": 3}', "3"])
def test_what_is_no_notebook_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "torn.ipynb"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"read: .*torn.ipynb must be a notebook"):
        notebook.read(path)


@pytest.fixture
def course(tmp_path: Path) -> Path:
    notebook.write(make(code("print('lecture')")), tmp_path / "notebooks" / "04_gate.ipynb")
    notebook.write(make(code("print('exercise')")), tmp_path / "exercises" / "04_gate.ipynb")
    return tmp_path


def test_copies_have_no_outputs_and_are_made_once(course: Path) -> None:
    work = course / "work"
    assert notebook.copy_to_work(course, work) == []
    copied = notebook.read(work / "notebooks" / "04_gate.ipynb")
    assert copied["cells"][0]["outputs"] == []
    nbformat.validate(copied)
    mine = work / "exercises" / "04_gate.ipynb"
    mine.write_text("my own work, even torn")
    assert notebook.copy_to_work(course, work)[0].startswith("04_gate.ipynb has a newer version")
    assert mine.read_text() == "my own work, even torn"


def test_a_newer_original_lies_beside_the_learners_copy_once(course: Path) -> None:
    work = course / "work"
    notebook.copy_to_work(course, work)
    mine = work / "exercises" / "04_gate.ipynb"
    edited = notebook.read(mine)
    edited["cells"][0]["source"] = ["print('my answer')"]
    notebook.write(edited, mine)
    assert notebook.copy_to_work(course, work) == [], "an answer is no newer original"

    for version in (2, 3):
        notebook.write(make(code(f"print({version})")), course / "exercises" / "04_gate.ipynb")
        said = notebook.copy_to_work(course, work)
        assert said == [
            f"04_gate.ipynb has a newer version: it lies beside yours as 04_gate.{version}.ipynb"
        ]
        assert notebook.copy_to_work(course, work) == [], "named once, not at every start"
    assert notebook.read(mine) == edited


def test_rebuilding_removes_an_exercise_without_a_solution(course: Path) -> None:
    solved = code(SOLVED, grade=False, solution=True, locked=False, grade_id="gate")
    notebook.write(make(solved), course / "solutions" / "05_new.ipynb")
    assert notebook.rebuild_exercises(course) == [course / "exercises" / "05_new.ipynb"]
    assert [p.name for p in (course / "exercises").iterdir()] == ["05_new.ipynb"]


def test_executing_stores_outputs_and_nothing_that_changes(tmp_path: Path) -> None:
    path = tmp_path / "run.ipynb"
    notebook.write(make(code("print(6 * 7)")), path)
    notebook.execute(path)
    first = path.read_text()
    done = notebook.read(path)
    assert done["cells"][0]["outputs"][0]["text"] == ["42\n"]
    assert done["cells"][0]["execution_count"] == 1
    notebook.execute(path)
    assert path.read_text() == first
