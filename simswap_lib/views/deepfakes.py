"""What lesson 02 looks at: people's films, one encoder with two decoders, decoders mixed layer by layer, the bill."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from simswap_lib.figures import GREY, INK, RESULT, SOURCE, TARGET
from simswap_lib.files import to_images, to_tensor
from simswap_lib.models.arcface import ArcFace
from simswap_lib.models.deepfakes import DeepFakes, DeepFakesConfig, PersonDecoder, on_plain_ground, swap
from simswap_lib.views.diagrams import Canvas
from simswap_lib.widgets import Explorer, _column, _figures, _slider
from simswap_lib.world import Identity, Shot, render, swap_truth

# What moves from frame to frame; everything else of a film is that of its first moment.
MOVES = ("yaw", "pitch", "roll", "expression", "gaze", "light")
TURNS = {"yaw": 0.6, "pitch": 0.6, "roll": 0.5}  # of what photographs have: people in front of a camera look at it
LEFT, TOP, SIDE = 1 / 8, 5 / 32, 3 / 4  # the window that the auto-encoder sees, as shares of the picture
FADE = 3  # pixels over which the window's rim fades, so that no seam shows


@dataclass(frozen=True, eq=False)
class Film:
    """Pictures of one person in one place: uint8 RGB (N, S, S, 3), the face's share of each pixel (N, S, S), shots."""

    person: int
    shots: tuple[Shot, ...]
    images: np.ndarray
    masks: np.ndarray

    def __len__(self) -> int:
        return len(self.shots)

    def __getitem__(self, frames: slice) -> Film:
        return Film(self.person, self.shots[frames], self.images[frames], self.masks[frames])


def film(person: int, frames: int, size: int = 64) -> Film:
    """`frames` pictures of person number `person`: hair, clothes, wall and camera stay; pose, face and light move."""
    stays = replace(Shot.sample(person), glasses="none", occluder="none")
    shots = []
    for i in range(frames):
        moving = Shot.sample(1000 * person + i)
        moves = {name: getattr(moving, name) for name in MOVES}
        shots.append(replace(stays, **moves | {name: share * moves[name] for name, share in TURNS.items()}))
    return _filmed(person, shots, size, render)


def true_swap(other: Film, person: int) -> Film:
    """The true answer to putting `person` into every frame of somebody else's film."""
    return _filmed(person, other.shots, other.images.shape[1], swap_truth)


def _filmed(person: int, shots: Sequence[Shot], size: int, camera) -> Film:
    taken = [camera(Identity.sample(person), shot, size) for shot in shots]
    return Film(person, tuple(shots), np.stack([t.image for t in taken]), np.stack([t.mask for t in taken]))


@dataclass(frozen=True, eq=False)
class CloseUps:
    """What an auto-encoder works on: the windows of a film, (N, 3, W, W) in [-1, 1], masks (N, 1, W, W) in [0, 1]."""

    faces: Tensor  # on a plain ground
    photos: Tensor  # as they were
    masks: Tensor  # 1 in the face, fading towards the window's rim

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, frames: slice) -> CloseUps:
        return CloseUps(self.faces[frames], self.photos[frames], self.masks[frames])


def close_ups(of: Film, device: str | torch.device = "cpu", ground: Tensor | None = None) -> CloseUps:
    """The middle of each picture, three quarters of its side, where the face is. ground: see `on_plain_ground`."""
    rows, columns = _window(of.images.shape[1])
    photos = to_tensor(np.ascontiguousarray(of.images[:, rows, columns]), device)
    masks = torch.from_numpy(np.ascontiguousarray(of.masks[:, rows, columns])).to(device)[:, None]  # (N, 1, W, W)
    steps = torch.arange(masks.shape[-1], device=device)
    rise = (torch.minimum(steps, steps.flip(0)) / FADE).clamp(0, 1)  # 0 at the rim, 1 from FADE pixels on
    return CloseUps(on_plain_ground(photos, masks, ground), photos, masks * rise * rise[:, None])


