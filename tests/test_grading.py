"""The grader: honest work gets its points, and hostile work costs nobody but itself."""

from __future__ import annotations

import csv
import io
import json
import linecache
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from grading_notebooks import (
    POINTS,
    SETUP,
    SOLVED,
    STUBS,
    code,
    content,
    hand_in,
    locked_check,
    solution,
    submission,
)

from rnnlab import calls
from rnnlab.calls import Known, Other, Outcome, plain
from rnnlab.check import judge
from rnnlab.grading import protocol, report
from rnnlab.grading.grader import Settings, _outcome, grade
from rnnlab.grading.protocol import GarbledError
from rnnlab.grading.results import Grades, Result, Row
from rnnlab.grading.separate import Separate
from rnnlab.grading.student import LostError, StartError
from rnnlab.params import GRUParams, LSTMParams
from rnnlab.questions import all_questions

MEMORY = 2**29
QUESTIONS = [q for q in all_questions() if q.notebook == "04"]
posix = pytest.mark.skipif(os.name != "posix", reason="needs fork and signals")


def grade_here(*paths: Path, time_limit: float = 60.0, memory: int = MEMORY) -> Grades:
    return grade(paths, Settings(time_limit=time_limit, memory=memory))


def points(grades: Grades, student: str) -> dict[str, int]:
    return {
        row.question.removeprefix("04."): row.points
        for row in grades.rows
        if row.student == student
    }


def words(grades: Grades, student: str, name: str) -> str:
    [row] = [r for r in grades.rows if r.student == student and r.question == f"04.{name}"]
    return f"{row.difference} {row.hint}"


# honest work


def test_solved_untouched_and_a_classic_mistake(tmp_path: Path) -> None:
    mirrored = SOLVED["forget_gate"].replace("np.exp(-(", "np.exp((")
    hand_in(tmp_path, "ada", submission())
    hand_in(tmp_path, "ben", submission(**STUBS))
    hand_in(tmp_path, "cleo", submission(forget_gate=mirrored))
    grades = grade_here(tmp_path)
    assert points(grades, "ada") == POINTS
    assert points(grades, "ben") == dict.fromkeys(POINTS, 0)
    assert "`belt` is still the empty stub. Take one unit" in words(grades, "ben", "belt")
    assert points(grades, "cleo") == {**POINTS, "forget_gate": 0}
    assert "mirror image" in words(grades, "cleo", "forget_gate")
    assert [row.student for row in grades.rows] == ["ada"] * 4 + ["ben"] * 4 + ["cleo"] * 4
    assert {row.notebook for row in grades.rows} == {"04_forget_gate"}
    assert grades.notes == ()


def test_a_notebook_runs_as_in_jupyter(tmp_path: Path) -> None:
    setup = (
        "%matplotlib inline\nimport asyncio\nawait asyncio.sleep(0)\nimport numpy as np\n"
        "from IPython.display import display\ndisplay(3)\nget_ipython().run_line_magic('pwd', '')"
    )
    timed = "%%time\n" + SOLVED["belt"]
    typed = "from __future__ import annotations\n" + SOLVED["half_life"] + "half_life(0.5)"
    handed = submission(setup, belt=timed, half_life=typed)
    handed["cells"].insert(1, code("import rnnlab.params, rnnlab.tasks\nexit"))
    hand_in(tmp_path, "ada", handed)
    assert points(grade_here(tmp_path), "ada") == POINTS


def test_a_cell_that_raises_does_not_stop_the_next_and_is_named(tmp_path: Path) -> None:
    hand_in(tmp_path, "ada", submission(belt="def belt(f, C_0:\n  pass", half_life="1 / 0"))
    cells = [code("import numpy as np"), code(SOLVED["belt"]), solution("belt", SOLVED["belt"])]
    hand_in(tmp_path, "ben", content(cells))
    grades = grade_here(tmp_path)
    assert points(grades, "ada") == {**POINTS, "belt": 0, "half_life": 0}
    assert "Its cell (code cell 4) raised SyntaxError" not in words(grades, "ada", "belt")
    assert "Its cell (code cell 6) raised" in words(grades, "ada", "belt")
    assert "SyntaxError" in words(grades, "ada", "belt")
    assert "raised ZeroDivisionError: division by zero" in words(grades, "ada", "half_life")
    assert points(grades, "ben") == {**dict.fromkeys(POINTS, 0), "belt": 2}
    assert "has no cell marked half_life" in words(grades, "ben", "half_life")


