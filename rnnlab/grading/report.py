"""The grades as a table on screen and as a CSV file.

Students wrote part of the words: what is shown is one line of printable text, and a cell of the
file never begins like a formula.
"""

from __future__ import annotations

import csv
import re
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from rnnlab.grading.results import Grades, Result, Row

_OF_A_ROW = (
    "student",
    "notebook",
    "question",
    "points",
    "max_points",
    "passed",
    "difference",
    "hint",
)
_COLUMNS = (*_OF_A_ROW, "counts", "account", "file")
# of what is long in a large class, this much is shown
_SHOWN = 20

# the wide forms of the signs count too; and where a spreadsheet is set to another separator than
# the comma, a cell begins behind that
_FORMULA = re.compile(r"""(^|[;|"]\s*)(?=[=+\-@＝＋－＠])""")


def table(grades: Grades, width: int = 100) -> str:
    """A block a notebook, a line a question with its words below; a line a notebook; the notes."""
    counting = grades.counting()
    files = [(one.rows, _counts(one, counting)) for one in grades.results if one.rows]
    blocks = [_block(rows, counts, width) for rows, counts in files]
    if len(files) > 1:
        blocks.append("\n".join(_head(rows, counts) for rows, counts in files))
    notes = "\n".join(textwrap.fill(one_line(note), width) for note in grades.notes)
    return "\n\n".join([*blocks, *([notes] if notes else [])]) or "There was nothing to grade."


def summary(grades: Grades, new: int, before: int) -> str:
    """A few lines on a class: how many, how well, and who could not be graded, with the reason."""
    counting = grades.counting()
    refused = [one for one in grades.results if one.problem and _counts(one, counting)]
    lines = [f"{new} new, {before} from before."]
    by_notebook: dict[str, list[Result]] = {}
    for (_, name), result in counting.items():
        if not result.problem:
            by_notebook.setdefault(name, []).append(result)
    for name, results in sorted(by_notebook.items()):
        mean = sum(result.points for result in results) / len(results)
        most = max(result.max_points for result in results)
        lines.append(f"{name}: {len(results)}, {mean:.1f} of {most} points on average")
    lines += [f"not graded: {result.student}: {result.problem}" for result in refused[:_SHOWN]]
    if len(refused) > _SHOWN:
        lines.append(f"and {len(refused) - _SHOWN} more that were not graded: see grades.csv")
    lines += grades.notes[:_SHOWN]
    return "\n".join(one_line(line) for line in lines)


def _block(rows: Sequence[Row], counts: bool, width: int) -> str:
    lines = [_head(rows, counts)]
    for row in rows:
        if row.question:
            lines.append(f"  {row.question:<28} {row.points} of {row.max_points}")
        words = one_line(f"{row.difference} {row.hint}")
        if words:
            lines.append(
                textwrap.fill(words, width, initial_indent=" " * 6, subsequent_indent=" " * 6)
            )
    return "\n".join(lines)


def _head(rows: Sequence[Row], counts: bool) -> str:
    total, most = sum(r.points for r in rows), sum(r.max_points for r in rows)
    result = f"{total} of {most} points" if most else "not graded"
    late = "" if counts else "(does not count: there is a later one)"
    head = (one_line(rows[0].student), rows[0].notebook, result, late)
    return "  ".join(part for part in head if part)


def write_csv(grades: Grades, path: Path) -> None:
    """A row a question, UTF-8: student, notebook, question, points, max_points, passed, difference,
    hint, counts, account, file; passed and counts are true or false."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        counting = grades.counting()
        for result in grades.results:
            about = (_counts(result, counting), result.account, result.file)
            for row in result.rows:
                cells = (*(getattr(row, name) for name in _OF_A_ROW), *about)
                writer.writerow(map(_cell, cells))


def _counts(result: Result, counting: Mapping[tuple[str, str], Result]) -> bool:
    """Whether no other result stands in for this one."""
    return counting.get((result.student, result.notebook), result) is result


def _cell(value: str | int | bool) -> str | int:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return value
    return _FORMULA.sub(r"\1'", one_line(value))


def one_line(text: str) -> str:
    """The text in one line; what cannot be printed becomes a space or a question mark."""
    spaced = "".join(" " if c.isspace() else c if c.isprintable() else "?" for c in text)
    return " ".join(spaced.split())
