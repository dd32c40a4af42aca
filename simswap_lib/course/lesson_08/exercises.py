"""The exercises of lesson 08: retrieval, galleries, errors, intervals, and a score that is gamed (paper 4.2)."""

from simswap_lib.course.exercise import Exercise, Mutant
from simswap_lib.course.lesson_08 import errors as of_errors
from simswap_lib.course.lesson_08 import flattery as of_flattery
from simswap_lib.course.lesson_08 import mutants as wrong
from simswap_lib.course.lesson_08 import nudges as nudged
from simswap_lib.course.lesson_08 import scores as of_scores
from simswap_lib.flattery import flattered
from simswap_lib.measures import error_inside, gallery_curve, interval, mean_inside, others_as_near

NEAR = Exercise(
    id="08.1",
    title="Who is nearer than the right one",
    reference=others_as_near,
    checks=(
        of_scores.gives_one_count_a_query,
        of_scores.says_0_for_a_hit,
        of_scores.counts_who_is_nearer,
        of_scores.counts_a_tie_against_the_query,
    ),
    hints=(
        "Two steps: each query's cosine to its own person, one number a row; then count, in each row, how many cosines "
        "are at least that high.",
        "`cosines[np.arange(len(labels)), labels]` takes one number from each row: (Q,). To compare it with the rows "
        "of (Q, people) it needs a second axis: `own[:, None]`.",
        "`(cosines >= own[:, None]).sum(axis=1)` counts the own person, too. Take that one away.",
    ),
    mutants=(
        Mutant(wrong.over_the_queries, "gives_one_count_a_query", "one for each person"),
        Mutant(wrong.hits_only, "gives_one_count_a_query", "yes or no"),
        Mutant(wrong.counts_themselves, "says_0_for_a_hit", "The own person was counted"),
        Mutant(wrong.the_diagonal, "says_0_for_a_hit", "the diagonal"),
        Mutant(wrong.the_farther, "says_0_for_a_hit", "those who are farther away"),
        Mutant(wrong.whom_it_found, "counts_who_is_nearer", "expected [0, 2, 4]"),
        Mutant(wrong.without_the_sign, "counts_who_is_nearer", "sign of the cosine"),
        Mutant(wrong.missed_or_not, "counts_who_is_nearer", "whether the right one was missed"),
        Mutant(wrong.strictly_nearer, "counts_a_tie_against_the_query", "equally near"),
        Mutant(wrong.place_in_the_order, "counts_a_tie_against_the_query", "who stands first"),
    ),
    why="A count says more than hit or miss: from it follow retrieval in this gallery (the share of zeros) and in "
    "every smaller one. `take_along_axis` picks one number from each row, as your indexing does.",
    mistakes=(
        ("`>` instead of `>=` and no - 1.", "a recogniser that says the same of everybody scores 100 %."),
        (
            "The diagonal of the cosines.",
            "right as long as query i shows person i, then nonsense without an error message.",
        ),
    ),
    minutes=8,
    difficulty=1,
)

CURVE = Exercise(
    id="08.2",
    title="Retrieval in smaller galleries",
    reference=gallery_curve,
    checks=(
        of_scores.says_a_share_for_every_size,
        of_scores.never_misses_alone,
        of_scores.is_retrieval_in_the_whole_gallery,
        of_scores.halves_with_two,
        of_scores.averages_over_all_choices,
    ),
    hints=(
        "For one query and one size: of all ways to choose the g - 1 others, which share leaves out all b who are "
        "nearer? Then the mean over the queries, for each size.",
        "`math.comb(n, k)` counts the ways and is 0 if k > n. The share for one b is "
        "`math.comb(people - 1 - b, g - 1) / math.comb(people - 1, g - 1)`.",
        "One line for each query, one for the mean, one loop over the sizes: "
        "`curve[g] = np.mean([... for b in nearer.tolist()])`. math.comb wants plain whole numbers: .tolist() gives "
        "them.",
    ),
    mutants=(
        Mutant(wrong.as_a_list, "says_a_share_for_every_size", "expected a dictionary"),
        Mutant(wrong.not_averaged, "says_a_share_for_every_size", "divided by their number"),
        Mutant(wrong.own_person_may_be_left_out, "never_misses_alone", "always stands in the gallery"),
        Mutant(wrong.never_smaller, "never_misses_alone", "expected 1"),
        Mutant(wrong.of_the_mean, "is_retrieval_in_the_whole_gallery", "the share is 0.5"),
        Mutant(wrong.in_proportion, "halves_with_two", "the one other is one of the"),
        Mutant(wrong.among_the_g_nearest, "never_misses_alone", "not among the g nearest"),
        Mutant(wrong.drawn_once, "halves_with_two", "the one other is one of the"),
        Mutant(wrong.chosen_twice, "averages_over_all_choices", "chosen twice"),
        Mutant(wrong.each_count_once, "averages_over_all_choices", "Every query counts once"),
    ),
    why="It counts each value of b once and weighs it, so that a thousand queries cost no more than a hundred people. "
    "Exact fractions of whole numbers: there is no luck of a draw, and the curve can only fall.",
    mistakes=(
        ("Drawing one smaller gallery at random.", "the curve jumps up and down, and differs with every seed."),
        (
            "C(people - b, g) / C(people, g).",
            "the right person can be left out of the gallery; even a gallery of one misses.",
        ),
    ),
    minutes=12,
    difficulty=2,
)

