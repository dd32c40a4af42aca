"""Interactive views of feature matching: what each map of a discriminator charges for a change, and what m does."""

from __future__ import annotations

import html
from collections.abc import Callable
from functools import lru_cache

import ipywidgets
import numpy as np
import torch
from torch import Tensor

from simswap_lib.experiments import EXPERIMENTS
from simswap_lib.files import to_images, to_tensor
from simswap_lib.instruments import Outputs
from simswap_lib.losses import map_distances
from simswap_lib.measures import error_inside
from simswap_lib.models.arcface import ArcFace
from simswap_lib.models.discriminator import Discriminator
from simswap_lib.models.generator import Generator
from simswap_lib.studio import cosine
from simswap_lib.views.critic_figures import map_colour
from simswap_lib.views.world import retaken
from simswap_lib.widgets import PEOPLE, PHOTOS, Explorer, _column, _figures, _slider
from simswap_lib.world import HELD_OUT, Identity, Shot, render, swap_truth
from simswap_lib.world.shots import MOODS

MATCHED = tuple(name for name in EXPERIMENTS if name.startswith("match-"))  # from all maps to none
CHARGED = {"person": 29, "other": 12, "photo": 43, "unrelated": 45}  # at rest, after HELD_OUT
MATCHING = {"source": 59, "source_shot": 59, "target": 58, "target_shot": 58}


def called(name: str) -> str:
    """An experiment of MATCHED in a word or two: "m = 3", or "none"."""
    config = EXPERIMENTS[name].config
    return f"m = {config.first_map}" if config.loss.wfm else "none"


def price_explorer(distances: Callable[[Outputs, Outputs], Tensor] = map_distances) -> Explorer:
    """Change the person, or the photograph, and see what each map of the trained discriminator charges for it.

    The price is the distance d_i to the unchanged picture, as a share of the distance to an unrelated picture: another
    person in another photograph.

    Args:
        distances: two outputs of the discriminator -> (M,); a learner's own function may stand here.
    Raises: FileNotFoundError if the shipped weights are missing.
    """
    critic = Discriminator.from_pretrained()
    size = critic.config.image_size
    person, other = (Identity.sample(HELD_OUT + CHARGED[name]) for name in ("person", "other"))
    photo = Shot.sample(HELD_OUT + CHARGED["photo"])
    still = {"yaw": 0, "mood": "neutral", "light": 0}

    def taken(blend: float, yaw: float, mood: str, light: float) -> np.ndarray:
        shot = retaken(photo, yaw=yaw, pitch=0, mood=mood, gaze=(0, 0), light=light)
        return render(Identity.lerp(person, other, blend), shot, size).image

    @torch.no_grad()
    def outputs(image: np.ndarray) -> Outputs:
        return critic(to_tensor(image))

    first = taken(0.0, **still)
    before = outputs(first)
    unrelated = render(other, Shot.sample(HELD_OUT + CHARGED["unrelated"]), size).image
    full = distances(outputs(unrelated), before)

    def draw(blend, yaw, mood, light) -> str:
        changed = taken(blend, yaw, mood, light)
        shares = (distances(outputs(changed), before) / full).tolist()
        pictures = _figures(
            [
                ("Target", "the picture to be matched", first, None),
                ("Result", "the picture that pays", changed, None),
                ("Unrelated", "costs 1 in every map", unrelated, None),
            ]
        )
        bars = "".join(_price(f"map {i + 1}", share, map_colour(i, critic.maps)) for i, share in enumerate(shares))
        return f'{pictures}<div style="max-width:520px">{bars}</div>'

    controls = {
        "blend": _slider(ipywidgets.FloatSlider, "another person", value=0.5, min=0.0, max=1.0, step=0.1),
        "yaw": _slider(ipywidgets.FloatSlider, "turn of the head", value=0.0, min=-30.0, max=30.0, step=5.0),
        "light": _slider(ipywidgets.FloatSlider, "light from", value=0.0, min=-80.0, max=80.0, step=10.0),
        "mood": ipywidgets.Dropdown(
            description="expression", options=list(MOODS), value="neutral", style={"description_width": "110px"}
        ),
    }
    columns = [
        _column("Identity: should cost nothing", [controls["blend"]]),
        _column("Attributes: should cost", [controls[name] for name in ("yaw", "light", "mood")]),
    ]
    nothing = {"blend": 0.0, **still}
    actions = {
        "Only another person": lambda dice: {**nothing, "blend": 1.0},
        "Only the photograph": lambda dice: {**nothing, "yaw": 25.0, "light": -60.0, "mood": "laugh"},
    }
    return Explorer("Price explorer", controls, columns, draw, actions)


def _price(name: str, share: float, colour: str) -> str:
    return (
        f'<div style="margin-top:5px">{html.escape(name)} charges <b>{share:.2f}</b></div>'
        '<div style="height:8px;background:rgba(128,128,128,.25)">'
        f'<div style="height:8px;width:{100 * min(max(share, 0.0), 1.0):.0f}%;background:{colour}"></div></div>'
    )


