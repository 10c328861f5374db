"""What goes out: the files that Moodle and Canvas exported, filled, and nothing else changed."""

from __future__ import annotations

import csv
import io
import time
from dataclasses import replace
from pathlib import Path

import pytest

from rnnlab.grading import exports
from rnnlab.grading.results import Grades, Result, Row

NOTEBOOK = "04_forget_gate"
# as mod/assign/gradingtable.php writes it
MOODLE = (
    "Identifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,"
    "Last modified (submission),Last modified (grade),Feedback comments\r\n"
    'Participant 11,Ada Lovelace,ada@uni.edu,"Submitted for grading - ",,10.00,Yes,'
    '"Monday, 3 June 2024, 10:00",-,\r\n'
    'Participant 12,Ben Babbage,babbage@uni.edu,Submitted,2.00,10.00,Yes,-,-,"two\r\nlines"\r\n'
    'Participant 13,Ada Lovelace,ada2@uni.edu,Submitted,,10.00,Yes,-,-,"=1+1"\r\n'
    "Participant 14,Zoe,zoe@uni.edu,No submission,,10.00,Yes,-,-,\r\n"
    "Participant 15,Max Moritz,max@uni.edu,Submitted,1.00,10.00,No,-,-,\r\n"
)
# as lib/gradebook_exporter.rb writes it
CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Warm-up (98),04 Forget gate (99),"
    "Current Score (2024),Override Score (2024)\n"
    ",,,,,Manual Posting,,,\n"
    "    Points Possible,,,,,5.00,10.00,(read only),\n"
    '"Lovelace, Ada",501,s1,alovelace,Gates,5.00,,90,91\n'
    '"Babbage, Ben",502,s2,bbabbage@uni.edu,Gates,4.00,3.00,80,81\n'
    '"Zorn, Zoe",503,s3,zzorn,Gates,,EX,,\n'
    '"Student, Test",504,,,Gates,,,,\n'
)


def result(
    student: str, points: int, account: str = "", notebook: str = NOTEBOOK, modified: float = 1.0
) -> Result:
    rows = (
        Row(student, notebook, "04.a", points, 7, points == 7, "=cmd()", "@hint"),
        Row(student, notebook, "04.b", 0, 3, False),
    )
    return Result(student, notebook, f"{student}/n.ipynb", student, modified, rows, account=account)


def filled(
    how: str, text: str | bytes, tmp_path: Path, *results: Result, **chosen: str
) -> tuple[list[list[str]], tuple[str, ...], bytes]:
    """The cells, what was said, and the bytes of the filled file."""
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(text.encode() if isinstance(text, str) else text)
    told = getattr(exports, how)(Grades(results), source, out, **chosen)
    raw = out.read_bytes()
    lines = csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
    return list(lines), told, raw


def grade_column(cells: list[list[str]], column: int = 4) -> list[str]:
    return [row[column] for row in cells[1:]]


# Moodle


def test_moodle_by_id_address_and_name(tmp_path: Path) -> None:
    cells, told, raw = filled(
        "moodle", MOODLE, tmp_path,
        result("Ada Lovelace (11)", 6, "11"), result("Ada Lovelace (13)", 5, "13"),
        result("babbage", 7), result("zoe", 0),
    )  # fmt: skip
    assert grade_column(cells) == ["6", "7", "5", "0", "1.00"]
    assert told == (
        "4 of 4 results have a row",
        "grades that stood there before were replaced: babbage (2.00 to 7)",
    )
    before = list(csv.reader(io.StringIO(MOODLE, newline="")))
    for row, old in zip(cells, before, strict=True):
        assert [*row[:4], *row[5:]] == [*old[:4], *old[5:]]
    assert raw.endswith(MOODLE[MOODLE.index("Participant 15") :].encode())
    assert raw.count(b"\r\n") == MOODLE.count("\r\n")


