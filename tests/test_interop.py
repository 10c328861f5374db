"""Weights to and from torch, ONNX and Keras: each layout is run by the library that owns it.

Keras is not among this project's dependencies. Its cells are written out below, as its source of
version 3 has them, from one kernel and one bias for all gates, as get_weights() gives them.
"""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from onnx_oracle import onnx_run

from rnnlab import interop
from rnnlab.cells import gru_step, lstm_step, rnn_step
from rnnlab.params import GRUParams, LSTMParams, RNNParams

T, B, D, H = 5, 2, 3, 4
KINDS = {"rnn": RNNParams, "lstm": LSTMParams, "gru": GRUParams}
GATES = {"rnn": 1, "lstm": 4, "gru": 3}
FORMS = [("rnn", None), ("lstm", None), ("gru", "before"), ("gru", "after")]
every_form = pytest.mark.parametrize(("cell", "reset"), FORMS)


def drawn(cell, rng, D=D, H=H, reset=None, dtype="float64"):
    """Weights of which none is zero; b_hv where the reset comes after."""
    shapes = {"W": (H, D), "V": (H, H), "b": (H,)}
    names = [f.name for f in fields(KINDS[cell]) if f.name != "b_hv" or reset == "after"]
    return KINDS[cell](**{n: rng.normal(0, 0.5, shapes[n[0]]).astype(dtype) for n in names})


def run(p, x, h, C, reset=None):
    """Every h_t (T, B, H), by looping over the reference cell."""
    states = []
    for x_t in x:
        if isinstance(p, RNNParams):
            h = rnn_step(x_t, h, p).h
        elif isinstance(p, LSTMParams):
            h, C, *_ = lstm_step(x_t, h, C, p)
        else:
            h = gru_step(x_t, h, p, reset).h
        states.append(h)
    return np.stack(states)


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def sequence(rng):
    """x (T, B, D), h0 and C0 (B, H)."""
    return [rng.standard_normal(shape) for shape in ((T, B, D), (B, H), (B, H))]


@pytest.fixture
def torch():
    torch = pytest.importorskip("torch")
    torch.manual_seed(7)
    return torch


def equal(p, q):
    """The same weights, bit for bit."""
    assert type(p) is type(q)
    assert [n for n, _ in p.items()] == [n for n, _ in q.items()]
    for (name, a), (_, b) in zip(p.items(), q.items(), strict=True):
        assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes()), name


def close(got, wanted):
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-12)


# the three libraries at work


def run_torch(torch, module, x, h, C):
    state = tuple(
        torch.from_numpy(a)[None] for a in (h, C)[: 1 + isinstance(module, torch.nn.LSTM)]
    )
    with torch.no_grad():
        out, _ = module(torch.from_numpy(x), state if len(state) > 1 else state[0])
    return out.numpy()


def torch_module(torch, cell, **options):
    kind = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell]
    return kind(D, H, dtype=torch.float64, **options)


def run_onnx(cell, arrays, x, h, C, **attributes):
    assert all(len(array) == 1 for array in arrays), "one direction"
    C0 = C if cell == "lstm" else None
    return onnx_run(cell.upper(), [array[0] for array in arrays], x, h, C0, **attributes)[0]


def run_keras(cell, weights, x, h, C, reset=None):
    """Keras's cells: one product for all gates, cut in its order; z keeps the old."""
    kernel, recurrent, *rest = weights
    bias = rest[0] if rest else np.zeros(kernel.shape[1])

    def sigmoid(a):
        return 1 / (1 + np.exp(-a))

    states = []
    for x_t in x:
        if cell == "rnn":
            h = np.tanh(x_t @ kernel + bias + h @ recurrent)
        elif cell == "lstm":
            i, f, c, o = np.split(x_t @ kernel + h @ recurrent + bias, 4, axis=-1)
            C = sigmoid(f) * C + sigmoid(i) * np.tanh(c)
            h = sigmoid(o) * np.tanh(C)
        elif reset == "after":
            input_bias, recurrent_bias = np.broadcast_to(bias, (2, 3 * H))
            x_z, x_r, x_h = np.split(x_t @ kernel + input_bias, 3, axis=-1)
            h_z, h_r, h_h = np.split(h @ recurrent + recurrent_bias, 3, axis=-1)
            z, r = sigmoid(x_z + h_z), sigmoid(x_r + h_r)
            h = z * h + (1 - z) * np.tanh(x_h + r * h_h)
        else:
            x_z, x_r, x_h = np.split(x_t @ kernel + bias, 3, axis=-1)
            z = sigmoid(x_z + h @ recurrent[:, :H])
            r = sigmoid(x_r + h @ recurrent[:, H : 2 * H])
            h = z * h + (1 - z) * np.tanh(x_h + (r * h) @ recurrent[:, 2 * H :])
        states.append(h)
    return np.stack(states)


