"""One step of the loop, without ROS: retina, scene model with its decoders, policy.

Episodes of different inputs take turns, and each has a 1st and a 50th glimpse: a machine that slows down or speeds up
meanwhile does so for all of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..core.bundle import BundleError, find_bundle, load_scene
from ..core.policies import first_view, make_policy
from ..core.retina import bounded, canvas_for, sample
from ..core.types import Episode, Glimpse, Limits, Policy, SceneModel, View
from ..progress import Progress
from .figures import Figure, Settings, median, percentile
from .scenery import picture

Image = NDArray[np.uint8]
SIZES = {"1 MP": (724, 1448), "8 MP": (2000, 4000), "32 MP": (4000, 8000)}  # height, width [px]
RESIZE = {"1 MP": 2.0, "8 MP": 18.0, "32 MP": 36.0}  # goals [ms]
STEP = 25.0  # goal [ms]
STREET, STREET_STEP = "models/street", 40.0  # its goal [ms], with its classes
STREET_SIZE = (480, 640)  # height, width [px] of a wide camera's image
ZOOM, ZOOM_STEP, ZOOM_POLICY, ZOOM_EPISODE = "models/adaglimpse", 20.0, 1.0, 200.0  # its goals [ms]
LONG = 100  # glimpses of its episodes, to see that none costs more than the first
SAME = (0.9, 1.1)  # what counts as equal
REPEATS = 10  # of a resize


def measure(settings: Settings, say: Progress) -> list[Figure]:
    """The figures."""
    scene = load_scene(settings.model, settings.provider)
    policy = make_policy(settings.policy, settings.model, scene.info, settings.provider)
    say("inputs of 1, 8 and 32 megapixels")
    inputs = {name: picture(*size) for name, size in SIZES.items()}
    ways: dict[str, Callable[[Image], Image]] = {
        "resized once": bounded,
        "in the scene node": partial(canvas_for, scene=scene.info.scene),
    }
    resizes: dict[tuple[str, str], list[float]] = {(way, name): [] for way in ways for name in inputs}
    for repeat in range(min(REPEATS, 2 * settings.rounds)):
        for (way, name), times in resizes.items():
            say("resizing", repeat + 1, REPEATS)
            times.append(milliseconds(partial(ways[way], inputs[name])))
    canvases = {name: canvas_for(image, scene.info.scene) for name, image in inputs.items()}
    inputs.clear()

    turns: dict[str, list[list[Turn]]] = {name: [] for name in canvases}
    episode(canvases["1 MP"], scene, policy, min(5, settings.glimpses))  # caches and allocators
    for round_ in range(settings.rounds):
        for name, canvas in canvases.items():
            say("steps: episode", sum(map(len, turns.values())) + 1, len(turns) * settings.rounds)
            turns[name].append(episode(canvas, scene, policy, settings.glimpses, seed=round_))
    every = [turn for episodes in turns.values() for one in episodes for turn in one]
    firsts = [one[0].total for episodes in turns.values() for one in episodes]
    lasts = [one[-1].total for episodes in turns.values() for one in episodes]
    totals = {name: [turn.total for one in episodes for turn in one] for name, episodes in turns.items()}
    decoded, plain = decoders(scene, canvases["1 MP"], 10 * settings.rounds)

    found = [Figure("a step, median", median([t.total for t in every]), "ms", high=STEP, note=shares(every))]
    found += [Figure("a step, 95 of 100", percentile([t.total for t in every], 0.95), "ms")]
    found += [Figure(f"a step, input of {n}, median", median(t), "ms", high=STEP) for n, t in totals.items()]
    found += [
        Figure("  32 MP over 1 MP", median(totals["32 MP"]) / median(totals["1 MP"]), "", *SAME),
        Figure("the 1st glimpse, median", median(firsts), "ms", high=STEP),
        Figure(f"the {settings.glimpses}th glimpse, median", median(lasts), "ms", high=STEP),
        Figure(f"  {settings.glimpses}th over 1st", median(lasts) / median(firsts), "", *SAME),
        Figure("scene model with decoders, median", median(decoded), "ms"),
        Figure("scene model without, median", median(plain), "ms"),
        Figure("  without over with", median(plain) / median(decoded), ""),
    ]
    for (way, name), times in resizes.items():
        found.append(Figure(f"{name} {way}, median", median(times), "ms", high=RESIZE[name]))
    return found + street(settings, say) + zoom(settings, say)


def warm(bundle: str, settings: Settings, size: tuple[int, int]) -> tuple[SceneModel, Policy, Image, int] | None:
    """A bundle's two graphs, run a few times, a canvas of a picture of `size`, its budget; None where there is none."""
    try:
        model = str(find_bundle(bundle))
    except BundleError:
        return None
    scene = load_scene(model, settings.provider)
    policy = make_policy("learned", model, scene.info, settings.provider)
    canvas, glimpses = canvas_for(picture(*size), scene.info.scene), int(str(scene.info.details["glimpses"]))
    episode(canvas, scene, policy, min(5, glimpses))
    return scene, policy, canvas, glimpses


