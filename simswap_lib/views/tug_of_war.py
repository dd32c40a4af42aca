"""The terms of the objective as forces on one picture: its pixels go downhill, and one sees what each term wants.

No generator stands between: what a term asks for appears in the pixels themselves. `Tug` lets many pictures go downhill
at once, each with weights of its own, and keeps them all the way; the widget and the figure only look them up.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import ipywidgets
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from simswap_lib import figures, losses
from simswap_lib.files import to_images, to_tensor
from simswap_lib.models.arcface import ArcFace
from simswap_lib.models.discriminator import Discriminator
from simswap_lib.widgets import Explorer, _column, _figures, _slider

Weights = tuple[float, float, float]  # identity, reconstruction, adversarial
STARTS = ("grey", "the target")
IDENTITY, RECONSTRUCTION, ADVERSARIAL = (0.0, 10.0, 30.0), (0.0, 10.0), (0.0, 1.0)
EVERY = 5  # steps between two kept pictures
STEP = 0.04  # of Adam, in a range of 2
FILMS: dict[str, Weights] = {
    "identity alone": (10.0, 0.0, 0.0),
    "reconstruction alone": (0.0, 10.0, 0.0),
    "adversarial alone": (0.0, 0.0, 1.0),
    "identity and reconstruction": (10.0, 10.0, 0.0),
    "all three": (10.0, 10.0, 1.0),
}


class Tug:
    """Pictures pulled by the identity, the reconstruction and the adversarial term, for a grid of weights.

    Each starts as a grey square or as the target, and Adam moves its pixels for `steps` steps. The recogniser and the
    critic are frozen: neither learns what is being done to it.

    source, target: uint8 (H, W, 3)
    recogniser, critic: the networks that the terms ask; judge: a recogniser that only looks on
    identity_loss, reconstruction_loss, hinge_g_loss: the terms; a learner's own may stand here
    """

    def __init__(
        self,
        source: np.ndarray,
        target: np.ndarray,
        recogniser: ArcFace,
        critic: Discriminator,
        judge: ArcFace,
        steps: int = 30,
        identity_loss: Callable = losses.identity_loss,
        reconstruction_loss: Callable = losses.reconstruction_loss,
        hinge_g_loss: Callable = losses.hinge_g_loss,
    ):
        self.source, self.target, self.steps = source, target, steps
        self.recogniser, self.critic, self.judge = recogniser, critic, judge
        self.terms = identity_loss, reconstruction_loss, hinge_g_loss
        device = next(critic.parameters()).device
        self.x_target = to_tensor(target, device)  # (1, 3, H, W)
        self.v_source = recogniser.embed(source[None])  # (1, D)
        self.v_judge = judge.embed(np.stack([source, target]))  # (2, D)
        grid = [w for w in product(IDENTITY, RECONSTRUCTION, ADVERSARIAL) if any(w)]
        self.places = {key: i for i, key in enumerate(product(STARTS, grid))}
        self.kept: dict[int, np.ndarray] = {}  # step -> uint8 (N, H, W, 3)
        self._go()
        self._seen: dict[tuple, tuple[float, ...]] = {}

    def picture(self, start: str, weights: Weights, step: int) -> np.ndarray:
        """uint8 (H, W, 3); with all weights 0 the picture stays where it started."""
        step = min(self.kept, key=lambda kept: abs(kept - step))
        if not any(weights):
            step, weights = 0, FILMS["identity alone"]
        return self.kept[step][self.places[start, weights]]

    @torch.no_grad()
    def look(self, image: np.ndarray) -> tuple[float, float, float, float]:
        """What the networks say: cosine to the source by the recogniser that pulls, cosines to source and target by
        the judge, and the critic's score, above 0 for real.
        """
        key = image.tobytes()
        if key not in self._seen:
            by_trainer = float((self.recogniser.embed(image[None]) @ self.v_source.T).squeeze())
            by_judge = (self.judge.embed(image[None]) @ self.v_judge.T).squeeze().tolist()
            score = -float(losses.hinge_g_loss(self.critic(to_tensor(image, self.x_target.device))))
            self._seen[key] = (by_trainer, *by_judge, score)
        return self._seen[key]

    def _go(self) -> None:
        starts = {"grey": torch.zeros_like(self.x_target), "the target": self.x_target}
        x = torch.cat([starts[start] for start, _ in self.places]).clone().requires_grad_()  # (N, 3, H, W)
        weights = torch.tensor([w for _, w in self.places])  # (N, 3)
        adam = torch.optim.Adam([x], lr=STEP, betas=(0.9, 0.99))
        for step in range(self.steps + 1):
            if step % EVERY == 0 or step == self.steps:
                self.kept[step] = to_images(x.detach())
            x.grad = self._pull(x, weights)
            adam.step()
            with torch.no_grad():
                x.clamp_(-1, 1)

    def _pull(self, x: Tensor, weights: Tensor) -> Tensor:
        """The gradient of each picture's own weighted terms, (N, 3, H, W)."""
        identity_loss, reconstruction_loss, hinge_g_loss = self.terms
        one_person = torch.ones(1, dtype=torch.bool, device=x.device)
        total = x.new_zeros(())
        # Only those that a term pulls at go through its network; each has its own call, for losses are means.
        drawn = weights[:, 0].nonzero().flatten().tolist()
        for i, v_result in zip(drawn, self.recogniser(x[drawn]).split(1), strict=True):
            total = total + weights[i, 0] * identity_loss(v_result, self.v_source)
        for i in weights[:, 1].nonzero().flatten().tolist():
            total = total + weights[i, 1] * reconstruction_loss(x[i : i + 1], self.x_target, one_person)
        judged = weights[:, 2].nonzero().flatten().tolist()
        logits = [scale[-1] for scale in self.critic(x[judged])]
        for row, i in enumerate(judged):
            total = total + weights[i, 2] * hinge_g_loss([[scale[row : row + 1]] for scale in logits])
        return torch.autograd.grad(total, x)[0]


