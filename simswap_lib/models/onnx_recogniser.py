"""Any recogniser in an ONNX file, run as it is: it judges, but no gradient flows through it (paper 3.2, 4.2)."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from simswap_lib.models.arcface import batch_of_pictures, fitted

INSTALL = 'pip install -e ".[onnx]"'
USUAL_SIZE = 112  # pixels a side that a file gets which takes any size: what the field trains with
# What exporters compute from fixed numbers alone: shapes of weights.
FIXED = ("Constant", "Identity", "Cast", "Reshape", "Transpose", "Squeeze", "Unsqueeze")
COPIES = ("Identity", "Cast", "Dropout")


class OnnxRecogniser:
    """Identity vectors from an ONNX graph (B, 3, S, S) -> (B, D), computed by onnxruntime.

    It stands wherever a recogniser only judges; to train with one, gradients have to flow through it, which only an
    `ArcFace` lets them: see `onnx_files.from_onnx`.

    device: where the vectors shall live. On CUDA, onnxruntime uses it too if it can; everything else runs on the CPU.
    Pictures are resized (bilinear, antialiased) to the size that the file asks for, to 112 if it takes any, and given
    as RGB in [-1, 1], (x - 127.5) / 127.5, as insightface does; a graph that begins with a normalisation of its own
    gets 0 to 255, or 0 to 1, whichever it normalises.

    Raises: FileNotFoundError if there is no such file; ValueError if it is damaged or maps something else;
    ImportError without the packages.
    """

    def __init__(self, path: str | os.PathLike, device: str | torch.device | None = None):
        self.graph = Graph(path)
        self.path, self.device = self.graph.path, torch.device(device or "cpu")
        self.size = self.graph.shape[2] or USUAL_SIZE
        self.range = self.graph.value_range()
        wanted = ["CUDAExecutionProvider"] if self.device.type == "cuda" else []
        _, onnxruntime = packages()
        providers = [one for one in wanted if one in onnxruntime.get_available_providers()]
        try:
            self.session = onnxruntime.InferenceSession(str(self.path), providers=[*providers, "CPUExecutionProvider"])
            vectors = self._run(torch.zeros(1, 3, self.size, self.size))
        except Exception as error:  # onnxruntime has a kind for each mishap, with Exception in common
            reason = " ".join(str(error).split())[:200]
            raise ValueError(
                f"onnxruntime cannot run {self.path} on a picture (1, 3, {self.size}, {self.size}): {reason}"
            ) from error
        if vectors.ndim != 2 or len(vectors) != 1:
            raise ValueError(
                f"{self.path} is no recogniser: expected vectors (B, D), it gives {vectors.shape} for one."
            )
        self.embedding_dim = vectors.shape[1]

    def vectors(self, images: Tensor) -> Tensor:
        """Pictures (B, 3, size, size) in [-1, 1] -> vectors (B, D) of length 1."""
        # Some files were exported for one picture at a time.
        parts = images.split(1) if self.graph.shape[0] == 1 else [images]
        return F.normalize(torch.from_numpy(np.concatenate([self._run(part) for part in parts])).float(), dim=1)

    def embed(self, images: np.ndarray | Tensor, batch: int = 64) -> Tensor:
        """Identity vectors of pictures: uint8 RGB (B, H, W, 3), or one (H, W, 3) -> (B, D) of length 1.

        Raises: ValueError for another type or shape, or for no picture at all.
        """
        return torch.cat([
            self.vectors(fitted(part.cpu().permute(0, 3, 1, 2).float() / 127.5 - 1, self.size))
            for part in batch_of_pictures(images).split(batch)
        ]).to(self.device)  # fmt: skip

    def pooled(self, images: np.ndarray | Tensor, batch: int = 64) -> Tensor:
        """Features for comparing collections of pictures: the vectors themselves, for the file shows no others."""
        return self.embed(images, batch)

    def state_dict(self) -> dict[str, Tensor]:
        """The fixed numbers of the file by name, as of any network: what a checksum of the weights is made of."""
        return {name: torch.tensor(value) for name, value in self.graph.constants.items() if value.dtype.kind in "fiu"}

    def _run(self, images: Tensor) -> np.ndarray:
        low, high = self.range
        fed = low + (images + 1) / 2 * (high - low) if self.range != (-1, 1) else images
        return self.session.run(None, {self.graph.input: fed.numpy()})[0]


class NotIResNet(ValueError):
    """The file may be a fine recogniser, but it is not built like `ArcFace`."""


def packages():
    """onnx and onnxruntime. Raises: ImportError with what to install."""
    try:
        import onnx
        import onnx.reference
        import onnxruntime
    except ImportError as error:
        raise ImportError(f"Files in ONNX format need onnx and onnxruntime: {INSTALL} ({error}).") from error
    return onnx, onnxruntime


class Graph:
    """An ONNX graph to walk along: who uses a tensor, and which numbers are fixed.

    Raises: FileNotFoundError if there is no such file; ValueError if it cannot be read, or takes something else than
    pictures (B, 3, S, S).
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        onnx, _ = packages()
        if not self.path.is_file():
            raise FileNotFoundError(f"There is no file {self.path}.")
        try:
            model = onnx.load(self.path)
            self.constants = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
        except Exception as error:  # protobuf, onnx and numpy each have their own kind
            raise ValueError(
                f"{self.path} cannot be read as ONNX: it is damaged, cut off, something else, or without the second "
                f"file in which its weights lie."
            ) from error
        if not model.graph.node:
            raise ValueError(f"{self.path} cannot be read as ONNX: there is no graph in it.")
        inputs = [one for one in model.graph.input if one.name not in self.constants]  # old files list weights, too
        if len(inputs) != 1:
            raise ValueError(f"{self.path} is no recogniser: expected one input, pictures, it has {len(inputs)}.")
        self.metadata = {one.key: one.value for one in model.metadata_props}
        self.input = inputs[0].name
        self.shape = [one.dim_value or None for one in inputs[0].type.tensor_type.shape.dim]  # None where free
        if len(self.shape) != 4 or self.shape[1] not in (3, None) or self.shape[2] != self.shape[3]:
            raise ValueError(f"{self.path} is no recogniser: expected pictures (B, 3, S, S), it takes {self.shape}.")
        self._same: dict[str, str] = {}
        self._users = defaultdict(list)
        versions = {one.domain: one.version for one in model.opset_import}
        for node in model.graph.node:
            if node.op_type in FIXED and all(name in self.constants for name in node.input):
                evaluator = onnx.reference.ReferenceEvaluator(node, opsets=versions)
                values = evaluator.run(None, {name: self.constants[name] for name in node.input})
                self.constants.update(zip(node.output, values))
            elif node.op_type in COPIES:
                self._same[node.output[0]] = self.origin(node.input[0])
            elif node.op_type != "Shape":
                for name in dict.fromkeys(map(self.origin, node.input)):
                    self._users[name].append(node)

    def origin(self, name: str) -> str:
        """The tensor of which `name` is a copy."""
        return self._same.get(name, name)

    def users(self, tensor: str) -> list:
        """The nodes that compute with this tensor."""
        return self._users.get(self.origin(tensor), [])

    def is_next(self, tensor: str, *kinds: str) -> bool:
        """Whether exactly one node uses `tensor`, and is of one of these kinds."""
        users = self.users(tensor)
        return len(users) == 1 and users[0].op_type in kinds

    def user(self, tensor: str, *kinds: str):
        """The only node that uses `tensor`. Raises: NotIResNet if it is of no such kind."""
        if not self.is_next(tensor, *kinds):
            found = " and ".join(node.op_type for node in self.users(tensor)) or "nothing"
            raise NotIResNet(f"it has {found} where that has {' or '.join(kinds)}")
        return self.users(tensor)[0]

    def number(self, name: str) -> np.ndarray:
        """A tensor that no picture changes, as float32. Raises: NotIResNet if it is none."""
        if name not in self.constants:
            raise NotIResNet(f"it computes {name!r} where that has fixed numbers")
        return np.asarray(self.constants[name], np.float32)

    def normalisation(self) -> tuple[str, np.ndarray, np.ndarray]:
        """The tensor behind the graph's own normalisation of its input, a * input + b, with float64 a and b (1 or 3,).

        A graph without one gives its input, 1 and 0.
        """
        tensor, a, b = self.input, np.ones(1), np.zeros(1)
        while self.is_next(tensor, "Sub", "Add", "Mul", "Div"):
            node = self.users(tensor)[0]
            left, right = map(self.origin, node.input)
            other, kind = right if left == self.origin(tensor) else left, node.op_type
            # c - x and c / x normalise no picture.
            if other not in self.constants or (other == left and kind in ("Sub", "Div")):
                break
            value = self.number(other).astype(np.float64).reshape(-1)
            if value.size not in (1, 3):
                break
            if kind in ("Sub", "Add"):
                b = b + (value if kind == "Add" else -value)
            else:
                value = value if kind == "Mul" else 1 / value
                a, b = a * value, b * value
            tensor = node.output[0]
        return tensor, a, b

    def value_range(self) -> tuple[float, float]:
        """The numbers for black and white. A graph with a normalisation of its own takes 0 and 255 if that divides by
        more than 10 or subtracts more than 1, else 0 and 1; every other graph takes -1 and 1.
        """
        tensor, a, b = self.normalisation()
        if tensor == self.input:
            return -1.0, 1.0
        return (0.0, 255.0) if np.abs(a).max() < 0.1 or np.abs(b / a).max() > 1 else (0.0, 1.0)
