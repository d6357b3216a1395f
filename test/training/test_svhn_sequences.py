"""House numbers: pictures and crops, what a sequence is rewarded and weighed by, its parts, a short run."""

import gzip
import struct
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
tyro = pytest.importorskip("tyro")
pytest.importorskip("lightning_fabric")
from glimpse_ros.core.types import GlimpseError  # noqa: E402
from training import house_numbers, loop, svhn_sequences  # noqa: E402

CPU = torch.device("cpu")
SMALL = svhn_sequences.Config(svhn_sequences.TASK, rollouts=2, hidden=16)


@pytest.fixture(scope="module")
def mnist(tmp_path_factory):
    """Forty digits in MNIST's files, each with as many bars as it says."""
    folder = tmp_path_factory.mktemp("mnist")
    labels = (np.arange(40) % 10).astype(np.uint8)
    pixels = np.zeros((40, 28, 28), np.uint8)
    for image, label in zip(pixels, labels, strict=True):
        image[4 : 6 + 2 * label, 4:24:2] = 255
    for split in ("train", "t10k"):
        for name, data in (("images-idx3", pixels), ("labels-idx1", labels)):
            header = struct.pack(f">HBB{data.ndim}I", 0, 8, data.ndim, *data.shape)
            (folder / f"{split}-{name}-ubyte.gz").write_bytes(gzip.compress(header + data.tobytes()))
    return folder


def built(config, seed=0):
    torch.manual_seed(seed)
    return svhn_sequences.Sequences(config)


def inputs(config, rows, seed=0):
    """Noise to look at, and the symbols given."""
    g, b, m = torch.Generator().manual_seed(seed), len(rows), config.rollouts
    scenes = (torch.rand((b, 3, 54, 54), generator=g) * 255).round()
    first = torch.rand((b, m, 2), generator=g) * 2 - 1
    noise = torch.randn((config.glimpses - 1, b, m, 2), generator=g)
    return scenes, torch.tensor(rows), first, noise, 0.2, torch.randint(-1, 4, (b, m), generator=g)


FIVE, ONE = [1, 2, 3, 4, 5, 10], [7, 10, -1, -1, -1, -1]


def test_the_network_is_the_papers():
    net = svhn_sequences.Sequences(svhn_sequences.configure(svhn_sequences.Args(context=True)))
    convs = [layer for layer in net.what if isinstance(layer, torch.nn.Conv2d)]
    assert [(c.out_channels, c.kernel_size[0]) for c in convs] == [(64, 5), (64, 3), (128, 3)]
    assert (net.lower.hidden_size, net.upper.hidden_size) == (512, 512)
    assert net.config.glimpses == 18 and (net.config.fovea.g, net.config.fovea.scales) == (12, 2)
    assert net.classifier.out_features == 11


def test_pictures_are_cropped_where_asked():
    images = torch.arange(64 * 64 * 3).view(1, 64, 64, 3).expand(2, -1, -1, -1)
    scenes = house_numbers.crop(images, torch.tensor([[0, 10], [3, 4]]))
    assert scenes.shape == (2, 3, 54, 54)
    for scene, (top, left) in zip(scenes, [(0, 10), (3, 4)], strict=True):
        assert torch.equal(scene, images[0, top : top + 54, left : left + 54].permute(2, 0, 1).float())
    assert torch.equal(house_numbers.middle(images)[0, 0], images[0, 5:59, 5:59, 0].float())


@pytest.mark.parametrize("quadrant", range(4))
def test_the_overview_is_halved_where_the_picture_is(quadrant):
    scenes = torch.zeros(1, 3, 54, 54)
    down, across = divmod(quadrant, 2)
    scenes[..., 27 * down : 27 * (down + 1), 27 * across : 27 * (across + 1)] = 255
    overview = house_numbers.overview_of_rgb(scenes)
    assert overview.shape == (1, 1, 28, 28)
    halves = overview.view(2, 14, 2, 14).sum((1, 3))
    assert halves.flatten().argmax() == quadrant and (halves > 0).sum() == 1


