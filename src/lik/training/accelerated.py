"""The passes through a model in lower precision and compiled, the objective in float32."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from lik.core.acceleration import Acceleration
from lik.objectives.elbo import Elbo, Model, Output
from lik.training.batches import Batch
from lik.training.noise import Noise


class AcceleratedElbo:
    """An objective with its model, as the loop takes it.

    In training, whole batches go through compiled code and passes have the chosen precision; what
    is measured in evaluation mode is float32, and never compiled.
    """

    def __init__(
        self, elbo: Elbo, model: nn.Module, latent: int, batch_size: int, how: Acceleration
    ) -> None:
        self.elbo, self.model, self.latent = elbo, model, latent
        self.batch_size, self.how = batch_size, how
        self._compiled: Callable[[Tensor, Tensor], Mapping[str, Tensor]] | None = None
        if how.compiled:
            # PyTorch compiles the same lines for at most eight models, and then no more.
            torch.compiler.reset()
            self._compiled = torch.compile(self._in_training, dynamic=False)

    def __call__(self, batch: Batch, noise: Noise) -> Mapping[str, Tensor]:
        images = batch.images
        numbers = noise.normal(self.latent)
        if len(numbers) < len(images):  # a share of nothing, which counts for nothing
            numbers = images.new_zeros(len(images), self.latent)
        # It learns and counts in training only, as batch normalisation does.
        self.elbo.train(self.model.training)
        if not self.model.training:
            return self._terms(self.model, images, numbers)
        if self._compiled is not None and len(images) == self.batch_size:
            return self._by_compiled(self._compiled, images, numbers)
        return self._in_training(images, numbers)

    def _in_training(self, images: Tensor, noise: Tensor) -> Mapping[str, Tensor]:
        def passes(images: Tensor, noise: Tensor) -> Output:
            kind, precision = images.device.type, self.how.precision
            with torch.autocast(kind, precision, enabled=precision != torch.float32):
                output: Output = self.model(images, noise)
            return output

        return self._terms(passes, images, noise)

    def _terms(self, model: Model, images: Tensor, noise: Tensor) -> Mapping[str, Tensor]:
        terms: Mapping[str, Tensor] = self.elbo(model, images, noise)
        return terms

    def _by_compiled(
        self,
        compiled: Callable[[Tensor, Tensor], Mapping[str, Tensor]],
        images: Tensor,
        noise: Tensor,
    ) -> Mapping[str, Tensor]:
        try:
            return compiled(images, noise)
        except Exception as error:  # compilers fail in many ways, all of them harmless here
            if not type(error).__module__.startswith("torch._"):
                raise
            self._compiled = None
            self.how.tell(
                f"torch.compile failed ({type(error).__name__}): going on without it, more slowly."
            )
            return self._in_training(images, noise)
