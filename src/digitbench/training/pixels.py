"""From the bytes of an image to what a network sees, moved at random while it learns.

The movements are torchvision's RandomAffine, many at a time: torchvision moves all images of a call
alike, so a batch would need as many calls as it has images. Here the movements of a whole epoch are
drawn at once, and every batch takes its own: the result depends neither on the size of a batch nor
on the number of processes.
"""

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from digitbench.training.data import PixelStatistics
from digitbench.training.recipe import Augmentation


def standardise(images: Tensor, statistics: PixelStatistics) -> Tensor:
    """Grey levels [B, 28, 28] to floats [B, 1, 28, 28], mean 0 and deviation 1 over all training.

    The one channel is given the stride of a last axis: that is how torch is told to keep the maps
    of a convolution channels last, which its own layout can't express for a single channel.
    """
    scaled = images.float().sub_(255 * statistics.mean).mul_(1 / (255 * statistics.std))
    return scaled.unsqueeze(-1).permute(0, 3, 1, 2)


def draw_movements(
    augmentation: Augmentation, count: int, side: int, generator: torch.Generator
) -> Tensor:
    """Movements [count, 4] of images: degrees clockwise, pixels right, pixels down, scale.

    Shifts are whole pixels, as in torchvision.
    """
    uniform = torch.rand(count, 4, generator=generator) * 2 - 1
    reach = augmentation.shift * side
    movements = uniform * torch.tensor([augmentation.rotation, reach, reach, augmentation.zoom])
    movements[:, 1:3].round_()
    movements[:, 3] += 1
    return movements


def move(images: Tensor, movements: Tensor) -> Tensor:
    """Grey levels [B, H, H] turned and scaled about the centre, then shifted; black comes in.

    Interpolation is bilinear. The result is float32, unrounded.
    """
    side = images.shape[-1]
    angle = torch.deg2rad(movements[:, 0])
    cos, sin = angle.cos() / movements[:, 3], angle.sin() / movements[:, 3]
    # From a place in the result to the place in the image it shows; the field reaches from -1 to 1.
    shift = movements[:, 1:3] * (2 / side)
    x = torch.stack([cos, sin, -cos * shift[:, 0] - sin * shift[:, 1]], dim=1)
    y = torch.stack([-sin, cos, sin * shift[:, 0] - cos * shift[:, 1]], dim=1)
    grid = affine_grid(torch.stack([x, y], dim=1), [len(images), 1, side, side], False)
    moved = grid_sample(images.float().unsqueeze(1), grid, "bilinear", "zeros", False)
    return moved.squeeze(1)
