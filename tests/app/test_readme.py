"""The example of the README runs as it stands."""

import re
import shutil
from pathlib import Path

from finders import TwoFaces, save_photograph
from lik.faces import photograph


def test_the_python_example_runs(untrained, faces, tmp_path, monkeypatch):
    text = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, flags=re.S)
    shutil.copytree(untrained, tmp_path / "runs" / "first")
    shutil.copytree(faces.path, tmp_path / "faces" / "celeba")
    save_photograph(tmp_path / "a.jpg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(photograph, "_finder", lambda kind: TwoFaces())
    example = example.replace('["epochs=1"]', '["epochs=1", "model.latent=4"]')
    names: dict[str, object] = {}
    exec(compile(example, "README.md", "exec"), names)
    original = names["photo"].photograph.pixels
    assert (names["undone"].pixels == original).all()
    assert names["strip"].pictures.shape[:2] == (8, 6)
    assert names["table"][0]["run"] == "drawn"
