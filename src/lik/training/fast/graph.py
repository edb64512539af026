"""A training step as a CUDA graph: recorded once, then launched as a whole.

At batch 64 these models keep a GPU busy for less time than it takes to launch their kernels one by
one. Recording them (https://pytorch.org/docs/stable/notes/cuda.html#cuda-graphs) asks that every
tensor stays where it is and that nothing waits for the device, so pictures, noise and the learning
rate are copied to fixed places before each launch. What is random is drawn outside, from the same
generators as ever. Batches of another size, such as the last one of an epoch, and the first few,
which warm up what allocates lazily, are taken one kernel at a time: they are steps like any other.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from lik.core.events import Notify
from lik.training.batches import Batch, Noise
from lik.training.fast.losses import MERGED, Compiled
from lik.training.step import Step

WARM_UP = 3
"""Steps before the recording, as PyTorch's documentation has it; compilation happens in them."""

T = TypeVar("T")


class CudaRecorder:
    """Records work, to do it again, on a stream of its own, on which the warm-up runs as well."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def warm_up(self, work: Callable[[], T]) -> T:
        """Do ``work`` once, where it will be recorded."""
        current = torch.cuda.current_stream(self.device)
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream):
            done = work()
        current.wait_stream(self.stream)
        return done

    def record(self, work: Callable[[], Tensor]) -> tuple[Tensor, Callable[[], None]]:
        """Record ``work`` without doing it → where its result will lie, and what does the work.

        Raises:
            RuntimeError: it cannot be recorded.
        """
        recorded = torch.cuda.CUDAGraph()
        current = torch.cuda.current_stream(self.device)
        try:
            # Other threads may go on as they like: one of them pins batches that are read ahead.
            with torch.cuda.graph(recorded, stream=self.stream, capture_error_mode="thread_local"):
                result = work()
        finally:  # where recording fails, PyTorch leaves its own stream in place
            torch.cuda.set_stream(current)
        return result, recorded.replay


class NotRecordable(RuntimeError):
    """An objective draws what cannot be drawn outside of a recording."""


class FixedNoise:
    """`Noise` that lies at fixed places, to be drawn anew before each launch.

    The first step asks for it and makes the places; later ones get the same, in the same order.
    """

    def __init__(self, total: int) -> None:
        self.total, self.share = total, slice(None)
        self.places: list[Tensor] = []
        self.handed = 0
        self._source: torch.Generator | None = None

    @property
    def generator(self) -> torch.Generator:
        raise NotRecordable("the objective draws random numbers of its own")

    def draw(self, noise: Noise) -> None:
        """Fill the places from the generator of ``noise``, in the order they were asked for."""
        self._source = noise.generator
        for place in self.places:
            place.normal_(generator=noise.generator)

    def normal(self, width: int) -> Tensor:
        if self.handed == len(self.places):
            assert self._source is not None
            fresh = torch.empty(self.total, width, device=self._source.device)
            self.places.append(fresh.normal_(generator=self._source))
        place = self.places[self.handed]
        self.handed += 1
        if place.shape[1] != width:
            raise NotRecordable("the objective asks for other noise from step to step")
        return place


Moments = tuple[Tensor, Tensor, Tensor]
"""What Adam remembers of a weight: steps taken (), first and second moment, as the weight."""


def moments_of(optimizer: torch.optim.Optimizer, weights: Sequence[Tensor]) -> list[Moments]:
    """What an optimizer remembers, in the very tensors; zeros where it has not taken a step."""
    for weight in weights:
        state: dict[str, Any] = optimizer.state[weight]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=weight.device)
            for name in ("exp_avg", "exp_avg_sq"):
                state[name] = torch.zeros_like(weight, memory_format=torch.preserve_format)
    states = (optimizer.state[weight] for weight in weights)
    return [(state["step"], state["exp_avg"], state["exp_avg_sq"]) for state in states]


def adam_step(
    weights: Sequence[Tensor],
    gradients: Sequence[Tensor],
    moments: Sequence[Moments],
    rate: Tensor,
    betas: tuple[float, float],
    epsilon: float,
    clip_scale: Tensor | None,
    skip: Tensor,
) -> None:
    """One step of Adam (arXiv:1412.6980, algorithm 1), in place.

    The lines compile into few kernels. PyTorch's fused Adam gives one block of threads 65,536
    weights, so that a model of a million keeps 16 of an H100's 132 multiprocessors busy; and guard,
    sums and running statistics are dozens of launches, each of which takes longer than its work.

    Args:
        weights, gradients: of the same shapes. moments: of the same weights.
        rate: the learning rate, ().
        betas, epsilon: as in the paper.
        clip_scale: divides all gradients, (), or None.
        skip: (), bool: where it is true all stays as it is, whatever the gradients are.
    """
    decay, decay_of_squares = betas
    for weight, gradient, (steps, first, second) in zip(weights, gradients, moments, strict=True):
        g = gradient if clip_scale is None else gradient / clip_scale
        number = steps + 1
        mean = first + (g - first) * (1 - decay)
        square = second * decay_of_squares + g * g * (1 - decay_of_squares)
        size = rate / (1 - decay**number)
        deviation = square.sqrt() / (1 - decay_of_squares**number).sqrt() + epsilon
        moved = weight - size * mean / deviation
        for tensor, new in ((weight, moved), (first, mean), (second, square), (steps, number)):
            tensor.copy_(torch.where(skip, tensor, new))


@dataclass(eq=False, kw_only=True)
class GraphedStep(Step):
    """A `Step` that launches recorded work for whole batches, with the same results.

    What was saved must be put back before the first step, for recorded work knows tensors by where
    they lie. ``notify`` is given a sentence where recording fails; steps go on without it.
    ``compiled``: so is what is done with the gradients.
    """

    batch_size: int
    recorder: CudaRecorder
    notify: Notify
    compiled: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.noise = FixedNoise(self.batch_size)
        # The same for all steps, for what is a float32 here was a float64 among the options.
        self.learning_rate = torch.zeros((), device=self.weights[0].device)
        self._rate_there = 0.0
        self.compiled_step = (
            Compiled(self._plain_lines, self.notify, MERGED) if self.compiled else None
        )
        self.batch: Batch | None = None
        self.names: list[str] = []
        self.warm = 0
        self.launch: Callable[[], None] | None = None
        self.result: Tensor | None = None
        self.given_up = False

    def set_rate(self, rate: float) -> None:
        if rate != self._rate_there:
            self._rate_there = rate
            self.learning_rate.fill_(rate)

    def optimizer_step(
        self, terms: Mapping[str, Tensor], before: Sequence[Tensor], mine: int
    ) -> dict[str, Tensor]:
        if self.compiled_step is None or self.compiled_step.given_up or mine != self.batch_size:
            return super().optimizer_step(terms, before, mine)
        learned = [
            weight
            for group in self.optimizer.param_groups
            for weight in group["params"]
            if weight.grad is not None
        ]
        with torch.no_grad():
            moments = moments_of(self.optimizer, learned)
            return self.compiled_step(
                terms, before, mine, learned, moments, self.optimizer.defaults
            )

    def _plain_lines(
        self,
        terms: Mapping[str, Tensor],
        before: Sequence[Tensor],
        mine: int,
        learned: Sequence[Tensor],
        moments: Sequence[Moments],
        options: Mapping[str, Any],
    ) -> dict[str, Tensor]:
        norm = self.gradient_norm()
        skip = self.guard.skips(norm)
        adam_step(
            learned, [cast(Tensor, weight.grad) for weight in learned], moments,
            self.learning_rate, options["betas"], options["eps"], self.clip_scale(norm), skip == 1,
        )  # fmt: skip
        return self.sum_terms(terms, before, skip, mine)

    def take(self, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        if self.given_up or len(batch.images) != self.batch_size or batch.mine != self.batch_size:
            return self._one_by_one(batch, noise)
        if self.batch is None:  # pictures with the channels last, as they are
            labels = None if batch.labels is None else batch.labels.clone()
            self.batch = replace(batch, images=batch.images.clone(), labels=labels)
        self.batch.images.copy_(batch.images)
        if self.batch.labels is not None and batch.labels is not None:
            self.batch.labels.copy_(batch.labels)
        self.noise.draw(noise)
        try:
            if self.warm < WARM_UP:
                done = self._named(self.recorder.warm_up(self._work))
                self.warm += 1
                return done
            if self.launch is None:
                with self._groups_with("capturable", True):  # to the fused one it is a word alone
                    self.result, self.launch = self.recorder.record(self._work)
        except RuntimeError as error:
            if self.warm < WARM_UP and not isinstance(error, NotRecordable):
                raise  # a failure of the step, and not of its recording
            return self._give_up(batch, noise, error)
        assert self.launch is not None and self.result is not None  # noqa: PT018
        self.launch()
        return self._named(self.result.clone())  # the next launch writes over it

    def _work(self) -> Tensor:
        """A whole step; the sums of its terms, stacked."""
        assert self.batch is not None
        self.noise.handed = 0
        noise = cast(Noise, self.noise)
        sums = self._one_by_one(self.batch, noise)
        self.names = list(sums)
        return torch.stack(list(sums.values()))

    def _named(self, stacked: Tensor) -> dict[str, Tensor]:
        return dict(zip(self.names, stacked.unbind(), strict=True))

    def _give_up(self, batch: Batch, noise: Noise, error: RuntimeError) -> dict[str, Tensor]:
        """Give up recording; take this step, of which nothing has been done yet, without it."""
        self.given_up = True
        reason = (str(error).splitlines() or [""])[0]
        self.notify(
            f"The step could not be recorded as a graph ({reason}): going on without, more slowly."
        )
        noise.generator.manual_seed(noise.generator.initial_seed())  # some of it has been drawn
        return self._one_by_one(batch, noise)

    @contextmanager
    def _groups_with(self, key: str, value: Any) -> Iterator[None]:
        """Give all groups of the optimizer another value; what is saved of it has the usual one."""
        groups = self.optimizer.param_groups
        usual = [group[key] for group in groups]
        for group in groups:
            group[key] = value
        try:
            yield
        finally:
            for group, before in zip(groups, usual, strict=True):
                group[key] = before

    def _one_by_one(self, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        """A step kernel by kernel, for which the optimizer reads the rate on the device."""
        with self._groups_with("lr", self.learning_rate):
            return super().take(batch, noise)
