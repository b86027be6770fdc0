"""Heads: a latent to a property of its record, to train beside the autoencoder or afterwards, and to climb.

A head is built as `Head(event_shape: torch.Size, support: Constraint | None = None, *, ...)` and offers

- `forward(z [...,*event]) -> [E,...]`: what each of its E members says, in units in which properties compare: standard deviations
  of the training labels, or log-odds. This is what an optimiser climbs;
- `loss(z [...,*event], target [...]) -> [...]`: nats, 0 where the target is NaN (a missing label);
- `standardise(targets [N])`: learn the unit from the training labels;
- `in_units(values [...]) -> [...]`: real values in the units of `forward`;
- `predict(z) -> Prediction`: mean and spread over the members, in the property's own unit;
- `metrics(predicted [N], target [N]) -> dict[str, float]`: how good predictions are on held-out records;
- `ordered`, whether it takes targets for numbers: such a head does not predict classes, whose numbers mean nothing;
- `weight`, what its loss counts for in joint training; `reads`, the posterior's mean or a sample.

`head.Head` makes an ensemble of perceptrons into one.
"""
