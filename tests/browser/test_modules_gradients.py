"""The explorers of gradients on a blank page: the same numbers as Python's, keys, labels, words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pages import check_drawn, check_inputs, check_key, check_labels, check_presets, show

from rnnlab.explorers import BackwardPath, ForgetBias, GradientThroughTime, WhoRemembers
from rnnlab.explorers.forget_bias import TRAINED
from rnnlab.params import GRUParams, LSTMParams, RNNParams

pytestmark = pytest.mark.browser


def state(widget: Any, *more: str) -> dict[str, Any]:
    """The values that the module's functions take."""
    return {name: getattr(widget, name) for name in (*widget.moved, *more)}


def test_flows_equal_those_of_python(page: Any) -> None:
    rng = np.random.default_rng(30)
    nets = GradientThroughTime().nets
    settings = [
        GradientThroughTime(
            scale=float(rng.uniform(0, 3)), forget_bias=float(rng.uniform(-3, 5)),
            length=int(rng.integers(5, 40)), draw=int(rng.integers(1, 4)),
        )
        for _ in range(20)
    ]  # fmt: skip
    settings += [GradientThroughTime(scale=0, length=7), GradientThroughTime(("rnn",))]
    said = page.evaluate(
        """async ([nets, all]) => {
          const { flows, sentence } = await import("/gradient_through_time.js");
          return all.map(({ cells, ...values }) => {
            const curves = flows(cells, nets, values);
            return [curves, sentence(curves, values)];
          });
        }""",
        [nets, [state(widget, "cells") for widget in settings]],
    )
    for widget, (curves, sentence) in zip(settings, said, strict=True):
        assert list(curves) == widget.cells
        for cell, flow in widget.flows().items():
            for name in ("total", "direct"):
                # a hundred products, each a rounding: far out only the relative error is small
                np.testing.assert_allclose(curves[cell][name], getattr(flow, name), rtol=1e-11)
        assert sentence == widget.sentence()


