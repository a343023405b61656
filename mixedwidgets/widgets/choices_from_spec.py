"""A formula typed -> the choices that say the same, as far as the controls can."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mixedwidgets.errors import FormulaError, nearest
from mixedwidgets.lmm.expressions import (
    Binary,
    Call,
    Expr,
    Name,
    NodeError,
    Number,
    Paren,
    children,
    names_in,
    strip_parens,
    walk,
)
from mixedwidgets.lmm.formula import parse, read_sides
from mixedwidgets.lmm.random_terms import elementary_terms
from mixedwidgets.lmm.signatures import SIGNATURES, match_arguments
from mixedwidgets.lmm.spec import ModelSpec
from mixedwidgets.lmm.terms import Terms, expand
from mixedwidgets.widgets.columns import Columns
from mixedwidgets.widgets.menus import NUMBER_CODINGS
from mixedwidgets.widgets.resolve import resolve
from mixedwidgets.widgets.wish import Pair, Wish

_TRANSFORMS = {"log": "log", "center": "center", "scale": "scale"}
_POLYNOMIALS = {2.0: "poly 2", 3.0: "poly 3"}


@dataclass(frozen=True)
class Problem:
    """Why a formula typed cannot be used.

    Attributes
    ----------
    sentence : str
        What is wrong and what to do.
    excerpt : str
        The formula, and beneath it a caret where it is wrong: two lines. Empty where no place is
        to blame.
    """

    sentence: str
    excerpt: str = ""

    def __str__(self) -> str:
        return f"{self.sentence}\n{self.excerpt}" if self.excerpt else self.sentence

    @classmethod
    def of(cls, error: FormulaError) -> Problem:
        """Take an error of the grammar apart into its sentence and its caret."""
        shown = str(error)
        _, _, excerpt = shown.partition("\n") if shown != error.message else ("", "", "")
        return cls(error.message, excerpt)


def choices_from(text: str, columns: Columns, wish: Wish | None = None) -> Wish | Problem:
    """Read a formula as choices.

    Parameters
    ----------
    text : str
        A formula in lme4's grammar; it is parsed and never run.
    columns : Columns
        What the data have.
    wish : Wish, optional
        What a formula does not say is kept from here: criterion, rows, weights, codings, and
        what is chosen for columns that the formula does not name.

    Returns
    -------
    Wish or Problem
        A wish with ``typed=None`` where the controls can say the whole model; otherwise with the
        text in ``typed``, and in the other choices what of it they can say.
    """
    wish = replace(wish or Wish(), typed=None)
    try:
        spec = parse(text)
        _refuse_unknown_columns(text, columns)
    except FormulaError as error:
        return Problem.of(error)
    read = _read(spec, columns, wish)
    resolved = resolve(read, columns)
    if resolved.refusal:  # a faulty filter says nothing about the formula
        resolved = resolve(replace(read, rows=()), columns)
    written = resolved.spec
    if written is not None and same_model(written, spec):
        return read
    return replace(read, typed=text)


def same_model(one: ModelSpec, other: ModelSpec) -> bool:
    """Whether two formulas mean the same model with the same columns in the same order.

    The layout may differ: ``a * b`` or ``a + b + a:b``, ``(1 | a/b)`` or ``(1 | a) + (1 | b:a)``.
    """
    return _meaning(one) == _meaning(other)


def column_names(expr: Expr) -> Iterator[Name]:
    """Yield the columns that an expression reads, not the settings of its functions."""
    match strip_parens(expr):
        case Name() as name:
            if name.name != ".":
                yield name
        case Call(function) as call:  # the first parameter is what it works on
            subject = SIGNATURES[function].parameters[0]
            yield from column_names(match_arguments(call)[subject])
        case inner:
            for part in children(inner):
                yield from column_names(part)


# ---- from formula to choices


def _read(spec: ModelSpec, columns: Columns, wish: Wish) -> Wish:
    """Read as much as the controls can show; whether that is all is judged afterwards."""
    fixed = expand(spec.fixed)
    grouping = _Grouping.of(spec)
    settings = _Settings(dict(wish.transforms), dict(wish.codings), columns)
    response = settings.read(spec.response)
    mains = [settings.read(term[0]) for term in fixed.terms if len(term) == 1]
    pairs = [
        (settings.read(term[0]), settings.read(term[1])) for term in fixed.terms if len(term) == 2
    ]
    chosen = tuple(dict.fromkeys(name for name in mains if name))
    slopes = [settings.read(variable) for variable in grouping.slopes]
    return replace(
        wish,
        response=response,
        group=grouping.group,
        fixed=chosen,
        slopes=tuple(dict.fromkeys(name for name in slopes if name)),
        correlated=grouping.correlated if grouping.slopes else wish.correlated,
        group2=grouping.group2,
        relation=grouping.relation,
        interactions=tuple(_in_order_of(chosen, a, b) for a, b in pairs if a and b),
        transforms=settings.transforms_in_order(),
        codings=settings.codings_in_order(),
    )


def _in_order_of(chosen: tuple[str, ...], one: str, other: str) -> Pair:
    """The earlier of two fixed effects first."""
    turned = {one, other} <= set(chosen) and chosen.index(other) < chosen.index(one)
    return (other, one) if turned else (one, other)


class _Settings:
    """Collects what is done to each column while expressions are read."""

    def __init__(self, transforms: dict[str, str], codings: dict[str, str], columns: Columns):
        self._transforms, self._codings = transforms, codings
        self._columns = columns

    def read(self, expr: Expr) -> str | None:
        """Return the column that an expression is about, and note what is done to it."""
        expr = strip_parens(expr)
        name = next((n for n in names_in(expr) if n in self._columns), None)
        if name is None:
            return None
        transform, as_category = _setting(expr)
        self._transforms[name] = transform
        if self._columns[name].kind == "number":
            kept = self._codings.get(name, "")
            kept = kept if kept in NUMBER_CODINGS[1:] else "category"
            self._codings[name] = kept if as_category else "number"
        return name

    def transforms_in_order(self) -> tuple[Pair, ...]:
        return self._in_order(self._transforms, "none")

    def codings_in_order(self) -> tuple[Pair, ...]:
        return self._in_order(self._codings, "number")

    def _in_order(self, settings: dict[str, str], nothing: str) -> tuple[Pair, ...]:
        return tuple(
            (name, settings[name])
            for name in self._columns.names
            if settings.get(name, nothing) != nothing
        )


def _setting(expr: Expr) -> tuple[str, bool]:
    """Return the transformation of a column, and whether it is taken as categories."""
    match expr:
        case Call("factor", ((None, Name()),)):
            return "none", True
        case Call("poly", ((None, Name()), (None, Number(degree)))):
            return _POLYNOMIALS.get(degree, "none"), False
        case Call(function, ((None, Name()),)):
            return _TRANSFORMS.get(function, "none"), False
    return "none", False


@dataclass(frozen=True)
class _Grouping:
    """What the random terms say, as far as the controls can show it."""

    group: str | None
    slopes: tuple[Expr, ...]
    correlated: bool
    group2: str | None
    relation: str | None

    @classmethod
    def of(cls, spec: ModelSpec) -> _Grouping:
        by_group: dict[frozenset[str], list[Terms]] = {}
        for term in elementary_terms(spec):
            by_group.setdefault(frozenset(names_in(term.group)), []).append(expand(term.columns))
        order = list(dict.fromkeys(n for t in spec.random for n in names_in(t.group)))
        singles = [next(iter(names)) for names in by_group if len(names) == 1]
        singles.sort(key=order.index)
        sloping = [n for n in singles if any(t.terms for t in by_group[frozenset([n])])]
        within = [names for names in by_group if len(names) == 2]
        group = next(iter([*sloping, *_outer(singles, within), *singles, *order]), None)
        others = [n for n in singles if n != group]
        inner = [next(iter(names - {group})) for names in within if group in names]
        sets = by_group.get(frozenset([group or ""]), [])
        slopes = tuple(dict.fromkeys(v for terms in sets for t in terms.terms for v in t))
        correlated = any(terms.intercept and terms.terms for terms in sets)
        second = next(iter([*inner, *others]), None)
        relation = None if second is None else ("nested" if inner else "crossed")
        return cls(group, slopes, correlated, second, relation)


def _outer(singles: list[str], within: list[frozenset[str]]) -> list[str]:
    """Groupings within which another one is nested."""
    return [name for name in singles if any(name in names for names in within)]


# ---- what a formula means


def _meaning(spec: ModelSpec) -> object:
    random = [
        (_terms_meaning(expand(term.columns)), _group_meaning(term.group))
        for term in elementary_terms(spec)
    ]
    return strip_parens(spec.response), _terms_meaning(expand(spec.fixed)), Counter(random)


def _terms_meaning(terms: Terms) -> object:
    """Terms in their order, the variables of each in any."""
    parts = tuple(frozenset(term) for term in terms.terms)
    return terms.intercept, parts, terms.offsets, frozenset(terms.mentioned)


def _group_meaning(group: Expr) -> object:
    """The columns whose combinations group rows, in any order; other groupings as written."""
    nodes = [node for node in walk(group) if not isinstance(node, Paren)]
    plain = all(isinstance(n, Name) or (isinstance(n, Binary) and n.op == ":") for n in nodes)
    return frozenset(names_in(group)) if plain else str(group)


def _refuse_unknown_columns(text: str, columns: Columns) -> None:
    sides = read_sides(text)
    assert sides.response is not None
    for name in (*column_names(sides.response), *column_names(sides.rhs)):
        if name.name not in columns:
            message = (
                f"the data has no column {name.name!r}{nearest(name.name, columns.names)}; "
                "use one of its columns"
            )
            raise sides.with_caret(NodeError(message, name))
