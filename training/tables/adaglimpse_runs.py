"""Bundles and policies in AdaGlimpse's regimes, one job a policy and seed, by the loop of `glimpse evaluate` itself.

Nothing stops an episode; what is kept of every scene and glimpse answers for every number of glimpses and every stop
threshold. Parts are kept in a folder if one is named, so that another bundle does not run the others again.
"""

from __future__ import annotations

import hashlib
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from glimpse_ros import evaluate
from glimpse_ros.core.bundle import load_scene
from glimpse_ros.core.memory import Mosaic
from glimpse_ros.core.policies import POLICIES, make_policy
from glimpse_ros.core.types import (
    Decision,
    Episode,
    GlimpseError,
    Policy,
    Projection,
    SceneEstimate,
    SceneInfo,
    SceneSpec,
    View,
)

from .adaglimpse_sums import Part, Run
from .gae_camvid import source as camvid
from .gae_panoramas import source as panoramas
from .gae_rows import MOSAIC, Recorded, Source, scene_of, truth_of
from .pool import pooled
from .runs import NEVER, Plan
from .text import NOTHING

NO_BUNDLE, NO_DATA = "no bundle", "no data"


@dataclass(frozen=True)
class Regime:
    """Scenes and a camera. seeds: at most so many; None: as many as are asked for."""

    name: str
    folder: str  # of --data
    size: tuple[int, int]  # height, width [px]
    max_fov: float | None = None  # [deg]; None: a glimpse may span the scene
    seeds: int | None = None

    @property
    def projection(self) -> Projection:
        """Of its scenes."""
        return "spherical" if self.folder == "panoramas" else "planar"

    @property
    def scene_fov(self) -> float:
        """[deg] across."""
        return 360.0 if self.projection == "spherical" else 60.0

    def source(self, plan: Plan) -> Source:
        """The frozen scenes that nothing was trained on."""
        found = (panoramas if self.projection == "spherical" else camvid)(plan.data, plan.count)
        return replace(found, size=self.size, max_fov=self.max_fov)

    def setting(self, glimpses: int) -> evaluate.Setting:
        """What `glimpse evaluate` calls it."""
        return evaluate.Setting(self.size, glimpses, self.max_fov, 1, self.projection, self.scene_fov, NEVER)


@dataclass(frozen=True)
class Wanted:
    """A row: a bundle's name (or MOSAIC) and a policy in a regime. A grid is laid out for all its glimpses."""

    regime: Regime
    bundle: str
    policy: str
    glimpses: int


@dataclass(frozen=True)
class Job:
    """One seed of a row."""

    wanted: Wanted
    model: str  # the bundle's folder
    source: Source
    seed: int


class Scored:
    """A policy that remembers its stop scores."""

    def __init__(self, policy: Policy) -> None:
        self.policy, self.wants = policy, policy.wants
        self.stops: list[list[float]] = []

    def reset(self, episode: Episode) -> None:
        """A new scene."""
        self.stops.append([])
        self.policy.reset(episode)

    def decide(self, estimate: SceneEstimate, seen: View | None) -> Decision:
        """Pass on, and remember."""
        decision = self.policy.decide(estimate, seen)
        if seen is not None:
            self.stops[-1].append(np.nan if decision.stop is None else decision.stop)
        return decision


def explored(job: Job) -> Part:
    """Run one job. Raises GlimpseError for what cannot be used."""
    wanted, truth = job.wanted, truth_of(job.source)
    scene = Recorded(scene_of(job.model, truth))
    policy = Scored(make_policy(wanted.policy, job.model, scene.info, provider="cpu", threads=1))
    squared, matrices, row = [], [], None
    for row in evaluate.run_seed(truth, scene, policy, wanted.regime.setting(wanted.glimpses), job.seed):
        squared.append([error.squared for error in row.errors])  # they grow from scene to scene
        matrices.append([classes.matrix.copy() for classes in row.classes])
    assert row is not None
    sums = np.array(squared).reshape(len(squared), -1)
    counts = np.array(matrices, np.int64) if row.classes else np.zeros((len(squared), 0, 1, 1), np.int64)
    return Part(
        np.array(scene.views, np.float32),
        np.array(row.slews),
        np.array(policy.stops, np.float32),
        np.diff(sums, axis=0, prepend=0),
        np.array(3 * truth.size[0] * truth.size[1]),
        np.diff(counts, axis=0, prepend=0),
    )


