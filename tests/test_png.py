"""Pictures sent to the browser: what is encoded is what any reader of PNG decodes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from mixedwidgets.widgets.png import encode


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (240, 333)])
def test_the_pixels_come_back(shape: tuple[int, int], channels: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (*shape, channels), dtype=np.uint8)
    image = Image.open(io.BytesIO(encode(pixels)))
    assert image.format == "PNG"
    assert image.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(image), pixels[:, :, :3])


def test_even_areas_become_small() -> None:
    assert len(encode(np.full((400, 600, 4), 255, np.uint8))) < 10_000
