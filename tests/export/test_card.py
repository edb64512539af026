"""The model card: all that a run says of itself comes out as words, whatever it holds."""

import re

import pytest
import yaml
from markdown_it import MarkdownIt

from lik.export.card import CardFacts, card, facts_of, inert, plain, slug, table

HOSTILE = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "a\n\n# heading\n\n<b>",
    "[x](javascript:alert(1))", "![x](https://evil.example/p.png)", "\\![x](https://evil.example/p)",
    "x | y\n|---|---|", "</td></table><script>", "`</code><script>`", "---\nlicense: mit\n---",
    "[a]: javascript:alert(1)\n\n[a]", "<javascript:alert(1)>", "&lt;script&gt;<",
    "\x00\x1b[31m<i>",
    "```\n</code><script>\n", "*x* _y_ **z** ~~q~~ $m$", "https://evil.example www.evil.example",
    "\u202e\u200b<b>", "[x][y]\n\n[y]: https://evil.example 'T'", "{{ jinja }} {% raw %}",
    "[![x](https://evil.example/a.png)](https://evil.example)", "data:text/html,<script>",
    "x" * 9000,
]  # fmt: skip


def tokens(markdown):
    """All tokens that a reader of Markdown with HTML, tables and bare links makes, flat."""
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    flat = []
    for token in reader.parse(markdown):
        flat += [token, *(token.children or [])]
    return flat


def body(text):
    assert text.startswith("---\n")
    return text.split("\n---\n", 1)[1]


def assert_inert(markdown, pictures=0):
    found = tokens(markdown)
    assert not [one for one in found if one.type in ("html_block", "html_inline")]
    assert len([one for one in found if one.type == "image"]) == pictures
    for one in found:
        if one.type == "link_open":
            assert re.match(r"https?://", one.attrs["href"]), one.attrs


def words(markdown):
    return "".join(t.content for t in tokens(markdown) if t.type in ("text", "code_inline"))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_name_is_just_its_words(text):
    assert_inert(f"- **X**: {plain(text)} end")
    assert_inert(f"# {plain(text)}")
    found = {one.type for one in tokens(f"- **X**: {plain(text)} end")}
    assert not found & {"link_open", "em_open", "code_inline", "s_open", "heading_open", "fence"}
    told = "<b>_a_ [x](y) | `c` & \\d"
    assert words(f"x {plain(told)}") == f"x {told}"


@pytest.mark.parametrize("text", HOSTILE)
def test_a_cell_stays_in_its_cell(text):
    drawn = table(("a", text), [[text, "1"], ["2", text]])
    assert_inert(drawn)
    found = [one.type for one in tokens(drawn)]
    assert (found.count("tr_open"), found.count("td_open"), found.count("th_open")) == (3, 4, 2)


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_others_holds_no_html_pictures_or_other_links(text):
    for given in (text, f"- **Terms**: {text}", f"> {text}", f"    {text}", f"\\{text}"):
        assert_inert(inert(given))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_whole_card_is_inert_and_its_header_is_yaml(text):
    facts = CardFacts(
        name=text, model=[("Model", text), (text, "1")], attributes=[text, "Smiling"],
        trained_on=inert(text), terms=inert(text), licence=text, datasets=[text],
        purpose=inert(text), refused=inert(text), fails=inert(text), measured=inert(text),
        columns=("Measure", text), table=[(text, "1")], more=inert(text),
        samples="samples.png", samples_show=plain(text), onnx=["encoder.onnx"],
    )  # fmt: skip
    made = card(facts)
    assert_inert(body(made), pictures=1)
    told = yaml.safe_load(made[4 : made.index("\n---\n", 4)])
    assert told["license"] == "other"
    assert re.fullmatch(r"[a-z0-9-]{1,60}", told["license_name"])
    assert set(told) == {"license", "license_name", "license_link", "library_name", "pipeline_tag",
                         "tags", "datasets"}  # fmt: skip
    for heading in ("Terms", "Whom it fails", "How to use it", "The files"):
        assert [t for t in tokens(body(made)) if t.type == "inline" and t.content == heading]


def test_links_to_the_web_and_plain_markdown_of_others_stay():
    text = "See [this](https://example.org/a), **bold**, `code` and\n\n    lik generate\n"
    assert inert(text) == text
    assert inert("# A\n\nB\n===\n") == "**A**\n\nB\n\\===\n"


def test_points_of_a_card_are_found_by_their_names():
    points, rest = facts_of("# a\n\n- **Terms**: for\n  all.\n- **Not for** b\n\nmore\n- plain\n")
    assert points["terms"].text == "For\nall."
    assert points["terms"].item == "- **Terms**: for\n  all."
    assert points["not for"].text == "B"
    assert rest == "# a\n\n\nmore\n- plain"


def test_slugs():
    assert slug("CC BY-NC 4.0 / čćž") == "cc-by-nc-4-0-ccz"
    assert slug("…") == "unnamed"
