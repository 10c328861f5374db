"""Grade submissions: notebooks run in processes of their own, answers are judged in this one.

    submissions   find notebooks, and tell by their cells which exercise they are
    student       the judge's side of a student's process: start it, ask it, end it
    worker        the student's side: run cells, call answers; knows no question
    protocol      what the two say to each other: bounded frames of plain data
    grader        run and judge every submission
    report        the table on screen and the CSV file

This package imports none of them: `worker` and `protocol` are loaded into the student's process,
the others never are.
"""
