"""The exercises of lesson 05: identity, reconstruction, hinge, gradient penalty, discriminator (paper 3.3 and 3.4)."""

from simswap_lib.course.exercise import Exercise, Mutant
from simswap_lib.course.lesson_05 import critic_mutants as wrong_critic
from simswap_lib.course.lesson_05 import hinge as of_hinge
from simswap_lib.course.lesson_05 import mutants as wrong
from simswap_lib.course.lesson_05 import penalty as of_penalty
from simswap_lib.course.lesson_05 import scales as of_scales
from simswap_lib.course.lesson_05 import terms as of_terms
from simswap_lib.losses import gradient_penalty, hinge_d_loss, identity_loss, reconstruction_loss
from simswap_lib.models.discriminator import Discriminator

IDENTITY = Exercise(
    id="05.1",
    title="The identity loss",
    reference=identity_loss,
    checks=(
        of_terms.gives_one_number,
        of_terms.is_zero_for_the_same_direction,
        of_terms.is_one_and_two_further_away,
        of_terms.looks_at_directions_only,
        of_terms.takes_the_mean_over_the_batch,
        of_terms.turns_the_result_to_the_source,
    ),
    hints=(
        "One cosine for each row; one minus it; the mean over the batch.",
        "`F.cosine_similarity(a, b, dim=1)` divides by both lengths and gives one number a row, shape (B,).",
        "`(1 - F.cosine_similarity(v_result, v_source, dim=1)).mean()` is all of it.",
    ),
    mutants=(
        Mutant(wrong.one_a_sample, "gives_one_number", "one number a sample"),
        Mutant(wrong.the_cosine_itself, "is_zero_for_the_same_direction", "the cosine itself"),
        Mutant(wrong.minus_the_cosine, "is_zero_for_the_same_direction", "That is -cos"),
        Mutant(wrong.one_plus, "is_zero_for_the_same_direction", "not 1 + cos"),
        Mutant(wrong.down_the_batch, "is_one_and_two_further_away", "down the batch"),
        Mutant(wrong.absolute, "is_one_and_two_further_away", "absolute value"),
        Mutant(wrong.cut_at_zero, "is_one_and_two_further_away", "cut off at 0"),
        Mutant(wrong.squared_distance, "is_one_and_two_further_away", "squared distance"),
        Mutant(wrong.summed, "is_one_and_two_further_away", "the sum over the batch"),
        Mutant(wrong.everybody_with_everybody, "is_zero_for_the_same_direction", "everybody"),
        Mutant(wrong.one_cosine_for_all, "takes_the_mean_over_the_batch", "one cosine"),
        Mutant(wrong.plain_product, "looks_at_directions_only", "plain product"),
        Mutant(wrong.source_normalised_alone, "looks_at_directions_only", "both lengths"),
        Mutant(wrong.detached, "turns_the_result_to_the_source", "no gradient"),
    ),
    why="`F.cosine_similarity` divides by both lengths, so nobody can please the term by making vectors longer. The "
    "library adds a line that refuses wrong shapes, and one that takes the sums in float32.",
    mistakes=(
        ("dim=0 instead of dim=1.", "a loss that falls nicely while the faces become nobody's."),
        ("The sum over the batch.", "with a batch twice as large, the identity suddenly pulls twice as hard."),
    ),
    minutes=5,
    difficulty=1,
)

