"""Class probabilities of every replicate, computed side by side, one thread each."""

from collections.abc import Mapping, Sequence

import joblib
import numpy as np
import torch
from numpy.typing import NDArray

from digitbench.data.arrays import PixelStatistics
from digitbench.data.pixels import standardise
from digitbench.evaluation.trained import TrainedModel
from digitbench.models import load_weights


def predict_all(
    trained: Mapping[str, Sequence[TrainedModel]],
    images: NDArray[np.uint8],
    statistics: PixelStatistics,
    batch_size: int,
) -> dict[str, NDArray[np.float32]]:
    """Probabilities [S, N, 10] per architecture, replicates in the given order.

    Threads, not processes: torch lets go of the interpreter while it computes.
    """
    models = [model for replicates in trained.values() for model in replicates]
    rows = iter(
        joblib.Parallel(n_jobs=min(len(models), joblib.cpu_count()), backend="threading")(
            joblib.delayed(_predict)(model, images, statistics, batch_size) for model in models
        )
    )
    return {name: np.stack([next(rows) for _ in group]) for name, group in trained.items()}


@torch.no_grad()
def _predict(
    model: TrainedModel, images: NDArray[np.uint8], statistics: PixelStatistics, batch_size: int
) -> NDArray[np.float32]:
    """Probabilities [N, 10] of bytes [N, 28, 28], in float32 on one thread of the CPU.

    Always the same device and arithmetic, whatever the model was trained with: an architecture
    must not win because it was measured elsewhere.
    """
    torch.set_num_threads(1)
    network = load_weights(model.architecture, model.params, model.weights, str(model.path))
    batches = torch.split(torch.from_numpy(np.array(images)), batch_size)
    logits = [network(standardise(batch, statistics)) for batch in batches]
    probabilities: NDArray[np.float32] = torch.cat(logits).softmax(dim=1).numpy()
    return probabilities
