"""The sandbox: closed to every attack, alone and among the work of others."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from attacks import ATTACKS, Attack
from grading_notebooks import POINTS, SETUP, SOLVED, STUBS, code, hand_in, submission

from rnnlab.check import judge
from rnnlab.grading import cgroups, probe, sandbox
from rnnlab.grading.grader import Grader, Settings, grade
from rnnlab.grading.intake import Found, find_all
from rnnlab.grading.jobs import graded
from rnnlab.grading.results import Result
from rnnlab.grading.sandbox import Sandbox
from rnnlab.grading.student import LostError, StartError
from rnnlab.questions import ANSWERS, FRAMEWORKS

pytestmark = pytest.mark.skipif(bool(sandbox.missing()), reason=sandbox.missing() or "closed")

HIDDEN = frozenset([*ANSWERS, *FRAMEWORKS])
MEMORY = 2**29
LOCKED = os.getpid() + 101
GRADER = os.getpid() + 100  # other graders on this machine have other users
QUICK = Settings(sandbox=True, time_limit=2.0, memory=MEMORY)


@pytest.fixture(scope="module")
def locked() -> Iterator[Sandbox]:
    with Sandbox(LOCKED, MEMORY) as one:
        yield one


class Outside:
    """What lies outside the sandbox, and must be as it was."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        folder.chmod(0o777)
        self.canary = folder / "grades.sqlite"
        self.canary.write_text("CANARY")
        self.canary.chmod(0o666)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(0.0)
        self.processes = set(self.running())

    def running(self) -> Iterator[int]:
        users = {sandbox.user(k) for k in (GRADER, os.getpid(), os.getpid() + 1)}
        for process in psutil.process_iter(["uids", "status"]):
            uids = process.info["uids"]
            if uids and uids.real in users and process.info["status"] != psutil.STATUS_ZOMBIE:
                yield process.pid

    def unharmed(self) -> None:
        assert self.canary.read_text() == "CANARY"
        assert os.listdir(self.canary.parent) == [self.canary.name]
        with pytest.raises(BlockingIOError):
            self.listener.accept()
        for _ in range(100):  # what was killed may take a moment to be gone
            if set(self.running()) <= self.processes:
                break
            time.sleep(0.05)
        assert set(self.running()) <= self.processes

    def notebook(self, attack: Attack) -> dict[str, Any]:
        """An honest notebook but for the attack, with the names of what is outside filled in."""
        places = {
            "CANARY": repr(str(self.canary)),
            "PORT": str(self.listener.getsockname()[1]),
            "GRADER": str(os.getpid()),
        }
        cell, body = attack.cell, attack.answer
        for name, place in places.items():
            cell, body = cell.replace(name, place), body.replace(name, place)
        indented = "\n".join(f"    {line}" for line in body.split("\n"))
        handed = submission(half_life=f"def half_life(f):\n{indented}")
        handed["cells"].insert(1, code(cell))
        return handed


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Outside]:
    one = Outside(tmp_path / "outside")
    yield one
    one.listener.close()


def points(result: Result) -> dict[str, int]:
    return {row.question.removeprefix("04."): row.points for row in result.rows}


def check(result: Result, attack: Attack) -> None:
    """It earned what its honest answers earn, or less, and says nothing that it must not know."""
    earned, most = points(result), {**POINTS, "half_life": 0}
    assert earned == most or (attack.worse and all(earned[k] <= most[k] for k in most)), result
    [row] = [row for row in result.rows if row.question == "04.half_life"]
    assert attack.said in f"{row.difference} {row.hint}"
    told = "\n".join([*(ran.printed + ran.error for ran in result.cells), row.difference])
    assert "READ" not in told and "CANARY" not in told


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    with Grader(QUICK, GRADER) as one:
        yield one


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_alone(
    tmp_path: Path, grader: Grader, honest: Result, outside: Outside, name: str
) -> None:
    path = hand_in(tmp_path / "class", "eve", outside.notebook(ATTACKS[name]))
    check(grader.grade(found(path)), ATTACKS[name])
    outside.unharmed()
    # and whoever comes next
    assert grader.grade(found(hand_in(tmp_path / "next", "ada", submission()))).rows == honest.rows


@pytest.fixture(scope="module")
def honest(grader: Grader, tmp_path_factory: pytest.TempPathFactory) -> Result:
    for setup in (SETUP + "# matplotlib", SETUP):  # each has a warm process of its own
        handed = hand_in(tmp_path_factory.mktemp("honest"), "ada", submission(setup))
        result = grader.grade(found(handed))
        assert points(result) == POINTS
    return result


