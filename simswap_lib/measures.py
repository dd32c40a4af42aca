"""What an evaluation measures, each on arrays alone: retrieval and its intervals, errors, SSIM, KID (paper 4.2).

One number for each picture wherever it can be had, so that means, intervals and groups come from the same numbers.
"""

import math
import warnings
from collections.abc import Iterable

import numpy as np
import torch
from skimage.metrics import structural_similarity
from torch import Tensor

from simswap_lib.models.attributes import Estimate

ROUNDS = 2000  # resamplings of a bootstrap
SUBSETS = 100  # of the pictures, on each of which KID is taken
NEEDS_TORCHMETRICS = "KID is torchmetrics': install it with `pip install torchmetrics`."


def nearer_people(queries: Tensor, gallery: Tensor, labels: Tensor, owners: Tensor | None = None) -> np.ndarray:
    """How many other people of the gallery are as near to each query, by cosine, as its own person; 0 is a hit.

    A person is as near as the nearest of their pictures. A tie counts against the query: vectors that are all alike
    find nobody.

    Shapes: queries (Q, D), gallery (G, D), all of length 1; labels (Q,) int64, the person of each query; owners (G,)
    int64 from 0 on, the person of each gallery vector, by default 0 ... G - 1 -> int64 (Q,), 0 ... people - 1.
    Raises: ValueError for shapes that do not fit or labels beyond the gallery.
    """
    if queries.ndim != 2 or gallery.ndim != 2 or queries.shape[1] != gallery.shape[1] or not len(queries):
        raise ValueError(
            f"Expected queries (Q, D) and gallery (G, D), got {tuple(queries.shape)} and {tuple(gallery.shape)}."
        )
    owners = torch.arange(len(gallery)) if owners is None else owners.cpu()
    labels = labels.cpu()
    people = int(owners.max()) + 1
    if owners.shape != gallery.shape[:1] or set(owners.tolist()) != set(range(people)):
        raise ValueError(f"Expected {len(gallery)} owners that leave out no number, got {owners.tolist()}.")
    if labels.shape != queries.shape[:1] or not 0 <= int(labels.min()) <= int(labels.max()) < people:
        raise ValueError(f"Expected {len(queries)} labels from 0 to {people - 1}, got {tuple(labels.shape)}.")
    cosines = (queries @ gallery.T).float().cpu()  # (Q, G)
    nearest = torch.full((len(queries), people), -2.0)
    nearest.scatter_reduce_(1, owners.expand(len(queries), -1), cosines, "amax")  # (Q, people)
    return others_as_near(nearest.numpy(), labels.numpy())


