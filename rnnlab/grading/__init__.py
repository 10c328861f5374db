"""Grade submissions: notebooks run in processes of their own, answers are judged in this one.

    intake       find notebooks: folders, zips of Moodle and Canvas, nbgrader's layout
    submissions  read one, and tell by its cells which exercise it is
    grader       run and judge one notebook after the other
    jobs         the same on several cores
    cluster      the same on a dask.distributed cluster
    batch        a class: what is not graded yet, recorded one by one
    record       the SQLite file that keeps the grades
    results      what grading finds, as plain data
    report       the table on screen and the CSV file
    overview     the class in numbers
    pages        a feedback page a student, and the class page
    exports      Moodle's and Canvas's own files, filled
    gradebook    nbgrader's gradebook, filled

    student      the judge's side of a student's process: ask it, end it
    separate     a process on any system, for one's own work
    sandbox      a process locked in, for the work of strangers
    probe        is the sandbox closed? every limit, tried from inside
    descend      from root down to a user without rights
    cgroups      a bound on a whole sandbox, where there are control groups
    syscalls     what a student's process may ask of the kernel
    linux        namespaces, mounts and privileges, which Python has no names for
    zygote       inside the sandbox: a warm process that is forked for each submission
    worker       the student's side: run cells, call answers; knows no question
    protocol     what the two sides say to each other: bounded frames of plain data

This package imports none of them: `worker`, `protocol`, `zygote` and `linux` are loaded where a
student's code runs, the others never are.
"""
