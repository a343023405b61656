"""Files of a folder -> what each student handed in; nothing in them is executed or believed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from mixedwidgets.errors import DataError, brief, listed
from mixedwidgets.homework.opening import (
    LARGEST,
    NOTEBOOK,
    Unreadable,
    bundles,
    is_wanted,
    notebook_of,
    size_of,
    text_of,
    why,
)
from mixedwidgets.homework.record import Answer, from_sidecar, latest

LARGEST_SIDECAR = 2_000_000  # bytes; a hundred answers have some 30 kB
LARGEST_SUM = 100_000_000  # bytes of all files of a student
MOST_FILES = 40
MOST_ENTRIES = 2_000
MOST_ANSWERS = 5_000
MOST_NOTES = 20
DEEPEST = 2  # folders between a student's folder and a file

PACKED = (".zip", ".tar", ".tar.gz", ".tgz", ".7z", ".rar")
Records = dict[str, dict[str, Answer]]


@dataclass(frozen=True)
class Submission:
    """What one student's folder holds of one homework.

    Attributes
    ----------
    student : str
        The name of the folder.
    records : dict of str to dict of str to Answer
        By question and token, the record that holds.
    notes : tuple of str
        What could not be read and why, in sentences.
    files : int
        How many notebooks and files of answers there are.
    """

    student: str
    records: Records
    notes: tuple[str, ...]
    files: int


def submissions(folder: Path, homework: str) -> tuple[list[Submission], list[str]]:
    """Read the answers to a homework from a folder with one folder a student.

    Read are notebooks and files of answers in a student's folder and up to two folders further in.
    Links are not followed, since they may lead out of the folder.

    Parameters
    ----------
    folder : Path
    homework : str
        Answers to other homeworks are left alone.

    Returns
    -------
    (list of Submission, list of str)
        By name; and what in the folder is no student's folder, in sentences.

    Raises
    ------
    DataError
        There is no such folder, or it cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(
            f"The folder {brief(os.fspath(folder))} cannot be read ({error.strerror}); give the "
            "folder that holds one folder for each student."
        ) from None
    students, loose, problems = [], [], []
    for entry in found:
        name = shown(entry.name)
        if _is_hidden(entry.name):
            continue
        if entry.is_symlink():
            problems.append(f"{name} is a link and was not followed; put the folder itself there.")
        elif entry.name.lower().endswith((NOTEBOOK, *PACKED)):
            loose.append(name)
        elif entry.is_dir(follow_symlinks=False):
            students.append(_Reader(entry.path, homework).read(entry.name))
    if loose:
        problems.append(_about_loose(loose))
    return students, problems


def shown(text: str, most: int = 80) -> str:
    """Text from anywhere as it can be written down: short, and printable characters alone."""
    clean = "".join(c if c.isprintable() else "\ufffd" for c in text[:most])
    return clean + ("..." if len(text) > most else "")


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in ("__macosx", "__pycache__")


def _about_loose(names: list[str]) -> str:
    are, them = ("lies", "it") if len(names) == 1 else ("lie", "each of them")
    return (
        f"{listed(names, 5)} {are} outside the folders of students and cannot be told whose: put "
        f"{them}, unpacked, into a folder that has the student's id as its name."
    )


