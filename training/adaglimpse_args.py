"""What can be asked of `training.adaglimpse`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from glimpse_ros.core.types import GlimpseError

from . import loop


@dataclass
class Args(loop.LoopArgs):
    """What to explore, and for how long."""

    scene: Path = Path("runs/elastic/checkpoint.pt")
    """the pretrained scene model, of training.elastic_pretrain"""
    data: str = "../shared/data/panoramas/train"
    """folder of panoramas or images, bags, or kind:PATH"""
    out: Path = Path("runs/adaglimpse")
    """checkpoint.pt and TensorBoard logs; running the command again goes on from there"""
    finer: int = 2
    """images are kept so many times as large as the scene"""
    glimpses: int = 12
    """glimpses an episode"""
    given: float = 0.5
    """share of the rounds whose first view is given: level, at a random heading, at the widest"""
    stray: float = 0.1
    """share of the actions that go anywhere, also later on: critics that compare places have to know them all"""
    guide: float = 0.3
    """share of the actions that are the best of some by what the scene model expects: ours; 0 as in the paper"""
    greedy: float = 0.4
    """share of the actions that are the best of some by the critics: ours; 0 as in the paper"""
    candidates: int = 0
    """random actions beside the actor's, the best of which the critics look forward to (expected-max Q-learning,
    Ghasemipour et al. 2021): ours; with 16 and --gamma 0.99 they ran away; 0: the actor's alone, as in the paper"""
    batch: int = 16
    """scenes explored at once, over all processes"""
    max_fov: float = 60.0
    """[deg] widest view of the episodes that are not free"""
    free: float = 0.5
    """share of the rounds in which a glimpse may span the scene"""
    squash: float = 0.2
    """share of the scenes that come through 224 x 224 pixels, as the paper's do"""
    freeze: int = 1_000_000
    """epochs that train the agent alone; then every other one trains the scene model (the paper: 10 to 30)"""
    epoch: int = 8
    """rounds of whole episodes an epoch"""
    steps: int = 400
    """rounds in all, where no minutes are given"""
    warm: int = 600
    """steps at random before the actor explores, over all scenes (the paper: 10,000)"""
    replay: int = 12_000
    """steps that the buffer holds, a quarter of a megabyte each with the map of panoramas"""
    replay_batch: int = 128
    """steps an update learns from; the paper's is 128 or 256"""
    updates: int = 1
    """a step of all scenes, as in the paper"""
    lr: float = 1e-3
    """of the agent, to begin with"""
    anneal: float = 0.5
    """share of the run, its end, over which the agent's learning rate falls to nothing; 0 as in the paper"""
    scene_lr: float = 1e-4
    """of the scene model in its own epochs"""
    gamma: float = 0.99
    """what a reward is worth one glimpse later; at 0 critics learn what a look gains by itself, which is steadier"""
    tau: float = 0.005
    """how fast the target critics follow"""
    target_entropy: float = -3.0
    """[nats] of the actor's actions, which the temperature is learned for; minus their number, as in the paper"""
    temperature: float = 0.1
    """to begin with; it is learned"""
    width: int = 32
    """of the agent's encoders; the paper's is 128"""
    hidden: int = 128
    """of the agent's heads; the paper's is 256"""
    blind: bool = False
    """the critics do not see what an action would cover, as in the paper; always so with the memory `tokens`"""
    per: float = 0.3
    """reward per unit of score; scores are RMSE on 0-255, ten times the cross-entropy of maps, that of classes"""
    free_weight: float = 4.0
    """rewards count so many times where a glimpse may span the scene: they are smaller there"""
    slew: float = 0.0
    """cost of a second of motion in units of score; 0 as in the paper"""
    glimpse_size: float = 0.0
    """the paper's penalty on large glimpses, in units of score for one as wide as the scene"""


def check(args: Args) -> None:
    """Raises GlimpseError for numbers that no run has."""
    least = {"glimpses": 2, "epoch": 1, "freeze": 0, "warm": 1, "replay": 1, "replay_batch": 1, "updates": 0}
    least |= {"candidates": 0}
    for name, smallest in least.items():
        if getattr(args, name) < smallest:
            raise GlimpseError(f"--{name.replace('_', '-')} {getattr(args, name)}: expected at least {smallest}")
    if args.replay < args.batch:
        raise GlimpseError(f"--replay {args.replay}: expected at least --batch {args.batch}, the steps of one moment")
    for name in ("free", "given", "stray", "guide", "greedy", "squash", "anneal"):
        if not 0 <= getattr(args, name) <= 1:
            raise GlimpseError(f"--{name} {getattr(args, name):g}: expected a share, 0 to 1")
    if not 0 < args.max_fov <= 360:
        raise GlimpseError(f"--max-fov {args.max_fov:g}: expected degrees above 0, at most 360")
