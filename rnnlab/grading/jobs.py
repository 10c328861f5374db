"""Grade on several cores: one process a job, each with students' processes of its own.

Notebooks go out one at a time and results come back to the caller, who alone writes them down. A
process that ends while it grades is replaced, and its notebook is tried once more.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from rnnlab.grading.grader import Grader, Settings
from rnnlab.grading.intake import Found
from rnnlab.grading.results import Result, Row
from rnnlab.grading.student import StartError

_TRIES = 2


def graded(found: Sequence[Found], settings: Settings, jobs: int = 1) -> Iterator[Result]:
    """The result of each, as it is ready. StartError when no process of a student can be started.

    Raises ValueError for less than one job.
    """
    if jobs < 1:
        raise ValueError(f"grade: --jobs must be at least 1, got {jobs}")
    if not found:
        return
    if jobs == 1:
        with Grader(settings, os.getpid()) as grader:
            yield from map(grader.grade, found)
        return
    with ExitStack() as stack:
        jobs = min(jobs, len(found))
        workers = [stack.enter_context(_Worker(settings, number)) for number in range(jobs)]
        yield from _hand_out(deque(found), workers)


def _hand_out(waiting: deque[Found], workers: Sequence[_Worker]) -> Iterator[Result]:
    tries: dict[Found, int] = {}
    while waiting or any(worker.busy for worker in workers):
        for worker in workers:
            if worker.busy is None and waiting:
                worker.send(waiting.popleft())
        ready = wait([worker.connection for worker in workers if worker.busy])
        for worker in workers:
            if worker.connection not in ready:
                continue
            found, result = worker.busy, worker.receive()
            assert found is not None
            if isinstance(result, StartError):
                raise result
            if isinstance(result, Result):
                yield result
                continue
            tries[found] = tries.get(found, 0) + 1
            worker.restart()
            if tries[found] < _TRIES:
                waiting.appendleft(found)
            else:
                yield not_graded(found, f"the grader's own process ended {_TRIES} times over it")


def not_graded(found: Found, why: str) -> Result:
    """The result of a notebook that could not be graded through no fault that is known."""
    problem = f"It was not graded: {why}."
    return Result(
        found.student,
        "",
        found.file,
        "",
        found.modified,
        (Row(found.student, "", "", 0, 0, False, problem),),
        account=found.account,
        problem=problem,
    )


class _Worker:
    """A process that grades, and what it is grading now."""

    def __init__(self, settings: Settings, number: int) -> None:
        self._settings = settings
        self._number = number
        self.busy: Found | None = None
        self._begin()

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def _begin(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self._process: SpawnProcess = context.Process(
            target=_work, args=(other, self._settings, os.getpid() + self._number), daemon=True
        )
        self._process.start()
        other.close()

    def _end(self) -> None:
        self.connection.close()
        if self.busy is None:  # it sees that nobody asks any more, and tidies up
            self._process.join(timeout=5)
        self._process.kill()
        self._process.join()

    def restart(self) -> None:
        """Replace the process."""
        self._end()
        self._begin()

    def send(self, found: Found) -> None:
        """Have it grade a notebook."""
        self.busy = found
        with contextlib.suppress(OSError):  # it has ended: that is seen when the answer is read
            self.connection.send(found)

    def receive(self) -> object:
        """The result, a StartError, or None when the process has ended."""
        self.busy = None
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            return None


def _work(connection: Connection, settings: Settings, number: int) -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    try:
        with Grader(settings, number) as grader:
            while True:
                connection.send(grader.grade(connection.recv()))
    except StartError as error:
        connection.send(error)
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        return  # nobody waits for results any more


def _end_with(sentinel: int) -> None:
    """Whoever waits for the results is gone: so are they."""
    wait([sentinel])
    os._exit(1)
