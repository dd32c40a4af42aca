"""Checks of exercise 07.1: whom a batch pairs with whom, and what it may depend on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simswap_lib.course.arrays import run_with_arrays
from simswap_lib.course.exercise import Wrong, require

# Seven people; the first and the fifth have one photograph only, the fourth has most.
COUNT = np.array([1, 3, 2, 5, 1, 4, 2])
START = np.cumsum(COUNT) - COUNT
PERSON = np.repeat(np.arange(len(COUNT)), COUNT)  # whom picture i shows
PAIRED = np.flatnonzero(COUNT >= 2)
FEW, MANY = 50, 8000
TOLERANCE = 0.03  # of a share; at MANY draws more than five standard deviations
RNG = "np.random.default_rng([seed, step])"


def draw(answer: Callable, batch: int = MANY, seed: int = 5, step: int = 0) -> tuple[np.ndarray, np.ndarray, bool]:
    """(sources, targets, same) of one call, each looked at first."""
    try:
        drawn = run_with_arrays(answer, start=START, count=COUNT, batch=batch, seed=seed, step=step)
    except ValueError as error:
        if "low >= high" in str(error):
            raise Wrong(
                f"rng.integers found nothing to choose from ({error}): somebody with a single photograph takes part in "
                "an even step, and there is no second one. Choose from np.flatnonzero(count >= 2) there."
            ) from error
        raise
    require(drawn is not None, "It returned None. Is the `return` missing?")
    require(
        isinstance(drawn, (tuple, list)) and len(drawn) == 3,
        f"It returned {_told(drawn)}; expected three things: return sources, targets, same.",
    )
    for name, numbers in zip(("sources", "targets"), drawn, strict=False):
        require(
            isinstance(numbers, np.ndarray) and numbers.shape == (batch,) and numbers.dtype.kind in "iu",
            f"`{name}` should be a NumPy array of {batch} whole numbers, numbers of pictures; it is "
            f"{_told(numbers)}. rng.integers(..., size=batch) draws so many; np.array(...) makes one of a list.",
        )
        require(
            numbers.min() >= 0 and numbers.max() < len(PERSON),
            f"`{name}` holds {numbers.min()} to {numbers.max()}, and there are pictures 0 to {len(PERSON) - 1}. A "
            "person's photo k is picture start[person] + k, with k below count[person].",
        )
    require(
        isinstance(drawn[2], bool | np.bool_),
        f"`same` should be True or False for the whole batch; it is {_told(drawn[2])}.",
    )
    return drawn


def gives_pictures_and_whose_turn_it_is(answer: Callable) -> None:
    """returns numbers of pictures and whose turn it is: one person on even steps, two on odd ones"""
    turns = [bool(draw(answer, FEW, step=step)[2]) for step in range(6)]
    require(
        turns != [False, True] * 3,
        "`same` is True on odd steps. Step 0 pairs photos of one person, step 1 photos of two people, and so on: "
        "same = step % 2 == 0. Checkpoints of the course count so.",
    )
    require(
        turns == [True, False] * 3,
        f"Steps 0 to 5 had same = {turns}; expected True and False in turn. It depends on the step alone: "
        "same = step % 2 == 0.",
    )


def pairs_one_person_on_even_steps(answer: Callable) -> None:
    """on even steps, pairs two different photos of one person"""
    sources, targets, _ = draw(answer)
    wrong = np.flatnonzero(PERSON[sources] != PERSON[targets])
    if len(wrong):
        s, t = sources[wrong[0]], targets[wrong[0]]
        cause = (
            "Both numbers look like photos counted within a person: add start[person]."
            if max(sources.max(), targets.max()) < COUNT.max()
            else "Draw the person once and use it for both."
        )
        raise Wrong(
            f"On step 0 picture {s} (person {PERSON[s]}) was paired with picture {t} (person {PERSON[t]}). {cause} "
            "With two people in a 'same' pair, the reconstruction loss teaches the network to ignore the source."
        )
    itself = (sources == targets).mean()
    require(
        itself == 0,
        f"{itself:.0%} of the pairs of step 0 are a photo with itself. The vector then comes from the very picture to "
        "be drawn. Move on by 1 ... n - 1 around the person's n photos: "
        "(target + rng.integers(1, n)) % n, and leave out people with one photo.",
    )


def pairs_two_people_on_odd_steps(answer: Callable) -> None:
    """on odd steps, never pairs a person with themselves"""
    sources, targets, _ = draw(answer, step=1)
    together = (PERSON[sources] == PERSON[targets]).mean()
    require(
        together == 0,
        f"{together:.0%} of the pairs of step 1 show one person twice. Drawing the second person anew gives the first "
        "again now and then: move on by 1 ... P - 1 around the P people, "
        "(target_person + rng.integers(1, P, size=batch)) % P.",
    )


def lets_everybody_take_part(answer: Callable) -> None:
    """draws people, not pictures: everybody who can take part is as likely as anybody"""
    for step, people in ((0, PAIRED), (1, np.arange(len(COUNT)))):
        drawn = dict(zip(("source", "target"), draw(answer, step=step)[:2], strict=True))
        for role, pictures in drawn.items():
            share = np.bincount(PERSON[pictures], minlength=len(COUNT)) / MANY
            missing = [p for p in people if share[p] == 0]
            require(
                not missing,
                f"On step {step} person {missing[0] if missing else ''} is never the {role}. On odd steps everybody "
                "takes part, also those with a single photo.",
            )
            worst = people[np.abs(share[people] - 1 / len(people)).argmax()]
            require(
                abs(share[worst] - 1 / len(people)) < TOLERANCE,
                f"On step {step} person {worst}, with {COUNT[worst]} photos, is the {role} in {share[worst]:.0%} of "
                f"the pairs; expected {1 / len(people):.0%}, as for everybody. Draw the person first, then one of "
                "their photos: otherwise people with many photos fill the batches.",
            )
    alike = [(PERSON[s], PERSON[t]) for s, t in zip(*draw(answer, step=1)[:2], strict=True)]
    require(
        len(set(alike)) == len(COUNT) * (len(COUNT) - 1),
        f"On odd steps only {len(set(alike))} of {len(COUNT) * (len(COUNT) - 1)} ordered pairs of people ever meet. "
        "The step from one person to the other should be drawn for each pair: rng.integers(1, P, size=batch).",
    )


def uses_all_their_photos(answer: Callable) -> None:
    """draws each photo of a person as often as the others"""
    for step in (0, 1):
        for role, pictures in zip(("source", "target"), draw(answer, step=step)[:2], strict=False):
            for p in PAIRED:
                own = pictures[PERSON[pictures] == p] - START[p]
                share = np.bincount(own, minlength=COUNT[p]) / max(len(own), 1)
                require(
                    np.abs(share - 1 / COUNT[p]).max() < 3 * TOLERANCE,
                    f"On step {step} the {role} is photo {share.argmax()} of person {p} in {share.max():.0%} of the "
                    f"cases; expected {1 / COUNT[p]:.0%}, for there are {COUNT[p]}. Draw the photo with "
                    "rng.integers(count[person]), which takes an array and gives one number for each.",
                )
    sources, targets, _ = draw(answer)
    most = COUNT.argmax()
    steps = (sources - targets)[PERSON[targets] == most] % COUNT[most]
    require(
        len(set(steps.tolist())) == COUNT[most] - 1,
        f"Person {most} has {COUNT[most]} photos, but a photo is only ever paired with "
        f"{len(set(steps.tolist()))} of the other {COUNT[most] - 1}. Draw the step around the circle for each pair: "
        "rng.integers(1, n), n an array.",
    )


def hangs_on_seed_and_step_alone(answer: Callable) -> None:
    """is a function of seed and step alone, so that a run that was stopped goes on exactly"""

    def pairs(seed: int, step: int) -> list:
        sources, targets, _ = draw(answer, FEW, seed, step)
        return [sources.tolist(), targets.tolist()]

    state = np.random.get_state()[1].tolist()  # noqa: NPY002 - the very thing that is watched
    first = pairs(5, 2)
    require(
        np.random.get_state()[1].tolist() == state,  # noqa: NPY002
        "NumPy's own generator, from which everybody else in the program draws, was seeded or used. Make one for this "
        f"call: rng = {RNG}.",
    )
    pairs(5, 3)
    require(
        pairs(5, 2) == first,
        "Two calls with the same seed and step gave different pairs: something is remembered between calls, or drawn "
        f"from the world's chance. Make the generator inside the function: rng = {RNG}.",
    )
    require(
        pairs(5, 4) != first,
        "Steps 2 and 4 draw the same pairs: the network would see the same batches for ever. The step belongs into "
        f"the seed: rng = {RNG}.",
    )
    require(pairs(6, 2) != first, f"Seeds 5 and 6 draw the same pairs. The seed is missing: rng = {RNG}.")
    others = ((3, 4), (2, 5), (1, 6), (0, 7), (7, 0), (4, 3))  # alike in the sum, or bit by bit
    require(
        all(pairs(*other) != first for other in others)
        and pairs(10, 1)[0] != pairs(1, 10)[0]
        and pairs(5, 0) != pairs(6, 0)
        and pairs(0, 2) != pairs(0, 4),
        "Different seeds give the same batches at other steps: with seed + step (or a product), run 6 at step 0 is run "
        f"5 at step 1, and two runs are no longer independent. A list keeps them apart: {RNG}.",
    )


def _told(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype}, shape {value.shape}"
    return f"{value!r:.60}, of type {type(value).__name__}"
