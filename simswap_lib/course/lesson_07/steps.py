"""Exercises 07.2 and 07.3: both halves of a training step."""

from simswap_lib.course.exercise import Exercise, Mutant
from simswap_lib.course.lesson_07 import discriminator as of_critics
from simswap_lib.course.lesson_07 import discriminator_mutants as wrong_critic
from simswap_lib.course.lesson_07 import generator as of_generators
from simswap_lib.course.lesson_07 import generator_mutants as wrong
from simswap_lib.train_step import discriminator_step, generator_step

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
        of_critics.starts_each_step_afresh,
    ),
    hints=(
        "The critic looks at the picture that has just been made, and must not pass anything back to who made it: "
        "run.look(result.detach()).",
        'terms = {"critic": losses.hinge_d_loss(target_maps, made_maps)} and total = terms["critic"]. The penalty '
        "comes in only if places is not None.",
        'In those steps terms["gp"] = losses.gradient_penalty(run.critic, target, result, places), and the total grows '
        "by run.config.gp_every * run.config.loss.gp * that. Then run.move(run.critic, total); return terms.",
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
        Mutant(wrong_critic.made_is_constant, "goes_down_the_hinge", "under no_grad"),
        Mutant(wrong_critic.uphill, "goes_down_the_hinge", "uphill"),
        Mutant(wrong_critic.always, "goes_down_the_hinge", "only if places is not None"),
        Mutant(wrong_critic.on_the_other_steps, "goes_down_the_hinge", "only if places is not None"),
        Mutant(wrong_critic.never, "takes_the_penalty_in_its_turn", 'has no "gp"'),
        Mutant(wrong_critic.places_of_its_own, "takes_the_penalty_in_its_turn", "a resumed run"),
        Mutant(wrong_critic.places_turned_round, "takes_the_penalty_in_its_turn", "result, places)"),
        Mutant(wrong_critic.as_strong_as_ever, "takes_the_penalty_in_its_turn", "counts gp_every times"),
        Mutant(wrong_critic.no_weight, "takes_the_penalty_in_its_turn", "Its weight run.config.loss.gp is missing"),
        Mutant(wrong_critic.not_in_the_total, "takes_the_penalty_in_its_turn", "never moves the critic"),
        Mutant(wrong_critic.total_in_the_log, "takes_the_penalty_in_its_turn", "logged on its own"),
        Mutant(wrong_critic.weighed_in_the_log, "takes_the_penalty_in_its_turn", "log it bare"),
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
