"""What other ways of looking make of the same scene: the curves beside the run's own. No ROS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from ..core.explorer import explore, look_at_canvas
from ..core.memory import Mosaic
from ..core.policies import make_policy
from ..core.retina import bounded
from ..core.types import Glimpse, GlimpseError, Limits, SceneEstimate, SceneInfo, SceneModel, View
from .exploration import Curve, Exploration, rgb, rmse

RANDOM_SEEDS = 3  # one random run says little: the mean of three


def with_baselines(
    exploration: Exploration, scene: SceneModel, limits: Limits, progress: Callable[[str], None] = lambda _: None
) -> tuple[Curve, ...]:
    """The curves for `exploration.baselines`; none without truth or without a reconstruction.

    scene: a scene model of the kind that the exploration used; it is reset.
    Every curve starts with the same first view, takes as many glimpses of as many pixels, and is scored alike.
    """
    if exploration.rmse() is None:
        return ()
    first = exploration.records[0].view
    curves = []

    def run(name: str, model: SceneModel, policy: str, seeds: Sequence[int]) -> None:
        progress(name)
        try:
            runs = [_run(exploration, model, policy, limits, seed, first) for seed in seeds]
        except GlimpseError:
            return  # a pair that makes no sense for this camera has no curve
        curves.append(Curve(name, tuple(float(value) for value in np.mean(runs, axis=0))))

    model = exploration.info.name
    seeds = [exploration.seed + k for k in range(RANDOM_SEEDS)]
    run(f"{model} + random, mean of {RANDOM_SEEDS}", scene, "random", seeds)
    mosaic = Mosaic(exploration.info.scene, exploration.info.glimpse)
    if exploration.info.family != "mosaic":
        progress("mosaic + the same glimpses")
        mosaic.reset()
        curves.append(
            Curve(
                "mosaic + the same glimpses",
                _errors(exploration, (mosaic.step(r.glimpse) for r in exploration.records)),
            )
        )
    if exploration.policy != "grid" or exploration.info.family != "mosaic":
        run("mosaic + grid", mosaic, "grid", [exploration.seed])
    return tuple(curves)


def _run(
    exploration: Exploration, scene: SceneModel, policy: str, limits: Limits, seed: int, first: View
) -> tuple[float, ...]:
    info, count = scene.info, len(exploration.records)
    cameras = iter(_cameras(exploration, info))
    chosen = make_policy(policy, "mosaic", info)
    steps = explore(
        lambda view: next(cameras)(view),
        scene,
        chosen,
        limits=limits,
        glimpses=count,
        seed=seed,
        first=first,
        forced=True,
        overview=exploration.truth_at(0),
    )
    return _errors(exploration, (step.estimate for step in steps))


def _cameras(exploration: Exploration, info: SceneInfo) -> Iterator[Callable[[View], Glimpse]]:
    """What there is to see at each glimpse."""
    held, look = None, None
    for k in range(len(exploration.records)):
        truth = exploration.truth_at(k)
        assert truth is not None
        if look is None or truth is not held:
            held, look = truth, look_at_canvas(bounded(truth), info.glimpse, info.scene, info.padding)
        yield look


def _errors(exploration: Exploration, estimates: Iterable[SceneEstimate]) -> tuple[float, ...]:
    errors = []
    for k, estimate in enumerate(estimates):
        truth = exploration.evaluation_truth(k)
        assert truth is not None and estimate.reconstruction is not None
        errors.append(rmse(rgb(estimate.reconstruction), truth))
    return tuple(errors)
