"""CUDA graphs: the kernels that a function starts are recorded once and from then on started all together."""

from collections.abc import Callable

import torch
from torch import Tensor

WARM_UP = 3  # calls before recording, in which libraries choose their algorithms and optimisers make their state


class Recorded:
    """`function` of tensors on a CUDA device, recorded for each combination of shapes and replayed from then on.

    A step of a small network is thousands of short kernels, and Python needs longer to start them than the GPU to
    compute them. A replay starts them all at once. What the function does to tensors that outlive it, such as weights
    and the state of an optimiser made with `capturable=True`, happens at every replay; what Python does happens only
    when it is recorded. So it must not read back from the device, nor decide anything by a number that changes.

    inputs: tensors, or None. Returns a dictionary of tensors, as the function does; they are copies.
    Source: https://pytorch.org/blog/accelerating-pytorch-with-cuda-graphs/
    """

    def __init__(self, function: Callable[..., dict[str, Tensor]]):
        self.function = function
        self.calls: dict[tuple, int] = {}
        self.graphs: dict[tuple, tuple[torch.cuda.CUDAGraph, list[Tensor | None], dict[str, Tensor]]] = {}

    def __call__(self, *inputs: Tensor | None) -> dict[str, Tensor]:
        kind = tuple(None if x is None else (x.shape, x.dtype, x.stride()) for x in inputs)
        self.calls[kind] = self.calls.get(kind, 0) + 1
        if self.calls[kind] <= WARM_UP:
            # On a stream of its own, as recording will be, so that nothing is left to be set up then.
            stream, current = torch.cuda.Stream(), torch.cuda.current_stream()
            stream.wait_stream(current)
            with torch.cuda.stream(stream):
                result = self.function(*inputs)
            current.wait_stream(stream)
            return result
        if kind not in self.graphs:
            kept = [None if x is None else x.clone() for x in inputs]
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self.graphs[kind] = graph, kept, self.function(*kept)
        graph, kept, result = self.graphs[kind]
        for mine, given in zip(kept, inputs, strict=True):
            if given is not None:
                mine.copy_(given, non_blocking=True)
        graph.replay()
        return {name: value.clone() for name, value in result.items()}
