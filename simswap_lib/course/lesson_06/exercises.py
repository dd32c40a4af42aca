"""The exercises of lesson 06: feature matching, what the discriminator's maps hold, and weak matching (paper 3.3)."""

from simswap_lib.course.exercise import Exercise, Mutant
from simswap_lib.course.lesson_06 import field as of_fields
from simswap_lib.course.lesson_06 import inversion as of_inversion
from simswap_lib.course.lesson_06 import maps as of_maps
from simswap_lib.course.lesson_06 import more_mutants as more
from simswap_lib.course.lesson_06 import mutants as wrong
from simswap_lib.course.lesson_06 import reach as of_reach
from simswap_lib.course.lesson_06 import weak as of_weak
from simswap_lib.instruments import gradient_reach, invert, receptive_field
from simswap_lib.losses import map_distances, weak_feature_matching_loss

DISTANCES = Exercise(
    id="06.1",
    title="How far apart, map by map",
    reference=map_distances,
    checks=(
        of_maps.gives_one_number_a_map,
        of_maps.leaves_the_logits_out,
        of_maps.takes_the_mean_of_the_differences,
        of_maps.adds_the_scales,
        of_maps.pulls_at_the_result,
        of_maps.holds_the_target_still,
    ),
    hints=(
        "Two loops, one in the other: over the scales, and within a scale over its maps. zip walks through result and "
        "target together.",
        "`scale[:-1]` is a scale without its logits. For one map: `(result - target.detach()).abs().mean()`.",
        "Make a row of M numbers for each scale with torch.stack, stack the rows to (scales, M), and sum over dim 0.",
    ),
    mutants=(
        Mutant(wrong.with_logits, "gives_one_number_a_map", "the logits, last in each scale, are no map"),
        Mutant(wrong.total, "gives_one_number_a_map", "Keep the maps apart"),
        Mutant(wrong.every_scale_apart, "gives_one_number_a_map", "add up over the scales"),
        Mutant(wrong.a_list, "gives_one_number_a_map", "torch.stack"),
        Mutant(wrong.without_the_first, "leaves_the_logits_out", "not what is in it"),
        Mutant(wrong.backwards, "leaves_the_logits_out", "comes first"),
        Mutant(wrong.sum_of_elements, "takes_the_mean_of_the_differences", "Divide by N_i"),
        Mutant(wrong.batch_mean, "takes_the_mean_of_the_differences", "Only the batch was averaged"),
        Mutant(wrong.squares, "takes_the_mean_of_the_differences", "Those are squares"),
        Mutant(wrong.no_abs, "takes_the_mean_of_the_differences", "both signs cancel"),
        Mutant(wrong.euclidean, "takes_the_mean_of_the_differences", "Euclidean length"),
        Mutant(wrong.mean_of_scales, "adds_the_scales", "mean over the scales"),
        Mutant(wrong.first_scale, "adds_the_scales", "Only the first scale"),
        Mutant(wrong.last_scale, "adds_the_scales", "Only the last scale"),
        Mutant(wrong.plain_numbers, "pulls_at_the_result", "no gradient"),
        Mutant(wrong.wrong_side, "pulls_at_the_result", "the wrong side is detached"),
        Mutant(wrong.detaches_in_place, "pulls_at_the_result", "detach_() works in place"),
        Mutant(wrong.no_detach, "holds_the_target_still", "detach them"),
    ),
    why="One flat list of distances is folded into (scales, M) at the end. The target is detached inside the loss, not "
    "by the caller, because a loss that moves the wrong network when somebody forgets a word is a trap.",
    mistakes=(
        ("Sums instead of means.", "the loss is in the tens of thousands, all of it from map 1, the largest one."),
        (
            "No detach on the target's side.",
            "PyTorch stops with `Trying to backward through the graph a second time`, because the critic's own step "
            "needs those maps, too.",
        ),
    ),
    minutes=12,
    difficulty=2,
)

