"""The explorers where learners meet them: in JupyterLab, without a kernel, and in exported HTML."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

pytestmark = pytest.mark.browser

CELLS = (
    "from rnnlab.explorers import ConveyorBelt, Predict",
    "belt = ConveyorBelt(f=0.5, i=0.5, o=0.5)\nbelt",
    'predict = Predict("Which?", {"yellow": "Yes.", "violet": "No."}, correct="yellow")\npredict',
    "print(belt.f, belt.i, belt.o, belt.spikes, belt.t, predict.choice)",
)
SLIDERS = {
    "f, forget gate": "0.51",
    "i, input gate": "0.51",
    "o, output gate": "0.51",
    "spike at step": "6",
    "read at step": "39",
}

# from the key event to the frame after the picture has changed, for each press, in milliseconds
WATCH = """() => {
  window.taken = [];
  let start = null;
  addEventListener("keydown", (event) => { start = event.timeStamp; }, { capture: true });
  new MutationObserver(() => {
    if (start === null) return;
    const pressed = start;
    start = null;
    requestAnimationFrame(() => setTimeout(() => taken.push(performance.now() - pressed)));
  }).observe(document.querySelector(".rl-picture"), { childList: true });
}"""


def notebook(*cells: str) -> Any:
    """A notebook of these code cells."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return made


@pytest.fixture
def open_lab(browser: Any, lab: Any) -> Any:
    """A page with the notebook open and every cell run."""
    nbformat.write(notebook(*CELLS), lab.folder / "explorers.ipynb")
    # JupyterLab detaches the cells that are out of view
    with browser.new_context(viewport={"width": 1280, "height": 4200}) as context:
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{lab.address}/lab/tree/explorers.ipynb?token={lab.token}")
        page.get_by_text("| Idle").wait_for()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.get_by_role("button", name="yellow").wait_for(timeout=30_000)
        yield page
        assert errors == []


def press(page: Any, name: str, key: str) -> str:
    """Focus a slider by its name, press a key, and return its value once the picture changed."""
    slider = page.get_by_role("slider", name=name, exact=True)
    slider.focus()
    drawn = page.locator(".rl-picture").inner_html()
    page.keyboard.press(key)
    page.wait_for_function(
        "(drawn) => document.querySelector('.rl-picture').innerHTML !== drawn", arg=drawn
    )
    assert slider.evaluate("(e) => e === document.activeElement")
    value: str = slider.input_value()
    return value


def ask(page: Any) -> str:
    """Run the last cell again and return what Python printed."""
    cell = page.locator(".jp-CodeCell").last
    output = cell.locator(".jp-OutputArea-output")
    before = output.inner_text()
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    page.wait_for_function(
        """(before) => {
          const output = [...document.querySelectorAll(".jp-CodeCell")].at(-1)
            .querySelector(".jp-OutputArea-output");
          return output && output.innerText !== before;
        }""",
        arg=before,
    )
    said: str = output.inner_text()
    return said.strip()


def test_keys_move_the_explorers_with_a_kernel_and_without(
    open_lab: Any, lab: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    page = open_lab
    for name, value in SLIDERS.items():
        key = "ArrowLeft" if name == "read at step" else "ArrowRight"
        assert press(page, name, key) == value
    page.get_by_role("button", name="violet").focus()
    page.keyboard.press("Enter")
    assert "No." in page.get_by_role("status").filter(has_text="Not so").inner_text()
    assert ask(page) == "0.51 0.51 0.51 [6] 39 violet"

    page.evaluate(WATCH)
    best = np.inf
    for key in ("ArrowRight", "ArrowLeft", "ArrowRight"):  # a busy machine gets three tries
        page.evaluate("taken.length = 0")
        for _ in range(40):
            press(page, "f, forget gate", key)
        page.wait_for_function("taken.length === 40")
        p50, p95 = np.percentile(page.evaluate("taken"), [50, 95])
        with capsys.disabled():
            print(f"\nkey to picture in JupyterLab: p50 {p50:.0f} ms, p95 {p95:.0f} ms")
        best = min(best, p95)
        if best < 150:
            break
    assert best < 150

    for session in lab.api("sessions"):
        lab.api(f"sessions/{session['id']}", "DELETE")
    assert lab.api("kernels") == []
    assert press(page, "i, input gate", "ArrowRight") == "0.52"
    page.get_by_role("button", name="yellow").press("Enter")
    assert "Yes." in page.get_by_role("status").filter(has_text="Right").inner_text()


def test_an_export_shows_the_picture_with_the_network_cut(
    browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    ran = NotebookClient(notebook(*CELLS), store_widget_state=False).execute()
    assert "widgets" not in ran.metadata
    export, _ = HTMLExporter().from_notebook_node(ran)
    file = tmp_path / "explorers.html"
    file.write_text(export, encoding="utf-8")
    with browser.new_context(offline=True) as context:
        page = context.new_page()
        page.route(re.compile("^(?!file:)"), lambda route: route.abort())
        page.goto(file.as_uri(), wait_until="domcontentloaded")
        picture = page.locator(".jp-OutputArea-output img")
        assert picture.is_visible()
        assert picture.evaluate("(img) => img.naturalWidth") > 600
        assert page.get_by_text("( ) violet").is_visible()
        assert "Yes." not in page.locator(".jp-OutputArea-output").last.inner_text()
