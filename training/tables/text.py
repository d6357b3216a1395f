"""Tables as text and JSON."""

from __future__ import annotations

from dataclasses import dataclass, field

NOTHING = "–"


@dataclass
class Table:
    """Cells are text, ready to be read. bundle: whose model card it belongs on."""

    title: str
    columns: list[str]
    bundle: str = ""
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        """The table under its title, its notes below."""
        lines = [f"| {' | '.join(cells)} |" for cells in (self.columns, ["---"] * len(self.columns), *self.rows)]
        return "\n\n".join([self.title + ":", "\n".join(lines), *self.notes])


def number(value: float | None, digits: int = 2) -> str:
    """12.345 -> "12.35"; None -> a dash."""
    return NOTHING if value is None else f"{value:.{digits}f}"


def plus_minus(pair: tuple[float, float] | None, digits: int = 2) -> str:
    """(12.345, 0.1) -> "12.35 ± 0.10"; None -> a dash."""
    return NOTHING if pair is None else f"{pair[0]:.{digits}f} ± {pair[1]:.{digits}f}"
