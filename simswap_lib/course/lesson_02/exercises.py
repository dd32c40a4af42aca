"""The exercises of lesson 02: the upscale block, the random warp, the training step and the swap (paper 3.1)."""

from simswap_lib.course.exercise import Exercise, Mutant
from simswap_lib.course.lesson_02 import mutants as wrong
from simswap_lib.course.lesson_02 import step_mutants as wrong_step
from simswap_lib.course.lesson_02 import swap as of_swap
from simswap_lib.course.lesson_02 import training as of_training
from simswap_lib.course.lesson_02 import upscale as of_upscale
from simswap_lib.course.lesson_02 import warp as of_warp
from simswap_lib.models.deepfakes import Upscale, random_warp, swap, training_step

UPSCALE = Exercise(
    id="02.1",
    title="The upscale block",
    reference=Upscale,
    checks=(
        of_upscale.has_one_convolution,
        of_upscale.doubles_both_sides,
        of_upscale.bends_with_leaky_relu,
        of_upscale.lays_them_out,
    ),
    hints=(
        "Three steps: the convolution, LeakyReLU, the layout. The micro-example above did the third one by hand.",
        "The convolution gives 4 * after channels at the old size, so nothing but the layout changes the size. "
        "`F.leaky_relu` takes the slope as its second argument.",
        "`self.convolution = nn.Conv2d(before, 4 * after, 3, padding=1)`; in forward "
        "`y = F.leaky_relu(self.convolution(x), 0.1)`, and one line is left. Either your two lines from the "
        "micro-example or `F.pixel_shuffle`.",
    ),
    mutants=(
        Mutant(wrong.FewChannels, "has_one_convolution", "4 * after channels"),
        Mutant(wrong.OtherKernel, "has_one_convolution", "3, padding=1"),
        Mutant(wrong.Mirrored, "has_one_convolution", "leave padding_mode out"),
        Mutant(wrong.NotLaidOut, "doubles_both_sides", "lay them out"),
        Mutant(wrong.NoPadding, "doubles_both_sides", "a kernel of 3 needs padding=1"),
        Mutant(wrong.Copied, "doubles_both_sides", "enlarged by copying"),
        Mutant(wrong.NoBend, "bends_with_leaky_relu", "LeakyReLU after it is missing"),
        Mutant(wrong.BentBefore, "bends_with_leaky_relu", "LeakyReLU after it is missing"),
        Mutant(wrong.WithReLU, "bends_with_leaky_relu", "that is a ReLU"),
        Mutant(wrong.DefaultSlope, "bends_with_leaky_relu", "PyTorch's default"),
        Mutant(wrong.MeanOfFour, "bends_with_leaky_relu", "nothing is averaged"),
        Mutant(wrong.Reshaped, "lays_them_out", "view or reshape alone"),
        Mutant(wrong.RowsForColumns, "lays_them_out", "exchanged"),
        Mutant(wrong.FarApart, "lays_them_out", "channels far apart"),
        Mutant(wrong.FourCopies, "lays_them_out", "Four small copies"),
    ),
    why="The convolution works at the small size, where a channel is cheap, and still every new pixel has weights of "
    "its own. Copying pixels and blurring them would cost four times as much for a softer picture.",
    mistakes=(
        ("reshape without permute.", "the right shape and a picture in strips; it trains, and stays coarse."),
        ("`after` channels instead of 4 * after.", "an error in pixel_shuffle, or a quarter of the detail."),
    ),
    minutes=8,
    difficulty=1,
)

