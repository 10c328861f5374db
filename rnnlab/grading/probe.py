"""Is the sandbox closed? Try every limit from inside, as a submission would.

Each attempt is a cell that must raise; one that goes through names a limit that does not hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import rnnlab
from rnnlab.grading.sandbox import CURE, Sandbox
from rnnlab.grading.student import LostError, StartError, environment
from rnnlab.grading.zygote import FILE_BYTES, FOLDER, FOLDER_BYTES, OPEN_FILES, THREADS
from rnnlab.questions import ANSWERS, FRAMEWORKS

MEMORY = 2**28

_CALL = """
import ctypes, os
c = ctypes.CDLL(None, use_errno=True)
if c.{} == -1:
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
"""
_THREADS = f"""
import threading
go_on = threading.Event()
try:
    for _ in range({2 * THREADS}):
        threading.Thread(target=go_on.wait, daemon=True).start()
finally:
    go_on.set()
"""
_DISK = f"""
for k in range({2 * FOLDER_BYTES // 2**24}):
    with open(f"{FOLDER}/full{{k}}", "wb") as file:
        file.write(bytes(2**24))
"""
_ANYWHERE = f"""
import os
found = [d for d, _, _ in os.walk("/") if not d.startswith("{FOLDER}") and os.access(d, os.W_OK)]
assert not found, found[:5]
raise OSError(30, "nowhere")
"""
_NOT_ALLOWED = r"PermissionError|\[Errno 1\]"
_NOT_WRITABLE = r"Errno 30|Errno 13|Errno 2\b"

# what is tried -> the cell, and what it must raise
ATTEMPTS: dict[str, tuple[str, str]] = {
    "start a process": ("import os; os.fork()", _NOT_ALLOWED),
    "run a program": ("import os; os.execv('/bin/sh', ['sh'])", _NOT_ALLOWED),
    "open a socket": ("import socket; socket.socket()", _NOT_ALLOWED),
    "open a Unix socket": ("import socket; socket.socket(socket.AF_UNIX)", _NOT_ALLOWED),
    "make a namespace": (_CALL.format("unshare(0x10000000)"), _NOT_ALLOWED),
    "mount": (_CALL.format("mount(b'x', b'/student', b'tmpfs', 0, None)"), _NOT_ALLOWED),
    "change the root": ("import os; os.chroot('/student')", _NOT_ALLOWED),
    "trace": (_CALL.format("ptrace(0, 0, 0, 0)"), _NOT_ALLOWED),
    "be root": ("import os; assert os.getuid() == 0", "AssertionError"),
    "become another user": ("import os; os.setuid(0)", _NOT_ALLOWED),
    "use more memory": (f"a = bytearray({2 * MEMORY})", "MemoryError"),
    "share more memory": (f"import mmap; mmap.mmap(-1, {2 * MEMORY})", "Errno 12"),
    "make a file of memory": ("import os; os.memfd_create('x')", _NOT_ALLOWED),
    "lock what others share": (
        "import fcntl; fcntl.lockf(open('/dev/null', 'r+b'), fcntl.LOCK_EX)",
        _NOT_ALLOWED,
    ),
    "have more than one core": (
        "import os; assert len(os.sched_getaffinity(0)) > 1",
        "AssertionError",
    ),
    "move to another core": ("import os; os.sched_setaffinity(0, [0])", _NOT_ALLOWED),
    "start more threads": (_THREADS, "can't start new thread"),
    "write a larger file": (
        f"file = open('{FOLDER}/large', 'wb'); file.seek({FILE_BYTES}); file.write(b'x' * 9999)\n"
        "file.close()",
        "Errno 27|Errno 28",
    ),
    "fill the disk": (_DISK, "Errno 28"),
    "open more files": (
        f"kept = [open('/dev/null') for _ in range({OPEN_FILES})]",
        "Errno 24",
    ),
    "raise a limit": (
        "import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (10**5, 10**5))",
        "ValueError|PermissionError",
    ),
    "write beside its folder": ("open('/x', 'w')", _NOT_WRITABLE),
    "write to the course": ("open('/course/rnnlab/params.py', 'a')", _NOT_WRITABLE),
    "write to the system": ("open('/usr/lib/x', 'w')", _NOT_WRITABLE),
    "write anywhere else": (_ANYWHERE, _NOT_WRITABLE),
    "read /etc": ("import os; os.listdir('/etc')", "FileNotFoundError"),
    "see processes": ("import os; os.listdir('/proc')[0]", "IndexError"),
    "signal another process": ("import os; os.kill(-1, 0)", "ProcessLookupError|Errno 3"),
    "see what another left": (f"open('{FOLDER}/left')", "FileNotFoundError"),
}


def holes(worker: int = 0) -> list[str]:
    """What could be done that must not be; [] when the sandbox is closed.

    Raises StartError when it cannot even be started.
    """
    found = []
    with Sandbox(worker) as sandbox:
        for number in range(2):  # what the first leaves, the second must not find
            with sandbox.student(frozenset([*ANSWERS, *FRAMEWORKS]), MEMORY, 60) as student:
                try:
                    if number == 0:
                        student.ask("run", 20, source=f"open('{FOLDER}/left', 'w').write('x')")
                        continue
                    for what, (source, raised) in _attempts():
                        error = student.ask("run", 20, source=source)["error"]
                        if not re.search(raised, error):
                            found.append(f"{what}: {error or 'it could'}")
                except LostError as lost:
                    found.append(f"its process was lost: {lost}")
        with sandbox.student(frozenset(), MEMORY, 60) as student:
            try:
                student.ask("run", 0.2, source="while True: pass")
                found.append("run for ever: it could")
            except LostError:
                pass
    return found


def _attempts() -> Iterator[tuple[str, tuple[str, str]]]:
    yield from ATTEMPTS.items()
    package = Path(rnnlab.__file__).parent
    answers = [package / name for name in ("questions", "check", "cells.py", "layers.py")]
    for hidden in (*answers, package.parent / "solutions", package.parent / "tests"):
        yield f"find {hidden.name}", (f"import os; os.stat({str(hidden)!r})", "FileNotFoundError")
    known = sorted([*environment(FOLDER), "LD_LIBRARY_PATH", "PWD"])
    yield (
        "read the environment",
        (
            f"import os; assert not set(os.environ) <= set({known!r})",
            "AssertionError",
        ),
    )


def must_hold(worker: int = 0) -> None:
    """StartError, with each limit that does not hold, unless all do."""
    if found := holes(worker):
        raise StartError(
            "grade: --sandbox: every limit must hold, but a submission could "
            f"{'; '.join(found)}. {CURE}"
        )
