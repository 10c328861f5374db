"""The mixed reviews: references against cells and plain loops, planted mistakes, grading."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlab import cells, notebook
from rnnlab.check import judge
from rnnlab.grading import submissions
from rnnlab.grading.grader import grade
from rnnlab.params import LSTMParams
from rnnlab.questions import all_questions, question
from rnnlab.questions import qR1_review as r1

ROOT = Path(__file__).parent.parent
REVIEWS = sorted((ROOT / "solutions").glob("R?_review.ipynb"))


def reference(question_id: str) -> Any:
    return question(question_id).reference


def given_in(review: str, *cell_ids: str, **names: Any) -> dict[str, Any]:
    """What these cells of the published notebook define."""
    scope: dict[str, Any] = {"np": np, "sigmoid": cells.sigmoid, **names}
    for cell in notebook.read(ROOT / "solutions" / f"{review}_review.ipynb")["cells"]:
        if cell["id"] in cell_ids:
            exec(notebook.source(cell), scope)
    return scope


# they go where all exercises go


def test_reviews_come_after_the_numbers() -> None:
    order = list(dict.fromkeys(q.notebook for q in all_questions()))
    reviews = [name for name in order if name.startswith("R")]
    assert reviews == [path.name[:2] for path in REVIEWS]
    assert order == [*sorted(set(order) - set(reviews)), *reviews]


@pytest.mark.parametrize("path", REVIEWS, ids=lambda p: p.stem)
def test_a_solved_review_earns_ten_points_and_an_untouched_one_none(
    path: Path, tmp_path: Path
) -> None:
    for student, folder in (("ada", "solutions"), ("ben", "exercises")):
        (tmp_path / student).mkdir()
        target = tmp_path / student / "mine.ipynb"
        target.write_bytes((ROOT / folder / path.name).read_bytes())
    rows = grade([tmp_path], seed=1).rows
    assert {row.notebook for row in rows} == {path.stem}
    earned = {s: sum(r.points for r in rows if r.student == s) for s in ("ada", "ben")}
    assert earned == {"ada": 10, "ben": 0}
    assert not [row.difference for row in rows if "explorers" in row.difference]


@pytest.mark.parametrize("path", REVIEWS, ids=lambda p: p.stem)
def test_a_review_is_known_by_its_checks_alone(path: Path, tmp_path: Path) -> None:
    content = notebook.read(path)
    for cell in content["cells"]:
        cell["metadata"] = {}
    target = tmp_path / "mine.ipynb"
    target.write_text(json.dumps(content), encoding="utf-8")
    assert submissions.read(target).exercise == path.stem


@pytest.mark.parametrize("path", REVIEWS, ids=lambda p: p.stem)
def test_predictions_come_first_and_answer_every_choice(path: Path) -> None:
    sources = [notebook.source(c) for c in notebook.read(path)["cells"]]
    asked = [k for k, text in enumerate(sources) if text.startswith("Predict(")]
    graded = [k for k, text in enumerate(sources) if text.startswith("check(")]
    assert 5 <= len(asked) <= 8 and max(asked) < min(graded)


# review 1


@pytest.mark.parametrize("seed", range(10))
def test_stuck_gate_is_found_by_trying_all_gates(seed: int) -> None:
    """A grid of both free gates, step by step: only one case reaches every state."""
    grid = np.linspace(0, 1, 401)
    for probe in question("R1.stuck_gate").inputs(np.random.default_rng(seed)):
        gate, stuck = reference("R1.stuck_gate")(*probe.values())
        shown = probe["h"] / np.tanh(probe["C"])
        if gate == "output":
            assert np.allclose(shown, {"open": 1, "shut": 0}[stuck])
            continue
        assert np.ptp(shown) > 0.1
        before = np.concatenate([[probe["C_0"]], probe["C"][:-1]])
        possible = set()
        for name in ("forget", "input"):
            for how, value in (("open", 1.0), ("shut", 0.0)):
                f, i = (value, grid) if name == "forget" else (grid, value)
                reached = f * before[:, None] + i * probe["C_tilde"][:, None]
                if np.all(np.abs(reached - probe["C"][:, None]).min(axis=1) < 0.003):
                    possible.add((name, how))
        assert possible == {(gate, stuck)}


@pytest.mark.parametrize("seed", range(3, 9))
def test_measured_gate_reproduces_its_readings(seed: int) -> None:
    readings = given_in("R1", "readings")["readings"]
    assert readings(seed) == r1.readings(seed)
    o, a, h_a, b, h_b = readings(seed)
    _, f, half_life = reference("R1.measured_gate")(seed)
    C = np.arctanh(h_a / o)
    for _ in range(a, b):
        C = f * C
    assert o * np.tanh(C) == pytest.approx(h_b)
    assert f**half_life == pytest.approx(0.5)


def test_planted_mistakes_of_the_two_memories_are_named() -> None:
    ids = ("given-weights", "broken-memories")
    broken = given_in("R1", *ids, LSTMParams=LSTMParams)["broken_memories"]
    for seed in range(5):
        verdict = judge("R1.unmixed_memories", broken, seed=seed)
        assert verdict.misconception == "the squashed cell carried + the cell carried without o"


def test_the_light_switch_switches_in_cells() -> None:
    p = LSTMParams(*reference("R1.light_switch")())
    rng = np.random.default_rng(2)
    pushes = rng.integers(0, 2, 60)
    h = C = np.zeros(1)
    for t, push in enumerate(pushes):
        step = cells.lstm_step(np.array([push, 1 - push]).astype(float), h, C, p)
        h, C = step.h, step.C
        np.testing.assert_allclose(h, np.tanh(1.0) * (pushes[: t + 1].sum() % 2), atol=1e-6)


def test_another_light_switch_passes_too() -> None:
    """A cell that adds 1 when dark and takes 1 away when lit: it never forgets."""
    weights = dict(zip(question("R1.light_switch").returns, r1._switch()(), strict=True))
    weights |= {"W_f": 0 * weights["W_f"], "V_i": 0 * weights["V_i"]}
    weights |= {"V_g": np.array([[-100.0]]), "b_g": np.array([30.0])}
    assert judge("R1.light_switch", lambda: weights, seed=1).passed
