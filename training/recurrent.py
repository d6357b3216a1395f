"""The small recurrent network that RAM, active sampling and top-down attention share, one glimpse at a time.

Mnih et al. 2014, sections 3.1 and 3.2. Sizes are the paper's, but for the location network, which has a hidden layer,
as every public re-implementation that reaches the paper's figures has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

State = tuple[Tensor, ...]  # hidden (N, core), and for an LSTM its cell (N, core)


@dataclass(frozen=True)
class RecurrentConfig:
    """Sizes. glimpse: numbers in a glimpse; core: "relu" (Mnih et al.'s RNN) or "lstm"."""

    glimpse: int
    classes: int = 10
    core: Literal["relu", "lstm"] = "relu"
    what: int = 128
    where: int = 128
    hidden: int = 256


class Recurrent(nn.Module):
    """Glimpse network, core network, location network, action network and baseline."""

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__()
        c = self.config = config
        self.what = nn.Linear(c.glimpse, c.what)
        self.where = nn.Linear(2, c.where)
        self.what_out = nn.Linear(c.what, c.hidden)
        self.where_out = nn.Linear(c.where, c.hidden)
        self.core = nn.LSTMCell(c.hidden, c.hidden) if c.core == "lstm" else nn.Linear(2 * c.hidden, c.hidden)
        self.locator = nn.Sequential(nn.Linear(c.hidden, 128), nn.ReLU(), nn.Linear(128, 2))
        self.classifier = nn.Linear(c.hidden, c.classes)
        self.baseline = nn.Linear(c.hidden, 1)
        for layer in (self.what, self.where, self.what_out, self.where_out):  # ReLU nets: He et al. 2015
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)

    def empty(self, n: int, device: torch.device | None = None) -> State:
        """The state before anything was seen: zeros, (n, hidden) each."""
        zeros = torch.zeros(n, self.config.hidden, device=device)
        return (zeros, zeros) if self.config.core == "lstm" else (zeros,)

    def forward(self, glimpse: Tensor, xy: Tensor, state: State) -> State:
        """Glimpses (N, glimpse) in [0, 1] taken at xy (N, 2) in [-1, 1] -> the next state; [0] is the hidden h_t."""
        what, where = torch.relu(self.what(glimpse)), torch.relu(self.where(xy))
        seen = torch.relu(self.what_out(what) + self.where_out(where))  # (N, hidden)
        if self.config.core == "lstm":
            return tuple(self.core(seen, state))
        return (torch.relu(self.core(torch.cat([seen, state[0]], 1))),)

    def locate(self, hidden: Tensor) -> Tensor:
        """The mean of the next location (..., 2) in (-1, 1)."""
        return torch.tanh(self.locator(hidden).float())
