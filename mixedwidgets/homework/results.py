"""The grades of a class: tables, CSV files and a page of feedback for each student."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path

import pandas as pd

from mixedwidgets.errors import DataError, brief, nearest
from mixedwidgets.homework.judging import Judged, Mark
from mixedwidgets.homework.opening import path_of
from mixedwidgets.homework.page import page
from mixedwidgets.homework.record import Value
from mixedwidgets.homework.showing import as_cell

TABLES = ("totals", "table", "problems", "summary")
SHOWN = 40  # students in a notebook
MISTAKES = 3  # of each part, in the summary


@dataclass(frozen=True, eq=False)
class Grades:
    """What a class reached in a homework.

    Attributes
    ----------
    homework, title : str
        Name and title of the homework.
    students : tuple of Judged
        One a student, in the order of the roster.
    folder_problems : tuple of str
        What in the folder belongs to no student.
    """

    homework: str
    title: str
    students: tuple[Judged, ...]
    folder_problems: tuple[str, ...]

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row for each student and part of a question.

        Columns are ``student``, ``question``, ``part``, ``answer``, ``key`` (numbers, or text for
        choices, intervals and points), ``correct``, ``points``, ``of`` and ``comment``: what
        probably happened, with the names of others where it is about their data.
        """
        rows = [(one.student, mark) for one in self.students for mark in one.marks]
        marks = [mark for _, mark in rows]
        return pd.DataFrame(
            {
                "student": [student for student, _ in rows],
                "question": [mark.question.id for mark in marks],
                "part": [mark.part.id for mark in marks],
                "answer": _cells(marks, [mark.given for mark in marks]),
                "key": _cells(marks, [mark.key.value for mark in marks]),
                "correct": [mark.correct for mark in marks],
                "points": [mark.points for mark in marks],
                "of": [mark.of for mark in marks],
                "comment": [mark.comment.private for mark in marks],
            }
        )

    @cached_property
    def totals(self) -> pd.DataFrame:
        """One row a student: ``student points of percent submitted remarks``."""
        return pd.DataFrame(
            {
                "student": [one.student for one in self.students],
                "points": [one.points for one in self.students],
                "of": [one.of for one in self.students],
                "percent": [100 * one.points / one.of if one.of else 0.0 for one in self.students],
                "submitted": [one.submitted for one in self.students],
                "remarks": [
                    " ".join(remark.private for remark in one.remarks) for one in self.students
                ],
            }
        )

    @cached_property
    def problems(self) -> pd.DataFrame:
        """What asks for a look: ``student`` (empty for the folder as a whole) and ``problem``."""
        rows = [("", problem) for problem in self.folder_problems]
        rows += [(one.student, remark.private) for one in self.students for remark in one.remarks]
        return pd.DataFrame(rows, columns=["student", "problem"], dtype=object)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """The class: one row for each part of a question.

        Columns are ``question``, ``title``, ``part``, ``asked`` (students), ``answered``,
        ``right``, ``percent`` (right among those asked) and ``mistakes``: the most frequent ones,
        with how many made each.
        """
        by_part: dict[tuple[str, str], list[Mark]] = {}
        for one in self.students:
            for mark in one.marks:
                by_part.setdefault((mark.question.id, mark.part.id), []).append(mark)
        return pd.DataFrame(
            [_summary_row(marks) for marks in by_part.values()],
            columns=[
                *("question", "title", "part", "asked", "answered", "right", "percent", "mistakes")
            ],
        )

    def page(self, student: str) -> str:
        """Return the page of feedback for a student, as HTML.

        Parameters
        ----------
        student : str

        Raises
        ------
        DataError
            There is no such student.
        """
        known = {one.student: one for one in self.students}
        if student not in known:
            raise DataError(
                f"{brief(student)} is no student of these grades{nearest(str(student), known)}; "
                "their names are in the column student of .totals."
            )
        return page(self.title, known[student])

    def write_feedback(
        self, folder: str | os.PathLike[str], *, overwrite: bool = False
    ) -> list[Path]:
        """Write a page of feedback for each student, ``<homework>-<student>.html``.

        A page stands alone and tells of no other student.

        Parameters
        ----------
        folder : str or Path
            Made where it is missing.
        overwrite : bool
            Whether pages that are there may be replaced.

        Returns
        -------
        list of Path
            The pages.

        Raises
        ------
        DataError
            A page is there already, or the folder cannot be written to.
        """
        target = path_of(folder)
        paths = [target / f"{self.homework}-{one.student}.html" for one in self.students]
        there = [path.name for path in paths if path.exists()]
        if there and not overwrite:
            raise DataError(
                f"{target} has {there[0]} already; give another folder, or overwrite=True."
            )
        try:
            target.mkdir(parents=True, exist_ok=True)
            for path, one in zip(paths, self.students, strict=True):
                path.write_text(page(self.title, one), encoding="utf-8", newline="\n")
        except OSError as error:
            raise _unwritable(target, error) from None
        return paths

    def to_csv(
        self, path: str | os.PathLike[str], table: str = "totals", *, overwrite: bool = False
    ) -> None:
        """Write a table as a CSV file in UTF-8.

        A spreadsheet runs text that starts with ``=``, ``+``, ``-`` or ``@`` as a formula; an
        apostrophe before it prevents that. Numbers stay as they are.

        Parameters
        ----------
        path : str or Path
        table : {"totals", "table", "problems", "summary"}
        overwrite : bool
            Whether a file that is there may be replaced.

        Raises
        ------
        DataError
            There is such a file already, it cannot be written, or there is no such table.
        """
        if table not in TABLES:
            raise DataError(
                f"There is no table {brief(table)}{nearest(str(table), TABLES)}; there are "
                f"{', '.join(TABLES)}."
            )
        frame: pd.DataFrame = getattr(self, table)
        target = path_of(path)
        text = frame.map(_harmless).to_csv(index=False, lineterminator="\n")
        try:
            with target.open("w" if overwrite else "x", encoding="utf-8", newline="") as file:
                file.write(text)
        except FileExistsError:
            raise DataError(
                f"{target} is there already; give another name, or overwrite=True."
            ) from None
        except OSError as error:
            raise _unwritable(target, error) from None

    def __repr__(self) -> str:
        submitted = sum(one.submitted for one in self.students)
        return (
            f"Grades of {self.homework}: {submitted} of {len(self.students)} students answered, "
            f"{len(self.problems)} remarks; see .totals, .table, .summary and .problems"
        )

    def _repr_html_(self) -> str:
        totals = self.totals.round({"points": 2, "percent": 1}).head(SHOWN)
        more = len(self.students) - SHOWN
        rest = f"<p>{more} more students are in .totals.</p>" if more > 0 else ""
        tables = [
            _html_table("Students", totals) + rest,
            _html_table("Questions", self.summary.round({"percent": 1})),
        ]
        return f"<div><p>{escape(repr(self))}</p>{''.join(tables)}</div>"


