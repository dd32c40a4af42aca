"""The exercises of lesson 07: the pairs of a batch, both halves of a step, the average, and reading a log."""

from simswap_lib.batches import draw_pairs
from simswap_lib.course import lesson_07_average as of_averages
from simswap_lib.course import lesson_07_average_mutants as wrong_average
from simswap_lib.course import lesson_07_diagnosis as of_diagnoses
from simswap_lib.course import lesson_07_diagnosis_mutants as wrong_diagnosis
from simswap_lib.course import lesson_07_discriminator as of_critics
from simswap_lib.course import lesson_07_discriminator_mutants as wrong_critic
from simswap_lib.course import lesson_07_generator as of_generators
from simswap_lib.course import lesson_07_generator_mutants as wrong
from simswap_lib.course import lesson_07_pair_mutants as wrong_pairs
from simswap_lib.course import lesson_07_pairs as of_pairs
from simswap_lib.course.exercise import Exercise, Mutant
from simswap_lib.failures import diagnose
from simswap_lib.train_step import discriminator_step, generator_step, update_ema

PAIRS = Exercise(
    id="07.1",
    title="Whom to pair with whom",
    reference=draw_pairs,
    checks=(
        of_pairs.gives_pictures_and_whose_turn_it_is,
        of_pairs.pairs_one_person_on_even_steps,
        of_pairs.pairs_two_people_on_odd_steps,
        of_pairs.lets_everybody_take_part,
        of_pairs.uses_all_their_photos,
        of_pairs.hangs_on_seed_and_step_alone,
    ),
    hints=(
        "First the chance and the turn: rng = np.random.default_rng([seed, step]) and same = step % 2 == 0. Then draw "
        "people, then photos: never pictures at once.",
        "On even steps only people with two photos or more can take part: people = np.flatnonzero(count >= 2). Draw "
        "target_person = people[rng.integers(len(people), size=batch)] and target = rng.integers(count[target_person]).",
        "To get another one of n, move on by 1 ... n - 1 around the circle. Same person: source = (target + "
        "rng.integers(1, n)) % n with n = count[target_person]. Two people: source_person = (target_person + "
        "rng.integers(1, P, size=batch)) % P. At the end start[person] + photo.",
    ),
    mutants=(
        Mutant(wrong_pairs.turns_swapped, "gives_pictures_and_whose_turn_it_is", "`same` is True on odd steps"),
        Mutant(wrong_pairs.always_same, "gives_pictures_and_whose_turn_it_is", "True and False in turn"),
        Mutant(wrong_pairs.flag_of_each_pair, "gives_pictures_and_whose_turn_it_is", "for the whole batch"),
        Mutant(wrong_pairs.people_instead_of_pictures, "pairs_one_person_on_even_steps", "add start[person]"),
        Mutant(wrong_pairs.two_people_on_even_steps, "pairs_one_person_on_even_steps", "use it for both"),
        Mutant(wrong_pairs.photo_with_itself, "pairs_one_person_on_even_steps", "a photo with itself"),
        Mutant(wrong_pairs.person_with_themselves, "pairs_two_people_on_odd_steps", "show one person twice"),
        Mutant(wrong_pairs.batch_rolled, "pairs_two_people_on_odd_steps", "show one person twice"),
        Mutant(wrong_pairs.pictures_instead_of_people, "lets_everybody_take_part", "Draw the person first"),
        Mutant(wrong_pairs.singles_left_out, "lets_everybody_take_part", "those with a single photo"),
        Mutant(wrong_pairs.one_step_for_all, "lets_everybody_take_part", "drawn for each pair"),
        Mutant(wrong_pairs.first_photo_as_source, "uses_all_their_photos", "Draw the photo with"),
        Mutant(wrong_pairs.next_photo, "uses_all_their_photos", "only ever paired with"),
        Mutant(wrong_pairs.forgets_the_step, "hangs_on_seed_and_step_alone", "Steps 2 and 4"),
        Mutant(wrong_pairs.forgets_the_seed, "hangs_on_seed_and_step_alone", "Seeds 5 and 6"),
        Mutant(wrong_pairs.seed_plus_step, "hangs_on_seed_and_step_alone", "A list keeps them apart"),
        Mutant(wrong_pairs.one_stream_for_all_calls, "hangs_on_seed_and_step_alone", "remembered between calls"),
    ),
    why="Nothing is counted or remembered: whoever knows seed and step knows the batch. So any number of processes may "
    "read the pictures, and a run that was stopped goes on with the batch that it would have had.",
    mistakes=(
        (
            "A counter in the data loader that decides whose turn it is.",
            "with several workers each counts for itself, and batches labelled `same` hold two people.",
        ),
        ("Drawing pictures instead of people.", "whoever has many photos fills the batches."),
    ),
    minutes=12,
    difficulty=2,
)

