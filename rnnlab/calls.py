"""Call a learner's function once and say what happened, without judging it.

The check calls in the notebook's own process, the grader in the student's. Both use this module,
so that both see the same; it knows no question and no answer.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import linecache
import traceback
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from types import CodeType
from typing import Any, Literal

import numpy as np

Kind = Literal["returned", "raised", "stub", "arguments", "uncallable", "missing", "lost"]


@dataclass(frozen=True)
class Outcome:
    """What one call did.

    kind       returned; raised; stub: raised NotImplementedError; arguments: could not be called
               with so many; uncallable: not a function; missing: the name was never defined;
               lost: the process ended or the time was up before an answer came
    value      what came back
    printed    what it wrote to stdout
    changed    names of inputs that were no longer what they were before the call
    error      "ValueError: ..." for raised, the signature for arguments, the type's name for
               uncallable, the reason for lost
    line       the learner's own line that raised
    """

    kind: Kind
    value: Any = None
    printed: str = ""
    changed: tuple[str, ...] = ()
    error: str = ""
    line: str = ""


def call(function: object, inputs: Mapping[str, Any]) -> Outcome:
    """Call `function(*inputs.values())` on copies of the inputs."""
    if not callable(function):
        return Outcome("uncallable", error=type(function).__name__)
    given = deepcopy(dict(inputs))
    try:
        signature = inspect.signature(function)
        signature.bind(*given.values())
    except TypeError:
        return Outcome("arguments", error=str(signature))
    except ValueError:  # builtins and ufuncs may have no signature to read: let the call tell
        pass
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            value = function(*given.values())
    except NotImplementedError:
        return Outcome("stub", printed=printed.getvalue())
    except (Exception, SystemExit) as error:
        words = "".join(traceback.format_exception_only(error)).strip()
        return Outcome(
            "raised", printed=printed.getvalue(), error=words, line=_line(function, error)
        )
    changed = tuple(name for name in given if not _same(given[name], inputs[name]))
    return Outcome("returned", value, printed.getvalue(), changed)


def _line(function: Callable[..., Any], error: BaseException) -> str:
    """The innermost line that the learner wrote: in the file, or the cell, of the function."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    home = code.co_filename if isinstance(code, CodeType) else None
    own = [
        (frame.f_code.co_filename, number)
        for frame, number in traceback.walk_tb(error.__traceback__)
        if _is_own(frame.f_code, home)
    ]
    return linecache.getline(*own[-1]).strip() if own else ""


def _is_own(code: CodeType, home: str | None) -> bool:
    # every notebook cell is a file of its own; their names all hold "ipykernel" or "<ipython"
    name = code.co_filename
    return name == home or "ipykernel_" in name or name.startswith("<ipython-input")


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    if hasattr(a, "items") and hasattr(b, "items"):  # a set of weights
        return _same(dict(a.items()), dict(b.items()))
    return bool(a == b)