def found(path: Path) -> Found:
    [one] = find_all([path.parent.parent]).found
    return one


def test_all_attacks_in_one_batch_among_honest_work(tmp_path: Path, outside: Outside) -> None:
    honest = {"right": submission(), "wrong": submission(belt=STUBS["belt"])}
    for student, handed in honest.items():
        hand_in(tmp_path / "alone", student, handed)
    alone = {r.student: r.rows for r in grade([tmp_path / "alone"], QUICK).results}
    attacks = {f"{k:03}a": attack for k, attack in enumerate(ATTACKS.values()) if not attack.slow}
    for k, (name, attack) in enumerate(attacks.items()):
        hand_in(tmp_path / "class", name, outside.notebook(attack))
        student = ("right", "wrong")[k % 2]
        hand_in(tmp_path / "class", f"{name[:3]}b", honest[student])
    everything = find_all([tmp_path / "class"]).found
    results = {result.student: result for result in graded(everything, QUICK, 2)}
    assert len(results) == 2 * len(attacks)
    for k, (name, attack) in enumerate(attacks.items()):
        check(results[name], attack)
        expected = alone[("right", "wrong")[k % 2]]
        rows = results[f"{name[:3]}b"].rows
        assert [(r.question, r.points, r.difference) for r in rows] == [
            (r.question, r.points, r.difference) for r in expected
        ]
    outside.unharmed()


def test_the_same_rows_here_locked_in_and_with_two_jobs(tmp_path: Path) -> None:
    mirrored = SOLVED["forget_gate"].replace("np.exp(-(", "np.exp((")
    class_ = {
        "ada": submission(),
        "ben": submission(**STUBS),
        "cleo": submission(forget_gate=mirrored, belt="def belt(f, C_0):\n    return f * C_0"),
        "dan": submission(half_life="1 / 0", belt="def belt(f, C_0:"),
        "eli": submission(SETUP + "import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()\n"
                          "for step in range(3): print('loss', step)\nplt.gcf()"),
        "fay": submission(half_life="import torch\ndef half_life(f): return torch.log(f)"),
        "gus": submission(SETUP + "!pip install numpy\n%pip list\nset('abc')"),
    }  # fmt: skip
    for student, handed in class_.items():
        hand_in(tmp_path, student, handed)
    settings = Settings(memory=MEMORY)
    separate_rows = grade([tmp_path], settings).rows
    [told] = [r for r in separate_rows if (r.student, r.question) == ("cleo", "04.forget_gate")]
    here: dict[str, Any] = {}
    exec(SETUP + mirrored, here)
    check_says = judge("04.forget_gate", here["forget_gate"], settings.seed)
    assert (told.difference, told.hint) == (check_says.difference, check_says.hint)
    assert grade([tmp_path], Settings(memory=MEMORY, sandbox=True)).rows == separate_rows
    everything = find_all([tmp_path]).found
    for jobs in (2, 8):
        results = graded(everything, Settings(memory=MEMORY, sandbox=True), jobs)
        rows = {row for result in results for row in result.rows}
        assert rows == set(separate_rows) and len(rows) == 4 * len(class_)


def test_output_is_kept_and_bounded(tmp_path: Path) -> None:
    handed = submission(belt="print('x' * 10**6)\n" + SOLVED["belt"], half_life="print('a'); 1 / 0")
    handed["cells"] += [code("print('y' * 10**5)") for _ in range(20)]
    hand_in(tmp_path, "ada", handed)
    [result] = grade([tmp_path], QUICK).results
    told = {ran.grade_id: ran for ran in result.cells if ran.grade_id}
    assert told["half_life"].printed == "a\n" and "ZeroDivisionError" in told["half_life"].error
    assert sum(len(ran.printed) for ran in result.cells) == 100_000
    assert all(len(ran.printed) <= 10_000 for ran in result.cells)


# the walls


def test_the_sandbox_is_closed() -> None:
    assert probe.holes(LOCKED + 2) == []


