"""The explorers of gradients without a browser: their numbers, errors, and static pictures."""

from __future__ import annotations

import importlib.util
from math import atanh, log
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlab import layers
from rnnlab.explorers import BackwardPath, ForgetBias, GradientThroughTime, WhoRemembers
from rnnlab.explorers import forget_bias as forget_bias_module
from rnnlab.explorers import gradient_through_time as through_time
from rnnlab.explorers import who_remembers as who
from rnnlab.params import GRUParams, LSTMParams, RNNParams

VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("lag", [1, 4, 9])
def test_totals_are_those_of_the_layers(cell: str, lag: int) -> None:
    shown = GradientThroughTime(forget_bias=0.7, scale=1.3, length=9, draw=2)
    drawn = through_time.net(2)
    p = through_time.changed(drawn[cell], 1.3, 0.7)
    x, zero, dh_T = drawn["x"][:9, None], np.zeros((1, 16)), drawn["dh_T"][None]
    at = 9 - lag  # the state after `at` steps
    if cell == "lstm":
        trace = layers.lstm_forward(x, zero, zero, p)
        h, C = (zero, zero) if at == 0 else (trace.h[at - 1], trace.C[at - 1])
        rest = layers.lstm_forward(x[at:], h, C, p)
        grads = layers.lstm_backward(rest, np.zeros_like(rest.h), dh_T=dh_T)
        got = grads.C0
        if at:
            got = got + grads.h0 * trace.o[at - 1] * (1 - trace.tanh_C[at - 1] ** 2)
        first = dh_T * trace.o[-1] * (1 - trace.tanh_C[-1] ** 2)
        direct = first * trace.f[at:].prod(axis=0)
    elif cell == "gru":
        trace = layers.gru_forward(x, zero, p)
        rest = layers.gru_forward(x[at:], zero if at == 0 else trace.h[at - 1], p)
        got = layers.gru_backward(rest, np.zeros_like(rest.h), dh_T=dh_T).h0
        first, direct = dh_T, dh_T * (1 - trace.z[at:]).prod(axis=0)
    else:
        trace = layers.rnn_forward(x, zero, p)
        rest = layers.rnn_forward(x[at:], zero if at == 0 else trace.h[at - 1], p)
        got = layers.rnn_backward(rest, np.zeros_like(rest.h), dh_T=dh_T).h0
        first, direct = dh_T, dh_T @ np.linalg.matrix_power(p.V, lag)
    flow = shown.flows()[cell]
    for curve, gradient in ((flow.total, got), (flow.direct, direct)):
        expected = np.linalg.norm(gradient) / np.linalg.norm(first)
        np.testing.assert_allclose(curve[lag], expected, rtol=1e-12)


def test_without_V_the_direct_path_is_all() -> None:
    flows = GradientThroughTime(forget_bias=1.0, scale=0.0).flows()
    for cell in ("lstm", "gru"):
        np.testing.assert_allclose(flows[cell].total, flows[cell].direct, rtol=1e-12)
    assert flows["rnn"].total[1] == 0


def test_orthogonal_V_alone_multiplies_by_its_scale() -> None:
    (flow,) = GradientThroughTime(("rnn",), scale=0.9, length=30).flows().values()
    np.testing.assert_allclose(flow.direct, 0.9 ** np.arange(31), rtol=1e-12)
    assert flow.total[-1] < flow.direct[-1]


def logit(gate: float) -> float:
    return log(gate / (1 - gate))


