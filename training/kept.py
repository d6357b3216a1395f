"""Samples that are kept and drawn again, where making one costs more than learning from it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Sample = tuple[Tensor, ...]


class Kept:
    """At most `room` samples, tuples of tensors, what is floating-point in half precision.

    A new one takes the place of any, so that what is kept is of all ages.
    """

    def __init__(self, room: int) -> None:
        self.room = room
        self.samples: list[Sample] = []

    def __len__(self) -> int:
        return len(self.samples)

    def add(self, batch: Sequence[Tensor], generator: torch.Generator) -> None:
        """batch: tensors (B, ...)."""
        for i in range(len(batch[0])):
            sample = tuple(narrow(part[i].detach().clone()) for part in batch)
            if len(self.samples) < self.room:
                self.samples.append(sample)
            else:
                self.samples[int(torch.randint(self.room, (1,), generator=generator))] = sample

    def pick(self, count: int, generator: torch.Generator) -> list[Tensor]:
        """Any `count` of them, stacked: (count, ...) each, in single precision."""
        picks = torch.randint(len(self.samples), (count,), generator=generator).tolist()
        columns = zip(*(self.samples[i] for i in picks), strict=True)
        return [torch.stack([widen(part) for part in column]) for column in columns]  # autocast stacks no halves


def narrow(part: Tensor) -> Tensor:
    """In half precision, if it is floating-point."""
    return part.half() if part.is_floating_point() else part


def widen(part: Tensor) -> Tensor:
    """In single precision, if it is floating-point."""
    return part.float() if part.is_floating_point() else part
