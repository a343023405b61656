"""What is kept of an answer beside the bundle: the same to be read by anyone."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from mixedwidgets.homework.record import Answer, Value
from mixedwidgets.homework.sheet import Asked, Part
from mixedwidgets.lmm.html import protected
from mixedwidgets.widgets.answers.typed import shown

_PLAIN = re.compile(r"[a-z]{2,}(-[a-z]+)*[ ,]|a ")  # neither a symbol nor the name of a column


def value_words(part: Part, value: Value) -> str:
    """Return an answer to a part in words, such as ``"3.21 points"`` or ``"(2.1, 0.4)"``."""
    if isinstance(value, str):
        return dict(part.options).get(value, value)
    if isinstance(value, tuple) and on_rows(part):
        value = value[0]
    if isinstance(value, tuple):
        first, second = shown(value[0]), shown(value[1])
        text = f"{first} to {second}" if part.kind == "interval" else f"({first}, {second})"
    else:
        text = shown(value)
    return f"{text} {part.units}" if part.units else text


def answer_words(asked: Asked, answer: Answer) -> str:
    """Return all that was answered to a question, such as ``"SD of the schools = 3.21 points"``."""
    return "; ".join(
        f"{_asked_for(part)} {value_words(part, answer.values[part.id])}"
        for part in asked.parts
        if part.id in answer.values
    )


def heading(label: str) -> str:
    """Begin a label with a capital where its first word is plain English."""
    return label[:1].upper() + label[1:] if _PLAIN.match(label) else label


def on_rows(part: Part) -> bool:
    """Whether a point is placed on the row of a group, so that only its value counts."""
    return part.picture is not None and part.picture.get("kind") == "groups"


def _asked_for(part: Part) -> str:
    if part.label.endswith(("?", ":")):
        return part.label
    return f"{part.label}:" if part.kind == "choice" else f"{part.label} ="


def plain(homework: str, asked: Asked, answer: Answer | None) -> str:
    """Return the line that is saved under a question."""
    if answer is None or not answer.values:
        return f"{homework} | {asked.title}: not answered yet"
    final = ", submitted" if answer.submitted else ""
    what = answer_words(asked, answer)
    return f"{homework} | {asked.title}: {what} (recorded {utc_words(answer.time)}{final})"


def block(homework: str, asked: Asked, answer: Answer | None) -> str:
    """Return the same as HTML, which is seen only where no widget is alive."""
    return (
        '<div class="mixedwidgets-keepsake"><div style="line-height: 1.5">'
        f"{protected(plain(homework, asked, answer))}</div></div>"
    )


def now() -> str:
    """Return the time as it is recorded: ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def utc_words(time: str) -> str:
    """Return a recorded time such as ``"2026-11-24 16:03 UTC"``; what is none as it is."""
    try:
        return f"{datetime.fromisoformat(time).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError):
        return time


def local_words(time: str) -> str:
    """Return a recorded time by the clock of here: ``"14:03"``, with the date if not today."""
    try:
        at = datetime.fromisoformat(time).astimezone()
    except (ValueError, OverflowError):
        return time
    today = at.date() == datetime.now().astimezone().date()
    return f"{at:%H:%M}" if today else f"{at:%Y-%m-%d %H:%M}"
