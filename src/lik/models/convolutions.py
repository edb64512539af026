"""The convolutions of the paper's models that keep or halve the side.

Weights are stored, named and initialised as those of `torch.nn.Conv2d`, of which these are kinds;
only where a GPU trains them, compiled, is the arithmetic done as products of matrices (`im2col`).
Shapes: features (B, C, H, W).
"""

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from lik.models import im2col
from lik.models.upsampling import with_bias


class Conv4x4(nn.Conv2d):
    """A 4×4 stride-2 convolution with padding 1, Keras' 'same': (B, C', H / 2, W / 2)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, kernel_size=4, stride=2, padding=1)

    def forward(self, input: Tensor) -> Tensor:
        if self.training and im2col.suits(input):
            return with_bias(im2col.halve(input, self.weight), self.bias)
        return super().forward(input)


class Conv1x1(nn.Conv2d):
    """A dense layer applied at each position alike: (B, C', H, W)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, kernel_size=1)

    def forward(self, input: Tensor) -> Tensor:
        if self.training and im2col.suits(input):
            positions = F.linear(input.permute(0, 2, 3, 1), self.weight.flatten(1), self.bias)
            return positions.permute(0, 3, 1, 2)
        return super().forward(input)
