"""The warm-up of lesson 00: the cosine with which every later lesson asks "is this the same person?"."""

import torch

from simswap_lib.course.exercise import Exercise, Mutant, call, require
from simswap_lib.studio import cosine

ROWS, LENGTH = 5, 8  # unequal on purpose, so that a sum over the wrong axis shows in the shape


def _vectors() -> tuple[torch.Tensor, torch.Tensor]:
    """Two batches of vectors that point anywhere, none of length 1."""
    return 3 * torch.randn(ROWS, LENGTH), 2 * torch.randn(ROWS, LENGTH)


def one_number_for_each_row(answer):
    """one number for each row: (5, 8) and (5, 8) give (5,)"""
    a, b = _vectors()
    found = tuple(call(answer, a=a, b=b).shape)
    usual = {
        (): "One number for the whole batch: keep the rows apart, without a last sum or mean.",
        (LENGTH,): "One number for each entry: the sum runs over the rows. Along a row is dim=1.",
        (ROWS, ROWS): "Every row of `a` was compared with every row of `b`: a matrix product. Only the same row is "
        "asked for: multiply entry by entry and sum along dim=1.",
        (ROWS, 1): "A column: leave keepdim=True out of the last step.",
    }
    require(found == (ROWS,), f"The result has shape {found}; expected ({ROWS},). {usual.get(found, '')}".strip())


def rows_do_not_mix(answer):
    """a row's result depends on that row alone"""
    a, b = _vectors()
    together, alone = call(answer, a=a, b=b), call(answer, a=a[:1], b=b[:1])
    require(
        torch.allclose(together[:1], alone, atol=1e-4),
        f"The first row gives {alone[0]:.3f} alone and {together[0]:.3f} beside four others, so the rows mix. "
        "Is the length that of the whole batch? Take it for each row: a.norm(dim=1).",
    )


def lengths_do_not_matter(answer):
    """a vector twice as long gives the same result"""
    a, b = _vectors()
    plain = call(answer, a=a, b=b)
    for name, longer in (("a", call(answer, a=2 * a, b=b)), ("b", call(answer, a=a, b=2 * b))):
        ratio = float((longer / plain).median())
        require(
            abs(ratio - 0.5) > 1e-3,
            f"Doubling `{name}` halves the result: you divide by the square of the length. The length of a vector is "
            "the root of the sum of its squares.",
        )
        require(
            abs(ratio - 4) > 1e-2,
            f"Doubling `{name}` multiplies the result by 4: its length is multiplied instead of divided away. x / y * "
            "z is (x / y) * z, so put brackets round both lengths.",
        )
        require(
            torch.allclose(longer, plain, atol=1e-4),
            f"Doubling `{name}` multiplies the result by {ratio:.2f}; expected 1. The product of two vectors grows "
            f"with their lengths: divide by the length of `{name}` too.",
        )


def same_direction_gives_one(answer):
    """a vector and itself give 1"""
    a, _ = _vectors()
    result = call(answer, a=a, b=a)
    require(
        not torch.allclose(result, torch.zeros(ROWS), atol=1e-4),
        "A vector and itself give 0. That is a distance, 1 - cosine; expected the cosine, which is 1 here.",
    )
    require(
        torch.allclose(result, torch.ones(ROWS), atol=1e-4),
        f"A vector and itself give {result[0]:.3f}; expected 1. Add up all products a_i * b_i of a row: a mean instead "
        "of a sum is the usual reason, or a length that is not the root of the sum of squares.",
    )


def opposite_gives_minus_one(answer):
    """a vector and its opposite give -1"""
    a, _ = _vectors()
    result = call(answer, a=a, b=-a)
    require(
        torch.allclose(result, -torch.ones(ROWS), atol=1e-4),
        f"A vector and its opposite give {result[0]:.3f}; expected -1. Keep the sign: is there an abs or a square?",
    )


def agrees_with_a_sum_by_hand(answer):
    """(3, 4) and (4, 3) give 24 / 25, two vectors at a right angle give 0"""
    result = call(answer, a=torch.tensor([[3.0, 4.0], [1.0, 0.0]]), b=torch.tensor([[4.0, 3.0], [0.0, 2.0]]))
    require(
        not torch.allclose(result, torch.tensor([-1.0, -1.0]), atol=1e-4),
        "(3, 4) and (4, 3) give -1: each row's mean was taken away first, which is a correlation. Take the vectors as "
        "they are.",
    )
    require(
        torch.allclose(result, torch.tensor([0.96, 0.0]), atol=1e-4),
        f"(3, 4) and (4, 3) give {result[0]:.3f} and two vectors at a right angle {result[1]:.3f}; expected "
        "(3*4 + 4*3) / (5*5) = 0.960 and 0. Is this 1 minus the distance of the two tips? The cosine is a sum of "
        "products, not a distance.",
    )