# torch


@pytest.mark.torch
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("cell", KINDS)
def test_the_arrays_of_a_torch_module_load(torch, sequence, cell, bias):
    module = torch_module(torch, cell, bias=bias)
    p = interop.from_torch({k: v.numpy() for k, v in module.state_dict().items()}, cell)
    close(run(p, *sequence, "after"), run_torch(torch, module, *sequence))


@pytest.mark.torch
@pytest.mark.parametrize("cell", KINDS)
def test_the_arrays_of_a_torch_cell_load(torch, sequence, cell):
    kind = {"rnn": torch.nn.RNNCell, "lstm": torch.nn.LSTMCell, "gru": torch.nn.GRUCell}[cell]
    module = kind(D, H, dtype=torch.float64)
    p = interop.from_torch({k: v.numpy() for k, v in module.state_dict().items()}, cell)
    x, h, C = sequence
    given = tuple(map(torch.from_numpy, (h, C))) if cell == "lstm" else torch.from_numpy(h)
    wanted = module(torch.from_numpy(x[0]), given)
    wanted = wanted[0] if cell == "lstm" else wanted
    close(run(p, x[:1], h, C, "after")[0], wanted.detach().numpy())


@pytest.mark.torch
@pytest.mark.parametrize("cell", KINDS)
def test_a_torch_module_takes_our_arrays(torch, rng, sequence, cell):
    p = drawn(cell, rng, reset="after")
    module = torch_module(torch, cell)
    module.load_state_dict({k: torch.from_numpy(v) for k, v in interop.to_torch(p).items()})
    close(run_torch(torch, module, *sequence), run(p, *sequence, "after"))


@pytest.mark.torch
@pytest.mark.parametrize("cell", KINDS)
def test_a_state_dict_of_tensors_loads_as_it_is_and_is_not_shared(torch, cell):
    state = torch_module(torch, cell).state_dict()
    p = interop.from_torch(state, cell)
    equal(p, interop.from_torch({k: v.numpy() for k, v in state.items()}, cell))
    kept = interop.from_torch(state, cell)
    for tensor in state.values():
        tensor.zero_()
    equal(p, kept)


@pytest.mark.torch
def test_a_tensor_that_is_no_array_is_refused_with_the_cure(torch):
    named = dict(torch_module(torch, "lstm").named_parameters())
    with pytest.raises(
        ValueError, match=r"weight_ih_l0 must be a NumPy array, got Parameter .*v\.det"
    ):
        interop.from_torch(named, "lstm")
    half = {k: v.to(torch.bfloat16) for k, v in torch_module(torch, "lstm").state_dict().items()}
    with pytest.raises(ValueError, match=r"weight_ih_l0 must be a NumPy array, got Tensor"):
        interop.from_torch(half, "lstm")


@pytest.mark.torch
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_layers": 2}, r"got 'weight_ih_l1'; hand over the layers one by one"),
        ({"bidirectional": True}, r"got 'weight_ih_l0_reverse'; a bidirectional layer is two"),
        ({"proj_size": 2}, r"got 'weight_hr_l0'; an LSTM with proj_size has no counterpart"),
    ],
)
def test_a_larger_torch_module_is_refused(torch, options, message):
    state = torch_module(torch, "lstm", **options).state_dict()
    with pytest.raises(
        ValueError, match="^from_torch: arrays must hold weight_ih_l0, .*" + message
    ):
        interop.from_torch(state, "lstm")


