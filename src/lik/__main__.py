"""python -m lik: the same as the command lik."""

from lik.cli.main import main

main()
