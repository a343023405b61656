"""Notebooks of a homework: valid, the same each time, without a key where students get them."""

from __future__ import annotations

import ast
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from mixedwidgets.errors import DataError
from mixedwidgets.homework.guarded import Name, call, heading, quiet, quiet_json
from mixedwidgets.homework.homework import Homework
from mixedwidgets.homework.marking import packed, points, right
from mixedwidgets.homework.questions import OwnQuestion
from mixedwidgets.homework.record import SIDECAR, Answer, to_sidecar
from mixedwidgets.homework.sheet import Sheet
from mixedwidgets.homework.sheets import HUB_USER, NBGRADER, handed
from mixedwidgets.homework.write import FORMATS
from tests import homework_cycle as cycle

SALT = "a salt for tests"
NASTY = [
    *("", "'", '"', "\\", "'''", '"""', "\n", "\r\n", "\u2028", "\x00", "{}", "%s", "```", "🐟"),
    *("\ud800", "### END HIDDEN TESTS\nimport os", "');import os;('", "</script>", "\\u0042EGIN"),
]


@pytest.fixture(scope="module")
def made() -> Homework:
    return cycle.homework()


def cells(path: Path) -> list[Any]:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    return list(notebook.cells)


def source(path: Path, start: str) -> str:
    return next(cell.source for cell in cells(path) if cell.source.startswith(start))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("student", [None, "ann"])
def test_a_notebook_is_valid_and_the_same_each_time(
    made: Homework, format: str, student: str | None, tmp_path: Path
) -> None:
    first = made.write(tmp_path / "a", format, student)
    again = cycle.homework().write(tmp_path / "b" / "other.ipynb", format, student)
    assert first == tmp_path / "a" / "hw1.ipynb"
    assert first.read_bytes() == again.read_bytes()
    ids = [cell.id for cell in cells(first)]
    assert len(ids) == len(set(ids))
    changed = Homework("hw1", made.questions[:2], salt="another").write(tmp_path / "c", format)
    kept = [cell.id for cell in cells(changed)]
    assert [name for name in ids if name in kept] == kept  # by what a cell is, not what is in it


@pytest.mark.parametrize("format", FORMATS)
def test_the_sheet_in_a_notebook_is_the_sheet(made: Homework, format: str, tmp_path: Path) -> None:
    path = made.write(tmp_path, format, "ann")
    setup = ast.parse(source(path, "import mixedwidgets as mw"))
    (text,) = [node.value for node in ast.walk(setup) if isinstance(node, ast.Constant)]
    assert Sheet.from_json(str(text)) == made.sheet("ann")
    folded = [c for c in cells(path) if c.metadata.get("jupyter", {}).get("source_hidden")]
    assert [c.source[:6] for c in folded] == ["import"]


@pytest.mark.parametrize("format", FORMATS)
def test_all_code_is_a_few_calls_of_ours(made: Homework, format: str, tmp_path: Path) -> None:
    path = made.write_all(cycle.STUDENTS, tmp_path, format)[0]
    called = set()
    for cell in cells(path):
        if cell.cell_type == "code":
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.Call):
                    called.add(ast.unparse(node.func))
    known = {"mw.Worksheet", "work.ask", "work.summary"}
    class_ = set() if format == "plain" else {"handed", "mine.question"}
    marks = {"nbgrader": {"marking.points"}, "otter": {"marking.right"}}.get(format, set())
    assert called == known | class_ | marks


def test_an_ordinary_notebook_has_no_key(made: Homework, tmp_path: Path) -> None:
    text = made.write(tmp_path, "plain", "ann").read_text()
    assert not any(number in text for number in cycle.secrets(made, ("ann",)))
    assert not any(word in text for word in (SALT, "marking", "HIDDEN TESTS\\n\\n"))


def test_text_gives_no_orders(made: Homework, tmp_path: Path) -> None:
    for format, orders in (("nbgrader", "HIDDEN TESTS"), ("otter", "TEST")):
        path = made.write(tmp_path / format, format, "ann")
        for cell in cells(path):
            lines = cell.source.splitlines()
            if cell.cell_type == "markdown" or "Worksheet" in cell.source:
                assert not any(w in line for line in lines for w in ("BEGIN", "END", "IGNORE"))
                assert not lines[0].lower().startswith(("# ignore", "## ignore"))
            elif "BEGIN" in cell.source:
                assert orders in cell.source or cell.cell_type == "raw"
    shown = source(tmp_path / "nbgrader" / "hw1.ipynb", "## A question").replace("\u2060", "")
    assert made.sheet("ann").question("q2").text.strip() in shown


def test_headings_and_markdown_stay_what_they_are() -> None:
    assert heading("a\n# b <i>&", 2) == "## a # b &lt;i&gt;&amp;"
    assert quiet("## Begin now; the legend\n\nends: `x`").replace("\u2060", "") == (
        "## Begin now; the legend\n\nends: `x`"
    )
    assert quiet("nothing of the kind") == "nothing of the kind"
    assert "otter" not in quiet("```otter\nx\n```")
    text = json.dumps(["BEGIN SOLUTION", "\\BEGIN", "LEGEND\nIGNORE", "AUTOTEST"])
    assert json.loads(quiet_json(text)) == json.loads(text)
    assert not any(word in quiet_json(text) for word in ("BEGIN", "END", "IGNORE", "AUTOTEST"))