def laid_back(pictures: np.ndarray, windows: Tensor) -> np.ndarray:
    """Whole pictures, uint8 RGB (N, S, S, 3), with new windows (N, 3, W, W) in them."""
    rows, columns = _window(pictures.shape[1])
    whole = pictures.copy()
    whole[:, rows, columns] = to_images(windows)
    return whole


def _window(size: int) -> tuple[slice, slice]:
    side, top, left = round(SIDE * size), round(TOP * size), round(LEFT * size)
    return slice(top, top + side), slice(left, left + side)


def mixed(theirs: PersonDecoder, mine: PersonDecoder, shares: Sequence[float]) -> PersonDecoder:
    """A decoder whose layer i has  (1 - shares[i]) * theirs + shares[i] * mine  for weights.

    A layer is anything with weights, in order: the upscale blocks, then the last convolution.
    Raises: ValueError unless there is a share for each layer.
    """
    layers = [name for name, layer in mine.named_children() if list(layer.parameters())]
    if len(shares) != len(layers):
        raise ValueError(f"The decoder has {len(layers)} layers with weights; got {len(shares)} shares.")
    share = dict(zip(layers, shares, strict=True))
    other, own = theirs.state_dict(), mine.state_dict()
    weights = {name: torch.lerp(other[name], own[name], float(share[name.split(".")[0]])) for name in own}
    decoder = copy.deepcopy(mine)
    decoder.load_state_dict(weights)
    return decoder


# Widgets and figures. -------------------------------------------------------------------------------------------------


def decoder_explorer(net: DeepFakes, target: Film, windows: CloseUps, answers: Film, judge: ArcFace) -> Explorer:
    """Mix the weights of two decoders, layer by layer, and see whose face stands in the target's film.

    Args:
        net: decoder 0 draws the source, decoder 1 the person of the film.
        target, windows, answers: frames, their windows, and the true answers to them.
        judge: measures how like the source and the target the result is.
    """
    people = judge.embed(np.concatenate([answers.images, target.images])).split([len(answers), len(target)])
    to_whom = torch.nn.functional.normalize(torch.stack([v.mean(0) for v in people]), dim=1)  # (2, D)
    frame = _slider(ipywidgets.IntSlider, "frame", value=0, min=0, max=len(target) - 1)
    layers = {
        f"layer{i}": _slider(ipywidgets.FloatSlider, f"layer {i + 1}", value=1.0, min=0.0, max=1.0, step=0.25)
        for i in range(4)
    }

    def draw(frame, **shares) -> str:
        decoder = mixed(net.decoders[1], net.decoders[0], list(shares.values()))
        one, at = windows[frame : frame + 1], slice(frame, frame + 1)
        drawn = swap(lambda faces, person: decoder(net.encoder(faces)), one.faces, 0, one.photos, one.masks)
        result = laid_back(target.images[at], drawn)[0]
        likeness = (judge.embed(result) @ to_whom.T)[0].tolist()
        told = ", ".join(f"{share:.0%}" for share in shares.values())
        return _figures(
            [
                ("Target", f"frame {frame}", target.images[frame], None),
                ("Your mixture", f"source's share in layers 1 to 4: {told}", result, tuple(likeness)),
                ("True answer", "the source in this frame", answers.images[frame], None),
            ]
        )

    everything = dict.fromkeys(layers, 1.0)
    return Explorer(
        "Decoder explorer",
        {"frame": frame, **layers},
        [
            _column("How much of each layer is the source's?", list(layers.values())),
            _column("Which frame of the target's film?", [frame]),
        ],
        draw,
        {
            "All the target's": lambda dice: dict.fromkeys(layers, 0.0),
            "Half and half": lambda dice: dict.fromkeys(layers, 0.5),
            "All the source's": lambda dice: everything,
        },
    )


