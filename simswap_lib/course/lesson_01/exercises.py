"""The exercises of lesson 01: the contact sheet, alignment by five points, and the paper's preparation of data."""

from simswap_lib.course.exercise import Exercise, Mutant
from simswap_lib.course.lesson_01 import crop_mutants as wrong_crop
from simswap_lib.course.lesson_01 import crops as of_crops
from simswap_lib.course.lesson_01 import mutants as wrong
from simswap_lib.course.lesson_01 import points as of_points
from simswap_lib.course.lesson_01 import rotation as of_rotation
from simswap_lib.course.lesson_01 import sheet as of_sheets
from simswap_lib.faces.align import align, best_rotation, similarity
from simswap_lib.faces.prepare import prepare
from simswap_lib.world import contact_sheet

SHEET = Exercise(
    id="01.1",
    title="The contact sheet",
    reference=contact_sheet,
    checks=(
        of_sheets.has_a_place_for_every_pair,
        of_sheets.people_run_down_and_photographs_across,
        of_sheets.is_made_of_true_answers,
    ),
    hints=(
        "Two loops, people outside, shots inside: each picture is one person in one photograph. Then join the pictures "
        "of a row side by side, and the rows one below the other.",
        "One picture is `swap_truth(Identity.sample(person), Shot.sample(shot), size).image`. "
        "`np.concatenate(pictures, axis=1)` joins side by side, `axis=0` one below the other.",
        "`rows = [[swap_truth(...).image for shot in shots] for person in people]`, then concatenate each row along "
        "axis 1 and the rows along axis 0.",
    ),
    mutants=(
        Mutant(wrong.transposed, "has_a_place_for_every_pair", "other way round"),
        Mutant(wrong.stacked, "has_a_place_for_every_pair", "np.concatenate"),
        Mutant(wrong.side_by_side, "has_a_place_for_every_pair", "zip walks along both lists"),
        Mutant(wrong.default_size, "has_a_place_for_every_pair", "hand `size` on"),
        Mutant(wrong.roles_swapped, "people_run_down_and_photographs_across", "Identity.sample takes the row's"),
        Mutant(wrong.own_photograph, "people_run_down_and_photographs_across", "photograph of their own number"),
        Mutant(wrong.places_for_seeds, "people_run_down_and_photographs_across", "taken for the seeds"),
        Mutant(wrong.one_person, "is_made_of_true_answers", "person of row 0 again"),
        Mutant(wrong.blue_first, "is_made_of_true_answers", "Red and blue"),
        Mutant(wrong.reshaped, "is_made_of_true_answers", "reshape reads picture after picture"),
        Mutant(wrong.faded, "is_made_of_true_answers", "Nothing is blended"),
    ),
    why="A row holds one identity and a column one shot, so every picture off a person's own photograph is the answer "
    "to a swap. The library calls `render`; `swap_truth` is the same call under the name of its purpose.",
    mistakes=(
        ("Shot.sample(person): everybody in a photograph of their own.", "columns share nothing any more."),
        ("np.stack instead of np.concatenate.", "five axes instead of three, and no picture to show."),
    ),
    minutes=6,
    difficulty=1,
)

ROTATION = Exercise(
    id="01.2",
    title="The best rotation",
    reference=best_rotation,
    checks=(
        of_rotation.gives_a_matrix,
        of_rotation.only_turns,
        of_rotation.does_not_mirror,
        of_rotation.turns_the_right_way,
        of_rotation.is_the_best_of_all,
    ),
    hints=(
        "Three lines: decompose q^T p with np.linalg.svd; find the sign that keeps the result from mirroring; multiply "
        "the three factors.",
        "`u, _, vt = np.linalg.svd(q.T @ p)`: the third result is V transposed already. The sign is that of "
        "`np.linalg.det(u) * np.linalg.det(vt)`.",
        "`return u @ np.diag([1.0, sign]) @ vt`: the sign takes the place of the smaller singular value.",
    ),
    mutants=(
        Mutant(wrong.of_each_point, "gives_a_matrix", "q.T @ p is"),
        Mutant(wrong.with_singular_values, "only_turns", "singular values in the middle"),
        Mutant(wrong.least_squares_matrix, "only_turns", "stretches"),
        Mutant(wrong.no_guard, "does_not_mirror", "guard is missing"),
        Mutant(wrong.negated, "does_not_mirror", "half turn"),
        Mutant(wrong.other_way, "turns_the_right_way", "other way round"),
        Mutant(wrong.sign_of_one_factor, "turns_the_right_way", "not of one of the two"),
        Mutant(wrong.v_not_transposed, "is_the_best_of_all", "already transposed"),
        Mutant(wrong.guard_at_the_first_place, "is_the_best_of_all", "belongs to the last"),
        Mutant(wrong.repaired_afterwards, "is_the_best_of_all", "repair costs more"),
        Mutant(wrong.angle_of_the_first_point, "is_the_best_of_all", "All points count"),
    ),
    why="sum ||R p_i - q_i||^2 is smallest where the sum of q_i . R p_i is largest, and that sum is trace(R^T q^T p). "
    "With q^T p = U S V^T, no orthogonal matrix beats U V^T. If U V^T mirrors, the cheapest repair is to flip the "
    "direction of the smallest singular value, and those come last.",
    mistakes=(
        ("u @ vt without the guard.", "right for years, until a detector confuses left and right: mirrored faces."),
        ("p.T @ q instead of q.T @ p.", "faces that lean to the left lean twice as far after alignment."),
    ),
    minutes=10,
    difficulty=3,
)