@dataclass(frozen=True)
class Found:
    """Rows that were run, and why the others were not: a cell's text."""

    runs: dict[Wanted, Run]
    lacking: dict[Wanted, str]

    def run(self, regime: Regime, bundle: str, policy: str, glimpses: int) -> Run | None:
        """A row, where it was run."""
        return self.runs.get(Wanted(regime, bundle, policy, glimpses))

    def why(self, regime: Regime, bundle: str, policy: str, glimpses: int) -> str:
        """What stands in the cells of a row that was not."""
        return self.lacking.get(Wanted(regime, bundle, policy, glimpses), NOTHING)


def run_all(rows: list[Wanted], plan: Plan, keep: Path | None = None) -> Found:
    """All rows, in as many processes; keep: a folder of parts. Raises GlimpseError for what cannot be used."""
    rows = list(dict.fromkeys(rows))
    infos = {name: info_of(plan.models, name) for name in dict.fromkeys(row.bundle for row in rows)}
    lacking = {row: text for row in rows for text in [reason(row, infos[row.bundle], plan)] if text is not None}
    rows = [row for row in rows if row not in lacking]
    jobs = [
        Job(row, path_of(plan.models, row.bundle), row.regime.source(plan), seed)
        for row in rows
        for seed in range(min(plan.seeds, row.regime.seeds or plan.seeds))
    ]
    files = {job: None if keep is None else keep / f"{name_of(job)}.npz" for job in jobs}
    parts = {job: read(file) for job, file in files.items() if file is not None and file.exists()}
    left, started = [job for job in jobs if job not in parts], time.monotonic()
    for done, (job, part) in enumerate(zip(left, pooled(explored, left, plan.workers), strict=True), 1):
        told = f"{job.wanted.bundle} {job.wanted.policy}, {job.wanted.regime.name}, seed {job.seed}"
        print(f"{done}/{len(left)} {told}: after {time.monotonic() - started:.0f} s", file=sys.stderr)
        file, parts[job] = files[job], part
        if file is not None:
            write(file, part)
    runs = {}
    for row in rows:
        info = infos[row.bundle]
        assert info is not None
        runs[row] = Run(info, row.regime.size, tuple(parts[job] for job in jobs if job.wanted == row))
    return Found(runs, lacking)


def reason(row: Wanted, info: SceneInfo | None, plan: Plan) -> str | None:
    """Why a row cannot be run; None where it can."""
    if not (plan.data / row.regime.folder).is_dir():
        return NO_DATA
    if info is None:
        return NO_BUNDLE
    if row.policy == "learned":
        return None if (plan.models / row.bundle / "policy.onnx").exists() else NOTHING
    try:
        POLICIES[row.policy](info)
    except GlimpseError:  # it needs a map that the model lacks
        return NOTHING
    return None


def path_of(models: Path, bundle: str) -> str:
    """What `scene_of` loads."""
    return MOSAIC if bundle == MOSAIC else str(models / bundle)


def info_of(models: Path, bundle: str) -> SceneInfo | None:
    """A bundle's, where it is there. Raises GlimpseError for a broken one."""
    if bundle == MOSAIC:
        return Mosaic(SceneSpec(64, 128), evaluate.SENSOR).info  # of any size
    return load_scene(models / bundle, "cpu", threads=1).info if (models / bundle / "scene.onnx").exists() else None


def name_of(job: Job) -> str:
    """Of a part's file: another one as soon as a graph that it runs or anything else of the job differs."""
    told = hashlib.sha256(repr(asdict(job)).encode())
    for graph in ("policy", "scene") if job.wanted.policy == "learned" else ("scene",):
        file = Path(job.model) / f"{graph}.onnx"
        told.update(file.read_bytes() if file.exists() else b"")
    return f"{job.wanted.bundle}-{job.wanted.policy}-{job.wanted.regime.name}-{told.hexdigest()[:16]}"


def write(file: Path, part: Part) -> None:
    """Keep a part, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    half = file.with_name(f"half-{file.name}")
    np.savez_compressed(half, **asdict(part))
    half.replace(file)


def read(file: Path) -> Part:
    """A kept part. Raises GlimpseError for another file."""
    try:
        with np.load(file) as arrays:
            return Part(**arrays)
    except (OSError, ValueError, TypeError, BadZipFile) as error:
        raise GlimpseError(f"{file}: cannot be read ({error}); expected what --keep wrote: delete it") from error
