"""Two processes under torchrun train what one trains, to float rounding.

By hand, on any task and any number of machines (on several, --nnodes and the first one's address):

    python -m torch.distributed.run --nproc_per_node 2 --master_addr 127.0.0.1 -m training.ram --precision 32-true \
        --steps 5 --out runs/two
    python -m training.ram --precision 32-true --steps 5 --out runs/one
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from digit_making import write_mnist

torch = pytest.importorskip("torch")
from training import active_sampling, ram  # noqa: E402
from training.fovea import integral_image  # noqa: E402
from training.loop import read_checkpoint  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
SMALL = {"images": 200, "steps": 5, "batch": 12, "glimpses": 4, "hidden": 32, "what": 16, "accelerator": "cpu"}


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def shown(stderr: str) -> dict[str, float]:
    """What the line of progress of the last step says."""
    line = [line for line in stderr.splitlines() if line.startswith("step 5 ")][-1]
    return {name: float(value) for name, value in re.findall(r"(\S+) (-?[\d.][-+\d.e]*)(?=  |$)", line)}


def test_two_processes_reach_the_same_loss_as_one(tmp_path, capsys):
    data, one, two = write_mnist(tmp_path / "mnist"), tmp_path / "one", tmp_path / "two"
    words = [f"--{name}={value}" for name, value in SMALL.items()]
    words += [f"--data={data}", f"--out={two}", "--precision=32-true"]
    launch = ["torch.distributed.run", "--nproc_per_node", "2", "--master_addr", "127.0.0.1"]
    command = [sys.executable, "-m", *launch, "--master_port", str(free_port()), "-m", "training.ram", *words]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr
    assert "Starting with 2 processes" in done.stderr

    ram.train(ram.Args(data=data, out=one, precision="32-true", **SMALL))
    alone, pair = shown(capsys.readouterr().err), shown(done.stderr)
    for name in ("loss/class", "loss/value", "train/accuracy", "held_out/accuracy"):
        assert pair[name] == pytest.approx(alone[name], rel=2e-3), "as many digits as are shown"
    a, b = (read_checkpoint(out / "checkpoint.pt") for out in (one, two))
    assert a["config"] == b["config"] and a["step"] == b["step"] == 5
    for part in ("net", "average"):
        for name, weight in a[part].items():
            assert torch.allclose(weight, b[part][name], atol=2e-6), name


CASES = {
    "ram": (ram, ram.Ram, ram.Args(glimpses=4)),
    "ram, random": (ram, ram.Ram, ram.Args(glimpses=3, random_locations=True, core="lstm")),
    "ram, one roll-out": (ram, ram.Ram, ram.Args(glimpses=3, rollouts=1, supervise="last")),
    "ram, one glimpse": (ram, ram.Ram, ram.Args(glimpses=1)),
    "active sampling": (active_sampling, active_sampling.ActiveSampling, active_sampling.Args(glimpses=3)),
}


@pytest.mark.parametrize("case", CASES)
def test_the_mean_over_shares_is_the_mean_over_the_batch(case):
    """What DistributedDataParallel asks of a loss: equal shares average to the whole, and reach every weight."""
    module, network, args = CASES[case]
    torch.manual_seed(0)
    net = network(module.configure(replace(args, hidden=32, what=16)))
    m, t = net.config.rollouts, net.config.glimpses
    integral = integral_image(torch.randint(256, (8, 28, 28)).float())
    labels, first, noise = torch.arange(8), torch.rand(8, m, 2) * 2 - 1, torch.randn(t - 1, 8, m, 2)

    def learned(part):
        net.zero_grad()
        loss, figures = net(integral[part], labels[part], first[part], noise[:, part], 0.2)
        loss.backward()
        assert all(torch.isfinite(torch.as_tensor(value)) for value in figures.values())
        return loss.detach(), [p.grad for p in net.parameters()]

    whole, gradients = learned(slice(None))
    halves = [learned(slice(0, 4)), learned(slice(4, 8))]
    assert whole.item() == pytest.approx(sum(loss.item() for loss, _ in halves) / 2, rel=1e-5)
    for grad, *parts in zip(gradients, *(grads for _, grads in halves), strict=True):
        assert grad is not None and torch.allclose(grad, (parts[0] + parts[1]) / 2, atol=1e-5)