SIMILARITY = Exercise(
    id="01.3",
    title="The similarity transform",
    reference=similarity,
    checks=(
        of_points.gives_turn_and_shift,
        of_points.finds_a_shift,
        of_points.finds_the_scale,
        of_points.finds_the_turn,
        of_points.is_least_squares,
        of_points.never_mirrors,
        of_points.counts_the_guard_in,
    ),
    hints=(
        "In this order: the two means; both sets without their mean, p and q; the rotation from p to q; the scale; and "
        "last the shift, because it needs all the others.",
        "The scale is a quotient of two sums over all numbers: above, q times the turned p, "
        "`(q * (p @ rotation.T)).sum()`; below, p times p.",
        "The shift brings the turned and scaled mean of the points to the mean of the target: `t = mean_q - scale * "
        "rotation @ mean_p`. `np.column_stack([scale * rotation, t])` is the answer.",
    ),
    mutants=(
        Mutant(wrong.rotation_only, "gives_turn_and_shift", "np.column_stack"),
        Mutant(wrong.from_target, "finds_a_shift", "from target to points"),
        Mutant(wrong.not_centred, "finds_a_shift", "Subtract the mean"),
        Mutant(wrong.mean_over_sum, "finds_a_shift", "mean was divided by a sum"),
        Mutant(wrong.root_of_the_scale, "finds_the_scale", "root of it"),
        Mutant(wrong.by_the_variance_of_the_target, "finds_the_scale", "its inverse"),
        Mutant(wrong.no_scale, "finds_the_scale", "not applied"),
        Mutant(wrong.shift_of_the_means, "finds_the_scale", "scales the mean, too"),
        Mutant(wrong.rotation_transposed, "finds_the_turn", "is transposed"),
        Mutant(wrong.turned_back_in_the_sum, "finds_the_turn", "not p @ rotation"),
        Mutant(wrong.shift_turned_back, "finds_the_turn", "rotation @ mean_p"),
        Mutant(wrong.mirrors, "never_mirrors", "guard is missing"),
        Mutant(wrong.quotient_of_spreads, "is_least_squares", "quotient of the two spreads"),
        Mutant(wrong.eyes_only, "is_least_squares", "Only the first two points"),
        Mutant(wrong.of_five, "is_least_squares", "the number 5"),
        Mutant(wrong.bad_points_left_out, "is_least_squares", "left out"),
        Mutant(wrong.affine, "is_least_squares", "shears or stretches"),
        Mutant(wrong.all_singular_values_plus, "counts_the_guard_in", "guard's sign"),
    ),
    why="With the means taken away the shift drops out of the problem; the rotation does not depend on the scale; and "
    "for a fixed rotation the sum of squares is a parabola in s, whose lowest point is <q, R p> / <p, p>. What is "
    "left, the shift, maps mean to mean. The library's first lines refuse what no transform exists for.",
    mistakes=(
        ("s = the quotient of the two spreads.", "exact on exact points, too large on every real face."),
        ("t = mean_q - mean_p.", "right only without turn and scale: the face slides out of the crop."),
    ),
    minutes=12,
    difficulty=2,
)

