"""An opened run and what lies beside it; face sets and networks are opened once and kept."""

from functools import cached_property
from pathlib import Path
from typing import Any

from lik.app.hub import name_in_cache
from lik.app.pretrained import is_borrowed, place_of
from lik.core.artifacts import sha256_of
from lik.core.configuration import nearest
from lik.core.device import choose_device
from lik.core.errors import UnusableInput
from lik.core.events import Notify, Progress, no_notices, no_progress
from lik.core.pixels import Pictures
from lik.core.run_folder import RunFolder, read_environment
from lik.faces.set.faceset import FaceSet
from lik.latent.directions.direction import DirectionSet
from lik.latent.inversion import InversionSettings
from lik.latent.inversion import invert as fitted
from lik.latent.session import Codes, Session
from lik.models.classifier import (
    LoadedClassifier,
    load_attribute_classifier,
    require_multiple,
)
from lik.models.recogniser import Recogniser
from lik.models.saved import weights_hash
from lik.objectives.similarity import Features
from lik.training.feature_networks import network_hash, open_features

INVERT = 20
"""Steps in which the codes of photographed faces are fitted."""


class OpenedRun:
    """A run that knows where it came from.

    Attributes:
        path: the folder of the run, or its single ``model.safetensors``.
        folder: its paths. session: its model, ready to encode and decode.
        name: what it is called. metadata: what it knows of itself and its face set.
        size: side S of its faces, in pixels. latent: number D of its latent dimensions.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        device: str = "auto",
        threads: int | None = None,
        notify: Notify = no_notices,
    ) -> None:
        """Open a run onto a device: a path, the name of one that ships, or hf://owner/name.

        Without a path, the usual one is opened.

        Raises:
            UnusableInput: there is no run, or it is broken or of a newer Lik, or no such device.
        """
        self.path = place_of(path, notify)
        self.folder = RunFolder(self.path)
        name = name_in_cache(self.path)
        self.session = Session.load(self.path, choose_device(device, threads), name)
        self.name, self.metadata = self.session.name, self.session.metadata
        self.size, self.latent = self.session.size, self.session.latent
        if self.borrowed:
            self._look_beside()
        self._face_sets: dict[Path, FaceSet] = {}
        self._networks: dict[Path, LoadedClassifier] = {}

    @cached_property
    def sha256(self) -> str:
        """The hash of the weights: what is fitted to them fits no others."""
        return sha256_of(self.folder.model if self.path.is_dir() else self.path)

    @cached_property
    def model_sha256(self) -> str:
        """The hash of all weights, whatever file they lie in: what is learned of them is theirs."""
        return weights_hash(self.session.model)

    @cached_property
    def encoder_sha256(self) -> str:
        """The hash of the encoder's weights: what is fitted to codes fits those of no other."""
        return weights_hash(self.session.model.encoder)

    @cached_property
    def network(self) -> Path | None:
        """The network in whose maps the run was trained, if it had one that is still there."""
        if self.folder.features.is_file():
            return self.folder.features
        if self.borrowed:  # another's paths say nothing here
            return None
        told = self.metadata.get("objective") or {}
        place = told.get("network") or (told.get("features") or {}).get("network")
        if not place or not Path(place).expanduser().exists():
            return None
        there = network_hash(place) == self.metadata.get("features_sha256")
        return Path(place).expanduser() if there else None

    def codes(self, pictures: Pictures, invert: int = 0, progress: Progress = no_progress) -> Codes:
        """Pictures uint8 (N, S, S, 3) → codes (N, D): means of posteriors, or fitted from there.

        Args:
            invert: steps of fitting the code to the picture; 0 for none.

        Raises:
            UnusableInput: pictures of another size or type, a run without an encoder, or one that
                was trained without a network, in whose maps faces could be compared.
        """
        if not invert:
            return self.session.encode(pictures)
        if self.network is None:
            raise UnusableInput(
                f"{self.name} has no network in whose maps codes could be fitted: sharpen it, or "
                "train it with features."
            )
        settings = InversionSettings(steps=invert)
        return fitted(self.session, pictures, self.features, settings, self.widen, progress)

    @property
    def usual_inversion(self) -> int:
        """Steps in which codes of photographed faces are fitted, where nobody says how many."""
        return INVERT if self.network else 0

    @property
    def widen(self) -> float:
        """By how much its crops are wider than the reference frame."""
        return float((self.metadata.get("crop") or {}).get("widen", 1.0))

    @cached_property
    def recogniser(self) -> Recogniser | None:
        """What tells how far an edit moves a person, where the run's network was taught people."""
        try:
            return None if self.network is None else Recogniser(self.classifier(self.network))
        except UnusableInput:
            return None

    @cached_property
    def features(self) -> Features:
        """The maps of `network`, where there is one."""
        return open_features(str(self.network), None, self.size, self.session.device)

    @property
    def origin(self) -> dict[str, str]:
        """What tells one model from another: the run's name and the hashes of model and recipe."""
        told = {"run": self.name, "model_sha256": self.sha256}
        if self.path.is_dir() and self.folder.recipe.is_file():
            told["recipe_sha256"] = sha256_of(self.folder.recipe)
        return told

    def _look_beside(self) -> None:
        """Let the objective look for its network beside the run: others' paths say nothing here."""
        told = self.metadata.get("objective") or {}
        for holder in (told, told.get("features")):
            if isinstance(holder, dict) and "network" in holder:
                holder["network"] = str(self.folder.features)

    @property
    def borrowed(self) -> bool:
        """Whether nothing may be kept beside it, as it ships or is the hub's copy."""
        return is_borrowed(self.path)

    def require_halves(self) -> None:
        """See that the run has an encoder and a decoder.

        Raises:
            UnusableInput: one of them is missing.
        """
        for part in ("encoder", "decoder"):
            if part not in self.session.parts:
                raise UnusableInput(f"{self.name} has no {part}, and both are needed for this.")

    def require_folder(self) -> Path:
        """The folder of the run, beside which things are kept.

        Raises:
            UnusableInput: it is a single file, or a run that is not the user's own.
        """
        if self.borrowed:
            raise UnusableInput(
                f"{self.name} is no run of your own, and nothing is kept beside it: copy its "
                f"folder first, links followed (cp -rL {self.path} mine), and name the copy."
            )
        if not self.path.is_dir():
            raise UnusableInput(
                f"{self.path} is no folder of a run: what is fitted is kept in one."
            )
        return self.path

    @property
    def figures(self) -> Path:
        """The folder in which figures of the run lie, where nothing else is asked for."""
        if self.borrowed:
            return Path("figures")
        return (self.path if self.path.is_dir() else self.path.parent) / "figures"

    def faces(self, given: str | Path | None = None) -> FaceSet:
        """The face set that is given, or else the one that the run was trained on.

        Raises:
            UnusableInput: none is given and the run's own is gone, or another lies in its place;
                or its faces are of another size than the run's.
        """
        path = Path(given) if given is not None else self._own_faces()
        if path not in self._face_sets:
            faces = FaceSet.open(path)
            if given is None:
                self._require_own(faces)
            if faces.size != self.size:
                raise UnusableInput(
                    f"{self.name} takes faces of {self.size} pixels and {path} holds faces of "
                    f"{faces.size}: prepare it again at {self.size} pixels."
                )
            self._face_sets[path] = faces
        return self._face_sets[path]

    def directions(self, name: str) -> DirectionSet:
        """A set of directions that was fitted beforehand.

        Raises:
            UnusableInput: there is none of this name, or it is of other weights.
        """
        found = DirectionSet.load(self.path, name, self.encoder_sha256)
        if any(one.vector.shape != (self.latent,) for one in found.directions.values()):
            raise UnusableInput(f"the directions '{name}' are none of codes of {self.name}.")
        return found

    def classifier(self, path: str | Path) -> LoadedClassifier:
        """A network that tells attributes, on the device of the run.

        Raises:
            UnusableInput: it is none, or faces of the run's size are not what it takes.
        """
        path = Path(path)
        if path not in self._networks:
            loaded = load_attribute_classifier(path)
            require_multiple(self.size, loaded.network.size, str(path))
            loaded.network.to(self.session.device)
            self._networks[path] = loaded
        return self._networks[path]

    @cached_property
    def remembered_faces(self) -> dict[str, Any]:
        """What the run remembers of its face set."""
        if not self.folder.environment.is_file():
            return {}
        faces: dict[str, Any] = read_environment(self.folder)["faces"]
        # Where something lay on another's computer says nothing of what lies there on this one.
        return {k: v for k, v in faces.items() if k != "path"} if self.borrowed else faces

    def _own_faces(self) -> Path:
        path = self.remembered_faces.get("path")
        if not path:
            raise UnusableInput(f"{self.path} remembers no face set: name one.", needs="faces")
        if not Path(path).is_dir():
            raise UnusableInput(
                f"the face set of {self.path} is no longer at {path}: say where it is.",
                needs="faces",
            )
        return Path(path)

    def _require_own(self, faces: FaceSet) -> None:
        told = self.remembered_faces
        if faces.hash != told.get("hash") or faces.index_hash != told.get(
            "index_hash", faces.index_hash
        ):
            raise UnusableInput(
                f"{faces.path} is no longer the face set that {self.path} was trained on: name "
                "that one, or this one to use it all the same.",
                needs="faces",
            )


def logit_column(loaded: LoadedClassifier, attribute: str) -> int:
    """Which logit of a network is of an attribute; UnusableInput, with the nearest, where none."""
    names = loaded.network.attributes
    if attribute not in names:
        raise UnusableInput(
            f"the network knows no attribute '{attribute}'.{nearest(attribute, names)}"
        )
    return names.index(attribute)
