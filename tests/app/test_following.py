"""A training is followed by its files: what comes, what is taken back, and what is cut off."""

from lik.app.following import JournalTail, describe_training, dimensions_of, plain_record
from lik.core.run_folder import RunFolder
from lik.training import journal
from lik.training.journal import EpochRecord


def record(epoch, loss=2.0):
    metrics = {"loss": loss, "kl": 1.0}
    details = {"kl_per_dimension": [0.5, float("nan")], "learning_rate": 0.1, "objective": {"a": 1}}
    return EpochRecord(epoch, epoch * 3, metrics, metrics, 10.0, "SSE + KL", details)


def test_a_journal_is_read_on_where_it_was_left(tmp_path):
    folder = RunFolder(tmp_path)
    tail = JournalTail(folder)
    assert tail.read() == ([], False)
    for epoch in (1, 2):
        journal.append(folder.journal, record(epoch))
    assert [one.epoch for one in tail.read()[0]] == [1, 2]
    assert tail.read() == ([], False)
    with open(folder.journal, "a", encoding="utf-8") as file:
        file.write('{"epoch": 3, ')  # a line that is being written is not there yet
    assert tail.read() == ([], False)
    journal.rewind(folder.journal, 3)
    records, anew = tail.read()
    assert ([one.epoch for one in records], anew) == ([1], True)
    journal.append(folder.journal, record(2))
    records, anew = tail.read()
    assert ([one.epoch for one in records], anew) == ([2], False)
    folder.journal.unlink()
    assert tail.read() == ([], True)


def test_numbers_that_are_none_are_told_as_none():
    told = plain_record(record(1, float("inf")))
    assert told["train"] == {"loss": None, "kl": 1.0}
    assert told["details"] == {"learning_rate": 0.1}
    assert dimensions_of(record(1)) == [0.5, None]


def test_a_run_that_was_never_trained_is_no_training(untrained):
    assert describe_training(untrained) is None
