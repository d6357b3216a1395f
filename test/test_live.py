"""The live view: on this machine only, gone when it is closed, one sentence where rerun is missing."""

from __future__ import annotations

import socket
import urllib.request
from pathlib import Path

import pytest
from explorations import driven, explored

from glimpse_ros import live
from glimpse_ros.core.types import GlimpseError
from glimpse_ros.report import Exploration


def addresses(port: int) -> set[str]:
    """What is listened on at a port, as the kernel writes it: 0100007F is 127.0.0.1."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            address, _, number = local.partition(":")
            if state == "0A" and int(number, 16) == port:
                found.add(address)
    return found


def test_one_sentence_where_rerun_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "find_spec", lambda name: None)
    with pytest.raises(GlimpseError, match=r"^--live needs the rerun viewer, which is not installed: pip install"):
        live.LiveView("x", explored(1).info)


def test_another_port_where_the_usual_one_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind((live.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert live.listening(port)
        other = live.free_port(port)
        assert other != port and not live.listening(other)


@pytest.mark.parametrize("e", [explored(2), driven(1, 2)])
def test_the_viewer_listens_on_this_machine_only_and_ends(e: Exploration) -> None:
    pytest.importorskip("rerun", reason="the extra `viewer` is not installed")
    with live.LiveView("test", e.info, e.truth) as view:
        for step, record in enumerate(e.records, 1):
            view.show(step, record)
        page, _, query = view.url.partition("?")
        web, grpc = int(page.rsplit(":", 1)[1].strip("/")), int(query.rsplit(":", 1)[1].split("/")[0])
        assert addresses(web) == addresses(grpc) == {"0100007F"}
        with urllib.request.urlopen(page, timeout=10) as answer:
            assert answer.status == 200 and b"<html" in answer.read().lower()
    assert not live.listening(web) and not live.listening(grpc)
