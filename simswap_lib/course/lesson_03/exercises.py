"""The exercises of lesson 03: cosines, ArcFace's logits, verification, retrieval, pixels (paper 3.2)."""

from simswap_lib.course.exercise import Exercise, Mutant
from simswap_lib.course.lesson_03 import logits as of_logits
from simswap_lib.course.lesson_03 import measure_mutants as wrong_measure
from simswap_lib.course.lesson_03 import measures as of_measures
from simswap_lib.course.lesson_03 import mutants as wrong
from simswap_lib.course.lesson_03 import pixels as of_pixels
from simswap_lib.files import to_tensor
from simswap_lib.measures import gallery_curve, verification
from simswap_lib.models.arcface import all_cosines, margin_logits

COSINES = Exercise(
    id="03.1",
    title="The cosines of all pairs",
    reference=all_cosines,
    checks=(
        of_logits.gives_every_pair,
        of_logits.pairs_do_not_mix,
        of_logits.lengths_do_not_matter,
        of_logits.agrees_with_the_sum_by_hand,
        of_logits.can_be_trained_through,
    ),
    hints=(
        "Bring every row of both to length 1; then the product of two rows is their cosine, and one matrix product "
        "makes all pairs.",
        "`F.normalize(x, dim=1)` divides each row by its length. By hand: `x / x.norm(dim=1, keepdim=True)`.",
        "`F.normalize(vectors, dim=1) @ F.normalize(others, dim=1).T` has shape (B, D) @ (D, P) = (B, P).",
    ),
    mutants=(
        Mutant(wrong.row_by_row, "gives_every_pair", "a matrix product"),
        Mutant(wrong.other_way_round, "gives_every_pair", "the other way round"),
        Mutant(wrong.nearest_only, "gives_every_pair", "nothing is summed or picked"),
        Mutant(wrong.over_the_rows, "pairs_do_not_mix", "over the rows"),
        Mutant(wrong.over_everything, "pairs_do_not_mix", "whole tensor"),
        Mutant(wrong.plain_product, "lengths_do_not_matter", "Divide `vectors` by its length"),
        Mutant(wrong.only_the_weights, "lengths_do_not_matter", "Divide `vectors` by its length"),
        Mutant(wrong.no_root, "lengths_do_not_matter", "square of the length"),
        Mutant(wrong.no_sign, "lengths_do_not_matter", "an abs"),
        Mutant(wrong.angles, "agrees_with_the_sum_by_hand", "an angle instead of its cosine"),
        Mutant(wrong.mean_of_products, "agrees_with_the_sum_by_hand", "A mean of the products"),
        Mutant(wrong.detached, "can_be_trained_through", "No gradient reaches `others`"),
        Mutant(wrong.lengths_detached, "can_be_trained_through", "Was the length detached"),
    ),
    why="Normalising first costs (B + P) D divisions; dividing the finished table would cost B P. `F.linear(a, b)` is "
    "a @ b.T.",
    mistakes=(
        ("F.normalize with dim=0.", "numbers that look right, and change when another picture joins the batch."),
        ("Only the weights are brought to length 1.", "training makes the vectors long instead of turning them."),
    ),
    minutes=5,
    difficulty=1,
)

