"""Where attention sends the camera: to what it weighs most of what was not seen, on whole cells, never by a tie."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from training import gae_choice, spatial  # noqa: E402
from training.gae_choice import ANCHORS, CHOICES, WINDOW, choose  # noqa: E402

ROWS, COLS = 9, 12
EVERY = [(choice, anchor, wraps) for choice in CHOICES for anchor in ANCHORS for wraps in (False, True)]


def maps(*peaks: tuple[int, int, float], low: float = 0.01) -> torch.Tensor:
    """(1, 1, ROWS, COLS) attention, `low` but for (row, column, value)."""
    attention = torch.full((1, 1, ROWS, COLS), low)
    for row, col, value in peaks:
        attention[0, 0, row, col] = value
    return attention


def cell(x: torch.Tensor, y: torch.Tensor, rows: int = ROWS, cols: int = COLS) -> list[tuple[float, float]]:
    """(row, column) of the cells in whose middle the centres lie."""
    return [
        (round((b + 1) / 2 * rows - 0.5, 4), round((a + 1) / 2 * cols - 0.5, 4))
        for a, b in zip(x.tolist(), y.tolist(), strict=True)
    ]


def window(row: float, col: float, wraps: bool) -> set[tuple[int, int]]:
    """The cells of a glimpse."""
    return {(int(row) + i, (int(col) + j) % COLS if wraps else int(col) + j) for i in (-1, 0, 1) for j in (-1, 0, 1)}


def mark(visited: torch.Tensor, x: torch.Tensor, y: torch.Tensor, wraps: bool) -> torch.Tensor:
    """`visited` with a look there more, as an episode keeps it."""
    cols = visited.shape[-1]
    views = torch.stack([x, y, torch.full_like(x, WINDOW / cols)], 1)
    return torch.maximum(visited, spatial.footprint(views, *visited.shape[-2:], wraps))


@pytest.mark.parametrize(("choice", "anchor", "wraps"), EVERY)
def test_centres_lie_on_whole_cells_and_their_windows_inside(choice, anchor, wraps):
    """Whatever attention says and whatever was seen."""
    generator = torch.Generator().manual_seed(0)
    attention = torch.rand(200, 1, ROWS, COLS, generator=generator) ** 4
    visited = (
        torch.rand(200, 1, ROWS, COLS, generator=generator) < torch.linspace(0, 1, 200).view(-1, 1, 1, 1)
    ).float()
    visited[-1] = 1
    places = cell(*choose(attention, visited, wraps, choice, anchor))
    assert all(row == int(row) and col == int(col) for row, col in places)
    assert {row for row, _ in places} == set(range(1, ROWS - 1))
    assert {col for _, col in places} == (set(range(COLS)) if wraps else set(range(1, COLS - 1)))


@pytest.mark.parametrize("choice", CHOICES)
def test_it_looks_where_attention_is(choice):
    attention = torch.cat([maps((2, 3, 1.0)), maps((6, 9, 1.0)), maps((4, 5, 0.5), (4, 9, 1.0))])
    found = cell(*choose(attention, torch.zeros_like(attention), False, choice))
    for place, peak in zip(found, [(2, 3), (6, 9), (4, 9)], strict=True):
        assert peak in window(*place, False)
    if choice == "cell":
        assert found == [(2, 3), (6, 9), (4, 9)], "the peak is in the sharp middle"


def test_the_papers_anchor_puts_the_cell_in_the_corner():
    attention = maps((3, 4, 1.0))
    free = torch.zeros_like(attention)
    assert cell(*choose(attention, free, False, "cell", "center")) == [(3, 4)]
    assert cell(*choose(attention, free, False, "cell", "topleft")) == [(4, 5)]
    assert cell(*choose(maps((8, 11, 1.0)), free, False, "cell", "topleft")) == [(7, 10)], "moved inside, still seen"
    assert cell(*choose(maps((8, 11, 1.0)), free, True, "cell", "topleft")) == [(7, 0)], "over the seam"
    assert cell(*choose(maps((0, 0, 1.0)), free, True, "cell", "center")) == [(1, 0)]


def test_a_window_takes_the_most_unvisited_attention():
    """Many middling cells count more than one great one; with `cell` the great one does."""
    attention = maps((1, 1, 1.0), *((r, c, 0.4) for r in (5, 6, 7) for c in (7, 8, 9)), low=0.0)
    free = torch.zeros_like(attention)
    assert cell(*choose(attention, free, False, "window")) == [(6, 8)]
    assert cell(*choose(attention, free, False, "cell")) == [(1, 1)]
    seen = free.clone()
    seen[..., 5:8, 6:9] = 1
    assert 9 in {c for _, c in window(*cell(*choose(attention, seen, False, "window"))[0], False)}, "1.2 against 1"


@pytest.mark.parametrize("wraps", [False, True])
def test_a_window_has_the_greatest_score_of_all(wraps):
    """Against a sum by hand over each window that lies on the canvas."""
    generator = torch.Generator().manual_seed(3)
    for _ in range(20):
        attention = torch.rand(1, 1, ROWS, COLS, generator=generator)
        visited = torch.rand(1, 1, ROWS, COLS, generator=generator).round()
        value = (attention * (1 - visited))[0, 0]
        scores = {
            (row, col): sum(value[r, c].item() for r, c in window(row, col, wraps))
            for row in range(1, ROWS - 1)
            for col in (range(COLS) if wraps else range(1, COLS - 1))
        }
        (place,) = cell(*choose(attention, visited, wraps))
        assert scores[place] == pytest.approx(max(scores.values()), abs=1e-5)
    assert gae_choice.window_scores(attention, visited, wraps).shape == (1, 1, ROWS - 2, COLS if wraps else COLS - 2)


@pytest.mark.parametrize("wraps", [False, True])
def test_windows_do_not_overlap_while_free_ones_weigh_as_much(wraps):
    attention, visited, seen, looks = maps(low=1.0), torch.zeros(1, 1, ROWS, COLS), set(), 0
    windows = [window(r, c, wraps) for r in range(1, ROWS - 1) for c in (range(COLS) if wraps else range(1, COLS - 1))]
    while any(not w & seen for w in windows):
        x, y = choose(attention, visited, wraps)
        cells = window(*cell(x, y)[0], wraps)
        assert not cells & seen
        seen |= cells
        visited = mark(visited, x, y, wraps)
        looks += 1
    assert looks >= 8, "a row between them may be too narrow for more, by a rounding of what counts as seen"


def test_a_peak_over_the_seam_is_in_one_window():
    attention = maps(*((r, c, 1.0) for r in (3, 4, 5) for c in (11, 0, 1)))
    free = torch.zeros_like(attention)
    assert cell(*choose(attention, free, True)) == [(4, 0)]
    assert cell(*choose(attention, free, False)) == [(4, 1)], "without a seam two of the columns are the most"


@pytest.mark.parametrize(("anchor", "wraps"), [(a, w) for a in ANCHORS for w in (False, True)])
def test_a_cell_is_never_one_that_was_seen(anchor, wraps):
    """Until all were: 1e-30 of attention leads to what is left too, where a product would tie at cell 0."""
    generator = torch.Generator().manual_seed(1)
    attention = torch.rand(1, 1, ROWS, COLS, generator=generator)
    visited, looks = torch.zeros(1, 1, ROWS, COLS), 0
    while bool((visited < gae_choice.SEEN).any()):
        free = {(r, c) for _, _, r, c in (visited < gae_choice.SEEN).nonzero().tolist()}
        x, y = choose(attention * 1e-30, visited, wraps, "cell", anchor)
        best = max(free, key=lambda rc: attention[0, 0, rc[0], rc[1]].item())
        assert best in window(*cell(x, y)[0], wraps)
        visited = mark(visited, x, y, wraps)
        looks += 1
    assert looks >= ROWS * COLS // WINDOW**2
    place = cell(*choose(attention, visited, wraps, "cell"))
    assert place == cell(*choose(attention, torch.zeros_like(visited), wraps, "cell")), "everything is open again"


def test_zero_attention_is_no_tie_at_a_cell_that_was_seen():
    visited = torch.zeros(1, 1, ROWS, COLS)
    visited[..., :5, :] = 1
    (row, _), *_ = cell(*choose(torch.zeros(1, 1, ROWS, COLS), visited, False, "cell"))
    assert row >= 5


def test_scenes_of_a_batch_do_not_mind_each_other():
    attention = torch.rand(2, 1, ROWS, COLS, generator=torch.Generator().manual_seed(0))
    visited = torch.cat([torch.ones(1, 1, ROWS, COLS), torch.zeros(1, 1, ROWS, COLS)])
    for choice in CHOICES:
        both = cell(*choose(attention, visited, False, choice))
        assert both == [cell(*choose(attention[i : i + 1], visited[i : i + 1], False, choice))[0] for i in (0, 1)]


@pytest.mark.parametrize("wraps", [False, True])
def test_when_everything_was_seen_a_window_goes_where_attention_is(wraps):
    attention = maps((6, 9, 1.0))
    place = cell(*choose(attention, torch.ones_like(attention), wraps))
    assert (6, 9) in window(*place[0], wraps)
