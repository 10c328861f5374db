"""Find what was handed in: folders, nbgrader's layout, zips as Moodle and Canvas export them.

Every notebook is known by where it lies, and is read later, perhaps in another process. A zip is
never unpacked: its members are read in memory, one by one and bounded. In `a/b.zip/c.ipynb` the
zip is taken for a folder. Who handed it in is told by the first name below the path that is given:
what lies below is the student's own, and could name anybody.

    submitted/STUDENT/ASSIGNMENT/FILE            nbgrader
    Ada Lovelace_12345_assignsubmission_file_/   Moodle, "in folders", with or without the last _
    Ada Lovelace_12345_assignsubmission_file_work.ipynb    Moodle, flat; "Participant" when blind
    lovelaceada_LATE_12345_678901_work.ipynb     Canvas: the student's id, then the file's
    STUDENT/...                                  anything else
"""

from __future__ import annotations

import functools
import io
import os
import re
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from rnnlab.grading.report import one_line

MAX_FILE = 2**24
# a student's zip, and the table of contents of any zip
MAX_ZIP = 2**26
MAX_CONTENTS = 2**25
# notebooks and zips in a student's own zip; of its other files, so many are listed
MAX_IN_A_ZIP = 50
_SHOWN = 20

_MOODLE = re.compile(r"(?P<name>.+?)(_(?P<account>\d+))?_assignsubmission_[a-z]+(_.*)?", re.DOTALL)
_CANVAS = re.compile(
    r"(?P<name>.+?)(_LATE)?_(?P<account>\d+)_(?P<file>\d+)_.+|"
    r"(LATE_)?(?P<anonymous>anon_[^_]+)_(?P<its>\d+)_.+",
    re.DOTALL,
)
# nbgrader's folders beside `submitted`
_NOT_SUBMITTED = ("autograded", "feedback", "release", "source")
_TOO_DEEP = "a zip in a zip, not opened"
_SYSTEM = ("__MACOSX", "Thumbs.db", "desktop.ini")


@dataclass(frozen=True)
class Found:
    """One notebook that was handed in.

    student   the name to show
    account   the id by which the export of Moodle or Canvas knows the student, or ""
    file      where it was found, in words: "ada/work.ipynb", "class.zip: ada/work.ipynb"
    modified  when it was changed last, in seconds since 1970
    path      the file, or the zip that holds it
    members   its number among the members of that zip, and of the zip in it
    problem   what is wrong with it where it lies, or ""
    """

    student: str
    account: str
    file: str
    modified: float
    path: Path
    members: tuple[int, ...] = ()
    problem: str = ""

    @property
    def name(self) -> str:
        """The file's own name, for what is said to the student."""
        return re.split("/|: ", self.file)[-1]

    def content(self) -> bytes:
        """Its bytes. ValueError with the words for the student when they cannot be had."""
        if self.problem:
            raise ValueError(self.problem)
        if not self.members:
            return _read(self.path, self.name)
        *outer, last = self.members
        archive = _opened(self.path, tuple(outer), _stamp(self.path))
        return _extract(archive, archive.infolist()[last], self.name, MAX_FILE)


@dataclass(frozen=True)
class Listing:
    """The notebooks, and what else lies there: each with the reason why it is not graded."""

    found: tuple[Found, ...]
    others: tuple[str, ...]


def find_all(paths: Iterable[Path]) -> Listing:
    """Look at notebooks, folders and zips; what two of them reach is found once.

    Raises ValueError for a path where there is nothing to look at.
    """
    found: dict[tuple[str, str, tuple[int, ...]], Found] = {}
    others: dict[str, None] = {}
    real = functools.cache(os.path.realpath)
    for path in paths:
        for one in _found(path, _entries(path)):
            if isinstance(one, str):
                others[one] = None
            else:
                # the folder may be reached by links; the file itself may be one, and is another
                place = real(one.path.parent), one.path.name, one.members
                found.setdefault(place, one)
    return Listing(tuple(found.values()), tuple(others))


# what lies there


@dataclass(frozen=True)
class _Entry:
    """A file below the root: the names that lead to it, and how to get at it."""

    parts: tuple[str, ...]
    path: Path
    modified: float = 0.0
    members: tuple[int, ...] = ()
    problem: str = ""
    link: bool = False

    @property
    def words(self) -> str:
        """Where it lies, on one line that can be shown anywhere."""
        joined = ""
        for part in self.parts:
            between = "" if not joined else ": " if joined.lower().endswith(".zip") else "/"
            joined += between + one_line(part)
        return joined


