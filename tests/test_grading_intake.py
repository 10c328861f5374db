"""What comes in: whose each file is, in every layout, and what is wrong with it, in words."""

from __future__ import annotations

import io
import json
import os
import pickle
import stat
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from grading_notebooks import SOLVED, code, content, locked_check, solution, submission

from rnnlab import notebook
from rnnlab.grading import intake
from rnnlab.grading.intake import Found, find_all
from rnnlab.grading.submissions import read
from rnnlab.questions import Question, all_questions

WORK = notebook.dumps(submission()).encode()
posix = pytest.mark.skipif(os.name != "posix", reason="needs links and pipes")


def zipped(members: Mapping[str, bytes], path: Path | None = None) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(stream.getvalue())
    return stream.getvalue()


def laid(root: Path, *names: str, data: bytes = WORK) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def whose(*roots: Path) -> list[tuple[str, str, str]]:
    return [(one.student, one.account, one.file) for one in find_all(roots).found]


def said(found: Found) -> str:
    """What the student is told, or "" when the bytes came."""
    try:
        assert found.content()
    except ValueError as error:
        return str(error)
    return ""


# whose it is

MOODLE = {
    "Ada Lovelace_12345_assignsubmission_file_/work.ipynb": ("Ada Lovelace", "12345"),
    "Ben O'Hara-Müller_678_assignsubmission_file/deep/er/04.ipynb": ("Ben O'Hara-Müller", "678"),
    "Cleo_9_assignsubmission_file_my_1_2_work.ipynb": ("Cleo", "9"),
    "Participant_87681_assignsubmission_file_/work.ipynb": ("Participant", "87681"),
    "Default group_assignsubmission_file_/work.ipynb": ("Default group", ""),
    # what a student named so is that student's all the same
    "Eve_666_assignsubmission_file_/Ada_12345_assignsubmission_file_/w.ipynb": ("Eve", "666"),
    # a name or a file's name that imitates Moodle's mark moves nobody
    "Eve_666_assignsubmission_file_Ada_12345_assignsubmission_file_w.ipynb": (
        "Eve_666_assignsubmission_file_Ada_12345_assignsubmission_file_w",
        "",
    ),
    "Ada_12345_assignsubmission_file_x_666_assignsubmission_file_/w.ipynb": (
        "Ada_12345_assignsubmission_file_x",
        "666",
    ),
}
CANVAS = {
    "lovelaceada_12345_678901_work.ipynb": ("lovelaceada", "12345"),
    "lovelaceada_12345_678902_work-1.ipynb": ("lovelaceada", "12345"),
    "benmüller_LATE_77_678903_a_1_2_work.ipynb": ("benmüller", "77"),
    "anon_x7Yq1_678904_work.ipynb": ("anon_x7Yq1", ""),
    "LATE_anon_x7Yq2_678905_work.ipynb": ("anon_x7Yq2", ""),
}


@pytest.mark.parametrize("names", [MOODLE, CANVAS], ids=["Moodle", "Canvas"])
@pytest.mark.parametrize("how", ["zip", "folder"])
def test_what_moodle_and_canvas_export(
    tmp_path: Path, names: Mapping[str, tuple[str, str]], how: str
) -> None:
    if how == "zip":
        root, before = tmp_path / "class.zip", "class.zip: "
        zipped(dict.fromkeys(names, WORK), root)
    else:
        root, before = laid(tmp_path / "class", *names), ""
    found = {one.file: one for one in find_all([root]).found}
    assert {f: (one.student, one.account) for f, one in found.items()} == {
        before + name: told for name, told in names.items()
    }
    assert all(one.content() == WORK for one in found.values())


