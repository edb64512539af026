"""A recorded step does what a step does; where there is no GPU, a tape of operations stands in."""

from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lik.core.randomness import torch_stream
from lik.core.run_folder import RunFolder
from lik.training import fast, journal
from lik.training.batches import Batch, Noise
from lik.training.fast.acceleration import DeviceSettings, choose_acceleration, compiler
from lik.training.fast.graph import WARM_UP, GraphedStep
from lik.training.fast.losses import MERGED, Compiled
from lik.training.recipe import load_recipe
from lik.training.running import build_step, run_training
from lik.training.step import Step
from trainings import CPU, StopAfter, noise_data, same_weights

CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


class Tape(TorchDispatchMode):
    """Every operation with its tensors, to be done again on the same ones: numbers are fixed."""

    def __init__(self):
        super().__init__()
        self.calls, self.before = [], {}

    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        named = named or {}
        written = [
            arguments[n] if n < len(arguments) else named.get(argument.name)
            for n, argument in enumerate(function._schema.arguments)
            if argument.alias_info is not None and argument.alias_info.is_write
        ]
        for tensor in tree_leaves(written):
            if isinstance(tensor, torch.Tensor) and id(tensor) not in self.before:
                self.before[id(tensor)] = tensor, tensor.clone()
        result = function(*arguments, **named)
        self.calls.append((function, arguments, named, result))
        return result

    @torch.no_grad()
    def undo(self):
        for tensor, content in self.before.values():
            tensor.copy_(content)

    @torch.no_grad()
    def play(self):
        for function, arguments, named, before in self.calls:
            now = function(*arguments, **named)
            for place, content in zip(tree_leaves(before), tree_leaves(now), strict=True):
                if isinstance(place, torch.Tensor) and place.data_ptr() != content.data_ptr():
                    place.copy_(content)


class OnTape:
    """Records as a GPU does: nothing is done while it is recorded."""

    def __init__(self, device=CPU):
        self.recorded = 0

    def warm_up(self, work):
        return work()

    def record(self, work):
        self.recorded += 1
        with Tape() as tape:
            result = work()
        tape.undo()
        return result, tape.play


class CannotRecord(OnTape):
    def record(self, work):
        raise RuntimeError("operation not permitted when stream is capturing\nmore lines")


def test_warming_up_takes_more_than_one_step():
    assert WARM_UP >= 3


def new_step(recorder=None, loss=None, recipe="paper-first", compiled=False):
    settings = ["model.latent=4", "batch_size=4", "ema=0.9", "optimizer.clip=5",
                "optimizer.schedule=cosine", "optimizer.warmup=3"]  # fmt: skip
    recipe = load_recipe(recipe, settings, 16)
    real = fast.choose_acceleration

    def chosen(*arguments, **named):
        how = real(*arguments, **named)
        return replace(how, compiled=False, graph=recorder is not None, workers=1)

    remarks = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fast, "choose_acceleration", chosen)
        patched.setattr(fast, "CudaRecorder", lambda device: recorder)
        made, _ = build_step(recipe, CPU, 40, recipe.state(40, CPU), notify=remarks.append)
    if loss:
        made.loss = loss(made.loss)
    if compiled:
        made.compiled_step = Compiled(made._plain_lines, remarks.append, MERGED)
    return made, remarks


def batches(count=16):
    """Whole ones, with a smaller one now and then, and one that is broken."""
    for number in range(count):
        size = 3 if number % 5 == 4 else 4
        images = torch.rand(size, 3, 16, 16, generator=torch.Generator().manual_seed(number))
        images = images.contiguous(memory_format=torch.channels_last)
        if number in (8, 10):
            images[0] = torch.nan
        yield Batch(images, size, size)


def taken(step):
    sums = []
    for number, batch in enumerate(batches()):
        noise = Noise(torch_stream(0, "noise", number), batch.total)
        sums.append({name: float(value) for name, value in step(batch, noise, number).items()})
    return sums


def assert_same_sums(found, expected, tolerance=1e-5):
    for one, other in zip(expected, found, strict=True):
        assert other == pytest.approx(one, rel=tolerance)