def test_backward_paths_equal_those_of_python(page: Any) -> None:
    rng = np.random.default_rng(31)
    paths = [BackwardPath("lstm"), BackwardPath("gru"), BackwardPath("gru", reset="after")]
    for n in range(60):
        path = BackwardPath("gru" if n % 2 else "lstm", reset=["before", "after"][n // 2 % 2])
        path.dh, path.dC, path.C_prev = rng.uniform(-2, 2, 3).tolist()
        path.f, path.i, path.o, path.z, path.r = rng.uniform(0, 1, 5).tolist()
        path.C_tilde, path.h_tilde, path.h_prev = rng.uniform(-1, 1, 3).tolist()
        path.stage = n // 2 % 6
        paths.append(path)
    said = page.evaluate(
        """async (all) => {
          const { gradients, sentence } = await import("/backward_path.js");
          return all.map((values) => [gradients(values), sentence(values)]);
        }""",
        [state(path, "cell", "weights", "stages") for path in paths],
    )
    for path, (gradients, sentence) in zip(paths, said, strict=True):
        for name, value in path.gradients().items():
            assert gradients[name] == pytest.approx(value, rel=1e-12, abs=1e-12), name
        assert sentence == path.sentence()


def test_sentences_of_all_stored_runs_equal_those_of_python(page: Any) -> None:
    made = [ForgetBias(b_f, b_i) for b_f in TRAINED["b_f"] for b_i in TRAINED["b_i"]]
    said = page.evaluate(
        """async ([more, all]) => {
          const { measured, sentence } = await import("/forget_bias.js");
          return all.map((values) => {
            const { total, direct, half_life, solved } = measured({ ...more, ...values });
            return [total, direct, half_life, solved, sentence({ ...more, ...values })];
          });
        }""",
        [state(made[0], "runs", "trained"), [{"b_f": w.b_f, "b_i": w.b_i} for w in made]],
    )
    for widget, (total, direct, half_life, solved, sentence) in zip(made, said, strict=True):
        run = widget.run()
        assert total == pytest.approx(run["total"], rel=1e-12)
        assert direct == pytest.approx(run["direct"], rel=1e-12)
        assert half_life == pytest.approx(widget.half_life, rel=1e-12)
        assert solved == run["solved"] and sentence == widget.sentence()


def test_sentences_of_who_remembers_equal_those_of_python(page: Any) -> None:
    rng = np.random.default_rng(32)
    made = [WhoRemembers(cell, t=t) for cell in ("rnn", "lstm", "gru") for t in (1, 9, 24)]
    made += [
        WhoRemembers("gru", sequence="a late mark", t=20),
        WhoRemembers(p=LSTMParams.init(2, 3, rng), x=rng.normal(size=(8, 2)), t=5),
        WhoRemembers(p=LSTMParams.init(2, 3, rng), x=np.ones(3)),
    ]
    said = page.evaluate(
        """async (all) => {
          const { sentence } = await import("/who_remembers.js");
          return all.map(({ yours, ...values }) => sentence({ ...values, own: yours }));
        }""",
        [state(widget, "views", "yours", "error") for widget in made],
    )
    assert said == [widget.sentence() for widget in made]


ALL: list[Any] = [
    GradientThroughTime,
    lambda: GradientThroughTime(("rnn",)),
    BackwardPath,
    lambda: BackwardPath("gru", reset="after"),
    ForgetBias,
    WhoRemembers,
    lambda: WhoRemembers(
        p=GRUParams.init(3, 5, np.random.default_rng(0)), x=np.ones((30, 3)), labels=["word"] * 30
    ),
]


@pytest.mark.parametrize("make", ALL)
def test_inputs_and_presets(page: Any, make: Any) -> None:
    widget = make()
    check_presets(page, widget)
    check_inputs(page)


KEYS: list[tuple[Any, str, str]] = [
    (GradientThroughTime, "b_f, forget bias", "forget_bias"),
    (GradientThroughTime, "scale of V", "scale"),
    (GradientThroughTime, "length in steps", "length"),
    (lambda: BackwardPath(stage=5), "dh, arrives at h", "dh"),
    (lambda: BackwardPath(stage=5), "dC, arrives at C", "dC"),
    (lambda: BackwardPath(stage=5), "f, forget gate", "f"),
    (lambda: BackwardPath(stage=5), "i, input gate", "i"),
    (lambda: BackwardPath(stage=5), "C̃, candidate", "C_tilde"),
    (lambda: BackwardPath(stage=5), "o, output gate", "o"),
    (lambda: BackwardPath(stage=5), "C, old cell state", "C_prev"),
    (lambda: BackwardPath("gru", stage=5), "z, update gate", "z"),
    (lambda: BackwardPath("gru", stage=5), "r, reset gate", "r"),
    (lambda: BackwardPath("gru", stage=5), "h̃, candidate", "h_tilde"),
    (lambda: BackwardPath("gru", stage=5), "h, old hidden state", "h_prev"),
    (WhoRemembers, "t, output at step", "t"),
]


def test_arrow_keys_move_each_slider_and_the_picture(page: Any) -> None:
    for make, name, trait in KEYS:
        show(page, make())
        check_key(page, name, trait)


def press(page: Any, name: str, key: str) -> None:
    """A key on the chosen one of a group of radio buttons."""
    page.get_by_role("radiogroup", name=name, exact=True).locator("input:checked").press(key)


def test_arrow_keys_and_the_button_step_through_the_stages(page: Any) -> None:
    show(page, BackwardPath())
    for stage in range(1, 6):
        drawn = page.locator(".rl-picture").inner_html()
        press(page, "Stage", "ArrowRight")
        assert page.evaluate("state.stage") == stage
        assert page.locator(".rl-picture").inner_html() != drawn
        check_drawn(page)
    assert "dh_{t−1}" not in page.locator(".rl-picture").text_content()
    again = page.get_by_role("button", name="Start again")
    again.press("Enter")
    assert page.evaluate("state.stage") == 0
    page.get_by_role("button", name="Next stage").press("Enter")
    assert page.evaluate("state.stage") == 1


def test_a_stage_shows_no_number_of_a_later_one(page: Any) -> None:
    path = BackwardPath(dh=0.37, dC=-1.21, C_prev=1.83)
    show(page, path)
    d = path.gradients()
    for stage, known in ((0, "dC"), (2, "dC_t"), (3, "dC_prev"), (4, "da_f"), (5, "dh_prev")):
        page.evaluate(f"model.set('stage', {stage})")
        numbers = page.evaluate(
            "[...document.querySelectorAll('.rl-picture .rl-number')].map((e) => e.textContent)"
        )
        assert f"{d[known]:.2f}".replace("-", "−") in numbers
        if stage < 5:
            assert f"{d['dh_prev']:.2f}".replace("-", "−") not in numbers


def test_both_forms_of_the_reset(page: Any) -> None:
    show(page, BackwardPath("gru", stage=3))
    assert "“Before”" in page.locator(".rl-equations").inner_text()
    drawn = page.locator(".rl-picture").inner_html()
    press(page, "The reset gate acts", "ArrowRight")
    assert page.evaluate("state.reset") == "after"
    assert page.locator(".rl-picture").inner_html() != drawn
    assert "“After”" in page.locator(".rl-equations").inner_text()


def test_biases_are_chosen_by_keys_and_the_others_shown_on_demand(page: Any) -> None:
    show(page, ForgetBias(3, 0))
    press(page, "Forget bias", "ArrowRight")
    press(page, "Input bias", "ArrowLeft")
    assert page.evaluate("[state.b_f, state.b_i]") == [5, -3]
    assert page.locator(".rl-cell").count() == 0
    page.get_by_role("button", name="Show all settings").press("Enter")
    assert page.locator(".rl-cell").count() == 25
    assert "chrono" in page.locator(".rl-picture").text_content()
    check_drawn(page)


def test_other_weights_and_other_nets(page: Any) -> None:
    show(page, GradientThroughTime())
    page.get_by_role("button", name="Other random weights").press("Enter")
    assert page.evaluate("state.draw") == 2
    show(page, WhoRemembers())
    press(page, "Net", "ArrowRight")
    press(page, "Sequence", "ArrowRight")
    assert page.evaluate("[state.cell, state.sequence]") == ["lstm", "one mark"]
    assert "forget gate f" in page.locator(".rl-picture").text_content()


def test_what_is_wrong_with_your_net_is_shown(page: Any) -> None:
    show(page, WhoRemembers(p=RNNParams.init(3, 2, np.random.default_rng(0)), x=np.ones((4, 2))))
    assert "x must have shape (T, 3)" in page.get_by_role("alert").inner_text()
    assert page.get_by_role("slider").count() == 0


LABELS: list[Any] = [
    lambda: GradientThroughTime(scale=3.0, forget_bias=5.0, length=100),
    lambda: GradientThroughTime(("rnn",), scale=3.0),
    lambda: GradientThroughTime(scale=0.0),
    lambda: BackwardPath(stage=5),
    lambda: BackwardPath(stage=5, dh=-2, dC=-2, C_prev=-2, C_tilde=-1, f=1),
    lambda: BackwardPath("gru", stage=5, dh=-2, h_prev=1, h_tilde=-1, z=0.5),
    lambda: BackwardPath("gru", reset="after", stage=5, dh=-2, h_prev=-1),
    *[lambda b_f=b_f, b_i=b_i: ForgetBias(b_f, b_i, whole=1)
      for b_f, b_i in ((-3, 5), (0, 0), (3, 0), (5, -5), (5, 0))],
    lambda: WhoRemembers(t=24),
    lambda: WhoRemembers("lstm", t=9),
    lambda: WhoRemembers("gru", sequence="a late mark", t=24),
    ALL[-1],
]  # fmt: skip


@pytest.mark.parametrize("width", [480, 800, 1200])
def test_labels_keep_apart(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 1000})
    for make in LABELS:
        check_labels(page, make())
