"""One place through which every answer goes: into the cell's output and ``answers.json``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mixedwidgets.homework.record import MIME, Answer, Value, latest
from mixedwidgets.homework.sheet import Asked, Sheet
from mixedwidgets.widgets.answers.earlier import earlier
from mixedwidgets.widgets.answers.outputs import Output
from mixedwidgets.widgets.answers.sidecar import read_sidecar, write_answer
from mixedwidgets.widgets.answers.words import block, now, plain


class Recorder:
    """Keeps the answers to one sheet.

    Parameters
    ----------
    sheet : Sheet
        What was handed out.
    folder : Path
        Where ``answers.json`` is, and notebooks with earlier answers.

    Attributes
    ----------
    answers : dict of str to Answer
        By question.
    problems : list of str
        What could not be read of earlier answers, a sentence each.
    told : list of callable
        Called after each answer.
    """

    def __init__(self, sheet: Sheet, folder: Path):
        self.sheet, self.folder = sheet, folder
        self.answers, self.problems = earlier(folder, sheet)
        self.told: list[Callable[[], None]] = []
        self._outputs: dict[str, Output] = {}

    def place(self, asked: Asked) -> None:
        """Show the output that holds the answer to a question in the cell that now runs."""
        self._outputs.setdefault(asked.id, Output()).place(self._data(asked))

    def record(
        self, asked: Asked, values: dict[str, Value], tries: int = 0, submitted: bool = False
    ) -> Answer:
        """Keep an answer.

        Parameters
        ----------
        asked : Asked
            The question.
        values : dict of str to (float, str or (float, float))
            By part.
        tries, submitted : int, bool
            See ``Answer``.

        Returns
        -------
        Answer

        Raises
        ------
        DataError
            ``answers.json`` cannot be written; the answer is in ``answers`` and in the output of
            the cell all the same.
        """
        answer = Answer(
            homework=self.sheet.homework,
            token=self.sheet.token,
            question=asked.id,
            values=dict(values),
            tries=tries,
            submitted=submitted,
            count=self._count(asked.id) + 1,
            time=now(),
        )
        self.answers[asked.id] = answer
        if asked.id in self._outputs:
            self._outputs[asked.id].renew(self._data(asked))
        try:
            write_answer(self.folder, answer)
        finally:
            for tell in self.told:
                tell()
        return answer

    def _count(self, question: str) -> int:
        """The highest count so far: another worksheet may have recorded since."""
        try:
            there = read_sidecar(self.folder)[0].get(self.sheet.homework, {}).get(question)
        except (OSError, ValueError):
            there = None
        held = latest(self.answers.get(question), there)
        return held.count if held is not None else 0

    def _data(self, asked: Asked) -> dict[str, Any]:
        answer = self.answers.get(asked.id)
        homework = self.sheet.homework
        data: dict[str, Any] = {
            "text/plain": plain(homework, asked, answer),
            "text/html": block(homework, asked, answer),
        }
        if answer is not None:
            data[MIME] = answer.to_bundle()
        return data
