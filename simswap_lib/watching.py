"""Watching a run: a strip of swaps beside their true answers, and a figure that grows while it trains.

Nothing here decides anything: training neither imports this file nor sees a true answer.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from simswap_lib import figures
from simswap_lib.evaluation import error_inside
from simswap_lib.files import to_images, to_tensor
from simswap_lib.models.onnx_files import load_recogniser
from simswap_lib.photographs import shot_seed
from simswap_lib.provenance import Mark, write_image
from simswap_lib.world import HELD_OUT, Identity, Shot, render, swap_truth

STRIP = "strip.png"
FIRST = HELD_OUT + 600  # people of the strip: neither those of the validation nor those of the evaluation


class Strip:
    """A fixed strip of held-out swaps: sources, targets, results and true answers, one below the other.

    Called with a generator and a run folder it redraws `strip.png` there and returns how far the results are from the
    truth: `error_to_truth`, grey levels of 255 inside the face, and `error_over_copy`, the same divided by the error of
    leaving the targets as they are.
    """

    def __init__(self, size: int, recogniser: str = "arcface", count: int = 8):
        people = [Identity.sample(FIRST + i) for i in range(2 * count)]
        shots = [Shot.sample(shot_seed(FIRST + i, 0)) for i in range(2 * count)]
        render_at = min(max(size, 32), 512)
        before = [render(person, shot, render_at) for person, shot in zip(people, shots, strict=True)]
        after = [swap_truth(person, shot, render_at) for person, shot in zip(people, shots[count:], strict=False)]
        self.source = np.stack([rendering.image for rendering in before[:count]])
        self.target = np.stack([rendering.image for rendering in before[count:]])
        self.truth = np.stack([rendering.image for rendering in after])
        masks = zip(before[count:], after, strict=True)
        self.mask = np.stack([b.mask * a.mask for b, a in masks])
        self.vectors = load_recogniser(recogniser).embed(self.source)
        self.copy = float(np.nanmean(error_inside(self.target, self.truth, self.mask)))

    @torch.no_grad()
    def __call__(self, generator: nn.Module, folder: str | Path) -> dict[str, float]:
        device = next(generator.parameters()).device
        result = to_images(generator(to_tensor(self.target, device), self.vectors.to(device)).float().cpu())
        rows = [self.source, self.target, result, self.truth]
        picture = np.concatenate([np.concatenate(list(row), axis=1) for row in rows])
        write_image(Path(folder) / STRIP, picture, Mark("swap", face_world=True))
        error = float(np.nanmean(error_inside(result, self.truth, self.mask)))
        return {"error_to_truth": error, "error_over_copy": error / self.copy}


class LiveFigure:
    """`train(..., on_log=LiveFigure(run_folder))`: curves and strip in a notebook, drawn anew with each record."""

    def __init__(self, folder: str | Path):
        self.folder, self.records, self.handle = Path(folder), [], None

    def __call__(self, record: dict) -> None:
        from IPython.display import display

        self.records.append(record)
        alt = self.told()
        shown = {"image/jpeg": figures.encoded(self.figure(), "jpeg"), "text/plain": f"[figure] {alt}"}
        words = {"raw": True, "metadata": {"image/jpeg": {"alt": alt}}}
        if self.handle is None:
            self.handle = display(shown, display_id=True, **words)
        else:
            self.handle.update(shown, **words)

    def told(self) -> str:
        """The figure in words: where each curve stands now."""
        record = {name: value for one in self.records for name, value in one.items()}
        names = ("identity", "reconstruction", "wfm", "critic", "cos_source", "cos_target", "error_over_copy")
        values = ", ".join(f"{name} {record[name]:.2f}" for name in names if name in record)
        return f"Curves of a training run after {record['pictures']:,} pictures, now at {values}; below, swaps."

    def figure(self) -> Figure:
        """Losses, cosines and the error to the truth over the pictures seen, with the strip below."""
        picture = self.folder / STRIP
        figure, axes = plt.subplot_mosaic(
            [["losses", "cosines", "error"], ["strip"] * 3], figsize=(7.6, 4.4), height_ratios=(1, 1.1)
        )
        self._line(axes["losses"], "identity", "identity", figures.SOURCE)
        self._line(axes["losses"], "reconstruction", "reconstruction", figures.INK)
        self._line(axes["losses"], "wfm", "feature matching", figures.GREY, "--")
        self._line(axes["losses"], "critic", "critic", figures.TARGET, ":")
        self._line(axes["cosines"], "cos_source", "result to source", figures.SOURCE)
        self._line(axes["cosines"], "cos_target", "result to target", figures.TARGET, "--")
        self._line(axes["error"], "error_over_copy", "in the face, of a copy's", figures.RESULT)
        for name, title in (("losses", "losses"), ("cosines", "cosine"), ("error", "error to the true answer")):
            axes[name].set_title(title)
            axes[name].set_xlabel("pictures seen")
            if axes[name].lines:
                figures.legend_above(axes[name], columns=1, share=1.0 if name == "losses" else 0.4)
        axes["strip"].axis("off")
        if picture.exists():
            axes["strip"].imshow(plt.imread(picture))
            axes["strip"].set_title("from above: source, target, result, true answer", fontsize=9)
        figure.tight_layout()
        return figure

    def _line(self, axis, name: str, label: str, colour: str, line: str = "-") -> None:
        points = [(record["pictures"], record[name]) for record in self.records if name in record]
        if points:
            marker = "o" if len(points) < 4 else ""  # a single point has no line
            axis.plot(*zip(*points, strict=True), line, marker=marker, label=label, color=colour)