def test_the_backward_path_of_the_lstm_is_that_of_the_layers() -> None:
    values = {"dh": -0.7, "dC": 1.2, "f": 0.35, "i": 0.6, "C_tilde": -0.45, "o": 0.8, "C_prev": 1.1}
    path = BackwardPath("lstm", **values)
    V, h_prev = path.weights, 0.3
    biases = {k: logit(values[k]) for k in "fio"} | {"g": atanh(values["C_tilde"])}
    arrays: dict[str, Any] = {}
    for k, a in biases.items():
        arrays |= {f"W_{k}": np.zeros((1, 1)), f"V_{k}": np.array([[V[f"V_{k}"]]])}
        arrays[f"b_{k}"] = np.array([a - V[f"V_{k}"] * h_prev])
    h0, C0 = np.array([[h_prev]]), np.array([[values["C_prev"]]])
    trace = layers.lstm_forward(np.zeros((1, 1, 1)), h0, C0, LSTMParams(**arrays))
    grads = layers.lstm_backward(
        trace, np.zeros((1, 1, 1)), dh_T=np.array([[-0.7]]), dC_T=np.array([[1.2]])
    )
    d = path.gradients()
    expected = {f"da_{k}": getattr(grads.params, f"b_{k}")[0] for k in "figo"}
    expected |= {"dh_prev": grads.h0[0, 0], "dC_prev": grads.C0[0, 0]}
    for name, value in expected.items():
        assert d[name] == pytest.approx(value, rel=1e-12), name


@pytest.mark.parametrize("reset", ["before", "after"])
def test_the_backward_path_of_the_gru_is_that_of_the_layers(reset: Any) -> None:
    path = BackwardPath("gru", reset=reset, dh=1.3, z=0.3, r=0.65, h_tilde=-0.4, h_prev=0.55)
    V, h = path.weights, 0.55
    inner = 0.65 * (V["V_h"] * h + (V["b_hv"] if reset == "after" else 0))
    biases = {"z": logit(0.3) - V["V_z"] * h, "r": logit(0.65) - V["V_r"] * h}
    biases["h"] = atanh(-0.4) - inner
    arrays: dict[str, Any] = {"b_hv": np.array([V["b_hv"]])} if reset == "after" else {}
    for k, b in biases.items():
        arrays |= {f"W_{k}": np.zeros((1, 1)), f"V_{k}": np.array([[V[f"V_{k}"]]])}
        arrays[f"b_{k}"] = np.array([b])
    trace = layers.gru_forward(np.zeros((1, 1, 1)), np.array([[h]]), GRUParams(**arrays), reset)
    grads = layers.gru_backward(trace, np.zeros((1, 1, 1)), dh_T=np.array([[1.3]]))
    d = path.gradients()
    for k in "zrh":
        assert d[f"da_{k}"] == pytest.approx(getattr(grads.params, f"b_{k}")[0], rel=1e-12)
    assert d["dh_prev"] == pytest.approx(grads.h0[0, 0], rel=1e-12)


def test_each_stage_names_what_has_just_become_known() -> None:
    for cell in ("lstm", "gru"):
        path = BackwardPath(cell)
        told = set()
        for path.stage in range(6):
            told.add(path.sentence())
            assert path.sentence() in path.text()
        assert len(told) == 6
    assert path.sentence().endswith("dh(t−1) = 1.01.")


def script(name: str) -> Any:
    file = Path(__file__).parents[1] / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.torch
def test_the_stored_gradients_are_those_of_the_script() -> None:
    pytest.importorskip("torch")
    train = script("train_forget_bias")
    assert {"b_f": train.B_F, "b_i": train.B_I} == forget_bias_module.TRAINED
    with np.load(train.FILE) as arrays:
        m, n = train.B_F.index(3), train.B_I.index(-3)
        again = train.untrained(train.SEEDS[1], forget_bias=3.0, input_bias=-3.0)
        for name in ("total", "direct", "f", "i"):
            assert arrays[f"{name}_before"][m, n, 1] == pytest.approx(again[name], rel=1e-5)


