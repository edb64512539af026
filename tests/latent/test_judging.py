import numpy as np
import torch

from lik.core.pixels import to_float
from lik.latent.session import logits_of_pictures
from lik.models.classifier import PlainSettings, build_classifier


def test_logits_of_many_pictures_are_those_of_each(drawn_pictures):
    settings = PlainSettings(size=16, attributes=("a", "b"), widths=(4, 4))
    network = build_classifier(settings)
    pictures = np.concatenate([drawn_pictures] * 40)
    logits = logits_of_pictures(network, pictures)
    assert logits.shape == (320, 2)
    with torch.no_grad():
        one = network(to_float(pictures[300:301])).numpy()
    np.testing.assert_allclose(logits[300:301], one, atol=1e-5)
