"""What a class page says, as numbers: who handed in what, how it went, and what is misunderstood.

All of it comes from the results. A result counts as `Grades.counting` says, and what could not be
graded is told apart from what was graded and is wrong: it says nothing on what a class knows.
"""

from __future__ import annotations

import statistics
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rnnlab.grading.results import Grades, Result, Row
from rnnlab.questions import Question

# a distribution has at most so many bars
_MOST_BARS = 12


@dataclass(frozen=True)
class Person:
    """One student: all that was handed in, and of each notebook the result that counts."""

    name: str
    results: tuple[Result, ...]
    counting: Mapping[str, Result]

    @property
    def points(self) -> int:
        """The points of all notebooks that count."""
        return sum(result.points for result in self.counting.values())


@dataclass(frozen=True)
class Scores:
    """How the points of one notebook are distributed: a bar for one or several possible sums."""

    notebook: str
    count: int
    max_points: int
    mean: float
    median: float
    bars: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Share:
    """How many of those who handed in a question have passed it."""

    question: str
    title: str
    passed: int
    count: int

    @property
    def share(self) -> float:
        """Between 0 and 1."""
        return self.passed / self.count


@dataclass(frozen=True)
class Idea:
    """A misconception of the class: the hint that leads away from it, how many students have it,
    and how often it was seen in which questions."""

    name: str
    hint: str
    students: int
    questions: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Time:
    """The seconds that the notebooks of one exercise took, and the slowest of them."""

    notebook: str
    count: int
    total: float
    median: float
    slowest: float
    person: Person


@dataclass(frozen=True)
class Refused:
    """A notebook that could not be graded, and why."""

    person: Person
    file: str
    reason: str


@dataclass(frozen=True)
class Overview:
    """The whole class.

    graded   how many notebooks count and were graded
    refused  what could not be graded
    earlier  how many results do not count, as the same student handed in the notebook again
    hardest  the questions, the fewest passed first
    ideas    the misconceptions, the most students first
    """

    people: tuple[Person, ...]
    graded: int
    refused: tuple[Refused, ...]
    earlier: int
    scores: tuple[Scores, ...]
    hardest: tuple[Share, ...]
    ideas: tuple[Idea, ...]
    times: tuple[Time, ...]


def survey(grades: Grades, questions: Sequence[Question]) -> Overview:
    """Count everything; `questions` give the order of questions and the hints of misconceptions."""
    everyone = people(grades)
    graded = [
        (person, result)
        for person in everyone
        for result in person.counting.values()
        if not result.problem
    ]
    refused = tuple(
        Refused(person, result.file, result.problem)
        for person in everyone
        for result in person.results
        if result.problem and counts(person, result)
    )
    return Overview(
        everyone,
        len(graded),
        refused,
        len(grades.results) - len(graded) - len(refused),
        tuple(_scores(name, of) for name, of in _by_notebook(graded)),
        _hardest(graded, questions),
        _ideas(graded, questions),
        tuple(_time(name, of) for name, of in _by_notebook(graded)),
    )


def people(grades: Grades) -> tuple[Person, ...]:
    """The students, by name."""
    mine: dict[str, list[Result]] = defaultdict(list)
    counting: dict[str, dict[str, Result]] = defaultdict(dict)
    for result in grades.results:
        mine[result.student].append(result)
    for (student, notebook), result in sorted(grades.counting().items()):
        counting[student][notebook] = result
    found = [Person(name, tuple(results), counting[name]) for name, results in mine.items()]
    return tuple(sorted(found, key=lambda one: (_letters(one.name), one.name)))


def _letters(name: str) -> str:
    """What names are sorted by: é beside e, A beside a."""
    apart = unicodedata.normalize("NFKD", name)
    return "".join(c for c in apart if not unicodedata.combining(c)).casefold()


def counts(person: Person, result: Result) -> bool:
    """Whether no other result of the same notebook stands in for this one."""
    return not result.notebook or person.counting[result.notebook] is result


def order(rows: Iterable[Row], questions: Sequence[Question]) -> list[str]:
    """The ids of questions in the rows: those that are known in their order, then the others."""
    ids = dict.fromkeys(row.question for row in rows)
    known = [question.id for question in questions if question.id in ids]
    return [*known, *sorted(set(ids) - set(known))]


def _by_notebook(
    graded: Iterable[tuple[Person, Result]],
) -> list[tuple[str, list[tuple[Person, Result]]]]:
    found: dict[str, list[tuple[Person, Result]]] = defaultdict(list)
    for person, result in graded:
        found[result.notebook].append((person, result))
    return sorted(found.items())


def _scores(notebook: str, graded: list[tuple[Person, Result]]) -> Scores:
    points = [result.points for _, result in graded]
    most = max(result.max_points for _, result in graded)
    width = -(-(most + 1) // _MOST_BARS)
    heights = Counter(one // width for one in points)
    bars = []
    for k in range(most // width + 1):
        low, high = k * width, min(most, (k + 1) * width - 1)
        bars.append((str(low) if low == high else f"{low} to {high}", heights[k]))
    return Scores(
        notebook,
        len(points),
        most,
        statistics.fmean(points),
        statistics.median(points),
        tuple(bars),
    )


def _hardest(
    graded: Iterable[tuple[Person, Result]], questions: Sequence[Question]
) -> tuple[Share, ...]:
    rows = [row for _, result in graded for row in result.rows]
    asked = Counter(row.question for row in rows)
    titles = {row.question: row.title for row in rows}
    passed = Counter(row.question for row in rows if row.passed)
    shares = [Share(one, titles[one], passed[one], asked[one]) for one in order(rows, questions)]
    return tuple(sorted(shares, key=lambda one: one.share))


def _ideas(
    graded: Iterable[tuple[Person, Result]], questions: Sequence[Question]
) -> tuple[Idea, ...]:
    hints = {q.id: {m.name: m.hint for m in q.misconceptions} for q in questions}
    students: dict[str, set[str]] = defaultdict(set)
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    words: dict[tuple[str, str], str] = {}
    for person, result in graded:
        for row in result.rows:
            for name in _names(row.misconception, hints.get(row.question, {})):
                students[name].add(person.name)
                seen[name][row.question] += 1
                words[name, row.question] = hints.get(row.question, {}).get(name, row.hint)
    found = []
    for name, where in seen.items():
        ranked = sorted(where.items(), key=lambda item: (-item[1], item[0]))
        found.append(Idea(name, words[name, ranked[0][0]], len(students[name]), tuple(ranked)))
    return tuple(sorted(found, key=lambda one: (-one.students, one.name)))


def _names(told: str, known: Mapping[str, str]) -> list[str]:
    """The misconceptions that a row names: two at once are "a + b", though one may be "f + C"."""
    if not told or told in known:
        return [told] if told else []
    parts = told.split(" + ")
    for k in range(1, len(parts)):
        one, two = " + ".join(parts[:k]), " + ".join(parts[k:])
        if one in known and two in known:
            return [one, two]
    return [told]


def _time(notebook: str, graded: list[tuple[Person, Result]]) -> Time:
    seconds = [result.seconds for _, result in graded]
    person, slowest = max(graded, key=lambda one: one[1].seconds)
    return Time(
        notebook,
        len(seconds),
        sum(seconds),
        statistics.median(seconds),
        slowest.seconds,
        person,
    )
