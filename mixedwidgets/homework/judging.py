"""Answers and keys -> marks: right or not, points, and what probably happened."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mixedwidgets.errors import ModelError, listed
from mixedwidgets.homework.diagnosing import diagnose
from mixedwidgets.homework.keys import Key, accepts
from mixedwidgets.homework.others import Others
from mixedwidgets.homework.reading import Submission, shown
from mixedwidgets.homework.record import Answer, Value, latest
from mixedwidgets.homework.sheet import Asked, Part

ANOTHERS = "the right answer for another student's data"
ELLIPSIS = "\u2026"
_MEASURED = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?")
TYPES = {"number": float, "choice": str, "interval": tuple, "point": tuple}


@dataclass(frozen=True)
class Remark:
    """A sentence about what was handed in.

    Attributes
    ----------
    text : str
        For the student: it names no other student.
    private : str
        For the teacher.
    """

    text: str
    private: str


@dataclass(frozen=True)
class Mark:
    """One part of a question, judged.

    Attributes
    ----------
    question : Asked
    part : Part
        What was asked for.
    given : float, str, (float, float) or None
        What was answered; None where nothing was.
    key : Key
        What is right.
    correct : bool
    points, of : float
        Reached, and to be reached; a question's points are shared evenly among its parts.
    comment : Remark
        What probably happened; empty where the answer is right.
    mistake : str
        The comment without what is this student's alone: names of groups and measured numbers.
    """

    question: Asked
    part: Part
    given: Value | None
    key: Key
    correct: bool
    points: float
    of: float
    comment: Remark
    mistake: str = ""


@dataclass(frozen=True)
class Judged:
    """One student's homework, judged.

    Attributes
    ----------
    student : str
    submitted : bool
        Whether there is any answer.
    points, of : float
        Sums over the questions.
    marks : tuple of Mark
    remarks : tuple of Remark
        What is odd about the files and the answers.
    """

    student: str
    submitted: bool
    points: float
    of: float
    marks: tuple[Mark, ...]
    remarks: tuple[Remark, ...]


@dataclass(frozen=True)
class Handout:
    """What one student was to answer.

    Attributes
    ----------
    student, token : str
    questions : tuple of Asked
    keys : dict of str to dict of str to Key
        By question and part.
    groups : tuple of str
        Names of the groups in the student's data.
    failed : dict of str to str
        Questions that have no answer for the student's data, and why; they do not count.
    """

    student: str
    token: str
    questions: tuple[Asked, ...]
    keys: Mapping[str, Mapping[str, Key]]
    groups: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)


def judge(
    handout: Handout, submission: Submission | None, others: Others, owners: Mapping[str, str]
) -> Judged:
    """Judge what one student handed in.

    Parameters
    ----------
    handout : Handout
    submission : Submission or None
        None where there is no folder.
    others : Others
        The keys of the class.
    owners : dict of str to str
        Whose sheet has which token.
    """
    if submission is None:
        submission = Submission(handout.student, {}, ("There is no folder with this name.",), 0)
    known = [question.id for question in handout.questions]
    answers = {name: _held(submission.records.get(name, {}), handout.token) for name in known}
    marks, points = [], []
    for question in handout.questions:
        of_question = _marks(question, answers[question.id], handout, others, owners)
        right = sum(mark.correct for mark in of_question)
        points.append(question.points * right / max(len(of_question), 1))
        marks += of_question
    return Judged(
        student=handout.student,
        submitted=any(answer is not None for answer in answers.values()),
        points=math.fsum(points),
        of=math.fsum(question.points for question in handout.questions),
        marks=tuple(marks),
        remarks=tuple(_remarks(handout, submission, answers, owners)),
    )


def _held(records: Mapping[str, Answer], token: str) -> Answer | None:
    """The record of a student's own sheet, or the latest of others."""
    if token in records:
        return records[token]
    held = None
    for answer in records.values():
        held = latest(held, answer)
    return held


def _marks(
    question: Asked,
    answer: Answer | None,
    handout: Handout,
    others: Others,
    owners: Mapping[str, str],
) -> list[Mark]:
    share = question.points / max(len(question.parts), 1)
    owner = "" if answer is None else owners.get(answer.token, "")
    source = owner if owner != handout.student else ""
    marks = []
    for part in question.parts:
        key = handout.keys[question.id][part.id]
        given = None if answer is None else answer.values.get(part.id)
        correct = given is not None and accepts(part.kind, given, key)
        comment = Remark("", "")
        if not correct:
            suspects = _suspects(handout.student, question, part, given, others, source)
            comment = _comment(part, given, key, suspects)
        points = share if correct else 0.0
        mistake = _general(comment.text, handout.groups)
        marks.append(Mark(question, part, given, key, correct, points, share, comment, mistake))
    return marks


def _general(comment: str, groups: Sequence[str]) -> str:
    """A comment as others may have got it."""
    for name in groups:
        if name in comment:
            comment = comment.replace(name, ELLIPSIS)
    return _MEASURED.sub(ELLIPSIS, comment)


def _is_of_kind(part: Part, given: Value | None) -> bool:
    return isinstance(given, TYPES[part.kind])


def _suspects(
    student: str,
    question: Asked,
    part: Part,
    given: Value | None,
    others: Others,
    source: str,
) -> list[tuple[str, Value]]:
    """Other students, with their keys, for whose data the answer may have been meant."""
    names = [source] if source else []
    if part.kind in ("number", "interval") and given is not None and _is_of_kind(part, given):
        names += others.with_answer(student, question.id, part.id, given)
    keys = {name: others.key(name, question.id, part.id) for name in names}
    return [(name, key.value) for name, key in keys.items() if key is not None]


def _comment(
    part: Part, given: Value | None, key: Key, suspects: Sequence[tuple[str, Value]]
) -> Remark:
    if given is None:
        return Remark("No answer.", "No answer.")
    if not _is_of_kind(part, given):
        words = "The recorded answer is of another kind than was asked for."
        return Remark(words, words)
    if isinstance(given, str) and given not in dict(part.options):
        words = "The recorded answer is none of the options."
        return Remark(words, words)
    try:
        public = diagnose(part, given, key, [(ANOTHERS, value) for _, value in suspects])
    except ModelError as error:  # from a teacher's own function, on the data of this student
        return Remark("", f"What went wrong cannot be said: {error}")
    if not suspects:
        return Remark(public, public)
    named = [(f"the right answer for the data of {name}", key) for name, key in suspects]
    return Remark(public, diagnose(part, given, key, named))


def _remarks(
    handout: Handout,
    submission: Submission,
    answers: Mapping[str, Answer | None],
    owners: Mapping[str, str],
) -> list[Remark]:
    remarks = [Remark(note, note) for note in submission.notes]
    remarks += [_about_failed(name, reason) for name, reason in handout.failed.items()]
    if submission.files and not submission.records:
        words = "No recorded answer to this homework was found in the files."
        remarks.append(Remark(words, words))
    if not submission.files and not submission.notes:
        words = "The folder has no notebook and no file of answers."
        remarks.append(Remark(words, words))
    unknown = [
        shown(name) for name in submission.records if name not in {**answers, **handout.failed}
    ]
    if unknown:
        words = f"The homework has no question {listed(unknown, 5)}; what is recorded is left out."
        remarks.append(Remark(words, words))
    remarks += _about_tokens(handout, answers, owners)
    counted = {handout.token, *(answer.token for answer in answers.values() if answer is not None)}
    spare = {token for of in submission.records.values() for token in of} - counted
    if spare:
        public = "There are also answers made for another sheet; they do not count."
        whose = sorted(owners[token] for token in spare if token in owners)
        private = f"{public[:-1]} (the sheet is that of {listed(whose, 5)})." if whose else public
        remarks.append(Remark(public, private))
    return remarks


def _about_failed(name: str, reason: str) -> Remark:
    public = f"Question {name} has no right answer for your data; its points do not count."
    return Remark(public, f"Question {name} was not graded and its points do not count: {reason}")


def _about_tokens(
    handout: Handout, answers: Mapping[str, Answer | None], owners: Mapping[str, str]
) -> list[Remark]:
    """Which of the answers that count were made for another sheet, and whose it is."""
    by_token: dict[str, list[str]] = {}
    for name, answer in answers.items():
        if answer is not None and answer.token != handout.token:
            by_token.setdefault(answer.token, []).append(name)
    remarks = []
    for token, names in by_token.items():
        start = f"Answers to {listed(names, 10)} were made for"
        end = "they were judged all the same, by the data of this folder's student"
        if token in owners:
            public = f"{start} another student's sheet; {end}."
            remarks.append(Remark(public, f"{public[:-1]} (the sheet is that of {owners[token]})."))
        else:
            words = f"{start} a sheet that nobody on the roster has; {end}."
            remarks.append(Remark(words, words))
    return remarks
