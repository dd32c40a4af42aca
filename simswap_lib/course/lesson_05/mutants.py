"""Wrong answers to exercises 05.1, 05.2 and 05.4 that people give: identity, reconstruction, hinge."""

import torch
from torch.nn import functional as F

# 05.1 -----------------------------------------------------------------------------------------------------------------


def one_a_sample(v_result, v_source):
    return 1 - F.cosine_similarity(v_result, v_source, dim=1)


def the_cosine_itself(v_result, v_source):
    return F.cosine_similarity(v_result, v_source, dim=1).mean()


def minus_the_cosine(v_result, v_source):
    return -F.cosine_similarity(v_result, v_source, dim=1).mean()


def down_the_batch(v_result, v_source):
    return (1 - F.cosine_similarity(v_result, v_source, dim=0)).mean()


def one_plus(v_result, v_source):
    return (1 + F.cosine_similarity(v_result, v_source, dim=1)).mean()


def absolute(v_result, v_source):
    return (1 - F.cosine_similarity(v_result, v_source, dim=1).abs()).mean()


def cut_at_zero(v_result, v_source):
    return (1 - F.cosine_similarity(v_result, v_source, dim=1).clamp(min=0)).mean()


def squared_distance(v_result, v_source):
    return (v_result - v_source).square().sum(dim=1).mean()


def summed(v_result, v_source):
    return (1 - F.cosine_similarity(v_result, v_source, dim=1)).sum()


def everybody_with_everybody(v_result, v_source):
    # Its diagonal is right and the same direction costs 0 in a batch of one.
    distances = 1 - F.normalize(v_result, dim=1) @ F.normalize(v_source, dim=1).T
    return distances.mean()


def one_cosine_for_all(v_result, v_source):
    return 1 - F.cosine_similarity(v_result.flatten(), v_source.flatten(), dim=0)


def plain_product(v_result, v_source):
    return 1 - (v_result * v_source).sum(dim=1).mean()


def source_normalised_alone(v_result, v_source):
    return 1 - (v_result * F.normalize(v_source, dim=1)).sum(dim=1).mean()


def detached(v_result, v_source):
    return one_a_sample(v_result.detach(), v_source).mean()


# 05.2 -----------------------------------------------------------------------------------------------------------------


def not_averaged(result, target, same):
    return (result - target).abs() * same[:, None, None, None]


def squared(result, target, same):
    return ((result - target).square().mean(dim=(1, 2, 3)) * same).mean()


def over_rows_only(result, target, same):
    return ((result - target).abs().sum(dim=1).mean(dim=(1, 2)) * same).mean()


def summed_over_pixels(result, target, same):
    return ((result - target).abs().sum(dim=(1, 2, 3)) * same).mean()


def no_mask(result, target, same):
    return (result - target).abs().mean()


def turned_mask(result, target, same):
    return ((result - target).abs().mean(dim=(1, 2, 3)) * ~same).mean()


def all_or_nothing(result, target, same):
    return (result - target).abs().mean() * same.all()


def any_will_do(result, target, same):
    return (result - target).abs().mean() * same.any()


def the_first_decides(result, target, same):
    return F.l1_loss(result, target) * same[0]


def over_the_same_pairs(result, target, same):
    difference = (result - target).abs().mean(dim=(1, 2, 3))
    return (difference * same).sum() / same.sum().clamp(min=1)


def picked_out(result, target, same):
    return (result[same] - target[same]).abs().mean()


def mask_without_gradient(result, target, same):
    value = ((result - target).abs().mean(dim=(1, 2, 3)) * same).mean()
    pull = F.l1_loss(result, target)
    return value.detach() + pull - pull.detach()


# 05.4 -----------------------------------------------------------------------------------------------------------------


def _pairs(real_outputs, fake_outputs):
    return [(real[-1], fake[-1]) for real, fake in zip(real_outputs, fake_outputs)]


def _over_scales(real_outputs, fake_outputs, cost):
    return torch.stack([cost(real, fake) for real, fake in _pairs(real_outputs, fake_outputs)]).mean()


def the_first_map(real_outputs, fake_outputs):
    losses = [F.relu(1 - real[0]).mean() + F.relu(1 + fake[0]).mean() for real, fake in zip(real_outputs, fake_outputs)]
    return torch.stack(losses).mean()


def no_cut(real_outputs, fake_outputs):
    return _over_scales(real_outputs, fake_outputs, lambda real, fake: (1 - real).mean() + (1 + fake).mean())


def changed_places(real_outputs, fake_outputs):
    return _over_scales(
        real_outputs, fake_outputs, lambda real, fake: F.relu(1 + real).mean() + F.relu(1 - fake).mean()
    )


def half(real_outputs, fake_outputs):
    return 0.5 * _over_scales(
        real_outputs, fake_outputs, lambda real, fake: F.relu(1 - real).mean() + F.relu(1 + fake).mean()
    )


def no_margin(real_outputs, fake_outputs):
    return _over_scales(real_outputs, fake_outputs, lambda real, fake: F.relu(-real).mean() + F.relu(fake).mean())


def mean_before_the_cut(real_outputs, fake_outputs):
    return _over_scales(
        real_outputs, fake_outputs, lambda real, fake: F.relu(1 - real.mean()) + F.relu(1 + fake.mean())
    )


def fakes_only(real_outputs, fake_outputs):
    return _over_scales(real_outputs, fake_outputs, lambda real, fake: F.relu(1 + fake).mean())


def squared_hinge(real_outputs, fake_outputs):
    return _over_scales(
        real_outputs,
        fake_outputs,
        lambda real, fake: F.relu(1 - real).square().mean() + F.relu(1 + fake).square().mean(),
    )


def scales_added(real_outputs, fake_outputs):
    return sum(F.relu(1 - real).mean() + F.relu(1 + fake).mean() for real, fake in _pairs(real_outputs, fake_outputs))


def all_patches_together(real_outputs, fake_outputs):
    reals, fakes = (torch.cat([scale[-1].flatten() for scale in outputs]) for outputs in (real_outputs, fake_outputs))
    return F.relu(1 - reals).mean() + F.relu(1 + fakes).mean()


def first_scale_alone(real_outputs, fake_outputs):
    real, fake = real_outputs[0][-1], fake_outputs[0][-1]
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def reals_detached(real_outputs, fake_outputs):
    return _over_scales(
        real_outputs, fake_outputs, lambda real, fake: F.relu(1 - real.detach()).mean() + F.relu(1 + fake).mean()
    )


def summed_over_the_batch(real_outputs, fake_outputs):
    return _over_scales(
        real_outputs,
        fake_outputs,
        lambda real, fake: F.relu(1 - real).flatten(1).mean(1).sum() + F.relu(1 + fake).flatten(1).mean(1).sum(),
    )


def first_sample_alone(real_outputs, fake_outputs):
    return _over_scales(
        real_outputs, fake_outputs, lambda real, fake: F.relu(1 - real[0]).mean() + F.relu(1 + fake[0]).mean()
    )
