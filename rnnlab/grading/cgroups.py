"""Control groups, where they can be had: a bound on the memory and processes of a whole sandbox.

They are a second wall behind the limits of each process, and root alone may build it. Both
versions of the kernel's interface are tried: version 2 is one tree, version 1 a tree a controller.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

_NAME = "rnnlab-"
_ROOT = Path("/sys/fs/cgroup")


def make(memory: int, processes: int) -> list[str]:
    """New groups with these bounds; [] where there can be none."""
    if os.geteuid() != 0:
        return []
    made: list[str] = []
    name = f"{_NAME}{os.getpid()}-{secrets.token_hex(4)}"
    for folder, bounds in _trees(memory, processes):
        _sweep(folder)
        group = folder / name
        try:
            group.mkdir()
            made.append(str(group))
            for file, value in bounds.items():
                (group / file).write_text(f"{value}\n")
        except OSError:
            remove(made)
            return []
    return made


def _trees(memory: int, processes: int) -> Iterator[tuple[Path, dict[str, int]]]:
    if (_ROOT / "cgroup.controllers").exists():
        yield _ROOT, {"memory.max": memory, "memory.swap.max": 0, "pids.max": processes}
    else:
        yield _ROOT / "memory", {"memory.limit_in_bytes": memory}
        yield _ROOT / "pids", {"pids.max": processes}


def _sweep(folder: Path) -> None:
    """Remove the groups of graders that were killed."""
    for group in folder.glob(f"{_NAME}*"):
        if not Path("/proc", group.name.removeprefix(_NAME).partition("-")[0]).exists():
            with contextlib.suppress(OSError):
                group.rmdir()


def join(groups: list[str]) -> None:
    """Put this process, and all that it will start, into the groups."""
    for group in groups:
        Path(group, "cgroup.procs").write_text("0\n")


def remove(groups: list[str]) -> None:
    """Remove groups whose processes have ended."""
    for group in groups:
        for _ in range(50):  # the last of them may still be on its way out
            with contextlib.suppress(OSError):
                os.rmdir(group)
                break
            time.sleep(0.01)
