"""Objectives: schedules of the global step, rate policies, divergences, noise, the losses, and the update plans that apply them.

An objective is built as `Objective(*, ...)` and called `objective(model, batch, step, across) -> Loss`, one value a sequence; the
trainer reduces. `settled(step)` says whether its schedules have run their course; `stepped(losses, across)` is told the losses of
each global step once it is done, for multipliers that are learnt. It is an `nn.Module`, so that all it learns is saved with the
rest: its parameters are those of its adversaries, which an optimiser moves; what it moves itself is a buffer.

Its parts may ask for the data's `steps` and the latent's `event_shape` by a positional parameter of that name.
"""
