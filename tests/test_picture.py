"""The kernel's side of Picture: what it reads off matplotlib, what it sends, what it reports."""

from __future__ import annotations

import gc
import io
import json
import weakref

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from PIL import Image

from mixedwidgets.errors import MixedWidgetsError
from mixedwidgets.widgets.moving import Moving, read_moving
from mixedwidgets.widgets.picture import Picture


def axes_of(figure: Figure):
    ax = figure.add_axes((0.1, 0.1, 0.8, 0.8))
    ax.set(xlim=(0, 10), ylim=(0, 10))
    return ax


def read(figure: Figure) -> Moving:
    FigureCanvasAgg(figure).draw()
    return read_moving(figure)


def array(layer: Moving, place: list[int], columns: int = 2) -> np.ndarray:
    start, length = place
    return np.frombuffer(layer.data, "<f4")[start : start + length].reshape(-1, columns)


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


@pytest.fixture
def figure() -> Figure:
    return Figure((4, 3), dpi=100)


@pytest.fixture
def picture():
    picture = Picture((4, 3), alt='One line, "steep"')
    yield picture
    picture.close()


@pytest.fixture
def sent(picture):
    messages = []
    picture._send = lambda message, buffers=None: messages.append((message["state"], buffers))
    return messages


def draw_line(figure: Figure):
    ax = axes_of(figure)
    ax.plot([0, 10], [0, 10], color="black")
    return ax.plot([5], [5], "o", ms=12, color="red", animated=True, gid="point")[0]


class TestMoving:
    def test_marker_is_where_matplotlib_puts_it(self, figure):
        ax = axes_of(figure)
        ax.plot([2, 7.5], [3, 8], "o", animated=True, gid="here")
        ax.plot([1, 2], [1, 2])
        layer = read(figure)
        (markers,) = layer.items
        expected = ax.transData.transform([[2, 3], [7.5, 8]]) * [1, -1] + [0, 300]
        np.testing.assert_allclose(array(layer, markers["at"]), expected, atol=1e-3)
        assert markers["kind"] == "shapes"
        assert (markers["gid"], markers["axes"]) == ("here", 0)
        assert markers["face"] == ["#1f77b4ff"]
        assert markers["clip"] == pytest.approx([40, 30, 320, 240])
        assert layer.axes == [pytest.approx([40, 30, 360, 270])]
        assert layer.size == (400, 300)

    def test_a_gap_breaks_a_line(self, figure):
        axes_of(figure).plot([1, 2, np.nan, 4, 5], [1, 3, 2, 2, 4], "--", animated=True)
        layer = read(figure)
        (item,) = layer.items
        gaps = np.isnan(array(layer, item["xy"])[:, 0])
        np.testing.assert_array_equal(np.flatnonzero(gaps), [2, 5])
        assert item["dash"][0][1] == pytest.approx([7.708, 3.333])

    def test_an_upright_line_is_snapped_to_a_pixel(self, figure):
        axes_of(figure).axvline(3.21, lw=0.72, animated=True)
        layer = read(figure)
        assert set(array(layer, layer.items[0]["xy"])[:2, 0] % 1) == {0.5}

    def test_each_segment_has_its_own_style(self, figure):
        segments = LineCollection(
            [[(1, 1), (2, 2)], [(3, 3), (4, 5)]],
            colors=["red", (0, 0, 1, 0.5)],
            linewidths=[0.72, 1.44],
            animated=True,
        )
        axes_of(figure).add_collection(segments, autolim=False)
        (item,) = read(figure).items
        assert item["edge"] == ["#ff0000ff", "#0000ff80"]
        assert item["width"] == [1.0, 2.0]

    def test_points_keep_their_sizes(self, figure):
        axes_of(figure).scatter([1, 2], [3, 4], s=[4, 16], color=["r", "b"], animated=True)
        layer = read(figure)
        scale = array(layer, layer.items[0]["matrix"], 4)
        assert scale[1] == pytest.approx(2 * scale[0])

    @pytest.mark.parametrize("closed", ["bar", "fill_between", "axvspan"])
    def test_areas_are_closed(self, figure, closed):
        ax = axes_of(figure)
        if closed == "bar":
            for bar in ax.bar([1], [2], hatch="/"):
                bar.set_animated(True)
        elif closed == "fill_between":
            ax.fill_between([1, 2], [1, 2], animated=True)
        else:
            ax.axvspan(1, 2, animated=True)
        (item,) = read(figure).items
        assert item["closed"]
        assert ("hatch" in item) == (closed == "bar")

    def test_text_and_arrows_are_outlines(self, figure):
        ax = axes_of(figure)
        ax.annotate("a", (1, 1), (5, 5), arrowprops={"arrowstyle": "-|>"}, animated=True)
        ax.text(1, 2, r"$\hat\tau$", animated=True, rotation=30)
        ax.text(1, 2, "  ", animated=True)
        items = read(figure).items
        assert sum(item["kind"] == "shapes" for item in items) >= 3
        assert all("clip" not in item for item in items)

    def test_order_is_by_zorder_and_hidden_artists_are_left_out(self, figure):
        ax = axes_of(figure)
        ax.plot([1, 2], [1, 2], animated=True, gid="over", zorder=5)
        ax.plot([1, 2], [1, 2], animated=True, gid="under", zorder=1)
        ax.plot([1, 2], [1, 2], animated=True, gid="hidden", visible=False)
        assert [item["gid"] for item in read(figure).items] == ["under", "over"]

    def test_everything_is_json(self, figure):
        draw_line(figure)
        assert json.loads(json.dumps(read(figure).items))

    def test_an_image_cannot_move(self, figure):
        axes_of(figure).imshow(np.eye(2), animated=True)
        with pytest.raises(MixedWidgetsError, match="animated=False"):
            read(figure)


