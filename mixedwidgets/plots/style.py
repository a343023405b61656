"""How pictures look: the colours of the two themes, the font sizes and the recurring marks.

No global setting of matplotlib is read for colours or fonts, and none is changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mixedwidgets.errors import DataError, nearest

SMALL, NORMAL, LARGE = 9.0, 9.5, 11.0  # points


@dataclass(frozen=True)
class Theme:
    """The colours of a picture, all ``#rrggbb``; the hues stay apart for the colour-blind.

    ``paper`` is behind everything and ``panel`` behind the data; ``ink``, ``muted`` and ``faint``
    are for text, less important text and lines; ``wald``, ``likelihood`` and ``pooled`` name what
    they colour in every picture; ``shades`` fill the joint confidence regions from the outermost
    in.
    """

    name: str
    paper: str
    panel: str
    ink: str
    muted: str
    faint: str
    hatch: str
    wald: str
    likelihood: str
    pooled: str
    shades: tuple[str, str, str, str]


LIGHT = Theme(
    name="light",
    paper="#ffffff",
    panel="#ffffff",
    ink="#1f2328",
    muted="#59616b",
    faint="#e3e6ea",
    hatch="#c9ced4",
    wald="#0072b2",
    likelihood="#c85200",
    pooled="#008a66",
    shades=("#fdf3e8", "#fae4cc", "#f5cda2", "#edb177"),
)
DARK = Theme(
    name="dark",
    paper="#111111",
    panel="#161819",
    ink="#eceef0",
    muted="#a9b0b8",
    faint="#2e3338",
    hatch="#454c53",
    wald="#56b4e9",
    likelihood="#f0a04b",
    pooled="#35c99b",
    shades=("#27201a", "#3b2d20", "#563d26", "#77522d"),
)
THEMES = {"light": LIGHT, "dark": DARK}


def theme_of(theme: str | Theme) -> Theme:
    """Return a theme by its name, or the theme given.

    Raises
    ------
    DataError
        If there is no theme of that name.
    """
    if isinstance(theme, Theme):
        return theme
    if theme not in THEMES:
        raise DataError(
            f"There is no theme {theme!r}{nearest(theme, THEMES)}; give 'light' or 'dark'."
        )
    return THEMES[theme]


def optimum_look(theme: Theme) -> dict[str, Any]:
    """Return how the marker of a maximum looks, as keywords of ``Line2D``."""
    return {
        "marker": "o",
        "markersize": 7.0,
        "markerfacecolor": theme.likelihood,
        "markeredgecolor": theme.paper,
        "markeredgewidth": 1.2,
        "linestyle": "none",
    }


def crosshair_look(theme: Theme) -> dict[str, Any]:
    """Return how a line through the current point looks, as keywords of ``Line2D``."""
    return {"color": theme.ink, "linewidth": 0.7, "alpha": 0.4, "zorder": 3.0}


def wald_look(theme: Theme) -> dict[str, Any]:
    """Return how a quadratic approximation looks, as keywords of ``Line2D``."""
    return {"color": theme.wald, "linewidth": 1.6, "linestyle": (0, (5, 2.5)), "gid": "wald"}


def picked_look(theme: Theme) -> dict[str, Any]:
    """Return how the level that is picked looks, as keywords of ``Line2D``.

    A strong ring around its marker and a strong line along its line, above everything else.
    """
    return {
        "color": theme.ink,
        "linewidth": 2.2,
        "marker": "o",
        "markersize": 13.0,
        "markerfacecolor": "none",
        "markeredgecolor": theme.ink,
        "markeredgewidth": 2.2,
        "zorder": 6.0,
    }
