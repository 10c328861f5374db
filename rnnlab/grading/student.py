"""The judge's side of a student's process: ask it, end it.

How the process is made, and what holds it, is the business of a level: `separate` makes one on any
system, for one's own work; `sandbox` locks it in, for a class. Both speak the same frames, so that
a notebook gets the same verdict from both.
"""

from __future__ import annotations

import contextlib
import signal
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from rnnlab.grading import protocol


class LostError(Exception):
    """The process gave no answer; the words say why."""


class StartError(OSError):
    """No process can be started at all: that is no submission's fault."""


class Student(ABC):
    """One process of a student. Use it in a with statement: at its end nothing of it is left."""

    def __init__(self) -> None:
        self._number = 0
        self._over = False

    def __enter__(self) -> Student:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def ask(self, do: str, seconds: float, **what: Any) -> Mapping[str, Any]:
        """The reply to one request. LostError, and the process is ended, when none came in time."""
        if self._over:
            raise LostError("its process had ended before")
        self._number += 1
        try:
            reply = self._exchange({"do": do, "number": self._number, **what}, seconds)
            if not isinstance(reply, dict) or reply.get("number") != self._number:
                raise protocol.GarbledError("it answers another question")
        except TimeoutError:
            reason = f"it took longer than {seconds:.3g} s"
        except (EOFError, OSError):
            reason = self._how_it_ended()
        except protocol.GarbledError as error:
            reason = f"what came back was garbled ({error})"
        else:
            return reply
        reason = self._which_limit() or reason
        self.end()
        raise LostError(reason)

    def end(self) -> None:
        """End the process and all that it started."""
        self._over = True

    @abstractmethod
    def _exchange(self, request: Mapping[str, Any], seconds: float) -> Any:
        """Send a frame and read one; TimeoutError after `seconds`, EOFError when it is gone."""

    @abstractmethod
    def _how_it_ended(self) -> str:
        """In words, after it was found to be gone."""

    def _which_limit(self) -> str:
        """In words, the limit for which it was ended; "" when it was not."""
        return ""


def ended(status: int) -> str:
    """How a process ended, in words, from its exit code (a signal's is negative)."""
    if status < 0:
        with contextlib.suppress(ValueError):
            return f"its process was ended by {signal.Signals(-status).name}"
    return f"its process ended with status {status}"


def environment(folder: str) -> dict[str, str]:
    """What a student's process finds in its environment: nothing of the grader's own."""
    return {
        **dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP"), folder),
        "IPYTHONDIR": f"{folder}/ipython",
        "MPLCONFIGDIR": f"{folder}/matplotlib",
        "MPLBACKEND": "agg",
        "LANG": "C.UTF-8",
        # a notebook must not change what is installed here
        "PIP_NO_INDEX": "1",
        # the same order in every set, and the same sums, however many cores there are
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
