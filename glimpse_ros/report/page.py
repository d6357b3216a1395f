"""The report: one HTML page that needs nothing but itself, on or off line, in light or dark."""

from __future__ import annotations

import json
import math
from html import escape

from ..core.types import View
from .curves import legend, svg
from .exploration import Curve, Exploration, mount_degrees
from .look import SCRIPT, STYLE
from .panels import Panels, headline, numbered, said, thinned
from .pictures import Picture, box_pieces, data_uri, jpeg, png

BARS = 150, 420  # [px] height, width of the classes' probabilities
SCENE_WIDTH = 640  # [px] of the pictures that change with each glimpse; the truth is twice as fine
MOST = 60  # steps of the scrubber; longer explorations are thinned
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def page(exploration: Exploration) -> str:
    """The whole page."""
    panels = Panels(exploration)
    shown = thinned(panels.steps, MOST)
    steps = [_step(panels, k) for k in shown]
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><link rel="icon" href="data:,">'
        f"<title>{escape(headline(exploration))} - glimpse_ros</title><style>{STYLE}</style></head><body><main>"
    )
    body = [
        f"<h1>{escape(headline(exploration))}</h1>",
        f'<p class="sub">{escape(_subtitle(exploration))}</p>',
        _hero(panels, shown, steps),
        _scrubber(len(shown), steps[-1]["said"]),
        _row(panels, steps[-1]),
        _strip(panels, steps),
        _table(exploration),
        _facts(exploration),
    ]
    # The strip holds every imagined scene, its classes and every glimpse already; the script takes them from there.
    held = [
        {name: value for name, value in step.items() if name not in ("imagined", "classes", "saw")} for step in steps
    ]
    safe = json.dumps(held).replace("<", "\\u003c")
    tail = f'</main><script id="steps" type="application/json">{safe}</script><script>{SCRIPT}</script></body></html>'
    return head + "".join(body) + tail


def _subtitle(e: Exploration) -> str:
    fov = "" if e.max_fov is None else f" of at most {math.degrees(e.max_fov):g}\u00b0"
    return (
        f"{e.source} seen by {e.camera}{fov} \u00b7 model {e.info.name} \u00b7 policy {e.policy} \u00b7 seed {e.seed}"
    )


