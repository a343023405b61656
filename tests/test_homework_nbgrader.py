"""The whole cycle with nbgrader itself: generate, five students, autograde, feedback."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mixedwidgets.homework.marking import packed
from mixedwidgets.homework.nbgrader import FEEDBACK
from mixedwidgets.homework.record import SIDECAR, to_sidecar
from tests import homework_cycle as cycle

CONFIG = """\
c = get_config()
c.CourseDirectory.course_id = "course"
"""

# A student's work: the notebook is run, answers are given through the widgets, and it is saved.
WORK = """\
import json, sys, nbformat
from nbclient import NotebookClient

path, student, answers = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
notebook = nbformat.read(path, as_version=4)
for cell in notebook.cells:
    if cell.source == 'student = ""':
        cell.source = f"student = {student!r}"
giving = nbformat.v4.new_code_cell(f'''
for question, values in {answers!r}.items():
    for part, value in values.items():
        value = tuple(value) if isinstance(value, list) else value
        work.ask(question).parts[part].value = value
''')
notebook.cells.append(giving)
NotebookClient(notebook, timeout=60, resources={"metadata": {"path": sys.argv[4]}}).execute()
notebook.cells.pop()
nbformat.write(notebook, path)
"""

SCORES = """\
import json
from nbgrader.api import Gradebook

with Gradebook("sqlite:///gradebook.db") as book:
    scores = {
        submission.student.id: {
            grade.name: grade.auto_score for nb in submission.notebooks for grade in nb.grades
        }
        for submission in book.assignment_submissions("hw1")
    }
    most = book.find_assignment("hw1").max_score
print(json.dumps([scores, most]))
"""


@pytest.fixture(scope="module")
def programs() -> Path:
    return cycle.environment("nbgrader")


def test_a_class_is_graded_as_we_grade_it(programs: Path, tmp_path: Path) -> None:
    made = cycle.homework()
    (tmp_path / "nbgrader_config.py").write_text(CONFIG)
    made.write_all(cycle.STUDENTS, tmp_path / "source" / "hw1", "nbgrader")
    cycle.run(programs, "nbgrader", "generate_assignment", "hw1", folder=tmp_path)

    release = tmp_path / "release" / "hw1"
    assert sorted(p.name for p in release.iterdir()) == ["hw1-sheets.json.gz", "hw1.ipynb"]
    text = (release / "hw1.ipynb").read_text()
    assert "BEGIN HIDDEN" not in text
    assert "marking" not in text
    whole = made.sheet("ann").question("q2").text.strip()
    assert cycle.text_of(release / "hw1.ipynb", "q2") == whole
    keys = [packed(made, cycle.STUDENTS, question.id) for question in made.questions]
    assert not any(key[:40] in text for key in keys)
    assert not any(number in text for number in cycle.secrets(made, cycle.STUDENTS))

    hand_in(programs, made, tmp_path)
    cycle.run(programs, "nbgrader", "autograde", "hw1", folder=tmp_path)
    ours = cycle.points(made, tmp_path / "submitted")
    scores, most = cycle.as_json(cycle.run(programs, "python", "-c", SCORES, folder=tmp_path))
    assert most == pytest.approx(6.3)
    for student in cycle.STUDENTS:
        got = {name.removeprefix("grade-"): score for name, score in scores[student].items()}
        assert got == pytest.approx(ours[student]), student
    totals = {student: sum(of.values()) for student, of in scores.items()}
    assert totals == pytest.approx({"ann": 6.3, "ben": 0, "cat": 1.3, "dan": 6.3, "eve": 0})

    cycle.run(programs, "nbgrader", "generate_feedback", "hw1", folder=tmp_path)
    for student in ("ben", "eve"):  # who did not find the key
        assert not any(
            number in page(tmp_path, student) for number in cycle.secrets(made, (student,))
        )
    assert "2 of 4 questions" in page(tmp_path, "cat")  # found by the folder
    shown = [s for s in cycle.STUDENTS if any(key[:40] in page(tmp_path, s) for key in keys)]
    assert shown == ["eve"]  # who changed the metadata
    (tmp_path / "nbgrader_config.py").write_text(CONFIG + FEEDBACK)
    again = ("generate_feedback", "hw1", "--student", "eve", "--force")
    cycle.run(programs, "nbgrader", *again, folder=tmp_path)
    assert not any(key[:40] in page(tmp_path, "eve") for key in keys)


def page(course: Path, student: str) -> str:
    """The feedback that a student gets."""
    text = (course / "feedback" / student / "hw1" / "hw1.html").read_text()
    assert "Score:" in text
    return text


def hand_in(programs: Path, made: cycle.Homework, course: Path) -> None:
    """What five students hand in: one has worked in Jupyter, one has lost the file of answers."""
    release = course / "release" / "hw1"
    for student in cycle.STUDENTS:
        folder = course / "submitted" / student / "hw1"
        shutil.copytree(release, folder)
        values = cycle.given(made, student, student)
        answers = cycle.records(made, student, values)
        if student == "ann":
            given = cycle.json.dumps(values)
            arguments = (folder / "hw1.ipynb", student, given, folder)
            cycle.run(programs, "python", "-c", WORK, *arguments, folder=course)
            assert (folder / SIDECAR).exists()
            continue
        written = "" if student == "cat" else student  # who did not write who they are
        notebook = cycle.answered(release / "hw1.ipynb", answers, written)
        if student == "eve":
            notebook = notebook.replace('"remove_source": true', '"remove_source": false')
        (folder / "hw1.ipynb").write_text(notebook)
        if student in ("ben", "cat"):
            (folder / SIDECAR).write_text(to_sidecar({"hw1": answers}))
