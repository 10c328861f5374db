"""The pages: every number is counted here anew, and nothing that a student wrote can act."""

from __future__ import annotations

import base64
import hashlib
import random
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from grading_class import a_class, refused, result

from rnnlab.grading import overview, pages
from rnnlab.grading.grader import gathered
from rnnlab.grading.overview import Person
from rnnlab.grading.results import Grades, Ran, Result, Row
from rnnlab.questions import all_questions

QUESTIONS = all_questions()
HOSTILE = (
    "</title></style></script></details><script>window.canary = 1</script>"
    '<img src=x onerror=\'window.canary = 1\'>" onmouseover="window.canary = 1" x="\' autofocus '
    "{{ 7 * 7 }} {% raw %} `<b>code</b>` &lt;b&gt; javascript:alert(1) <!-- ]]> "
    "\x00\x08\x1b[31mred\x1b[0m \x1b]0;title\x07 \u202egnp.exe\u2066 \ud800 \r\n\u2028 \x7f"
)
VOID = {"meta", "link", "br", "wbr", "img", "input", "hr"}


class Parsed(HTMLParser):
    """A page: its tags with their attributes, its text, the text of tables by row and cell."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.raw: dict[str, str] = defaultdict(str)
        self.text = ""
        self.tables: list[list[list[str]]] = []
        self._inside = ""
        self._in_table = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "table":
            self.tables.append([])
            self._in_table = True
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""
        if tag == "table":
            self._in_table = False

    def handle_data(self, data: str) -> None:
        if self._inside in ("style", "script"):
            self.raw[self._inside] += data
            return
        self.text += data
        if self._in_table and self.tables[-1] and self.tables[-1][-1]:
            self.tables[-1][-1][-1] += data

    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        """The tags in order, each with the names of its attributes."""
        return [(tag, tuple(attributes)) for tag, attributes in self.tags]


def person(student: str) -> Person:
    return Person(student, (), {})


def read(path: Path) -> Parsed:
    return Parsed(path.read_bytes().decode("utf-8"))


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def grades() -> Grades:
    return a_class(120)


@pytest.fixture(scope="module")
def class_page(grades: Grades, tmp_path_factory: pytest.TempPathFactory) -> Parsed:
    return read(pages.overview(grades, QUESTIONS, tmp_path_factory.mktemp("class")))


def counting(grades: Grades) -> list[Result]:
    return list(grades.counting().values())


# the numbers of the class


def test_how_many_were_graded(grades: Grades, class_page: Parsed) -> None:
    unreadable = [one for one in grades.results if one.problem]
    graded = {(one.student, one.notebook) for one in grades.results if one.notebook}
    earlier = len(grades.results) - len(unreadable) - len(graded)
    assert len(unreadable) > 0 and earlier > 0
    text = words(class_page.text)
    students = len({one.student for one in grades.results})
    assert f"The class: {students} students" in text
    assert f"{len(graded)} notebooks graded, {len(unreadable)} not." in text
    assert f"{earlier} notebooks handed in earlier do not count." in text
    assert f"Not graded: {len(unreadable)} notebooks" in text
    rows = [row for table in class_page.tables for row in table if "empty." in row[-1]]
    assert sorted(row[0].strip() for row in rows) == sorted(one.student for one in unreadable)


def test_the_distribution_and_its_text_alternative(grades: Grades, class_page: Parsed) -> None:
    for notebook in ("04_forget_gate", "06_cell_update"):
        points = [one.points for one in counting(grades) if one.notebook == notebook]
        heights = Counter(points)
        label = f"Students by points in {notebook}: " + "; ".join(
            f"{k} points: {heights[k]}" for k in range(11)
        )
        assert ("svg", "img", label) in [
            (tag, about.get("role"), about.get("aria-label")) for tag, about in class_page.tags
        ]
        mean = sum(points) / len(points)
        assert f"{notebook}: {len(points)} students, mean {mean:.1f}" in words(class_page.text)
    # what is drawn is what is said
    heights = [
        float(str(about["height"]).rstrip("%"))
        for tag, about in class_page.tags
        if tag == "rect" and "x" in about
    ][:11]
    points = [one.points for one in counting(grades) if one.notebook == "04_forget_gate"]
    most = max(Counter(points).values())
    assert heights == pytest.approx([100 * Counter(points)[k] / most for k in range(11)], abs=0.01)


def test_many_points_share_bars() -> None:
    rows = [Row("ada", "n", f"n.{k}", 5, 5, True, title="t") for k in range(10)]
    results = [Result(f"s{k}", "n", "f", "", 0, tuple(rows[:k]), seconds=1.0) for k in range(1, 11)]
    [scores] = overview.survey(Grades(tuple(results)), []).scores
    assert scores.max_points == 50 and len(scores.bars) <= 12
    assert sum(count for _, count in scores.bars) == 10
    assert scores.bars[0] == ("0 to 4", 0) and scores.bars[1] == ("5 to 9", 1)
    assert scores.bars[-1] == ("50", 1)


def test_the_hardest_questions(grades: Grades, class_page: Parsed) -> None:
    rows = [row for one in counting(grades) for row in one.rows]
    asked = Counter(row.question for row in rows)
    passed = Counter(row.question for row in rows if row.passed)
    [table] = [t for t in class_page.tables if t[0][0] == "Question"]
    told = {}
    for question, _, share in table[1:]:
        found = re.fullmatch(r"(\d+) %: (\d+) of (\d+)", share.strip())
        assert found
        told[question.split()[0]] = tuple(map(int, found.groups()))
    assert told == {
        one: (round(100 * passed[one] / asked[one]), passed[one], asked[one]) for one in asked
    }
    shares = [passed[one] / asked[one] for one in told]
    assert shares == sorted(shares)


def test_the_misconceptions(grades: Grades, class_page: Parsed) -> None:
    students: dict[str, set[str]] = defaultdict(set)
    where: dict[str, Counter[str]] = defaultdict(Counter)
    for one in counting(grades):
        for row in one.rows:
            if row.misconception:
                students[row.misconception].add(one.student)
                where[row.misconception][row.question] += 1
    assert len(students) > 20
    told = []
    for table in class_page.tables:
        if table[0][0] == "Misconception":
            for idea, count, seen in table[1:]:
                [name] = [name for name in students if idea.startswith(name + next(
                    m.hint[:20] for q in QUESTIONS for m in q.misconceptions
                    if m.name == name and where[name][q.id] == max(where[name].values())
                ))]  # fmt: skip
                assert count.strip().split()[0] == str(len(students[name]))
                assert all(question in seen for question in where[name])
                told.append(name)
    assert sorted(told) == sorted(students)
    assert [len(students[name]) for name in told] == sorted(map(len, students.values()))[::-1]


def test_two_misconceptions_at_once_are_two() -> None:
    rows = [
        Row("ada", "04_x", "04.belt", 0, 2, False, "d", "h", told, "t")
        for told in ("f + C + state not carried", "f + C", "either or this")
    ]
    results = [
        Result(f"s{k}", "04_x", "f", "", 0, (replace(row, student=f"s{k}"),), seconds=1.0)
        for k, row in enumerate(rows)
    ]
    ideas = overview.survey(Grades(tuple(results)), QUESTIONS).ideas
    assert [(one.name, one.students) for one in ideas] == [
        ("f + C", 2),
        ("either or this", 1),
        ("state not carried", 1),
    ]
    [belt] = [q for q in QUESTIONS if q.id == "04.belt"]
    hints = {m.name: m.hint for m in belt.misconceptions}
    assert [one.hint for one in ideas] == [hints["f + C"], "h", hints["state not carried"]]


def test_the_time(grades: Grades, class_page: Parsed) -> None:
    [table] = [t for t in class_page.tables if t[0][0] == "Notebook"]
    for name, count, _, total, slowest, whose in table[1:]:
        seconds = {
            one.student: one.seconds for one in counting(grades) if one.notebook == name.strip()
        }
        assert count == str(len(seconds)) and total == pages.took(sum(seconds.values()))
        assert slowest == pages.took(max(seconds.values()))
        assert seconds[whose.strip()] == max(seconds.values())
    assert len(table) == 3


def test_everyone_stands_in_the_table(grades: Grades, class_page: Parsed) -> None:
    [table] = [t for t in class_page.tables if t[0][0] == "Student" and t[0][1].strip() != "Why"]
    ids = [q.id for q in QUESTIONS if q.notebook in ("04", "06")]
    assert [head.split(" ")[0] for head in table[1]] == [one.partition(".")[2] for one in ids]
    expected = {one.student: [""] * len(ids) for one in grades.results}
    for one in counting(grades):
        for row in one.rows:
            expected[one.student][ids.index(row.question)] = str(row.points)
    told = {row[0]: [cell.strip() for cell in row[2:]] for row in table[2:]}
    assert told == expected
    for name, total, *cells in table[2:]:
        assert int(total) == sum(int(cell) for cell in cells if cell.strip()), name

    def plain(name: str) -> str:
        apart = unicodedata.normalize("NFD", name)
        return "".join(c for c in apart if unicodedata.category(c) != "Mn").lower()

    assert list(map(plain, told)) == sorted(map(plain, told))


def test_links_lead_to_the_feedback_pages(grades: Grades, tmp_path: Path) -> None:
    written = pages.feedback(grades, QUESTIONS, tmp_path / "feedback")
    linked = {
        str(about["href"])
        for tag, about in read(pages.overview(grades, QUESTIONS, tmp_path)).tags
        if tag == "a" and not str(about["href"]).startswith("#")
    }
    assert linked == {f"feedback/{path.name}" for path in written}
    assert all(path.is_file() for path in written)


def test_ten_thousand_students_fit_on_a_page(tmp_path: Path) -> None:
    large = a_class(10_000, ("04",))
    path = pages.overview(large, QUESTIONS, tmp_path)
    assert path.stat().st_size < 2_500_000
    page = read(path)
    assert max(map(len, page.tables)) == 2 + len({one.student for one in large.results})
    # the long tables are folded away, the one note is not
    folded = ["open" not in about for tag, about in page.tags if tag == "details"]
    assert folded[-1] and folded.count(False) == bool(large.notes)


def test_too_many_cells_become_a_column_a_notebook(
    grades: Grades, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MOST_CELLS", 500)
    page = read(pages.overview(grades, QUESTIONS, tmp_path))
    [table] = [t for t in page.tables if t[0][0] == "Student" and t[0][1].strip() != "Why"]
    assert list(map(words, table[0][2:])) == ["04_forget_gate (10)", "06_cell_update (10)"]
    points = {(one.student, one.notebook): str(one.points) for one in counting(grades)}
    for name, _, *cells in table[1:]:
        assert [cell.strip() for cell in cells] == [
            points.get((name, notebook), "") for notebook in ("04_forget_gate", "06_cell_update")
        ]


# the feedback of a student


def test_a_student_reads_what_the_check_says(grades: Grades, tmp_path: Path) -> None:
    written = pages.feedback(grades, QUESTIONS, tmp_path)
    everyone = overview.people(grades)
    assert len(written) == len(everyone) == len({one.student for one in grades.results})
    known = {q.id: q for q in QUESTIONS}
    for one, path in zip(everyone, written, strict=True):
        text = words(read(path).text)
        for result_ in one.counting.values():
            assert f"{result_.notebook} {result_.points} of {result_.max_points} points" in text
            for row in result_.rows:
                said = f"{row.title} {'✓ passed' if row.passed else 'not yet'}, {row.points} of"
                assert said in text
                for part in (row.difference, row.hint):
                    assert words(part.replace("`", "")) in text
                for hint in known[row.question].hints if not row.passed else ():
                    assert words(hint.replace("`", "")) in text


def test_passed_questions_are_short() -> None:
    chance = random.Random(3)
    while True:
        one = result("ada", "04", chance)
        if one.points == one.max_points:
            break
    page = page_of(Grades((replace(one, cells=()),)))
    assert "details" not in {tag for tag, _ in page.tags}
    assert page.text.count("✓ passed") == len(one.rows)


def page_of(grades: Grades, number: int = 0) -> Parsed:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return read(pages.feedback(grades, QUESTIONS, Path(folder))[number])


def test_what_could_not_be_graded_says_why_and_what_to_do() -> None:
    text = words(page_of(Grades((refused("ada", "work.ipynb is empty."),))).text)
    assert "work.ipynb is empty." in text and "hand it in again" in text and "not graded" in text
    why = "work.ipynb is a notebook in julia; it must be in Python."
    rows = tuple(Row("ben", "04_x", q.id, 0, q.points, False, why, title=q.title)
                 for q in QUESTIONS if q.notebook == "04")  # fmt: skip
    julia = Grades((Result("ben", "04_x", "ben/work.ipynb", "0", 1.0, rows, problem=why),))
    text = words(page_of(julia).text)
    assert text.count(why) == 1 and "0 of 10 points" in text
    found = overview.survey(julia, QUESTIONS)
    assert [(one.person.name, one.reason) for one in found.refused] == [("ben", why)]
    assert found.graded == 0 and found.scores == ()


def test_the_last_one_counts_and_the_earlier_is_named() -> None:
    chance = random.Random(1)
    early, late = (result("ada", "04", chance, modified=float(t)) for t in (100, 200))
    early, late = replace(early, file="ada/early.ipynb"), replace(late, file="ada/late.ipynb")
    assert early.points != late.points
    page = page_of(Grades((early, late)))
    text = words(page.text)
    assert f"04_forget_gate {late.points} of 10 points" in text
    assert f"ada/early.ipynb, 1970-01-01 00:01 UTC: {early.points} of 10 points" in text
    assert len([tag for tag, _ in page.tags if tag == "article"]) == len(late.rows)


def test_cells_and_their_bounds() -> None:
    [one] = [result("ada", "04", random.Random(5))]
    failed = tuple(replace(row, passed=False, points=0, difference="d") for row in one.rows)
    cells = [Ran(1, "", error="raised NameError: name `np` is not defined"),
             Ran(2, "belt", printed="begin" + "x" * 50_000 + "end")]  # fmt: skip
    cells += [Ran(k, "", printed=f"cell {k}.") for k in range(10, 100)]
    cells += [Ran(100, "", error="raised ValueError: late")]
    page = page_of(Grades((replace(one, rows=failed, cells=tuple(cells)),)))
    assert "name np is not defined" in page.text and "ValueError: late" in page.text
    assert "beginx" in page.text and "xend" not in page.text
    assert page.text.count("x") < pages.PRINTED + 500
    assert "And 72 cells more." in page.text


def test_no_student_sees_another(grades: Grades, tmp_path: Path) -> None:
    named = [
        replace(
            one,
            file=f"secret{k}.ipynb",
            rows=tuple(replace(row, difference=f"secret{k} differs") for row in one.rows),
            cells=(Ran(1, "", printed=f"secret{k} printed"),),
        )
        for k, one in enumerate(grades.results)
    ]
    everyone = overview.people(Grades(tuple(named)))
    written = pages.feedback(Grades(tuple(named)), QUESTIONS, tmp_path)
    for one, path in zip(everyone, written, strict=True):
        seen = set(re.findall(r"secret\d+", read(path).text))
        mine = {match for r in one.results for match in re.findall(r"secret\d+", str(r))}
        assert seen and seen <= mine, one.name


def test_the_misconceptions_name_stays_with_the_teacher(tmp_path: Path) -> None:
    rows = result("ada", "04", random.Random(2)).rows
    rows = tuple(replace(row, misconception="code-name", passed=False) for row in rows)
    grades = Grades((Result("ada", "04_forget_gate", "f", "", 1.0, rows),))
    assert "code-name" not in page_of(grades).text
    assert "code-name" in read(pages.overview(grades, QUESTIONS, tmp_path)).text


def test_two_of_one_name_are_two_people(tmp_path: Path) -> None:
    chance = random.Random(4)
    both = [replace(result("Wei Zhang", "04", chance), account=a) for a in ("11", "22")]
    both = [
        replace(one, rows=tuple(replace(r, passed=False, difference=one.account * 9, hint="")
                                for r in one.rows[:1]))
        for one in both
    ]  # fmt: skip
    grades = gathered(both)
    written = pages.feedback(grades, QUESTIONS, tmp_path)
    assert len(set(written)) == 2
    for path, own, other in zip(written, ("11", "22"), ("22", "11"), strict=True):
        assert own * 9 in read(path).text and other * 9 not in read(path).text
    page = read(pages.overview(grades, QUESTIONS, tmp_path))
    assert "Wei Zhang (11)" in page.text and "Wei Zhang (22)" in page.text


# what strangers write


NAMES = [
    "ada", "Ada", "ADA", "ada.", "ada ", " ada", "äda", "a/da", "a\\da", "../../etc/passwd", "..",
    ".", "", "con", "CON", "nul", "com1", "index", "-rf", "a" * 300, "a" * 301, "👩‍🚀", "👩‍🎓",
    "李明", "\ud800",
    "\ud801", "a\0b", "a\nb", "a:b", "a?b", "a*b", "%2e%2e", "ada~e6d1", "<script>", "~", "K", "k",
]  # fmt: skip


def test_file_names_are_safe_and_nobody_elses() -> None:
    hashed = pages.file_name(person("Ada")).removesuffix(".html")
    everyone = [*map(person, [*NAMES, hashed, "ada (1)", "ada (2)"])]
    names = [pages.file_name(one) for one in everyone]
    assert len({name.casefold() for name in names}) == len(everyone)
    for name in names:
        assert re.fullmatch(r"[a-z0-9][a-z0-9_~-]*\.html", name) and len(name) < 100
        assert name.removesuffix(".html") not in ("con", "nul", "com1", "index")
    assert names[0] == "ada.html"
    assert pages.file_name(person("Müller, Ada")).startswith("muller_ada~")


def hostile(text: str) -> Grades:
    """A class with this text in every field that words can come into."""
    row = Row(text, text, text, 0, 3, False, text, text, text, text)
    known = replace(row, question="04.belt")
    cells = (Ran(1, "belt", text, text), Ran(2, text, text, text))
    graded = Result(text, text, text, text, 9e99, (row, known), cells, 1.0)
    earlier = replace(graded, modified=float("nan"), file="")
    row = Row(text, "", "", 0, 0, False, text)
    other = Result(text, "", text, "", 1.0, (row,), problem=text)
    return Grades((earlier, graded, other), (text,))


def written(grades: Grades, folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in [*pages.feedback(grades, QUESTIONS, folder / "feedback"),
                 pages.overview(grades, QUESTIONS, folder)]:  # fmt: skip
        yield path.name, path.read_bytes()


def test_hostile_words_add_no_tag_and_no_attribute(tmp_path: Path) -> None:
    bad = list(written(hostile(HOSTILE), tmp_path / "bad"))
    good = list(written(hostile("x `x`"), tmp_path / "good"))
    assert len(bad) == len(good) == 2
    for (name, page), (_, harmless) in zip(bad, good, strict=True):
        parsed = Parsed(page.decode("utf-8"))
        assert parsed.shape() == Parsed(harmless.decode("utf-8")).shape(), name
        assert "window.canary = 1" in parsed.text and "{{ 7 * 7 }}" in parsed.text
        for tag, about in parsed.tags:
            assert not any(key.startswith("on") or key == "style" for key in about), tag
            address = str(about.get("href", "#"))
            assert re.fullmatch(r"#[a-z]*\d*|feedback/[a-z0-9_~-]+\.html", address)
        tags = [tag for tag, _ in parsed.tags]
        assert tags.count("script") == (1 if name == "class.html" else 0)
        assert tags.count("style") == 1


def test_no_character_steers_the_page(tmp_path: Path) -> None:
    for name, page in written(hostile(HOSTILE), tmp_path):
        text = page.decode("utf-8")  # a lone surrogate could not be written
        found = {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co")}
        assert found <= {"\n", "\t"}, name
        assert "[31m" not in text and "red" in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\tb\n  c", "a\tb\n  c"),
        ("  0%\r 50%\r100%\r\ndone\r", "100%\ndone"),
        ("\x1b[1;31mred\x1b[0m, \x1b]8;;http://x\x07link\x1b]8;;\x07", "red, link"),
        ("a\u202eb\u2067c\u200fd\ufeffe", "a\ufffdb\ufffdc\ufffdd\ufffde"),
        ("\ud83d a \x07\x9b", "\ufffd a \ufffd\ufffd"),
        ("نمی\u200cدانم 👩\u200d🚀 नमस्ते", "نمی\u200cدانم 👩\u200d🚀 नमस्ते"),
        ("Z" + "\u0300" * 300 + "a", "Z" + "\u0300" * 4 + "a"),
        ("a\xa0b\u2028c", "a\xa0b\nc"),
    ],
)
def test_clean(text: str, shown: str) -> None:
    assert pages.clean(text) == shown
    assert pages.clean(shown) == shown


def test_prose() -> None:
    said = pages.prose("`h *= r` writes into `h`'s <b>")
    assert said == "<code>h *= r</code> writes into <code>h</code>&#39;s &lt;b&gt;"
    assert pages.prose("one ` alone <i>") == "one ` alone &lt;i&gt;"
    assert pages.prose("`a` and ` b") == "<code>a</code> and ` b"


def test_words_for_numbers() -> None:
    times = [pages.took(s) for s in (0, 0.04, 59.94, 59.96, 200, 3599.6, 7500)]
    assert times == [
        "0.0 s",
        "0.0 s",
        "59.9 s",
        "1 min 0 s",
        "3 min 20 s",
        "1 h 0 min",
        "2 h 5 min",
    ]
    assert pages.plural(1, "point") == "1 point" and pages.plural(10_000, "cell") == "10,000 cells"
    assert (
        pages.day(float("nan")) == "" == pages.day(9e99) and pages.day(0) == "1970-01-01 00:00 UTC"
    )


def test_the_policy_allows_what_is_there_and_no_more(grades: Grades, tmp_path: Path) -> None:
    for name, page in written(grades, tmp_path):
        parsed = Parsed(page.decode("utf-8"))
        [policy] = [
            str(about["content"])
            for tag, about in parsed.tags
            if about.get("http-equiv") == "Content-Security-Policy"
        ]
        expected = ["default-src 'none'"]
        for what in ("style", "script") if name == "class.html" else ("style",):
            digest = hashlib.sha256(parsed.raw[what].encode("utf-8")).digest()
            expected.append(f"{what}-src 'sha256-{base64.b64encode(digest).decode()}'")
        expected += ["base-uri 'none'", "form-action 'none'"]
        assert policy == "; ".join(expected), name
        assert all("style" not in about for _, about in parsed.tags)
        assert not any("src" in about for _, about in parsed.tags)


def test_the_same_grades_give_the_same_bytes(grades: Grades, tmp_path: Path) -> None:
    assert list(written(grades, tmp_path / "a")) == list(written(grades, tmp_path / "b"))


def test_nobody_handed_in_anything(tmp_path: Path) -> None:
    assert pages.feedback(Grades(()), QUESTIONS, tmp_path / "feedback") == []
    page = read(pages.overview(Grades(()), QUESTIONS, tmp_path))
    assert "The class: 0 students" in page.text
    only = Grades((refused("ada", "It is empty."),))
    assert "0 notebooks graded, 1 not." in words(read(pages.overview(only, [], tmp_path)).text)


def test_a_question_that_is_not_known_is_shown_all_the_same(grades: Grades, tmp_path: Path) -> None:
    one: Any = grades.results[0]
    text = read(pages.feedback(Grades((one,)), [], tmp_path)[0]).text
    assert all(row.difference.replace("`", "") in text for row in one.rows)
    assert "Hints" not in text
