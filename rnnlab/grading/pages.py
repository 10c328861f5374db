"""A feedback page a student, and a page on the class: HTML files that need nothing beside them.

Students wrote names, files, what cells printed and part of the words. Every text is cleaned of what
could act or mislead on its way into a template, and escaped there. A page's own policy allows it
nothing from elsewhere and no script but the one that sorts the class's table.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from rnnlab.grading.overview import Person, counts, order, people, survey
from rnnlab.grading.results import Grades, Ran, Result, Row
from rnnlab.plots import PALETTE
from rnnlab.questions import Question

# of what a cell printed, and of the cells beside those of the questions, this much is shown
PRINTED = 2000
CELLS = 20
# a class's table with more cells than this has a column a notebook, not a column a question
MOST_CELLS = 100_000
# longer tables are folded away, and of what is ranked the first of them are shown
OPEN = 200
FIRST = 10

_TEMPLATES = Path(__file__).parent / "templates"

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_REPLACED = "\N{REPLACEMENT CHARACTER}"
_JOINERS = "\u200c\u200d"  # Persian and emoji need them
_MARKS = 4  # so many accents on one letter, and no tower of them over the line above
_PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
# names that Windows or a web server takes for something else
_TAKEN = re.compile(r"con|prn|aux|nul|index|(?:com|lpt)[0-9]")


def feedback(grades: Grades, questions: Sequence[Question], folder: Path) -> list[Path]:
    """Write a page for each student into the folder; the paths, by student."""
    folder.mkdir(parents=True, exist_ok=True)
    template = _environment().get_template("feedback.html")
    known = {question.id: question for question in questions}
    written = []
    for person in people(grades):
        shown = [_Sheet.of(one, known) for one in person.results if counts(person, one)]
        earlier = [one for one in person.results if not counts(person, one)]
        path = folder / file_name(person)
        words = template.render(person=person, sheets=shown, earlier=earlier)
        path.write_bytes(words.encode("utf-8"))
        written.append(path)
    return written


def overview(grades: Grades, questions: Sequence[Question], folder: Path) -> Path:
    """Write class.html into the folder; it links to the pages of `feedback` in feedback/."""
    folder.mkdir(parents=True, exist_ok=True)
    found = survey(grades, questions)
    columns = _columns(found.people, questions)
    by_question = len(found.people) * sum(map(len, columns.values())) <= MOST_CELLS
    words = (
        _environment()
        .get_template("overview.html")
        .render(
            found=found,
            notes=grades.notes,
            columns=columns,
            most_points=sum(sum(asked.values()) for asked in columns.values()),
            by_question=by_question,
            rows=((one, _points(one, columns, by_question)) for one in found.people),
            OPEN=OPEN,
            FIRST=FIRST,
        )
    )
    path = folder / "class.html"
    path.write_bytes(words.encode("utf-8"))
    return path


def file_name(person: Person) -> str:
    """The name of a student's page, which is nobody else's, whatever the student is called."""
    name = person.name
    if _PLAIN.fullmatch(name) and not _TAKEN.fullmatch(name):
        return f"{name}.html"
    apart = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii")
    letters = re.sub(r"[^a-z0-9]+", "_", apart.lower())[:40].strip("_")
    whole = name.encode("utf-8", "surrogatepass")
    # no plain name has a tilde
    return f"{letters or 'student'}~{hashlib.sha256(whole).hexdigest()[:16]}.html"


@dataclass(frozen=True)
class _Answer:
    """One question on a feedback page: the row, the question if it is known, and its cells."""

    row: Row
    question: Question | None
    cells: tuple[Ran, ...]


@dataclass(frozen=True)
class _Sheet:
    """One notebook on a feedback page; `others` are cells that belong to no question."""

    result: Result
    answers: tuple[_Answer, ...]
    others: tuple[Ran, ...]
    left_out: int

    @classmethod
    def of(cls, result: Result, known: Mapping[str, Question]) -> _Sheet:
        answers = tuple(
            _Answer(row, known.get(row.question), _cells(row, result)) for row in result.rows
        )
        told = {id(cell) for answer in answers for cell in answer.cells}
        others = [cell for cell in result.cells if id(cell) not in told]
        others.sort(key=lambda cell: not cell.error)  # what failed first, else in order
        shown = tuple(sorted(others[:CELLS], key=lambda cell: cell.number))
        return cls(result, answers, shown, len(others) - len(shown))


def _cells(row: Row, result: Result) -> tuple[Ran, ...]:
    name = row.question.partition(".")[2]
    own = [cell for cell in result.cells if cell.grade_id == name]
    return tuple(own[:CELLS]) if name else ()


def _columns(
    everyone: Sequence[Person], questions: Sequence[Question]
) -> dict[str, dict[str, int]]:
    """For each notebook its questions, in order, each with the points that it gives."""
    rows: dict[str, list[Row]] = {}
    for person in everyone:
        for notebook, result in person.counting.items():
            rows.setdefault(notebook, []).extend(row for row in result.rows if row.question)
    columns = {}
    for notebook, of_it in sorted(rows.items()):
        most = {row.question: row.max_points for row in of_it}
        columns[notebook] = {one: most[one] for one in order(of_it, questions)}
    return columns


def _points(person: Person, columns: Mapping[str, Mapping[str, int]], by_question: bool) -> Markup:
    """The cells of one student in the class's table. They are nearly all of the page: so short."""
    return Markup("").join(_cell(*both) for both in _sums(person, columns, by_question))


