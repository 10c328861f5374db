"""The level for a class: the work of strangers, locked in. Linux, with bubblewrap and libseccomp.

A `zygote` waits in bubblewrap: a real unprivileged user, no network, a read-only system that holds
the interpreter, its packages, and of `rnnlab` only what has no answers. For each submission it
forks a process with namespaces and limits of its own. A sandbox is not believed but tried: each
limit is probed at the start, and where one does not hold, nothing is graded.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

import rnnlab
from rnnlab.grading import cgroups, protocol, syscalls
from rnnlab.grading.student import LostError, StartError, Student, ended, environment
from rnnlab.grading.worker import OPEN
from rnnlab.grading.zygote import DEVICES, FOLDER, FOLDER_BYTES, THREADS
from rnnlab.questions import FRAMEWORKS

# numbers of users that neither Debian nor systemd gives to anybody
FIRST_USER = 59_600
USERS = 400

# what takes long to import is loaded before a submission that mentions it
WARM = {
    "matplotlib": (
        "matplotlib.pyplot",
        "matplotlib.backends.backend_agg",
        "rnnlab.plots",
        "rnnlab.diagrams",
    ),
    "torch": ("torch",),
}

_START_SECONDS = 120.0
# of a whole sandbox, beside what a submission may use: the warm process, and a student's folder
_OWN_MEMORY = 2**30 + FOLDER_BYTES
_PLACE = "/course"
_INSIDE = ("__init__", "linux", "protocol", "worker", "zygote")
_BOOT = """
import sys
sys.path[:] = {path!r}
from rnnlab.grading.zygote import main
main({control}, {core}, {modules!r})
"""
_DESCEND = """
import sys
sys.path[:0] = {path!r}
from rnnlab.grading.descend import main
main(*{arguments!r})
"""
CURE = (
    "The sandbox needs Linux on x86-64 or arm64, bubblewrap and libseccomp: on Debian or Ubuntu, "
    'apt install bubblewrap libseccomp2, and pip install "rnnlab[grading]".'
)


def user(worker: int) -> int:
    """The number of the user as whom a worker's submissions run, where root grades."""
    return FIRST_USER + worker % USERS


def core(worker: int) -> int:
    """The one core on which a worker's submissions run: those of the next worker have another."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[worker % len(cores)]


def missing() -> str:
    """What must be installed before a sandbox can be tried, or ""."""
    if not sys.platform.startswith("linux"):
        return f"this is {platform.system()}. {CURE}"
    if platform.machine() not in ("x86_64", "aarch64"):
        return f"this machine is a {platform.machine()}. {CURE}"
    if shutil.which("bwrap") is None:
        return f"bubblewrap (bwrap) is not installed. {CURE}"
    if find_spec("pyseccomp") is None:
        return f"pyseccomp is not installed. {CURE}"
    try:
        import pyseccomp

        pyseccomp.system_arch()
    except (OSError, RuntimeError, ImportError) as error:
        return f"libseccomp cannot be loaded ({error}). {CURE}"
    return ""


class Sandbox:
    """Zygotes, and the students that are forked from them. Use it in a with statement.

    worker  the number of this sandbox among those of a run: each has a user and a core of its own
    memory  bytes that one submission may use; control groups, where there are any, bound the whole

    Raises StartError when the isolation is not there, with what to install.
    """

    def __init__(self, worker: int = 0, memory: int = 2**31) -> None:
        if reason := missing():
            raise StartError(f"grade: --sandbox: {reason}")
        self._worker = worker
        self._memory = memory
        self._zygotes: dict[tuple[frozenset[str], frozenset[str]], _Zygote] = {}

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the zygotes, and with them every student that is left."""
        while self._zygotes:
            self._zygotes.popitem()[1].close()

    def student(
        self,
        forbidden: frozenset[str],
        memory: int,
        seconds: float,
        mentioned: frozenset[str] = frozenset(),
    ) -> Student:
        """A fresh process; a zygote that has ended is started again, once.

        mentioned  modules that the submission seems to import: those of `WARM` are loaded already
        """
        hidden = forbidden & set(FRAMEWORKS)
        warm = frozenset(n for n in mentioned & set(WARM) - hidden if find_spec(n))
        limits = {"memory": memory, "cpu_seconds": int(seconds) + 1}
        try:
            return Locked(self._zygote(hidden, warm), forbidden, limits)
        except StartError:
            if (hidden, warm) not in self._zygotes:  # it could not be started at all
                raise
            self._zygotes.pop((hidden, warm)).close()
            return Locked(self._zygote(hidden, warm), forbidden, limits)

    def _zygote(self, hidden: frozenset[str], warm: frozenset[str]) -> _Zygote:
        if (hidden, warm) not in self._zygotes:
            self._zygotes[hidden, warm] = _Zygote(self._worker, self._memory, hidden, warm)
        return self._zygotes[hidden, warm]


