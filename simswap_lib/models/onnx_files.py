"""`ArcFace` out to an ONNX file and in from one, also from insightface's files (paper 3.2; ArcFace)."""

from __future__ import annotations

import copy
import json
import math
import os
import warnings
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simswap_lib import files
from simswap_lib.models import weights
from simswap_lib.models.arcface import ArcFace, ArcFaceConfig
from simswap_lib.models.onnx_recogniser import Graph, NotIResNet, OnnxRecogniser, packages

CONFIG = "simswap_config"  # where a file of ours keeps what its graph does not show: crop and dropout
EPS = 1e-5  # what PyTorch's normalisations add to a variance
ALIKE = 1e-4  # how far the numbers of a unit vector may lie from onnxruntime's
WHOLE = (0.0, 0.0, 1.0, 1.0)


def load_recogniser(
    name_or_path: str | os.PathLike, device: str | torch.device | None = None, gradients: bool = False
) -> ArcFace | OnnxRecogniser:
    """The recogniser of `data/weights/<name>/`, of a folder of weights, or of an .onnx file; both kinds have `embed`.

    A file that `from_onnx` can read becomes an `ArcFace`, any other an `OnnxRecogniser`.

    gradients: they shall flow through it, so only an `ArcFace` will do.
    Raises: FileNotFoundError for an unknown name or file; ValueError for a damaged one, or one without gradients where
    they are needed; ImportError without onnx and onnxruntime.
    """
    if Path(name_or_path).suffix.lower() != ".onnx":
        return ArcFace.from_pretrained(name_or_path, device)
    try:
        return from_onnx(name_or_path, device)
    except NotIResNet:
        if gradients:
            raise
        return OnnxRecogniser(name_or_path, device)


def to_onnx(recogniser: ArcFace, path: str | os.PathLike, size: int | None = None) -> Path:
    """Write the recogniser, its crop and resizing included, as an ONNX file; returns the path.

    The file's input `pictures` is float32 (B, 3, size, size), RGB in [-1, 1], (x - 127.5) / 127.5 as insightface feeds
    it; its output `vectors` is (B, embedding_dim), each of length 1. B is free. The normalisations keep their
    statistics, so that `from_onnx` gives back the same network.

    size: pixels a side of the pictures; None takes the size at which nothing has to be resized.
    Raises: ValueError for a name that does not end in .onnx, or a size below 1; ImportError without the packages.
    """
    onnx, _ = packages()
    path, config = Path(path), recogniser.config
    if path.suffix.lower() != ".onnx":
        raise ValueError(f"The name of an ONNX file ends in .onnx; got {path}.")
    if size is None:
        size = config.whole_size
    if size < 1:
        raise ValueError(f"size is pixels a side, so at least 1; got {size}.")
    network = _FromPicture(copy.deepcopy(recogniser).cpu().float(), size).eval()
    with files.whole_file(path) as temporary, warnings.catch_warnings():
        # dynamo=False: the exporter that all versions of PyTorch from 2.6 on share. The newer ones call it deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network,
            (torch.zeros(2, 3, size, size),),
            str(temporary),
            input_names=["pictures"],
            output_names=["vectors"],
            dynamic_axes={"pictures": {0: "batch"}, "vectors": {0: "batch"}},
            opset_version=17,
            dynamo=False,
            do_constant_folding=False,  # keeps the normalisations, too
        )
        model = onnx.load(temporary)
        model.metadata_props.add(key=CONFIG, value=json.dumps(asdict(config)))
        onnx.save(model, temporary)
    return path


