"""Whole sequences against torch.nn, ONNX, the cells and the complex step; cuts, copies, errors."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import partial
from typing import NamedTuple

import numpy as np
import pytest
from onnx_oracle import onnx_run

from rnnlab import gradcheck
from rnnlab.cells import gru_step, lstm_step, rnn_step
from rnnlab.layers import (
    gru_backward,
    gru_forward,
    lstm_backward,
    lstm_forward,
    rnn_backward,
    rnn_forward,
)
from rnnlab.params import GRUParams, LSTMParams, RNNParams

BASE = (5, 2, 3, 4)
SIZES = [BASE, (1, 2, 3, 4), (5, 1, 3, 4), (5, 2, 3, 1), (5, 2, 4, 4), (1, 1, 3, 4), (1, 1, 1, 1)]
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}


class Cell(NamedTuple):
    kind: type
    step: object
    forward: object
    backward: object
    states: tuple
    b_hv: bool = False


CELLS = {
    "rnn": Cell(RNNParams, rnn_step, rnn_forward, rnn_backward, ("h",)),
    "lstm": Cell(LSTMParams, lstm_step, lstm_forward, lstm_backward, ("h", "C")),
    "gru before": Cell(GRUParams, gru_step, gru_forward, gru_backward, ("h",)),
    **{
        name: Cell(
            GRUParams,
            partial(gru_step, reset="after"),
            partial(gru_forward, reset="after"),
            gru_backward,
            ("h",),
            b_hv,
        )
        for name, b_hv in [("gru after", True), ("gru after without b_hv", False)]
    },
}


def drawn(cell, rng, sizes=BASE, dtype="float64"):
    """All inputs by name, x, h0, C0 and weights, and the gradients that arrive; none is zero."""
    T, B, D, H = sizes
    shapes = {"x": (T, B, D), **{f"{s}0": (B, H) for s in cell.states}}
    sizes_of = {"W": (H, D), "V": (H, H), "b": (H,)}
    names = [f.name for f in fields(cell.kind) if f.name != "b_hv" or cell.b_hv]
    given = {n: rng.standard_normal(shape).astype(dtype) for n, shape in shapes.items()}
    given |= {n: rng.normal(0, 0.5, sizes_of[n[0]]).astype(dtype) for n in names}
    arriving = {"dh": rng.standard_normal((T, B, H)).astype(dtype)}
    arriving |= {f"d{s}_T": rng.standard_normal((B, H)).astype(dtype) for s in cell.states}
    return given, arriving


def weights(cell, given):
    return cell.kind(**{n: a for n, a in given.items() if n not in ("x", "h0", "C0")})


def forward(cell, given):
    states = [given[name] for name in ("x", "h0", "C0") if name in given]
    return cell.forward(*states, weights(cell, given))


def loss(cell, given, arriving):
    trace = forward(cell, given)
    lasts = [(arriving[f"d{s}_T"] * getattr(trace, s)[-1]).sum() for s in cell.states]
    return (arriving["dh"] * trace.h).sum() + sum(lasts)


def gradients(cell, given, arriving):
    """Every gradient under the name of its input."""
    grads = cell.backward(forward(cell, given), **arriving)
    states = {name: getattr(grads, name) for name in ("x", "h0", "C0") if name in given}
    return states | dict(grads.params.items())


def close(got, wanted, dtype="float64"):
    assert got.keys() == wanted.keys()
    for name in wanted:
        assert got[name].dtype == np.dtype(dtype), name
        np.testing.assert_allclose(
            got[name], wanted[name], rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype], err_msg=name
        )


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture(params=CELLS)
def cell(request):
    return CELLS[request.param]


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


# against torch


class Torch(NamedTuple):
    layer: str
    order: str
    signs: tuple


TORCH = {
    RNNParams: Torch("RNN", "h", (1,)),
    LSTMParams: Torch("LSTM", "ifgo", (1, 1, 1, 1)),
    GRUParams: Torch("GRU", "rzh", (1, -1, 1)),  # torch's z keeps, ours takes the new
}


def torch_gradients(torch, cell, given, arriving, rng):
    """Every h_t, every last state and every gradient of torch.nn's layer, in our names."""
    name, order, signs = TORCH[cell.kind]
    named = dict(zip(order, signs, strict=True))

    def ours(letter, gate):
        return letter if len(order) == 1 else f"{letter}_{gate}"

    W, V, b = (
        np.concatenate([sign * given[ours(letter, g)] for g, sign in named.items()])
        for letter in "WVb"
    )
    H, D = len(b) // len(order), W.shape[1]
    b_2 = rng.standard_normal(b.shape).astype(b.dtype)
    if name == "GRU":
        b_2[2 * H :] = given.get("b_hv", 0)
    b_1 = np.concatenate([b[: 2 * H] - b_2[: 2 * H], b[2 * H :]]) if name == "GRU" else b - b_2

    t = {n: torch.from_numpy(a) for n, a in (given | arriving).items()}
    layer = getattr(torch.nn, name)(D, H, dtype=t["x"].dtype)
    with torch.no_grad():
        for parameter, array in zip(layer.parameters(), (W, V, b_1, b_2), strict=True):
            parameter.copy_(torch.from_numpy(array))
    states = {n: t[n].clone().requires_grad_() for n in ("x", "h0", "C0") if n in given}
    first = [states[f"{s}0"][None] for s in cell.states]
    h, last = layer(states["x"], tuple(first) if len(first) == 2 else first[0])
    last = dict(zip(cell.states, last if len(first) == 2 else [last], strict=True))
    total = (h * t["dh"]).sum() + sum((last[s][0] * t[f"d{s}_T"]).sum() for s in cell.states)
    total.backward()

    dW, dV, db_1, db_2 = (parameter.grad.numpy() for parameter in layer.parameters())
    grads = {n: a.grad.numpy() for n, a in states.items()}
    for k, (gate, sign) in enumerate(named.items()):
        rows = slice(k * H, (k + 1) * H)
        for letter, array in (("W", dW), ("V", dV), ("b", db_1)):
            grads[ours(letter, gate)] = sign * array[rows]
    if name == "GRU":
        db_1, dhv, db_2 = db_1[: 2 * H], db_2[2 * H :], db_2[: 2 * H]
        grads |= {"b_hv": dhv} if cell.b_hv else {}
    np.testing.assert_allclose(db_1, db_2, rtol=1e-5)
    return h.detach().numpy(), {s: a[0].detach().numpy() for s, a in last.items()}, grads


