"""Scripts and style sheets are packed, and what they say and do stays."""

import pytest

from lik.export.packing import packed_script, packed_style


@pytest.mark.parametrize(
    ("code", "packed"),
    [
        ("const a = 1; // one\n\n/* two */\nlet b = a + 2;\n", "const a=1;let b=a+2;"),
        ('say("a // b", \'/* c */\', "it\\"s");', 'say("a // b",\'/* c */\',"it\\"s");'),
        ("return x / 2 / y;", "return x/2/y;"),
        ("text.replace(/ a \\/ [/ ]/g, '');", "text.replace(/ a \\/ [/ ]/g,'');"),
        ('return / a "b /.test(x);', 'return/ a "b /.test(x);'),
        ("f = (x) => / a'/.test(x);", "f=(x)=>/ a'/.test(x);"),
        ("a = b + +c - -d;", "a=b+ +c- -d;"),
        ("function f() {\n  go();\n}\nf();", "function f(){go();}\nf();"),
        ("`a  b ${c + 1} // d`;", "`a  b ${c+1} // d`;"),
        ("`a ${b ? `c  ${ { d } } e` : f} g`;", "`a ${b?`c  ${{d}} e`:f} g`;"),
        ("html`<p\n    class=${x} id>\n  ${t}</p>`;", "html`<p\nclass=${x} id>\n${t}</p>`;"),
        ("for (const x of [1]) {}", "for(const x of[1]){}"),
        ('import { a } from "./b.js";', 'import{a}from"./b.js";'),
    ],
)
def test_a_script(code, packed):
    assert packed_script(code) == packed
    assert packed_script(packed) == packed


def test_a_style_sheet():
    sheet = "/* all */\n.a > .b, .c :hover {\n  margin: 0 1px;\n  color: red;\n}\n"
    assert packed_style(sheet) == ".a > .b,.c :hover{margin:0 1px;color:red;}"


def test_texts_of_a_style_sheet_stay():
    sheet = """.a::before { content: ", x; /* y */"; background: url(a/*b*/c) }"""
    assert packed_style(sheet) == """.a::before{content:", x; /* y */";background:url(a/*b*/c)}"""