def test_a_part_of_a_larger_model_is_refused_and_its_cure_works(rng):
    p = drawn("lstm", rng)
    arrays = {f"core.rnn.{k}": v for k, v in interop.to_torch(p).items()}
    with pytest.raises(ValueError, match=r"got 'core\.rnn\.weight_ih_l0'; of a larger") as error:
        interop.from_torch(arrays, "lstm")
    cure = str(error.value).split("take one layer: ")[1]
    equal(interop.from_torch(eval(cure, {"arrays": arrays}), "lstm"), p)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda a: a.pop("weight_hh_l0"),
            r"got no weight_hh_l0; only the two biases may be absent",
        ),
        (lambda a: a.pop("bias_hh_l0"), r"got no bias_hh_l0; only the two biases .* then both"),
        (
            lambda a: (a.pop("weight_ih_l0"), a.pop("bias_ih_l0")),
            r"got no weight_ih_l0, bias_ih_l0;",
        ),
        (lambda a: a.clear(), r"got no weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0"),
        (lambda a: a.update(scale=1), r"got 'scale'$"),
        (
            lambda a: a.update(weight_ih=a["weight_ih_l0"]),
            r"must hold weight_ih, .*got 'weight_ih_l0",
        ),
        (
            lambda a: a.update(weight_ih_l0=a["weight_ih_l0"].T),
            r"shape \(16, D\), got \(3, 16\); .*tra",
        ),
        (lambda a: a.update(weight_hh_l0=a["weight_hh_l0"][0]), r"\(G\*H, H\), got \(4,\)"),
        (
            lambda a: a.update(weight_hh_l0=a["weight_hh_l0"][:15]),
            r"hold 4 gates of H = 4 .*\(15, 4\)$",
        ),
        (lambda a: a.update(bias_hh_l0=a["bias_hh_l0"][:4]), r"bias_hh_l0 must have shape \(16,\)"),
        (lambda a: a.update(bias_ih_l0=np.ones(16, "f4")), r"bias_ih_l0 must be float64 .*float32"),
        (
            lambda a: a.update(bias_ih_l0=np.ones(16, int)),
            r"bias_ih_l0 must be float32, .* got int64",
        ),
        (lambda a: a.update(bias_ih_l0=None), r"bias_ih_l0 must be float32, .* got object"),
    ],
)
def test_from_torch_refuses_what_does_not_fit(change, message, rng):
    arrays = interop.to_torch(drawn("lstm", rng))
    change(arrays)
    with pytest.raises(ValueError, match="^from_torch: .*" + message):
        interop.from_torch(arrays, "lstm")


# Keras


@every_form
def test_keras_takes_our_arrays(rng, sequence, cell, reset):
    p = drawn(cell, rng, reset=reset)
    weights = interop.to_keras(p, reset)
    rows = GATES[cell] * H
    bias = (2, rows) if reset == "after" else (rows,)
    assert [a.shape for a in weights] == [(D, rows), (H, rows), bias]
    close(run_keras(cell, weights, *sequence, reset), run(p, *sequence, reset))


@every_form
def test_the_arrays_of_keras_load(rng, sequence, cell, reset):
    rows = GATES[cell] * H
    bias = (2, rows) if reset == "after" else (rows,)
    weights = [rng.normal(0, 0.5, shape) for shape in ((D, rows), (H, rows), bias)]
    p = interop.from_keras(weights, cell)
    assert (getattr(p, "b_hv", None) is not None) == (reset == "after")
    close(run(p, *sequence, reset), run_keras(cell, weights, *sequence, reset))


@every_form
def test_the_arrays_of_keras_load_without_a_bias(rng, sequence, cell, reset):
    weights = [rng.normal(0, 0.5, shape) for shape in ((D, GATES[cell] * H), (H, GATES[cell] * H))]
    p = interop.from_keras(weights, cell, reset) if reset else interop.from_keras(weights, cell)
    close(run(p, *sequence, reset), run_keras(cell, weights, *sequence, reset))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a[:1], r"kernel, recurrent_kernel and, where .* got 1 arrays"),
        (lambda a: a + a, r"one layer in one direction, got 6 arrays"),
        (lambda a: dict(enumerate(a)), r"arrays must be a list as get_weights\(\), got dict"),
        (lambda a: [a[0].T, *a[1:]], r"kernel must have shape \(D, 16\), got \(16, 3\); .*transp"),
        (
            lambda a: [a[0], a[1].T, a[2]],
            r"recurrent_kernel must hold 4 gates of H = 16 .*\(16, 4\)",
        ),
        (
            lambda a: [a[0], a[1][0], a[2]],
            r"recurrent_kernel must have shape \(H, G\*H\), got \(16,",
        ),
        (lambda a: [*a[:2], a[2][None]], r"bias must have shape \(16,\), got \(1, 16\)"),
        (lambda a: [*a[:2], a[2].astype("f4")], r"bias must be float64 like .* got float32"),
    ],
)
def test_from_keras_refuses_what_does_not_fit(change, message, rng):
    with pytest.raises(ValueError, match="^from_keras: .*" + message):
        interop.from_keras(change(interop.to_keras(drawn("lstm", rng))), "lstm")


