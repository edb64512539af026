"""Pages put together: what stands in an HTML file comes out of it again, byte for byte."""

import gzip
import json
import re
import subprocess
import sys

import pytest

from lik.export.page import is_page, own_files, single_file, write_folder

GIVEN = {
    "about.json": '{"name": "лик </script> <!--"}'.encode(),
    "codes.bin": bytes(range(256)) * 8, "base.onnx": b"\r\n<=\0" * 400,
}  # fmt: skip


def held(page):
    """What a page of one file holds: its index, and its bytes, read as a browser reads them."""
    text = page.decode("windows-1252", "surrogateescape")
    found = re.search(r'<script type="text/plain" id="held">(.*?)</script>', text, re.DOTALL)[1]
    data = found.encode("windows-1252", "surrogateescape")
    index = json.loads(re.search(r'id="index">(.*?)</script>', text)[1])
    return index, re.sub(rb"=(.)", lambda m: bytes([m[1][0] ^ 64]), data, flags=re.DOTALL)


def test_bytes_in_a_page_of_one_file_come_out_again():
    page = single_file("a < b", GIVEN)
    index, data = held(page)
    assert len(data) == index["length"]
    for name, content in GIVEN.items():
        start, length, stride = index["files"][f"../model/{name}"]
        apart = gzip.decompress(data[start : start + length])
        whole = bytearray(len(apart))
        taken = 0
        for first in range(stride):
            count = len(range(first, len(apart), stride))
            whole[first::stride] = apart[taken : taken + count]
            taken += count
        assert whole == content
    assert b"\0" not in page
    assert b"\r" not in page
    assert b"<title>a &lt; b</title>" in page[:2048]


def test_a_page_of_one_file_lets_nothing_in_from_elsewhere():
    head = single_file("toy", GIVEN)[:4096].decode("windows-1252")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', head)[1]
    assert "default-src 'none'" in policy
    assert "connect-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "http" not in policy


def test_pages_know_each_other(tmp_path):
    (tmp_path / "page").mkdir()
    assert is_page(tmp_path / "page")  # there is nothing yet
    write_folder(tmp_path / "page", "toy", GIVEN)
    (tmp_path / "one.html").write_bytes(single_file("toy", GIVEN))
    assert is_page(tmp_path / "page")
    assert is_page(tmp_path / "one.html")
    (tmp_path / "page" / "mine.txt").write_text("mine")
    assert not is_page(tmp_path / "page")


def test_a_place_in_use_is_one_sentence_and_exit_code_2(untrained, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    command = [sys.executable, "-m", "lik", "export", "page", str(untrained), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "holds something else" in done.stderr
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["page.html", "held.js"])
def test_templates_are_plain_ascii(name):
    from lik.export.page import _TEMPLATES

    assert (_TEMPLATES / name).read_bytes().isascii()


def test_the_page_without_runtime_and_model_stays_small():
    own = {name: data for name, data in own_files().files.items() if "runtime/" not in name}
    assert sum(len(gzip.compress(data, 9)) for data in own.values()) < 117_000
