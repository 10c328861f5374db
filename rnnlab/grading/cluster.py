"""Grade past one machine: on the workers of a dask.distributed cluster.

Only the trusted side travels: a worker gets a notebook's bytes, judges it with its own copy of the
package and its own sandbox, and sends back the result, which the caller alone records. A notebook
whose worker ends goes to another one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from distributed import Client, Worker, WorkerPlugin, as_completed

from rnnlab.grading import probe
from rnnlab.grading.grader import Grader, Settings
from rnnlab.grading.intake import Found
from rnnlab.grading.jobs import not_graded
from rnnlab.grading.results import Result
from rnnlab.grading.student import StartError

# this many notebooks are on their way for each thread of the cluster
_AHEAD = 4
_RETRIES = 2


@dataclass(frozen=True)
class Sent:
    """A notebook on its way to another machine: what `Found` knows, and the bytes themselves."""

    student: str
    account: str
    file: str
    name: str
    modified: float
    bytes_or_problem: bytes | str

    def content(self) -> bytes:
        """The bytes; ValueError with what was wrong where they were found."""
        if isinstance(self.bytes_or_problem, str):
            raise ValueError(self.bytes_or_problem)
        return self.bytes_or_problem


def sent(found: Found) -> Sent:
    """Read a notebook here, to be graded there."""
    content: bytes | str
    try:
        content = found.content()
    except ValueError as error:
        content = str(error)
    return Sent(found.student, found.account, found.file, found.name, found.modified, content)


def graded(found: Sequence[Found], settings: Settings, address: str) -> Iterator[Result]:
    """The result of each, as it is ready.

    Raises ValueError when there is no scheduler at `address`, and StartError when a worker cannot
    start a student's process.
    """
    try:
        client = Client(address, timeout="20s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"grade: --dask: a scheduler must listen at {address}, but {error}"
        ) from error
    with client, client.as_current():
        client.register_plugin(Graders(settings))
        waiting = iter(found)
        threads = max(1, sum(client.nthreads().values()))
        by_key: dict[str, Found] = {}

        def submit(count: int) -> list[Any]:
            futures = []
            for one in islice(waiting, count):
                future = client.submit(_grade, sent(one), pure=False, retries=_RETRIES)
                by_key[future.key] = one
                futures.append(future)
            return futures

        running = as_completed(submit(_AHEAD * threads))
        for future in running:
            one = by_key.pop(future.key)
            if future.status == "finished":
                result = future.result()
            else:
                reason = future.exception()
                if isinstance(reason, StartError):
                    raise reason
                result = not_graded(one, f"the cluster lost it ({type(reason).__name__})")
            for more in submit(1):
                running.add(more)
            yield result


class Graders(WorkerPlugin):
    """Has a worker grade with these settings, and ends its graders with it."""

    name = "rnnlab-grading"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def setup(self, worker: Worker) -> None:
        """Called when a worker joins."""
        _ready.settings = self.settings

    def teardown(self, worker: Worker) -> None:
        """Called when it leaves."""
        _ready.close()


class _Ready:
    """The graders of a worker's process, one a thread."""

    def __init__(self) -> None:
        self.settings = Settings()
        self._tried: Settings | None = None
        self._graders: dict[int, tuple[Settings, Grader]] = {}
        self._lock = threading.Lock()

    def grader(self) -> Grader:
        thread = threading.get_ident()
        settings, grader = self._graders.get(thread, (None, None))
        if grader is None or settings != self.settings:
            if grader is not None:
                grader.__exit__(None, None, None)
            with self._lock:
                number = os.getpid() + len(self._graders)
                if self.settings.sandbox and self._tried != self.settings:
                    probe.must_hold(number)  # each machine must be tried where it is
                    self._tried = self.settings
            grader = Grader(self.settings, number)
            self._graders[thread] = (self.settings, grader)
        return grader

    def close(self) -> None:
        while self._graders:
            self._graders.popitem()[1][1].__exit__(None, None, None)


_ready = _Ready()


def _grade(one: Sent) -> Result:
    return _ready.grader().grade(one)