def test_folders_of_students_and_nbgrader(tmp_path: Path) -> None:
    course = laid(
        tmp_path / "course",
        "submitted/ada/04/work.ipynb", "submitted/ben/04/work.ipynb", "submitted/cleo.ipynb",
        "source/04/work.ipynb", "autograded/ada/04/work.ipynb",
    )  # fmt: skip
    students = [
        ("ada", "", "submitted/ada/04/work.ipynb"),
        ("ben", "", "submitted/ben/04/work.ipynb"),
    ]
    assert whose(course) == [("cleo", "", "submitted/cleo.ipynb"), *students]
    assert find_all([course]).others == (
        "autograded/ada/04/work.ipynb: not submitted, but beside nbgrader's submitted",
        "source/04/work.ipynb: not submitted, but beside nbgrader's submitted",
    )
    assert whose(course / "submitted" / "ben") == [("ben", "", "04/work.ipynb")]
    assert whose(course / "submitted" / "ben" / "04" / "work.ipynb") == [("ben", "", "work.ipynb")]
    # below a student's own folder, the word means nothing
    laid(tmp_path / "class", "eve/submitted/ada/04/work.ipynb")
    assert whose(tmp_path / "class") == [("eve", "", "eve/submitted/ada/04/work.ipynb")]
    alone = laid(tmp_path / "one", "09_lovelace.ipynb")
    assert whose(alone / "09_lovelace.ipynb") == [("09_lovelace", "", "09_lovelace.ipynb")]


def test_a_class_that_somebody_zipped(tmp_path: Path) -> None:
    plain = {"ada/work.ipynb": WORK, "ben/04/work.ipynb": WORK}
    zipped(plain, tmp_path / "a.zip")
    assert [one[:2] for one in whose(tmp_path / "a.zip")] == [("ada", ""), ("ben", "")]
    zipped({f"class/{name}": data for name, data in plain.items()}, tmp_path / "b.zip")
    assert [one[0] for one in whose(tmp_path / "b.zip")] == ["ada", "ben"]
    zipped({f"submitted/{name}": data for name, data in plain.items()}, tmp_path / "c.zip")
    assert [one[0] for one in whose(tmp_path / "c.zip")] == ["ada", "ben"]
    zipped({"work.ipynb": WORK}, tmp_path / "all" / "cleo.zip")
    assert whose(tmp_path / "all") == [("cleo", "", "cleo.zip: work.ipynb")]


def test_names_with_numbers_are_not_canvas(tmp_path: Path) -> None:
    laid(tmp_path, "exam_2024_11_ada.ipynb", "exam_2024_11_ben.ipynb", "cleo/hw_1_2_x.ipynb")
    assert [one[:2] for one in whose(tmp_path)] == [
        ("exam_2024_11_ada", ""), ("exam_2024_11_ben", ""), ("cleo", ""),
    ]  # fmt: skip


def test_a_student_cannot_pass_for_others(tmp_path: Path) -> None:
    """An export that lies among students' folders is said to be one, and not believed."""
    root = tmp_path / "class"
    laid(root / "eve", *(name for name in CANVAS if not name.startswith(("anon", "LATE"))))
    zipped(dict.fromkeys(MOODLE, WORK), root / "mallory.zip")
    laid(root, "ada/lovelaceada_12345_678901_work.ipynb")
    assert {one[:2] for one in whose(root)} == {("ada", ""), ("eve", ""), ("mallory", "")}
    cure = "taken for one student's; if Moodle or Canvas exported it, name it as a path of its own"
    assert set(find_all([root]).others) == {f"eve: {cure}", f"mallory.zip: {cure}"}
    told = {(one.student, one.account) for one in find_all([root, root / "mallory.zip"]).found}
    assert told == {("ada", ""), ("eve", ""), ("mallory", "")}  # the first path that reaches it
    told = {(one.student, one.account) for one in find_all([root / "mallory.zip", root]).found}
    assert told == {("ada", ""), ("eve", ""), *MOODLE.values()}


def test_a_student_who_handed_in_a_zip(tmp_path: Path) -> None:
    own = zipped({"04.ipynb": WORK, "data.csv": b"1", "__MACOSX/._04.ipynb": b"x"})
    deep = zipped({"inner.zip": own})
    zipped(
        {
            "Ada_1_assignsubmission_file_/work.zip": own,
            "Ben_2_assignsubmission_file_work.zip": own,
            "Cleo_3_assignsubmission_file_/deep.zip": deep,
        },
        tmp_path / "class.zip",
    )
    listing = find_all([tmp_path / "class.zip"])
    assert [(one.student, one.account, one.file) for one in listing.found] == [
        ("Ada", "1", "class.zip: Ada_1_assignsubmission_file_/work.zip: 04.ipynb"),
        ("Ben", "2", "class.zip: Ben_2_assignsubmission_file_work.zip: 04.ipynb"),
    ]
    assert [one.content() for one in listing.found] == [WORK, WORK]
    assert [one.name for one in listing.found] == ["04.ipynb", "04.ipynb"]
    assert listing.others == (
        "class.zip: Ada_1_assignsubmission_file_/work.zip: data.csv: no notebook",
        "class.zip: Ben_2_assignsubmission_file_work.zip: data.csv: no notebook",
        "class.zip: Cleo_3_assignsubmission_file_/deep.zip: inner.zip: a zip in a zip, not opened",
    )


