"""Catch, the game of Mnih et al. 2014, section 4.2: a ball falls, a paddle catches it.

The paper gives the screen (24 x 24 binary pixels), the ball (one pixel, bounces off the side walls), the paddle (two
pixels in the bottom row; left, stay, right) and the reward (at the bottom row: 1 if they overlap). The protocol here
leaves nothing open, and its draws are those of the public re-implementation that reports 89 %:

start    the ball in row 0 at x uniform in [0, side); its sideways speed is sqrt(2) sin(turn) px a frame, turn uniform
         within 45 degrees of straight down, so at most 1; the paddle's left column uniform in 0 to side - 2
frame    the player sees the screen and acts; then the paddle moves by at most one column and stays on the screen, and
         the ball falls one row and moves by its speed; walls at x = 0 and x = side mirror both its place and its speed
end      the ball reaches the bottom row after side - 1 actions: caught if its pixel, column floor(x), is the paddle's

So a player who knows the way of the ball always can be there in time. Everything is float32 and in this order, so that
`training.catch_game` plays the same games.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..core.types import GlimpseError

SIDE = 24  # [px] of the screen
TURN = math.pi / 4  # [rad] largest angle between the ball's way and straight down
ACTIONS = ("left", "stay", "right")


class Catch:
    """One game. x, dx: the ball's place and sideways speed [px, px a frame]; paddle: its left column."""

    def __init__(self, x: float, dx: float, paddle: int, side: int = SIDE) -> None:
        if side < 4 or not (0 <= x < side and abs(dx) <= 1 and 0 <= paddle <= side - 2):
            raise GlimpseError(
                f"Catch from x {x}, dx {dx}, paddle {paddle} on {side} px: expected at least 4 px, x on the screen, "
                f"a speed within 1 and the paddle's left column in 0 to {side - 2}"
            )
        self.side, self.row, self.paddle = side, 0, int(paddle)
        self.x, self.dx = np.float32(x), np.float32(dx)

    @staticmethod
    def drawn(rng: np.random.Generator, side: int = SIDE) -> Catch:
        """A fresh game."""
        x, turn, paddle = rng.random(3)
        dx = math.sqrt(2) * math.sin((2 * turn - 1) * TURN)
        return Catch(x * side, dx, int(paddle * (side - 1)), side)

    @property
    def column(self) -> int:
        """Of the ball's pixel."""
        return min(int(self.x), self.side - 1)

    @property
    def over(self) -> bool:
        """Whether the ball is in the bottom row."""
        return self.row == self.side - 1

    @property
    def landing(self) -> int:
        """The column where the ball will arrive."""
        ahead = Catch(0, 0, 0, self.side)
        ahead.x, ahead.dx, ahead.row = self.x, self.dx, self.row
        while not ahead.over:
            ahead.step(1)
        return ahead.column

    def screen(self) -> NDArray[np.uint8]:
        """(side, side), 0 or 255."""
        pixels = np.zeros((self.side, self.side), np.uint8)
        pixels[self.row, self.column] = 255
        pixels[-1, self.paddle : self.paddle + 2] = 255
        return pixels

    def step(self, action: int) -> int:
        """Act: 0 left, 1 stay, 2 right. Returns the reward: 1 where this caught the ball, else 0.

        Raises GlimpseError for another action, and after the end.
        """
        if self.over or action not in (0, 1, 2):
            raise GlimpseError(
                f"Catch: action {action} in row {self.row} of {self.side}; expected 0, 1 or 2 before the end"
            )
        self.paddle = min(max(self.paddle + int(action) - 1, 0), self.side - 2)
        self.row, self.x = self.row + 1, np.float32(self.x + self.dx)
        side = np.float32(self.side)
        if self.x < 0:
            self.x, self.dx = -self.x, -self.dx
        elif self.x > side:
            self.x, self.dx = 2 * side - self.x, -self.dx
        return int(self.over and self.column - self.paddle in (0, 1))
