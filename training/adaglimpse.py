"""AdaGlimpse (Pardyl et al., ECCV 2024): learn where and how closely to look, by Soft Actor-Critic.

    python -m training.adaglimpse --scene runs/elastic/checkpoint.pt --data ../shared/data/panoramas/train \
        --out runs/adaglimpse --minutes 30

The scene model comes trained on random glimpses (`training.elastic_pretrain`). In the order of the algorithm: explore
scenes with the actor, uniformly at random to begin with; put every step into the replay buffer; after each, one update
of critics, actor and temperature (Haarnoja et al. 2018, "Soft Actor-Critic Algorithms and Applications", automatic
temperature); the scene model is frozen for the first `--freeze` epochs, then every other epoch trains it instead, on
the actor's glimpses. The same command runs on a CPU and a GPU and goes on where it stopped; the replay buffer is
filled anew then. Under torchrun each process explores its own scenes and gradients are averaged.
"""

from __future__ import annotations

import copy
import math
import sys
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import tyro
from lightning_fabric import Fabric
from torch import Tensor, nn

from glimpse_ros.core.types import GlimpseError

from . import augment, labelled, loop, retina
from .adaglimpse_args import Args, check
from .elastic_loss import losses
from .elastic_pretrain import load_scene_model, squashed
from .elastic_tokens import ElasticVit
from .elastic_vit import ElasticConfig
from .glimpse_agent import ACTIONS, Actor, AgentConfig, Critic, expected_drop, to_views
from .glimpse_env import Exploration, Rewards, Scenes
from .replay import Replay
from .slew import scene_fov
from .token_agent import agent_for

GUIDES = 64  # actions, of which a guided one is the best


@dataclass(frozen=True)
class Config:
    """What a checkpoint must agree with."""

    scene: ElasticConfig
    agent: AgentConfig
    rewards: Rewards
    glimpses: int


class Agent(nn.Module):
    """Actor, critics, the critics' slow copies and the temperature."""

    def __init__(self, config: AgentConfig, temperature: float) -> None:
        super().__init__()
        self.actor, self.critic = Actor(config), Critic(config)
        self.target = copy.deepcopy(self.critic).requires_grad_(False)
        self.log_alpha = nn.Parameter(torch.tensor(math.log(temperature)))


class Learner:
    """Soft Actor-Critic on an Agent."""

    def __init__(self, fabric: Fabric, agent: Agent, args: Args) -> None:
        self.fabric, self.agent, self.args = fabric, agent, args
        parts = {"actor": agent.actor.parameters(), "critic": agent.critic.parameters(), "alpha": [agent.log_alpha]}
        self.optimizers = {name: torch.optim.AdamW(p, lr=args.lr, weight_decay=1e-4) for name, p in parts.items()}

    def update(self, steps: tuple[Tensor, ...]) -> dict[str, float]:
        """One update of critics, actor, temperature and targets from a batch of steps."""
        agent, args = self.agent, self.args
        belief, limits, action, reward, after, ended = steps
        alpha = agent.log_alpha.exp().detach()
        with torch.no_grad():
            follow, log = agent.actor.sample(after, limits)
            some = 2 * torch.rand(len(follow), args.candidates, ACTIONS, device=follow.device) - 1
            least = agent.target(after, limits, torch.cat([follow[:, None], some], 1)).amin(0)  # (B, 1 + candidates)
            value = torch.cat([least[:, :1] - alpha * log[:, None], least[:, 1:]], 1).amax(1)
            goal = reward + args.gamma * (1 - ended) * value
        critic_loss = (agent.critic(belief, limits, action[:, None])[..., 0] - goal).square().mean()
        self.step("critic", critic_loss)
        chosen, log = agent.actor.sample(belief, limits)
        for weight in agent.critic.parameters():
            weight.requires_grad_(False)
        actor_loss = (alpha * log - agent.critic(belief, limits, chosen[:, None]).amin(0)[:, 0]).mean()
        self.step("actor", actor_loss)
        for weight in agent.critic.parameters():
            weight.requires_grad_(True)
        self.step("alpha", -(agent.log_alpha * (log.detach() + args.target_entropy).mean()))
        with torch.no_grad():
            torch._foreach_lerp_(list(agent.target.parameters()), list(agent.critic.parameters()), args.tau)
        return {"critic": critic_loss.item(), "alpha": alpha.item(), "entropy": -log.mean().item()}

    def anneal(self, progress: float) -> None:
        """Set the learning rate for where a run is, progress in [0, 1]."""
        rate = self.args.lr * min(1.0, (1 - progress) / max(self.args.anneal, 1e-9))
        for optimizer in self.optimizers.values():
            optimizer.param_groups[0]["lr"] = rate

    def step(self, name: str, loss: Tensor) -> None:
        """Follow a loss's gradient, averaged over processes."""
        optimizer = self.optimizers[name]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        average_gradients(self.fabric, weights)
        if torch.isfinite(torch.nn.utils.clip_grad_norm_(weights, 10.0)):  # else one bad step would be for good
            optimizer.step()


