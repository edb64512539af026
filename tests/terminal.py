"""The command line, called from tests."""

from typer.testing import CliRunner, Result

from lik.cli.main import app


def run_lik(*arguments) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def succeed(*arguments) -> Result:
    """Run a command that ends well."""
    answer = run_lik(*arguments)
    assert answer.exit_code == 0, answer.output
    return answer


def refuse(words: str, *arguments) -> None:
    """Run a command that is refused, with exit code 2 and one sentence, in which are ``words``."""
    answer = run_lik(*arguments)
    assert answer.exit_code == 2, answer.output
    assert words in answer.output
    assert answer.output.startswith("lik: ")
    assert answer.output.count("\n") == 1
