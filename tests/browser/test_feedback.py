"""The grader's pages in a browser: accessible, at rest whatever a student wrote, sorted."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
from grading_class import a_class, refused

from rnnlab.grading import pages
from rnnlab.grading.results import Grades, Ran
from rnnlab.questions import all_questions

axe = pytest.importorskip("axe_playwright_python.sync_playwright")
pytestmark = pytest.mark.browser

CANARY = "<script>window.canary = 1</script><img src=x onerror='window.canary = 1'>"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    folder = tmp_path_factory.mktemp("graded")
    grades = a_class(30)
    first = grades.results[0]
    hostile = replace(
        first,
        student=CANARY,
        file=CANARY,
        rows=tuple(
            replace(row, student=CANARY, passed=False, points=0, difference=CANARY, hint=CANARY,
                    misconception=CANARY)
            for row in first.rows
        ),
        cells=(Ran(1, "", CANARY, CANARY), Ran(3, "forget_gate", CANARY)),
    )  # fmt: skip
    results = (*grades.results, hostile, refused(CANARY + "2", CANARY))
    grades = Grades(results, (CANARY,))
    feedback = pages.feedback(grades, all_questions(), folder / "feedback")
    return pages.overview(grades, all_questions(), folder), feedback


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [480, 1000])
def test_axe_finds_nothing_and_nothing_acts(
    page: Any, written: tuple[Path, list[Path]], theme: str, width: int
) -> None:
    overview, feedback = written
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 900})
    hostile = [path for path in feedback if path.name.startswith("script")]
    assert hostile
    for path in (overview, feedback[0], *hostile):
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        assert page.evaluate("window.canary") is None
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path.name
        found = axe.Axe().run(page)
        assert found.violations_count == 0, f"{path.name}: {found.generate_report()}"
        assert len(found.response["passes"]) >= 5


def test_a_click_sorts_the_table_and_a_link_leads_to_the_page(
    page: Any, written: tuple[Path, list[Path]]
) -> None:
    overview, _ = written
    page.goto(overview.as_uri())
    page.get_by_role("button", name="All points").click()
    cells = page.locator("#points tbody tr td:nth-of-type(1)").all_inner_texts()
    assert [int(text) for text in cells] == sorted(int(text) for text in cells)
    page.get_by_role("button", name="All points").focus()
    page.keyboard.press("Enter")
    again = page.locator("#points tbody tr td:nth-of-type(1)").all_inner_texts()
    assert again == sorted(again, key=int, reverse=True)
    name = page.locator("#points tbody a").first.inner_text()
    page.locator("#points tbody a").first.click()
    assert page.locator("h1").inner_text() == f"Feedback for {name}"