class Matchings:
    """The generators of MATCHED, which differ in the maps that were matched, and one judge for all of them."""

    def __init__(self, device: str | torch.device | None = None):
        self.generators = {name: Generator.from_pretrained(name, device) for name in MATCHED}
        self.size = self.generators[MATCHED[0]].config.image_size
        self.device = next(self.generators[MATCHED[0]].parameters()).device
        self.recogniser = ArcFace.from_pretrained("arcface", self.device)
        self.judge = ArcFace.from_pretrained("judge", self.device)

    @torch.no_grad()
    def swap(self, name: str, source: np.ndarray, target: np.ndarray) -> np.ndarray:
        """uint8 (B, H, W, 3) and (B, H, W, 3) -> the same: swaps by the generator of that name."""
        v_source = self.recogniser.embed(source)
        return to_images(self.generators[name](to_tensor(target, self.device), v_source))

    def likeness(self, result: np.ndarray, source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The judge's cosine of each result to its source, and to its target: (B,) each."""
        v_result = self.judge.embed(result)
        return tuple(cosine(v_result, self.judge.embed(other)).cpu().numpy() for other in (source, target))


def matching_explorer() -> Explorer:
    """Move m, the first matched map, and see the swap and its scores: five generators that differ in nothing else.

    Scores by a judge that took no part in training: cosine to the source and to the target. And, because this world
    knows the true answer, how far the swap is from it within the face and outside, in grey levels.

    Raises: FileNotFoundError if the shipped weights are missing.
    """
    matchings = Matchings()

    @lru_cache(maxsize=8)
    def everything(source: int, source_shot: int, target: int, target_shot: int):
        person, other = Identity.sample(source), Identity.sample(target)
        shot, size = Shot.sample(target_shot), matchings.size
        before = render(other, shot, size)
        after = swap_truth(person, shot, size)
        image = render(person, Shot.sample(source_shot), size).image
        sources, targets = (np.stack([x] * len(MATCHED)) for x in (image, before.image))
        results = np.concatenate([matchings.swap(name, sources[:1], targets[:1]) for name in MATCHED])
        cosines = np.stack(matchings.likeness(results, sources, targets), axis=1)
        truth = np.stack([after.image] * len(MATCHED))
        inside, outside = before.mask * after.mask, (1 - before.mask) * (1 - after.mask)
        errors = [error_inside(results, truth, np.stack([mask] * len(MATCHED))) for mask in (inside, outside)]
        return image, before.image, after.image, results, cosines, np.stack(errors, axis=1)

    def draw(m, source, source_shot, target, target_shot) -> str:
        image, before, after, results, cosines, errors = everything(source, source_shot, target, target_shot)
        chosen = MATCHED.index(m)
        pictures = _figures(
            [
                ("Source", f"person {source}", image, None),
                ("Target", f"person {target}", before, None),
                (f"Swap, {called(m)}", EXPERIMENTS[m].words, results[chosen], tuple(cosines[chosen].tolist())),
                ("True answer", "rendered; no network ever saw it", after, None),
            ]
        )
        return pictures + _scores(chosen, cosines, errors)

    numbers = {
        name: _slider(
            ipywidgets.IntSlider,
            name.replace("_shot", " photo") if "shot" in name else f"{name} person",
            value=HELD_OUT + MATCHING[name],
            min=HELD_OUT,
            max=HELD_OUT + (PHOTOS if "shot" in name else PEOPLE) - 1,
        )
        for name in MATCHING
    }
    first = ipywidgets.SelectionSlider(
        description="maps matched",
        options=[(_range(name), name) for name in MATCHED],
        value=MATCHED[2],
        continuous_update=False,
        style={"description_width": "110px"},
        layout=ipywidgets.Layout(width="380px", max_width="98%"),
    )
    columns = [
        _column("Which maps were matched?", [first]),
        _column("Source", [numbers["source"], numbers["source_shot"]]),
        _column("Target", [numbers["target"], numbers["target_shot"]]),
    ]
    actions = {"Another pair": lambda dice: {name: dice.randint(c.min, c.max) for name, c in numbers.items()}}
    return Explorer("Matching explorer", {"m": first, **numbers}, columns, draw, actions)


def _range(name: str) -> str:
    config = EXPERIMENTS[name].config
    if not config.loss.wfm:
        return "none: nFM"
    return "1 to M: oFM" if config.first_map == 1 else f"{config.first_map} to M"


def _scores(chosen: int, cosines: np.ndarray, errors: np.ndarray) -> str:
    head = ("maps matched", "like the source", "like the target", "off the truth, face", "off the truth, outside")
    cells = "".join(f'<th scope="col" style="text-align:left;padding-right:14px">{words}</th>' for words in head)
    rows = []
    for i, name in enumerate(MATCHED):
        numbers = [f"{x:.2f}" for x in cosines[i]] + [f"{x:.1f}" for x in errors[i]]
        weight = "font-weight:bold;background:rgba(0,114,178,.15)" if i == chosen else ""
        inner = "".join(f'<td style="text-align:left">{words}</td>' for words in (_range(name), *numbers))
        rows.append(f'<tr style="{weight}">{inner}</tr>')
    return (
        '<table style="margin-top:10px"><caption style="text-align:left">All five for this pair; cosines by the judge, '
        f"errors in grey levels of 255</caption><thead><tr>{cells}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )
