"""nbgrader's gradebook, filled through nbgrader and read by it."""

from __future__ import annotations

import hashlib
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from rnnlab.grading import gradebook
from rnnlab.grading.results import Grades, Result, Row

with warnings.catch_warnings():  # nbgrader's own, when it is loaded
    warnings.simplefilter("ignore")
    api = pytest.importorskip("nbgrader.api", reason="needs the extra rnnlab[nbgrader]")

NOTEBOOK = "04_forget_gate"
POINTS = {"forget_gate": 3, "half_life": 2, "belt": 5}


def result(student: str, *passed: str, modified: float = 1e9, account: str = "") -> Result:
    rows = tuple(
        Row(student, NOTEBOOK, f"04.{name}", most * (name in passed), most, name in passed)
        for name, most in POINTS.items()
    )
    return Result(student, NOTEBOOK, f"{student}/n", student, modified, rows, account=account)


GRADES = Grades(
    (
        result("ada", *POINTS, account="12"),
        result("ben", "belt", modified=1e9 + 5),
        result("cleo"),
        replace(
            result("zoe", "belt"), notebook="", rows=(Row("zoe", "", "", 0, 0, False, "empty"),)
        ),
    )
)


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    with gradebook._alembic_found(), api.Gradebook(f"sqlite:///{path}") as book:
        yield book


def test_nbgrader_reads_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "gradebook.db"
    gradebook.write(GRADES, path)
    with opened(path) as book:
        [assignment] = book.assignments
        assert (assignment.name, assignment.max_score) == (NOTEBOOK, 10)
        [notebook] = assignment.notebooks
        assert {cell.name: (cell.max_score, cell.cell_type) for cell in notebook.grade_cells} == {
            f"check-{name}": (most, "code") for name, most in POINTS.items()
        }
        assert {s.id: (s.score, s.lms_user_id) for s in book.students} == {
            "ada": (10, "12"), "ben": (5, None), "cleo": (0, None),
        }  # fmt: skip
        ben = book.find_submission(NOTEBOOK, "ben")
        assert (ben.score, ben.max_score, ben.needs_manual_grade) == (5, 10, False)
        assert ben.timestamp == datetime(2001, 9, 9, 1, 46, 45)
        grade = book.find_grade("check-belt", NOTEBOOK, NOTEBOOK, "ben")
        assert (grade.auto_score, grade.failed_tests, grade.manual_score) == (5, False, None)
        assert book.find_grade("check-half_life", NOTEBOOK, NOTEBOOK, "ben").failed_tests
        assert book.find_comment("belt", NOTEBOOK, NOTEBOOK, "ben").comment is None
        assert book.average_assignment_score(NOTEBOOK) == 5
        # what formgrader lists
        told = {one["student"]: one["score"] for one in book.submission_dicts(NOTEBOOK)}
        assert told == {"ada": 10, "ben": 5, "cleo": 0}


def test_formgrader_opens_what_was_submitted(tmp_path: Path) -> None:
    """Graded, says nbgrader's own list, if the very file that was graded lies in the course."""
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    content = {name: name.encode() for name in ("ada", "ben", "cleo", "dan")}
    for name, data in content.items():
        folder = tmp_path / "submitted" / name / NOTEBOOK
        folder.mkdir(parents=True)
        (folder / f"{NOTEBOOK}.ipynb").write_bytes(data)
    (tmp_path / "submitted" / "ada" / NOTEBOOK / "timestamp.txt").write_text(
        "2030-02-03 04:05:06 UTC"
    )
    (tmp_path / "submitted" / "dan" / NOTEBOOK / f"{NOTEBOOK}.ipynb").unlink()
    (tmp_path / "submitted" / "dan" / NOTEBOOK / f"{NOTEBOOK}.ipynb").symlink_to(
        tmp_path / "submitted" / "ada" / NOTEBOOK / f"{NOTEBOOK}.ipynb"
    )
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    digests["cleo"], digests["dan"] = "another", digests["ada"]
    results = [replace(result(name, "belt"), digest=digests[name]) for name in content]
    outside = replace(result("../ada", "belt"), digest=digests["ada"])
    for _ in range(2):
        gradebook.write(Grades((*results, outside)), tmp_path / "gradebook.db")
    copies = sorted(path for path in (tmp_path / "autograded").rglob("*") if path.is_file())
    assert {path.relative_to(tmp_path).parts[1]: path.read_bytes() for path in copies} == {
        "ada": b"ada", "ben": b"ben",
    }  # fmt: skip
    config = Config()
    config.CourseDirectory.root = str(tmp_path)
    with gradebook._alembic_found():
        told = {one["student"]: one for one in NbGraderAPI(config=config).get_submissions(NOTEBOOK)}
    assert {name: (told[name]["autograded"], told[name]["score"]) for name in content} == {
        "ada": (True, 5), "ben": (True, 5), "cleo": (False, 0), "dan": (False, 0),
    }  # fmt: skip
    assert told["ada"]["timestamp"] == "2030-02-03T04:05:06"


def counts(path: Path) -> dict[str, int]:
    kinds = ("Assignment", "Notebook", "GradeCell", "Student", "SubmittedAssignment",
             "SubmittedNotebook", "Grade", "Comment")  # fmt: skip
    with opened(path) as book:
        return {kind: book.db.query(getattr(api, kind)).count() for kind in kinds}


