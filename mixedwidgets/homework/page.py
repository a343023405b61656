"""The page of feedback for one student: HTML that stands alone and tells of nobody else."""

from __future__ import annotations

from decimal import Decimal
from html import escape
from itertools import groupby

from mixedwidgets.homework.formulas import words_html
from mixedwidgets.homework.judging import Judged, Mark
from mixedwidgets.homework.record import Value
from mixedwidgets.homework.showing import GIVEN_DIGITS, KEY_DIGITS, with_units

# Colours have a contrast of at least 4.5 to their background in both themes.
STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1d2530; --soft: #566270; --line: #d5dbe2;
  --panel: #f5f7f9; --right: #1a6b3c; --wrong: #a3301c; }
@media (prefers-color-scheme: dark) { :root { --paper: #14181d; --ink: #dde3ea; --soft: #9aa7b5;
  --line: #38424d; --panel: #1c2229; --right: #6fcf97; --wrong: #ff9c85; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 50rem; padding: 2rem 1.2rem 4rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto,
  "Liberation Sans", Arial, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 0.3rem; }
h2 { font-size: 1.15rem; margin: 0; }
header p, .points, dt, .kept { color: var(--soft); }
header p { margin: 0; }
.score { font-size: 1.15rem; font-weight: 600; color: var(--ink); margin-top: 0.8rem; }
.remarks { background: var(--panel); border-left: 4px solid var(--wrong); padding: 0.7rem 1rem;
  margin: 1.5rem 0 0; }
.remarks h2 { font-size: 1rem; }
.remarks ul { margin: 0.3rem 0 0; padding-left: 1.2rem; }
section.question { border-top: 1px solid var(--line); margin-top: 1.8rem; padding-top: 1.2rem; }
.points { margin: 0 0 0.6rem; }
article { margin: 0.9rem 0 0; padding-left: 0.9rem; border-left: 4px solid var(--line); }
article.right { border-color: var(--right); }
article.wrong { border-color: var(--wrong); }
h3 { font-size: 1rem; margin: 0; }
.verdict { font-weight: 600; margin: 0; }
.right .verdict { color: var(--right); }
.wrong .verdict { color: var(--wrong); }
dl { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: 0.1rem 1rem;
  margin: 0.3rem 0 0; font-variant-numeric: tabular-nums; }
dd { margin: 0; }
.asked { white-space: pre-wrap; margin: 0; }
.kept { white-space: pre-wrap; margin: 0.4rem 0 0; }
sub, sup { line-height: 0; }
.comment { margin: 0.4rem 0 0; }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: 0.3rem; } }
@media print { :root { --paper: #fff; --ink: #000; --soft: #444; --line: #999; --panel: #fff;
  --right: #14532d; --wrong: #7f1d1d; } body { padding: 0; max-width: none; font-size: 10.5pt; }
  article, .remarks { break-inside: avoid; } h2, h3, .points { break-after: avoid; } }
"""
# Nothing is loaded and nothing runs, whatever a student wrote.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(title: str, judged: Judged) -> str:
    """Return a student's page.

    Parameters
    ----------
    title : str
        Of the homework.
    judged : Judged
        The student's marks; of remarks and comments only the public words are shown.
    """
    questions = groupby(judged.marks, key=lambda mark: mark.question.id)
    body = "\n".join(_question(number, list(of)) for number, (_, of) in enumerate(questions, 1))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}: feedback for {escape(judged.student)}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
<p>Feedback for {escape(judged.student)}</p>
<p class="score">{_score(judged)}</p>
</header>
{_remarks(judged)}<main>
{body}
</main>
</body>
</html>
"""


def points_words(points: float) -> str:
    """Return points as they are shown: at most two decimals.

    Parameters
    ----------
    points : float
    """
    return f"{points:.2f}".rstrip("0").rstrip(".")


def _score(judged: Judged) -> str:
    if not judged.submitted:
        return f"No answers were found: 0 of {points_words(judged.of)} points"
    right = sum(mark.correct for mark in judged.marks)
    return (
        f"{points_words(judged.points)} of {points_words(judged.of)} points; "
        f"{right} of {len(judged.marks)} answers right"
    )


def _remarks(judged: Judged) -> str:
    if not judged.remarks:
        return ""
    items = "".join(f"<li>{escape(remark.text)}</li>" for remark in judged.remarks)
    return (
        '<aside class="remarks" aria-label="Remarks"><h2>About what you handed in</h2>'
        f"<ul>{items}</ul></aside>\n"
    )


def _question(number: int, marks: list[Mark]) -> str:
    points = sum(mark.of for mark in marks) * sum(mark.correct for mark in marks) / len(marks)
    of = points_words(sum(mark.of for mark in marks))
    parts = "\n".join(_part(mark) for mark in marks)
    return f"""<section class="question" aria-labelledby="question-{number}">
<h2 id="question-{number}">{number}. {escape(marks[0].question.title)}</h2>
<p class="points">{points_words(points)} of {of} points</p>
{_text(marks[0].question.text)}{parts}
</section>"""


def _text(markdown: str) -> str:
    """The question in words; the list of what is to be given repeats itself in the parts."""
    words, _, _ = markdown.rpartition("\n\n- ")
    return f'<p class="asked">{words_html(words or markdown)}</p>\n'


def _part(mark: Mark) -> str:
    part = mark.part
    kind, verdict = _verdict(mark)
    given = "none" if mark.given is None else _words(mark, mark.given, GIVEN_DIGITS)
    comment = "" if mark.given is None else mark.comment.text
    said = f'\n<p class="comment">What probably happened: {escape(comment)}</p>' if comment else ""
    working = f'\n<p class="kept">{words_html(mark.key.working)}</p>' if mark.key.working else ""
    return f"""<article class="{kind}">
<h3>{escape(part.label)}</h3>
<p class="verdict">{verdict}</p>
<dl><dt>Your answer</dt><dd>{escape(given)}</dd>
<dt>Right answer</dt><dd>{escape(_key_words(mark))}</dd></dl>{said}{working}
</article>"""


def _words(mark: Mark, value: Value, digits: int) -> str:
    return with_units(mark.part, value, digits, mark.key.widths)


def _verdict(mark: Mark) -> tuple[str, str]:
    if mark.correct:
        return "right", "\u2713 Right"
    if mark.given is None:
        return "none", "\u2013 Not answered"
    return "wrong", "\u2717 Not right"


def _key_words(mark: Mark) -> str:
    words = _words(mark, mark.key.value, KEY_DIGITS)
    if mark.part.kind not in ("number", "interval") or not mark.key.tolerance:
        return words
    each = " at each end" if mark.part.kind == "interval" else ""
    tolerance = Decimal(f"{mark.key.tolerance:.2g}")
    return f"{words} (\u00b1 {tolerance:f} counts as right{each})"