FIELD = Exercise(
    id="06.2",
    title="What a cell sees",
    reference=receptive_field,
    checks=(
        of_fields.gives_three_whole_numbers,
        of_fields.begins_with_one_pixel,
        of_fields.sees_one_kernel,
        of_fields.grows_with_the_steps,
        of_fields.agrees_with_a_network,
    ),
    hints=(
        "Begin with a pixel: it sees itself, its neighbour is one step away. Then ask what each convolution does to "
        "these three numbers.",
        "A kernel of 4 looks at 4 cells of the layer before. Between the first and the last of them lie 3 steps.",
        "In the loop: `size += (kernel - 1) * step`, then `start -= padding * step`, and last `step *= stride`.",
    ),
    mutants=(
        Mutant(more.size_alone, "gives_three_whole_numbers", "three numbers"),
        Mutant(more.begins_with_nothing, "begins_with_one_pixel", "a pixel sees itself"),
        Mutant(more.whole_kernel, "sees_one_kernel", "add (kernel - 1) * step"),
        Mutant(more.step_first, "sees_one_kernel", "change `step` after"),
        Mutant(more.start_without_padding, "sees_one_kernel", "pixels before the picture"),
        Mutant(more.padding_to_the_right, "sees_one_kernel", "lies *before* the picture"),
        Mutant(more.padding_in_pixels, "grows_with_the_steps", "padding * step"),
        Mutant(more.kernels_add_up, "grows_with_the_steps", "Kernels do not add up"),
        Mutant(more.kernels_minus_one, "grows_with_the_steps", "2 pixels apart"),
        Mutant(more.strides_add_up, "grows_with_the_steps", "Strides multiply"),
        Mutant(more.from_the_end, "grows_with_the_steps", "order backwards"),
        Mutant(more.last_layer, "grows_with_the_steps", "Only the last layer"),
        Mutant(more.two_layers_at_most, "agrees_with_a_network", "by your numbers"),
    ),
    why="Three numbers are enough because a row of convolutions looks the same from every cell. The order of the three "
    "lines matters: size and start still need the old step.",
    mistakes=(
        ("`step` is changed first.", "every field is too large, the first one already."),
        ("Kernels are added up.", "right as long as all strides are 1, far too small with stride 2."),
    ),
    minutes=10,
    difficulty=2,
)

INVERSION = Exercise(
    id="06.3",
    title="A picture from a map",
    reference=invert,
    checks=(
        of_inversion.gives_a_picture,
        of_inversion.leaves_the_start_alone,
        of_inversion.goes_downhill,
        of_inversion.takes_adams_steps,
        of_inversion.stays_in_range,
        of_inversion.moves_nothing_else,
    ),
    hints=(
        "It is a training loop whose only parameter is a picture. Make a copy of `start` that requires a gradient, and "
        "give it to Adam.",
        "`torch.autograd.grad(distance(picture), picture)` returns a tuple with one tensor and touches no other "
        "parameter. Put it where Adam looks: `picture.grad`.",
        "In the loop: `(picture.grad,) = torch.autograd.grad(distance(picture), picture)`, `adam.step()`, and within "
        "`torch.no_grad()`: `picture.clamp_(-1, 1)`. After it: `return picture.detach()`.",
    ),
    mutants=(
        Mutant(more.keeps_history, "gives_a_picture", "carries its history"),
        Mutant(more.clamp_without_no_grad, "gives_a_picture", "torch.no_grad()"),
        Mutant(more.in_the_start, "leaves_the_start_alone", "clone() first"),
        Mutant(more.uphill, "goes_downhill", "uphill"),
        Mutant(more.one_step, "goes_downhill", "inside the loop"),
        Mutant(more.loses_the_leaf, "goes_downhill", "the very one that the optimiser moves"),
        Mutant(more.returns_the_start, "goes_downhill", "is `start`, pixel by pixel"),
        Mutant(more.new_adam_each_step, "takes_adams_steps", "Make it once, before the loop"),
        Mutant(more.one_step_too_many, "takes_adams_steps", "one step too many"),
        Mutant(more.plain_descent, "takes_adams_steps", "plain gradient descent"),
        Mutant(more.stale_gradient, "takes_adams_steps", "Gradients pile up"),
        Mutant(more.rate_of_its_own, "takes_adams_steps", "rate 0.1"),
        Mutant(more.no_clamp, "stays_in_range", "clamp_(-1, 1)"),
        Mutant(more.clamp_at_the_end, "stays_in_range", "only at the end"),
        Mutant(more.eight_bit_range, "stays_in_range", "live in [-1, 1]"),
        Mutant(more.backward_into_all, "moves_nothing_else", "fills every parameter"),
    ),
    why="`autograd.grad` asks for one gradient and leaves no other behind, so the critic need not be frozen "
    "and nothing "
    "has to be cleaned up. The clamp works in place, because Adam holds this very tensor.",
    mistakes=(
        (
            "`picture = picture.clamp(-1, 1)` in the loop.",
            "the picture never moves: Adam still holds the old tensor.",
        ),
        ("`value.backward()` without `inputs`.", "it works, and the critic's next step is a wrong one."),
    ),
    minutes=12,
    difficulty=2,
)

