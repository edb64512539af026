"""Runs on the Hugging Face hub: ``hf://owner/name``, downloaded once, vouched for, then used.

They lie in the cache of ``huggingface_hub``, which belongs to it: nothing is written beside them.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.core.events import Notify, no_notices
from lik.export import manifest

SCHEME = "hf://"
MOST = 2**30
"""Bytes of a run that are downloaded, at the most."""
MOST_FILES = 500
NEEDS = "the hub needs a package: pip install 'lik-vae[hub]'."
_NAME = r"[A-Za-z0-9](?:[\w.-]{0,94}[A-Za-z0-9_])?"


@dataclass(frozen=True)
class HubName:
    """Where a run is on the hub: ``owner/name``, and a branch, tag or commit."""

    repository: str
    revision: str | None = None

    def __str__(self) -> str:
        return SCHEME + self.repository + (f"@{self.revision}" if self.revision else "")

    @property
    def name(self) -> str:
        """The last part of the name: what the run is called."""
        return self.repository.rpartition("/")[2]

    @classmethod
    def parse(cls, text: str) -> "HubName":
        """Read ``hf://owner/name``, ``hf://owner/name@revision``, or the same without hf://.

        Raises:
            UnusableInput: it is none.
        """
        told = re.sub(r"^hf:/+", "", text.strip())
        match = re.fullmatch(rf"({_NAME}/{_NAME})(?:@([\w.][\w./-]{{0,199}}))?", told, re.ASCII)
        if (
            match is None
            or "--" in match[1]
            or match[1].endswith(".git")
            or any(pair in told for pair in ("..", "//"))
        ):
            raise UnusableInput(
                f"'{text}' names no run on the hub: that is hf://owner/name, or "
                "hf://owner/name@revision."
            )
        return cls(match[1], match[2])


def is_on_hub(run: object) -> bool:
    """Whether a run is named by its place on the hub; a path has one slash of hf:// left."""
    return run is not None and str(run).startswith("hf:/")


def name_in_cache(place: Path) -> str | None:
    """What a run in the cache of the hub is called; None for what lies elsewhere."""
    folder = place.resolve() if place.is_dir() else place.absolute().parent
    repository = folder.parent.parent.name
    if folder.parent.name != "snapshots" or not repository.startswith("models--"):
        return None
    return repository.rpartition("--")[2]


def download(run: str, notify: Notify = no_notices) -> Path:
    """The folder of a run on the hub, downloaded where it is not there yet, and vouched for.

    Of its files those alone are taken that Lik reads. Without a network, what was downloaded
    before is used, and ``notify`` is told.

    Raises:
        UnusableInput: no such run, one that is too large, or one whose files are not what its
            list says; or ``huggingface_hub`` is missing.
        FailedOnTheWay: the hub cannot be reached, and the run was not downloaded before.
    """
    wanted = HubName.parse(run)
    hub = hub_library()
    folder = None
    if not hub.constants.HF_HUB_OFFLINE:
        with sentences(str(wanted)):
            folder = _downloaded(hub, wanted, notify)
    if folder is None:
        folder = _kept(hub, wanted)
        if not hub.constants.HF_HUB_OFFLINE:
            notify(f"the hub cannot be reached: {wanted} is used as it was downloaded before.")
    manifest.verify(folder, str(wanted))
    return folder


def hub_library() -> Any:
    """``huggingface_hub``; UnusableInput where it is not installed."""
    try:
        import huggingface_hub  # not always there, and nothing else needs it
        import huggingface_hub.constants
        import huggingface_hub.utils
    except ImportError:
        raise UnusableInput(NEEDS) from None
    return huggingface_hub


def _downloaded(hub: Any, wanted: HubName, notify: Notify) -> Path | None:
    """The folder with the files as they are on the hub now; None where it cannot be reached."""
    try:
        told = hub.HfApi().model_info(
            wanted.repository, revision=wanted.revision, files_metadata=True, timeout=10
        )
        size = _require_small(wanted, told.siblings or [])
        there = (wanted.repository, "model.safetensors", None, told.sha)
        if not isinstance(hub.try_to_load_from_cache(*there), str):
            notify(f"downloading {wanted}, {size / 1e6:,.1f} MB, once.")
        with _without_bars(hub):
            return Path(
                hub.snapshot_download(
                    wanted.repository, revision=wanted.revision, allow_patterns=list(manifest.READ)
                )
            )
    except Exception as error:
        if is_unreachable(error):
            return None
        raise


def _kept(hub: Any, wanted: HubName) -> Path:
    """The folder with what was downloaded before."""
    try:
        return Path(
            hub.snapshot_download(
                wanted.repository, revision=wanted.revision, local_files_only=True,
                allow_patterns=list(manifest.READ),
            )
        )  # fmt: skip
    except (OSError, ValueError):
        why = "HF_HUB_OFFLINE is set" if hub.constants.HF_HUB_OFFLINE else "it cannot be reached"
        raise FailedOnTheWay(
            f"{wanted} is not on this computer, and the hub is not asked for it ({why}): open it "
            "with a network first."
        ) from None


