"""The encoder has torchvision's names and shapes, takes the well-known checkpoint, and no other."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from glimpse_ros.core.types import GlimpseError  # noqa: E402
from training.resnet import STRIDES, ResNet, load_weights  # noqa: E402


def expected(width: int = 64, stages: int = 3) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a ResNet-18's state, by the rule that torchvision's follow."""

    def norm(name: str, channels: int) -> dict[str, tuple[int, ...]]:
        values = dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (channels,))
        return {f"{name}.{k}": shape for k, shape in {**values, "num_batches_tracked": ()}.items()}

    found = {"conv1.weight": (width, 3, 7, 7), **norm("bn1", width)}
    inputs = width
    for stage in range(stages):
        outputs = width * 2**stage
        for block in range(2):
            at = f"layer{stage + 1}.{block}"
            found |= {f"{at}.conv1.weight": (outputs, inputs, 3, 3), **norm(f"{at}.bn1", outputs)}
            found |= {f"{at}.conv2.weight": (outputs, outputs, 3, 3), **norm(f"{at}.bn2", outputs)}
            if stage and not block:
                found |= {f"{at}.downsample.0.weight": (outputs, inputs, 1, 1), **norm(f"{at}.downsample.1", outputs)}
            inputs = outputs
    return found


def whole(width: int = 8, seed: int = 0) -> dict[str, torch.Tensor]:
    """The state of a whole ResNet-18 of a small width."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {**expected(width, stages=4), "fc.weight": (1000, 8 * width), "fc.bias": (1000,)}
    state = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    return {k: torch.tensor(7) if k.endswith("num_batches_tracked") else v.abs() for k, v in state.items()}


def test_it_is_a_resnet_18_without_its_last_stage():
    net = ResNet()
    assert {name: tuple(value.shape) for name, value in net.state_dict().items()} == expected()
    assert sum(p.numel() for p in net.parameters()) == 11_689_512 - 513_000 - 8_393_728 == 2_782_784
    assert net.channels == (64, 64, 128, 256)


@pytest.mark.parametrize(("height", "width"), [(48, 48), (48, 64), (160, 96)])
def test_each_level_is_as_large_as_its_stride_says(height, width):
    torch.manual_seed(0)
    levels = ResNet(8).eval()(torch.rand(2, 3, height, width))
    assert [tuple(f.shape) for f in levels] == [
        (2, c, height // d, width // d) for c, d in zip((8, 8, 16, 32), STRIDES, strict=True)
    ]
    assert all(f.min() == 0 and f.max() > 0 for f in levels), "after a ReLU"


def test_images_are_normalised_as_the_well_known_weights_expect():
    """ImageNet's mean colour gives what zero gives a network without a mean."""
    torch.manual_seed(0)
    net = ResNet(8).eval()
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    brighter = mean + torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    with torch.no_grad():
        assert all(not level.any() for level in net(mean.expand(1, 3, 48, 48)))
        stem = net(brighter.expand(1, 3, 48, 48))[0]
        by_hand = torch.relu(net.bn1(net.conv1(torch.ones(1, 3, 48, 48))))
    assert torch.allclose(stem, by_hand, atol=1e-5)


def test_a_pixel_is_seen_by_the_cell_that_it_lies_in():
    """Where a feature lies in its map is where it came from: memories depend on it."""
    torch.manual_seed(0)
    net = ResNet(8).eval()
    image = torch.full((1, 3, 96, 128), 0.4)
    spot = image.clone()
    spot[..., 52:60, 84:92] = 1
    with torch.no_grad():
        for dark, lit, stride in zip(net(image), net(spot), STRIDES, strict=True):
            change = (lit - dark).abs().sum((0, 1))
            y, x = ((torch.arange(n) + 0.5) * stride for n in change.shape)
            middle = [(change.sum(1) @ y / change.sum()).item(), (change.sum(0) @ x / change.sum()).item()]
            assert middle == pytest.approx([56, 88], abs=2 + stride / 2), stride


def test_a_whole_resnet_18_is_taken_over(tmp_path):
    state = whole()
    torch.save(state, tmp_path / "resnet18.pth")
    net = ResNet(8)
    load_weights(net, tmp_path / "resnet18.pth")
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())


def test_a_file_from_before_batches_were_counted_is_taken_over(tmp_path):
    state = {name: value for name, value in whole().items() if not name.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "old.pth")
    net = ResNet(8)
    load_weights(net, tmp_path / "old.pth")
    assert torch.equal(net.layer3[1].conv2.weight, state["layer3.1.conv2.weight"])
    assert net.bn1.num_batches_tracked == 0


def without(state, *names):
    return {name: value for name, value in state.items() if name not in names}


SPOILT = {
    "nothing in it": (lambda s: {}, "lacks bn1.bias (75 in all)"),
    "one lacks": (lambda s: without(s, "layer2.0.downsample.0.weight"), "lacks layer2.0.downsample.0.weight (1 in"),
    "one too many": (lambda s: {**s, "layer1.0.bn3.weight": torch.ones(3)}, "has also layer1.0.bn3.weight (1 in"),
    "a deeper one": (
        lambda s: {**s, **{f"layer3.2.conv{k}.weight": torch.ones(1) for k in (1, 2)}},
        "has also layer3.2.conv1.weight (2 in all)",
    ),
    "other shape": (
        lambda s: {**s, "layer3.1.conv2.weight": torch.ones(32, 16, 3, 3)},
        "has in another shape layer3.1.conv2.weight (1 in all)",
    ),
    "wider": (lambda s: whole(16), "has in another shape bn1.bias (75 in all)"),
    "another network": (lambda s: {"features.0.weight": torch.ones(2)}, "lacks bn1.bias"),
    "under a prefix": (lambda s: {f"module.{k}": v for k, v in s.items()}, "lacks bn1.bias"),
    "a checkpoint around it": (lambda s: {"state_dict": s, "epoch": 3}, "is no dictionary of tensors"),
    "a list": (lambda s: list(s.values()), "is no dictionary of tensors"),
    "one tensor": (lambda s: torch.ones(3), "is no dictionary of tensors"),
    "numbers for names": (lambda s: {0: torch.ones(3)}, "is no dictionary of tensors"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_the_weights_of_another_network_are_refused(tmp_path, how):
    change, words = SPOILT[how]
    path = tmp_path / "weights.pth"
    torch.save(change(whole()), path)
    refused(path, words)


def test_what_holds_no_weights_is_refused(tmp_path):
    path = tmp_path / "weights.pth"
    refused(path, "does not exist")
    refused(tmp_path, "holds no weights (IsADirectoryError)")
    for content in (b"", b"hello", b"PK\x03\x04" + bytes(100)):
        path.write_bytes(content)
        refused(path, "holds no weights")
    torch.save(ResNet(8), path)
    refused(path, "holds no weights (UnpicklingError)")


def refused(path, words):
    net = ResNet(8)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with pytest.raises(GlimpseError) as err:
        load_weights(net, path)
    sentence = str(err.value)
    assert sentence.startswith(f"{path}: ") and words in sentence and "of a ResNet-18" in sentence, sentence
    assert "\n" not in sentence
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items()), "half loaded"
