"""The rows of an evaluation: every swap measured in every row, and the means, intervals and groups of that."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from simswap_lib.measures import (
    attribute_errors,
    colour_ways,
    error_inside,
    gallery_curve,
    interval_of_groups,
    kid,
    mean_inside,
    nearer_people,
    pasted,
    ssim_map,
)
from simswap_lib.models.arcface import ArcFace
from simswap_lib.models.attributes import Attributes, Estimate
from simswap_lib.world import head_model
from simswap_lib.world.people import Labels

CURVE = (2, 5, 10, 20, 50, 100, 200, 500, 1000)  # sizes of smaller galleries
# Rows of the tables.
SWAP, COPY, PASTED, TRUTH = "swap", "copy of the target", "pasted source", "true answer"
WORDS = {  # what is measured, for people; the report prints them below the tables
    "cosines": "of the result's identity vector to that of the source's and of the target's picture",
    "gap": "the training recogniser's cosine to the source minus the judge's: what pleases the one alone",
    "interval": "bootstrap over the people who are looked for, each drawn with all their swaps; 2,000 drawings",
    "curve": "averaged over all choices of who else is in the gallery",
    "pasted source": "the source's picture as it is, inside the target's face; both are aligned, nothing is fitted",
    "kid": "of the judge's pooled features, polynomial kernel of degree 3, mean and standard deviation over 100 random "
    "halves; a few hundred pictures are few, so compare it with the other rows before believing a difference",
}


@dataclass(frozen=True, eq=False)
class Cases:
    """The pictures of an evaluation: S swaps, P people, G pictures in the gallery. The last six: face world only."""

    gallery: np.ndarray  # uint8 RGB (G, H, W, 3)
    owners: Tensor  # int64 (G,): whom each shows, 0 ... P - 1
    source: np.ndarray  # (S, H, W, 3): a picture of the person to retrieve, which the gallery does not have
    target: np.ndarray  # (S, H, W, 3)
    labels: Tensor  # int64 (S,): the source's person
    face: np.ndarray | None = None  # float32 (S, H, W): the target's face
    mask: np.ndarray | None = None  # float32 (S, H, W): the target's face times the true answer's
    outside: np.ndarray | None = None  # float32 (S, H, W): where neither of the two shows a face
    unchanged: np.ndarray | None = None  # float32 (S, H, W): the part of it that a swap leaves as it is
    truth: np.ndarray | None = None  # (S, H, W, 3): the source's person in the target's shot
    known: Estimate | None = None  # the target's pose (S, 3), 52 facial actions (S, 52) and gaze (S, 2)
    people: tuple[Labels, ...] | None = None  # (S,) the source's groups


def swapped(swapper, pictures: Cases, batch: int) -> np.ndarray:
    """The results of all swaps, `batch` at a time: uint8 RGB (S, H, W, 3)."""
    chunks = range(0, len(pictures.target), batch)
    return np.concatenate(
        [swapper.swap_aligned(pictures.source[i : i + batch], pictures.target[i : i + batch]) for i in chunks]
    )


# ----------------------------------------------------------------------------------------------------------------------


def measure_rows(
    pictures: Cases, results: np.ndarray, eyes: dict[str, ArcFace], attributes: Attributes | None = None
) -> dict[str, dict]:
    """What was measured on each of the S swaps, for each row: name -> {measure: (S,), eye: {...}, "features": (S, C)}.

    eyes: the recognisers "judge" and "trainer". What needs a true answer or a known pose is left out without one.
    """
    rows = {SWAP: results, COPY: pictures.target}
    if pictures.face is not None:
        rows[PASTED] = pasted(pictures.source, pictures.target, pictures.face)
    if pictures.truth is not None:
        rows[TRUTH] = pictures.truth
    seen = {
        name: {part: net.embed(getattr(pictures, part)) for part in ("gallery", "source", "target")}
        for name, net in eyes.items()
    }
    measured = {}
    for row, images in rows.items():
        values = measured[row] = {"features": eyes["judge"].pooled(images)}
        for name, net in eyes.items():
            vectors = net.embed(images)  # (S, D)
            values[name] = {
                "nearer": nearer_people(vectors, seen[name]["gallery"], pictures.labels, pictures.owners),
                "cos_source": (vectors * seen[name]["source"]).sum(1).cpu().numpy(),
                "cos_target": (vectors * seen[name]["target"]).sum(1).cpu().numpy(),
            }
        if pictures.truth is not None:
            alike = ssim_map(images, pictures.truth)  # (S, H, W)
            for ending, mask in (("", pictures.mask), ("_outside", pictures.outside)):
                values["error" + ending] = error_inside(images, pictures.truth, mask)
                values["ssim" + ending] = mean_inside(alike, mask)
            values["error_unchanged"] = error_inside(images, pictures.truth, pictures.unchanged)
            ways = colour_ways(images, pictures.target, pictures.truth, pictures.mask)
            values["colour_gone"], values["colour_wanted"] = ways
        if pictures.known is not None and attributes is not None:
            values |= attribute_errors(attributes.estimate(images), _played(pictures.known, attributes))
    return measured


def _played(known: Estimate, attributes: Attributes) -> Estimate:
    """The known facial actions in the order of the network's."""
    numbers = [head_model.load().action(name) for name in attributes.config.actions]
    return known._replace(actions=known.actions[:, numbers])


