"""Each panel alone: a widget of its own that follows, is linked, and says true numbers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import ipywidgets as ipw
import numpy as np
import pandas as pd
import pytest
import traitlets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

import mixedwidgets as mw
from mixedwidgets.errors import ModelError
from mixedwidgets.widgets.panels import shrinkage as shrinkage_module
from mixedwidgets.widgets.panels import surface as surface_module
from mixedwidgets.widgets.panels.base import Panel
from mixedwidgets.widgets.panels.picture_panel import PicturePanel
from tests.widget_tools import artist, at, counted_draws, event, key

WHEAT = mw.load("wheat")
ONE_WAY = mw.lmer("yield ~ 1 + (1 | region)", WHEAT, REML=False)
SLEEP = mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"), REML=False)
REML = mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"))
CROSSED = mw.lmer("diameter ~ 1 + (1 | plate) + (1 | sample)", mw.load("penicillin"), REML=False)
BOUNDARY = mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff2"), REML=False)
TAU, SIGMA = "sd_(Intercept)|region", "sigma"

# A keyword of each panel with a value that is not the default.
PANELS: dict[type[Panel], dict[str, Any]] = {
    mw.LikelihoodSurface: {"kind": "slice"},
    mw.IntervalPlot: {"scale": "variance"},
    mw.ProfilePlot: {"view": "density"},
    mw.DiagnosticsPlot: {"view": "groups"},
    mw.FitSummary: {"picked": "308"},
    mw.ShrinkagePlot: {"theme": "dark"},
    mw.CaterpillarPlot: {"form": "qq"},
    mw.GroupPlot: {"picked": "308"},
    mw.BoundaryPlot: {"visible": True},
}
OF_GROUPS = (mw.ShrinkagePlot, mw.CaterpillarPlot, mw.GroupPlot, mw.DiagnosticsPlot)
each_panel = pytest.mark.parametrize("kind", PANELS, ids=lambda kind: kind.__name__)
each_of_groups = pytest.mark.parametrize("kind", OF_GROUPS, ids=lambda kind: kind.__name__)


@pytest.fixture(autouse=True)
def _no_widget_outlives_its_test() -> Iterator[None]:
    yield
    ipw.Widget.close_all()


@pytest.fixture(autouse=True)
def _rough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surface_module, "FINE", surface_module.ROUGH)


def words(panel: Any) -> str:
    """All that a panel says to somebody who does not see its picture."""
    html = panel.static_html()
    return f"{panel.picture.alt if isinstance(panel, PicturePanel) else ''} {html}"


def counted(monkeypatch: pytest.MonkeyPatch, kind: type[Panel]) -> list[str]:
    """What a kind of panel is asked for from now on."""
    asked: list[str] = []
    for name in ("show", "follow_point", "mark_picked"):
        own: Callable[..., None] = getattr(kind, name)

        def call(self: Panel, fit: mw.Fit, own: Any = own, name: str = name) -> None:
            asked.append(name)
            own(self, fit)

        monkeypatch.setattr(kind, name, call)
    return asked


def number(text: str) -> float:
    """A number as pictures write it."""
    return float(text.rstrip(".,;:").replace("−", "-").replace(",", "").replace("∞", "inf"))


def after(said: str, text: str) -> float:
    """The number that a text has after some words."""
    found = re.search(re.escape(said) + r"\s*([-−]?[\d.,]+(?:e[-−]?\d+)?|∞)", text)
    assert found, f"{said!r} is not in {text!r}"
    return number(found[1])


def one_way_loglik(tau: float, sigma: float) -> float:
    """The log-likelihood of the one-way model of wheat, by its dense covariance matrix."""
    y = WHEAT["yield"].to_numpy()
    same = np.equal.outer(WHEAT["region"].to_numpy(), WHEAT["region"].to_numpy())
    V = sigma**2 * np.eye(len(y)) + tau**2 * same
    mu = np.linalg.solve(V, y).sum() / np.linalg.solve(V, np.ones(len(y))).sum()
    return float(multivariate_normal(np.full(len(y), mu), V).logpdf(y))


def one_way_means(tau: float, sigma: float) -> pd.Series:
    """The partially pooled means of wheat, by the textbook's formula."""
    means = WHEAT.groupby("region")["yield"].mean()
    size = len(WHEAT) // len(means)
    kept = size * tau**2 / (size * tau**2 + sigma**2)
    return means.mean() + kept * (means - means.mean())


def sorted_places(panel: Any, gid: str) -> np.ndarray:
    """The values of all groups as a picture of one coefficient shows them, sorted."""
    return np.sort(np.asarray(artist(panel.picture.figure, gid).get_offsets(), dtype=float)[:, 0])