def test_the_same_seed_gives_the_same_file(tmp_path: Path) -> None:
    hand_in(tmp_path / "class", "ada", submission(belt=STUBS["belt"]))
    hand_in(tmp_path / "class", "ben", submission(half_life="def half_life(f):\n    return f"))
    files = []
    for name in ("a.csv", "b.csv"):
        report.write_csv(grade_here(tmp_path / "class"), tmp_path / name)
        files.append((tmp_path / name).read_bytes())
    assert files[0] == files[1]


# the secret stays with the judge


def test_answers_are_not_there(tmp_path: Path) -> None:
    probe = """
seen = {}
import sys, importlib
for name in ("cells", "layers", "interop", "twins", "questions", "grading", "cli", "notebook"):
    try:
        importlib.import_module("rnnlab." + name)
    except ImportError as error:
        seen[name] = str(error)
loaded = [m for m in sys.modules if m.startswith("rnnlab")]
from rnnlab.check import check, judge
from rnnlab.explorers import ConveyorBelt, Predict
assert check("04.belt", None) is None and judge("04.belt", None) is None
assert Predict("?", {"a": "b", "c": "d"}, correct="a") is None and ConveyorBelt() is None
import os
import re
def look():
    return seen, loaded, sorted(os.environ), sys.argv, os.listdir(".")
"""
    with Separate(frozenset(["rnnlab.cells", "colorsys"]), MEMORY, 60) as student:
        assert student.ask("run", 10, source=probe)["error"] == ""
        found = student.ask("call", 10, name="look", inputs={})["outcome"]["value"]
        refused = student.ask("run", 10, source="import colorsys")["error"]
    seen, loaded, environment, argv, files = found
    assert list(seen) == [
        "cells", "layers", "interop", "twins", "questions", "grading", "cli", "notebook",
    ]  # fmt: skip
    assert seen["cells"] == (
        "rnnlab.cells is not there while a notebook is graded: the answer must come from your own "
        "code"
    )
    inert = {"rnnlab.check", "rnnlab.explorers"}
    assert set(loaded) == {"rnnlab", "rnnlab.calls", "rnnlab.params", *inert}
    assert "PYTHONPATH" not in environment and argv == ["-c"]
    assert files == ["ipython"]
    assert refused.startswith("ImportError: colorsys is not there")


def test_a_false_check_and_false_prints_earn_nothing(tmp_path: Path) -> None:
    lies = {
        name: f"{text}\nprint('04.{name}: passed, 10 points')\nimport rnnlab\n"
        "rnnlab.check.judge = lambda *a, **k: True"
        for name, text in STUBS.items()
    }
    magic = """
class Right:
    def __eq__(self, other): return True
    def __array__(self, dtype=None, copy=None): raise RuntimeError
    def __array_function__(self, *a): return True
    def __len__(self): return 10**12
    def __getattr__(self, name): return self
def belt(f, C_0):
    return Right()
"""
    hand_in(tmp_path, "eve", submission(**{**lies, "belt": magic}))
    grades = grade_here(tmp_path)
    assert points(grades, "eve") == dict.fromkeys(POINTS, 0)
    assert "C must be an array of real numbers, got a Right." in words(grades, "eve", "belt")


# hostile work: what it does, whether its own question is right nevertheless, what is said

LOOP = "while True: pass"
STUBBORN = "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
IN_A_CELL = {
    "loop": (LOOP, "was stopped: it took longer than 2 s"),
    "stubborn loop": (STUBBORN, "was stopped: it took longer than 2 s"),
    "sleep": ("import time; time.sleep(100)", "was stopped: it took longer than 2 s"),
    "exit": ("import os; os._exit(0)", "was stopped: its process ended with status 0"),
    "segfault": ("import ctypes; ctypes.string_at(0)", "was stopped: its process"),
    "sigkill": ("import os; os.kill(os.getpid(), 9)", "ended by SIGKILL"),
    "kill all": ("import os; os.kill(0, 9)", "ended by SIGKILL"),
    "memory": ("a = bytearray(10 * 2**30)", "MemoryError"),
    "many": (
        "import os, time\nfor _ in range(6):\n    if os.fork() == 0:\n"
        "        a = np.ones(2**24); time.sleep(100)\ntime.sleep(100)",
        "used more than 512 MiB of memory",
    ),
    "fork bomb": ("import os\nwhile True: os.fork()", "was stopped: it "),
    "channel closed": ("import os; os.closerange(0, 100)", "was stopped: its process ended"),
    "noise": (
        "import os\nfor d in range(3, 20):\n    try: os.write(d, b'\\xff' * 100)\n"
        "    except OSError: pass",
        "was stopped: what came back was garbled (a header of 4294967295 bytes)",
    ),
    "sys.exit": ("import sys; sys.exit()", "raised SystemExit"),
    "input": ("name = input('your name?')", "nobody is there to type"),
    "recursion": ("def r(): return r()\nr()", "raised RecursionError"),
}


