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
from rnnlab.params import Array, LSTMParams
from rnnlab.questions import all_questions, question
from rnnlab.questions import qR1_review as r1
from rnnlab.questions import qR2_review as r2

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


# review 2


def last_hidden(a: Array, f: Array, i: Array, o: Array, C_0: Array) -> Array:
    """h after the last step of a cell whose gates are given; a is the candidate's sum."""
    C = C_0
    for a_t, f_t, i_t in zip(a, f, i, strict=True):
        C = f_t * C + i_t * np.tanh(a_t)
    h: Array = o[-1] * np.tanh(C)
    return h


def test_credit_is_what_a_small_change_of_the_sum_does() -> None:
    rng = np.random.default_rng(4)
    T, B, H = 5, 2, 3
    f, i, o = rng.uniform(0.2, 0.9, (3, T, B, H))
    a, C_0 = rng.normal(size=(T, B, H)), rng.normal(size=(B, H))
    C = [C_0]
    for t in range(T):
        C.append(f[t] * C[-1] + i[t] * np.tanh(a[t]))
    credit = reference("R2.credit")(f, i, np.tanh(a), o, np.array(C[1:]))
    for k in range(T):
        nudge = np.zeros_like(a)
        nudge[k] = 1e-6
        there, back = (last_hidden(a + sign * nudge, f, i, o, C_0) for sign in (1, -1))
        np.testing.assert_allclose(credit[k], (there - back) / 2e-6, rtol=1e-7)


def test_each_start_is_told_by_its_curve() -> None:
    for seed in range(20):
        probes = question("R2.which_start").inputs(np.random.default_rng(seed))
        words = [reference("R2.which_start")(probe["curve"]) for probe in probes]
        assert words == ["bias", "chrono", "default", "chrono", "bias"]


@pytest.mark.parametrize("threshold", [1.25, 1.4, 1.55])
def test_another_measure_of_the_bend_passes_too(threshold: float) -> None:
    """Half-lives, early and late, and thresholds of one's own."""

    def which_start(curve: Array) -> str:
        losses = -np.diff(np.log(curve))
        if losses[:8].mean() > 0.4:
            return "default"
        bent = losses[:8].mean() > threshold * losses[len(losses) // 2 :].mean()
        return "Chrono " if bent else "bias"

    for seed in range(20):
        assert judge("R2.which_start", which_start, seed=seed).passed


@pytest.mark.torch
def test_training_step_is_torchs() -> None:
    import torch

    for probe in question("R2.training_step").inputs(np.random.default_rng(6)):
        weights = [torch.tensor(probe[k], requires_grad=True) for k in "WVb"]
        for k, weight in zip("WVb", weights, strict=True):
            weight.grad = torch.tensor(probe[f"d{k}"]).sum(dim=0)
        norm = torch.nn.utils.clip_grad_norm_(weights, probe["limit"])
        torch.optim.SGD(weights, lr=probe["rate"]).step()
        length, *new = reference("R2.training_step")(*probe.values())
        assert length == pytest.approx(float(norm))
        for weight, mine in zip(weights, new, strict=True):
            np.testing.assert_allclose(mine, weight.detach().numpy(), rtol=1e-5)


def test_planted_mistakes_of_the_training_step_are_named() -> None:
    broken = given_in("R2", "broken-step")["broken_step"]
    for seed in range(5):
        verdict = judge("R2.training_step", broken, seed=seed)
        planted = "only the last sequence + the step clipped, not the gradient"
        assert verdict.misconception == planted


@pytest.mark.parametrize("seed", range(3, 20))
def test_horizons_by_plain_loops(seed: int) -> None:
    units = given_in("R2", "units")["units"]
    assert units(seed) == r2.units(seed)
    v, h, b_f, lag = units(seed)
    _, plain, lstm, bias = reference("R2.horizons")(seed)
    slope = (np.tanh(np.arctanh(h) + 1e-6) - np.tanh(np.arctanh(h) - 1e-6)) / 2e-6
    for reach, factor in ((plain, v * slope), (lstm, cells.sigmoid(np.array(b_f)))):
        left, steps = 1.0, 0
        while left * factor >= 0.01:
            left, steps = left * factor, steps + 1
        assert reach == steps > 3
    assert cells.sigmoid(np.array(bias)) ** lag == pytest.approx(0.01)
