"""The mean of one group, drawn towards the overall mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from mixedwidgets.errors import DataError, ModelError, brief, listed, nearest
from mixedwidgets.homework.questions.facts import scale
from mixedwidgets.homework.questions.fits import criterion
from mixedwidgets.homework.questions.item import Item, Precision, number, precision
from mixedwidgets.homework.questions.question import Question, whether
from mixedwidgets.homework.world import World
from mixedwidgets.likelihood.anova import GroupMeans

WEIGHT = Precision(3, 0.005)


@dataclass(frozen=True)
class ShrunkenMean(Question):
    """The weight of a group's own mean, and its shrunken mean, in ``response ~ 1 + (1 | group)``.

    Parts: ``weight`` and ``mean`` (numbers).

    Parameters
    ----------
    group : str, optional
        Name of a group that all students have; by default each student has one of their own whose
        mean is moved visibly.
    reml : bool
        Estimates by REML; by maximum likelihood where False.
    points, title, feedback, tries, id
        See ``Question``.

    Raises
    ------
    DataError
        A group that is no text, or ``reml`` neither True nor False.
    """

    group: str | None = None
    reml: bool = False

    heading: ClassVar[str] = "A shrunken mean"

    def __post_init__(self) -> None:
        """Refuse what is no name."""
        super().__post_init__()
        whether("ShrunkenMean: reml", self.reml)
        check_group("ShrunkenMean", self.group)

    def words(self, world: World) -> str:
        """Return the question."""
        name = named(world, self.group)
        return (
            f"Fit `{world.formula('null')}` by {criterion(self.reml)}. "
            f"The estimated mean of the {world.scenario.a_group} **{name}** is "
            r"$\hat\mu_j = w_j \bar y_j + (1 - w_j) \hat\mu$, drawn from the mean of its own rows "
            r"$\bar y_j$ towards the estimate $\hat\mu$ of the fit, with the weight "
            r"$w_j = n_j\hat\tau^2 / (\hat\sigma^2 + n_j\hat\tau^2)$. What are both for "
            f"**{name}**?"
        )

    def items(self, world: World) -> tuple[Item, ...]:
        """Return both parts."""
        name = named(world, self.group)
        methods = ("REML", "ML") if self.reml else ("ML", "REML")
        right, other = (world.oneway.means(method) for method in methods)
        j = right.labels.index(name)
        weight, mean = float(right.weight[j]), float(right.shrunken[j])
        raw = float(right.unbiased[j])
        wrong = f"This is the estimate by {methods[1]}; the question asks for {methods[0]}."
        return (
            number(
                "weight",
                f"weight w of the mean of {name}",
                weight,
                WEIGHT,
                limits=(0.0, 1.0),
                mistakes=self._weight_mistakes(world, right, j, (float(other.weight[j]), wrong)),
                working=(rf"$n_j = {right.size[j]}$ and the variances give $w = {weight:.5f}$."),
            ),
            number(
                "mean",
                f"shrunken mean of {name}",
                mean,
                precision(scale(world, "tau")),
                units=world.scenario.units,
                limits=world.scenario.limits,
                mistakes=self._mean_mistakes(world, right, j, (float(other.shrunken[j]), wrong)),
                working=(
                    rf"${weight:.4f} \times {raw:.4f} + {1 - weight:.4f} \times {right.mu:.4f} = "
                    rf"{mean:.4f}$."
                ),
            ),
        )

    def _weight_mistakes(
        self, world: World, right: GroupMeans, j: int, other: tuple[float, str]
    ) -> Iterator[tuple[float, str]]:
        sigma2, tau2, n = self._variances(world, right, j)
        weight = float(right.weight[j])
        yield other
        yield 1.0 - weight, "This is the weight of the overall mean, 1 - w."
        yield (
            n * tau2**0.5 / (sigma2**0.5 + n * tau2**0.5),
            "This takes SDs where the weight has variances.",
        )
        yield tau2 / (tau2 + sigma2), "This is the weight of a single row: n is left out."
        yield 1.0, "A weight of 1 would leave the mean as it is."
        for size in sorted({int(s) for s in right.size} - {n}):
            yield (
                size * tau2 / (sigma2 + size * tau2),
                f"This is the weight for a {world.scenario.a_group} with {size} rows; "
                f"{right.labels[j]} has {n}.",
            )

    def _mean_mistakes(
        self, world: World, right: GroupMeans, j: int, other: tuple[float, str]
    ) -> Iterator[tuple[float, str]]:
        sigma2, tau2, n = self._variances(world, right, j)
        weight, raw, mu = float(right.weight[j]), float(right.unbiased[j]), right.mu
        share = n * tau2**0.5 / (sigma2**0.5 + n * tau2**0.5)
        all_rows, of_means = world.oneway.moments.mu, float(right.unbiased.mean())
        yield raw, f"This is the mean of {right.labels[j]} as it is, without shrinkage."
        yield other
        yield mu, "This is the overall mean, to which the group is drawn, but not all the way."
        yield (
            weight * raw + (1.0 - weight) * all_rows,
            "This is shrunk towards the wrong mean: that of all rows, not the estimate of the fit.",
        )
        yield (
            weight * raw + (1.0 - weight) * of_means,
            "This is shrunk towards the wrong mean: that of the groups' means, not the estimate of "
            "the fit.",
        )
        yield (1.0 - weight) * raw + weight * mu, "The weights w and 1 - w are exchanged."
        yield share * raw + (1.0 - share) * mu, "This takes SDs where the weight has variances."
        yield weight * raw, "This is shrunk towards 0, not towards the overall mean."
        yield (
            weight * (raw - mu),
            "This is the group's deviation from the overall mean; add the overall mean.",
        )
        yield all_rows, "This is the mean of all rows."
        for label, value in zip(right.labels, right.shrunken.tolist(), strict=True):
            if label != right.labels[j]:
                yield value, f"This is the shrunken mean of {label}, not of {right.labels[j]}."
        for label, value in zip(right.labels, right.unbiased.tolist(), strict=True):
            if label != right.labels[j]:
                yield (
                    value,
                    f"This is the mean of {label}, unshrunk, not that of {right.labels[j]}.",
                )

    def _variances(self, world: World, right: GroupMeans, j: int) -> tuple[float, float, int]:
        found = world.oneway.reml if self.reml else world.oneway.ml
        return found.sigma2, found.tau2, int(right.size[j])


def check_group(kind: str, group: object) -> None:
    """Refuse what is neither a name nor None.

    Raises
    ------
    DataError
    """
    if group is not None and not isinstance(group, str):
        raise DataError(
            f"{kind}: group is {brief(group)}; give the name of a group, or leave it out for one "
            "of each student's own."
        )


def named(world: World, group: str | None) -> str:
    """Return the group that a question is about.

    Raises
    ------
    ModelError
        The student has no group of this name.
    """
    if group is None:
        return world.named_group
    if group not in world.group_names:
        raise ModelError(
            f"{world.student or 'The class'} has no {world.scenario.a_group} {group!r}"
            f"{nearest(group, world.group_names)}, only {listed(world.group_names, 8)}; leave out "
            "group, so that each student is asked about one of their own."
        )
    return group