@posix
@pytest.mark.parametrize("case", IN_A_CELL)
def test_a_hostile_cell_costs_its_own_question(tmp_path: Path, case: str) -> None:
    source, said = IN_A_CELL[case]
    hand_in(tmp_path, "eve", submission(half_life=source))
    grades = grade_here(tmp_path, time_limit=2.0 if "longer than 2 s" in said else 60.0)
    assert points(grades, "eve") == {**POINTS, "half_life": 0}
    assert "Its cell (code cell 4) " in words(grades, "eve", "half_life")
    assert said in words(grades, "eve", "half_life")
    assert processes() == []


IN_AN_ANSWER = {
    "loop": (LOOP, "gave no answer: it took longer than"),
    "exit": ("import os; os._exit(0)", "gave no answer: its process ended with status 0"),
    "sigkill": ("import os; os.kill(os.getpid(), 9)", "gave no answer: its process was ended by"),
    "many forks": ("import os\nwhile True: os.fork()", "gave no answer: it "),
    "huge array": ("return np.zeros(2**28, np.int8)", "a ndarray too large or too deep"),
    "a wide view": ("return np.broadcast_to(f, (2**40, len(f)))", "too large or too deep"),
    "itself": ("a = []; a.append(a); return a", "a list too large or too deep"),
    "huge int": ("return 10 ** 10**6", "got an int"),
    "recursion": ("return half_life(f)", "raised RecursionError"),
    "sys.exit": ("import sys; sys.exit(0)", "raised SystemExit: 0"),
    "interrupt": ("raise KeyboardInterrupt", "raised KeyboardInterrupt"),
    "long words": ("raise ValueError('x' * 10**7)", "raised ValueError: xxx"),
    "memory": ("return np.ones(2**34)", "MemoryError"),
    "frames": (
        "import os, json\nh = json.dumps({'message': {'dict': [['number', 99]]}, 'arrays': []})\n"
        "for d in range(3, 20):\n    try: os.write(d, len(h).to_bytes(4, 'big') + h.encode())\n"
        "    except OSError: pass",
        "garbled (it answers another question)",
    ),
}


@posix
@pytest.mark.parametrize("case", IN_AN_ANSWER)
def test_a_hostile_answer_costs_its_own_question(tmp_path: Path, case: str) -> None:
    body, said = IN_AN_ANSWER[case]
    indented = "\n".join(f"    {line}" for line in body.split("\n"))
    hand_in(tmp_path, "eve", submission(half_life=f"def half_life(f):\n{indented}"))
    grades = grade_here(tmp_path, time_limit=2.0 if "longer than" in said else 60.0)
    assert points(grades, "eve") == {**POINTS, "half_life": 0}
    assert said in words(grades, "eve", "half_life")
    assert len(words(grades, "eve", "half_life")) < 2000
    assert processes() == []


HARMLESS = {
    "prints": "for _ in range(200): print('x' * 2**20)",
    "fork that comes back": "import os; os.fork()",
    "threads": "import threading, time\nfor _ in range(20):\n"
    "    threading.Thread(target=time.sleep, args=(100,)).start()",
    "atexit": "import atexit, time; atexit.register(time.sleep, 100)",
    "signals ignored": "import signal\nfor s in (1, 2, 13, 15): signal.signal(s, signal.SIG_IGN)",
    "prints shown": "import sys; sys.__stdout__.write('PASSED' * 10000); sys.stderr.flush()",
    "stdin": "import sys; assert sys.stdin.read() == ''",
}


@posix
def test_what_is_odd_but_harmless_costs_nothing(tmp_path: Path) -> None:
    handed = submission(half_life=SOLVED["half_life"] + "    \nprint('x' * 2**24)")
    for source in HARMLESS.values():
        handed["cells"].insert(1, code(source))
    hand_in(tmp_path, "ada", handed)
    assert points(grade_here(tmp_path), "ada") == POINTS
    assert processes() == []


@posix
def test_hostile_work_does_not_touch_its_neighbours(tmp_path: Path) -> None:
    honest = {"ada": submission(), "zoe": submission(belt=STUBS["belt"])}
    for student, handed in honest.items():
        hand_in(tmp_path / "alone", student, handed)
        hand_in(tmp_path / "class", student, handed)
    alone = grade_here(tmp_path / "alone").rows
    for k, case in enumerate(("kill all", "noise", "many", "loop")):
        hand_in(tmp_path / "class", f"eve{k}", submission(half_life=IN_A_CELL[case][0]))
    (tmp_path / "class" / "mallory").mkdir()
    (tmp_path / "class" / "mallory" / "work.ipynb").write_bytes(b"\x00\xff" * 100)
    together = grade_here(tmp_path / "class", time_limit=4.0).rows
    assert [row for row in together if row.student in honest] == list(alone)
    assert len(together) == 6 * 4 + 1