WEAK = Exercise(
    id="06.4",
    title="Weak feature matching",
    reference=weak_feature_matching_loss,
    checks=(
        of_weak.gives_one_number,
        of_weak.takes_the_maps_from_m_on,
        of_weak.adds_the_distances,
        of_weak.refuses_another_m,
        of_weak.pulls_from_m_on,
        of_weak.spares_the_target,
    ),
    hints=(
        "`map_distances` has all that is needed: M numbers, of which those from number m on count.",
        "m counts from 1 and Python from 0. What does `distances[m - 1:]` hold for m = 1, and for m = M?",
        "`distances = map_distances(result_maps, target_maps)`; raise ValueError unless `1 <= m <= len(distances)`; "
        "return the sum of `distances[m - 1:]`.",
    ),
    mutants=(
        Mutant(wrong.one_for_each_map, "gives_one_number", "expected ()"),
        Mutant(wrong.from_zero, "takes_the_maps_from_m_on", "One too few"),
        Mutant(wrong.first_m, "takes_the_maps_from_m_on", "the first m maps"),
        Mutant(wrong.last_m, "takes_the_maps_from_m_on", "the last m maps"),
        Mutant(wrong.only_m, "takes_the_maps_from_m_on", "Only map m"),
        Mutant(wrong.all_maps, "takes_the_maps_from_m_on", "m has no say"),
        Mutant(wrong.and_logits, "takes_the_maps_from_m_on", "are no map"),
        Mutant(wrong.mean_of_maps, "adds_the_distances", "mean over the maps"),
        Mutant(wrong.over_all_maps, "adds_the_distances", "divided by M"),
        Mutant(wrong.no_guard, "refuses_another_m", "instead of raising ValueError"),
        Mutant(wrong.asserts, "refuses_another_m", "AssertionError"),
        Mutant(wrong.mystery, "pulls_from_m_on", "the wrong side is detached"),
        Mutant(wrong.pulls_at_both, "spares_the_target", "detach them"),
    ),
    why="The library cuts the lists before it compares, so that early maps cost no time and get no gradient at all. "
    "The guard is half of its lines, because a wrong m is silent: an empty sum is 0, and 0 is a fine-looking loss.",
    mistakes=(
        (
            "`distances[m:]`.",
            "with m = M the term is 0 from the first step on, and the run is one without feature matching.",
        ),
        ("`distances[:m]`.", "the maps to be left out are matched: identity hardly moves, details of the target stay."),
    ),
    minutes=6,
    difficulty=1,
)

REACH = Exercise(
    id="06.5",
    title="Where a loss pulls",
    reference=gradient_reach,
    checks=(
        of_reach.gives_a_table,
        of_reach.tells_the_sides_apart,
        of_reach.looks_at_every_scale,
        of_reach.takes_zero_for_nothing,
        of_reach.takes_a_constant,
        of_reach.works_on_copies,
    ),
    hints=(
        "Copy every map with `x.detach().clone().requires_grad_()`, call the loss on the copies, and ask for its "
        "gradient with respect to all of them.",
        "`torch.autograd.grad(value, flat_list, allow_unused=True)` returns None for a map that the loss never used. "
        "Before that: what if `value.requires_grad` is False?",
        "`reached = [g is not None and bool(g.any()) for g in gradients]`, one after the other: result, target; "
        "within them scales; within them maps. So `torch.tensor(reached).view(2, scales, -1).any(dim=1)`.",
    ),
    mutants=(
        Mutant(more.scales_apart, "gives_a_table", "*any* scale"),
        Mutant(more.no_logits, "gives_a_table", "The logits need a column"),
        Mutant(more.numbers, "gives_a_table", "torch.bool"),
        Mutant(more.sides_exchanged, "tells_the_sides_apart", "row 0 is the result's"),
        Mutant(more.result_only, "tells_the_sides_apart", "found nowhere"),
        Mutant(more.in_all_scales, "tells_the_sides_apart", "found nowhere"),
        Mutant(more.first_scale_alone, "looks_at_every_scale", "not the first alone"),
        Mutant(more.exists, "takes_zero_for_nothing", "times 0"),
        Mutant(more.sums, "takes_zero_for_nothing", "cancel in a sum"),
        Mutant(more.fails_on_a_constant, "takes_a_constant", "a finding, not a failure"),
        Mutant(more.on_the_originals, "works_on_copies", "were changed"),
    ),
    why="Copies without history make the loss the only thing that is differentiated. Zero counts as no pull, because a "
    "term may be there and have no effect.",
    mistakes=(
        ("No `allow_unused=True`.", "an error as soon as the loss leaves a map out, which is what it is meant to do."),
        ("`requires_grad_()` on the maps themselves.", "it changes what it measures: the next call finds other maps."),
    ),
    minutes=12,
    difficulty=3,
)

EXERCISES = (DISTANCES, FIELD, INVERSION, WEAK, REACH)
