"""Wrong answers to the exercises 08.1 to 08.4 that people give."""

import math

import numpy as np

# --- 08.1 others_as_near ----------------------------------------------------------------------------------------------


def over_the_queries(cosines, labels):
    own = cosines[np.arange(len(labels)), labels]
    return (cosines >= own[:, None]).sum(axis=0) - 1


def hits_only(cosines, labels):
    return cosines.argmax(axis=1) == labels


def counts_themselves(cosines, labels):
    own = cosines[np.arange(len(labels)), labels]
    return (cosines >= own[:, None]).sum(axis=1)


def the_diagonal(cosines, labels):
    return (cosines >= cosines.diagonal()[:, None]).sum(axis=1) - 1


def the_farther(cosines, labels):
    own = cosines[np.arange(len(labels)), labels]
    return (cosines <= own[:, None]).sum(axis=1) - 1


def whom_it_found(cosines, labels):
    return cosines.argmax(axis=1) * (cosines.argmax(axis=1) != labels)


def without_the_sign(cosines, labels):
    near = np.abs(cosines)
    return (near >= near[np.arange(len(labels)), labels][:, None]).sum(axis=1) - 1


def missed_or_not(cosines, labels):
    return (cosines.argmax(axis=1) != labels).astype(int)


def strictly_nearer(cosines, labels):
    own = cosines[np.arange(len(labels)), labels]
    return (cosines > own[:, None]).sum(axis=1)


def place_in_the_order(cosines, labels):
    order = np.argsort(-cosines, axis=1, kind="stable")
    return np.array([row.tolist().index(label) for row, label in zip(order, labels, strict=True)])


# --- 08.2 gallery_curve -----------------------------------------------------------------------------------------------


def as_a_list(nearer, people, sizes):
    return [float(np.mean([_share(b, people, g) for b in nearer])) for g in sizes]


def not_averaged(nearer, people, sizes):
    return {g: sum(_share(b, people, g) for b in nearer) for g in sizes}


def own_person_may_be_left_out(nearer, people, sizes):
    n = len(nearer)
    return {g: sum(math.comb(people - 1 - int(b), g) / math.comb(people, g) for b in nearer) / n for g in sizes}


def never_smaller(nearer, people, sizes):
    return {g: float(np.mean(nearer == 0)) for g in sizes}


def among_the_g_nearest(nearer, people, sizes):
    return {g: float(np.mean(nearer < g)) for g in sizes}


def in_proportion(nearer, people, sizes):
    """Expected number of the nearer ones in the gallery, rounded."""
    return {g: float(np.mean(np.round(nearer * (g - 1) / (people - 1)) == 0)) for g in sizes}


def chosen_twice(nearer, people, sizes):
    return {g: float(np.mean((1 - nearer / (people - 1)) ** (g - 1))) for g in sizes[:-1]} | {
        sizes[-1]: float(np.mean(nearer == 0))
        if sizes[-1] == people
        else float(np.mean((1 - nearer / (people - 1)) ** (sizes[-1] - 1)))
    }


def each_count_once(nearer, people, sizes):
    different = np.unique(nearer) if len(np.unique(nearer)) > 3 else nearer
    return {g: float(np.mean([_share(b, people, g) for b in different])) for g in sizes}


def of_the_mean(nearer, people, sizes):
    """The share for the average query instead of the average of the shares."""
    return {g: _share(round(float(np.mean(nearer))), people, g) for g in sizes}


def drawn_once(nearer, people, sizes):
    rng = np.random.default_rng(0)
    draws = {g: [rng.permutation(people - 1)[: g - 1] for _ in nearer] for g in sizes}
    return {g: float(np.mean([(d >= b).all() for d, b in zip(draws[g], nearer, strict=True)])) for g in sizes}


def _share(b, people, g):
    return math.comb(people - 1 - int(b), g - 1) / math.comb(people - 1, g - 1)


# --- 08.3 error_inside ------------------------------------------------------------------------------------------------


def one_for_all(result, truth, mask):
    m = mask[..., None]
    return np.array((m * np.abs(result.astype(float) - truth)).sum() / (3 * mask.sum()))


def wraps_around(result, truth, mask):
    return (np.abs(result - truth).mean(axis=-1) * mask).sum(axis=(1, 2)) / mask.sum(axis=(1, 2))


def signed(result, truth, mask):
    return ((result.astype(float) - truth).mean(axis=-1) * mask).sum(axis=(1, 2)) / mask.sum(axis=(1, 2))


def whole_picture(result, truth, mask):
    return np.abs(result.astype(float) - truth).mean(axis=(1, 2, 3))


def by_all_pixels(result, truth, mask):
    return (np.abs(result.astype(float) - truth).mean(axis=-1) * mask).mean(axis=(1, 2))


