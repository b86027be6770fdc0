"""Likelihoods: decoder features to log p(x|z), nats per sequence, and to the next step when generating.

A likelihood is built as `Likelihood(steps: StepSpec, width: int, embedding: StepEmbedding, *, ...)` and offers

- `log_prob(features [S,B,T,H], batch) -> [S,B]`: nats per sequence, summed over real steps (EOS counted, padding never);
- `step_log_prob(features [S,B,T,H], batch) -> [S,B,T]`: the same before the sum, zero at padding;
- `logits(features [...,H]) -> [...,V]` for tokens: what a sampling rule chooses from; `log_softmax` makes them log probabilities;
- `draw(features [R,H], rule, generator, allowed) -> (step [R] or [R,W], ended [R])`: one step of generation.
"""
