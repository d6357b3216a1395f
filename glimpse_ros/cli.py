"""`glimpse explore | evaluate | info`.

Exit status: 0 done, 1 refused (one sentence on stderr), 2 a wrong option, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from .core.types import GlimpseError


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    from . import evaluate, explore, info

    top = argparse.ArgumentParser(prog="glimpse", description="Point a camera where it matters.")
    commands = top.add_subparsers(dest="command", required=True, metavar="explore | evaluate | info")
    for name, module, text in (
        ("explore", explore, "explore a scene with the ROS 2 nodes, and write a report"),
        ("evaluate", evaluate, "compare scene models and policies on a folder of images, without ROS"),
        ("info", info, "say what a bundle is, or why it is refused"),
    ):
        about = (module.__doc__ or text).strip().partition("\n\n")[2] or text
        command = commands.add_parser(
            name, help=text, description=about, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """The console script."""
    args = parser().parse_args(arguments)
    try:
        return int(args.run(args))
    except GlimpseError as err:
        print(f"glimpse {args.command}: {err}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `glimpse info ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
