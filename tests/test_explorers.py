"""Explorers without a browser: values, errors, and what stands in for the live widget."""

from __future__ import annotations

import base64
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest

from rnnlab.explorers import ConveyorBelt, Predict
from rnnlab.explorers.esm import joined

VIEW = "application/vnd.jupyter.widget-view+json"
CHOICES = {"0.50": "Half is gone after one step.", "0.98": "Its half-life is 34 steps."}


def test_states_are_what_is_left_of_each_spike() -> None:
    belt = ConveyorBelt(f=0.9, i=0.7, o=0.6, spikes=(5, 17, 17))
    # solved: each spike is written once, times i, and has shrunk by f at every step since
    C = [sum(0.7 * 0.9 ** (t - s) for s in (5, 17) if t >= s) for t in range(1, 41)]
    np.testing.assert_allclose(belt.states().C, C, rtol=0, atol=1e-14)
    np.testing.assert_allclose(belt.states().h, 0.6 * np.tanh(C), rtol=0, atol=1e-14)


@pytest.mark.parametrize(("f", "n"), [(0.5, 1), (0.98, 34.31), (0.0, 0), (1.0, np.inf)])
def test_half_life(f: float, n: float) -> None:
    assert ConveyorBelt(f=f).half_life == pytest.approx(n, abs=0.01)


def test_values_can_be_set_and_read() -> None:
    belt = ConveyorBelt(show=("o", "f"), f=0.25, o=0.5, spikes=(7, 9), question="Why?")
    assert (belt.f, belt.i, belt.o, belt.spikes, belt.t) == (0.25, 1.0, 0.5, [7, 9], 40)
    assert belt.show == ["f", "o"] and belt.question == "Why?"
    belt.f, belt.t = 1, 8
    assert repr(belt) == "ConveyorBelt(show=('f', 'o'), f=1.0, o=0.5, spikes=(7, 9))"
    assert belt.sentence() == (
        "Spikes fall at steps 7 and 9. With f = 1.00 all is kept for ever. "
        "At step 8 the cell holds C = 1.000, and o = 0.50 lets h = 0.381 out."
    )
    assert belt.start["f"] == 0.25 and belt.start["question"] == "Why?"


@pytest.mark.parametrize("show", [("f",), ("f", "i"), ("f", "o"), ("f", "i", "o")])
def test_presets_ask_only_about_gates_that_are_shown(show: tuple[str, ...]) -> None:
    belt = ConveyorBelt(show=show)
    assert len(belt.presets) == 4
    assert belt.question == belt.presets[0]["question"]
    for preset in belt.presets:
        assert "?" in preset["question"]
        for gate in {"i", "o"} - set(show):
            assert f"{gate} to" not in preset["question"]
            assert preset[gate] == 1
        ConveyorBelt(f=preset["f"], spikes=preset["spikes"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"f": 1.01}, r"f must be a number from 0 \(closed\) to 1 \(open\), got 1.01"),
        ({"i": "open"}, "i must be a number .* got 'open'"),
        ({"o": True}, "o must be a number .* got True"),
        ({"f": float("nan")}, "f must be a number .* got nan"),
        ({"spikes": ()}, r"spikes must be 1 to 3 steps, such as \(5, 25\), got \(\)"),
        ({"spikes": (1, 2, 3, 4)}, "spikes must be 1 to 3 steps"),
        ({"spikes": 5}, "spikes must be 1 to 3 steps, .* got 5"),
        ({"spikes": (0,)}, "each of spikes must be a whole number from 1 to 40, got 0"),
        ({"spikes": (2.5,)}, "each of spikes must be a whole number from 1 to 40, got 2.5"),
        ({"show": ("i",)}, r"show must hold \"f\" and may hold .* got \('i',\)"),
        ({"show": "f"}, "show must hold .* got 'f'"),
        ({"show": ("f", "z")}, "show must hold .* got"),
        ({"show": ("f",), "o": 0.5}, "o must be 1 where it is not shown, got 0.5; put"),
        ({"question": ""}, "question must be a text that says something, got ''"),
    ],
)
def test_wrong_arguments_of_the_belt(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=f"^ConveyorBelt: {words}"):
        ConveyorBelt(**arguments)


def test_a_wrong_value_set_later_raises_and_changes_nothing() -> None:
    belt = ConveyorBelt(f=0.5)
    with pytest.raises(ValueError, match=r"^ConveyorBelt: f must be"):
        belt.f = -0.1
    with pytest.raises(ValueError, match=r"^ConveyorBelt: t must be .* from 1 to 40, got 41"):
        belt.t = 41
    assert (belt.f, belt.t) == (0.5, 40)


