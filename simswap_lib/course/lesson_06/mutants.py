"""Wrong answers to 06.1 and 06.4 that people give, and the colleague's version to diagnose."""

import torch

from simswap_lib.losses import map_distances as distances

# 06.1 -----------------------------------------------------------------------------------------------------------------


def _distances(result_maps, target_maps, one=lambda r, t: (r - t.detach()).abs().mean(), last=-1, first=0):
    rows = [
        torch.stack([one(r, t) for r, t in zip(rs[first:last], ts[first:last], strict=True)])
        for rs, ts in zip(result_maps, target_maps, strict=True)
    ]
    return torch.stack(rows)  # (scales, M)


def with_logits(result_maps, target_maps):
    return _distances(result_maps, target_maps, last=None).sum(0)


def total(result_maps, target_maps):
    return _distances(result_maps, target_maps).sum()


def every_scale_apart(result_maps, target_maps):
    return _distances(result_maps, target_maps).flatten()


def a_list(result_maps, target_maps):
    return [d for d in _distances(result_maps, target_maps).sum(0)]


def without_the_first(result_maps, target_maps):
    return _distances(result_maps, target_maps, last=None, first=1).sum(0)


def backwards(result_maps, target_maps):
    return _distances(result_maps, target_maps).sum(0).flip(0)


def sum_of_elements(result_maps, target_maps):
    return _distances(result_maps, target_maps, lambda r, t: (r - t.detach()).abs().sum()).sum(0)


def batch_mean(result_maps, target_maps):
    return _distances(result_maps, target_maps, lambda r, t: (r - t.detach()).abs().sum() / len(r)).sum(0)


def squares(result_maps, target_maps):
    return _distances(result_maps, target_maps, lambda r, t: (r - t.detach()).square().mean()).sum(0)


def no_abs(result_maps, target_maps):
    return _distances(result_maps, target_maps, lambda r, t: (r - t.detach()).mean().abs()).sum(0)


def euclidean(result_maps, target_maps):
    return _distances(result_maps, target_maps, lambda r, t: (r - t.detach()).norm()).sum(0)


def mean_of_scales(result_maps, target_maps):
    return _distances(result_maps, target_maps).mean(0)


def first_scale(result_maps, target_maps):
    return _distances(result_maps, target_maps)[0]


def last_scale(result_maps, target_maps):
    return _distances(result_maps, target_maps)[-1]


def plain_numbers(result_maps, target_maps):
    return torch.tensor(_distances(result_maps, target_maps).sum(0).tolist())


def wrong_side(result_maps, target_maps):
    return _distances(result_maps, target_maps, lambda r, t: (r.detach() - t).abs().mean()).sum(0)


def detaches_in_place(result_maps, target_maps):
    return _distances(result_maps, target_maps, lambda r, t: (r - t.detach_()).abs().mean()).sum(0)


def no_detach(result_maps, target_maps):
    return _distances(result_maps, target_maps, lambda r, t: (r - t).abs().mean()).sum(0)


# 06.4 -----------------------------------------------------------------------------------------------------------------


def _guard(result_maps, m):
    if not 1 <= m <= len(result_maps[0]) - 1:
        raise ValueError(f"m = {m}")


def one_for_each_map(result_maps, target_maps, m):
    _guard(result_maps, m)
    return distances(result_maps, target_maps)[m - 1 :]


def from_zero(result_maps, target_maps, m):
    _guard(result_maps, m)
    return distances(result_maps, target_maps)[m:].sum()


def first_m(result_maps, target_maps, m):
    _guard(result_maps, m)
    return distances(result_maps, target_maps)[:m].sum()


def last_m(result_maps, target_maps, m):
    _guard(result_maps, m)
    return distances(result_maps, target_maps)[-m:].sum()


def only_m(result_maps, target_maps, m):
    _guard(result_maps, m)
    return distances(result_maps, target_maps)[m - 1]


def all_maps(result_maps, target_maps, m):
    _guard(result_maps, m)
    return distances(result_maps, target_maps).sum()


def and_logits(result_maps, target_maps, m):
    _guard(result_maps, m)
    return _distances(result_maps, target_maps, last=None)[:, m - 1 :].sum()


def mean_of_maps(result_maps, target_maps, m):
    _guard(result_maps, m)
    return distances(result_maps, target_maps)[m - 1 :].mean()


def over_all_maps(result_maps, target_maps, m):
    _guard(result_maps, m)
    found = distances(result_maps, target_maps)
    return found[m - 1 :].sum() / len(found)


def no_guard(result_maps, target_maps, m):
    return distances(result_maps, target_maps)[m - 1 :].sum()


def asserts(result_maps, target_maps, m):
    assert 1 <= m <= len(result_maps[0]) - 1
    return distances(result_maps, target_maps)[m - 1 :].sum()


def mystery(result_maps, target_maps, m):
    """The colleague's: the very same value, and a gradient that goes to the wrong side."""
    _guard(result_maps, m)
    return wrong_side(result_maps, target_maps)[m - 1 :].sum()


def pulls_at_both(result_maps, target_maps, m):
    _guard(result_maps, m)
    return no_detach(result_maps, target_maps)[m - 1 :].sum()
