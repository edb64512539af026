"""How much of which direction: ``Smiling=1 Blond_Hair=0.5``.

Amounts are decimal numbers, so that 0.1 + 0.2 − 0.3 is nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation

import numpy as np

from lik.core.errors import UnusableInput
from lik.latent.directions import Direction
from lik.latent.session import Codes

Amounts = dict[str, Decimal]
"""Name of a direction → how often it is added."""


def parse(words: Sequence[str]) -> Amounts:
    """``NAME=NUMBER`` words → amounts; of a name given twice, the sum.

    Raises:
        UnusableInput: a word of another form, or a number that is not finite.
    """
    amounts: Amounts = {}
    for word in words:
        name, equals, number = word.partition("=")
        name = name.strip()
        try:
            amount = Decimal(number.strip())
        except InvalidOperation:
            amount = Decimal("nan")
        if not (name and equals and amount.is_finite() and abs(amount) < 1000):
            raise UnusableInput(
                f"'{word}' says no change: write NAME=NUMBER, such as Smiling=1 or Young=-0.5."
            )
        amounts[name] = amounts.get(name, Decimal(0)) + amount
    return amounts


def added(first: Mapping[str, Decimal], second: Mapping[str, Decimal]) -> Amounts:
    """The amounts of two changes, one after the other; what comes to nothing is left out."""
    names = [*first, *(name for name in second if name not in first)]
    zero = Decimal(0)
    sums = {name: first.get(name, zero) + second.get(name, zero) for name in names}
    return {name: amount for name, amount in sums.items() if amount}


def shift(
    amounts: Mapping[str, Decimal], direction_of: Callable[[str], Direction], latent: int
) -> Codes:
    """The vector (D,) that the amounts add to a code.

    Every name is asked for, also one of which nothing is added, so that a wrong one is refused.
    """
    total = np.zeros(latent, np.float32)
    for name, amount in amounts.items():
        total += np.float32(amount) * direction_of(name).vector
    return total


def written(amounts: Mapping[str, Decimal]) -> str:
    """The amounts as they would be typed."""
    return " ".join(f"{name}={amount.normalize():f}" for name, amount in amounts.items())