def test_what_stands_in_for_the_belt(tmp_path: Path) -> None:
    data, metadata = ConveyorBelt(f=0.98, spikes=(5,))._repr_mimebundle_()
    again, _ = ConveyorBelt(f=0.98, spikes=(5,))._repr_mimebundle_()
    other, _ = ConveyorBelt(f=0.97, spikes=(5,))._repr_mimebundle_()
    assert data["image/png"] == again["image/png"] != other["image/png"]
    assert data["text/plain"] == again["text/plain"]
    assert data["text/plain"].endswith(
        "A spike falls at step 5. With f = 0.98 half is left after 34.3 steps. "
        "At step 40 the cell holds C = 0.493, and o = 1.00 lets h = 0.457 out."
    )
    assert "0x" not in data["text/plain"]
    assert data[VIEW]["model_id"]  # a live front end prefers it
    assert metadata["image/png"]["alt"] in data["text/plain"]
    png = base64.b64decode(data["image/png"])
    assert b"tIME" not in png and b"Software" not in png
    (tmp_path / "belt.png").write_bytes(png)
    pixels = matplotlib.image.imread(tmp_path / "belt.png")
    assert pixels.shape[1] > 600 and pixels[..., :3].std() > 0.05


def test_predict_hides_its_answers_in_print() -> None:
    predict = Predict("Which `f` keeps half?", CHOICES, correct="0.98")
    data, _ = predict._repr_mimebundle_()
    assert data["text/plain"] == "Which `f` keeps half?\n( ) 0.50\n( ) 0.98"
    assert "image/png" not in data and data[VIEW]["model_id"]
    assert predict.choice is None
    predict.choice = "0.50"
    assert repr(predict) == "Predict('Which `f` keeps half?', choice='0.50')"
    assert predict._repr_mimebundle_()[0]["text/plain"] == data["text/plain"]


@pytest.mark.parametrize(
    ("question", "choices", "correct", "words"),
    [
        ("", CHOICES, "0.98", "question must be a text that says something, got ''"),
        ("Q?", {"a": "x"}, "a", "choices must map at least two choices to their answers, got"),
        ("Q?", ["a", "b"], "a", "choices must map at least two choices"),
        ("Q?", {"a": "x", "b": " "}, "a", "the answer to 'b' must be a text .* got ' '"),
        ("Q?", {"a": "x", 2: "y"}, "a", "each choice must be a text .* got 2"),
        ("Q?", CHOICES, "0.9", "correct must be one of the choices '0.50', '0.98', got '0.9'"),
    ],
)
def test_wrong_arguments_of_predict(question: Any, choices: Any, correct: Any, words: str) -> None:
    with pytest.raises(ValueError, match=f"^Predict: {words}"):
        Predict(question, choices, correct=correct)


def test_a_choice_that_is_none_raises() -> None:
    predict = Predict("Q?", CHOICES, correct="0.98")
    with pytest.raises(ValueError, match=r"^Predict: choice must be one of the choices"):
        predict.choice = "0.7"


def test_joined_keeps_order_and_takes_each_module_once(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("export const a = 1;\n")
    (tmp_path / "b.js").write_text('import { a } from "./a.js";\nexport function b() {}\n')
    (tmp_path / "c.js").write_text(
        'import { a } from "./a.js";\nimport {\n  b,\n} from "./b.js";\n'
        "export const c = a;\nexport default { render };\n"
    )
    assert joined("c.js", tmp_path) == (
        "const a = 1;\n\nfunction b() {}\n\nexport const c = a;\nexport default { render };\n"
    )


@pytest.mark.parametrize(
    "line",
    [
        'import * as a from "./a.js";',
        'import { a as b } from "./a.js";',
        'import { a } from "https://example.org/a.js";',
        'const a = await import("./a.js");',
        "export { a };",
        "export default a;",
    ],
)
def test_joined_refuses_what_it_does_not_understand(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.js").write_text("export const a = 1;\n")
    (tmp_path / "b.js").write_text(f"{line}\n")
    with pytest.raises(ValueError, match=r"^b.js: an import must read .* got `"):
        joined("b.js", tmp_path)


def test_the_modules_are_laid_before_those_that_use_them() -> None:
    source = joined("conveyor_belt.js")
    marks = ["function lstmState", "const PALETTE", "function slider", "export default"]
    assert all(source.index(first) < source.index(then) for first, then in pairwise(marks))


def test_without_anywidget_the_error_names_the_cure() -> None:
    code = "import sys; sys.modules['anywidget'] = None; import rnnlab.explorers"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert 'pip install "rnnlab[lab]"' in ran.stderr.splitlines()[-1]
    assert ran.stderr.splitlines()[-1].startswith("ImportError: rnnlab.explorers: needs anywidget")
