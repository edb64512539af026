"""The recipes that come with Lik, as YAML."""