def test_the_fovea_sees_colours_and_scales_as_channels():
    net, seen = built(SMALL), []
    net.what[0].register_forward_hook(lambda _, given, __: seen.append(given[0]))
    scenes, *rest = inputs(SMALL, [ONE, FIVE])
    scenes[:, 0], scenes[:, 1], scenes[:, 2] = 255, 51, 0
    scenes[1] *= 0.2
    net(scenes, rest[0], torch.zeros(2, 2, 2), *rest[2:])
    glimpse = seen[0]  # of the first look, at the middle
    assert glimpse.shape == (4, 6, 12, 12)
    for row, share in ((0, 1), (1, 1), (2, 0.2), (3, 0.2)):
        channels = glimpse[row, :, 6, 6].view(3, 2)
        assert torch.allclose(channels, share * torch.tensor([1.0, 0.2, 0.0])[:, None].expand(3, 2), atol=1e-6)


@pytest.mark.parametrize("reward", ["probability", "sequence"])
def test_what_comes_after_the_end_counts_for_nothing(reward):
    """Other noise after the end changes no gradient of the number that is over."""
    config, grads = replace(SMALL, reward=reward, context=True, entropy=True), []
    for change in (0, 1):
        net = built(config)
        scenes, symbols, first, noise, sigma, wild = inputs(config, [ONE])
        noise[5:] += change  # choices for the glimpses 7 to 18; the end is told after the 6th
        net(scenes, symbols, first, noise, sigma, wild)[0].backward()
        grads.append({name: p.grad.clone() for name, p in net.named_parameters()})
    for name in grads[0]:
        assert torch.equal(grads[0][name], grads[1][name]), name
    net = built(config)
    noise[4] += 1  # the last choice that counts
    net(scenes, symbols, first, noise, sigma, wild)[0].backward()
    assert not torch.equal(net.locator[0].weight.grad, grads[0]["locator.0.weight"])


def test_the_loss_is_the_cross_entropy_of_the_symbols_that_count():
    logits = torch.randn(6, 2, 11, generator=torch.Generator().manual_seed(0))
    truth = torch.tensor([ONE, FIVE]).T
    each = [-logits[j, n].log_softmax(-1)[symbol] for n, row in enumerate((ONE, FIVE)) for j, symbol in enumerate(row)]
    each = [x for x, symbol in zip(each, ONE + FIVE, strict=True) if symbol >= 0]
    assert len(each) == 8
    assert svhn_sequences.cross_entropy(logits, truth).item() == pytest.approx(torch.stack(each).mean().item())


def test_a_sequence_is_right_as_a_whole(monkeypatch):
    """A network that says 7, end, 0, 0, 0, 0 whatever it sees."""
    net = built(SMALL)
    said = torch.tensor([7, 10, 0, 0, 0, 0]).repeat_interleave(3)
    hidden = torch.nn.functional.one_hot(said, 16).float()[:, None]
    monkeypatch.setattr(net, "roll_out", lambda scenes, *_: (hidden.expand(-1, len(scenes), -1), None, None))
    with torch.no_grad():
        net.classifier.weight.copy_(torch.eye(11, 16))
        net.classifier.bias.zero_()
    rows = [ONE, [7, 1, 10, -1, -1, -1], [1, 10, -1, -1, -1, -1], FIVE, [7, 10, -1, -1, -1, -1]]
    pictures = house_numbers.Pictures(torch.zeros(5, 64, 64, 3, dtype=torch.uint8), torch.tensor(rows))
    assert svhn_sequences.sequence_error(net, pictures) == pytest.approx(3 / 5)


