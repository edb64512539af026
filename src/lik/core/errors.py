"""The two ways in which Lik gives up, each one sentence for the user."""


class UnusableInput(Exception):
    """Wrong use, or input that cannot be used: the command ends with exit code 2.

    The message is one sentence that says what is wrong, where, and what to do. It names no option
    of the command line: ``needs`` names the argument that would mend it, such as ``faces``, and
    each front end says how that is given.
    """

    def __init__(self, message: str, needs: str | None = None) -> None:
        super().__init__(message)
        self.needs = needs


class OtherWeights(UnusableInput):
    """What was made with one model's weights is to be used with those of another."""


class FailedOnTheWay(Exception):
    """Work that began and could not end (a full disk, diverged training): exit code 1."""