# Wrong answers that people give. --------------------------------------------


def one_mean(a, b):
    return ((a * b).sum(dim=1) / (a.norm(dim=1) * b.norm(dim=1))).mean()


def wrong_axis(a, b):
    return (a * b).sum(dim=0) / (a.norm(dim=0) * b.norm(dim=0))


def length_of_the_batch(a, b):
    return (a / a.norm() * (b / b.norm())).sum(dim=1)


def no_length(a, b):
    return (a * b).sum(dim=1)


def every_pair(a, b):
    return (a / a.norm(dim=1, keepdim=True)) @ (b / b.norm(dim=1, keepdim=True)).T


def no_brackets(a, b):
    return (a * b).sum(dim=1) / a.norm(dim=1) * b.norm(dim=1)


def means_taken_away(a, b):
    a, b = a - a.mean(dim=1, keepdim=True), b - b.mean(dim=1, keepdim=True)
    return (a * b).sum(dim=1) / (a.norm(dim=1) * b.norm(dim=1))


def one_length(a, b):
    return (a * b).sum(dim=1) / a.norm(dim=1)


def no_root(a, b):
    return (a * b).sum(dim=1) / ((a * a).sum(dim=1) * (b * b).sum(dim=1))


def mean_of_products(a, b):
    return (a * b).mean(dim=1) / (a.norm(dim=1) * b.norm(dim=1))


def distance(a, b):
    return 1 - (a * b).sum(dim=1) / (a.norm(dim=1) * b.norm(dim=1))


def no_sign(a, b):
    return (a * b).sum(dim=1).abs() / (a.norm(dim=1) * b.norm(dim=1))


def from_distance(a, b):
    return 1 - (a / a.norm(dim=1, keepdim=True) - b / b.norm(dim=1, keepdim=True)).norm(dim=1)


EXERCISES = (
    Exercise(
        id="00.1",
        title="The cosine of two directions",
        reference=cosine,
        checks=(
            one_number_for_each_row,
            rows_do_not_mix,
            lengths_do_not_matter,
            same_direction_gives_one,
            opposite_gives_minus_one,
            agrees_with_a_sum_by_hand,
        ),
        hints=(
            "Three steps: multiply the two vectors entry by entry and add up each row; find the length of each row of "
            "`a` and of `b`; divide the first by the product of the other two.",
            "Rows are dimension 1. `x.sum(dim=1)` adds up each row of a (B, D) tensor and gives (B,), and so does the "
            "length, `x.norm(dim=1)`, which is the root of the sum of squares.",
            "`return (a * b).sum(dim=1) / ...`: what stands below the line is `a.norm(dim=1) * b.norm(dim=1)`.",
        ),
        mutants=(
            Mutant(one_mean, "one_number_for_each_row", "whole batch"),
            Mutant(wrong_axis, "one_number_for_each_row", "dim=1"),
            Mutant(every_pair, "one_number_for_each_row", "a matrix product"),
            Mutant(length_of_the_batch, "rows_do_not_mix", "length that of the whole batch"),
            Mutant(no_length, "lengths_do_not_matter", "divide by the length of `a`"),
            Mutant(one_length, "lengths_do_not_matter", "divide by the length of `b`"),
            Mutant(no_brackets, "lengths_do_not_matter", "put brackets round"),
            Mutant(no_root, "lengths_do_not_matter", "square of the length"),
            Mutant(mean_of_products, "same_direction_gives_one", "mean instead of a sum"),
            Mutant(distance, "same_direction_gives_one", "1 - cosine"),
            Mutant(no_sign, "opposite_gives_minus_one", "Keep the sign"),
            Mutant(means_taken_away, "agrees_with_a_sum_by_hand", "a correlation"),
            Mutant(from_distance, "agrees_with_a_sum_by_hand", "1 minus the distance"),
        ),
        why="The sum of products alone grows with the lengths of both vectors. Dividing by both lengths leaves only "
        "the angle between them, and the angle is what a recogniser is trained to make small for one person.",
        mistakes=(
            ("dim=0 instead of dim=1.", "one number for each entry instead of one for each face."),
            ("1 - cosine, which is a distance and not a likeness.", "a face compared with itself gives 0."),
        ),
        minutes=5,
        difficulty=1,
    ),
)
