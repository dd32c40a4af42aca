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
    colours = ("skin", "lips", "iris", "brow", "beard_colour", "tone")
    assert all(getattr(mixed, name) == getattr(b, name) for name in colours)
    assert (mixed.shape, mixed.moles, mixed.pattern, mixed.beard) == (a.shape, a.moles, a.pattern, a.beard)


def test_distribution_is_the_documented_one():
    people = [Identity.sample(seed) for seed in range(400)]
    shapes = np.array([p.shape for p in people])
    assert shapes.shape == (400, SHAPES)
    assert abs(shapes.mean()) < 0.03 and abs(shapes.std() - 0.85) < 0.05
    skin = np.array([p.skin for p in people])
    assert skin.min() > 0 and skin.max() < 1
    assert skin[:, 1].min() < 0.05 and skin[:, 1].max() > 0.55  # from very dark to very light
    assert 0.18 < np.mean([p.beard > 0 for p in people]) < 0.32
    assert np.mean([p.sex for p in people if p.beard > 0]) > 0.7 > np.mean([p.sex for p in people]) + 0.1
    assert 0.05 < np.mean([p.freckles > 0 for p in people]) < 0.35


@pytest.mark.parametrize("seed", [0, HELD_OUT, HELD_OUT + 99])
def test_values_are_finite(seed):
    assert np.isfinite(numbers(Identity.sample(seed))).all()


def test_the_groups_are_balanced():
    people = [Identity.sample(seed) for seed in range(1500)]
    for name, groups in {"tone": 3, "age": 3, "sex": 2}.items():
        labels, counts = np.unique([getattr(p.labels, name) for p in people], return_counts=True)
        assert len(labels) == groups
        assert counts.min() > 0.8 * len(people) / groups, (name, dict(zip(labels, counts, strict=True)))
    # and no group of one kind hides in a group of another
    table = np.array([[p.tone, p.age, p.sex] for p in people])
    assert np.abs(np.corrcoef(table.T) - np.eye(3)).max() < 0.08


def test_labels_are_drawn_into_the_shape():
    """Sex and age can be read back from the head's coefficients by a straight line, on people it was not fitted to."""
    people = [Identity.sample(seed) for seed in range(1200)]
    shapes = np.column_stack([np.array([p.shape for p in people]), np.ones(len(people))])
    for name in ("sex", "age"):
        truth = np.array([getattr(p, name) for p in people])
        line = np.linalg.lstsq(shapes[:800], truth[:800], rcond=None)[0]
        assert np.corrcoef(shapes[800:] @ line, truth[800:])[0, 1] > 0.6, name