def from_onnx(path: str | os.PathLike, device: str | torch.device | None = None) -> ArcFace:
    """The `ArcFace` that an ONNX file holds: gradients flow through it, and it can be trained. In evaluation mode.

    Takes what `to_onnx` writes, and recognition files of the insightface kind (IResNet: convolution, BN, PReLU; IR
    blocks; BN, flatten, linear, BN). The graph is read by its structure, not by its names:

    - A normalisation with another epsilon keeps its values: var' + 1e-5 = var + eps.
    - Where the exporter folded a normalisation into the layer before it, ours is the identity plus that layer's bias:
      weight 1, mean 0, var 1 - 1e-5. The statistics are gone, so train such a network further in evaluation mode; in
      training mode it would normalise by the batch, which the file never did.
    - Where the graph first normalises its pictures to gain * x, x in [-1, 1], the first convolution takes the gain.

    What was read is then compared with what onnxruntime computes: two random pictures, to 1e-4.

    Raises: FileNotFoundError if there is no such file; NotIResNet (a ValueError) if the graph is built otherwise, with
    what differs; ValueError if the file is damaged; ImportError without the packages.
    Source: the IResNet of insightface's arcface_torch, Deng et al. 2019, arXiv 1801.07698.
    """
    graph = Graph(path)
    try:
        net = _read(graph)
        size = graph.shape[2] or net.config.image_size
        images = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1
        with torch.no_grad():
            theirs, ours = OnnxRecogniser(path).vectors(images), net(images)
        if theirs.shape != ours.shape or not (theirs - ours).abs().max() < ALIKE:
            raise NotIResNet("it gives other vectors than that would with its numbers")
    except NotIResNet as error:
        raise NotIResNet(
            f"{path} may judge, but nothing can be trained with it: that takes an ArcFace of the IResNet kind, and "
            f"{error}."
        ) from error
    return net.to(device or "cpu")


# ----------------------------------------------------------------------------


class _FromPicture(nn.Module):
    """The recogniser with its crop and antialiased resizing as two products, rows @ picture @ columns.

    Shapes: (B, 3, size, size) in [-1, 1] -> (B, D). Every exporter knows a product; few know that resizing.
    """

    def __init__(self, recogniser: ArcFace, size: int):
        super().__init__()
        self.recogniser = recogniser
        self.whole = recogniser.config.crop == WHOLE and recogniser.config.image_size == size
        rows, columns = _crop_and_resize(recogniser.config, size)
        self.register_buffer("rows", rows)
        self.register_buffer("columns", columns)

    def forward(self, images: Tensor) -> Tensor:
        return self.recogniser.vectors(images if self.whole else self.rows @ images @ self.columns)


def _crop_and_resize(config: ArcFaceConfig, size: int) -> tuple[Tensor, Tensor]:
    """What `ArcFace.forward` does to size x size pixels first: rows (image_size, size), columns (size, image_size)."""
    left, top, right, bottom = config.box(size, size)

    def matrix(first: int, last: int) -> Tensor:
        part = torch.eye(size)[None, None, first:last]  # (1, 1, last - first, size)
        return F.interpolate(part, (config.image_size, size), mode="bilinear", antialias=True)[0, 0]

    return matrix(top, bottom), matrix(left, right).T


def _read(graph: Graph) -> ArcFace:
    """The network along the graph. Raises: NotIResNet at the first node that is none of ours."""
    walk, stored = _Walk(graph), _stored(graph)
    tensor, a, b = graph.normalisation()
    low, high = graph.value_range()
    gain, shift = a * (high - low) / 2, a * (low + high) / 2 + b  # what it normalises to is gain * x + shift
    if np.abs(shift).max() > 1e-5:
        # The convolution pads with zeros, which are then no grey of the picture: no weight of it makes up for that.
        raise NotIResNet("its own normalisation does not map mid-grey to 0")
    crops = stored is not None and graph.is_next(tensor, "MatMul")
    if crops:
        tensor = walk.crop(tensor, stored)
    tensor, stem_stride = walk.stem(tensor, gain)
    blocks = []  # of each: the strides of its two convolutions, and whether its shortcut has one
    while len(graph.users(tensor)) > 1:
        tensor, *block = walk.block(tensor, f"stages.{len(blocks)}")
        blocks.append(block)
    if not blocks:
        raise NotIResNet("it has no IR blocks")
    cells = walk.head(tensor)

    starts = [i for i, (_, _, projected) in enumerate(blocks) if projected or i == 0]
    strides = [[first, second] for first, second, _ in blocks]
    try:
        config = ArcFaceConfig(
            image_size=round(math.sqrt(cells)) * stem_stride * math.prod(map(math.prod, strides)),
            crop=stored.crop if crops else WHOLE,
            width=len(walk.state["stem.0.weight"]),
            blocks=tuple(np.diff([*starts, len(blocks)]).tolist()),
            embedding_dim=len(walk.state["head.3.weight"]),
            stem_stride=stem_stride,
            dropout=stored.dropout if stored else 0.0,
            first_stride=math.prod(strides[0]),
            stride_in_second=any(second > 1 for _, second in strides),
        )
        net = weights.build(ArcFace, config, walk.state)
    except ValueError as error:
        raise NotIResNet(f"its layers have other sizes ({str(error).rstrip('.')})") from error
    wanted = [[block.body[1].stride[0], block.body[4].stride[0]] for block in net.stages]
    if strides != wanted:
        raise NotIResNet(f"its blocks have the strides {strides} where that has {wanted}")
    if not crops and graph.shape[2] not in (config.image_size, None):
        raise NotIResNet(f"it takes {graph.shape[2]} pixels a side where that takes {config.image_size}")
    return net


