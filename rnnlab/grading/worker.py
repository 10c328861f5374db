"""The student's side: a process that runs the cells of one notebook and answers calls.

It holds no question, no reference and no expected value; it is asked, and it answers, one frame
each. It does not defend itself against the code that it runs: whatever that code does to this
process, the judge's side reads plain data under a deadline, and ends the process.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import os
import sys
from collections.abc import Callable, Mapping
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Any, BinaryIO, NoReturn

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import rnnlab
from rnnlab import calls
from rnnlab.calls import Outcome
from rnnlab.grading import protocol

# of rnnlab, what a submission may import
OPEN = ("calls", "diagrams", "gradcheck", "params", "plots", "tasks")
# what is there and does nothing, whatever is called in it: nobody reads its words or moves it
INERT = ("check", "explorers")


def main() -> None:
    """Answer what is asked on stdin, on stdout, until the other side is gone."""
    sys.stdout.flush()
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    if sys.platform == "win32":
        import msvcrt

        for stream in (source, sink):
            msvcrt.setmode(stream.fileno(), os.O_BINARY)
    silence()
    if hasattr(os, "register_at_fork"):
        # a fork that comes back here would answer too: without the channel it ends instead
        os.register_at_fork(after_in_child=lambda: _close(source.fileno(), sink.fileno()))
    shell = make_shell()
    conceal()
    serve(source, sink, shell)


def serve(source: BinaryIO, sink: BinaryIO, shell: InteractiveShell) -> NoReturn:
    """Answer what is asked, one frame each, until the other side is gone; then end."""
    try:
        while True:
            request = protocol.read(source)
            protocol.write(sink, {"number": request["number"], **_answer(shell, request)})
    finally:
        # neither atexit nor threads of the notebook outlive the last answer
        os._exit(0)


def silence() -> None:
    """From here on, what prints or reads finds an empty device: the channel lies elsewhere."""
    builtins.input = _no_input
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    for name in ("stdout", "stderr"):
        stream = os.fdopen(1, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _no_input(prompt: object = "") -> str:
    raise RuntimeError("input(): nobody is there to type while a notebook is graded")


class _Shell(InteractiveShell):
    """IPython as in a notebook, with nobody watching: figures and tracebacks go nowhere."""

    def enable_matplotlib(self, gui: str | None = None) -> tuple[str, str]:
        return "agg", "agg"

    def enable_gui(self, gui: str | None = None) -> None: ...

    def ask_exit(self) -> None: ...

    def transform_cell(self, cell: str) -> str:
        """Magics and the like into Python; several lines that are Python already are left alone."""
        if "\n" in cell:
            with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
                ast.parse(cell)
                return cell
        return str(super().transform_cell(cell))  # type: ignore[no-untyped-call]

    def system(self, cmd: str) -> None:
        print("Lines for the system's shell are not run while a notebook is graded.")

    system_piped = system_raw = system

    def showtraceback(self, *args: object, **keywords: object) -> None: ...

    def showsyntaxerror(self, *args: object, **keywords: object) -> None: ...


def make_shell() -> InteractiveShell:
    """The shell that runs the cells; a warm one may be forked."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.cache_size = 0
    return _Shell.instance(config=config)


def warm(shell: InteractiveShell) -> None:
    """Load what IPython loads late, so that a fork need not."""
    for source in ("import asyncio; del asyncio", "1 / 0", "def", "%pwd"):
        _run(shell, source)


def _answer(shell: InteractiveShell, request: Mapping[str, Any]) -> dict[str, Any]:
    match request["do"]:
        case "start":
            _hidden.forbidden = frozenset(request["forbidden"])
            if "memory" in request:  # in the sandbox the limits were set before it came here
                _limit(request["memory"], request["cpu_seconds"])
            return {}
        case "run":
            return _run(shell, request["source"])
        case "call":
            outcome = _call(shell.user_ns, request["name"], request["inputs"])
            return {"outcome": vars(outcome)}
    raise ValueError(f"worker: do must be start, run or call, got {request['do']!r}")


def _run(shell: InteractiveShell, source: str) -> dict[str, str]:
    """Run one cell: what it raised in words, or nothing, and the beginning of what it printed."""
    shown = calls.Printed()
    with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
        result = shell.run_cell(source, store_history=False)  # type: ignore[no-untyped-call]
    error = result.error_in_exec or result.error_before_exec
    return {
        "error": "" if error is None else calls.words(error),
        "printed": shown.getvalue(),
    }


def _call(namespace: Mapping[str, Any], name: str, inputs: Mapping[str, Any]) -> Outcome:
    if name not in namespace:
        return Outcome("missing")
    try:
        return calls.call(namespace[name], inputs)
    except BaseException as error:  # in a notebook it would end the cell
        return Outcome("raised", error=calls.words(error))


class _Hidden(MetaPathFinder):
    """Raises ImportError for modules that hold answers."""

    def __init__(self) -> None:
        self.forbidden: frozenset[str] = frozenset()

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        parts = name.split(".")
        whole = {".".join(parts[:k]) for k in range(1, len(parts) + 1)}
        closed = parts[0] == "rnnlab" and len(parts) > 1 and parts[1] not in (*OPEN, *INERT)
        if closed or whole & self.forbidden:
            raise ImportError(
                f"{name} is not there while a notebook is graded: the answer must come from your "
                "own code",
                name=name,
            )


_hidden = _Hidden()


def conceal() -> None:
    """From here on, modules that hold answers cannot be imported, and INERT ones do nothing."""
    for name in INERT:
        inert = _Inert(f"rnnlab.{name}", "While a notebook is graded, this does nothing.")
        setattr(rnnlab, name, inert)
        sys.modules[inert.__name__] = inert
    for name in list(sys.modules):
        if name.startswith("rnnlab.grading"):
            del sys.modules[name]
    del rnnlab.grading
    sys.meta_path.insert(0, _hidden)


class _Inert(ModuleType):
    """A module in which every name is a function that does nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("__"):  # what the import system asks for
            raise AttributeError(name)
        return _nothing


def _nothing(*args: object, **keywords: object) -> None:
    return None


def _limit(memory: int, cpu_seconds: int) -> None:
    """What the system itself can hold this process to; the judge's side watches the rest."""
    try:
        import resource
    except ImportError:  # Windows has none
        return
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_DATA: memory,
        resource.RLIMIT_FSIZE: 2**28,
        resource.RLIMIT_CPU: cpu_seconds,  # in case that nobody is left to end it
    }
    for limit, value in wanted.items():
        hard = resource.getrlimit(limit)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (bound, bound))
