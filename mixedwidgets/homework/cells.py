"""A sheet, or those of a class -> the cells of a notebook, before any tool's own are added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mixedwidgets.homework.guarded import Name, call, heading, quiet_json
from mixedwidgets.homework.keys import Key
from mixedwidgets.homework.sheet import Asked, Sheet

_IMPORT = "import mixedwidgets as mw"
_HOW = (
    "Run all cells first (*Run*, *Run All Cells*). What you answer beneath a question is recorded "
    "at once, and can be changed until you hand in. Save the notebook before you do."
)
_WHO = (
    "Write your id between the quotes, as the course knows it; then run all cells. On the "
    "course's own server it may stay empty."
)


class Describes(Protocol):
    """What writing notebooks needs of a homework."""

    @property
    def name(self) -> str:
        """Name of the homework."""

    @property
    def title(self) -> str:
        """Its heading."""

    def sheet(self, student: str | None) -> Sheet:
        """What a student gets; None stands for data that all have."""

    def key(self, student: str | None) -> Mapping[str, Mapping[str, Key]]:
        """The right answers, by question and part."""

    def story(self, student: str | None) -> str:
        """Where the data come from, in Markdown."""


class Once:
    """A homework whose sheets are made once each, for they take a while.

    Parameters
    ----------
    homework : Homework
    """

    def __init__(self, homework: Describes):
        self.name, self.title = homework.name, homework.title
        self.key, self.story = homework.key, homework.story
        self._homework = homework
        self._sheets: dict[str | None, Sheet] = {}

    def sheet(self, student: str | None) -> Sheet:
        """Return what a student gets."""
        if student not in self._sheets:
            self._sheets[student] = self._homework.sheet(student)
        return self._sheets[student]


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes
    ----------
    name : str
        Unlike any other in the notebook.
    kind : {"markdown", "code", "raw"}
    source : str
    folded : bool
        Whether its source is hidden until one asks for it.
    fixed : bool
        Whether students have no reason to change it.
    """

    name: str
    kind: str
    source: str
    folded: bool = False
    fixed: bool = False


@dataclass(frozen=True)
class Question:
    """The cells of one question.

    Attributes
    ----------
    id : str
    points : float
    parts : tuple of str
        Ids of what is to be answered.
    before : tuple of Cell
        The text, and a cell for the student's own work.
    ask : Cell
        Shows the widget.
    """

    id: str
    points: float
    parts: tuple[str, ...]
    before: tuple[Cell, ...]
    ask: Cell


@dataclass(frozen=True)
class Content:
    """What a notebook holds, whatever it is for.

    Attributes
    ----------
    homework : str
        Its name.
    start : tuple of Cell
    questions : tuple of Question
    end : tuple of Cell
    beside : tuple of str
        Names of files that must lie beside the notebook.
    """

    homework: str
    start: tuple[Cell, ...]
    questions: tuple[Question, ...]
    end: tuple[Cell, ...]
    beside: tuple[str, ...] = ()

    @property
    def cells(self) -> list[Cell]:
        """All of them in order."""
        asked = [cell for question in self.questions for cell in (*question.before, question.ask)]
        return [*self.start, *asked, *self.end]


def of_one(homework: Describes, student: str | None) -> Content:
    """Return the notebook of one student, or of all where their data are the same.

    Parameters
    ----------
    homework : Homework
    student : str or None
    """
    sheet = homework.sheet(student)
    made = call("mw.Worksheet", quiet_json(sheet.to_json()))
    setup = Cell("setup", "code", f"{_IMPORT}\n\nwork = {made}", folded=True, fixed=True)
    opening = Cell("opening", "markdown", opening_text(homework.title, homework.story(student)))
    texts = [_text(asked) for asked in sheet.questions]
    return _content(homework.name, (opening, setup), sheet, texts)


def of_class(homework: Describes, students: Sequence[str], file: str) -> Content:
    """Return the one notebook of a class, whose sheets lie in a file beside it.

    Parameters
    ----------
    homework : Homework
    students : sequence of str
    file : str
        Name of the file; see ``homework.sheets``.
    """
    sheets = [homework.sheet(student) for student in students]
    stories = {homework.story(student) for student in students}
    opened = call("handed", Name("student"), file)
    imports = f"{_IMPORT}\nfrom mixedwidgets.homework.sheets import handed"
    setup = f"{imports}\n\nmine = {opened}\nwork = mw.Worksheet(mine.text)"
    story = stories.pop() if len(stories) == 1 else ""
    start = [
        Cell("opening", "markdown", opening_text(homework.title, story)),
        Cell("who-text", "markdown", _WHO),
        Cell("who", "code", 'student = ""'),
        Cell("setup", "code", setup, folded=True, fixed=True),
    ]
    if not story:
        start.append(Cell("story", "code", "mine.story", folded=True))
    texts = [_shared_text(asked, sheets) for asked in sheets[0].questions]
    return _content(homework.name, start, sheets[0], texts, (file,))


def opening_text(title: str, story: str) -> str:
    """Return the head of the notebook, in Markdown: what it is about, and how to go about it."""
    return "\n\n".join(text for text in (heading(title), story.strip(), _HOW) if text)


def question_text(asked: Asked) -> str:
    """Return heading, points and text of a question, in Markdown.

    What the teacher wrote comes last, so that markup left open in it ends with the cell.
    """
    points = f"*{asked.points:g} {'point' if asked.points == 1 else 'points'}*"
    return f"{heading(asked.title, 2)}\n\n{points}\n\n{asked.text.strip()}".rstrip()


def _text(asked: Asked) -> Cell:
    return Cell(f"text-{asked.id}", "markdown", question_text(asked))


def _shared_text(asked: Asked, sheets: Sequence[Sheet]) -> Cell:
    """The text where it is the same for all, else a cell that shows the student's own."""
    if len({question_text(sheet.question(asked.id)) for sheet in sheets}) == 1:
        return _text(asked)
    return Cell(f"text-{asked.id}", "code", call("mine.question", asked.id), folded=True)


def _content(
    name: str,
    start: Sequence[Cell],
    sheet: Sheet,
    texts: Sequence[Cell],
    beside: tuple[str, ...] = (),
) -> Content:
    data = Cell("data", "code", "data = work.data\ndata")
    end = Cell("summary", "code", "work.summary()")
    asked = zip(sheet.questions, texts, strict=True)
    questions = tuple(_question(question, text) for question, text in asked)
    return Content(name, (*start, data), questions, (end,), beside)


def _question(asked: Asked, text: Cell) -> Question:
    own = Cell(f"own-{asked.id}", "code", "")
    ask = Cell(f"ask-{asked.id}", "code", call("work.ask", asked.id), fixed=True)
    parts = tuple(part.id for part in asked.parts)
    return Question(asked.id, float(asked.points), parts, (text, own), ask)
