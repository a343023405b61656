"""Grading: answers of a class -> marks, what probably happened, tables, CSV, feedback."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mixedwidgets.errors import DataError, ModelError
from mixedwidgets.homework.formulas import words_html
from mixedwidgets.homework.grade import grade
from mixedwidgets.homework.homework import Homework
from mixedwidgets.homework.keys import Key
from mixedwidgets.homework.others import Others
from mixedwidgets.homework.questions import OwnQuestion, PredictThenReveal, ShrunkenMean
from mixedwidgets.homework.record import Answer, to_sidecar
from mixedwidgets.homework.world import World
from tests.homework_class import (
    answers,
    hand_in,
    hand_in_sidecar,
    key_of,
    right,
    small_homework,
)

STUDENTS = ["ann1", "bob2", "cem3"]


@pytest.fixture(scope="module")
def homework() -> Homework:
    return small_homework()


def comment(grades, student: str, question: str, part: str) -> str:
    table = grades.table.set_index(["student", "question", "part"])
    return table.loc[(student, question, part), "comment"]


def first_part(homework: Homework, question: str = "q1") -> str:
    return next(iter(homework.key("ann1")[question]))


def test_right_answers_reach_all_points(homework: Homework, tmp_path: Path) -> None:
    for student in STUDENTS:
        hand_in(tmp_path, student, answers(homework, student, right(homework, student)))
    grades = homework.grade(tmp_path)
    assert list(grades.totals.student) == STUDENTS
    assert list(grades.totals.points) == [6.0] * 3
    assert list(grades.totals.of) == [6.0] * 3
    assert grades.totals.submitted.all()
    assert list(grades.totals.remarks) == [""] * 3
    assert grades.table.correct.all()
    assert (grades.table.comment == "").all()
    assert len(grades.problems) == 0
    assert (grades.summary.percent == 100.0).all()


def test_points_are_shared_evenly_among_parts(homework: Homework, tmp_path: Path) -> None:
    values = right(homework, "ann1")
    part = first_part(homework)
    values["q1"] = {part: values["q1"][part]}
    del values["q3"]
    hand_in(tmp_path, "ann1", answers(homework, "ann1", values))
    grades = grade(homework, tmp_path)
    share = 2.0 / len(homework.key("ann1")["q1"])
    assert grades.totals.points[0] == pytest.approx(share + 1.0)
    of_q1 = grades.table[grades.table.question == "q1"]
    assert of_q1.of.sum() == pytest.approx(2.0)
    assert comment(grades, "ann1", "q3", first_part(homework, "q3")) == "No answer."


def test_named_mistakes_are_told(homework: Homework, tmp_path: Path) -> None:
    values = right(homework, "ann1")
    part, key = next((p, k) for p, k in homework.key("ann1")["q1"].items() if k.mistakes)
    values["q1"][part] = key.mistakes[0].value
    values["q2"] = {name: homework.data("ann1")["score"].median() for name in values["q2"]}
    hand_in(tmp_path, "ann1", answers(homework, "ann1", values))
    grades = grade(homework, tmp_path)
    assert comment(grades, "ann1", "q1", part) == key.mistakes[0].sentence
    assert "median" in comment(grades, "ann1", "q2", first_part(homework, "q2"))
    mistakes = grades.summary.set_index(["question", "part"]).mistakes
    assert mistakes["q1", part].startswith("1 x: ")


def test_the_answer_for_another_students_data(homework: Homework, tmp_path: Path) -> None:
    values = right(homework, "ann1")
    values["q2"] = right(homework, "bob2")["q2"]
    hand_in(tmp_path, "ann1", answers(homework, "ann1", values))
    grades = grade(homework, tmp_path, key_of(homework, STUDENTS))
    said = comment(grades, "ann1", "q2", first_part(homework, "q2"))
    assert said == "This is the right answer for the data of bob2."
    page = grades.page("ann1")
    assert "This is the right answer for another student&#x27;s data." in page
    assert "bob2" not in page


def test_a_sheet_of_another_student(homework: Homework, tmp_path: Path) -> None:
    hand_in(tmp_path, "ann1", answers(homework, "bob2", right(homework, "bob2")))
    hand_in(tmp_path, "bob2", answers(homework, "bob2", right(homework, "bob2")))
    grades = grade(homework, tmp_path)
    points = dict(zip(grades.totals.student, grades.totals.points, strict=True))
    assert points["bob2"] == 6.0
    assert points["ann1"] < 6.0
    remarks = grades.totals.remarks[0]
    assert "made for another student's sheet" in remarks
    assert "that of bob2" in remarks
    assert "bob2" not in grades.page("ann1")
    assert "another student&#x27;s sheet" in grades.page("ann1")


def test_answers_on_the_own_sheet_come_first(homework: Homework, tmp_path: Path) -> None:
    hand_in(tmp_path, "ann1", answers(homework, "ann1", right(homework, "ann1")))
    hand_in_sidecar(tmp_path, "ann1", answers(homework, "bob2", right(homework, "bob2"), count=9))
    grades = grade(homework, tmp_path, key_of(homework, STUDENTS))
    assert grades.totals.points[0] == 6.0
    assert "do not count" in grades.totals.remarks[0]


def test_the_later_record_holds(homework: Homework, tmp_path: Path) -> None:
    good = right(homework, "ann1")
    bad = {question: dict.fromkeys(parts, 1000000.0) for question, parts in good.items()}
    hand_in(tmp_path, "ann1", answers(homework, "ann1", bad, count=3))
    hand_in_sidecar(tmp_path, "ann1", answers(homework, "ann1", good, count=4))
    hand_in(tmp_path, "bob2", answers(homework, "bob2", right(homework, "bob2"), count=4))
    hand_in_sidecar(tmp_path, "bob2", answers(homework, "bob2", bad, count=3))
    grades = grade(homework, tmp_path)
    assert list(grades.totals.points) == [6.0, 6.0]
    assert all("differ in q1, q2, q3" in remarks for remarks in grades.totals.remarks)


@pytest.mark.parametrize("inside", ["", "hw1/", "hw1/attempt/"])
def test_folders_further_in(homework: Homework, tmp_path: Path, inside: str) -> None:
    given = answers(homework, "ann1", right(homework, "ann1"))
    hand_in(tmp_path, "ann1", given, f"{inside}my notebook.ipynb")
    hand_in(tmp_path, "ann1", answers(homework, "ann1", {}), ".ipynb_checkpoints/hw1.ipynb")
    assert grade(homework, tmp_path).totals.points[0] == 6.0


def test_a_question_that_fails_for_one_student_does_not_count_for_them(tmp_path: Path) -> None:
    rotten: list[str] = []

    def first(data: pd.DataFrame) -> float:
        if str(data["score"].tolist()) in rotten:
            raise ZeroDivisionError("no <such> school")
        return float(data["score"].iloc[0])

    made = Homework(
        "hw1",
        [
            OwnQuestion("How many rows?", len, tolerance=0, points=2),
            OwnQuestion("And the first score?", first, tolerance=0.01, points=3),
        ],
        salt="a salt for tests",
    )
    for student in ("ann", "ben"):
        hand_in(tmp_path, student, answers(made, student, right(made, student)))
    again = Homework("hw1", made.questions, salt="a salt for tests")
    rotten.append(str(made.data("ben")["score"].tolist()))
    grades = again.grade(tmp_path, key_of(made, ["ann", "ben", "cat"]))
    totals = grades.totals.set_index("student")
    assert totals["points"].to_dict() == {"ann": 5.0, "ben": 2.0, "cat": 0.0}
    assert totals["of"].to_dict() == {"ann": 5.0, "ben": 2.0, "cat": 5.0}
    assert totals.loc["ben", "percent"] == 100.0
    problem = grades.problems.set_index("student")["problem"]["ben"]
    assert "Question q2 was not graded and its points do not count" in problem
    assert "ZeroDivisionError (no <such> school)" in problem
    page = grades.page("ben")
    assert "Question q2 has no right answer for your data; its points do not count." in page
    assert "ZeroDivision" not in page
    assert grades.summary.set_index("question")["asked"].to_dict() == {"q1": 3, "q2": 2}


def test_capitals_of_a_folder_make_no_difference_to_a_roster(
    homework: Homework, tmp_path: Path
) -> None:
    key = key_of(homework, ["ann", "Ben", "cat"])
    for student, name in [("ann", "ANN"), ("Ben", "Ben"), ("cat", "cat"), ("cat", "Cat")]:
        hand_in(tmp_path, name, answers(homework, student, right(homework, student)))
    if len(list(tmp_path.iterdir())) < 4:
        pytest.skip("this computer cannot tell the folders apart")
    grades = homework.grade(tmp_path, key)
    assert grades.totals["percent"].tolist() == [100.0, 100.0, 100.0]
    assert grades.problems["problem"].tolist() == [
        "The folder Cat was not graded: the key has no such student (did you mean 'cat'?)."
    ]


def test_a_student_whose_data_cannot_be_made_is_reported(
    homework: Homework, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for student in ("ann", "ben"):
        hand_in(tmp_path, student, answers(homework, student, right(homework, student)))
    world = homework.world

    def none_for_ben(student: str | None = None) -> World:
        if student == "ben":
            raise ModelError("no data that suit the questions were found.")
        return world(student)

    monkeypatch.setattr(homework, "world", none_for_ben)
    grades = homework.grade(tmp_path)
    assert grades.totals["student"].tolist() == ["ann"]
    assert grades.problems["problem"].tolist() == [
        "The folder ben was not graded: No data that suit the questions were found."
    ]


@pytest.mark.parametrize("place", [None, 5, "", "a\0b", b"a"])
def test_places_that_are_none(homework: Homework, tmp_path: Path, place: Any) -> None:
    hand_in(tmp_path, "ann", answers(homework, "ann", right(homework, "ann")))
    grades = homework.grade(tmp_path)
    for use in (homework.grade, grades.write_feedback, grades.to_csv):
        with pytest.raises(DataError, match="is no name of a folder or a file"):
            use(place)


def test_who_handed_in_nothing_is_reported(homework: Homework, tmp_path: Path) -> None:
    hand_in(tmp_path, "ann1", answers(homework, "ann1", right(homework, "ann1")))
    (tmp_path / "bob2").mkdir()
    (tmp_path / "stranger").mkdir()
    key = tmp_path / "hw1-key.json"
    key.write_text(json.dumps(key_of(homework, STUDENTS)))
    grades = grade(homework, tmp_path, key)
    assert list(grades.totals.submitted) == [True, False, False]
    assert list(grades.totals.points) == [6.0, 0.0, 0.0]
    told = grades.problems.set_index("student").problem
    assert told["bob2"] == "The folder has no notebook and no file of answers."
    assert told["cem3"] == "There is no folder with this name."
    assert "stranger was not graded: the key has no such student" in told[""]
    assert "No answers were found" in grades.page("cem3")


def test_data_that_all_share(homework: Homework, tmp_path: Path) -> None:
    hand_in(tmp_path, "ann1", answers(homework, None, right(homework, None)))
    hand_in(tmp_path, "bob2", answers(homework, None, right(homework, None)))
    (tmp_path / "cem3").mkdir()
    grades = grade(homework, tmp_path)
    assert list(grades.totals.points) == [6.0, 6.0, 0.0]
    keys = grades.table.pivot(index="student", columns=["question", "part"], values="key")
    assert (keys.nunique() == 1).all()
    assert list(grades.totals.remarks[:2]) == ["", ""]


def test_another_salt_gives_no_grades(homework: Homework, tmp_path: Path) -> None:
    hand_in(tmp_path, "ann1", answers(homework, "ann1", right(homework, "ann1")))
    other = small_homework("another salt")
    with pytest.raises(DataError, match="the salt is not the one they were written with"):
        grade(other, tmp_path, key_of(homework, ["ann1"]))
    with pytest.raises(DataError, match="its salt is another"):
        grade(other, tmp_path)


def test_a_sheet_of_nobody_is_graded_where_the_key_vouches_for_the_data(
    homework: Homework, tmp_path: Path
) -> None:
    hand_in(tmp_path, "ann1", answers(homework, "dan4", right(homework, "ann1")))
    grades = grade(homework, tmp_path, key_of(homework, STUDENTS))
    assert grades.totals.points[0] == 6.0
    assert "for a sheet that nobody on the roster has" in grades.totals.remarks[0]


def test_other_settings_give_no_grades(homework: Homework, tmp_path: Path) -> None:
    (tmp_path / "ann1").mkdir()
    other = small_homework(groups=12)
    with pytest.raises(DataError, match="no longer those handed out"):
        grade(other, tmp_path, key_of(homework, ["ann1"]))


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ([], "is no key of a class"),
        ({"students": {}}, "is no key of a class"),
        ({"version": 9, "students": {"ann1": {}}}, "of version 9"),
        ({"version": 1, "homework": "hw2", "students": {"ann1": {}}}, "of homework 'hw2'"),
        ({"version": 1, "homework": "hw1", "students": {"ann1": 3}}, "lacks the token"),
        ({"version": 1, "homework": "hw1", "students": {"../x": {}}}, "cannot be a student's id"),
    ],
)
def test_keys_that_are_none(homework: Homework, tmp_path: Path, key: object, sentence: str) -> None:
    (tmp_path / "ann1").mkdir()
    path = tmp_path / "key.json"
    path.write_text(json.dumps(key))
    with pytest.raises(DataError, match=sentence):
        grade(homework, tmp_path, path)


def test_key_files_that_cannot_be_read(homework: Homework, tmp_path: Path) -> None:
    (tmp_path / "ann1").mkdir()
    with pytest.raises(DataError, match="cannot be read"):
        grade(homework, tmp_path, tmp_path / "nowhere.json")
    (tmp_path / "key.json").write_text("{")
    with pytest.raises(DataError, match="is damaged"):
        grade(homework, tmp_path, tmp_path / "key.json")


def test_csv_is_harmless_and_not_overwritten(homework: Homework, tmp_path: Path) -> None:
    values = right(homework, "-ann1")
    part = next(p for p, k in homework.key("-ann1")["q3"].items() if isinstance(k.value, str))
    values["q3"][part] = '=HYPERLINK("http://example.org")'
    hand_in(tmp_path / "in", "-ann1", answers(homework, "-ann1", values))
    grades = grade(homework, tmp_path / "in")
    for table in ("totals", "table", "problems", "summary"):
        grades.to_csv(tmp_path / f"{table}.csv", table)
        with open(tmp_path / f"{table}.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        assert rows[0] == list(getattr(grades, table).columns)
        assert len(rows) == 1 + len(getattr(grades, table))
        texts = [cell for row in rows for cell in row if not re.fullmatch(r"-?[\d.e+-]*", cell)]
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in texts)
    with pytest.raises(DataError, match="is there already"):
        grades.to_csv(tmp_path / "totals.csv")
    grades.to_csv(tmp_path / "totals.csv", overwrite=True)
    with pytest.raises(DataError, match=r"did you mean 'totals'\?"):
        grades.to_csv(tmp_path / "x.csv", "total")
    with pytest.raises(DataError, match="cannot be written"):
        grades.to_csv(tmp_path / "no" / "such" / "x.csv")


class Outline(HTMLParser):
    """Counts what a page is made of, and checks that its elements close."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_pages_stand_alone_and_tell_of_nobody_else(homework: Homework, tmp_path: Path) -> None:
    for student, source in zip(STUDENTS, ["bob2", "bob2", "cem3"], strict=True):
        hand_in(tmp_path / "in", student, answers(homework, source, right(homework, source)))
    grades = grade(homework, tmp_path / "in", key_of(homework, STUDENTS))
    paths = grades.write_feedback(tmp_path / "out")
    assert [path.name for path in paths] == [f"hw1-{student}.html" for student in STUDENTS]
    tokens = {student: homework.world(student).token for student in STUDENTS}
    for student, path in zip(STUDENTS, paths, strict=True):
        text = path.read_text(encoding="utf-8")
        outline = Outline()
        outline.feed(text)
        assert outline.open == []
        assert not {"script", "img", "link", "iframe", "object", "form"} & set(outline.tags)
        assert not any(
            name in ("src", "href") or name[:2] == "on" for name, _ in outline.attributes
        )
        assert student in text
        for other in set(STUDENTS) - {student}:
            assert other not in text
            assert tokens[other] not in text
        if student != "ann1":  # ann1 wrote bob2's numbers herself
            for number in foreign_numbers(homework, student):
                assert number not in text
    with pytest.raises(DataError, match="overwrite=True"):
        grades.write_feedback(tmp_path / "out")
    grades.write_feedback(tmp_path / "out", overwrite=True)


