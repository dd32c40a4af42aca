"""3x3 convolutions with a quarter of the multiplications (Winograd's minimal filtering, Lavin & Gray 2015)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TILE, WINDOW = 4, 6  # a window of 6 x 6 values yields a tile of 4 x 4 results

# The matrices of F(4, 3) for the points 0, 1, -1, 2, -2 and infinity (arXiv 1509.09308, section 4.3).
INPUT = torch.tensor(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
    dtype=torch.float64,
)  # B^T
KERNEL = (
    torch.tensor([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]], dtype=torch.float64) / 24
)  # G
RESULT = torch.tensor(
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], dtype=torch.float64
)  # A^T


class WinogradConv2d(nn.Module):
    """A 3x3 convolution of stride 1 and padding 1, worked out tile by tile:

        Y = A^T [ sum over channels of (G g G^T) * (B^T d B) ] A

    d is a 6x6 window of the input, g a kernel, Y the 4x4 results; `*` is element by element, so that the sum over
    channels becomes 36 matrix products. 36 multiplications instead of 144 for each pair of channels; the results
    differ from `nn.Conv2d` by float32 rounding, about 1e-5 of their spread. The transformed kernels take four times
    the memory of the kernels. For inference in float32; B, G and A are too uneven for less precise numbers.

    Shapes: (B, in, H, W) -> (B, out, H, W), any H and W from 2 on, stored channels last.
    Raises: ValueError for a convolution of another kind.
    Source: Lavin & Gray 2015, arXiv 1509.09308.
    """

    def __init__(self, convolution: nn.Conv2d):
        super().__init__()
        if not is_plain_3x3(convolution):
            raise ValueError(f"Expected a 3x3 convolution with stride 1 and padding 1, got {convolution}.")
        self.out_channels = convolution.out_channels
        self.mode = "constant" if convolution.padding_mode == "zeros" else convolution.padding_mode
        kernel = convolution.weight.detach().double().permute(2, 3, 1, 0)  # (3, 3, in, out)
        transformed = torch.einsum("ai,bj,ijcd->abcd", *[KERNEL.to(kernel.device)] * 2, kernel).flatten(0, 1)
        # Both sides of B^T d B (and of A^T m A) in one product with the windows flattened to 36 values.
        self.register_buffer("kernel", transformed.float())  # (36, in, out)
        self.register_buffer("before", torch.kron(INPUT, INPUT).float().to(kernel.device))  # (36, 36)
        self.register_buffer("after", torch.kron(RESULT, RESULT).float().to(kernel.device))  # (16, 36)
        self.register_buffer("bias", None if convolution.bias is None else convolution.bias.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        x = F.pad(x, (1, 1, 1, 1), self.mode)
        if height % TILE or width % TILE:
            x = F.pad(x, (0, -width % TILE, 0, -height % TILE))
        windows = x.permute(0, 2, 3, 1).unfold(1, WINDOW, TILE).unfold(2, WINDOW, TILE)  # (B, h, w, in, 6, 6)
        rows, columns = windows.shape[1:3]
        windows = windows.permute(4, 5, 0, 1, 2, 3).reshape(WINDOW**2, -1)  # (36, B * h * w * in)
        product = torch.bmm((self.before @ windows).view(WINDOW**2, -1, channels), self.kernel)  # (36, B * h * w, out)
        tiles = self.after @ product.flatten(1)  # (16, B * h * w * out)
        tiles = tiles.view(TILE, TILE, batch, rows, columns, self.out_channels).permute(2, 3, 0, 4, 1, 5)
        result = tiles.reshape(batch, rows * TILE, columns * TILE, self.out_channels)[:, :height, :width]
        if self.bias is not None:
            result += self.bias
        return result.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)  # (B, out, H, W)


def is_plain_3x3(convolution: nn.Conv2d) -> bool:
    """Whether `WinogradConv2d` can take its place."""
    return (
        convolution.kernel_size == (3, 3)
        and convolution.stride == (1, 1)
        and convolution.padding == (1, 1)
        and convolution.dilation == (1, 1)
        and convolution.groups == 1
    )