@pytest.mark.torch
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("name", [name for name in CELLS if name != "gru before"])
def test_every_state_and_gradient_equals_torch(torch, rng, name, sizes, dtype):
    cell = CELLS[name]
    given, arriving = drawn(cell, rng, sizes, dtype)
    h, last, grads = torch_gradients(torch, cell, given, arriving, rng)
    trace = forward(cell, given)
    close({"h": trace.h}, {"h": h}, dtype)
    close({s: getattr(trace, s)[-1] for s in cell.states}, last, dtype)
    close(gradients(cell, given, arriving), grads, dtype)


@pytest.mark.torch
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("name", ["gru before", "gru after"])
def test_gru_gradients_equal_autograd_through_the_equation(torch, rng, name, sizes):
    cell = CELLS[name]
    given, arriving = drawn(cell, rng, sizes)
    t = {n: torch.from_numpy(a).requires_grad_() for n, a in given.items()}

    def pre(gate, x_t):
        return x_t @ t[f"W_{gate}"].T + t[f"b_{gate}"]

    h, states = t["h0"], []
    for x_t in t["x"]:
        z = torch.sigmoid(pre("z", x_t) + h @ t["V_z"].T)
        r = torch.sigmoid(pre("r", x_t) + h @ t["V_r"].T)
        if name == "gru before":
            h_tilde = torch.tanh(pre("h", x_t) + (r * h) @ t["V_h"].T)
        else:
            h_tilde = torch.tanh(pre("h", x_t) + r * (h @ t["V_h"].T + t["b_hv"]))
        h = (1 - z) * h + z * h_tilde
        states.append(h)
    total = (torch.stack(states) * torch.from_numpy(arriving["dh"])).sum()
    (total + (h * torch.from_numpy(arriving["dh_T"])).sum()).backward()

    close({"h": forward(cell, given).h}, {"h": torch.stack(states).detach().numpy()})
    close(gradients(cell, given, arriving), {n: a.grad.numpy() for n, a in t.items()})


# against ONNX


