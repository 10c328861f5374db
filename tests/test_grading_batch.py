"""A class: recorded one by one, on one job, several or a cluster, and gone on with after a kill."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from grading_notebooks import POINTS, SETUP, SOLVED, STUBS, hand_in, submission

from rnnlab import cli
from rnnlab.grading import batch, jobs, report, sandbox
from rnnlab.grading.grader import Settings, gathered, grade
from rnnlab.grading.intake import find_all
from rnnlab.grading.record import Record
from rnnlab.grading.results import Grades, Ran, Result, Row

locked = pytest.mark.skipif(bool(sandbox.missing()), reason=sandbox.missing() or "closed")
SETTINGS = Settings(memory=2**29)


def result(student: str = "ada", digest: str = "d1", points: int = 3, account: str = "") -> Result:
    rows = (
        Row(
            student, "04_forget_gate", "04.forget_gate", points, 3, points == 3, "a", "b", "c", "t"
        ),
        Row(student, "04_forget_gate", "04.belt", 0, 2, False, "ü\n\x00", "=1"),
    )
    cells = (Ran(1, "", "x\n", ""), Ran(4, "belt", "", "raised ValueError: ü"))
    return Result(
        *(
            student,
            "04_forget_gate",
            f"{student}/n.ipynb",
            digest,
            12.5,
            rows,
            cells,
            0.25,
            account,
        ),
        remarks=("belt stands twice",),
    )


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    with Record(tmp_path / "grades.sqlite") as one:
        yield one


def test_what_is_recorded_comes_back_as_it_was(record: Record) -> None:
    handed = [result(), result("ben", "d2", 0), result("ben", "d3"), result("ada", account="7")]
    handed[1] = replace(handed[1], problem="it is in Julia")
    for one in handed:
        record.add("run 1", one)
    record.add("run 2", result("cleo"))
    assert sorted(record.results("run 1"), key=repr) == sorted(handed, key=repr)
    assert record.known("run 1") == {
        ("ada", "", "d1"), ("ben", "", "d2"), ("ben", "", "d3"), ("ada", "7", "d1"),
    }  # fmt: skip
    assert record.of_class() == "run 2"
    record.add("run 1", result(points=0))
    assert record.of_class() == "run 1"
    record.is_class("run 2")
    record.add("run 1", result("dan"))
    assert record.of_class() == "run 2"


def test_what_is_graded_again_replaces_itself(record: Record) -> None:
    record.add("run", result(points=0))
    record.add("run", result(points=3))
    [one] = record.results("run")
    assert one.points == 3 and len(one.rows) == 2
    for _ in range(2):
        record.add("run", result(digest=""))  # it could not be read: known by its file
    assert len(list(record.results("run"))) == 2
    assert record.known("run") == {("ada", "", "d1")}


def test_a_full_disk_loses_nothing_that_was_recorded(tmp_path: Path) -> None:
    path = tmp_path / "grades.sqlite"
    with Record(path) as record:
        record._base.execute("PRAGMA max_page_count = 20")
        with pytest.raises(OSError, match=r"could not be recorded .* full.*graded before is kept"):
            for k in range(10_000):
                record.add("run", result(f"s{k}"))
        kept = list(record.results("run"))
        assert kept and all(len(one.rows) == 2 for one in kept)
    with Record(path) as record:
        assert list(record.results("run")) == kept
        record.add("run", result("zoe"))
        assert len(list(record.results("run"))) == len(kept) + 1


def test_a_record_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "grades.sqlite").write_text("no database, but text that is long enough to tell")
    with pytest.raises(OSError, match=r"the record must be an SQLite file .*grades.sqlite"):
        Record(tmp_path / "grades.sqlite")
    with pytest.raises(OSError, match="the record must be"):
        Record(tmp_path / "no" / "grades.sqlite")
    with sqlite3.connect(tmp_path / "old.sqlite") as old:
        old.execute("CREATE TABLE submission (id INTEGER)")
    with pytest.raises(OSError, match=r"another version of rnnlab made it; name a new folder"):
        Record(tmp_path / "old.sqlite")


@pytest.fixture
def class_(tmp_path: Path) -> Path:
    handed = {
        "ada": submission(),
        "ben": submission(**STUBS),
        "cleo": submission(forget_gate=SOLVED["forget_gate"].replace("np.exp(-(", "np.exp((")),
        "dan": submission(belt="def belt(f, C_0:"),
    }
    for student, content in handed.items():
        hand_in(tmp_path / "class", student, content)
    (tmp_path / "class" / "eve").mkdir()
    (tmp_path / "class" / "eve" / "n.ipynb").write_text("{")
    return tmp_path / "class"


def test_a_run_goes_on_where_it_stopped(class_: Path, record: Record) -> None:
    plan = batch.plan([class_], SETTINGS, record)
    assert (len(plan.waiting), plan.done) == (5, ())
    first = list(batch.grade(plan.waiting[:2], SETTINGS, record))
    plan = batch.plan([class_], SETTINGS, record)
    assert [one.student for one in plan.done] == ["ada", "ben"]
    rest = list(batch.grade(plan.waiting, SETTINGS, record))
    assert {one.student for one in rest} == {"cleo", "dan", "eve"}
    assert gathered(record.results(SETTINGS.run)) == gathered([*first, *rest])
    # what was handed in anew is graded; what another seed judged is another run
    hand_in(class_, "ben", submission())
    assert [one.student for one in batch.plan([class_], SETTINGS, record).waiting] == ["ben"]
    assert len(batch.plan([class_], Settings(seed=1), record).waiting) == 5


def test_narrowed_to_students_and_questions(class_: Path, record: Record) -> None:
    assert [f.student for f in batch.plan([class_], SETTINGS, None, ["b*", "ada"]).waiting] == [
        "ada", "ben",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="--student zoe must be one who handed in something"):
        batch.plan([class_], SETTINGS, None, ["zoe"])
    only = Settings(memory=2**29, only=("04.belt",))
    rows = [row for one in batch.grade(batch.plan([class_], only).waiting, only, record)
            for row in one.rows]  # fmt: skip
    assert {row.question for row in rows} == {"04.belt", ""}
    with pytest.raises(ValueError, match=r"--question must be one of .*04.belt.*, got '04.none'"):
        Settings(only=("04.none",)).asked()
    elsewhere = Settings(memory=2**29, only=("01.echo",))
    plan = batch.plan([class_ / "ada"], elsewhere)
    assert list(batch.grade(plan.waiting, elsewhere, record)) == []


def test_a_teachers_own_questions(tmp_path: Path) -> None:
    module = tmp_path / "own.py"
    module.write_text(
        "from rnnlab.questions import Misconception, Question\n"
        "import numpy as np\n"
        "QUESTIONS = (Question(\n"
        "    id='own.twice', kind='function', title='twice', points=4,\n"
        "    inputs=lambda rng: [{'x': rng.standard_normal(3)}], reference=lambda x: 2 * x,\n"
        "    returns=('y',), axes={'y': ('unit',)}, hints=('a', 'b', 'c'), parallel='p',\n"
        "    misconceptions=(Misconception('squared', 'Is it a square?', lambda x: x * x),)),)\n"
    )
    right = "def twice(x):\n    return x + x"
    wrong = "def twice(x):\n    return x ** 2"
    for student, source in {"ada": right, "ben": wrong}.items():
        handed = submission()
        handed["cells"] = handed["cells"][:2]
        handed["cells"][1]["source"] = source
        handed["cells"][1]["metadata"]["nbgrader"]["grade_id"] = "twice"
        hand_in(tmp_path / "class", student, handed)
    grades = grade([tmp_path / "class"], Settings(memory=2**29, questions=module))
    assert [(r.student, r.points, r.misconception) for r in grades.rows] == [
        ("ada", 4, ""), ("ben", 0, "squared"),
    ]  # fmt: skip
    assert "Is it a square?" in grades.rows[1].hint
    module.write_text("QUESTIONS = (1,)")
    with pytest.raises(ValueError, match="must list at least one Question"):
        grade([tmp_path / "class"], Settings(questions=module))
    module.write_text("1 / 0")
    with pytest.raises(ValueError, match="raised ZeroDivisionError"):
        grade([tmp_path / "class"], Settings(questions=module))


# several at a time


def same(results: list[Result]) -> set[Row]:
    return {row for one in results for row in one.rows}


def test_jobs_give_the_same_rows(class_: Path) -> None:
    found = find_all([class_]).found
    alone = same(list(jobs.graded(found, SETTINGS, 1)))
    assert same(list(jobs.graded(found, SETTINGS, 3))) == alone
    with pytest.raises(ValueError, match="--jobs must be at least 1, got 0"):
        list(jobs.graded(found, SETTINGS, 0))
    assert list(jobs.graded([], SETTINGS, 2)) == []


def test_a_worker_that_is_killed_costs_nothing(tmp_path: Path) -> None:
    for k in range(8):
        hand_in(tmp_path, f"s{k}", submission(SETUP + "import time; time.sleep(0.3)\n"))
    results = []
    for one in jobs.graded(find_all([tmp_path]).found, SETTINGS, 2):
        results.append(one)
        if len(results) in (1, 3):
            workers = [
                p for p in psutil.Process().children() if "spawn_main" in " ".join(p.cmdline())
            ]
            os.kill(workers[0].pid, signal.SIGKILL)
    assert Counter(one.student for one in results) == Counter(f"s{k}" for k in range(8))
    assert all(one.points == sum(POINTS.values()) for one in results)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "rnnlab", "grade", *arguments]


@locked
def test_a_grader_that_is_killed_again_and_again(tmp_path: Path) -> None:
    for k in range(12):
        hand_in(
            tmp_path / "class",
            f"s{k:02}",
            submission(belt=STUBS["belt"] if k % 2 else SOLVED["belt"]),
        )
    line = command(
        str(tmp_path / "class"), "--out", str(tmp_path / "out"), "--sandbox", "--jobs", "2"
    )
    counts: list[int] = []
    users: set[int] = set()
    for _ in range(3):
        process = subprocess.Popen(line, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        users |= {sandbox.user(process.pid + k) for k in range(2)}
        assert process.stderr is not None
        for words in process.stderr:
            if b" of " in words:
                break
        time.sleep(0.05)
        process.kill()
        process.wait()
        process.stderr.close()
        base = sqlite3.connect(tmp_path / "out" / "grades.sqlite")
        counts.append(base.execute("SELECT count(*) FROM submission").fetchone()[0])
        base.close()
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert counts == sorted(counts) and counts[0] > 0
    assert f"{12 - counts[-1]} new, {counts[-1]} from before." in done.stdout
    with Record(tmp_path / "out" / "grades.sqlite") as record:
        run = record.of_class()
        earned = Counter(one.student for one in record.results(run))
        assert earned == Counter(f"s{k:02}" for k in range(12))
        assert {one.points for one in record.results(run)} == {8, 10}
    for _ in range(100):
        left = [
            process
            for process in psutil.process_iter(["uids", "status"])
            if process.info["uids"]
            and process.info["uids"].real in users
            and process.info["status"] != psutil.STATUS_ZOMBIE
        ]
        if not left:
            break
        time.sleep(0.1)
    assert not left


@locked
def test_a_cluster_gives_the_same_rows_though_a_worker_is_killed(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    for k in range(10):
        own = STUBS["belt"] if k % 2 else SOLVED["belt"]
        hand_in(tmp_path, f"s{k}", submission(SETUP + "import time; time.sleep(0.2)\n", belt=own))
    settings = Settings(memory=2**29, sandbox=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    dask = [
        sys.executable,
        "-m",
        "distributed.cli.dask_scheduler",
        "--host",
        address,
        "--no-dashboard",
    ]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1"]
    worker += ["--no-dashboard", "--no-nanny", "--local-directory", str(tmp_path / "dask")]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    processes = [subprocess.Popen(dask, **quiet)]
    try:
        processes += [subprocess.Popen(worker, **quiet) for _ in range(2)]
        with distributed.Client(address, timeout="60s", set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        found = find_all([tmp_path]).found
        results = []
        for one in batch.grade(found, settings, dask=address):
            results.append(one)
            if len(results) == 2:
                processes[1].kill()
        assert Counter(one.student for one in results) == Counter(f"s{k}" for k in range(10))
        assert same(results) == same(list(jobs.graded(found, SETTINGS, 2)))
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_no_scheduler_is_said(class_: Path) -> None:
    pytest.importorskip("distributed")
    found = find_all([class_]).found
    with pytest.raises(ValueError, match=r"a scheduler must listen at tcp://127\.0\.0\.1:1, but"):
        list(batch.grade(found, SETTINGS, dask="tcp://127.0.0.1:1"))


def test_students_of_one_name_are_told_apart() -> None:
    handed = [
        result("ada", account="1"), result("ada", account="2"), result("ada"),
        result("ada (1)", account="9"), result("ben", account="3"),
    ]  # fmt: skip
    grades = gathered(handed)
    assert [(one.student, one.account) for one in grades.results] == [
        ("ada", ""), ("ada (1) (1)", "1"), ("ada (1) (9)", "9"), ("ada (2)", "2"), ("ben", "3"),
    ]  # fmt: skip
    assert all(row.student == one.student for one in grades.results for row in one.rows)
    assert len(grades.counting()) == 5
    assert not any("more than once" in note for note in grades.notes)


def test_who_comes_later_leaves_those_of_the_same_name_alone(
    tmp_path: Path, record: Record
) -> None:
    for account, content in (("1", submission()), ("2", submission(**STUBS))):
        hand_in(tmp_path / "moodle", f"Ada Byron_{account}_assignsubmission_file_", content)
        plan = batch.plan([tmp_path / "moodle"], SETTINGS, record)
        assert [one.account for one in plan.waiting] == [account]
        list(batch.grade(plan.waiting, SETTINGS, record))
    points = {one.student: one.points for one in gathered(record.results(SETTINGS.run)).results}
    assert points == {"Ada Byron (1)": 10, "Ada Byron (2)": 0}


def test_one_name_with_another_account_in_each_notebook_is_one_student() -> None:
    other = replace(result(account="7"), notebook="06_cell_update")
    grades = gathered([result(account="1"), other, result("ben", account="2")])
    assert sorted(grades.counting()) == [
        ("ada", "04_forget_gate"), ("ada", "06_cell_update"), ("ben", "04_forget_gate"),
    ]  # fmt: skip
    assert "1 with another id in each notebook are taken for one each" in grades.notes[0]
    assert "ada (1, 7)." in grades.notes[0]


def test_of_two_at_the_same_time_the_better_counts() -> None:
    both = [replace(result(points=points), file=f"{points}.ipynb") for points in (3, 0)]
    for results in (both, both[::-1]):
        assert Grades(tuple(results)).counting()["ada", "04_forget_gate"].points == 3


def test_who_goes_back_to_an_earlier_version_gets_its_grade(tmp_path: Path) -> None:
    out, versions = tmp_path / "out", (submission(), submission(**STUBS), submission())
    for day, content in enumerate(versions):
        path = hand_in(tmp_path / f"day{day}", "ada", content)
        os.utime(path, (1e9 + day, 1e9 + day))
        assert cli.main(["grade", str(tmp_path / f"day{day}"), "--out", str(out)]) == 0
    with Record(out / "grades.sqlite") as record:
        grades = gathered(record.results(record.of_class()))
    handed_in = {(one.points, one.modified) for one in grades.results}
    assert handed_in == {(0, 1e9 + 1), (10, 1e9 + 2)}
    [counts] = grades.counting().values()
    assert counts.points == 10


def test_a_narrowed_run_with_other_options_leaves_the_class_alone(
    class_: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    grade_class = ["grade", str(class_), "--out", str(out)]
    assert cli.main(grade_class) == 0
    told = capsys.readouterr()
    assert "Not locked in: each notebook runs as you" in told.err
    pages = {path: path.read_bytes() for path in out.rglob("*.html")}
    table = (out / "grades.csv").read_bytes()
    for narrowed in (["--question", "04.belt"], ["--student", "ada", "--seed", "5"]):
        assert cli.main(grade_class + narrowed) == 0
        told = capsys.readouterr()
        assert "ada  04_forget_gate" in told.out and "stays as it was" in told.out
        assert {path: path.read_bytes() for path in out.rglob("*.html")} == pages
        assert (out / "grades.csv").read_bytes() == table
        assert cli.main(["grades", str(out)]) == 0
        assert "ben  04_forget_gate  0 of 10 points" in capsys.readouterr().out
    assert cli.main([*grade_class, "--student", "ada"]) == 0  # the class's own options: part of it
    assert "0 new, 1 from before." in capsys.readouterr().out
    assert (out / "grades.csv").read_bytes() == table
    assert cli.main([*grade_class, "--seed", "5"]) == 0
    assert "Other options than last time" in capsys.readouterr().out


def test_what_could_be_graded_counts_before_what_could_not() -> None:
    good = replace(result(), modified=1.0)
    late = replace(result(points=0), modified=2.0, file="late.ipynb", problem="it is in Julia")
    for results in ((good, late), (late, good)):
        assert Grades(results).counting() == {("ada", "04_forget_gate"): good}
    assert Grades((late,)).counting() == {("ada", "04_forget_gate"): late}
    assert report.summary(Grades((good, late)), 2, 0).endswith("1, 3.0 of 5 points on average")
    assert report.summary(Grades((late,)), 1, 0).endswith("\nnot graded: ada: it is in Julia")


# the command


def test_a_name_that_the_terminal_cannot_show_stops_nothing(tmp_path: Path) -> None:
    hand_in(tmp_path / "class", "Zoë", submission())
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    line = command(str(tmp_path / "class"))
    done = subprocess.run(line, env=ascii_only, capture_output=True, text=True, check=True)
    assert "Zo\\xeb  04_forget_gate  10 of 10 points" in done.stdout


def test_a_dry_run_grades_nothing(
    class_: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (class_ / "ada" / "notes.pdf").write_bytes(b"%PDF")
    assert cli.main(["grade", str(class_), "--dry-run", "--out", str(tmp_path / "out")]) == 0
    told = capsys.readouterr()
    assert "would grade ada: ada/work.ipynb" in told.out
    assert "5 to grade, 0 graded before." in told.out
    assert "not a submission: " in told.err and "notes.pdf" in told.err


def test_out_holds_all_and_grades_shows_it(
    class_: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert cli.main(["grade", str(class_), "--out", str(out), "--jobs", "2"]) == 0
    told = capsys.readouterr().out
    assert "5 new, 0 from before." in told and "not graded: eve: n.ipynb is damaged" in told
    assert "04_forget_gate: 4, 6.2 of 10 points on average" in told
    assert sorted(path.name for path in out.iterdir() if path.suffix != ".sqlite-wal") == [
        "class.html", "feedback", "grades.csv", "grades.sqlite",
    ]  # fmt: skip
    assert len(list((out / "feedback").iterdir())) == 5
    before = (out / "grades.csv").read_bytes()
    assert cli.main(["grade", str(class_), "--out", str(out)]) == 0
    assert "0 new, 5 from before." in capsys.readouterr().out
    assert (out / "grades.csv").read_bytes() == before
    assert cli.main(["grades", str(out), "--pages", str(out), "--student", "[a-d]*"]) == 0
    told = capsys.readouterr().out
    assert "left from before, not of these grades: 1 in feedback: eve.html" in told
    again = tmp_path / "again.csv"
    assert cli.main(["grades", str(out), "--csv", str(again), "--student", "c*"]) == 0
    told = capsys.readouterr().out
    assert "cleo  04_forget_gate  7 of 10 points" in told and "ada" not in told
    assert again.read_text().count("\ncleo,") == 4
    assert cli.main(["grades", str(tmp_path)]) == 1
    assert "DIR must be a folder that" in capsys.readouterr().err


def test_the_command_stops_when_told_to_and_keeps_what_it_has(class_: Path, tmp_path: Path) -> None:
    for k in range(20):
        hand_in(class_, f"slow{k:02}", submission(SETUP + "import time; time.sleep(0.5)\n"))
    line = command(str(class_), "--out", str(tmp_path / "out"))
    process = subprocess.Popen(line, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stderr is not None
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in told
    assert "stopped; what was graded is kept" in told
