"""The level for self-study, on any system: a process of its own for each notebook.

It is bounded in time, memory and output, and can neither see nor forge what it is compared with. It
is no prison: it could still read files of this machine, the package's own among them, and use the
network. The work of strangers belongs in the `sandbox`.
"""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from rnnlab.grading import protocol
from rnnlab.grading.student import LostError, StartError, Student, ended, environment

MAX_PROCESSES = 32
_START_SECONDS = 60.0
_POLL_SECONDS = 0.1
_SWEEPS = 10
_MARK = "RNNLAB_SUBMISSION"
_BOOT = "import sys; sys.path[:] = {path!r}; from rnnlab.grading.worker import main; main()"


class Separate(Student):
    """A student's process.

    forbidden  modules that it must not import
    memory     bytes that it and all that it starts may use together
    seconds    CPU seconds after which the system ends it, should nobody else
    """

    def __init__(self, forbidden: frozenset[str], memory: int, seconds: float) -> None:
        super().__init__()
        self._memory = memory
        self._limit = ""
        self._ended = threading.Event()
        self._mark = secrets.token_hex(16)
        self._folder = tempfile.TemporaryDirectory(prefix="rnnlab-", ignore_cleanup_errors=True)
        self._process = _start(Path(self._folder.name), self._mark)
        self._seen: set[psutil.Process] = {psutil.Process(self._process.pid)}
        self._watch = threading.Thread(target=self._watch_limits, daemon=True)
        self._watch.start()
        start = {"forbidden": sorted(forbidden), "memory": memory, "cpu_seconds": int(seconds) + 1}
        try:
            self.ask("start", _START_SECONDS, **start)
        except LostError as error:
            raise StartError(
                f"grade: a process must start for each notebook, but {error}; is IPython "
                'installed here? pip install "rnnlab[grading]"'
            ) from error
        except BaseException:
            self.end()
            raise

    def _exchange(self, request: Mapping[str, Any], seconds: float) -> Any:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None

        def both() -> Any:
            protocol.write(stdin, request)
            return protocol.read(stdout)

        return _within(seconds, both)

    def _how_it_ended(self) -> str:
        try:
            status = self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            return "it closed the channel to the grader"
        return ended(status)

    def _which_limit(self) -> str:
        return self._limit

    def _watch_limits(self) -> None:
        while not self._ended.wait(_POLL_SECONDS):
            family = self._family()
            used = sum(_resident(process) for process in family)
            if used > self._memory:
                self._limit = f"it used more than {self._memory / 2**20:.0f} MiB of memory"
            elif len(family) > MAX_PROCESSES:
                self._limit = f"it started more than {MAX_PROCESSES} processes"
            else:
                continue
            self._kill()
            return

    def _family(self) -> list[psutil.Process]:
        """The process and all that it started, as far as they can be followed."""
        for process in list(self._seen):
            with contextlib.suppress(psutil.Error):
                self._seen.update(process.children(recursive=True))
        self._seen = {process for process in self._seen if process.is_running()}
        return list(self._seen)

    def end(self) -> None:
        """End the process and all that it started, and remove its folder."""
        super().end()
        self._ended.set()
        self._watch.join()
        self._kill()
        self._process.wait()
        # a grandchild that broke away still carries the mark in its environment
        for _ in range(_SWEEPS):
            strays = list(_marked(self._mark))
            for stray in strays:
                _end(stray)
            if not strays:
                break
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            # what was not sent has nowhere to go
            with contextlib.suppress(OSError):
                stream.close()
        self._folder.cleanup()

    def _kill(self) -> None:
        if os.name == "posix" and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        for process in self._family():
            _end(process)


def _start(folder: Path, mark: str) -> subprocess.Popen[bytes]:
    """A fresh Python in a session and a folder of its own, with nothing of our environment."""
    kept = ("PATH", "SYSTEMROOT", "WINDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    given = {name: os.environ[name] for name in kept if name in os.environ}
    given |= {_MARK: mark, **environment(str(folder))}
    path = [str(Path(entry).resolve()) for entry in sys.path if entry]
    return subprocess.Popen(
        [sys.executable, "-s", "-P", "-B", "-c", _BOOT.format(path=path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env=given,
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )


def _within(seconds: float, work: Callable[[], Any]) -> Any:
    """What `work` returns or raises; TimeoutError when it takes longer, and it is left alone.

    A thread, because on Windows nothing else can wait for a pipe.
    """
    done: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()

    def attempt() -> None:
        try:
            done.put((work(), None))
        except BaseException as error:
            done.put((None, error))

    threading.Thread(target=attempt, daemon=True).start()
    try:
        value, error = done.get(timeout=max(0.0, seconds))
    except queue.Empty:
        raise TimeoutError from None
    if error is not None:
        raise error
    return value


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:  # it has just ended
        return 0


def _end(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.Error):
        process.kill()


def _marked(mark: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(_MARK) == mark:
                yield process
