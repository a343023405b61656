"""A small class for the tests of grading: a homework, and what its students hand in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mixedwidgets.homework.homework import Homework
from mixedwidgets.homework.questions import MomentsAgainstML, OwnQuestion, WhichIntervalFails
from mixedwidgets.homework.record import MIME, SIDECAR, Answer, Value, to_sidecar

TIME = "2026-11-24T16:03:00Z"
Values = Mapping[str, Mapping[str, Value]]


def small_homework(salt: str = "a salt for tests", **options: Any) -> Homework:
    """Three questions, of which the first has two parts."""
    questions = [
        MomentsAgainstML(points=2),
        OwnQuestion(
            "What is the mean of the scores?",
            lambda data: float(data["score"].mean()),
            tolerance=0.005,
            points=1,
            mistakes={"This is the median.": lambda data: float(data["score"].median())},
        ),
        WhichIntervalFails(points=3),
    ]
    return Homework("hw1", questions, salt=salt, title="First homework", size=8, **options)


def right(homework: Homework, student: str | None) -> dict[str, dict[str, Value]]:
    """The right answers of a student."""
    return {
        question: {part: key.value for part, key in parts.items()}
        for question, parts in homework.key(student).items()
    }


def answers(
    homework: Homework, student: str | None, values: Values, count: int = 1
) -> list[Answer]:
    """Answers as they are recorded on a student's sheet."""
    token = homework.world(student).token
    return [
        Answer(homework.name, token, question, dict(parts), 1, False, count, TIME)
        for question, parts in values.items()
    ]


def notebook(bundles: list[Any]) -> dict[str, Any]:
    """A notebook with one cell an answer, as Jupyter saves it."""
    cells: list[dict[str, Any]] = [
        {"cell_type": "markdown", "id": "head", "metadata": {}, "source": ["# First homework"]}
    ]
    for place, bundle in enumerate(bundles):
        data = {"text/plain": ["an answer"], MIME: bundle}
        output = {"output_type": "display_data", "metadata": {}, "data": data}
        cells.append(
            {
                "cell_type": "code",
                "execution_count": place + 1,
                "id": f"ask-{place}",
                "metadata": {},
                "outputs": [output],
                "source": ["work.ask('q1')"],
            }
        )
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def hand_in(folder: Path, student: str, given: list[Answer], name: str = "hw1.ipynb") -> Path:
    """Put a notebook with answers into a student's folder."""
    target = folder / student / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(notebook([answer.to_bundle() for answer in given])))
    return target


def hand_in_sidecar(folder: Path, student: str, given: list[Answer]) -> Path:
    """Put a file of answers into a student's folder."""
    target = folder / student / SIDECAR
    target.parent.mkdir(parents=True, exist_ok=True)
    by_question = {answer.question: answer for answer in given}
    target.write_text(to_sidecar({"hw1": by_question}))
    return target


def key_of(homework: Homework, students: list[str]) -> dict[str, Any]:
    """The key file of a class, as ``write_all`` writes it."""
    worlds = {student: homework.world(student) for student in students}
    return {
        "version": 1,
        "homework": homework.name,
        "students": {s: {"token": w.token, "sha256": w.sha256} for s, w in worlds.items()},
    }
