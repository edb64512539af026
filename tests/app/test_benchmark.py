"""The benchmark of edits: what edits are measured by, what is kept, and what is refused."""

import numpy as np
import pytest

from lik.app.benchmark import BenchmarkRequest, benchmark_edits
from lik.app.benchmark_report import as_plain_values, rows_of, write_report
from lik.app.selection import Selection
from lik.core.errors import UnusableInput


def request(classifier, **more):
    given = {"methods": ("means", "joint"), "attributes": ("Smiling",)}
    selection = Selection("all", count=12)
    return BenchmarkRequest(str(classifier), selection=selection, **{**given, **more})


def test_what_was_measured_is_taken_over_and_told(run, classifier):
    new, told = [], []
    first = benchmark_edits(run, request(classifier), measured=new.append)
    assert [result.method for result in new] == ["means", "joint"]
    again = benchmark_edits(run, request(classifier), notify=told.append, measured=new.append)
    assert len(new) == 2
    assert "2 of 2 had been measured before" in " ".join(told)
    assert as_plain_values(again) == as_plain_values(first)
    more = benchmark_edits(run, request(classifier, attributes=("Smiling", "Male")[:1],
                                        methods=("means", "svm")), measured=new.append)  # fmt: skip
    assert len(new) == 3
    assert list(more.results) == [("Smiling", "means"), ("Smiling", "svm")]


def test_the_report_lies_beside_the_run_and_names_are_no_paths(run, classifier, tmp_path):
    found = benchmark_edits(run, request(classifier))
    page = write_report(run.path / "benchmark", found, "lik benchmark-edits")
    assert page.is_file()
    assert (page.parent / "Smiling.png").is_file()
    assert len(rows_of(found)) == 2
    assert found.true_changes["Smiling"].attribute == "Smiling"  # drawn faces have the truth


def test_generated_faces_are_nobody(run, classifier):
    found = benchmark_edits(run, request(classifier, generated=True))
    assert not found.true_changes
    assert found.reconstructions.shape == (4, 16, 16, 3)
    assert np.isfinite(found.results["Smiling", "means"].changes[0].leakage)


def test_what_measures_must_not_guide(run, classifier):
    for more, words in (
        ({"guides": [str(classifier)]}, "guides too"),
        ({"attributes": ("Malle",)}, "no attribute 'Malle'"),
        ({"prior": "faces"}, "goes with generated faces"),
        ({"methods": ("guided",)}, "need a network"),
    ):
        with pytest.raises(UnusableInput, match=words):
            benchmark_edits(run, request(classifier, **more))
