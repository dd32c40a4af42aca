"""The generator for use instead of training: the same pictures for less work (paper 3.2)."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from simswap_lib.models.generator import Generator, check_target
from simswap_lib.models.iim import adain
from simswap_lib.models.winograd import WinogradConv2d, is_plain_3x3

Style = list[tuple[Tensor, Tensor]]  # sigma_S and mu_S, (B, C) each, of every AdaIN in turn

# From so many channels on, the matrix products of Winograd's way outweigh its passes over the windows.
WORTH_WINOGRAD = 256


class FastGenerator(nn.Module):
    """A generator whose weights no longer change, rebuilt so that a picture costs less.

        fast = FastGenerator(generator)
        style = fast.style(v_source)     # once for a source ...
        result = fast(target, style)     # ... that serves any number of targets

    - batch normalisation is folded into the convolution before it;
    - the fully connected layers of AdaIN run once for a source, not once for a picture;
    - tensors are stored channels last;
    - the last convolution, to three channels, draws 4 x 4 pixels at once, and the first one, on a GPU, 2 x 2
      (`PackedConv2d`);
    - what torch.compile makes of the bilinear doublings on a GPU counts in whole numbers (`Doubled`);
    - 3x3 convolutions on a CPU in float32 take a quarter of the multiplications (`WinogradConv2d`), for four times
      the memory.

    It is a copy in evaluation mode: later changes of `generator` do not reach it. In float32 the result is that of
    `generator.eval()` within 1e-4 in [-1, 1], a hundredth of a grey level; what a half precision adds to that,
    `python -m simswap_lib bench generator` measures.

    Args:
        generator: on any device.
        dtype: of the convolutions; a half precision pays where `training.fast_precision` says so.
        compile: hand the network to torch.compile, which takes minutes and a C++ compiler (on a GPU: Triton). On a CPU
            it gains nothing: nearly all the time goes into matrix products and convolutions.

    Shapes: target (B, 3, H, W) in [-1, 1], style of B sources or of one -> result (B, 3, H, W) in [-1, 1], float32.
    Raises: ValueError for any other shape.
    """

    def __init__(self, generator: Generator, dtype: torch.dtype = torch.float32, compile: bool = False):
        super().__init__()
        self.config, self.dtype = generator.config, dtype
        generator = copy.deepcopy(generator).eval().requires_grad_(False)
        on_cpu = next(generator.parameters()).device.type == "cpu"
        swift = _swift if on_cpu and dtype == torch.float32 else lambda convolution: convolution
        blocks = generator.injection.blocks
        self.styles = nn.ModuleList(adain.style for block in blocks for adain in (block.adain1, block.adain2))
        self.convolutions = nn.ModuleList(swift(conv) for block in blocks for conv in (block.conv1, block.conv2))
        self.encoder = _folded(generator.encoder.layers, swift)
        if not on_cpu and self.config.downs:
            self.encoder[0] = PackedConv2d(self.encoder[0], 2, gather=True)
        to_rgb = PackedConv2d(generator.decoder.to_rgb, min(4, 2**self.config.downs))
        layers = _folded(generator.decoder.layers, swift)
        if compile and not on_cpu:
            layers = [Doubled() if isinstance(layer, nn.Upsample) else layer for layer in layers]
        self.decoder = nn.Sequential(*layers, to_rgb)
        for part in (self.convolutions, self.encoder, self.decoder):
            part.to(dtype)
        self.to(memory_format=torch.channels_last)
        self._draw = torch.compile(self._network) if compile else self._network

    @torch.no_grad()
    def style(self, v_source: Tensor) -> Style:
        """sigma_S and mu_S, (B, C) each, of every AdaIN for identity vectors (B, identity_dim)."""
        if v_source.ndim != 2 or v_source.shape[1] != self.config.identity_dim:
            raise ValueError(f"Expected identity vectors (B, {self.config.identity_dim}), got {tuple(v_source.shape)}.")
        pairs = [layer(v_source).float().chunk(2, dim=1) for layer in self.styles]
        return [(1 + s, mu_s) for s, mu_s in pairs]

    @torch.no_grad()
    def forward(self, target: Tensor, style: Style) -> Tensor:
        check_target(target, self.config)
        count = len(style[0][0])
        if count not in (1, len(target)):
            raise ValueError(f"{count} sources do not fit {len(target)} targets: give as many, or one.")
        style = [(sigma_s.expand(len(target), -1), mu_s.expand(len(target), -1)) for sigma_s, mu_s in style]
        return self._draw(target, style)

    def _network(self, target: Tensor, style: Style) -> Tensor:
        feature = self.encoder(target.to(self.dtype, memory_format=torch.channels_last))  # (B, C, h, w)
        steps = list(zip(self.convolutions, style, strict=True))
        for (conv1, style1), (conv2, style2) in zip(steps[::2], steps[1::2], strict=True):
            y = F.relu(adain(conv1(feature), *style1))
            feature = feature + adain(conv2(y), *style2)
        return torch.tanh(self.decoder(feature).float())  # (B, 3, H, W)


def _folded(layers: nn.Sequential, swift: Callable[[nn.Conv2d], nn.Module]) -> nn.Sequential:
    """Encoder's or Decoder's layers with each BatchNorm inside the convolution before it."""
    parts = []
    for layer in layers:
        if isinstance(layer, nn.Sequential):  # convolution, BatchNorm, ReLU
            convolution, norm, relu = layer
            parts += [swift(fuse_conv_bn_eval(convolution, norm)), relu]
        else:
            parts.append(layer)
    return nn.Sequential(*parts)


def _swift(convolution: nn.Conv2d) -> nn.Module:
    if is_plain_3x3(convolution) and convolution.in_channels >= WORTH_WINOGRAD:
        return WinogradConv2d(convolution)
    return convolution


class PackedConv2d(nn.Module):
    """A convolution with stride 1 that yields a block of `side` x `side` pixels at each step.

        y = shuffle(conv(x)), conv with stride `side`, and the kernel of pixel (i, j) of a block shifted by (i, j)

    The kernels of a block's pixels lie in one larger kernel, zero elsewhere, with side^2 times the channels. Processors
    work on many channels at a time, and a picture has three; the zeros cost less than idle lanes. With `gather`, the
    input's blocks become channels, too, so that the convolution has stride 1. The same numbers are summed up: the
    result is that of the convolution but for the order of rounding.

    Shapes: (B, in, H, W) -> (B, out, H, W), H and W multiples of `side`.
    Raises: ValueError for a convolution with stride, dilation, groups or an even kernel, or if blocks of the input do
    not fill the larger kernel.
    Source: sub-pixel convolution, Shi et al. 2016, arXiv 1609.05158.
    """

    def __init__(self, convolution: nn.Conv2d, side: int, gather: bool = False):
        super().__init__()
        size = convolution.kernel_size[0]
        plain = convolution.stride == convolution.dilation == (1, 1) and convolution.groups == 1
        if not plain or convolution.kernel_size != (size, size) or size % 2 == 0:
            raise ValueError(f"Expected a convolution of stride 1 with an odd, square kernel, got {convolution}.")
        large = size + side - 1
        if gather and large % side:
            raise ValueError(f"A kernel of {large} x {large} cannot be cut into blocks of {side} x {side}.")
        kernel = convolution.weight.detach()
        packed = kernel.new_zeros(len(kernel), side, side, kernel.shape[1], large, large)
        for i in range(side):
            for j in range(side):
                packed[:, i, j, :, i : i + size, j : j + size] = kernel
        packed = packed.flatten(0, 2)  # (out * side^2, in, large, large)
        self.side, self.padding, self.gather = side, size // 2, gather
        self.mode = "constant" if convolution.padding_mode == "zeros" else convolution.padding_mode
        self.register_buffer("kernel", F.pixel_unshuffle(packed, side) if gather else packed)
        bias = convolution.bias
        self.register_buffer("bias", None if bias is None else bias.detach().repeat_interleave(side**2))

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, (self.padding,) * 4, self.mode)
        if self.gather:
            x = F.pixel_unshuffle(x, self.side).contiguous(memory_format=torch.channels_last)
        blocks = F.conv2d(x, self.kernel, self.bias, stride=1 if self.gather else self.side)
        return F.pixel_shuffle(blocks, self.side)


class Doubled(nn.Module):
    """Bilinear doubling, nn.Upsample(scale_factor=2, mode="bilinear"), for torch.compile.

        y[2i] = 3/4 x[i] + 1/4 x[i - 1]        y[2i + 1] = 3/4 x[i] + 1/4 x[i + 1]

    first along the height, then along the width; at the edges the outermost x counts twice. The compiler turns the
    picks below into arithmetic with whole numbers inside one kernel. Of nn.Upsample it makes a kernel that works out
    position and weight of every value anew, in floating point. Uncompiled it is the slower of the two.

    Shapes: (B, C, H, W) -> (B, C, 2 H, 2 W).
    """

    def forward(self, x: Tensor) -> Tensor:
        for dim in (2, 3):
            place = torch.arange(2 * x.shape[dim], device=x.device)
            near = place // 2
            far = (near + place % 2 * 2 - 1).clamp(0, x.shape[dim] - 1)
            x = 0.75 * x.index_select(dim, near) + 0.25 * x.index_select(dim, far)
        return x