WARP = Exercise(
    id="02.2",
    title="The random warp",
    reference=random_warp,
    checks=(
        of_warp.keeps_the_shape,
        of_warp.changes_nothing_without_strength,
        of_warp.draws_from_the_generator,
        of_warp.bends_each_face_its_own_way,
        of_warp.bends_like_a_rubber_sheet,
        of_warp.moves_as_far_as_asked,
        of_warp.repeats_the_border,
    ),
    hints=(
        "Five steps: draw a move for each knot; enlarge the moves to the picture and a quarter more; cut the middle "
        "out; add them to the straight grid; sample.",
        "`2 * strength * torch.randn(len(faces), 2, 5, 5, generator=generator)`; then `F.interpolate(moves, "
        "size=size + size // 4, mode='bilinear')`; then cut `size // 8` off at each side, so that (B, 2, S, S) is "
        "left. The 2 is there because the grid runs from -1 to 1.",
        "`straight` has the shape (B, S, S, 2), so the grid is `straight + moves.permute(0, 2, 3, 1)`. The last line "
        "is the micro-example's `F.grid_sample(..., padding_mode='border', align_corners=False)`.",
    ),
    mutants=(
        Mutant(wrong.moves_not_permuted, "keeps_the_shape", "moves.permute(0, 2, 3, 1)"),
        Mutant(wrong.size_written_in, "keeps_the_shape", "written in"),
        Mutant(wrong.always_strong, "changes_nothing_without_strength", "Multiply the moves by `strength`"),
        Mutant(wrong.moves_alone, "changes_nothing_without_strength", "Add them to the straight grid"),
        Mutant(wrong.corners_otherwise, "changes_nothing_without_strength", "align_corners=False in both"),
        Mutant(wrong.rows_first, "changes_nothing_without_strength", "rows and columns come back exchanged"),
        Mutant(wrong.global_numbers, "draws_from_the_generator", "generator=generator"),
        Mutant(wrong.one_warp_for_all, "bends_each_face_its_own_way", "All faces of the batch are bent alike"),
        Mutant(wrong.along_a_diagonal, "bends_each_face_its_own_way", "along one diagonal"),
        Mutant(wrong.shifted, "bends_like_a_rubber_sheet", "a shift, not a warp"),
        Mutant(wrong.crumbled, "bends_like_a_rubber_sheet", "crumbled"),
        Mutant(wrong.moves_reshaped, "bends_like_a_rubber_sheet", "never reshape"),
        Mutant(wrong.not_cut, "bends_like_a_rubber_sheet", "cut size // 8 off"),
        Mutant(wrong.pushed_one_way, "moves_as_far_as_asked", "torch.rand lies between 0 and 1"),
        Mutant(wrong.half_as_far, "moves_as_far_as_asked", "the whole side is 2"),
        Mutant(wrong.drawn_evenly, "moves_as_far_as_asked", "drawn evenly"),
        Mutant(wrong.in_pixels, "moves_as_far_as_asked", "in the grid's units"),
        Mutant(wrong.dark_wedges, "repeats_the_border", "dark wedges"),
        Mutant(wrong.rim_mirrored, "repeats_the_border", "mirrors the face"),
    ),
    why="Few knots, enlarged by straight lines, make a bend that is smooth by construction. The moves are drawn on the "
    "CPU, so that one seed gives one warp on every device.",
    mistakes=(
        ("One warp for the whole batch.", "it runs; the network sees an eighth of the shapes it could."),
        ("padding_mode left out.", "dark wedges at the rim, which the decoder learns to explain."),
    ),
    minutes=15,
    difficulty=3,
)

