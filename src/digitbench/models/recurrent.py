"""What the plain recurrent network and the LSTM have in common."""

from torch import Tensor, nn


class LastStepClassifier(nn.Module):
    """Reads an image row by row, from the top; the state after the last row decides.

    Maps [B, 1, side, side] to logits [B, 10].
    """

    def __init__(self, recurrent: nn.RNN | nn.LSTM) -> None:
        """Add an output layer to a recurrent layer that takes its batch first."""
        super().__init__()
        self.recurrent = recurrent
        self.output = nn.Linear(recurrent.hidden_size, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Logits [B, 10] of images [B, 1, side, side]."""
        rows = images.squeeze(1)  # [B, side steps, side inputs]
        _, state = self.recurrent(rows)
        # The final state, not the last of all outputs: its gradient needs no array of all steps.
        last = state[0] if isinstance(state, tuple) else state  # [1, B, hidden]; LSTM: (h, c)
        logits: Tensor = self.output(last.squeeze(0))
        return logits
