"""Show a verdict where the learner is: a block in the notebook, plain text elsewhere."""

from __future__ import annotations

import html
import sys

from rnnlab.check.judging import Judgement
from rnnlab.check.words import counted
from rnnlab.questions import question

_PARALLEL = "A parallel problem, solved"


class NotYet(AssertionError):
    """The answer is not right yet. In a notebook it shows its words and no traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


def check(question_id: str, answer: object, hint: int | None = None) -> None:
    """Judge `answer` and show the verdict; AssertionError when it did not pass.

    hint=1, 2 or 3 shows that much more help: where to look, what the equation says, the line in
    words; after the third, a parallel problem with its solution. Raises ValueError for an unknown
    question or hint.
    """
    asked = question(question_id)
    if hint not in (None, 1, 2, 3):
        raise ValueError(f"check: hint must be 1, 2 or 3, got {hint!r}")
    judgement = Judgement(asked, answer, None)
    verdict = judgement.verdict()
    sys.stdout.write(judgement.printed)
    if verdict.passed:
        _show(f"{asked.id}: passed, {counted(asked.points, 'point')}.", [], good=True)
        return
    words = [verdict.difference, verdict.hint or ""]
    for k in range(hint or 0):
        if asked.hints[k] not in words:
            words.append(f"Hint {k + 1}: {asked.hints[k]}")
    words = [word for word in words if word]
    parallel = asked.parallel if hint == 3 else ""
    if _show(f"{asked.id}: not yet.", words, good=False, parallel=parallel):
        raise NotYet(f"{asked.id} is not right yet; the words above say what differs first.")
    if parallel:
        words.append(f"{_PARALLEL}:\n{parallel}")
    raise NotYet("\n".join([f"{asked.id} is not right yet.", *words]))


def _show(head: str, words: list[str], good: bool, parallel: str = "") -> bool:
    """Show a verdict in a notebook as a small block; elsewhere print a pass. True if displayed."""
    shell = sys.modules.get("IPython")
    if shell is None or shell.get_ipython() is None:
        if good:
            print(head)
        return False
    colour = "var(--jp-success-color1, #1a7f37)" if good else "var(--jp-warn-color1, #b35900)"
    mark = "✓" if good else "→"
    body = "".join(f"<p style='margin:.3em 0 0'>{html.escape(word)}</p>" for word in words)
    if parallel:
        body += (
            f"<details style='margin:.3em 0 0'><summary>{_PARALLEL}</summary>"
            f"<pre style='white-space:pre-wrap'>{html.escape(parallel)}</pre></details>"
        )
        words = [*words, f"{_PARALLEL}:\n{parallel}"]
    block = (
        f"<div role='status' style='border-left:4px solid {colour};padding:.4em .8em;"
        f"max-width:70ch'><strong>{mark} {html.escape(head)}</strong>{body}</div>"
    )
    plain = "\n".join([f"{mark} {head}", *words])
    shell.display.display({"text/html": block, "text/plain": plain}, raw=True)
    return True