def others_as_near(cosines: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How many other people are as near to each query as its own person, from the cosines to all; 0 is a hit.

        nearer_i = |{ j : cos_ij >= cos_(i, label_i) }| - 1

    A tie counts against the query. The person themselves is among the j, hence the - 1.

    Shapes: cosines (Q, people), labels (Q,) integers, the person of each query -> (Q,) int64, 0 ... people - 1.
    Raises: ValueError for shapes that do not fit.
    """
    if cosines.ndim != 2 or labels.shape != cosines.shape[:1]:
        raise ValueError(f"Expected cosines (Q, people) and labels (Q,), got {cosines.shape} and {labels.shape}.")
    own = np.take_along_axis(cosines, labels[:, None], axis=1)  # (Q, 1)
    return (cosines >= own).sum(axis=1) - 1


def retrieval(queries: Tensor, gallery: Tensor, labels: Tensor, owners: Tensor | None = None) -> float:
    """ID retrieval: the share of queries whose nearest gallery vector, by cosine, is of the person they belong to.

    Arguments and errors as `nearer_people` -> 0 ... 1. Guessing earns 1 / people.
    Source: FaceShifter (arXiv 1912.13457), whose protocol the paper follows.
    """
    return float((nearer_people(queries, gallery, labels, owners) == 0).mean())


def gallery_curve(nearer: np.ndarray, people: int, sizes: Iterable[int]) -> dict[int, float]:
    """ID retrieval in smaller galleries, averaged over all choices of who else is in them: {size: 0 ... 1}.

    Of the `people - 1` others, b are nearer than the right one. A gallery of g people holds g - 1 others, and the
    query is a hit if none of the b is among them, which of all choices are

        C(people - 1 - b, g - 1) / C(people - 1, g - 1).

    So there is no luck of a draw, and the curve can only fall. nearer: (Q,), from `nearer_people`.
    Raises: ValueError for a size below 1 or above `people`.
    """
    sizes, counts = list(sizes), np.bincount(nearer, minlength=people)
    if not all(1 <= size <= people for size in sizes):
        raise ValueError(f"Galleries of 1 to {people} people can be had, asked for {sizes}.")
    return {
        g: sum(int(n) * (math.comb(people - 1 - b, g - 1) / math.comb(people - 1, g - 1)) for b, n in enumerate(counts))
        / len(nearer)
        for g in sizes
    }


def verification(same: np.ndarray, different: np.ndarray, false_accepts: float) -> tuple[float, float]:
    """The threshold that accepts few pairs of strangers, and the share of pairs of one person that it accepts.

    A pair is accepted if its cosine lies above the threshold. Of all thresholds that accept at most the share
    `false_accepts` of the pairs of different people, the lowest is taken; it is the cosine of one of those pairs.

    same: (N,) cosines of pairs of one person; different: (M,) of pairs of two; false_accepts in [0, 1).
    Returns threshold, in [-1, 1], and share, 0 ... 1 ("true accepts at this share of false accepts").
    Raises: ValueError for empty or other shapes, or another share.
    """
    same, different = np.asarray(same), np.asarray(different)
    if same.ndim != 1 or different.ndim != 1 or not len(same) or not len(different) or not 0 <= false_accepts < 1:
        raise ValueError(
            f"Expected cosines (N,) and (M,) and a share in [0, 1), got {same.shape}, {different.shape}, "
            f"{false_accepts}."
        )
    allowed = int(false_accepts * len(different) + 1e-9)  # 0.29 * 100 is 28.999999999999996
    threshold = np.sort(different)[::-1][allowed]  # `allowed` pairs lie above it, or fewer if some are equal
    return float(threshold), float((same > threshold).mean())


def interval(values: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Bootstrap 95 % interval of a mean: what it might have been on other swaps.

    The cases are drawn again, as many as there are, with replacement, 2,000 times; the interval holds the middle 95 %
    of the means. Shares of 0 and 1 leave nothing to draw from; there it goes as far as a share may lie from them and
    still give n equal cases once in twenty times: 1 - 0.05^(1/n), about 3/n.

    values: (n,) numbers, or bool for a share. Raises: ValueError if there are none.
    Source: B. Efron, "Bootstrap methods: another look at the jackknife", 1979.
    """
    values = np.asarray(values)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"Expected values (n,), got {values.shape}.")
    if values.dtype == bool and (values == values[0]).all():
        far = 1 - 0.05 ** (1 / len(values))
        return (1 - far, 1.0) if values[0] else (0.0, far)
    rng = np.random.default_rng(seed)
    drawn = (rng.integers(len(values), size=(100, len(values))) for _ in range(ROUNDS // 100))
    low, high = np.quantile([values[numbers].mean(axis=1) for numbers in drawn], (0.025, 0.975))
    return float(low), float(high)


def interval_of_groups(values: np.ndarray, groups: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """`interval` for values that hang together in groups: the swaps of one source, the frames of one clip.

    Whole groups are drawn again, as many as there are, each with all its values; the mean of a drawing is the sum of
    the drawn values over their number. If all values are the same share, n is the number of groups.

    values: (n,) numbers, or bool for a share; groups: (n,) whatever tells the groups apart.
    Raises: ValueError if there are no values, or not as many groups.
    Source: A. C. Davison, D. V. Hinkley, "Bootstrap methods and their application", 1997.
    """
    values, groups = np.asarray(values), np.asarray(groups)
    if values.ndim != 1 or groups.shape != values.shape or not len(values):
        raise ValueError(f"Expected values and groups (n,), got {values.shape} and {groups.shape}.")
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    if values.dtype == bool and (values == values[0]).all():
        return interval(values[first])
    sums, counts = np.bincount(group, values), np.bincount(group)
    rng = np.random.default_rng(seed)
    drawn = (rng.integers(len(sums), size=(100, len(sums))) for _ in range(ROUNDS // 100))
    means = [sums[numbers].sum(axis=1) / counts[numbers].sum(axis=1) for numbers in drawn]
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


# ----------------------------------------------------------------------------------------------------------------------


def error_inside(result: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Mean absolute difference inside a mask, in grey levels of 255, for each picture: sum(m |r - t|) / (3 sum(m)).

    Shapes: result, truth uint8 RGB (B, H, W, 3); mask float (B, H, W) in [0, 1] -> (B,); nan where the mask is empty.
    Raises: ValueError for shapes that do not fit.
    """
    _check(result, truth, mask)
    return mean_inside(np.abs(result.astype(np.int16) - truth).mean(axis=-1), mask)


def colour_ways(
    result: np.ndarray, target: np.ndarray, truth: np.ndarray, mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How far the mean colour inside a mask goes from the target's to the true answer's, and how far it should go.

        gone = (c_R - c_T) . (c_A - c_T),    wanted = |c_A - c_T|^2

    c is the mean colour of result, target and true answer, in grey levels. gone / wanted is 0 for a copy of the target
    and 1 for the true answer; over several swaps take the sums, because a way of no length has no share.

    Shapes: uint8 RGB (B, H, W, 3) three times; mask float (B, H, W) in [0, 1] -> (B,) twice; nan where the mask is
    empty. Raises: ValueError for shapes that do not fit.
    """
    _check(result, truth, mask)
    _check(target, truth, mask)
    at, start, end = (
        np.stack([mean_inside(images[..., channel], mask) for channel in range(3)], axis=-1)  # (B, 3)
        for images in (result, target, truth)
    )
    return ((at - start) * (end - start)).sum(-1), np.square(end - start).sum(-1)


def ssim_map(result: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Structural similarity at every pixel, mean of the three channels: 1 where the pictures agree, at most -1.

    Gaussian window of standard deviation 1.5 pixels, constants 0.01 and 0.03, as in the source.
    Shapes: uint8 RGB (B, H, W, 3) -> float64 (B, H, W). Raises: ValueError for shapes that do not fit.
    Source: Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004.
    """
    _check(result, truth, result[..., 0])
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255.0}
    pairs = zip(result.astype(np.float64), truth.astype(np.float64), strict=True)
    maps = [structural_similarity(*pair, full=True, channel_axis=-1, **settings)[1] for pair in pairs]  # (H, W, 3) each
    return np.stack(maps).mean(axis=-1)


def mean_inside(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Mean of a map inside a mask, for each picture: (B, H, W) and (B, H, W) -> (B,); nan where the mask is empty."""
    with np.errstate(invalid="ignore"):
        return (values * mask).sum(axis=(1, 2)) / mask.sum(axis=(1, 2), dtype=np.float64)


def _check(result: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> None:
    if result.shape != truth.shape or mask.shape != result.shape[:3]:
        raise ValueError(f"Expected pictures alike and a mask each, got {result.shape}, {truth.shape}, {mask.shape}.")


def pasted(source: np.ndarray, target: np.ndarray, face: np.ndarray) -> np.ndarray:
    """The source's picture as it is, inside the target's face: m source + (1 - m) target.

    Both are aligned crops, so eyes, nose and mouth already lie where the target's do; nothing else is fitted.
    Shapes: uint8 RGB (B, H, W, 3) twice, face float (B, H, W) in [0, 1] -> uint8 RGB (B, H, W, 3).
    """
    m = face[..., None].astype(np.float64)
    return np.rint(m * source + (1 - m) * target).astype(np.uint8)


# ----------------------------------------------------------------------------------------------------------------------


def attribute_errors(read: Estimate, known: Estimate) -> dict[str, np.ndarray]:
    """How far pose, expression and gaze are from what they should be: name -> (B,).

    pose: length of the difference of (yaw, pitch, roll), degrees. expression: root of the mean squared difference over
    the facial actions, which range from 0 to 1. gaze: length of the difference of the two angles, degrees.
    """
    return {
        "pose": np.linalg.norm(read.pose - known.pose, axis=1),
        "expression": np.sqrt(np.square(read.actions - known.actions).mean(axis=1)),
        "gaze": np.linalg.norm(read.gaze - known.gaze, axis=1),
    }


def kid(results: Tensor, true: Tensor, seed: int = 0) -> dict | None:
    """Kernel Inception Distance of two collections of pictures, from features of each picture; 0 if they are alike.

    KID = mean k(x, x') + mean k(y, y') - 2 mean k(x, y) over different pictures, k(x, y) = (x . y / D + 1)^3: unbiased
    however few there are, but then noisy, and by chance below 0. Taken on 100 random halves of the smaller collection.

    Shapes: results (N, D), true (M, D). Returns mean, spread (standard deviation over the subsets, which share
    pictures, so the true uncertainty is larger), pictures (N, M) and subset (pictures in each); None below 4 pictures.
    Source: Binkowski et al., "Demystifying MMD GANs", 2018, with other features than theirs.
    """
    subset = min(len(results), len(true)) // 2
    if subset < 2:
        return None
    try:
        from torchmetrics.image.kid import KernelInceptionDistance
    except ImportError as error:
        raise ValueError(NEEDS_TORCHMETRICS) from error

    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")  # that it keeps all features in memory
        torch.manual_seed(seed)
        metric = KernelInceptionDistance(torch.nn.Identity(), subsets=SUBSETS, subset_size=subset)
        metric.update(true.cpu().double(), real=True)
        metric.update(results.cpu().double(), real=False)
        mean, spread = metric.compute()
    return {"mean": mean.item(), "spread": spread.item(), "pictures": [len(results), len(true)], "subset": subset}
