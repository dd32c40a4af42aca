"""Checks of exercise 02.4: a face drawn by another person's decoder and blended into the photograph (paper 3.1)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from simswap_lib.course.exercise import Wrong, call, require
from simswap_lib.course.lesson_02.training import SIZES, B, bent, some_net
from simswap_lib.course.probes import same
from simswap_lib.models.deepfakes import DeepFakes


def _inputs() -> tuple[DeepFakes, dict[str, Tensor]]:
    """A net, and faces, photographs (other pictures) and masks that are 0 on the left, 1 on the right, soft between."""
    masks = torch.linspace(-0.5, 1.5, 16).clamp(0, 1).expand(B, 1, 16, 16).clone()
    masks[1:, :, :, 5:11] = masks[1:, :, :, 5:11].square()  # another soft edge for each picture
    return some_net(), {
        "faces": torch.rand(B, 3, 16, 16) * 2 - 1,
        "photos": torch.rand(B, 3, 16, 16) * 2 - 1,
        "masks": masks,
    }


def _swapped(swap: Callable, net: DeepFakes, person: int, given: dict[str, Tensor]) -> Tensor:
    return call(
        lambda faces, photos, masks: swap(net, faces, person, photos, masks), shape=tuple(given["faces"].shape), **given
    )


def gives_pictures_without_gradients(swap: Callable) -> None:
    """returns pictures (B, 3, S, S) that hang on no graph"""
    net, given = _inputs()
    _swapped(swap, net, 1, given)
    result = swap(net, given["faces"], 1, given["photos"], given["masks"])
    require(
        not result.requires_grad,
        "The result still hangs on the graph of the network: a swap is no training. Draw inside "
        "`with torch.no_grad():`.",
    )


def draws_with_that_persons_decoder(swap: Callable) -> None:
    """inside the mask: the faces, encoded, and drawn by the decoder of `person`"""
    net, given = _inputs()
    for person in range(SIZES.people):
        found = _swapped(swap, net, person, given)[..., 12:]  # here the mask is 1
        with torch.no_grad():
            drawn = {p: net(given["faces"], p)[..., 12:] for p in range(SIZES.people)}
            of_photos, twice = net(given["photos"], person)[..., 12:], net(bent(given["faces"]), person)[..., 12:]
        if same(found, drawn[person]):
            continue
        require(not same(found, given["photos"][..., 12:]), "Inside the mask stands the photograph: M and 1 - M are "
                "exchanged.")  # fmt: skip
        require(not same(found, given["faces"][..., 12:]), "Inside the mask stands the face that went in: nothing was "
                "drawn.")  # fmt: skip
        for other, picture in drawn.items():
            require(
                not same(found, picture),
                f"Asked for person {person}, it drew with the decoder of person {other}. The decoder is that of the "
                "person whose face should appear.",
            )
        require(
            not same(found, of_photos),
            "The encoder got the photographs with all that stands around the face. It learned on `faces`.",
        )
        require(not same(found, twice), "The faces were warped first. The warp belongs to training alone.")
        require(
            not same(found, drawn[person] + given["photos"][..., 12:]),
            "Where the mask is 1 drawing and photograph lie over each other: the photograph counts only as far as the "
            "mask leaves room, (1 - M) * photos.",
        )
        require(
            not same(found, (drawn[person] + 1) / 2), "The colours were brought to [0, 1]; here they are in [-1, 1]."
        )
        raise Wrong(
            "Where the mask is 1 the result is not net(faces, person). Do `faces` go in as they are? The mask belongs "
            "to what comes out."
        )


def leaves_the_photograph_alone(swap: Callable) -> None:
    """outside the mask: the photograph, to the last bit"""
    net, given = _inputs()
    found, photos = _swapped(swap, net, 1, given)[..., :4], given["photos"][..., :4]  # here the mask is 0
    if torch.equal(found, photos):
        return
    with torch.no_grad():
        drawn = net(given["faces"], 1)[..., :4]
    require(not same(found, drawn), "The drawn picture covers everything: the mask was not used.")
    require(
        not same(found, given["faces"][..., :4]),
        "Outside the mask stands what the encoder saw (`faces`, on their plain ground); expected the photograph.",
    )
    require(found.abs().max() > 0, "Outside the mask all is 0: the photograph's share, (1 - M) * photos, is missing.")
    raise Wrong("Where the mask is 0 the result differs from the photograph, which should stay to the last bit.")


def blends_at_the_edge(swap: Callable) -> None:
    """at a soft edge: M of the drawing and 1 - M of the photograph"""
    net, given = _inputs()
    masks, photos, found = given["masks"], given["photos"], _swapped(swap, net, 2, given)
    with torch.no_grad():
        drawn = net(given["faces"], 2)
    if same(found, masks * drawn + (1 - masks) * photos):
        return
    for hard in (masks > 0.5, masks > 0, masks >= 1):
        require(
            not same(found, torch.where(hard, drawn, photos)),
            "At the edge there is either drawing or photograph, which leaves a jagged seam. The mask is a share "
            "between 0 and 1: mix with it.",
        )
    first = masks[:1]
    require(
        not same(found, first * drawn + (1 - first) * photos),
        "All pictures were mixed with the first picture's mask. Each has its own: masks, not masks[0].",
    )
    raise Wrong("At the mask's soft edge the result is not M * drawing + (1 - M) * photograph.")
