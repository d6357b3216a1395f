"""Published figures of the recurrent attention family: test errors [%] unless it says accuracy.

v1      Mnih et al., "Recurrent Models of Visual Attention", arXiv 1406.6247v1, tables 1 and 2
nips    the same, camera-ready of NIPS 2014, by public transcriptions of its tables
public  the best public re-implementation that is known, by its own figures, see PUBLIC; none was run again here
utb     "Unifying Top-down and Bottom-up for Recurrent Visual Attention", ICLR 2022 submission, tables 1 and 2
revisit Lu, "Revisit Recurrent Attention Model from an Active Sampling Perspective", 2019: the author's notebook, for
        the paper has figures only; some of its rows are probably averages of ten roll-outs
"""

from __future__ import annotations

from dataclasses import dataclass

PUBLIC = {
    "dHonerkamp": "greedy, 10 roll-outs an image in training",
    "tfRAM": "an LSTM, locations drawn at test time, 500k iterations",
    "bentrevett": "ten roll-outs averaged, stopped on test data",
    "torch blog": "800 epochs",
}


@dataclass(frozen=True)
class Line:
    """A row of a table. Ours: of the section's bundle after `glimpses` glimpses, or the baseline named so."""

    name: str
    glimpses: int = 0
    baseline: str = ""
    v1: float | None = None
    nips: float | None = None
    public: tuple[float, str] | None = None
    utb: float | None = None
    goal: float | None = None
    ours: str = ""  # "" the bundle, "random": the bundle `<name>-random`, "none": a network that is not among ours


@dataclass(frozen=True)
class Section:
    """A table. task and variant: of the scenes; bundle: the one that its rows of ours are of."""

    title: str
    task: str
    variant: str
    bundle: str
    lines: tuple[Line, ...]


RAM = (
    Section(
        "MNIST 28 x 28, retina 8 x 8, 1 scale", "mnist28", "28", "mnist-ram-28",
        (
            Line("FC, 2 layers of 256", baseline="fc256", v1=1.35, nips=1.69),
            Line("convolutional, 2 layers", baseline="conv", nips=1.21),
            Line("1 random glimpse", baseline="glimpse", v1=42.85),
            Line("RAM, 2 glimpses", 2, v1=6.27, nips=3.79),
            Line("RAM, 3 glimpses", 3, v1=2.7, nips=1.51),
            Line("RAM, 4 glimpses", 4, v1=1.73, nips=1.54),
            Line("RAM, 5 glimpses", 5, v1=1.55, nips=1.34),
            Line("RAM, 6 glimpses", 6, v1=1.29, nips=1.12, public=(0.67, "dHonerkamp"), goal=0.80),
            Line("RAM, 7 glimpses", 7, v1=1.47, nips=1.07, public=(0.85, "torch blog")),
        ),
    ),
    Section(
        "Translated MNIST 60 x 60, retina 12 x 12, 3 scales", "translated60", "translated60", "mnist-ram-translated60",
        (
            Line("FC, 2 layers of 64", baseline="fc64", v1=7.56, nips=6.42),
            Line("FC, 2 layers of 256", baseline="fc256", v1=3.7, nips=2.63),
            Line("convolutional, 2 layers", baseline="conv", v1=2.31, nips=1.62),
            Line("RAM, 4 glimpses", 4, v1=2.29, nips=1.54),
            Line("RAM, 6 glimpses", 6, v1=1.86, nips=1.22, public=(1.08, "tfRAM")),
            Line("RAM, 8 glimpses", 8, v1=1.84, nips=1.20, public=(0.94, "tfRAM"), goal=1.0),
        ),
    ),
    Section(
        "Cluttered MNIST 60 x 60, 4 pieces, retina 12 x 12, 3 scales", "cluttered60", "cluttered60", "mnist-ram",
        (
            Line("FC, 2 layers of 64", baseline="fc64", v1=28.96, nips=28.58),
            Line("FC, 2 layers of 256", baseline="fc256", v1=13.2, nips=11.96),
            Line("convolutional, 2 layers", baseline="conv", v1=7.83, nips=8.09),
            Line("RAM, 4 glimpses", 4, v1=7.1, nips=4.96),
            Line("RAM, 6 glimpses", 6, v1=5.88, nips=4.08, public=(3.33, "tfRAM")),
            Line("RAM, 8 glimpses", 8, v1=5.23, nips=4.04, public=(2.13, "bentrevett"), goal=2.5),
            Line("RAM trained on random locations, 8", 8, nips=14.4, ours="random"),
        ),
    ),
    Section(
        "Cluttered MNIST 100 x 100, 8 pieces, retina 12 x 12, 4 scales", "cluttered100", "cluttered100",
        "mnist-ram-cluttered100",
        (
            Line("convolutional, 2 layers", baseline="conv", v1=16.51),
            Line("RAM, 4 glimpses", 4, v1=14.95),
            Line("RAM, 6 glimpses", 6, v1=11.58, public=(8.3, "tfRAM")),
            Line("RAM, 8 glimpses", 8, v1=10.83, public=(5.9, "tfRAM"), goal=6.0),
        ),
    ),
)  # fmt: skip