@dataclass
class _Reader:
    """Collects the answers of one student's folder."""

    folder: str
    homework: str
    in_notebooks: Records = field(default_factory=dict)
    in_sidecars: Records = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    files: int = 0
    bytes: int = 0
    entries: int = 0
    answers: int = 0

    def read(self, student: str) -> Submission:
        for path in islice(self._paths(self.folder, 0), MOST_FILES + 1):
            self.files += 1
            if self.files > MOST_FILES:
                self.note(f"There are more than {MOST_FILES} files; the others were not read.")
                break
            name = shown(os.path.relpath(path, self.folder))
            try:
                self._read_file(path, name)
            except Unreadable as error:
                self.note(f"{name} {error}.")
        self._note_differences()
        return Submission(student, self._records(), tuple(self.notes), self.files)

    def note(self, sentence: str) -> None:
        if sentence in self.notes or len(self.notes) > MOST_NOTES:
            return
        if len(self.notes) == MOST_NOTES:
            sentence = "There is more of this kind that is not listed."
        self.notes.append(sentence)

    def _paths(self, folder: str, depth: int) -> Iterator[str]:
        """Files to read, in the order of their names."""
        try:
            with os.scandir(folder) as entries:
                room = MOST_ENTRIES - self.entries
                found = sorted(islice(entries, room), key=lambda entry: entry.name)
        except OSError as error:
            self._note_entry(folder, f"cannot be opened ({error.strerror})")
            return
        self.entries += len(found)
        if self.entries >= MOST_ENTRIES:
            self.note(f"There are {MOST_ENTRIES} files or more; not all of them were looked at.")
        inner = []
        for entry in found:
            name = entry.name.lower()
            if _is_hidden(name):
                continue
            if entry.is_dir(follow_symlinks=False) and not name.endswith(NOTEBOOK):
                inner.append(entry.path)
            elif is_wanted(name):
                yield entry.path
            elif name.endswith(PACKED):
                self._note_entry(entry.path, "is packed and was not opened; unpack it")
            elif entry.is_symlink():
                self._note_entry(entry.path, "is a link and was not followed")
        for path in inner:
            if depth < DEEPEST:
                yield from self._paths(path, depth + 1)
            else:
                self._note_entry(path, f"lies more than {DEEPEST} folders in and was not opened")

    def _note_entry(self, path: str, what: str) -> None:
        inside = os.path.relpath(path, self.folder)
        self.note(f"{'The folder' if inside == '.' else shown(inside)} {what}.")

    def _read_file(self, path: str, name: str) -> None:
        is_notebook = name.lower().endswith(NOTEBOOK)
        self.bytes += size_of(path, LARGEST if is_notebook else LARGEST_SIDECAR)
        if self.bytes > LARGEST_SUM:
            raise Unreadable(
                f"was not read: the files have more than {LARGEST_SUM / 1e6:.0f} MB together"
            )
        text = text_of(path)
        if is_notebook:
            self._take_notebook(notebook_of(text), name)
        else:
            self._take_sidecar(text, name)

    def _take_notebook(self, notebook: object, name: str) -> None:
        for bundle in bundles(notebook):
            if isinstance(bundle, dict) and bundle.get("homework") != self.homework:
                continue
            self._count()
            try:
                _keep(Answer.from_bundle(bundle), self.in_notebooks)
            except ValueError as error:
                self.note(f"An answer in {name} cannot be read: {error}.")

    def _take_sidecar(self, text: str, name: str) -> None:
        try:
            answers, wrong = from_sidecar(text)
        except (ValueError, MemoryError) as error:
            raise Unreadable(f"was not read: {why(error)}") from None
        for sentence in wrong[:MOST_NOTES]:
            self.note(f"In {name} {shown(sentence, 300)}.")
        for answer in answers.get(self.homework, {}).values():
            self._count()
            _keep(answer, self.in_sidecars)

    def _count(self) -> None:
        self.answers += 1
        if self.answers > MOST_ANSWERS:
            raise Unreadable(f"has more than {MOST_ANSWERS} answers; the others were not read")

    def _records(self) -> Records:
        records: Records = {}
        for source in (self.in_notebooks, self.in_sidecars):
            for of in source.values():
                for answer in of.values():
                    _keep(answer, records)
        return records

    def _note_differences(self) -> None:
        differing = [
            shown(question)
            for question, of in self.in_notebooks.items()
            for token, answer in of.items()
            if token in self.in_sidecars.get(question, {})
            and self.in_sidecars[question][token].values != answer.values
        ]
        if differing:
            self.note(
                f"The notebook and the file of answers differ in {listed(differing, 10)}; of each "
                "answer the later record counts."
            )


def _keep(answer: Answer, records: Records) -> None:
    of = records.setdefault(answer.question, {})
    held = latest(of.get(answer.token), answer)
    if held is not None:
        of[answer.token] = held
