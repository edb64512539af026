"""What the page is made of: files that are whole, in three languages, and ask nobody else."""

import hashlib
import json
import re
from importlib import resources
from pathlib import Path

import pytest

PACKAGE = Path(str(resources.files("lik")))
STATIC = PACKAGE / "studio" / "static"
OWN = [path for path in STATIC.rglob("*") if path.is_file() and "vendor" not in path.parts]
SCRIPTS = [path for path in OWN if path.suffix == ".js"]
LANGUAGES = ("en", "sr-cyrl")


def words(language):
    return json.loads((STATIC / "i18n" / f"{language}.json").read_text())


@pytest.mark.parametrize("vendored", [STATIC / "vendor", PACKAGE / "export" / "runtime"])
def test_vendored_files_are_those_of_the_manifest(vendored):
    manifest = json.loads((vendored / "manifest.json").read_text())
    told = {path: digest for library in manifest for path, digest in library["files"].items()}
    there = {
        str(path.relative_to(vendored)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in vendored.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    assert told == there
    for library in manifest:
        assert {"name", "version", "licence"} <= library.keys()
        assert any(path.endswith("LICENSE") for path in library["files"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_key_is_in_every_language(language):
    assert list(words(language)) == list(words("en"))
    assert all(isinstance(text, str) and text for text in words(language).values())


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_what_is_filled_in_is_the_same_in_every_language(language):
    def slots(text):
        return set(re.findall(r"\{\w+\}", text))

    own = words(language)
    assert {k: slots(v) for k, v in own.items()} == {k: slots(v) for k, v in words("en").items()}


def test_every_key_that_a_module_asks_for_is_there():
    there = set(words("en"))
    there |= {key.rsplit(".", 1)[0] for key in there if key.endswith(".other")}
    for script in SCRIPTS:
        asked = set(re.findall(r'\bt\(\s*"([^"]+)"', script.read_text()))
        assert asked <= there, script.name


def test_cyrillic_holds_no_latin_letters_but_names():
    names = {"Lik", "JPEG", "PNG", "WebP", "JSON", "KL", "Ctrl", "C", "Shift", "Enter",
             "PCA", "t", "SNE", "Tab"}  # fmt: skip
    for key, text in words("sr-cyrl").items():
        plain = re.sub(r"\{\w+\}", "", text)
        assert set(re.findall(r"[A-Za-z]+", plain)) <= names, key


def test_no_file_names_an_address_elsewhere():
    for path in OWN:
        if path.suffix == ".png":
            continue
        found = set(re.findall(r"https?://[^\s\"'`)]+", path.read_text()))
        assert not found, path.name


def test_nothing_is_inline():
    page = (STATIC / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)
    for script in SCRIPTS:
        text = script.read_text()
        assert not re.search(r"\sstyle=|innerHTML|\beval\(|new Function", text), script.name


def test_modules_are_short():
    assert {path.name for path in SCRIPTS if len(path.read_text().splitlines()) > 300} == set()
