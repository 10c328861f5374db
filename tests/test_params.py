"""Named weights: what they accept, how they stack, and what each initialisation draws."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, replace
from itertools import permutations

import numpy as np
import pytest

from rnnlab.params import GRUParams, LSTMParams, RNNParams, check_array

D, H = 3, 4
KINDS = [RNNParams, LSTMParams, GRUParams]


def drawn(kind, rng, D=D, H=H, b_hv=False):
    """Weights of which none is zero."""
    shapes = {"W": (H, D), "V": (H, H), "b": (H,)}
    names = [f.name for f in fields(kind) if f.name != "b_hv" or b_hv]
    return kind(**{n: rng.normal(0, 0.5, shapes[n[0]]) for n in names})


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def equal(p, q):
    assert type(p) is type(q)
    assert [n for n, _ in p.items()] == [n for n, _ in q.items()]
    for (name, a), (_, b) in zip(p.items(), q.items(), strict=True):
        assert a.dtype == b.dtype, name
        np.testing.assert_array_equal(a, b, err_msg=name)


# what the weights say of themselves


@pytest.mark.parametrize(
    ("kind", "b_hv", "size"),
    [
        (RNNParams, False, 1 * 4 * (3 + 4 + 1)),
        (LSTMParams, False, 4 * 4 * (3 + 4 + 1)),
        (GRUParams, False, 3 * 4 * (3 + 4 + 1)),
        (GRUParams, True, 3 * 4 * (3 + 4 + 1) + 4),
    ],
)
def test_sizes(kind, b_hv, size, rng):
    p = drawn(kind, rng, b_hv=b_hv)
    assert (p.input_size, p.hidden_size, p.size) == (D, H, size)


def test_items_are_named_arrays_in_the_order_of_the_fields(rng):
    assert [n for n, _ in drawn(RNNParams, rng).items()] == ["W", "V", "b"]
    names = [n for n, _ in drawn(LSTMParams, rng).items()]
    assert names == [f"{k}_{gate}" for gate in "figo" for k in "WVb"]
    names = [n for n, _ in drawn(GRUParams, rng).items()]
    assert names == [f"{k}_{gate}" for gate in "zrh" for k in "WVb"]
    assert [n for n, _ in drawn(GRUParams, rng, b_hv=True).items()] == [*names, "b_hv"]


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_astype_makes_new_arrays_of_the_dtype(dtype, rng):
    p = drawn(GRUParams, rng, b_hv=True)
    q = p.astype(dtype)
    assert q.dtype == np.dtype(dtype)
    for (name, a), (_, b) in zip(p.items(), q.items(), strict=True):
        assert b.dtype == np.dtype(dtype)
        assert not np.shares_memory(a, b)
        np.testing.assert_allclose(b, a, rtol=1e-6, err_msg=name)


def test_params_are_frozen(rng):
    with pytest.raises(FrozenInstanceError):
        drawn(RNNParams, rng).W = np.zeros((H, D))


# stacking


@pytest.mark.parametrize("kind", KINDS)
def test_packed_stacks_the_gates_in_every_order(kind, rng):
    p = drawn(kind, rng)
    for order in map("".join, permutations(kind.gates)):
        W, V, b = p.packed(order)
        names = [f"_{gate}" if len(order) > 1 else "" for gate in order]
        for k, name in enumerate(names):
            rows = slice(k * H, (k + 1) * H)
            np.testing.assert_array_equal(W[rows], getattr(p, f"W{name}"))
            np.testing.assert_array_equal(V[rows], getattr(p, f"V{name}"))
            np.testing.assert_array_equal(b[rows], getattr(p, f"b{name}"))
        G = len(order)
        assert (W.shape, V.shape, b.shape) == ((G * H, D), (G * H, H), (G * H,))
        equal(kind.from_packed(W, V, b, order), p)


@pytest.mark.parametrize("kind", KINDS)
def test_packed_without_an_order_follows_the_fields(kind, rng):
    p = drawn(kind, rng)
    for got, wanted in zip(p.packed(), p.packed(kind.gates), strict=True):
        np.testing.assert_array_equal(got, wanted)
    equal(kind.from_packed(*p.packed()), p)


@pytest.mark.parametrize("kind", KINDS)
def test_stacking_makes_new_arrays(kind, rng):
    p = drawn(kind, rng)
    stacked = p.packed()
    again = kind.from_packed(*stacked)
    for a in stacked:
        for q in (p, again):
            assert not any(np.shares_memory(a, b) for _, b in q.items())


@pytest.mark.parametrize("kind", KINDS)
def test_joined_makes_one_product_of_three_terms(kind, rng):
    p = drawn(kind, rng)
    x, h = rng.standard_normal(D), rng.standard_normal(H)
    for order in (None, kind.gates[::-1]):
        W, V, b = p.packed(order)
        a = p.joined(order) @ np.concatenate([x, h, [1]])
        np.testing.assert_allclose(a, W @ x + V @ h + b, rtol=1e-13)
    assert not any(np.shares_memory(p.joined(), a) for _, a in p.items())
    assert p.astype("float32").joined().dtype == np.float32


@pytest.mark.parametrize("b_hv", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_unchecked_holds_the_very_arrays(kind, b_hv, rng):
    p = drawn(kind, rng, b_hv=b_hv)
    q = kind.unchecked(**dict(p.items()))
    equal(p, q)
    assert all(a is b for (_, a), (_, b) in zip(p.items(), q.items(), strict=True))
    equal(replace(q), p)
    with pytest.raises(FrozenInstanceError):
        q.gates = ""


def test_b_hv_stays_apart_from_the_stack(rng):
    p = drawn(GRUParams, rng, b_hv=True)
    equal(replace(GRUParams.from_packed(*p.packed("rzh"), "rzh"), b_hv=p.b_hv), p)


@pytest.mark.parametrize("order", ["", "ifg", "iffo", "ifgoo", "ifgx", "i f g o", "IFGO"])
def test_an_order_that_does_not_name_each_gate_once_is_refused(order, rng):
    p = drawn(LSTMParams, rng)
    with pytest.raises(ValueError, match=r"packed: order must name each of the gates f, i, g, o"):
        p.packed(order)
    with pytest.raises(ValueError, match=r"joined: order must name .* once, got " + repr(order)):
        p.joined(order)
    with pytest.raises(ValueError, match=r"LSTMParams\.from_packed: order must name each"):
        LSTMParams.from_packed(*p.packed(), order)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda W, V, b: (W, V, b[:-1]), r"b must have a length that 4 gates divide, got 15"),
        (lambda W, V, b: (W, V, b[:, None]), r"b must have shape \(G\*H,\), got \(16, 1\)"),
        (lambda W, V, b: (W.T, V, b), r"W must have shape \(16, D\), got \(3, 16\); .*transposed"),
        (lambda W, V, b: (W, V.T, b), r"V must have shape \(16, 4\), got \(4, 16\); .*transposed"),
        (lambda W, V, b: (W, V.astype("float32"), b), r"V must be float64 .*got float32"),
    ],
)
def test_from_packed_refuses_what_does_not_fit(change, message, rng):
    W, V, b = drawn(LSTMParams, rng).packed()
    with pytest.raises(ValueError, match=r"LSTMParams\.from_packed: " + message):
        LSTMParams.from_packed(*change(W, V, b))


# what the weights refuse


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("W_f", lambda a: a.T, r"W_f must have shape \(4, D\), got \(3, 4\)"),
        ("W_o", lambda a: a.T, r"W_o must have shape \(4, 3\), got \(3, 4\); it looks transposed"),
        ("W_i", lambda a: a[:, :2], r"W_i must have shape \(4, 3\), got \(4, 2\)"),
        ("V_g", lambda a: a[:3], r"V_g must have shape \(4, 4\), got \(3, 4\)"),
        ("V_g", lambda a: a[0], r"V_g must have shape \(4, 4\), got \(4,\)"),
        ("b_f", lambda a: np.array(1.0), r"b_f must have shape \(H,\), got \(\)"),
        ("b_o", lambda a: np.array(1.0), r"b_o must have shape \(4,\), got \(\)$"),
        ("b_o", lambda a: a[:, None], r"b_o must have shape \(4,\), got \(4, 1\)$"),
        ("b_o", lambda a: a.astype("float32"), r"b_o must be float64 .*got float32; .*astype"),
        ("b_o", lambda a: a.astype(int), r"b_o must be float32, float64 or complex128, got int64"),
        ("b_f", lambda a: 1.0, r"b_f must be a NumPy array, got float; np\.asarray\(b_f\) makes"),
        ("W_f", lambda a: a.tolist(), r"W_f must be a NumPy array, got list"),
        ("V_o", lambda a: None, r"V_o must be a NumPy array, got NoneType"),
    ],
)
def test_a_wrong_weight_is_refused(name, change, message, rng):
    arrays = dict(drawn(LSTMParams, rng).items())
    arrays[name] = change(arrays[name])
    with pytest.raises(ValueError, match=r"^LSTMParams: " + message):
        LSTMParams(**arrays)


def test_a_wrong_b_hv_is_refused(rng):
    with pytest.raises(ValueError, match=r"GRUParams: b_hv must have shape \(4,\), got \(3,\)"):
        replace(drawn(GRUParams, rng), b_hv=np.ones(3))


@pytest.mark.parametrize(
    ("shape", "wanted", "cure"),
    [
        ((2, 5, 3), (5, 2, 3), "; time comes first, then the batch: swap the first two axes"),
        ((5, 3), ("T", "B", 3), "; an axis is missing: a single example still has a batch axis"),
        ((3, 2), ("...", 3), "; features lie on the last axis and the batch comes first"),
        ((3, 2), (2, 3), "; it looks transposed"),
        ((5, 2, 4), ("T", "B", 3), None),
        ((3, 1), (3,), None),
        ((), (3,), None),
    ],
)
def test_check_array_names_the_usual_cause(shape, wanted, cure):
    with pytest.raises(ValueError) as error:
        check_array("here", "x", np.ones(shape), wanted)
    words = str(wanted).replace("'", "")
    start = f"here: x must have shape {words}, got {shape}"
    assert str(error.value).startswith(start + (cure or ""))
    assert cure or str(error.value) == start


# initialisation


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
def test_init_gives_the_sizes_and_the_dtype(kind, dtype, rng):
    p = kind.init(D, H, rng, dtype=dtype)
    assert (p.input_size, p.hidden_size, p.dtype) == (D, H, np.dtype(dtype))


@pytest.mark.parametrize("weights", ["uniform", "glorot"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_draws_the_same(kind, weights):
    first, second, other = (
        kind.init(D, H, np.random.default_rng(seed), weights=weights) for seed in (7, 7, 8)
    )
    equal(first, second)
    assert all(not np.array_equal(a, b) for (n, a), (_, b) in pairs(first, other) if n[0] != "b")


def pairs(p, q):
    return zip(p.items(), q.items(), strict=True)


def is_uniform(sample, low, high):
    """Within the bounds, and the largest gap to the uniform distribution function is small."""
    u = (np.sort(sample.ravel()) - low) / (high - low)
    assert u[0] >= 0 and u[-1] <= 1
    gap = np.max(np.abs(u - (np.arange(u.size) + 0.5) / u.size))
    assert gap < 2.0 / np.sqrt(u.size)  # Kolmogorov and Smirnov: exceeded once in 1500 draws


@pytest.mark.parametrize("kind", KINDS)
def test_uniform_draws_every_number_within_1_over_sqrt_H(kind, rng):
    p = kind.init(30, 50, rng)
    for _, array in p.items():
        is_uniform(array, -1 / np.sqrt(50), 1 / np.sqrt(50))


@pytest.mark.parametrize("kind", KINDS)
def test_glorot_draws_W_within_its_bound_V_orthogonal_b_zero(kind, rng):
    p = kind.init(30, 50, rng, weights="glorot")
    for name, array in p.items():
        if name[0] == "W":
            is_uniform(array, -np.sqrt(6 / 80), np.sqrt(6 / 80))
        elif name[0] == "V":
            np.testing.assert_allclose(array @ array.T, np.eye(50), atol=1e-13)
        else:
            np.testing.assert_array_equal(array, np.zeros(50))


def test_orthogonal_matrices_have_no_preferred_direction(rng):
    """Of a uniform orthogonal matrix every entry has mean 0; qr alone prefers V[0, 0] < 0."""
    corner = [RNNParams.init(1, 2, rng, weights="glorot").V[0, 0] for _ in range(400)]
    assert abs(np.mean(corner)) < 4 * np.sqrt(1 / 2) / np.sqrt(400)


@pytest.mark.torch
def test_the_bounds_are_those_of_torch(rng):
    torch = pytest.importorskip("torch")
    torch.manual_seed(7)
    theirs = torch.nn.LSTM(30, 50).weight_hh_l0.detach().numpy()
    is_uniform(theirs, -1 / np.sqrt(50), 1 / np.sqrt(50))
    weight = torch.nn.init.xavier_uniform_(torch.empty(50, 30)).numpy()
    is_uniform(weight, -np.sqrt(6 / 80), np.sqrt(6 / 80))


def test_forget_and_input_bias_set_their_own_bias_alone():
    plain = LSTMParams.init(D, H, np.random.default_rng(7))
    biased = LSTMParams.init(D, H, np.random.default_rng(7), forget_bias=3.0, input_bias=-2.0)
    np.testing.assert_array_equal(biased.b_f, np.full(H, 3.0))
    np.testing.assert_array_equal(biased.b_i, np.full(H, -2.0))
    equal(replace(biased, b_f=plain.b_f, b_i=plain.b_i), plain)


def test_lstm_chrono_draws_b_f_from_log_uniform_and_b_i_its_opposite(rng):
    p = LSTMParams.init(2, 1000, rng, chrono=100)
    is_uniform(np.exp(p.b_f), 1, 99)
    np.testing.assert_array_equal(p.b_i, -p.b_f)
    equal(
        replace(
            LSTMParams.init(2, 4, np.random.default_rng(7), chrono=100),
            b_f=p.b_f[:4],
            b_i=p.b_i[:4],
        ),
        replace(LSTMParams.init(2, 4, np.random.default_rng(7)), b_f=p.b_f[:4], b_i=p.b_i[:4]),
    )


def test_gru_chrono_and_keep_bias_point_towards_keeping(rng):
    """z near 0 keeps here, so both are negative."""
    is_uniform(np.exp(-GRUParams.init(2, 1000, rng, chrono=100).b_z), 1, 99)
    plain = GRUParams.init(D, H, np.random.default_rng(7))
    biased = GRUParams.init(D, H, np.random.default_rng(7), keep_bias=3)
    np.testing.assert_array_equal(biased.b_z, np.full(H, -3.0))
    equal(replace(biased, b_z=plain.b_z), plain)


def test_gru_init_has_b_hv_for_after_alone(rng):
    assert GRUParams.init(D, H, rng).b_hv is None
    b_hv = GRUParams.init(2, 1000, rng, reset="after").b_hv
    is_uniform(b_hv, -1 / np.sqrt(1000), 1 / np.sqrt(1000))
    glorot = GRUParams.init(D, H, rng, reset="after", weights="glorot", dtype="float32")
    np.testing.assert_array_equal(glorot.b_hv, np.zeros(H, "float32"))
    assert glorot.dtype == np.float32


@pytest.mark.parametrize("option", ["forget_bias", "input_bias", "chrono"])
def test_options_keep_the_dtype(option, rng):
    assert LSTMParams.init(D, H, rng, dtype="float32", **{option: 5}).dtype == np.float32


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (RNNParams, {"weights": "normal"}, r'weights must be "uniform" or "glorot", got \'normal'),
        (RNNParams, {"dtype": "int64"}, r"dtype must be float32 or float64, got int64"),
        (RNNParams, {"rng": 7}, r"rng must be a numpy\.random\.Generator, got int; .*default_rng"),
        (RNNParams, {"input_size": 0}, r"input_size must be a whole number of at least 1, got 0"),
        (GRUParams, {"hidden_size": 4.0}, r"hidden_size must be a whole number .* got 4\.0"),
        (GRUParams, {"hidden_size": True}, r"hidden_size must be a whole number .* got True"),
        (GRUParams, {"reset": "both"}, r'reset must be "before" or "after", got \'both\''),
        (GRUParams, {"keep_bias": 1, "chrono": 9}, r"keep_bias and chrono set the same bias"),
        (GRUParams, {"chrono": 2}, r"chrono must be a longest lag above 2 steps, got 2"),
        (LSTMParams, {"chrono": float("nan")}, r"chrono must be one finite number, got nan"),
        (LSTMParams, {"forget_bias": "1"}, r"forget_bias must be one finite number, got '1'"),
        (GRUParams, {"keep_bias": [1.0, 2.0]}, r"keep_bias must be one finite number, got \[1"),
        (LSTMParams, {"forget_bias": 1, "chrono": 9}, r"forget_bias and chrono set the same bias"),
        (LSTMParams, {"input_bias": 1, "chrono": 9}, r"input_bias and chrono set the same bias"),
    ],
)
def test_init_refuses(kind, options, message, rng):
    given = {"input_size": D, "hidden_size": H, "rng": rng, **options}
    with pytest.raises(ValueError, match=rf"^{kind.__name__}\.init: {message}"):
        kind.init(**given)
