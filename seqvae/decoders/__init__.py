"""Decoders: a latent and the steps so far to the features of the next step.

A decoder is built as `Decoder(steps: StepSpec, event_shape: torch.Size, *, ...)` and offers

- `forward(z [S,B,*event], batch) -> [S,B,T,H]`: teacher forcing, the features that predict step t at position t;
- `start(z [R,*event]) -> state` and `step(inputs [R] or [R,W], state) -> ([R,H], state)`: one step at a time, the same function;
- `select(state, index [R'])`: the rows of a state, for beams and for dropping finished rows;
- `steps`, what it was built for; `width` (H) and `embedding` (for tied outputs).

`decoder.Decoder` makes all of these out of `start` and a function over any number of steps, `run`.
"""
