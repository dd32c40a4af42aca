"""Draw the pictures of the README: data/results/swaps.jpg and data/results/face-world.jpg.

    python tools/draw_pictures.py

Rows of the first are source, target, what `simswap` makes of them, and the true answer, for held-out people in
held-out photographs, the first eight of them and not the best. The second is a contact sheet of the face world: people
down, photographs across.
"""

import numpy as np

from simswap_lib.files import DATA
from simswap_lib.provenance import Mark, write_image
from simswap_lib.swapper import FaceSwapper
from simswap_lib.world import HELD_OUT, Identity, Shot, contact_sheet, render, swap_truth

COLUMNS, SIDE = 8, 128


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


def main() -> None:
    folder = DATA / "results"
    folder.mkdir(parents=True, exist_ok=True)
    # The captions under both pictures say what they show, so a label across one of the tiles would only hide it.
    write_image(folder / "swaps.jpg", swaps(), Mark("swap", face_world=True), visible_label=False)
    sheet = contact_sheet(range(HELD_OUT, HELD_OUT + 7), range(HELD_OUT, HELD_OUT + 9), SIDE)
    write_image(folder / "face-world.jpg", sheet, Mark("render", face_world=True))
    print(f"{folder}: swaps.jpg, face-world.jpg")


if __name__ == "__main__":
    main()