class Locked(Student):
    """A student's process in the sandbox: its channel, and the line that keeps it alive."""

    def __init__(
        self, zygote: _Zygote, forbidden: frozenset[str], limits: Mapping[str, int]
    ) -> None:
        super().__init__()
        self._channel, answers = socket.socketpair()
        self._lifeline, life = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with answers, life:
                zygote.fork(limits, answers, life)
            self.ask("start", _START_SECONDS, forbidden=sorted(forbidden))
        except (LostError, OSError) as error:
            self.end()
            raise StartError(f"grade: --sandbox: no process could be started: {error}") from error

    def end(self) -> None:
        """Hang up: init ends, and the kernel ends all that is left in its namespace."""
        super().end()
        self._lifeline.close()
        self._channel.close()

    def _exchange(self, request: Mapping[str, Any], seconds: float) -> Any:
        stream = _Timed(self._channel, time.monotonic() + seconds)
        protocol.write(stream, request)
        return protocol.read(stream)

    def _how_it_ended(self) -> str:
        self._lifeline.settimeout(2.0)
        try:
            told = json.loads(self._lifeline.recv(4096) or b"{}")
        except (OSError, ValueError):
            return "it closed the channel to the grader"
        if "refused" in told:
            return f"the sandbox could not be closed around it: {told['refused']}"
        return ended(told["status"]) if "status" in told else "its init ended"


class _Timed:
    """A socket as a stream of bytes, up to a moment; TimeoutError after it."""

    def __init__(self, channel: socket.socket, until: float) -> None:
        self._channel = channel
        self._until = until

    def read(self, count: int) -> bytes:
        got = bytearray()
        while len(got) < count:
            self._wait()
            part = self._channel.recv(min(count - len(got), 2**20))
            if not part:
                break
            got += part
        return bytes(got)

    def write(self, data: bytes) -> int:
        self._wait()
        self._channel.sendall(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def _wait(self) -> None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._channel.settimeout(left)


class _Zygote:
    """A warm process in bubblewrap, and the line over which it takes requests."""

    def __init__(
        self, worker: int, memory: int, hidden: frozenset[str], warm: frozenset[str]
    ) -> None:
        self._words = tempfile.TemporaryFile()  # noqa: SIM115, it lives as long as the process
        self._groups = cgroups.make(memory + _OWN_MEMORY, 2 * THREADS)
        self._control, control = socket.socketpair()
        with control:
            inside = _bubblewrap(hidden, warm, control.fileno(), core(worker))
            command = _as_user(user(worker), self._groups, inside)
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._words,
                env={"PATH": os.environ.get("PATH", os.defpath)},
                cwd="/",
                pass_fds=[control.fileno()],
                start_new_session=True,
            )
        self._control.settimeout(_START_SECONDS)
        try:
            self._control.sendall(syscalls.program())
            ready = self._control.recv(5)
        except OSError:
            ready = b""
        if ready != b"ready":
            self._process.kill()
            self._process.wait()
            self._words.seek(0)
            lines = self._words.read()[-2000:].decode(errors="replace").strip().splitlines()
            self.close()
            raise StartError(
                "grade: --sandbox: bubblewrap must start an unprivileged process with namespaces "
                f"of its own, but: {lines[-1] if lines else 'it said nothing'}. {CURE}"
            )

    def fork(self, limits: Mapping[str, int], answers: socket.socket, life: socket.socket) -> None:
        """Have it fork a student; StartError when it is gone."""
        descriptors = [answers.fileno(), life.fileno()]
        try:
            socket.send_fds(self._control, [json.dumps(limits).encode()], descriptors)
        except OSError as error:
            raise StartError("grade: --sandbox: the warm process has ended") from error

    def close(self) -> None:
        """Hang up; bubblewrap ends, and with it whatever is left inside."""
        inside: list[psutil.Process] = []
        with contextlib.suppress(psutil.Error):
            inside = psutil.Process(self._process.pid).children(recursive=True)
        self._control.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        _wait_for(inside)
        self._words.close()
        cgroups.remove(self._groups)


