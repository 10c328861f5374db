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

import contextlib
import functools
import hashlib
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
from rnnlab.grading.results import text

MAX_FILE = 2**24
# a student's zip, and the table of contents of a class's zip and of a student's
MAX_ZIP = 2**26
MAX_CONTENTS = 2**25
MAX_OWN_CONTENTS = 2**21
# letters of the names that lead to a file in a zip
MAX_NAMES = 1000
# notebooks and zips in a student's own zip; of its other files, so many are listed
MAX_IN_A_ZIP = 50
_SHOWN = 20
# notebooks of one student, however they are handed in: each may run for minutes
MAX_OF_A_STUDENT = 50

_MOODLE = re.compile(r"(?P<name>.+?)(_(?P<account>\d+))?_assignsubmission_[a-z]+(_.*)?", re.DOTALL)
_MOODLE_FOLDER = re.compile(_MOODLE.pattern.removesuffix("(_.*)?") + "_?", re.DOTALL)
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
    depth     how many names of the path are not the teacher's: none of them may be a link
    """

    student: str
    account: str
    file: str
    modified: float
    path: Path
    members: tuple[int, ...] = ()
    problem: str = ""
    depth: int = 1

    @property
    def name(self) -> str:
        """The file's own name, for what is said to the student."""
        return re.split("/|: ", self.file)[-1]

    @functools.cached_property
    def key(self) -> tuple[str, str, str]:
        """What the record knows it by: student, account, and SHA-256 of its bytes, or "" when they
        cannot be had."""
        try:
            digest = hashlib.sha256(self.content()).hexdigest()
        except ValueError:  # which is found out again
            digest = ""
        return text(self.student), text(self.account), digest

    def content(self) -> bytes:
        """Its bytes. ValueError with the words for the student when they cannot be had."""
        if self.problem:
            raise ValueError(self.problem)
        if not self.members:
            return _read(self.path, self.name, self.depth)
        *outer, last = self.members
        archive = _opened(self.path, self.depth, tuple(outer), _stamp(self.path))
        member = _member(archive, last)
        if not self.file.endswith(one_line(_parts(member)[-1])):
            raise ValueError(_REPLACED)
        return _extract(archive, member, self.name, MAX_FILE)


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
    return Listing(tuple(_not_too_many(found.values())), tuple(others))


def _not_too_many(found: Iterable[Found]) -> Iterator[Found]:
    """All, but of a student who handed in too many the first ones, and one that says so."""
    by_student: dict[tuple[str, str], list[Found]] = {}
    for one in found:
        by_student.setdefault((one.student, one.account), []).append(one)
    for of_one in by_student.values():
        yield from of_one[:MAX_OF_A_STUDENT]
        if len(of_one) > MAX_OF_A_STUDENT:
            problem = (
                f"{len(of_one)} notebooks were handed in, the first {MAX_OF_A_STUDENT} are graded, "
                "and this one and what follows it are not: hand in only your own, once. (If this "
                "is the folder of a class, name it as a path of its own.)"
            )
            yield replace(of_one[MAX_OF_A_STUDENT], problem=problem)


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
    depth: int = 1

    @property
    def words(self) -> str:
        """Where it lies, on one line that can be shown anywhere."""
        *folders, last = map(one_line, self.parts)
        return "".join(f"{name}{': ' if _is_zip(name) else '/'}" for name in folders) + last


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
    waiting = [root]
    while waiting:  # one folder at a time: they may lie deeper than a function can call itself
        here = waiting.pop()
        _, folders, files = next(os.walk(here), (here, [], []))
        parts = here.relative_to(root).parts
        visible = sorted(name for name in folders if not _hidden(name))
        links = [name for name in visible if (here / name).is_symlink()]
        named = [name for name in visible if _is_notebook(name)]
        inner = [here / name for name in visible if name not in (*links, *named)]
        waiting += reversed(inner)
        for name in sorted([*(name for name in files if not _hidden(name)), *named, *links]):
            path = here / name
            link = name in links and name not in named
            depth = len(parts) + 1
            entry = _Entry((*parts, name), path, _modified(path), link=link, depth=depth)
            yield from _of_a_file(entry)


