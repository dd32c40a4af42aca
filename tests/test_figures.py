"""Figures: what is drawn, that each says in words what it shows, and how it is displayed."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib import pyplot as plt

from simswap_lib import figures


def picture(value, side=8):
    return np.full((side, side, 3), value, np.uint8)


class TestPictures:
    def test_a_row_holds_the_pictures_unsmoothed_in_order(self):
        images = [picture(v) for v in (10, 20, 30)]
        figure = figures.pictures(images, ["a", "b", "c"], "three grey squares", captions=["x", "y", "z"])
        axes = [axis for axis in figure.axes if axis.images]
        assert [axis.images[0].get_array()[0, 0, 0] for axis in axes] == [10, 20, 30]
        assert [axis.get_title() for axis in axes] == ["a", "b", "c"]
        assert [axis.texts[0].get_text() for axis in axes] == ["x", "y", "z"]
        assert figure.alt == "three grey squares"
        assert all(axis.images[0].get_interpolation() == "nearest" for axis in axes)

    def test_rows_break_after_columns_and_empty_places_stay_empty(self):
        figure = figures.pictures([picture(0)] * 5, list("abcde"), "five black squares", columns=3)
        assert len(figure.axes) == 6 and sum(bool(axis.images) for axis in figure.axes) == 5

    def test_nothing_is_cut_off(self):
        figure = figures.pictures([picture(0)] * 2, ["one\nline more", "b"], "two squares", captions=["p\nq\nr", "s"])
        figure.canvas.draw()
        # What show() saves is cut to what is drawn; the drawing itself must not grow far beyond the page either.
        box = figure.get_tightbbox()
        width, height = figure.get_size_inches()
        assert box.x0 > -0.3 and box.x1 < width + 0.3 and box.y0 > -0.3 and box.y1 < height + 0.3

    def test_lists_must_fit(self):
        with pytest.raises(ValueError, match="2 pictures, 1 titles"):
            figures.pictures([picture(0)] * 2, ["a"], "two squares")

    def test_marks_lie_where_the_pixels_are(self):
        points = np.array([[0.5, 0.5], [8.0, 4.0]])  # the middle of the first pixel; the right edge, half-way down
        axis, plain = figures.pictures([picture(0)] * 2, ["a", "b"], "two squares", marks=[points, None]).axes
        assert np.allclose(np.transpose(axis.lines[0].get_data()), [[0, 0], [7.5, 3.5]])
        assert not plain.lines
        with pytest.raises(ValueError, match="1 sets of marks"):
            figures.pictures([picture(0)] * 2, ["a", "b"], "two squares", marks=[points])


class TestSheet:
    def test_names_stand_in_the_middle_of_their_tiles(self):
        figure = figures.sheet(np.zeros((16, 24, 3), np.uint8), ["r0", "r1"], ["c0", "c1", "c2"], "six black tiles")
        (axis,) = figure.axes
        assert list(axis.get_yticks()) == [3.5, 11.5] and list(axis.get_xticks()) == [3.5, 11.5, 19.5]
        assert [t.get_text() for t in axis.get_yticklabels()] == ["r0", "r1"]
        assert figure.alt == "six black tiles"


class TestPointSets:
    def test_outlines_are_closed_and_y_runs_down(self):
        triangle = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
        sets = {"before": (triangle, figures.SOURCE), "after": (triangle + 1, figures.TARGET)}
        first, second = figures.point_sets({"moved": sets, "again": sets}, "two triangles, twice").axes
        assert len(first.lines[0].get_xdata()) == 4 and first.yaxis_inverted() and second.yaxis_inverted()
        assert [t.get_text() for t in first.get_legend().get_texts()] == ["before", "after"]
        assert first.lines[0].get_linestyle() != first.lines[2].get_linestyle()  # not by colour alone


class TestNumbers:
    def test_every_number_is_written(self):
        figure = figures.numbers([np.array([[1.0, 3.0], [-1.5, 7.0]])], ["m"], "a matrix", columns=1)
        assert [text.get_text() for text in figure.axes[0].texts] == ["1", "3", "-1.5", "7"]

    def test_numbers_can_be_read_on_their_cells(self):
        (axis,) = figures.numbers([np.array([[0.0, 9.0]])], ["m"], "a matrix", columns=1).axes
        assert [text.get_color() for text in axis.texts] == ["white", "black"]  # on dark blue, on yellow


class TestLines:
    def test_curves_have_names_markers_and_the_given_values(self):
        curves = {"up": ([0, 1, 2], figures.SOURCE), "down": ([2, 1, 0], figures.TARGET)}
        (axis,) = figures.lines(["a", "b", "c"], curves, "where", "how much", chance=0.5).axes
        up, down, chance = axis.lines
        assert list(up.get_ydata()) == [0, 1, 2] and list(down.get_ydata()) == [2, 1, 0]
        assert up.get_marker() != down.get_marker()
        assert chance.get_linestyle() == ":" and chance.get_ydata()[0] == 0.5
        assert [t.get_text() for t in axis.get_legend().get_texts()] == ["up", "down", "chance"]
        assert [t.get_text() for t in axis.get_xticklabels()] == ["a", "b", "c"]

    def test_the_words_hold_every_value(self):
        figure = figures.lines(["a", "b"], {"up": ([0, 12.34], figures.SOURCE)}, "behind", "found, %", chance=1)
        assert figure.alt == "Line chart of found, %, behind a, b. up: 0, 12.3; chance: 1."


class TestShow:
    def test_outside_a_notebook_the_words_are_printed(self, capsys):
        figure = figures.pictures([picture(0)], ["a"], "one black square")
        figures.show(figure)
        assert capsys.readouterr().out.strip() == "[figure] one black square"
        assert not plt.fignum_exists(figure.number)

    def test_an_unknown_kind_is_refused(self):
        with pytest.raises(ValueError, match="gif"):
            figures.show(plt.figure(), "a white page, empty", kind="gif")

    @pytest.mark.parametrize("alt", [None, "", "short"])
    def test_a_figure_without_words_is_refused(self, alt):
        figure = plt.figure()
        with pytest.raises(ValueError, match="sentence"):
            figures.show(figure, alt)

    def test_in_a_notebook_the_picture_carries_its_words(self):
        pytest.importorskip("IPython")
        # In a process of its own: a shell changes the hooks of the whole interpreter.
        program = """
