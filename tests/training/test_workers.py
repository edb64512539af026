"""Workers, threads that share a batch, do what one does with the whole of it."""

import random
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch

from lik.alignment.plan import AlignerPlan
from lik.core.randomness import torch_stream
from lik.core.workers import Workers, threads_at_hand
from lik.training import journal
from lik.training.batches import Batch, Batches, Noise
from lik.training.fast import SharedPasses, compiler
from lik.training.loop import measure
from lik.training.running import build_step
from lik.training.shares import FEWEST, parts_of, shares_of
from trainings import StopAfter, metrics, noise_data, recipe_of, same_weights, train

CPU = torch.device("cpu")
EXACT = "device.precision=float32"
OBJECTIVES = {
    "plain": (),
    "clipped, averaged": ("optimizer.clip=20", "ema=0.9"),
    "geco": ("objective.geco.error=0.02",),
    "learned variance": ("objective.reconstruction=gaussian", "objective.variance=learned"),
    "capacity": (
        "objective.capacity.nats=5",
        "objective.capacity.steps=4",
        "objective.capacity.gamma=1",
    ),
    "augmented": ("augmentation.shift=0.1",),
}


@pytest.fixture
def data():
    return noise_data()


def images(count, number=0):
    return torch.rand(count, 3, 16, 16, generator=torch_stream(0, "images", number))


def steps(*settings, workers, recipe="paper-first", sizes=(16, 16, 7, 16, 3, 16)):
    """The step after batches of these sizes, and the sums that it gave."""
    plan = recipe_of(EXACT, f"device.workers={workers}", *settings, recipe=recipe)
    step, _ = build_step(plan, CPU, 40, plan.state(40, CPU))
    step.model.train()
    sums = []
    with step.workers:
        for number, size in enumerate(sizes):
            batch = Batch(images(size, number), size, size)
            sums.append(step(batch, Noise(torch_stream(0, "test", number), size), number))
    return step, [{name: float(value) for name, value in each.items()} for each in sums]