def test_stored_runs_of_the_forget_bias() -> None:
    runs = forget_bias_module.stored()
    assert runs["loss"].shape == (5, 5, 4, 30) and runs["chrono"].shape == (4, 30)
    # every run starts at chance, and an untrained forget gate of 0.5 forgets
    np.testing.assert_allclose(runs["loss"][..., 0], log(4), atol=0.3)
    assert ForgetBias(0, 0).run()["solved"] == 0
    assert ForgetBias(5, -5).run()["solved"] == 4
    assert np.sum(runs["chrono"][:, -1] < forget_bias_module.SOLVED) >= 3
    assert ForgetBias(3, 0).half_life == pytest.approx(14.26, abs=0.01)
    assert ForgetBias(0, 0).run()["direct"] == pytest.approx(0.5**100, rel=10)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_stored_nets_hold_what_was_marked(cell: str) -> None:
    views = who.stored()[cell]
    assert list(views) == ["three marks", "one mark", "a late mark"]
    view = views["three marks"]
    assert np.abs(np.subtract(view["y"], view["target"])).max() < 0.2
    assert view["right"][0] > 0.98  # as the first preset says
    gradient = np.array(view["gradient"])
    assert np.all(np.triu(gradient, 1) == 0)
    # at each step the output hangs most on the number marked last
    marked = np.maximum.accumulate([n if n + 1 in (1, 5, 9) else 0 for n in range(24)])
    assert (gradient[:16].argmax(axis=1) == marked[:16]).all()


@pytest.mark.parametrize(
    ("kind", "options"), [(RNNParams, {}), (LSTMParams, {}), (GRUParams, {"reset": "after"})]
)
def test_your_own_weights_give_the_slopes_of_the_outputs(kind: Any, options: Any) -> None:
    rng = np.random.default_rng(3)
    p, x, U = kind.init(3, 4, rng, **options), rng.normal(size=(6, 3)), rng.normal(size=(2, 4))
    shown = WhoRemembers(p=p, x=x, U=U, **options)
    assert shown.error == "" and shown.t == 6

    def outputs(x: Any) -> Any:
        zero = np.zeros((1, 4))
        if kind is LSTMParams:
            return layers.lstm_forward(x[:, None], zero, zero, p).h[:, 0] @ U.T
        if kind is GRUParams:
            return layers.gru_forward(x[:, None], zero, p, "after").h[:, 0] @ U.T
        return layers.rnn_forward(x[:, None], zero, p).h[:, 0] @ U.T

    jacobian = np.empty((6, 2, 6, 3))
    for s, d in np.ndindex(6, 3):
        step = np.zeros_like(x)
        step[s, d] = 1e-6
        jacobian[:, :, s, d] = (outputs(x + step) - outputs(x - step)) / 2e-6
    expected = np.sqrt((jacobian**2).sum(axis=(1, 3)))
    np.testing.assert_allclose(shown.view()["gradient"], expected, atol=2e-6)
    assert shown.view()["gates"].keys() == {
        RNNParams: set(), LSTMParams: {"f", "i", "o"}, GRUParams: {"z", "r"}
    }[kind]  # fmt: skip