def stacked(given, order):
    """W, V, b (N*H, ...) with the gates in this order; z with its sign turned: ONNX's keeps."""
    return (
        np.concatenate([(-1 if gate == "z" else 1) * given[f"{letter}_{gate}"] for gate in order])
        for letter in "WVb"
    )


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_lstm_equals_onnx(rng, sizes):
    given, _ = drawn(CELLS["lstm"], rng, sizes)
    W, V, b = stacked(given, "iofg")
    b_2 = rng.standard_normal(b.shape)
    arrays = [W, V, np.concatenate([b - b_2, b_2])]
    h, (_, C_T) = onnx_run("LSTM", arrays, given["x"], given["h0"], given["C0"])
    trace = forward(CELLS["lstm"], given)
    close({"h": trace.h, "C": trace.C[-1]}, {"h": h, "C": C_T})


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize(("name", "linear_before_reset"), [("gru before", 0), ("gru after", 1)])
def test_gru_equals_onnx(rng, name, linear_before_reset, sizes):
    given, _ = drawn(CELLS[name], rng, sizes)
    W, V, b = stacked(given, "zrh")
    zero = np.zeros(sizes[3])
    b = np.concatenate([b, zero, zero, given.get("b_hv", zero)])
    attributes = {"linear_before_reset": linear_before_reset}
    h, _ = onnx_run("GRU", [W, V, b], given["x"], given["h0"], **attributes)
    close({"h": forward(CELLS[name], given).h}, {"h": h})


# against the cells


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_layers_equal_cells(cell, rng, sizes):
    given, _ = drawn(cell, rng, sizes)
    trace = forward(cell, given)
    p = weights(cell, given)
    states = [given[f"{s}0"] for s in cell.states]
    for t, x_t in enumerate(given["x"]):
        step = cell.step(x_t, *states, p)
        close({part: getattr(trace, part)[t] for part in step._fields}, step._asdict())
        states = [getattr(step, s) for s in cell.states]


# against the complex step


def given_as(cell, given, name, arriving):
    """The loss as a function of the one input `name`, in complex numbers."""
    fixed = {n: a.astype(complex) for n, a in given.items()}
    return lambda array: loss(cell, fixed | {name: array}, arriving)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_gradients_along_a_direction(cell, rng, sizes):
    given, arriving = drawn(cell, rng, sizes)
    for name, grad in gradients(cell, given, arriving).items():
        gradcheck.check(given_as(cell, given, name, arriving), grad, given[name], along=rng)


def test_gradients_in_full(cell, rng):
    given, arriving = drawn(cell, rng)
    for name, grad in gradients(cell, given, arriving).items():
        gradcheck.check(given_as(cell, given, name, arriving), grad, given[name])


# what holds for every cell


def test_a_sequence_cut_in_two_equals_the_whole(cell, rng):
    given, arriving = drawn(cell, rng)
    whole, grads = forward(cell, given), gradients(cell, given, arriving)
    first = forward(cell, given | {"x": given["x"][:2]})
    carried = {f"{s}0": getattr(first, s)[-1] for s in cell.states}
    second = forward(cell, given | carried | {"x": given["x"][2:]})
    for part in ("h", *cell.step(given["x"][0], *carried.values(), weights(cell, given))._fields):
        both = np.concatenate([getattr(first, part), getattr(second, part)])
        np.testing.assert_allclose(both, getattr(whole, part), atol=1e-15)

    late = cell.backward(second, **arriving | {"dh": arriving["dh"][2:]})
    back = {f"d{s}_T": getattr(late, f"{s}0") for s in cell.states}
    early = cell.backward(first, arriving["dh"][:2], **back)
    np.testing.assert_allclose(np.concatenate([early.x, late.x]), grads["x"], atol=1e-14)
    for s in cell.states:
        np.testing.assert_allclose(getattr(early, f"{s}0"), grads[f"{s}0"], atol=1e-14)
    for (name, a), (_, b) in zip(early.params.items(), late.params.items(), strict=True):
        np.testing.assert_allclose(a + b, grads[name], atol=1e-14, err_msg=name)


def test_nothing_comes_on_top_of_the_last_state_unless_given(cell, rng):
    given, arriving = drawn(cell, rng)
    trace = forward(cell, given)
    bare = cell.backward(trace, arriving["dh"])
    zeros = {f"d{s}_T": np.zeros_like(given["h0"]) for s in cell.states}
    zero = cell.backward(trace, arriving["dh"], **zeros)
    np.testing.assert_array_equal(bare.x, zero.x)
    np.testing.assert_array_equal(bare.h0, zero.h0)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_dtypes_stay_and_shapes_are_time_first(cell, rng, dtype):
    given, _ = drawn(cell, rng, dtype=dtype)
    trace = forward(cell, given)
    T, B, _, H = BASE
    parts = cell.step(
        given["x"][0], *[given[f"{s}0"] for s in cell.states], weights(cell, given)
    )._fields
    for part in parts:
        assert getattr(trace, part).dtype == np.dtype(dtype)
        assert getattr(trace, part).shape == (T, B, H)


def test_gradients_have_the_shapes_of_the_inputs(cell, rng):
    given, arriving = drawn(cell, rng)
    grads = cell.backward(forward(cell, given), **arriving)
    replace(grads.params)  # through the checks that gradients are built without
    assert type(grads.params) is cell.kind
    if cell.kind is GRUParams:
        assert (grads.params.b_hv is not None) == cell.b_hv
    for name, grad in gradients(cell, given, arriving).items():
        assert grad.shape == given[name].shape, name