def films(tug: Tug, start: str = "grey") -> Figure:
    """Each force alone, and mixtures: a row a mixture, a column a moment; who is seen in the end stands in `alt`."""
    steps = [step for step in sorted(tug.kept) if step % (2 * EVERY) == 0]
    rows = [np.concatenate([tug.picture(start, w, step) for step in steps], axis=1) for w in FILMS.values()]
    told = []
    for name, weights in FILMS.items():
        by_trainer, by_judge, _, score = tug.look(tug.picture(start, weights, tug.steps))
        told.append(
            f"{name}: to the source {by_trainer:.2f} by the recogniser that pulls, {by_judge:.2f} by the judge, "
            f"critic's score {score:.1f}"
        )
    figure = figures.sheet(
        np.concatenate(rows),
        [name.replace(" and ", "\nand ") for name in FILMS],
        [f"step {step}" for step in steps],
        f"A picture that starts as {start} and goes downhill, one row for each mixture of terms. In the end, "
        + "; ".join(told)
        + ".",
        size=0.8,
    )
    figure.soft = True
    return figure


def outcome(tug: Tug, start: str) -> list[tuple[str, float, float, float]]:
    """For each film: its name, the cosine to the source by the recogniser that pulls and by the judge, the score."""
    found = [(name, tug.look(tug.picture(start, weights, tug.steps))) for name, weights in FILMS.items()]
    return [(name, seen[0], seen[1], seen[3]) for name, seen in found]


def mixer(tug: Tug) -> Explorer:
    """Mix the terms and follow the picture downhill; every position of the sliders was computed beforehand."""
    steps = sorted(tug.kept)
    controls = {
        "identity": _weight("identity", IDENTITY, 10.0),
        "reconstruction": _weight("reconstruction", RECONSTRUCTION, 0.0),
        "pair": _choice("the pair shows", ("one person", "two people: masked"), "one person"),
        "adversarial": _weight("adversarial", ADVERSARIAL, 0.0),
        "start": _choice("start from", STARTS, "the target"),
        "step": _slider(ipywidgets.IntSlider, "step", value=steps[-1], min=0, max=steps[-1], step=EVERY),
    }

    def draw(identity, reconstruction, pair, adversarial, start, step) -> str:
        masked = pair != "one person"
        weights = (identity, 0.0 if masked else reconstruction, adversarial)
        image = tug.picture(start, weights, step)
        by_trainer, to_source, to_target, score = tug.look(image)
        change = np.abs(image.astype(int) - tug.picture(start, weights, 0)).mean(axis=2)
        moved = np.repeat(np.clip(2 * change, 0, 255)[..., None], 3, axis=2).astype(np.uint8)
        words = f"the recogniser that pulls says {by_trainer:.2f} to the source; the critic {score:+.1f}"
        return _figures(
            [
                ("Source", "gives the vector", tug.source, None),
                ("Target", "the reconstruction's goal", tug.target, None),
                (f"Step {step}", words, image, (to_source, to_target)),
                ("What has moved", "brighter: further from the start", moved, None),
            ]
        )

    return Explorer(
        "Mixer of the terms",
        controls,
        [
            _column("Weights", [controls[n] for n in ("identity", "reconstruction", "pair", "adversarial")]),
            _column("The picture", [controls[n] for n in ("start", "step")]),
        ],
        draw,
        {
            name.capitalize(): lambda dice, w=weights: {
                **dict(zip(("identity", "reconstruction", "adversarial"), w, strict=True)),
                "pair": "one person",
            }
            for name, weights in FILMS.items()
        },
    )


def _weight(words: str, values: tuple[float, ...], value: float) -> ipywidgets.Dropdown:
    return _choice(words, values, value, [f"{v:g}" for v in values])


def _choice(words: str, values, value, told=None) -> ipywidgets.Dropdown:
    return ipywidgets.Dropdown(
        description=words,
        options=list(zip(told or values, values, strict=True)),
        value=value,
        style={"description_width": "110px"},
        layout=ipywidgets.Layout(width="300px", max_width="98%"),
    )