def test_moodle_what_is_not_matched_is_said_and_changes_nothing(tmp_path: Path) -> None:
    refused = Row("Olaf", "", "", 0, 0, False, "n.ipynb is empty.")
    _, told, raw = filled(
        "moodle", MOODLE, tmp_path,
        result("Ada Lovelace", 6), result("Eve\x07", 7), result("Max Moritz", 7),
        result("Group 12", 7, "12"),
        Result("Olaf", "", "Olaf/n.ipynb", "", 1.0, (refused,), problem=refused.difference),
        replace(result("Zoe", 0), problem="n.ipynb is in Julia."),
    )  # fmt: skip
    assert raw == MOODLE.encode()
    assert told == (
        "1 of 4 results have a row",
        "Ada Lovelace was not matched, 6 of 10 points: 2 rows could be meant",
        "Eve? was not matched, 7 of 10 points: no row is theirs",
        "Group 12 was not matched, 7 of 10 points: no row is theirs",
        "Max Moritz was left as it is: the file says that this grade is not to change",
        "Olaf got no grade: n.ipynb is empty.",
        "Zoe got no grade: n.ipynb is in Julia.",
    )


def test_moodle_a_row_goes_to_whom_it_surely_is(tmp_path: Path) -> None:
    cells, told, _ = filled(
        "moodle", MOODLE, tmp_path,
        result("Ben Babbage", 3, modified=9.0), result("BEN  Babbage", 4, "12"),
        result("Zoe", 5, "99", modified=1.0), result("ZOE", 6, modified=2.0),
    )  # fmt: skip
    assert grade_column(cells) == ["", "4", "", "6", "1.00"]
    assert told[1:3] == (
        "Ben Babbage was not matched, 3 of 10 points: the row is another's, which fits better or "
        "is newer",
        "Zoe was not matched, 5 of 10 points: the row is another's, which fits better or is newer",
    )


def test_moodle_in_another_class_with_other_marks(tmp_path: Path) -> None:
    """A byte order mark, semicolons, decimal commas and another maximum, as in much of Europe."""
    decimal = {"10.00": "100,00", "2.00": "2,00", "1.00": "1,00"}
    stream = io.StringIO()
    csv.writer(stream, delimiter=";", lineterminator="\n").writerows(
        [decimal.get(cell, cell) for cell in row]
        for row in csv.reader(io.StringIO(MOODLE, newline=""))
    )
    raw = b"\xef\xbb\xbf" + stream.getvalue().encode()
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(raw)
    told = exports.moodle(
        Grades((result("ada2", 7), replace(result("zoe", 7), rows=result("zoe", 7).rows[:1]))),
        source, out,
    )  # fmt: skip
    cells = list(csv.reader(io.StringIO(out.read_bytes()[3:].decode()), delimiter=";"))
    assert out.read_bytes().startswith(b"\xef\xbb\xbfIdentifier;Full name;")
    assert cells[3][4] == "70" and cells[4][4] == "100"
    assert told[1:] == (
        "Moodle's maximum grade is 100, ours is 7: the grades were scaled",
        "Moodle's maximum grade is 100, ours is 10: the grades were scaled",
    )
    source.write_bytes(raw.replace(b"100,00", b"12,50"))
    exports.moodle(Grades((result("ada2", 7),)), source, out)
    assert out.read_bytes().decode().count(";8,75;12,50;") == 1


def test_moodle_hidden_names_and_groups(tmp_path: Path) -> None:
    blind = "Identifier,Status,Grade,Maximum Grade\nParticipant 21,S,,10.00\nParticipant 22,S,,10\n"
    cells, told, _ = filled(
        "moodle", blind, tmp_path,
        result("Participant (22)", 4, "22"), result("Participant (21)", 3, "21"),
    )  # fmt: skip
    assert grade_column(cells, 2) == ["3", "4"] and len(told) == 1
    teams = (
        "Identifier,Full name,Group,Grade,Maximum Grade\nParticipant 7,Ada,Blue 1,,10\n"
        "Participant 8,Ben,Red,,10\nParticipant 9,Cleo,Blue 1,,10\n"
    )
    cells, told, _ = filled("moodle", teams, tmp_path, result("Blue 1", 6, "8"))
    assert grade_column(cells, 3) == ["6", "", "6"]


