"""Formula text -> tokens; every character outside the grammar is refused where it stands."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from mixedwidgets.errors import FormulaError
from mixedwidgets.lmm.expressions import is_name_character

MAX_LENGTH = 100_000

_OPERATORS = ("%in%", "||", "**", "|", "+", "-", "*", "/", ":", "^", "(", ")", ",", "~", "=")
_NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_REFUSED = (
    (
        ("==", "!=", "<=", ">=", "<", ">"),
        "comparisons such as {0} are not part of a formula; "
        "make a column that holds the result and use its name",
    ),
    (("&", "!"), "{0} is not an operator of a formula; combine the columns beforehand"),
    (
        ("$", "[", "]", "@"),
        "{0} is not part of a formula; use the plain column name, in `backticks` if it is unusual",
    ),
    (
        ("%",),
        "the only %operator% of a formula is %in%; a column name with % goes in `backticks`",
    ),
)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_ESCAPED |= {c: c for c in "\\'\"` "}
_CODE_POINT = re.compile(r"u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})")


@dataclass(frozen=True)
class Token:
    """A piece of a formula.

    Attributes
    ----------
    kind : str
        ``name``, ``quoted`` (a name in backticks), ``number``, ``text``, ``op`` or ``end``.
    text : str
        The operator, the name or string without quotes, or the number as written.
    position : int
        Index of its first character in the formula.
    """

    kind: str
    text: str
    position: int


def tokenize(formula: str) -> list[Token]:
    """Split a formula into tokens, ending with one of kind ``end``.

    Raises
    ------
    FormulaError
        For a character that formulas do not have, or an unclosed quote.
    """
    if len(formula) > MAX_LENGTH:
        raise FormulaError(
            f"the formula has {len(formula)} characters, and at most {MAX_LENGTH} are read"
        )
    tokens: list[Token] = []
    position = 0
    while position < len(formula):
        if formula[position].isspace():
            position += 1
            continue
        token, position = _next_token(formula, position)
        tokens.append(token)
    tokens.append(Token("end", "", len(formula)))
    return tokens


def _next_token(formula: str, start: int) -> tuple[Token, int]:
    character = formula[start]
    if character in "`'\"":
        text, end = _read_quoted(formula, start)
        if character == "`" and not text:
            raise FormulaError("a name in backticks cannot be empty", formula, start)
        return Token("quoted" if character == "`" else "text", text, start), end
    number = _NUMBER.match(formula, start) if character.isascii() else None
    if number:
        return _number(formula, number)
    if is_name_character(character):
        end = start
        while end < len(formula) and is_name_character(formula[end]):
            end += 1
        return Token("name", formula[start:end], start), end
    for refused, message in _REFUSED:
        for symbol in refused:
            if formula.startswith(symbol, start) and not formula.startswith("%in%", start):
                raise FormulaError(message.format(repr(symbol)), formula, start)
    for operator in _OPERATORS:
        if formula.startswith(operator, start):
            text = "^" if operator == "**" else operator
            return Token("op", text, start), start + len(operator)
    raise FormulaError(
        f"the character {character!r} is not part of a formula; "
        "a column name that contains it goes in `backticks`",
        formula,
        start,
    )


def _number(formula: str, found: re.Match[str]) -> tuple[Token, int]:
    start, end = found.span()
    if formula.startswith("L", end):
        end += 1
    if end < len(formula) and is_name_character(formula[end]):
        while end < len(formula) and is_name_character(formula[end]):
            end += 1
        name = formula[start:end]
        raise FormulaError(
            f"{name} is neither a number nor a name; "
            f"a column name that begins with a digit goes in backticks: `{name}`",
            formula,
            start,
        )
    if math.isinf(float(found.group())):
        raise FormulaError("this number is too large", formula, start)
    return Token("number", formula[start:end], start), end


def _read_quoted(formula: str, start: int) -> tuple[str, int]:
    quote = formula[start]
    out: list[str] = []
    position = start + 1
    while position < len(formula):
        character = formula[position]
        if character == quote:
            return "".join(out), position + 1
        if character == "\\":
            character, position = _read_escape(formula, position)
            out.append(character)
        else:
            out.append(character)
            position += 1
    what = "backtick" if quote == "`" else "quotation mark"
    raise FormulaError(f"this {what} is never closed", formula, start)


def _read_escape(formula: str, start: int) -> tuple[str, int]:
    following = formula[start + 1 : start + 2]
    if following in _ESCAPED and following:
        return _ESCAPED[following], start + 2
    found = _CODE_POINT.match(formula, start + 1)
    if found:
        point = int(next(g for g in found.groups() if g is not None), 16)
        if point <= 0x10FFFF:
            return chr(point), found.end()
    raise FormulaError(
        "this backslash begins no known escape; write a backslash itself as \\\\", formula, start
    )