@pytest.mark.parametrize("text", NASTY)
def test_a_call_is_read_back_as_it_was_meant(text: str) -> None:
    node = ast.parse(call("f.g", text, 1, 0.1, Name("key")), mode="eval").body
    assert isinstance(node, ast.Call)
    assert [ast.unparse(node.func), len(node.args)] == ["f.g", 4]
    assert ast.literal_eval(node.args[0]) == text
    assert "\n" not in call("f", text)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, None, Name("a, b"), b"x"])
def test_what_cannot_be_written_is_refused(value: Any) -> None:
    with pytest.raises(DataError):
        call("f", value)


def test_a_class_gets_folders_and_the_teacher_who_has_which_data(
    made: Homework, tmp_path: Path
) -> None:
    written = made.write_all(["ann", 7, "x.y@z"], tmp_path)
    assert [str(p.relative_to(tmp_path)) for p in written] == [
        *("ann/hw1.ipynb", "7/hw1.ipynb", "x.y@z/hw1.ipynb"),
        "hw1-key.json",
    ]
    assert not any(SALT in path.read_text() for path in written)
    assert json.loads(written[-1].read_text()) == {
        "version": 1,
        "homework": "hw1",
        "students": {
            s: {"token": made.world(s).token, "sha256": made.world(s).sha256}
            for s in ("ann", "7", "x.y@z")
        },
    }
    grades = made.grade(tmp_path, tmp_path / "hw1-key.json")
    assert grades.totals["student"].tolist() == ["ann", "7", "x.y@z"]
    assert grades.totals["points"].sum() == 0


@pytest.mark.parametrize("format", FORMATS)
def test_work_is_not_written_over(made: Homework, format: str, tmp_path: Path) -> None:
    first, *others = made.write_all(["ann", "ben"], tmp_path, format)
    made.write_all(["ann", "ben"], tmp_path, format)  # the same again is no harm
    before = first.read_bytes()
    others[0].write_bytes(b"work")
    first.unlink()
    with pytest.raises(DataError, match="exists already and differs"):
        made.write_all(["ann", "ben"], tmp_path, format)
    assert not first.exists()
    assert others[0].read_bytes() == b"work"
    made.write_all(["ann", "ben"], tmp_path, format, overwrite=True)
    assert first.read_bytes() == before
    assert others[0].read_bytes() != b"work"
    assert not list(tmp_path.rglob("*.part"))


