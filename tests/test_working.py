"""Long work on the screen: how far it is, stopped with what it has, replaced by the latest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets as ipw
import pytest

from mixedwidgets.widgets import longwork
from mixedwidgets.widgets.guard import Guarded
from mixedwidgets.widgets.working import Working


@pytest.fixture(autouse=True)
def _no_widget_outlives_its_test() -> Iterator[None]:
    yield
    ipw.Widget.close_all()


@pytest.fixture(autouse=True)
def _one_step_a_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(longwork, "BUDGET", 0.0)


class Watched(Guarded):
    """A work with all that it has shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[tuple[Any, bool]] = []
        self.working = Working(self.guarded)

    def show(self, latest: Any, finished: bool) -> None:
        self.shown.append((latest, finished))

    def start(self, what: str, steps: Iterator[Any], most: int = 4) -> None:
        self.working.start(what, steps, self.show, lambda latest: latest / most)

    @property
    def label(self) -> str:
        return str(self.working.label.value)

    @property
    def looks_busy(self) -> bool:
        working = self.working
        seen = {p.layout.visibility for p in (working.bar, working.stop_button)}
        assert len(seen) == 1
        return seen == {"visible"}


def on_a_loop(script: Callable[[Watched], Any]) -> Watched:
    """Run a coroutine on a loop, with a work to watch."""
    made: list[Watched] = []

    async def main() -> None:
        made.append(Watched())
        await script(made[0])

    asyncio.run(main())
    return made[0]


async def until(true: Callable[[], bool]) -> None:
    for _ in range(500):
        if true():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("it never came true")


def test_at_rest_nothing_is_seen_and_no_room_is_taken_away():
    watched = Watched()
    assert not watched.looks_busy
    assert not watched.working.under_way
    assert watched.working.layout.min_height == "32px"
    watched.working.stop_button.click()
    assert watched.shown == []


def test_where_no_loop_runs_all_is_done_at_once():
    watched = Watched()
    watched.start("Bootstrap", iter([1, 2, 3, 4]))
    assert watched.shown == [(4, True)]
    assert not watched.looks_busy
    assert not watched.working.under_way


def test_the_bar_says_how_far_it_is():
    async def script(watched: Watched) -> None:
        seen: list[float] = []
        watched.working.bar.observe(lambda change: seen.append(change["new"]), "value")
        watched.start("Bootstrap of 4 replicates", iter([1, 2, 3, 4]))
        assert watched.looks_busy
        assert "Bootstrap of 4 replicates ..." in watched.label
        assert 'role="status"' in watched.label
        await until(lambda: not watched.working.under_way)
        assert seen == [0.25, 0.5, 0.75, 1.0]
        assert not watched.looks_busy
        assert "Bootstrap" not in watched.label

    watched = on_a_loop(script)
    assert [latest for latest, _ in watched.shown] == [1, 2, 3, 4, 4]
    assert [finished for _, finished in watched.shown] == [False] * 4 + [True]


def test_stopped_it_keeps_what_is_done():
    async def script(watched: Watched) -> None:
        watched.start("Bootstrap", iter(range(1, 101)), 100)
        await until(lambda: len(watched.shown) == 25)
        watched.working.stop_button.click()
        assert watched.shown[-1] == (25, True)
        assert "Bootstrap: stopped at 25%; what is done stays." in watched.label
        assert not watched.looks_busy
        await asyncio.sleep(0.03)
        watched.working.stop_button.click()

    watched = on_a_loop(script)
    assert watched.shown[-1] == (25, True)
    assert len(watched.shown) == 26


def test_dropped_it_shows_nothing_more():
    async def script(watched: Watched) -> None:
        watched.start("Profiles", iter(range(1, 101)), 100)
        await until(lambda: len(watched.shown) == 3)
        assert watched.working.drop()
        assert not watched.working.drop()
        assert not watched.looks_busy
        await asyncio.sleep(0.03)

    assert on_a_loop(script).shown == [(1, False), (2, False), (3, False)]


def test_the_latest_wins():
    async def script(watched: Watched) -> None:
        for name in range(10, 40, 10):
            watched.start(f"work {name}", iter(range(name + 1, name + 5)), 40)
        assert "work 30" in watched.label
        await until(lambda: not watched.working.under_way)
        await asyncio.sleep(0.02)

    watched = on_a_loop(script)
    assert [latest for latest, _ in watched.shown] == [11, 21, 31, 32, 33, 34, 34]
    assert watched.shown[-1] == (34, True)


def test_stop_means_the_latest():
    async def script(watched: Watched) -> None:
        watched.start("one", iter(range(1, 101)), 100)
        await until(lambda: len(watched.shown) == 5)
        watched.start("other", iter(range(51, 101)), 100)
        watched.working.stop_button.click()
        assert watched.shown[-1] == (51, True)
        assert "other: stopped at 51%" in watched.label

    on_a_loop(script)


@pytest.mark.parametrize("loop", [True, False])
@pytest.mark.parametrize("good", [0, 2])
def test_an_exception_is_told_and_ends_the_work(loop, good):
    def steps() -> Iterator[int]:
        yield from range(1, good + 1)
        raise ValueError("lost a replicate")

    async def script(watched: Watched) -> None:
        watched.start("Bootstrap", steps())
        await until(lambda: bool(watched.error))
        assert not watched.working.under_way
        assert not watched.looks_busy

    if loop:
        watched = on_a_loop(script)
    else:
        watched = Watched()
        watched.start("Bootstrap", steps())
        assert not watched.looks_busy
    assert "ValueError: lost a replicate" in watched.problem
    assert "in steps" in watched.error
    watched.start("again", iter([4]))
    assert watched.shown[-1] == (4, True)


def test_a_picture_that_fails_ends_the_work():
    async def script(watched: Watched) -> None:
        watched.working.start("Bootstrap", iter([1, 2, 3]), broken, lambda latest: latest / 3)
        await until(lambda: bool(watched.error))
        await asyncio.sleep(0.02)
        assert not watched.working.under_way

    def broken(latest: int, finished: bool) -> None:
        raise ZeroDivisionError("no picture")

    watched = on_a_loop(script)
    assert "ZeroDivisionError: no picture" in watched.problem


def test_a_hostile_name_is_escaped():
    async def script(watched: Watched) -> None:
        watched.start("<b>$x$", iter(range(1, 101)), 100)
        assert "<b>" not in watched.label
        watched.working.stop_button.click()
        assert "<b>" not in watched.label
        assert "&lt;b&gt;" in watched.label

    on_a_loop(script)