def foreign_numbers(homework: Homework, student: str) -> list[str]:
    """Keys of the others, as a page would show them, that are not the student's own too."""
    found: dict[str, set[str]] = {}
    for one in STUDENTS:
        of = found.setdefault(one, set())
        for parts in homework.key(one).values():
            for key in parts.values():
                numbers = key.value if isinstance(key.value, tuple) else (key.value,)
                of |= {f"{v:.6g}" for v in numbers if isinstance(v, float) and v % 1}
    own = found.pop(student)
    return sorted(set().union(*found.values()) - own)


def test_what_students_write_is_escaped(homework: Homework, tmp_path: Path) -> None:
    values = right(homework, "ann1")
    part = next(p for p, k in homework.key("ann1")["q3"].items() if isinstance(k.value, str))
    values["q3"][part] = "<script>alert(1)</script>\u202e\ud800"
    values["<b>q9"] = {"x": 1.0}
    hand_in(tmp_path, "ann1", answers(homework, "ann1", values))
    grades = grade(homework, tmp_path)
    shown = grades.page("ann1") + grades._repr_html_()
    assert "<script" not in shown
    assert "<b>" not in shown
    assert "\u202e" not in shown
    shown.encode("utf-8")
    grades.to_csv(tmp_path / "table.csv", "table")
    assert "none of the options" in comment(grades, "ann1", "q3", part)