def average_gradients(fabric: Fabric, weights: list[Tensor]) -> None:
    """Over processes, in place."""
    if fabric.world_size > 1:
        for weight in weights:
            if weight.grad is not None:
                weight.grad.copy_(fabric.all_reduce(weight.grad, reduce_op="mean"))  # type: ignore[arg-type]


class Run:
    """Everything of a training run; `rl_round` and `scene_round` are its two kinds of turns."""

    def __init__(self, fabric: Fabric, args: Args, data: labelled.Labelled, net: ElasticVit) -> None:
        self.fabric, self.args, self.data, self.net = fabric, args, data, net
        c = net.config
        rewards = Rewards(args.per, args.slew, args.glimpse_size)
        agent = agent_for(c, args.width, args.hidden, args.blind, **asdict(rewards))
        self.config = Config(c, agent, rewards, args.glimpses)
        fov = scene_fov(c.spherical)
        self.least = c.glimpse / c.width
        self.widest = min(1.0, max(self.least, math.radians(args.max_fov) / fov))
        amp = fabric.device.type != "cpu" or args.precision != "32-true"
        self.precision = partial(torch.autocast, fabric.device.type, dtype=torch.bfloat16) if amp else nullcontext
        self.world = Exploration(net, self.config.rewards, fov, self.precision)
        self.agent = Agent(self.config.agent, args.temperature).to(fabric.device)
        self.learner = Learner(fabric, self.agent, args)
        self.scene_optimizer = torch.optim.AdamW(net.parameters(), lr=args.scene_lr, weight_decay=args.weight_decay)
        self.batches = augment.Batches(data, args.batch, c.height, c.width, args.seed)
        share = args.batch // fabric.world_size
        self.part = slice(fabric.global_rank * share, (fabric.global_rank + 1) * share)
        self.replay: Replay | None = None
        self.round = self.seen = self.dropped = 0
        self.seconds = 0.0

    def begin(self) -> tuple[Scenes, Tensor, Tensor | None, torch.Generator]:
        """A round's scenes, limits (B, 3, 2), first views (B, 3) where given, and this process's source of chance."""
        args, device = self.args, self.fabric.device
        scene, _, maps, answers = self.batches(self.round, self.part)
        shared = torch.Generator().manual_seed(args.seed * 1_000_003 + self.round)
        free, given = (bool(torch.rand(1, generator=shared) < share) for share in (args.free, args.given))
        own = torch.Generator().manual_seed((args.seed * 1_000_003 + self.round) * 64 + self.fabric.global_rank)
        count = len(scene)
        scene = squashed(scene, torch.rand(count, generator=own) < args.squash)
        s = torch.tensor([self.least, 1.0 if free else self.widest])
        limits = torch.stack([torch.tensor([-1.0, 1.0]), torch.tensor([-1.0, 1.0]), s])
        x = 2 * torch.rand(count, generator=own) - 1
        if not self.net.config.spherical:
            x = x * (1 - s[1])
        first = torch.stack([x, torch.zeros(count), s[1].expand(count)], 1)
        scenes = tuple(None if p is None else p.to(device) for p in (scene, maps, answers))
        limits = limits.expand(count, 3, 2).to(device)
        return scenes, limits, first.to(device) if given else None, own  # type: ignore[return-value]

    def act(self, belief: Tensor, limits: Tensor, explore: bool) -> Tensor:
        """Actions (B, 3): the actor's mean; or, to explore, its samples, strays and guided ones, see `Args`.

        Until the buffer is warm none is the actor's.
        """
        args, warm = self.args, self.seen >= self.args.warm
        with torch.no_grad():
            if not explore:
                return self.agent.actor(belief, limits)[0].tanh()
            anywhere = 2 * torch.rand(len(belief), GUIDES, ACTIONS, device=belief.device) - 1
            chosen = self.agent.actor.sample(belief, limits)[0] if warm else anywhere[:, 0]
            some, kind = torch.cat([chosen[:, None], anywhere], 1), torch.rand_like(chosen[:, :1])
            rows = torch.arange(len(some), device=some.device)
            if args.guide and not self.config.agent.blind:
                guided = some[rows, expected_drop(some, belief, limits, self.config.agent).argmax(1)]
                chosen = torch.where(kind < args.guide, guided, chosen)
            if args.greedy and warm:
                best = some[rows, self.agent.critic(belief, limits, some).amin(0).argmax(1)]
                chosen = torch.where(kind > 1 - args.greedy, best, chosen)
            strays = torch.rand_like(kind) < args.stray
        return torch.where(strays, anywhere[:, 0], chosen)

    def rl_round(self) -> dict[str, float]:
        """Explore a batch of scenes to the end; every step is stored, and followed by `updates` of the agent."""
        scenes, limits, first, own = self.begin()
        self.net.eval()
        belief = self.world.reset(scenes, limits)
        if first is not None:
            belief, _ = self.world.step(first)
        alive = torch.isfinite(belief).flatten(1).all(1)
        start, steps = self.world.score.clone(), []
        figures: dict[str, float] = {}
        for t in range(int(first is not None), self.args.glimpses):
            action = self.act(torch.nan_to_num(belief), limits, explore=True)
            after, reward = self.world.step(to_views(action, torch.nan_to_num(belief), limits, self.config.agent))
            reward = torch.where(limits[:, 2, 1] > self.widest, self.args.free_weight * reward, reward)
            alive &= torch.isfinite(after).flatten(1).all(1) & torch.isfinite(reward)
            ended = torch.full_like(reward, float(t == self.args.glimpses - 1))
            steps.append((belief, limits, action, reward, after, ended))
            belief = after
            if self.replay is not None and self.replay.count >= min(self.args.warm, self.args.replay_batch):
                for _ in range(self.args.updates):
                    figures = self.learner.update(self.replay.draw(self.args.replay_batch, own))
        self.dropped += int((~alive).sum())  # an episode with a NaN in it teaches nothing
        if self.replay is None:
            self.replay = Replay(self.args.replay, belief.shape[1], belief.shape[2], belief.device)
        for step in steps:
            self.replay.add(*(part[alive] for part in step))
        self.seen += int(alive.sum()) * len(steps)
        gained = (self.world.score - start)[alive]
        return {**figures, "gained": float(gained.mean()), "final": -float(self.world.score[alive].mean())}

    def scene_round(self) -> dict[str, float]:
        """Train the scene model on the glimpses that the actor takes (the paper: one loss an episode, at its end)."""
        scenes, limits, first, _ = self.begin()
        images, maps, answers = scenes
        image, net, c = images.float() / 255, self.net.train(), self.net.config
        memory, taken = net.empty(len(image)), torch.zeros_like(limits[..., 0])
        for t in range(self.args.glimpses):
            if t == 0 and first is not None:
                view = first
            else:
                with torch.no_grad(), self.precision():
                    belief = net.belief(memory, net.look(memory), taken).float()
                view = to_views(self.act(belief, limits, explore=True), belief, limits, self.config.agent)
            glimpse, taken = retina.sample(image, view, c.glimpse, c.spherical)
            with self.precision():
                memory = net.write(memory, glimpse, taken)
        with self.precision():
            loss, figures = losses(net, memory, image, torch.ones_like(image[:, :1]), maps, answers)
        if not torch.isfinite(loss):
            self.dropped += len(image)
            return {}
        self.scene_optimizer.zero_grad(set_to_none=True)
        loss.backward()
        average_gradients(self.fabric, list(net.parameters()))
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        self.scene_optimizer.step()
        return {f"scene/{name}": float(value) for name, value in figures.items()}

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        optimizers = {name: o.state_dict() for name, o in self.learner.optimizers.items()}
        weights = {f"scene.{name}": value for name, value in self.net.state_dict().items()}
        return {
            "config": self.described(),
            "average": weights,
            "agent": self.agent.state_dict(),
            "optimizers": {**optimizers, "scene": self.scene_optimizer.state_dict()},
            "counts": [self.round, self.seen, self.dropped],
            "seconds": self.seconds,
        }

    def described(self) -> dict[str, Any]:
        """The configuration in plain numbers and words; the scene's on top, where its loader looks."""
        c = self.config
        parts = {"agent": asdict(c.agent), "rewards": asdict(c.rewards), "glimpses": c.glimpses}
        return {"method": "adaglimpse", **c.scene.described(), **parts}

    def restore(self, path: Path) -> None:
        """Raises GlimpseError for a checkpoint of another configuration."""
        state = loop.read_checkpoint(path, self.described())
        self.net.load_state_dict({k.removeprefix("scene."): v for k, v in state["average"].items()})
        load_agent(self.agent, state, path)
        for name, optimizer in {**self.learner.optimizers, "scene": self.scene_optimizer}.items():
            optimizer.load_state_dict(state["optimizers"][name])
        self.round, self.seen, self.dropped = state["counts"]
        self.seconds = state["seconds"]