class TestEveryPanel:
    @each_panel
    def test_it_shows_a_fit_at_once(self, kind):
        panel = kind(SLEEP)
        assert isinstance(panel, ipw.VBox)
        assert (panel.problem, panel.error, panel.shown) == ("", None, SLEEP.formula)
        assert len(words(panel)) > 60

    @each_panel
    def test_a_keyword_is_a_trait(self, kind):
        ((name, value),) = PANELS[kind].items()
        panel = kind(SLEEP, **{name: value})
        assert getattr(panel, name) == value
        assert name in kind.options
        assert panel.problem == ""

    @each_panel
    def test_a_keyword_that_there_is_not(self, kind):
        with pytest.raises(ModelError) as refused:
            kind(SLEEP, pickd="308")
        said = str(refused.value)
        assert said.startswith(f"{kind.__name__} has no option 'pickd' (did you mean 'picked'?)")
        assert all(option in said for option in kind.options)

    @each_panel
    @pytest.mark.parametrize("given", ["y ~ x", 3, WHEAT, SLEEP.estimate], ids=lambda g: type(g))
    def test_what_is_no_fit(self, kind, given):
        with pytest.raises(ModelError, match=f"{kind.__name__} shows a fit, as lmer returns it"):
            kind(given)

    @each_panel
    @pytest.mark.parametrize("fit", [REML, ONE_WAY, CROSSED, BOUNDARY], ids=lambda f: f.formula)
    def test_it_follows_from_model_to_model(self, kind, fit):
        panel = kind()
        assert (panel.shown, panel.problem) == ("", "")
        before = words(panel)
        panel.fit = fit
        assert (panel.shown, panel.problem, panel.error) == (fit.formula, "", None)
        assert words(panel) != before
        panel.fit = None
        assert panel.problem == ""

    @each_panel
    def test_a_hidden_panel_does_nothing(self, kind, monkeypatch):
        asked = counted(monkeypatch, kind)
        drawn = counted_draws(monkeypatch)
        panel = kind(SLEEP, visible=False)
        for fit in (ONE_WAY, SLEEP):
            panel.fit = fit
            panel.picked = "308"
            panel.point = fit.at({"sigma": 1.2 * fit.sigma})
            panel.factor = "region"
        assert (asked, drawn, panel.shown) == ([], [], "")
        panel.visible = True
        assert asked == ["show"]
        assert panel.shown == SLEEP.formula
        panel.visible = False
        panel.picked = "309"
        panel.visible = True
        assert asked[:2] == ["show", "mark_picked"]
        assert panel.problem == ""

    @each_panel
    def test_the_same_again_costs_nothing(self, kind, monkeypatch):
        panel = kind(SLEEP)
        asked = counted(monkeypatch, kind)
        panel.fit, panel.picked, panel.point, panel.visible = SLEEP, None, None, True
        assert asked == []

    @each_panel
    @pytest.mark.parametrize("link", [traitlets.link, ipw.link])
    def test_panels_are_linked(self, kind, link):
        one, other = kind(SLEEP), mw.GroupPlot(SLEEP)
        heard: list[Any] = []
        link((one, "picked"), (other, "picked"))
        link((one, "point"), (other, "point"))
        one.observe(lambda change: heard.append(change["new"]), ["picked", "point"])
        other.picked = "337"
        assert one.picked == "337"
        point = SLEEP.at({"sigma": 30.0})
        one.point = point
        assert other.point is point
        one.point = None
        assert other.point is None
        assert heard == ["337", point, None]
        assert (one.problem, other.problem) == ("", "")

    @each_panel
    def test_another_model_forgets_the_point(self, kind):
        panel = kind(ONE_WAY)
        panel.point = ONE_WAY.at({"sigma": 1.0})
        panel.fit = SLEEP
        assert panel.point is None
        assert panel.problem == ""

    @each_panel
    def test_a_point_of_another_model_is_refused(self, kind):
        panel = kind(SLEEP)
        before = words(panel)
        panel.point = ONE_WAY.at({"sigma": 1.0})
        assert panel.problem.startswith("The point is one of another model than the one shown;")
        assert words(panel) == before
        panel.point = SLEEP.at({"sigma": 30.0})
        assert (panel.problem, panel.error) == ("", None)
        panel.point = None
        assert words(panel) == before

    @each_panel
    def test_what_fails_keeps_the_picture_and_says_why(self, kind, monkeypatch):
        panel = kind(ONE_WAY)
        before = words(panel)

        def broken(self: Panel, fit: mw.Fit) -> None:
            raise ZeroDivisionError("no such table")

        with monkeypatch.context() as patch:
            patch.setattr(kind, "show", broken)
            panel.fit = SLEEP
        assert words(panel) == before
        assert "ZeroDivisionError: no such table" in panel.problem
        assert "in broken" in panel.error
        assert 'role="alert"' in panel._alert.value
        assert f"The picture still shows {ONE_WAY.formula}." in panel._alert.value
        panel.picked = "308"  # whatever comes next, what failed is tried again
        assert (panel.problem, panel.error, panel.shown) == ("", None, SLEEP.formula)
        assert panel._alert.layout.display == "none"

    @each_panel
    def test_a_group_or_a_factor_that_there_is_not(self, kind):
        panel = kind(SLEEP, picked="nobody", factor="nothing")
        assert panel.problem == ""
        panel.picked, panel.factor = "308", "Subject"
        assert panel.problem == ""

    @each_panel
    def test_the_bundle_needs_no_front_end(self, kind):
        panel = kind(ONE_WAY)
        bundle = panel._repr_mimebundle_()
        view = bundle["application/vnd.jupyter.widget-view+json"]
        assert view["model_id"] == panel.model_id
        assert bundle["text/plain"] == f"<{kind.__name__} of yield ~ 1 + (1 | region)>"
        assert bundle["text/html"] == panel.static_html()
        assert "text/html" not in kind()._repr_mimebundle_()

    @pytest.mark.parametrize("kind", [k for k in PANELS if issubclass(k, PicturePanel)])
    def test_events_before_a_fit_do_nothing(self, kind):
        panel = kind()
        for what in (key("Home"), key("ArrowLeft"), event("click"), at("move", 1.0, 1.0)):
            panel.picture.pointer = what
        assert (panel.problem, panel.point, panel.picked) == ("", None, None)

    @pytest.mark.parametrize("kind", [k for k in PANELS if issubclass(k, PicturePanel)])
    def test_an_event_that_fails_is_told(self, kind, monkeypatch):
        panel = kind(ONE_WAY)
        monkeypatch.setattr(kind, "pointed", lambda self, event: 1 / 0)
        panel.picture.pointer = event("click")
        assert "ZeroDivisionError" in panel.problem

    @pytest.mark.parametrize("kind", [k for k in PANELS if issubclass(k, PicturePanel)])
    def test_width_and_theme_of_the_page(self, kind, monkeypatch):
        panel = kind(BOUNDARY)
        alt = panel.picture.alt
        asked = counted(monkeypatch, kind)
        panel.picture.room, panel.picture.page_theme = 600.0, "dark"
        assert panel.picture.figure.get_size_inches()[0] == pytest.approx(6.0)
        assert sum(panel.picture.figure.get_facecolor()[:3]) < 1.0
        assert (panel.picture.alt, panel.problem) == (alt, "")
        assert asked == []  # drawn again, not computed again

    @pytest.mark.parametrize(
        ("kind", "choice"),
        [
            (mw.LikelihoodSurface, {"kind": "both"}),
            (mw.IntervalPlot, {"scale": "log"}),
            (mw.IntervalPlot, {"nsim": 3}),
            (mw.ProfilePlot, {"view": "chi"}),
            (mw.DiagnosticsPlot, {"view": "all"}),
            (mw.CaterpillarPlot, {"form": "columns"}),
            (mw.ShrinkagePlot, {"pooling": 1.5}),
            (mw.GroupPlot, {"picked": 308}),
            (mw.GroupPlot, {"theme": "blue"}),
        ],
    )
    def test_a_value_that_a_trait_cannot_have(self, kind, choice):
        with pytest.raises(traitlets.TraitError, match=next(iter(choice))):
            kind(SLEEP, **choice)


