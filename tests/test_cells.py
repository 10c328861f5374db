"""One step of each cell against torch's Cells and ONNX's reference evaluator, and every error."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from onnx_oracle import onnx_run

from rnnlab.cells import gru_step, lstm_step, rnn_step, sigmoid
from rnnlab.params import GRUParams, LSTMParams, RNNParams

T, B, D, H = 5, 2, 3, 4
SIZES = [(B, D, H), (1, D, H), (B, 1, 1), (B, H, H)]
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}


def drawn(kind, rng, D=D, H=H, dtype="float64", b_hv=False):
    """Weights of which none is zero."""
    shapes = {"W": (H, D), "V": (H, H), "b": (H,)}
    names = [f.name for f in fields(kind) if f.name != "b_hv" or b_hv]
    return kind(**{n: rng.normal(0, 0.5, shapes[n[0]]).astype(dtype) for n in names})


def states(rng, *shapes, dtype="float64"):
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def close(got, wanted, dtype="float64"):
    assert got.dtype == np.dtype(dtype)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=TOLERANCE[dtype])


# against torch


def torch_cell(torch, kind, D, H, *weights):
    """A torch Cell with these weights, and a call of it that takes and returns arrays."""
    cell = kind(D, H, dtype=torch.from_numpy(weights[0]).dtype)
    with torch.no_grad():
        for name, array in zip(
            ("weight_ih", "weight_hh", "bias_ih", "bias_hh"), weights, strict=True
        ):
            getattr(cell, name).copy_(torch.from_numpy(array))
    return cell


@pytest.mark.torch
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("B", "D", "H"), SIZES)
def test_rnn_step_equals_torch(torch, rng, B, D, H, dtype):
    p = drawn(RNNParams, rng, D, H, dtype)
    x_t, h_prev, b_2 = states(rng, (B, D), (B, H), (H,), dtype=dtype)
    cell = torch_cell(torch, torch.nn.RNNCell, D, H, p.W, p.V, p.b - b_2, b_2)
    wanted = cell(torch.from_numpy(x_t), torch.from_numpy(h_prev)).detach().numpy()
    close(rnn_step(x_t, h_prev, p).h, wanted, dtype)


@pytest.mark.torch
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("B", "D", "H"), SIZES)
def test_lstm_step_equals_torch(torch, rng, B, D, H, dtype):
    p = drawn(LSTMParams, rng, D, H, dtype)
    x_t, h_prev, C_prev, b_2 = states(rng, (B, D), (B, H), (B, H), (4 * H,), dtype=dtype)
    W = np.concatenate([p.W_i, p.W_f, p.W_g, p.W_o])
    V = np.concatenate([p.V_i, p.V_f, p.V_g, p.V_o])
    b = np.concatenate([p.b_i, p.b_f, p.b_g, p.b_o])
    cell = torch_cell(torch, torch.nn.LSTMCell, D, H, W, V, b - b_2, b_2)
    h, C = cell(*map(torch.from_numpy, (x_t,)), tuple(map(torch.from_numpy, (h_prev, C_prev))))
    step = lstm_step(x_t, h_prev, C_prev, p)
    close(step.h, h.detach().numpy(), dtype)
    close(step.C, C.detach().numpy(), dtype)


@pytest.mark.torch
@pytest.mark.parametrize("b_hv", [True, False])
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("B", "D", "H"), SIZES)
def test_gru_step_after_equals_torch(torch, rng, B, D, H, dtype, b_hv):
    p = drawn(GRUParams, rng, D, H, dtype, b_hv)
    x_t, h_prev = states(rng, (B, D), (B, H), dtype=dtype)
    zero = np.zeros(H, dtype)
    W = np.concatenate([p.W_r, -p.W_z, p.W_h])
    V = np.concatenate([p.V_r, -p.V_z, p.V_h])
    b = np.concatenate([p.b_r, -p.b_z, p.b_h])
    b_2 = np.concatenate([zero, zero, p.b_hv if b_hv else zero])
    cell = torch_cell(torch, torch.nn.GRUCell, D, H, W, V, b, b_2)
    wanted = cell(torch.from_numpy(x_t), torch.from_numpy(h_prev)).detach().numpy()
    close(gru_step(x_t, h_prev, p, reset="after").h, wanted, dtype)


@pytest.mark.torch
def test_gru_step_before_has_the_derivatives_of_the_equation_in_torch(torch, rng):
    """The complex step through gru_step against torch's autograd through the equation."""
    p = drawn(GRUParams, rng)
    given = {"x_t": states(rng, (B, D))[0], "h_prev": states(rng, (B, H))[0], **dict(p.items())}
    along = {name: rng.standard_normal(a.shape) for name, a in given.items()}
    weigh = rng.standard_normal((B, H))

    t = {name: torch.from_numpy(a).requires_grad_() for name, a in given.items()}

    def affine(gate, h):
        return t["x_t"] @ t[f"W_{gate}"].T + h @ t[f"V_{gate}"].T + t[f"b_{gate}"]

    z, r = torch.sigmoid(affine("z", t["h_prev"])), torch.sigmoid(affine("r", t["h_prev"]))
    h = torch.lerp(t["h_prev"], torch.tanh(affine("h", r * t["h_prev"])), z)
    (h * torch.from_numpy(weigh)).sum().backward()
    wanted = sum((t[name].grad.numpy() * along[name]).sum() for name in given)

    step = {name: a + 1e-30j * along[name] for name, a in given.items()}
    x_t, h_prev = step.pop("x_t"), step.pop("h_prev")
    h_complex = gru_step(x_t, h_prev, GRUParams(**step)).h
    close(h_complex.real, h.detach().numpy())
    np.testing.assert_allclose((h_complex.imag * weigh).sum() / 1e-30, wanted, rtol=1e-12)


