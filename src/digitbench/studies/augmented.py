"""What augmentation makes of digits, for the eye."""

import numpy as np
import torch
from numpy.typing import NDArray

from digitbench.data.augmentation import Augmentation, draw_movements, move

# Fixed: a figure needs no more than one draw.
SEED = 0


def augmented_samples(
    images: NDArray[np.uint8], augmentation: Augmentation, copies: int
) -> NDArray[np.uint8]:
    """Each image [N, 28, 28] and so many moved copies of it: [N, 1 + copies, 28, 28]."""
    count, side = len(images), images.shape[-1]
    generator = torch.Generator().manual_seed(SEED)
    movements = draw_movements(augmentation, count * copies, side, generator)
    # Copied: what is memory-mapped can't become a tensor.
    repeated = torch.from_numpy(np.repeat(np.array(images), copies, axis=0))
    moved = move(repeated, movements).round().clamp(0, 255).to(torch.uint8).numpy()
    return np.concatenate([images[:, None], moved.reshape(count, copies, side, side)], axis=1)