@posix
def test_a_notebook_that_takes_long_loses_no_answer_that_it_had(tmp_path: Path) -> None:
    slow = [code("import time; time.sleep(0.9)")] * 8
    late, early = submission(), submission(half_life="def half_life(f):\n    while True: pass\n")
    late["cells"] += slow  # its time is up in the middle of one of them
    early["cells"][1:1] = slow[:4]  # there would be no time to run them again
    hand_in(tmp_path, "ada", late)
    hand_in(tmp_path, "ben", early)
    grades = grade_here(tmp_path, time_limit=1.2)
    assert points(grades, "ada") == POINTS
    assert points(grades, "ben") == {**POINTS, "half_life": 0}


@posix
def test_many_lost_cells_and_all_answers_lost(tmp_path: Path) -> None:
    loops = submission()
    loops["cells"][1:1] = [code(f"import os; os._exit({k})") for k in range(6)]
    hand_in(tmp_path, "eve", loops)
    dies = {
        name: f"{text.splitlines()[0]}\n    import os; os._exit(1)" for name, text in SOLVED.items()
    }
    hand_in(tmp_path, "mallory", submission(**dies))
    grades = grade_here(tmp_path)
    assert points(grades, "eve") == dict.fromkeys(POINTS, 0)
    assert "too many before it had to be stopped" in words(grades, "eve", "belt")
    assert points(grades, "mallory") == dict.fromkeys(POINTS, 0)


@posix
def test_an_orphan_does_not_outlive_its_notebook(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    orphan = f"""
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open({str(note)!r}, "w").write(str(os.getpid()))
        time.sleep(100)
    os._exit(0)
while not os.path.exists({str(note)!r}): time.sleep(0.01)
"""
    hand_in(tmp_path / "class", "eve", submission(orphan + SETUP))
    assert points(grade_here(tmp_path / "class"), "eve") == POINTS
    pid = int(note.read_text())
    for _ in range(100):  # it was killed; the system may take a moment to bury it
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.1)
    raise AssertionError("the orphan lives on")


def processes() -> list[psutil.Process]:
    """What is left of students' processes that this one started."""
    return [
        p for p in psutil.Process().children(recursive=True) if "worker" in " ".join(p.cmdline())
    ]


# files that are no notebooks, and notebooks that are no exercises


def test_every_file_gets_a_row_or_a_note(tmp_path: Path) -> None:
    root = tmp_path / "class"
    for student in "abcdefgh":
        (root / student).mkdir(parents=True)
    (root / "a" / "n.ipynb").write_text("{")
    (root / "b" / "n.ipynb").write_text("")
    (root / "c" / "n.ipynb").write_text(json.dumps({"nbformat": 3, "worksheets": []}))
    with (root / "d" / "n.ipynb").open("wb") as file:
        file.truncate(40 * 2**20)
    (root / "e" / "n.ipynb").mkdir()
    (root / "f" / "n.ipynb").write_text("[" * 10**6)
    hand_in(root, "g", {**submission(), "metadata": {"kernelspec": {"language": "R"}}})
    hand_in(root, "h", content([code("1 + 1")]), "lecture.ipynb")
    hand_in(root, "i", submission(), ".ipynb_checkpoints/work.ipynb")
    hand_in(root, "j", content([{**solution("belt", ""), "source": 3}]))
    grades = grade_here(root)
    said = {row.student: row.difference for row in grades.rows}
    assert list(said) == list("abcdefghj")
    assert "damaged or not a notebook of format 4" in said["a"]
    assert said["b"] == "n.ipynb is empty."
    assert said["c"] == said["a"] == said["f"] == said["j"].replace("work", "n")
    assert "40 MiB, at most 16" in said["d"]
    assert "is a folder" in said["e"]
    assert said["g"] == "work.ipynb is a notebook in r; it must be in Python."
    assert [r.question for r in grades.rows if r.student == "g"] == [q.id for q in QUESTIONS]
    assert all(not r.question and not r.max_points for r in grades.rows if r.student in "abcdef")
    assert said["h"].startswith("lecture.ipynb matched no exercise")


def test_a_notebook_that_lost_its_metadata_is_known_by_its_checks(tmp_path: Path) -> None:
    bare = submission()
    for cell in bare["cells"]:
        cell["metadata"] = {}
    hand_in(tmp_path, "ada", bare)
    assert points(grade_here(tmp_path), "ada") == POINTS


