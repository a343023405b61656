"""The filter of rows: conditions made of three controls each, joined by *and*."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as ipw

from mixedwidgets.lmm.html import protected
from mixedwidgets.widgets.columns import Columns
from mixedwidgets.widgets.controls import head, offer, title_html, wrapping_row
from mixedwidgets.widgets.roles import Offer
from mixedwidgets.widgets.rowfilter import ONE_OF, Condition, Filter, value_kind

MOST_LISTED = 40  # labels up to which they are all listed


class ConditionRow(ipw.Box):
    """One condition: column, comparison, value, and a button that removes it.

    Parameters
    ----------
    columns : Columns
    condition : Condition
        What it says at first.
    changed : callable
        Called without arguments when the user changes the condition.
    removed : callable
        Called with the row when the user removes it.
    """

    def __init__(
        self,
        columns: Columns,
        names: Sequence[str],
        condition: Condition,
        changed: Callable[[], None],
        removed: Callable[[ConditionRow], None],
    ):
        self._columns, self._changed = columns, changed
        self.condition = condition
        self.column = _menu("Rows where", "220px")
        self.comparison = _menu("", "110px")
        self.comparison.description, self.comparison.style.description_width = "is", "initial"
        self._place = ipw.Box(layout=ipw.Layout(overflow="visible", align_items="center"))
        self.remove = ipw.Button(
            description="\u2715",
            tooltip="Remove this condition",
            layout=ipw.Layout(width="34px"),
        )
        self.remove.on_click(lambda _: removed(self))
        offer(self.column, [(name, name) for name in names], condition.column)
        self._show()
        self.column.observe(self._on_column_chosen, "value")
        self.comparison.observe(self._on_comparison_chosen, "value")
        super().__init__(
            [self.column, self.comparison, self._place, self.remove],
            layout=ipw.Layout(flex_flow="row wrap", align_items="center", overflow="visible"),
        )

    def _show(self) -> None:
        name, operator = self.condition.column, self.condition.operator
        offer(self.comparison, [(o, o) for o in self._columns.operators(name)], operator)
        self.value = _value_control(self._columns, self.condition)
        self.value.observe(self._on_value_changed, "value")
        self._place.children = [self.value]

    def _become(self, condition: Condition) -> None:
        self.condition = condition
        self._show()
        self._changed()

    def _on_column_chosen(self, change: Any) -> None:
        if not offer.under_way and change["new"] is not None:
            self._become(keeping_all(self._columns, change["new"]))

    def _on_comparison_chosen(self, change: Any) -> None:
        if not offer.under_way and change["new"] is not None:
            self._become(_compared(self.condition, change["new"]))

    def _on_value_changed(self, change: Any) -> None:
        if isinstance(self.value, ipw.Text):
            value = _read(change["new"], self.condition, self._columns)
        else:
            value = change["new"]
        self.condition = Condition(self.condition.column, self.condition.operator, value)
        self._changed()


class RowFilter(ipw.VBox):
    """The conditions on the rows, and a button that adds one.

    Parameters
    ----------
    columns : Columns
        Of all rows.
    changed : callable
        Called with the conditions when the user changes one.
    """

    def __init__(self, columns: Columns, changed: Callable[[Filter], None]):
        self._columns, self._changed = columns, changed
        self._names: tuple[str, ...] = ()
        self.rows: tuple[ConditionRow, ...] = ()
        self.add = ipw.Button(
            description="Add a condition",
            tooltip="Use only the rows that fulfil it",
            layout=ipw.Layout(width="auto"),
        )
        self.add.on_click(lambda _: self._on_added())
        self._head = head()
        self._count = ipw.HTML(layout=ipw.Layout(margin="0 8px"))
        self._place = ipw.VBox(layout=ipw.Layout(overflow="visible"))
        super().__init__(
            [
                ipw.Box(
                    [self._head, wrapping_row([self.add, self._count])],
                    layout=ipw.Layout(overflow="visible"),
                ),
                self._place,
            ],
            layout=ipw.Layout(overflow="visible"),
        )
        self.set((), Offer((), ()))

    @property
    def conditions(self) -> Filter:
        """What the controls say."""
        return tuple(row.condition for row in self.rows)

    def set(self, conditions: Filter, columns: Offer, words: str = "") -> None:
        """Show these conditions.

        Parameters
        ----------
        conditions : tuple of Condition
            As wished, also where they are faulty: what the user has written stays.
        columns : Offer
            Columns by which rows can be chosen.
        words : str
            Beside the button, such as how many rows are used.
        """
        self._names = columns.names
        self.add.disabled = not columns.names
        self._head.value = title_html("Rows", columns.left_out, 32)
        self._count.value = protected(words)
        if repr(conditions) != repr(self.conditions):
            self._arrange([self._row(condition) for condition in conditions])

    def _row(self, condition: Condition) -> ConditionRow:
        return ConditionRow(
            self._columns, self._names, condition, self._on_row_changed, self._on_removed
        )

    def _arrange(self, rows: Sequence[ConditionRow]) -> None:
        self.rows = tuple(rows)
        self._place.children = self.rows

    def _on_row_changed(self) -> None:
        self._changed(self.conditions)

    def _on_added(self) -> None:
        self._arrange([*self.rows, self._row(keeping_all(self._columns, self._names[0]))])
        self._changed(self.conditions)

    def _on_removed(self, row: ConditionRow) -> None:
        self._arrange([r for r in self.rows if r is not row])
        self._changed(self.conditions)


def keeping_all(columns: Columns, name: str) -> Condition:
    """A condition on a column that every row with a value fulfils, to begin with."""
    kind = value_kind(columns.data[name])
    if kind == "date":
        return Condition(name, ">=", str(columns.data[name].min()))
    if kind == "number":
        return Condition(name, ">=", _rounded_down(columns[name].smallest))
    labels = columns.labels(name)
    return Condition(name, ONE_OF, labels) if labels else Condition(name, "!=", "")


def _rounded_down(value: float) -> float:
    """A number just below or at this one, short enough to read."""
    if value.is_integer():
        return int(value)
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 3)
    below = float(f"{math.floor(value / step) * step:.4g}")
    return below if below <= value else value


def _compared(condition: Condition, operator: str) -> Condition:
    """The condition with another comparison, its value one or several as that asks."""
    value = condition.value
    if operator == ONE_OF and not isinstance(value, tuple):
        value = (value,)
    elif operator != ONE_OF and isinstance(value, tuple):
        value = value[0] if value else ""
    return Condition(condition.column, operator, value)


def _value_control(columns: Columns, condition: Condition) -> Any:
    """A list of labels where there are few, otherwise a line to type in."""
    name, value = condition.column, condition.value
    several = isinstance(value, tuple)
    labels = columns.labels(name) if value_kind(columns.data[name]) != "number" else ()
    listed = labels and (len(labels) <= MOST_LISTED or several)
    values = value if isinstance(value, tuple) else (value,)
    if listed and all(v in labels for v in values):
        options = [(str(label), label) for label in labels]
        if several:
            return ipw.SelectMultiple(
                options=options,
                value=value,
                description="values",
                rows=min(len(labels), 5),
                style={"description_width": "initial"},
                layout=ipw.Layout(width="220px"),
            )
        return _menu("value", "220px", options, value)
    return ipw.Text(
        value=", ".join(map(_written, values)),
        description="values" if several else "value",
        continuous_update=False,
        style={"description_width": "initial"},
        layout=ipw.Layout(width="220px"),
    )


def _written(value: object) -> str:
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _read(text: str, condition: Condition, columns: Columns) -> Any:
    """Typed text as a value, or as several separated by commas; a number where it is one."""
    numbers = value_kind(columns.data[condition.column]).endswith("number")
    if condition.operator == ONE_OF:
        parts = [part.strip() for part in text.split(",")]
        return tuple(_number(part) if numbers else part for part in parts if part)
    return _number(text.strip()) if numbers else text


def _number(text: str) -> float | str:
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if value.is_integer() and abs(value) <= 2**53 else value


def _menu(description: str, width: str, options: Sequence[Any] = (), value: Any = None) -> Any:
    return ipw.Dropdown(
        options=options,
        value=value,
        description=description,
        style={"description_width": "initial"},
        layout=ipw.Layout(width="auto", min_width="0", max_width=width),
    )
