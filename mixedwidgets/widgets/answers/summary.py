"""Which answers of a homework are recorded, kept up to date in the cell that shows it."""

from __future__ import annotations

from typing import Any

from mixedwidgets.homework.sheet import Asked
from mixedwidgets.lmm.html import protected
from mixedwidgets.widgets.answers.outputs import Output
from mixedwidgets.widgets.answers.recorder import Recorder
from mixedwidgets.widgets.answers.words import answer_words, utc_words

_CELL = "text-align: left; padding: 3px 10px; vertical-align: top"


class Summary:
    """A table of the questions and what is recorded; it is renewed with every answer.

    Parameters
    ----------
    recorder : Recorder
        Where the answers are.
    """

    def __init__(self, recorder: Recorder):
        self._recorder = recorder
        self._output = Output()
        recorder.told.append(self._renew)

    def __repr__(self) -> str:
        rows = [f"{title}: {words}" for title, words, _ in self._rows()]
        return "\n".join([self._count(), *rows])

    def _repr_html_(self) -> str:
        head = "".join(
            f'<th scope="col" style="{_CELL}">{name}</th>'
            for name in ("Question", "Answer", "Recorded")
        )
        body = "".join(
            "<tr>" + "".join(f'<td style="{_CELL}">{protected(t)}</td>' for t in row) + "</tr>"
            for row in self._rows()
        )
        caption = f'<caption style="text-align: left">{protected(self._count())}</caption>'
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _ipython_display_(self) -> None:
        self._output.place(self._data())

    def _renew(self) -> None:
        self._output.renew(self._data())

    def _data(self) -> dict[str, Any]:
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    def _count(self) -> str:
        questions = self._recorder.sheet.questions
        answered = sum(self._is_answered(asked) for asked in questions)
        of = f"{answered} of {len(questions)} questions are answered"
        return f"{self._recorder.sheet.title or self._recorder.sheet.homework}: {of}."

    def _is_answered(self, asked: Asked) -> bool:
        answer = self._recorder.answers.get(asked.id)
        return answer is not None and len(answer.values) == len(asked.parts)

    def _rows(self) -> list[tuple[str, str, str]]:
        rows = []
        for asked in self._recorder.sheet.questions:
            answer = self._recorder.answers.get(asked.id)
            if answer is None or not answer.values:
                rows.append((asked.title, "not answered yet", ""))
                continue
            lacking = "" if self._is_answered(asked) else " (in part)"
            final = ", submitted" if answer.submitted else ""
            words = f"{answer_words(asked, answer)}{lacking}"
            rows.append((asked.title, words, f"{utc_words(answer.time)}{final}"))
        return rows