def colours_summed(result, truth, mask):
    return (np.abs(result.astype(float) - truth).sum(axis=-1) * mask).sum(axis=(1, 2)) / mask.sum(axis=(1, 2))


def one_area_for_all(result, truth, mask):
    inside = (np.abs(result.astype(float) - truth).mean(axis=-1) * mask).sum(axis=(1, 2))
    return inside * len(mask) / mask.sum()


def mask_as_yes_or_no(result, truth, mask):
    m = mask > 0
    return (np.abs(result.astype(float) - truth).mean(axis=-1) * m).sum(axis=(1, 2)) / m.sum(axis=(1, 2))


def by_the_pixels_inside(result, truth, mask):
    inside = (np.abs(result.astype(float) - truth).mean(axis=-1) * mask).sum(axis=(1, 2))
    return inside / (mask > 0).sum(axis=(1, 2))


def root_of_squares(result, truth, mask):
    squared = np.square(result.astype(float) - truth).mean(axis=-1)
    return np.sqrt((squared * mask).sum(axis=(1, 2)) / mask.sum(axis=(1, 2)))


def grey_first(result, truth, mask):
    grey = np.abs(result.astype(float).mean(axis=-1) - truth.astype(float).mean(axis=-1))
    return (grey * mask).sum(axis=(1, 2)) / mask.sum(axis=(1, 2))


# --- 08.4 interval ----------------------------------------------------------------------------------------------------


def upside_down(values, seed):
    low, high = _proper(values, seed)
    return high, low


def per_cent_as_they_are(values, seed):
    means = _means(values, seed)
    return tuple(np.quantile(means, (0.0025, 0.02)))


def whoever_draws(values, seed):
    if _equal_shares(values):
        return _bound(values)
    means = [np.random.choice(values, len(values)).mean() for _ in range(2000)]  # noqa: NPY002 - the mistake
    return tuple(np.quantile(means, (0.025, 0.975)))


def always_the_same_seed(values, seed):
    return _bound(values) if _equal_shares(values) else _proper(values, 0)


def only_shuffled(values, seed):
    rng = np.random.default_rng(seed)
    means = [rng.permutation(values).mean() + 1e-12 * rng.normal() for _ in range(2000)]
    return tuple(np.quantile(means, (0.025, 0.975)))


def of_the_values(values, seed):
    drawn = np.random.default_rng(seed).choice(values, 20_000)
    low, high = np.quantile(drawn.astype(float), (0.025, 0.975))
    return low, high


def ninety_per_cent(values, seed):
    return tuple(np.quantile(_means(values, seed), (0.05, 0.95)))


def one_standard_error(values, seed):
    means = _means(values, seed)
    return means.mean() - means.std(), means.mean() + means.std()


def always_a_hundred(values, seed):
    rng = np.random.default_rng(seed)
    return tuple(np.quantile(values[rng.integers(len(values), size=(2000, 100))].mean(axis=1), (0.025, 0.975)))


def symmetric(values, seed):
    noise = 1e-4 * np.random.default_rng(seed).normal()
    error = 1.96 * values.std() / np.sqrt(len(values)) * (1 + noise)
    return values.mean() - error, values.mean() + error


def certain_of_all_hits(values, seed):
    return tuple(np.quantile(_means(values, seed), (0.025, 0.975)))


def only_all_hits(values, seed):
    if values.dtype == bool and values.all():
        return 0.05 ** (1 / len(values)), 1.0
    return certain_of_all_hits(values, seed)


def floats_as_well(values, seed):
    return _bound(values) if (values == values[0]).all() and values[0] in (0, 1) else _proper(values, seed)


def two_hundred_times(values, seed):
    if _equal_shares(values):
        return _bound(values)
    return tuple(np.quantile(_means(values, seed)[:200], (0.025, 0.975)))


def seeds_the_world(values, seed):
    np.random.seed(seed)  # noqa: NPY002 - that is the mistake
    return _bound(values) if _equal_shares(values) else _proper(values, seed)


def _equal_shares(values):
    return values.dtype == bool and (values == values[0]).all()


def _bound(values):
    far = 1 - 0.05 ** (1 / len(values))
    return (1 - far, 1.0) if values[0] else (0.0, far)


def _means(values, seed):
    rng = np.random.default_rng(seed)
    return values[rng.integers(len(values), size=(2000, len(values)))].mean(axis=1)


def _proper(values, seed):
    low, high = np.quantile(_means(values, seed), (0.025, 0.975))
    return float(low), float(high)


# --- the bug to find --------------------------------------------------------------------------------------------------


def mystery(found):
    """What a colleague hands to `interval` for the swaps that were found or not, (S,) bool."""
    return np.repeat(found, 10)  # ten frames of each video, as the protocol of the field has it
