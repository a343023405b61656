"""Grading of what should never have been handed in: nothing stops the run, all is reported."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mixedwidgets.errors import DataError
from mixedwidgets.homework import opening, reading
from mixedwidgets.homework.grade import grade
from mixedwidgets.homework.reading import Submission, submissions
from mixedwidgets.homework.record import MIME, Answer
from tests.homework_class import TIME, answers, hand_in, notebook, right, small_homework

GOOD = Answer("hw1", "0" * 16, "q1", {"tau": 2.5}, 1, False, 1, TIME).to_bundle()


def with_outputs(outputs: Any) -> dict[str, Any]:
    return {"cells": [{"cell_type": "code", "outputs": outputs}], "nbformat": 4}


def bundle(**changed: Any) -> str:
    return json.dumps(notebook([{**GOOD, **changed}]))


def sidecar(value: Any) -> str:
    return json.dumps({"version": 1, "homeworks": {"hw1": value}})


BAD_NOTEBOOKS = {
    "empty": ("", "damaged at line 1"),
    "broken": ('{"cells": [', "damaged at line 1"),
    "number": ("3", "is not a notebook"),
    "list": ("[]", "is not a notebook"),
    "old": ('{"nbformat": 3, "worksheets": []}', "of notebook format 3"),
    "text format": ('{"nbformat": "4", "cells": []}', "is not a notebook"),
    "no cells": ('{"nbformat": 4, "cells": {"a": 1}}', "has no cells"),
    "nested": ('{"a":' * 100_000 + "1" + "}" * 100_000, "nested too deeply"),
    "long number": ('{"nbformat": 4, "x": ' + "9" * 5000 + "}", "number that is too long"),
    "NaN": (bundle(values={"tau": float("nan")}), "a number of it is not finite"),
    "Infinity": (bundle(values={"tau": float("inf")}), "a number of it is not finite"),
    "overflow": (bundle(values={"tau": 0}).replace('"tau": 0', '"tau": 1e999'), "not finite"),
    "huge integer": (bundle(values={"tau": 10**400}), "not finite"),
    "true": (bundle(values={"tau": True}), "neither a number"),
    "three numbers": (bundle(values={"tau": [1, 2, 3]}), "neither a number"),
    "long text": (bundle(values={"tau": "x" * 10_000}), "neither a number"),
    "no values": (bundle(values=None), "it has no values"),
    "many values": (bundle(values={str(i): 1 for i in range(1000)}), "it has no values"),
    "version": (bundle(version=2), "not an answer as mixedwidgets records it"),
    "token": (bundle(token=7), "its token is no short text"),
    "count": (bundle(count=-1), "its count is no count"),
    "huge count": (bundle(count=10**30), "its count is no count"),
    "text": (json.dumps(notebook(["an answer"])), "not an answer as mixedwidgets records it"),
    "nothing": (json.dumps(notebook([None])), "not an answer as mixedwidgets records it"),
}
QUIET_NOTEBOOKS = {
    "cells of other types": '{"nbformat": 4, "cells": [1, null, "x", [], {"outputs": 3}]}',
    "outputs of other types": json.dumps(with_outputs([1, None, {"data": []}, {"data": {"a": 1}}])),
    "another homework": bundle(homework="hw2"),
    "another homework, broken": bundle(homework="hw2", values=3),
    "homework of another type": bundle(homework=["hw1"]),
}
BAD_SIDECARS = {
    "empty": ("", "damaged at line 1"),
    "list": ("[]", "not a file of answers"),
    "nested": ("[" * 100_000, "nested too deeply"),
    "long number": ("9" * 5000, "number that is too long"),
    "homeworks": ('{"homeworks": 3}', "not a file of answers"),
    "bundle": (sidecar({"q1": 3}), "not an answer as mixedwidgets records it"),
    "question": (sidecar({"q2": GOOD}), "belongs to another question"),
}


def read_one(folder: Path) -> Submission:
    found, problems = submissions(folder, "hw1")
    assert problems == []
    (submission,) = found
    return submission


def put(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / "ann" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("case", BAD_NOTEBOOKS)
def test_bad_notebooks_become_a_sentence(tmp_path: Path, case: str) -> None:
    text, words = BAD_NOTEBOOKS[case]
    put(tmp_path, "bad.ipynb", text)
    put(tmp_path, "good.ipynb", bundle())
    submission = read_one(tmp_path)
    assert list(submission.records) == ["q1"]
    (note,) = submission.notes
    assert words in note
    assert "bad.ipynb" in note
    assert note.endswith(".")


@pytest.mark.parametrize("case", QUIET_NOTEBOOKS)
def test_what_is_not_ours_is_left_alone(tmp_path: Path, case: str) -> None:
    put(tmp_path, "hw1.ipynb", QUIET_NOTEBOOKS[case])
    submission = read_one(tmp_path)
    assert submission.records == {}
    assert submission.notes == ()


@pytest.mark.parametrize("case", BAD_SIDECARS)
def test_bad_sidecars_become_a_sentence(tmp_path: Path, case: str) -> None:
    text, words = BAD_SIDECARS[case]
    put(tmp_path, "answers.json", text)
    put(tmp_path, "good.ipynb", bundle())
    submission = read_one(tmp_path)
    assert list(submission.records) == ["q1"]
    (note,) = submission.notes
    assert words in note
    assert "answers.json" in note


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\x89PNG\r\n\x1a\n\x00", b'{"a": "\xe9"}'])
def test_what_is_no_text(tmp_path: Path, content: bytes) -> None:
    put(tmp_path, "hw1.ipynb", content)
    assert "not text in UTF-8" in read_one(tmp_path).notes[0]


def test_byte_order_mark_is_no_harm(tmp_path: Path) -> None:
    put(tmp_path, "hw1.ipynb", b"\xef\xbb\xbf" + bundle().encode())
    assert read_one(tmp_path).notes == ()


def test_large_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(put(tmp_path, "hw1.ipynb", ""), "wb") as file:
        file.truncate(opening.LARGEST + 1)  # a hole: it takes no room
    assert "30 MB allowed" in read_one(tmp_path).notes[0]
    monkeypatch.setattr(reading, "LARGEST_SUM", 3 * len(bundle()))
    for number in range(5):
        put(tmp_path, f"a{number}.ipynb", bundle())
    assert any("MB together" in note for note in read_one(tmp_path).notes)


def test_many_files_many_folders_many_answers(tmp_path: Path) -> None:
    for number in range(reading.MOST_FILES + 5):
        put(tmp_path, f"{number}.ipynb", bundle())
    put(tmp_path, "a/b/hw1.ipynb", bundle())
    put(tmp_path, "a/b/c/hw1.ipynb", bundle())
    notes = " ".join(read_one(tmp_path).notes)
    assert f"more than {reading.MOST_FILES} files" in notes


def test_deep_folders(tmp_path: Path) -> None:
    put(tmp_path, "a/b/hw1.ipynb", bundle())
    put(tmp_path, "a/b/c/" + "d/" * 50 + "hw1.ipynb", bundle())
    submission = read_one(tmp_path)
    assert submission.files == 1
    assert submission.notes == ("a/b/c lies more than 2 folders in and was not opened.",)


def test_answers_by_the_thousand(tmp_path: Path) -> None:
    many = [{**GOOD, "question": f"q{i}", "count": i} for i in range(6000)]
    put(tmp_path, "hw1.ipynb", json.dumps(notebook(many)))
    submission = read_one(tmp_path)
    assert len(submission.records) == reading.MOST_ANSWERS
    assert "more than 5000 answers" in submission.notes[0]


def test_more_parts_than_a_notebook_can_have(tmp_path: Path) -> None:
    put(tmp_path, "hw1.ipynb", '{"nbformat": 4, "cells": [' + "[]," * opening.MOST_BRACKETS + "1]}")
    put(tmp_path, "answers.json", " " * (reading.LARGEST_SIDECAR + 1))
    notes = read_one(tmp_path).notes
    assert "answers.json was not read: it has 2.0 MB, more than the 2 MB allowed" in notes[0]
    assert notes[1] == "hw1.ipynb was not read: it has more parts than a notebook can have."


def test_notes_are_not_endless(tmp_path: Path) -> None:
    many = [{**GOOD, "token": i} for i in range(3)]
    for number in range(30):
        put(tmp_path, f"{number}.ipynb", json.dumps(notebook(many)))
    put(tmp_path, "answers.json", sidecar({f"q{i}": 3 for i in range(3000)}))
    assert len(read_one(tmp_path).notes) == reading.MOST_NOTES + 1


def test_many_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_ENTRIES", 10)
    for number in range(20):
        put(tmp_path, f"{number}.txt", "")
    assert "not all of them were looked at" in read_one(tmp_path).notes[0]


def test_links_are_not_followed(tmp_path: Path) -> None:
    put(tmp_path / "outside", "hw1.ipynb", bundle())
    put(tmp_path / "in", "note.txt", "")
    ann = tmp_path / "in" / "ann"
    (ann / "hw1.ipynb").symlink_to(tmp_path / "outside" / "ann" / "hw1.ipynb")
    (ann / "answers.json").symlink_to("/dev/zero")
    (ann / "more").symlink_to(tmp_path / "outside", target_is_directory=True)
    (ann / "round").symlink_to(ann, target_is_directory=True)
    (tmp_path / "in" / "bob").symlink_to(ann, target_is_directory=True)
    found, problems = submissions(tmp_path / "in", "hw1")
    assert [submission.student for submission in found] == ["ann"]
    assert found[0].records == {}
    assert len(found[0].notes) == 4
    assert all("is a link and was not followed" in note for note in found[0].notes)
    assert "bob is a link" in problems[0]


def test_what_is_no_ordinary_file(tmp_path: Path) -> None:
    put(tmp_path, "folder.ipynb/hw1.ipynb", bundle())
    os.mkfifo(tmp_path / "ann" / "pipe.ipynb")
    put(tmp_path, "hw1.zip", "")
    notes = read_one(tmp_path).notes
    assert "folder.ipynb is a folder, not a file." in notes
    assert "pipe.ipynb is no ordinary file." in notes
    assert "hw1.zip is packed and was not opened; unpack it." in notes


def test_what_the_system_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "hw1.ipynb", bundle())
    put(tmp_path, "inside/hw1.ipynb", bundle())

    def refuse(*arguments: object, **named: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert "hw1.ipynb cannot be read (Permission denied)." in read_one(tmp_path).notes
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda p: refuse() if "ann" in str(p) else scandir(p))
    assert read_one(tmp_path).notes == ("The folder cannot be opened (Permission denied).",)
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match="cannot be read"):
        submissions(tmp_path, "hw1")


def test_files_outside_the_folders_of_students(tmp_path: Path) -> None:
    put(tmp_path, "hw1.ipynb", bundle())
    for name in ("bob.ipynb", "class.zip", "hw1-key.json", "list.csv", ".hidden"):
        (tmp_path / name).write_text("")
    (tmp_path / "__MACOSX").mkdir()
    found, problems = submissions(tmp_path, "hw1")
    assert [submission.student for submission in found] == ["ann"]
    assert problems == [
        "bob.ipynb, class.zip lie outside the folders of students and cannot be told whose: put "
        "each of them, unpacked, into a folder that has the student's id as its name."
    ]


def test_names_of_folders_that_are_no_ids(tmp_path: Path) -> None:
    homework = small_homework()
    hand_in(tmp_path, "ann", answers(homework, "ann", right(homework, "ann")))
    names = [b"a b", b"<b>x", b"\xff\xfe", "é".encode(), b"bob", b"BOB"]
    for name in names:
        (tmp_path / os.fsdecode(name)).mkdir()
    grades = grade(homework, tmp_path)
    assert list(grades.totals.student) == ["ann"]
    assert len(grades.problems) == len(names) - 1
    assert "BOB, bob were not graded" in grades.problems.problem.iloc[-1]
    grades.to_csv(tmp_path / "problems.csv", "problems")
    assert "<b>" not in grades._repr_html_()


def test_a_folder_without_students(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no student's folder"):
        grade(small_homework(), tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        grade(small_homework(), tmp_path / "nowhere")


def test_a_whole_class_of_trouble_is_graded(tmp_path: Path) -> None:
    homework = small_homework()
    hand_in(tmp_path, "good", answers(homework, "good", right(homework, "good")))
    cases = {**BAD_NOTEBOOKS, **{f"s {name}": case for name, case in BAD_SIDECARS.items()}}
    for place, (name, (text, _)) in enumerate(cases.items()):
        file = "answers.json" if name.startswith("s ") else "hw1.ipynb"
        put(tmp_path / "x", file, text).parent.rename(tmp_path / f"s{place}")
    (tmp_path / "x").rmdir()
    grades = grade(homework, tmp_path)
    assert len(grades.totals) == 1 + len(cases)
    assert grades.totals.points.sum() == 6.0
    troubled = set(grades.problems.student)
    assert troubled == {f"s{place}" for place in range(len(cases))}
    for path in grades.write_feedback(tmp_path / "out"):
        text = path.read_text(encoding="utf-8")
        assert ("About what you handed in" in text) == ("good" not in path.name)


def test_wrong_kinds_of_values_are_wrong_answers(tmp_path: Path) -> None:
    homework = small_homework()
    kinds = {"number": "text", "choice": 3.0, "interval": "text", "point": 2.0}
    for place, swap in enumerate([(1.0, 2.0), 7.0, "none of them"]):
        values: dict[str, dict[str, Any]] = {}
        for question in homework.questions:
            asked = question.asked(homework.world(f"s{place}"))
            values[asked.id] = {
                part.id: kinds[part.kind] if place == 0 else swap for part in asked.parts
            }
        hand_in(tmp_path, f"s{place}", answers(homework, f"s{place}", values))
    grades = grade(homework, tmp_path)
    assert not grades.table.correct.any()
    assert "of another kind" in " ".join(grades.table.comment)
    for student in grades.totals.student:
        assert "Your answer" in grades.page(student)


def test_nothing_that_students_wrote_is_executed(tmp_path: Path) -> None:
    homework = small_homework()
    path = hand_in(tmp_path, "ann", answers(homework, "ann", right(homework, "ann")))
    mark = tmp_path / "executed"
    given = json.loads(path.read_text())
    given["cells"][1]["source"] = [f"open({str(mark)!r}, 'w')"]
    given["metadata"] = {"kernelspec": {"name": "python3"}, MIME: GOOD}
    path.write_text(json.dumps(given))
    assert grade(homework, tmp_path).totals.points[0] == 6.0
    assert not mark.exists()
