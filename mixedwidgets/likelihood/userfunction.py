"""A function written by a user, as a function of one array: names, calls, counts and errors."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.errors import DataError, ModelError, brief, listed, nearest

Array = NDArray[np.float64]
Call = Callable[[Array], Any]

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class OutOfCalls(Exception):
    """The function has been called as often as is allowed."""


class Parameters(np.ndarray):
    """An array of numbers that also answers to names: ``par[0]``, ``par["mu"]``, ``par.mu``.

    It unpacks as an array does (``mu, sigma2 = par``) and, into keywords, as a dict does
    (``f(**par)``). A name that arrays use themselves, as ``mean`` or ``T``, needs ``par["mean"]``.
    """

    names: tuple[str, ...]

    def __new__(cls, values: Array, names: tuple[str, ...]) -> Parameters:
        """Copy the values and keep the names with them."""
        new = np.array(values, dtype=np.float64).view(cls)
        new.names = names
        return new

    def __array_finalize__(self, obj: Any) -> None:
        self.names = ()  # of what is computed from them, for it has other meanings

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return array[()] if return_scalar or array.ndim == 0 else np.asarray(array)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            if key not in self.names:
                raise KeyError(f"{key!r} is none of {', '.join(self.names)}")
            return float(super().__getitem__(self.names.index(key)))
        return np.asarray(self)[key]

    def __getattr__(self, name: str) -> Any:
        if name in self.names:
            return self[name]
        raise AttributeError(f"{name!r} is none of the parameters {', '.join(self.names)}")

    def keys(self) -> Iterator[str]:
        """Names of the parameters, so that ``f(**par)`` works."""
        return iter(self.names)


def _undefined(error: BaseException | None) -> bool:
    """Whether an error says that a function has no value here, as NaN does: ``math.log(-1)``."""
    if isinstance(error, ValueError):
        return str(error).startswith(("math domain", "math range", "expected a "))
    return isinstance(error, ArithmeticError)


class UserFunction:
    """A user's log-likelihood, or minus one, as something to minimise over one array.

    Parameters
    ----------
    function : callable
        As the user wrote it.
    start : array_like, mapping of names to numbers, Series, or number
        Where the search starts; its shape and names decide how the function is called, see
        :func:`mixedwidgets.likelihood.maximize`.
    data : mapping
        What is passed to the function by keyword.
    sign : float
        1 where the function is to be minimised, -1 where it is to be maximised.
    most : int
        Number of calls after which :class:`OutOfCalls` is raised.

    Attributes
    ----------
    names : tuple of str
        Of the parameters: those of ``start``, of the function's arguments, or ``par1``, ...
    start : (p,) array
    calls : int
        How often the function was called.
    unbounded : str
        Where the function was infinite in the direction sought, in words; else empty.
    """

    def __init__(
        self, function: Any, start: Any, data: Mapping[str, Any], sign: float, most: int
    ) -> None:
        if not callable(function):
            raise ModelError(
                f"{brief(function)} is not a function; give a function of the parameters, without "
                "calling it."
            )
        given, self.start = read_start(start)
        scalar = not isinstance(start, Mapping) and np.ndim(start) == 0
        name = getattr(function, "__name__", "")
        self.label = name if name.isidentifier() else "the function"
        self.names, self._call = _convention(
            function, self.label, given, len(self.start), scalar, dict(data)
        )
        self.sign, self.most = sign, most
        self.calls = 0
        self.unbounded = ""

    def __call__(self, x: Array) -> float:
        """Evaluate at (p,) numbers; infinity where the function has no finite value.

        Raises
        ------
        ModelError
            The function fails, chained to its own exception, or does not return one number.
        OutOfCalls
        """
        try:
            value = self.sign * self.raw(x)
        except ModelError as error:
            if _undefined(error.__cause__):
                return np.inf
            raise
        if value == -np.inf:
            self.unbounded = self.unbounded or self.at(x)
        return value if np.isfinite(value) else np.inf

    def on_bound(self, x: Array) -> float:
        """Evaluate at a point on a bound, where the function need not be defined."""
        try:
            return self(x)
        except ModelError as error:
            if isinstance(error.__cause__, (ArithmeticError, ValueError)):
                return np.inf
            raise

    def raw(self, x: Array) -> float:
        """What the function returns at (p,) numbers, with its own sign, as a float."""
        if self.calls >= self.most:
            raise OutOfCalls
        self.calls += 1
        try:
            with np.errstate(all="ignore"):
                answer = self._call(x)
        except Exception as error:
            said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise ModelError(
                f"{self.label} fails at {self.at(x)} with {said.rstrip('.')}; mend it, or give "
                "bounds= that keep the parameters where it is defined, or let it return -inf "
                f"(inf for minimize) there."
            ) from error
        return self._number(answer, x)

    def at(self, x: Array) -> str:
        """The parameters and their values, in words."""
        return listed([f"{n} = {v:.7g}" for n, v in zip(self.names, x, strict=True)])

    def _number(self, answer: Any, x: Array) -> float:
        if answer is None:
            raise ModelError(
                f"{self.label} returns None at {self.at(x)}; end it with return and its value."
            )
        try:
            value = np.asarray(answer)
            if value.size == 1 and value.dtype.kind in "biufO":
                return float(value.reshape(-1)[0])
        except (TypeError, ValueError):
            value = np.asarray(None)
        if value.dtype.kind in "biuf":
            raise ModelError(
                f"{self.label} returns {value.size} numbers of shape {value.shape} at "
                f"{self.at(x)}; it must return one, so sum the terms of the log-likelihood."
            )
        raise ModelError(
            f"{self.label} returns {brief(answer)} at {self.at(x)}; it must return one real number."
        )


def read_start(start: Any, label: str = "start") -> tuple[tuple[str, ...], Array]:
    """Split a start into the names it has, if any, and its numbers; a label for messages.

    Raises
    ------
    DataError
        Not a flat list of finite numbers, or names that are not distinct.
    """
    names: tuple[str, ...] = ()
    values = start
    if isinstance(start, Mapping):
        names, values = tuple(map(str, start)), list(start.values())
    elif isinstance(getattr(start, "index", None), Sequence) or hasattr(start, "iloc"):
        labels = list(start.index)
        names = tuple(labels) if all(isinstance(label, str) for label in labels) else ()
        values = start.to_numpy()
    try:
        if np.asarray(values).dtype.kind not in "biufO":
            raise TypeError
        numbers = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        numbers = np.array(np.nan)
    if numbers.ndim > 1 or numbers.size == 0 or not np.all(np.isfinite(numbers)):
        raise DataError(
            f"{label} is {brief(start)}; give one finite number for each parameter, as a list or "
            "as a dict of names and numbers."
        )
    if len(set(names)) < len(names):
        raise DataError(f"{label} names a parameter twice: {', '.join(names)}.")
    return names, numbers.reshape(-1)


def _convention(
    function: Any, label: str, given: tuple[str, ...], p: int, scalar: bool, data: dict[str, Any]
) -> tuple[tuple[str, ...], Call]:
    """Decide on names and on how the function is called."""
    try:
        arguments = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # written in C, without a signature
        return _names(given, p), _as_one(function, given, scalar, data)
    _refuse_unknown_data(label, arguments, data)
    taken = [a for a in arguments if a.kind in _NAMED and a.name not in data]
    if given and {*given} <= {a.name for a in taken}:
        _refuse_missing(label, [a for a in taken if a.name not in given])
        return given, lambda x: function(**dict(zip(given, x.tolist(), strict=True)), **data)
    needed = [a for a in arguments if a.kind in _POSITIONAL and a.name not in data]
    needed = [a for a in needed if a.default is a.empty] or needed[:1]
    missing = [a for a in arguments if a.kind is a.KEYWORD_ONLY and a.name not in data]
    _refuse_missing(label, missing)
    star = any(a.kind is a.VAR_POSITIONAL for a in arguments)
    if len(needed) == 1:
        own = (needed[0].name,) if scalar else ()
        return own or _names(given, p), _as_one(function, given, scalar, data)
    if not given and (len(needed) == p or (star and not needed)):
        names = tuple(a.name for a in needed) or _names(given, p)
        return names, lambda x: function(*x.tolist(), **data)
    if given and not needed and any(a.kind is a.VAR_KEYWORD for a in arguments):
        return given, lambda x: function(**dict(zip(given, x.tolist(), strict=True)), **data)
    raise ModelError(_arity(label, [a.name for a in needed], given, p))


def _as_one(function: Any, given: tuple[str, ...], scalar: bool, data: dict[str, Any]) -> Call:
    """Pass the parameters as the first argument, in the form in which start was given."""
    if scalar:
        return lambda x: function(float(x[0]), **data)
    if given:
        return lambda x: function(Parameters(x, given), **data)
    return lambda x: function(np.array(x), **data)


def _names(given: tuple[str, ...], p: int) -> tuple[str, ...]:
    return given or tuple(f"par{n}" for n in range(1, p + 1))


def _refuse_unknown_data(
    label: str, arguments: list[inspect.Parameter], data: dict[str, Any]
) -> None:
    if any(a.kind is a.VAR_KEYWORD for a in arguments):
        return
    known = [a.name for a in arguments if a.kind in _NAMED]
    for name in data:
        if name not in known:
            raise ModelError(
                f"{label} has no argument {name}{nearest(name, known)}; it takes "
                f"{', '.join(known) or 'none'}."
            )


def _refuse_missing(label: str, rest: list[inspect.Parameter]) -> None:
    missing = [a.name for a in rest if a.default is a.empty]
    if missing:
        raise ModelError(
            f"{label} needs {', '.join(missing)} besides the parameters; pass data by name, as in "
            f"{missing[0]}=... ."
        )


def _arity(label: str, needed: list[str], given: tuple[str, ...], p: int) -> str:
    takes = f"takes {', '.join(needed)}" if needed else "takes no argument for the parameters"
    has = f"names {', '.join(given)}" if given else f"has {p} number{'s' if p > 1 else ''}"
    rest = needed[1:] if len(needed) != p else []
    data = f"if {listed(rest)} {'is' if len(rest) == 1 else 'are'} data, pass " if rest else ""
    data = data and f"{data}{'it' if len(rest) == 1 else 'them'} by name, as in {rest[-1]}=...; "
    return (
        f"{label} {takes} and start {has}; {data}let the function take all parameters as its first "
        "argument, or one argument for each, and pass data by name."
    )
