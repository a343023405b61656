"""Long work in slices: it leaves the loop its turns, the latest wins, and nothing vanishes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest

from mixedwidgets.widgets import longwork
from mixedwidgets.widgets.longwork import LongWork


class Caught:
    """A guard that keeps what it catches."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []

    @contextmanager
    def __call__(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self.errors.append(error)


@pytest.fixture
def caught() -> Caught:
    return Caught()


@pytest.fixture
def work(caught: Caught) -> LongWork:
    return LongWork(caught)


@pytest.fixture
def short_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(longwork, "BUDGET", 0.0)


def on_a_loop(script: Callable[[], Any], until: Callable[[], bool], seconds: float = 5.0) -> None:
    async def main() -> None:
        script()
        deadline = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < deadline, "the work did not finish"
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)

    asyncio.run(main())


class TestWithoutALoop:
    def test_everything_runs_before_start_returns(self, work):
        shown = []
        work.start(iter(range(1, 1001)), lambda item, finished: shown.append((item, finished)))
        assert shown == [(1000, True)]

    def test_however_long_it_takes(self, work, short_slices):
        shown = []
        work.start(iter([1, 2, 3]), lambda *told: shown.append(told))
        assert shown == [(3, True)]

    def test_nothing_to_do_shows_nothing(self, work):
        work.start(iter([]), lambda *told: pytest.fail("there was nothing to show"))

    def test_an_exception_is_caught(self, work, caught):
        def steps():
            yield 1
            raise ValueError("broken")

        work.start(steps(), lambda *told: None)
        assert [str(error) for error in caught.errors] == ["broken"]

    def test_an_exception_while_showing_is_caught(self, work, caught):
        work.start(iter([1]), lambda *told: 1 / 0)
        assert [type(error) for error in caught.errors] == [ZeroDivisionError]

    def test_it_can_be_used_again_after_an_exception(self, work):
        shown = []
        work.start(iter([1]), lambda *told: 1 / 0)
        work.start(iter([2]), lambda *told: shown.append(told))
        assert shown == [(2, True)]


@pytest.mark.usefixtures("short_slices")
class TestOnALoop:
    def test_in_slices_the_last_one_told_as_such(self, work):
        shown = []
        on_a_loop(
            lambda: work.start(iter([1, 2, 3]), lambda *told: shown.append(told)),
            lambda: bool(shown) and shown[-1][1],
        )
        assert shown == [(1, False), (2, False), (3, False), (3, True)]

    def test_the_first_slice_is_at_once(self, work):
        at_once = []

        def script():
            shown = []
            work.start(iter([1, 2]), lambda *told: shown.append(told))
            at_once.extend(shown)
            work.cancel()

        on_a_loop(script, lambda: True)
        assert at_once == [(1, False)]

    def test_the_loop_gets_its_turns(self, work):
        order = []

        async def main():
            async def other():
                while "end" not in order:
                    order.append("other")
                    await asyncio.sleep(0)

            task = asyncio.create_task(other())
            work.start(
                iter(range(1, 6)), lambda item, finished: order.append("end" if finished else item)
            )
            await task

        asyncio.run(main())
        items = [i for i, what in enumerate(order) if what != "other"]
        assert [order[i] for i in items] == [1, 2, 3, 4, 5, "end"]
        assert all("other" in order[i:j] for i, j in pairwise(items))

    def test_the_latest_wins_and_stale_work_is_neither_done_nor_shown(self, work):
        done, shown = [], []

        def steps(name):
            for number in range(5):
                done.append((name, number))
                yield name, number

        def script():
            for name in "abc":
                work.start(steps(name), lambda item, finished: shown.append((*item, finished)))

        on_a_loop(script, lambda: bool(shown) and shown[-1][2])
        assert [item for item in done if item[0] != "c"] == [("a", 0), ("b", 0)]
        assert [item for item in shown if item[0] != "c"] == [("a", 0, False), ("b", 0, False)]
        assert shown[-1] == ("c", 4, True)

    def test_cancel(self, work):
        shown = []

        def script():
            work.start(iter(range(1, 100)), lambda *told: shown.append(told))
            work.cancel()

        on_a_loop(script, lambda: True)
        assert shown == [(1, False)]

    def test_work_started_while_showing_replaces_its_own(self, work):
        shown = []

        def show(item, finished):
            shown.append(item)
            if item == 1:
                work.start(iter([10, 11]), show)

        on_a_loop(lambda: work.start(iter([1, 2]), show), lambda: 11 in shown)
        assert shown == [1, 10, 11, 11]

    def test_an_exception_is_caught_and_ends_the_work(self, work, caught):
        shown = []

        def steps():
            yield 1
            yield 2
            raise ValueError("broken")

        on_a_loop(
            lambda: work.start(steps(), lambda *told: shown.append(told)),
            lambda: bool(caught.errors),
        )
        assert shown == [(1, False), (2, False)]
        assert [str(error) for error in caught.errors] == ["broken"]

    def test_work_overtaken_from_another_thread_is_not_shown(self, work):
        shown = []

        def steps():
            thread = threading.Thread(
                target=work.start, args=(iter(["new"]), lambda item, _: shown.append(item))
            )
            thread.start()
            thread.join()
            yield "old"

        on_a_loop(lambda: work.start(steps(), lambda item, _: shown.append(item)), lambda: True)
        assert shown == ["new"]


def test_a_slice_ends_when_its_time_is_up(work, monkeypatch):
    monkeypatch.setattr(longwork, "BUDGET", 0.02)
    shown = []

    def steps():
        for number in range(1, 41):
            time.sleep(0.002)
            yield number

    async def main():
        work.start(steps(), lambda *told: shown.append(told))
        while not shown[-1][1]:
            await asyncio.sleep(0)

    asyncio.run(main())
    assert shown[-1] == (40, True)
    assert 3 <= len(shown) < 40