def test_inputs_are_not_changed(cell, rng):
    given, arriving = drawn(cell, rng)
    before = {n: a.copy() for n, a in (given | arriving).items()}
    for a in (given | arriving).values():
        a.flags.writeable = False
    gradients(cell, given, arriving)
    for n, a in (given | arriving).items():
        np.testing.assert_array_equal(a, before[n])


def test_later_changes_of_the_inputs_do_not_reach_the_trace(cell, rng):
    given, arriving = drawn(cell, rng)
    wanted = gradients(cell, given, arriving)
    trace = forward(cell, given)
    for a in given.values():
        a[...] = 99.0
    grads = cell.backward(trace, **arriving)
    got = {n: getattr(grads, n) for n in ("x", "h0", "C0") if n in given}
    close(got | dict(grads.params.items()), wanted)


def test_a_trace_is_read_only(cell, rng):
    given, _ = drawn(cell, rng)
    trace = forward(cell, given)
    for name in trace._fields[: trace._fields.index("h0") + 1]:
        with pytest.raises(ValueError, match="read-only"):
            getattr(trace, name)[...] = 0


def test_a_trace_serves_twice(cell, rng):
    given, arriving = drawn(cell, rng)
    trace = forward(cell, given)
    once, again = cell.backward(trace, **arriving), cell.backward(trace, **arriving)
    np.testing.assert_array_equal(once.x, again.x)
    np.testing.assert_array_equal(once.h0, again.h0)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("scale", [1e3, -1e3])
def test_large_pre_activations_give_no_warning_and_no_nan(cell, rng, scale, dtype):
    """Every pre-activation lies near +-1e3; a warning is an error in these tests."""
    given, arriving = drawn(cell, rng, dtype=dtype)
    given |= {n: a + a.dtype.type(scale) for n, a in given.items() if n[0] == "b"}
    trace = forward(cell, given)
    p, states = weights(cell, given), [given[f"{s}0"] for s in cell.states]
    for t, x_t in enumerate(given["x"]):
        step = cell.step(x_t, *states, p)
        for part, array in step._asdict().items():
            assert np.all(np.isfinite(getattr(trace, part)[t]))
            np.testing.assert_allclose(getattr(trace, part)[t], array, rtol=1e-5)
        states = [getattr(step, s) for s in cell.states]
    grads = cell.backward(trace, **arriving)
    for array in (grads.x, grads.h0, *(a for _, a in grads.params.items())):
        assert np.all(np.isfinite(array))


def test_strided_inputs_are_as_good_as_contiguous_ones(cell, rng):
    given, arriving = drawn(cell, rng)
    wanted = gradients(cell, given, arriving)
    given = {n: np.asfortranarray(a) for n, a in given.items()}
    arriving = {n: np.asfortranarray(a) for n, a in arriving.items()}
    close(gradients(cell, given, arriving), wanted)


def test_no_steps_leave_the_state_alone(cell, rng):
    given, arriving = drawn(cell, rng, (0, *BASE[1:]))
    trace = forward(cell, given)
    assert trace.h.shape == (0, 2, 4)
    grads = cell.backward(trace, **arriving)
    assert grads.x.shape == (0, 2, 3)
    for s in cell.states:
        np.testing.assert_array_equal(getattr(grads, f"{s}0"), arriving[f"d{s}_T"])
    assert all(not a.any() for _, a in grads.params.items())


# mistakes


@pytest.mark.parametrize(
    ("which", "change", "message"),
    [
        ("x", lambda a: a[..., :2], r"x must have shape \(T, B, 3\), got \(5, 2, 2\)"),
        (
            "x",
            lambda a: a[:, 0],
            r"x must have shape \(T, B, 3\), got \(5, 3\); an axis is missing",
        ),
        ("x", lambda a: a.astype("float32"), r"x must be float64 .* got float32; .*astype"),
        ("x", lambda a: a.tolist(), r"x must be a NumPy array, got list; np\.asarray"),
        ("x", lambda a: np.ones((5, 2, 3), int), r"x must be float32, float64 or complex128, got"),
        ("h0", lambda a: a[:, :3], r"h0 must have shape \(2, 4\), got \(2, 3\)"),
        ("h0", lambda a: a.T, r"h0 must have shape \(2, 4\), got \(4, 2\); it looks transposed"),
        ("h0", lambda a: a[:1], r"h0 must have shape \(2, 4\), got \(1, 4\)"),
        ("h0", lambda a: a[None], r"h0 must have shape \(2, 4\), got \(1, 2, 4\)"),
        ("h0", lambda a: a.astype("float32"), r"h0 must be float64 .* got float32"),
        ("h0", lambda a: 0, r"h0 must be a NumPy array, got int"),
        ("C0", lambda a: a[:, :3], r"C0 must have shape \(2, 4\), got \(2, 3\)"),
        ("C0", lambda a: a.astype("float32"), r"C0 must be float64 .* got float32"),
    ],
)
def test_a_wrong_input_is_refused(cell, rng, which, change, message):
    given, _ = drawn(cell, rng)
    if which not in given:
        pytest.skip("the LSTM alone has a cell state")
    with pytest.raises(ValueError, match=r"^(rnn|lstm|gru)_forward: " + message):
        forward(cell, given | {which: change(given[which])})


