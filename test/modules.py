"""`python -m MODULE` in this process: another one imports torch for ten seconds before it says anything."""

from __future__ import annotations

import runpy
import sys

import pytest


def refusal_of(module: str, *arguments: str) -> str:
    """The sentence with which it ends; one that the caller need not look for among others."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as end:
        patch.setattr(sys, "argv", [module, *arguments])
        patch.delitem(sys.modules, module, raising=False)
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    assert isinstance(end.value.code, str), "an exit status of 1, and a sentence on stderr"
    return end.value.code
