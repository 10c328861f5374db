"""Fill what Moodle and Canvas exported with the grades: their own file, the same but for these.

    Moodle   the grading worksheet of an assignment: Identifier "Participant 12345", Full name,
             Email address, Grade, Maximum Grade, ...
    Canvas   the grade book: Student "Lovelace, Ada", ID, SIS Login ID, ..., a column
             "Name of the assignment (98765)", and a row "Points Possible"

A row without a result stays byte for byte; of others one cell changes, to a number (and quotes
that no reader needs may go). Nothing that a student wrote gets into the file. Who could not be
matched is said.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnlab.grading.report import one_line
from rnnlab.grading.results import Grades, Result

_BOM = b"\xef\xbb\xbf"
_ASSIGNMENT = re.compile(r"(?P<name>.*) \((?P<id>\d+)\)", re.DOTALL)
# what Canvas itself computes; it has such columns for groups of assignments and for periods too
_COMPUTED = re.compile(r"(Current|Final|Override) (Score|Points|Grade|Status)")


def moodle(
    grades: Grades, worksheet: Path, out: Path, notebook: str | None = None
) -> tuple[str, ...]:
    """Fill Moodle's grading worksheet, and return what a teacher should know of it, in sentences.

    Raises ValueError when the worksheet lacks a column, and when several notebooks were graded and
    `notebook` does not say which.
    """
    results = _of(grades, notebook)
    sheet = _Sheet(
        worksheet,
        ("Identifier", "Grade", "Maximum Grade"),
        "Moodle's grading worksheet, exported in English (for an assignment with a scale there is "
        "no Maximum Grade, and no points to fill in)",
    )
    rows = []
    for place in range(len(sheet.rows)):
        words, number = _numbered(sheet.cell(place, "Identifier"))
        rows.append(
            _Row(
                place,
                sheet.cell(place, "Maximum Grade"),
                account=number,
                logins=(sheet.cell(place, "Email address"),),
                # where names are hidden, the zip says "Participant" too
                names=(sheet.cell(place, "Full name"), words),
                group=sheet.cell(place, "Group"),
                closed=sheet.cell(place, "Grade can be changed").casefold() == "no",
            )
        )
    told = _fill(sheet, sheet.header.index("Grade"), rows, results, "Moodle's maximum grade")
    sheet.write(out)
    return (*told, *_refused(grades, results))


def canvas(
    grades: Grades,
    gradebook: Path,
    out: Path,
    notebook: str | None = None,
    assignment: str | None = None,
) -> tuple[str, ...]:
    """Fill a column of Canvas's grade book, and return what a teacher should know, in sentences.

    assignment  its name, its id, or both as in the head of the column; None when one fits alone

    Raises ValueError when the file is no grade book, when no column or several fit, and when
    several notebooks were graded and `notebook` does not say which.
    """
    results = _of(grades, notebook)
    sheet = _Sheet(gradebook, ("ID", "Section"), "the grade book that Canvas exported")
    people = [place for place, row in enumerate(sheet.rows) if sheet.cell(place, "ID")]
    possible = next((row for row in sheet.rows if row and "Points Possible" in row[0]), [])
    column = _column(sheet.header, possible, assignment, results[0].notebook)
    most = possible[column] if column < len(possible) else ""
    rows = []
    for place in people:
        last, first = sheet.cell(place, "LastName"), sheet.cell(place, "FirstName")
        old = sheet.rows[place][column] if column < len(sheet.rows[place]) else ""
        rows.append(
            _Row(
                place,
                most,
                account=sheet.cell(place, "ID"),
                logins=(sheet.cell(place, "SIS Login ID"), sheet.cell(place, "SIS User ID")),
                names=(sheet.cell(place, "Student"), f"{last}, {first}" if last else ""),
                closed=old.strip().upper() in ("EX", "N/A"),  # excused, or not assigned to
            )
        )
    told = _fill(sheet, column, rows, results, "Canvas's points possible")
    sheet.write(out)
    return (*told, *_refused(grades, results))


def _column(
    header: Sequence[str], possible: Sequence[str], assignment: str | None, notebook: str
) -> int:
    columns = {
        place: match
        for place, head in enumerate(header)
        if place > header.index("Section")
        and (match := _ASSIGNMENT.fullmatch(head))
        and not _COMPUTED.search(head)
        and not (place < len(possible) and "read only" in possible[place])
    }
    if assignment is not None:
        wanted = _plain(assignment)
        fit = [
            place
            for place, match in columns.items()
            if wanted in (_plain(match[0]), _plain(match["name"])) or assignment == match["id"]
        ]
    else:
        topic = _plain(notebook.partition("_")[2] or notebook)
        fit = [place for place, match in columns.items() if topic in _plain(match["name"])]
        if not fit and len(columns) == 1:
            fit = list(columns)
    if len(fit) != 1:
        names = ", ".join(one_line(match[0]) for match in columns.values()) or "none"
        raise ValueError(
            f"canvas: one assignment must fit {assignment or notebook}, but {len(fit)} do; name it "
            f"with --assignment. The grade book has: {names}"
        )
    return fit[0]


# which results


def _of(grades: Grades, notebook: str | None) -> list[Result]:
    """The results that count of one notebook, the last that was handed in first."""
    counting = {key: one for key, one in grades.counting().items() if not one.problem}
    names = sorted({name for _, name in counting})
    if notebook is None and len(names) == 1:
        notebook = names[0]
    if notebook not in names:
        raise ValueError(
            f"export: one notebook must be chosen of {', '.join(names) or 'none that was graded'}, "
            f"got {notebook or 'no choice'}; name it with --notebook"
        )
    chosen = [result for (_, name), result in counting.items() if name == notebook]
    return sorted(chosen, key=lambda result: (-result.modified, result.student, result.file))


def _refused(grades: Grades, results: Sequence[Result]) -> Iterator[str]:
    graded = {result.student for result in results}
    for result in grades.results:
        if result.problem and result.student not in graded:
            yield f"{one_line(result.student)} got no grade: {one_line(result.problem)}"


# which row


@dataclass(frozen=True)
class _Row:
    """A person's row: where it is, the most points there, and all that tells who it is."""

    place: int
    most: str
    account: str
    logins: tuple[str, ...]
    names: tuple[str, ...]
    group: str = ""
    closed: bool = False

    def in_plain(self) -> set[str]:
        """The names as they can be compared, in either order."""
        whole = {_plain(name) for name in self.names}
        for name in self.names:
            last, comma, first = name.partition(",")
            whole.add(_plain(first + last) if comma else "")
        return whole - {""}

    def addresses(self) -> set[str]:
        """What they log in with, and what stands before the @ of it."""
        logins = {login.casefold() for login in self.logins} - {""}
        return logins | {login.partition("@")[0] for login in logins}

    def answers_to(self, student: str) -> bool:
        """Whether the student's name has a word of these: numbers alone can be another's."""
        student = _plain(student)
        words = {_plain(word) for name in self.names for word in name.split()}
        return student in self.in_plain() or any(word in student for word in words if word[2:])


