"""Opening networks that know attributes, and lists of attributes, for the verbs that use them."""

from pathlib import Path
from typing import TYPE_CHECKING

from lik.core.errors import UnusableInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lik.latent.session import Session
    from lik.models.classifier import LoadedClassifier


def open_network(path: str, session: "Session") -> "LoadedClassifier":
    """Load an attribute network onto the device of a session.

    Raises:
        UnusableInput: it is none, or it takes faces of another size.
    """
    from lik.models.classifier import load_attribute_classifier

    loaded = load_attribute_classifier(Path(path))
    if loaded.network.size != session.size:
        raise UnusableInput(
            f"{path} takes faces of {loaded.network.size} pixels and {session.name} makes faces of "
            f"{session.size}: train a network on such faces."
        )
    loaded.network.to(session.device)
    return loaded


def only_one(features: "Sequence[str] | None") -> str | None:
    """The one network of --features, where several make no sense.

    Raises:
        UnusableInput: several were given.
    """
    if features and len(features) > 1:
        raise UnusableInput("several --features go with --method guided alone: give one.")
    return features[0] if features else None


def require_same_attributes(networks: "Sequence[LoadedClassifier]") -> None:
    """See that networks can guide together.

    Raises:
        UnusableInput: their logits are not of the same attributes in the same order.
    """
    if len({loaded.network.attributes for loaded in networks}) > 1:
        raise UnusableInput(
            "networks that guide together must know the same attributes in the same order, as "
            "those do that lik train-features makes of one face set."
        )


def note_if_taught_by(session: "Session", path: str, sha256: str) -> None:
    """Warn where a network that judges is the one that the run was trained with."""
    from lik.cli.output import note
    from lik.training.feature_networks import remark_on_teacher

    remark = remark_on_teacher(session.name, session.metadata, path, sha256)
    if remark:
        note(remark)


def listed(text: str | None) -> list[str]:
    """Names divided by commas; none for None."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def column_of(network: "LoadedClassifier", attribute: str) -> int:
    """Which logit is of an attribute.

    Raises:
        UnusableInput: none is; the nearest name is told.
    """
    from lik.core.configuration import nearest

    names = network.network.attributes
    if attribute not in names:
        raise UnusableInput(
            f"the network knows no attribute '{attribute}'.{nearest(attribute, names)}"
        )
    return names.index(attribute)


def model_hash(run: str) -> str:
    """The SHA-256 of a run's weights: what is fitted to them fits no others."""
    from lik.core.artifacts import sha256_of
    from lik.core.run_folder import RunFolder

    path = Path(run)
    return sha256_of(RunFolder(path).model if path.is_dir() else path)


def require_folder(run: str) -> Path:
    """The folder of a run, beside which things are kept."""
    path = Path(run)
    if not path.is_dir():
        raise UnusableInput(f"{run} is no folder of a run: what is fitted is kept in one.")
    return path
