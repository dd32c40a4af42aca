"""Wrong answers to exercise 07.1."""

import numpy as np

from simswap_lib.batches import draw_pairs


def _people(rng, count, batch, same):
    people = np.flatnonzero(count >= 2) if same else np.arange(len(count))
    return people, people[rng.integers(len(people), size=batch)]


def turns_swapped(start, count, batch, seed, step):
    sources, targets, same = draw_pairs(start, count, batch, seed, step + 1)
    return sources, targets, same


def always_same(start, count, batch, seed, step):
    return draw_pairs(start, count, batch, seed, 2 * step)


def flag_of_each_pair(start, count, batch, seed, step):
    sources, targets, same = draw_pairs(start, count, batch, seed, step)
    return sources, targets, np.full(batch, same)


def people_instead_of_pictures(start, count, batch, seed, step):
    sources, targets, same = draw_pairs(np.zeros_like(start), count, batch, seed, step)
    return sources, targets, same


def two_people_on_even_steps(start, count, batch, seed, step):
    """The second person is drawn anew on every step."""
    rng = np.random.default_rng([seed, step])
    first, second = rng.integers(len(count), size=(2, batch))
    return start[first] + rng.integers(count[first]), start[second] + rng.integers(count[second]), step % 2 == 0


def photo_with_itself(start, count, batch, seed, step):
    sources, targets, same = draw_pairs(start, count, batch, seed, step)
    if same:
        rng = np.random.default_rng([seed, step, 1])
        person = np.searchsorted(start, targets, side="right") - 1
        sources = start[person] + rng.integers(count[person])
    return sources, targets, same


def person_with_themselves(start, count, batch, seed, step):
    sources, targets, same = draw_pairs(start, count, batch, seed, step)
    if not same:
        rng = np.random.default_rng([seed, step, 1])
        person = rng.integers(len(count), size=batch)
        sources = start[person] + rng.integers(count[person])
    return sources, targets, same


def batch_rolled(start, count, batch, seed, step):
    """The sources are the targets, moved on by one place: neighbours may be one person."""
    sources, targets, same = draw_pairs(start, count, batch, seed, step)
    return (sources if same else np.roll(targets, 1)), targets, same


def pictures_instead_of_people(start, count, batch, seed, step):
    """Every picture as likely as any other, so people with many photos come more often."""
    rng = np.random.default_rng([seed, step])
    person, same = np.repeat(np.arange(len(count)), count), step % 2 == 0
    possible = np.flatnonzero(count[person] >= 2) if same else np.arange(len(person))
    target = possible[rng.integers(len(possible), size=batch)]
    p = person[target]
    if same:
        return start[p] + (target - start[p] + rng.integers(1, count[p])) % count[p], target, same
    q = (p + rng.integers(1, len(count), size=batch)) % len(count)
    return start[q] + rng.integers(count[q]), target, same


def singles_left_out(start, count, batch, seed, step):
    kept = np.flatnonzero(count >= 2)
    return draw_pairs(start[kept], count[kept], batch, seed, step)


def one_step_for_all(start, count, batch, seed, step):
    """The step from person to person is drawn once for the whole batch."""
    rng, same = np.random.default_rng([seed, step]), step % 2 == 0
    if same:
        return draw_pairs(start, count, batch, seed, step)
    person = rng.integers(len(count), size=batch)
    other = (person + rng.integers(1, len(count))) % len(count)
    return start[other] + rng.integers(count[other]), start[person] + rng.integers(count[person]), same


def first_photo_as_source(start, count, batch, seed, step):
    sources, targets, same = draw_pairs(start, count, batch, seed, step)
    if not same:
        sources = start[np.searchsorted(start, sources, side="right") - 1]
    return sources, targets, same


def next_photo(start, count, batch, seed, step):
    """Always the photo after the target's."""
    sources, targets, same = draw_pairs(start, count, batch, seed, step)
    if same:
        person = np.searchsorted(start, targets, side="right") - 1
        sources = start[person] + (targets - start[person] + 1) % count[person]
    return sources, targets, same


def forgets_the_step(start, count, batch, seed, step):
    return draw_pairs(start, count, batch, seed, step % 2)


def forgets_the_seed(start, count, batch, seed, step):
    return draw_pairs(start, count, batch, 0, step)


def seed_plus_step(start, count, batch, seed, step):
    sources, targets, _ = draw_pairs(start, count, batch, 0, 2 * (seed + step) + step % 2)
    return sources, targets, step % 2 == 0


_shared = np.random.default_rng(0)


def one_stream_for_all_calls(start, count, batch, seed, step):
    """A generator outside the function, which goes on from call to call: with workers, or after a stop, it differs."""
    return draw_pairs(start, count, batch, int(_shared.integers(1 << 30)), step)


def seeds_the_world(start, count, batch, seed, step):
    np.random.seed(1000 * seed + step)  # noqa: NPY002 - that is the mistake
    other = np.random.randint(2**30)  # noqa: NPY002
    return draw_pairs(start, count, batch, other, step % 2)


def seed_times_step(start, count, batch, seed, step):
    return draw_pairs(start, count, batch, seed * step, step % 2)


def seed_xor_step(start, count, batch, seed, step):
    return draw_pairs(start, count, batch, seed ^ step, step % 2)
