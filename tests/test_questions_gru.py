"""The questions on the GRU: their references are the package's and torch's, their words help."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from rnnlab import cells, interop, layers
from rnnlab.check import judge
from rnnlab.params import Array, GRUParams
from rnnlab.questions import Probe, Question, question


def probes(question_id: str) -> list[tuple[Question, list[Any], Probe]]:
    """The question, the function's arguments and the whole probe, for two seeds."""
    q = question(question_id)
    drawn = [probe for seed in (3, 4) for probe in q.inputs(np.random.default_rng(seed))]
    return [(q, list(q.given(probe).values()), probe) for probe in drawn]


def equal(got: Any, right: Any) -> None:
    np.testing.assert_allclose(got, right, rtol=0, atol=1e-12)


# the references are what the package says


def test_gates_candidate_blend_and_step_are_the_cells() -> None:
    for q, given, probe in probes("12.gru_step"):
        x_t, h_prev, p = given
        step = cells.gru_step(x_t, h_prev, p)
        for got, right in zip(q.reference(*given), step, strict=True):
            equal(got, right)
        gate = question("11.update_gate").reference(x_t, h_prev, p.W_z, p.V_z, p.b_z)
        equal(gate, step.z)
        r_t, seen = question("11.reset_gate").reference(x_t, h_prev, p.W_r, p.V_r, p.b_r)
        equal(r_t, step.r)
        equal(seen, step.r * probe["h_prev"])
        candidate = question("12.candidate").reference
        equal(candidate(x_t, h_prev, step.r, p.W_h, p.V_h, p.b_h), step.h_tilde)
        equal(question("12.blend").reference(h_prev, step.z, step.h_tilde), step.h)
        W, V, b = (np.concatenate([getattr(p, f"{k}_{g}") for g in "zr"]) for k in "WVb")
        for got, right in zip(
            question("11.both_gates").reference(x_t, h_prev, W, V, b), step[1:3], strict=True
        ):
            equal(got, right)


def test_sequence_is_the_layer() -> None:
    for q, given, _ in probes("12.gru_forward"):
        trace = layers.gru_forward(*given)
        for got, right in zip(q.reference(*given), trace[:4], strict=True):
            equal(got, right)


def test_backward_sequence_is_the_layers() -> None:
    for q, (dh, x, h0, p), _ in probes("14.gru_backward"):
        grads = layers.gru_backward(layers.gru_forward(x, h0, p), dh)
        dx, dh0, dp = q.reference(dh, x, h0, p)
        equal(dx, grads.x)
        equal(dh0, grads.h0)
        right = dict(grads.params.items())
        assert dp.keys() == right.keys()
        for name in dp:
            equal(dp[name], right[name])


def test_backward_step_is_the_derivative() -> None:
    for q, (dh_t, x_t, h_prev, p), _ in probes("14.gru_step_backward"):
        dx_t, dh_prev, dp = q.reference(dh_t, x_t, h_prev, p)
        arrays = {"x_t": x_t, "h_prev": h_prev, **dict(p.items())}
        for name, gradient in {"x_t": dx_t, "h_prev": dh_prev, **dp}.items():
            assert _central(_loss_by(name, dh_t, arrays), arrays[name], gradient)


def _loss_by(name: str, dh_t: Array, arrays: Mapping[str, Array]) -> Callable[[Array], Any]:
    """The step's h_t, weighted with dh_t and summed, as a function of one of its arrays."""

    def loss(value: Array) -> Any:
        given = {**arrays, name: value}
        x_t, h_prev = given.pop("x_t"), given.pop("h_prev")
        return np.sum(dh_t * cells.gru_step(x_t, h_prev, GRUParams(**given)).h)

    return loss


def _central(f: Callable[[Array], Any], at: Array, gradient: Array) -> bool:
    """Is this the gradient of f, by central differences?"""
    numeric = np.zeros_like(at)
    for k in np.ndindex(at.shape):
        up, down = at.copy(), at.copy()
        up[k] += 1e-5
        down[k] -= 1e-5
        numeric[k] = (f(up) - f(down)) / 2e-5
    return bool(np.allclose(gradient, numeric, rtol=0, atol=1e-8))


