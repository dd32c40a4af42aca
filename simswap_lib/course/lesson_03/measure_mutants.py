"""Wrong answers to exercises 03.3 and 03.4 that people give: verification and retrieval."""

import math

import numpy as np

from simswap_lib.measures import gallery_curve as the_curve
from simswap_lib.measures import verification as the_verification

# 03.3 verification ----------------------------------------------------------------------------------------------------


def threshold_only(same, different, false_accepts):
    return the_verification(same, different, false_accepts)[0]


def a_count(same, different, false_accepts):
    threshold, _ = the_verification(same, different, false_accepts)
    return threshold, float((same > threshold).sum())


def lower_tail(same, different, false_accepts):
    threshold = np.sort(different)[int(false_accepts * len(different))]
    return float(threshold), float((same > threshold).mean())


def interpolated(same, different, false_accepts):
    threshold = np.quantile(different, 1 - false_accepts)
    return float(threshold), float((same > threshold).mean())


def from_the_same(same, different, false_accepts):
    threshold = np.quantile(same, false_accepts)
    return float(threshold), float((same > threshold).mean())


def changed_places(same, different, false_accepts):
    return the_verification(same, different, false_accepts)[::-1]


def one_too_few(same, different, false_accepts):
    threshold = np.sort(different)[::-1][max(int(false_accepts * len(different) + 1e-9) - 1, 0)]
    return float(threshold), float((same > threshold).mean())


def no_stranger_at_all(same, different, false_accepts):
    return float(different.max()), float((same > different.max()).mean())


def cut_off(same, different, false_accepts):
    threshold = np.sort(different)[::-1][int(false_accepts * len(different))]
    return float(threshold), float((same > threshold).mean())


def rounded(same, different, false_accepts):
    threshold = np.sort(different)[::-1][round(false_accepts * len(different))]
    return float(threshold), float((same > threshold).mean())


def on_a_grid(same, different, false_accepts):
    grid = np.linspace(-1, 1, 2001)
    threshold = next(t for t in grid if (different > t + 1e-9).mean() <= false_accepts)
    return float(threshold), float((same > threshold).mean())


def refused(same, different, false_accepts):
    threshold, share = the_verification(same, different, false_accepts)
    return threshold, 1 - share


def all_pairs(same, different, false_accepts):
    threshold, _ = the_verification(same, different, false_accepts)
    right = (same > threshold).sum() + (different <= threshold).sum()
    return threshold, float(right / (len(same) + len(different)))


def ties_pass(same, different, false_accepts):
    threshold, _ = the_verification(same, different, false_accepts)
    return threshold, float((same >= threshold).mean())


# 03.4 gallery_curve ---------------------------------------------------------------------------------------------------


def a_list(nearer, people, sizes):
    return list(the_curve(nearer, people, sizes).values())


def words_as_keys(nearer, people, sizes):
    return {str(g): share for g, share in the_curve(nearer, people, sizes).items()}


def all_sizes(nearer, people, sizes):
    return the_curve(nearer, people, range(1, people + 1))


def a_sum(nearer, people, sizes):
    return {g: len(nearer) * share for g, share in the_curve(nearer, people, sizes).items()}


def _mean(nearer, share):
    return float(np.mean([share(int(b)) for b in nearer]))


def always_the_whole(nearer, people, sizes):
    return {g: float((nearer == 0).mean()) for g in sizes}


def g_others(nearer, people, sizes):
    return {
        g: _mean(nearer, lambda b, g=g: math.comb(people - 1 - b, g) / max(math.comb(people - 1, g), 1)) for g in sizes
    }


def too_few_nearer(nearer, people, sizes):
    return {g: float((nearer < g).mean()) for g in sizes}


def with_replacement(nearer, people, sizes):
    return {g: _mean(nearer, lambda b, g=g: (1 - b / (people - 1)) ** (g - 1)) for g in sizes}


def at_random(nearer, people, sizes):
    rng, shares = np.random.default_rng(0), {}
    for g in sizes:
        draws = [[(rng.permutation(people - 1)[: g - 1] >= b).all() for _ in range(200)] for b in nearer]
        shares[g] = float(np.mean(draws))
    return shares


def misses(nearer, people, sizes):
    return {g: 1 - share if 1 < g < people else share for g, share in the_curve(nearer, people, sizes).items()}


def of_the_mean(nearer, people, sizes):
    b = round(float(np.mean(nearer)))
    inner = {g: math.comb(people - 1 - b, g - 1) / math.comb(people - 1, g - 1) for g in sizes if 1 < g < people}
    return {g: inner.get(g, the_curve(nearer, people, [g])[g]) for g in sizes}
