"""A notebook as one HTML file: what an explorer leaves in it, and what the page makes of that."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest

from rnnlab import cli, explorers, notebook
from rnnlab.cells import lstm_step
from rnnlab.explorers import ConveyorBelt, LSTMStepExplorer, Predict, WhoRemembers
from rnnlab.explorers.page import Page
from rnnlab.params import LSTMParams

LECTURES = sorted(Path(notebook.course()).glob("notebooks/*.ipynb"))
BELT = {"f": 0.98, "spikes": (5, 17)}


def shown(*widgets: Any, text: str = "") -> Any:
    """A notebook that shows these explorers, as a kernel would leave it."""
    cells = [nbformat.v4.new_markdown_cell(text)] if text else []
    for widget in widgets:
        data, metadata = widget._repr_mimebundle_()
        output = nbformat.v4.new_output("display_data", data, metadata=metadata)
        cells.append(nbformat.v4.new_code_cell("shown", outputs=[output]))
    return nbformat.from_dict(json.loads(json.dumps(nbformat.v4.new_notebook(cells=cells))))


def page(*widgets: Any, text: str = "") -> tuple[str, int]:
    html, about = Page().from_notebook_node(shown(*widgets, text=text))
    return html, about["explorers"]


@pytest.mark.parametrize("name", [name for name in explorers.__all__ if name != "Predict"])
def test_an_explorer_leaves_its_state_and_no_more(name: str) -> None:
    kind = getattr(explorers, name)
    (first, then) = (kind()._repr_mimebundle_()[1]["rnnlab"] for _ in range(2))
    assert json.dumps(first, sort_keys=True) == json.dumps(then, sort_keys=True)
    assert first["explorer"] == name
    assert len(json.dumps(first)) < 4000  # what is the same in every one is not stored
    wanted = {*kind.moved, "question", "presets", "start"}
    assert wanted <= first["state"].keys()
    assert not first["state"].keys() & {"layout", "_esm", "_css", *kind.shared}


def test_what_is_left_is_the_present_state() -> None:
    belt = ConveyorBelt(**BELT)
    belt.f = 0.25
    assert belt._repr_mimebundle_()[1]["rnnlab"]["state"]["f"] == 0.25
    own = WhoRemembers(p=LSTMParams.init(2, 3, np.random.default_rng(0)), x=np.ones((4, 2)))
    assert own._repr_mimebundle_()[1]["rnnlab"]["state"]["views"] == own.views


def test_an_own_cell_stays_a_picture() -> None:
    own = LSTMStepExplorer(lstm_step)
    assert "rnnlab" not in own._repr_mimebundle_()[1]
    html, count = page(own)
    assert count == 0 and "<script" not in html.split("<body")[1]
    body = html.split("<body")[1]
    assert body.count("data:image/png;base64,") == 1 and f'alt="{own.picture().alt}"' in body


def test_the_page_holds_all_that_it_needs() -> None:
    belt = ConveyorBelt(**BELT)
    html, count = page(belt, WhoRemembers(), text="The gate $f_t$:\n\n$$C_t = f_t \\odot C$$")
    assert count == 2
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//|@import|url\(["']?http""", html)
    assert not re.search(r"<script[^>]* src", html)
    assert "function lstmState" in html and ".rl-explorer {" in html
    assert '"spikes": [5, 17]' in html and '"views": {' in html
    assert f'alt="{belt.picture().alt}"' in html
    assert html.count("<math") == 2 and "\\odot" not in html


def test_text_in_a_state_is_never_markup() -> None:
    html, count = page(Predict("</script><b>?", {"<i>a": "</script>", "b": "x"}, correct="b"))
    body = html.split("<body")[1]
    assert count == 1
    assert body.count("</script>") == body.count("<script")
    assert "<b>" not in body and "<i>a" not in body


def test_an_explorer_that_is_not_known_raises() -> None:
    made = shown(ConveyorBelt())
    made.cells[0].outputs[0].metadata.rnnlab.explorer = "os"
    with pytest.raises(ValueError, match=r"^html: an explorer must be one of .* got 'os'; run"):
        Page().from_notebook_node(made)


@pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)
def test_every_lecture_becomes_a_page_without_a_line_of_latex(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["html", str(path), "--out", str(tmp_path / "pages")]) == 0
    file = tmp_path / "pages" / f"{path.stem}.html"
    assert re.fullmatch(
        rf"{re.escape(str(file))}: explorers that move: \d+\n", capsys.readouterr().out
    )
    html = file.read_text(encoding="utf-8")
    assert "No description has been provided" not in html  # nbconvert's words for a lost text
    formulas = re.findall(r"<math.*?</math>", html, re.S)
    assert all("\\" not in re.sub(r"<annotation.*?</annotation>", "", each) for each in formulas)
    assert not re.search(r"<(?:script|img|link)[^>]*(?:src|href)=[\"']?https?:", html)


def test_html_of_what_is_no_notebook(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "torn.ipynb").write_text("{")
    assert cli.main(["html", str(tmp_path / "torn.ipynb")]) == 1
    assert capsys.readouterr().err.startswith("rnnlab html: ")
    assert [path.name for path in tmp_path.iterdir()] == ["torn.ipynb"]


def test_folded_sources_are_left_out_and_aligned_equations_are_tables() -> None:
    made = shown(
        ConveyorBelt(**BELT), text="$$\\begin{aligned} f &= 1 \\\\ i &= 0 \\end{aligned}$$"
    )
    made.cells[1].source = "secret = 'the answer'"
    assert "the answer" in Page().from_notebook_node(made)[0]
    made.cells[1].metadata["jupyter"] = {"source_hidden": True}
    html = Page().from_notebook_node(made)[0]
    assert "the answer" not in html and "explorer-1" in html
    assert len(re.findall("<mtr>", html)) == 2 and "<mi>&</mi>" not in html


@pytest.mark.parametrize("path", LECTURES, ids=lambda p: p.stem)
def test_every_lecture_has_explorers_that_can_move(path: Path) -> None:
    outputs = [o for cell in notebook.read(path)["cells"] for o in cell.get("outputs", [])]
    kept = [o["metadata"]["rnnlab"] for o in outputs if "rnnlab" in o.get("metadata", {})]
    assert kept, "make notebooks"
    assert {each["explorer"] for each in kept} <= set(explorers.__all__)
