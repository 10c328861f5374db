"""What grading finds: a row a question, a result a notebook that was handed in.

Plain data, nothing of a student's left in it that could act: words are bounded when they are made,
and whoever shows them escapes them.
"""

from __future__ import annotations

from dataclasses import dataclass


def text(words: str) -> str:
    """Words as text that can be written anywhere: what is no character becomes its number."""
    return words.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\0")


@dataclass(frozen=True)
class Row:
    """One question of one submission; question "" when the file could not be graded at all.

    difference     what differs first, or why there is no answer; "" when passed
    hint           the sentence that leads on, or ""
    misconception  the name of the wrong idea that computes the same, or ""
    title          the question's short name for tables
    """

    student: str
    notebook: str
    question: str
    points: int
    max_points: int
    passed: bool
    difference: str = ""
    hint: str = ""
    misconception: str = ""
    title: str = ""


@dataclass(frozen=True)
class Ran:
    """One code cell as it ran: its number among the code cells, its grade_id or "", what it
    printed (the first letters of it), and what it raised or why it was stopped, or ""."""

    number: int
    grade_id: str
    printed: str = ""
    error: str = ""


@dataclass(frozen=True)
class Result:
    """One notebook, graded, or a named reason why not.

    file      where it was found, in words: "ada/work.ipynb", "class.zip: ada/work.ipynb"
    digest    SHA-256 of its bytes, in hex; "" when they could not be read
    modified  when it was handed in, in seconds since 1970; the last one of a student counts
    rows      a row a question of its exercise; one row without a question when it matched none
    cells     how its code cells ran, those of which there is something to say
    seconds   of the clock that grading took
    remarks   what a teacher should know of it, in sentences: a cell stands twice, or is missing
    account   the id by which the export of Moodle or Canvas knows the student, or ""
    problem   why the notebook as a whole could not be graded, or ""
    """

    student: str
    notebook: str
    file: str
    digest: str
    modified: float
    rows: tuple[Row, ...]
    cells: tuple[Ran, ...] = ()
    seconds: float = 0.0
    account: str = ""
    remarks: tuple[str, ...] = ()
    problem: str = ""

    @property
    def points(self) -> int:
        """The points earned."""
        return sum(row.points for row in self.rows)

    @property
    def max_points(self) -> int:
        """The points that there were to earn; 0 when it matched no exercise."""
        return sum(row.max_points for row in self.rows)


@dataclass(frozen=True)
class Grades:
    """The results, by student, notebook and file, and what else a teacher should know."""

    results: tuple[Result, ...]
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of all results, in order."""
        return tuple(row for result in self.results for row in result.rows)

    def counting(self) -> dict[tuple[str, str], Result]:
        """For each student and notebook the result that counts: the last that was handed in and
        could be graded, of several at the same time the best; where none could, the last."""

        def rank(result: Result) -> tuple[bool, float, int, str]:
            return not result.problem, result.modified, result.points, result.file

        chosen: dict[tuple[str, str], Result] = {}
        for result in self.results:
            key = (result.student, result.notebook)
            if result.notebook and (key not in chosen or rank(result) > rank(chosen[key])):
                chosen[key] = result
        return chosen
