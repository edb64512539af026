"""The plan of a refiner's training, and its step, which moves refiner and critic in turn."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from lik.core.artifacts import sha256_of
from lik.core.configuration import override, validated
from lik.core.errors import UnusableInput
from lik.core.precision import choose_precision
from lik.core.randomness import derive
from lik.models.catalogue import RefinedSettings, build
from lik.models.critic import PairCritic
from lik.models.refiner import Refined, RefinerSettings
from lik.models.saved import load_model, weights_file
from lik.objectives.interface import Objective
from lik.objectives.sharpness import Sharpness, SharpnessSettings, Views
from lik.training.batches import Batch, Noise
from lik.training.fast import DeviceSettings
from lik.training.feature_networks import open_features
from lik.training.recipe import AdamSettings, TrainingPlan
from lik.training.step import Guard, Loss, Replica, Step

REFINER = RefinerSettings(colour=0.4, crisp=0.06)
"""What refines pictures of a decoder's own size."""
ENLARGER = RefinerSettings(widths=(24, 40), blocks=(1, 1), full=8)
"""What makes pictures twice as large: small, for it works at four times as many pixels."""

CRITIC_RATE = 0.5
"""The critic's learning rate, in those of the refiner."""


class SharpenPlan(TrainingPlan):
    """Everything that determines a refined run, beside its face set.

    ``base`` is the run whose decodings are refined; its encoder and decoder stay as they are.
    """

    base: str
    model: RefinedSettings
    objective: SharpnessSettings
    optimizer: AdamSettings = AdamSettings(
        learning_rate=1e-3, beta1=0.0, beta2=0.99, epsilon=1e-8, schedule="cosine", warmup=20,
    )  # fmt: skip
    batch_size: int = Field(32, ge=1)
    epochs: int = Field(12, ge=1)
    mirror: bool = True
    ema: float | None = Field(0.998, gt=0, lt=1)
    patience: None = None
    device: DeviceSettings = DeviceSettings(compile=False)

    @model_validator(mode="after")
    def _shortens_by_itself(self) -> "SharpenPlan":
        if self.optimizer.clip is not None:
            raise ValueError("long gradients are shortened anyhow: leave optimizer.clip out")
        return self

    @model_validator(mode="after")
    def _makes_pictures_of_codes(self) -> "SharpenPlan":
        if self.objective.nobody and self.model.size > self.model.base.size:
            raise ValueError(
                "what makes pictures larger learns from pictures, and codes of nobody have none: "
                "leave objective.nobody out"
            )
        return self

    @property
    def network(self) -> str:
        return self.objective.network

    @property
    def step_class(self) -> type[Step]:
        return SharpenStep

    def build(self) -> nn.Module:
        model = build(self.model)
        assert isinstance(model, Refined)
        saved = load_model(weights_file(Path(self.base).expanduser()))
        model.base.load_state_dict(saved.model.state_dict())
        model.base.requires_grad_(False)
        return model

    def state(self, faces: int, device: torch.device) -> Sharpness:
        size = self.model.size
        precision = choose_precision(device, self.device.precision)
        features = open_features(self.objective.network, None, size, device, precision)
        maps = features(torch.zeros(1, 3, size, size, device=device))
        torch.manual_seed(derive(self.seed, "critic"))
        critic = PairCritic([m.shape[1] for m in maps[1:]])
        critic.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return Sharpness(self.objective, features, critic, precision).to(device)

    def loss(self, model: Any, state: Objective | None = None) -> Loss:
        objective = state or self.state(1, next(model.parameters()).device).train(model.training)
        assert isinstance(objective, Sharpness)
        width = model.noise_width + objective.numbers

        def loss(batch: Batch, noise: Noise) -> Mapping[str, Tensor]:
            return objective.refiner_terms(objective.see(model, batch.images, noise.normal(width)))

        return loss

    def provenance(self) -> dict[str, Any]:
        base = sha256_of(weights_file(Path(self.base).expanduser()))
        return super().provenance() | {"base_sha256": base}