def test_repr_says_how_many(homework: Homework, tmp_path: Path) -> None:
    hand_in(tmp_path, "ann1", answers(homework, "ann1", right(homework, "ann1")))
    grades = grade(homework, tmp_path, key_of(homework, STUDENTS))
    assert "1 of 3 students answered" in repr(grades)
    assert "<caption>Students</caption>" in grades._repr_html_()
    with pytest.raises(DataError, match=r"did you mean 'ann1'\?"):
        grades.page("ann11")


def test_mistakes_of_a_class_are_counted_across_data(tmp_path: Path) -> None:
    homework = Homework("hw1", [ShrunkenMean(), PredictThenReveal()], salt="a salt for tests")
    groups = set()
    for student in STUDENTS:
        world = homework.world(student)
        key = homework.key(student)["q1"]["mean"]
        raw = next(m for m in key.mistakes if "without shrinkage" in m.sentence)
        groups |= {name for name in world.group_names if name in raw.sentence}
        values = right(homework, student)
        values["q1"]["mean"] = raw.value
        hand_in(tmp_path, student, answers(homework, student, values))
    grades = grade(homework, tmp_path)
    assert len(groups) > 1
    counted = grades.summary.set_index(["question", "part"]).mistakes["q1", "mean"]
    assert counted.startswith("3 x: ")
    assert "…" in counted
    place = grades.table[grades.table.part == "place"]
    assert list(place.answer) == list(place.key)
    assert all(re.fullmatch(r"[\d.]+", answer) for answer in place.answer)  # not where on the page


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        (r"$\hat\theta = 108 / 160$.", "θ̂ = 108 / 160."),
        (r"$\hat{\mu}_j - x_{ij}^2$", "μ̂<sub>j</sub> − x<sub>ij</sub><sup>2</sup>"),
        (r"$1/\sqrt{I}$ and $\bar y \pm 2$", "1/√(I) and ȳ ± 2"),
        ("`a < b` **is** <i>", "<code>a &lt; b</code> <strong>is</strong> &lt;i&gt;"),
        ("$<script>$ `<script>`", "&lt;script&gt; <code>&lt;script&gt;</code>"),
        ("costs $5", "costs $5"),
    ],
)
def test_formulas_are_readable_without_a_program(markdown: str, html: str) -> None:
    assert words_html(markdown) == html


