"""Judge an answer: what differs first, in data-flow order, and which wrong idea explains it.

    judge("04.forget_gate", forget_gate)    a Verdict; never prints
    check("04.forget_gate", forget_gate)    shows it in the notebook; raises when it did not pass

    judging   the stages, in order: callable, shape and type, purity, values, diagnosis
    answer    call an answer, read what comes back as named arrays
    truth     what a question's function gives: the reference, or a wrong one
    locate    where do the values differ first, and from which term on?
    diagnose  which misconception, or which two, compute the same on every probe?
    words     lists, shapes and names in plain English
    show      the verdict as a block in the notebook
    survey    every misconception of the course, judged

The words say what is right, what differs first, and a question that leads on; never the solution.
"""

from rnnlab.check.answer import Remote
from rnnlab.check.judging import Verdict, judge
from rnnlab.check.show import NotYet, check

__all__ = ["NotYet", "Remote", "Verdict", "check", "judge"]