class TestLikelihoodSurface:
    @pytest.fixture
    def panel(self) -> mw.LikelihoodSurface:
        return mw.LikelihoodSurface(ONE_WAY)

    def spot(self, panel: mw.LikelihoodSurface) -> list[float]:
        return [float(v) for v in artist(panel.picture.figure, "point").get_xydata()[0]]

    def test_at_the_estimate(self, panel):
        assert panel.point is None
        assert self.spot(panel) == pytest.approx(list(ONE_WAY.values()[[TAU, SIGMA]]))
        assert "the maximum of the log-likelihood. ICC 0.148." in panel.said.value
        assert after("ICC", panel.said.value) == pytest.approx(ONE_WAY.icc()["adjusted"], abs=5e-4)

    @pytest.mark.parametrize(("tau", "sigma"), [(0.9, 1.2), (0.1, 1.5), (0.0, 1.4), (1.4, 1.25)])
    def test_a_drag_says_what_the_likelihood_is_there(self, panel, tau, sigma):
        panel.picture.pointer = at("down", 0.5567, 1.337, artist="point", index=0)
        panel.picture.pointer = at("move", 0.7, 1.3, artist="point", index=0)
        panel.picture.pointer = at("up", tau, sigma, artist="point", index=0)
        assert panel.point.names == (TAU, SIGMA)
        assert panel.point.values == pytest.approx((tau, sigma))
        below = ONE_WAY.loglik - one_way_loglik(tau, sigma)
        assert panel.point.drop == pytest.approx(2.0 * below, rel=1e-7)
        said = panel.said.value
        assert after("log-likelihood", said) == pytest.approx(below, rel=0.05)
        region = after("on the edge of the", said) / 100.0
        assert region == pytest.approx(1.0 - np.exp(-below), abs=0.006)
        assert after("ICC", said) == pytest.approx(tau**2 / (tau**2 + sigma**2), rel=5e-3)
        assert after("SD within groups is", said) == pytest.approx(sigma, abs=0.01)
        assert self.spot(panel) == pytest.approx([tau, sigma])
        assert ("the boundary" in said) == (tau == 0.0)
        assert panel.picture.alt.startswith(re.sub("<[^>]*>", "", said))

    @pytest.mark.parametrize("kind", ["profile", "slice"])
    @pytest.mark.parametrize("fit", [SLEEP, REML], ids=["ML", "REML"])
    def test_the_point_is_that_of_the_fit(self, fit, kind):
        panel = mw.LikelihoodSurface(fit, kind=kind)
        x, y = panel._table.names
        panel.picture.pointer = at("move", 15.0, 8.0, artist="point")
        expected = fit.at({x: 15.0, y: 8.0}, kind)
        assert panel.point.kind == kind
        assert panel.point.drop == pytest.approx(expected.drop, rel=1e-6)
        assert panel.point.parameters == pytest.approx(expected.parameters, rel=1e-4)
        assert after("log-likelihood", panel.said.value) == pytest.approx(
            expected.drop / 2, rel=0.05
        )
        assert ("restricted" in panel.said.value) == fit.reml
        assert panel.point.icc == pytest.approx(expected.icc, rel=1e-4)

    def test_a_slice_by_its_dense_covariance_matrix(self):
        panel = mw.LikelihoodSurface(SLEEP, kind="slice")
        panel.picture.pointer = at("move", 35.0, 4.0, artist="point")
        data, values = mw.load("sleepstudy"), SLEEP.values()
        Z = np.column_stack([np.ones(len(data)), data["Days"]])
        sd = np.array([35.0, 4.0])
        R = np.eye(2) + values["cor_Days.(Intercept)|Subject"] * (1.0 - np.eye(2))
        subject = data["Subject"].to_numpy()
        V = np.where(np.equal.outer(subject, subject), Z @ (R * np.outer(sd, sd)) @ Z.T, 0.0)
        V += values["sigma"] ** 2 * np.eye(len(data))
        mean = Z @ SLEEP.fixef.to_numpy()
        loglik = multivariate_normal(mean, V).logpdf(data["Reaction"].to_numpy())
        assert panel.point.loglik == pytest.approx(loglik, rel=1e-10)
        assert after("log-likelihood", panel.said.value) == pytest.approx(
            SLEEP.loglik - loglik, rel=0.05
        )

    def test_a_click_puts_it_back(self, panel):
        before = panel.said.value
        panel.picture.pointer = at("move", 1.0, 1.2, artist="point")
        assert panel.said.value != before
        panel.picture.pointer = event("click")
        assert panel.point is None
        assert panel.said.value == before
        assert self.spot(panel) == pytest.approx(list(panel._table.optimum))

    def test_arrow_keys(self, panel):
        x, y = panel._table.optimum
        width, height = np.ptp(panel._table.x), np.ptp(panel._table.y)
        for pressed, shift in (("ArrowRight", False), ("ArrowUp", True), ("ArrowUp", False)):
            panel.picture.pointer = key(pressed, shift)
        assert self.spot(panel) == pytest.approx([x + width / 50, y + height * 0.12])
        said = panel.said.value
        panel.picture.pointer = key("a")
        assert panel.point is None  # any other key puts it back
        for pressed in ("ArrowRight", "ArrowLeft"):
            panel.picture.pointer = key(pressed)
        assert self.spot(panel) == pytest.approx([x, y])
        panel.picture.pointer = key("ArrowDown")
        panel.picture.pointer = key("Home")
        assert panel.point is None
        assert panel.said.value != said

    def test_it_stays_inside(self, panel):
        panel.picture.pointer = at("move", -5.0, 99.0, artist="point")
        assert panel.point.values == pytest.approx((0.0, panel._table.y[-1]))
        for _ in range(60):
            panel.picture.pointer = key("ArrowDown")
        assert panel.point.values == pytest.approx((0.0, panel._table.y[0]))
        assert panel.problem == ""

    def test_only_the_surface_is_for_dragging(self, panel):
        panel.picture.pointer = at("move", 1.0, -2.0, axes=1)
        panel.picture.pointer = event("move")
        panel.picture.pointer = at("hover", 1.0, 1.2)
        assert panel.point is None

    def test_a_point_from_elsewhere_is_shown(self, panel):
        panel.point = ONE_WAY.at({"sigma": 1.6})
        values = panel.point.parameters
        assert self.spot(panel) == pytest.approx([values[TAU], 1.6])
        assert after("log-likelihood", panel.said.value) == pytest.approx(
            (ONE_WAY.loglik - ONE_WAY.at({"sigma": 1.6}).loglik), rel=0.05
        )

    def test_the_axes_are_chosen_by_name_or_by_menu(self):
        panel = mw.LikelihoodSurface(SLEEP, x="sigma", y="Days")
        assert panel._table.names == ("sigma", "Days")
        assert (panel.x_menu.value, panel.y_menu.value) == ("sigma", "Days")
        panel.x_menu.value = "sd_Days|Subject"
        assert panel.x == "sd_Days|Subject"
        assert panel._table.names == ("sd_Days|Subject", "Days")
        panel.kind_menu.value = "slice"
        assert panel.kind == "slice"
        assert "Slice of the log-likelihood (ML;" in panel.picture.alt
        panel.kind = "profile"
        assert panel.kind_menu.value == "profile"
        assert "Profile log-likelihood (ML;" in panel.picture.alt

    def test_the_point_stays_when_the_axes_change(self):
        panel = mw.LikelihoodSurface(SLEEP)
        panel.picture.pointer = at("move", 15.0, 8.0, artist="point")
        point = panel.point
        panel.y = "sigma"
        assert panel.point is point
        assert self.spot(panel) == pytest.approx([15.0, point.parameters["sigma"]])

    def test_the_two_axes_are_never_the_same_and_always_possible(self):
        panel = mw.LikelihoodSurface(SLEEP)
        for name in [value for _, value in panel.x_menu.options]:
            panel.x_menu.value = name
            assert panel.problem == ""
            assert panel.y_menu.value != name
            assert name not in [value for _, value in panel.y_menu.options]
        panel.x = panel.y = "sigma"
        assert panel._table.names[0] == "sigma" != panel._table.names[1]

    def test_reml_has_no_axis_for_coefficients(self):
        panel = mw.LikelihoodSurface(SLEEP, x="Days")
        assert panel._table.names[0] == "Days"
        panel.fit = REML
        for menu in (panel.x_menu, panel.y_menu):
            assert not {"(Intercept)", "Days"} & {value for _, value in menu.options}
        assert panel._table.names[0] == "sd_(Intercept)|Subject"
        panel.fit = SLEEP
        assert panel._table.names[0] == panel.x_menu.value == "Days"
        assert panel.error is None

    def test_a_one_way_model_speaks_of_mu_sigma_and_tau(self, panel):
        assert [label for label, _ in panel.x_menu.options] == [
            "τ, SD between levels of region",
            "σ, SD within groups",
            "μ, overall mean",
        ]

    def test_rough_at_once_and_fine_when_the_hand_rests(self, monkeypatch):
        nodes: list[int] = []
        surface, in_steps = surface_module.surface, surface_module.first_look

        def fine(*args: Any, **options: Any) -> Any:
            nodes.append(options["nodes"])
            return surface(*args, **options)

        def rough(*args: Any) -> Any:
            nodes.append(args[-1])
            return in_steps(*args)

        monkeypatch.setattr(surface_module, "surface", fine)
        monkeypatch.setattr(surface_module, "first_look", rough)
        monkeypatch.setattr(surface_module, "QUICK", 60.0)
        monkeypatch.setattr(surface_module, "FINE", 9)
        monkeypatch.setattr(surface_module, "PATIENCE", 0.05)

        async def until(count: int) -> None:
            for _ in range(400):
                if len(nodes) >= count:
                    break
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)

        async def main() -> None:
            panel = mw.LikelihoodSurface(ONE_WAY)
            panel.fit = BOUNDARY
            assert nodes == [6, 6]
            await until(3)
            assert nodes == [6, 6, 9]  # the first one is not made finer: nobody sees it
            panel.fit = ONE_WAY
            panel.visible = False
            await until(4)
            assert nodes == [6, 6, 9, 6]
            panel.visible = True
            await until(6)
            assert nodes == [6, 6, 9, 6, 6, 9]
            panel.visible = False
            panel.visible = True
            assert len(nodes) == 6

        asyncio.run(main())


