"""Time the grading of a class: 200 notebooks with plots and about ten questions each.

The homework is made anew for each run, so that all data, fits and keys are made in the time taken.
Timed besides is the grader's own part, reading and judging, where a homework has them already.
"""

from __future__ import annotations

import argparse
import base64
import gc
import json
import random
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from _common import limit_threads, print_machine, row, settle_garbage, stopwatch, verdict

from mixedwidgets.homework import questions
from mixedwidgets.homework.homework import Homework
from mixedwidgets.homework.record import MIME, Answer, to_sidecar

STUDENTS = 200
PLOTS = 3  # in a notebook
PLOT_BYTES = 60_000
WRONG = 0.3  # of the answers
GOAL = 2.0  # seconds
GOAL_OF_OWN_PART = 0.8


def homework() -> Homework:
    """Ten questions of all kinds."""
    asked = [
        questions.BinomialMLE(),
        questions.Information(),
        questions.MomentsAgainstML(),
        questions.OneWayLikelihood(),
        questions.RandomInterceptFit(),
        questions.RandomSlopeFit(),
        questions.ShrunkenMean(),
        questions.PredictThenReveal(),
        questions.PlacePoint(),
        questions.ChooseModel(),
    ]
    return Homework("speed", asked, salt="not a secret, for these are no real students")


def hand_in(folder: Path) -> float:
    """Write what a class hands in; return the megabytes."""
    described, dice = homework(), random.Random(1)
    students = [f"student{number:03d}" for number in range(STUDENTS)]
    for path in described.write_all(students, folder):
        if path.suffix == ".ipynb":
            given = answers(described, path.parent.name, dice)
            notebook = json.loads(path.read_text())
            notebook["cells"] += [*plots(dice), *recorded(given)]
            path.write_text(json.dumps(notebook, indent=1))
            kept = {described.name: {answer.question: answer for answer in given}}
            (path.parent / "answers.json").write_text(to_sidecar(kept))
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def answers(described: Homework, student: str, dice: random.Random) -> list[Answer]:
    """Answers of a student, of which some are known mistakes and some are anything."""
    given = []
    for question, parts in described.key(student).items():
        values = {}
        for name, key in parts.items():
            wrong = [mistake.value for mistake in key.mistakes]
            if isinstance(key.value, float):
                wrong.append(key.value * dice.uniform(0.2, 5.0))
            is_wrong = bool(wrong) and dice.random() < WRONG
            values[name] = dice.choice(wrong) if is_wrong else key.value
        token = described.world(student).token
        given.append(Answer(described.name, token, question, values, 1, True, 1, "2026-11-24"))
    return given


def plots(dice: random.Random) -> Iterator[dict[str, Any]]:
    """Cells of a student's own that drew something."""
    for _ in range(PLOTS):
        png = base64.b64encode(dice.randbytes(PLOT_BYTES)).decode()
        yield cell({"image/png": png, "text/plain": ["<Figure size 640x480>"]})


def recorded(given: list[Answer]) -> Iterator[dict[str, Any]]:
    """Cells that hold an answer."""
    for answer in given:
        yield cell({"text/plain": ["an answer"], MIME: answer.to_bundle()})


def cell(data: dict[str, Any]) -> dict[str, Any]:
    """One cell with an output."""
    output = {"output_type": "display_data", "metadata": {}, "data": data}
    code = {"cell_type": "code", "metadata": {}, "source": [], "execution_count": 1}
    return {**code, "outputs": [output]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="how often a class is graded")
    options = parser.parse_args()
    limit_threads()
    settle_garbage()
    print_machine()
    with tempfile.TemporaryDirectory() as folder:
        size = hand_in(Path(folder))
        print(f"{STUDENTS} students, {size:.0f} MB of notebooks and files of answers")
        key = Path(folder, "speed-key.json")
        whole, own = [], []
        for _ in range(options.runs):
            described = homework()
            whole.append(stopwatch(described.grade, folder, key)[0])
            seconds, grades = stopwatch(described.grade, folder, key)
            own.append(seconds)
            del described
            gc.collect()
    print(repr(grades))
    print(row("all", whole))
    print(row("own part", own))
    met = [
        verdict("grading / s", statistics.median(whole), GOAL, at_least=False),
        verdict("own part / s", statistics.median(own), GOAL_OF_OWN_PART, at_least=False),
    ]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
