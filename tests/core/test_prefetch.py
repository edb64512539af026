from lik.core.prefetch import prefetch


def test_work_is_begun_some_items_ahead_and_done_in_order():
    begun = []
    results = prefetch(lambda item: begun.append(item) or item, lambda item: 10 * item, range(6), 2)
    assert next(results) == 0
    assert begun == [0, 1]
    assert next(results) == 10
    assert begun == [0, 1, 2]
    assert list(results) == [20, 30, 40, 50]
    assert begun == [0, 1, 2, 3, 4, 5]
    assert list(prefetch(begun.append, print, [], 3)) == []
