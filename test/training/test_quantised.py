"""Convolutions in integers: which ones, how near to the exact ones, and in how many bits."""

import numpy as np
import onnx
import onnxruntime
import pytest

torch = pytest.importorskip("torch")
from training.export import to_onnx  # noqa: E402
from training.quantised import quantised  # noqa: E402

SIZE = 16


def graph(kernels=((8, 3, 3), (8, 8, 3), (4, 8, 1))):
    """Convolutions of (outputs, inputs, side) one after the other, of pictures SIZE pixels wide."""
    torch.manual_seed(0)
    layers = [torch.nn.Conv2d(i, o, side, padding=side // 2) for o, i, side in kernels]
    net = torch.nn.Sequential(*(part for layer in layers for part in (layer, torch.nn.ReLU()))).eval()
    return to_onnx(net, (torch.rand(1, kernels[0][1], SIZE, SIZE),), ["x"], ["y"])


def feeds(count, seed=0):
    rng = np.random.default_rng(seed)
    return [{"x": rng.random((1, 3, SIZE, SIZE), np.float32), "unused": np.zeros(1, np.float32)} for _ in range(count)]


def run(model, feed):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": feed["x"]})[0]


def in_integers(model):
    """Shapes of the weights that are kept in integers."""
    return [list(w.dims) for w in model.graph.initializer if w.data_type == onnx.TensorProto.INT8 and len(w.dims) == 4]


def test_large_convolutions_are_in_integers_and_nearly_the_same():
    model = graph()
    made = quantised(model, feeds(8), least=8 * 8 * 9 * SIZE**2)
    assert in_integers(made) == [[8, 8, 3, 3]], "the first is too small, the last has one pixel"
    assert len(in_integers(quantised(model, feeds(8), least=1))) == 2
    for feed in feeds(3, seed=1):
        exact, found = run(model, feed), run(made, feed)
        assert 1e-5 < np.sqrt(np.square(found - exact).mean() / np.square(exact).mean()) < 0.03


def test_weights_have_seven_bits_and_each_output_its_scale():
    """With eight, sums would overflow on processors without VNNI."""
    made = quantised(graph(), feeds(4), least=8 * 8 * 9 * SIZE**2)
    weights = {w.name: onnx.numpy_helper.to_array(w) for w in made.graph.initializer}
    (kernel,) = (w for w in weights.values() if w.dtype == np.int8 and w.ndim == 4)
    assert kernel.min() >= -64 and kernel.max() <= 64
    assert (np.abs(kernel).reshape(8, -1).max(1) >= 63).all(), "every output uses them all"


def test_older_runtimes_are_asked_for_no_more_than_before():
    model = graph()
    made = quantised(model, feeds(2), least=1)
    assert [(o.domain, o.version) for o in made.opset_import] == [("", 17)] and not made.metadata_props
    assert made.ir_version <= model.ir_version


def test_where_nothing_is_large_nothing_is_changed():
    model = graph()
    assert quantised(model, feeds(1)) is model