def sharpen_plan(base: Path, network: str, size: int, settings: Iterable[str] = ()) -> SharpenPlan:
    """The plan for a base run and faces of a size, with overrides such as ``epochs=4``.

    Faces of twice the size that the base makes ask for pictures of that size.

    Raises:
        UnusableInput: the base is no run with an encoder and a decoder, or is refined already for
            faces of this size; or a size or settings that do not fit.
    """
    saved = load_model(weights_file(base))
    if isinstance(saved.model, Refined) and size == saved.model.size:
        raise UnusableInput(
            f"{base} is sharpened already: give the run that it was made of, or faces of "
            f"{2 * size} pixels, to make pictures of that size."
        )
    lacking = {"encoder", "decoder"} - set(saved.metadata.get("parts", ["encoder", "decoder"]))
    if lacking:
        raise UnusableInput(f"{base} has no {lacking.pop()}, and both halves are needed.")
    tree: dict[str, Any] = {
        "base": str(base),
        "model": {
            "size": size,
            "base": saved.settings.model_dump(mode="json"),
            "refiner": REFINER.model_dump(mode="json"),
        },
        "objective": {"network": network},
    }
    if size > saved.settings.size:
        tree["model"]["refiner"] = ENLARGER.model_dump(mode="json")
        tree["objective"] |= {"pixels": 1.0, "coarse": 0.0, "critic": 0.0}
        tree |= {"batch_size": 16}
    return validated(SharpenPlan, override(tree, settings), "the settings")


class Shortening(Guard):
    """Shortens gradients that are longer than twice the usual, and skips none for its length.

    Two that play against each other have gradients a hundred times too long now and then. Adam
    without a first moment would throw all weights far away by one of them; and to skip it would
    leave the refiner where it is, and the critic ever steeper.
    """

    LONGEST = 2.0
    """Usual norms."""

    def __init__(self, device: torch.device) -> None:
        super().__init__(device, math.inf)

    def skips(self, norm: Tensor) -> Tensor:
        longest = torch.where(self.seen >= 20, self.LONGEST * self.usual, math.inf)
        self.longer = (norm / longest).clamp(min=1.0)
        return super().skips(norm / self.longer)


class SharpenStep(Step):
    """A step of the refiner, then one of its critic, on the same pictures."""

    def __post_init__(self) -> None:
        super().__post_init__()
        assert isinstance(self.model, Refined)
        assert isinstance(self.objective, Sharpness)
        self.refined, self.sharpness = self.model, self.objective
        self.guard, self.critic_guard = (Shortening(self.weights[0].device) for _ in range(2))
        self.seen: dict[Objective, Views] = {}

    def take(self, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        before = [buffer.clone() for buffer in self.buffers]
        sums = self.optimizer_step(self.passes(self.terms_of, batch, noise), before, batch.mine)
        if not self.sharpness.settings.critic:
            return sums
        critic = self._step_of_critic(batch, noise)
        return sums | {"critic": critic.mean().double() * sums["images"]}

    def terms_of(self, replica: Replica, batch: Batch, noise: Noise) -> Mapping[str, Tensor]:
        objective, model = replica.objective, replica.model
        assert isinstance(objective, Sharpness)
        assert isinstance(model, Refined)
        numbers = noise.normal(model.noise_width + objective.numbers)
        views = objective.see(model, batch.images, numbers)
        if objective.settings.critic:
            self.seen[objective] = views
        return objective.refiner_terms(views)

    def critic_terms_of(self, replica: Replica, batch: Batch, noise: Noise) -> Mapping[str, Tensor]:
        """The critic's terms, of what `terms_of` has seen of the same faces."""
        objective = replica.objective
        assert isinstance(objective, Sharpness)
        terms = objective.critic_terms(self.seen.pop(objective), noise.own())
        return {"loss": terms["critic_loss"], "critic": terms["critic"]}

    def _step_of_critic(self, batch: Batch, noise: Noise) -> Tensor:
        """Move the critic; its loss (B,), penalty not counted."""
        terms = self.passes(self.critic_terms_of, batch, noise)
        norm = nn.utils.get_total_norm(
            [w.grad for w in self.objective.parameters() if w.grad is not None]
        )
        for group in self.optimizer.param_groups:
            group["lr"] *= CRITIC_RATE
        self.move(norm, self.critic_guard)
        return terms["critic"].detach()

    def parts(self) -> dict[str, Any]:
        return super().parts() | {"critic_guard": self.critic_guard}
