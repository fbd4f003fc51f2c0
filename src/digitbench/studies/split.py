"""The split of a study: as its paper held images out and scaled pixels."""

import numpy as np
from numpy.typing import NDArray

from digitbench.data.arrays import PixelStatistics
from digitbench.data.splits import pixel_statistics, random_split, stratified_split
from digitbench.studies.params import SplitParams

# Leaves pixels between 0 and 1.
_UNIT = PixelStatistics(mean=0.0, std=1.0)


def split_and_scale(
    images: NDArray[np.uint8], labels: NDArray[np.uint8], params: SplitParams
) -> tuple[NDArray[np.int64], NDArray[np.int64], PixelStatistics]:
    """Sorted training and validation indices of images [N, 28, 28], and the scale of pixels."""
    if params.method == "stratified":
        train, validation = stratified_split(labels, params.validation_share, params.seed)
    else:
        train, validation = random_split(len(labels), params.validation_share, params.seed)
    if params.pixels == "unit":
        return train, validation, _UNIT
    return train, validation, pixel_statistics(images[train])
