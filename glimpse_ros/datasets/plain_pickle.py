"""Pickles of plain values, read without unpickling: nothing that a file holds is ever imported or called.

Python's own `pickle.load` runs what a file tells it to. Here the opcodes are only listed (`pickletools.genops`) and a
small stack machine puts numbers, text, bytes, tuples, lists and dicts together. Of all callables that a pickle can
name, the few by which NumPy stores an array are understood, as notes about what they would have been called with;
any other name is refused where it stands.
"""

from __future__ import annotations

import math
import pickletools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_RECONSTRUCT = ("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct")
_NAMES = frozenset({*_RECONSTRUCT, "numpy.ndarray", "numpy.dtype", "_codecs.encode"})

_PUSHED = frozenset(
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT UNICODE SHORT_BINUNICODE BINUNICODE BINUNICODE8 "
    "BINBYTES SHORT_BINBYTES BINBYTES8".split()
)
_TEXT = frozenset({"STRING", "BINSTRING", "SHORT_BINSTRING"})  # Python 2's bytes
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_MARK = object()


@dataclass(frozen=True)
class _Name:
    """A callable that the pickle names; it stays a name."""

    text: str


@dataclass(eq=False)
class _Note:
    """What would have been called, with what, and the state it would have been given."""

    name: str
    args: tuple[Any, ...]
    state: Any = None


def read(data: bytes) -> Any:
    """The value of a pickle. Raises ValueError, in words that follow a file's name, for all that is not plain."""
    try:
        return _run(data)
    except _Refused as error:
        raise ValueError(str(error)) from None
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"is no whole pickle ({type(error).__name__})") from error


def array(value: Any) -> NDArray[np.uint8] | None:
    """The array of bytes that a value of `read` stands for, any shape; None where it is something else."""
    if not isinstance(value, _Note) or value.name not in _RECONSTRUCT:
        return None
    match value.state:
        case (int(), tuple() as shape, _Note(name="numpy.dtype", args=(kind, *_)), fortran, bytes() as raw):
            sizes = [n for n in shape if type(n) is int and 1 <= n <= len(raw)]
            if kind not in ("u1", b"u1", "|u1", b"|u1") or fortran or len(sizes) != len(shape) or len(shape) > 4:
                return None
            return np.frombuffer(raw, np.uint8).reshape(sizes) if math.prod(sizes) == len(raw) else None
    return None


class _Refused(Exception):
    """What has its own words."""


def _run(data: bytes) -> Any:
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    arg: Any
    left = len(data)  # bytes that text may still become: a memo lets a short file ask for the same megabytes again

    def marked() -> list[Any]:
        """Everything above the topmost mark, taken off with it."""
        items: list[Any] = []
        while (item := stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    for opcode, arg, _ in pickletools.genops(data):
        name = opcode.name
        if name in _PUSHED:
            stack.append(arg)
        elif name in _TEXT:
            stack.append(arg.encode("latin-1"))
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name == "MARK":
            stack.append(_MARK)
        elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            memo[len(memo) if name == "MEMOIZE" else arg] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo[arg])
        elif name in ("EMPTY_LIST", "EMPTY_DICT"):
            stack.append([] if name == "EMPTY_LIST" else {})
        elif name in _TUPLES:
            items = [stack.pop() for _ in range(_TUPLES[name])]
            stack.append(tuple(items[::-1]))
        elif name in ("TUPLE", "LIST"):
            stack.append(tuple(marked()) if name == "TUPLE" else marked())
        elif name == "DICT":
            stack.append(_fill({}, marked()))
        elif name in ("APPEND", "APPENDS"):
            items = marked() if name == "APPENDS" else [stack.pop()]
            _only(list, stack[-1]).extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = marked() if name == "SETITEMS" else [stack.pop(), stack.pop()][::-1]
            _fill(_only(dict, stack[-1]), items)
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            stack.append(_named(arg if name == "GLOBAL" else [stack.pop(), stack.pop()][::-1]))
        elif name == "REDUCE":
            args, called = _only(tuple, stack.pop()), _only(_Name, stack.pop())
            if called.text == "_codecs.encode":
                stack.append(_bytes(args, left))
                left -= len(stack[-1])
            else:
                stack.append(_Note(called.text, args))
        elif name == "BUILD":
            state = stack.pop()
            _only(_Note, stack[-1]).state = state
        elif name == "STOP":
            (value,) = stack
            return value
        elif name not in ("PROTO", "FRAME"):
            raise _Refused(f"holds the pickle opcode {name}, which no plain data needs")
    raise ValueError("no end")


def _only(kind: type, value: Any) -> Any:
    """The value, of that very kind. Raises TypeError otherwise."""
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}")
    return value


def _fill(target: dict[Any, Any], items: list[Any]) -> dict[Any, Any]:
    """Set keys and values in turn; keys are text only: hashing a deep tuple could exhaust the C stack."""
    for key, value in zip(items[::2], items[1::2], strict=True):
        if type(key) not in (str, bytes):
            raise TypeError("a key that is no text")
        target[key] = value
    return target


def _named(parts: str | list[Any]) -> _Name:
    """The callable of a GLOBAL ("module name") or of STACK_GLOBAL (both apart). Raises _Refused where it is unknown."""
    words = parts.split(" ", 1) if isinstance(parts, str) else [_only(str, part) for part in parts]
    text = ".".join(words)
    if text not in _NAMES:
        raise _Refused(f"would run {text[:80]!r} if it were unpickled, which no plain data needs")
    return _Name(text)


def _bytes(args: tuple[Any, ...], most: int) -> bytes:
    """How Python 3 writes bytes for Python 2: text and the name of a code."""
    text, code = args
    if code not in ("latin1", "latin-1") or len(_only(str, text)) > most:
        raise ValueError("another code, or more than the file can hold")
    return text.encode("latin-1")
