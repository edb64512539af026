"""Settings of tests, of which a later one replaces an earlier one of the same key."""


def merged(*settings):
    """The settings, each key once, as it was given last."""
    return [f"{key}={value}" for key, value in dict(s.split("=", 1) for s in settings).items()]