@pytest.mark.parametrize("hole", ["fork", "socket", "memory", "mount"])
def test_a_wall_that_is_missing_is_found(hole: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = {
        "fork": ("syscalls._ITSELF", "fork vfork clone clone3 " + sandbox.syscalls._ITSELF),
        "socket": ("syscalls._PAIRS", "socket " + sandbox.syscalls._PAIRS),
    }
    if hole in opened:
        monkeypatch.setattr(f"rnnlab.grading.{opened[hole][0]}", opened[hole][1])
        said = {"fork": "start a process", "socket": "open a socket"}[hole]
    elif hole == "memory":
        monkeypatch.setattr(probe, "MEMORY", 2**33)
        monkeypatch.setitem(probe.ATTEMPTS, "use more memory", ("a = bytearray(2**20)", "Memory"))
        said = "use more memory: it could"
    else:
        shown = sandbox._shown()
        monkeypatch.setattr(sandbox, "_shown", lambda: {**shown, "/etc": "/etc"})
        said = "read /etc: it could"
    with pytest.raises(StartError, match=f"every limit must hold, but .*{said}"):
        probe.must_hold(LOCKED + 3)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda m: m.setattr("shutil.which", lambda name: None), "bubblewrap .* not installed"),
        (lambda m: m.setattr("platform.machine", lambda: "riscv64"), "this machine is a riscv64"),
        (lambda m: m.setattr("sys.platform", "darwin"), "this is .*apt install bubblewrap"),
    ],
)
def test_without_isolation_nothing_is_graded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: Any, said: str
) -> None:
    hand_in(tmp_path, "ada", submission())
    broken(monkeypatch)
    with pytest.raises(StartError, match=said):
        grade([tmp_path], QUICK)


def test_a_namespace_that_is_refused_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_BOOT", "raise SystemExit('no namespaces here')")
    said = r"but: no namespaces here\. The sandbox needs Linux"
    with Sandbox(LOCKED + 4) as one, pytest.raises(StartError, match=said):
        one.student(HIDDEN, MEMORY, 60)


def inside(box: Sandbox) -> list[psutil.Process]:
    """The warm processes of a sandbox, and all students in it."""
    warm = [psutil.Process(zygote._process.pid) for zygote in box._zygotes.values()]
    return [process for one in warm for process in [one, *one.children(recursive=True)]]


def test_a_zygote_that_was_killed_is_replaced(locked: Sandbox) -> None:
    with locked.student(HIDDEN, MEMORY, 60) as student:
        assert student.ask("run", 10, source="x = 1")["error"] == ""
        for process in inside(locked):
            process.kill()
        with pytest.raises(LostError):
            student.ask("run", 10, source="x = 1")
    with locked.student(HIDDEN, MEMORY, 60) as student:
        assert student.ask("run", 10, source="x = 1")["error"] == ""


def test_torch_is_there_only_where_it_is_allowed(locked: Sandbox) -> None:
    pytest.importorskip("torch")
    with locked.student(HIDDEN, MEMORY, 60) as student:
        error = student.ask("run", 10, source="import torch")["error"]
        assert "torch is not there while a notebook is graded" in error
        look = "import os, sys\nfor p in sys.path:\n    print(os.path.exists(p + '/torch/nn'))"
        assert "True" not in student.ask("run", 10, source=look)["printed"]
    with locked.student(frozenset(ANSWERS), MEMORY, 60) as student:
        told = student.ask("run", 60, source="import torch; print(torch.ones(3).sum().item())")
        assert told["error"] == "" and told["printed"] == "3.0\n"


def test_nothing_is_left_of_it(tmp_path: Path) -> None:
    with Sandbox(LOCKED + 1) as one, one.student(HIDDEN, MEMORY, 60) as student:
        assert student.ask("run", 10, source="x = 1")["error"] == ""
        groups = {group for zygote in one._zygotes.values() for group in zygote._groups}
        processes = inside(one)
        assert len(processes) > 2
        user = sandbox.user(LOCKED + 1) if os.geteuid() == 0 else os.geteuid()
        assert {process.uids().real for process in processes} == {user}
    assert not any(map(os.path.exists, groups))
    assert not any(map(sandbox._lives, processes))


def test_control_groups_bound_the_whole_where_there_are_any() -> None:
    made = cgroups.make(2**30, 50)
    if not made:
        pytest.skip("no control groups here")
    files = {file.name: file.read_text().strip() for group in made for file in Path(group).iterdir()
             if file.name in ("memory.max", "memory.limit_in_bytes", "pids.max")}  # fmt: skip
    cgroups.remove(made)
    assert sorted(files.values()) == ["1073741824", "50"]
    assert not any(map(os.path.exists, made))