def test_a_keras_bias_and_the_reset_must_agree(rng):
    before = interop.to_keras(drawn("gru", rng), "before")
    after = interop.to_keras(drawn("gru", rng, reset="after"))
    equal(interop.from_keras(before, "gru", "before"), interop.from_keras(before, "gru"))
    equal(interop.from_keras(after, "gru", "after"), interop.from_keras(after, "gru"))
    with pytest.raises(ValueError, match=r'reset must be "before" for these arrays, as their bias'):
        interop.from_keras(before, "gru", "after")
    with pytest.raises(ValueError, match=r'reset must be "after" for these arrays, as their bias'):
        interop.from_keras(after, "gru", "before")
    with pytest.raises(ValueError, match=r"reset must be said .* without a bias they do not tell"):
        interop.from_keras(before[:2], "gru")
    with pytest.raises(ValueError, match=r"bias must have shape \(2, 12\), got \(3, 12\)"):
        interop.from_keras([*before[:2], np.ones((3, 12))], "gru")


# ONNX


@every_form
def test_onnx_takes_our_arrays(rng, sequence, cell, reset):
    p = drawn(cell, rng, reset=reset)
    arrays = interop.to_onnx(p, reset)
    rows = GATES[cell] * H
    assert [a.shape for a in arrays] == [(1, rows, D), (1, rows, H), (1, 2 * rows)]
    attributes = {"linear_before_reset": int(reset == "after")} if reset else {}
    close(run_onnx(cell, arrays, *sequence, **attributes), run(p, *sequence, reset))


@pytest.mark.parametrize("bias", [True, False])
@every_form
def test_the_arrays_of_onnx_load(rng, sequence, cell, reset, bias):
    rows = GATES[cell] * H
    arrays = [rng.normal(0, 0.5, s) for s in ((1, rows, D), (1, rows, H), (1, 2 * rows))][
        : 2 + bias
    ]
    p = interop.from_onnx(arrays, cell, reset) if reset else interop.from_onnx(arrays, cell)
    assert (getattr(p, "b_hv", None) is not None) == (reset == "after")
    attributes = {"linear_before_reset": int(reset == "after")} if reset else {}
    close(run(p, *sequence, reset), run_onnx(cell, arrays, *sequence, **attributes))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda W, R, B: (W,), r"arrays must be W, R and, where there is one, B .* got 1 arrays"),
        (lambda W, R, B: (W, R, B, W[0]), r"got 4 arrays"),
        (lambda W, R, B: W, r"arrays must be a list as \(W, R, B\), got ndarray"),
        (
            lambda W, R, B: (W[[0, 0]], R[[0, 0]], B[[0, 0]]),
            r"of one direction, .*\(2, 16, 4\); of a b",
        ),
        (lambda W, R, B: (W, R[0], B), r"R must have shape \(1, G\*H, H\), got \(16, 4\)"),
        (lambda W, R, B: (W[0], R, B), r"W must have shape \(1, 16, D\), got \(16, 3\)"),
        (lambda W, R, B: (W, R, B[:, :16]), r"B must have shape \(1, 32\), got \(1, 16\)"),
        (lambda W, R, B: (W, R[:, :12], B), r'R must hold 4 gates .*; these are .* cell "gru"'),
    ],
)
def test_from_onnx_refuses_what_does_not_fit(change, message, rng):
    with pytest.raises(ValueError, match="^from_onnx: .*" + message):
        interop.from_onnx(change(*interop.to_onnx(drawn("lstm", rng))), "lstm")


def test_onnx_arrays_of_a_gru_need_the_reset(rng):
    arrays = interop.to_onnx(drawn("gru", rng, reset="after"))
    with pytest.raises(ValueError, match=r'reset must be said .*"after" for linear_before_reset=1'):
        interop.from_onnx(arrays, "gru")