def test_the_reset_after_piece_and_the_weight_gradients_are_torchs() -> None:
    torch = pytest.importorskip("torch")

    def leaf(array: Array) -> Any:
        return torch.tensor(array, requires_grad=True)

    for q, given, _ in probes("14.reset_after_backward"):
        da_h, *rest = given
        r_t, h_prev, V_h, b_hv = leaves = [leaf(array) for array in rest]
        a_h = r_t * (h_prev @ V_h.T + b_hv)
        right = torch.autograd.grad(a_h, leaves, torch.tensor(da_h))
        for got, wanted in zip(q.reference(*given), right, strict=True):
            equal(got, wanted.numpy())
    for q, given, _ in probes("14.weight_gradients"):
        da, (x, h, h0, r) = given[:3], given[3:]
        before = np.concatenate([h0[None], h[:-1]])
        for letter, da_t in zip("zrh", da, strict=True):
            seen = r * before if letter == "h" else before
            D, H = x.shape[2], h.shape[2]
            W, V, b = leaf(np.zeros((H, D))), leaf(np.zeros((H, H))), leaf(np.zeros(H))
            a = torch.tensor(x) @ W.T + torch.tensor(seen) @ V.T + b
            right = torch.autograd.grad(a, [W, V, b], torch.tensor(da_t))
            for name, wanted in zip("WVb", right, strict=True):
                equal(q.reference(*given)[f"{name}_{letter}"], wanted.numpy())


def test_conversions_are_those_of_interop() -> None:
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    for q, given, _ in probes("13.from_torch"):
        right = interop.from_torch(dict(zip(names, given, strict=True)), "gru")
        _same_weights(q.reference(*given), right)
    for q, given, _ in probes("13.from_keras"):
        _same_weights(q.reference(*given), interop.from_keras(given, "gru"))


def _same_weights(got: Mapping[str, Array], right: GRUParams) -> None:
    wanted = dict(right.items())
    assert got.keys() == wanted.keys()
    for name in wanted:
        equal(got[name], wanted[name])


def test_converted_weights_and_the_ported_step_do_what_torch_does() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(3)
    layer = torch.nn.GRUCell(3, 4, dtype=torch.float64)
    arrays = {name: tensor.detach().numpy() for name, tensor in layer.named_parameters()}
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    p = GRUParams(**question("13.from_torch").reference(*(arrays[name] for name in names)))
    rng = np.random.default_rng(5)
    x_t, h_prev = rng.standard_normal((2, 3)), rng.uniform(-1, 1, (2, 4))
    right = layer(torch.tensor(x_t), torch.tensor(h_prev)).detach().numpy()
    equal(cells.gru_step(x_t, h_prev, p, reset="after").h, right)
    turned = {name: -a if name[-1] == "z" else a for name, a in p.items()}
    h_t, *_ = question("13.torch_step").reference(x_t, h_prev, GRUParams(**turned))
    equal(h_t, right)


def test_a_wrong_step_is_told_from_the_error_that_it_leaves() -> None:
    astray, found = [], []
    for q, given, _ in probes("13.wrong_step"):
        x, h0, h, p = given
        t = q.reference(*given)
        own = layers.gru_forward(x, h0, p).h
        drift = np.abs(own - h).max((1, 2))
        assert np.all(drift[:t] < 1e-9) and drift[t] > 1e-6
        assert 0 <= t < len(x) - 1
        astray.append(drift.argmax() != t)
        found.append(t)
    assert any(astray[:3]) and any(astray[3:])
    assert 0 in found[:3] and 0 in found[3:] and max(found) > 1


def test_the_unit_that_took_its_letter_still_has_it_after_a_noisy_text() -> None:
    W_z, V_z, b_z = question("11.take_your_letter").reference()
    rng = np.random.default_rng(7)
    tokens = np.concatenate([[0, 1], np.full(50, 2)])
    h, written = np.zeros((1, 2)), rng.uniform(-1, 1, (len(tokens), 1, 2))
    for token, new in zip(tokens, written, strict=True):
        z = cells.sigmoid(np.eye(3)[[token]] @ W_z.T + h @ V_z.T + b_z)
        h = (1 - z) * h + z * new
    np.testing.assert_allclose(h, [[written[0, 0, 0], written[1, 0, 1]]], atol=0.01)


# the words, for answers as learners write them


def sigmoid(a: Array) -> Array:
    result: Array = 1 / (1 + np.exp(-a))
    return result


def step(x: Array, h: Array, p: GRUParams, slip: str = "") -> tuple[Array, ...]:
    z = sigmoid(x @ p.W_z.T + h @ p.V_z.T + p.b_z)
    r = sigmoid(x @ p.W_r.T + h @ p.V_r.T + (p.b_z if "copied" in slip else p.b_r))
    if "in place" in slip:
        h *= r
        n = np.tanh(x @ p.W_h.T + h @ p.V_h.T + p.b_h)
    elif "after" in slip:
        n = np.tanh(x @ p.W_h.T + r * (h @ p.V_h.T) + p.b_h)
    elif "twice V" in slip:
        n = np.tanh(x @ p.W_h.T + (r * h) @ p.V_h.T @ p.V_h.T + p.b_h)
    else:
        n = np.tanh(x @ p.W_h.T + (r * h) @ p.V_h.T + p.b_h)
    if "mirrored" in slip:
        return z * h + (1 - z) * n, z, r, n
    if "squared" in slip:
        return (1 - z) * h**2 + z * n, z, r, n
    return (1 - z) * h + z * n, z, r, n


