"""Canvas model: gating, smoke runs of training, gains and export, resuming, a robot's own recordings."""

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
import tyro  # noqa: E402

from glimpse_ros.core.bundle import load_policy, load_scene  # noqa: E402
from glimpse_ros.core.explorer import explore, look_at_canvas  # noqa: E402
from glimpse_ros.core.types import Frame, GlimpseError, Limits, PanTiltZoom, SceneSpec, View  # noqa: E402
from training import export, panorama, scenes, search, views  # noqa: E402
from training.canvas import Canvas, CanvasConfig  # noqa: E402
from training.gain_policy import GainPolicy  # noqa: E402

SMALL = CanvasConfig(height=64, width=128, features=4, widths=(8, 8, 16, 16), blocks=1, glimpse=16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Five smooth panoramas, each bright on one side."""
    path = tmp_path_factory.mktemp("panoramas")
    for i in range(5):
        u, v = np.meshgrid(np.arange(128), np.arange(64))
        wave = 127 + 100 * np.sin(2 * np.pi * (u / 128 + i / 5))
        cv2.imwrite(str(path / f"{i}.png"), np.stack([wave, 255 - v * 3, v * 3], -1).astype(np.uint8))
    return path


def write(memory, net, colour, view):
    glimpse = torch.tensor(colour)[None, :, None, None].expand(1, 3, 16, 16)
    return net.write(memory, glimpse, torch.from_numpy(view.array()))


def test_a_sharper_look_is_never_overwritten_by_a_blurrier_one():
    net = Canvas(SMALL)
    memory = write(net.empty(1), net, (1.0, 0.0, 0.0), View(0, 0, 0.25))
    after = write(memory, net, (0.0, 0.0, 1.0), View(0, 0, 1.0))
    inside = memory[1] > 0
    assert torch.equal(after[0][inside.expand(-1, 3, -1, -1)], memory[0][inside.expand(-1, 3, -1, -1)])
    assert torch.equal(after[2][:, :, 6:10, 14:18], memory[2][:, :, 6:10, 14:18]), "features too"
    assert torch.allclose(after[0][0, :, 32, 5], torch.tensor([0.0, 0.0, 1.0]), atol=1e-5)


def test_an_untrained_model_is_mosaic_and_prior():
    net = Canvas(SMALL)
    net.prior.mean.fill_(0.3)
    memory = write(net.empty(1), net, (0.25, 0.5, 0.75), View(-1, 0, 0.25))
    reconstruction, _ = net(memory)
    seen = (memory[1] > 0).expand(-1, 3, -1, -1)
    assert torch.equal(reconstruction[seen], memory[0][seen])
    assert torch.allclose(reconstruction[0, :, :8, 60:68], torch.tensor(0.3), atol=1e-3), "far away: the prior's mean"
    assert torch.allclose(reconstruction[0, :, 32, 17], torch.tensor([0.25, 0.5, 0.75]), atol=0.2), "near: like it"


def test_rolling_the_scene_rolls_the_reconstruction():
    torch.manual_seed(0)
    net = Canvas(SMALL).eval()
    torch.nn.init.normal_(net.leave.conv.weight, std=0.1)
    glimpse = torch.rand(1, 3, 16, 16)
    views_at = [torch.tensor([[x, 0.1, 0.25]]) for x in (-0.5, 0.5)]
    a, b = (net(net.write(net.empty(1), glimpse, v))[0] for v in views_at)
    assert torch.allclose(torch.roll(a, 64, -1), b, atol=1e-4), "no heading is special"


def test_random_views_fit_the_canvas():
    rng = np.random.default_rng(0)
    places, lengths = views.batch(rng, 64, 12, SceneSpec(256, 512), 1 / 16)
    assert places.shape[0] == 64 and places.shape[1] == lengths.max() == lengths[0]
    assert (np.diff(lengths) <= 0).all(), "longest first"
    assert places[..., 2].min() >= 1 / 16 - 1e-6 and places[..., 2].max() <= 1
    ptz = [(p[:n, 2] <= 1 / 6 + 1e-6).all() for p, n in zip(places, lengths, strict=True)]
    assert 0.35 < np.mean(ptz) < 0.8, "about half of the episodes are PTZ-like"


def test_training_lowers_the_error_and_resumes(folder, tmp_path):
    args = panorama.Args(folder, tmp_path, height=128, width=256, steps=4, batch=2, most=4, device="cpu")
    path = panorama.train(args)
    first = torch.load(path, weights_only=True)
    panorama.train(panorama.Args(**{**vars(args), "steps": 6}))
    second = torch.load(path, weights_only=True)
    assert (first["step"], second["step"]) == (4, 6)
    assert not torch.equal(first["net"]["leave.conv.weight"], second["net"]["leave.conv.weight"])
    with pytest.raises(GlimpseError, match="choose another --out"):
        panorama.train(panorama.Args(**{**vars(args), "height": 64, "width": 128}))


def test_a_few_steps_beat_the_mosaic_on_one_scene():
    torch.manual_seed(0)
    net = Canvas(SMALL)
    u = torch.arange(128) / 128 * 2 * torch.pi
    scene = (0.5 + 0.4 * torch.sin(u))[None, None, None].expand(4, 3, 64, 128).contiguous()
    places, known = torch.tensor([[[0.0, 0.0, 0.2]]]).expand(4, -1, -1), torch.ones(4, 1, 64, 128)
    lengths, optimizer = torch.ones(4, dtype=torch.long), torch.optim.AdamW(net.parameters(), 3e-3)
    before = panorama.losses(net, scene, known, places, lengths)[1]["rmse"]
    for _ in range(30):
        loss, figures = panorama.losses(net, scene, known, places, lengths)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert figures["rmse"] < 0.7 * before, "it imagines what one glimpse does not show"


def test_what_is_not_known_costs_nothing():
    net = Canvas(SMALL)
    scene, known = torch.rand(1, 3, 64, 128), torch.ones(1, 1, 64, 128)
    known[..., 64:] = 0
    other = torch.where(known > 0, scene, torch.rand_like(scene))
    places, lengths = torch.tensor([[[-0.5, 0.0, 0.25]]]), torch.ones(1, dtype=torch.long)
    a, b = (panorama.losses(net, s, known, places, lengths)[0] for s in (scene, other))
    assert a.item() == pytest.approx(b.item(), rel=1e-5)


def test_the_bundle_does_what_torch_does(tmp_path):
    torch.manual_seed(0)
    net, policy = Canvas(SMALL), GainPolicy(4, 8)
    torch.nn.init.normal_(net.leave.conv.weight, std=0.1)
    export.export(net, policy, tmp_path / "tiny")
    assert export.parity(net, policy, tmp_path / "tiny") < 1e-3
    scene = load_scene(tmp_path / "tiny")
    assert scene.info.outputs >= {"reconstruction", "uncertainty"} and scene.info.s_range == (0.125, 1.0)
    image = np.random.default_rng(0).integers(0, 256, (64, 128, 3), np.uint8)
    limits = Limits(s=(0.125, 0.3))
    runs = [
        list(
            explore(
                look_at_canvas(image, scene.info.glimpse, scene.info.scene), scene,
                load_policy(tmp_path / "tiny", scene.info), limits=limits, glimpses=4, first=View(x, 0, 0.3),
            )
        )
        for x in (-0.4, 0.4)
    ]  # fmt: skip
    assert [s.view for s in runs[0]] != [s.view for s in runs[1]], "the policy reacts to what was seen"


def test_the_policy_looks_where_the_belief_expects_most(tmp_path):
    policy = GainPolicy(16, 32)
    belief = torch.full((1, 16, 32, 6), 0.01)
    belief[:, 7:10, 23:26, 0] = 0.4  # error now, around x = 0.53, y = 0.06; a look would leave 0.01
    limits = torch.tensor([[[-1.0, 1.0], [-1.0, 1.0], [1 / 16, 1 / 6]]])
    x, y, s = policy(belief.reshape(1, 512, 6), limits)[0].tolist()
    assert abs(x - 0.53) < 0.1 and abs(y - 0.06) < 0.2 and 1 / 16 - 1e-6 <= s <= 1 / 6 + 1e-6
    narrow = torch.tensor([[[-0.5, 0.0], [-0.2, 0.3], [1 / 16, 0.1]]])
    x, y, s = policy(belief.reshape(1, 512, 6), narrow)[0].tolist()
    assert -0.5 <= x <= 0 and -0.2 <= y <= 0.3 and s <= 0.1 + 1e-6


def test_search_finds_other_exponents_and_resumes(folder, tmp_path):
    args = panorama.Args(folder, tmp_path, height=128, width=256, steps=1, batch=2, most=3, device="cpu")
    path = panorama.train(args)
    options = {"population": 4, "batch": 2, "device": "cpu"}
    out = search.train(search.Args(path, folder, tmp_path / "policy.pt", rounds=1, **options))
    first = torch.load(out, weights_only=True)
    assert first["rounds"] == 1 and not torch.allclose(first["exponents"], torch.tensor(search.START))
    search.train(search.Args(path, folder, tmp_path / "policy.pt", rounds=2, **options))
    assert torch.load(out, weights_only=True)["rounds"] == 2


def test_a_ptz_recording_becomes_a_panorama_with_gaps():
    from glimpse_ros.core.scene_frame import SceneFrame, perspective_from_equirect

    u, v = np.meshgrid(np.arange(256), np.arange(128))
    truth = np.stack([127 + 100 * np.sin(u / 256 * 2 * np.pi), v * 2, 255 - v * 2], -1).astype(np.uint8)
    camera, frames = SceneFrame(), []
    for i in range(6):
        ptz = PanTiltZoom(-np.pi + (i + 0.5) * np.pi / 3, 0.0, 1.0)
        frames.append(Frame(perspective_from_equirect(truth, ptz, camera.h0, (96, 96)), i, ptz))
    scene = scenes.stitched(frames, camera, SceneSpec(128, 256))
    seen = scene[..., 3] == 255
    assert seen[64].all() and not seen[5].any(), "the horizon is known, the zenith is not"
    assert np.abs(scene[..., :3].astype(int) - truth)[seen].mean() < 4
    out = scenes.augmented(scene, 64, 128, True, np.random.default_rng(0))
    assert out.shape == (64, 128, 4) and 0.1 < out[..., 3].mean() < 0.9


def test_the_command_says_what_it_takes(capsys):
    with pytest.raises(SystemExit) as end:
        tyro.cli(panorama.Args, args=["--help"])
    out = capsys.readouterr().out
    assert end.value.code == 0 and "--projection" in out and "--minutes" in out


def test_candidate_scales_are_geometric():
    policy = GainPolicy(4, 8)
    assert policy.scales(torch.tensor([[[-1, 1], [-1, 1], [0.1, 0.4]]]))[0].tolist() == pytest.approx(
        [0.1 * 4 ** (k / 5) for k in range(6)]
    )