RECONSTRUCTION = Exercise(
    id="05.2",
    title="The reconstruction loss and its mask",
    reference=reconstruction_loss,
    checks=(
        of_terms.gives_one_number_for_pictures,
        of_terms.measures_the_absolute_difference,
        of_terms.costs_nothing_for_two_people,
        of_terms.asks_each_sample,
        of_terms.pulls_each_pixel_alike,
    ),
    hints=(
        "First one number for each sample, then the mask, then the mean over the whole batch.",
        "`(result - target).abs().mean(dim=(1, 2, 3))` is (B,), like `same`.",
        "True counts as 1 and False as 0: multiply by `same`, then take the mean over all B samples.",
    ),
    mutants=(
        Mutant(wrong.not_averaged, "gives_one_number_for_pictures", "shape (4, 3, 6, 5)"),
        Mutant(wrong.squared, "measures_the_absolute_difference", "squared difference"),
        Mutant(wrong.over_rows_only, "measures_the_absolute_difference", "channels were added up"),
        Mutant(wrong.summed_over_pixels, "measures_the_absolute_difference", "sum over the pixels"),
        Mutant(wrong.turned_mask, "measures_the_absolute_difference", "wrong way round"),
        Mutant(wrong.no_mask, "costs_nothing_for_two_people", "mask is missing"),
        Mutant(wrong.picked_out, "costs_nothing_for_two_people", "0 / 0"),
        Mutant(wrong.all_or_nothing, "asks_each_sample", ".all()"),
        Mutant(wrong.any_will_do, "asks_each_sample", "mean over the same-person pairs alone, or all four"),
        Mutant(wrong.the_first_decides, "asks_each_sample", "all four pairs were counted"),
        Mutant(wrong.over_the_same_pairs, "asks_each_sample", "divided by the whole batch"),
        Mutant(wrong.mask_without_gradient, "pulls_each_pixel_alike", "picture of another person"),
    ),
    why="Different people count as zeros in a mean over the *whole* batch, so a batch without any same-person pair "
    "costs 0 and not 0 / 0. The library uses `torch.where` instead of a product, so that an infinite pixel of another "
    "person cannot turn the sum into nan.",
    mistakes=(
        ("No mask.", "the swap looks perfect, and like the target."),
        ("`result[same]`, averaged.", "fine for a while; nan at the first batch without a same-person pair."),
    ),
    minutes=7,
    difficulty=1,
)

SCALES = Exercise(
    id="05.3",
    title="Patch discriminators at several scales",
    reference=Discriminator,
    checks=(
        of_scales.owns_its_networks,
        of_scales.gives_a_list_for_each_scale,
        of_scales.looks_at_smaller_and_smaller_pictures,
        of_scales.hands_out_each_networks_own,
    ),
    hints=(
        "`__init__`: a container of config.scales new PatchDiscriminators. `forward`: a loop over them that collects "
        "what each says and halves the picture for the next one.",
        "`nn.ModuleList(PatchDiscriminator(config.width, config.layers) for _ in range(config.scales))`.",
        "In the loop: `outputs.append(network(image))`, then `image = halve(image)`. Return the list after it.",
    ),
    mutants=(
        Mutant(wrong_critic.PythonList, "owns_its_networks", "Python list"),
        Mutant(wrong_critic.ArgumentsSwapped, "owns_its_networks", "(config.width, config.layers), in this order"),
        Mutant(wrong_critic.OneNetwork, "owns_its_networks", "repeats one object"),
        Mutant(wrong_critic.FirstNetworkAlways, "gives_a_list_for_each_scale", "`discriminators.1` was never called"),
        Mutant(wrong_critic.ReturnInTheLoop, "gives_a_list_for_each_scale", "inside the loop"),
        Mutant(wrong_critic.AllInARow, "gives_a_list_for_each_scale", "tensors in a row"),
        Mutant(wrong_critic.LogitsOnly, "gives_a_list_for_each_scale", "Were only the logits kept?"),
        Mutant(wrong_critic.HalvedFirst, "looks_at_smaller_and_smaller_pictures", "Halve before every network but"),
        Mutant(wrong_critic.NeverHalved, "looks_at_smaller_and_smaller_pictures", "128 x 128, 128 x 128, 128 x 128"),
        Mutant(wrong_critic.HalvedOnce, "looks_at_smaller_and_smaller_pictures", "128 x 128, 64 x 64, 64 x 64"),
        Mutant(wrong_critic.EveryOtherPixel, "looks_at_smaller_and_smaller_pictures", "every other pixel"),
        Mutant(wrong_critic.DarkBorder, "looks_at_smaller_and_smaller_pictures", "count_include_pad=False"),
        Mutant(wrong_critic.SmallestFirst, "hands_out_each_networks_own", "Full size comes first"),
        Mutant(wrong_critic.Probabilities, "hands_out_each_networks_own", "no sigmoid"),
        Mutant(wrong_critic.NoWayBack, "hands_out_each_networks_own", "no way back"),
    ),
    why="The networks are independent: what a fine texture looks like and what a face looks like are two questions. "
    "Lists keep maps and logits apart from scale to scale; the next lesson's feature matching reads the maps. The "
    "library adds lines that refuse pictures which are too small.",
    mistakes=(
        ("[PatchDiscriminator(...)] * scales.", "one network has to answer for both sizes; half of the weights."),
        ("image[:, :, ::2, ::2] to halve.", "fine stripes become coarse ones, and the critic learns your aliasing."),
    ),
    minutes=10,
    difficulty=2,
    shows=(Discriminator.__init__, Discriminator.forward),
)

