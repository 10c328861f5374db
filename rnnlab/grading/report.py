"""The grades as a table on screen and as a CSV file.

Students wrote part of the words: what is shown is one line of printable text, and a cell of the
file never begins like a formula.
"""

from __future__ import annotations

import csv
import textwrap
from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path

from rnnlab.grading.grader import Grades, Row

# the wide forms of the signs count too
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def table(grades: Grades, width: int = 100) -> str:
    """A block a notebook, a line a question with its words below; a line a notebook; the notes."""
    files = _notebooks(grades.rows)
    blocks = [_block(rows, width) for rows in files]
    if len(files) > 1:
        blocks.append("\n".join(_head(rows) for rows in files))
    notes = "\n".join(textwrap.fill(one_line(note), width) for note in grades.notes)
    return "\n\n".join([*blocks, *([notes] if notes else [])]) or "There was nothing to grade."


def _notebooks(rows: Iterable[Row]) -> list[list[Row]]:
    """Rows of one file each: a question that comes again belongs to another file."""
    files: list[list[Row]] = []
    known: set[tuple[str, str, str]] = set()
    for row in rows:
        key = (row.student, row.notebook, row.question)
        if not files or key[:2] != (files[-1][0].student, files[-1][0].notebook) or key in known:
            files.append([])
            known.clear()
        files[-1].append(row)
        known.add(key)
    return files


def _block(rows: list[Row], width: int) -> str:
    lines = [_head(rows)]
    for row in rows:
        if row.question:
            lines.append(f"  {row.question:<28} {row.points} of {row.max_points}")
        words = one_line(f"{row.difference} {row.hint}")
        if words:
            lines.append(
                textwrap.fill(words, width, initial_indent=" " * 6, subsequent_indent=" " * 6)
            )
    return "\n".join(lines)


def _head(rows: list[Row]) -> str:
    total, most = sum(r.points for r in rows), sum(r.max_points for r in rows)
    result = f"{total} of {most} points" if most else "not graded"
    head = (one_line(rows[0].student), rows[0].notebook, result)
    return "  ".join(part for part in head if part)


def write_csv(grades: Grades, path: Path) -> None:
    """A row a question, UTF-8: student, notebook, question, points, max_points, passed, difference,
    hint; passed is true or false."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in fields(Row))
        for row in grades.rows:
            writer.writerow(_cell(value) for value in asdict(row).values())


def _cell(value: str | int | bool) -> str | int:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return value
    text = one_line(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def one_line(text: str) -> str:
    """The text in one line; what cannot be printed becomes a space or a question mark."""
    spaced = "".join(" " if c.isspace() else c if c.isprintable() else "?" for c in text)
    return " ".join(spaced.split())