@pytest.mark.parametrize(
    ("which", "change", "message"),
    [
        ("dh", lambda a: a[:4], r"dh must have shape \(5, 2, 4\), got \(4, 2, 4\)"),
        (
            "dh",
            lambda a: a.transpose(1, 0, 2),
            r"dh must have shape \(5, 2, 4\), got \(2, 5, 4\); time comes first",
        ),
        ("dh", lambda a: a[-1], r"dh must have shape \(5, 2, 4\), got \(2, 4\)"),
        ("dh", lambda a: a.astype("float32"), r"dh must be float64 .* got float32; .*astype"),
        ("dh", lambda a: 1.0, r"dh must be a NumPy array, got float"),
        (
            "dh_T",
            lambda a: a.T,
            r"dh_T must have shape \(2, 4\), got \(4, 2\); it looks transposed",
        ),
        ("dh_T", lambda a: a[0], r"dh_T must have shape \(2, 4\), got \(4,\)"),
        ("dh_T", lambda a: a.astype("float32"), r"dh_T must be float64 .* got float32"),
        ("dh_T", lambda a: 1.0, r"dh_T must be a NumPy array, got float"),
        ("dC_T", lambda a: a.T, r"dC_T must have shape \(2, 4\), got \(4, 2\)"),
        ("dC_T", lambda a: a.astype("float32"), r"dC_T must be float64 .* got float32"),
        ("dC_T", lambda a: 1, r"dC_T must be a NumPy array, got int"),
    ],
)
def test_a_wrong_arriving_gradient_is_refused(cell, rng, which, change, message):
    given, arriving = drawn(cell, rng)
    if which not in arriving:
        pytest.skip("the LSTM alone has a cell state")
    trace = forward(cell, given)
    with pytest.raises(ValueError, match=r"^(rnn|lstm|gru)_backward: " + message):
        cell.backward(trace, **arriving | {which: change(arriving[which])})


def test_a_wrong_reset_is_refused(rng):
    given, _ = drawn(CELLS["gru after"], rng)
    x, h0 = given.pop("x"), given.pop("h0")
    with pytest.raises(
        ValueError, match=r'gru_forward: reset must be "before" or "after", got .middle'
    ):
        gru_forward(x, h0, GRUParams(**given), reset="middle")
    with pytest.raises(ValueError, match=r'reset="before" has no b_hv.*say reset="after"'):
        gru_forward(x, h0, GRUParams(**given))


def test_weights_and_traces_of_another_kind_are_named() -> None:
    rng = np.random.default_rng(3)
    x, h0 = rng.standard_normal((5, 2, 3)), rng.standard_normal((2, 4))
    lstm, gru = LSTMParams.init(3, 4, rng), GRUParams.init(3, 4, rng)
    with pytest.raises(ValueError, match=r"lstm_forward: p must be LSTMParams, got GRUParams"):
        lstm_forward(x, h0, h0, gru)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"gru_step: p must be GRUParams, got dict"):
        gru_step(x[0], h0, dict(gru.items()))  # type: ignore[arg-type]
    trace = lstm_forward(x, h0, h0, lstm)
    with pytest.raises(ValueError, match=r"gru_backward: trace must be the GRUTrace that gru_fo"):
        gru_backward(trace, np.ones_like(trace.h))  # type: ignore[arg-type]


def test_a_matrix_is_refused_for_its_product_is_another() -> None:
    rng = np.random.default_rng(3)
    p, h0 = LSTMParams.init(3, 4, rng), rng.standard_normal((4, 4))
    x_t = np.ma.masked_array(rng.standard_normal((4, 3)))
    with pytest.raises(ValueError, match=r"x_t must be a NumPy array, got MaskedArray"):
        lstm_step(x_t, h0, h0, p)