class TestShrinkagePlot:
    @pytest.fixture
    def panel(self) -> mw.ShrinkagePlot:
        return mw.ShrinkagePlot(ONE_WAY)

    def test_the_groups_are_where_the_formula_has_them(self, panel):
        expected = one_way_means(*ONE_WAY.values()[[TAU, SIGMA]])
        np.testing.assert_allclose(sorted_places(panel, "partial-pooling"), sorted(expected))
        means = sorted(WHEAT.groupby("region")["yield"].mean())
        np.testing.assert_allclose(sorted_places(panel, "no-pooling"), means)
        low, high = expected.min(), expected.max()
        assert f"{low:.3f} to {high:.3f} with partial pooling" in panel.picture.alt

    def test_they_follow_the_point(self, panel):
        for tau, sigma in ((1.3, 1.2), (0.0, 1.4), (0.2, 1.3)):
            panel.point = ONE_WAY.at({TAU: tau, SIGMA: sigma})
            expected = one_way_means(tau, sigma)
            np.testing.assert_allclose(sorted_places(panel, "partial-pooling"), sorted(expected))
            low, high = re.search(r"(\S+) to (\S+) with partial", panel.picture.alt).groups()
            assert number(low) == pytest.approx(expected.min(), abs=0.006)
            assert number(high) == pytest.approx(expected.max(), abs=0.006)
        panel.point = None
        expected = one_way_means(*ONE_WAY.values()[[TAU, SIGMA]])
        np.testing.assert_allclose(sorted_places(panel, "partial-pooling"), sorted(expected))

    def test_two_coefficients(self):
        panel = mw.ShrinkagePlot(SLEEP)
        drawn = artist(panel.picture.figure, "partial-pooling").get_offsets()
        np.testing.assert_allclose(drawn, SLEEP.coef()["Subject"].to_numpy(), rtol=1e-9)
        panel.point = SLEEP.at({"sd_(Intercept)|Subject": 1e-9, "sd_Days|Subject": 1e-9})
        pooled = np.polyfit(*mw.load("sleepstudy")[["Days", "Reaction"]].to_numpy().T, 1)[::-1]
        drawn = artist(panel.picture.figure, "partial-pooling").get_offsets()
        np.testing.assert_allclose(drawn, np.tile(pooled, (18, 1)), rtol=1e-6)

    def test_the_dial_at_its_left_end_pools_completely(self, panel):
        panel.turn(-1.0)
        assert panel.pooling == 0.0
        y = WHEAT["yield"].to_numpy()
        linear = -0.5 * len(y) * (1.0 + np.log(2.0 * np.pi * y.var()))
        cost = 2.0 * (ONE_WAY.loglik - linear)
        assert f"complete pooling, τ = 0: cost {cost:.2f}" in panel.cost.value
        assert after("at complete pooling, τ = 0: cost", panel.dial_picture.alt) == pytest.approx(
            cost, abs=0.005
        )
        np.testing.assert_allclose(sorted_places(panel, "partial-pooling"), y.mean())

    def test_the_dial_at_its_right_end_pools_nothing(self, panel):
        panel.turn(2.0)
        assert panel.pooling == 1.0
        assert "no pooling, τ = ∞: cost ∞" in panel.cost.value
        means = sorted(WHEAT.groupby("region")["yield"].mean())
        np.testing.assert_allclose(sorted_places(panel, "partial-pooling"), means)

    def test_the_dial_between(self, panel):
        panel.dial_picture.pointer = at("move", 0.75, 3.0, artist="dial")
        assert panel.pooling == 0.75
        tau = panel._dial.tau_at(0.75)
        point = ONE_WAY.at({TAU: tau})
        assert after("cost", panel.cost.value) == pytest.approx(point.drop, abs=0.006)
        expected = one_way_means(tau, point.parameters["sigma"])
        np.testing.assert_allclose(
            sorted_places(panel, "partial-pooling"), sorted(expected), rtol=1e-4
        )
        assert artist(panel.dial_picture.figure, "dial").get_xdata()[0] == 0.75

    def test_a_click_puts_it_back(self, panel):
        before = panel.cost.value, sorted_places(panel, "partial-pooling")
        assert "the estimate" in panel.cost.value
        panel.turn(0.9)
        panel.dial_picture.pointer = event("click")
        assert panel.pooling is None
        assert panel.cost.value == before[0]
        np.testing.assert_array_equal(sorted_places(panel, "partial-pooling"), before[1])

    def test_keys(self, panel):
        home = panel._dial.home
        steps = {
            ("ArrowRight", False): 0.02, ("ArrowUp", True): 0.1, ("PageUp", False): 0.1,
            ("ArrowLeft", False): -0.02, ("ArrowDown", True): -0.1, ("PageDown", False): -0.1,
        }  # fmt: skip
        for (pressed, shift), step in steps.items():
            panel.pooling = None
            panel.dial_picture.pointer = key(pressed, shift)
            assert panel.pooling == pytest.approx(home + step)
        for pressed, there in (("End", 1.0), ("Home", 0.0), ("Escape", None)):
            panel.dial_picture.pointer = key(pressed)
            assert panel.pooling == there

    def test_the_hand_on_the_surface_and_the_hand_on_the_dial(self, panel):
        panel.turn(0.9)
        panel.point = ONE_WAY.at({TAU: 0.3, SIGMA: 1.3})
        assert panel.pooling is None
        expected = sorted(one_way_means(0.3, 1.3))
        np.testing.assert_allclose(sorted_places(panel, "partial-pooling"), expected)

    def test_the_dial_as_a_keyword(self):
        panel = mw.ShrinkagePlot(ONE_WAY, pooling=0.0)
        assert panel.pooling == 0.0
        np.testing.assert_allclose(
            sorted_places(panel, "partial-pooling"), WHEAT["yield"].mean(), rtol=1e-9
        )
        assert "complete pooling, τ = 0: cost" in panel.cost.value
        panel.fit = SLEEP
        assert panel.pooling is None

    def test_a_dial_that_takes_long_is_drawn_when_asked_for(self, monkeypatch):
        monkeypatch.setattr(shrinkage_module, "cheap", lambda fit: False)
        panel = mw.ShrinkagePlot(CROSSED)
        assert panel.ask.layout.display is None
        panel.dial_picture.pointer = key("ArrowLeft")
        assert panel.pooling is None
        assert panel._dial is None
        panel.ask.click()
        assert panel.ask.layout.display == "none"
        assert "plate" in panel.dial_picture.alt
        panel.dial_picture.pointer = key("Home")
        without = mw.lmer("diameter ~ 1 + (1 | sample)", mw.load("penicillin"), REML=False)
        cost = 2.0 * (CROSSED.loglik - without.loglik)
        assert after("cost", panel.cost.value) == pytest.approx(cost, abs=0.01)

    def test_a_dial_not_yet_drawn_is_dropped_when_hidden(self):
        async def main() -> None:
            panel = mw.ShrinkagePlot(ONE_WAY)
            assert panel._dial is None
            panel.visible = False
            await asyncio.sleep(0.25)
            assert panel._dial is None
            panel.visible = True
            await asyncio.sleep(0.25)
            assert panel._dial is not None

        asyncio.run(main())


