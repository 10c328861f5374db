"""Call a learner's function once and say what happened, without judging it.

The check calls in the notebook's own process, the grader in the student's. Both use this module,
so that both see the same; it knows no question and no answer. What comes back is reduced to plain
data where it was made: nothing that the learner's code could act through is left in an Outcome.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import linecache
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from types import CodeType
from typing import Any, Literal

import numpy as np

from rnnlab.params import GRUParams, LSTMParams, RNNParams

Kind = Literal["returned", "raised", "stub", "arguments", "uncallable", "missing", "lost"]

PARAMS = (RNNParams, LSTMParams, GRUParams)

# how much of one value is carried, and how many characters of words
MAX_DEPTH = 16
MAX_PARTS = 100_000
MAX_BYTES = 2**26
MAX_WORDS = 500
MAX_PRINTED = 10_000


@dataclass(frozen=True)
class Other:
    """What stands for a value that is no plain data: its words, "a set", and its module."""

    words: str
    module: str = ""


@dataclass(frozen=True)
class Outcome:
    """What one call did.

    kind       returned; raised; stub: raised NotImplementedError; arguments: could not be called
               with so many; uncallable: not a function; missing: the name was never defined;
               lost: the process ended or the time was up before an answer came
    value      what came back, as plain data: see `plain`
    printed    what it wrote to stdout, the first 10 000 characters
    changed    names of inputs that were no longer what they were before the call
    error      "ValueError: ..." for raised, the signature for arguments, the type's name for
               uncallable, the reason for lost
    line       the learner's own line that raised
    names      what the learner calls the inputs, in their order; () when that cannot be told
    """

    kind: Kind
    value: Any = None
    printed: str = ""
    changed: tuple[str, ...] = ()
    error: str = ""
    line: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Known:
    """Stands for a function among the inputs of a call: one of FUNCTIONS, by its name."""

    name: str


FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "sum of squares": lambda x: np.sum(x * x),
    "sum of cubes": lambda x: np.sum(x * x * x),
    "sum of sines": lambda x: np.sum(np.sin(x)),
    "product of exponentials": lambda x: np.exp(np.sum(x)),
}


def call(function: object, inputs: Mapping[str, Any], seconds: float | None = None) -> Outcome:
    """Call `function(*inputs.values())` on copies of the inputs.

    Where there are no inputs, a value counts as the function that returns it. After `seconds` the
    call is lost; that can be told only on the main thread of systems that have timers.
    """
    if not callable(function):
        if function is None or inputs:
            return Outcome("uncallable", error=_name(function))
        function = partial(_itself, function)
    given = {
        name: FUNCTIONS[value.name] if isinstance(value, Known) else deepcopy(value)
        for name, value in inputs.items()
    }
    try:
        signature = inspect.signature(function)
        signature.bind(*given.values())
    except TypeError:
        return Outcome("arguments", error=str(signature)[:MAX_WORDS])
    except ValueError:  # builtins and ufuncs may have no signature to read: let the call tell
        signature = inspect.Signature()
    names = _names(signature, len(given))
    printed = Printed()
    try:
        with contextlib.redirect_stdout(printed), _deadline(seconds):
            value = plain(function(*given.values()))
    except NotImplementedError:
        return Outcome("stub", printed=printed.getvalue())
    except _OutOfTime:
        return Outcome("lost", error=f"it took longer than {seconds:.3g} s")
    except (Exception, SystemExit) as error:
        return Outcome(
            "raised",
            printed=printed.getvalue(),
            error=words(error),
            line=_line(function, error),
            names=names,
        )
    changed = tuple(
        name
        for name, sent in inputs.items()
        if not isinstance(sent, Known) and not _same(given[name], sent)
    )
    return Outcome("returned", value, printed.getvalue(), changed, names=names)


def _itself(value: object) -> object:
    return value


class _OutOfTime(BaseException):
    """The time for a call is up; no `except Exception` of the learner's stops it."""


@contextlib.contextmanager
def _deadline(seconds: float | None) -> Iterator[None]:
    """Raise _OutOfTime inside after `seconds`, and again each second to whoever catches it."""
    if (
        seconds is None
        or not hasattr(signal, "setitimer")
        or threading.current_thread() is not threading.main_thread()
    ):
        yield
        return

    def ring(*_: object) -> None:
        raise _OutOfTime

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-3), 1.0)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _names(signature: inspect.Signature, count: int) -> tuple[str, ...]:
    plain_kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [p.name[:MAX_WORDS] for p in signature.parameters.values() if p.kind in plain_kinds]
    return tuple(names[:count]) if len(names) >= count else ()


class Printed(io.StringIO):
    """Keeps the beginning and forgets the rest, however much is printed."""

    def write(self, text: str, /) -> int:
        super().write(text[: max(0, MAX_PRINTED - self.tell())])
        return len(text)