LOGITS = Exercise(
    id="03.2",
    title="ArcFace's logits",
    reference=margin_logits,
    checks=(
        of_logits.keeps_the_shape,
        of_logits.leaves_the_others_alone,
        of_logits.turns_the_right_one_away,
        of_logits.goes_on_falling,
        of_logits.can_be_trained_at_both_ends,
    ),
    hints=(
        "Take the right person's cosine out of each row, make it harder, put it back into a copy, and multiply all by "
        "scale.",
        "`cosine = cosines.gather(1, people[:, None])` is (B, 1). Its sine is "
        "`(1 - cosine.square()).clamp(min=1e-7).sqrt()`, and cos(a + b) = cos a cos b - sin a sin b.",
        "`harder = cosine * math.cos(margin) - sine * math.sin(margin)`. Where `cosine < -math.cos(margin)`, take "
        "`cosine - margin * math.sin(margin)` (torch.where). Then "
        "`scale * cosines.scatter(1, people[:, None], harder)`.",
    ),
    mutants=(
        Mutant(wrong.only_the_right_ones, "keeps_the_shape", "cross-entropy needs all"),
        Mutant(wrong.all_right_for_all, "keeps_the_shape", "gather takes one for each"),
        Mutant(wrong.in_place, "keeps_the_shape", "changes it in place"),
        Mutant(wrong.for_everybody, "leaves_the_others_alone", "margin went to everybody"),
        Mutant(wrong.for_the_others, "leaves_the_others_alone", "went to the other people"),
        Mutant(wrong.scale_only_the_right_one, "leaves_the_others_alone", "not multiplied by scale"),
        Mutant(wrong.scale_written_in, "leaves_the_others_alone", "another scale written"),
        Mutant(wrong.wrong_column, "leaves_the_others_alone", "right column of row b"),
        Mutant(wrong.no_margin, "turns_the_right_one_away", "no margin at all"),
        Mutant(wrong.easier, "turns_the_right_one_away", "became easier"),
        Mutant(wrong.from_the_cosine, "turns_the_right_one_away", "CosFace"),
        Mutant(wrong.times_the_angle, "turns_the_right_one_away", "multiplied by the margin"),
        Mutant(wrong.radians_twice, "turns_the_right_one_away", "in radians"),
        Mutant(wrong.scale_too_late, "turns_the_right_one_away", "not multiplied by scale"),
        Mutant(wrong.no_root_of_the_sine, "turns_the_right_one_away", "sine is the root"),
        Mutant(wrong.margin_written_in, "turns_the_right_one_away", "margin of 0.5"),
        Mutant(wrong.straight_too_early, "turns_the_right_one_away", "takes over too early"),
        Mutant(wrong.turns_up_again, "goes_on_falling", "turns up again"),
        Mutant(wrong.level_at_the_end, "goes_on_falling", "no pull at all"),
        Mutant(wrong.arc_cosine, "can_be_trained_at_both_ends", "acos"),
        Mutant(wrong.without_gradient, "can_be_trained_at_both_ends", "right person's cosine"),
        Mutant(wrong.sine_detached, "can_be_trained_at_both_ends", "was the sine detached"),
    ),
    why="`gather` and `scatter` take and put one entry in each row and copy the rest, so gradients flow and the input "
    "stays. The formula for cos(a + b) needs no arc cosine, whose slope is endless at 0 degrees.",
    mistakes=(
        (
            "Subtracting the margin from the angle.",
            "the loss falls faster than ever, and people lie further apart from themselves than without a margin.",
        ),
        ("acos, then cos.", "hundreds of good steps, then nan, on the first picture that hits its direction exactly."),
    ),
    minutes=15,
    difficulty=3,
)

VERIFICATION = Exercise(
    id="03.3",
    title="Verification",
    reference=verification,
    checks=(
        of_measures.gives_threshold_and_share,
        of_measures.accepts_few_strangers,
        of_measures.accepts_as_many_as_it_may,
        of_measures.counts_the_right_pairs,
    ),
    hints=(
        "Two steps. The strangers alone decide where the threshold lies; the pairs of one person are then counted.",
        "How many strangers may pass? `allowed = int(false_accepts * len(different) + 1e-9)`. Sort them from high to "
        "low: the first `allowed` may pass, so the threshold is the next one.",
        "`threshold = np.sort(different)[::-1][allowed]`, and the share is `(same > threshold).mean()`.",
    ),
    mutants=(
        Mutant(wrong_measure.threshold_only, "gives_threshold_and_share", "return threshold, share"),
        Mutant(wrong_measure.a_count, "gives_threshold_and_share", "not a count"),
        Mutant(wrong_measure.lower_tail, "accepts_few_strangers", "from high to low"),
        Mutant(wrong_measure.interpolated, "accepts_few_strangers", "np.quantile"),
        Mutant(wrong_measure.from_the_same, "accepts_few_strangers", "Sort `different`"),
        Mutant(wrong_measure.rounded, "accepts_few_strangers", "do not round"),
        Mutant(wrong_measure.changed_places, "gives_threshold_and_share", "other order"),
        Mutant(wrong_measure.one_too_few, "accepts_as_many_as_it_may", "counted from 0"),
        Mutant(wrong_measure.no_stranger_at_all, "accepts_as_many_as_it_may", "2 may pass"),
        Mutant(wrong_measure.cut_off, "accepts_as_many_as_it_may", "int() cuts"),
        Mutant(wrong_measure.on_a_grid, "accepts_as_many_as_it_may", "grid of thresholds"),
        Mutant(wrong_measure.refused, "counts_the_right_pairs", "refused"),
        Mutant(wrong_measure.all_pairs, "counts_the_right_pairs", "all pairs"),
        Mutant(wrong_measure.ties_pass, "counts_the_right_pairs", "accepted if above"),
    ),
    why="The threshold is set on strangers and never looks at `same`, because a door is set before its visitors come. "
    "Counting from the top makes it exact with few pairs, too, where np.quantile draws a line between two of them.",
    mistakes=(
        ("Reporting accuracy over all pairs.", "99 % for a door that never opens, if strangers are 99 of 100 pairs."),
        (">= instead of >.", "one stranger more than allowed, which only shows when cosines are equal."),
    ),
    minutes=8,
    difficulty=2,
)

