"""What the map of codes is coloured by."""

from lik.app.latent_map import seen_in


def test_colours_are_what_the_network_of_the_run_sees(run, classifier, monkeypatch):
    monkeypatch.setattr(type(run), "network", property(lambda self: classifier))
    codes, steps = run.session.draw(9, 1), []
    seen = seen_in(run, codes, lambda *step: steps.append(step[1:]))
    assert seen.shape == (9, len(run.classifier(classifier).network.attributes))
    assert ((seen > 0) & (seen < 1)).all()
    assert steps == [(0, 9), (4, 9), (8, 9)]