ALIGN = Exercise(
    id="01.4",
    title="Cut the face out, upright",
    reference=align,
    checks=(
        of_crops.gives_crop_and_matrix,
        of_crops.leads_to_the_template,
        of_crops.takes_the_template_given,
        of_crops.moves_the_picture_so,
        of_crops.keeps_the_colours,
    ),
    hints=(
        "Two steps: the similarity that leads from the points to the template in pixels of the crop; then the picture "
        "moved by it.",
        "The template lies in a square of side 1: `matrix = similarity(points, size * template)`.",
        "`crop = cv2.warpAffine(image, matrix, (size, size))` takes the matrix from picture to crop as it is. Return "
        "both: `return crop, matrix`.",
    ),
    mutants=(
        Mutant(wrong_crop.crop_only, "gives_crop_and_matrix", "expected two"),
        Mutant(wrong_crop.matrix_first, "gives_crop_and_matrix", "crop first"),
        Mutant(wrong_crop.unit_template, "leads_to_the_template", "size * template"),
        Mutant(wrong_crop.towards_the_picture, "leads_to_the_template", "from the template to the picture"),
        Mutant(wrong_crop.x_and_y_swapped, "leads_to_the_template", "lands at"),
        Mutant(wrong_crop.own_template, "takes_the_template_given", "used the course's own"),
        Mutant(wrong_crop.inverse_warp, "moves_the_picture_so", "WARP_INVERSE_MAP"),
        Mutant(wrong_crop.warped_twice, "moves_the_picture_so", "once"),
        Mutant(wrong_crop.only_resized, "moves_the_picture_so", "the warp does something else"),
        Mutant(wrong_crop.bgr, "keeps_the_colours", "Red and blue"),
    ),
    why="Three refinements stand in the library. Pixels are counted from their corners, so OpenCV's half pixel is made "
    "up for. A picture that gets much smaller is averaged first, or fine patterns turn into false ones. And the border "
    "is repeated, because a black edge would be something that every network sees.",
    mistakes=(
        ("The inverse handed to cv2.warpAffine.", "the face is shifted, turned and scaled the wrong way, or gone."),
        ("The template not multiplied by size.", "the whole face on one pixel in the corner."),
    ),
    minutes=6,
    difficulty=1,
)

PREPARE = Exercise(
    id="01.5",
    title="Keep it or drop it",
    reference=prepare,
    checks=(
        of_crops.gives_a_crop,
        of_crops.drops_the_small,
        of_crops.keeps_250,
        of_crops.takes_the_limits_given,
        of_crops.aligns,
    ),
    hints=(
        "First the question whether to keep the photograph at all, then the crop.",
        "`photo.shape[:2]` is (height, width). The shorter of the two decides: `min(...)`.",
        "`if min(photo.shape[:2]) < smallest: return None`, and otherwise the first thing that "
        "`align(photo, points, size)` gives.",
    ),
    mutants=(
        Mutant(wrong_crop.crop_and_matrix, "gives_a_crop", "the crop alone"),
        Mutant(wrong_crop.crop_measured, "gives_a_crop", "always too few"),
        Mutant(wrong_crop.with_the_colours, "gives_a_crop", "3 colours"),
        Mutant(wrong_crop.a_word_instead, "drops_the_small", "expected None"),
        Mutant(wrong_crop.complains, "drops_the_small", "is no error"),
        Mutant(wrong_crop.width_only, "drops_the_small", "only the width"),
        Mutant(wrong_crop.longer_side, "drops_the_small", "min, not max"),
        Mutant(wrong_crop.area, "drops_the_small", "not the area"),
        Mutant(wrong_crop.enlarged, "drops_the_small", "Nothing is enlarged"),
        Mutant(wrong_crop.or_equal, "keeps_250", "not <="),
        Mutant(wrong_crop.numbers_written_in, "takes_the_limits_given", "written into the condition"),
        Mutant(wrong_crop.squeezed, "aligns", "without the five points"),
        Mutant(wrong_crop.middle_cut_out, "aligns", "without the five points"),
    ),
    why="The order matters: every crop has 224 pixels, so only the photograph can tell whether they hold anything. "
    "Small pictures are dropped and not enlarged, because a network learns the softness along with the faces.",
    mistakes=(
        ("max instead of min.", "narrow strips survive, and become soft faces."),
        ("Measuring the crop.", "an empty data set: 224 is less than 250."),
    ),
    minutes=5,
    difficulty=1,
)

EXERCISES = (SHEET, ROTATION, SIMILARITY, ALIGN, PREPARE)