STEP = Exercise(
    id="02.3",
    title="The training step",
    reference=training_step,
    checks=(
        of_training.returns_a_number,
        of_training.bends_what_goes_in,
        of_training.measures_against_the_straight_face,
        of_training.moves_all_weights_once,
        of_training.forgets_old_gradients,
    ),
    hints=(
        "First the loss, a sum over the people. Then the three lines of every training step in PyTorch.",
        "`for person, x in enumerate(faces)`: the bent face goes in, `net(warp(x), person)`, and is compared with the "
        "straight one.",
        "`loss = loss + (net(warp(x), person) - x).abs().mean()` in the loop; after it zero_grad, backward, step, and "
        "`return loss.item()`.",
    ),
    mutants=(
        Mutant(wrong_step.no_return, "returns_a_number", "`return` missing"),
        Mutant(wrong_step.returns_the_graph, "returns_a_number", "loss.item()"),
        Mutant(wrong_step.never_warped, "bends_what_goes_in", "never called"),
        Mutant(wrong_step.goal_warped_again, "bends_what_goes_in", "never what should come out"),
        Mutant(wrong_step.two_people_only, "bends_what_goes_in", "two or more"),
        Mutant(wrong_step.goal_warped_too, "measures_against_the_straight_face", "the goal is the straight one"),
        Mutant(wrong_step.one_decoder, "measures_against_the_straight_face", "Everybody goes through decoder 0"),
        Mutant(wrong_step.already_swapped, "measures_against_the_straight_face", "In training there is no swap"),
        Mutant(wrong_step.mean_of_people, "measures_against_the_straight_face", "add their losses up"),
        Mutant(wrong_step.last_person_only, "measures_against_the_straight_face", "the last person alone"),
        Mutant(wrong_step.squared, "measures_against_the_straight_face", "squared"),
        Mutant(wrong_step.summed_pixels, "measures_against_the_straight_face", "summed over all pixels"),
        Mutant(wrong_step.a_step_for_each_and_its_loss, "measures_against_the_straight_face", "made 3 steps"),
        Mutant(wrong_step.no_step, "moves_all_weights_once", "No weight moved"),
        Mutant(wrong_step.cleared_too_late, "moves_all_weights_once", "The order is"),
        Mutant(wrong_step.encoder_detached, "moves_all_weights_once", "The encoder did not move"),
        Mutant(wrong_step.a_step_for_each, "moves_all_weights_once", "a step for each person"),
        Mutant(wrong_step.never_cleared, "forgets_old_gradients", "optimiser.zero_grad()"),
        Mutant(wrong_step.cleared_after, "forgets_old_gradients", "before it"),
    ),
    why="One sum, one backward: the encoder's gradient is the sum over the people, so it moves where all of them gain, "
    "and nothing in this loss ever compares one person with another.",
    mistakes=(
        ("Comparing with the bent face.", "the loss falls faster, and the pictures wobble: it has learned to copy."),
        ("No zero_grad.", "the first steps look right, then the loss jumps about."),
    ),
    minutes=10,
    difficulty=2,
)

SWAP = Exercise(
    id="02.4",
    title="The swap",
    reference=swap,
    checks=(
        of_swap.gives_pictures_without_gradients,
        of_swap.draws_with_that_persons_decoder,
        of_swap.leaves_the_photograph_alone,
        of_swap.blends_at_the_edge,
    ),
    hints=(
        "Draw the faces with the decoder of `person`, then mix drawing and photograph.",
        "The mask is a share: M of the drawing and 1 - M of the photograph. It is (B, 1, S, S) and fits by "
        "broadcasting.",
        "`with torch.no_grad(): drawn = net(faces, person)`, then `return masks * drawn + ...`.",
    ),
    mutants=(
        Mutant(wrong_step.with_gradients, "gives_pictures_without_gradients", "torch.no_grad()"),
        Mutant(wrong_step.paints_into_the_photo, "gives_pictures_without_gradients", "changes it in place"),
        Mutant(wrong_step.always_the_first, "draws_with_that_persons_decoder", "the decoder of person 0"),
        Mutant(wrong_step.other_way_round, "draws_with_that_persons_decoder", "M and 1 - M are exchanged"),
        Mutant(wrong_step.encodes_the_photo, "draws_with_that_persons_decoder", "It learned on `faces`"),
        Mutant(wrong_step.photo_added, "draws_with_that_persons_decoder", "lie over each other"),
        Mutant(wrong_step.mask_before, "draws_with_that_persons_decoder", "The mask belongs to what comes out"),
        Mutant(wrong_step.still_warped, "draws_with_that_persons_decoder", "is not net(faces, person)"),
        Mutant(wrong_step.no_mask, "leaves_the_photograph_alone", "the mask was not used"),
        Mutant(wrong_step.faces_around, "leaves_the_photograph_alone", "on their plain ground"),
        Mutant(wrong_step.black_around, "leaves_the_photograph_alone", "(1 - M) * photos"),
        Mutant(wrong_step.jagged, "blends_at_the_edge", "jagged seam"),
        Mutant(wrong_step.first_mask_for_all, "blends_at_the_edge", "not masks[0]"),
        Mutant(wrong_step.photo_not_weighted, "blends_at_the_edge", "soft edge"),
    ),
    why="The same forward as in training, with another number for the person. All that makes it a swap is whose "
    "decoder is asked.",
    mistakes=(
        ("The decoder of the person in the photograph.", "a blurred copy of the photograph: nobody was swapped."),
        ("No mask.", "the hair, the wall and the shirt are lost, since the decoder only knows a face."),
    ),
    minutes=6,
    difficulty=1,
)

EXERCISES = (UPSCALE, WARP, STEP, SWAP)