def _sums(
    person: Person, columns: Mapping[str, Mapping[str, int]], by_question: bool
) -> Iterator[tuple[int | None, int]]:
    """The points and the most points of each column; None where nothing was handed in."""
    for notebook, asked in columns.items():
        result = person.counting.get(notebook)
        if by_question:
            points = {row.question: row.points for row in result.rows} if result else {}
            for question, most in asked.items():
                yield points.get(question), most
        else:
            yield result.points if result else None, sum(asked.values())


def _cell(points: int | None, most: int) -> Markup:
    if points is None:
        return Markup("<td>")
    return Markup("<td>{}" if points == most else "<td class=m>{}").format(int(points))


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: clean(value) if type(value) is str else value,
    )
    style = environment.get_template("style.css").render(colours=PALETTE)
    script = (_TEMPLATES / "sort.js").read_text(encoding="utf-8")
    environment.globals |= {
        "style": Markup(style),
        "style_hash": _hash(style),
        "script": Markup(script),
        "script_hash": _hash(script),
        "file_name": file_name,
        "PRINTED": PRINTED,
    }
    environment.filters |= {
        "prose": prose,
        "line": one_line,
        "took": took,
        "day": day,
        "plural": plural,
    }
    return environment


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def clean(text: str) -> str:
    """The text without terminal colours; what steers, hides or turns text round is replaced."""
    if text.isascii() and text.isprintable():
        return text
    text = _ANSI.sub("", text).replace("\r\n", "\n")
    # a progress bar writes over its line: what it wrote last is what was seen
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    kept: list[str] = []
    marks = 0
    for c in "\n".join(lines):
        marks = marks + 1 if unicodedata.combining(c) else 0
        if marks > _MARKS:
            continue
        if c.isprintable() or c in "\n\t" or c in _JOINERS or unicodedata.category(c) == "Zs":
            kept.append(c)
        else:
            kept.append("\n" if c in "\u2028\u2029" else _REPLACED)
    return "".join(kept)


def one_line(text: str, most: int = 300) -> str:
    """The text cleaned, in one line of at most so many letters."""
    words = " ".join(clean(text).split())
    return words if len(words) <= most else f"{words[: most - 1]}\N{HORIZONTAL ELLIPSIS}"


def prose(text: str) -> Markup:
    """The words with `code` between backticks as code; all else is escaped."""
    parts = clean(text).split("`")
    if len(parts) % 2 == 0:  # the last one opens and does not close
        parts[-2:] = ["`".join(parts[-2:])]
    marked = (
        Markup("<code>{}</code>").format(part) if k % 2 else escape(part)
        for k, part in enumerate(parts)
    )
    return Markup("").join(marked)


def took(seconds: float) -> str:
    """A duration: "0.8 s", "3 min 20 s", "2 h 5 min"."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def day(modified: float) -> str:
    """When it was handed in, in UTC; "" for a time that there is not."""
    try:
        return f"{datetime.fromtimestamp(modified, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        return ""


def plural(count: int, noun: str) -> str:
    """ "1 point", "2 points", "10,000 students"."""
    return f"{count:,} {noun if count == 1 else noun + 's'}"