@posix
def test_links_are_not_followed_and_pipes_not_read(tmp_path: Path) -> None:
    target = hand_in(tmp_path / "elsewhere", "ada", submission())
    (tmp_path / "class" / "eve").mkdir(parents=True)
    (tmp_path / "class" / "eve" / "n.ipynb").symlink_to(target)
    (tmp_path / "class" / "mallory").symlink_to(target.parent)
    (tmp_path / "class" / "zoe").mkdir()
    os.mkfifo(tmp_path / "class" / "zoe" / "n.ipynb")
    grades = grade_here(tmp_path / "class")
    assert [(r.student, r.question) for r in grades.rows] == [("eve", ""), ("zoe", "")]
    assert "is a link: hand in the file itself" in grades.rows[0].difference


def test_a_notebook_is_known_by_its_cells_and_a_student_by_the_folder(tmp_path: Path) -> None:
    empty = content([solution("belt", ""), locked_check("belt")])
    alone = hand_in(tmp_path, "sub", empty, "09_lovelace.ipynb")
    hand_in(tmp_path / "class", "submitted", empty, "ada/04/anything.ipynb")
    hand_in(tmp_path / "class", "submitted", empty, "ben.ipynb")
    for paths, students in {
        (alone,): ["09_lovelace"],
        (tmp_path / "class",): ["ada", "ben"],
        (tmp_path / "class" / "submitted",): ["ada", "ben"],
        (tmp_path / "class" / "submitted" / "ada",): ["ada"],
        (tmp_path / "class" / "submitted" / "ada" / "04" / "anything.ipynb",): ["ada"],
    }.items():
        rows = grade_here(*paths).rows
        assert list(dict.fromkeys(row.student for row in rows)) == students
        assert {row.notebook for row in rows} == {"04_forget_gate"}


def test_a_notebook_handed_in_twice_is_graded_twice_and_said(tmp_path: Path) -> None:
    hand_in(tmp_path, "ada", submission(), "a.ipynb")
    hand_in(tmp_path, "ada", submission(**STUBS), "b.ipynb")
    grades = grade_here(tmp_path, tmp_path)
    assert [row.points for row in grades.rows] == [*POINTS.values(), 0, 0, 0, 0]
    [note] = grades.notes
    assert "ada handed in 04_forget_gate more than once" in note
    assert report.table(grades).count("of 10 points") == 2 + 2  # the blocks, then a line each


def test_paths_that_overlap_count_once(tmp_path: Path) -> None:
    path = hand_in(tmp_path, "ada", submission())
    assert len(grade_here(tmp_path, path, tmp_path / "ada").rows) == 4


