"""Adding random effects to a design, and the score test of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.design import Design, Grouping, RandomBlock
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.groups import lme4_order
from mixedwidgets.lmm.mixture import mixture_p_value
from mixedwidgets.lmm.moments import moments
from mixedwidgets.lmm.scores import Extension, score
from mixedwidgets.lmm.variance_tests import VarianceTest, share_beyond

Term = tuple[Grouping, RandomBlock]


def score_test(
    design: Design,
    fitted: Estimate,
    extra: Design,
    term: str,
    nsim: int,
    generator: np.random.Generator,
) -> VarianceTest:
    """Test whether random effects would vary if they were added to a fit.

    Parameters
    ----------
    design, fitted
        The fit.
    extra : Design
        The same model with the random effects of ``term`` alone.
    term : str
        As the user wrote it.
    nsim : int
        How many draws of the null distribution, where several effects are added.
    generator : Generator

    Raises
    ------
    ModelError
        The rows differ, or the effects are not new.
    """
    if len(extra.y) != len(design.y) or not extra.index.equals(design.index):
        raise ModelError(
            f"{term} is missing in rows that the fit uses, and a test needs the same rows; fit "
            "the model to the rows where it is there."
        )
    larger, extension = extended(design, fitted, extra, term)
    found = score(moments(larger), extension, fitted.reml)
    statistic, criterion = found.statistic, "REML" if fitted.reml else "ML"
    if found.sizes == (1,):
        k = found.nfree + 1
        words = f"an equal mixture of chi-squares with {k - 1} and {k} degrees of freedom"
        return VarianceTest(
            term, statistic, mixture_p_value(statistic, k), "score", criterion, words
        )
    drawn = found.drawn(nsim, generator)
    words = f"{nsim} draws of its large-sample distribution"
    return VarianceTest(
        term, statistic, share_beyond(drawn, statistic), "score", criterion, words, drawn
    )


def extended(
    design: Design, fitted: Estimate, extra: Design, term: str
) -> tuple[Design, Extension]:
    """The design with the effects of another added, and where the fit lies in it."""
    own = [(design.groupings[b.grouping], b) for b in design.blocks]
    new = [(extra.groupings[b.grouping], b) for b in extra.blocks]
    partners = [_partner(own, added, term) for added in new]
    merged = [(g, b) for i, (g, b) in enumerate(own) if i not in partners]
    merged += new
    order = lme4_order([len(g.levels) for g, _ in merged])
    merged = [merged[i] for i in order]
    starts = np.cumsum([0, *(len(b.names) for _, b in merged)])
    place = {
        (g.name, name): int(start) + i
        for (g, b), start in zip(merged, starts, strict=False)
        for i, name in enumerate(b.names)
    }
    factors = tuple(
        (
            np.array([place[g.name, name] for name in b.names]),
            fitted.factor[columns, columns] / fitted.sigma,
        )
        for (g, b), columns in zip(own, fitted.moments.layout.slices, strict=True)
    )
    added = tuple(
        (
            np.array(
                [
                    place[g.name, name]
                    for name in b.names
                    if partner < 0 or name not in own[partner][1].names
                ]
            ),
            partner,
        )
        for (g, b), partner in zip(new, partners, strict=True)
    )
    return _with_terms(design, merged), Extension(factors, added)


def _partner(own: Sequence[Term], added: Term, term: str) -> int:
    """Which term of the fit the new one extends; -1 for none.

    Raises
    ------
    ModelError
        Some of the effects are in the fit already, and the rest would not simply join them.
    """
    group, block = added
    names = set(block.names)
    common = [i for i, (g, b) in enumerate(own) if g.name == group.name and names & set(b.names)]
    if not common:
        return -1
    inside = set(own[common[0]][1].names)
    if len(common) == 1 and inside < names:
        return common[0]
    if len(common) == 1 and inside >= names:
        raise ModelError(
            f"The fit has the random effects of {term} already; to test them, use test_variance."
        )
    raise ModelError(
        f"{term} has effects that the fit has in other terms; give new effects alone, such as "
        "'(0 + x | group)', or a term with all effects of one term of the fit and new ones."
    )


def _with_terms(design: Design, terms: Sequence[Term]) -> Design:
    """The design with these terms for its random effects, in their order."""
    used = {g.name: g for g, _ in terms}
    names = list(used)
    return replace(
        design,
        blocks=tuple(replace(b, grouping=names.index(g.name)) for g, b in terms),
        groupings=tuple(used.values()),
    )
