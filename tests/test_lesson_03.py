"""Lesson 03 from a reader's seat: right answers in other words pass and train, wrong ones are named."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from simswap_lib.course import Transplant, exercises, grade
from simswap_lib.course.lesson_03.mutants import mystery, zero_to_one
from simswap_lib.models.arcface import ArcFace, MarginHead
from simswap_lib.photographs import photograph
from simswap_lib.world import HELD_OUT

LESSON = [e for e in exercises().values() if e.lesson == "03"]


# What a reader might write, in other words than the library. ---------------------------------------------------------


def all_cosines(vectors, others):
    return torch.einsum("bd,pd->bp", vectors, others) / (vectors.norm(dim=1)[:, None] * others.norm(dim=1)[None])


def margin_logits(cosines, people, scale, margin):
    right = F.one_hot(people, cosines.shape[1]).bool()
    sine = torch.sqrt(torch.clamp(1 - cosines**2, min=1e-7))
    turned = cosines * math.cos(margin) - sine * math.sin(margin)
    turned = torch.where(cosines < math.cos(math.pi - margin), cosines - margin * math.sin(margin), turned)
    return torch.where(right, turned, cosines) * scale


def indexed_logits(cosines, people, scale, margin):
    rows, result = torch.arange(len(people)), cosines.clone()
    cosine = cosines[rows, people].clamp(-1 + 1e-6, 1 - 1e-6)
    harder = torch.cos(torch.acos(cosine) + margin)
    result[rows, people] = torch.where(cosine < -math.cos(margin), cosine - margin * math.sin(margin), harder)
    return result * scale


def verification(same, different, false_accepts):
    best = sorted(different.tolist(), reverse=True)
    threshold = best[math.floor(round(false_accepts * len(best), 6))]
    return threshold, sum(c > threshold for c in same) / len(same)


def product_curve(nearer, people, sizes):
    def found(b, g):
        share = 1.0
        for k in range(g - 1):  # the others come into the gallery one by one
            share *= max(people - 1 - b - k, 0) / (people - 1 - k)
        return share

    return {g: sum(found(int(b), g) for b in nearer) / len(nearer) for g in sizes}


def single_precision_curve(nearer, people, sizes):
    def share(g):
        all_choices = math.comb(people - 1, g - 1)
        return torch.tensor([math.comb(people - 1 - int(b), g - 1) / all_choices for b in nearer]).mean()

    return {g: share(g) for g in reversed(sizes)}


def to_tensor(images, device="cpu"):
    return (torch.tensor(images, dtype=torch.float32, device=device).movedim(3, 1) - 127.5) / 127.5


RIGHT = [
    ("03.1", all_cosines), ("03.2", margin_logits), ("03.2", indexed_logits), ("03.3", verification),
    ("03.4", product_curve), ("03.4", single_precision_curve), ("03.5", to_tensor),
]  # fmt: skip


@pytest.mark.parametrize(("id", "answer"), RIGHT, ids=[f"{id}-{a.__name__}" for id, a in RIGHT])
def test_a_right_answer_in_other_words_passes(id, answer):
    answer.__name__ = exercises()[id].name
    verdict = grade(exercises()[id], answer)
    assert verdict.passed, verdict.message


# At work. -------------------------------------------------------------------------------------------------------------


def test_the_readers_pieces_are_at_work_in_the_margin_head():
    head, vectors, people = MarginHead(4, 5, 16.0, 0.4), F.normalize(torch.randn(3, 4), dim=1), torch.tensor([0, 2, 4])
    calls = []

    def counted(*given):
        calls.append(given)
        return margin_logits(*given)

    with Transplant(all_cosines=all_cosines, margin_logits=counted):
        mine = head(vectors, people)
    assert len(calls) == 1 and torch.allclose(mine, head(vectors, people), atol=1e-4)


def spread_after_training(logits) -> float:
    """Mean angle, in degrees, of noisy vectors to their own direction after training a linear map into the plane."""
    torch.manual_seed(0)
    people = torch.arange(5).repeat_interleave(30)
    x = torch.randn(5, 12)[people] + 0.7 * torch.randn(150, 12)
    layer, weight = nn.Linear(12, 2), nn.Parameter(torch.randn(5, 2))
    optimiser = torch.optim.Adam([*layer.parameters(), weight], lr=0.05)
    for _ in range(150):
        loss = F.cross_entropy(logits(all_cosines(layer(x), weight), people, 16.0, 0.5), people)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        own = all_cosines(layer(x), weight)[torch.arange(150), people]
    return float(own.clamp(-1, 1).acos().rad2deg().mean())


def test_the_margin_gathers_and_its_wrong_sign_does_not():
    wrong = {m.answer.__name__: m.answer for m in exercises()["03.2"].mutants}
    right = spread_after_training(margin_logits)
    assert right < 0.9 * spread_after_training(wrong["no_margin"]) < spread_after_training(wrong["easier"])


def test_the_bug_to_diagnose_shows_what_the_lesson_says_of_it():
    assert mystery is zero_to_one
    recogniser = ArcFace.from_pretrained("arcface", "cpu")
    size = recogniser.config.whole_size
    pictures = np.stack([photograph(HELD_OUT + i, 0, size) for i in range(6)])
    grey = pictures.mean(axis=3, keepdims=True).repeat(3, 3).astype(np.uint8)
    with torch.no_grad():
        theirs, alone = recogniser(mystery(pictures, "cpu")), recogniser(mystery(pictures[:1], "cpu"))
        of_grey = recogniser(mystery(grey, "cpu"))
    cosine = F.cosine_similarity
    assert theirs.norm(dim=1) == pytest.approx(torch.ones(6), abs=1e-4)  # not (d)
    assert cosine(theirs[:1], alone).item() > 0.999  # not (a)
    assert cosine(recogniser.embed(grey), of_grey).mean() < 0.98  # not (b)
    assert cosine(recogniser.embed((pictures // 2 + 128).astype(np.uint8)), theirs).mean() > 0.98  # (c)


# More wrong answers, for their messages alone. ------------------------------------------------------------------------


def transposed_others(vectors, others):
    return F.normalize(vectors, dim=1) @ F.normalize(others, dim=1)


def one_minus(vectors, others):
    return 1 - all_cosines(vectors, others)


def no_grad(vectors, others):
    with torch.no_grad():
        return all_cosines(vectors, others)


def softmaxed(vectors, others):
    return all_cosines(vectors, others).softmax(1)


def divides_in_place(vectors, others):
    vectors /= vectors.norm(dim=1, keepdim=True)
    return vectors @ F.normalize(others, dim=1).T


def a_loss(cosines, people, scale, margin):
    return F.cross_entropy(margin_logits(cosines, people, scale, margin), people)


def plus_on_the_cosine(cosines, people, scale, margin):
    return scale * (cosines + margin * F.one_hot(people, cosines.shape[1]))


def scaled_twice(cosines, people, scale, margin):
    return scale * margin_logits(cosines, people, scale, margin)


def scale_before_the_margin(cosines, people, scale, margin):
    return margin_logits(scale * cosines, people, 1.0, margin)


def degrees(cosines, people, scale, margin):
    cosine, m = cosines.gather(1, people[:, None]), math.degrees(margin)
    turned = cosine * math.cos(m) - (1 - cosine**2).clamp(min=1e-7).sqrt() * math.sin(m)
    return scale * cosines.scatter(1, people[:, None], turned)


def softmaxed_logits(cosines, people, scale, margin):
    return margin_logits(cosines, people, scale, margin).softmax(1)


def no_scale(cosines, people, scale, margin):
    return margin_logits(cosines, people, 1.0, margin)


def bare_root(cosines, people, scale, margin):
    cosine = cosines.gather(1, people[:, None])
    turned = cosine * math.cos(margin) - (1 - cosine**2).sqrt() * math.sin(margin)
    turned = torch.where(cosine < -math.cos(margin), cosine - margin * math.sin(margin), turned)
    return scale * cosines.scatter(1, people[:, None], turned)


def not_written_back(cosines, people, scale, margin):
    cosines.scatter(1, people[:, None], 0.0)
    return scale * cosines


def prints_only(same, different, false_accepts):
    print(verification(same, different, false_accepts))


def a_dictionary(same, different, false_accepts):
    return dict(zip(("threshold", "share"), verification(same, different, false_accepts), strict=True))


def half_way(same, different, false_accepts):
    threshold = (same.mean() + different.mean()) / 2
    return threshold, (same > threshold).mean()


def sorts_in_place(same, different, false_accepts):
    different.sort()
    return verification(same, different, false_accepts)


def an_array_of_flags(same, different, false_accepts):
    threshold = verification(same, different, false_accepts)[0]
    return threshold, same > threshold


def one_share(nearer, people, sizes):
    return product_curve(nearer, people, sizes)[sizes[0]]


def per_query(nearer, people, sizes):
    return {g: np.array([product_curve([b], people, [g])[g] for b in nearer]) for g in sizes}


def eleven_others(nearer, people, sizes):
    return product_curve(nearer, people + 1, sizes)


def factorials(nearer, people, sizes):
    def choose(n, k):
        return float(math.factorial(n)) / math.factorial(k) / math.factorial(n - k) if 0 <= k <= n else 0.0

    return {
        g: sum(choose(people - 1 - int(b), g - 1) / choose(people - 1, g - 1) for b in nearer) / len(nearer)
        for g in sizes
    }


def percent(nearer, people, sizes):
    return {g: 100 * share for g, share in product_curve(nearer, people, sizes).items()}


def one_picture(images, device="cpu"):
    return to_tensor(images, device)[0]


def half_floats(images, device="cpu"):
    return to_tensor(images, device).half()


def still_numpy(images, device="cpu"):
    return (images.transpose(0, 3, 1, 2) / 127.5 - 1).astype(np.float32)


def doubles(images, device="cpu"):
    return torch.from_numpy(images.transpose(0, 3, 1, 2) / 127.5 - 1).to(device)


def mirrored(images, device="cpu"):
    return to_tensor(images, device).flip(3)


def own_maximum(images, device="cpu"):
    return to_tensor(images, device) / to_tensor(images, device).abs().max()


def standardised(images, device="cpu"):
    x = to_tensor(images, device)
    return (x - x.mean()) / x.std()


@pytest.mark.parametrize(
    ("id", "answer", "words"),
    [
        ("03.1", transposed_others, "a matrix product"),
        ("03.1", one_minus, "Opposite vectors"),
        ("03.1", no_grad, "No gradient comes back"),
        ("03.1", softmaxed, "softmax already"),
        ("03.1", divides_in_place, "changes it in place"),
        ("03.2", a_loss, "That is a loss already"),
        ("03.2", plus_on_the_cosine, "added to the cosine"),
        ("03.2", scaled_twice, "multiplied by scale twice"),
        ("03.2", scale_before_the_margin, "right person's logit"),
        ("03.2", degrees, "turned into degrees"),
        ("03.2", softmaxed_logits, "not scale * cosine"),
        ("03.2", no_scale, "not multiplied by scale"),
        ("03.2", bare_root, "clamp(min=1e-7)"),
        ("03.2", not_written_back, "written back"),
        ("03.3", prints_only, "Is the `return` missing?"),
        ("03.3", a_dictionary, "return threshold, share"),
        ("03.3", half_way, "may pass"),
        ("03.3", sorts_in_place, "was not the same after the call"),
        ("03.3", an_array_of_flags, "two numbers"),
        ("03.4", one_share, "expected a dictionary"),
        ("03.4", per_query, "mean over all queries"),
        ("03.4", eleven_others, "people - 1 others"),
        ("03.4", factorials, "Your code raised OverflowError"),
        ("03.4", percent, "from 0 to 1"),
        ("03.5", one_picture, "Only one picture"),
        ("03.5", half_floats, "float32"),
        ("03.5", still_numpy, "expected a tensor"),
        ("03.5", doubles, "float32"),
        ("03.5", mirrored, "left for right"),
        ("03.5", own_maximum, "scale is fixed"),
        ("03.5", standardised, "scale is fixed"),
    ],
    ids=lambda case: getattr(case, "__name__", None),
)
def test_other_wrong_answers_are_named_too(id, answer, words):
    verdict = grade(exercises()[id], answer)
    assert verdict.status == "failed"
    assert words in verdict.message