class TestGroups:
    """A group is picked by a click, by its name, or from elsewhere."""

    CLICKS: ClassVar[dict[type[Panel], dict[str, Any]]] = {
        mw.ShrinkagePlot: {"artist": "partial-pooling", "index": 3},
        mw.CaterpillarPlot: {"artist": "modes-1", "index": 0},
        mw.GroupPlot: {"artist": "groups", "index": 3},
    }

    def expected(self, kind: type[Panel]) -> str:
        if kind is mw.CaterpillarPlot:
            return str(SLEEP.ranef()["Subject"]["Days"].idxmin())
        return str(SLEEP.ranef()["Subject"].index[3])

    @pytest.mark.parametrize("kind", CLICKS, ids=lambda kind: kind.__name__)
    def test_by_a_click(self, kind):
        panel = kind(SLEEP)
        panel.picture.pointer = at("click", 0.0, 0.0, **self.CLICKS[kind])
        assert panel.picked == panel.search.value == self.expected(kind)
        panel.picture.pointer = event("click")
        assert panel.picked is None
        assert panel.search.value == ""

    def test_by_a_click_on_its_row(self):
        panel = mw.DiagnosticsPlot(SLEEP, view="groups")
        assert panel.picked is None
        spots = artist(panel.picture.figure, "means").get_xydata()
        panel.picture.pointer = at("click", *spots[5])
        assert panel.picked == panel.levels[5]
        for view in ("residuals", "qq", "influence", "rows"):
            panel.view = view
            assert panel.view_menu.value == view
            assert panel.picked is not None
            assert panel.problem == ""

    @each_of_groups
    def test_by_its_name(self, kind):
        panel = kind(SLEEP)
        panel.search.value = "33"
        assert panel.picked is None
        panel.search.value = "337"
        assert panel.picked == "337"
        panel.search.value = ""
        assert panel.picked is None

    @each_of_groups
    def test_the_picture_is_not_drawn_anew(self, kind, monkeypatch):
        panel = kind(SLEEP)
        drawn, seq = counted_draws(monkeypatch), panel.picture.seq
        panel.picked = "337"
        assert drawn == []
        assert panel.picture.seq > seq
        assert panel.search.value == "337"

    @each_of_groups
    def test_another_factor(self, kind):
        panel = kind(CROSSED, **({"view": "groups"} if kind is mw.DiagnosticsPlot else {}))
        assert "plate" in panel.picture.alt
        assert panel.factor_menu.layout.display is None
        panel.factor_menu.value = "sample"
        assert panel.factor == "sample"
        assert panel.levels == tuple("ABCDEF")
        panel.picked = "B"
        panel.point = CROSSED.at({"sigma": 0.6})
        panel.factor = "plate"
        assert panel.factor_menu.value == "plate"
        assert panel.point is not None
        assert panel.problem == ""
        assert kind(SLEEP).factor_menu.layout.display == "none"


