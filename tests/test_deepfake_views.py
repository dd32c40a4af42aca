"""The views of lesson 02: films that hold still where they should, windows cut and laid back, decoders mixed."""

import re
import time

import numpy as np
import pytest
import torch
from test_widgets import controls_in, sweep

from simswap_lib.figures import RESULT, SOURCE, TARGET
from simswap_lib.models.arcface import ArcFace
from simswap_lib.models.deepfakes import DeepFakes, DeepFakesConfig
from simswap_lib.views import deepfakes as views
from simswap_lib.world import HELD_OUT

A, B = HELD_OUT + 14, HELD_OUT + 3
CONFIG = DeepFakesConfig(image_size=48, width=4, code=16)


@pytest.fixture(scope="module")
def film():
    return views.film(B, 3)


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return DeepFakes(CONFIG)


class TestFilm:
    def test_the_place_stays_and_the_person_moves(self, film):
        one, *others = film.shots
        for other in others:
            assert (other.hair, other.backdrop, other.seed, other.cloth) == (
                one.hair,
                one.backdrop,
                one.seed,
                one.cloth,
            )
            assert other.yaw != one.yaw and other.light != one.light
        assert all(shot.glasses == "none" and shot.occluder == "none" for shot in film.shots)

    def test_frames_are_always_the_same(self, film):
        longer = views.film(B, 4)
        assert np.array_equal(longer.images[:3], film.images) and len(longer) == 4
        assert np.array_equal(longer[1:3].images, film.images[1:3]) and longer[1:3].shots == film.shots[1:3]

    def test_a_true_swap_changes_the_person_and_nothing_else(self, film):
        answers = views.true_swap(film, A)
        assert answers.person == A and answers.shots == film.shots
        change = np.abs(answers.images.astype(int) - film.images).mean(axis=-1)  # (N, S, S)
        inside, wall = change[film.masks > 0.9].mean(), change[:, :8, :8].mean()
        assert inside > 10 and wall < 0.25 * inside  # compression lets a changed face change the wall a little
        assert np.array_equal(views.true_swap(film, B).images, film.images)


class TestWindows:
    def test_a_window_laid_back_unchanged_leaves_the_picture(self, film):
        windows = views.close_ups(film)
        assert windows.photos.shape == (3, 3, 48, 48) and windows.masks.shape == (3, 1, 48, 48)
        assert np.array_equal(views.laid_back(film.images, windows.photos), film.images)

    def test_only_the_window_is_replaced(self, film):
        black = views.laid_back(film.images, torch.full((3, 3, 48, 48), -1.0))
        assert (black == 0).all(axis=-1).sum(axis=(1, 2)).min() >= 48 * 48
        assert np.array_equal(black[:, :10], film.images[:, :10]) and film.images[:, 20:40, 20:40].any()

    def test_the_mask_fades_at_the_rim_and_the_ground_is_plain(self, film):
        windows = views.close_ups(film)
        rim = torch.cat(
            [windows.masks[..., 0, :], windows.masks[..., -1, :], windows.masks[..., 0], windows.masks[..., -1]]
        )
        assert rim.max() == 0 and windows.masks.max() == 1
        rows, columns = views._window(64)
        nothing = torch.from_numpy(film.masks[:, rows, columns] == 0)
        grounds = windows.faces.permute(0, 2, 3, 1)[nothing]
        assert len(grounds) and torch.allclose(grounds, grounds[:1].expand_as(grounds))

    def test_some_frames_of_the_windows(self, film):
        windows = views.close_ups(film)
        assert len(windows) == 3 and len(windows[1:]) == 2
        assert torch.equal(windows[1:].faces, windows.faces[1:]) and torch.equal(windows[1:].masks, windows.masks[1:])

    def test_the_face_lies_in_the_window(self, film):
        rows, columns = views._window(64)
        assert film.masks[:, rows, columns].sum() > 0.95 * film.masks.sum()


