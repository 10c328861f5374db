"""Exercise 15: each reference against something that it does not know."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlab import cells
from rnnlab.check import judge
from rnnlab.params import GRUParams, LSTMParams, RNNParams
from rnnlab.questions import question


def given(question_id: str, seed: int = 3) -> list[dict[str, object]]:
    asked = question(question_id)
    return [asked.given(probe) for probe in asked.inputs(np.random.default_rng(seed))]


@pytest.mark.torch
def test_the_weights_of_three_cells_are_those_of_torch_without_its_second_biases() -> None:
    nn = pytest.importorskip("torch").nn
    count = question("15.parameters").reference
    for D, H in ((3, 4), (5, 2), (7, 11)):
        torchs = []
        for cell in (nn.RNN, nn.LSTM, nn.GRU):
            named = cell(D, H).named_parameters()
            torchs.append(sum(w.numel() for name, w in named if not name.startswith("bias_hh")))
        assert count(D, H) == tuple(torchs)


def test_the_weights_of_three_cells_are_those_of_the_course() -> None:
    rng = np.random.default_rng(0)
    for D, H in ((3, 4), (5, 2)):
        cells = [kind.init(D, H, rng) for kind in (RNNParams, LSTMParams, GRUParams)]
        counted = tuple(sum(array.size for _, array in p.items()) for p in cells)
        assert question("15.parameters").reference(D, H) == counted


def test_a_fair_match_is_the_last_that_fits_readout_included() -> None:
    match = question("15.fair_units").reference
    rng = np.random.default_rng(1)

    def size(kind: type[LSTMParams] | type[GRUParams], D: int, n: int, K: int) -> int:
        readout = np.zeros((K, n)).size + K
        return sum(a.size for _, a in kind.init(D, n, rng).items()) + readout

    for D, H, K in ((90, 50, 200), (300, 200, 500), (200, 20, 1000), (37, 25, 60)):
        *sizes, units = match(D, H, K)
        assert sizes == [D, H, K]
        budget = size(LSTMParams, D, H, K)
        assert size(GRUParams, D, units, K) <= budget < size(GRUParams, D, units + 1, K)
    right = match(60, 40, 100)[3]
    assert judge("15.fair_units", (60, 40, 100, right)).passed
    assert not judge("15.fair_units", (60, 40, 100, right + 1)).passed
    for sizes, why in (
        ((5, 40, 100), "from 20 to 1000"),
        ((40, 60, 100), "D larger than H"),
        ((100, 60, 40), "K must be larger"),
        ((100, 50, 400), "take others"),  # 57, and so says 50 times the root of 4/3
        ((33, 20, 34), "take others"),  # 23, and so say the cells alone
    ):
        assert why in judge("15.fair_units", (*sizes, right)).difference


def test_results_in_another_order_are_told_so_and_no_more() -> None:
    def counts(D: int, H: int) -> tuple[int, ...]:
        return tuple(gates * H * (D + H + 1) for gates in (1, 3, 4))

    told = judge("15.parameters", counts, 1)
    assert "order" in told.difference and not told.hint


@pytest.mark.torch
def test_min_gru_is_a_lerp_between_two_linear_layers() -> None:
    torch = pytest.importorskip("torch")
    linear = torch.nn.functional.linear
    for probe in given("15.min_gru"):
        x, h, W_z, b_z, W_h, b_h = (torch.tensor(value) for value in probe.values())
        z, candidate = torch.sigmoid(linear(x, W_z, b_z)), linear(x, W_h, b_h)
        states = []
        for z_t, candidate_t in zip(z, candidate, strict=True):
            h = torch.lerp(h, candidate_t, z_t)
            states.append(h.numpy())
        ours = question("15.min_gru").reference(*probe.values())
        np.testing.assert_allclose(ours, states, rtol=1e-12)


def test_the_parity_unit_is_a_gru_of_one_unit_with_its_reset_held_open() -> None:
    one = question("15.parity_unit")
    for five in (one.reference(), (30.0, -15.0, 12.0, -24.0, 0.0), (40.0, -20.0, 0.0, -10.0, 10.0)):
        w_z, b_z, w_h, v_h, b_h = five
        p = GRUParams(
            np.array([[w_z]]), np.zeros((1, 1)), np.array([b_z]), np.zeros((1, 1)),
            np.zeros((1, 1)), np.array([40.0]), np.array([[w_h]]), np.array([[v_h]]),
            np.array([b_h]),
        )  # fmt: skip
        bits = np.random.default_rng(5).integers(0, 2, 1000)
        h, said = np.zeros(1), []
        for x in bits:
            h = cells.gru_step(np.array([float(x)]), h, p).h
            said.append(h[0] > 0.5)
        assert np.array_equal(said, np.cumsum(bits) % 2 == 1)
        assert judge("15.parity_unit", five, 1).passed
    assert not judge("15.parity_unit", (40.0, -20.0, 0.0, -20.0, -10.0), 1).passed


def test_a_gate_that_opens_on_a_0_too_is_named_whatever_else_is_wrong() -> None:
    for five, name in (
        ((40.0, 0.0, 3.0, -6.0, 0.0), "not shut enough"),  # z and candidate near 1 on a 1
        ((6.0, -3.0, 3.0, -6.0, 0.0), "not shut enough"),
        ((40.0, 0.0, 0.0, 0.0, 3.0), "always open"),  # and it never turns
        ((-40.0, 20.0, 0.0, -6.0, 3.0), "z turned round"),
    ):
        assert judge("15.parity_unit", five, 1).misconception == name


def test_steps_needed_walks_back_from_the_end() -> None:
    for probe in given("15.steps_needed"):
        losses, chance = np.asarray(probe["losses"]), probe["chance"]
        walked = []
        for row in losses:
            step = len(row)
            while step and row[step - 1] < chance / 2:  # type: ignore[operator]
                step -= 1
            walked.append(step if step < len(row) else -1)
        ours = question("15.steps_needed").reference(losses, chance)
        assert ours.tolist() == walked
        assert -1 in walked and 0 in walked and len(set(walked)) >= 3


def test_strangers_are_of_both_kinds_and_told_apart() -> None:
    for seed in range(20):
        says = [question("15.sees_only_x").reference(**runs)
                for runs in given("15.sees_only_x", seed)]  # fmt: skip
        assert says == [True, False, False, True, False, False, False]


def test_a_state_written_over_and_a_first_step_left_out_are_named() -> None:
    def blend(x_t, h, W_z, b_z, W_h, b_h):  # type: ignore[no-untyped-def]
        z = 1 / (1 + np.exp(-(x_t @ W_z.T + b_z)))
        return (1 - z) * h + z * (x_t @ W_h.T + b_h)

    def in_place(x, h0, *weights):  # type: ignore[no-untyped-def]
        h, states = h0.copy(), []
        for x_t in x:
            h[:] = blend(x_t, h, *weights)
            states.append(h)
        return np.array(states)

    def from_the_second(x, h0, *weights):  # type: ignore[no-untyped-def]
        h = np.zeros((len(x), *h0.shape))
        h[0] = h0
        for t in range(1, len(x)):
            h[t] = blend(x[t], h[t - 1], *weights)
        return h

    assert judge("15.min_gru", in_place, 1).misconception == "one array stored at every step"
    assert judge("15.min_gru", from_the_second, 1).misconception == "the first step left out"


def test_a_quotient_of_differences_is_named() -> None:
    def same_share(h_a, h_b, h_c):  # type: ignore[no-untyped-def]
        with np.errstate(all="ignore"):
            first = (h_c[1:] - h_a[1:]) / (h_c[:-1] - h_a[:-1])
            second = (h_b[1:] - h_c[1:]) / (h_b[:-1] - h_c[:-1])
        return np.allclose(first, second, equal_nan=True)

    for seed in range(10):
        named = judge("15.sees_only_x", same_share, seed).misconception
        assert named == "a quotient of differences"


def test_odd_but_right_answers_pass() -> None:
    def looped(x, h0, W_z, b_z, W_h, b_h):  # type: ignore[no-untyped-def]
        T, B, _ = x.shape
        h = np.empty((T + 1, B, len(b_z)))
        h[0] = h0
        for t in range(T):
            z = 1 / (1 + np.exp(-np.einsum("bd,hd->bh", x[t], W_z) - b_z))
            h[t + 1] = h[t] + z * (np.einsum("bd,hd->bh", x[t], W_h) + b_h - h[t])
        return h[1:]

    assert judge("15.min_gru", looped, 5).passed
    assert judge("15.parameters", lambda D, H: [k * (H * D + H * H + H) for k in (1, 4, 3)]).passed
    assert judge("15.parameters", lambda D, H: {
        "GRU": 3 * H * (D + H + 1), "RNN": H * (D + H + 1), "LSTM": 4 * H * (D + H + 1),
    }).passed  # fmt: skip
    assert judge("15.sees_only_x", lambda a, b, c: np.abs(2 * c - a - b).max() < 1e-9, 2).passed
    assert judge("15.sees_only_x", lambda a, b, c: int(np.abs(c - (a + b) / 2).max() < 1e-6)).passed
