"""What Python gives shows itself: as a picture that says who made it, or as a table."""

import io
import re

import numpy as np
import pytest
from PIL import Image

import lik
from lik.app.directions import FitRequest, fit_directions
from lik.app.evaluating import EvaluationRequest
from lik.app.selection import Selection, open_given
from lik.app.views import draw_reconstructions
from lik.figures.png import GENERATIVE, fitted


def shown(thing) -> Image.Image:
    return Image.open(io.BytesIO(thing._repr_png_()))


def made_by(thing) -> tuple[str | None, str | None]:
    text = shown(thing).text
    assert "Lik command" not in text
    assert not re.search("[ \"']/", " ".join(text.values()))
    return text.get("Lik run"), text.get("Description")


class TestPictures:
    def test_what_a_model_made_says_so(self, run, faces):
        codes = run.encode(faces.images[:2])
        given = open_given(run, Selection(count=2))
        for thing in (
            run.sample(3),
            run.traverse(codes, "dimension:1", steps=3),
            run.map(count=20),
            run.map("Smiling", count=20),
            run.morph("seed:1", "seed:2", steps=3, side=32),
            draw_reconstructions(run, given),
            lik.grid(run.decode(codes), run=run),
        ):
            assert made_by(thing) == ("toy", GENERATIVE)
            assert "\n" not in repr(thing)
            assert len(repr(thing)) < 100
        assert made_by(lik.grid(faces.images[:2])) == (None, None)

    def test_what_is_saved_is_what_is_shown(self, run, tmp_path):
        samples = run.sample(3)
        path = samples.save(tmp_path / "new" / "samples.png")
        assert path.read_bytes() == samples._repr_png_()

    def test_each_face_of_a_traversal_has_a_row(self, run, faces):
        codes = run.encode(faces.images[:3])
        one, three = (shown(run.traverse(codes[:n], "dimension:1", steps=4)) for n in (1, 3))
        assert (three.height - one.height) // 2 == pytest.approx(96, abs=8)
        assert three.width == one.width
        assert repr(run.traverse(codes, "dimension:1", 4)) == (
            "3 faces of “toy” along dimension:1: 4 steps from -3 to +3"
        )

    def test_an_edit_is_shown_at_the_size_of_a_screen_and_saved_at_its_own(self, run, photo):
        fit_directions(run, FitRequest("means", name="joint"))
        edited = run.edit(photo, lik.Edit({"Smiling": 1, "Bangs": -0.5}))
        height, width = edited.pixels.shape[:2]
        assert Image.open(io.BytesIO(edited.png())).size == (width, height)
        assert shown(edited).text.keys() >= {"Lik edit", "Lik source", "Description"}
        assert repr(edited) == f"Smiling=1 Bangs=-0.5, by “toy” (joint): {width}×{height} pixels"

    @pytest.mark.parametrize(
        ("size", "expected"),
        [((48, 48), (240, 240)), ((192, 64), (768, 256)), ((600, 400), (600, 400)),
         ((4000, 3000), (1024, 768)), ((900, 4), (900, 4)), ((9000, 1), (1024, 1))],
    )  # fmt: skip
    def test_small_pictures_are_enlarged_and_large_ones_reduced(self, size, expected):
        assert fitted(Image.new("RGB", size)).size == expected


class TestGrid:
    def test_arrays_stand_one_above_the_other(self, faces):
        one, two, broken = (
            lik.grid(*arrays, columns=columns).image
            for arrays, columns in (
                ([faces.images[:4]], 4),
                ([faces.images[:4], faces.images[4:8]], 4),
                ([faces.images[:4], faces.images[4:8]], 2),
            )
        )
        assert one.height < two.height < broken.height
        assert (np.asarray(one)[:100] == np.asarray(two)[:100, : one.width]).all()

    @pytest.mark.parametrize(
        "arrays",
        [[], [np.zeros((2, 8, 8, 3))], [np.zeros((8, 8, 3), np.uint8)],
         [np.zeros((0, 8, 8, 3), np.uint8)], [np.zeros((1, 8, 6, 3), np.uint8)],
         [np.zeros((1, 8, 8, 3), np.uint8), np.zeros((1, 4, 4, 3), np.uint8)]],
    )  # fmt: skip
    def test_what_is_no_picture_is_refused(self, arrays):
        with pytest.raises(lik.UnusableInput, match="arrays of pictures"):
            lik.grid(*arrays)


class TestTables:
    def test_a_run_tells_what_it_has(self, run):
        told = dict(re.split(" {2,}", line, maxsplit=1) for line in repr(run).splitlines())
        assert told == {
            "run": "toy", "faces": "16×16 pixels", "latent space": "4 dimensions",
            "trained": "drawn", "parts": "encoder, decoder", "directions": "–",
            "priors": "N(0, I)",
        }  # fmt: skip
        fit_directions(run, FitRequest("means"))
        assert "means" in repr(run)

    def test_a_broken_journal_is_no_reason_to_show_nothing(self, run):
        (run.path / "journal.jsonl").write_text("no journal\n{}\n")
        assert "16×16 pixels" in run._repr_html_()

    def test_a_face_set_shows_its_numbers_and_no_face(self, faces):
        told = repr(faces)
        splits = [f"{len(faces.indices(name))} {name}" for name in ("train", "validation", "test")]
        assert ", ".join(splits) in told
        share = np.mean(faces.attributes[:, faces.attribute_names.index("Smiling")] > 0)
        assert re.search(rf"Smiling +{100 * share:.0f} %", told)
        assert all(name in told for name in faces.attribute_names)
        assert not hasattr(faces, "_repr_png_")
        assert "<img" not in faces._repr_html_()

    def test_trainings_and_evaluations_tell_their_numbers(self, faces, tmp_path, capsys):
        steps = []
        trained = lik.train(
            "paper-first", faces, tmp_path / "<b>", ["epochs=3", "batch_size=16", "model.latent=4"],
            "cpu", progress=lambda *told: steps.append(told),
        )  # fmt: skip
        per_epoch = -(-len(faces.indices("train")) // 16)
        assert steps[0] == ("training", 0, 3 * per_epoch)
        assert steps[-1][1:] == (3 * per_epoch, 3 * per_epoch)
        assert re.fullmatch(r"epoch 3 of 3, loss \d+\.\d", steps[-1][0])
        head, columns, _, *rows = repr(trained).splitlines()
        assert head.startswith("<b>: 3 of 3 epochs, ")
        assert columns.split() == ["epoch", "loss", "reconstruction", "KL"]
        assert [row.split()[0] for row in rows] == ["1", "2", "3"]
        assert "<b>" not in trained._repr_html_()

        run = lik.load(tmp_path / "<b>")
        assert shown(run.curves()).text.keys() == {"Software"}
        told = []
        request = EvaluationRequest(split="all", repeats=1)
        evaluated = lik.evaluate([run], request, lambda *step: told.append(step))
        assert told[-1] == ("measured", 1, 1)
        assert all(row.heading in repr(evaluated) for row in evaluated.rows)
        assert "on 64 all faces of drawn" in repr(evaluated)
        assert "<b>" not in evaluated._repr_html_()
        assert capsys.readouterr().out == ""

    def test_a_run_without_a_journal_has_no_curves(self, run):
        with pytest.raises(lik.UnusableInput, match="no journal"):
            run.curves()
