"""The record of a class: an SQLite file, one transaction a submission.

What is in it stays, whatever becomes of the grader; what is graded again replaces itself. A result
is known by the run (version and seed of the questions, limits), the student, and the content that
was handed in: a run that was cut off goes on where it stopped.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict, fields, replace
from pathlib import Path
from types import TracebackType

from rnnlab.grading.intake import Found
from rnnlab.grading.results import Ran, Result, Row, text

_SCHEMA = """
CREATE TABLE IF NOT EXISTS submission (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL, student TEXT NOT NULL, account TEXT NOT NULL, content TEXT NOT NULL,
    notebook TEXT NOT NULL, file TEXT NOT NULL, digest TEXT NOT NULL, modified REAL NOT NULL,
    points INTEGER NOT NULL, max_points INTEGER NOT NULL,
    seconds REAL NOT NULL, cells TEXT NOT NULL, remarks TEXT NOT NULL, problem TEXT NOT NULL,
    graded TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    UNIQUE (run, student, account, content)
);
CREATE TABLE IF NOT EXISTS question (
    submission INTEGER NOT NULL REFERENCES submission ON DELETE CASCADE, place INTEGER NOT NULL,
    question TEXT NOT NULL, points INTEGER NOT NULL, max_points INTEGER NOT NULL,
    passed INTEGER NOT NULL, difference TEXT NOT NULL, hint TEXT NOT NULL,
    misconception TEXT NOT NULL, title TEXT NOT NULL,
    PRIMARY KEY (submission, place)
);
CREATE TABLE IF NOT EXISTS class (run TEXT PRIMARY KEY, place INTEGER NOT NULL);
"""
# to be raised whenever the tables change: a record of other tables is left alone
_VERSION = 2
_OF_A_ROW = tuple(f.name for f in fields(Row) if f.name not in ("student", "notebook"))


class Record:
    """The grades of one folder. Use it in a with statement.

    Raises OSError when the file cannot be opened, or cannot be written: what was added before
    stays.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._base = sqlite3.connect(path, isolation_level=None)
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = NORMAL")
            self._base.execute("PRAGMA foreign_keys = ON")
            [(version,)] = self._base.execute("PRAGMA user_version").fetchall()
            [(tables,)] = self._base.execute("SELECT count(*) FROM sqlite_master").fetchall()
            if tables and version != _VERSION:
                raise sqlite3.DatabaseError("another version of rnnlab made it; name a new folder")
            self._base.executescript(f"{_SCHEMA} PRAGMA user_version = {_VERSION};")
        except sqlite3.Error as error:
            raise OSError(
                f"grade: the record must be an SQLite file that can be written, but {path}: {error}"
            ) from error

    def __enter__(self) -> Record:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._base.close()

    def add(self, run: str, result: Result) -> None:
        """Keep a result, in one transaction; it replaces the one of the same content, and counts
        from the later of their times."""
        content = result.digest or f"file {result.file}"
        same = (run, result.student, result.account, content)
        cells = json.dumps([asdict(cell) for cell in result.cells])
        try:
            self._base.execute("BEGIN IMMEDIATE")
            with self._base:
                for modified, file in self._base.execute(
                    "DELETE FROM submission WHERE (run, student, account, content) = (?, ?, ?, ?)"
                    " RETURNING modified, file",
                    same,
                ).fetchall():
                    if modified > result.modified:
                        result = replace(result, modified=modified, file=file)
                added = self._base.execute(
                    "INSERT INTO submission (run, student, account, content, notebook, file,"
                    " digest, modified, points, max_points, seconds, cells, remarks, problem)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        *(*same, result.notebook),
                        *(result.file, result.digest, result.modified, result.points),
                        *(result.max_points, result.seconds, cells, json.dumps(result.remarks)),
                        result.problem,
                    ),
                )
                self._base.executemany(
                    f"INSERT INTO question (submission, place, {', '.join(_OF_A_ROW)})"
                    f" VALUES (?, ?{', ?' * len(_OF_A_ROW)})",
                    [
                        (added.lastrowid, place, *(getattr(row, name) for name in _OF_A_ROW))
                        for place, row in enumerate(result.rows)
                    ],
                )
        except sqlite3.Error as error:
            raise OSError(
                f"grade: the grade of {result.file} could not be recorded in {self._path}: "
                f"{error}. What was graded before is kept: make room and run it again."
            ) from error

    def known(self, run: str) -> set[tuple[str, str, str]]:
        """Student, account and digest of every content that this run has graded."""
        rows = self._base.execute(
            "SELECT student, account, digest FROM submission WHERE run = ? AND digest <> ''", (run,)
        )
        return set(rows)

    def handed_in(self, run: str, found: Found) -> None:
        """What is known was handed in again: the last time counts, and where it lies then."""
        self._base.execute(
            "UPDATE submission SET modified = ?, file = ?"
            " WHERE (run, student, account, digest) = (?, ?, ?, ?) AND modified < ?",
            (found.modified, text(found.file), run, *found.key, found.modified),
        )

    def is_class(self, run: str) -> None:
        """This run is that of the whole class, from here on; before it, another may have been."""
        self._base.execute(
            "INSERT OR REPLACE INTO class SELECT ?, coalesce(max(place), 0) + 1 FROM class", (run,)
        )

    def of_class(self) -> str:
        """The run of the whole class; where none was, the last that graded something, or ""."""
        for query in (
            "SELECT run FROM class ORDER BY place DESC LIMIT 1",
            "SELECT run FROM submission ORDER BY id DESC LIMIT 1",
        ):
            for (run,) in self._base.execute(query):
                return str(run)
        return ""

    def results(self, run: str) -> Iterable[Result]:
        """Every result of a run, by student, notebook and file."""
        submissions = self._base.execute(
            "SELECT id, student, notebook, file, digest, modified, seconds, cells, account,"
            " remarks, problem FROM submission WHERE run = ? ORDER BY student, notebook, file, id",
            (run,),
        ).fetchall()
        for (
            key,
            student,
            notebook,
            file,
            digest,
            modified,
            seconds,
            cells,
            account,
            remarks,
            problem,
        ) in submissions:
            rows = self._base.execute(
                f"SELECT {', '.join(_OF_A_ROW)} FROM question WHERE submission = ? ORDER BY place",
                (key,),
            )
            yield Result(
                student,
                notebook,
                file,
                digest,
                modified,
                tuple(_row(student, notebook, values) for values in rows),
                tuple(Ran(**cell) for cell in json.loads(cells)),
                seconds,
                account,
                tuple(json.loads(remarks)),
                problem,
            )


def _row(student: str, notebook: str, values: tuple[object, ...]) -> Row:
    named = dict(zip(_OF_A_ROW, values, strict=True))
    return Row(student, notebook, **{**named, "passed": bool(named["passed"])})  # type: ignore[arg-type]
