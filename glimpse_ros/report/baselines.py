"""What other ways of looking make of the same scene: the curves beside the run's own. No ROS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..core.explorer import explore, look_at_canvas
from ..core.memory import Mosaic
from ..core.policies import make_policy
from ..core.retina import bounded
from ..core.types import Glimpse, GlimpseError, Limits, SceneModel, View
from .exploration import Curve, Exploration, rgb, rmse

RANDOM_SEEDS = 3  # one random run says little: the mean of three


def with_baselines(
    exploration: Exploration, scene: SceneModel, limits: Limits, progress: Callable[[str], None] = lambda _: None
) -> tuple[Curve, ...]:
    """The curves for `exploration.baselines`; none without truth or without a reconstruction.

    scene: a scene model of the kind that the exploration used; it is reset.
    Every curve starts with the same first view, takes as many glimpses of as many pixels, and is scored alike.
    """
    truth = exploration.evaluation_truth()
    if truth is None or exploration.truth is None or exploration.rmse() is None:
        return ()
    canvas = bounded(exploration.truth)
    first = exploration.records[0].view
    count = len(exploration.records)
    curves = []

    def run(name: str, model: SceneModel, policy: str, seeds: Sequence[int]) -> None:
        progress(name)
        try:
            runs = [_run(canvas, truth, model, policy, limits, count, seed, first) for seed in seeds]
        except GlimpseError:
            return  # a pair that makes no sense for this camera has no curve
        curves.append(Curve(name, tuple(float(value) for value in np.mean(runs, axis=0))))

    model = exploration.info.name
    seeds = [exploration.seed + k for k in range(RANDOM_SEEDS)]
    run(f"{model} + random, mean of {RANDOM_SEEDS}", scene, "random", seeds)
    mosaic = Mosaic(exploration.info.scene, exploration.info.glimpse)
    if exploration.info.family != "mosaic":
        progress("mosaic + the same glimpses")
        mosaic_errors = _replay(mosaic, (r.glimpse for r in exploration.records), truth)
        curves.append(Curve("mosaic + the same glimpses", mosaic_errors))
    if exploration.policy != "grid" or exploration.info.family != "mosaic":
        run("mosaic + grid", mosaic, "grid", [exploration.seed])
    return tuple(curves)


def _run(
    canvas: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    scene: SceneModel,
    policy: str,
    limits: Limits,
    count: int,
    seed: int,
    first: View,
) -> list[float]:
    look = look_at_canvas(canvas, scene.info.glimpse, scene.info.scene)
    chosen = make_policy(policy, "mosaic", scene.info)
    steps = explore(look, scene, chosen, limits=limits, glimpses=count, seed=seed, first=first, forced=True)
    return [rmse(rgb(s.estimate.reconstruction), truth) for s in steps if s.estimate.reconstruction is not None]


def _replay(mosaic: Mosaic, glimpses: Iterator[Glimpse], truth: NDArray[np.uint8]) -> tuple[float, ...]:
    mosaic.reset()
    return tuple(rmse(rgb(mosaic.step(g).reconstruction), truth) for g in glimpses)  # type: ignore[arg-type]