@pytest.mark.parametrize("faces", [1, 2, 3, 4, 7, 16, 65])
@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_every_face_is_in_one_share_and_none_is_alone(faces, count):
    parts = parts_of(faces, count)
    assert [face for part in parts for face in range(faces)[part]] == list(range(faces))
    assert len(parts) == max(1, min(count, faces // FEWEST))
    assert min(len(range(faces)[part]) for part in parts) >= min(FEWEST, faces)


def test_a_face_has_the_same_noise_and_label_in_its_share():
    whole, shared = (Noise(torch_stream(0, "test"), 9) for _ in range(2))
    labels = torch.arange(9.0)[:, None]
    batch = Batch(images(9), 9, 9, labels)
    shares = shares_of(batch, shared, 4)
    for draw in range(2):
        together = torch.cat([noise.normal(5) for _, noise in shares])
        assert torch.equal(together, whole.normal(5)), draw
    assert torch.equal(torch.cat([share.labels for share, _ in shares]), labels)
    assert torch.equal(torch.cat([share.images for share, _ in shares]), batch.images)
    assert torch.equal(shared.normal(2), whole.normal(2))  # it stands where it would


@pytest.mark.parametrize("workers", [2, 3])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_workers_learn_what_one_learns(name, workers):
    one, sums = steps(*OBJECTIVES[name], workers=1)
    several, shared = steps(*OBJECTIVES[name], workers=workers)
    assert isinstance(several.shared_passes, SharedPasses)
    for step, (before, after) in enumerate(zip(sums, shared, strict=True)):
        assert after == pytest.approx(before, rel=1e-4), step
    assert int(several.guard.skipped) == 0
    for (key, value), other in zip(
        one.objective.state_dict().items(), several.objective.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(other, value, rtol=1e-4, atol=1e-5, msg=key)


def test_batch_normalisation_keeps_the_averages_of_all_shares():
    one, _ = steps(workers=1, recipe="paper-second", sizes=(16,))
    two, _ = steps(workers=2, recipe="paper-second", sizes=(16,))
    for (name, whole), shared in zip(one.model.named_buffers(), two.model.buffers(), strict=True):
        if name == "encoder.1.running_mean":
            torch.testing.assert_close(shared, whole, rtol=1e-5, atol=1e-7)
        if name.endswith("num_batches_tracked"):
            assert int(shared) == int(whole) == 1


def test_what_all_shares_agree_on_stays_as_it_is_to_the_bit():
    """Three shares of a third are not quite one; a count must not become 2.9999."""
    several, _ = steps("objective.geco.error=0.02", workers=3, sizes=(16,) * 12)
    assert float(several.objective.geco.seen) == 12


def test_a_broken_batch_changes_nothing():
    plan = recipe_of(EXACT, "device.workers=2", recipe="paper-second")
    step, _ = build_step(plan, CPU, 40, plan.state(40, CPU))
    step.model.train()
    take = [step(Batch(images(16), 16, 16), Noise(torch_stream(0, "a"), 16), 0)]
    before = {name: tensor.clone() for name, tensor in step.model.state_dict().items()}
    broken = images(16)
    broken[15, 0, 0, 0] = torch.nan  # in the last share
    take.append(step(Batch(broken, 16, 16), Noise(torch_stream(0, "b"), 16), 1))
    assert [float(each["images"]) for each in take] == [16, 0]
    for name, tensor in step.model.state_dict().items():
        assert torch.equal(tensor, before[name]) or name.endswith("num_batches_tracked"), name


@pytest.mark.parametrize("recipe", ["paper-first", "paper-second"])
def test_a_run_with_workers_repeats_and_resumes_to_the_bit(tmp_path, data, recipe):
    settings = ("device.workers=2", "ema=0.9", "mirror=true")
    whole, again, broken = (tmp_path / name for name in ("whole", "again", "broken"))
    for run in (whole, again):
        assert train(run, data, *settings, recipe=recipe).finished
    assert not train(broken, data, *settings, recipe=recipe, callback=StopAfter(4)).finished
    assert train(broken, data, *settings, recipe=recipe).resumed_from > 0
    for run in (again, broken):
        assert same_weights(whole, run)
        assert metrics(whole) == metrics(run)


def test_validation_by_workers_is_that_of_one(data):
    plan = recipe_of(EXACT)
    model = plan.build()
    batches = Batches(data.pictures, data.train, 7, CPU, labels=None)
    found = []
    for count in (1, 3):
        with Workers(count) as workers:
            found.append(measure(model, plan.loss(model), batches, workers))
    assert found[1] == pytest.approx(found[0], rel=1e-6)


def test_an_error_in_a_worker_is_the_callers_and_threads_are_as_before():
    def work(number):
        assert torch.get_num_threads() == 1
        if number:
            raise ValueError("in a worker")

    before = torch.get_num_threads()
    with pytest.raises(ValueError, match="in a worker"), Workers(2) as workers:
        workers.each(work, range(2))
    assert torch.get_num_threads() == before


def test_threads_come_back_after_ctrl_c_and_after_trainings_side_by_side(monkeypatch):
    before = torch.get_num_threads()
    with Workers(2):
        assert threads_at_hand() == before
        with Workers(3):
            assert threads_at_hand() == before
        assert threads_at_hand() == before
    assert torch.get_num_threads() == before

    def interrupted(self, **_):
        raise KeyboardInterrupt

    workers = Workers(2).__enter__()
    monkeypatch.setattr("concurrent.futures.ThreadPoolExecutor.shutdown", interrupted)
    with pytest.raises(KeyboardInterrupt):
        workers.__exit__()
    assert torch.get_num_threads() == threads_at_hand() == before


def test_what_is_drawn_in_other_ways_is_another_for_each_share():
    """Such as how the aligner cuts faces: 16 of them alike would be 16 times the same lesson."""
    drawn = []
    for _ in range(2):
        whole = Noise(torch_stream(0, "test"), 16)
        shares = shares_of(Batch(images(16), 16, 16), whole, 4)
        drawn.append([tuple(torch.rand(5, generator=n.own()).tolist()) for _, n in shares])
    assert len(set(drawn[0])) == 4
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("workers", [1, 4])
def test_an_aligner_cuts_every_face_in_another_way(workers, monkeypatch):
    plan = AlignerPlan(
        epochs=1, eyes=(0.3, 0.4, 0.7, 0.4), device={"precision": "float32", "workers": workers}
    )
    step, _ = build_step(plan, CPU, 64, plan.state(64, CPU))
    seen = []
    for replica in step.shared_passes.replicas if step.shared_passes else [step]:
        model = replica.model
        model.register_forward_hook(lambda _, given, __: seen.append(given[0].detach()))
    same = images(1).expand(32, -1, -1, -1).contiguous()
    with step.workers:
        step(Batch(same, 32, 32), Noise(torch_stream(0, "test"), 32), 0)
    cuts = torch.cat(seen)
    assert len({cut.numpy().tobytes() for cut in cuts}) == len(cuts) >= 32


def test_with_batch_normalisation_every_machine_cuts_batches_alike(monkeypatch):
    found = []
    for threads in (1, 2, 16):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        plan = recipe_of("batch_size=64", recipe="paper-second")
        how = build_step(plan, CPU, 40, plan.state(40, CPU))[1]
        found.append((how.shares, how.workers, how.threads))
    assert found == [(2, 1, 1), (2, 2, 1), (2, 2, 8)]


def test_they_are_as_many_as_threads_where_their_shares_are_large_enough(monkeypatch):
    def chosen(*settings, batch_size=64):
        plan = recipe_of(f"batch_size={batch_size}", *settings)
        return build_step(plan, CPU, 40, plan.state(40, CPU))[1]

    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert chosen().describe(CPU).startswith("CPU, 2 workers of 1 thread, ")
    assert chosen().facts(CPU)["shares"] == 2
    assert chosen(batch_size=31).describe(CPU).startswith("CPU, 2 threads, ")
    assert chosen("objective.free_bits=0.1").workers == 1
    few = chosen("device.workers=5", batch_size=4)
    assert few.workers == 2
    assert "fewer workers" in few.describe(CPU)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 16)
    assert (chosen().workers, chosen().threads) == (4, 4)


@pytest.mark.long
@pytest.mark.skipif(compiler() is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.parametrize("recipe", ["paper-first", "paper-second"])
def test_what_is_compiled_is_shared_as_well(recipe):
    sizes = (16,) * 4
    _, plain = steps("device.compile=false", workers=2, recipe=recipe, sizes=sizes)
    torch._dynamo.reset()
    step, compiled = steps("device.compile=true", workers=2, recipe=recipe, sizes=sizes)
    for replica in step.shared_passes.replicas:
        assert not replica.loss._compiled.given_up
    for before, after in zip(plain, compiled, strict=True):
        assert after == pytest.approx(before, rel=1e-3)


@pytest.mark.long
def test_twenty_kills_cost_nothing(tmp_path, faces):
    """The run goes on each time and ends as one that nobody touched."""
    pace = random.Random(0)

    def command(run):
        return [sys.executable, "-m", "lik", "train", "paper-first", str(faces.path), str(run),
                "batch_size=8", "model.latent=4", "epochs=400", "device.workers=2",
                "--grids-every", "0"]  # fmt: skip

    killed, whole = tmp_path / "killed", tmp_path / "whole"
    for kill in range(20):
        reached = len(journal.read(killed / "journal.jsonl"))
        process = subprocess.Popen(
            command(killed), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        deadline = time.monotonic() + 60
        while len(journal.read(killed / "journal.jsonl")) == reached:
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline, kill
            time.sleep(0.01)
        time.sleep(0.2 * pace.random())
        process.kill()
        process.communicate()
    for run in (killed, whole):
        subprocess.run(command(run), check=True, capture_output=True, timeout=240)
    assert same_weights(killed, whole)
    assert [replace(r, images_per_second=0) for r in journal.read(killed / "journal.jsonl")] == [
        replace(r, images_per_second=0) for r in journal.read(whole / "journal.jsonl")
    ]
