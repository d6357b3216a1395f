"""The options of Glimpse-Attend-and-Explore: what each makes, what is refused, what is drawn by lot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
tyro = pytest.importorskip("tyro")
from gae_training import ABLATIONS, TASKS, VOID_ID, arguments, named, refuse, street  # noqa: E402
from modules import refusal_of  # noqa: E402

from glimpse_ros.core.types import GlimpseError  # noqa: E402
from training import gae, labelled, loop  # noqa: E402
from training.augment import VOID  # noqa: E402
from training.labelled import Labelled  # noqa: E402


@pytest.fixture(scope="module")
def roads(tmp_path_factory) -> str:
    return f"camvid:{street(tmp_path_factory.mktemp('data') / 'roads')}"


@pytest.fixture(scope="module")
def walls(tmp_path_factory) -> str:
    return f"classes:{named(tmp_path_factory.mktemp('data') / 'walls')}"


def labels_of(text: str) -> Labelled:
    return labelled.load(text, "train", (48, 64))


@pytest.mark.parametrize(
    ("ablation", "gated", "contrast", "random", "follows"),
    [
        ("full", True, True, False, False),
        ("no-contrast", True, False, False, False),
        ("random-sa", True, True, True, False),
        ("random-no-sa", False, True, True, False),
        ("random-no-sac", False, False, True, False),
        ("attend-and-segment", False, False, False, True),
    ],
)
def test_what_an_ablation_leaves_out(roads, ablation, gated, contrast, random, follows):
    config = gae.configure(arguments(Path("unused"), roads, ablation=ablation), labels_of(roads))
    assert (config.net.gated, config.net.contrast, config.random_looks, config.predicts_loss) == (
        gated,
        contrast,
        random,
        follows,
    )
    assert not config.net.spherical and (config.glimpses, config.decode_steps) == (3, 2)


@pytest.mark.parametrize(
    ("task", "colours", "labels", "classes", "decoder"),
    [
        ("segment", 0, 11, 0, 8),
        ("reconstruct", 3, 0, 0, 8),
        ("both", 3, 11, 0, 8),
        ("classify", 0, 0, 2, 0),
        ("classify-full", 3, 0, 2, 8),
    ],
)
def test_what_a_task_draws_and_tells(roads, walls, task, colours, labels, classes, decoder):
    data = walls if "class" in task else roads
    net = gae.configure(arguments(Path("unused"), data, task=task), labels_of(data)).net
    assert (net.colours, net.labels, net.classes, net.decoder) == (colours, labels, classes, decoder)


def test_panoramas_are_spheres(roads):
    data = Labelled("round", [np.zeros((48, 96, 3), np.uint8)], projection="spherical")
    assert gae.configure(arguments(Path("unused"), roads, task="reconstruct"), data).net.spherical


REFUSED = {
    "no maps": ("walls", {"task": "segment"}, "--task segment: walls train has no label maps"),
    "no maps for both": ("walls", {"task": "both"}, "--task both: walls train has no label maps"),
    "no classes": ("roads", {"task": "classify"}, "--task classify: camvid train has no classes"),
    "no decoder to predict": (
        "walls",
        {"task": "classify", "ablation": "attend-and-segment"},
        "expected --task classify-full",
    ),
    "odd height": ("roads", {"height": 50}, "--height 50 --width 64: expected multiples of 16, at least 48"),
    "odd width": ("roads", {"width": 72}, "--height 48 --width 72: expected multiples of 16, at least 48"),
    "too small": ("roads", {"height": 32}, "--height 32 --width 64: expected multiples of 16, at least 48"),
    "no glimpse": ("roads", {"glimpses": 0}, "--glimpses 0"),
    "negative steps": ("roads", {"decode_steps": -1}, "--decode-steps -1"),
    "no batch": ("roads", {"batch": 0}, "--batch 0"),
    "no such folder": (None, {"data": "camvid:/nowhere"}, "/nowhere"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_makes_no_sense_is_refused(roads, walls, tmp_path, case):
    where, options, words = REFUSED[case]
    given = {"data": {"roads": roads, "walls": walls}.get(where, ""), **options}
    refuse(arguments(tmp_path, **given), words)


@pytest.mark.parametrize(
    "options",
    [
        {"height": 0},
        {"width": -64},
        {"merge": 0},
        {"decoder": 0},
        {"encoder": 0},
        {"encoder": -8},
        {"seed": -1},
        {"foresight": -1.0},
        {"decode_steps": -1},
    ],
)
def test_sizes_that_no_network_has_are_refused_before_data_are_read(tmp_path, options):
    """In one sentence that says what was asked for: the data are not even there."""
    ((name, value),) = options.items()
    option = f"--{name.replace('_', '-')} {value}"
    refuse(arguments(tmp_path, "camvid:/nowhere", **options), option, "expected", "at least")
    with pytest.raises(GlimpseError, match=option):
        gae.configure(arguments(tmp_path, "", **options), Labelled("any", []))


def test_what_classifies_without_a_decoder_needs_none(walls, tmp_path):
    given = arguments(tmp_path, walls, task="classify", decoder=0, merge=0)
    assert gae.configure(given, labels_of(walls)).net.decoder == 0


def drawn_by(given: gae.Args, monkeypatch, turns: range) -> list[tuple]:
    """What `train` would feed the network at these steps."""
    found: list[tuple] = []

    def fit(fabric, args, config, net, draw, validate):
        for step in turns:
            generator = torch.Generator().manual_seed(step)
            found.append(draw(loop.Turn(step, 0.0, generator, slice(0, args.batch), torch.device("cpu"))))
        return args.out

    monkeypatch.setattr(loop, "fit", fit)
    gae.train(given)
    return found


@pytest.mark.parametrize(("options", "share"), [({}, 0.25), ({"stray": 0.6}, 0.6), ({"ablation": "random-sa"}, 1.0)])
def test_the_share_of_stray_looks(roads, tmp_path, monkeypatch, options, share):
    given = arguments(tmp_path, roads, glimpses=8, batch=4, **options)
    turns = drawn_by(given, monkeypatch, range(40))
    strays = torch.stack([turn[5] for turn in turns]).float()
    assert strays.shape == (40, 8, 4) and strays.mean().item() == pytest.approx(share, abs=0.05)
    places = torch.stack([turn[4] for turn in turns])
    assert places.shape == (40, 8, 4, 2) and -1 <= places.min() < -0.95 and 0.95 < places.max() <= 1


@pytest.mark.parametrize(("steps", "most"), [(2, 6), (1, 7), (0, 0), (8, 0), (20, 0)])
def test_runs_of_drawn_steps_begin_anywhere_and_end_last_half_of_the_time(roads, tmp_path, monkeypatch, steps, most):
    given = arguments(tmp_path, roads, glimpses=8, decode_steps=steps)
    starts = [turn[6] for turn in drawn_by(given, monkeypatch, range(150))]
    assert set(starts) == set(range(most + 1))
    assert not most or 0.4 < starts.count(most) / 150 < 0.7


def test_processes_draw_shares_of_one_batch(roads, tmp_path, monkeypatch):
    def fit(fabric, args, config, net, draw, validate):
        def turn(part):
            generator = torch.Generator().manual_seed(3)
            return draw(loop.Turn(3, 0.0, generator, part, torch.device("cpu")))

        whole, halves = turn(slice(0, 4)), [turn(slice(0, 2)), turn(slice(2, 4))]
        for k, value in enumerate(whole[:6]):
            if value is not None:
                axis = 1 if k >= 4 else 0  # places and strays: (T, B, ...)
                assert torch.equal(torch.cat([half[k] for half in halves], axis), value), k
        assert whole[6] == halves[0][6] == halves[1][6]
        return args.out

    monkeypatch.setattr(loop, "fit", fit)
    assert gae.train(arguments(tmp_path, roads, batch=4)) == tmp_path


def test_the_command_says_what_it_can_do(capsys):
    with pytest.raises(SystemExit) as end:
        tyro.cli(gae.Args, args=["--help"])
    said = capsys.readouterr().out
    assert end.value.code == 0
    for word in (*ABLATIONS, *TASKS, "--encoder-weights", "--projector", "--anchor", "--decode-steps"):
        assert word in said, word


def test_the_command_refuses_in_one_sentence(tmp_path):
    said = refusal_of(
        "training.gae", "--data", f"camvid:{tmp_path}", "--accelerator", "cpu", "--out", str(tmp_path / "out")
    )
    assert str(tmp_path) in said and "\n" not in said


def test_void_of_camvid_is_not_a_class(roads):
    assert VOID_ID not in np.unique(labels_of(roads).maps) and VOID in np.unique(labels_of(roads).maps)
