"""From the bytes of an image to what a network sees."""

from torch import Tensor

from digitbench.data.arrays import PixelStatistics


def standardise(images: Tensor, statistics: PixelStatistics) -> Tensor:
    """Grey levels [B, 28, 28] to floats [B, 1, 28, 28], mean 0 and deviation 1 over all training.

    The one channel is given the stride of a last axis: that is how torch is told to keep the maps
    of a convolution channels last, which its own layout can't express for a single channel.
    """
    scaled = images.float().sub_(255 * statistics.mean).mul_(1 / (255 * statistics.std))
    return scaled.unsqueeze(-1).permute(0, 3, 1, 2)
