"""A homework as the student works on it: the data, the questions and the answers."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import pandas as pd

from mixedwidgets.errors import DataError, MixedWidgetsWarning, brief
from mixedwidgets.fingerprints import fingerprint
from mixedwidgets.homework.record import Answer
from mixedwidgets.homework.sheet import Sheet
from mixedwidgets.widgets.answers.question import QuestionWidget
from mixedwidgets.widgets.answers.recorder import Recorder
from mixedwidgets.widgets.answers.summary import Summary


class Worksheet:
    """One student's homework.

    Answers given before are taken up: from ``answers.json`` in the folder, and from the saved
    outputs of notebooks in it.

    Parameters
    ----------
    text : str
        The sheet, as ``Sheet.to_json`` writes it; it stands in the first cell of the notebook.
    folder : path, optional
        Where ``answers.json`` is kept; the notebook's folder unless told.

    Attributes
    ----------
    data : pandas.DataFrame
        The student's data, a fresh copy each time.
    answers : dict of str to Answer
        What is recorded, by question.
    folder : pathlib.Path
        Where ``answers.json`` is kept.

    Raises
    ------
    DataError
        The text is no sheet of a homework.

    Warns
    -----
    MixedWidgetsWarning
        Earlier answers cannot be read, or the data are no longer those handed out.
    """

    def __init__(self, text: str, folder: str | Path | None = None):
        if not isinstance(text, str):
            raise DataError(f"A worksheet is made from the text of a sheet; {brief(text)} is none.")
        self.sheet = Sheet.from_json(text)
        self.folder = Path.cwd() if folder is None else Path(folder).resolve()
        self._recorder = Recorder(self.sheet, self.folder)
        self._summary = Summary(self._recorder)
        self._questions: dict[str, QuestionWidget] = {}
        for problem in self._recorder.problems:
            warnings.warn(MixedWidgetsWarning(problem), stacklevel=2)
        self._frame = _read(self.sheet)

    @property
    def data(self) -> pd.DataFrame:
        """The student's data."""
        return self._frame.copy()

    @property
    def answers(self) -> dict[str, Answer]:
        """What is recorded, by question."""
        return dict(self._recorder.answers)

    def ask(self, question: str) -> QuestionWidget:
        """Return the widget of a question; a cell that ends with it shows it.

        Parameters
        ----------
        question : str
            Its id, such as ``"q1"``.

        Raises
        ------
        DataError
            There is no such question.
        """
        asked = self.sheet.question(question)
        if asked.id not in self._questions:
            self._questions[asked.id] = QuestionWidget(asked, self._recorder)
        return self._questions[asked.id]

    def summary(self) -> Summary:
        """Return a table of what is recorded, which is renewed with every answer."""
        return self._summary

    def __repr__(self) -> str:
        answered = sum(bool(answer.values) for answer in self.answers.values())
        of = f"{answered} of {len(self.sheet.questions)} questions answered"
        return f"<Worksheet {self.sheet.homework}: {of}>"


def _read(sheet: Sheet) -> pd.DataFrame:
    try:
        data = pd.read_csv(io.StringIO(sheet.csv))
        same = fingerprint(data) == sheet.sha256
    except (ValueError, pd.errors.ParserError) as error:
        raise DataError(
            "The data of this homework cannot be read: the first cell of the notebook was changed; "
            "copy it from the notebook as it was handed out."
        ) from error
    if not same:
        warnings.warn(
            MixedWidgetsWarning(
                "The data are not those that were handed out; copy the first cell of the notebook "
                "from the one that you were given"
            ),
            stacklevel=3,
        )
    return data
