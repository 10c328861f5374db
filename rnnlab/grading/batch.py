"""Grade a class: what was found and is not in the record yet, and record each result at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path

from rnnlab.grading import intake, jobs
from rnnlab.grading.grader import Settings
from rnnlab.grading.intake import Found
from rnnlab.grading.record import Record
from rnnlab.grading.results import Result

FILE = "grades.sqlite"


@dataclass(frozen=True)
class Plan:
    """What a run would do.

    waiting  to be graded
    done     graded before, by a run of the same settings, and left as it is
    others   files that are no submission, in words
    """

    waiting: tuple[Found, ...]
    done: tuple[Found, ...]
    others: tuple[str, ...]


def plan(
    paths: Iterable[Path],
    settings: Settings,
    record: Record | None = None,
    students: Sequence[str] = (),
) -> Plan:
    """Look at what was handed in; `students` are names or patterns, and narrow it.

    Raises ValueError for a path where there is nothing, and for a student whom nothing is of.
    """
    listing = intake.find_all(paths)
    found = listing.found
    if students:
        found = tuple(one for one in found if any(_is(one, name) for name in students))
        for name in students:
            if not any(_is(one, name) for one in found):
                raise ValueError(
                    f"grade: --student {name} must be one who handed in something; nothing of "
                    f"{'them' if '*' in name else 'that name'} was found"
                )
    known = record.known(settings.run) if record else set()
    done = tuple(one for one in found if known and one.key in known)
    return Plan(tuple(one for one in found if one not in set(done)), done, listing.others)


def of_strangers(found: Iterable[Found]) -> bool:
    """Whether this looks like a class: it comes from Moodle or Canvas, or from several people."""
    found = tuple(found)
    return any(one.account for one in found) or len({one.student for one in found}) > 3


def _is(found: Found, name: str) -> bool:
    return fnmatchcase(found.student, name) or (bool(found.account) and found.account == name)


def grade(
    waiting: Sequence[Found],
    settings: Settings,
    record: Record | None = None,
    *,
    workers: int = 1,
    dask: str | None = None,
    progress: Callable[[Result], None] | None = None,
) -> Iterator[Result]:
    """Grade on so many processes, or on a cluster; each result is recorded before it is told."""
    if dask is not None:
        if find_spec("distributed") is None:
            raise ValueError('grade: --dask needs dask.distributed; pip install "rnnlab[cluster]"')
        from rnnlab.grading import cluster

        results = cluster.graded(waiting, settings, dask)
    else:
        results = jobs.graded(waiting, settings, workers)
    for result in results:
        if not result.rows:  # no question of it was asked for
            continue
        if record is not None:
            record.add(settings.run, result)
        if progress is not None:
            progress(result)
        yield result