def test_locked_checks_are_not_run_whatever_they_hold(tmp_path: Path) -> None:
    handed = submission()
    for cell in handed["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("locked"):
            cell["source"] = STUBS["belt"]
    hand_in(tmp_path, "ada", handed)
    assert points(grade_here(tmp_path), "ada") == POINTS


def test_no_process_at_all_is_no_students_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in(tmp_path, "ada", submission())
    monkeypatch.setattr("rnnlab.grading.separate._BOOT", "raise SystemExit(3)")
    with pytest.raises(StartError, match="must start for each notebook, but its process ended wi"):
        grade_here(tmp_path)


def test_a_copied_cell_counts_the_last_time(tmp_path: Path) -> None:
    handed = submission(belt=STUBS["belt"])
    handed["cells"].append(solution("belt", SOLVED["belt"]))
    hand_in(tmp_path, "ada", handed)
    assert points(grade_here(tmp_path), "ada") == POINTS


def test_wrong_use_raises_value_error(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"PATH must be a notebook \(.ipynb\) or a folder.*not there"
    ):
        grade([tmp_path / "missing"])
    (tmp_path / "a.txt").touch()
    with pytest.raises(ValueError, match=r"a.txt, which is neither"):
        grade([tmp_path / "a.txt"])
    with pytest.raises(ValueError, match="grade: limits must be positive, got 0 s"):
        grade([tmp_path], Settings(time_limit=0))
    assert grade([tmp_path]) == Grades(())


# the report


def test_the_csv_cannot_act_and_the_screen_stays_whole(tmp_path: Path) -> None:
    rows = (
        Row("=cmd|' /C calc'!A0", "04", "04.belt", 0, 2, False, "a\r\n=1+1,\x1b[31m \ud800", "-1"),
        Row("@sum", "04", "04.belt", 2, 2, True),
    )
    results = tuple(Result(row.student, "04", "f", "", 0.0, (row,)) for row in rows)
    report.write_csv(Grades(results), tmp_path / "g.csv")
    text = (tmp_path / "g.csv").read_text(encoding="utf-8")
    assert list(csv.reader(io.StringIO(text))) == [
        ["student", "notebook", "question", "points", "max_points", "passed", "difference", "hint",
         "counts", "account", "file"],
        ["'=cmd|' /C calc'!A0", "04", "04.belt", "0", "2", "false", "a =1+1,?[31m ?", "'-1",
         "true", "", "f"],
        ["'@sum", "04", "04.belt", "2", "2", "true", "", "", "true", "", "f"],
    ]  # fmt: skip
    late = replace(results[1], modified=9.0, file="=g")
    report.write_csv(Grades((results[1], late)), tmp_path / "g.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "g.csv").read_text(encoding="utf-8"))))
    assert [(row["counts"], row["file"]) for row in rows] == [("false", "f"), ("true", "'=g")]
    assert report.table(Grades((results[1], late))).count("does not count") == 2
    for separator in ",;|\t":
        words = f'x{separator}=1{separator} \uff0b2{separator}"@f", "{separator}-3'
        rows = (Row("ada", "04", "04.belt", 0, 2, False, words, words),)
        report.write_csv(Grades((replace(results[0], rows=rows),)), tmp_path / "s.csv")
        text = (tmp_path / "s.csv").read_text(encoding="utf-8")
        for line in csv.reader(io.StringIO(text), delimiter=separator):
            assert not any(re.match(r"""[\s"]*[=+\-@\uff0b]""", cell) for cell in line), line
    shown = report.table(Grades(results, ("a note\x07",)), width=60)
    assert "=cmd|' /C calc'!A0  04  0 of 2 points" in shown
    assert "a note?" in shown and "\x1b" not in shown
    assert report.table(Grades(())) == "There was nothing to grade."


# frames


def through(value: Any) -> Any:
    stream = io.BytesIO()
    protocol.write(stream, value)
    stream.seek(0)
    return protocol.read(stream)


def same(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    match a:
        case np.ndarray() | np.generic():
            return a.dtype == b.dtype and bool(np.array_equal(a, b, equal_nan=a.dtype.kind in "fc"))
        case list() | tuple():
            return len(a) == len(b) and all(map(same, a, b))
        case dict():
            return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
        case LSTMParams() | GRUParams():
            return same(dict(a.items()), dict(b.items()))
    return bool(a == b)


RNG = np.random.default_rng(5)


@pytest.mark.parametrize(
    "value",
    [
        None, True, 2**63, -(2**64), 0.1, float("inf"), 1 + 2j, "ü\ud800\n", (), [[]], {1: ("a",)},
        RNG.standard_normal((5, 2, 3)), np.float32(0.5), np.arange(4, dtype=">i2"),
        np.array([[1j]]), np.zeros((0, 4)), np.bool_(True), np.array(3, np.uint8),
        np.asfortranarray(RNG.standard_normal((3, 4))), np.float16(2), Other("a set", "builtins"),
        {"p": LSTMParams.init(3, 4, RNG), "q": [GRUParams.init(3, 4, RNG, reset="after")]},
        LSTMParams.init(3, 4, RNG, dtype=np.float32), Known("sum of sines"),
    ],
)  # fmt: skip
def test_plain_data_comes_through_whole(value: Any) -> None:
    assert same(through(value), value)


class Sub(np.ndarray):
    pass


@pytest.mark.parametrize(
    ("value", "reduced"),
    [
        (2**70000, 2**64),
        (np.ones(2, np.longdouble), np.ones(2)),
        (np.ones(3).view(Sub), np.ones(3)),
        (range(3), np.arange(3)),
        ({3, 4}, Other("a set", "builtins")),
        (np.array(["a"]), Other("an array of <U1")),
        ({(1,): 2}, {"<tuple>": 2}),
        (LSTMParams, Other("a type", "builtins")),
        (list(range(200_000)), Other("a list too large or too deep to compare")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_everything_else_is_reduced(value: Any, reduced: Any) -> None:
    assert same(plain(value), reduced)
    assert same(through(plain(value)), reduced)


def test_reduced_arrays_are_copies() -> None:
    array = np.ones(3)
    kept = plain(array)
    array[:] = 2
    assert kept.tolist() == [1, 1, 1]


def frame(header: Any, body: bytes = b"") -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(raw).to_bytes(4, "big") + raw + body


def nested(depth: int) -> Any:
    value: Any = None
    for _ in range(depth):
        value = {"list": [value]}
    return value


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff\xff\xff\xff",
        frame(b"\xff\xfe"),
        frame(b"[" * 10**6),
        frame(b'{"message": ' + b"9" * 10**5 + b', "arrays": []}'),
        frame([]),
        frame({"message": 1}),
        frame({"message": nested(30), "arrays": []}),
        frame({"message": [1], "arrays": []}),
        frame({"message": {"array": 0}, "arrays": []}),
        frame({"message": {"array": True}, "arrays": [["<f8", []]]}, b"\0" * 8),
        frame({"message": {"array": -1}, "arrays": [["<f8", []]]}, b"\0" * 8),
        frame({"message": {"scalar": 0}, "arrays": [["<f8", [1]]]}, b"\0" * 8),
        frame({"message": 1, "arrays": [["|O", [1]]]}, b"\0" * 8),
        frame({"message": 1, "arrays": [["<f8", [-1]]]}),
        frame({"message": 1, "arrays": [["<f8", [2**26, 2**26]]]}),
        frame({"message": 1, "arrays": [["<f8", [2**20]]] * 9}),
        frame({"message": 1, "arrays": [["<f8", [1] * 33]]}),
        frame({"message": 1, "arrays": [["<f8", [0, *[2**26] * 20]]]}),
        frame({"message": {"list": [{"array": 0}] * 2}, "arrays": [["<f8", []]]}, b"\0" * 8),
        frame({"message": {"LSTMParams": {"W_f": 0}}, "arrays": [["<f8", []]]}, b"\0" * 8),
        frame({"message": {"dict": [[1]]}, "arrays": []}),
        frame({"message": {"dict": [[[], 1]]}, "arrays": []}),
        frame({"message": {"complex": ["a", 1]}, "arrays": []}),
        frame({"message": {"pickle": "x"}, "arrays": []}),
    ],
)  # fmt: skip
def test_what_is_no_frame_is_garbled(raw: bytes) -> None:
    with pytest.raises(GarbledError):
        protocol.read(io.BytesIO(raw))


def test_a_frame_cut_short_is_the_end() -> None:
    stream = io.BytesIO()
    protocol.write(stream, {"a": np.ones(3)})
    for length in (0, 3, 10, len(stream.getvalue()) - 1):
        with pytest.raises(EOFError):
            protocol.read(io.BytesIO(stream.getvalue()[:length]))


@pytest.mark.parametrize(
    "told",
    [
        None,
        {},
        {"kind": "passed"},
        vars(Outcome("lost")),
        {**vars(Outcome("raised")), "line": 3},
    ],
)
def test_an_outcome_that_cannot_be_is_no_answer(told: Any) -> None:
    assert _outcome(told, {}) == Outcome("lost", error="what came back was no answer")


# one verdict, near and far


class Piped:
    """A Remote in this process, with both frames between."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def outcome(self, inputs: Mapping[str, Any]) -> Outcome:
        there = calls.call(self.function, through(dict(inputs)))
        return _outcome(through(vars(there)), inputs)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.name)
def test_reference_and_some_misconceptions_get_the_same_verdict_through_frames(
    question: Any,
) -> None:
    some = question.misconceptions[:: 1 + len(question.misconceptions) // 8]
    for function in (question.reference, *(m.wrong for m in some)):
        with np.errstate(all="ignore"):
            assert judge(question.id, Piped(function), 7) == judge(question.id, function, 7)


RIGHT = "1 / (1 + np.exp(-(x @ W.T + h @ V.T + b)))"
ODD = {
    "right": f"return {RIGHT}",
    "list": f"return ({RIGHT}).tolist()",
    "matrix": f"return np.asmatrix({RIGHT})",
    "masked": f"return np.ma.masked_array({RIGHT})",
    "float32": f"return ({RIGHT}).astype(np.float32)",
    "long": f"return ({RIGHT}).astype(np.longdouble)",
    "big endian": f"return ({RIGHT}).astype('>f8')",
    "object": f"return ({RIGHT}).astype(object)",
    "complex": f"return {RIGHT} + 0j",
    "int": f"return ({RIGHT}).astype(int)",
    "bool": f"return ({RIGHT}) > 0.5",
    "text": "return 'f_t'",
    "bytes": "return b'f_t'",
    "dates": "return np.datetime64('2020-01-01')",
    "none": "return",
    "prints": f"print({RIGHT})",
    "set": "return {1.0}",
    "dict": f"return dict(f_t=({RIGHT}))",
    "other dict": f"return dict(gate=({RIGHT}))",
    "number": "return 0.5",
    "numpy number": "return np.float64(0.5)",
    "huge number": "return 10**400",
    "generator": f"return (row for row in {RIGHT})",
    "transposed": f"return ({RIGHT}).T",
    "extra axis": f"return ({RIGHT})[None]",
    "tuple": f"return ({RIGHT}), 1",
    "ragged": "return [[1.0], [2.0, 3.0]]",
    "deep": "a = []; a.append(a); return a",
    "nan": f"return {RIGHT} * np.nan",
    "inf": f"return {RIGHT} + np.inf",
    "changed": f"y = {RIGHT}; h += 1; return y",
    "weights changed": f"y = {RIGHT}; W[:] = 0; return y",
    "returns h": "return h",
    "raises": "y = x @ W.T\n    return y @ h",
    "own error": "raise RuntimeError('no\\nidea')",
    "stub": "raise NotImplementedError('later')",
    "exit": "raise SystemExit(3)",
    "first row": f"y = {RIGHT}; y[1:] = 0.5; return y",
    "array-like": f"y = {RIGHT}\n    class A:\n        def __array__(self, dtype=None, copy=None):"
    " return y\n    return A()",
    "buffer reused": f"kept.append(1); y = KEPT[:len(x), :len(b)]; y[:] = {RIGHT}; return y",
    "torch": "import torch\n    return torch.ones(len(x), len(b))",
    "torch in a list": "import torch\n    return [torch.ones(len(b))] * len(x)",
    "params": "from rnnlab.params import RNNParams\n    return RNNParams(W, V, b)",
}


@pytest.fixture(scope="module")
def odd_source() -> str:
    lines = ["import numpy as np", "kept = []", "KEPT = np.zeros((9, 9))"]
    for k, body in enumerate(ODD.values()):
        lines += [f"def odd_{k}(x, h, W, V, b):", f"    {body}"]
    return "\n".join([*lines, "odd_few = lambda x, h: x", "odd_value = 3", ""])


@pytest.fixture(scope="module")
def there(odd_source: str) -> Iterator[Separate]:
    with Separate(frozenset(), 2**31, 60) as student:
        assert student.ask("run", 60, source=odd_source)["error"] == ""
        yield student


@pytest.fixture(scope="module")
def here(odd_source: str) -> dict[str, Any]:
    name = "<ipython-input-1-0123456789ab>"
    linecache.cache[name] = (len(odd_source), None, odd_source.splitlines(True), name)
    namespace: dict[str, Any] = {}
    exec(compile(odd_source, name, "exec"), namespace)
    return namespace


class There:
    def __init__(self, student: Separate, name: str) -> None:
        self.student, self.name = student, name

    def outcome(self, inputs: Mapping[str, Any]) -> Outcome:
        reply = self.student.ask("call", 60, name=self.name, inputs=dict(inputs))
        return _outcome(reply["outcome"], inputs)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(f"odd_{k}", id=case, marks=[pytest.mark.torch] if "torch" in case else [])
        for k, case in enumerate(ODD)
    ]
    + ["odd_few", "odd_value"],
)
@pytest.mark.filterwarnings("ignore")
def test_odd_answers_get_the_same_verdict_near_and_far(
    here: dict[str, Any], there: Separate, name: str
) -> None:
    with np.errstate(all="ignore"):
        near = judge("04.forget_gate", here[name], 7)
        far = judge("04.forget_gate", There(there, name), 7)
    assert far == near
    assert near.passed == (name in {f"odd_{list(ODD).index(case)}" for case in PASSES})


PASSES = (
    "right",
    "float32",
    "list",
    "dict",
    "matrix",
    "masked",
    "long",
    "big endian",
    "array-like",
    "buffer reused",
)


# the process itself


def test_lost_says_why_and_stays_lost() -> None:
    with Separate(frozenset(), MEMORY, 60) as student:
        with pytest.raises(LostError, match=r"^it took longer than 0.3 s$"):
            student.ask("run", 0.3, source=LOOP)
        with pytest.raises(LostError, match="had ended before"):
            student.ask("run", 5, source="1")


def test_the_drivers_environment_and_folder_are_not_the_students(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "abc")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "numpy.py").write_text("raise SystemExit")
    source = "import os, sys, numpy\ndef f(): return dict(os.environ), os.getcwd(), sys.path"
    with Separate(frozenset(), MEMORY, 60) as student:
        assert student.ask("run", 10, source=source)["error"] == ""
        environment, folder, path = student.ask("call", 9, name="f", inputs={})["outcome"]["value"]
        assert Path(folder).exists()
    assert "SECRET_TOKEN" not in environment and environment["MPLBACKEND"] == "agg"
    assert str(tmp_path) not in [folder, *path] and environment["HOME"] == folder
    assert not Path(folder).exists()
    assert sys.path != path or all(path)
