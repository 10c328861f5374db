"""A warm process, in bubblewrap, that is forked once for each submission.

It has Python, NumPy, Matplotlib and IPython loaded, knows no question and reads no submission: the
grader sends it two descriptors, and it hands them to a fork of its own. The fork is pid 1 of a
namespace, and leaves every other one for a new one; it gives up what privileges there were, is held
to limits and to the filter that the grader made of `syscalls`, and only then becomes the `worker`
that reads the submission.

The second descriptor is the student's lifeline: over it the grader is told how the student ended,
and when the grader hangs up, the student is killed, and the kernel ends what is left with it.
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
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
FOLDER_BYTES = 2**26
FILE_BYTES = 2**26
OPEN_FILES = 256
THREADS = 64

# the namespace of processes is left before the fork
_NAMESPACES = (
    linux.CLONE_NEWUSER
    | linux.CLONE_NEWNS
    | linux.CLONE_NEWIPC
    | linux.CLONE_NEWUTS
    | linux.CLONE_NEWCGROUP
)
_WARM = ("rnnlab.gradcheck", "rnnlab.params", "rnnlab.tasks")


def main(control: int, core: int, modules: Sequence[str]) -> None:
    """Load what notebooks import, and `modules`; then fork for each request over `control`."""
    # however many threads one starts, whoever runs on the next core is not slowed down
    os.sched_setaffinity(0, {core})
    _own_namespace()
    for name in (*_WARM, *modules):
        importlib.import_module(name)
    shell = worker.make_shell()
    worker.silence()
    worker.warm(shell)
    worker.conceal()
    channel = socket.socket(fileno=control)
    program = channel.recv(2**16)
    home = os.open("/proc/self/ns/pid", os.O_RDONLY)
    linux.dumpable(False)
    memory = _mapped()
    # what is loaded now stays: a collection in a child would only copy its pages
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)
    channel.sendall(b"ready")
    students = _Students()
    while students.wait(channel):
        asked, descriptors, _, _ = socket.recv_fds(channel, 4096, 2)
        if not asked:
            return
        limits = json.loads(asked)
        limits["memory"] += memory
        answers, lifeline = descriptors
        linux.unshare(linux.CLONE_NEWPID)
        if (student := os.fork()) == 0:
            channel.close()
            _student(answers, lifeline, limits, shell, program)
        linux.join(home, linux.CLONE_NEWPID)
        os.close(answers)
        students.add(student, lifeline)


def _own_namespace() -> None:
    """Become pid 1 of a namespace over which this process has power, for it makes more of them."""
    uid, gid = os.getuid(), os.getgid()
    linux.unshare(linux.CLONE_NEWUSER | linux.CLONE_NEWPID)
    linux.map_to_itself(uid, gid)
    if child := os.fork():
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    linux.die_with_parent(signal.SIGKILL)


class _Students:
    """The students that live: each process, and its lifeline."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._by_process: dict[int, tuple[int, int]] = {}
        self._by_lifeline: dict[int, int] = {}

    def add(self, student: int, lifeline: int) -> None:
        process = os.pidfd_open(student)
        self._by_process[process] = (student, lifeline)
        self._by_lifeline[lifeline] = process
        self._poll.register(process, select.POLLIN)
        self._poll.register(lifeline, select.POLLHUP)

    def wait(self, channel: socket.socket) -> bool:
        """Look after the students until the grader asks for something."""
        self._poll.register(channel, select.POLLIN)
        while True:
            asked = False
            for ready, _ in self._poll.poll():
                if ready == channel.fileno():
                    asked = True
                elif ready in self._by_lifeline:
                    student, _ = self._by_process[self._by_lifeline[ready]]
                    os.kill(student, signal.SIGKILL)
                    self._poll.unregister(ready)
                elif ready in self._by_process:
                    self._end(ready)
            if asked:
                return True

    def _end(self, process: int) -> None:
        student, lifeline = self._by_process.pop(process)
        del self._by_lifeline[lifeline]
        status = os.waitstatus_to_exitcode(os.waitpid(student, 0)[1])
        with contextlib.suppress(OSError):  # the grader has hung up
            _tell(lifeline, status=status)
        self._poll.unregister(process)
        with contextlib.suppress(KeyError):
            self._poll.unregister(lifeline)
        os.close(process)
        os.close(lifeline)


def _mapped() -> int:
    """The bytes of address space that this process has, before any submission."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _leave() -> None:
    """Leave the namespaces of all others, and see of the system what a student may see."""
    uid, gid = os.getuid(), os.getgid()
    linux.dumpable(True)  # else its own /proc/self is closed to it
    linux.unshare(_NAMESPACES)
    linux.map_to_itself(uid, gid)
    linux.dumpable(False)
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    own = linux.MS_NOSUID | linux.MS_NODEV
    linux.mount("folder", FOLDER, "tmpfs", own, f"size={FOLDER_BYTES},nr_inodes=4096,mode=700")
    # no process can be seen as a file, not even its own
    linux.mount("nothing", "/proc", "tmpfs", own | linux.MS_RDONLY, "size=4096,nr_inodes=2")
    for device in DEVICES:  # their times could be set, for others to see; bubblewrap cannot do this
        kept = os.statvfs(device).f_flag & (linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
        read_only = linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY
        linux.mount("none", device, None, read_only | kept)
    os.chdir(FOLDER)


def _student(
    answers: int, lifeline: int, limits: Mapping[str, int], shell: Any, program: bytes
) -> None:
    try:
        try:
            os.setsid()
            _leave()
            low, high = sorted((answers, lifeline))
            for first, last in ((3, low), (low + 1, high), (high + 1, 2**16)):
                os.closerange(first, last)
            _own_devices()
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


def _own_devices() -> None:
    """Open 0, 1 and 2 anew: their flags and locks would be those of all students."""
    for descriptor in (0, 1, 2):
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)


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
