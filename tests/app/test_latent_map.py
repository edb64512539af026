"""What the map of codes is coloured by."""

import numpy as np

from lik.app.latent_map import seen_in
from lik.latent.session import logits_of


def test_colours_are_what_the_network_of_the_run_sees(run, classifier, monkeypatch):
    monkeypatch.setattr(type(run), "network", property(lambda self: classifier))
    network = run.classifier(classifier).network
    codes = run.session.draw(9, 1)
    seen, logits = seen_in(run, codes), logits_of(run.session, network, codes)
    assert seen.shape == (9, len(network.attributes))
    np.testing.assert_allclose(np.log(seen / (1 - seen)), logits, rtol=1e-3, atol=1e-4)