GENERATOR = Exercise(
    id="07.2",
    title="The generator's half of a step",
    reference=generator_step,
    checks=(
        of_generators.gives_result_vector_and_terms,
        of_generators.draws_with_the_generator,
        of_generators.names_the_terms_without_their_weights,
        of_generators.moves_the_generator_alone,
        of_generators.every_term_pulls,
        of_generators.adds_the_weighted_terms,
        of_generators.starts_each_step_afresh,
    ),
    hints=(
        "Three looks at one picture: result = run.draw(target, v_source), result_maps = run.look(result), v_result = "
        "run.recogniser(result). Nothing is detached: all three must stay tied to the generator.",
        "Each term is one call of a function in `losses`: identity_loss(v_result, v_source), "
        "reconstruction_loss(result, target, same), hinge_g_loss(result_maps), "
        "weak_feature_matching_loss(result_maps, target_maps, run.config.first_map).",
        "total = sum(getattr(run.config.loss, name) * term for name, term in terms.items()); then "
        "run.move(run.generator, total) and return result, v_result, terms.",
    ),
    mutants=(
        Mutant(wrong.terms_alone, "gives_result_vector_and_terms", "three things"),
        Mutant(wrong.order_of_results, "gives_result_vector_and_terms", "expected a tensor (4, 3, 32, 32)"),
        Mutant(wrong.average_draws, "gives_result_vector_and_terms", "run.ema"),
        Mutant(wrong.at_rest, "draws_with_the_generator", "evaluation mode"),
        Mutant(wrong.looks_at_the_target, "draws_with_the_generator", "vector of the target"),
        Mutant(wrong.cosine_as_loss, "names_the_terms_without_their_weights", "1 minus it"),
        Mutant(wrong.identity_of_the_target, "names_the_terms_without_their_weights", "learn to copy"),
        Mutant(wrong.everywhere, "names_the_terms_without_their_weights", "hand `same` on"),
        Mutant(wrong.mask_upside_down, "names_the_terms_without_their_weights", "not its opposite"),
        Mutant(wrong.critics_loss, "names_the_terms_without_their_weights", "hinge_g_loss(result_maps)"),
        Mutant(wrong.wrong_sign, "names_the_terms_without_their_weights", "sign is wrong"),
        Mutant(wrong.all_maps, "names_the_terms_without_their_weights", "oFM"),
        Mutant(wrong.one_map_late, "names_the_terms_without_their_weights", "one map too late"),
        Mutant(wrong.weighed_terms, "names_the_terms_without_their_weights", "logged bare"),
        Mutant(wrong.critic_moves, "moves_the_generator_alone", "The critic has moved"),
        Mutant(wrong.nothing_moves, "moves_the_generator_alone", "The generator has not moved"),
        Mutant(wrong.four_moves, "moves_the_generator_alone", "stepped 2 times"),
        Mutant(wrong.matched_backwards, "every_term_pulls", "(result_maps, target_maps)"),
        Mutant(wrong.critic_sees_a_copy, "every_term_pulls", "before the critic looked"),
        Mutant(wrong.recogniser_sees_a_copy, "every_term_pulls", "The recogniser is frozen"),
        Mutant(wrong.mystery, "every_term_pulls", "The recogniser is frozen"),
        Mutant(wrong.no_weights, "every_term_pulls", "are not used"),
        Mutant(wrong.averaged, "every_term_pulls", "averaged"),
        Mutant(wrong.adversarial_bare, "every_term_pulls", "run.config.loss.adversarial"),
        Mutant(wrong.weights_changed_places, "every_term_pulls", "have changed places"),
        Mutant(wrong.adversarial_subtracted, "every_term_pulls", "is subtracted"),
        Mutant(wrong.overwritten, "adds_the_weighted_terms", "overwritten"),
        Mutant(wrong.gradients_pile_up, "starts_each_step_afresh", "add up until they are cleared"),
    ),
    why="One picture, three looks, one sum, one move. Terms are returned bare, because a curve should not jump when "
    "somebody changes a weight. float() is for GPUs: under half precision the recogniser still gets full numbers.",
    mistakes=(
        (
            "The result is detached, or turned into NumPy, on its way to the recogniser.",
            "the identity loss is logged correctly, stays high, and no weight of it changes anything.",
        ),
        (
            "weak_feature_matching_loss(target_maps, result_maps, m).",
            "the same number, but the second argument is taken as a constant: the term pulls at nothing.",
        ),
    ),
    minutes=15,
    difficulty=3,
)

