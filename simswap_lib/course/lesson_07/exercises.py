"""The exercises of lesson 07: the pairs of a batch, both halves of a step, the average, and reading a log."""

from simswap_lib.batches import draw_pairs
from simswap_lib.course.exercise import Exercise, Mutant
from simswap_lib.course.lesson_07 import average as of_averages
from simswap_lib.course.lesson_07 import average_mutants as wrong_average
from simswap_lib.course.lesson_07 import diagnosis as of_diagnoses
from simswap_lib.course.lesson_07 import diagnosis_mutants as wrong_diagnosis
from simswap_lib.course.lesson_07 import pair_mutants as wrong_pairs
from simswap_lib.course.lesson_07 import pairs as of_pairs
from simswap_lib.course.lesson_07.steps import CRITIC, GENERATOR
from simswap_lib.failures import diagnose
from simswap_lib.train_step import update_ema

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
        "On even steps only people with two photos or more take part: people = np.flatnonzero(count >= 2). Draw "
        "target_person = people[rng.integers(len(people), size=batch)], then target = "
        "rng.integers(count[target_person]).",
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
        Mutant(wrong_pairs.seed_times_step, "hangs_on_seed_and_step_alone", "A list keeps them apart"),
        Mutant(wrong_pairs.seed_xor_step, "hangs_on_seed_and_step_alone", "A list keeps them apart"),
        Mutant(wrong_pairs.seeds_the_world, "hangs_on_seed_and_step_alone", "NumPy's own generator"),
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

AVERAGE = Exercise(
    id="07.4",
    title="The averaged generator",
    reference=update_ema,
    checks=(
        of_averages.changes_the_average_alone,
        of_averages.moves_a_little_towards_the_network,
        of_averages.averages_the_statistics,
        of_averages.keeps_no_history,
    ),
    hints=(
        "Walk through both networks' parameters side by side: zip(average.parameters(), network.parameters()). Write "
        "into the average's tensors, for the names in a loop are only names.",
        "a.lerp_(b, weight) moves a the share `weight` of the way to b. How large must it be if a keeps `decay`?",
        "a.lerp_(b, 1 - decay) for the parameters and for the buffers that are floating-point numbers (BatchNorm's "
        "statistics); a.copy_(b) for its count; and the stub's @torch.no_grad() stays where it is.",
    ),
    mutants=(
        Mutant(wrong_average.network_moves, "changes_the_average_alone", "The network's"),
        Mutant(wrong_average.shares_its_numbers, "changes_the_average_alone", "share their numbers"),
        Mutant(wrong_average.shares_the_statistics, "changes_the_average_alone", "share their numbers"),
        Mutant(wrong_average.switches_the_mode, "changes_the_average_alone", "another mode"),
        Mutant(wrong_average.freezes_the_network, "changes_the_average_alone", "could not learn any more"),
        Mutant(wrong_average.new_names_only, "changes_the_average_alone", "has not changed"),
        Mutant(wrong_average.new_tensors, "changes_the_average_alone", "new ones"),
        Mutant(wrong_average.state_dict_averaged, "changes_the_average_alone", "counts in whole numbers"),
        Mutant(wrong_average.shares_swapped, "moves_a_little_towards_the_network", "changed places"),
        Mutant(wrong_average.plain_copy, "moves_a_little_towards_the_network", "a copy"),
        Mutant(wrong_average.grows, "moves_a_little_towards_the_network", "grow and grow"),
        Mutant(wrong_average.decay_ignored, "moves_a_little_towards_the_network", "Is `decay` used"),
        Mutant(wrong_average.parameters_alone, "averages_the_statistics", ".buffers()"),
        Mutant(wrong_average.statistics_copied, "averages_the_statistics", "was copied"),
        Mutant(wrong_average.statistics_swapped, "averages_the_statistics", "is not decay * average"),
        Mutant(wrong_average.count_averaged, "averages_the_statistics", "whole numbers"),
        Mutant(wrong_average.history_kept, "keeps_no_history", "no_grad()"),
    ),
    why="The library does it for all tensors in one call, because on a GPU a hundred small calls take longer than "
    "their arithmetic. A loop with lerp_ and copy_ is the same. state_dict() lists parameters and buffers together.",
    mistakes=(
        ("Only the parameters.", "the average draws washed-out pictures: BatchNorm uses statistics of the first step."),
        ("The statistics copied.", "the held-out error jumps up and down by a tenth from one validation to the next."),
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
        of_diagnoses.takes_five_or_what_there_is,
        of_diagnoses.names_the_gravest,
    ),
    hints=(
        "One `if` with a `return` for each failure, the gravest first, and `healthy` at the end. Records are "
        "dictionaries: record['critic'].",
        "A small helper: mean = lambda name, part: sum(r[name] for r in part) / len(part). The last five are "
        "records[-5:], which also works on shorter lists; the lowest is min(r['reconstruction'] for r in records).",
        "all(math.isfinite(v) for v in records[-1].values()), before any comparison; then the mean of reconstruction "
        "against twice its lowest value; then mean('critic', last) < 0.5; then the two cosines.",
    ),
    mutants=(
        Mutant(wrong_diagnosis.says_it_in_other_words, "calls_a_healthy_run_healthy", "expected one of"),
        Mutant(wrong_diagnosis.too_strict, "calls_a_healthy_run_healthy", "A healthy run"),
        Mutant(wrong_diagnosis.equals_nan, "sees_what_is_no_number", "not even"),
        Mutant(wrong_diagnosis.nan_alone, "sees_what_is_no_number", "inf"),
        Mutant(wrong_diagnosis.four_columns, "sees_what_is_no_number", "for all values"),
        Mutant(wrong_diagnosis.any_record, "sees_what_is_no_number", "Look at the last record"),
        Mutant(wrong_diagnosis.never_wins, "sees_the_discriminator_win", "below 0.5"),
        Mutant(wrong_diagnosis.waits_for_zero, "sees_the_discriminator_win", "below 0.5"),
        Mutant(wrong_diagnosis.fixed_number, "sees_a_collapse", "not with a fixed number"),
        Mutant(wrong_diagnosis.against_the_first, "sees_a_collapse", "not with its first"),
        Mutant(wrong_diagnosis.against_the_highest, "sees_a_collapse", "twice its lowest"),
        Mutant(wrong_diagnosis.threshold_for_copies, "sees_a_copy", "cosine to the source fell"),
        Mutant(wrong_diagnosis.last_record, "reads_the_end_and_not_one_record", "mean of the last 5"),
        Mutant(wrong_diagnosis.whole_log, "sees_the_discriminator_win", "the mean of its last 5"),
        Mutant(wrong_diagnosis.six_records, "takes_five_or_what_there_is", "records[-5:]"),
        Mutant(wrong_diagnosis.each_of_five, "takes_five_or_what_there_is", "their mean"),
        Mutant(wrong_diagnosis.divides_by_five, "takes_five_or_what_there_is", "not by 5"),
        Mutant(wrong_diagnosis.copies_first, "names_the_gravest", "The order is"),
    ),
    why="The order matters: numbers that are none make every comparison False, and a picture that has come apart "
    "explains what the other curves do. Means, because one batch may be a whim.",
    mistakes=(
        ("value == float('nan').", "never True: nan equals nothing, not even itself."),
        ("Looking at the last record alone.", "alarms at random, and soon nobody listens."),
    ),
    minutes=8,
    difficulty=1,
)

EXERCISES = (PAIRS, GENERATOR, CRITIC, AVERAGE, DIAGNOSIS)
