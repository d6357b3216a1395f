"""Model cards: what they tell is the bundle's and the checkpoint's; a bundle of other weights is refused."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

torch = pytest.importorskip("torch")
from recurrent_making import bundle, network, save  # noqa: E402

from glimpse_ros.core.types import GlimpseError  # noqa: E402
from training import cards  # noqa: E402
from training.tables.text import Table, number, plus_minus  # noqa: E402


@pytest.fixture
def args(tmp_path):
    path = bundle(tmp_path / "mnist-active-sampling", network("active-sampling"), method="active-sampling")
    mine = Table("Accuracy in %", ["", "ours"], path.name, [["6", "98.00"]], ["A note."])
    other = Table("Of another bundle", ["", "ours"], "mnist-ram", [["6", "1.00"]])
    (tmp_path / "tables.json").write_text(json.dumps({"tables": [asdict(mine), asdict(other)]}))
    checkpoint = tmp_path / "mnist-active-sampling.pt"
    return cards.Args(path, checkpoint, (tmp_path / "tables.json",), "one abacus", ("python -m one", "python -m two"))


def test_a_card_tells_what_the_bundle_is(args):
    text = cards.card(replace(args, note="It is not trained."))
    assert text.startswith("# mnist-active-sampling\n\nLu, *Revisit") and text.endswith("It is not trained.\n")
    assert "Accuracy in %:\n\n|  | ours |\n| --- | --- |\n| 6 | 98.00 |\n\nA note.\n" in text
    assert "Of another bundle" not in text and "![" not in text
    words = " ".join(text.split())
    assert "Glimpses of 4 x 4 pixels at 2 scales over scenes of 28 x 28; trained with 5 glimpses" in words
    assert "what it saw. 7 steps in 2 minutes on one abacus" in words
    assert "a ReLU network of 16 units" in words and "a stop score" in words and "augment 0.4" in words
    assert "```bash\npython -m one\npython -m two\n```" in text
    assert max(len(line) for line in text.splitlines() if not line.startswith("|")) <= 120
    (args.bundle / "curves.png").write_bytes(b"picture")
    assert "![curves](curves.png)" in cards.card(args)


def test_a_card_counts_the_weights_of_the_graphs(args):
    made = network("active-sampling")
    kept = sum(w.numel() for name, w in made.named_parameters() if "baseline" not in name)
    assert f"{kept / 1000:.0f} thousand weights" in " ".join(cards.card(args).split())


def test_half_precision_is_the_same_network(tmp_path, args):
    made = network(core="lstm", hidden=320)
    path = bundle(tmp_path / "mnist-ram", made)
    text = cards.card(replace(args, bundle=path, checkpoint=tmp_path / "mnist-ram.pt"))
    assert "an LSTM of 320 units" in text and "First view: seeded" in text


def test_a_top_down_card_counts_the_overview(tmp_path, args):
    path = bundle(tmp_path / "mnist-ram", network("top-down", top_down=True), method="top-down")
    words = " ".join(cards.card(replace(args, bundle=path, checkpoint=tmp_path / "mnist-ram.pt")).split())
    assert "after an overview of 14 x 14 pixels" in words and "chosen by the policy from the overview" in words


def test_other_weights_and_other_tables_are_refused(tmp_path, args):
    made = network("active-sampling")
    with torch.no_grad():
        made.net.classifier.bias += 0.01
    other = save(made, tmp_path / "other.pt", method="active-sampling")
    with pytest.raises(GlimpseError, match="mnist-active-sampling: differs from the checkpoint"):
        cards.card(replace(args, checkpoint=other))
    (tmp_path / "broken.json").write_text("{}")
    with pytest.raises(GlimpseError, match="broken.json: cannot be read as tables"):
        cards.card(replace(args, tables=(tmp_path / "broken.json",)))
    with pytest.raises(GlimpseError, match="no table is of renamed"):
        cards.card(replace(args, bundle=args.bundle.rename(tmp_path / "renamed")))


def test_numbers():
    assert (number(None), number(1.005, 1), plus_minus((2.0, 0.126)), plus_minus(None)) == (
        "–",
        "1.0",
        "2.00 ± 0.13",
        "–",
    )