P = LSTMParams.init(3, 4, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"p": 3, "x": np.ones((5, 3))}, "p must be RNNParams, LSTMParams or GRUParams, got int"),
        ({"p": P}, r"x must have shape \(T, 3\) with T from 2 to 60, .* got \(\)"),
        ({"p": P, "x": np.ones((5, 2))}, r"x must have shape \(T, 3\) .* got \(5, 2\)"),
        ({"p": P, "x": np.ones((5, 2, 3))}, r"x must have .* a single sequence, got \(5, 2, 3\)"),
        ({"p": P, "x": np.ones((61, 3))}, r"x must have shape .* got \(61, 3\)"),
        ({"p": P, "x": np.ones((5, 3)), "U": np.ones((2, 3))}, r"U must have shape \(Y, 4\), got"),
        ({"p": P, "x": np.ones((5, 3)), "labels": ["a"]}, "labels must be 5 words, one an input"),
        ({"p": P, "x": np.full((5, 3), np.nan)}, "p and x must give finite gradients"),
    ],
)
def test_what_does_not_fit_is_said_in_the_widget(arguments: dict[str, Any], words: str) -> None:
    shown = WhoRemembers(**arguments)
    with pytest.raises(ValueError, match=f"^WhoRemembers: {words}"):
        raise ValueError(shown.error)
    data, _ = shown._repr_mimebundle_()
    assert shown.error in data["text/plain"] and "image/png" not in data
    assert data[VIEW]["model_id"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: GradientThroughTime(("lstm",)), r"cells must be \('rnn',\) or .* got \('lstm',\)"),
        (lambda: GradientThroughTime(scale=-1), "scale must be a number from 0 to 3, got -1"),
        (lambda: GradientThroughTime(length=4), "length must be a whole number from 5 to 100"),
        (lambda: GradientThroughTime(draw=4), "draw must be a whole number from 1 to 3, got 4"),
        (lambda: BackwardPath("rnn"), "cell must be one of 'lstm', 'gru', got 'rnn'"),
        (lambda: BackwardPath("gru", f=0.5), "f is no value of the GRU's step, which has dh, z"),
        (lambda: BackwardPath(o=1.1), r"o must be a number from 0 \(closed\) to 1 .* got 1.1"),
        (lambda: BackwardPath(stage=6), "stage must be a whole number from 0 to 5, got 6"),
        (lambda: BackwardPath("gru", reset="late"), "reset must be one of 'before', 'after'"),
        (lambda: ForgetBias(2), "b_f must be one of -3, 0, 1, 3, 5, .* stored trainings, got 2"),
        (lambda: ForgetBias(0, True), "b_i must be one of -5, .* got True"),
        (lambda: WhoRemembers("mlp"), "cell must be one of 'rnn', 'lstm', 'gru', got 'mlp'"),
        (lambda: WhoRemembers(t=25), "t must be a whole number from 1 to 24, got 25"),
        (lambda: WhoRemembers(question=" "), "question must be a text that says something"),
    ],
)
def test_wrong_arguments(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=rf"^\w+: {words}"):
        make()


MAKERS: list[Any] = [
    lambda v: GradientThroughTime(scale=0.5 + v),
    lambda v: GradientThroughTime(("rnn",), scale=0.5 + v),
    lambda v: BackwardPath("lstm", dh=v),
    lambda v: BackwardPath("gru", dh=v),
    lambda v: ForgetBias(int(v)),
    lambda v: WhoRemembers(t=2 + int(v)),
    lambda v: WhoRemembers(p=P, x=v * np.ones((4, 3))),
]


@pytest.mark.parametrize("make", MAKERS)
def test_what_stands_in_for_the_explorer(make: Any) -> None:
    (data, metadata), (again, _), (other, _) = (
        make(v)._repr_mimebundle_() for v in (1.0, 1.0, 0.0)
    )
    assert data["image/png"] == again["image/png"]
    assert data["text/plain"] == again["text/plain"] != other["text/plain"]
    assert metadata["image/png"]["alt"] in data["text/plain"]
    assert "0x" not in data["text/plain"] + repr(make(1.0))
    assert data["text/plain"].startswith(make(1.0).question)


def test_repr_says_what_is_set() -> None:
    assert repr(ForgetBias(5, -5)) == "ForgetBias(b_f=5, b_i=-5, whole=0)"
    assert repr(WhoRemembers("gru", t=9)) == "WhoRemembers(cell='gru', sequence='three marks', t=9)"
    assert repr(WhoRemembers(p=P, x=np.ones((5, 3)))) == "WhoRemembers(p=LSTMParams, t=5)"
    assert repr(BackwardPath("gru", z=0.25)).startswith("BackwardPath('gru', dh=1.0, z=0.25, r=")
    assert repr(GradientThroughTime(("rnn",))).startswith("GradientThroughTime(forget_bias=")