# against ONNX, five steps of our cells against one node


def test_rnn_steps_equal_onnx(rng):
    p = drawn(RNNParams, rng)
    x, h, b_2 = states(rng, (T, B, D), (B, H), (H,))
    wanted, _ = onnx_run("RNN", [p.W, p.V, np.concatenate([p.b - b_2, b_2])], x, h)
    for t in range(T):
        h = rnn_step(x[t], h, p).h
        close(h, wanted[t])


def test_lstm_steps_equal_onnx(rng):
    p = drawn(LSTMParams, rng)
    x, h, C, b_2 = states(rng, (T, B, D), (B, H), (B, H), (4 * H,))
    W = np.concatenate([p.W_i, p.W_o, p.W_f, p.W_g])
    V = np.concatenate([p.V_i, p.V_o, p.V_f, p.V_g])
    b = np.concatenate([p.b_i, p.b_o, p.b_f, p.b_g])
    wanted, _ = onnx_run("LSTM", [W, V, np.concatenate([b - b_2, b_2])], x, h, C)
    for t in range(T):
        h, C, *_ = lstm_step(x[t], h, C, p)
        close(h, wanted[t])


@pytest.mark.parametrize(("reset", "linear_before_reset"), [("before", 0), ("after", 1)])
def test_gru_steps_equal_onnx(rng, reset, linear_before_reset):
    p = drawn(GRUParams, rng, b_hv=reset == "after")
    x, h = states(rng, (T, B, D), (B, H))
    zero = np.zeros(H)
    W = np.concatenate([-p.W_z, p.W_r, p.W_h])
    V = np.concatenate([-p.V_z, p.V_r, p.V_h])
    b = np.concatenate([-p.b_z, p.b_r, p.b_h, zero, zero, zero if p.b_hv is None else p.b_hv])
    wanted, _ = onnx_run("GRU", [W, V, b], x, h, linear_before_reset=linear_before_reset)
    for t in range(T):
        h = gru_step(x[t], h, p, reset).h
        close(h, wanted[t])


# the parts of a step


@pytest.mark.parametrize(("gate", "part"), [("f", "f"), ("i", "i"), ("g", "C_tilde"), ("o", "o")])
def test_lstm_step_names_its_parts(rng, gate, part):
    p = drawn(LSTMParams, rng)
    step = lstm_step(
        *states(rng, (B, D), (B, H), (B, H)), replace(p, **{f"b_{gate}": np.full(H, 99.0)})
    )
    ones = [name for name in ("f", "i", "C_tilde", "o") if np.all(getattr(step, name) == 1)]
    assert ones == [part]


@pytest.mark.parametrize(("gate", "part"), [("z", "z"), ("r", "r"), ("h", "h_tilde")])
@pytest.mark.parametrize("reset", ["before", "after"])
def test_gru_step_names_its_parts(rng, gate, part, reset):
    p = drawn(GRUParams, rng)
    full = replace(p, **{f"b_{gate}": np.full(H, 99.0)})
    step = gru_step(*states(rng, (B, D), (B, H)), full, reset)
    ones = [name for name in ("z", "r", "h_tilde") if np.all(getattr(step, name) == 1)]
    assert ones == [part]


@pytest.mark.parametrize("reset", ["before", "after"])
def test_gru_z_near_1_takes_the_new_and_near_0_keeps_the_old(rng, reset):
    p = drawn(GRUParams, rng)
    x_t, h_prev = states(rng, (B, D), (B, H))
    takes = gru_step(x_t, h_prev, replace(p, b_z=np.full(H, 99.0)), reset)
    keeps = gru_step(x_t, h_prev, replace(p, b_z=np.full(H, -99.0)), reset)
    np.testing.assert_array_equal(takes.h, takes.h_tilde)
    np.testing.assert_array_equal(keeps.h, h_prev)


