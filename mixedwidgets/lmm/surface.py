"""The likelihood over two parameters, and along each of them: tables for pictures."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import chdtri

from mixedwidgets.errors import ModelError, brief
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.deviance import solve
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.foretold import can_foretell, foretold
from mixedwidgets.lmm.held_fixed import all_at_once, rises
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.optimize import whitened_factor
from mixedwidgets.lmm.parameters import Parameter, unheld, value_of
from mixedwidgets.lmm.surface_axes import (
    Axis,
    evener,
    nodes_of,
    points_of,
    reach_of,
    value_at,
)
from mixedwidgets.lmm.surface_spline import FAR, SmoothRise, continued, squeezed, stretched
from mixedwidgets.lmm.tables import Slice, Surface
from mixedwidgets.lmm.wald import wald_covariance
from mixedwidgets.lmm.walk import Grid, Walker, along_line, finished

EXACT = 1e-4  # deviance units that a last Newton step may gain: its value is good to about 1e-6
AMISS = 0.05  # of 1 + drop: a point so far above what the nodes foretell is tried from them
NODES = 8  # per axis: drawn while a hand moves
MORE_NODES = 12  # drawn while the rest is computed
WINDING = 5.0 / 3.0  # times as many where two parameters nearly determine a third

Where = Parameter | Axis


def surface(
    design: Design,
    estimate: Estimate,
    a: Where,
    b: Where,
    kind: str = "profile",
    nodes: int = NODES,
    fine: int = 61,
) -> Surface:
    """The likelihood over two parameters, relative to its maximum: good enough to draw, at once.

    Parameters
    ----------
    design : Design
        Names for the axes.
    estimate : Estimate
        The fit, by either criterion.
    a, b : Parameter or Axis
        Different parameters that ``constrain`` can hold together.
    kind : {"profile", "slice"}
        Re-optimise the other parameters at every point, or hold them at their estimates.
    nodes : int
        Points per axis at which a profile is computed. A slice of one or two random effects of one
        grouping factor is computed at every point.
    fine : int
        Points per axis of the table, filled in by a bicubic spline through the nodes.

    Returns
    -------
    Surface
        Axes reach just beyond the joint 99 % region, found from the two profiles. Where a spline
        filled in, drops up to the edge of that region (9.21) are good to about 0.1, and to 0.3 at
        the steep edge of a standard deviation near zero; with 12 nodes to half as much.

    Raises
    ------
    ModelError
        ``a`` and ``b`` are the same, or cannot be held together.
    """
    return _Sheet(design, estimate, _axis(a), _axis(b), kind).coarse(nodes, fine)


def first_look(
    design: Design, estimate: Estimate, a: Where, b: Where, kind: str, nodes: int, fine: int = 61
) -> Iterator[float | Surface]:
    """``surface`` as fast as can be: foretold from the optimum, or in small steps.

    For one or two random effects of one grouping factor a profile is ``foretold``: never below the
    exact one; inside the joint 95 % region most often above it by less than 0.1, beside a
    correlation near 1 by up to 3. A large model takes a while, and comes in steps.

    Yields
    ------
    float or Surface
        The share of the work that is done, and the surface last.
    """
    sheet = _Sheet(design, estimate, _axis(a), _axis(b), kind, quick=True)
    steps, done, count = sheet.coarse_steps(nodes, fine), 0, sheet.count(nodes)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            yield end.value
            return
        done += 1
        yield min(done / count, 1.0)


def exact_surface(
    design: Design, estimate: Estimate, a: Where, b: Where, kind: str = "profile", n: int = 60
) -> Iterator[Surface]:
    """The same at every one of n x n points, in steps: each item is better than the one before.

    Parameters
    ----------
    design, estimate, a, b, kind
        As in ``surface``.
    n : int
        Points per axis; even on the axis, but that the estimates take the places nearest to them.

    Yields
    ------
    Surface
        The first is filled in by a spline; but for one or two random effects of one grouping factor
        a slice is exact at once, and all there is. Then, row by row from the optimum, exact numbers
        take its place, of a profile good to about 1e-5; ``exact`` is the share of exact points.
    """
    return _Sheet(design, estimate, _axis(a), _axis(b), kind).steps(n)


def drops(
    design: Design, estimate: Estimate, a: Parameter, b: Parameter, fine: int = 61
) -> tuple[Array, Array, Array]:
    """The numbers of a coarse profiled surface alone: x (nx,), y (ny,) and drop (ny, nx)."""
    return _Sheet(design, estimate, Axis(a), Axis(b), "profile").splined(MORE_NODES, fine)


def curve(
    design: Design,
    estimate: Estimate,
    parameter: Where,
    kind: str = "profile",
    nodes: int = NODES,
    reach: tuple[float, float] | None = None,
    fine: int = 121,
) -> Slice:
    """The likelihood along one parameter, relative to its maximum.

    Parameters
    ----------
    design, estimate, parameter, kind, nodes, fine
        As in ``surface``.
    reach : (float, float), optional
        Limits of the axis, as values of the parameter; by default just beyond the joint 99 %
        region.

    Returns
    -------
    Slice
    """
    return finished(_curve_steps(design, estimate, _axis(parameter), kind, nodes, reach, fine))


def _curve_steps(
    design: Design,
    estimate: Estimate,
    axis: Axis,
    kind: str,
    nodes: int,
    reach: tuple[float, float] | None,
    fine: int = 121,
    quick: bool = False,
) -> Generator[None, None, Slice]:
    held = axis.parameter
    value = value_at(estimate, held)
    x = nodes_of(held, reach or reach_of(estimate, held), value, nodes)
    xs = np.unique(np.append(axis.even((float(x[0]), float(x[-1])), fine), value))
    if kind == "slice" and all_at_once(estimate.moments):
        drop = rises(estimate, (held,), xs[:, None])
    else:
        if kind == "slice":
            rise = rises(estimate, (held,), x[:, None])
        elif quick and can_foretell(estimate, (held,)):
            rise = foretold(estimate, (held,), x[:, None])
        else:
            rise = yield from along_line(Walker(estimate, (held,), (value,)), x)
        even = evener(held)
        drop = stretched(CubicSpline(even(x), squeezed(rise))(even(xs)))
    places, centre = axis.outward(xs), float(axis.outward(np.array(value)))
    variance = float(wald_covariance(estimate, (held,))[0, 0]) * axis.stretch(value) ** 2
    return Slice(
        name=axis.name,
        label=axis.label(design),
        x=places,
        drop=drop,
        wald=(places - centre) ** 2 / variance if variance > 0.0 else np.full(len(xs), np.nan),
        estimate=centre,
    )


def check_surface(kind: object, n: object) -> None:
    """Refuse a kind that is neither profile nor slice, and a number of points that is none.

    Raises
    ------
    ModelError
        What was given and what is allowed.
    """
    if kind not in ("profile", "slice"):
        raise ModelError(
            f"kind is {brief(kind)}; choose 'profile' (other parameters re-optimised) or 'slice' "
            "(others held at their estimates)."
        )
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or not 10 <= n <= 500:
        raise ModelError(f"n is {brief(n)}; give a whole number of points per axis, 10 to 500.")


def _axis(where: Where) -> Axis:
    return Axis(where) if isinstance(where, Parameter) else where


class _Sheet:
    """One surface: its two axes, how far they reach, and all that is not the grid."""

    def __init__(
        self,
        design: Design,
        estimate: Estimate,
        a: Axis,
        b: Axis,
        kind: str,
        quick: bool = False,
    ):
        self.design, self.estimate, self.kind, self.quick = design, estimate, kind, quick
        self.axes = (a, b)
        self.held = (a.parameter, b.parameter)
        self._refuse()
        self.values = tuple(value_at(estimate, p) for p in self.held)
        self.reach = [reach_of(estimate, p) for p in self.held]

    def _refuse(self) -> None:
        one, two = self.held
        if one == two:
            raise ModelError(f"Choose two different parameters; both are {one.name!r}.")
        if unheld(self.held):
            raise ModelError(f"{one.name!r} and {two.name!r} {unheld(self.held)}.")
        for p in self.held:
            if self.estimate.reml and p.kind == "fixed":
                raise ModelError(
                    f"The REML criterion does not depend on the fixed effects, such as {p.name!r}; "
                    "take maximum likelihood (criterion='ML', or a fit with REML=False)."
                )

    def coarse(self, nodes: int, fine: int) -> Surface:
        """The surface with a spline through nodes, evenly spaced on the axes."""
        return finished(self.coarse_steps(nodes, fine))

    def coarse_steps(self, nodes: int, fine: int) -> Generator[None, None, Surface]:
        """The same, pausing after each node."""
        if self.kind == "slice" and all_at_once(self.estimate.moments):
            x, y = (self._even(n, fine) for n in (0, 1))
            return (yield from self._table(x, y, self._sliced(x, y), nodes, 1.0))
        x, y, drop = yield from self._splined(nodes, fine)
        return (yield from self._table(x, y, drop, nodes, 0.0))

    def count(self, nodes: int) -> int:
        """About how often the coarse surface pauses."""
        x, y = self._nodes(nodes)
        return (len(y) if self.kind == "slice" else len(x) * len(y) + 2 * nodes) + 1

    def splined(self, nodes: int, fine: int) -> tuple[Array, Array, Array]:
        """Values of the two parameters, evenly spaced on the axes, and drops by a spline."""
        return finished(self._splined(nodes, fine))

    def _splined(self, nodes: int, fine: int) -> Generator[None, None, tuple[Array, Array, Array]]:
        x, y = (self._even(n, fine) for n in (0, 1))
        knots = self._nodes(nodes)
        rise = yield from self._known(*knots)
        return x, y, self._spline(knots, rise)(x, y)

    def steps(self, n: int) -> Iterator[Surface]:
        """The surface at n x n points, better and better."""
        x, y = (
            points_of(axis, reach, value, n)
            for axis, reach, value in zip(self.axes, self.reach, self.values, strict=True)
        )
        if self.kind == "slice":
            if all_at_once(self.estimate.moments):
                yield finished(self._table(x, y, self._sliced(x, y), MORE_NODES, 1.0))
                return
            knots = self._nodes(MORE_NODES)
            foretold = self._spline(knots, finished(self._known(*knots)))(x, y)
            table = finished(self._table(x, y, foretold, MORE_NODES, 0.0))
            yield from self._sliced_rows(table, x, y)
        else:
            yield from self._profiled_rows(x, y)

    def _profiled_rows(self, x: Array, y: Array) -> Iterator[Surface]:
        knots = self._nodes(MORE_NODES)
        coarse = finished(self._walked(*knots))
        foretold = self._spline(knots, coarse.rise)(x, y)
        table = finished(self._table(x, y, foretold, MORE_NODES, 0.0))
        yield table
        walker = Walker(self.estimate, self.held, self.values, EXACT)
        grid = Grid.empty(walker, x, y)
        drop = foretold.copy()
        for done, r in enumerate(grid.fill(), 1):
            far = grid.rise[r] > foretold[r] + AMISS * (1.0 + foretold[r])
            for c in np.flatnonzero(far & (foretold[r] < FAR)):
                nearest = [
                    int(np.argmin(np.abs(k - v))) for k, v in zip(knots, (x[c], y[r]), strict=True)
                ]
                grid.try_from(r, int(c), coarse.inner[nearest[1], nearest[0]])
            if walker.ceilings:
                for column, value in enumerate(x):
                    for start in walker.without((float(value), float(y[r]))):
                        grid.try_from(r, column, start)
            drop = drop.copy()
            drop[r] = grid.rise[r]
            yield replace(table, drop=drop, exact=done / len(y))

    def _sliced_rows(self, table: Surface, x: Array, y: Array) -> Iterator[Surface]:
        yield table
        drop = table.drop
        for r in range(len(y)):
            drop = drop.copy()
            drop[r] = self._sliced(x, y[[r]])[0]
            yield replace(table, drop=drop, exact=(r + 1) / len(y))

    def _even(self, n: int, count: int) -> Array:
        """Values of a parameter evenly spaced on its axis, and the estimate."""
        return np.unique(np.append(self.axes[n].even(self.reach[n], count), self.values[n]))

    def _nodes(self, count: int) -> tuple[Array, Array]:
        """Nodes of a grid, more of them where the surface is a narrow winding valley."""
        count = round(WINDING * count) if _winds(*self.held) else count
        x, y = (
            nodes_of(p, reach, value, count)
            for p, reach, value in zip(self.held, self.reach, self.values, strict=True)
        )
        return x, y

    def _known(self, x: Array, y: Array) -> Generator[None, None, Array]:
        if self.kind == "profile" and self.quick and can_foretell(self.estimate, self.held):
            return foretold(self.estimate, self.held, _pairs(x, y)).reshape(len(y), len(x))
        if self.kind == "profile":
            grid = yield from self._walked(x, y)
            return grid.rise
        rows = []
        for value in y:
            rows.append(self._sliced(x, np.array([value]))[0])
            yield
        return np.array(rows)

    def _sliced(self, x: Array, y: Array) -> Array:
        return rises(self.estimate, self.held, _pairs(x, y)).reshape(len(y), len(x))

    def _walked(self, x: Array, y: Array) -> Generator[None, None, Grid]:
        grid = Grid.empty(Walker(self.estimate, self.held, self.values), x, y)
        yield from grid.walk()
        if any(p.kind == "cor" for p in self.held):
            grid.relax()
        return grid

    def _spline(self, knots: tuple[Array, Array], rise: Array) -> SmoothRise:
        if any(p.kind == "theta" for p in self.held):
            rise = continued(rise)
        return SmoothRise(self.held, self.values, knots, rise)

    def _table(
        self, x: Array, y: Array, drop: Array, nodes: int, exact: float
    ) -> Generator[None, None, Surface]:
        a, b = self.axes
        scale = np.array([axis.stretch(v) for axis, v in zip(self.axes, self.values, strict=True)])
        centre = tuple(
            float(axis.outward(np.array(v))) for axis, v in zip(self.axes, self.values, strict=True)
        )
        path = np.column_stack(
            [axis.outward(part) for axis, part in zip(self.axes, self._path().T, strict=True)]
        )
        beside = []
        for axis, v in ((a, x), (b, y)):
            reach = (float(v[0]), float(v[-1]))
            steps = _curve_steps(
                self.design, self.estimate, axis, self.kind, nodes, reach, quick=self.quick
            )
            beside.append((yield from steps))
        return Surface(
            names=(a.name, b.name),
            labels=(a.label(self.design), b.label(self.design)),
            kind=self.kind,
            criterion="REML" if self.estimate.reml else "ML",
            x=a.outward(x),
            y=b.outward(y),
            drop=drop,
            optimum=(centre[0], centre[1]),
            ellipse=self._ellipse(scale, np.array(centre)),
            allowed=(a.parameter.allowed, b.parameter.allowed),
            slices=(beside[0], beside[1]),
            path=path,
            exact=exact,
        )

    def _ellipse(self, scale: Array, centre: Array) -> Array | None:
        """Outline of the joint 95 % Wald region, or None without a quadratic approximation."""
        covariance = wald_covariance(self.estimate, self.held) * np.outer(scale, scale)
        if not np.all(np.isfinite(covariance)) or np.linalg.eigvalsh(covariance)[0] <= 0.0:
            return None
        angle = np.linspace(0.0, 2.0 * np.pi, 121)
        circle = np.sqrt(chdtri(2, 0.05)) * np.stack((np.cos(angle), np.sin(angle)), axis=1)
        return np.asarray(circle @ np.linalg.cholesky(covariance).T + centre)

    def _path(self) -> Array:
        """The optimiser's path in the two parameters, (s, 2); sigma and beta at their best."""
        moments = self.estimate.moments
        points = []
        for theta, _ in self.estimate.optimum.trace:
            T = whitened_factor(theta, moments)
            solved = solve(T @ T.T, moments, self.estimate.reml)
            sigma = float(np.sqrt(solved.q / solved.N))
            factor = sigma * moments.layout.matrix(theta)
            whole = factor @ factor.T
            covariances = tuple(whole[c, c] for c in moments.layout.slices)
            beta = moments.coefficients(solved.delta)
            points.append([value_of(p, covariances, sigma, beta) for p in self.held])
        return np.array(points).reshape(-1, 2)


def _pairs(x: Array, y: Array) -> Array:
    """All points of a grid, (ny * nx, 2), row by row."""
    return np.column_stack([part.reshape(-1) for part in np.meshgrid(x, y)])


def _winds(a: Parameter, b: Parameter) -> bool:
    """Whether an element of theta is held beside the standard deviation of its own row.

    Or one of the first column beside its row's correlation with the first effect. With both held
    sigma, or the standard deviation, is as good as known, so that most of the sheet is far away.
    """
    theta, other = (a, b) if a.kind == "theta" else (b, a)
    if theta.kind != "theta" or theta.block != other.block:
        return False
    if other.kind == "sd":
        return other.i == theta.i
    return other.kind == "cor" and (other.i, other.j) == (0, theta.i) and theta.j == 0
