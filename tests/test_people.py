"""People: reproducible, different, and made of one distribution."""

from dataclasses import fields

import numpy as np
import pytest

from simswap_lib.world.people import HELD_OUT, SHAPES, Identity


def numbers(identity: Identity) -> np.ndarray:
    return np.concatenate([np.ravel(getattr(identity, f.name)) for f in fields(identity)])


def test_a_seed_is_a_person():
    assert Identity.sample(7) == Identity.sample(7)
    assert Identity.sample(7) != Identity.sample(8)


def test_lerp_starts_and_ends_at_its_people():
    a, b = Identity.sample(1), Identity.sample(2)
    assert np.allclose(numbers(Identity.lerp(a, b, 0)), numbers(a))
    assert np.allclose(numbers(Identity.lerp(a, b, 1)), numbers(b))
    assert np.allclose(numbers(Identity.lerp(a, b, 0.25)), 0.75 * numbers(a) + 0.25 * numbers(b))


def test_colours_of_another():
    a, b = Identity.sample(1), Identity.sample(2)
    mixed = a.with_colours_of(b)
    assert (mixed.skin, mixed.lips, mixed.iris, mixed.brow) == (b.skin, b.lips, b.iris, b.brow)
    assert (mixed.shape, mixed.moles, mixed.pattern, mixed.beard) == (a.shape, a.moles, a.pattern, a.beard)


def test_distribution_is_the_documented_one():
    people = [Identity.sample(seed) for seed in range(400)]
    shapes = np.array([p.shape for p in people])
    assert shapes.shape == (400, SHAPES)
    assert abs(shapes.mean()) < 0.02 and abs(shapes.std() - 0.84) < 0.03
    skin = np.array([p.skin for p in people])
    assert skin.min() > 0 and skin.max() < 1
    assert skin[:, 1].min() < 0.05 and skin[:, 1].max() > 0.55  # from very dark to very light
    assert 0.2 < np.mean([p.beard > 0 for p in people]) < 0.4
    assert 0.05 < np.mean([p.freckles > 0 for p in people]) < 0.35


@pytest.mark.parametrize("seed", [0, HELD_OUT, HELD_OUT + 99])
def test_values_are_finite(seed):
    assert np.isfinite(numbers(Identity.sample(seed))).all()
