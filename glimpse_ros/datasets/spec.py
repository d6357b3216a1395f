"""Data as one word on a command line: a folder of images, or `kind:PATH?key=value&key=value`."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from ..core.types import GlimpseError

FOLDER = "folder"  # the kind of what names none


@dataclass(frozen=True)
class DataSpec:
    """What such a word says."""

    text: str  # the word itself
    kind: str
    path: Path
    options: dict[str, str] = field(default_factory=dict)

    def read(self, **defaults: str) -> dict[str, str]:
        """Each of these options, with the default where it was not given. Raises GlimpseError for any other."""
        for name in self.options:
            if name not in defaults:
                known = ", ".join(defaults) or "none"
                raise GlimpseError(f"{self.text}: option {name!r} is unknown; expected some of {known}")
        return {**defaults, **self.options}


def parse_spec(text: str, kinds: Collection[str]) -> DataSpec:
    """The word taken apart; what exists as it stands is a folder. Raises GlimpseError for a kind not among `kinds`."""
    kind, colon, rest = text.partition(":")
    if not colon or not re.fullmatch(r"[a-z][a-z0-9_-]*", kind) or Path(text).exists():
        return DataSpec(text, FOLDER, Path(text))
    known = ", ".join(f"{name}:PATH" for name in kinds)
    if kind not in kinds:
        raise GlimpseError(f"{text}: kind {kind!r} is unknown; expected a folder that exists, or {known}")
    path, _, query = rest.partition("?")
    if not path:
        raise GlimpseError(f"{text}: names no path; expected {kind}:PATH?key=value&key=value")
    options: dict[str, str] = {}
    for pair in query.split("&") if query else ():
        key, equals, value = pair.partition("=")
        if not (key and equals and value) or key in options:
            raise GlimpseError(
                f"{text}: {pair!r} is no option; expected {kind}:PATH?key=value&key=value, each key once"
            )
        options[key] = value
    return DataSpec(text, kind, Path(path), options)