HINGE = Exercise(
    id="05.4",
    title="The critic's hinge loss",
    reference=hinge_d_loss,
    checks=(
        of_hinge.reads_the_logits_alone,
        of_hinge.is_content_beyond_the_margin,
        of_hinge.counts_what_is_missing,
        of_hinge.weighs_the_scales_alike,
        of_hinge.pushes_them_apart,
    ),
    hints=(
        "Go through the scales with `zip(real_outputs, fake_outputs)`; take the last entry of each; apply the formula.",
        "max(0, x) is `F.relu(x)`, patch by patch; then `.mean()`, which takes batch and patches together.",
        "Collect `F.relu(1 - real[-1]).mean() + F.relu(1 + fake[-1]).mean()` of every scale in a list; "
        "`torch.stack(losses).mean()` is the mean over the scales.",
    ),
    mutants=(
        Mutant(wrong.the_first_map, "reads_the_logits_alone", "scale[-1]"),
        Mutant(wrong.no_cut, "is_content_beyond_the_margin", "cut at 0"),
        Mutant(wrong.changed_places, "is_content_beyond_the_margin", "changed places"),
        Mutant(wrong.half, "counts_what_is_missing", "half of it"),
        Mutant(wrong.no_margin, "counts_what_is_missing", "margin is missing"),
        Mutant(wrong.mean_before_the_cut, "counts_what_is_missing", "averaged before the cut"),
        Mutant(wrong.fakes_only, "reads_the_logits_alone", "Both sides count"),
        Mutant(wrong.squared_hinge, "counts_what_is_missing", "squared"),
        Mutant(wrong.summed_over_the_batch, "counts_what_is_missing", "sum over the batch"),
        Mutant(wrong.first_sample_alone, "counts_what_is_missing", "Only the first sample"),
        Mutant(wrong.scales_added, "weighs_the_scales_alike", "sum over the scales"),
        Mutant(wrong.all_patches_together, "weighs_the_scales_alike", "one mean"),
        Mutant(wrong.first_scale_alone, "weighs_the_scales_alike", "first scale"),
        Mutant(wrong.reals_detached, "pushes_them_apart", "`real_outputs` went in"),
    ),
    why="The cut belongs to each patch: one that is sure of itself must not pay for another that is fooled. The mean "
    "of each scale comes first, so that the half-size critic with its few patches has an equal say.",
    mistakes=(
        ("`F.relu(1 - real.mean())`.", "the critic stops learning while half of its patches are still fooled."),
        ("Signs of real and fake exchanged.", "the critic learns perfectly, and sends the generator the wrong way."),
    ),
    minutes=8,
    difficulty=2,
)

