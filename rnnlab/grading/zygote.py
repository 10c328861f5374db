"""A warm process, in bubblewrap, that is forked once for each submission.

It has Python, NumPy, Matplotlib and IPython loaded, knows no question and reads no submission: the
grader sends it two descriptors, and it hands them to a fork of its own. Of that fork there come

    guard    leaves every namespace for new ones, forks the student, and tells how it ended; when
             the grader hangs up, it kills the student, and the kernel all that is left with it
    student  pid 1 of its namespace: gives up what privileges there were, is held to limits and to
             the filter that the grader made of `syscalls`, and only then becomes the `worker`
             that reads the submission
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from rnnlab.grading import linux, worker

# what a submission may write, open, and start, beside the memory and the time that it is given
FOLDER = "/student"
FOLDER_BYTES = 2**26
FILE_BYTES = 2**26
OPEN_FILES = 256
THREADS = 64

_NAMESPACES = (
    linux.CLONE_NEWUSER
    | linux.CLONE_NEWNS
    | linux.CLONE_NEWPID
    | linux.CLONE_NEWIPC
    | linux.CLONE_NEWUTS
    | linux.CLONE_NEWCGROUP
)
_WARM = (
    "matplotlib.pyplot",
    "matplotlib.backends.backend_agg",
    "rnnlab.diagrams",
    "rnnlab.gradcheck",
    "rnnlab.params",
    "rnnlab.plots",
    "rnnlab.tasks",
)


def main(control: int, modules: Sequence[str]) -> None:
    """Load what notebooks import, and `modules`; then fork for each request over `control`."""
    for name in (*_WARM, *modules):
        with contextlib.suppress(ModuleNotFoundError):  # Matplotlib is not everywhere
            importlib.import_module(name)
    shell = worker.make_shell()
    worker.silence()
    worker.warm(shell)
    linux.dumpable(False)
    memory = _mapped()
    channel = socket.socket(fileno=control)
    # what is loaded now stays: a collection in a child would only copy its pages
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a guard ended
    program = channel.recv(2**16)
    channel.sendall(b"ready")
    while True:
        asked, descriptors, _, _ = socket.recv_fds(channel, 4096, 2)
        if not asked:
            return
        limits = json.loads(asked)
        limits["memory"] += memory
        if os.fork() == 0:
            channel.close()
            answers, lifeline = descriptors
            _guard(answers, lifeline, limits, shell, program)
        for descriptor in descriptors:
            os.close(descriptor)


def _mapped() -> int:
    """The bytes of address space that this process has, before any submission."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _guard(
    answers: int, lifeline: int, limits: Mapping[str, int], shell: Any, program: bytes
) -> None:
    """In a fork: close the walls, fork the student, and watch over both. It never returns."""
    student = 0
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _leave()
        if (student := os.fork()) == 0:
            _student(answers, lifeline, limits, shell, program)
        os.close(answers)
        process = os.pidfd_open(student)
        watched = select.poll()
        watched.register(process, select.POLLIN)
        watched.register(lifeline, select.POLLHUP)
        if process in [descriptor for descriptor, _ in watched.poll()]:
            _tell(lifeline, status=os.waitstatus_to_exitcode(os.waitpid(student, 0)[1]))
    except BaseException as error:
        _tell(lifeline, refused=f"{type(error).__name__}: {error}")
    finally:
        if student:
            with contextlib.suppress(ProcessLookupError):
                os.kill(student, signal.SIGKILL)
        os._exit(0)


def _leave() -> None:
    """Leave the namespaces of all others, and see of the system what a student may see."""
    uid, gid = os.getuid(), os.getgid()
    linux.dumpable(True)  # else its own /proc/self is closed to it
    linux.unshare(_NAMESPACES)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {uid} 1")
    _write("/proc/self/gid_map", f"{gid} {gid} 1")
    linux.dumpable(False)
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    own = linux.MS_NOSUID | linux.MS_NODEV
    linux.mount("folder", FOLDER, "tmpfs", own, f"size={FOLDER_BYTES},nr_inodes=4096,mode=700")
    # no process can be seen as a file, not even its own
    linux.mount("nothing", "/proc", "tmpfs", own | linux.MS_RDONLY, "size=4096,nr_inodes=2")
    os.chdir(FOLDER)


def _student(
    answers: int, lifeline: int, limits: Mapping[str, int], shell: Any, program: bytes
) -> None:
    try:
        try:
            os.setsid()
            low, high = sorted((answers, lifeline))
            for first, last in ((3, low), (low + 1, high), (high + 1, 2**16)):
                os.closerange(first, last)
            _limit(limits["memory"], limits["cpu_seconds"])
            linux.drop_privileges()
            linux.install_filter(program)
        except BaseException as error:
            _tell(lifeline, refused=f"{type(error).__name__}: {error}")
            return
        os.close(lifeline)
        sink = os.fdopen(answers, "wb", closefd=False)
        worker.serve(os.fdopen(answers, "rb", closefd=False), sink, shell)
    finally:
        os._exit(70)


def _limit(memory: int, cpu_seconds: int) -> None:
    """The limits of a process, which here are those of a submission."""
    for limit, value in {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_FSIZE: FILE_BYTES,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_NPROC: THREADS,
        resource.RLIMIT_STACK: 2**23,
    }.items():
        resource.setrlimit(limit, (value, value))


def _tell(lifeline: int, **what: int | str) -> None:
    os.write(lifeline, json.dumps(what).encode()[:4096])


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