import base64, io
import numpy as np
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
shell = InteractiveShell.instance()
shell.display_formatter.active_types = shell.display_formatter.format_types  # as a kernel does
from PIL import Image
from simswap_lib import figures
figure = figures.pictures([np.zeros((8, 8, 3), np.uint8)], ["a"], "one <black> square")
with capture_output() as captured:
    figures.show(figure)
picture, words = captured.outputs
assert picture.metadata == {"image/png": {"alt": "one <black> square"}}, picture.metadata
assert picture.data["text/plain"] == "[figure] one <black> square"
image = Image.open(io.BytesIO(base64.b64decode(picture.data["image/png"])))
assert image.width > 100 and image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
with capture_output() as captured:
    figures.show(figures.pictures([np.zeros((8, 8, 3), np.uint8)], ["a"], "one black square"), kind="jpeg")
photograph = captured.outputs[0]
assert photograph.metadata == {"image/jpeg": {"alt": "one black square"}}, photograph.metadata
assert Image.open(io.BytesIO(base64.b64decode(photograph.data["image/jpeg"]))).format == "JPEG"
assert "<details>" in words.data["text/html"] and "one &lt;black&gt; square" in words.data["text/html"]
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_source_target_and_result_can_be_told_apart_without_colour():
    """Their lightness differs, too: for print, and for every kind of colour vision."""

    def lightness(colour):
        red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
        return 0.299 * red + 0.587 * green + 0.114 * blue

    light = sorted(map(lightness, (figures.SOURCE, figures.TARGET, figures.RESULT)))
    assert min(np.diff(light)) > 5