def test_what_students_share_carries_nothing_on(locked: Sandbox) -> None:
    look = """
import fcntl, os
def state():
    told = [os.stat(f'/dev/{n}').st_mtime_ns for n in ('null', 'zero', 'random', 'urandom')]
    for d in (0, 1, 2):
        told.append(fcntl.fcntl(d, fcntl.F_GETFL))
        for of in (11, fcntl.F_GETOWN):  # 11: F_GETSIG
            try: told.append(fcntl.fcntl(d, of))
            except OSError: pass
        try: fcntl.flock(os.open('/dev/null', os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error: told.append(error.errno)
    return told
print(state())
"""
    leave = """
for d in (0, 1, 2):
    flags = os.O_RDWR | os.O_NONBLOCK | os.O_APPEND
    for command, value in ((fcntl.F_SETFL, flags), (8, 1), (10, 42)):  # F_SETOWN, F_SETSIG
        try: fcntl.fcntl(d, command, value)
        except OSError: pass
    try: fcntl.flock(d, fcntl.LOCK_EX)
    except OSError: pass
for n in ('null', 'zero', 'random', 'urandom'):
    try: os.utime(f'/dev/{n}')
    except OSError: pass
"""
    seen = []
    for _ in range(2):
        with locked.student(HIDDEN, MEMORY, 60) as student:
            seen.append(student.ask("run", 10, source=look))
            assert student.ask("run", 10, source=leave)["error"] == ""
    assert seen[0]["error"] == "" and seen[0] == seen[1]


@pytest.mark.parametrize(
    "asked",
    [
        "import socket; socket.socketpair()[0].setsockopt(1, 26, bytes(16))",  # SO_ATTACH_FILTER
        "import fcntl, os; fcntl.fcntl(os.open('/usr/lib', 0), fcntl.F_NOTIFY, 1)",
        "import fcntl, os; fcntl.fcntl(os.open('own', os.O_CREAT), fcntl.F_SETLEASE, 0)",
        "import fcntl; fcntl.flock(0, fcntl.LOCK_EX)",
        "import socket; socket.socketpair()[0].send(b'x', socket.MSG_OOB)",
        "import socket; socket.socketpair()[0].recv(1, socket.MSG_OOB)",
        "import socket; socket.socketpair()[0].getsockopt(1, 77)",  # SO_PEERPIDFD
        "import socket; socket.socketpair()[0].getsockopt(1, 17, 12)",  # SO_PEERCRED
    ],
)
def test_no_more_is_asked_of_the_kernel_than_is_needed(locked: Sandbox, asked: str) -> None:
    with locked.student(HIDDEN, MEMORY, 60) as student:
        assert "PermissionError" in student.ask("run", 10, source=asked)["error"]


def test_students_at_the_same_time_do_not_see_each_other(locked: Sandbox) -> None:
    with locked.student(HIDDEN, MEMORY, 60) as ada, locked.student(HIDDEN, MEMORY, 60) as eve:
        assert ada.ask("run", 10, source="open('work', 'w').write('mine'); x = 1")["error"] == ""
        told = eve.ask("run", 10, source="import os; print(os.listdir('.')); os.kill(-1, 0)")
        assert "ProcessLookupError" in told["error"] and "work" not in told["printed"]
        assert ada.ask("run", 10, source="assert open('work').read() == 'mine'")["error"] == ""


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one core only")
def test_workers_side_by_side_have_a_core_each() -> None:
    look = "import os, threading; print(*os.sched_getaffinity(0))"
    cores = []
    for worker in (LOCKED + 5, LOCKED + 6):
        with Sandbox(worker) as one, one.student(HIDDEN, MEMORY, 60) as student:
            cores.append(student.ask("run", 10, source=look)["printed"].split())
    assert len(cores[0]) == len(cores[1]) == 1 and cores[0] != cores[1]


def test_answers_among_packages_that_are_not_on_our_path_are_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = tmp_path / "python3" / "dist-packages"  # the system's, below a virtual environment
    for name in ("rnnlab", "torch", "numpy"):
        (below / name).mkdir(parents=True)
        (below / name / "cells.py").write_text("lstm_step = 1")
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    shown = sandbox._shown()
    monkeypatch.setattr(sandbox, "_shown", lambda: {**shown, str(tmp_path): str(tmp_path)})
    look = f"import os\nfor d, _, fs in os.walk({str(tmp_path)!r}):\n    print(d[-6:], *fs)"
    with Sandbox(LOCKED + 7) as one, one.student(HIDDEN, MEMORY, 60) as student:
        printed = student.ask("run", 10, source=look)["printed"].splitlines()
    assert sorted(line for line in printed if "cells.py" in line) == ["/numpy cells.py"]
