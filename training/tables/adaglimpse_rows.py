"""AdaGlimpse's policies beside others: errors of panoramas with a PTZ camera and without, labels of CamVid."""

from __future__ import annotations

from . import adaglimpse_published as published
from .adaglimpse_runs import NO_BUNDLE, NO_DATA, Found, Regime, Wanted
from .adaglimpse_sums import Run
from .gae_rows import MOSAIC
from .runs import spread
from .text import NOTHING, Table, number, plus_minus

BUNDLE, STREET = "adaglimpse", "adaglimpse-street"
PTZ = Regime("ptz", "panoramas", (256, 512), 60.0)
FREE, SQUARE = Regime("free", "panoramas", (256, 512)), Regime("free-224", "panoramas", (224, 224))
# Figures are pooled over all pixels of 233 frames, from as many first views: one seed.
CAMVID = Regime("camvid", "camvid", (240, 320), seeds=1)
HEURISTICS = ("uncertainty", "attention", "quadtree", "wide-then-zoom", "grid")
POLICIES = ("learned", *HEURISTICS, "random")
DRAWING: dict[str, tuple[str, ...]] = {
    BUNDLE: POLICIES,
    "panorama": ("learned", "uncertainty"),
    MOSAIC: ("grid", "uncertainty", "random"),
}
TILES = "tile-then-zoom"  # the zigzag where tiles cannot cover the scene
SPANNING: dict[str, tuple[str, ...]] = {
    **DRAWING,
    BUNDLE: (*POLICIES, TILES),
    "panorama": ("learned", "uncertainty", "grid", TILES),
}
SEGMENTING: dict[str, tuple[str, ...]] = {STREET: (*POLICIES, TILES), "street": POLICIES}
GLIMPSES, COMPARED, FRAMES = 12, 8, 8  # of an episode on panoramas; where policies compare; of one on CamVid
AFTER, AFTER_FRAMES = (1, 2, 4, 8, 12), (1, 2, 4, 8)
TRAIN = {
    BUNDLE: "training.adaglimpse, then training.elastic_export",
    STREET: "training.adaglimpse on CamVid, then training.elastic_export",
}


def laid(bundles: dict[str, tuple[str, ...]], regime: Regime, budgets: tuple[int, ...]) -> list[Wanted]:
    """The rows of a table; a grid once for each budget, for it knows its number, the others for the largest."""
    return [
        Wanted(regime, bundle, policy, budget)
        for bundle, policies in bundles.items()
        for policy in policies
        for budget in (budgets if policy == "grid" else budgets[-1:])
    ]


def ptz() -> list[Wanted]:
    """What its table needs."""
    return laid(DRAWING, PTZ, (COMPARED, GLIMPSES))


def free() -> list[Wanted]:
    """What its tables need."""
    return laid(SPANNING, FREE, (GLIMPSES,)) + laid(SPANNING, SQUARE, (GLIMPSES,))


def camvid() -> list[Wanted]:
    """What its table needs."""
    return laid(SEGMENTING, CAMVID, (FRAMES,))


def ptz_table(found: Found) -> Table:
    """RMSE with a camera of at most 60 degrees; the policy against random looks and the best heuristic."""
    columns = ["", *(f"after {k}" for k in AFTER), f"motion to {COMPARED} [s]", f"to {GLIMPSES} [s]"]
    table = Table(f"Panoramas, camera of {PTZ.max_fov:g} degrees, RMSE on 0-255", columns, BUNDLE)
    for bundle, policies in DRAWING.items():
        for policy in policies:
            short, long = (at(found, PTZ, bundle, policy, k) for k in (COMPARED, GLIMPSES))
            name = f"{bundle}, grid (zigzag)" if policy == "grid" else f"{bundle}, {policy}"
            if short is None or long is None:
                table.rows.append([name, *[found.why(PTZ, bundle, policy, GLIMPSES)] * (len(AFTER) + 2)])
                continue
            cells = [plus_minus((short if k <= COMPARED else long).after(k, "rmse"), 1) for k in AFTER]
            cells += [number(run.slews.mean(0)[k - 1], 1) for run, k in ((short, COMPARED), (long, GLIMPSES))]
            table.rows.append([name, *cells])
    table.notes += [*against(found), told(found, PTZ)]
    table.notes.append(
        f"A grid knows its number: up to {COMPARED} it is one of {COMPARED}, then one of {GLIMPSES}. Motion: seconds "
        "of a mount of the usual rates up to that glimpse, the first view costs nothing."
    )
    return table


def at(found: Found, regime: Regime, bundle: str, policy: str, glimpses: int) -> Run | None:
    """The run that answers for so many glimpses: a grid's of that number, of others the one there is."""
    return found.run(regime, bundle, policy, glimpses) or found.run(regime, bundle, policy, GLIMPSES)


def ratio(ours: Run, other: Run, glimpses: int, figure: str = "rmse") -> tuple[float, float]:
    """Ours over the other's, seed by seed: mean and spread."""
    return spread(ours.values(figure)[:, glimpses - 1] / other.values(figure)[:, glimpses - 1])


