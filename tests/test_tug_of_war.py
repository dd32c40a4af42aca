"""One picture pulled by the terms: each gets its wish, networks stay as they are, and every control is moved."""

import time

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt
from test_widgets import controls_in, sweep

from simswap_lib import losses
from simswap_lib.models.arcface import ArcFace, ArcFaceConfig
from simswap_lib.models.discriminator import Discriminator, DiscriminatorConfig
from simswap_lib.views import tug_of_war
from simswap_lib.views.tug_of_war import FILMS, STARTS, Tug


def networks():
    torch.manual_seed(3)
    config = ArcFaceConfig(32, width=8, blocks=(1, 1), embedding_dim=16)
    eyes = [ArcFace(config).requires_grad_(False).eval() for _ in range(2)]
    critic = Discriminator(DiscriminatorConfig(32, width=4, scales=1)).requires_grad_(False).eval()
    return eyes[0], critic, eyes[1]


def pictures():
    rng = np.random.default_rng(0)
    return [np.kron(rng.integers(40, 216, (8, 8, 3)), np.ones((4, 4, 1))).astype(np.uint8) for _ in range(2)]


@pytest.fixture(scope="module")
def tug():
    return Tug(*pictures(), *networks())


def alone(term: str) -> tuple[float, float, float]:
    return FILMS[f"{term} alone"]


@pytest.mark.parametrize("start", STARTS)
def test_each_force_gets_its_wish(tug, start):
    # The critic knows nothing and is nearly flat, so it cannot be moved far.
    for term, place, by in (("identity", 0, 0.3), ("adversarial", 3, 0.03)):
        before, after = (tug.look(tug.picture(start, alone(term), step))[place] for step in (0, tug.steps))
        assert after > before + by, term
    drawn = tug.picture(start, alone("reconstruction"), tug.steps).astype(int)
    assert np.abs(drawn - tug.target).mean() < 3  # grey levels of 255


def test_pictures_start_where_they_should(tug):
    assert (tug.picture("the target", alone("identity"), 0) == tug.target).all()
    assert np.ptp(tug.picture("grey", alone("identity"), 0)) == 0
    for step in (0, tug.steps):  # nobody pulls
        assert (tug.picture("the target", (0.0, 0.0, 0.0), step) == tug.target).all()


def test_pictures_do_not_feel_each_other(tug, monkeypatch):
    """The mixture alone in the grid ends where it ended among the others."""
    for name, value in (
        ("IDENTITY", (10.0,)),
        ("RECONSTRUCTION", (10.0,)),
        ("ADVERSARIAL", (1.0,)),
        ("STARTS", ("grey",)),
    ):
        monkeypatch.setattr(tug_of_war, name, value)
    single = Tug(*pictures(), *networks(), steps=10)
    among = tug.picture("grey", FILMS["all three"], 10).astype(int)
    assert np.abs(single.picture("grey", FILMS["all three"], 10) - among).mean() < 1


def test_networks_are_left_alone():
    recogniser, critic, judge = networks()
    before = [p.clone() for n in (recogniser, critic, judge) for p in n.state_dict().values()]
    Tug(*pictures(), recogniser, critic, judge, steps=5)
    after = [p for n in (recogniser, critic, judge) for p in n.state_dict().values()]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_the_learners_own_terms_pull():
    def away_from(v_result, v_source):
        return -losses.identity_loss(v_result, v_source)

    away = Tug(*pictures(), *networks(), steps=10, identity_loss=away_from)
    before, after = (away.look(away.picture("grey", alone("identity"), step))[0] for step in (0, 10))
    assert after < before


def test_films_and_outcome_say_the_same(tug):
    figure = tug_of_war.films(tug, "grey")
    for name, by_trainer, by_judge, score in tug_of_war.outcome(tug, "grey"):
        assert (
            f"{name}: to the source {by_trainer:.2f} by the recogniser that pulls, {by_judge:.2f} by the judge"
            in figure.alt
        )
        assert f"critic's score {score:.1f}" in figure.alt
    plt.close(figure)


def test_every_control_and_button_of_the_mixer(tug):
    mixer = tug_of_war.mixer(tug)
    assert {id(c) for c in controls_in(mixer)} == {id(c) for c in mixer.controls.values()}
    for name, control in mixer.controls.items():
        mixer.buttons["Start again"].click()
        # The pair matters only where reconstruction pulls, which it does not at rest.
        mixer.set(**({"reconstruction": 10.0, "start": "grey"} if name == "pair" else {}))
        if name == "step":
            seen = set()
            for step in (0, 15, tug.steps):
                control.value = step
                seen.add(mixer.view.value)
            assert len(seen) == 3 and mixer.error is None
        else:
            sweep(mixer, control)
    for words, button in mixer.buttons.items():
        button.click()
        assert mixer.error is None, words


def test_the_mask_silences_reconstruction(tug):
    mixer = tug_of_war.mixer(tug)
    mixer.set(identity=0.0, reconstruction=10.0, adversarial=0.0, start="grey", pair="two people: masked")
    masked = mixer.view.value
    mixer.set(reconstruction=0.0)
    assert mixer.view.value == masked
    mixer.set(reconstruction=10.0, pair="one person")
    assert mixer.view.value != masked


def test_a_change_is_quick(tug):
    mixer, spent = tug_of_war.mixer(tug), []
    for step in (5, 10, 20):
        start = time.process_time()
        mixer.set(start="grey", step=step, adversarial=1.0)
        spent.append(time.process_time() - start)
    assert min(spent) < 0.4
