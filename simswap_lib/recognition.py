"""How well a recogniser knows people whom it never saw: the ceiling of every retrieval that it judges (paper 4.2)."""

import numpy as np
import torch
from torch import Tensor

from simswap_lib.measures import interval_of_groups, nearer_people
from simswap_lib.models.arcface import ArcFace
from simswap_lib.photographs import photograph, shot_seed
from simswap_lib.world.people import HELD_OUT
from simswap_lib.world.shots import Shot

GALLERY = 100  # people to choose from
PHOTOS = 5  # of each, every one in a shot of its own; the first is the one that stands in the gallery


def unseen_people(people: int, size: int) -> np.ndarray:
    """True pictures of people that no network is trained on: uint8 RGB (people, PHOTOS, size, size, 3)."""
    return np.array([[photograph(HELD_OUT + i, k, size) for k in range(PHOTOS)] for i in range(people)])


def found(vectors: Tensor, k: int = 0) -> np.ndarray:
    """Who is found, by the nearest cosine, when everybody's picture k stands in the gallery.

    Shapes: vectors (people, photos, D) of length 1 -> bool (people, photos - 1), for their other pictures.
    """
    people, photos = vectors.shape[:2]
    others = vectors[:, [other for other in range(photos) if other != k]]
    labels = torch.arange(people).repeat_interleave(photos - 1)
    return (nearer_people(others.flatten(0, 1), vectors[:, k], labels) == 0).reshape(people, photos - 1)


def found_in_turn(network: ArcFace, pictures: np.ndarray) -> np.ndarray:
    """`found` with each picture in the gallery in turn.

    Whoever is hidden in the one gallery picture is lost in all lookups, so one gallery says as much of its pictures as
    of the recogniser. Shapes: uint8 RGB (people, photos, H, W, 3) -> bool (photos, people, photos - 1).
    """
    people, photos = pictures.shape[:2]
    vectors = network.embed(pictures.reshape(-1, *pictures.shape[2:])).unflatten(0, (people, photos))
    return np.stack([found(vectors, k) for k in range(photos)])


def true_pictures(eyes: dict[str, ArcFace], people: int, size: int) -> dict[str, dict]:
    """What each recogniser finds of the true pictures of so many unseen people, as shares, for JSON.

    For each: `id_retrieval` in the one gallery, its `interval` (people are drawn again, since the lookups of one person
    hang together), the number of `pictures` looked up, the share where nothing hides either face (`unobstructed`, or
    None), and the same with each picture in the gallery `in_turn`.
    """
    pictures = unseen_people(people, size)
    shown = np.array([[unobstructed(HELD_OUT + i, k) for k in range(PHOTOS)] for i in range(people)])
    plain = shown[:, 1:] & shown[:, :1]
    result = {}
    for name, net in eyes.items():
        turns = found_in_turn(net, pictures)
        result[name] = {
            "id_retrieval": float(turns[0].mean()),
            "interval": interval_of_people(turns[:1]),
            "pictures": turns[0].size,
            "unobstructed": float(turns[0][plain].mean()) if plain.any() else None,
            "in_turn": {
                "id_retrieval": float(turns.mean()),
                "interval": interval_of_people(turns),
                "pictures": turns.size,
            },
        }
    return result


def interval_of_people(turns: np.ndarray) -> tuple[float, float]:
    """95 % interval of the share found, drawing people again: bool (turns, people, lookups) -> low, high."""
    _, people, _ = np.indices(turns.shape)
    return interval_of_groups(turns.ravel(), people.ravel())


def unobstructed(person: int, photo: int) -> bool:
    """Whether nothing hides the face in this photograph: no hand, microphone, mask, strand, or dark glasses."""
    shot = Shot.sample(shot_seed(person, photo))
    return shot.occluder == "none" and shot.glasses != "sun"