CRITIC = Exercise(
    id="07.3",
    title="The discriminator's half of a step",
    reference=discriminator_step,
    checks=(
        of_critics.gives_the_terms,
        of_critics.judges_target_and_result,
        of_critics.leaves_the_generator_alone,
        of_critics.goes_down_the_hinge,
        of_critics.takes_the_penalty_in_its_turn,
        of_critics.knows_a_weight_of_zero,
        of_critics.starts_each_step_afresh,
    ),
    hints=(
        "The critic looks at the picture that has just been made, and must not pass anything back to who made it: "
        "run.look(result.detach()).",
        'terms = {"critic": losses.hinge_d_loss(target_maps, made_maps)} and total = terms["critic"]. The penalty '
        "comes in only if run.config.loss.gp is not 0 and step is a multiple of run.config.gp_every.",
        'In those steps terms["gp"] = losses.gradient_penalty(run.critic, target, result, run.places(step, '
        "len(target))), and the total grows by gp_every * gp * that. Then run.move(run.critic, total); return terms.",
    ),
    mutants=(
        Mutant(wrong_critic.one_number, "gives_the_terms", "a dictionary"),
        Mutant(wrong_critic.changed_places, "judges_target_and_result", "have changed places"),
        Mutant(wrong_critic.generators_loss, "judges_target_and_result", "That is the generator's loss"),
        Mutant(wrong_critic.made_twice, "judges_target_and_result", "Both sides look at the result"),
        Mutant(wrong_critic.halved, "judges_target_and_result", "Halved"),
        Mutant(wrong_critic.not_detached, "leaves_the_generator_alone", "result.detach()"),
        Mutant(wrong_critic.moves_the_generator, "leaves_the_generator_alone", "The generator has moved"),
        Mutant(wrong_critic.never_moves, "leaves_the_generator_alone", "The critic has not moved"),
        Mutant(wrong_critic.target_is_constant, "goes_down_the_hinge", "target_maps was detached"),
        Mutant(wrong_critic.uphill, "goes_down_the_hinge", "uphill"),
        Mutant(wrong_critic.always, "goes_down_the_hinge", "The penalty is in it"),
        Mutant(wrong_critic.on_the_other_steps, "goes_down_the_hinge", "The penalty is in it"),
        Mutant(wrong_critic.never, "takes_the_penalty_in_its_turn", 'has no "gp"'),
        Mutant(wrong_critic.places_of_its_own, "takes_the_penalty_in_its_turn", "a resumed run"),
        Mutant(wrong_critic.places_of_step_0, "takes_the_penalty_in_its_turn", "another step's places"),
        Mutant(wrong_critic.as_strong_as_ever, "takes_the_penalty_in_its_turn", "counts gp_every times"),
        Mutant(wrong_critic.no_weight, "takes_the_penalty_in_its_turn", "Its weight run.config.loss.gp is missing"),
        Mutant(wrong_critic.not_in_the_total, "takes_the_penalty_in_its_turn", "never moves the critic"),
        Mutant(wrong_critic.weighed_in_the_log, "takes_the_penalty_in_its_turn", "log it bare"),
        Mutant(wrong_critic.deaf_to_zero, "knows_a_weight_of_zero", "multiplied by nothing"),
        Mutant(wrong_critic.gradients_pile_up, "starts_each_step_afresh", "an old one that was still lying there"),
    ),
    why="detach() makes the result a picture like any other: the critic learns about it and cannot change it. The "
    "penalty needs a second derivative, so it is taken in one step of gp_every, that many times as strong.",
    mistakes=(
        (
            "No detach().",
            "if the generator's gradients are cleared before its next step, only time is lost; if not, it learns to "
            "please the critic's wish for bad pictures.",
        ),
        (
            "Target and result in the wrong order.",
            "the critic's loss falls as it should, and the pictures get worse with it.",
        ),
    ),
    minutes=12,
    difficulty=2,
)

