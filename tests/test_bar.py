import io
import sys

import pytest

import lik
from lik import bar


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(bar.time, "monotonic", lambda: now[0])
    return now


def test_what_is_left_takes_as_long_as_what_was_done(clock):
    shown = lik.Bar()
    shown("epoch 1 of 2, loss 9.5", 20, 100)  # gone on with: 20 were done before
    assert repr(shown) == "epoch 1 of 2, loss 9.5: 20 of 100"
    clock[0] += 30
    shown("epoch 2 of 2, loss 8.1", 50, 100)
    assert repr(shown) == "epoch 2 of 2, loss 8.1: 50 of 100, 0:50 to go"
    clock[0] += 40
    shown("epoch 2 of 2, loss 8.0", 100, 100)
    assert repr(shown) == "epoch 2 of 2, loss 8.0: 100 of 100, took 1:10"


def test_another_stage_has_a_time_of_its_own(clock):
    shown = lik.Bar()
    shown("finding", 0, 4)
    clock[0] += 100
    shown("encoding", 0, 1000)
    clock[0] += 1
    shown("encoding", 500, 1000)
    assert shown.to_go == pytest.approx(1)
    shown("drawing", 0, 1000)
    assert shown.to_go is None


def test_a_notebook_draws_it_whatever_a_stage_is_called():
    shown = lik.Bar()
    shown("<i>: loss", 1, 4)
    assert '<progress value="1" max="4"></progress> &lt;i&gt;: loss: 1 of 4' in shown._repr_html_()
    lik.Bar()._repr_html_()


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_shows_a_line_and_a_file_nothing(monkeypatch, clock, terminal):
    written = io.StringIO()
    written.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stderr", written)
    shown = lik.Bar()
    for done in range(3):  # two of them at once, of which one is shown
        shown("drawing", done, 2)
    lines = "\r\033[Kdrawing: 0 of 2\r\033[Kdrawing: 2 of 2, took 0:00\n"
    assert written.getvalue() == (lines if terminal else "")