def test_places_and_formats_that_do_not_exist(made: Homework, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.ipynb").mkdir()
    for path, words in [
        (tmp_path / "file" / "a.ipynb", "cannot be written"),
        (tmp_path / "folder.ipynb", "is a folder"),
        (" ", "no name of"),
        (3, "no name of"),
        ("a\0b", "no name of"),
        (b"a", "no name of"),
    ]:
        with pytest.raises(DataError, match=words):
            made.write(path)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"format is 'oter' \(did you mean 'otter'\?\)"):
        made.write(tmp_path, "oter")
    with pytest.raises(DataError, match="cannot be a student's id"):
        made.write(tmp_path, student="../x")
    with pytest.raises(DataError, match="has both"):
        made.write_all(["ann", "Ann"], tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_settings_of_another_kind_are_refused() -> None:
    for wrong, words in [
        ({"truth": [1]}, "truth is .1.; give a dictionary"),
        ({"boundary": "yes"}, "boundary is 'yes'; give True or False"),
    ]:
        with pytest.raises(DataError, match=words):
            cycle.homework(**wrong)


def test_each_of_a_class_finds_their_own_sheet(
    made: Homework, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook, file = made.write_all(cycle.STUDENTS, tmp_path, "nbgrader")
    inside = gzip.decompress(file.read_bytes()).decode()
    assert not any(f'"{s}"' in text for s in cycle.STUDENTS for text in (notebook.read_text(),))
    assert SALT not in inside
    assert Sheet.from_json(handed("ben", file).text) == made.sheet("ben")
    assert handed(" BEN ", file) == handed("ben", file)
    shown = handed("ben", file).question("q3")._repr_markdown_()
    assert made.sheet("ben").question("q3").text.strip() in shown
    monkeypatch.setenv(HUB_USER, "cat")
    assert handed("", file) == handed("cat", file)
    monkeypatch.setenv(NBGRADER, "autograde")
    (tmp_path / "dan" / "hw1").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "dan" / "hw1")
    assert handed("ben", file) == handed("dan", file)


def test_a_sheet_that_is_not_found_says_what_to_do(
    made: Homework, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(HUB_USER, raising=False)
    file = made.write_all(["ann"], tmp_path, "otter")[1]
    for student, words in [("", "not known who you are"), ("bob", "'bob' is on no list")]:
        with pytest.raises(DataError, match=words):
            handed(student, file)
    with pytest.raises(DataError, match="no file 'gone'"):
        handed("ann", tmp_path / "gone")
    whole = file.read_bytes()
    other = gzip.compress(b'{"version": 2, "homework": "hw1", "sheets": {}}')
    for content in (b"", b"{}", whole[:-20], gzip.compress(b"[]"), gzip.compress(b"{"), other):
        file.write_bytes(content)
        with pytest.raises(DataError, match="damaged, or of another version"):
            handed("ann", file)


@pytest.mark.parametrize("who", cycle.STUDENTS)
@pytest.mark.parametrize("alone", [True, False])
def test_marks_are_those_of_our_own_grading(
    made: Homework, who: str, alone: bool, tmp_path: Path
) -> None:
    students = [None] if alone else list(cycle.STUDENTS)
    answers = cycle.records(
        made, None if alone else who, cycle.given(made, None if alone else who, who)
    )
    folder = tmp_path / who
    folder.mkdir()
    (folder / SIDECAR).write_text(to_sidecar({"hw1": answers}))
    got = {
        q.id: points("hw1", q.id, q.points, packed(made, students, q.id), folder)
        for q in made.questions
    }
    total = {"ann": 6.3, "ben": 0, "cat": 1.3, "dan": 6.3, "eve": 0}[who]
    assert sum(got.values()) == pytest.approx(total)
    assert all(got[q.id] <= q.points for q in made.questions)
    if not alone:
        assert got == pytest.approx(cycle.points(made, tmp_path)[who])


def test_answers_on_another_students_sheet_are_marked_as_we_do(
    made: Homework, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the folder's owner where nbgrader grades; elsewhere nobody knows whose they are."""
    folder = tmp_path / "submitted" / "ben" / "hw1"
    here = tmp_path / "autograded" / "ben" / "hw1"
    here.mkdir(parents=True)
    folder.mkdir(parents=True)
    answers = cycle.records(made, "ann", cycle.given(made, "ann", "ann"))
    (folder / SIDECAR).write_text(to_sidecar({"hw1": answers}))
    own = cycle.records(made, "cat", cycle.given(made, "cat", "cat"))
    (tmp_path / "submitted" / "cat").mkdir()
    (tmp_path / "submitted" / "cat" / SIDECAR).write_text(to_sidecar({"hw1": own}))
    keys = {q.id: packed(made, cycle.STUDENTS, q.id) for q in made.questions}
    assert all(points("hw1", name, 1, key, folder) == 1 for name, key in keys.items())
    monkeypatch.setenv(NBGRADER, "autograde")
    monkeypatch.chdir(here)
    got = {q.id: points("hw1", q.id, q.points, keys[q.id]) for q in made.questions}
    assert got == pytest.approx(cycle.points(made, tmp_path / "submitted")["ben"])


def test_what_cannot_be_read_is_not_answered(made: Homework, tmp_path: Path) -> None:
    key = packed(made, [None], "q2")
    bad = {"hw1": {"q2": {"version": 1}}}
    contents = ["", "[]", "{", "[" * 100_000, json.dumps({"version": 1, "homeworks": bad})]
    for content in contents:
        (tmp_path / SIDECAR).write_text(content)
        (tmp_path / "hw1.ipynb").write_text(content)
        assert points("hw1", "q2", 1, key, tmp_path) == 0.0
    (tmp_path / "loop.ipynb").symlink_to(tmp_path / "loop.ipynb")
    assert points("hw1", "q2", 1, key, tmp_path) == 0.0
    text = {"answer": "a text where a number is asked"}
    answers = {"q2": Answer("hw1", made.world(None).token, "q2", dict(text))}
    (tmp_path / SIDECAR).write_text(to_sidecar({"hw1": answers}))
    assert not right("hw1", "q2", "answer", key, tmp_path)


def test_points_are_never_more_than_there_are(tmp_path: Path) -> None:
    """Of nbgrader that would end the run."""
    for most in (0.1, 0.3, 0.7, 1 / 3, 2.3):
        question = OwnQuestion("?", lambda data: 1.0, tolerance=0, points=most)
        made = Homework("hw1", [question], salt=SALT)
        answers = cycle.records(made, None, {"q1": {"answer": 1.0}})
        (tmp_path / SIDECAR).write_text(to_sidecar({"hw1": answers}))
        assert points("hw1", "q1", most, packed(made, [None], "q1"), tmp_path) == most


def test_who_is_who_is_not_written_in_clear(made: Homework, tmp_path: Path) -> None:
    names = ["a-long-name-1", "a-long-name-2"]
    for format in ("nbgrader", "otter"):
        notebook, file = made.write_all(names, tmp_path / format, format)
        inside = gzip.decompress(file.read_bytes()).decode()
        sheets = json.loads(inside)["sheets"]
        assert "a-long-name" not in notebook.read_text()
        assert len(sheets) == 2
        assert hashlib.sha256(b'["hw1", "a-long-name-1"]').hexdigest()[:16] in sheets