def _unwritable(path: Path, error: OSError) -> DataError:
    return DataError(f"{path} cannot be written ({error.strerror}); give another place.")


def _cells(marks: Sequence[Mark], values: Sequence[Value | None]) -> pd.Series:
    cells = [
        as_cell(mark.part, value, mark.key.widths)
        for mark, value in zip(marks, values, strict=True)
    ]
    return pd.Series(cells, dtype=object)


def _summary_row(marks: list[Mark]) -> tuple[object, ...]:
    right = sum(mark.correct for mark in marks)
    answered = [mark for mark in marks if mark.given is not None]
    wrong = Counter(mark.mistake for mark in answered if mark.mistake).most_common(MISTAKES)
    mistakes = " ".join(f"{count} x: {words}" for words, count in wrong)
    first = marks[0]
    percent = 100 * right / len(marks)
    return (
        *(first.question.id, first.question.title, first.part.id),
        *(len(marks), len(answered), right, percent, mistakes),
    )


FORMULA_STARTS = tuple("=+-@|\uff1d\uff0b\uff0d\uff20")


def _harmless(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    unsafe = cell.lstrip().startswith(FORMULA_STARTS) or cell.startswith(("\t", "\r", "\n"))
    return f"'{cell}" if unsafe else cell


def _html_table(caption: str, frame: pd.DataFrame) -> str:
    head = "".join(f'<th scope="col">{escape(str(name))}</th>' for name in frame.columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(_cell(value))}</td>" for value in row) + "</tr>"
        for row in frame.itertuples(index=False)
    )
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
