"""Diagrams: their shapes are those of the network, their words fit into their boxes, and each says what it shows."""

import numpy as np
import pytest
import torch
from matplotlib.patches import FancyBboxPatch

from simswap_lib.models.generator import Encoder, GeneratorConfig
from simswap_lib.views import diagrams

SMALL = GeneratorConfig(image_size=32, width=4, downs=2, blocks=3, identity_dim=16)
FIGURES = {
    "generator": lambda: diagrams.generator(SMALL),
    "published generator": lambda: diagrams.generator(GeneratorConfig()),
    "adain": diagrams.adain,
    "id_block": diagrams.id_block,
}


def words(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_the_shapes_on_the_arrows_are_those_of_the_network():
    figure = diagrams.generator(SMALL)
    feature = Encoder(SMALL.width, SMALL.downs).eval()(torch.zeros(1, 3, 32, 32))
    shape = "×".join(str(n) for n in feature.shape[1:])
    assert words(figure).count(shape) == 2 and words(figure).count("3×32×32") == 2
    assert any("3 ID-blocks" in w for w in words(figure)) and any("16 numbers" in w for w in words(figure))
    assert all(part in figure.alt for part in ("16 × 8 × 8", "3 ID-blocks", "16 numbers"))


def test_pictures_are_drawn_where_given():
    image = np.zeros((8, 8, 3), np.uint8)
    assert len(diagrams.generator(SMALL, image, image, image).axes[0].images) == 3
    assert len(diagrams.generator(SMALL).axes[0].images) == 0


@pytest.mark.parametrize("stage", ["encoder", "injection", "decoder"])
def test_one_stage_is_highlighted(stage):
    figure = diagrams.generator(SMALL, highlight=stage)
    bold = [t.get_text() for t in figure.axes[0].texts if t.get_fontweight() == "bold"]
    named = {"encoder": "Encoder", "injection": "ID Injection\n3 ID-blocks", "decoder": "Decoder"}
    assert [stage for stage, name in named.items() if name in bold] == [stage]


def test_an_unknown_stage_is_an_error():
    with pytest.raises(ValueError, match="highlight is encoder, injection or decoder"):
        diagrams.generator(SMALL, highlight="recogniser")


@pytest.mark.parametrize("make", FIGURES.values(), ids=FIGURES)
class TestEveryDiagram:
    def test_says_what_it_shows(self, make):
        assert len(make().alt) > 100

    def test_words_stay_on_the_page_and_in_their_boxes(self, make):
        figure = make()
        figure.canvas.draw()
        page, axis = figure.bbox, figure.axes[0]
        boxes = [patch.get_window_extent() for patch in axis.patches if isinstance(patch, FancyBboxPatch)]
        for text in axis.texts:
            extent = text.get_window_extent()
            middle = (extent.x0 + extent.x1) / 2, (extent.y0 + extent.y1) / 2
            assert page.x0 <= extent.x0 and extent.x1 <= page.x1 and page.y0 <= extent.y0, text.get_text()
            for box in boxes:
                if box.contains(*middle):  # written into this box
                    assert extent.x0 >= box.x0 and extent.x1 <= box.x1, text.get_text()

    def test_words_do_not_run_into_each_other(self, make):
        figure = make()
        figure.canvas.draw()
        extents = [(t.get_text(), t.get_window_extent()) for t in figure.axes[0].texts if t.get_text()]
        for i, (one, a) in enumerate(extents):
            for other, b in extents[i + 1 :]:
                apart = a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 or b.y1 <= a.y0
                assert apart, f"{one!r} and {other!r} overlap"