def test_the_parts_reach_what_they_should_and_begin_alike():
    grads, weights = {}, {}
    for name, options in {
        "plain": {},
        "entropy": {"entropy": True},
        "context": {"context": True},
        "top": {"top_down": True},
    }.items():
        config = replace(SMALL, **options)
        net, batch = built(config), inputs(config, [ONE, FIVE])
        weights[name] = {k: v.clone() for k, v in net.state_dict().items()}
        if name == "top":
            assert net(*batch)[1]["loss/q"] > 0
            continue
        net(*batch)[0].backward()
        grads[name] = {k: p.grad.clone() for k, p in net.named_parameters()}
    changed = {
        name: {k for k in grads["plain"] if not torch.allclose(grads[name][k], grads["plain"][k], atol=1e-7)}
        for name in ("entropy", "context")
    }
    assert changed["entropy"] and all(k.startswith("locator") for k in changed["entropy"])
    assert {"upper.weight_hh", "lower.weight_ih", "what.0.weight", "classifier.weight"} <= changed["context"]
    assert not any(k.startswith(("locator", "baseline")) for k in changed["context"])
    for other in weights.values():
        assert all(torch.equal(value, other[k]) for k, value in weights["plain"].items())


def test_it_learns_to_tell_two_pictures_apart():
    config = replace(SMALL, hidden=64, each=1)
    rows = [ONE, [3, 4, 10, -1, -1, -1]]
    net, batch = built(config), inputs(config, rows)
    optimizer, losses = torch.optim.Adam(net.parameters(), 3e-3), []
    for _ in range(60):
        loss, figures = net(*batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(figures["loss/class"].item())
    assert losses[0] > 2 and losses[-1] < 0.5, "who cannot tell them apart is left with 0.55"


def test_a_short_run_says_that_its_numbers_are_generated(mnist, tmp_path, capsys):
    words = f"--data {tmp_path / 'none'} --mnist {mnist} --out {tmp_path / 'out'} --images 30 --batch 3 --hidden 16"
    words += " --rollouts 2 --steps 2 --accelerator cpu --top-down --entropy --context"
    path = svhn_sequences.train(tyro.cli(svhn_sequences.Args, args=words.split()))
    shown = capsys.readouterr().err
    assert "27 pictures to train on: numbers generated of MNIST's digits, for want of SVHN" in shown
    assert "% of 30 test sequences wrong: numbers generated" in shown and "held_out/sequence_error" in shown
    state = loop.read_checkpoint(path)
    assert state["step"] == 2 and state["config"]["method"] == "svhn-sequences"
    assert "generated" in state["config"]["data"]
    sets = house_numbers.load(tmp_path, mnist, 30, CPU)
    assert (len(sets.train.images), len(sets.held_out.images)) == (27, 3)


def test_extra_numbers_are_trained_on_too(tmp_path):
    io = pytest.importorskip("scipy.io")
    pixels = np.zeros((32, 32, 3, 20), np.uint8)
    for split, label in (("train", 1), ("extra", 2), ("test", 3)):
        io.savemat(tmp_path / f"{split}_32x32.mat", {"X": pixels, "y": np.full((20, 1), label, np.uint8)})
    sets = house_numbers.load(tmp_path, tmp_path / "no mnist", None, CPU)
    assert sets.kind == "SVHN, single digits"
    assert (len(sets.train.images), len(sets.held_out.images), len(sets.test.images)) == (36, 4, 20)
    assert set(sets.train.symbols[:, 0].tolist()) == {1, 2} and set(sets.test.symbols[:, 0].tolist()) == {3}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--each", "0"], "--each 0, .*expected at least 1"),
        (["--rollouts", "0"], "--rollouts 0, .*expected at least 1"),
        (["--beta1", "-1"], "--beta1 -1.0, .*expected none below 0"),
    ],
)
def test_refusals(words, message):
    with pytest.raises(GlimpseError, match=message):
        svhn_sequences.configure(tyro.cli(svhn_sequences.Args, args=words))


def test_a_folder_with_neither_is_refused(tmp_path):
    with pytest.raises(GlimpseError, match="expected an IDX file of MNIST"):
        house_numbers.load(tmp_path, tmp_path, None, CPU)
    with pytest.raises(GlimpseError, match="1 pictures: expected at least 2"):
        house_numbers.load(tmp_path, tmp_path, 1, CPU)