def _stored(graph: Graph) -> ArcFaceConfig | None:
    """The configuration that `to_onnx` left in the file; None in a file of others."""
    if CONFIG not in graph.metadata:
        return None
    try:
        return ArcFaceConfig(**json.loads(graph.metadata[CONFIG]))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{graph.path} is damaged: its {CONFIG} is no configuration of an ArcFace.") from error


class _Walk:
    """One pass along an IResNet. Each step puts what it read into `state`, under ArcFace's names, and returns the
    tensor behind it.
    """

    def __init__(self, graph: Graph):
        self.graph = graph
        self.state: dict[str, Tensor] = {}
        self.channels = 3

    def crop(self, tensor: str, config: ArcFaceConfig) -> str:
        rows = self.graph.user(tensor, "MatMul")
        columns = self.graph.user(rows.output[0], "MatMul")
        found = self.graph.number(rows.input[0]), self.graph.number(columns.input[1])
        wanted = _crop_and_resize(config, found[0].shape[-1])
        if any(f.shape != w.shape or np.abs(f - w.numpy()).max() > 1e-6 for f, w in zip(found, wanted)):
            raise NotIResNet("it crops or resizes pictures in another way")
        return columns.output[0]

    def stem(self, tensor: str, gain: np.ndarray) -> tuple[str, int]:
        tensor, bias, stride = self.convolution(self.graph.user(tensor, "Conv"), "stem.0", 3)
        self.state["stem.0.weight"] *= torch.tensor(gain)[:, None, None]
        return self.prelu(self.normalised(tensor, "stem.1", bias), "stem.2"), stride

    def block(self, x: str, name: str) -> tuple[str, int, int, bool]:
        users = sorted(self.graph.users(x), key=lambda node: node.op_type != "BatchNormalization")
        kinds = [node.op_type for node in users]
        if kinds not in (["BatchNormalization", "Add"], ["BatchNormalization", "Conv"]):
            raise NotIResNet(f"it has {' and '.join(kinds)} where that has BatchNormalization and a shortcut")
        tensor = self.batch_norm(users[0], f"{name}.body.0")
        tensor, bias, first = self.convolution(self.graph.user(tensor, "Conv"), f"{name}.body.1", 3)
        tensor = self.prelu(self.normalised(tensor, f"{name}.body.2", bias), f"{name}.body.3")
        tensor, bias, second = self.convolution(self.graph.user(tensor, "Conv"), f"{name}.body.4", 3)
        tensor = self.normalised(tensor, f"{name}.body.5", bias)
        shortcut, projected = x, kinds[1] == "Conv"
        if projected:
            shortcut, bias, _ = self.convolution(users[1], f"{name}.shortcut.0", 1)
            shortcut = self.normalised(shortcut, f"{name}.shortcut.1", bias)
        total = self.graph.user(tensor, "Add")
        if set(map(self.graph.origin, total.input)) != set(map(self.graph.origin, (tensor, shortcut))):
            raise NotIResNet("it adds something else to a block than its shortcut")
        return total.output[0], first, second, projected

    def head(self, tensor: str) -> int:
        """Reads to the end; returns how many cells the last features have."""
        tensor = self.normalised(tensor, "head.0", np.zeros(self.channels))
        tensor = self.graph.user(tensor, "Flatten", "Reshape").output[0]
        linear = self.graph.user(tensor, "Gemm", "MatMul")
        tensor, options = linear.output[0], self.options(linear)
        weight = self.graph.number(linear.input[1])
        weight = (weight if options.get("transB", 0) else weight.T) * options.get("alpha", 1.0)  # (D, features)
        bias = np.zeros(len(weight))
        if len(linear.input) > 2:
            bias = self.graph.number(linear.input[2]).reshape(-1) * options.get("beta", 1.0)
        elif self.graph.is_next(tensor, "Add"):
            add = self.graph.user(tensor, "Add")
            bias = self.graph.number(next(one for one in add.input if self.graph.origin(one) != tensor))
            tensor = add.output[0]
        self.keep("head.3", weight=weight, bias=bias)
        if self.graph.is_next(tensor, "Unsqueeze"):  # some exporters normalise (B, D, 1)
            tensor = self.graph.user(tensor, "Unsqueeze").output[0]
        self.normalised(tensor, "head.4", np.zeros(len(weight)))
        return weight.shape[1] // self.channels

    def convolution(self, node, name: str, side: int) -> tuple[str, np.ndarray, int]:
        """Also returns its bias and its stride."""
        weight, options = self.graph.number(node.input[1]), self.options(node)
        strides = options.get("strides", [1, 1])
        plain = options.get("group", 1) == 1 and set(options.get("dilations", [1])) == {1} and len(set(strides)) == 1
        if weight.shape[2:] != (side, side) or options.get("pads", [0] * 4) != [side // 2] * 4 or not plain:
            raise NotIResNet(f"it has another convolution where that has {side} x {side}, padded by {side // 2}")
        self.channels = len(weight)
        self.keep(name, weight=weight)
        bias = self.graph.number(node.input[2]) if len(node.input) > 2 else np.zeros(self.channels)
        return node.output[0], bias, strides[0]

    def normalised(self, tensor: str, name: str, bias: np.ndarray) -> str:
        """A normalisation where there is one, else the identity. `bias` is that of the layer before it."""
        if self.graph.is_next(tensor, "BatchNormalization"):
            return self.batch_norm(self.graph.user(tensor, "BatchNormalization"), name, bias)
        ones, zeros = np.ones(len(bias)), np.zeros(len(bias))
        self.keep(name, weight=ones, bias=bias)
        self.keep(name, running_mean=zeros, running_var=ones - EPS, num_batches_tracked=0)
        return tensor

    def batch_norm(self, node, name: str, bias: np.ndarray | float = 0.0) -> str:
        options = self.options(node)
        if options.get("training_mode", 0):
            raise NotIResNet("it was exported in training mode, so that its vectors depend on the whole batch")
        weight, shift, mean, var = (self.graph.number(one).astype(np.float64) for one in node.input[1:5])
        var = var + options.get("epsilon", 1e-5)
        kept = np.maximum(var - EPS, 0)
        # The factor is 1 unless the file's variance and epsilon together are below our epsilon.
        self.keep(name, weight=weight * np.sqrt((kept + EPS) / var), bias=shift)
        self.keep(name, running_mean=mean - bias, running_var=kept, num_batches_tracked=0)
        return node.output[0]

    def prelu(self, tensor: str, name: str) -> str:
        node = self.graph.user(tensor, "PRelu")
        slopes = self.graph.number(node.input[1]).reshape(-1)
        self.keep(name, weight=np.repeat(slopes, self.channels) if slopes.size == 1 else slopes)
        return node.output[0]

    def options(self, node) -> dict:
        onnx, _ = packages()
        return {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}

    def keep(self, name: str, **tensors: np.ndarray | int) -> None:
        self.state |= {f"{name}.{kind}": torch.tensor(value) for kind, value in tensors.items()}