def state(step):
    parts = [step.model.state_dict(), step.average.model.state_dict(), step.guard.state_dict()]
    moments = chain(*(s.items() for s in step.optimizer.state_dict()["state"].values()))
    tensors = [tensor for part in parts for tensor in part.values()]
    return tensors + [tensor for _, tensor in moments]


@pytest.fixture
def one_thread():
    """Sums in one order: Adam makes more of the last bits of a gradient that is next to nothing."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("recipe", ["paper-first", "paper-second"])
def test_a_recorded_step_does_what_a_step_does(recipe, one_thread):
    """Rates change, batches are skipped, moments, averages and guard move: all to the same."""
    recorder = OnTape()
    plain, graphed = new_step(recipe=recipe)[0], new_step(recorder, recipe=recipe)[0]
    assert type(plain) is Step
    assert type(graphed) is GraphedStep
    expected, found = taken(plain), taken(graphed)
    assert recorder.recorded == 1
    assert [sums["images"] for sums in found] == [sums["images"] for sums in expected]
    assert [sums["images"] for sums in found][8:11] == [0, 3, 0]
    assert_same_sums(found, expected)
    assert int(graphed.guard.skipped) == 2
    if recipe == "paper-second":  # biases before a normalisation have no gradient but noise
        return
    for one, other in zip(state(plain), state(graphed), strict=True):
        torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-6)


@pytest.mark.long
@pytest.mark.skipif(compiler() is None, reason="torch.compile needs a C++ compiler")
def test_what_is_done_with_gradients_may_be_compiled(monkeypatch, one_thread):
    """Broken batches are skipped, rates change, whole batches and smaller ones share moments."""
    monkeypatch.setattr("lik.training.fast.graph.WARM_UP", 100)  # a tape cannot hold compiled code
    plain = new_step()[0]
    graphed, remarks = new_step(OnTape(), compiled=True)
    expected, found = taken(plain), taken(graphed)
    assert graphed.compiled_step is not None
    assert not graphed.compiled_step.given_up
    assert remarks == []
    assert int(graphed.guard.skipped) == 2
    for one, other in zip(expected, found, strict=True):
        assert other["images"] == one["images"]
        assert other["loss"] == pytest.approx(one["loss"], rel=1e-4)
    one, other = (step.optimizer.state_dict()["state"] for step in (plain, graphed))
    assert [entry["step"] for entry in other.values()] == [entry["step"] for entry in one.values()]


def test_what_is_saved_of_it_is_what_is_saved_of_a_step():
    plain, graphed = new_step()[0], new_step(OnTape())[0]
    for step in (plain, graphed):
        taken(step)
    one, other = (step.optimizer.state_dict()["param_groups"] for step in (plain, graphed))
    for group in (*one, *other):
        group.pop("lr")  # it is set at every step
    assert one == other
    assert not any(isinstance(value, torch.Tensor) for group in other for value in group.values())


def test_what_cannot_be_recorded_goes_on_as_it_was_and_says_so():
    plain = new_step()[0]
    graphed, remarks = new_step(CannotRecord())
    assert_same_sums(taken(graphed), taken(plain))
    assert remarks == [
        "The step could not be recorded as a graph (operation not permitted when stream is "
        "capturing): going on without, more slowly."
    ]


def test_an_objective_with_dice_of_its_own_is_not_recorded():
    def with_dice(loss):
        def diced(images, noise):
            torch.rand(1, generator=noise.generator)
            return loss(images, noise)

        return diced

    recorder = OnTape()
    plain, (graphed, remarks) = new_step(loss=with_dice)[0], new_step(recorder, with_dice)
    assert_same_sums(taken(graphed), taken(plain))
    assert recorder.recorded == 0
    assert len(remarks) == 1
    assert "random numbers of its own" in remarks[0]


def test_a_step_that_fails_while_it_warms_up_is_a_failure():
    def broken(loss):
        def failing(images, noise):
            raise RuntimeError("CUDA out of memory")

        return failing

    with pytest.raises(RuntimeError, match="out of memory"):
        taken(new_step(OnTape(), broken)[0])


def test_graphs_are_for_small_models_in_one_process_on_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
    gpu, few, many = torch.device("cuda"), 10**6, 10**9

    def graph(device, weights, recordable=True, wish="auto"):
        return choose_acceleration(DeviceSettings(graph=wish), device, 1, weights, recordable)

    assert graph(gpu, few).graph
    assert "as one graph" in graph(gpu, few).describe(gpu)
    assert not graph(gpu, many).graph
    assert graph(gpu, many, wish=True).graph
    assert not graph(gpu, few, wish=False).graph
    assert not graph(CPU, few).graph
    for how in (graph(CPU, few, wish=True), graph(gpu, few, recordable=False, wish=True)):
        assert not how.graph
        assert "no graph" in how.notes[-1]


def test_only_what_stays_the_same_is_recorded():
    assert load_recipe("paper-first", ["objective.beta=4"]).objective.recordable


@pytest.fixture
def data():
    return replace(noise_data(840, 32), train=np.arange(805), validation=np.arange(805, 840))


class Told(StopAfter):
    how = ""

    def began(self, recipe, resumed, steps_per_epoch, how):
        self.how = how


def train(path, data, *settings, callback=None, recipe="paper-first"):
    callback, remarks = callback or Told(10**9), []
    recipe = load_recipe(recipe, ["batch_size=16", "model.latent=8", *settings], 32)
    run_training(RunFolder(path), recipe, data, torch.device("cuda"), callback, remarks.append)
    assert remarks == []
    records = journal.read(path / "journal.jsonl")
    return callback, [(r.train["loss"], r.validation["loss"]) for r in records]


@CUDA
@pytest.mark.gpu
@pytest.mark.parametrize("recipe", ["paper-first", "paper-second"])
@pytest.mark.parametrize("compiled", ["false", "true"])
def test_on_a_gpu_a_graph_learns_what_steps_learn(tmp_path, data, recipe, compiled):
    """102 steps, of which the last of each epoch is smaller."""
    settings = ("epochs=2", "device.precision=float32", f"device.compile={compiled}", "mirror=true",
                "ema=0.9", "optimizer.clip=50", "optimizer.schedule=cosine")  # fmt: skip
    losses = []
    for graph in ("false", "true"):
        callback, found = train(
            tmp_path / graph, data, *settings, f"device.graph={graph}", recipe=recipe
        )
        assert ("one graph" in callback.how) == (graph == "true")
        losses.append(found)
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-3)


@CUDA
@pytest.mark.gpu
@pytest.mark.parametrize("graph", ["false", "true"])
@pytest.mark.parametrize("steps", [30, 51, 70])
def test_on_a_gpu_resumed_equals_unbroken(tmp_path, data, graph, steps):
    settings = ("epochs=2", "device.deterministic=true", "device.compile=false", "ema=0.9",
                f"device.graph={graph}", "mirror=true")  # fmt: skip
    train(tmp_path / "whole", data, *settings)
    train(tmp_path / "broken", data, *settings, callback=Told(steps))
    train(tmp_path / "broken", data, *settings)
    torch.use_deterministic_algorithms(False)
    assert same_weights(tmp_path / "whole", tmp_path / "broken")


@CUDA
@pytest.mark.gpu
def test_on_a_gpu_of_our_days_bfloat16_and_graph_are_chosen(tmp_path, data):
    callback, _ = train(tmp_path / "run", data, "epochs=1")
    assert "one graph" in callback.how
    if torch.cuda.get_device_capability() >= (8, 0):
        assert "bfloat16" in callback.how


@CUDA
@pytest.mark.gpu
def test_on_a_gpu_a_set_that_does_not_fit_is_read_ahead(tmp_path, data, monkeypatch):
    """Its batches are pinned in another thread, while the step is being recorded too."""
    fits = train(tmp_path / "fits", data, "epochs=1")[1]
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (0, 0))
    np.testing.assert_allclose(train(tmp_path / "not", data, "epochs=1")[1], fits, rtol=1e-3)
