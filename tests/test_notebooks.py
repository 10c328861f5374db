"""What every committed notebook keeps to: executed, readable, short cells, no magics, no paths."""

from __future__ import annotations

import csv
import re
import statistics
from pathlib import Path

import nbformat
import pytest

from rnnlab import notebook

ROOT = Path(__file__).parent.parent
LECTURES = sorted((ROOT / "notebooks").glob("*.ipynb"))
SOLUTIONS = sorted((ROOT / "solutions").glob("*.ipynb"))


@pytest.mark.parametrize("path", [*LECTURES, *SOLUTIONS], ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_committed_executed_in_order_and_as_nbformat_writes(path: Path) -> None:
    nb = notebook.read(path)
    nbformat.validate(nb)
    code = [cell for cell in nb["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert nb["metadata"]["kernelspec"]["name"] == "python3"
    assert "widgets" not in nb["metadata"]
    assert path.read_text(encoding="utf-8") == notebook.dumps(nb)
    for cell in code:
        assert "raises-exception" not in cell["metadata"].get("tags", [])
        for output in cell["outputs"]:
            assert output["output_type"] != "error"
            assert output.get("name") != "stderr", output


@pytest.mark.parametrize("path", [*LECTURES, *SOLUTIONS], ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_cells_are_short_and_plain_python(path: Path) -> None:
    nb = notebook.read(path)
    lengths = []
    for cell in nb["cells"]:
        text = notebook.source(cell)
        if cell["cell_type"] == "code":
            lengths.append(len(text.strip().splitlines()))
            assert not re.search(r"^\s*[%!]", text, re.M), text
            assert lengths[-1] <= 30, text
        assert not re.search(r"(?:^|[\s\"'(])/(?:home|root|tmp|Users|work)/", text), text
    # a solution holds whole functions
    assert statistics.median(lengths) <= (7 if path in LECTURES else 10)


@pytest.mark.parametrize("path", LECTURES, ids=lambda p: p.stem)
def test_a_lecture_is_mostly_prose_and_tags_what_varies(path: Path) -> None:
    nb = notebook.read(path)
    kinds = [cell["cell_type"] for cell in nb["cells"]]
    assert kinds.count("markdown") / len(kinds) >= 0.4
    for cell in nb["cells"]:
        if "nbval-ignore-output" in cell["metadata"].get("tags", []):
            assert "assert " in notebook.source(cell), "a varying output needs an asserted bound"


# cells that train or time; each carries the bound that it must keep
MOST_VARYING = 4


def test_few_cells_are_allowed_to_vary() -> None:
    counted = {}
    for path in LECTURES:
        tags = [cell["metadata"].get("tags", []) for cell in notebook.read(path)["cells"]]
        counted[path.stem] = sum("nbval-ignore-output" in t for t in tags)
    assert {name: n for name, n in counted.items() if n > MOST_VARYING} == {}


def test_every_statement_of_the_notes_has_its_place() -> None:
    """The lecture notes that the course grew from, sentence by sentence: lecture and cell."""
    with (ROOT / "tests" / "statements.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    cells = {path.name[:2]: {c["id"] for c in notebook.read(path)["cells"]} for path in LECTURES}
    assert len(rows) >= 60
    lost = [row for row in rows if row["cell"] not in cells[row["lecture"]]]
    assert not lost