def street(settings: Settings, say: Progress) -> list[Figure]:
    """A step of the bundle for wide cameras, with its classes; nothing where there is none."""
    opened = warm(STREET, settings, STREET_SIZE)
    if opened is None:
        return []
    scene, policy, canvas, glimpses = opened
    turns = []
    for round_ in range(3 * settings.rounds):
        say(f"steps of {STREET}: episode", round_ + 1, 3 * settings.rounds)
        turns += episode(canvas, scene, policy, glimpses, seed=round_)
    return [
        Figure(
            f"a step of {STREET}, median", median([t.total for t in turns]), "ms", high=STREET_STEP, note=shares(turns)
        )
    ]


def zoom(settings: Settings, say: Progress) -> list[Figure]:
    """Long episodes of the bundle that chooses place and zoom, and its own budget's; nothing where there is none."""
    opened = warm(ZOOM, settings, SIZES["1 MP"])
    if opened is None:
        return []
    scene, policy, canvas, budget = opened
    episodes = []
    for round_ in range(2 * settings.rounds):
        say(f"steps of {ZOOM}: episode", round_ + 1, 2 * settings.rounds)
        episodes.append(episode(canvas, scene, policy, LONG, seed=round_))
    every = [turn for one in episodes for turn in one]
    first, last = (median([one[i].total for one in episodes]) for i in (0, -1))
    whole = median([sum(turn.total for turn in one[:budget]) for one in episodes])
    return [
        Figure(f"a step of {ZOOM}, 1st glimpse, median", first, "ms", high=ZOOM_STEP, note=shares(every)),
        Figure(f"a step of {ZOOM}, {LONG}th, median", last, "ms", high=ZOOM_STEP),
        Figure(f"  {LONG}th over 1st", last / first, "", *SAME),
        Figure(f"policy of {ZOOM}, median", median([turn.policy for turn in every]), "ms", high=ZOOM_POLICY),
        Figure(f"{budget} glimpses of {ZOOM}, every output, median", whole, "ms", high=ZOOM_EPISODE),
    ]


def shares(turns: list[Turn]) -> str:
    """The parts of a step, medians [ms]."""
    return ", ".join(
        f"{part} {median([getattr(t, part) for t in turns]):.1f}" for part in ("retina", "scene", "policy")
    )


class Turn:
    """Milliseconds of one step."""

    def __init__(self, began: float, seen: float, believed: float, decided: float) -> None:
        self.retina = (seen - began) * 1e3
        self.scene = (believed - seen) * 1e3
        self.policy = (decided - believed) * 1e3
        self.total = (decided - began) * 1e3


def episode(canvas: Image, scene: SceneModel, policy: Policy, glimpses: int, seed: int = 0) -> list[Turn]:
    """Explore a canvas from an empty memory on; the times of every step."""
    info = scene.info
    limits = Limits(s=info.s_range)
    first = first_view(info, limits, seed)
    scene.reset()
    policy.reset(Episode(limits, glimpses, first, info.scene, seed))
    view = policy.decide(scene.empty(), None).view
    turns = []
    for _ in range(glimpses):
        began = time.perf_counter()
        glimpse = look(canvas, view, scene)
        seen = time.perf_counter()
        estimate = scene.step(glimpse)
        believed = time.perf_counter()
        view = policy.decide(estimate, glimpse.view).view
        turns.append(Turn(began, seen, believed, time.perf_counter()))
    return turns


def look(canvas: Image, view: View, scene: SceneModel) -> Glimpse:
    """A glimpse of the canvas."""
    padding = str(scene.info.details.get("padding", "clamp"))
    return Glimpse(*sample(canvas, view, scene.info.glimpse, scene.info.scene.projection, padding))


def decoders(scene: SceneModel, canvas: Image, pairs: int) -> tuple[list[float], list[float]]:
    """Milliseconds of steps with and without the decoders, in turns."""
    glimpse = look(canvas, View(0.0, 0.0, scene.info.s_range[1]), scene)
    scene.reset()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(pairs):
        for decode, taken in ((True, times[0]), (False, times[1])):
            taken.append(milliseconds(partial(scene.step, glimpse, decode)))
    return times


def milliseconds(work: Callable[[], object]) -> float:
    """That it takes."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e3
