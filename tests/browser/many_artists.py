"""A picture with one of everything that can move; run as a notebook cell and by the tests."""

import numpy as np
from matplotlib.collections import LineCollection

from mixedwidgets.widgets.picture import Picture


def draw_many(figure):
    random = np.random.default_rng(1)
    left, right = figure.subplots(1, 2)
    x = np.linspace(0, 10, 101)
    left.set(xlim=(0, 10), ylim=(-3, 3), xlabel="x", ylabel="y", title="Lines")
    left.plot(x, np.sin(x), "k:", lw=1)
    left.fill_between(x, np.sin(x) - 0.5, np.sin(x) + 0.5, alpha=0.2, animated=True)
    left.plot(x, np.sin(x), animated=True, gid="curve")
    left.plot(x[::10], np.cos(x[::10]), "s--", mfc="white", animated=True)
    left.axvline(5, color="tab:red", lw=1, animated=True)
    left.plot([5], [0.5], "o", ms=10, color="tab:red", animated=True, gid="handle")
    left.text(5.2, 2.2, r"$\hat\tau$ = 0.62 here", animated=True)
    left.annotate("an arrow", (3, 0), (1, -2.5), arrowprops={"arrowstyle": "-|>"}, animated=True)
    right.set(xlim=(0, 4), ylim=(0, 3), xlabel="a", title="Shapes")
    for bar in right.bar([0.5, 1.5], [1.2, 2], color=["0.8", "tab:green"], hatch="//"):
        bar.set_animated(True)
    sizes = random.uniform(5, 80, 40)
    at = random.uniform(2, 4, (2, 40)) - np.array([[0], [1]])
    right.scatter(*at, s=sizes, c=random.uniform(size=40), ec="k", animated=True, gid="points")
    segments = np.stack([at.T, at.T + np.array([0.1, 0.3])], axis=1)
    colors = ["tab:blue", "tab:orange"]
    right.add_collection(
        LineCollection(segments, colors=colors, linewidths=[1, 2], animated=True), autolim=False
    )


picture = Picture((8, 4), alt="Two axes with lines and shapes")
picture.draw(draw_many)
