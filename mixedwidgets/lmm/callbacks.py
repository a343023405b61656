"""What long work tells of itself while it runs, and whether it is to go on."""

from __future__ import annotations

from collections.abc import Callable

from mixedwidgets.errors import ModelError, brief

# told how much is done and how much there will be; False stops
Progress = Callable[[int, int], object]


def check_progress(progress: object) -> None:
    """Refuse what cannot be told of progress, before the work begins.

    Raises
    ------
    ModelError
        It is neither None nor a function.
    """
    if progress is not None and not callable(progress):
        raise ModelError(
            f"progress is {brief(progress)}; give a function of two numbers, what is done and what "
            "there will be, or None."
        )


def go_on(progress: Progress | None, done: int, total: int) -> bool:
    """Tell of progress; whether to go on: where the answer is False, and only then, not."""
    return progress is None or progress(done, total) is not False