def test_others_are_found_only_where_chance_is_unlikely() -> None:
    thin = {f"s{i}": {"q": {"p": Key(float(i), 0.01)}} for i in range(100)}
    assert Others(thin).with_answer("s1", "q", "p", 7.0) == []  # 7.0 could be 6.95 to 7.05
    thin = {f"s{i}": {"q": {"p": Key(10.003 * i, 0.01)}} for i in range(100)}
    assert Others(thin).with_answer("s1", "q", "p", 70.021) == ["s7"]
    assert Others(thin).with_answer("s7", "q", "p", 70.021) == []
    dense = {f"s{i}": {"q": {"p": Key(70.0 + 0.002 * i, 0.01)}} for i in range(100)}
    assert Others(dense).with_answer("s1", "q", "p", 70.02) == []
    pairs = {f"s{i}": {"q": {"p": Key((float(i), i + 1.25), 0.01)}} for i in range(100)}
    assert Others(pairs).with_answer("s1", "q", "p", (7.0, 8.25)) == ["s7"]
    assert Others(pairs).with_answer("s1", "q", "p", "wald") == []


def test_an_own_mistake_that_fails_for_one_student_leaves_the_marks(tmp_path: Path) -> None:
    """A teacher's function is tried on the data of the class at once, on those of others later."""
    known: list[int] = []

    def mistake(data: pd.DataFrame) -> float:
        known.append(len(data))
        if len(known) > 1:
            raise RuntimeError("no luck")
        return 1.0

    question = OwnQuestion("Rows?", len, tolerance=0, mistakes={"Odd.": mistake})
    homework = Homework("own", [question], salt="a salt of this test")
    answer = Answer("own", homework.sheet("ann").token, "q1", {"answer": 7.0})
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann" / "answers.json").write_text(to_sidecar({"own": {"q1": answer}}))
    table = homework.grade(tmp_path).table
    assert table["points"].tolist() == [0.0]
    assert "raised RuntimeError (no luck)" in table["comment"][0]
