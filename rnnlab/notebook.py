"""The course's notebooks: clear, build exercise from solution, find an answer, copy to work/.

A notebook is handled as the JSON it is. `python -m rnnlab.notebook exercises` rebuilds exercises/
from solutions/; `python -m rnnlab.notebook execute` runs lectures and solutions in place.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Notebook = dict[str, Any]
Cell = dict[str, Any]

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
STUB = ("# Write your code here.", "raise NotImplementedError")


def course() -> Path:
    """The folder that holds notebooks/ and exercises/: a checkout, or inside the installed package.

    Raises FileNotFoundError when neither has them.
    """
    package = Path(__file__).resolve().parent
    for folder in (package.parent, package / "course"):
        if (folder / "notebooks").is_dir() and (folder / "exercises").is_dir():
            return folder
    raise FileNotFoundError(
        f"course: notebooks/ and exercises/ must lie beside {package} or in {package / 'course'}, "
        "found neither; install rnnlab again, or clone its repository"
    )


def read(path: Path) -> Notebook:
    """Read a notebook of format 4; ValueError for anything else."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"read: {path} must be a notebook, got no valid JSON: {error}") from error
    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4:
        raise ValueError(f"read: {path} must be a notebook of format 4; save it again in Jupyter")
    return notebook


def write(notebook: Notebook, path: Path) -> None:
    """Write a notebook as nbformat does: one space of indent, sorted keys, a final newline."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dumps(notebook), encoding="utf-8", newline="\n")


def dumps(notebook: Notebook) -> str:
    """The text of the file that `write` makes."""
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def source(cell: Cell) -> str:
    """The text of a cell; the format allows a list of lines as well."""
    text = cell["source"]
    return text if isinstance(text, str) else "".join(text)


def cleared(notebook: Notebook) -> Notebook:
    """A copy without outputs, execution counts and widget state."""
    result = copy.deepcopy(notebook)
    result["metadata"].pop("widgets", None)
    for cell in result["cells"]:
        cell["metadata"].pop("execution", None)
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return result


def build_exercise(solution: Notebook) -> Notebook:
    """The exercise of a solution: each solution region becomes a stub, each check may raise.

    Cell ids, texts and nbgrader's metadata carry over. Raises ValueError for a solution cell
    without a region and for markers that do not pair.
    """
    exercise = cleared(solution)
    for cell in exercise["cells"]:
        if cell["cell_type"] != "code":
            continue
        grading = cell["metadata"].get("nbgrader", {})
        text = _stubbed(source(cell), grading.get("grade_id", cell["id"]))
        if grading.get("solution") and text == source(cell):
            raise ValueError(
                f"build_exercise: solution cell {grading['grade_id']} must hold a region from "
                f"{BEGIN} to {END}, got none"
            )
        cell["source"] = text.splitlines(keepends=True)
        if grading.get("grade"):
            tags = cell["metadata"].setdefault("tags", [])
            cell["metadata"]["tags"] = [*tags, "raises-exception"]
    return exercise


def _stubbed(text: str, where: str) -> str:
    lines: list[str] = []
    inside = False
    for line in text.split("\n"):
        marker = line.strip()
        if marker not in (BEGIN, END):
            if not inside:
                lines.append(line)
            continue
        if (marker == BEGIN) == inside:
            raise ValueError(f"build_exercise: {BEGIN} and {END} must pair, in cell {where}")
        inside = marker == BEGIN
        if inside:
            indent = line[: len(line) - len(line.lstrip())]
            lines += [indent + stub for stub in STUB]
    if inside:
        raise ValueError(f"build_exercise: {BEGIN} and {END} must pair, in cell {where}")
    return "\n".join(lines)


def answers(notebook: Notebook) -> Iterator[tuple[str, Cell]]:
    """Each code cell that nbgrader's metadata marks as a solution, with its grade_id."""
    for cell in notebook["cells"]:
        grading = cell.get("metadata", {}).get("nbgrader", {})
        if cell["cell_type"] == "code" and grading.get("solution") is True:
            yield grading["grade_id"], cell


def copy_to_work(course: Path, work: Path) -> list[str]:
    """Copy lectures (outputs cleared) and exercises into `work`, where they are missing.

    A learner's file is never written again. Where the original has changed since the copy was
    made, the new one is laid beside it as NAME.2.ipynb, NAME.3.ipynb, ... Returns one sentence
    for each of those.
    """
    said = []
    for original in sorted([*course.glob("notebooks/*.ipynb"), *course.glob("exercises/*.ipynb")]):
        fresh = cleared(read(original))
        mark = hashlib.sha256(dumps(fresh).encode()).hexdigest()
        fresh["metadata"]["rnnlab"] = {"original": mark}
        target = work / original.relative_to(course)
        copies = [target, *target.parent.glob(f"{target.stem}.[0-9]*.ipynb")]
        if not target.exists():
            write(fresh, target)
        elif mark not in {_original(path) for path in copies}:
            beside = target.with_name(f"{target.stem}.{_next_number(copies)}.ipynb")
            write(fresh, beside)
            said.append(f"{target.name} has a newer version: it lies beside yours as {beside.name}")
    return said


def _next_number(copies: list[Path]) -> int:
    return max([1, *(int(path.name.split(".")[1]) for path in copies[1:])]) + 1


def _original(path: Path) -> str | None:
    """The mark of the original that a copy was made from; None when the file is torn."""
    try:
        mark = read(path)["metadata"]["rnnlab"]["original"]
    except (ValueError, KeyError, TypeError):
        return None
    return mark if isinstance(mark, str) else None


def rebuild_exercises(root: Path) -> list[Path]:
    """Build every exercises/*.ipynb from solutions/*.ipynb; remove those without a solution."""
    written = []
    for path in sorted(root.glob("solutions/*.ipynb")):
        written.append(root / "exercises" / path.name)
        write(build_exercise(read(path)), written[-1])
    for path in root.glob("exercises/*.ipynb"):
        if path not in written:
            path.unlink()
    return written


def execute(path: Path) -> None:
    """Run a notebook in a fresh kernel and store its outputs, in place.

    What differs from run to run (live widgets, times, the kernel's version) is not stored.
    Raises nbclient's CellExecutionError, and leaves the file as it was, when a cell fails.
    """
    import nbformat
    from nbclient import NotebookClient

    text = dumps(cleared(read(path)))
    notebook = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(
        notebook, kernel_name="python3", timeout=300, record_timing=False, store_widget_state=False
    )
    client.execute(cwd=str(path.parent))
    done = json.loads(nbformat.writes(notebook))  # type: ignore[no-untyped-call]
    for cell in done["cells"]:
        for output in cell.get("outputs", []):
            # a live widget is a random id; what stands in for it is stored
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
            output.get("metadata", {}).pop("application/vnd.jupyter.widget-view+json", None)
    done["metadata"] = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    write(done, path)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m rnnlab.notebook", description=__doc__)
    parser.add_argument("what", choices=["exercises", "execute"])
    parser.add_argument("paths", nargs="*", type=Path, help="notebooks to execute; default: all")
    given = parser.parse_args()
    root = course()
    if given.what == "exercises":
        for path in rebuild_exercises(root):
            print(path.relative_to(root))
        return
    every = [*sorted(root.glob("notebooks/*.ipynb")), *sorted(root.glob("solutions/*.ipynb"))]
    for path in given.paths or every:
        print(path.name, flush=True)
        execute(path)


if __name__ == "__main__":
    main()