def as_mapping(value: Any) -> Any:
    """A set of weights as a dict of its arrays; any other value as it is."""
    return dict(value.items()) if isinstance(value, PARAMS) else value


def words(error: BaseException) -> str:
    """The type of an exception and its message, in at most 500 characters."""
    if isinstance(error, SyntaxError):  # its own words name a file that the learner never saw
        return f"{type(error).__name__}: {error.msg} (line {error.lineno})"[:MAX_WORDS]
    return "".join(traceback.format_exception_only(error)).strip()[:MAX_WORDS]


def plain(value: object) -> Any:
    """The value as plain data: None, numbers, text, arrays of numbers, and lists, tuples and
    dicts of these, and the sets of weights of `rnnlab.params`.

    Subclasses become their base, array-likes become arrays, and every array is a copy: a function
    may reuse its own. All else, and what is too large or nested too deep, becomes an Other.
    """
    try:
        return _Reduction().plain(value, 0)
    except _TooLargeError:
        return Other(f"{a(_name(value))} too large or too deep to compare")


class _TooLargeError(Exception):
    """A value holds more than the limits above."""


class _Reduction:
    """One value on its way to plain data, and how much of it there was so far."""

    def __init__(self) -> None:
        self.parts = 0
        self.bytes = 0

    def plain(self, value: Any, depth: int) -> Any:
        self._count(parts=1)
        if depth > MAX_DEPTH:
            raise _TooLargeError
        match value:
            case None | bool():
                return value
            case np.ndarray() | np.generic():
                return self._array(value)
            case int():
                # beyond 64 bits NumPy has no number for it, whichever it is
                return int(min(max(value, -(2**64)), 2**64))
            case float():
                return float(value)
            case complex():
                return complex(value)
            case str():
                return self._text(value)
            case tuple():
                if hasattr(value, "_fields"):  # a NamedTuple says which value is which
                    pairs = zip(value._fields, value, strict=True)
                    return {self._key(k): self.plain(v, depth + 1) for k, v in pairs}
                return tuple(self.plain(v, depth + 1) for v in value)
            case list():
                return [self.plain(v, depth + 1) for v in value]
            case dict():
                return {self._key(k): self.plain(v, depth + 1) for k, v in value.items()}
        if type(value) in PARAMS:
            weights = {name: self._array(array) for name, array in value.items()}
            return type(value)(**weights)
        return self._foreign(value)

    def _count(self, parts: int = 0, size: int = 0) -> None:
        self.parts += parts
        self.bytes += size
        if self.parts > MAX_PARTS or self.bytes > MAX_BYTES:
            raise _TooLargeError

    def _text(self, value: str) -> str:
        self._count(parts=len(value))
        return str.__str__(value)

    def _key(self, key: object) -> str | int:
        if isinstance(key, str):
            return self._text(key)
        return key if type(key) is int and abs(key) < 2**63 else f"<{_name(key)}>"

    def _array(self, value: Any) -> Any:
        dtype = np.dtype(value.dtype)
        if dtype.kind not in "biufc":
            kind = _name(value) if isinstance(value, np.generic) else f"array of {dtype}"
            return Other(a(kind))
        self._count(size=int(value.size) * dtype.itemsize)
        array = np.array(value, subok=False)
        if dtype.itemsize > (16 if dtype.kind == "c" else 8):  # long double differs by machine
            array = array.astype(complex if dtype.kind == "c" else float)
        return array if isinstance(value, np.ndarray) else array[()]

    def _foreign(self, value: Any) -> Any:
        """What NumPy makes of it, when that is numbers; but a torch tensor is told apart."""
        other = Other(a(_name(value)), str(type(value).__module__)[:MAX_WORDS])
        if other.module.partition(".")[0] == "torch":
            return other
        try:
            array = np.array(value, subok=False)
        except Exception:  # whatever its own conversion raises: it is no array
            return other
        return self._array(array) if array.dtype.kind in "biufc" else other


def _name(value: object) -> str:
    return type(value).__name__[:MAX_WORDS]


def a(kind: str) -> str:
    """ "a str", "an int" """
    return f"an {kind}" if kind.lower().startswith(tuple("aeio")) else f"a {kind}"


def _line(function: Callable[..., Any], error: BaseException) -> str:
    """The innermost line that the learner wrote: in the file, or the cell, of the function."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    home = code.co_filename if isinstance(code, CodeType) else None
    own = [
        (frame.f_code.co_filename, number)
        for frame, number in traceback.walk_tb(error.__traceback__)
        if _is_own(frame.f_code, home)
    ]
    return linecache.getline(*own[-1]).strip()[:MAX_WORDS] if own else ""


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
    return type(a) is type(b) and bool(a == b)
