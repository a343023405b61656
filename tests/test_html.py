"""The notebook tables: well formed, accessible, escaped, and with the numbers of the text."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from mixedwidgets.lmm.html import print_html, summary_html
from mixedwidgets.lmm.report import ReportData, VarianceBlock

HOSTILE = "<script>alert(\"$x$\")</script> & 'co'"


class Outline(HTMLParser):
    """Checks that tags balance and collects tables as grids of cell texts."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.tables: list[list[list[str]]] = []
        self.captions: list[str] = []
        self.spans: list[tuple[int, int, int]] = []
        self.unscoped = 0
        self.text = ""

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.open.append(tag)
        self.tags.add(tag)
        if tag == "table":
            self.tables.append([])
            self.spans = []
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1] += [""] * int(given.get("colspan") or 1)
            if int(given.get("rowspan") or 1) > 1:
                self.spans.append((len(self.tables[-1]) - 1, int(given["rowspan"] or 1), 1))
        self.unscoped += tag == "th" and "scope" not in given
        if tag == "caption":
            self.captions.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if "caption" in self.open:
            self.captions[-1] += data
        elif "th" in self.open or "td" in self.open:
            self.tables[-1][-1][-1] += data

    def widths(self, table: int) -> set[int]:
        rows = [len(row) for row in self.tables[table]]
        for start, height, width in self.spans if table == len(self.tables) - 1 else []:
            for i in range(start + 1, start + height):
                rows[i] += width
        return set(rows)


def outline(html: str) -> Outline:
    parsed = Outline()
    parsed.feed(html)
    parsed.close()
    assert parsed.open == []
    return parsed


def report(**changes) -> ReportData:
    corr = np.array([[1.0, 0.066], [0.066, 1.0]])
    data = ReportData(
        formula="Reaction ~ Days + (Days | Subject)",
        data_name="sleepstudy",
        reml=True,
        criterion=1743.6282719605,
        loglik=-871.81413598,
        aic=1755.628271,
        bic=1774.786018,
        deviance=1743.628271,
        df_resid=174,
        varcorr=(
            VarianceBlock("Subject", ("(Intercept)", "Days"), np.array([24.7407, 5.9221]), corr),
        ),
        sigma=25.59182,
        nobs=180,
        ngroups=(("Subject", 18),),
        fixef_names=("(Intercept)", "Days"),
        fixef=np.array([251.405105, 10.467286]),
        fixef_se=np.array([6.824597, 1.545790]),
        fixef_corr=np.array([[1.0, -0.138], [-0.138, 1.0]]),
        scaled_residual_quantiles=np.array([-3.9536, -0.4634, 0.0231, 0.4634, 5.1793]),
        verdict="An ordinary optimum.",
    )
    return dataclasses.replace(data, **changes)


@pytest.mark.parametrize("write", [print_html, summary_html])
def test_every_table_has_a_caption_and_scoped_heads(write):
    html = write(report())
    parsed = outline(html)
    assert len(parsed.captions) == len(parsed.tables)
    assert all(parsed.captions)
    assert parsed.unscoped == 0
    assert parsed.tags <= {
        "div",
        "p",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "span",
        "abbr",
    }
    assert "id=" not in html
    assert html.count('role="group"') == 1
    assert parsed.text.rstrip().endswith("An ordinary optimum.")


def test_the_numbers_are_those_of_the_text():
    parsed = outline(print_html(report()))
    assert parsed.captions == ["Random effects", "Fixed effects"]
    random, fixed = parsed.tables
    assert random == [
        ["Group", "Name", "Variance", "Std. dev.", "Correlation"],
        ["Subject", "(Intercept)", "612.10", "24.741", ""],
        ["Days", "35.07", "5.922", "0.07"],
        ["", "Residual", "654.94", "25.592", ""],
    ]
    assert fixed == [
        ["Name", "Estimate", "Std. error", "t value"],
        ["(Intercept)", "251.405", "6.825", "36.838"],
        ["Days", "10.467", "1.546", "6.771"],
    ]
    assert "REML criterion 1743.628" in parsed.text
    assert "180 observations · 18 groups of Subject · data sleepstudy" in parsed.text


def test_the_summary_adds_criteria_residuals_and_correlations():
    data = report(reml=False, weights_name="w", offset_name="o", subset_name="Days > 1")
    parsed = outline(summary_html(data))
    assert parsed.captions == [
        "Fit",
        "Scaled residuals",
        "Random effects",
        "Fixed effects",
        "Correlation of fixed effects",
    ]
    assert parsed.tables[0] == [
        ["AIC", "BIC", "log-likelihood", "deviance", "residual df"],
        ["1755.6", "1774.8", "-871.8", "1743.6", "174"],
    ]
    assert parsed.tables[1][1] == ["-3.9536", "-0.4634", "0.0231", "0.4634", "5.1793"]
    assert parsed.tables[4] == [["Name", "(Intercept)"], ["Days", "-0.138"]]
    assert "weights w · offset o · subset Days > 1" in parsed.text
    assert "fit by maximum likelihood" in parsed.text


@pytest.mark.parametrize("write", [print_html, summary_html])
def test_names_are_escaped(write):
    names = (HOSTILE, HOSTILE + "2")
    block = report().varcorr[0]
    data = report(
        formula=HOSTILE,
        data_name=HOSTILE,
        ngroups=((HOSTILE, 18),),
        varcorr=(dataclasses.replace(block, group=HOSTILE, names=names),),
        fixef_names=names,
        dropped=(HOSTILE,),
        messages=(HOSTILE,),
        verdict=HOSTILE + "!",
    )
    html = write(data)
    parsed = outline(html)
    assert "script" not in parsed.tags
    assert "<script" not in html
    shown = re.sub(r'"[^"]*"', "", html)
    assert "$" not in shown  # front ends typeset what stands between dollar signs
    assert parsed.tables[-1][1][0] or write is print_html
    assert HOSTILE in parsed.text


def test_several_terms_make_even_rows():
    one = report().varcorr[0]
    three = VarianceBlock("item", ("a", "b", "c"), np.array([1.0, 2.0, 0.5]), np.eye(3))
    parsed = outline(print_html(report(varcorr=(three, one), fixef_names=())))
    assert parsed.widths(0) == {6}
    assert "No fixed effects." in parsed.text


def test_long_names_and_many_effects_stay_readable():
    long = ("a_factor_with_a_very_long_namelevel1", "Days")
    html = summary_html(report(fixef_names=long))
    assert '<abbr title="a_factor_with_a_very_long_namelevel1">' in html
    p = 21
    many = report(
        fixef_names=tuple(f"x{i}" for i in range(p)),
        fixef=np.ones(p),
        fixef_se=np.ones(p),
        fixef_corr=np.eye(p),
    )
    assert "Correlations of the 21 fixed effects are not shown" in summary_html(many)
    alone = report(
        fixef_names=("(Intercept)",),
        fixef=np.ones(1),
        fixef_se=np.ones(1),
        fixef_corr=np.eye(1),
        scaled_residual_quantiles=None,
    )
    parsed = outline(summary_html(alone))
    assert parsed.captions == ["Fit", "Random effects", "Fixed effects"]


def test_notes_are_shown_once():
    data = report(dropped=("twice",), fit_warnings=("Scales differ.",), messages=("Bound.",))
    parsed = outline(print_html(dataclasses.replace(data, verdict="Bound.")))
    assert "Left out, being combinations of other columns: twice." in parsed.text
    assert "Scales differ." in parsed.text
    assert parsed.text.count("Bound.") == 1