def always_the_average(known: Estimate, attributes: Attributes | None) -> dict[str, np.ndarray]:
    """The errors of a network that looks at nothing and always says the average of the training pictures."""
    if attributes is None:
        return {}
    return attribute_errors(Attributes.split(attributes.mean.cpu().numpy()[None]), _played(known, attributes))


def summaries(measured: dict[str, dict], pictures: Cases, true_features: Tensor | None = None) -> dict:
    """The rows of the table: means over the swaps, with KID to `true_features` if they are given."""
    people = int(pictures.owners.max()) + 1
    sizes = sorted({size for size in CURVE if size < people} | {people})
    rows = {}
    for row, values in measured.items():
        rows[row] = summary(values, measured[COPY], pictures.labels.numpy())
        curve = gallery_curve(values["judge"]["nearer"], people, sizes)
        rows[row]["curve"] = {str(size): share for size, share in curve.items()}
        if true_features is not None:
            rows[row]["kid"] = kid(values["features"], true_features)
    return rows


def summary(values: dict, copy: dict, sources: np.ndarray, chosen: np.ndarray | slice = slice(None)) -> dict:
    """Means of one row over the chosen swaps; `copy` are the values of the row that copies the target.

    sources: (S,), whose identity each swap should show.
    """
    row = {}
    for name in ("judge", "trainer"):
        nearer, to_source, to_target = (values[name][key][chosen] for key in ("nearer", "cos_source", "cos_target"))
        row[name] = {
            "id_retrieval": float((nearer == 0).mean()),
            "interval": interval_of_groups(nearer == 0, sources[chosen]),
            "cos_source": float(to_source.mean()),
            "cos_target": float(to_target.mean()),
            "nearer_to_source": float((to_source > to_target).mean()),
        }
    row["gap"] = row["trainer"]["cos_source"] - row["judge"]["cos_source"]
    for name in ("error", "ssim", "error_outside", "ssim_outside", "error_unchanged", "pose", "expression", "gaze"):
        if name in values:
            row[name] = _mean(values[name][chosen])
    if "error" in values:
        of_copy = _mean(copy["error"][chosen])
        row["error_over_copy"] = row["error"] / of_copy if of_copy else None
        gone, wanted = (np.nansum(values[name][chosen]) for name in ("colour_gone", "colour_wanted"))
        row["colour_way"] = float(gone / wanted) if wanted else None
    return row


def _mean(values: np.ndarray) -> float | None:
    """Without the swaps in which nothing of the face shows; None if there is no other."""
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else None


def groups(measured: dict[str, dict], pictures: Cases) -> dict:
    """The swaps by group of the source: {"tone", "age", "sex"} -> {group: count, and some of the row's numbers}."""
    tables, sources = {}, pictures.labels.numpy()
    for kind in ("tone", "age", "sex"):
        of = np.array([getattr(labels, kind) for labels in pictures.people])
        tables[kind] = {}
        for group in sorted(set(of)):
            swap, truth = (summary(measured[row], measured[COPY], sources, of == group) for row in (SWAP, TRUTH))
            tables[kind][group] = {
                "count": int((of == group).sum()),
                **{key: swap["judge"][key] for key in ("id_retrieval", "interval", "cos_source")},
                "true_answer": truth["judge"]["id_retrieval"],
                **{key: swap[key] for key in ("error", "error_over_copy", "ssim")},
            }
    return tables