class TestMixed:
    def test_the_ends_are_the_two_decoders(self, net):
        code = net.encoder(torch.zeros(1, 3, 48, 48))
        for shares, decoder in (((0, 0, 0, 0), net.decoders[0]), ((1, 1, 1, 1), net.decoders[1])):
            assert torch.equal(views.mixed(net.decoders[0], net.decoders[1], shares)(code), decoder(code))

    def test_a_layer_comes_from_whom_it_should(self, net):
        one, other = net.decoders
        both = views.mixed(one, other, (1, 0.5, 0, 0))
        assert torch.equal(both[0].convolution.weight, other[0].convolution.weight)
        assert torch.allclose(both[1].convolution.weight, (one[1].convolution.weight + other[1].convolution.weight) / 2)
        assert torch.equal(both[3].weight, one[3].weight)

    def test_the_decoders_stay_as_they_are(self, net):
        before = {name: value.clone() for name, value in net.state_dict().items()}
        views.mixed(net.decoders[0], net.decoders[1], (0.5,) * 4)
        assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())

    def test_wrong_number_of_shares(self, net):
        with pytest.raises(ValueError, match="4 layers with weights; got 3"):
            views.mixed(net.decoders[0], net.decoders[1], (1, 1, 1))


@pytest.fixture(scope="module")
def explorer(net, film):
    return views.decoder_explorer(
        net, film, views.close_ups(film), views.true_swap(film, A), ArcFace.from_pretrained("judge", "cpu")
    )


class TestExplorer:
    def test_every_control_moves_without_an_exception(self, explorer):
        assert {id(control) for control in controls_in(explorer)} == {id(c) for c in explorer.controls.values()}
        for control in explorer.controls.values():
            sweep(explorer, control)

    def test_every_button_works(self, explorer):
        explorer.buttons["Start again"].click()
        at_rest = explorer.view.value
        for words, button in explorer.buttons.items():
            button.click()
            assert explorer.error is None, words
        assert explorer.view.value == at_rest
        explorer.buttons["All the target's"].click()
        assert explorer.view.value != at_rest

    def test_words_for_those_who_do_not_see_the_picture(self, explorer):
        tags = re.findall(r"<img [^>]*>", explorer.view.value)
        assert len(tags) == 3 and all(len(re.search(r'alt="([^"]*)"', tag)[1]) > 12 for tag in tags)
        assert all(control.description for control in controls_in(explorer)) and len(repr(explorer)) <= 110

    def test_a_change_is_quick(self, explorer):
        spent = []
        for share in (0.0, 0.25, 0.5):
            start = time.process_time()
            explorer.set(layer1=share)
            spent.append(time.process_time() - start)
        assert min(spent) < 0.4


class TestFigures:
    def test_the_diagram_says_its_own_sizes(self, film):
        assert f"{CONFIG.code} numbers" in views.diagram(CONFIG, *film.images).alt

    def test_rows_are_named(self):
        pictures = np.zeros((2, 8, 8, 3), np.uint8)
        figure = views.rows({"one": pictures, "two": pictures}, "Two rows of black squares.", [SOURCE, TARGET])
        assert [axis.get_ylabel() for axis in figure.axes] == ["one", "two"]
        assert figure.alt == "Two rows of black squares."
        with pytest.raises(ValueError):
            views.rows({"one": pictures, "two": pictures}, "Two rows of black squares.", [SOURCE])

    def test_the_bill_tells_both_ends_of_every_curve(self):
        curves = {"pairs": ([1.0, 4950.0], TARGET), "one": ([0.5, 0.5], RESULT)}
        figure = views.bill({"networks": curves, "minutes": curves}, [2, 100])
        assert "networks: pairs 1 to 4,950, one 0.5 to 0.5" in figure.alt and "2 to 100 people" in figure.alt
        assert len(figure.axes) == 2 and figure.axes[0].get_yscale() == "log"
