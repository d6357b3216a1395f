"""The rows of `glimpse evaluate` as text."""

from __future__ import annotations

from collections.abc import Sequence

SHOWN = (1, 2, 4, 8, 12, 16, 24)  # numbers of glimpses that have a column, and the last one
WIDTH = 110  # characters of a line; where the seconds of motion do not fit into it they are only in the JSON


def table(results: Sequence[dict]) -> str:
    """Models that classify by their accuracy [%], that segment by their share of right pixels, that draw by RMSE.

    The best ones first; a row of the others does not appear twice, but one that segments and draws has both.
    """
    if not results:
        return "no rows"
    right = [r for r in results if "accuracy" in r]
    drawn = [r for r in results if "accuracy" not in r and "rmse" in r]
    mapped = [r for r in results if "pixel_accuracy" in r]
    silent = [r for r in results if not {"accuracy", "rmse", "pixel_accuracy"} & r.keys()]
    parts = [*_accuracies(right), *_maps(mapped), *_errors(drawn)]
    parts += [f"{r['model']:<20} {r['policy']:<14} has nothing that can be compared with {r['data']}" for r in silent]
    return "\n".join([*parts, _footer(results)])


def _with_slew(lines: list[str], rows: Sequence[dict]) -> list[str]:
    """The lines of a table, its head first, with the seconds that the camera moved in all."""
    if len(lines[0]) + 7 > WIDTH:
        return lines
    return [lines[0] + " slew s", *(f"{line} {r['slew_s'][-1]:6.2f}" for line, r in zip(lines[1:], rows, strict=True))]


def _columns(row: dict) -> list[int]:
    return [k for k in SHOWN if k < row["glimpses"]] + [row["glimpses"]]


def _accuracies(rows: list[dict]) -> list[str]:
    if not rows:
        return []
    shown, stops = _columns(rows[0]), "mean_glimpses" in rows[0]
    head = f"{'model':<20} {'policy':<14} " + " ".join(f"{f'Acc@{k}':>7}" for k in shown) + f" {'+-':>6}"
    lines = [head + (f" {'glimpses':>8}" if stops else "")]
    rows = sorted(rows, key=lambda r: -r["accuracy"][-1])
    for r in rows:
        cells = " ".join(f"{100 * r['accuracy'][k - 1]:7.2f}" for k in shown)
        line = f"{r['model']:<20} {r['policy']:<14} {cells} {100 * r['accuracy_std'][-1]:6.2f}"
        lines.append(line + (f" {r['mean_glimpses']:8.2f}" if stops else ""))
    return _with_slew(lines, rows)


def _maps(rows: list[dict]) -> list[str]:
    """Share of the pixels that are in the right class, and the last mean intersection over union, both in %."""
    if not rows:
        return []
    shown = _columns(rows[0])
    head = f"{'model':<20} {'policy':<14} " + " ".join(f"{f'Pix@{k}':>7}" for k in shown) + f" {'mIoU':>6}"
    lines = [head]
    rows = sorted(rows, key=lambda r: -r["pixel_accuracy"][-1])
    for r in rows:
        cells = " ".join(f"{100 * r['pixel_accuracy'][k - 1]:7.2f}" for k in shown)
        lines.append(f"{r['model']:<20} {r['policy']:<14} {cells} {100 * r['miou'][-1]:6.2f}")
    return _with_slew(lines, rows)


def _errors(rows: list[dict]) -> list[str]:
    if not rows:
        return []
    shown = _columns(rows[0])
    columns = " ".join(f"{f'RMSE@{k}':>8}" for k in shown)
    lines = [f"{'model':<20} {'policy':<14} {columns} {'+-':>6} {'RGB-L2':>7}"]
    rows = sorted(rows, key=lambda r: r["rmse"][-1])
    for r in rows:
        cells = " ".join(f"{r['rmse'][k - 1]:8.2f}" for k in shown)
        lines.append(f"{r['model']:<20} {r['policy']:<14} {cells} {r['rmse_std'][-1]:6.2f} {r['rgb_l2'][-1]:7.2f}")
    return _with_slew(lines, rows)


def _footer(results: Sequence[dict]) -> str:
    first = results[0]
    fov = "a glimpse may span the scene" if first["max_fov"] is None else f"at most {first['max_fov']:g} deg"
    budgets = sorted({round(100 * r["pixel_fraction"][-1], 2) for r in results})
    budget = f"{budgets[0]:.2f}" if len(budgets) == 1 else f"{budgets[0]:.2f} to {budgets[-1]:.2f}"
    stop = "" if "stop_threshold" not in first else f", stopping at a score of {first['stop_threshold']:g}"
    seeds = f"{first['seeds']} seed{'' if first['seeds'] == 1 else 's'}"
    return (
        f"{first['images']} images of {first['data']} at {first['size']}, {first['glimpses']} glimpses, "
        f"{budget} % of the pixels, {fov}, {seeds}{stop}"
    )
