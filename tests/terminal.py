"""The command line, called from tests."""

from typer.testing import CliRunner, Result

from lik.cli.main import app


def run_lik(*arguments) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])