def _require_small(wanted: HubName, siblings: list[Any]) -> int:
    """The bytes of a run; what is none of Lik or too large is refused before it is downloaded."""
    sizes = {one.rfilename: one.size or 0 for one in siblings if manifest.is_read(one.rfilename)}
    if manifest.NAME not in sizes:
        raise UnusableInput(
            f"{wanted} is no run of Lik: it has no {manifest.NAME} (lik export hub makes it)."
        )
    if sum(sizes.values()) > MOST or len(sizes) > MOST_FILES:
        raise UnusableInput(
            f"{wanted} is too large: {len(sizes):,} files, {sum(sizes.values()) / 1e6:,.0f} MB, "
            f"and {MOST_FILES:,} files, {MOST / 1e6:,.0f} MB are the most."
        )
    return sum(sizes.values())


@contextmanager
def _without_bars(hub: Any) -> Iterator[None]:
    """The hub's own bars go to no terminal in particular: what is told, `notify` tells."""
    quiet = hub.utils.are_progress_bars_disabled()
    hub.utils.disable_progress_bars()
    try:
        yield
    finally:
        if not quiet:
            hub.utils.enable_progress_bars()


def is_unreachable(error: BaseException) -> bool:
    """Whether an error of the hub is one of the network: nobody answers, or not now."""
    names = {cls.__name__ for kind in _chain(error) for cls in type(kind).__mro__}
    if names & {"OfflineModeIsEnabled", "ConnectionError", "TransportError", "TimeoutError",
                "ConnectError", "TimeoutException"}:  # fmt: skip
        return True
    status = status_of(error)
    return status is not None and (status >= 500 or status == 429)


def status_of(error: BaseException) -> int | None:
    """The HTTP status with which the hub answered; None where it did not."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) else None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


@contextmanager
def sentences(what: str) -> Iterator[None]:
    """Turn errors of the hub into one sentence each; ``what`` is looked for or uploaded.

    Raises:
        UnusableInput: it does not exist, or may not be had.
        FailedOnTheWay: the network, or the hub itself.
    """
    try:
        yield
    except (UnusableInput, FailedOnTheWay):
        raise
    except Exception as error:
        name, status = type(error).__name__, status_of(error)
        if name == "RevisionNotFoundError":
            sentence = f"{what}: there is no such branch, tag or commit on the hub."
        elif name == "GatedRepoError" or status == 403:
            sentence = f"{what}: the hub gives no right to it: ask its owner, or take another name."
        elif name == "RepositoryNotFoundError" or status in (401, 404):
            sentence = (
                f"{what} is not on the hub, or only for those who may see it (hf auth login)."
            )
        elif name == "HFValidationError" or status == 400:
            sentence = f"{what}: the hub refuses the name or what is in it."
        elif is_unreachable(error) or isinstance(error, OSError) or status is not None:
            reason = " ".join(str(error).split("\n")[0].split())[:200]
            raise FailedOnTheWay(f"{what}: the hub could not be reached ({reason}).") from error
        else:
            raise
        raise UnusableInput(sentence) from error


@dataclass(frozen=True)
class Upload:
    """A folder that is to go to the hub, and whereto; what is asked for is sure to be possible."""

    name: HubName
    private: bool
    endpoint: str

    @property
    def address(self) -> str:
        """Where it will be seen."""
        return f"{self.endpoint}/{self.name.repository}"

    def push(self, folder: Path) -> str:
        """Upload a folder of `lik.app.hub_folder`, and give its address.

        What lies on the hub from before and is no longer in the folder is deleted there, of the
        files that Lik reads.

        Raises:
            UnusableInput: the hub knows no such owner, or gives no right.
            FailedOnTheWay: the network, or the hub itself.
        """
        manifest.verify(folder, str(folder))
        hub = hub_library()
        with sentences(f"uploading to {self.address}"), _without_bars(hub):
            api = hub.HfApi()
            api.create_repo(self.name.repository, private=self.private, exist_ok=True)
            api.upload_folder(
                repo_id=self.name.repository,
                folder_path=folder,
                commit_message=f"A run of Lik: {self.name.name}",
                delete_patterns=list(manifest.READ),
            )
        return self.address


def prepare_upload(repository: str, private: bool = False) -> Upload:
    """See that something can be uploaded as ``owner/name``, before any work begins.

    Raises:
        UnusableInput: no such name, no token, or the hub may not be asked for anything.
    """
    name = HubName.parse(repository)
    if name.revision:
        raise UnusableInput(f"'{repository}': what is uploaded goes to owner/name, without @.")
    hub = hub_library()
    if hub.constants.HF_HUB_OFFLINE:
        raise UnusableInput("HF_HUB_OFFLINE is set, and uploading needs a network: unset it.")
    if not hub.get_token():
        raise UnusableInput(
            "the hub takes nothing without a token: log in by 'hf auth login', or set HF_TOKEN."
        )
    return Upload(name, private, hub.HfApi().endpoint.rstrip("/"))