class TestCaterpillarPlot:
    def test_the_modes_are_those_of_ranef(self):
        panel = mw.CaterpillarPlot(SLEEP)
        modes = SLEEP.ranef()["Subject"]
        for number, name in enumerate(modes.columns[:2]):
            drawn = sorted_places(panel, f"modes-{number}")
            np.testing.assert_allclose(drawn, np.sort(modes[name]), rtol=1e-9)
        assert after("intercept: from", panel.picture.alt) == pytest.approx(
            modes.iloc[:, 0].min(), abs=0.05
        )

    def test_they_follow_the_point(self):
        panel = mw.CaterpillarPlot(ONE_WAY)
        panel.point = ONE_WAY.at({TAU: 1.2, SIGMA: 1.3})
        expected = one_way_means(1.2, 1.3) - WHEAT["yield"].mean()
        drawn = sorted_places(panel, "modes-0")
        np.testing.assert_allclose(drawn, sorted(expected))
        assert after("intercept: from", panel.picture.alt) == pytest.approx(
            expected.min(), abs=0.005
        )
        panel.point = None
        drawn = sorted_places(panel, "modes-0")
        np.testing.assert_allclose(drawn, np.sort(ONE_WAY.ranef()["region"].iloc[:, 0]))

    def test_the_form(self):
        panel = mw.CaterpillarPlot(SLEEP)
        for form in ("rows", "qq", "auto"):
            panel.form_menu.value = form
            assert panel.form == form
            assert panel.problem == ""
        panel.form = "qq"
        assert panel.form_menu.value == "qq"


class TestGroupPlot:
    def test_the_numbers_of_a_group(self):
        panel = mw.GroupPlot(SLEEP, picked="308")
        alone = mw.load("sleepstudy").query("Subject == '308'")
        slope, intercept = np.polyfit(alone["Days"], alone["Reaction"], 1)
        partial, said = SLEEP.coef()["Subject"].loc["308"], panel.picture.alt
        assert f"intercept {intercept:.2f} with no, {partial['(Intercept)']:.2f} with" in said
        assert f"Days {slope:.2f} with no, {partial['Days']:.2f} with partial" in said
        assert after("log-likelihood", said) == pytest.approx(
            SLEEP.contributions()["308"], abs=0.005
        )

    def test_it_follows_the_point(self):
        panel = mw.GroupPlot(SLEEP, picked="308")
        point = SLEEP.at({"sd_(Intercept)|Subject": 10.0, "sigma": 30.0})
        panel.point = point
        levels = list(SLEEP.contributions().index)
        share = point.contributions[levels.index("308")]
        assert after("log-likelihood", panel.picture.alt) == pytest.approx(share, abs=0.005)
        assert point.contributions.sum() == pytest.approx(point.loglik, rel=1e-10)
        panel.point = None
        assert after("log-likelihood", panel.picture.alt) == pytest.approx(
            SLEEP.contributions()["308"], abs=0.005
        )

    def test_crossed_factors_have_no_contributions(self):
        panel = mw.GroupPlot(CROSSED, picked="a")
        assert "log-likelihood" not in panel.picture.alt
        assert panel.problem == ""