def load_agent(agent: Agent, state: dict[str, Any], path: Path) -> None:
    """Raises GlimpseError for weights of another agent, or none."""
    try:
        agent.load_state_dict(state["agent"])
    except (KeyError, RuntimeError) as error:
        first = " ".join(str(error).split())[:120]
        raise GlimpseError(
            f"{path}: holds no agent of these sizes ({first}); expected that of the same options"
        ) from None


def train(args: Args) -> Path:
    """Train, resuming where a checkpoint is; returns its path. Raises GlimpseError for what cannot be trained."""
    from torch.utils.tensorboard import SummaryWriter

    check(args)
    fabric = loop.launch(args)
    torch.manual_seed(args.seed * 64 + fabric.global_rank)
    net = load_scene_model(args.scene).to(fabric.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    c = net.config
    data = labelled.load(args.data, "train", (c.height * args.finer, c.width * args.finer))
    if c.labels and data.maps is None:
        raise GlimpseError(f"--data {args.data}: has no label maps; {args.scene} was trained to segment")
    run = Run(fabric, args, data, net)
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "checkpoint.pt"
    if path.exists():
        run.restore(path)
    elif args.init is not None:
        load_agent(run.agent, loop.read_checkpoint(args.init), args.init)
        run.seen = args.warm  # it need not begin at random
    log = SummaryWriter(str(args.out)) if fabric.is_global_zero else None
    started, before, saved = time.monotonic(), run.seconds, time.monotonic()
    while True:
        progress = run.seconds / (60 * args.minutes) if args.minutes else run.round / max(args.steps, 1)
        progress = float(fabric.broadcast(progress)) if fabric.world_size > 1 else progress
        if progress >= 1:
            break
        run.learner.anneal(progress)
        epoch = run.round // args.epoch
        figures = run.rl_round() if epoch < args.freeze or epoch % 2 == 0 else run.scene_round()
        run.round, run.seconds = run.round + 1, before + time.monotonic() - started
        if log is None:
            continue
        for name, value in {**figures, "dropped": run.dropped}.items():
            log.add_scalar(name, value, run.round)
        last = run.seconds >= 60 * args.minutes if args.minutes else run.round >= args.steps
        if last or time.monotonic() - saved > args.save_every:
            shown = "  ".join(f"{name} {value:.3g}" for name, value in figures.items())
            print(f"round {run.round}  {run.seconds / 60:.1f} min  steps {run.seen}  {shown}", file=sys.stderr)
            torch.save(run.state(), path.with_suffix(".tmp"))
            path.with_suffix(".tmp").replace(path)
            saved = time.monotonic()
    if log is not None:
        log.close()
    return path


if __name__ == "__main__":
    try:
        print(train(tyro.cli(Args)))
    except GlimpseError as error:
        sys.exit(str(error))
