"""Is this machine ready? A line each: OK, or the cure."""

from __future__ import annotations

import platform
import shutil
import sys
import webbrowser
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec

from rnnlab.notebook import course

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "firefox")


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `needed` when a student cannot work without it."""

    what: str
    ok: bool
    words: str
    needed: bool = True

    def __str__(self) -> str:
        mark = "OK     " if self.ok else "MISSING" if self.needed else "absent "
        return f"{mark}  {self.what}: {self.words}"


def findings() -> Iterator[Finding]:
    """Look at Python, the packages, the course's files, the browser and the sandbox."""
    version = platform.python_version()
    new_enough = sys.version_info >= (3, 11)
    yield Finding(
        "Python", new_enough, version if new_enough else f"{version}; install 3.11 to 3.13"
    )
    yield from _packages()
    yield _course()
    yield _browser()
    yield _sandbox()


def _packages() -> Iterator[Finding]:
    try:
        from packaging.requirements import Requirement
    except ImportError:
        yield Finding("packages", False, 'not installed; pip install "rnnlab[lab]"')
        return
    for text in metadata.requires("rnnlab") or []:
        requirement = Requirement(text)
        extra = next(
            (e for e in ("lab", "grading") if f'extra == "{e}"' in str(requirement.marker)), None
        )
        if requirement.marker and extra is None:
            continue
        # torch serves the later lectures, grading's packages the teacher
        needed = extra != "grading" and requirement.name != "torch"
        cure = f'pip install "rnnlab[{extra}]"' if extra else 'pip install "rnnlab"'
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            yield Finding(requirement.name, False, f"not installed; {cure}", needed)
            continue
        if requirement.specifier.contains(version.split("+")[0], prereleases=True):
            yield Finding(requirement.name, True, version, needed)
        else:
            words = f"must be {requirement.specifier}, got {version}; {cure}"
            yield Finding(requirement.name, False, words, needed)


def _course() -> Finding:
    try:
        return Finding("course", True, str(course()))
    except FileNotFoundError as error:
        return Finding("course", False, str(error))


def _browser() -> Finding:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        try:
            found = str(getattr(webbrowser.get(), "name", "the system's own"))
        except webbrowser.Error:
            cure = (
                "none found; open the address that `rnnlab lab` prints in one, or install Firefox"
            )
            return Finding("browser", False, cure, needed=False)
    return Finding("browser", True, found, needed=False)


def _sandbox() -> Finding:
    if not sys.platform.startswith("linux"):
        words = "not on this system; `rnnlab grade` is for your own notebooks, classes need Linux"
        return Finding("sandbox", False, words, needed=False)
    if find_spec("psutil") is None or find_spec("IPython") is None:
        words = 'only grading a class needs it; pip install "rnnlab[grading]"'
        return Finding("sandbox", False, words, needed=False)
    from rnnlab.grading import probe, sandbox
    from rnnlab.grading.student import StartError

    if reason := sandbox.missing():
        return Finding("sandbox", False, f"only grading a class needs it; {reason}", needed=False)
    try:
        probe.must_hold()
    except StartError as error:
        words = str(error).removeprefix("grade: --sandbox: ")
        return Finding("sandbox", False, f"only grading a class needs it; {words}", needed=False)
    return Finding("sandbox", True, f"closed: {len(probe.ATTEMPTS)} attempts failed", needed=False)