def test_a_zip_with_one_student_in_it(tmp_path: Path) -> None:
    name = "Anna Amsel_7_assignsubmission_file_"
    zipped({f"{name}/work/exercises/04.ipynb": WORK}, tmp_path / "late.zip")
    assert [one[:2] for one in whose(tmp_path / "late.zip")] == [("Anna Amsel", "7")]
    zipped({f"{name}/{k}/04.ipynb": WORK for k in "ab"}, tmp_path / "two.zip")
    assert [one[:2] for one in whose(tmp_path / "two.zip")] == [("Anna Amsel", "7")] * 2


def test_two_students_of_one_name_stay_two(tmp_path: Path) -> None:
    laid(
        tmp_path / "class",
        *(f"Ada Lovelace_{k}_assignsubmission_file_/work.ipynb" for k in (1, 2)),
        "Ben_3_assignsubmission_file_/work.ipynb", "Ada Lovelace/work.ipynb",
    )  # fmt: skip
    assert [one[:2] for one in whose(tmp_path / "class")] == [
        ("Ada Lovelace", ""), ("Ada Lovelace", "1"), ("Ada Lovelace", "2"), ("Ben", "3"),
    ]  # fmt: skip


def test_what_two_paths_reach_is_found_once(tmp_path: Path) -> None:
    laid(tmp_path / "class", "ada/work.ipynb")
    zipped({"work.ipynb": WORK}, tmp_path / "class" / "ben" / "work.zip")
    paths = [tmp_path / "class", tmp_path / "class" / "ben", tmp_path / "class" / ".." / "class"]
    assert [one[0] for one in whose(*paths)] == ["ada", "ben"]


def test_what_is_no_notebook_is_listed_and_the_hidden_left_out(tmp_path: Path) -> None:
    laid(
        tmp_path / "class",
        "ada/report.pdf", "ada/work.py", "notes.txt", "ada/.ipynb_checkpoints/work.ipynb",
        ".git/config", "ada/.DS_Store", "__MACOSX/ada/._work.ipynb", "ben/\x1b[31mred\x07.txt",
    )  # fmt: skip
    listing = find_all([tmp_path / "class"])
    assert listing.found == ()
    assert listing.others == (
        "notes.txt: no notebook", "ada/report.pdf: no notebook", "ada/work.py: no notebook",
        "ben/?[31mred?.txt: no notebook",
    )  # fmt: skip


@posix
def test_names_are_shown_on_one_line(tmp_path: Path) -> None:
    laid(tmp_path / "class", "ev\x1b[31me\n/wo\u202erk.ipynb")
    os.mkdir(os.fsencode(tmp_path / "class") + b"/\xff")
    with open(os.fsencode(tmp_path / "class") + b"/\xff/n.ipynb", "wb") as file:
        file.write(b"")
    found = find_all([tmp_path / "class"]).found
    assert [(one.student, one.file) for one in found] == [
        (r"'ev\x1b[31me\n'", "ev?[31me/wo?rk.ipynb"), (r"'\udcff'", "?/n.ipynb"),
    ]  # fmt: skip
    assert [one.content() for one in found] == [WORK, b""]


def test_a_path_with_nothing_to_look_at(tmp_path: Path) -> None:
    for path, words in {
        tmp_path / "missing": r"PATH must be a notebook \(.ipynb\) or a folder.*not there",
        laid(tmp_path, "a.txt") / "a.txt": "a.txt, which is neither",
    }.items():
        with pytest.raises(ValueError, match=words):
            find_all([path])


