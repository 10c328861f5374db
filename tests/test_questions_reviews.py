"""The mixed reviews: references against cells and plain loops, planted mistakes, grading."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlab import cells, gradcheck, notebook
from rnnlab.check import judge
from rnnlab.grading import submissions
from rnnlab.grading.grader import Settings, grade
from rnnlab.params import Array, GRUParams, LSTMParams
from rnnlab.questions import all_questions, question
from rnnlab.questions import qR1_review as r1
from rnnlab.questions import qR2_review as r2
from rnnlab.questions import qR3_review as r3

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
    rows = grade([tmp_path], Settings(seed=1)).rows
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
    got = submissions.read(target.read_bytes(), target.name, all_questions())
    assert got.exercise == path.stem


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


def test_the_root_of_all_steps_since_the_start_is_named() -> None:
    readings = given_in("R1", "readings")["readings"]
    for seed in range(3, 9):
        o, _, h_a, b, h_b = readings(seed)
        f = (np.arctanh(h_b / o) / np.arctanh(h_a / o)) ** (1 / b)
        verdict = judge("R1.measured_gate", (seed, f, np.log(0.5) / np.log(f)))
        assert verdict.misconception == "all steps since the start"


def test_gate_and_half_life_in_each_others_place_are_named() -> None:
    for seed in range(3, 9):
        _, f, half_life = reference("R1.measured_gate")(seed)
        verdict = judge("R1.measured_gate", (seed, half_life, f))
        assert verdict.misconception == "half-life first"


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


# review 3


def test_each_cell_is_told_by_its_trace() -> None:
    for seed in range(20):
        probes = question("R3.which_cell").inputs(np.random.default_rng(seed))
        words = [reference("R3.which_cell")(*probe.values()) for probe in probes]
        assert words == ["lstm", "gru", "rnn", "gru", "lstm"]


def test_traces_of_cells_are_told_too() -> None:
    """Sequences that the package's own cells have run."""
    rng = np.random.default_rng(5)
    D, H, T = 3, 4, 30
    x = 2 * rng.standard_normal((T, D))
    lstm, gru = LSTMParams.init(D, H, rng), GRUParams.init(D, H, rng)
    h0 = h = rng.uniform(-1, 1, H)
    steps: list[Any] = []
    for x_t in x:
        steps.append(cells.gru_step(x_t, h, gru))
        h = steps[-1].h
    told = reference("R3.which_cell")
    for unit in range(H):
        seen = (np.array([getattr(s, n)[unit] for s in steps]) for n in ("h", "h_tilde"))
        assert told(h0[unit], *seen) == "gru"
    h, C, steps = h0, np.arctanh(h0), []
    for x_t in x:
        steps.append(cells.lstm_step(x_t, h, C, lstm))
        h, C = steps[-1].h, steps[-1].C
    for unit in range(H):
        seen = (np.array([getattr(s, n)[unit] for s in steps]) for n in ("h", "C_tilde"))
        assert told(h0[unit], *seen) == "lstm"


def test_one_matrix_makes_the_states_of_the_course() -> None:
    rng = np.random.default_rng(9)
    B, D, H = 2, 3, 4
    p = r3.weights(D, H, rng)
    W, b = reference("R3.one_matrix")(*(array for _, array in p.items()))
    x_t, h = rng.standard_normal((B, D)), rng.uniform(-1, 1, (B, H))

    def rows(k: int, state: Array) -> Array:
        stacked = np.concatenate([state, x_t], axis=1)
        here: Array = stacked @ W[k * H : (k + 1) * H].T + b[k * H : (k + 1) * H]
        return here

    z, r = cells.sigmoid(rows(0, h)), cells.sigmoid(rows(1, h))
    new = z * h + (1 - z) * np.tanh(rows(2, r * h))
    np.testing.assert_allclose(new, cells.gru_step(x_t, h, p).h, rtol=1e-12)


def test_keep_backward_agrees_with_differences() -> None:
    rng = np.random.default_rng(3)
    dh, h_prev, a_z, a_n = rng.normal(size=(4, 2, 3))

    def loss(h_prev: Array, a_z: Array, a_n: Array) -> Any:
        z = cells.sigmoid(a_z)
        return np.sum(dh * (z * h_prev + (1 - z) * np.tanh(a_n)))

    da_z, da_n, dh_prev = reference("R3.keep_backward")(
        dh, h_prev, cells.sigmoid(a_z), np.tanh(a_n)
    )
    gradcheck.check(lambda v: loss(v, a_z, a_n), dh_prev, h_prev)
    gradcheck.check(lambda v: loss(h_prev, v, a_n), da_z, a_z)
    gradcheck.check(lambda v: loss(h_prev, a_z, v), da_n, a_n)


def test_planted_mistakes_of_the_blend_are_named() -> None:
    broken = given_in("R3", "broken-backward")["broken_backward"]
    for seed in range(5):
        verdict = judge("R3.keep_backward", broken, seed=seed)
        assert verdict.misconception == "sign of dz turned + kept share turned"


@pytest.mark.parametrize("seed", range(3, 20))
def test_fair_gru_by_the_weights_themselves(seed: int) -> None:
    lstm_sizes = given_in("R3", "lstm-sizes")["lstm_sizes"]
    assert lstm_sizes(seed) == r3.lstm_sizes(seed)
    D, H, n = lstm_sizes(seed)
    _, size, b_z = reference("R3.fair_gru")(seed)
    rng = np.random.default_rng(0)

    def count(p: LSTMParams | GRUParams) -> int:
        return sum(array.size for _, array in p.items())

    budget = count(LSTMParams.init(D, H, rng))
    assert count(GRUParams.init(D, size, rng)) <= budget < count(GRUParams.init(D, size + 1, rng))
    assert (1 - cells.sigmoid(np.array(b_z))) ** n == pytest.approx(0.5)


def test_the_shift_register_shifts_in_cells() -> None:
    p = GRUParams(*reference("R3.shift_register")())
    rng = np.random.default_rng(4)
    held: list[float] = []
    h = np.zeros(3)
    for _ in range(80):
        bit, push = rng.choice([-1.0, 1.0]), rng.choice([0.0, 1.0])
        h = cells.gru_step(np.array([bit, push]), h, p).h
        held = [bit, *held][:3] if push else held
        np.testing.assert_allclose(h[: len(held)], held, atol=1e-6)


def test_another_register_passes_too() -> None:
    """The reset gate half open, smaller weights, integers."""
    weights = r3._register(open_at=(-12, 9), reset=0, V_h=12 * r3._NEXT)()
    whole = [np.round(array).astype(int) for array in weights]
    assert judge("R3.shift_register", lambda: whole, seed=1).passed


@pytest.mark.parametrize("wait", [0, 20])
def test_a_register_that_nothing_shuts_is_told_so(wait: int) -> None:
    verdict = judge("R3.shift_register", r3._register(open_at=(wait, 20)), seed=1)
    assert verdict.misconception == "always open"


def test_a_gru_called_an_lstm_is_told_so() -> None:
    def by_size(h0: float, h: Array, new: Array) -> str:
        if np.allclose(h, new):
            return "rnn"
        return "gru" if np.all(np.abs(h) <= np.abs(new)) else "lstm"

    for seed in range(5):
        verdict = judge("R3.which_cell", by_size, seed=seed)
        assert verdict.misconception == "every GRU an LSTM"
