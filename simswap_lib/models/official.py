"""The published 224-pixel generators: their tensor names, and the two colour conventions they were trained with."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from simswap_lib.models import weights
from simswap_lib.models.generator import Generator, GeneratorConfig

# Both flavours have the same names and shapes, so a file does not tell which it is; the wrong one gives wrong colours.
FLAVOURS = {
    "people": "the released weights: RGB in [0, 1], tanh, then (y + 1) / 2",
    "train-224": "what the released train.py writes: ImageNet-normalised RGB in and out, no tanh",
}


class PublishedGenerator(nn.Module):
    """A `Generator` with published weights, called as the course calls its own.

    Shapes: image (B, 3, H, W) in [-1, 1], identity (B, 512) of length 1 -> result (B, 3, H, W) in [-1, 1]; H and W are
    multiples of 8. `train-224` has no bound of its own, so its result is clipped.
    """

    def __init__(self, generator: Generator, flavour: str):
        super().__init__()
        self.generator, self.flavour = generator, flavour
        # The mean and standard deviation of ImageNet's colours, RGB in [0, 1].
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406])[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225])[:, None, None], persistent=False)

    def forward(self, image: Tensor, identity: Tensor) -> Tensor:
        image = (image + 1) / 2  # [0, 1]
        if self.flavour == "people":
            return self.generator(image, identity)
        result = self.generator.linear((image - self.mean) / self.std, identity) * self.std + self.mean  # about [0, 1]
        return result.clamp(0, 1) * 2 - 1


def load_generator(
    state_dict_or_file: Mapping[str, Tensor] | str | os.PathLike,
    flavour: str = "people",
    device: str | torch.device | None = None,
) -> PublishedGenerator:
    """The published generator of a state dict, a `.pth` file or a `.safetensors` file; in evaluation mode, float32.

    Args:
        flavour: "people" for the released weights, "train-224" for those of the released train.py.
        device: where it shall live; default CPU.

    Raises: FileNotFoundError if there is no such file; ValueError for an unknown flavour, a file that is not a plain
    state dict, or one whose tensors are not exactly the published ones (the first that differ are named). Nothing is
    ever left at random numbers.
    """
    if flavour not in FLAVOURS:
        known = "; ".join(f"{name!r} ({meaning})" for name, meaning in FLAVOURS.items())
        raise ValueError(f"Unknown flavour {flavour!r}; there are {known}.")
    config = GeneratorConfig()
    if isinstance(state_dict_or_file, Mapping):
        origin, state = "This state dict", state_dict_or_file
    else:
        origin, state = str(state_dict_or_file), _read(Path(state_dict_or_file))
    names = published_names(config)
    with torch.device("meta"):
        expected = Generator(config).state_dict()
    differences = weights.differing_keys({theirs: expected[ours] for theirs, ours in names.items()}, state)
    if differences:
        raise ValueError(f"{origin} is not a published 224-pixel generator: {weights.first_few(differences)}")
    generator = weights.build(Generator, config, {ours: state[theirs] for theirs, ours in names.items()})
    return PublishedGenerator(generator, flavour).eval().to(device or "cpu")


def published_names(config: GeneratorConfig) -> dict[str, str]:
    """Each tensor's published name -> its name in `Generator`."""
    prefixes = {"first_layer.1": "encoder.layers.0.0", "first_layer.2": "encoder.layers.0.1"}
    for i in range(1, config.downs + 1):  # down1 stands next to the picture
        prefixes |= {f"down{i}.0": f"encoder.layers.{i}.0", f"down{i}.1": f"encoder.layers.{i}.1"}
    for i in range(config.blocks):
        for j in (1, 2):
            prefixes[f"BottleNeck.{i}.conv{j}.1"] = f"injection.blocks.{i}.conv{j}"
            prefixes[f"BottleNeck.{i}.style{j}.linear"] = f"injection.blocks.{i}.adain{j}.style"
    for i in range(config.downs):  # up1 stands next to the result, so the numbers run down; [2i] is the resizing
        up, ours = f"up{config.downs - i}", f"decoder.layers.{2 * i + 1}"
        prefixes |= {f"{up}.1": f"{ours}.0", f"{up}.2": f"{ours}.1"}
    prefixes["last_layer.1"] = "decoder.to_rgb"
    with torch.device("meta"):
        keys = list(Generator(config).state_dict())
    theirs = {ours: name for name, ours in prefixes.items()}
    return {f"{theirs[prefix]}.{tensor}": f"{prefix}.{tensor}" for prefix, tensor in (k.rsplit(".", 1) for k in keys)}


def _read(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        # weights_only: a pickle may run any program, this reads tensors and nothing else.
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, zipfile.BadZipFile, EOFError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"{path} cannot be read as a plain state dict (names and tensors, nothing else); "
            f"it is damaged, or holds a whole pickled module."
        ) from error
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"{path} is not a state dict: expected names and tensors, got a {type(state).__name__}.")
    return state
