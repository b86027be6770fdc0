"""Conditions: what a model is told of a record besides the latent, p(x|z,c) with z ~ p(z).

A condition joins what it has to say to the latent before any decoder reads it, and if asked to the encoder's features before the
posterior does. So every decoder, and whatever decodes (generation, beams, importance weights), has it without knowing of it. It
offers `names`, the classes that it knows; `latent_width` and `feature_width`, the numbers it joins to each vector; and

- `forward(batch)`: the batch as the model is to see it, some of what is known hidden while it trains;
- `tell(z [...,B,*event], labels [B], rank)`: the latents with those numbers; `rank` is that of the event;
- `inform(features [B,H], labels [B])`: the features with theirs;
- `labels(given, count)`: what a user says, as the `[count]` that these two read; None where nothing is said;
- `learnt(config, classes)`, static: the configuration, completed with the classes of the data.
"""
