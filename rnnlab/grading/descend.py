"""From root down to a user without rights, and from there into bubblewrap.

Root's interpreter often lies where no other user may look. In a mount namespace of its own, what
the sandbox needs is laid out at a place that the user can read; then root is given up for good.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from rnnlab.grading import cgroups, linux


def main(
    user: int, stage: str, groups: list[str], sources: Sequence[str], command: list[str]
) -> None:
    """Join the control groups, bind each source to `stage`/0, 1, ..., become `user`, and run
    `command`."""
    cgroups.join(groups)
    linux.unshare(linux.CLONE_NEWNS)
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    linux.mount("stage", stage, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=755")
    for number, source in enumerate(sources):
        place = Path(stage, str(number))
        if os.path.isdir(source):
            place.mkdir()
        else:
            place.touch()
        linux.mount(source, str(place), None, linux.MS_BIND | linux.MS_REC)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    os.execvp(command[0], command)