def _entries(root: Path) -> list[_Entry]:
    if root.is_file() and root.suffix.lower() in (".ipynb", ".zip"):
        return list(_of_a_file(_Entry((root.name,), root, _modified(root))))
    if root.is_dir():
        return list(_below(root))
    raise ValueError(
        f"grade: PATH must be a notebook (.ipynb) or a folder of notebooks or a zip, got {root}, "
        f"which is {'neither' if root.exists() else 'not there; check the spelling'}"
    )


def _below(root: Path) -> Iterator[_Entry]:
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        parts = here.relative_to(root).parts
        visible = sorted(name for name in folders if not _hidden(name))
        links = [name for name in visible if (here / name).is_symlink()]
        named = [name for name in visible if _is_notebook(name)]
        folders[:] = [name for name in visible if name not in (*links, *named)]
        for name in sorted([*(name for name in files if not _hidden(name)), *named, *links]):
            path = here / name
            link = name in links and name not in named
            yield from _of_a_file(_Entry((*parts, name), path, _modified(path), link=link))


def _of_a_file(entry: _Entry) -> Iterator[_Entry]:
    """The file itself; for a zip, what lies in it."""
    if not _is_zip(entry.parts[-1]) or entry.link:
        yield entry
        return
    try:
        if len(entry.members) == 2:
            raise ValueError(_TOO_DEEP)
        archive = _opened(entry.path, entry.members, _stamp(entry.path))
    except ValueError as error:
        yield replace(entry, problem=str(error))
        return
    inside = list(_members(entry, archive))
    if len(entry.parts) > 1:
        try:
            inside = _bounded(entry, inside)
        except ValueError as error:
            yield replace(entry, problem=str(error))
            return
    for one in inside:
        if one.problem:
            yield one
        else:
            yield from _of_a_file(one)


def _bounded(zipped: _Entry, inside: Sequence[_Entry]) -> list[_Entry]:
    """Of what lies in a student's own zip, what is looked at; ValueError when that is too much."""
    wanted: list[_Entry] = []
    rest: list[_Entry] = []
    for one in inside:
        name = one.parts[-1]
        (wanted if _is_notebook(name) or _is_zip(name) else rest).append(one)
    if len(wanted) > MAX_IN_A_ZIP:
        raise ValueError(
            f"{zipped.parts[-1]} holds {len(wanted)} notebooks and zips, at most {MAX_IN_A_ZIP} "
            "are looked at: hand in only your own."
        )
    if len(rest) > _SHOWN:
        more = replace(rest[-1], parts=(*zipped.parts, f"{len(rest) - _SHOWN} more files"))
        rest = [*rest[:_SHOWN], more]
    return [*wanted, *rest]


def _members(zipped: _Entry, archive: zipfile.ZipFile) -> Iterator[_Entry]:
    infos = archive.infolist()
    times = Counter(_parts(info) for info in infos)
    done: set[tuple[tuple[str, ...], str]] = set()
    for number, info in enumerate(infos):
        parts = _parts(info)
        clean = tuple(part for part in parts if part not in ("", ".", ".."))
        if not clean or any(_hidden(part) for part in clean):
            continue
        folders = clean if info.is_dir() else clean[:-1]
        problem = ""
        if named := next((k for k, part in enumerate(folders, 1) if _is_notebook(part)), 0):
            clean = clean[:named]
            problem = f"{clean[-1]} is a folder or device, not a notebook."
        elif info.is_dir():
            continue
        elif clean != parts:
            problem = f"{clean[-1]} leads out of its folder, {info.filename[:80]!r}: zip it anew."
        elif times[parts] > 1:
            problem = f"{clean[-1]} stands {times[parts]} times in {zipped.parts[-1]}: zip it anew."
        if (clean, problem) not in done:
            done.add((clean, problem))
            place = (*zipped.members, number)
            yield _Entry((*zipped.parts, *clean), zipped.path, _changed(info), place, problem)


def _parts(info: zipfile.ZipInfo) -> tuple[str, ...]:
    # some programs on Windows write their own separator
    name = info.filename.replace("\\", "/")
    return tuple((name[:-1] if name.endswith("/") else name).split("/"))