class TestSending:
    def test_draw_sends_both_layers_in_one_message(self, picture, sent):
        artist = picture.draw(draw_line)
        ((state, buffers),) = sent
        assert set(state) == {"_standing", "_moving"}
        assert len(buffers) == 2
        assert state["_standing"]["seq"] == state["_moving"]["base"] == state["_moving"]["seq"] == 2
        assert artist.axes.figure is picture.figure

    def test_move_sends_only_what_moves(self, picture, sent):
        artist = picture.draw(draw_line)
        sent.clear()
        artist.set_data([2], [3])
        picture.move()
        ((state, buffers),) = sent
        assert set(state) == {"_moving"}
        assert sum(len(buffer) for buffer in buffers) < 100
        assert (state["_moving"]["base"], state["_moving"]["seq"], picture.seq) == (2, 3, 3)

    def test_standing_layer_leaves_out_what_moves(self, picture):
        picture.draw(draw_line)
        standing = pixels(picture._standing["png"])
        whole = pixels(picture.static_png(100))
        assert standing.shape == whole.shape == (300, 400, 3)
        differs = np.abs(standing - whole).max(axis=2) > 0
        assert differs[140:160, 190:210].mean() > 0.5
        differs[138:163, 188:213] = False
        assert not differs.any()
        assert picture.figure.axes[0].lines[1].get_animated()

    def test_a_drawing_that_fails_leaves_the_last_one(self, picture, sent):
        picture.draw(draw_line)
        before, figure = picture._standing, picture.figure
        sent.clear()

        def fail(figure):
            figure.add_subplot()
            raise ValueError("no such column")

        with pytest.raises(ValueError, match="no such column"):
            picture.draw(fail)
        assert picture._standing is before
        assert picture.figure is figure
        assert sent == []
        picture.move()

    def test_arguments_reach_the_drawing(self, picture):
        got = []
        picture.draw(lambda figure, *args, **kwargs: got.append((args, kwargs)), 1, two=2)
        assert got == [((1,), {"two": 2})]

    def test_pixel_ratio_of_the_browser_renders_anew(self, picture):
        picture.draw(draw_line)
        picture.set_state({"pixel_ratio": 2.0})
        assert pixels(picture._standing["png"]).shape == (600, 800, 3)
        assert picture._standing["size"] == [400, 300]
        assert picture._moving["size"] == [800, 600]
        picture.draw(draw_line)
        assert pixels(picture._standing["png"]).shape == (600, 800, 3)

    def test_a_plain_picture_listens_to_nothing(self, picture):
        assert picture.listen == []
        assert picture.handles == {}

    def test_nothing_keeps_a_closed_picture(self):
        picture = Picture((2, 2))
        gone = weakref.ref(picture)
        picture.close()
        del picture
        gc.collect()
        assert gone() is None


