"""Draw the pictures of README and data card: swaps.jpg, face-world.jpg and training.png in data/results/.

    python tools/draw_pictures.py

Rows of the first are source, target, what `simswap` makes of them, and the true answer, for held-out people in
held-out photographs, the first eight of them and not the best. The second is a contact sheet of the face world: people
down, photographs across. The third shows how the shipped weights learned, from the logs beside it.
"""

import json

import matplotlib.pyplot as plt
import numpy as np

from simswap_lib.files import DATA
from simswap_lib.provenance import Mark, write_image
from simswap_lib.swapper import FaceSwapper
from simswap_lib.world import HELD_OUT, Identity, Shot, contact_sheet, render, swap_truth

COLUMNS, SIDE = 8, 128
RECOGNISERS = {
    "arcface": ("#0072B2", "-"),
    "arcface-128": ("#009E73", "-."),
    "judge": ("#D55E00", "--"),
    "judge-128": ("#CC79A7", ":"),
}
GENERATORS = ("halfway", "simswap-64", "simswap")  # each goes on from the best moment of the one before


def swaps() -> np.ndarray:
    """uint8 RGB (4 * 128, 8 * 128, 3)."""
    swapper = FaceSwapper.from_pretrained("simswap")
    own = swapper.generator.config.image_size
    columns = []
    for i in range(COLUMNS):
        person, other = Identity.sample(HELD_OUT + i), Identity.sample(HELD_OUT + COLUMNS + i)
        shot = Shot.sample(HELD_OUT + 1000 + i)
        source = render(person, Shot.sample(HELD_OUT + 2000 + i), own).image
        target = render(other, shot, own).image
        pictures = [source, target, swapper.swap_aligned(source, target), swap_truth(person, shot, own).image]
        # Enlarged without smoothing, so that the page shows the pixels that there are.
        columns.append(np.concatenate([p.repeat(SIDE // own, 0).repeat(SIDE // own, 1) for p in pictures]))
    return np.concatenate(columns, axis=1)


def training() -> np.ndarray:
    """uint8 RGB: the recognisers' retrieval of unseen people, and the validation of the generators on their way."""
    logs = {
        name: [json.loads(line) for line in (DATA / "results" / f"{name}.jsonl").read_text().splitlines()]
        for name in (*RECOGNISERS, *GENERATORS)
    }
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for name, (colour, style) in RECOGNISERS.items():
        log = logs[name]
        left.plot([r["step"] for r in log], [100 * r["retrieval"] for r in log], style, color=colour, label=name)
    left.axhline(99, color="0.6", linewidth=1)
    left.set(xlabel="training step", ylabel="true pictures found, %", title="recognisers, unseen people")
    left.legend(frameon=False)
    log, before = [], 0
    for number, name in enumerate(GENERATORS):
        held = [r for r in logs[name] if "score" in r]
        best = max(held, key=lambda r: r["score"])["pictures"]
        log += [r | {"pictures": before + r["pictures"]} for r in held if r["pictures"] <= best]
        right.axvline(before / 1000, color="0.8", linewidth=1)
        right.text(before / 1000 + 1, 1.12 - 0.06 * number, name, color="0.4", fontsize=8, va="top")
        before += best
    for key, label, colour, style in (
        ("held_out_cos_source", "cosine to source", "#0072B2", "-"),
        ("held_out_cos_target", "cosine to target", "#D55E00", "--"),
        ("held_out_redrawn_l1", "L1 of redrawing a person", "#009E73", ":"),
    ):
        right.plot([r["pictures"] / 1000 for r in log], [r[key] for r in log], style, color=colour, label=label)
    right.set(xlabel="thousand pictures", title="generators, validation people", ylim=(0, 1.15))
    right.legend(frameon=False)
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()
    plt.close(figure)
    return pixels


def main() -> None:
    plt.switch_backend("agg")
    folder = DATA / "results"
    folder.mkdir(parents=True, exist_ok=True)
    # The captions under both pictures say what they show, so a label across one of the tiles would only hide it.
    write_image(folder / "swaps.jpg", swaps(), Mark("swap", face_world=True), visible_label=False)
    sheet = contact_sheet(range(HELD_OUT, HELD_OUT + 12), range(HELD_OUT + 12, HELD_OUT + 24), 100)
    write_image(folder / "face-world.jpg", sheet, Mark("render", face_world=True))
    write_image(folder / "training.png", training(), Mark("render", face_world=True))
    print(f"{folder}: swaps.jpg, face-world.jpg, training.png")


if __name__ == "__main__":
    main()
