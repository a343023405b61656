"""A folder of submissions -> the grades of a class."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from mixedwidgets.errors import DataError, ModelError, brief, listed, nearest
from mixedwidgets.homework.identity import check_student
from mixedwidgets.homework.judging import Handout, judge
from mixedwidgets.homework.opening import path_of
from mixedwidgets.homework.others import Others
from mixedwidgets.homework.questions.question import Question
from mixedwidgets.homework.reading import Submission, shown, submissions
from mixedwidgets.homework.results import Grades
from mixedwidgets.homework.world import World

KEY_VERSION = 1


class Gradable(Protocol):
    """What grading needs of a homework."""

    @property
    def name(self) -> str:
        """Name of the homework."""

    @property
    def title(self) -> str:
        """Its title."""

    @property
    def questions(self) -> Sequence[Question]:
        """Its questions."""

    def world(self, student: str | None = None) -> World:
        """The data and fits of a student, or of those who are given no others."""


def grade(
    homework: Gradable,
    folder: str | os.PathLike[str],
    key: str | os.PathLike[str] | Mapping[str, Any] | None = None,
) -> Grades:
    """Grade what a class handed in. Nothing that students wrote is executed.

    Parameters
    ----------
    homework : Homework
        As it was when it was handed out: with the same salt and questions.
    folder : str or Path
        Holds one folder for each student, named by the student's id; in it, or up to two folders
        further in, are notebooks and files of answers.
    key : str, Path or dict, optional
        The ``<name>-key.json`` that ``write_all`` wrote, or what is in it: who is on the roster,
        and which data they got. Without it everyone who has a folder is graded.

    Returns
    -------
    Grades
        A file that cannot be read, a student who handed in nothing, or a question that has no
        answer for a student's data becomes a remark; the points of such a question do not count.

    Raises
    ------
    DataError
        The folder or the key cannot be read, or the data were handed out by another homework
        (another salt, other settings, or another version of mixedwidgets).
    """
    found, problems = submissions(path_of(folder), homework.name)
    handed_in = {submission.student: submission for submission in found}
    if key is None:
        roster = _students_of_folders(found, problems)
        shared = _who_share(homework, [handed_in[student] for student in roster])
        roster = [s for s in roster if s in shared or _has_data(homework, s, problems)]
    else:
        recorded = _students_of_key(key, homework.name)
        shared = {s for s, (token, _) in recorded.items() if token == homework.world().token}
        _check_data(homework, recorded, shared)
        roster = list(recorded)
        handed_in = _by_roster(handed_in, roster)
        problems += [_about_stranger(name, roster) for name in handed_in if name not in recorded]
    handouts = [_handout(homework, student, student in shared) for student in roster]
    owners = {one.token: one.student for one in handouts if one.student not in shared}
    if key is None:
        _check_tokens(homework.name, handouts, handed_in)
    others = Others({one.student: one.keys for one in handouts})
    judged = [judge(one, handed_in.get(one.student), others, owners) for one in handouts]
    return Grades(homework.name, homework.title, tuple(judged), tuple(problems))


def _by_roster(handed_in: Mapping[str, Submission], roster: Sequence[str]) -> dict[str, Submission]:
    """Submissions by the roster's ids; capitals make no difference where one folder is meant."""
    ids = {student.casefold(): student for student in roster}
    folders = Counter(name.casefold() for name in handed_in)
    return {
        ids.get(name.casefold(), name) if folders[name.casefold()] == 1 else name: submission
        for name, submission in handed_in.items()
    }


def _students_of_folders(found: Sequence[Submission], problems: list[str]) -> list[str]:
    """Names of folders that can be ids; the others are reported."""
    alike: dict[str, list[str]] = {}
    for submission in found:
        try:
            student = check_student(submission.student)
        except DataError as error:
            problems.append(f"The folder {shown(submission.student)} was not graded: {error}")
        else:
            alike.setdefault(student.casefold(), []).append(student)
    for names in alike.values():
        if len(names) > 1:
            problems.append(
                f"The folders {listed(names)} were not graded: their names differ in capitals "
                "alone; give each student one folder."
            )
    students = [names[0] for names in alike.values() if len(names) == 1]
    if not students:
        raise DataError(
            "There is no student's folder in the folder given; give the folder that holds one "
            "folder for each student, named by the student's id."
        )
    return students


def _has_data(homework: Gradable, student: str, problems: list[str]) -> bool:
    """Whether there are data for a student; otherwise it is reported."""
    try:
        homework.world(student)
    except ModelError as error:
        problems.append(f"The folder {student} was not graded: {error}")
        return False
    return True


def _students_of_key(key: object, homework: str) -> dict[str, tuple[str, str]]:
    """Token and fingerprint of each student in a key file."""
    given = _read_key(key) if isinstance(key, (str, os.PathLike)) else key
    students = given.get("students") if isinstance(given, Mapping) else None
    if not isinstance(given, Mapping) or not isinstance(students, Mapping) or not students:
        raise DataError(
            f"key is no key of a class; give the path of the {homework}-key.json that write_all "
            "wrote."
        )
    if given.get("version") != KEY_VERSION:
        raise DataError(
            f"The key is of version {brief(given.get('version'))}, and this mixedwidgets reads "
            f"version {KEY_VERSION}; use the version of mixedwidgets that wrote it."
        )
    if given.get("homework") != homework:
        raise DataError(
            f"The key is of homework {brief(given.get('homework'))}, not of {homework!r}; give "
            f"{homework}-key.json."
        )
    return {check_student(student): _entry(student, entry) for student, entry in students.items()}


def _read_key(path: str | os.PathLike[str]) -> Any:
    name = os.fspath(path)
    try:
        return json.loads(path_of(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(
            f"The key {brief(name)} cannot be read ({error.strerror}); give the path of the file "
            "that write_all wrote, or no key."
        ) from None
    except (ValueError, RecursionError):
        raise DataError(
            f"The key {brief(name)} is damaged; write it again with write_all into a new folder."
        ) from None


def _entry(student: str, entry: object) -> tuple[str, str]:
    token = entry.get("token") if isinstance(entry, Mapping) else None
    digest = entry.get("sha256") if isinstance(entry, Mapping) else None
    if not isinstance(token, str) or not isinstance(digest, str):
        raise DataError(
            f"The key lacks the token or the sha256 of {student}; write it again with write_all "
            "into a new folder."
        )
    return token, digest


def _tokens(submission: Submission) -> set[str]:
    return {token for of in submission.records.values() for token in of}


def _who_share(homework: Gradable, found: Sequence[Submission]) -> set[str]:
    """Which students were given the data that are the same for all, by what they handed in."""
    common = homework.world().token
    tokens = {submission.student: _tokens(submission) for submission in found}
    if not any(common in of for of in tokens.values()):
        return set()
    return {student for student, of in tokens.items() if of <= {common}}


def _check_data(
    homework: Gradable, recorded: Mapping[str, tuple[str, str]], shared: Collection[str]
) -> None:
    """Refuse to grade data that are not those handed out."""
    worlds = {s: homework.world(None if s in shared else s) for s in recorded}
    salted = [s for s, (token, _) in recorded.items() if worlds[s].token != token]
    if salted:
        raise DataError(
            f"The data of {listed(salted, 3)} were not handed out by this homework: the salt is "
            "not the one they were written with; make the Homework with the salt of then."
        )
    changed = [s for s, (_, digest) in recorded.items() if worlds[s].sha256 != digest]
    if changed:
        raise DataError(
            f"The data of {listed(changed, 3)} are no longer those handed out: the homework's "
            "settings (scenario, groups, size, truth, boundary) or the version of mixedwidgets "
            "differ; make the Homework as it was then."
        )


def _about_stranger(name: str, roster: Sequence[str]) -> str:
    shown_name = shown(name)
    return (
        f"The folder {shown_name} was not graded: the key has no such student"
        f"{nearest(shown_name, roster)}."
    )


def _handout(homework: Gradable, student: str, is_shared: bool) -> Handout:
    world = homework.world(None if is_shared else student)
    made, failed = {}, {}
    for question in homework.questions:
        try:
            made[question.id] = question.for_grading(world)
        except (DataError, ModelError) as error:
            failed[question.id] = str(error)
    asked = tuple(question for question, _ in made.values())
    keys = {name: keys for name, (_, keys) in made.items()}
    return Handout(student, world.token, asked, keys, world.group_names, failed)


def _check_tokens(
    homework: str, handouts: Sequence[Handout], handed_in: Mapping[str, Submission]
) -> None:
    """Refuse to grade where no answer at all was made for data of this homework."""
    made = {handout.token for handout in handouts}
    tokens = [_tokens(handed_in[one.student]) for one in handouts if one.student in handed_in]
    if any(tokens) and not any(of & made for of in tokens):
        raise DataError(
            f"No answer in this folder was made for data that {homework} makes for these students: "
            "its salt is another, or the folders have other names than the students' ids; make the "
            "Homework with the salt of then, and name the folders by the ids."
        )