ERROR = Exercise(
    id="08.3",
    title="The error inside the face",
    reference=error_inside,
    checks=(
        of_errors.gives_one_number_a_picture,
        of_errors.does_not_wrap_around,
        of_errors.sees_the_face_only,
        of_errors.divides_by_the_faces_area,
        of_errors.takes_each_picture_alone,
        of_errors.weighs_the_rim_by_the_mask,
        of_errors.averages_the_colours,
    ),
    hints=(
        "Three steps: the absolute difference of each colour, averaged over the colours, (B, H, W); times the mask, "
        "summed over height and width; divided by the mask's own sum.",
        "uint8 has no negative numbers: `result.astype(float) - truth` is safe. `.mean(axis=-1)` averages the colours.",
        "`(difference * mask).sum(axis=(1, 2)) / mask.sum(axis=(1, 2))` is the last line.",
    ),
    mutants=(
        Mutant(wrong.one_for_all, "gives_one_number_a_picture", "keep the pictures apart"),
        Mutant(wrong.wraps_around, "does_not_wrap_around", "uint8 cannot go below 0"),
        Mutant(wrong.signed, "does_not_wrap_around", "absolute difference"),
        Mutant(wrong.whole_picture, "sees_the_face_only", "outside the mask"),
        Mutant(wrong.by_all_pixels, "divides_by_the_faces_area", "all pixels of the picture"),
        Mutant(wrong.one_area_for_all, "takes_each_picture_alone", "its own mask"),
        Mutant(wrong.mask_as_yes_or_no, "weighs_the_rim_by_the_mask", "as yes or no"),
        Mutant(wrong.by_the_pixels_inside, "weighs_the_rim_by_the_mask", "the number of pixels"),
        Mutant(wrong.root_of_squares, "weighs_the_rim_by_the_mask", "squared"),
        Mutant(wrong.grey_first, "averages_the_colours", "must not cancel out"),
    ),
    why="int16 holds every difference of two bytes and takes half the room of float32. Where the mask is empty the "
    "result is nan, which says “not measured”; 0 would say “perfect”.",
    mistakes=(
        (
            "Subtracting uint8 from uint8.",
            "small errors of the wrong sign become large ones: 10 - 11 is 255.",
        ),
        ("Dividing by all pixels.", "far-away faces, which are small, seem to be swapped best."),
    ),
    minutes=8,
    difficulty=2,
    shows=(error_inside, mean_inside),
)

INTERVAL = Exercise(
    id="08.4",
    title="The interval of a mean",
    reference=interval,
    checks=(
        of_errors.gives_two_ends_around_the_mean,
        of_errors.has_the_width_of_the_mean,
        of_errors.draws_two_thousand_times,
        of_errors.stays_where_a_share_can_be,
        of_errors.does_not_call_all_hits_certain,
        of_errors.depends_on_the_seed_alone,
    ),
    hints=(
        "Pretend that the values at hand are everybody there is. Draw n of them with replacement and take the mean; do "
        "that 2,000 times. The middle 95 % of the means is the interval. The special case comes before all that.",
        "`rng = np.random.default_rng(seed)`; `rng.integers(n, size=(2000, n))` are the numbers of 2,000 drawings of n "
        "values; `values[...]` of them is (2000, n), its mean along axis 1 (2000,).",
        "`np.quantile(means, (0.025, 0.975))` gives both ends. Before: if values.dtype == bool and all are equal, "
        "`far = 1 - 0.05 ** (1 / n)`; return (1 - far, 1.0) for hits, (0.0, far) for misses.",
    ),
    mutants=(
        Mutant(wrong.upside_down, "gives_two_ends_around_the_mean", "the lower one comes first"),
        Mutant(wrong.per_cent_as_they_are, "gives_two_ends_around_the_mean", "0.025 and 0.975"),
        Mutant(wrong.whoever_draws, "depends_on_the_seed_alone", "a generator of your own"),
        Mutant(wrong.always_the_same_seed, "depends_on_the_seed_alone", "Is `seed` used"),
        Mutant(wrong.only_shuffled, "has_the_width_of_the_mean", "without replacement"),
        Mutant(wrong.of_the_values, "has_the_width_of_the_mean", "quantiles of the values"),
        Mutant(wrong.ninety_per_cent, "has_the_width_of_the_mean", "middle 90 %"),
        Mutant(wrong.one_standard_error, "has_the_width_of_the_mean", "68 %"),
        Mutant(wrong.always_a_hundred, "has_the_width_of_the_mean", "whatever n is"),
        Mutant(wrong.symmetric, "stays_where_a_share_can_be", "above 1"),
        Mutant(wrong.certain_of_all_hits, "does_not_call_all_hits_certain", "blind"),
        Mutant(wrong.two_hundred_times, "draws_two_thousand_times", "too few drawings"),
        Mutant(wrong.seeds_the_world, "depends_on_the_seed_alone", "NumPy's own generator"),
        Mutant(wrong.floats_as_well, "does_not_call_all_hits_certain", "The bound of the card is for shares"),
        Mutant(wrong.only_all_hits, "does_not_call_all_hits_certain", "blind"),
    ),
    why="No formula for a spread is needed, so the same lines serve shares, cosines, errors and differences of two "
    "methods. The drawings come a hundred at a time, because 2,000 times ten thousand numbers need not all be "
    "in memory.",
    mistakes=(
        ("Drawing without replacement.", "every drawing has the same mean, and the interval has no width."),
        (
            "Quantiles of the values instead of their means.",
            "the interval says where a single swap lies, and does not shrink with more of them.",
        ),
    ),
    minutes=12,
    difficulty=2,
)