TOP_DOWN = (
    Section(
        "Cluttered MNIST 100 x 100, 10 pieces, retina 12 x 12, 4 scales", "cluttered100x10", "cluttered100x10",
        "mnist-top-down",
        (
            Line("FC, 2 layers of 256", baseline="fc256", utb=57.3),
            Line("convolutional, 5 layers", baseline="conv5", utb=49.5),
            Line("1 random glimpse, 8 x 8, 1 scale", baseline="glimpse", utb=88.6),
            Line("RAM, 6 glimpses, 8 x 8, 1 scale", utb=79.3, ours="none"),
            Line("RAM, 6 glimpses", utb=29.8, ours="none"),
            Line("RAM, 8 glimpses", utb=24.7, ours="none"),
            Line("top-down, 6 glimpses", utb=26.3, ours="none"),
            Line("top-down + entropy, 6 glimpses", utb=23.6, ours="none"),
            Line("top-down + entropy + context, 6 glimpses", 6, utb=20.3),
            Line("top-down, 8 glimpses", utb=20.7, ours="none"),
            Line("top-down + entropy + context, 8 glimpses", 8, utb=17.3, goal=10.0),
        ),
    ),
)  # fmt: skip

ABLATION = {  # UTB: its rows of 6 glimpses in table 1, of 8 in table 2
    "mnist28": {"RAM": 1.12, "+entropy": 1.05, "+entropy+context": 1.01},
    "cluttered100x10": {"RAM": 24.7, "+top-down": 20.7, "+entropy+context+top-down": 17.3},
}

SWEEP = (1, 2, 3, 4, 5, 6, 8, 11, 13, 17, 25, 33, 50)  # N of the table; the curve has all
FIXED = {  # accuracy [%] after N glimpses, trained with 6: plain RAM, and with both motives
    1: (57.49, 11.57), 6: (99.12, 98.99), 11: (91, None), 13: (67, None), 17: (35, None), 33: (14, None),
    50: (14, 98.3),
}  # fmt: skip
STOPPED = {  # beta: mean glimpses and accuracy [%], both motives
    0.0: (1.00, 11.57), 0.01: (1.76, 53.14), 0.15: (3.19, 93.68), 0.3: (4.81, 97.92), 0.4: (8.99, 98.73),
    0.45: (36.7, 97.47),
}  # fmt: skip
STOPPED_UNCERTAINTY = {  # the same, self-uncertainty alone
    0.0: (1.00, 9.58), 0.1: (1.90, 67.14), 0.2: (2.17, 75.77), 0.5: (2.48, 79.86), 0.8: (2.89, 90.75),
    1.0: (3.10, 95.88), 5.0: (5.66, 99.02), 10.0: (6.43, 99.08),
}  # fmt: skip
CATCH = {"Mnih et al. 2014": 85.0, "best public (samrudhdhirangrej)": 89.0}  # games caught [%]