def tell(picture, events):
    """What the browser does."""
    picture._handle_custom_msg({"events": events}, [])


class TestEvents:
    @pytest.fixture
    def events(self, picture):
        picture.draw(draw_line)
        events = []
        picture.observe(lambda change: events.append(change["new"]), "pointer")
        return events

    def at(self, picture, seq, kind, x, y, **more):
        px, py = picture.figure.axes[0].transData.transform((x, y))
        return {"seq": seq, "kind": kind, "at": [px / 400, 1 - py / 300], "axes": 0, **more}

    def test_places_are_in_data_coordinates(self, picture, events):
        tell(picture, [self.at(picture, 1, "down", 2.5, 7, artist="point")])
        (event,) = events
        assert (event["x"], event["y"]) == pytest.approx((2.5, 7))
        assert (event["kind"], event["axes"], event["artist"]) == ("down", 0, "point")
        assert picture._seen == 1

    def test_logarithmic_axes(self, picture, events):
        picture.figure.axes[0].set(xscale="log", xlim=(1, 1000))
        picture.refresh()
        tell(picture, [self.at(picture, 1, "click", 100, 7)])
        assert events[0]["x"] == pytest.approx(100)

    def test_outside_axes_and_keys(self, picture, events):
        outside = {"seq": 1, "kind": "down", "at": [0, 0], "axes": None}
        key = {"seq": 2, "kind": "key", "key": "ArrowLeft", "shift": False}
        tell(picture, [outside, key])
        assert [event["x"] for event in events] == [None, None]
        assert events[1]["key"] == "ArrowLeft"

    def test_each_event_is_told_once_and_in_order(self, picture, events):
        down, move, up = (
            self.at(picture, seq, kind, seq, seq)
            for seq, kind in enumerate(["down", "move", "up"], start=1)
        )
        tell(picture, [down])
        tell(picture, [down, move, up])
        assert [event["kind"] for event in events] == ["down", "move", "up"]
        assert picture._seen == 3

    def test_an_event_whose_observer_failed_is_not_told_again(self, picture, events):
        def fail(change):
            raise ValueError("broken")

        picture.observe(fail, "pointer")
        tell(picture, [self.at(picture, 1, "down", 1, 1)])  # ipywidgets shows the traceback
        assert picture._seen == 1
        picture.unobserve(fail, "pointer")
        tell(picture, [self.at(picture, n, "down", 1, 1) for n in (1, 2)])
        assert [event["seq"] for event in events] == [1, 2]

    def test_drawing_from_an_observer(self, picture, events, sent):
        picture.observe(lambda change: picture.draw(draw_line), "pointer")
        tell(picture, [self.at(picture, 1, "click", 1, 1)])
        assert {name for state, _ in sent for name in state} == {"_standing", "_moving", "_seen"}
        assert len(sent) <= 2


class TestWithoutFrontEnd:
    def test_a_saved_notebook_shows_the_whole_picture(self, picture):
        picture.draw(draw_line)
        data, metadata = picture._repr_mimebundle_()
        assert data["text/plain"] == 'One line, "steep"'
        assert "application/vnd.jupyter.widget-view+json" in data
        assert 'alt="One line, &quot;steep&quot;"' in data["text/html"]
        assert 'width="400" height="300"' in data["text/html"]
        assert data["image/png"] in data["text/html"]
        assert metadata["image/png"] == {"width": 400, "height": 300}
