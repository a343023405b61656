"""The whole cycle with otter-grader itself: assign, and five students' submissions run."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from mixedwidgets.homework.marking import packed
from mixedwidgets.homework.record import SIDECAR, to_sidecar
from tests import homework_cycle as cycle

# What ``otter run`` does, for all in one process: most of its time goes into its start.
RUN = """\
import json, sys
from otter.run import main

autograder, *submissions = sys.argv[1:]
scores = {}
for submission in submissions:
    results = main(submission, autograder=autograder, output_dir=submission + "-results",
                   no_logo=True)
    scores[submission] = {name: file.score for name, file in results.results.items()}
print(json.dumps(scores))
"""


@pytest.fixture(scope="module")
def programs() -> Path:
    return cycle.environment("otter")


def test_a_class_is_graded_as_we_grade_it(programs: Path, tmp_path: Path) -> None:
    made = cycle.homework()
    made.write_all(cycle.STUDENTS, tmp_path / "master", "otter")
    cycle.run(programs, "otter", "assign", "master/hw1.ipynb", "dist", folder=tmp_path)

    student = tmp_path / "dist" / "student"
    assert sorted(p.name for p in student.iterdir()) == ["hw1-sheets.json.gz", "hw1.ipynb"]
    text = (student / "hw1.ipynb").read_text()
    keys = [packed(made, cycle.STUDENTS, question.id) for question in made.questions]
    assert "marking" not in text
    whole = made.sheet("ann").question("q2").text.strip()
    assert cycle.text_of(student / "hw1.ipynb", "q2") == whole
    assert not any(key[:40] in text for key in keys)
    assert not any(number in text for number in cycle.secrets(made, cycle.STUDENTS))

    files = hand_in(made, student / "hw1.ipynb", tmp_path)
    for who in cycle.STUDENTS:
        (tmp_path / f"{files[who]}-results").mkdir()
    (autograder,) = (tmp_path / "dist" / "autograder").glob("*.zip")
    said = cycle.run(programs, "python", "-c", RUN, autograder, *files.values(), folder=tmp_path)
    scores = cycle.as_json(said)
    command = ("otter", "run", "-a", autograder, "-o", tmp_path, files["cat"])
    cycle.run(programs, *command, folder=tmp_path)
    alone = [
        json.loads((f / "results.json").read_text())["tests"]
        for f in (tmp_path, tmp_path / f"{files['cat']}-results")
    ]
    assert alone[0] == alone[1]
    ours = cycle.points(made, tmp_path / "handed in")
    for who in cycle.STUDENTS:
        assert scores[str(files[who])] == pytest.approx(ours[who]), who
        results = (tmp_path / f"{files[who]}-results" / "results.json").read_text()
        assert not any(key[:40] in results for key in keys)
        score = sum(test.get("score", 0) for test in json.loads(results)["tests"])
        assert score == pytest.approx(sum(ours[who].values()))
    totals = {who: sum(ours[who].values()) for who in cycle.STUDENTS}
    assert totals == pytest.approx({"ann": 6.3, "ben": 0, "cat": 1.3, "dan": 6.3, "eve": 0})


def hand_in(made: cycle.Homework, released: Path, folder: Path) -> dict[str, Path]:
    """What five students hand in: notebooks alone, but for one who packed the file of answers."""
    files = {}
    for student in cycle.STUDENTS:
        answers = cycle.records(made, student, cycle.given(made, student, student))
        unpacked = folder / "handed in" / student
        unpacked.mkdir(parents=True)
        notebook = cycle.answered(released, {} if student == "dan" else answers, student)
        (unpacked / "hw1.ipynb").write_text(notebook)
        files[student] = unpacked / "hw1.ipynb"
        if student == "dan":
            (unpacked / SIDECAR).write_text(to_sidecar({"hw1": answers}))
            files[student] = folder / "dan.zip"
            with zipfile.ZipFile(files[student], "w") as packed_up:
                for path in unpacked.iterdir():
                    packed_up.write(path, path.name)
    return files
