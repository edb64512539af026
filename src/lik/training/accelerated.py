"""The passes through a model in lower precision and compiled, the objective in float32."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from lik.core.acceleration import Acceleration
from lik.core.compilation import Compiled
from lik.objectives.elbo import Elbo, Model, Output
from lik.training.batches import Batch
from lik.training.noise import Noise


class AcceleratedElbo:
    """An objective with its model, as the loop takes it.

    In training, whole batches go through compiled code and passes have the chosen precision; what
    is measured in evaluation mode is float32, and never compiled.
    """

    def __init__(self, elbo: Elbo, model: nn.Module, batch_size: int, how: Acceleration) -> None:
        self.elbo, self.model = elbo, model
        inner = model.module if isinstance(model, DistributedDataParallel) else model
        self.noise_width = int(inner.noise_width)  # type: ignore[arg-type]
        self.batch_size, self.how = batch_size, how
        self._compiled: Compiled[[Tensor, Tensor], Mapping[str, Tensor]] | None = None
        self._tried = isinstance(model, DistributedDataParallel)  # which counts its backward passes
        if how.compiled:
            # PyTorch compiles the same lines for at most eight models, and then no more.
            torch.compiler.reset()
            self._compiled = Compiled(self._in_training, how.tell)

    def __call__(self, batch: Batch, noise: Noise) -> Mapping[str, Tensor]:
        images = batch.images
        numbers = noise.normal(self.noise_width)
        if len(numbers) < len(images):  # a share of nothing, which counts for nothing
            numbers = images.new_zeros(len(images), self.noise_width)
        # It learns and counts in training only, as batch normalisation does.
        self.elbo.train(self.model.training)
        if not self.model.training:
            return self._terms(self.model, images, numbers)
        if self._compiled is None or len(images) != self.batch_size:
            return self._in_training(images, numbers)
        if not self._tried:
            self._tried = True
            self._try(self._compiled, images, numbers)
        return self._compiled(images, numbers)

    def _try(
        self, compiled: Compiled[[Tensor, Tensor], Mapping[str, Tensor]], images: Tensor,
        noise: Tensor,
    ) -> None:  # fmt: skip
        """Go forwards and backwards once for nothing: compiled code may fail in either pass."""
        buffers = [*self.model.buffers(), *self.elbo.buffers()]
        before = [buffer.clone() for buffer in buffers]
        weights = [weight for weight in self.model.parameters() if weight.requires_grad]
        try:
            loss = compiled(images, noise)["loss"].mean()
            torch.autograd.grad(loss, weights, allow_unused=True)
        except Exception as error:  # what is wrong without a compiler too will be so again
            compiled.give_up(error)
        for buffer, old in zip(buffers, before, strict=True):
            buffer.copy_(old)

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
