"""What was left out and why, counted and named in bounded memory."""

from __future__ import annotations

from collections import Counter


class Skipped:
    """Counts of skipped things by reason, with the first few by name."""

    def __init__(self, named: int = 5) -> None:
        """named: how many are remembered by name."""
        self.reasons: Counter[str] = Counter()
        self.examples: list[tuple[str, str]] = []  # (where, what was wrong)
        self._named = named

    def add(self, where: str, what: str, reason: str = "unreadable") -> None:
        """Skip one: `where` it is, `what` is wrong in a sentence, `reason` in a word."""
        self.reasons[reason] += 1
        if len(self.examples) < self._named:
            self.examples.append((where, what))

    @property
    def count(self) -> int:
        """How many were skipped."""
        return sum(self.reasons.values())

    def __str__(self) -> str:
        """One line, such as `3 skipped (2 step, 1 length): a.png: ...; b.png: ... and 1 more`; empty for none."""
        if not self.count:
            return ""
        by_reason = ", ".join(f"{n} {reason}" for reason, n in self.reasons.most_common())
        named = "; ".join(f"{where}: {what}" for where, what in self.examples)
        more = self.count - len(self.examples)
        return f"{self.count} skipped ({by_reason}): {named}" + (f" and {more} more" if more else "")