def test_ten_thousand_are_cheap_to_find_and_to_send(tmp_path: Path) -> None:
    names = [f"Student {k}_{k}_assignsubmission_file_/work.ipynb" for k in range(10_000)]
    zipped(dict.fromkeys(names, b"{}"), tmp_path / "class.zip")
    begin = time.process_time()
    found = find_all([tmp_path / "class.zip"]).found
    sent = pickle.dumps(found)
    again = pickle.loads(sent)
    assert again == found and len({*found}) == 10_000
    assert [one.content() for one in again[::100]] == [b"{}"] * 100
    assert time.process_time() - begin < 5  # once opened, a zip stays open
    assert len(sent) < 3e6


# what is wrong with it


@posix
def test_links_devices_and_what_cannot_be_read(tmp_path: Path) -> None:
    root = laid(tmp_path / "class", "a/n.ipynb", "b/n.ipynb")
    (root / "b" / "n.ipynb").write_bytes(b"")
    with (root / "a" / "big.ipynb").open("wb") as file:
        file.truncate(40 * 2**20)
    (root / "c").mkdir()
    (root / "c" / "n.ipynb").symlink_to(root / "a" / "n.ipynb")
    (root / "c" / "n.zip").symlink_to(root / "a" / "n.ipynb")
    (root / "d").symlink_to(root / "a")
    (root / "e.ipynb").mkdir()
    laid(root, "e.ipynb/inside.ipynb")
    (root / "f").mkdir()
    os.mkfifo(root / "f" / "n.ipynb")
    listing = find_all([root])
    found = {one.file: one for one in listing.found}
    assert list(found) == [
        "e.ipynb", "a/big.ipynb", "a/n.ipynb", "b/n.ipynb", "c/n.ipynb", "c/n.zip", "f/n.ipynb",
    ]  # fmt: skip
    assert "has 40 MiB, at most 16 are read" in said(found["a/big.ipynb"])
    assert said(found["a/n.ipynb"]) == ""
    assert found["b/n.ipynb"].content() == b""
    assert said(found["c/n.ipynb"]) == "n.ipynb is a link: hand in the file itself."
    assert said(found["c/n.zip"]) == "n.zip is a link: hand in the file itself."
    assert "is a folder or device" in said(found["e.ipynb"])
    assert "is a folder or device" in said(found["f/n.ipynb"])
    assert listing.others == ("d: a link, not followed",)
    (root / "a" / "n.ipynb").unlink()
    assert said(found["a/n.ipynb"]) == "n.ipynb cannot be read: No such file or directory."


def member(name: str, mode: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (2024, 2, 3, 4, 5, 6))
    info.external_attr, info.create_system = mode << 16, 3
    return info


def changed(data: bytes, place: bytes, offset: int, new: bytes) -> bytes:
    """The zip with other bytes behind the last such mark."""
    at = data.rindex(place) + offset
    return data[:at] + new + data[at + len(new) :]


CENTRAL = b"PK\x01\x02"