def test_moodle_a_student_who_is_called_like_a_group_is_no_group(tmp_path: Path) -> None:
    teams = (
        "Identifier,Full name,Group,Grade,Maximum Grade\nParticipant 7,Ada,Blue 1,,10\n"
        "Participant 8,Blue 1,Red,,10\nParticipant 9,Cleo,Blue 1,,10\n"
    )
    eve = result("Blue 1 (8)", 1, "8", modified=9.0)
    cells, told, _ = filled(
        "moodle", teams, tmp_path, eve, result("Ada", 7, "7"), result("Blue 1", 5)
    )
    # Cleo has what her group handed in
    assert grade_column(cells, 3) == ["7", "1", "5"] and len(told) == 1


def test_moodle_the_last_that_was_handed_in_counts(tmp_path: Path) -> None:
    cells, *_ = filled("moodle", MOODLE, tmp_path, result("zoe", 6, modified=1.0),
                       replace(result("zoe", 2, modified=5.0), file="zoe/b.ipynb"))  # fmt: skip
    assert cells[4][4] == "2"


def test_wrong_files_and_no_choice(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must be Moodle's grading worksheet.*lacks Identifier"):
        filled("moodle", CANVAS, tmp_path, result("zoe", 1))
    with pytest.raises(ValueError, match="must be the grade book that Canvas exported"):
        filled("canvas", MOODLE, tmp_path, result("zoe", 1))
    with pytest.raises(ValueError, match="must be the grade book"):
        filled("canvas", b"\xff\xfea\x00", tmp_path, result("zoe", 1))
    with pytest.raises(ValueError, match="must be the grade book"):
        filled("canvas", b"", tmp_path, result("zoe", 1))
    with pytest.raises(ValueError, match="maximum grade must be a number, got 'many'"):
        filled("moodle", MOODLE.replace("10.00", "many"), tmp_path, result("zoe", 1))
    two = result("zoe", 1), result("zoe", 2, notebook="05_belt")
    with pytest.raises(ValueError, match=r"one notebook must be chosen of 04_forget_gate, 05_belt"):
        filled("moodle", MOODLE, tmp_path, *two)
    with pytest.raises(ValueError, match=r"got 06_x; name it with --notebook"):
        filled("moodle", MOODLE, tmp_path, *two, notebook="06_x")
    with pytest.raises(ValueError, match="none that was graded"):
        filled("moodle", MOODLE, tmp_path)
    assert not (tmp_path / "out.csv").exists()
    cells, *_ = filled("moodle", MOODLE, tmp_path, *two, notebook="05_belt")
    assert cells[4][4] == "2"


# Canvas


def test_canvas_by_id_login_and_name(tmp_path: Path) -> None:
    cells, told, raw = filled(
        "canvas", CANVAS, tmp_path,
        result("lovelaceada", 6, "501"), result("bbabbage", 7), result("zornzoe", 5, "503"),
    )  # fmt: skip
    assert grade_column(cells, 6) == ["", "10.00", "6", "7", "EX", ""]
    assert told == (
        "3 of 3 results have a row",
        "zornzoe was left as it is: the file says that this grade is not to change",
        "grades that stood there before were replaced: bbabbage (3.00 to 7)",
    )
    before = list(csv.reader(io.StringIO(CANVAS)))
    for row, old in zip(cells, before, strict=True):
        assert [*row[:6], *row[7:]] == [*old[:6], *old[7:]]
    assert raw.startswith(CANVAS[: CANVAS.index('"Lovelace')].encode())
    assert b'"Lovelace, Ada",501,s1,alovelace,Gates,5.00,6,90,91\n' in raw
    cells, told, _ = filled("canvas", CANVAS, tmp_path, result("Ada Lovelace", 2))
    assert cells[3][6] == "2" and len(told) == 1


def test_canvas_an_id_alone_is_not_believed(tmp_path: Path) -> None:
    """The numbers of Moodle and of Canvas are small, and meet."""
    cells, told, _ = filled("canvas", CANVAS, tmp_path, result("Ben Babbage", 2, "501"))
    assert grade_column(cells, 6) == ["", "10.00", "", "2", "EX", ""]
    assert told[1] == "Ben Babbage was matched by name: there is no such row with the id 501"
    cells, *_ = filled("canvas", CANVAS, tmp_path, result("Ben Babbage (501)", 2, "501"))
    assert grade_column(cells, 6) == ["", "10.00", "", "2", "EX", ""]


def test_canvas_the_column_is_chosen(tmp_path: Path) -> None:
    for assignment in ("Warm-up", "warm-up (98)", "98"):
        cells, told, _ = filled(
            "canvas", CANVAS, tmp_path, result("lovelaceada", 6), assignment=assignment
        )
        assert cells[3][5:7] == ["3", ""]
        assert told[1] == "Canvas's points possible is 5, ours is 10: the grades were scaled"
    for assignment, other in (("Essay", None), (None, "05_belt")):
        with pytest.raises(ValueError, match=r"but 0 do; name it with --assignment. The grade book "
                           r"has: Warm-up \(98\), 04 Forget gate \(99\)$"):  # fmt: skip
            filled("canvas", CANVAS, tmp_path, result("a", 1, notebook=other or NOTEBOOK),
                   **({"assignment": assignment} if assignment else {}))  # fmt: skip
    with pytest.raises(ValueError, match="but 0 do"):
        filled("canvas", CANVAS, tmp_path, result("a", 1), assignment="2024")
    one = CANVAS.replace("Warm-up (98)", "Warm-up")
    cells, *_ = filled("canvas", one, tmp_path, result("alovelace", 6, notebook="05_belt"))
    assert cells[3][6] == "6"
    closed = CANVAS.replace("10.00,(read", "(read only),(read")
    with pytest.raises(ValueError, match=r"has: Warm-up \(98\)$"):
        filled("canvas", closed, tmp_path, result("a", 1), assignment="99")


def test_canvas_first_and_last_names_apart(tmp_path: Path) -> None:
    text = CANVAS.replace("Student,ID", "LastName,FirstName,ID").replace('"', "").replace(", ", ",")
    text = text.replace("Possible,", "Possible,,").replace(",,,,,Man", ",,,,,,Man")
    cells, *_ = filled("canvas", text, tmp_path, result("lovelaceada", 6))
    assert cells[3][7] == "6"


def test_nothing_that_a_student_wrote_gets_in(tmp_path: Path) -> None:
    evil = replace(result("=HYPERLINK(1)", 7), notebook="04_forget_gate")
    ada = result("Ada Lovelace (11)", 6, "11")
    cells, _, raw = filled("moodle", MOODLE, tmp_path, evil, ada)
    assert b"HYPERLINK" not in raw and b"cmd" not in raw and b"hint" not in raw
    assert [row[4] for row in cells[1:]] == ["6", "2.00", "", "", "1.00"]


def test_ten_thousand_rows_are_quick(tmp_path: Path) -> None:
    head = "Identifier,Full name,Grade,Maximum Grade\n"
    text = head + "".join(f"Participant {k},Name {k} X,,10\n" for k in range(10_000))
    results = [result(f"Name {k} X", 5, str(k) if k % 2 else "") for k in range(10_000)]
    begin = time.process_time()
    cells, told, _ = filled("moodle", text, tmp_path, *results)
    assert time.process_time() - begin < 5
    assert grade_column(cells, 2) == ["5"] * 10_000 and len(told) == 1
