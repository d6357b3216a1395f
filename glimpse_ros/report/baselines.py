"""What other ways of looking make of the same scene: the curves beside the run's own. No ROS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from ..core.explorer import explore, look_at_canvas
from ..core.memory import Mosaic
from ..core.policies import make_policy
from ..core.retina import bounded, canvas_for
from ..core.types import Glimpse, GlimpseError, Limits, SceneEstimate, SceneInfo, SceneModel, View
from .exploration import Curve, Exploration, rgb, rmse

RANDOM_SEEDS = 3  # one random run says little: the mean of three


def with_baselines(
    exploration: Exploration, scene: SceneModel, limits: Limits, progress: Callable[[str], None] = lambda _: None
) -> tuple[Curve, ...]:
    """The curves for `exploration.baselines`; none without truth or without a reconstruction.

    scene: a scene model of the kind that the exploration used; it is reset.
    Every curve starts with the same first view, takes as many glimpses of as many pixels, and is scored alike; of
    frames that were explored one by one, each.
    """
    if exploration.rmse() is None:
        return ()
    curves = []

    def run(name: str, model: SceneModel, policy: str, seeds: Sequence[int]) -> None:
        progress(name)
        try:
            runs = [_errors(exploration, _explored(exploration, model, policy, limits, seed)) for seed in seeds]
        except GlimpseError:
            return  # a pair that makes no sense for this camera has no curve
        curves.append(Curve(name, tuple(float(value) for value in np.mean(runs, axis=0))))

    model = exploration.info.name
    seeds = [exploration.seed + k for k in range(RANDOM_SEEDS)]
    run(f"{model} + random, mean of {RANDOM_SEEDS}", scene, "random", seeds)
    mosaic = Mosaic(exploration.info.scene, exploration.info.glimpse)
    if exploration.info.family != "mosaic":
        progress("mosaic + the same glimpses")
        curves.append(Curve("mosaic + the same glimpses", _errors(exploration, _again(exploration, mosaic))))
    if exploration.policy != "grid" or exploration.info.family != "mosaic":
        run("mosaic + grid", mosaic, "grid", [exploration.seed])
    return tuple(curves)


def _again(exploration: Exploration, model: SceneModel) -> Iterator[SceneEstimate]:
    """What a model makes of the glimpses that were taken."""
    for k, record in enumerate(exploration.records):
        if k in exploration.starts:
            model.reset()
        yield model.step(record.glimpse)


def _explored(
    exploration: Exploration, scene: SceneModel, policy: str, limits: Limits, seed: int
) -> Iterator[SceneEstimate]:
    """What a model makes of glimpses that another policy chooses."""
    cameras, chosen = _cameras(exploration, scene.info), make_policy(policy, "mosaic", scene.info)
    ends = (*exploration.starts[1:], len(exploration.records))
    for frame, (start, end) in enumerate(zip(exploration.starts, ends, strict=True)):
        steps = explore(
            lambda view: next(cameras)(view),
            scene,
            chosen,
            limits=limits,
            glimpses=end - start,
            seed=seed + frame,
            first=exploration.records[start].view,
            forced=True,
            overview=exploration.truth_at(start),
        )
        yield from (step.estimate for step in steps)


def _cameras(exploration: Exploration, info: SceneInfo) -> Iterator[Callable[[View], Glimpse]]:
    """What there is to see at each glimpse."""
    held, look = None, None
    for k in range(len(exploration.records)):
        truth = exploration.truth_at(k)
        assert truth is not None
        if look is None or truth is not held:
            canvas = canvas_for(truth, info.scene) if info.scene.projection == "planar" else bounded(truth)
            held, look = truth, look_at_canvas(canvas, info.glimpse, info.scene, info.padding)
        yield look


def _errors(exploration: Exploration, estimates: Iterable[SceneEstimate]) -> tuple[float, ...]:
    errors = []
    for k, estimate in enumerate(estimates):
        truth = exploration.evaluation_truth(k)
        assert truth is not None and estimate.reconstruction is not None
        errors.append(rmse(rgb(estimate.reconstruction), truth))
    return tuple(errors)