def hostile_zips() -> dict[str, tuple[bytes, str]]:
    one = zipped({"n.ipynb": WORK})
    links = io.BytesIO()
    with zipfile.ZipFile(links, "w") as archive:
        archive.writestr(member("n.ipynb", stat.S_IFLNK | 0o777), "/etc/passwd")
    pipe = io.BytesIO()
    with zipfile.ZipFile(pipe, "w") as archive:
        archive.writestr(member("n.ipynb", stat.S_IFIFO | 0o777), "")
    twice = io.BytesIO()
    with zipfile.ZipFile(twice, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("n.ipynb", WORK)
        archive.writestr("n.ipynb", b"{}")
    lzma = io.BytesIO()
    with zipfile.ZipFile(lzma, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("n.ipynb", WORK)
    bomb = zipped({"n.ipynb": b" " * 2**25})
    return {
        "link": (links.getvalue(), "n.ipynb is a link"),
        "pipe": (pipe.getvalue(), "n.ipynb is a folder or device"),
        "folder": (zipped({"n.ipynb/": b"", "n.ipynb/a.ipynb": WORK}), "n.ipynb is a folder"),
        "twice": (twice.getvalue(), "n.ipynb stands 2 times in w.zip"),
        "rare": (lzma.getvalue(), r"n.ipynb is compressed in a rare way (method 14)"),
        "bomb": (bomb, "n.ipynb has 32 MiB, at most 16 are read"),
        "small lie": (changed(bomb, CENTRAL, 24, (100).to_bytes(4, "little")), "is damaged where"),
        "large lie": (changed(one, CENTRAL, 24, (10**6).to_bytes(4, "little")), "is damaged wher"),
        "encrypted": (changed(one, CENTRAL, 8, b"\x01"), "n.ipynb is encrypted"),
        "CRC": (changed(one, CENTRAL, 16, b"abcd"), "n.ipynb is damaged where it lies in the zip"),
        "torn": (one[: len(one) // 2], "w.zip is damaged or no zip"),
        "no zip": (WORK, "w.zip is damaged or no zip"),
        "empty": (b"", "w.zip is damaged or no zip"),
        "data cut": (changed(one, b"PK\x03\x04", 40, b"\xff" * 30), "is damaged where it lies"),
        "offset": (changed(one, CENTRAL, 42, b"\xff\xff\xff\x7f"), "is damaged where it lies"),
        "up": (zipped({"../../n.ipynb": WORK}), "leads out of its folder, '../../n.ipynb'"),
        "root": (zipped({"/etc/n.ipynb": WORK}), "leads out of its folder, '/etc/n.ipynb'"),
        "many": (zipped({f"{k}.ipynb": b"" for k in range(51)}), "holds 51 notebooks and zips"),
    }


HOSTILE = hostile_zips()


@pytest.mark.parametrize("where", ["in a zip", "in a folder"])
@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_zip_is_a_row_of_its_own(tmp_path: Path, case: str, where: str) -> None:
    data, words = HOSTILE[case]
    honest = zipped({"n.ipynb": WORK})
    names = [f"{name}_assignsubmission_file_/w.zip" for name in ("Ada_1", "Eve_2", "Zoe_3")]
    members = dict(zip(names, (honest, data, honest), strict=True))
    if where == "in a zip":
        root = tmp_path / "class.zip"
        zipped(members, root)
    else:
        root = tmp_path / "class"
        for name, own in members.items():
            laid(root, name, data=own)
    ada, eve, zoe = find_all([root]).found
    assert (ada.student, eve.student, zoe.student) == ("Ada", "Eve", "Zoe")
    assert words in said(eve)
    assert ada.content() == zoe.content() == WORK
    assert not [path for path in tmp_path.rglob("*") if path.name == "n.ipynb"]


def test_an_entry_is_never_lost_to_its_evil_twin(tmp_path: Path) -> None:
    zipped({"../ada/n.ipynb": b"{}", "ada/n.ipynb": WORK, "ada\\o.ipynb": WORK}, tmp_path / "c.zip")
    found = find_all([tmp_path / "c.zip"]).found
    assert [(one.student, bool(said(one))) for one in found] == [
        ("ada", True), ("ada", False), ("ada", False),
    ]  # fmt: skip


def test_of_many_files_in_a_students_zip_a_few_are_listed(tmp_path: Path) -> None:
    zipped({f"{k:03}.txt": b"" for k in range(300)}, tmp_path / "class" / "eve" / "w.zip")
    others = find_all([tmp_path / "class"]).others
    assert len(others) == 21
    assert others[-2:] == (
        "eve/w.zip: 019.txt: no notebook",
        "eve/w.zip: 280 more files: no notebook",
    )


def test_a_long_table_of_contents_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = {f"{k}{'x' * 200}.txt": b"" for k in range(600)}
    for bound, path in {
        "MAX_CONTENTS": tmp_path / "all.zip",
        "MAX_OWN_CONTENTS": tmp_path / "class" / "eve" / "w.zip",
    }.items():
        monkeypatch.setattr(intake, bound, 2**17)
        zipped(long, path)
        [one] = find_all([path if bound == "MAX_CONTENTS" else path.parents[1]]).found
        assert said(one).startswith(f"{path.name} is damaged or no zip")


def test_a_student_who_hands_in_thousands_gets_the_first_fifty_graded(tmp_path: Path) -> None:
    inner = zipped({f"{k}.ipynb": WORK for k in range(50)})
    zipped({f"{k}.zip": inner for k in range(50)}, tmp_path / "eve" / "w.zip")
    laid(tmp_path, "ada/w.ipynb", *(f"fay/{k:02}.ipynb" for k in range(52)))
    found = find_all([tmp_path]).found
    of = {name: [one for one in found if one.student == name] for name in ("ada", "eve", "fay")}
    assert [len(ones) for ones in of.values()] == [1, 51, 51]
    assert all(said(one) == "" for ones in of.values() for one in ones[:50])
    assert said(of["eve"][50]).startswith("2500 notebooks were handed in, the first 50 are graded")
    assert of["fay"][50].file == "fay/50.ipynb" and said(of["fay"][50]).startswith("52 notebooks")


def test_names_without_end_in_a_zip(tmp_path: Path) -> None:
    begin = time.monotonic()
    inner = zipped({f"{'a/' * 32_000}{k:03}.ipynb": WORK for k in range(9)})
    zipped({f"{k}.zip": inner for k in range(5)}, tmp_path / "class" / "eve" / "w.zip")
    found = find_all([tmp_path / "class"]).found
    assert time.monotonic() - begin < 5
    assert len(found) == 45 and len(found[0].file) < 100
    assert said(found[0]) == "000.ipynb lies below names of 64009 letters: zip it anew."


@posix
def test_folders_deeper_than_a_function_can_call_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(laid(tmp_path, "eve/w.ipynb", "fay/w.ipynb") / "eve")
    for _ in range(1500):
        os.mkdir("d")
        os.chdir("d")
    try:
        assert [one.student for one in find_all([tmp_path]).found] == ["eve", "fay"]
    finally:  # shutil could not
        for _ in range(1500):
            os.chdir("..")
            os.rmdir("d")


@posix
def test_a_link_put_in_place_after_it_was_listed_is_not_followed(tmp_path: Path) -> None:
    theirs = {"n.ipynb": WORK}
    laid(tmp_path, "class/ada/sub/w.ipynb", "class/ben/sub/w.ipynb")
    for student in ("ada", "ben"):
        zipped(theirs, tmp_path / "class" / student / "sub" / "w.zip")
    found = find_all([tmp_path / "class"]).found
    assert [said(one) for one in found] == [""] * 4
    own = tmp_path / "class" / "ada" / "sub"
    own.rename(tmp_path / "gone")
    own.symlink_to("../ben/sub")
    intake._opened.cache_clear()
    assert [said(one)[:21] for one in found] == [
        "w.ipynb cannot be rea", "w.zip cannot be read:", "", "",
    ]  # fmt: skip
    # where the teacher's own folder is a link, that is the teacher's business
    (tmp_path / "linked").symlink_to("class")
    assert [said(one) for one in find_all([tmp_path / "linked"]).found] == ["", ""]


def test_a_zip_that_is_replaced_after_it_was_listed(tmp_path: Path) -> None:
    path = tmp_path / "class" / "eve" / "w.zip"
    inner = zipped({"a.ipynb": WORK, "b.ipynb": WORK})
    zipped({"a.ipynb": WORK, "b.ipynb": WORK, "c.zip": inner}, path)
    found = find_all([path.parents[1]]).found
    zipped({"other.ipynb": WORK}, path)
    assert len(found) == 4
    assert {said(one) for one in found} == {intake._REPLACED}


def test_nobody_is_taken_for_another_whose_name_looks_the_same(tmp_path: Path) -> None:
    laid(tmp_path, "ben/w.ipynb", "ben /w.ipynb", " ben/w.ipynb", "ben\u200b/w.ipynb")
    assert sorted(one.student for one in find_all([tmp_path]).found) == [
        "' ben'", "'ben '", r"'ben\u200b'", "ben",
    ]  # fmt: skip


def test_when_it_was_handed_in(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(member("ada/n.ipynb"), WORK)
        never = member("ben/n.ipynb")
        archive.writestr(never, WORK)
    data = changed(stream.getvalue(), CENTRAL, 14, b"\x00\x00")  # month 0, day 0
    (tmp_path / "class.zip").write_bytes(data)
    ada, ben = find_all([tmp_path / "class.zip"]).found
    assert time.localtime(ada.modified)[:6] == (2024, 2, 3, 4, 5, 6)
    assert ben.modified == 0.0
    path = laid(tmp_path, "n.ipynb") / "n.ipynb"
    os.utime(path, (5, 7.5))
    assert find_all([path]).found[0].modified == 7.5


# what the bytes are


def got(handed: object, questions: tuple[Question, ...] | None = None) -> Any:
    return read(json.dumps(handed).encode(), "work.ipynb", questions or all_questions())


def test_what_is_no_notebook_has_a_named_reason() -> None:
    damaged = "work.ipynb is damaged or not a notebook of format 4"
    for raw, words in {
        b"": "work.ipynb is empty.",
        b"{": damaged,
        b"[" * 10**6: damaged,
        b"\xff\xfe{\x00}\x00": damaged,
        b'{"nbformat": 3, "worksheets": []}': damaged,
        b'{"nbformat": 4}': damaged,
        b'{"nbformat": 4, "cells": [], "x": ' + b"9" * 5000 + b"}": damaged,
    }.items():
        assert read(raw, "work.ipynb", all_questions()).problem.startswith(words)
    lecture = got(content([code("1 + 1")]))
    assert lecture.problem.startswith("work.ipynb matched no exercise") and not lecture.exercise
    in_r = got(content([solution("belt", "")], language="R"))
    assert in_r.problem == "work.ipynb is a notebook in r; it must be in Python."
    assert in_r.exercise == "04_forget_gate" and len(in_r.questions) == 4
    many = got(content([solution("belt", "")] * 2001))
    assert many.problem == "work.ipynb has 2001 code cells, at most 2000 run."
    long = got(content([solution("belt", "#" * (2**20 + 1))]))
    assert "a cell of over a million letters" in long.problem


def test_a_mark_before_the_text_does_no_harm() -> None:
    assert not read(b"\xef\xbb\xbf" + WORK, "w.ipynb", all_questions()).problem


def test_cells_are_told_and_checks_left_out() -> None:
    handed = got(submission())
    assert handed.exercise == "04_forget_gate" and handed.remarks == ()
    assert [(cell.number, cell.grade_id) for cell in handed.cells] == [
        (1, ""), (2, "forget_gate"), (4, "half_life"), (6, "belt"), (8, "forget_on_reset"),
    ]  # fmt: skip
    assert handed.cells[3].source == SOLVED["belt"]


def test_doubled_and_missing_cells_are_remarked() -> None:
    names = ["belt", "half_life", "belt", *["forget_gate"] * 3]
    cells = [*(solution(name, f"{k}") for k, name in enumerate(names)), locked_check("belt")]
    assert got(content(cells)).remarks == (
        "forget_gate stands 3 times; the last one counts",
        "belt stands twice; the last one counts",
        "forget_on_reset has no cell that is marked with its name",
    )
    bare = submission()
    for cell in bare["cells"]:
        cell["metadata"] = {}
    assert got(bare).exercise == "04_forget_gate"
    assert got(bare).remarks == ("its cells have lost their grade_ids; it was known by its checks",)


@pytest.mark.parametrize(
    "grading",
    [
        {"grade_id": ["belt"]}, {"grade_id": {"a": {}}}, [], "belt", 4, None,
        {"grade_id": "x" * 10**6},
        {"grade_id": "belt", "locked": "yes", "grade": 1, "schema_version": [3]},
    ],
)  # fmt: skip
def test_odd_metadata_does_no_harm(grading: Any) -> None:
    odd = {**code("1"), "metadata": {"nbgrader": grading}}
    handed = got(content([odd, solution("half_life", ""), {"cell_type": []}, 7, None, []]))
    assert handed.exercise == "04_forget_gate" and handed.problem == ""
    assert len(handed.cells) == 2 and len(handed.cells[0].grade_id) <= 80


def test_a_teachers_own_questions_are_those_asked() -> None:
    from dataclasses import replace

    belt = next(q for q in all_questions() if q.id == "04.belt")
    own = (replace(belt, id="own.twice"),)
    assert got(content([solution("twice", "")]), own).exercise == "own"
    assert got(content([solution("twice", "")]), own).questions == own
    assert "matched no exercise" in got(submission(), own).problem


def test_reading_is_fast() -> None:
    handed = submission()
    handed["cells"] += [code("x = 1\n" * 250) for _ in range(10)]
    raw = notebook.dumps(handed).encode()
    assert 20_000 < len(raw) < 30_000
    begin = time.process_time()
    for _ in range(1000):
        read(raw, "work.ipynb", all_questions())
    assert time.process_time() - begin < 3
