"""A replicate for use elsewhere: raw images in, probabilities out, in one file without code."""

import warnings
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from digitbench.data.arrays import PixelStatistics
from digitbench.data.pixels import standardise
from digitbench.evaluation.trained import TrainedModel
from digitbench.models import load_weights


class Classifier(nn.Module):
    """Images [N, 28, 28], white on black, of any type with values 0..255, to probabilities [N, 10].

    It standardises inside, as training did: who uses it needs to know nothing of the statistics.
    """

    def __init__(self, network: nn.Module, statistics: PixelStatistics) -> None:
        """Put a network that gives logits between raw pixels and probabilities."""
        super().__init__()
        self.network = network
        self.statistics = statistics

    def forward(self, images: Tensor) -> Tensor:
        """Class probabilities [N, 10]."""
        # A copy: standardising works in place, and floats would be the caller's own.
        raw = images.to(torch.float32, copy=True)
        logits: Tensor = self.network(standardise(raw, self.statistics))
        return logits.softmax(dim=1)


def build_classifier(model: TrainedModel, statistics: PixelStatistics) -> Classifier:
    """The classifier of one replicate, in evaluation mode on the CPU."""
    network = load_weights(model.architecture, model.params, model.weights, str(model.path))
    # The archive wants plain weights; channels last, the order of training, is only faster.
    plain = network.to(memory_format=torch.contiguous_format)
    return Classifier(plain, statistics).eval()


def export_classifier(classifier: Classifier, example: NDArray[np.float32], path: Path) -> None:
    """Write the graph and the weights for any number of images, with torch.export.

    The file holds operators of torch and tensors: it loads without this project, and unlike a
    pickle it can't run code of its own.

    Args:
        classifier: In evaluation mode.
        example: Two images or more, [N, 28, 28]: a size of 1 would become part of the graph.
        path: Where to write; the suffix is `.pt2`.
    """
    batch = {0: torch.export.Dim.DYNAMIC}
    with warnings.catch_warnings():
        # Recurrent layers keep a list of their weights, which tracing replaces for a moment.
        warnings.filterwarnings("ignore", message="The tensor attributes .*_flat_weights")
        program = torch.export.export(
            classifier, (torch.from_numpy(example),), dynamic_shapes=[batch]
        )
        torch.export.save(program, path)