AVERAGE = Exercise(
    id="07.4",
    title="The averaged generator",
    reference=update_ema,
    checks=(
        of_averages.changes_the_average_alone,
        of_averages.moves_a_little_towards_the_network,
        of_averages.copies_the_statistics,
        of_averages.keeps_no_history,
    ),
    hints=(
        "Walk through both networks' parameters side by side: zip(average.parameters(), network.parameters()). Write "
        "into the average's tensors, for the names in a loop are only names.",
        "a.lerp_(b, weight) moves a the share `weight` of the way to b. How large must it be if a keeps `decay`?",
        "a.lerp_(b, 1 - decay) for the parameters; a.copy_(b) for the buffers (BatchNorm's statistics); and the stub's "
        "@torch.no_grad() stays where it is.",
    ),
    mutants=(
        Mutant(wrong_average.network_moves, "changes_the_average_alone", "The network's"),
        Mutant(wrong_average.shares_its_numbers, "changes_the_average_alone", "share their numbers"),
        Mutant(wrong_average.new_names_only, "changes_the_average_alone", "has not changed"),
        Mutant(wrong_average.new_tensors, "changes_the_average_alone", "new ones"),
        Mutant(wrong_average.state_dict_averaged, "changes_the_average_alone", "counts in whole numbers"),
        Mutant(wrong_average.shares_swapped, "moves_a_little_towards_the_network", "changed places"),
        Mutant(wrong_average.plain_copy, "moves_a_little_towards_the_network", "a copy"),
        Mutant(wrong_average.grows, "moves_a_little_towards_the_network", "grow and grow"),
        Mutant(wrong_average.decay_ignored, "moves_a_little_towards_the_network", "Is `decay` used"),
        Mutant(wrong_average.parameters_alone, "copies_the_statistics", ".buffers()"),
        Mutant(wrong_average.statistics_averaged, "copies_the_statistics", "was averaged"),
        Mutant(wrong_average.history_kept, "keeps_no_history", "no_grad()"),
    ),
    why="The library does it for all tensors in one call, because on a GPU a hundred small calls take longer than "
    "their arithmetic. A loop over both lists with lerp_ and copy_ is the same.",
    mistakes=(
        ("Only the parameters.", "the average draws washed-out pictures: BatchNorm uses statistics of the first step."),
        ("decay and 1 - decay exchanged.", "the average is nearly the last generator, and flickers like it."),
    ),
    minutes=6,
    difficulty=1,
)

DIAGNOSIS = Exercise(
    id="07.5",
    title="A doctor for logs",
    reference=diagnose,
    checks=(
        of_diagnoses.calls_a_healthy_run_healthy,
        of_diagnoses.sees_what_is_no_number,
        of_diagnoses.sees_the_discriminator_win,
        of_diagnoses.sees_a_collapse,
        of_diagnoses.sees_a_copy,
        of_diagnoses.reads_the_end_and_not_one_record,
        of_diagnoses.names_the_gravest,
    ),
    hints=(
        "One `if` with a `return` for each failure, the gravest first, and `healthy` at the end. Records are "
        "dictionaries: record['critic'].",
        "A small helper: mean = lambda name, part: sum(r[name] for r in part) / len(part). The last five are "
        "records[-5:], the first five records[:5]; both also work on shorter lists.",
        "all(math.isfinite(v) for v in records[-1].values()), before any comparison; then mean('critic', last) < 0.5; "
        "then mean('reconstruction', last) > 2 * mean('reconstruction', first); then the two cosines.",
    ),
    mutants=(
        Mutant(wrong_diagnosis.says_it_in_other_words, "calls_a_healthy_run_healthy", "expected one of"),
        Mutant(wrong_diagnosis.too_strict, "calls_a_healthy_run_healthy", "A healthy run"),
        Mutant(wrong_diagnosis.equals_nan, "sees_what_is_no_number", "not even"),
        Mutant(wrong_diagnosis.nan_alone, "sees_what_is_no_number", "inf"),
        Mutant(wrong_diagnosis.four_columns, "sees_what_is_no_number", "for all values"),
        Mutant(wrong_diagnosis.never_wins, "sees_the_discriminator_win", "below 0.5"),
        Mutant(wrong_diagnosis.waits_for_zero, "sees_the_discriminator_win", "below 0.5"),
        Mutant(wrong_diagnosis.fixed_number, "sees_a_collapse", "not with a fixed number"),
        Mutant(wrong_diagnosis.beginning_and_end_swapped, "sees_a_collapse", "twice the mean of the first 5"),
        Mutant(wrong_diagnosis.threshold_for_copies, "sees_a_copy", "cosine to the source fell"),
        Mutant(wrong_diagnosis.last_record, "reads_the_end_and_not_one_record", "mean of the last 5"),
        Mutant(wrong_diagnosis.whole_log, "reads_the_end_and_not_one_record", "hides what is happening"),
        Mutant(wrong_diagnosis.copies_first, "names_the_gravest", "The order is"),
    ),
    why="The order matters: numbers that are none make every comparison False, and a discriminator that has won "
    "explains what the other curves do. Means, because one batch may be a whim.",
    mistakes=(
        ("value == float('nan').", "never True: nan equals nothing, not even itself."),
        ("Looking at the last record alone.", "alarms at random, and soon nobody listens."),
    ),
    minutes=8,
    difficulty=1,
)

EXERCISES = (PAIRS, GENERATOR, CRITIC, AVERAGE, DIAGNOSIS)
