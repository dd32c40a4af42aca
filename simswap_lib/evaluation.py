"""How good a swap is: whose face it shows, and how far it is from the true answer (after the paper's table 1).

Every figure comes with its protocol, because a figure without one means nothing: retrieval falls as the gallery grows,
and a network is always best in the eyes of the recogniser that trained it. Two trivial rows frame the table: a copy of
the target, which changes nobody, and the true answer, which only the face world knows.
"""

import hashlib
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor, nn

from simswap_lib.models.arcface import ArcFace
from simswap_lib.photographs import PHOTOS_LIMIT, photograph, shot_seed, world_version
from simswap_lib.world.people import HELD_OUT, Identity
from simswap_lib.world.renderer import render
from simswap_lib.world.shots import Shot
from simswap_lib.world.truth import swap_truth

COLOURS_OF = HELD_OUT + 400  # whose colours all wear in the gallery of one colour; takes no other part
FIRST_TARGET = 2  # a person's photo 0 stands in the gallery, photo 1 is the source, the later ones are targets
PROBES = 4  # true pictures of each person that the recognisers are measured on


@dataclass(frozen=True)
class Protocol:
    """What is swapped with what. All people and all shots are held out; the people are not those of the validation."""

    swaps: int = 200  # pairs of two different people
    gallery: int = 100  # people to choose from, one picture each
    size: int = 64  # pixels a side
    seed: int = 0  # decides who is swapped with whom

    def __post_init__(self):
        most = self.gallery * (PHOTOS_LIMIT - FIRST_TARGET)
        if not 2 <= self.gallery <= COLOURS_OF - HELD_OUT or not 1 <= self.swaps <= most:
            raise ValueError(
                f"Expected a gallery of 2 to {COLOURS_OF - HELD_OUT} people and 1 to {most} swaps "
                f"(each target is another photo), got {self.gallery} and {self.swaps}."
            )


# ----------------------------------------------------------------------------------------------------------------------


def retrieval(queries: Tensor, gallery: Tensor, labels: Tensor) -> float:
    """ID retrieval: the share of queries whose nearest gallery vector, by cosine, is the one that they belong to.

    Shapes: queries (Q, D), gallery (G, D), both of length 1; labels (Q,) int64, rows of the gallery -> 0 ... 1.
    Guessing earns 1 / G. Raises: ValueError for shapes that do not fit or labels beyond the gallery.
    """
    if queries.ndim != 2 or gallery.ndim != 2 or queries.shape[1] != gallery.shape[1] or not len(queries):
        raise ValueError(
            f"Expected queries (Q, D) and gallery (G, D), got {tuple(queries.shape)} and {tuple(gallery.shape)}."
        )
    if labels.shape != queries.shape[:1] or not 0 <= int(labels.min()) <= int(labels.max()) < len(gallery):
        raise ValueError(f"Expected {len(queries)} labels from 0 to {len(gallery) - 1}, got {tuple(labels.shape)}.")
    nearest = (queries @ gallery.T).argmax(dim=1)  # (Q,)
    return (nearest == labels.to(nearest.device)).float().mean().item()