def _hidden(name: str) -> bool:
    return name.startswith(".") or name in _SYSTEM


def _is_notebook(name: str) -> bool:
    return name.lower().endswith(".ipynb")


def _is_zip(name: str) -> bool:
    return name.lower().endswith(".zip")


def _modified(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:  # gone in the meantime, which reading it will say
        return 0.0


def _changed(info: zipfile.ZipInfo) -> float:
    try:
        return datetime(*info.date_time).timestamp()
    except (ValueError, OverflowError, OSError):  # a zip may hold any date
        return 0.0


# whose it is


def _found(root: Path, entries: Sequence[_Entry]) -> Iterator[Found | str]:
    """Whose each notebook is, and the words for what is none."""
    whose = _Whose(root, [entry.parts for entry in entries])
    for name in whose.exports():
        yield (
            f"{one_line(name)}: taken for one student's; if Moodle or Canvas exported it, name it "
            "as a path of its own"
        )
    for entry in entries:
        name = entry.parts[-1]
        if entry.link:
            yield f"{entry.words}: a link, not followed"
        elif not (_is_notebook(name) or (_is_zip(name) and entry.problem)):
            yield f"{entry.words}: no notebook"
        elif entry.problem == _TOO_DEEP:
            yield f"{entry.words}: {_TOO_DEEP}"
        elif whose.submitted and entry.parts[0] in _NOT_SUBMITTED:
            yield f"{entry.words}: not submitted, but beside nbgrader's submitted"
        else:
            student, account = whose(entry.parts)
            yield Found(
                one_line(student),
                account,
                entry.words,
                entry.modified,
                entry.path,
                entry.members,
                one_line(entry.problem),
            )


class _Whose:
    """Tells from the names that lead to a file, below this root, whose it is."""

    def __init__(self, root: Path, paths: Sequence[tuple[str, ...]]) -> None:
        folder = root if root.is_dir() else root.parent
        above = folder.absolute().parts[-3:]
        self._above: tuple[str, ...] = ()
        self._skipped = 0
        self._nbgrader = "submitted" in above
        if self._nbgrader:
            self._above = above[above.index("submitted") + 1 :]
        elif _MOODLE.fullmatch(folder.name):
            self._above = (folder.name,)
        elif root != folder and _is_zip(root.name) and not _MOODLE.fullmatch(root.name):
            # an export, or a class that somebody zipped with the folder around it
            self._skipped = 1 + _wrapped([path[1:] for path in paths])
        paths = [self._whole(path) for path in paths]
        self.submitted = not self._above and any(path[0] == "submitted" for path in paths)
        self._top = _Names(paths)
        self._paths = paths

    def _whole(self, path: tuple[str, ...]) -> tuple[str, ...]:
        return (*self._above, *path)[min(self._skipped, len(path) - 1) :]

    def __call__(self, path: tuple[str, ...]) -> tuple[str, str]:
        """The student's name, and the account or ""."""
        path = self._whole(path)
        if self._nbgrader or path[0] == "submitted":
            return _by_folder(path[path[0] == "submitted" and len(path) > 1 :])
        if told := self._top.tell(path[0]):
            return told
        return _by_folder(path)

    def exports(self) -> Iterator[str]:
        """The folders and zips below the root that may be an export, as which a student's own,
        which could name anybody, must not pass."""
        below: dict[str, list[tuple[str, ...]]] = {}
        for path in self._paths:
            if len(path) > 1 and not self._nbgrader and not self._top.tell(path[0]):
                below.setdefault(path[0], []).append(path[1:])
        for name, inner in below.items():
            told = _Names(inner)
            students = {told.tell(path[0]) for path in inner}
            if len(students) > 1 and None not in students:
                yield name


class _Names:
    """The names in one folder, as far as Moodle or Canvas wrote them."""

    def __init__(self, paths: Iterable[tuple[str, ...]]) -> None:
        canvas = {}
        for path in paths:
            if len(path) == 1 or _is_zip(path[0]):
                if match := _CANVAS.fullmatch(path[0]):
                    canvas[path[0]] = match
        # Canvas numbers every file anew: in exam_2024_11_ada.ipynb and ..._ben.ipynb nobody did
        files = {match["file"] or match["its"] for match in canvas.values()}
        self._canvas = canvas if len(files) == len(canvas) else {}

    def tell(self, name: str) -> tuple[str, str] | None:
        """Whose a file of this name is, when the name tells it."""
        if match := _MOODLE.fullmatch(name):
            return match["name"], match["account"] or ""
        if match := self._canvas.get(name):
            return match["name"] or match["anonymous"], match["account"] or ""
        return None


def _by_folder(path: tuple[str, ...]) -> tuple[str, str]:
    name = path[0]
    return (Path(name).stem if len(path) == 1 or _is_zip(name) else name), ""


def _wrapped(paths: Sequence[tuple[str, ...]]) -> int:
    """1 when one folder lies around the folders of all students, else 0."""
    return int(len({path[:1] for path in paths}) == 1 and all(len(path) > 2 for path in paths))


# what is in it


@functools.lru_cache(maxsize=2)  # the zip of a class, and the student's in it
def _opened(path: Path, members: tuple[int, ...], stamp: object) -> zipfile.ZipFile:
    """The zip at `path`, or the zip in it; `stamp` tells apart what lay there at other times."""
    file: BinaryIO
    if members:
        outer = _opened(path, members[:-1], stamp)
        info = outer.infolist()[members[-1]]
        name = _parts(info)[-1]
        file = io.BytesIO(_extract(outer, info, name, MAX_ZIP))
    else:
        name = path.name
        file = _open(path, name)
    try:
        return zipfile.ZipFile(_Source(file))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ValueError(
            f"{name} is damaged or no zip: hand in the notebook itself, or zip it anew."
        ) from error


class _Source:
    """What a ZipFile reads from: never much at once, and closed when it is let go."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(MAX_CONTENTS + 1 if size < 0 else min(size, MAX_CONTENTS + 1))
        if len(data) > MAX_CONTENTS:
            raise zipfile.BadZipFile("its table of contents is too long")
        return data

    def __del__(self) -> None:
        self._file.close()


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise ValueError(f"{path.name} cannot be read: {error.strerror}.") from error
    return status.st_mtime_ns, status.st_size


def _open(path: Path, name: str) -> BinaryIO:
    """Open a file that is one; no link is followed, and nothing is waited for."""
    flags = os.O_RDONLY
    for flag in ("O_BINARY", "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"):
        flags |= getattr(os, flag, 0)
    try:
        _must_be_a_file(path.lstat().st_mode, name)
        file = os.fdopen(os.open(path, flags), "rb")
        try:
            _must_be_a_file(os.fstat(file.fileno()).st_mode, name)
        except ValueError:
            file.close()
            raise
    except OSError as error:
        raise ValueError(f"{name} cannot be read: {error.strerror}.") from error
    return file


def _must_be_a_file(mode: int, name: str) -> None:
    if stat.S_ISLNK(mode):
        raise ValueError(f"{name} is a link: hand in the file itself.")
    if not stat.S_ISREG(mode):
        raise ValueError(f"{name} is a folder or device, not a notebook.")


def _must_be_bounded(size: int, most: int, name: str) -> None:
    if size > most:
        raise ValueError(
            f"{name} has {size / 2**20:.0f} MiB, at most {most // 2**20} are read: clear its "
            "outputs and hand it in again."
        )


def _read(path: Path, name: str) -> bytes:
    with _open(path, name) as file:
        _must_be_bounded(os.fstat(file.fileno()).st_size, MAX_FILE, name)
        try:
            content = file.read(MAX_FILE + 1)
        except OSError as error:
            raise ValueError(f"{name} cannot be read: {error.strerror}.") from error
    _must_be_bounded(len(content), MAX_FILE, name)
    return content


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, most: int) -> bytes:
    """A member of a zip, in memory, whatever the zip says of it."""
    if info.flag_bits & 0x41:
        raise ValueError(f"{name} is encrypted: hand it in without a password.")
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode):  # not every program writes one
        _must_be_a_file(mode, name)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name} is compressed in a rare way (method {info.compress_type}).")
    _must_be_bounded(info.file_size, most, name)
    content = bytearray()
    try:
        with archive.open(info) as member:
            while piece := member.read(2**16):  # all at once, it would unpack more than it says
                content += piece
        if len(content) != info.file_size:
            raise zipfile.BadZipFile("it has another size")
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} is damaged where it lies in the zip: zip it anew.") from error
    return bytes(content)