# what holds for all three

TO = {"torch": interop.to_torch, "keras": interop.to_keras, "onnx": interop.to_onnx}
FROM = {"torch": interop.from_torch, "keras": interop.from_keras, "onnx": interop.from_onnx}


TRIPS = [(lib, *form) for lib in TO for form in FORMS if (lib, form[1]) != ("torch", "before")]
every_trip = pytest.mark.parametrize(("library", "cell", "reset"), TRIPS)


def returned(library, p, cell, reset):
    """Ours to theirs and back."""
    theirs = TO[library](p, reset)
    asked = (reset,) if library == "onnx" and reset else ()
    return theirs, FROM[library](theirs, cell, *asked)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_trip
def test_ours_to_theirs_to_ours_is_exact(rng, library, cell, reset, dtype):
    p = drawn(cell, rng, reset=reset, dtype=dtype)
    theirs, again = returned(library, p, cell, reset)
    values = theirs.values() if isinstance(theirs, dict) else theirs
    assert {a.dtype for a in values} == {np.dtype(dtype)}
    equal(again, p)


@every_trip
def test_a_zero_bias_comes_back_as_it_was(rng, library, cell, reset):
    p = drawn(cell, rng, reset=reset)
    p = replace(p, **{n: np.zeros_like(a) for n, a in p.items() if n[0] == "b"})
    equal(returned(library, p, cell, reset)[1], p)


@every_trip
def test_nothing_is_shared(rng, library, cell, reset):
    p = drawn(cell, rng, reset=reset)
    theirs, again = returned(library, p, cell, reset)
    theirs = list(theirs.values() if isinstance(theirs, dict) else theirs)
    for k, a in enumerate(theirs):
        assert a.flags.c_contiguous
        others = [*theirs[:k], *(b for q in (p, again) for _, b in q.items())]
        assert not any(np.shares_memory(a, b) for b in others)
        a[...] = 0  # they may be written to
    assert all(np.all(b != 0) for q in (p, again) for _, b in q.items())


@pytest.mark.parametrize("library", TO)
def test_the_reset_of_our_gru_is_told_by_b_hv_or_asked_for(rng, library):
    to = TO[library]
    p = drawn("gru", rng)
    with pytest.raises(
        ValueError, match=rf"^to_{library}: reset must be said .*without b_hv they fit"
    ):
        to(p)
    with pytest.raises(
        ValueError, match=rf'^to_{library}: reset must be "before" or "after", got 1'
    ):
        to(p, 1)
    zero = replace(p, b_hv=np.zeros(H))
    with pytest.raises(ValueError, match=rf'^to_{library}: reset must be "after" for these arrays'):
        to(zero, "before")
    said, told = to(p, "after"), to(zero)
    for a, b in zip(
        *((t.values() if library == "torch" else t) for t in (said, told)), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_torch_has_no_gru_before(rng):
    with pytest.raises(ValueError, match=r'^to_torch: reset must be "after", torch has no other'):
        interop.to_torch(drawn("gru", rng), "before")


@pytest.mark.parametrize("library", TO)
def test_a_wrong_cell_is_named(rng, library):
    lstm, back = TO[library](drawn("lstm", rng)), FROM[library]
    with pytest.raises(ValueError, match=rf'^from_{library}: cell must be "rnn", .* got \'LSTM\''):
        back(lstm, "LSTM")
    with pytest.raises(
        ValueError, match=r'must hold 1 gates? .*these are the weights of cell "lstm"'
    ):
        back(lstm, "rnn")
    with pytest.raises(ValueError, match=rf"^to_{library}: params must be RNNParams, .* got dict"):
        TO[library]({})


@pytest.mark.parametrize("library", ["keras", "onnx"])
@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_only_a_gru_has_a_reset(rng, library, cell):
    p = drawn(cell, rng)
    with pytest.raises(
        ValueError, match=r"reset must be left out, only a GRU has one, got 'after'"
    ):
        TO[library](p, "after")
    with pytest.raises(
        ValueError, match=r"reset must be left out, only a GRU has one, got 'after'"
    ):
        FROM[library](TO[library](p), cell, "after")


def test_from_torch_wants_a_dict(rng):
    with pytest.raises(
        ValueError, match=r"arrays must be a dict as a state_dict, got list; .*state"
    ):
        interop.from_torch([], "lstm")