def interval(share: float, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share measured on `count` cases: what it might have been on other cases."""
    z = 1.96
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def error_inside(result: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Mean absolute difference inside a mask, in grey levels of 255, for each picture: sum(m |r - t|) / (3 sum(m)).

    Shapes: result, truth uint8 RGB (B, H, W, 3); mask float (B, H, W) in [0, 1] -> (B,); nan where the mask is empty.
    Raises: ValueError for shapes that do not fit.
    """
    if result.shape != truth.shape or mask.shape != result.shape[:3]:
        raise ValueError(f"Expected pictures alike and a mask each, got {result.shape}, {truth.shape}, {mask.shape}.")
    difference = np.abs(result.astype(np.float64) - truth).sum(axis=-1)  # (B, H, W)
    area = mask.sum(axis=(1, 2), dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return (difference * mask).sum(axis=(1, 2)) / (3 * area)


# ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Cases:
    """The pictures of a protocol: S swaps, G people in the gallery."""

    gallery: np.ndarray  # uint8 RGB (G, H, W, 3): one picture of each person
    source: np.ndarray  # (S, H, W, 3): another picture of the person to retrieve
    target: np.ndarray  # (S, H, W, 3)
    truth: np.ndarray  # (S, H, W, 3): the source's person in the target's shot
    mask: np.ndarray  # float32 (S, H, W): the target's face times the true answer's
    labels: Tensor  # int64 (S,): the source's place in the gallery


def cases(protocol: Protocol, dress: Callable[[Identity], Identity] = lambda identity: identity) -> Cases:
    """Render the pictures of a protocol; `dress` may change every person first, as the gallery of one colour does."""
    size, count = protocol.size, protocol.gallery
    people = [dress(Identity.sample(HELD_OUT + i)) for i in range(count)]

    def shot(person: int, photo: int) -> Shot:
        return Shot.sample(shot_seed(HELD_OUT + person, photo))

    rng = np.random.default_rng(protocol.seed)
    around, source = np.divmod(np.arange(protocol.swaps), count)
    # Once around, everybody is target once, and never for themselves: so no two swaps share a target picture.
    target = (source + rng.integers(1, count, size=protocol.swaps // count + 1)[around]) % count
    shots = [shot(person, FIRST_TARGET + photo) for person, photo in zip(target, around, strict=True)]
    before = [render(people[person], shot, size) for person, shot in zip(target, shots, strict=True)]
    after = [swap_truth(people[person], shot, size) for person, shot in zip(source, shots, strict=True)]
    sources = np.stack([render(people[i], shot(i, 1), size).image for i in range(count)])
    return Cases(
        gallery=np.stack([render(people[i], shot(i, 0), size).image for i in range(count)]),
        source=sources[source],
        target=np.stack([rendering.image for rendering in before]),
        truth=np.stack([rendering.image for rendering in after]),
        mask=np.stack([b.mask * a.mask for b, a in zip(before, after, strict=True)]),
        labels=torch.from_numpy(source),
    )


def evaluate(
    swapper,
    judge: ArcFace | None = None,
    swaps: int = 200,
    gallery: int = 100,
    size: int | None = None,
    batch: int = 50,
) -> dict:
    """Measure a swapper on held-out people in held-out shots; `report` prints the result.

    swapper: has `swap_aligned(source, target)`, `generator` and `recogniser`, as `FaceSwapper` does
    judge: a recogniser that took no part in the training; None loads the shipped one
    size: pixels a side of all pictures; None takes the generator's own

    Returns a dictionary for JSON: `protocol`, `weights` (checksums), `rows` and `one_colour` (for the swap, a copy of
    the target and the true answer: retrieval, cosines, error), `recognisers` (how many true pictures each finds).
    Raises: ValueError for impossible numbers of swaps or people.
    """
    protocol = Protocol(swaps, gallery, size or swapper.generator.config.image_size)
    judge = judge or ArcFace.from_pretrained("judge", next(swapper.generator.parameters()).device)
    eyes = {"judge": judge, "trainer": swapper.recogniser}
    wearer = Identity.sample(COLOURS_OF)
    plain = cases(protocol)
    recoloured = cases(protocol, lambda identity: identity.with_colours_of(wearer))
    return {
        "protocol": {
            **asdict(protocol),
            "people": f"seeds {HELD_OUT} to {HELD_OUT + gallery - 1}, never trained on; every picture its own shot",
            "world": world_version(),
            "retrieval": "nearest by cosine of one gallery picture a person, which is not the source picture",
            "error": "mean absolute difference to the true answer in target's mask x truth's, grey levels of 255",
            "one_colour": f"all people wear the skin, lip, iris and brow colour of person {COLOURS_OF}",
        },
        "weights": {name: fingerprint(net) for name, net in {"generator": swapper.generator, **eyes}.items()},
        "rows": _rows(plain, _swapped(swapper, plain, batch), eyes),
        "one_colour": _rows(recoloured, _swapped(swapper, recoloured, batch), eyes),
        "recognisers": {name: _true_pictures(net, plain.gallery, protocol.size) for name, net in eyes.items()},
    }


def _swapped(swapper, pictures: Cases, batch: int) -> np.ndarray:
    chunks = range(0, len(pictures.target), batch)
    return np.concatenate(
        [swapper.swap_aligned(pictures.source[i : i + batch], pictures.target[i : i + batch]) for i in chunks]
    )


def _rows(pictures: Cases, swapped: np.ndarray, eyes: dict[str, ArcFace]) -> dict:
    known = {
        name: {part: net.embed(getattr(pictures, part)) for part in ("gallery", "source", "target")}
        for name, net in eyes.items()
    }
    copy_error = np.nanmean(error_inside(pictures.target, pictures.truth, pictures.mask))
    rows = {}
    for row, images in {"swap": swapped, "copy of the target": pictures.target, "true answer": pictures.truth}.items():
        rows[row] = {}
        for name, net in eyes.items():
            vectors = net.embed(images)  # (S, D)
            share = retrieval(vectors, known[name]["gallery"], pictures.labels)
            rows[row][name] = {
                "id_retrieval": share,
                "interval": interval(share, len(vectors)),
                "cos_source": (vectors * known[name]["source"]).sum(1).mean().item(),
                "cos_target": (vectors * known[name]["target"]).sum(1).mean().item(),
            }
        error = np.nanmean(error_inside(images, pictures.truth, pictures.mask))
        rows[row] |= {"error": float(error), "error_over_copy": float(error / copy_error)}
    return rows


def _true_pictures(net: ArcFace, gallery: np.ndarray, size: int) -> dict:
    people = range(len(gallery))
    probes = np.stack([photograph(HELD_OUT + i, k, size) for i in people for k in range(1, 1 + PROBES)])
    labels = torch.arange(len(gallery)).repeat_interleave(PROBES)
    v_probes, v_gallery = net.embed(probes), net.embed(gallery)
    share = retrieval(v_probes, v_gallery, labels)
    # Who is hidden in the gallery is lost in all four probes, so the share without them is told, too.
    shown = [_shown(HELD_OUT + i, 0) and _shown(HELD_OUT + i, k) for i in people for k in range(1, 1 + PROBES)]
    free = torch.tensor(shown)
    return {
        "id_retrieval": share,
        "interval": interval(share, len(probes)),
        "pictures": len(probes),
        "unobstructed": retrieval(v_probes[free.to(v_probes.device)], v_gallery, labels[free]) if any(shown) else None,
    }


def _shown(person: int, photo: int) -> bool:
    """Whether nothing hides the face in this photograph: no hand, microphone, mask, strand, or dark glasses."""
    shot = Shot.sample(shot_seed(person, photo))
    return shot.occluder == "none" and shot.glasses != "sun"


def fingerprint(network: nn.Module) -> str:
    """16 hexadecimal digits that change with any weight: SHA-256 over names and numbers of the state, as float32."""
    digest = hashlib.sha256()
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


# ----------------------------------------------------------------------------------------------------------------------


def report(result: dict) -> str:
    """The tables of an evaluation as plain text, with the protocol above them."""
    protocol = result["protocol"]
    lines = [
        f"{protocol['swaps']} swaps, gallery of {protocol['gallery']} people, {protocol['size']} px, "
        f"world {protocol['world']}, pairs of seed {protocol['seed']}",
        f"people: {protocol['people']}",
        f"retrieval: {protocol['retrieval']}; guessing earns {1 / protocol['gallery']:.1%}",
        f"error: {protocol['error']}",
        "weights: " + ", ".join(f"{name} {digits}" for name, digits in result["weights"].items()),
    ]
    for title, key in (("Everybody as they are", "rows"), (f"One colour: {protocol['one_colour']}", "one_colour")):
        lines += [
            "",
            title,
            f"{'':20}{'retrieval,':>19}{'retrieval,':>12}{'cosine to':>11}{'cosine to':>11}{'error':>8}{'error':>8}",
            f"{'':20}{'judge (95 %)':>19}{'trainer':>12}{'source':>11}{'target':>11}{'':>8}{'/ copy':>8}",
        ]
        for name, row in result[key].items():
            judge, (low, high) = row["judge"], row["judge"]["interval"]
            lines.append(
                f"{name:20}{judge['id_retrieval']:>7.1%}{f'({low:.0%}-{high:.0%})':>12}"
                f"{row['trainer']['id_retrieval']:>12.1%}{judge['cos_source']:>11.2f}{judge['cos_target']:>11.2f}"
                f"{row['error']:>8.2f}{row['error_over_copy']:>8.2f}"
            )
    lines += ["", "Cosines are the judge's. How many true pictures the recognisers find in the same gallery:"]
    for name, seen in result["recognisers"].items():
        low, high = seen["interval"]
        lines.append(
            f"{name:20}{seen['id_retrieval']:>7.1%}{f'({low:.0%}-{high:.0%})':>12} of {seen['pictures']}, "
            f"{seen['unobstructed'] or 0:.1%} of those in which nothing hides the face"
        )
    return "\n".join(lines)
