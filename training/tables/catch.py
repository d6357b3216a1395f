"""Catch: the share of games that the exported agent wins, beside the published ones and what needs no learning."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glimpse_ros.core.bundle import load_scene
from glimpse_ros.core.explorer import explore
from glimpse_ros.core.policies import first_view, make_policy
from glimpse_ros.core.retina import sample
from glimpse_ros.core.types import Glimpse, GlimpseError, Limits, View
from glimpse_ros.datasets.catch import ACTIONS, SIDE, Catch

from . import published
from .runs import Plan, spread
from .text import Table, plus_minus

BUNDLE, GAMES, GOAL = "catch", 2000, 90.0


def catch(plan: Plan, args: argparse.Namespace) -> list[Table]:
    """Section 4.2 of "Recurrent Models of Visual Attention"."""
    games = plan.count or GAMES
    table = Table("Catch, games caught in %", ["", "caught"], BUNDLE)
    for name, figure in published.CATCH.items():
        table.rows.append([name, f"{figure:.0f}"])
    for name, policy in (("ours", "learned"), ("ours, random locations", "random")):
        started, path = time.monotonic(), plan.models / BUNDLE
        if not (path / "scene.onnx").exists():
            table.rows.append([name, "no bundle"])
            continue
        won = np.array([100 * played(path, policy, games, seed).mean() for seed in range(plan.seeds)])
        print(f"{BUNDLE} {policy}: {time.monotonic() - started:.0f} s", file=sys.stderr)
        table.rows.append([name, plus_minus(spread(won))])
    still = np.array([100 * np.mean([idle(drawn(seed, i)) for i in range(games)]) for seed in range(plan.seeds)])
    table.rows.append(["a paddle that never moves", plus_minus(spread(still))])
    table.notes.append(
        f"{games} fresh games a seed, ± over {plan.seeds} seeds of games and first locations; greedy. Goal: at least "
        f"{GOAL:g} %. The published agents played games of a like protocol, not these."
    )
    return [table]


def drawn(seed: int, number: int) -> Catch:
    """A game of the frozen test set."""
    return Catch.drawn(np.random.default_rng([2014, seed, number]))


def played(path: Path, name: str, games: int, seed: int) -> NDArray[np.bool_]:
    """Which of the games (games,) a bundle wins. Raises GlimpseError for one that plays no Catch."""
    scene = load_scene(path, "cpu", threads=1)
    info, limits = scene.info, Limits(s=scene.info.s_range)
    shapes = info.details["shapes"]
    assert isinstance(shapes, dict)
    if (info.scene.height, info.scene.width, shapes.get("classification")) != (SIDE, SIDE, (1, len(ACTIONS))):
        raise GlimpseError(
            f"{path}: scenes of {info.scene.height}x{info.scene.width} px, classification "
            f"{shapes.get('classification')}; expected {SIDE}x{SIDE} and the {len(ACTIONS)} actions of Catch"
        )
    policy = make_policy(name, str(path), info, provider="cpu", threads=1)
    won = np.zeros(games, bool)
    for i in range(games):
        game, own = drawn(seed, i), seed * 100_003 + i

        def look(view: View, game: Catch = game) -> Glimpse:
            screen = np.repeat(game.screen()[..., None], 3, 2)
            return Glimpse(*sample(screen, view, info.glimpse, info.scene.projection, info.padding))

        first = first_view(info, limits, own)
        for step in explore(look, scene, policy, limits=limits, glimpses=SIDE - 1, seed=own, first=first):
            assert step.estimate.classification is not None
            won[i] = game.step(int(step.estimate.classification.argmax()))  # the next look sees what came of it
    return won


def idle(game: Catch) -> int:
    """The reward of staying."""
    while not game.over:
        reward = game.step(ACTIONS.index("stay"))
    return reward