def test_twice_doubles_nothing_and_the_last_counts(tmp_path: Path) -> None:
    path = tmp_path / "gradebook.db"
    gradebook.write(GRADES, path)
    before = counts(path)
    assert before == {
        "Assignment": 1, "Notebook": 1, "GradeCell": 3, "Student": 3, "SubmittedAssignment": 3,
        "SubmittedNotebook": 3, "Grade": 9, "Comment": 9,
    }  # fmt: skip
    newer = replace(result("ben", "half_life", modified=2e9), file="ben/again")
    gradebook.write(Grades((*GRADES.results, newer)), path)
    gradebook.write(Grades((result("ada", "belt", "half_life"),)), path)
    assert counts(path) == before
    with opened(path) as book:
        assert {s.id: s.score for s in book.students} == {"ada": 7, "ben": 2, "cleo": 0}


@pytest.mark.filterwarnings("ignore:Object of type <Submitted")  # nbgrader's own add_submission
def test_a_course_that_is_there_keeps_what_a_person_gave(tmp_path: Path) -> None:
    path = tmp_path / "gradebook.db"
    with opened(path) as book:
        book.add_assignment("ps1", duedate="2030-01-01")
        for name in (NOTEBOOK, "other"):
            book.add_notebook(name, "ps1")
            for cell in ("check-belt", "essay"):
                book.add_grade_cell(cell, name, "ps1", max_score=4, cell_type="code")
            book.add_solution_cell("belt", name, "ps1")
        book.add_student("ada", first_name="Ada")
        book.add_submission("ps1", "ada", timestamp="2030-01-01")
        grade = book.find_grade("check-belt", NOTEBOOK, "ps1", "ada")
        grade.manual_score = 1.5
        book.find_comment("belt", NOTEBOOK, "ps1", "ada").manual_comment = "well done"
        book.db.commit()
    gradebook.write(GRADES, path)
    with opened(path) as book:
        assert [one.name for one in book.assignments] == ["ps1"]
        assert book.find_student("ada").first_name == "Ada"
        ada = book.find_submission("ps1", "ada")
        assert ada.timestamp == datetime(2030, 1, 1)
        grade = book.find_grade("check-belt", NOTEBOOK, "ps1", "ada")
        assert (grade.auto_score, grade.manual_score, grade.score, grade.max_score) == (
            5,
            1.5,
            1.5,
            5,
        )
        assert book.find_comment("belt", NOTEBOOK, "ps1", "ada").manual_comment == "well done"
        assert book.find_comment("belt", NOTEBOOK, "ps1", "ben").manual_comment is None
        assert book.find_grade("essay", NOTEBOOK, "ps1", "ben").needs_manual_grade
        assert ada.score == 1.5 + 3 + 2
        assert [one.name for one in book.find_submission("ps1", "ben").notebooks] == [NOTEBOOK]


def test_what_is_no_gradebook(tmp_path: Path) -> None:
    path = tmp_path / "gradebook.db"
    path.write_text("no database, but text that is long enough to tell")
    for wrong in (path, tmp_path / "no" / "gradebook.db"):
        with pytest.raises(ValueError, match=r"must name a gradebook that this nbgrader can read"):
            gradebook.write(GRADES, wrong)


def test_without_nbgrader_the_cure_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "nbgrader.api", None)
    with pytest.raises(ValueError, match=r'needs nbgrader.*pip install "rnnlab\[nbgrader\]"'):
        gradebook.write(GRADES, tmp_path / "gradebook.db")


def test_a_large_class_is_quick(tmp_path: Path) -> None:
    grades = Grades(tuple(result(f"s{k}", "belt") for k in range(1000)))
    begin = time.process_time()
    gradebook.write(grades, tmp_path / "gradebook.db")
    gradebook.write(grades, tmp_path / "gradebook.db")
    assert time.process_time() - begin < 20


@pytest.mark.parametrize("modified", [1e15, -1e15, 253402300800.0])
def test_a_file_of_any_date_is_written(tmp_path: Path, modified: float) -> None:
    gradebook.write(Grades((result("ada", "belt", modified=modified),)), tmp_path / "gradebook.db")
    with opened(tmp_path / "gradebook.db") as book:
        assert book.find_submission(NOTEBOOK, "ada").score == 5


def test_a_time_of_a_million_digits_is_none(tmp_path: Path) -> None:
    folder = tmp_path / "submitted" / "ada" / NOTEBOOK
    folder.mkdir(parents=True)
    (folder / "timestamp.txt").write_text("9" * 700_000)
    begin = time.monotonic()
    assert gradebook._collected(tmp_path, NOTEBOOK, "ada") is None
    assert time.monotonic() - begin < 5


def test_a_link_in_submitted_is_not_followed(tmp_path: Path) -> None:
    ben = tmp_path / "submitted" / "ben" / NOTEBOOK
    ben.mkdir(parents=True)
    (ben / f"{NOTEBOOK}.ipynb").write_bytes(b"ben")
    (tmp_path / "submitted" / "ada").symlink_to("ben")
    told = replace(result("ada", "belt"), digest=hashlib.sha256(b"ben").hexdigest())
    gradebook.write(Grades((told,)), tmp_path / "gradebook.db")
    assert not (tmp_path / "autograded").exists()
