"""Which of three models the data ask for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from scipy.special import chdtrc

from mixedwidgets.homework.questions.item import Item, Precision, choice, number
from mixedwidgets.homework.questions.question import Question, one_of
from mixedwidgets.homework.world import World

MODELS = ("null", "intercept", "slope")
RULES = ("AIC", "LRT")
STATISTIC = Precision(2, 0.02)
ALPHA = 0.05


@dataclass(frozen=True)
class ChooseModel(Question):
    """The model that AIC or likelihood-ratio tests choose, and one likelihood ratio.

    Parts: ``ratio`` (number), twice the difference of the log-likelihoods of the models with random
    slopes and with a random intercept, and ``model`` (choice among three formulas).

    Parameters
    ----------
    rule : {"AIC", "LRT"}
        The lowest AIC; or from the smallest model upwards as long as the test of the next against
        it is below 5 %.
    points, title, feedback, tries, id
        See ``Question``.

    Raises
    ------
    DataError
        Another rule.
    """

    rule: str = "AIC"

    heading: ClassVar[str] = "Choose the model"

    def __post_init__(self) -> None:
        """Refuse another rule."""
        super().__post_init__()
        one_of("ChooseModel: rule", self.rule, RULES)

    def words(self, world: World) -> str:
        """Return the question."""
        formulas = ", ".join(f"`{world.formula(model)}`" for model in MODELS)
        rules = {
            "AIC": "Which of the three has the lowest AIC?",
            "LRT": (
                "Go from the first upwards as long as the likelihood-ratio test of the next model "
                "against the present one is below 5 % (by the chi-squared distribution with as "
                "many degrees of freedom as parameters are added, as `mw.anova` prints it). At "
                "which model do you end?"
            ),
        }
        return (
            f"Fit {formulas}, all by maximum likelihood (ML, `REML=False`). By how much is twice "
            "the log-likelihood of the third model above that of the second (the likelihood-ratio "
            f"statistic)? {rules[self.rule]}"
        )

    def items(self, world: World) -> tuple[Item, ...]:
        """Return both parts."""
        fits = {model: world.fit(model, False) for model in MODELS}
        logs = {model: float(fit.loglik) for model, fit in fits.items()}
        ratio = max(2.0 * (logs["slope"] - logs["intercept"]), 0.0)
        chosen = self._chosen(world)
        return (
            number(
                "ratio",
                "likelihood-ratio statistic, third against second model",
                ratio,
                STATISTIC,
                limits=(0.0, None),
                mistakes=self._ratio_mistakes(world, ratio),
                working=(
                    f"2 × ({logs['slope']:.4f} - ({logs['intercept']:.4f})) = {ratio:.4f} with 2 "
                    "degrees of freedom."
                ),
            ),
            choice(
                "model",
                f"the model chosen by {'AIC' if self.rule == 'AIC' else 'likelihood-ratio tests'}",
                chosen,
                [(model, world.formula(model)) for model in MODELS],
                mistakes=[(model, self._missed(model, chosen)) for model in MODELS],
                working=", ".join(
                    f"`{world.formula(model)}`: AIC {fit.aic:.2f}" for model, fit in fits.items()
                ),
            ),
        )

    def _ratio_mistakes(self, world: World, ratio: float) -> Iterator[tuple[float, str]]:
        null, intercept, slope = (world.fit(model, False) for model in MODELS)
        yield 0.5 * ratio, "This is the difference of the log-likelihoods; take it twice."
        yield -ratio, "The larger model cannot have the smaller log-likelihood."
        restricted = world.fit("slope", True).loglik - world.fit("intercept", True).loglik
        yield 2.0 * float(restricted), "This is from REML fits; fit by ML (REML=False)."
        first = 2.0 * float(intercept.loglik - null.loglik)
        yield first, "This is the second model against the first."
        yield first + ratio, "This is the third model against the first."
        yield (
            float(intercept.aic - slope.aic),
            "This is the difference of the AICs, which counts the parameters as well.",
        )
        yield (
            float(intercept.bic - slope.bic),
            "This is the difference of the BICs, which counts the parameters as well.",
        )
        yield float(chdtrc(2, ratio)), "This is the p value of the test."

    def _chosen(self, world: World) -> str:
        fits = {model: world.fit(model, False) for model in MODELS}
        if self.rule == "AIC":
            return min(MODELS, key=lambda model: float(fits[model].aic))
        for small, large, df in (("null", "intercept", 1), ("intercept", "slope", 2)):
            ratio = 2.0 * float(fits[large].loglik - fits[small].loglik)
            if chdtrc(df, max(ratio, 0.0)) >= ALPHA:
                return small
        return "slope"

    def _missed(self, model: str, chosen: str) -> str:
        larger = MODELS.index(model) > MODELS.index(chosen)
        if self.rule == "AIC":
            return (
                "A larger model always has the higher likelihood; AIC counts its parameters, too."
                if larger
                else "A larger model has a lower AIC; lower is better."
            )
        return (
            "The test on the way to this model is not below 5 %."
            if larger
            else "The next model is better by the likelihood-ratio test."
        )
