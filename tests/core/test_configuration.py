import pytest

from lik.core.configuration import Settings, differences, override, parse_yaml, validated
from lik.core.errors import UnusableInput


class Inner(Settings):
    rate: float = 0.1


class Outer(Settings):
    epochs: int
    inner: Inner = Inner()


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"epochs": 1, "epochz": 2}, r"unknown key 'epochz'.*'epochs'"),
        ({"epochs": 1, "inner": {"rat": 2}}, r"unknown key 'inner.rat'.*'inner.rate'"),
        ({}, "here: 'epochs' is missing"),
        ({"epochs": "many"}, "'epochs' is 'many'"),
    ],
)
def test_wrong_keys_and_values_are_named_with_the_nearest_known(tree, said):
    with pytest.raises(UnusableInput, match=said):
        validated(Outer, tree, "here")


def test_overrides_leave_the_original_and_read_numbers():
    tree = {"epochs": 1, "inner": {"rate": 0.1}}
    assert override(tree, ["inner.rate=1e-3", "epochs=4"]) == {"epochs": 4, "inner": {"rate": 1e-3}}
    assert tree == {"epochs": 1, "inner": {"rate": 0.1}}


@pytest.mark.parametrize("wrong", ["epochs", "=3", "epochs.more=3"])
def test_overrides_of_another_form_are_refused(wrong):
    with pytest.raises(UnusableInput):
        override({"epochs": 1}, [wrong])


@pytest.mark.parametrize("text", ["a: [", "- 1\n- 2", ""])
def test_what_is_no_mapping_is_refused(text):
    with pytest.raises(UnusableInput, match="file"):
        parse_yaml(text, "file")


def test_differences_name_dotted_keys():
    changed = differences(Outer(epochs=1), Outer(epochs=1, inner=Inner(rate=0.2)))
    assert changed == {"inner.rate": (0.1, 0.2)}
