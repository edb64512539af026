"""A run as a folder for the hub: all that Lik reads of it, ONNX files, a card, a list of hashes.

What is in it says nothing of the computer that made it, and shows nobody who was photographed.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

import yaml

from lik.app.anomaly import FILE as ANOMALY
from lik.app.card_facts import CARD, card_facts
from lik.app.compressing import FILE as COMPRESSION
from lik.app.exporting import export_networks
from lik.app.guiding import usual_guides
from lik.app.opened import OpenedRun
from lik.app.run_facts import linear_sets
from lik.app.sampling import draw_samples, sample
from lik.core.artifacts import read_json, require_room, whole_folder, write_json, write_text
from lik.core.configuration import read_yaml
from lik.core.errors import UnusableInput
from lik.core.events import Notify, Progress, no_notices, no_progress
from lik.core.run_folder import FORMAT, VERSION, RunFolder, read_environment
from lik.evaluation.anomaly import load_usual
from lik.export.card import PLACEHOLDER, card
from lik.export.manifest import Manifest, read_manifest, verify, write_manifest
from lik.export.networks import exact_weights
from lik.figures.png import png_bytes
from lik.latent.compression.codebook import load_tables
from lik.latent.guided import GuidedStatistics
from lik.latent.priors import load_prior, prior_path, saved_priors
from lik.models.saved import metadata_of_file, weights_file, with_metadata
from lik.models.vgg import holds_torchvision_names
from lik.training.environment import installed

README, LICENCE, SAMPLES = "README.md", "LICENSE.md", "samples.png"
LEARNED: dict[str, tuple[Callable[[Path, str, int], object], str]] = {
    ANOMALY: (load_usual, "unusual pictures are told"),
    COMPRESSION: (load_tables, "faces are compressed"),
}
"""What is learned of a run once → what reads it, and what it is for."""
FACES = 32
"""Faces on the picture of the card, as the prior draws them."""
KEPT = ("lik", "commit", "python", "torch", "numpy", "gpu", "started")
"""Of the environment, what helps to make a run again and says nothing of whose machine it was."""
STAGES = 5


@dataclass(frozen=True)
class HubFolder:
    """A folder that was written, and what is in it."""

    path: Path
    manifest: Manifest

    @property
    def bytes(self) -> int:
        """All of it."""
        return sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file())

    @property
    def contents(self) -> str:
        """What is in it, in words."""
        names = list(self.manifest.files)
        kinds = {
            "weights": ["model.safetensors"],
            "the network of features": ["features.safetensors"],
            "the network that guides": ["guide.safetensors"],
            "directions": [n for n in names if n.startswith("directions/") and n.endswith(".json")],
            "priors": [n for n in names if n.startswith("priors/")],
            "statistics of codes, for unusual pictures": [ANOMALY],
            "tables, for compression": [COMPRESSION],
            "ONNX files": [n for n in names if n.endswith(".onnx")],
            "its recipe": ["recipe.yaml"],
            "a picture of drawn faces": [SAMPLES],
        }
        said = []
        for kind, files in kinds.items():
            there = [Path(name).stem for name in files if name in self.manifest.files]
            listed = kind in ("directions", "priors") and there
            said += [f"{kind} ({', '.join(there)})" if listed else kind] if there else []
        return ", ".join([*said, "a card"])


def export_hub(
    run: OpenedRun,
    out: str | Path,
    repository: str | None = None,
    licence: str | None = None,
    progress: Progress = no_progress,
    notify: Notify = no_notices,
) -> HubFolder:
    """Write the folder ``out``, whole or not at all.

    Args:
        repository: ``owner/name`` where it will be on the hub, which the card says then.
        licence: under what terms the run is passed on; where nobody knows those of its pictures,
            it must be given.

    Raises:
        UnusableInput: ``out`` exists, terms are not known, or a package is missing.
    """
    out = Path(out)
    require_room(out)
    if out.exists():
        raise UnusableInput(f"{out} exists already, and nothing is overwritten: name another.")
    facts = card_facts(run, repository, licence)  # refuses before the work begins
    with whole_folder(out) as folder:
        progress("copying the run", 0, STAGES)
        copy_run(run, folder, notify)
        progress("drawing faces", 1, STAGES)
        drawn = _draw(run, folder)
        progress("writing ONNX files", 2, STAGES)
        copy = OpenedRun(folder, "cpu")
        copy.name = run.name
        exported = export_networks(copy, folder, exact_weights(copy.session.model))
        progress("writing the card", 4, STAGES)
        told = facts(copy, drawn, [file.name for file in exported.files.values()])
        write_text(folder / README, card(told))
        write_text(folder / LICENCE, f"# Terms\n\n{told.terms.strip()}\n")
        write_manifest(folder, run.name, installed("lik-vae"), (README, LICENCE))
        verify(folder, str(out))
        progress("writing the card", STAGES, STAGES)
    return HubFolder(out, read_manifest(out, str(out)))


def folder_of(run: OpenedRun, out: str | Path, repository: str | None = None) -> HubFolder:
    """A folder that was written before, of this run, with its place on the hub in its card.

    Raises:
        UnusableInput: what is there is no such folder, or of another run, or was changed.
    """
    out = Path(out)
    manifest = verify(out, str(out))
    copy = OpenedRun(out, "cpu")
    if copy.model_sha256 != run.model_sha256:
        raise UnusableInput(f"{out} is of other weights than {run.name}: name another folder.")
    readme = out / README
    if repository and readme.is_file():
        text = readme.read_text(encoding="utf-8")
        if (named := text.replace(f"hf://{PLACEHOLDER}", f"hf://{repository}")) != text:
            write_text(readme, named)
    return HubFolder(out, manifest)


def copy_run(run: OpenedRun, folder: Path, notify: Notify = no_notices) -> None:
    """Copy what Lik reads of a run, without what belongs to other weights, and without paths."""
    target, source = RunFolder(folder), weights_file(run.path)
    _, metadata = metadata_of_file(source)
    kept = without_places(metadata, is_of_a_computer)
    if kept == metadata:
        shutil.copyfile(source, target.model)
    else:
        notify(
            "the file of the weights names places on this computer: without them its hash is "
            "another, and records of edits with the one do not go with the other."
        )
        target.model.write_bytes(with_metadata(source, kept))
    _copy_network(run, target, notify)
    if run.folder.recipe.is_file():
        tree = without_places(read_yaml(run.folder.recipe))
        write_text(target.recipe, yaml.safe_dump(tree, sort_keys=False, allow_unicode=True))
    if (run.path / CARD).is_file():
        shutil.copyfile(run.path / CARD, folder / CARD)
    write_json(target.environment, _environment(run))
    _copy_directions(run, folder, notify)
    for name, (load, what) in LEARNED.items():
        if not (run.path / name).is_file():
            continue
        try:
            load(run.path / name, run.model_sha256, run.latent)
        except UnusableInput as error:
            notify(f"what {what} by is left out: {error}")
        else:
            shutil.copyfile(run.path / name, folder / name)
    for name in saved_priors(run.path):
        try:
            load_prior(run.path, name, run.encoder_sha256)
        except UnusableInput as error:
            notify(f"the prior '{name}' is left out: {error}")
            continue
        (folder / "priors").mkdir(exist_ok=True)
        shutil.copyfile(prior_path(run.path, name), prior_path(folder, name))


def is_path(text: str) -> bool:
    """Whether a value may be a path of more than one name."""
    return "/" in text or "\\" in text


def is_of_a_computer(text: str) -> bool:
    """Whether a path says how folders of one computer are called, and not just of one project."""
    parts = PureWindowsPath(text).parts
    return is_path(text) and (
        bool(PureWindowsPath(text).anchor) or parts[0].startswith(("~", ".."))
    )


def without_places(value: Any, is_place: Callable[[str], bool] = is_path) -> Any:
    """Plain values in which of every path the last name alone is left.

    Names of attributes are no paths, whatever they look like.
    """
    if isinstance(value, Mapping):
        return {
            key: inner if key == "attribute_names" else without_places(inner, is_place)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [without_places(inner, is_place) for inner in value]
    if isinstance(value, str) and is_place(value):
        return PureWindowsPath(value).name
    return value


def _environment(run: OpenedRun) -> dict[str, Any]:
    stored: dict[str, Any] = {"faces": {}}
    if run.path.is_dir() and run.folder.environment.is_file():
        stored = read_environment(run.folder)
    faces = dict(stored["faces"])
    place = faces.pop("path", None)
    if place:
        faces["name"] = PureWindowsPath(place).name
    told = {key: stored[key] for key in KEPT if stored.get(key) is not None}
    return {"format": FORMAT, "version": VERSION, "faces": without_places(faces), **told}


def _copy_network(run: OpenedRun, target: RunFolder, notify: Notify) -> None:
    """The network in whose maps it was trained: known by its hash: it stays as it is."""
    if run.network is None:
        return
    if holds_torchvision_names(run.network):
        notify("the network of features is left out: it is not one of Lik's own.")
        return
    file = weights_file(run.network)
    run.classifier(run.network)  # refuses what is none
    _, metadata = metadata_of_file(file)
    if without_places(metadata, is_of_a_computer) != metadata:
        notify("the network of features is left out: it names places on this computer.")
        return
    shutil.copyfile(file, target.features)


def _copy_directions(run: OpenedRun, folder: Path, notify: Notify) -> None:
    directions = folder / "directions"
    for name in linear_sets(run):
        directions.mkdir(exist_ok=True)
        source = run.path / "directions" / f"{name}.safetensors"
        shutil.copyfile(source, directions / source.name)
        told = read_json(source.with_suffix(".json"))
        told["made"] = without_places(told["made"])
        write_json(directions / f"{name}.json", told)
    try:
        guided = GuidedStatistics.load(run.path)
    except UnusableInput as error:
        notify(f"what guided edits are measured by is left out: {error}")
        return
    if guided is not None and guided.is_of(run.encoder_sha256, run.latent):
        faces = without_places(guided.faces)
        guided.model_copy(update={"paths": {}, "faces": faces}).save(folder)
        if str(run.folder.guide) in usual_guides(run, guided).values():
            shutil.copyfile(run.folder.guide, RunFolder(folder).guide)


def _draw(run: OpenedRun, folder: Path) -> str:
    """Draw faces from the prior; what they were drawn from, or '' for a run without a decoder."""
    if "decoder" not in run.session.parts:
        return ""
    samples = sample(run, FACES)
    image = draw_samples(run, samples).image
    (folder / SAMPLES).write_bytes(png_bytes(image, command=None, run=run.name))
    return samples.described