class TestIntervalPlot:
    def test_all_are_those_of_confint(self):
        panel = mw.IntervalPlot(SLEEP)
        for method in ("wald", "profile"):
            found = SLEEP.confint(method=method)
            low, high = found.loc["sigma"]
            name = {"wald": "Wald", "profile": "profile"}[method]
            assert f"{name} {low:.2f} to {high:.2f}" in panel.picture.alt.split("σ: ")[1]
        rows = panel.numbers.value.count("<tr>")
        assert rows == 1 + len(SLEEP.confint(method="wald"))

    def test_of_a_fit_by_reml_those_by_maximum_likelihood(self):
        assert mw.IntervalPlot(REML).picture.alt == mw.IntervalPlot(SLEEP).picture.alt

    def test_five_of_one_parameter(self):
        panel = mw.IntervalPlot(ONE_WAY, parameter=TAU, nsim=40, seed=7)
        keys = [key for _, key in panel.method_menu.options]
        assert keys == ["wald-variance", "wald", "wald-log", "profile", "bootstrap"]
        table = panel._five
        wald, profile = (ONE_WAY.confint(method=m).loc[TAU] for m in ("wald", "profile"))
        np.testing.assert_allclose(table.limits("wald"), wald, rtol=1e-8)
        np.testing.assert_allclose(table.limits("profile"), profile, rtol=1e-6, atol=1e-9)
        boot = ONE_WAY.bootstrap(nsim=40, seed=7)
        zero = int((boot.replicates[TAU] == 0.0).sum())
        assert f"exactly 0 in {zero} of 40 replicates" in panel.numbers.value
        assert not panel.working.under_way

    def test_a_click_on_a_row_chooses_its_method(self):
        panel = mw.IntervalPlot(ONE_WAY, parameter=TAU, nsim=10)
        panel.picture.pointer = at("click", 0.5, 0.0, axes=1)
        chosen = panel.method
        assert chosen == panel.method_menu.value != "profile"
        panel.method_menu.value = "wald-log"
        assert panel.method == "wald-log"
        panel.picture.pointer = at("click", 0.5, 0.0, axes=0)
        assert panel.method == "wald-log"

    def test_menus(self):
        panel = mw.IntervalPlot(ONE_WAY, nsim=10)
        assert panel.method_menu.layout.visibility == "hidden"
        panel.parameter_menu.value = TAU
        assert panel.parameter == TAU
        assert panel.scale_menu.layout.visibility == "visible"
        panel.scale_menu.value = "variance"
        assert "τ²" in panel.picture.alt
        panel.parameter_menu.value = "(Intercept)"
        assert panel.scale_menu.layout.visibility == "hidden"
        panel.parameter_menu.value = ""
        assert "Wald and profile." in panel.picture.alt
        panel.parameter = "no such parameter"
        assert panel.parameter_menu.value == ""
        assert panel.problem == ""

    def test_another_parameter_needs_no_new_bootstrap(self, monkeypatch):
        panel = mw.IntervalPlot(ONE_WAY, parameter=TAU, nsim=20)
        monkeypatch.setattr(mw.Fit, "bootstrap_steps", lambda *args, **options: 1 / 0)
        panel.parameter = "sigma"
        assert panel.problem == ""
        assert "bootstrap" in panel.picture.alt
        panel.seed = 2
        assert "ZeroDivisionError" in panel.problem

    def test_a_bootstrap_is_dropped_when_hidden_and_what_is_done_stays_when_stopped(self):
        async def main() -> None:
            panel = mw.IntervalPlot(ONE_WAY, parameter=TAU, nsim=100_000)
            while not (panel.working.under_way and 0.0 < panel.working.bar.value < 1.0):
                await asyncio.sleep(0.01)
            panel.visible = False
            assert not panel.working.under_way
            done = len(panel._boot[1])
            await asyncio.sleep(0.1)
            assert len(panel._boot[1]) == done < 100_000
            panel.visible = True
            while not (panel.working.under_way and 0.0 < panel.working.bar.value < 1.0):
                await asyncio.sleep(0.01)
            panel.working.stop_button.click()
            done = len(panel._boot[1])
            assert f"of {done} replicates" in panel.numbers.value.replace(",", "")
            assert "what is done stays" in panel.working.label.value
            await asyncio.sleep(0.1)
            assert len(panel._boot[1]) == done
            assert panel.problem == ""

        asyncio.run(main())


class TestProfilePlot:
    def test_the_limits_are_those_of_confint(self):
        panel = mw.ProfilePlot(ONE_WAY)
        for name, low, high in ONE_WAY.confint(method="profile").itertuples():
            said = panel.picture.alt.split({TAU: "τ", SIGMA: "σ"}.get(name, "μ") + ", ")[1]
            assert after("95% from", said) == pytest.approx(low, rel=1e-3, abs=1e-9)
            assert number(said.split(" to ")[1].split(" ")[0]) == pytest.approx(high, rel=1e-3)

    def test_views(self):
        panel = mw.ProfilePlot(ONE_WAY)
        for view, height in (("density", 4.2), ("pairs", 6.6), ("zeta", 4.2)):
            panel.view_menu.value = view
            assert panel.view == view
            assert panel.picture.figure.get_size_inches()[1] == pytest.approx(height)
            assert view in panel.picture.alt.lower() or view == "density"
            assert (panel.problem, panel.working.under_way) == ("", False)

    def test_it_is_stopped_and_dropped_and_goes_on(self, monkeypatch):
        monkeypatch.setattr("mixedwidgets.widgets.longwork.BUDGET", 0.0)

        async def until(share: float, panel: mw.ProfilePlot) -> None:
            while panel.working.bar.value < share:
                await asyncio.sleep(0.005)

        async def main() -> None:
            panel = mw.ProfilePlot(SLEEP)
            assert panel.working.under_way
            assert "Profiles ..." in panel.working.label.value
            await until(0.3, panel)
            panel.visible = False
            assert not panel.working.under_way
            share = panel.working.bar.value
            await asyncio.sleep(0.1)
            assert panel.working.bar.value == share < 1.0
            panel.visible = True
            await until(0.5, panel)
            panel.working.stop_button.click()
            assert "what is done stays" in panel.working.label.value
            count = int(re.search(r"of (\d) parameters", panel.picture.alt)[1])
            assert 3 <= count < 6
            panel.fit = ONE_WAY
            while panel.working.under_way:
                await asyncio.sleep(0.005)
            assert "of 3 parameters" in panel.picture.alt
            assert panel.problem == ""

        asyncio.run(main())

    def test_profiles_known_are_not_computed_again(self, monkeypatch):
        panel = mw.ProfilePlot(ONE_WAY)
        monkeypatch.setattr(
            "mixedwidgets.widgets.panels.profile.profile_steps", lambda *args: 1 / 0
        )
        panel.view = "density"
        assert panel.problem == ""
        panel.fit = BOUNDARY
        assert "ZeroDivisionError" in panel.problem


