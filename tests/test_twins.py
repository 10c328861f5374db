"""The torch twins against the reference cells, against torch.nn and against autograd."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from rnnlab import twins  # noqa: E402
from rnnlab.cells import gru_step, lstm_step, rnn_step  # noqa: E402
from rnnlab.params import GRUParams, LSTMParams, RNNParams  # noqa: E402

pytestmark = pytest.mark.torch

T, B, D, H = 5, 2, 3, 4
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
TWINS = {
    "rnn": (RNNParams, twins.RNN, rnn_step, False),
    "lstm": (LSTMParams, twins.LSTM, lstm_step, False),
    "gru before": (GRUParams, twins.GRU, gru_step, False),
    "gru after": (
        GRUParams,
        lambda p: twins.GRU(p, reset="after"),
        lambda *given: gru_step(*given, reset="after"),
        True,
    ),
    "gru after without b_hv": (
        GRUParams,
        lambda p: twins.GRU(p, reset="after"),
        lambda *given: gru_step(*given, reset="after"),
        False,
    ),
}


def drawn(kind, rng, D=D, H=H, dtype="float64", b_hv=False):
    """Weights of which none is zero."""
    shapes = {"W": (H, D), "V": (H, H), "b": (H,)}
    names = [f.name for f in fields(kind) if f.name != "b_hv" or b_hv]
    return kind(**{n: rng.normal(0, 0.5, shapes[n[0]]).astype(dtype) for n in names})


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture(params=TWINS)
def pair(request, rng):
    """Weights, their twin, and the reference step."""
    kind, twin, step, b_hv = TWINS[request.param]
    p = drawn(kind, rng, b_hv=b_hv)
    return p, twin, step


def given(rng, p, T=T, B=B, dtype="float64"):
    """x (T, B, D) and the initial states (B, H) that these weights take."""
    n_states = 2 if isinstance(p, LSTMParams) else 1
    shapes = [(T, B, p.input_size), *[(B, p.hidden_size)] * n_states]
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def loop(step, p, x, *state):
    """Every h_t (T, B, H), and the last states."""
    hs = []
    for x_t in x:
        state = step(x_t, *state, p)[: len(state)]
        hs.append(state[0])
    return np.stack(hs), state


def tensors(arrays):
    return [torch.from_numpy(a) for a in arrays]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    ("T", "B", "D", "H"), [(T, B, D, H), (1, B, D, H), (T, 1, D, H), (T, B, D, 1), (T, B, H, H)]
)
@pytest.mark.parametrize("name", TWINS)
def test_a_twin_equals_the_cell(name, T, B, D, H, dtype, rng):
    kind, twin, step, b_hv = TWINS[name]
    p = drawn(kind, rng, D, H, dtype, b_hv)
    arrays = given(rng, p, T, B, dtype)
    h, state = twin(p)(*tensors(arrays))
    h_wanted, state_wanted = loop(step, p, *arrays)
    for got, wanted in zip((h, *state), (h_wanted, *state_wanted), strict=True):
        assert got.dtype == getattr(torch, dtype)
        np.testing.assert_allclose(got.detach().numpy(), wanted, rtol=0, atol=TOLERANCE[dtype])


def test_without_states_it_starts_from_zero(pair, rng):
    p, twin, _ = pair
    x, *states = tensors(given(rng, p))
    h, _ = twin(p)(x)
    wanted, _ = twin(p)(x, *[torch.zeros_like(s) for s in states])
    assert torch.equal(h, wanted)


def test_a_sequence_cut_in_two_gives_the_same(pair, rng):
    p, twin, _ = pair
    x, *state = tensors(given(rng, p))
    model = twin(p)
    whole, last = model(x, *state)
    first, state = model(x[:2], *state)
    second, state = model(x[2:], *state)
    torch.testing.assert_close(torch.cat([first, second]), whole, rtol=0, atol=1e-12)
    for got, wanted in zip(state, last, strict=True):
        torch.testing.assert_close(got, wanted, rtol=0, atol=1e-12)


def test_every_gradient_has_the_slope_of_the_cell(pair, rng):
    """Autograd through the twin against the complex step through the cell, weight by weight."""
    p, twin, step = pair
    arrays = given(rng, p)
    leaves = [t.requires_grad_() for t in tensors(arrays)]
    model = twin(p)
    h, state = model(*leaves)
    weigh = rng.standard_normal((T, B, H))
    weigh_state = [rng.standard_normal((B, H)) for _ in state]
    loss = (h * torch.from_numpy(weigh)).sum()
    for s, w in zip(state, weigh_state, strict=True):
        loss = loss + (s * torch.from_numpy(w)).sum()
    loss.backward()

    names = [name for name, _ in p.items()]
    values = [*arrays, *(a for _, a in p.items())]
    grads = [t.grad.numpy() for t in (*leaves, *(getattr(model, n) for n in names))]
    for k, grad in enumerate(grads):
        along = rng.standard_normal(grad.shape)
        moved = [v + 1e-30j * along if j == k else v + 0j for j, v in enumerate(values)]
        q = type(p)(**dict(zip(names, moved[len(arrays) :], strict=True)))
        h_c, state_c = loop(step, q, *moved[: len(arrays)])
        slope = (h_c.imag * weigh).sum()
        slope += sum((s.imag * w).sum() for s, w in zip(state_c, weigh_state, strict=True))
        np.testing.assert_allclose((grad * along).sum(), slope / 1e-30, rtol=1e-11)


def test_lstm_equals_torch_nn_bit_for_bit(rng):
    p = drawn(LSTMParams, rng)
    x, h0, C0 = tensors(given(rng, p))
    module = torch.nn.LSTM(D, H, dtype=torch.float64)
    W, V, b = tensors(p.packed("ifgo"))
    module.load_state_dict(
        {"weight_ih_l0": W, "weight_hh_l0": V, "bias_ih_l0": b, "bias_hh_l0": 0 * b}
    )
    wanted, (h_T, C_T) = module(x, (h0[None], C0[None]))
    h, state = twins.LSTM(p)(x, h0, C0)
    assert torch.equal(h, wanted)
    assert torch.equal(state[0], h_T[0])
    assert torch.equal(state[1], C_T[0])


def test_the_parameters_are_ours_by_name(pair):
    p, twin, _ = pair
    model = twin(p)
    assert [n for n, _ in model.named_parameters()] == [n for n, _ in p.items()]
    assert sum(w.numel() for w in model.parameters()) == p.size
    for name, array in p.items():
        np.testing.assert_array_equal(getattr(model, name).detach().numpy(), array)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_params_come_back_bit_for_bit_and_are_not_shared(pair, dtype):
    p, twin, _ = pair
    p = p.astype(dtype)
    model = twin(p)
    q = model.to_params()
    assert type(q) is type(p)
    assert [n for n, _ in q.items()] == [n for n, _ in p.items()]
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
    for (name, a), (_, b) in zip(p.items(), q.items(), strict=True):
        assert np.all(a != 0), name
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def test_training_moves_every_weight_and_to_params_follows(pair, rng):
    p, twin, step = pair
    arrays = given(rng, p)
    model = twin(p)
    target = torch.from_numpy(rng.standard_normal((T, B, H)))
    optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
    losses = []
    for _ in range(30):
        optimiser.zero_grad()
        h, _ = model(*tensors(arrays))
        loss = ((h - target) ** 2).mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    trained = model.to_params()
    assert all(np.all(a != b) for (_, a), (_, b) in zip(p.items(), trained.items(), strict=True))
    h, _ = model(*tensors(arrays))
    np.testing.assert_allclose(h.detach().numpy(), loop(step, trained, *arrays)[0], atol=1e-12)


def test_state_dict_carries_a_twin_to_another(pair, rng):
    p, twin, _ = pair
    other = twin(type(p)(**{n: a + 1 for n, a in p.items()}))
    other.load_state_dict(twin(p).state_dict())
    x = tensors(given(rng, p))
    assert torch.equal(other(*x)[0], twin(p)(*x)[0])


@pytest.mark.parametrize(
    ("which", "change", "message"),
    [
        (0, lambda a: a[0], r"x must have shape \(T, B, 3\), got \(2, 3\)"),
        (0, lambda a: a[..., :2], r"x must have shape \(T, B, 3\), got \(5, 2, 2\)"),
        (
            0,
            lambda a: a.swapaxes(0, 1),
            r"h0 must have shape \(5, 4\) to go with x \(2, 5, 3\), got",
        ),
        (1, lambda a: a[:1], r"h0 must have shape \(2, 4\) to go with x \(5, 2, 3\), got \(1, 4\)"),
        (1, lambda a: a[None], r"h0 must have shape \(2, 4\) .* got \(1, 2, 4\); time comes first"),
        (-1, lambda a: a[:, :3], r"(h|C)0 must have shape \(2, 4\) to go with .* got \(2, 3\)"),
        (
            0,
            lambda a: a.astype("f4"),
            r"x must be torch\.float64 like the weights, got torch\.float32",
        ),
        (-1, lambda a: a.astype("f4"), r"(h|C)0 must be torch\.float64 like the weights, got"),
    ],
)
def test_a_wrong_input_is_refused(pair, rng, which, change, message):
    p, twin, _ = pair
    arrays = given(rng, p)
    arrays[which] = np.ascontiguousarray(change(arrays[which]))
    with pytest.raises(ValueError, match=r"^twins\.(RNN|LSTM|GRU): " + message):
        twin(p)(*tensors(arrays))


def test_a_wrong_reset_is_refused(rng):
    with pytest.raises(ValueError, match=r'twins\.GRU: reset must be "before" or "after"'):
        twins.GRU(drawn(GRUParams, rng), reset="both")
    with pytest.raises(ValueError, match=r'twins\.GRU: reset="before" has no b_hv'):
        twins.GRU(drawn(GRUParams, rng, b_hv=True))