def _wait_for(processes: list[psutil.Process]) -> None:
    """Until they have ended, or for five seconds: they were killed."""
    for _ in range(500):
        if not any(map(_lives, processes)):
            return
        time.sleep(0.01)


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _as_user(user: int, groups: list[str], command: list[str]) -> list[str]:
    """The command as a user without rights: our own, or, for root, a real other one."""
    if os.geteuid() != 0:
        return command
    shown = _shown()
    stage = _stage(shown)
    staged = {source: f"{stage}/{k}" for k, source in enumerate(shown)}
    binds = [k for k, word in enumerate(command[:-1]) if word == "--ro-bind"]
    for k in binds:
        command[k + 1] = staged[command[k + 1]]
    boot = _DESCEND.format(
        path=[str(Path(rnnlab.__file__).parent.parent)],
        arguments=(user, stage, groups, list(shown), command),
    )
    return [sys.executable, "-s", "-P", "-B", "-c", boot]


def _stage(shown: Mapping[str, str]) -> str:
    """A folder that every user can reach, over which root may lay out what is shown."""
    for folder in ("/mnt", "/media", "/srv", "/opt"):
        if os.path.isdir(folder) and not any(Path(s).is_relative_to(folder) for s in shown):
            return folder
    raise StartError("grade: --sandbox: root needs a folder /mnt in which nothing of Python lies")


def _bubblewrap(hidden: frozenset[str], warm: frozenset[str], control: int, core: int) -> list[str]:
    """The command: what is shown, what is hidden in it, and the zygote."""
    shown = _shown()
    command = [
        "bwrap",
        *("--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"),
        *("--unshare-cgroup-try", "--die-with-parent", "--new-session", "--clearenv"),
    ]
    for source, place in shown.items():
        command += ["--ro-bind", source, place]
    for name in ("bin", "lib", "lib64", "lib32"):  # where these are links into /usr
        if os.path.islink(f"/{name}"):
            command += ["--symlink", os.readlink(f"/{name}"), f"/{name}"]
    for folder in _hidden(hidden):
        command += ["--tmpfs", folder, "--remount-ro", folder]
    for device in DEVICES:
        command += ["--dev-bind", device, device]
    command += ["--proc", "/proc", "--tmpfs", FOLDER]
    if not any(Path(place).is_relative_to("/tmp") for place in shown.values()):
        command += ["--symlink", FOLDER, "/tmp"]
    for name, value in environment(FOLDER).items():
        command += ["--setenv", name, value]
    if (libraries := Path(sys.base_prefix, "lib")).is_dir():
        command += ["--setenv", "LD_LIBRARY_PATH", str(libraries)]
    modules = [name for key in sorted(warm) for name in WARM[key]]
    boot = _BOOT.format(path=[_PLACE, *_python_path()], control=control, core=core, modules=modules)
    return [
        *command,
        *("--remount-ro", "/", "--chdir", FOLDER, "--"),
        *(_interpreter(), "-s", "-P", "-B", "-c", boot),
    ]


def _interpreter() -> str:
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))


def _python_path() -> list[str]:
    """Of our own path, the standard library and the installed packages."""
    kept = []
    for entry in map(os.path.abspath, filter(None, sys.path)):
        packages = os.path.basename(entry) in ("site-packages", "dist-packages")
        if os.path.isdir(entry) and (packages or entry in _standard_library()):
            kept.append(entry)
    return list(dict.fromkeys(kept))


def _standard_library() -> tuple[str, ...]:
    paths = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))
    return (*paths, *(f"{path}/lib-dynload" for path in paths))


def _shown() -> dict[str, str]:
    """What of this machine is seen inside, read-only: source -> place."""
    folders = ["/usr/lib", "/usr/lib64", "/usr/lib32", *(f"/{n}" for n in ("lib", "lib64"))]
    folders += [str(Path(sys.base_prefix, "lib")), *_python_path()]
    shown: dict[str, str] = {}
    for folder in folders:
        covered = any(Path(folder).is_relative_to(other) for other in shown)
        if os.path.isdir(folder) and not covered and not os.path.islink(folder):
            shown[folder] = folder
    shown[_interpreter()] = _interpreter()
    package = Path(rnnlab.__file__).parent
    inside = [f"{name}.py" for name in ("__init__", *OPEN)] + ["data"]
    inside += [f"grading/{name}.py" for name in _INSIDE]
    return shown | {str(package / name): f"{_PLACE}/rnnlab/{name}" for name in inside}


def _hidden(frameworks: frozenset[str]) -> Iterator[str]:
    """Folders of what is shown that must be empty inside: the answers' and the frameworks'.

    They may also lie among packages that are not on our path: those of the system, or of the
    Python below a virtual environment.
    """
    others = (
        str(entry) for folder in _shown() for entry in Path(folder).glob("python*/*-packages")
    )
    for entry in dict.fromkeys([*_python_path(), *others]):
        for name in ("rnnlab", *sorted(frameworks)):
            if os.path.isdir(folder := os.path.join(entry, name)):
                yield folder
