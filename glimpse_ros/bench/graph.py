"""The package's nodes, brought up to be measured."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, TypeVar

from ..core.types import GlimpseError
from ..nodes.base import GlimpseNode
from ..nodes.run import Spinner, end, new_context

N = TypeVar("N", bound=GlimpseNode)
WARNINGS = 30  # the log level


class Graph(ExitStack):
    """Nodes of one process, active and spinning until the context is left."""

    def __init__(self, namespace: str) -> None:
        super().__init__()
        context = new_context()
        self.callback(context.try_shutdown)
        self._common: dict[str, Any] = {"context": context, "namespace": namespace, "use_global_arguments": False}

    def add(self, kind: type[N], parameters: dict[str, Any], **options: Any) -> N:
        """A node of that kind; raises GlimpseError where it refuses."""
        node = kind(parameters=parameters, **options, **self._common)
        self.callback(end, node)
        node.get_logger().set_level(WARNINGS)
        self.enter_context(Spinner(node))
        node.trigger_configure()
        node.trigger_activate()
        if not node.active:
            raise GlimpseError(node.refusal or f"{node.get_name()} does not become active")
        return node
