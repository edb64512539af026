"""What the studies compute, and how they write it into the documents."""

import math
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from lik.core.errors import UnusableInput

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def studies(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "studies"))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(ROOT / "studies")):
            del sys.modules[name]


class TestDocuments:
    def test_only_what_stands_between_the_marks_is_replaced(self, tmp_path):
        from documents import write_between

        file = tmp_path / "a.md"
        file.write_text("one\n<!-- begin x -->\nold\n<!-- end x -->\ntwo\n<!-- begin y -->")
        for _ in range(2):
            write_between(file, "x", "new")
        assert file.read_text() == (
            "one\n<!-- begin x -->\nnew\n<!-- end x -->\ntwo\n<!-- begin y -->"
        )
        with pytest.raises(UnusableInput, match="'z'"):
            write_between(file, "z", "new")
        with pytest.raises(UnusableInput, match="'y'"):
            write_between(file, "y", "new")

    @pytest.mark.parametrize("study", ["kl", "likeness"])
    def test_every_table_has_its_place(self, study):
        code = (ROOT / "studies" / f"{study}.py").read_text()
        text = (ROOT / "docs" / f"{study}.md").read_text()
        names = re.findall(r'write_between\(document, "(\w+)"', code)
        assert names
        for name in names:
            assert f"<!-- begin {name} -->" in text
            assert f"<!-- end {name} -->" in text


class TestLinearModel:
    def test_a_nat_buys_beta(self):
        from linear import Spectrum

        spectrum = Spectrum(np.geomspace(40, 0.3, 100), 7.0)
        for beta in (0.25, 1.0, 8.0):
            (r1, d1, _), (r2, d2, _) = (spectrum.at(beta * by) for by in (0.9999, 1.0001))
            assert (d2 - d1) / (r1 - r2) == pytest.approx(beta, rel=1e-3)

    def test_below_the_water_nothing_is_said(self):
        from linear import Spectrum

        assert Spectrum(np.array([3.0, 1.0]), 0.5).at(6.0) == (0.0, 4.5, 0)
        rate, distortion, active = Spectrum(np.array([3.0, 1.0]), 0.5).at(2.0)
        assert rate == pytest.approx(0.5 * math.log(3))
        assert (distortion, active) == (2.5, 1)

    def test_the_variances_are_those_of_the_pictures(self):
        from linear import spectrum_of

        pictures = np.random.default_rng(0).integers(0, 256, (60, 4, 4, 3), dtype=np.uint8)
        spectrum = spectrum_of(pictures, 5)
        flat = pictures.reshape(60, -1) / 255
        full = np.linalg.eigvalsh(np.cov(flat.T))[::-1]
        np.testing.assert_allclose(spectrum.variances, full[:5], rtol=2e-2)
        assert spectrum.variances.sum() + spectrum.rest == pytest.approx(full.sum(), rel=1e-4)


class TestCourses:
    def test_means_of_an_epoch_so_far_become_means_in_between(self):
        from kl_figures import kl_windows

        course = [
            {"step": 0, "epoch": 0, "rate": 9.0, "distortion": 1.0},
            {"step": 20, "step_in_epoch": 20, "kl": 1.0},
            {"step": 40, "step_in_epoch": 40, "kl": 2.0},
            {"step": 40, "epoch": 1, "rate": 5.0, "distortion": 1.0},
            {"step": 60, "step_in_epoch": 20, "kl": 4.0},
        ]
        assert kl_windows(course) == ([0.0, 10.0, 30.0, 50.0], [9.0, 1.0, 3.0, 4.0])


class TestEqualRate:
    def test_beta_is_moved_until_the_rate_is_that_of_the_first(self):
        from likeness import End, matched

        tried = []

        def trained_at(beta):
            tried.append(beta)
            return End(80 - 20 * math.log(beta), 60)

        name = matched(End(55.0, 60), trained_at, 5, lambda beta: f"{beta:g}")
        assert 0.97 * 55 <= trained_at(float(name)).rate <= 55
        assert len(tried) <= 4

    def test_where_tries_run_out_the_nearest_below_is_taken(self):
        from likeness import End, matched

        rates = iter([90.0, 40.0])
        name = matched(End(55.0, 60), lambda _: End(next(rates), 60), 2, lambda b: f"{b:g}")
        assert name != "1"


@pytest.mark.long
def test_a_study_goes_on_and_draws(faces, tmp_path, monkeypatch):
    """A few steps on few faces: everything is written, and nothing is trained twice."""
    import kl

    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "kl.md").write_text((ROOT / "docs" / "kl.md").read_text())
    arguments = ["kl.py", str(faces.path), str(tmp_path / "work"), "--epochs", "1"]
    monkeypatch.setattr(sys, "argv", [*arguments, "--runs", "beta", "half", "--docs", str(docs)])
    kl.main()
    figures = {file.name for file in (docs / "images").iterdir()}
    assert figures == {"kl-rate-distortion.png", "kl-dimensions.png", "kl-steps.png"}
    assert "| β = 8 |" in (docs / "kl.md").read_text()
    runs = tmp_path / "work" / "runs"
    before = {f: f.stat().st_mtime_ns for f in runs.rglob("*") if f.is_file()}
    kl.main()
    assert before == {f: f.stat().st_mtime_ns for f in runs.rglob("*") if f.is_file()}