def _named(result: Result) -> str:
    """The student's name, without the id that tells two of a name apart."""
    return result.student.removesuffix(f" ({result.account})")


def _plain(name: str) -> str:
    """A name without case, spaces and signs: Moodle and Canvas take some of them out."""
    return "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if c.isalnum())


def _numbered(identifier: str) -> tuple[str, str]:
    """The words and the number of "Participant 12345"."""
    words = identifier.rstrip("0123456789")
    return words, identifier[len(words) :]


def _match(results: Sequence[Result], rows: Sequence[_Row]) -> tuple[dict[int, Result], list[str]]:
    """For each place the result, and in sentences what was not matched, or not surely."""
    matched: dict[int, Result] = {}
    told: list[str] = []
    groups = _index(rows, lambda row: {_plain(row.group)})
    # the surest way first, for all, so that nobody takes a row that is surely another's
    ways: list[tuple[dict[str, list[_Row]], Callable[[Result], str]]] = [
        (_index(rows, lambda row: {row.account}), lambda result: result.account),
        (_index(rows, _Row.addresses), lambda result: _named(result).casefold()),
        (_index(rows, _Row.in_plain), lambda result: _plain(_named(result))),
    ]
    reasons: dict[str, str] = {}
    waiting = list(results)
    for number, (index, key) in enumerate(ways):
        left = []
        for result in waiting:
            fit = index.get(key(result), [])
            if number == 0:
                fit = [row for row in fit if row.answers_to(_named(result))]
            if len(fit) != 1 or fit[0].place in matched:
                if fit:
                    reasons[result.student] = (
                        f"{len(fit)} rows could be meant"
                        if len(fit) > 1
                        else "the row is another's, which fits better or is newer"
                    )
                left.append(result)
                continue
            matched[fit[0].place] = result
            if number and result.account:
                told.append(
                    f"{one_line(result.student)} was matched by name: there is no such row with "
                    f"the id {result.account}"
                )
        waiting = left
        if number == 0:  # who is known by the id is a person, though called like a group
            waiting = [one for one in left if not _of_group(one, groups, matched)]
    for result in sorted(waiting, key=lambda result: result.student):
        told.append(
            f"{one_line(result.student)} was not matched, {result.points} of {result.max_points} "
            f"points: {reasons.get(result.student, 'no row is theirs')}"
        )
    return matched, told


