"""Loads that must fail, and what their one sentence has to say."""

from __future__ import annotations

from pathlib import Path

import pytest

from glimpse_ros.core.bundle import BundleError, load_policy, load_scene
from glimpse_ros.core.types import SceneInfo


def refuse_scene(folder: Path, *words: str) -> None:
    """The scene model of `folder` is refused in a sentence that names its file and holds `words`."""
    with pytest.raises(BundleError) as err:
        load_scene(folder)
    _check(str(err.value), f"{folder}/scene.onnx", *words)


def refuse_policy(folder: Path, info: SceneInfo, *words: str) -> None:
    """The policy of `folder` is refused for the scene model of `info`, likewise."""
    with pytest.raises(BundleError) as err:
        load_policy(folder, info)
    _check(str(err.value), f"{folder}/policy.onnx", *words)


def _check(sentence: str, *words: str) -> None:
    for word in words:
        assert word in sentence, sentence
    assert "\n" not in sentence and len(sentence) < 700, sentence
