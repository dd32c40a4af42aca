"""How weights lie on disk: float16 safetensors, the configuration with a checksum, and a card for people."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from simswap_lib import files

WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"
Module = TypeVar("Module", bound=nn.Module)


def save(module: nn.Module, folder: str | os.PathLike, card: str) -> Path:
    """Write `module` (with its frozen dataclass as `module.config`) and its model card; returns the folder.

    Floating numbers are stored as float16: half the size, and a rounding of 0.05 % that a swap does not show.
    The checksum in the configuration ties the two files together, so that a mixture of old and new is noticed.
    Raises: ValueError if a number is not finite or too large for float16, or if the card is empty.
    """
    if not card.strip():
        raise ValueError("Weights need a model card: what they are, how they were made, what they are not for.")
    state = {}
    for key, value in module.state_dict().items():
        value = value.detach().cpu().contiguous()
        if value.is_floating_point():
            value = value.half()
            if not torch.isfinite(value).all():
                raise ValueError(f"{key} holds numbers that float16 cannot: nan, infinite or beyond 65504.")
        state[key] = value
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with files.whole_file(folder / WEIGHTS) as path:
        save_file(state, path)
    description = {
        "class": type(module).__name__,
        "config": asdict(module.config),
        "sha256": files.checksum(folder / WEIGHTS),
    }
    with files.whole_file(folder / CONFIG) as path:
        path.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    with files.whole_file(folder / CARD) as path:
        path.write_text(card.strip() + "\n", encoding="utf-8")
    return folder


def load(cls: type[Module], name_or_folder: str | os.PathLike, device: str | torch.device | None = None) -> Module:
    """The module that `save` wrote, in float32 and evaluation mode on `device` (default: CPU).

    A name means `data/weights/<name>/`; anything else is the path of a folder.
    Raises: FileNotFoundError if there is no such folder or file; ValueError if the file is damaged, belongs to another
    class, or its tensors are not exactly those of the configuration.
    """
    folder = _folder(name_or_folder)
    description = _description(folder)
    if description["class"] != cls.__name__:
        raise ValueError(f"{folder} holds a {description['class']}, not a {cls.__name__}.")
    path = folder / WEIGHTS
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; get the folder again.")
    if files.checksum(path) != description["sha256"]:
        raise ValueError(f"{path} is damaged or from another version: its checksum is not the one in {CONFIG}.")
    try:
        # JSON has lists only; in a frozen configuration they were tuples.
        fields = {k: tuple(v) if isinstance(v, list) else v for k, v in description["config"].items()}
        module = build(cls, cls.Config(**fields), load_file(path))
    except (SafetensorError, AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"{folder} cannot be loaded: {error}") from error
    return module.to(device or "cpu")


def build(cls: type[Module], config: object, state: dict[str, Tensor]) -> Module:
    """`cls(config)` whose every tensor is the one in `state`, as float32, in evaluation mode.

    The module is made without memory first, so that nothing is ever left at random numbers.
    Raises: ValueError naming the first keys that are missing, unknown or of another shape.
    """
    with torch.device("meta"):
        module = cls(config)
    differences = differing_keys(module.state_dict(), state)
    if differences:
        raise ValueError(first_few(differences))
    # Copies: else training the module would change the caller's tensors, or read a file that is mapped into memory.
    state = {
        key: value.to(torch.float32 if value.is_floating_point() else value.dtype, copy=True)
        for key, value in state.items()
    }
    module.load_state_dict(state, strict=True, assign=True)
    return module.eval()


def differing_keys(expected: dict[str, Tensor], got: dict[str, Tensor]) -> list[str]:
    """One phrase for each key that is missing, unknown or of another shape; empty if all fit."""
    differences = [f"{key} is missing" for key in expected if key not in got]
    differences += [f"{key} is not expected" for key in got if key not in expected]
    differences += [
        f"{key} has shape {tuple(got[key].shape)} instead of {tuple(value.shape)}"
        for key, value in expected.items()
        if key in got and got[key].shape != value.shape
    ]
    return differences


def first_few(differences: list[str], count: int = 3) -> str:
    """The first differences as the end of a sentence, and how many more there are."""
    more = f", and {len(differences) - count} more" if len(differences) > count else ""
    return "; ".join(differences[:count]) + more + "."


def known() -> list[str]:
    """Names of the weights in the course's data folder."""
    return sorted(path.parent.name for path in (files.DATA / "weights").glob(f"*/{CONFIG}"))


def _folder(name_or_folder: str | os.PathLike) -> Path:
    for folder in (files.DATA / "weights" / name_or_folder, Path(name_or_folder)):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(
        f"There are no weights called {str(name_or_folder)!r}, and no such folder; "
        f"{files.DATA / 'weights'} has: {', '.join(known()) or 'none'}."
    )


def _description(folder: Path) -> dict:
    path = folder / CONFIG
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; {folder} is not a folder of weights.")
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        return {key: description[key] for key in ("class", "config", "sha256")}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged: it should hold class, config and sha256 as JSON.") from error