def _of_a_file(entry: _Entry) -> Iterator[_Entry]:
    """The file itself; for a zip, what lies in it."""
    if not _is_zip(entry.parts[-1]) or entry.link:
        yield entry
        return
    try:
        if len(entry.members) == 2:
            raise ValueError(_TOO_DEEP)
        most = MAX_OWN_CONTENTS if len(entry.parts) > 1 else MAX_CONTENTS
        archive = _opened(entry.path, entry.depth, entry.members, _stamp(entry.path), most)
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
        if len(info.filename) > MAX_NAMES:
            clean = (clean[-1][-80:],)
            problem = f"{clean[-1]} lies below names of {len(info.filename)} letters: zip it anew."
        elif named := next((k for k, part in enumerate(folders, 1) if _is_notebook(part)), 0):
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
            yield replace(
                zipped,
                parts=(*zipped.parts, *clean),
                modified=_changed(info),
                members=(*zipped.members, number),
                problem=problem,
            )


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
                entry.depth,
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
        elif _moodle(folder.name):
            self._above = (folder.name,)
        elif root != folder and _is_zip(root.name) and not _moodle(root.name):
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
        if told := _moodle(name):
            return told
        if match := self._canvas.get(name):
            return match["name"] or match["anonymous"], match["account"] or ""
        return None


def _moodle(name: str) -> tuple[str, str] | None:
    """The student's name and the account or "", as Moodle names a folder or a file.

    A folder ends with Moodle's own mark, whatever the student is called. Where a file's name
    follows, nobody can tell which of two marks is Moodle's, so neither counts.
    """
    match = _MOODLE_FOLDER.fullmatch(name)
    if not match and name.count("_assignsubmission_") > 1:
        return _by_folder((name,))
    match = match or _MOODLE.fullmatch(name)
    return (match["name"], match["account"] or "") if match else None


def _by_folder(path: tuple[str, ...]) -> tuple[str, str]:
    name = Path(path[0]).stem if len(path) == 1 or _is_zip(path[0]) else path[0]
    # "ben " must not be shown, and taken, for ben
    return (name if one_line(name) == name else repr(name)), ""


def _wrapped(paths: Sequence[tuple[str, ...]]) -> int:
    """1 when one folder lies around the folders of all students, else 0."""
    around = {path[:1] for path in paths}
    return int(
        len(around) == 1
        and all(len(path) > 2 for path in paths)
        and not any(_moodle(name) for (name,) in around)
    )


# what is in it


@functools.lru_cache(maxsize=2)  # the zip of a class, and the student's in it
def _opened(
    path: Path, depth: int, members: tuple[int, ...], stamp: object, most: int = MAX_CONTENTS
) -> zipfile.ZipFile:
    """The zip at `path`, or the zip in it; `stamp` tells apart what lay there at other times."""
    file: BinaryIO
    if members:
        outer = _opened(path, depth, members[:-1], stamp)
        info = _member(outer, members[-1])
        name = _parts(info)[-1]
        file = io.BytesIO(_extract(outer, info, name, MAX_ZIP))
    else:
        name = path.name
        file = _open(path, name, depth)
    try:
        return zipfile.ZipFile(_Source(file, most))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ValueError(
            f"{name} is damaged or no zip: hand in the notebook itself, or zip it anew."
        ) from error


class _Source:
    """What a ZipFile reads from: never much at once, and closed when it is let go."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file = file
        self._most = most
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(self._most + 1 if size < 0 else min(size, self._most + 1))
        if len(data) > self._most:
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


def _member(archive: zipfile.ZipFile, number: int) -> zipfile.ZipInfo:
    """The member of this number; ValueError where there were more when it was listed."""
    if number >= len(archive.infolist()):
        raise ValueError(_REPLACED)
    return archive.infolist()[number]


_REPLACED = "The zip was replaced by another while it was graded: grade it again."


def _flags(*names: str) -> int:
    # not every system has all of them
    return functools.reduce(int.__or__, (getattr(os, name, 0) for name in names), os.O_RDONLY)


@contextlib.contextmanager
def _folder(path: Path, depth: int) -> Iterator[int | None]:
    """The folder of a file, as a descriptor; None where the system opens nothing relative to one.

    No link is followed on the last `depth` names: a student may put one there at any time.
    """
    if os.open not in os.supports_dir_fd:
        yield None
        return
    flags = _flags("O_DIRECTORY", "O_CLOEXEC")
    folder = os.open(path.parents[depth - 1], flags)
    try:
        for name in path.parts[-depth:-1]:
            inner = os.open(name, flags | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        yield folder
    finally:
        os.close(folder)


def _open(path: Path, name: str, depth: int) -> BinaryIO:
    """Open a file that is one; no link is followed, and nothing is waited for."""
    flags = _flags("O_BINARY", "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC")
    try:
        _must_be_a_file(path.lstat().st_mode, name)
        with _folder(path, depth) as folder:
            own = path if folder is None else path.name
            file = os.fdopen(os.open(own, flags, dir_fd=folder), "rb")
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


def _read(path: Path, name: str, depth: int) -> bytes:
    with _open(path, name, depth) as file:
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
