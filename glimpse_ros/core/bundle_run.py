"""A bundle's graphs at work: `scene.onnx` as a `SceneModel`, `policy.onnx` as a `Policy`. State is carried here.

No step changes anything unless the graph's whole answer is finite.

The overview of a scene graph that takes one is fed twice. Before the first glimpse, for `empty`: with glimpse and view
all zeros (s = 0 tells the graph that nothing was seen yet) and states of zero, of which only the answer is kept, the
belief that a policy with first_view "policy" chooses the first view from. Then again with the first glimpse, whose
states are carried. At every later step it is zeros; so are they all where the camera cannot give an overview.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bundle_check import POLICY_MAPS, check_policy, scene_info
from .bundle_graph import Arrays, Graph, GraphNaNError
from .scene_frame import clamp_view, overlap
from .types import Decision, Episode, Glimpse, GlimpseError, Limits, SceneEstimate, SceneInfo, View

FLAT_MAPS = frozenset({"uncertainty", "attention"})  # (1, 1, h, w) in the graph, (h, w) in the estimate
_SLACK = 1e-3  # float32 rounding of a view at the scene's edge, of a colour at its range's

SHARPNESS = "state_sharpness"  # states named so fade in `forget`


class OnnxScene:
    """A `SceneModel` whose step is `scene.onnx`. Not for two threads at once."""

    def __init__(self, graph: Graph) -> None:
        self.info: SceneInfo = scene_info(graph)
        self._graph = graph
        self._zeros = {name: np.zeros(t.shape, t.dtype) for name, t in graph.states().items()}
        self._shape = graph.inputs["glimpse"].shape[1:]
        self._fetch = {
            True: [*(f"next_{name}" for name in self._zeros), "belief", *sorted(self.info.outputs)],
            False: [*(f"next_{name}" for name in self._zeros), "belief"],
        }
        overview = graph.inputs.get("overview")
        self._no_overview = None if overview is None else np.zeros(overview.shape, np.float32)
        self._empty = _empty(self.info)
        self.reset()
        self.warm_up()

    @property
    def overview_size(self) -> tuple[int, int] | None:
        """(h, w) of the coarse look that the graph takes at its first step; None: it takes none."""
        return None if self._no_overview is None else (self._no_overview.shape[2], self._no_overview.shape[3])

    def reset(self) -> None:
        """Forget everything, an overview too."""
        self._state: Arrays = dict(self._zeros)
        self._overview: NDArray[np.float32] | None = None  # (1, 3, h, w), until the next step

    def set_overview(self, image: NDArray[np.float32]) -> None:
        """The coarse look, float32 (3, h, w) RGB in [0, 1], for `empty` and the next step; its pixels are counted."""
        if self._no_overview is None:
            raise GlimpseError(f"{self.info.name}: an overview was given, but the model takes none")
        self._overview = _unit_range(image, self._no_overview.shape[1:], f"{self.info.name}: overview")[None]

    def step(self, glimpse: Glimpse, decode: bool = True) -> SceneEstimate:
        """Take one glimpse in.

        Raises GlimpseError where the glimpse does not fit, GraphNaNError where the graph's answer is not finite,
        BundleError where it fails; the memory is then as it was before.
        """
        pixels = _unit_range(glimpse.pixels, self._shape, f"{self.info.name}: glimpse")
        feeds = self._feeds(pixels[None], glimpse.view.array(), self._state, decode)
        out = self._graph.run(feeds, self._fetch[decode])
        self._state = {name: out[f"next_{name}"] for name in self._zeros}
        self._overview = None
        return self._estimate(out)

    @property
    def fades(self) -> bool:
        """Whether `forget` can work: the graph has a state whose name begins with state_sharpness."""
        return any(name.startswith(SHARPNESS) for name in self._zeros)

    def forget(self, rate: float) -> None:
        """Let the memory fade: sharpness falls by the share `rate`, so that newer looks win over older ones."""
        for name in self._zeros:
            if name.startswith(SHARPNESS):
                self._state[name] = self._state[name] * np.float32(1.0 - rate)

    def empty(self) -> SceneEstimate:
        """What is believed before any glimpse: what the overview tells, where one was set for the next step; else the
        stored belief (zeros where there is none), and maps that know nothing.

        Raises as `step` does, where there is an overview; the memory stays as it is.
        """
        if self._overview is None:
            return self._empty
        return self._estimate(self._graph.run(self._nothing(True), self._fetch[True]))

    def warm_up(self) -> None:
        """Run both ways once and check the shapes that come out; the memory stays as it is."""
        pixels, view = np.zeros((1, *self._shape), np.float32), View(0.0, 0.0, self.info.s_range[1])
        for decode in (True, False):
            self._graph.try_out(self._feeds(pixels, view.array(), self._state, decode))
        if self._no_overview is not None:
            self._graph.try_out(self._nothing(True))

    def _estimate(self, out: Arrays) -> SceneEstimate:
        maps = {name: out[name][0] for name in self.info.outputs if name in out}
        for name in FLAT_MAPS & maps.keys():
            maps[name] = maps[name][0]
        return SceneEstimate(belief=out["belief"][0], **maps)

    def _nothing(self, decode: bool) -> Arrays:
        """An overview at most: no `View` has the s of 0 that says so."""
        pixels, view = np.zeros((1, *self._shape), np.float32), np.zeros((1, 3), np.float32)
        return self._feeds(pixels, view, self._zeros, decode)

    def _feeds(self, pixels: NDArray[np.float32], view: NDArray[np.float32], state: Arrays, decode: bool) -> Arrays:
        feeds: Arrays = {"glimpse": pixels, "view": view, **state}
        if self._no_overview is not None:
            feeds["overview"] = self._no_overview if self._overview is None else self._overview
        if "decode" in self._graph.inputs:
            feeds["decode"] = np.full(self._graph.inputs["decode"].shape, decode)
        return feeds


class OnnxPolicy:
    """A `Policy` whose decision is `policy.onnx`. Not for two threads at once.

    sample: draw the graph's `noise` from a generator seeded by the episode; else zeros, the mean action.
    """

    def __init__(self, graph: Graph, scene: SceneInfo, sample: bool = False) -> None:
        self.stop_threshold = check_policy(graph, scene)  # of the stop score, where nobody names another
        self.provider = graph.provider
        self.wants = frozenset(name for name in POLICY_MAPS if name in graph.inputs)
        self._graph = graph
        self._scene = scene
        self._sample = sample
        self._zeros = {name: np.zeros(t.shape, t.dtype) for name, t in graph.states().items()}
        self._fetch = list(graph.outputs)
        self._reads = ["belief", *sorted(self.wants)]
        s = scene.s_range
        self.reset(Episode(Limits(s=s), glimpses=1, first_view=None, scene=scene.scene))
        self.warm_up()

    def reset(self, episode: Episode) -> None:
        """Start over, with the episode's limits, first view, scene and seed; no s that the scene model does not know.

        Raises GlimpseError where the camera's range of s and the scene model's do not meet.
        """
        self._limits = overlap(episode.limits, self._scene.s_range, str(self._graph.file))
        self._first = episode.first_view
        self._spec = episode.scene
        self._state: Arrays = dict(self._zeros)
        self._rng = np.random.default_rng(episode.seed)

    def decide(self, estimate: SceneEstimate, seen: View | None) -> Decision:
        """The next view, inside the limits; the episode's first view, where it has one, before anything was seen.

        Raises GlimpseError where the estimate does not fit, GraphNaNError where the graph's answer is not finite or
        not a view of the scene, BundleError where it fails; the policy's state is then as it was before.
        """
        if seen is None and self._first is not None:
            return Decision(self._first)
        feeds: Arrays = {name: self._input(name, estimate) for name in self._reads}
        out = self._graph.run(self._complete(feeds, self._sample), self._fetch)
        x, y, s = (float(v) for v in out["next_view"][0])
        wide = self._spec.projection == "spherical" or abs(x) <= 1 + _SLACK
        if not (wide and abs(y) <= 1 + _SLACK and 0 < s <= 1 + _SLACK):
            raise GraphNaNError(
                f"{self._graph.file}: next_view is ({x:.4g}, {y:.4g}, {s:.4g}); expected a view of the scene"
            )
        self._state = {name: out[f"next_{name}"] for name in self._zeros}
        view = clamp_view(View(x, y, s), self._limits, self._spec.projection)
        return Decision(view, float(out["stop"][0, 0]) if "stop" in out else None)

    def warm_up(self) -> None:
        """Run once and check the shapes that come out; the state stays as it is."""
        feeds: Arrays = {name: np.zeros(self._graph.inputs[name].shape, np.float32) for name in self._reads}
        self._graph.try_out(self._complete(feeds, sample=False))

    def _complete(self, feeds: Arrays, sample: bool) -> Arrays:
        feeds.update(self._state)
        if "limits" in self._graph.inputs:
            feeds["limits"] = self._limits.array()
        if "noise" in self._graph.inputs:
            shape = self._graph.inputs["noise"].shape
            feeds["noise"] = self._rng.standard_normal(shape, np.float32) if sample else np.zeros(shape, np.float32)
        return feeds

    def _input(self, name: str, estimate: SceneEstimate) -> NDArray[np.float32]:
        shape = self._graph.inputs[name].shape
        value: NDArray[np.float32] | None = getattr(estimate, name)
        if value is None or value.size != np.prod(shape) or value.shape != shape[len(shape) - value.ndim :]:
            found = "is missing" if value is None else f"has the shape {value.shape}"
            raise GlimpseError(f"{self._graph.file}: the estimate's `{name}` {found}; expected one that fits {shape}")
        value = np.ascontiguousarray(value, np.float32)
        if not np.isfinite(value).all():
            raise GlimpseError(
                f"{self._graph.file}: the estimate's `{name}` has NaN or infinity; expected finite numbers"
            )
        return value.reshape(shape)


def _unit_range(array: NDArray[Any], shape: tuple[int, ...], what: str) -> NDArray[np.float32]:
    """float32 and contiguous; GlimpseError unless it has `shape` and values in [0, 1]."""
    if array.shape != shape:
        raise GlimpseError(f"{what} has the shape {array.shape}; expected {shape}")
    array = np.ascontiguousarray(array, np.float32)
    low, high = float(array.min()), float(array.max())
    if not (low >= -_SLACK and high <= 1 + _SLACK):  # NaN fails too
        raise GlimpseError(f"{what} has values from {low:.4g} to {high:.4g}; expected RGB in [0, 1]")
    return array


def _empty(info: SceneInfo) -> SceneEstimate:
    shapes: dict[str, tuple[int, ...]] = info.details["shapes"]  # type: ignore[assignment]
    belief = info.details.get("empty_belief")
    if not isinstance(belief, np.ndarray):
        belief = np.zeros(shapes["belief"][1:], np.float32)
    nothing = {"reconstruction": 0.5, "uncertainty": 1.0}  # mid-grey, and wholly uncertain
    maps = {
        name: np.full(shapes[name][2 if name in FLAT_MAPS else 1 :], nothing.get(name, 0.0), np.float32)
        for name in info.outputs
    }
    return SceneEstimate(belief=belief, **maps)