def _step(panels: Panels, k: int) -> dict[str, object]:
    """What the page shows after a glimpse."""
    errors = panels.exploration.rmse()
    said = numbered(panels.exploration, k)
    if errors:
        said += f" \u00b7 RMSE {errors[k]:.1f}"
    if panels.label(k):
        said += f" \u00b7 {panels.label(k)}"
    step: dict[str, object] = {
        "step": k,
        "start": panels.exploration.start(k),
        "said": said,
        "imagined": _uri(panels, panels.imagined(k, SCENE_WIDTH)),
        "saw": data_uri(png(panels.glimpse(k, _native(panels)))),
    }
    if panels.imagines or not panels.exploration.knows_truth:  # else it is what "imagined" shows
        step["seen"] = _uri(panels, panels.seen(k, SCENE_WIDTH))
    if panels.exploration.frames is not None:
        frame = panels.truth(k, SCENE_WIDTH)
        assert frame is not None
        step["truth"] = _uri(panels, frame)
    if panels.has_uncertainty:
        step["uncertainty"] = _uri(panels, panels.uncertainty(k, SCENE_WIDTH // 2))
    if panels.has_segmentation:
        step["classes"] = data_uri(png(panels.segmentation(k, SCENE_WIDTH)))
    if panels.has_attention:
        step["attention"] = _uri(panels, panels.attention(k, SCENE_WIDTH // 2))
    if panels.has_bars:
        step["bars"] = data_uri(png(panels.classes(k, BARS)))
    return step


def _native(panels: Panels) -> int:
    """Side [px] at which no sensor pixel of the finest scale is lost."""
    spec = panels.exploration.info.glimpse
    return max(spec.size, min(256, math.ceil(spec.size / min(spec.scales))))


def _uri(panels: Panels, picture: Picture) -> str:
    return data_uri(png(picture) if panels.tiny else jpeg(picture, 86))


def _scene(panels: Panels, uri: object, alt: str, name: str = "", overlay: str = "") -> str:
    height, width = panels.size(SCENE_WIDTH)
    identity = f' id="{name}"' if name else ""
    return (
        f'<div class="scene" style="aspect-ratio:{width}/{height}"><img{identity} src="{uri}" alt="{escape(alt)}" '
        f'width="{width}" height="{height}">{overlay}</div>'
    )


def _figure(title: str, hint: str, content: str, kind: str = "") -> str:
    extra = f' class="{kind}"' if kind else ""
    return f"<figure{extra}><figcaption>{title} <span>{hint}</span></figcaption>{content}</figure>"


def _hero(panels: Panels, shown: list[int], steps: list[dict[str, object]]) -> str:
    """Left the few pixels that were taken, then the scene imagined from them, then the truth."""
    spec, last = panels.exploration.info.glimpse, steps[-1]
    saw = f'<img class="saw" id="saw" src="{last["saw"]}" alt="the newest glimpse">'
    tiles = "".join(
        f'<button class="on" data-step="{k}" title="{escape(str(step["said"]))}">'
        f'<img src="{step["saw"]}" alt=""></button>'
        for k, step in zip(shown, steps, strict=True)
    )
    scales = "" if len(spec.scales) == 1 else f"{len(spec.scales)} scales of "
    taken = _figure(
        "Glimpses",
        f"{scales}{spec.size}\u00d7{spec.size} px each",
        f'{saw}<div class="glimpses">{tiles}</div>',
        "taken",
    )
    title, hint, alt = "Remembered and imagined", "from these glimpses alone", "the scene imagined"
    if not panels.imagines:
        title, hint, alt = "Remembered", "hatched: never looked at", "the pixels really seen"
    imagined = _figure(title, hint, _scene(panels, last["imagined"], alt, "imagined"))
    views = [panels.exploration.records[k].view for k in shown]
    overlay = _overlay(panels, shown, views)
    known = panels.exploration.knows_truth
    if not known:
        where = _scene(panels, last["seen"], "what was seen, with the glimpses' boxes", "seen", overlay)
    elif "truth" in last:
        where = _scene(panels, last["truth"], "the scene at this moment, with the glimpses' boxes", "truth", overlay)
    else:
        fine = panels.truth(0, SCENE_WIDTH if panels.tiny else 2 * SCENE_WIDTH)
        assert fine is not None
        where = _scene(panels, _uri(panels, fine), "the scene, with the glimpses' boxes", "", overlay)
    looked = _figure("The truth" if known else "Seen", "and where the camera looked", where, "truth")
    return f'<section class="hero">{taken}{imagined}{looked}</section>'


def _overlay(panels: Panels, shown: list[int], views: list[View]) -> str:
    """The glimpses' boxes over a scene picture; open at the seam where they wrap."""
    height, width = panels.size(1024)
    aspect, shapes, tags = panels.scene_aspect, [], []
    finest = min(panels.exploration.info.glimpse.scales)
    for k, view in zip(shown, views, strict=True):
        # Of the widest scale, which is shown of the newest glimpse only, and of the finest.
        reach = box_pieces(view, height, width, panels.projection, aspect)
        pieces = box_pieces(View(view.x, view.y, view.s * finest), height, width, panels.projection, aspect)
        wide, path = (" ".join(_outline(piece, part, width) for piece in part) for part in (reach, pieces))
        extra = f'<path class="reach" d="{wide}"/>' if finest < 1.0 else ""
        box = f'<path class="rim" d="{path}"/><path class="box" d="{path}"/>'
        shapes.append(f'<g class="look on" data-step="{k}">{box}{extra}</g>')
        left, top, _, _ = max(pieces, key=lambda p: p[2])
        at = f"left:{100 * left / width:.2f}%;top:{100 * top / height:.2f}%"
        tags.append(f'<span class="tag on" data-step="{k}" style="{at}">{k + 1 - panels.exploration.start(k)}</span>')
    return (
        f'<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true">{"".join(shapes)}</svg>'
        + "".join(tags)
    )


def _outline(piece: tuple[int, int, int, int], pieces: list[tuple[int, int, int, int]], width: int) -> str:
    left, top, w, h = piece
    if len(pieces) == 1:
        return f"M{left},{top}h{w}v{h}h{-w}z"
    if left == 0:  # comes in over the seam from the right
        return f"M0,{top}h{w}v{h}h{-w}"
    return f"M{width},{top}h{-w}v{h}h{w}"


def _scrubber(count: int, said: object) -> str:
    return (
        '<div class="scrub"><button id="play" type="button">Play</button>'
        f'<input id="step" type="range" min="0" max="{count - 1}" value="{count - 1}" aria-label="glimpse">'
        f'<output id="said" for="step">{escape(str(said))}</output></div>'
    )


def _row(panels: Panels, last: dict[str, object]) -> str:
    parts = []
    if panels.has_segmentation:
        parts.append(
            _figure("Classes", "the likeliest", _scene(panels, last["classes"], "classes", "classes") + _names(panels))
        )
    if panels.has_attention:
        picture = _scene(panels, last["attention"], "what draws looks", "attention")
        parts.append(_figure("Attention", "bright: draws looks", picture))
    if panels.has_bars:
        picture = f'<img class="bars" id="bars" src="{last["bars"]}" alt="how likely each class is">'
        parts.append(_figure("Class", "how likely each one is", picture))
    if panels.exploration.knows_truth and panels.imagines:
        seen = _scene(panels, last["seen"], "the pixels really seen", "seen")
        parts.append(_figure("Seen", "hatched: never looked at", seen))
    if panels.has_uncertainty:
        ramp = 'sure <i class="ramp"></i> unsure'
        picture = _scene(panels, last["uncertainty"], "how unsure the model is", "uncertainty")
        parts.append(_figure("Uncertainty", ramp, picture))
    errors = panels.exploration.rmse()
    if errors:
        curves = [Curve(f"{panels.exploration.info.name} + {panels.exploration.policy}: this run", errors)]
        curves += panels.exploration.baselines
        chart = svg(curves, panels.exploration.starts) + legend(curves)
        parts.append(_figure("Error", "RMSE on 0\u2013255, lower is better", chart))
    kind = "row four" if len(parts) == 4 else "row"  # two by two, rather than three and one left over
    return f'<section class="{kind}">{"".join(parts)}</section>'


def _names(panels: Panels) -> str:
    """The legend of the classes."""
    rows = (f'<li><i style="background:rgb{colour}"></i>{escape(name)}</li>' for name, colour in panels.occurring())
    return f'<ul class="names">{"".join(rows)}</ul>'


def _strip(panels: Panels, steps: list[dict[str, object]]) -> str:
    cells = []
    for step in steps:
        said = escape(str(step["said"]))
        k = step["step"]
        saw = f'<img data-saw="{k}" src="{step["saw"]}" alt="glimpse">'
        pair = f'{saw}<img data-imagined="{k}" src="{step["imagined"]}" alt="imagined">'
        if panels.has_segmentation:
            pair += f'<img data-classes="{k}" src="{step["classes"]}" alt="classes">'
        cells.append(f'<figure><figcaption><span>{said}</span></figcaption><div class="pair">{pair}</div></figure>')
    kind = "strip classes" if panels.has_segmentation else "strip"
    return f'<h2>Glimpse by glimpse</h2><section class="{kind}">{"".join(cells)}</section>'


def _table(e: Exploration) -> str:
    """Where each glimpse was taken, in degrees."""
    spherical = e.info.scene.projection == "spherical"
    errors, mounts = e.rmse(), [mount_degrees(r, spherical) for r in e.records]
    labels, scored = [said(e, k) for k in range(len(e.records))], any(r.stop is not None for r in e.records)
    framed = len(e.starts) > 1
    columns = [*["frame"] * framed, "glimpse", *(mounts[0] or {}), "share of the width", "x", "y", "computed in"]
    columns += ["RMSE"] * bool(errors) + ["class"] * (labels[0] is not None) + ["stop score"] * scored
    rows = []
    for k, (record, mount) in enumerate(zip(e.records, mounts, strict=True)):
        cells = [str(k + 1 - e.start(k))]
        if framed:
            cells.insert(0, str(e.starts.index(e.start(k)) + 1))
        for name, value in (mount or {}).items():
            cells.append(f"{value:.2f}\u00d7" if name == "zoom" else f"{value:+.1f}\u00b0")
        wide = f" ({record.view.s * 360.0:.0f}\u00b0)" if spherical else ""
        cells += [f"{100 * record.view.s:.1f} %{wide}", f"{record.view.x:+.3f}", f"{record.view.y:+.3f}"]
        cells.append(f"{1000 * record.seconds:.0f} ms")
        if errors:
            cells.append(f"{errors[k]:.1f}")
        if labels[0] is not None:
            cells.append(escape(labels[k] or ""))
        if scored:
            cells.append("" if record.stop is None else f"{record.stop:.3f}")
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{name}</th>" for name in columns)
    return f'<h2>Where it looked</h2><div class="table"><table><tr>{head}</tr>{"".join(rows)}</table></div>'


def _facts(e: Exploration) -> str:
    height, width = e.evaluation_size()
    count, each = max(k + 1 - e.start(k) for k in range(len(e.records))), e.info.glimpse.pixels
    scene = f"{height * width:,} ({height}\u00d7{width})"
    coarse = e.overview_pixels()
    sum_of = f"{coarse:,} + {count} \u00d7 {each:,}" if coarse else f"{count} \u00d7 {each:,}"
    facts = {
        "Pixels taken": f"{sum_of} = {coarse + count * each:,} of {scene}, overlaps counted"
        + ", and anew of each frame" * (len(e.starts) > 1),
        "Model runs on": e.info.provider,
    }
    if e.info.scene.projection == "spherical":
        facts["Angles"] = (
            "pan to the left and tilt downwards are positive; 0\u00b0, 0\u00b0 is the middle of the picture"
        )
    if e.baselines:
        facts["Curves"] = (
            "one scene, one first view, the same number of glimpses and pixels for each; "
            "for figures over many scenes and seeds run glimpse evaluate"
        )
    facts |= {f"Time to {name}": f"{value:.1f} s" for name, value in e.seconds.items()}
    for index, note in enumerate(e.notes):
        facts["Note" if index == 0 else f"Note {index + 1}"] = note
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    return f"<h2>How it was made</h2><dl>{rows}</dl>"