class TestBoundaryPlot:
    def test_no_boundary_fit(self):
        panel = mw.BoundaryPlot(SLEEP)
        assert "this is no boundary fit" in panel.words.value
        assert panel.picture.layout.display == "none"
        assert "<img" not in panel.static_html()

    def test_a_boundary_fit(self):
        panel = mw.BoundaryPlot(BOUNDARY)
        assert panel.picture.layout.display is None
        assert "its variance is estimated as zero" in panel.words.value
        assert "<img" in panel.static_html()
        (button,) = [w for w in panel.models.children if isinstance(w, ipw.Button)]
        assert button.disabled  # without random effects it would be another kind of model

    def test_every_click_is_heard(self):
        panel = mw.BoundaryPlot(SLEEP)
        heard: list[str] = []
        panel.observe(lambda change: heard.append(change["new"]), "chosen")
        button = next(w for w in panel.models.children if isinstance(w, ipw.Button))
        button.click()
        button.click()
        simpler = SLEEP.simpler()
        assert [formula for formula in heard if formula] == [simpler.index[0]] * 2
        shown = " ".join(w.value for w in panel.models.children if isinstance(w, ipw.HTML))
        change = mw.lmer(simpler.index[0], mw.load("sleepstudy"), REML=False)
        rise = 2.0 * (SLEEP.loglik - change.loglik)
        assert after("+", shown) == pytest.approx(rise, rel=0.01)


class TestFitSummary:
    def test_the_table_has_the_numbers_of_the_fit(self):
        panel = mw.FitSummary(SLEEP)
        for value in (*SLEEP.fixef, *SLEEP.se):
            assert f"{value:.3f}"[:5] in panel.table.value
        assert panel.static_html() == panel.table.value


# ---- whatever is dragged, clicked, pressed or picked, linked panels say the same

PLACE = st.floats(-1.0, 3.0) | st.sampled_from([np.nan, np.inf, 0.0])
KEYS = st.sampled_from(["ArrowLeft", "ArrowUp", "Home", "End", "PageDown", "Escape"])
ACTIONS = st.one_of(
    st.tuples(st.just("drag"), st.tuples(PLACE, PLACE)),
    st.tuples(st.just("click"), st.none()),
    st.tuples(st.just("press"), KEYS),
    st.tuples(st.just("turn"), st.floats(-0.5, 1.5)),
    st.tuples(st.just("press dial"), KEYS),
    st.tuples(st.just("click dial"), st.none()),
    st.tuples(st.just("pick"), st.sampled_from(["3", "10", "nobody", ""])),
    st.tuples(st.just("pick by a click"), st.integers(0, 9)),
    st.tuples(st.just("hide"), st.booleans()),
    st.tuples(st.just("kind"), st.sampled_from(["profile", "slice"])),
)


def act(surface: Any, shrinkage: Any, action: str, argument: Any) -> None:
    if action == "drag":
        surface.picture.pointer = at("move", *argument, artist="point")
    elif action == "click":
        surface.picture.pointer = event("click")
    elif action == "press":
        surface.picture.pointer = key(argument)
    elif action == "turn":
        shrinkage.dial_picture.pointer = at("move", argument, 1.0, artist="dial")
    elif action == "press dial":
        shrinkage.dial_picture.pointer = key(argument)
    elif action == "click dial":
        shrinkage.dial_picture.pointer = event("click")
    elif action == "pick":
        shrinkage.search.value = argument
    elif action == "pick by a click":
        shrinkage.picture.pointer = at("click", 0.0, 0.0, artist="no-pooling", index=argument)
    elif action == "hide":
        shrinkage.visible = not argument
    else:
        surface.kind = argument


@given(st.lists(ACTIONS, min_size=1, max_size=12))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_done_everything_agrees(actions):
    surface, shrinkage = mw.LikelihoodSurface(ONE_WAY), mw.ShrinkagePlot(ONE_WAY)
    caterpillar, group = mw.CaterpillarPlot(ONE_WAY), mw.GroupPlot(ONE_WAY)
    panels = (surface, shrinkage, caterpillar, group)
    for panel in panels[1:]:
        traitlets.link((surface, "point"), (panel, "point"))
        traitlets.link((surface, "picked"), (panel, "picked"))
    for action, argument in actions:
        act(surface, shrinkage, action, argument)
        assert [(panel.problem, panel.error) for panel in panels] == [("", None)] * 4
        point = surface.point
        values = ONE_WAY.values() if point is None else point.parameters
        tau, sigma = values[TAU], values[SIGMA]
        spot = artist(surface.picture.figure, "point").get_xydata()[0]
        np.testing.assert_allclose(spot, [tau, sigma], rtol=1e-9, atol=1e-12)
        modes = np.sort(one_way_means(tau, sigma) - WHEAT["yield"].mean())
        np.testing.assert_allclose(sorted_places(caterpillar, "modes-0"), modes, atol=1e-6)
        assert group.picked == caterpillar.picked == surface.picked
        if not shrinkage.visible:
            continue
        if shrinkage.pooling is None:
            means = np.sort(one_way_means(tau, sigma))
            np.testing.assert_allclose(sorted_places(shrinkage, "partial-pooling"), means)
        else:
            table = shrinkage._dial.shrinkage_at(shrinkage.pooling)
            np.testing.assert_allclose(
                sorted_places(shrinkage, "partial-pooling"), np.sort(table.partial_pooling[:, 0])
            )
        known = surface.picked in shrinkage.levels
        if action == "pick by a click":
            assert shrinkage.search.value == surface.picked
        assert ("No group is picked" in group.picture.alt) == (not known)
    ipw.Widget.close_all()
