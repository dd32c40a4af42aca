"""How good a swap is: whose face it shows, what it keeps, how far it is from the true answer (paper 4.2, table 1).

Every figure comes with its protocol, because a figure without one means nothing: retrieval falls as the gallery grows,
and a network is always best in the eyes of the recogniser that trained it. Trivial rows frame the table: a copy of the
target, which changes nobody, the source's picture pasted in, which is nothing but the source, and the true answer,
which only the face world knows.
"""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import nn

from simswap_lib.evaluation_report import report as report
from simswap_lib.evaluation_rows import WORDS, Cases, always_the_average, groups, measure_rows, summaries, swapped
from simswap_lib.measures import error_inside as error_inside
from simswap_lib.measures import retrieval as retrieval
from simswap_lib.models import weights
from simswap_lib.models.arcface import ArcFace
from simswap_lib.models.attributes import Attributes, Estimate
from simswap_lib.photographs import PHOTOS_LIMIT, photograph, shot_seed, world_version
from simswap_lib.recognition import true_pictures
from simswap_lib.world.people import HELD_OUT, Identity
from simswap_lib.world.renderer import render
from simswap_lib.world.shots import Shot
from simswap_lib.world.truth import swap_truth

COLOURS_OF = HELD_OUT + 400  # whose colours all wear in the gallery of one colour; takes no other part
TRUE_PICTURES = HELD_OUT + 1000  # the first of the people that KID compares the results with; take no other part
FIRST_TARGET = 2  # a person's photo 0 stands in the gallery, photo 1 is the source, the later ones are targets
ALIKE = 8  # grey levels: compression and the shadow of another nose change a picture by less
WORLD_WORDS = {
    "retrieval": "nearest by cosine of one gallery picture a person, which is not the source picture",
    "error": "mean absolute difference to the true answer in target's mask x truth's, grey levels of 255",
    "colour": "how far the mean colour of the face has gone from the target's to the true answer's",
    "outside": "where neither the target's nor the true answer's face shows: hair, clothes, neck, background",
    "unchanged": f"the part of it in which target and true answer differ by at most {ALIKE} grey levels: what no swap "
    "should touch, while neck and ears are the person's",
    "attributes": "of what the network `attributes` reads from each row, to the target's exactly known pose (degrees "
    "over yaw, pitch, roll), facial actions (root mean square, strengths 0 to 1) and gaze (degrees); the row of the "
    "true answer is that network's own error",
}


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
    targets, truths = (np.stack([rendering.image for rendering in group]) for group in (before, after))
    outside = np.stack([(1 - b.mask) * (1 - a.mask) for b, a in zip(before, after, strict=True)])
    alike = (np.abs(targets.astype(np.int16) - truths) <= ALIKE).all(-1)
    return Cases(
        gallery=np.stack([render(people[i], shot(i, 0), size).image for i in range(count)]),
        owners=torch.arange(count),
        source=sources[source],
        target=targets,
        labels=torch.from_numpy(source),
        face=np.stack([rendering.mask for rendering in before]),
        mask=np.stack([b.mask * a.mask for b, a in zip(before, after, strict=True)]),
        outside=outside,
        unchanged=outside * alike,
        truth=truths,
        known=Estimate(*(np.stack([getattr(b, name) for b in before]) for name in ("pose", "expression", "gaze"))),
        people=tuple(people[i].labels for i in source),
    )


def evaluate(
    swapper,
    judge: ArcFace | None = None,
    swaps: int = 200,
    gallery: int = 100,
    size: int | None = None,
    batch: int = 50,
    attributes: Attributes | None = None,
) -> dict:
    """Measure a swapper on held-out people in held-out shots; `report` prints the result.

    swapper: has `swap_aligned(source, target)`, `generator` and `recogniser`, as `FaceSwapper` does
    judge: a recogniser that took no part in the training; None loads the shipped one
    size: pixels a side of all pictures; None takes the generator's own
    attributes: reads pose, expression and gaze; None loads the shipped one, if it is there

    Returns a dictionary for JSON: `protocol`, `weights` (checksums), `rows` and `one_colour` (for swap, copy of the
    target, pasted source and true answer: retrieval, its interval and curve, cosines, errors, SSIM, KID), `groups` (by
    the source's tone, age and sex), `recognisers` (how many true pictures each finds, also with each picture in the
    gallery in turn), `notes` (what is missing).
    Raises: ValueError for impossible numbers of swaps or people.
    """
    protocol = Protocol(swaps, gallery, size or swapper.generator.config.image_size)
    device = next(swapper.generator.parameters()).device
    judge = judge or ArcFace.judge(protocol.size, device)
    notes = []
    if attributes is None and "attributes" in weights.known():
        attributes = Attributes.from_pretrained("attributes", device)
    if attributes is None:
        notes.append(
            "Pose, expression and gaze are left out: data/weights/attributes is not there "
            "(python tools/train_attributes.py makes it)."
        )
    eyes = {"judge": judge, "trainer": swapper.recogniser}
    networks = {"generator": swapper.generator, **eyes} | ({"attributes": attributes} if attributes else {})
    strangers = np.stack([photograph(TRUE_PICTURES + i, 0, protocol.size) for i in range(swaps)])
    wearer = Identity.sample(COLOURS_OF)
    plain = cases(protocol)
    recoloured = cases(protocol, lambda identity: identity.with_colours_of(wearer))
    measured = measure_rows(plain, swapped(swapper, plain, batch), eyes, attributes)
    one_colour = measure_rows(recoloured, swapped(swapper, recoloured, batch), eyes, attributes)
    return {
        "protocol": {
            **asdict(protocol),
            "people": f"seeds {HELD_OUT} to {HELD_OUT + gallery - 1}, never trained on; every picture its own shot",
            "world": world_version(),
            **WORDS,
            **WORLD_WORDS,
            "true_pictures": f"{swaps} true pictures of as many other people, seeds from {TRUE_PICTURES}",
            "one_colour": f"all people wear the skin, lip, iris and brow colour of person {COLOURS_OF}",
        },
        "weights": {name: fingerprint(net) for name, net in networks.items()},
        "rows": summaries(measured, plain, judge.pooled(strangers)),
        "one_colour": summaries(one_colour, recoloured),
        "groups": groups(measured, plain),
        "average": {name: float(e.mean()) for name, e in always_the_average(plain.known, attributes).items()},
        "recognisers": true_pictures(eyes, protocol.gallery, protocol.size),
        "notes": notes,
    }


def fingerprint(network: nn.Module) -> str:
    """16 hexadecimal digits that change with any weight: SHA-256 over names and numbers of the state, as float32."""
    digest = hashlib.sha256()
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