def _of_group(result: Result, groups: Mapping[str, list[_Row]], matched: dict[int, Result]) -> bool:
    """Whether a group handed it in; all its members that have no other result get it."""
    members = groups.get(_plain(_named(result)), [])
    for row in members:
        matched.setdefault(row.place, result)
    return bool(members)


def _index(rows: Sequence[_Row], keys: Callable[[_Row], set[str]]) -> dict[str, list[_Row]]:
    index: dict[str, list[_Row]] = {}
    for row in rows:
        for key in keys(row) - {""}:
            index.setdefault(key, []).append(row)
    return index


# the grades


def _fill(
    sheet: _Sheet, column: int, rows: Sequence[_Row], results: Sequence[Result], most_words: str
) -> list[str]:
    matched, told = _match(results, rows)
    scaled = set()
    replaced = []
    for row in rows:
        if (result := matched.get(row.place)) is None:
            continue
        who = one_line(result.student)
        if row.closed:
            told.append(f"{who} was left as it is: the file says that this grade is not to change")
            continue
        most = _number(row.most)
        if most is None and row.most.strip():
            raise ValueError(f"export: {most_words} must be a number, got {row.most!r:.40}")
        points: float = result.points
        if most is not None and most != result.max_points:
            points = result.points * most / result.max_points if result.max_points else 0.0
            scaled.add((result.max_points, f"{most:g}"))
        new = f"{points:.2f}".rstrip("0").rstrip(".")
        old = sheet.rows[row.place][column] if column < len(sheet.rows[row.place]) else ""
        if old.strip() and _number(old) == float(new):
            continue
        if old.strip():
            replaced.append(f"{who} ({one_line(old)} to {new})")
        sheet.put(row.place, column, new.replace(".", ",") if "," in row.most else new)
    for own, theirs in sorted(scaled):
        told.append(f"{most_words} is {theirs}, ours is {own}: the grades were scaled")
    if replaced:
        told.append(f"grades that stood there before were replaced: {', '.join(replaced)}")
    return [f"{len(matched)} of {len(results)} results have a row", *told]


def _number(text: str) -> float | None:
    """A number as Moodle and Canvas write it, with the point or comma of their language."""
    text = text.strip().replace(",", ".")
    return float(text) if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text) else None


# the file


class _Sheet:
    """A CSV file of which single cells change: its mark, its delimiter, all else stay.

    Raises ValueError when no delimiter gives a head with these columns.
    """

    def __init__(self, path: Path, columns: Sequence[str], what: str) -> None:
        raw = path.read_bytes()
        self._mark = _BOM if raw.startswith(_BOM) else b""
        self.header: list[str] = []
        self.rows: list[list[str]] = []
        self._lines: list[str] = []
        self._changed: set[int] = set()
        try:
            text = raw.removeprefix(_BOM).decode("utf-8")
            for self._delimiter in (",", ";", "\t"):
                head, *rows = [*_records(text, self._delimiter)] or [([], "")]
                self.header = [name.strip() for name in head[0]]
                if set(columns) <= set(self.header):
                    break
            else:
                raise ValueError(f"it lacks {' or '.join(columns)}")
        except (ValueError, csv.Error) as error:
            raise ValueError(f"export: {path} must be {what}, as a CSV file: {error}") from error
        self._head = head[1]
        self.rows, self._lines = [row for row, _ in rows], [line for _, line in rows]

    def cell(self, place: int, column: str) -> str:
        """What stands in a row under this head, or ""."""
        if column not in self.header:
            return ""
        k, row = self.header.index(column), self.rows[place]
        return row[k].strip() if k < len(row) else ""

    def put(self, place: int, column: int, value: str) -> None:
        """Change one cell."""
        row = self.rows[place]
        row += [""] * (column + 1 - len(row))
        row[column] = value
        self._changed.add(place)

    def write(self, path: Path) -> None:
        """Write the file; a row in which nothing changed is written as it was read."""
        lines = [self._head]
        for place, (row, line) in enumerate(zip(self.rows, self._lines, strict=True)):
            if place in self._changed:
                stream = io.StringIO()
                end = line[len(line.rstrip("\r\n")) :]
                csv.writer(stream, delimiter=self._delimiter, lineterminator=end).writerow(row)
                line = stream.getvalue()
            lines.append(line)
        path.write_bytes(self._mark + "".join(lines).encode("utf-8"))


def _records(text: str, delimiter: str) -> Iterator[tuple[list[str], str]]:
    """Each record, with the text that it was read from."""
    lines: list[str] = []

    def kept() -> Iterator[str]:
        for line in io.StringIO(text, newline=""):
            lines.append(line)
            yield line

    for row in csv.reader(kept(), delimiter=delimiter):
        yield row, "".join(lines)
        lines.clear()