def sequence(x: Array, h0: Array, p: GRUParams, slip: str) -> tuple[Array, ...]:
    h, parts = h0, []
    for x_t in x:
        made = step(x_t, h, p, slip)
        parts.append(made)
        if "not carried" not in slip:
            h = made[0]
    return tuple(np.stack(part) for part in zip(*parts, strict=True))


def backward(dh: Array, x: Array, h: Array, p: GRUParams, slip: str = "") -> Any:
    _, z, r, n = step(x, h, p)
    kept = 0 if "kept missing" in slip else dh * (1 - z)
    da_z = dh * (n if "half of dz" in slip else n - h) * z * (1 - z)
    da_n = dh * z * (1 if "no slope" in slip else 1 - n**2)
    dq = da_n @ (p.V_h.T if "forward V" in slip else p.V_h)
    da_r = dq * h * r * (1 - r)
    dx = da_r @ p.W_r + da_n @ p.W_h + (0 if "dx short" in slip else da_z @ p.W_z)
    dh_prev = kept + dq * r + da_z @ p.V_z + da_r @ p.V_r + (0.1 * dh if "bent" in slip else 0)
    seen = {"z": h, "r": h, "h": h if "dV_h" in slip else r * h}
    dp = {}
    for letter, da in {"z": da_z, "r": da_r, "h": da_n}.items():
        dp[f"dW_{letter}"] = da.T @ x
        dp[f"dV_{letter}"] = da.T @ seen[letter]
        dp[f"db_{letter}"] = da if "no sum" in slip else da.sum(0)
    return dx, dh_prev, dp


def through_time(dh: Array, x: Array, h0: Array, p: GRUParams, slip: str) -> Any:
    h = [h0]
    for x_t in x:
        h.append(step(x_t, h[-1], p)[0])
    dx, later = np.zeros_like(x), np.zeros_like(h0)
    dp = {f"d{name}": 0 * array for name, array in p.items()}
    for t in range(len(x)) if "loop forward" in slip else reversed(range(len(x))):
        dh_t = dh[t] + (0 if "later dropped" in slip else later)
        dx[t], later, one = backward(dh_t, x[t], h[t + 1] if "h[t]" in slip else h[t], p, slip)
        for name in dp:
            dp[name] = one[name] if "overwritten" in slip else dp[name] + one[name]
    return dx, later, dp


def says(question_id: str, function: Callable[..., Any], slip: str) -> str:
    arguments = question(question_id).given(
        question(question_id).inputs(np.random.default_rng())[0]
    )
    by_count: dict[int, Callable[..., Any]] = {
        3: lambda a, b, c: function(a, b, c, slip),
        4: lambda a, b, c, d: function(a, b, c, d, slip),
    }
    verdict = judge(question_id, by_count[len(arguments)], seed=2)
    assert not verdict.passed
    return f"{verdict.difference} {verdict.hint}"


@pytest.mark.parametrize(
    ("column", "bias", "words"),
    [
        (9, -6, "must be above 4.6"),
        (9, -4, "must be below -4.6"),
        (8, -4, "the sums too small"),
        (12, 6, "Which sign must the bias have"),
        (1, 0, "On blank the sum is the bias"),
    ],
)
def test_words_on_weights_by_hand_are_true_of_their_sums(
    column: float, bias: float, words: str
) -> None:
    W_z = np.array([[column, 0.0, 0.0], [0.0, column, 0.0]])
    verdict = judge("11.take_your_letter", lambda: (W_z, np.zeros((2, 2)), np.full(2, bias)))
    assert not verdict.passed and words in str(verdict.hint), verdict


OLD = 0.8


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ([np.tanh(OLD), OLD, 0.08], "You took z as the share that is kept"),
        ([np.tanh(OLD), 0, np.tanh(0.72)], "squashed the blend"),
        ([np.tanh(OLD), 0, OLD], "Your first number is the candidate"),
        ([0, 0, 0], "Your first number is 0"),
        ([OLD, OLD, 0], "Your second number is the old state"),
        ([OLD, 0, 0], "Does the blend ask it too?"),
    ],
)
def test_words_on_the_three_settings_are_true_of_the_number_that_they_name(
    states: list[float], words: str
) -> None:
    verdict = judge("12.corners", states)
    assert not verdict.passed and words in str(verdict.hint), verdict


