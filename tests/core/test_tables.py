from lik.core.tables import ShownAsTable, Table


class Shown(ShownAsTable):
    def tables(self):
        return [
            Table([("run", "a<b>")], before=["one & all"]),
            Table([("loss", "9.5"), ("KL", "10.25")], ("metric", "a"), after=["a note"]),
        ]


def test_numbers_stand_under_their_columns_and_facts_beside_their_names():
    assert repr(Shown()).split("\n") == [
        "one & all",
        "run  a<b>",
        "",
        "metric      a",
        "──────  ─────",
        "loss      9.5",
        "KL      10.25",
        "a note",
    ]


def test_whatever_a_cell_holds_is_text():
    told = Shown()._repr_html_()
    assert "<p>one &amp; all</p>" in told
    assert "a&lt;b&gt;</td>" in told
    assert "<b>" not in told
    assert told.count("<table>") == told.count("</table>") == 2
    assert '<td style="text-align: right">10.25</td>' in told