def diagram(
    config: DeepFakesConfig,
    source: np.ndarray | None = None,
    target: np.ndarray | None = None,
    result: np.ndarray | None = None,
) -> Figure:
    """One encoder, two decoders: how they are trained, and the way through them that is a swap."""
    canvas, high, low, middle = Canvas(10.4, 4.4), 3.25, 1.15, 2.2
    canvas.picture(0.85, high, 1.2, source, "source's film", SOURCE)
    canvas.picture(0.85, low, 1.2, target, "target's film", TARGET)
    canvas.box(3.4, middle, 1.5, 1.3, "Encoder\nshared", GREY, True)
    canvas.box(6.6, high, 1.7, 0.9, "source's\ndecoder", SOURCE, True)
    canvas.box(6.6, low, 1.7, 0.9, "target's\ndecoder", TARGET)
    canvas.picture(9.4, high, 1.2, result, "the source, as the target", RESULT)
    canvas.arrow((1.45, high), (2.05, high), (2.65, 2.45), colour=SOURCE)
    canvas.arrow((1.45, low), (2.05, low), (2.65, 1.95), colour=TARGET, width=3.2)
    canvas.arrow((4.15, 2.45), (5.2, high - 0.12), (5.75, high - 0.12), colour=TARGET, width=3.2)
    canvas.arrow((4.15, 1.95), (5.2, low), (5.75, low), colour=GREY)
    canvas.arrow((7.45, high), (8.8, high), colour=RESULT, width=3.2)
    canvas.arrow((7.45, low), (8.35, low), colour=GREY)
    canvas.words(8.45, low, "the target again\n(training only)", size=9.5, colour=GREY, align="left")
    canvas.words(4.3, middle, f"code: {config.code} numbers", size=9, align="left")
    canvas.words(3.4, 0.32, "thick: the way of a swap, after training", size=9.5, colour=TARGET)
    canvas.words(6.6, high + 0.62, "identity = these weights", size=9.5, colour=SOURCE)
    return canvas.finish(
        "Diagram of the auto-encoder. Pictures of the source and of the target go through one shared encoder, which "
        f"leaves {config.code} numbers of each. Behind it stand two decoders. In training each person's code goes to "
        "that person's decoder. In a swap, the thick line, the target's code goes to the source's decoder, and out "
        "comes the source's face as the target held it."
    )


def rows(pictures: dict[str, np.ndarray], alt: str, colours: Sequence[str] = (), size: float = 1.2) -> Figure:
    """Rows of equal pictures: name -> uint8 (N, H, W, 3). The name stands before its row, in the colour given for it.

    size: inches a picture. Raises: ValueError if there are colours, but not one for each row.
    """
    count, colours = len(next(iter(pictures.values()))), colours or [INK] * len(pictures)
    figure, axes = plt.subplots(
        len(pictures), 1, figsize=(size * count + 1.5, size * len(pictures)), squeeze=False, layout="constrained"
    )
    for axis, (name, row), colour in zip(axes.flat, pictures.items(), colours, strict=True):
        gap = np.full((row.shape[1], 1, 3), 255, np.uint8)  # a white line between two frames
        parts = [part for picture in row for part in (picture, gap)][:-1]
        axis.imshow(np.concatenate(parts, axis=1), interpolation="bicubic")
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
        axis.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=10, color=colour, fontweight="bold")
    figure.alt, figure.kind, figure.soft = alt, "jpeg", True
    return figure


def bill(panels: dict[str, dict[str, tuple[Sequence[float], str]]], people: Sequence[int]) -> Figure:
    """What it costs to have everybody among n people swapped with everybody: curves over n, both axes by factors.

    panels: title -> {label: (values, one for each of `people`; colour)}. The alt text names the values at both ends.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(3.6 * len(panels), 3.7), squeeze=False, layout="constrained")
    told = []
    for axis, (title, curves) in zip(axes.flat, panels.items(), strict=True):
        for (label, (values, colour)), line in zip(curves.items(), ("-", "--", "-."), strict=False):
            axis.plot(people, values, line, color=colour, linewidth=2.2, label=label)
        axis.set(xscale="log", yscale="log", xlabel="people n")
        axis.set_title(title, fontsize=10)
        axis.set_xticks([2, 10, 100], ["2", "10", "100"])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
        told.append(
            f"{title}: " + ", ".join(f"{label} {_short(v[0])} to {_short(v[-1])}" for label, (v, _) in curves.items())
        )
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=9.5)
    figure.alt = f"What {people[0]} to {people[-1]} people cost, both axes logarithmic. " + "; ".join(told) + "."
    return figure


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