@pytest.mark.parametrize("question_id", ["12.gru_step", "12.gru_forward"])
def test_right_values_in_the_order_of_computing_are_told_so(question_id: str) -> None:
    right = question(question_id).reference

    def answer(x: Array, h: Array, p: GRUParams) -> tuple[Array, ...]:
        h_t, *gates_and_candidate = right(x, h, p)
        return *gates_and_candidate, h_t

    verdict = judge(question_id, answer)
    assert not verdict.passed
    assert verdict.hint == (
        "Compare the order of your return statement with the order that is asked for."
    )


@pytest.mark.parametrize(
    ("slip", "words"),
    [
        ("mirrored", ("z_t, r_t and h_tilde are right", "lecture 13")),
        (
            "after",
            ("z_t and r_t are right", "look at the term V_h (r_t * h_{t-1})", "torch's form"),
        ),
        ("in place", ("not what came in", "candidate's eyes only")),
        ("copied", ("z_t is right. r_t is the first", "one of them another gate's")),
        (
            "after, mirrored",
            ("h_tilde is the first", "torch's form", "Then: The blend is mirrored"),
        ),
        ("twice V", ("h_tilde is the first", "look at the term V_h (r_t * h_{t-1})")),
        ("squared", ("h_t is the first", "look at the term (1 - z_t) * h_{t-1}")),
    ],
)
def test_words_on_a_step(slip: str, words: tuple[str, ...]) -> None:
    said = says("12.gru_step", step, slip)
    assert all(word in said for word in words), said


@pytest.mark.parametrize(
    ("slip", "words"),
    [
        ("mirrored", ("z[0], r[0] and h_tilde[0] are right. h[0] is the first", "mirrored")),
        ("not carried", ("z[1] is the first to differ", "right for a sequence of one step", "h0")),
        ("in place", ("is not what came in", "stored without a copy")),
        ("after, mirrored", ("h_tilde[0] is the first", "torch's form", "The blend is mirrored")),
        ("twice V", ("h_tilde[0] is the first", "look at the term V_h (r_t * h_{t-1})")),
    ],
)
def test_words_on_a_sequence(slip: str, words: tuple[str, ...]) -> None:
    said = says("12.gru_forward", sequence, slip)
    assert all(word in said for word in words), said


@pytest.mark.parametrize(
    ("slip", "words"),
    [
        ("half of dz", ("db_z differs", "z_t stands twice in the blend")),
        ("kept missing", ("dx_t are right. dh_prev differs", "passes no weight at all")),
        ("no slope", ("db_h differs", "What is the slope of tanh")),
        ("forward V", ("db_r differs", "which of V and V.T")),
        ("dx short", ("dx_t differs", "look at the term W_z^T da_z", "How many terms")),
        ("dV_h", ("dV_h differs", "the whole of h_prev?")),
        ("no sum", ("must be (4,)", "One bias serves every example")),
        ("forward V, dx short", ("db_r differs", "which of V and V.T", "How many terms")),
        ("kept missing, dV_h", ("dV_h differs", "the whole of h_prev?", "no weight at all")),
        ("bent", ("dh_prev differs", "look at how d goes in")),
    ],
)
def test_words_on_a_step_backwards(slip: str, words: tuple[str, ...]) -> None:
    said = says("14.gru_step_backward", backward, slip).replace("how a goes in", "how d goes in")
    assert all(word in said for word in words), said


@pytest.mark.parametrize(
    ("slip", "words"),
    [
        ("later dropped", ("right for a sequence of one step", "h_t is used twice")),
        ("loop forward", ("right for a sequence of one step", "In which direction")),
        ("h[t]", ("the one before the step or the one after it",)),
        ("overwritten", ("dx and dh0 are right", "should be a +=")),
        ("overwritten, dV_h", ("dx and dh0 are right", "should be a +=", "the whole of h_prev?")),
        ("kept missing", ("right for a sequence of one step", "passes no weight at all")),
    ],
)
def test_words_on_a_sequence_backwards(slip: str, words: tuple[str, ...]) -> None:
    said = says("14.gru_backward", through_time, slip)
    assert all(word in said for word in words), said


def test_weights_that_lack_a_key_are_no_gradients() -> None:
    def answer(*given: object) -> dict[str, object]:
        p = dict(question("13.from_torch").reference(*given).items())
        return {key: array for key, array in p.items() if key != "b_hv"}

    told = judge("13.from_torch", answer, 1).difference
    assert "p lacks b_hv. Yours has" in told and "gradient" not in told
