"""Catch on the device: thousands of games at once, the twin of `glimpse_ros.datasets.catch`, which tells the rules."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from glimpse_ros.datasets import catch

FACTS = 9  # numbers about a game that a critic is told


@dataclass(frozen=True)
class Start:
    """What is drawn for each of B games: float32 x and dx [px, px a frame], and the paddle's left column, int64."""

    x: Tensor
    dx: Tensor
    paddle: Tensor

    @staticmethod
    def drawn(uniform: Tensor, side: int = catch.SIDE) -> Start:
        """Starts from numbers (B, 3) in [0, 1)."""
        turn = (2 * uniform[:, 1] - 1) * catch.TURN
        paddle = (uniform[:, 2] * (side - 1)).long()
        return Start(uniform[:, 0] * side, math.sqrt(2) * turn.sin(), paddle)


@dataclass(frozen=True)
class Fall:
    """The balls' whole way, which no player changes: x, dx (side, B) at each frame and the pixel's column (side, B)."""

    x: Tensor
    dx: Tensor
    column: Tensor


def fall(start: Start, side: int = catch.SIDE) -> Fall:
    """Let the balls fall from row 0 to the bottom, a row a frame."""
    x, dx = start.x, start.dx
    xs, speeds = [x], [dx]
    for _ in range(side - 1):
        x = x + dx
        off = (x < 0) | (x > side)
        x = torch.where(x < 0, -x, torch.where(x > side, 2 * side - x, x))
        dx = torch.where(off, -dx, dx)
        xs.append(x)
        speeds.append(dx)
    way = torch.stack(xs)
    return Fall(way, torch.stack(speeds), way.long().clamp(max=side - 1))


def moved(paddle: Tensor, action: Tensor, side: int = catch.SIDE) -> Tensor:
    """The paddles' left columns after actions 0 (left), 1 (stay), 2 (right)."""
    return (paddle + action - 1).clamp(0, side - 2)


def caught(column: Tensor, paddle: Tensor) -> Tensor:
    """Which balls, arrived at the bottom row in `column`, fell on the paddle."""
    return (column == paddle) | (column == paddle + 1)


def random_play(count: int, generator: torch.Generator, side: int = catch.SIDE) -> tuple[Fall, Tensor, Tensor]:
    """Games of a player who draws every action: the balls, the paddles (side - 1, B) at each frame, rewards (B,)."""
    start = Start.drawn(torch.rand(count, 3, generator=generator), side)
    balls, paddles = fall(start, side), [start.paddle]
    for action in torch.randint(3, (side - 1, count), generator=generator):
        paddles.append(moved(paddles[-1], action, side))
    return balls, torch.stack(paddles[:-1]), caught(balls.column[-1], paddles[-1]).float()


def integral(row: int, column: Tensor, paddle: Tensor, side: int = catch.SIDE) -> Tensor:
    """Integral images (B, (side + 1)^2) of the screens on 0-255, as `fovea.integral_image` makes them of pixels.

    Three pixels are lit, so the sums are comparisons: nothing is drawn. Where ball and paddle meet, one pixel is lit.
    """
    edge = torch.arange(side + 1, device=column.device)
    right = (edge[None] > column[:, None]).float() * 255  # (B, side + 1): columns right of the ball
    sums = right[:, :, None] * (edge > row)  # (B, side + 1 columns, side + 1 rows): and rows below it
    if row == side - 1:
        sums[..., side] *= (~caught(column, paddle))[:, None]
    sums[..., side] += 255.0 * (edge[None] - paddle[:, None]).clamp(0, 2)
    return sums.flatten(1)


def distance(fall: Fall, drawn: Tensor, side: int) -> Tensor:
    """Mean distance [px] between where the agent looks and where the ball then is, for the curves."""
    rows = torch.arange(1, side - 1, device=drawn.device)[:, None].expand_as(fall.x[1:-1])
    ball = torch.stack([fall.x[1:-1], rows + 0.5], -1) / side * 2 - 1
    return (drawn.clamp(-1, 1) - ball).norm(dim=-1).mean() * side / 2


def facts(fall: Fall, paddle: Tensor, frame: int, side: int) -> Tensor:
    """What the critic knows of the game from `frame` on: paddles (T, B, ...) -> (T, B, ..., FACTS), about 1 in size."""
    upto = slice(frame, frame + len(paddle))
    x, dx, landing = (
        value.view(*value.shape, *(1,) * (paddle.ndim - 2)) for value in (fall.x[upto], fall.dx[upto], fall.column[-1:])
    )
    left = torch.arange(side - 1 - frame, side - 1 - frame - len(paddle), -1, device=paddle.device).float()
    left = left.view(-1, *(1,) * (paddle.ndim - 1))
    off = landing - paddle - 0.5  # [px] between the paddle's middle and the middle of the ball's last pixel
    late = (off.abs() - 0.5 - left).clamp(-3, 3)  # above 0: cannot be caught any more
    now = x - paddle - 1
    rows = [left / side, x / side, dx, paddle / side, off / side, off.clamp(-3, 3), late, now / side, now.clamp(-3, 3)]
    return torch.stack(torch.broadcast_tensors(*rows), -1)
