import re
import shutil
import signal
import subprocess
import sys
import time

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from lik.app.run_search import runs_at
from lik.core.errors import UnusableInput
from terminal import refuse, succeed


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("lik.cli.studio.find_spec", lambda name: None)
    refuse("pip install 'lik-vae[studio]'", "studio", "--no-browser")


@pytest.mark.parametrize(
    ("given", "words"),
    [("nowhere", "no trained weights at nowhere"), ("{empty}", "no runs in"), ("--port=1", "at")],
)
def test_what_cannot_be_shown_is_said_before_anything_is_served(tmp_path, given, words):
    if given.startswith("--port"):
        refuse("nobody can be served at 203.0.113.7", "studio", "--host", "203.0.113.7")
        return
    answer = given.format(empty=tmp_path)
    with pytest.raises(UnusableInput):
        runs_at([answer])
    refuse(words if "{" not in given else "there are no", "studio", answer)


def test_runs_are_named_or_lie_in_folders(untrained, tmp_path):
    for name in ("a", "b"):
        shutil.copytree(untrained, tmp_path / "runs" / name)
    shutil.copytree(untrained, tmp_path / "runs" / "bare")
    (tmp_path / "runs" / "bare" / "model.safetensors").unlink()
    both = [tmp_path / "runs" / name for name in ("a", "b")]
    assert runs_at([tmp_path / "runs"]) == both
    assert runs_at([both[1], tmp_path / "runs"]) == [both[1], both[0]]
    assert runs_at([both[0] / "model.safetensors"]) == [both[0] / "model.safetensors"]


def test_it_says_what_leaves_the_computer_and_opens_a_browser(untrained, monkeypatch):
    opened, served = [], []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("webbrowser.open", opened.append)

    def serve(doorway, load, started):
        started()
        doorway.socket.close()
        served.append(doorway)

    monkeypatch.setattr("lik.studio.server.serve", serve)
    own = succeed("studio", untrained)
    assert own.stderr == ""
    assert own.stdout == f"{served[0].address}\n"
    network = succeed("studio", untrained, "--host", "0.0.0.0", "--no-browser")
    assert network.stdout == f"{served[1].address}\n"
    assert "unencrypted; cuts of their faces stay in its memory" in network.stderr
    for _ in range(50):
        if opened:
            break
        time.sleep(0.02)
    assert opened == [served[0].address]


def test_it_is_there_soon_serves_and_leaves_cleanly(untrained, tmp_path):
    begun = time.monotonic()
    command = [sys.executable, "-m", "lik", "studio", str(untrained), "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        address = process.stdout.readline().strip()
        assert time.monotonic() - begun < 10  # on a busy machine; 1 s on one that is not
        base, token = re.fullmatch(r"(http://127\.0\.0\.1:\d+)/#t=([\w-]{22})", address).groups()
        assert "Lik" in httpx.get(base).text
        headers = {"X-Lik-Token": token}
        runs = httpx.get(f"{base}/api/runs", headers=headers, timeout=60).json()
        assert [run["id"] for run in runs["runs"]] == ["toy"]
        with connect(f"{base.replace('http', 'ws')}/api/live", origin=base) as socket:
            socket.send(f'{{"token": "{token}", "run": "toy"}}')
            socket.send(bytes(65_537))
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=10)
            assert closed.value.rcvd.code == 1009  # too large, and nothing was read of it
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, out) == (130, "")
    assert error == "lik: interrupted.\n"
