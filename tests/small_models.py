"""Small networks of every architecture, for tests that need any network at all."""

from digitbench.params import ArchitectureParams, CnnParams, LstmParams, MlpParams, RnnParams
from digitbench.training.data import PixelStatistics

PARAMS: dict[str, ArchitectureParams] = {
    "mlp": MlpParams(hidden=(16,), dropout_hidden=0.0, dropout=0.5),
    "cnn": CnnParams(channels=(4, 8), hidden=16, dropout_maps=0.5, dropout=0.5),
    "rnn": RnnParams(hidden=16),
    "lstm": LstmParams(hidden=16),
}
STATISTICS = PixelStatistics(mean=0.13, std=0.31)
