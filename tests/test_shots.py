"""Shots: reproducible, and nothing in them knows a person."""

from dataclasses import fields

import numpy as np

from simswap_lib.world import head_model
from simswap_lib.world.people import Identity
from simswap_lib.world.shots import HAIR_STYLES, MOODS, OFTEN, Shot


def test_a_seed_is_a_photograph():
    assert Shot.sample(3) == Shot.sample(3)
    assert Shot.sample(3) != Shot.sample(4)


def test_shots_and_people_share_no_field():
    assert not {f.name for f in fields(Shot)} & {f.name for f in fields(Identity)}


def test_every_action_exists_in_the_head_model():
    known = head_model.load().expression_names
    for seed in range(300):
        for name, strength in Shot.sample(seed).expression:
            assert name in known and 0 <= strength <= 1


def test_ranges():
    shots = [Shot.sample(seed) for seed in range(300)]
    assert max(abs(s.yaw) for s in shots) <= 36 and max(abs(s.pitch) for s in shots) <= 20
    assert {s.hair for s in shots} == set(HAIR_STYLES)
    assert np.allclose([np.linalg.norm(s.light) for s in shots], 1)
    assert len(OFTEN) == len(MOODS) and abs(sum(OFTEN) - 1) < 1e-9