def test_sigmoid_is_the_logistic_function(rng):
    a = rng.normal(0, 3, 50)
    np.testing.assert_allclose(sigmoid(a), 1 / (1 + np.exp(-a)), rtol=1e-13)
    c = a + 1j * rng.normal(0, 1, 50)
    np.testing.assert_allclose(sigmoid(c), 1 / (1 + np.exp(-c)), atol=1e-15)
    np.testing.assert_array_equal(sigmoid(np.array([-1e3, 0.0, 1e3])), [0.0, 0.5, 1.0])


# what holds for every cell

STEPS = {
    "rnn": (RNNParams, 1, rnn_step, False),
    "lstm": (LSTMParams, 2, lstm_step, False),
    "gru before": (GRUParams, 1, gru_step, False),
    "gru after": (GRUParams, 1, lambda *given: gru_step(*given, reset="after"), True),
}


@pytest.fixture(params=STEPS)
def step(request, rng):
    """A step with its weights in place, its initial states (B, H) and an x_t (B, D)."""
    kind, n_states, function, b_hv = STEPS[request.param]
    p = drawn(kind, rng, b_hv=b_hv)
    return function, p, states(rng, (B, D), *[(B, H)] * n_states)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_dtypes_stay(step, dtype):
    function, p, given = step
    parts = function(*[a.astype(dtype) for a in given], p.astype(dtype))
    assert {part.dtype for part in parts} == {np.dtype(dtype)}
    assert {part.shape for part in parts} == {(B, H)}


def test_leading_axes_are_batches(step, rng):
    function, p, given = step
    whole = function(*given, p)
    one = function(*[a[1] for a in given], p)
    more = function(*[np.stack([a, a, a]) for a in given], p)
    for k, part in enumerate(whole):
        np.testing.assert_allclose(one[k], part[1], atol=1e-15)
        np.testing.assert_allclose(more[k], np.stack([part, part, part]), atol=1e-15)


def test_inputs_are_not_changed(step):
    function, p, given = step
    arrays = [*given, *(a for _, a in p.items())]
    before = [a.copy() for a in arrays]
    for a in arrays:
        a.flags.writeable = False
    parts = function(*given, p)
    for a, b in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(a, b)
        assert not any(np.shares_memory(a, part) for part in parts)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1e3, -1e3])
def test_large_pre_activations_give_no_warning_and_no_nan(step, scale, dtype):
    """Every pre-activation lies near +-1e3; a warning is an error in these tests."""
    function, p, given = step
    biased = {n: a + scale if n[0] == "b" else a for n, a in p.items()}
    parts = function(*[a.astype(dtype) for a in given], type(p)(**biased).astype(dtype))
    assert all(np.all(np.isfinite(part)) for part in parts)


@pytest.mark.parametrize(
    ("which", "change", "message"),
    [
        (0, lambda a: a[:, :2], r"x_t must have shape \(\.\.\., 3\), got \(2, 2\)"),
        (0, lambda a: a.T, r"got \(3, 2\); features lie on the last axis"),
        (0, lambda a: a.astype("float32"), r"x_t must be float64 .* got float32; .*astype"),
        (0, lambda a: a.tolist(), r"x_t must be a NumPy array, got list; np\.asarray"),
        (0, lambda a: np.ones((2, 3), int), r"x_t must be float32, float64 or complex128, got int"),
        (0, lambda a: np.float64(1) * a[0, 0], r"x_t must be a NumPy array, got float64"),
        (0, lambda a: np.array(1.0), r"x_t must have shape \(\.\.\., 3\), got \(\)"),
        (1, lambda a: a[:, :3], r"h_prev must have shape \(\.\.\., 4\), got \(2, 3\)"),
        (
            1,
            lambda a: a[:1],
            r"h_prev must have shape \(2, 4\) to go with x_t \(2, 3\), got \(1, 4",
        ),
        (1, lambda a: a[0], r"h_prev must have shape \(2, 4\) to go with x_t \(2, 3\), got \(4,"),
        (1, lambda a: a.astype("float32"), r"h_prev must be float64 .* got float32"),
        (-1, lambda a: a[:, :3], r"(C|h)_prev must have shape \(\.\.\., 4\), got \(2, 3\)"),
    ],
)
def test_a_wrong_input_is_refused(step, which, change, message):
    function, p, given = step
    given[which] = change(given[which])
    with pytest.raises(ValueError, match=r"^(rnn|lstm|gru)_step: .*" + message):
        function(*given, p)


def test_a_wrong_reset_is_refused(rng):
    given = states(rng, (B, D), (B, H))
    with pytest.raises(
        ValueError, match=r'gru_step: reset must be "before" or "after", got .middle'
    ):
        gru_step(*given, drawn(GRUParams, rng), reset="middle")
    with pytest.raises(ValueError, match=r'reset="before" has no b_hv.*say reset="after"'):
        gru_step(*given, drawn(GRUParams, rng, b_hv=True))