FLATTERED = Exercise(
    id="08.5",
    title="Please one recogniser",
    reference=flattered,
    checks=(
        of_flattery.keeps_the_pictures_shape,
        of_flattery.stays_within_the_budget,
        of_flattery.pleases_the_recogniser,
        of_flattery.uses_the_budget,
        of_flattery.stays_a_picture,
        of_flattery.asks_anew_at_every_step,
        of_flattery.leads_each_picture_to_its_own_source,
        of_flattery.takes_the_steps_of_the_recipe,
    ),
    hints=(
        "A training loop in which the *picture* is what is trained: cosine, gradient with respect to x, a step uphill, "
        "clip. Then the same again from the new x.",
        "`x = images.clone()`; in the loop `x = x.detach().requires_grad_()`, then "
        "`(gradient,) = torch.autograd.grad((recogniser(x) * v_source).sum(), x)`.",
        "`x = x.detach() + 2.5 * limit / steps * gradient.sign()`, then "
        "`x = (images + (x - images).clamp(-limit, limit)).clamp(-1, 1)`, both in the loop; limit = budget / 127.5. "
        "Return x.detach().",
    ),
    mutants=(
        Mutant(nudged.with_history, "keeps_the_pictures_shape", "history"),
        Mutant(nudged.in_place, "keeps_the_pictures_shape", "in place"),
        Mutant(nudged.downhill, "pleases_the_recogniser", "The cosine fell"),
        Mutant(nudged.no_clipping, "stays_within_the_budget", "all steps in a row"),
        Mutant(nudged.around_the_last, "stays_within_the_budget", "all steps in a row"),
        Mutant(nudged.budget_as_it_is, "stays_within_the_budget", "budget / 127.5"),
        Mutant(nudged.half_the_budget, "uses_the_budget", "half of it"),
        Mutant(nudged.raw_gradient, "uses_the_budget", "A raw gradient is tiny"),
        Mutant(nudged.beyond_white, "stays_a_picture", "ends at -1 and 1"),
        Mutant(nudged.asked_once, "asks_anew_at_every_step", "asked 1 times"),
        Mutant(nudged.stale, "asks_anew_at_every_step", "stale"),
        Mutant(nudged.clipped_at_the_end, "asks_anew_at_every_step", "Clip inside the loop"),
        Mutant(nudged.all_pairs, "leads_each_picture_to_its_own_source", "in company"),
        Mutant(nudged.gradients_add_up, "takes_the_steps_of_the_recipe", "must not add up"),
        Mutant(nudged.scaled_gradient, "takes_the_steps_of_the_recipe", "the same for all pixels"),
        Mutant(nudged.small_steps, "takes_the_steps_of_the_recipe", "The first step is"),
    ),
    why="`torch.autograd.grad` asks for one gradient and leaves the recogniser's weights alone; `.backward()` would "
    "fill their .grad, too. The sign makes each pixel go the same way far, so that the budget is used everywhere.",
    mistakes=(
        ("A minus before the gradient, out of habit.", "the cosine falls: training goes downhill on a loss."),
        (
            "Clipping around the last x instead of the given pictures.",
            "each step may go as far as the whole budget, and the change becomes visible.",
        ),
    ),
    minutes=15,
    difficulty=3,
)

EXERCISES = (NEAR, CURVE, ERROR, INTERVAL, FLATTERED)