def against(found: Found) -> list[str]:
    """The learned policy against random looks and the best heuristic of the same network, in words."""
    k = COMPARED
    runs = {policy: at(found, PTZ, BUNDLE, policy, k) for policy in POLICIES}
    ours, chance = runs["learned"], runs["random"]
    if ours is None or chance is None:
        return [absent(BUNDLE, found, PTZ)]
    others = {name: run for name in HEURISTICS for run in [runs[name]] if run is not None}
    best = min(others, key=lambda name: others[name].after(k, "rmse")[0])
    seconds = {name: run.slews.mean(0)[k - 1] for name, run in (("ours", ours), ("random", chance), *others.items())}
    return [
        f"Learned over random looks, same network, {k} glimpses: {plus_minus(ratio(ours, chance, k), 3)} of its RMSE "
        f"(goal: at most {published.RANDOM_GOAL:.2f}). Over the best heuristic there, {best}: "
        f"{plus_minus(ratio(ours, others[best], k), 3)} (goal: at most {published.HEURISTIC_GOAL:.2f}). It moves for "
        f"{seconds['ours']:.1f} s, random looks for {seconds['random']:.1f}, {best} for {seconds[best]:.1f}."
    ]


def free_tables(found: Found) -> list[Table]:
    """RMSE where a glimpse may span the scene, at our size and at the paper's."""
    made = []
    for regime in (FREE, SQUARE):
        size = f"{regime.size[0]}x{regime.size[1]}"
        squashed = " squashed, as in the paper" if regime is SQUARE else ""
        columns = ["", *(f"after {k}" for k in AFTER), "motion [s]"]
        table = Table(f"Panoramas at {size}{squashed}, any zoom, RMSE on 0-255", columns, BUNDLE)
        runs = {}
        for bundle, policies in SPANNING.items():
            for policy in policies:
                run = found.run(regime, bundle, policy, GLIMPSES)
                cells = [found.why(regime, bundle, policy, GLIMPSES)] * (len(AFTER) + 1)
                if run is not None:
                    runs[bundle, policy] = run
                    cells = [plus_minus(run.after(k, "rmse"), 1) for k in AFTER]
                    cells.append(number(run.slews.mean(0)[-1], 1))
                table.rows.append([f"{bundle}, {policy}", *cells])
        mosaic = runs.pop((MOSAIC, "grid"), None)
        if (BUNDLE, "learned") not in runs:
            table.notes.append(absent(BUNDLE, found, regime))
        if mosaic is not None and runs:
            best = min(runs, key=lambda key: runs[key].after(GLIMPSES, "rmse")[0])
            table.notes.append(
                f"Best row over the mosaic with a grid of {GLIMPSES}: {', '.join(best)}, "
                f"{plus_minus(ratio(runs[best], mosaic, GLIMPSES), 3)} of its RMSE (goal: at most "
                f"{published.MOSAIC_GOAL:.2f})."
            )
        table.notes += [
            told(found, regime),
            f"For scale, bicubic from 128x96 pixels: {published.BICUBIC[regime.size]}.",
        ]
        if regime is SQUARE:
            table.notes.append(published.beside())
        made.append(table)
    return made


def camvid_table(found: Found) -> Table:
    """Pixel accuracy and mean intersection over union, shares as the papers have them."""
    columns = ["", "pixels [%]", *(f"accuracy after {k}" for k in AFTER_FRAMES), f"mIoU after {FRAMES}", "RMSE"]
    table = Table("CamVid test, segmentation after so many glimpses", [*columns, "motion [s]"], STREET)
    runs = {}
    for bundle, policies in SEGMENTING.items():
        for policy in policies:
            run = found.run(CAMVID, bundle, policy, FRAMES)
            cells = [found.why(CAMVID, bundle, policy, FRAMES)] * len(columns)
            if run is not None:
                runs[bundle, policy] = run
                cells = [number(100 * run.share(FRAMES), 1)]
                cells += [number(run.after(k, "pixel_accuracy")[0], 3) for k in AFTER_FRAMES]
                cells += [number(run.after(FRAMES, "miou")[0], 3)]
                cells += [number(run.after(FRAMES, "rmse")[0] if run.has("rmse") else None, 1)]
                cells += [number(run.slews.mean(0)[-1], 1)]
            table.rows.append([f"{bundle}, {policy}", *cells])
    ours, other = (runs.get((bundle, "learned")) for bundle in SEGMENTING)
    if ours is None:
        table.notes.append(absent(STREET, found, CAMVID))
    else:
        goal = published.STREET_GOAL if other is None else other.after(FRAMES, "pixel_accuracy")[0]
        table.notes.append(
            f"Learned, {FRAMES} glimpses: {ours.after(FRAMES, 'pixel_accuracy')[0]:.3f} of the pixels right from "
            f"{100 * ours.share(FRAMES):.1f} % of them. Goal: above models/street, {goal:.3f}, from at most "
            f"{100 * published.STREET_SHARE:g} %."
        )
    table.notes.append(
        f"{told(found, CAMVID)} Void is left out. {NOTHING}: the model lacks the map that the policy reads, or draws "
        "nothing."
    )
    return table


def absent(bundle: str, found: Found, regime: Regime) -> str:
    """What is missing, in words."""
    if any(row.regime == regime and text == NO_DATA for row, text in found.lacking.items()):
        return f"There is no {regime.folder} in the data's folder: nothing was explored."
    if any(row.bundle == bundle and text == NO_BUNDLE for row, text in found.lacking.items()):
        return f"models/{bundle} is not there yet: {TRAIN[bundle]}."
    return f"models/{bundle} has no policy: {TRAIN[bundle]}."


def told(found: Found, regime: Regime) -> str:
    """What was explored."""
    run = next((run for row, run in found.runs.items() if row.regime == regime), None)
    if run is None:
        return "Nothing was explored."
    seeds, kind = len(run.parts), "panoramas" if regime.projection == "spherical" else "frames"
    over = f"± over {seeds} seeds" if seeds > 1 else "one seed"
    return (
        f"{run.scenes} {kind} at {regime.size[0]}x{regime.size[1]}, pooled over all pixels, {over} of the first view "
        "and of the random ones."
    )