PENALTY = Exercise(
    id="05.5",
    title="The gradient penalty",
    reference=gradient_penalty,
    checks=(
        of_penalty.is_one_number,
        of_penalty.knows_a_linear_critic,
        of_penalty.looks_between_the_pictures,
        of_penalty.takes_each_sample_alone,
        of_penalty.draws_the_places,
        of_penalty.scores_as_the_hinge_does,
        of_penalty.trains_the_critic,
        of_penalty.leaves_the_rest_alone,
    ),
    hints=(
        "Five steps: a place for each sample; the point x there, which wants a gradient; the critic's score of x, one "
        "a sample; its gradient with respect to x; the length of that, minus 1, squared, averaged.",
        "`x = (a * real.detach() + (1 - a) * fake.detach()).requires_grad_()` with `a` of shape (B, 1, 1, 1). A "
        "sample's score: `scale[-1].flatten(1).mean(dim=1)` for each scale, then the mean over the scales.",
        "`(gradient,) = torch.autograd.grad(scores.sum(), x, create_graph=True)`; then "
        "`gradient.flatten(1).norm(dim=1)` is one length a sample.",
    ),
    mutants=(
        Mutant(wrong_critic.one_a_sample, "is_one_number", "one number a sample"),
        Mutant(wrong_critic.tuple_not_unpacked, "is_one_number", "returns a tuple"),
        Mutant(wrong_critic.of_the_batch_mean, "knows_a_linear_critic", "batch's mean"),
        Mutant(wrong_critic.a_length_for_each_pixel, "knows_a_linear_critic", "each pixel has one"),
        Mutant(wrong_critic.one_length_for_the_batch, "knows_a_linear_critic", "whole batch was given one length"),
        Mutant(wrong_critic.no_root, "knows_a_linear_critic", "square root is missing"),
        Mutant(wrong_critic.towards_zero, "knows_a_linear_critic", "The 1 is missing"),
        Mutant(wrong_critic.no_square, "knows_a_linear_critic", "The square is missing"),
        Mutant(wrong_critic.half, "knows_a_linear_critic", "half of it"),
        Mutant(wrong_critic.steep_ones_only, "knows_a_linear_critic", "two-sided"),
        Mutant(wrong_critic.mean_before_the_square, "takes_each_sample_alone", "averaged before the square"),
        Mutant(wrong_critic.at_the_reals, "looks_between_the_pictures", "R1"),
        Mutant(wrong_critic.turned_round, "looks_between_the_pictures", "changed places"),
        Mutant(wrong_critic.a_place_for_each_pixel, "draws_the_places", "mixes two pictures like noise"),
        Mutant(wrong_critic.one_place_for_all, "draws_the_places", "the same place"),
        Mutant(wrong_critic.normal_places, "draws_the_places", "torch.randn"),
        Mutant(wrong_critic.places_from_numpy, "draws_the_places", "no run could be repeated"),
        Mutant(wrong_critic.all_patches_together, "scores_as_the_hinge_does", "went into one mean"),
        Mutant(wrong_critic.all_logits_added, "scores_as_the_hinge_does", "All logits were added up"),
        Mutant(wrong_critic.first_scale_alone, "scores_as_the_hinge_does", "first scale"),
        Mutant(wrong_critic.no_graph, "trains_the_critic", "create_graph=True"),
        Mutant(wrong_critic.by_backward, "leaves_the_rest_alone", "touches nothing"),
        Mutant(wrong_critic.in_evaluation_mode, "leaves_the_rest_alone", "Leave its mode alone"),
        Mutant(wrong_critic.pulls_at_the_generator, "leaves_the_rest_alone", "fake.detach()"),
    ),
    why="`create_graph=True` keeps how the gradient came about, so that the penalty itself can be differentiated. The "
    "sum over the batch is a trick: no sample's score depends on another's picture, so the sum's gradient holds each "
    "sample's own. (With batch normalisation in training mode that is only nearly true.)",
    mistakes=(
        ("No create_graph.", "the number is right to the last digit, and the critic does not feel it."),
        (
            "`gradient.norm(dim=1)` without flatten.",
            "every pixel is asked for a slope of 1; the picture's is far larger.",
        ),
    ),
    minutes=15,
    difficulty=3,
)

EXERCISES = (IDENTITY, RECONSTRUCTION, SCALES, HINGE, PENALTY)