CURVE = Exercise(
    id="03.4",
    title="Retrieval and the size of the gallery",
    reference=gallery_curve,
    checks=(
        of_measures.gives_a_share_for_each_size,
        of_measures.is_right_at_both_ends,
        of_measures.agrees_with_the_count_by_hand,
        of_measures.averages_over_the_queries,
    ),
    hints=(
        "Begin with one query that has b nearer others. It is found if none of the b stands in the gallery: in how "
        "many of all possible galleries is that so?",
        "A gallery of g holds g - 1 of the people - 1 others. Of C(people - 1, g - 1) choices, "
        "C(people - 1 - b, g - 1) avoid all b. `math.comb(n, k)` is C(n, k), and 0 where k > n.",
        "For each size: the mean, over the queries, of `math.comb(people - 1 - int(b), g - 1) / "
        "math.comb(people - 1, g - 1)`. int(b), because NumPy's whole numbers end at 64 bits.",
    ),
    mutants=(
        Mutant(wrong_measure.a_list, "gives_a_share_for_each_size", "dictionary"),
        Mutant(wrong_measure.words_as_keys, "gives_a_share_for_each_size", "are words"),
        Mutant(wrong_measure.all_sizes, "gives_a_share_for_each_size", "the sizes asked for"),
        Mutant(wrong_measure.a_sum, "gives_a_share_for_each_size", "from 0 to 1"),
        Mutant(wrong_measure.always_the_whole, "is_right_at_both_ends", "the right person alone"),
        Mutant(wrong_measure.g_others, "is_right_at_both_ends", "g - 1 *others*"),
        Mutant(wrong_measure.too_few_nearer, "is_right_at_both_ends", "the right person alone"),
        Mutant(wrong_measure.with_replacement, "is_right_at_both_ends", "with replacement"),
        Mutant(wrong_measure.at_random, "agrees_with_the_count_by_hand", "at random"),
        Mutant(wrong_measure.misses, "agrees_with_the_count_by_hand", "the misses"),
        Mutant(wrong_measure.of_the_mean, "averages_over_the_queries", "mean of `nearer` first"),
    ),
    why="All choices are counted, none is drawn, so the curve has no noise and can only fall. The library counts how "
    "many queries share each b first, so that each binomial is computed once.",
    mistakes=(
        ("Drawing galleries at random.", "right on average, and another curve each time."),
        ("(1 - b / (people - 1)) ** (g - 1).", "draws with replacement: nearly right for small galleries, above 0 "
         "for the whole one, where it must be exactly the hits."),
    ),
    minutes=12,
    difficulty=3,
)  # fmt: skip

PIXELS = Exercise(
    id="03.5",
    title="Break it: repair the colleague's `to_tensor`",
    reference=to_tensor,
    checks=(
        of_pixels.gives_channels_first,
        of_pixels.keeps_every_pixel_in_its_place,
        of_pixels.spans_minus_one_to_one,
        of_pixels.treats_each_picture_alone,
        of_pixels.goes_to_the_device,
    ),
    hints=(
        "Three steps: make it a tensor on the device, move the channels to the front, bring the bytes into [-1, 1].",
        "`torch.from_numpy(images).to(device)` is (B, H, W, 3); `.permute(0, 3, 1, 2)` moves the last axis to the "
        "second place, without touching the order of rows and columns.",
        "0 must become -1 and 255 must become 1: `.float() / 127.5 - 1`. Floats first: bytes wrap round.",
    ),
    mutants=(
        Mutant(wrong.channels_last, "gives_channels_first", "channels in front"),
        Mutant(wrong.on_their_side, "gives_channels_first", "Rows and columns"),
        Mutant(wrong.blue_first, "keeps_every_pixel_in_its_place", "BGR"),
        Mutant(wrong.cut_anew, "keeps_every_pixel_in_its_place", "permute moves axes"),
        Mutant(wrong.wrapped, "keeps_every_pixel_in_its_place", "wrap round"),
        Mutant(wrong.zero_to_one, "spans_minus_one_to_one", "faded picture"),
        Mutant(wrong.bytes_as_they_are, "spans_minus_one_to_one", "not scaled at all"),
        Mutant(wrong.imagenet, "spans_minus_one_to_one", "ImageNet"),
        Mutant(wrong.by_128, "spans_minus_one_to_one", "128"),
        Mutant(wrong.stretched, "treats_each_picture_alone", "scale is fixed"),
        Mutant(wrong.stays_at_home, "goes_to_the_device", "Hand it on"),
    ),
    why="The library moves the bytes to the device first and makes floats there: a quarter of the traffic. It also "
    "takes a single picture, and says so in words if it is handed anything but bytes.",
    mistakes=(
        ("[0, 1] instead of [-1, 1].", "nothing fails; every measure is a little worse, and nobody knows why."),
        ("OpenCV's blue first.", "grey pictures are recognised, coloured ones are not."),
    ),
    minutes=6,
    difficulty=1,
)

EXERCISES = (COSINES, LOGITS, VERIFICATION, CURVE, PIXELS)
