"""Objectives: schedules of the global step, rate policies, the losses, and the update plans that apply them.

An objective is built as `Objective(*, ...)` and called `objective(model, batch, step, across) -> Loss`, one value a sequence; the
trainer reduces. `settled(step)` says whether its schedules have run their course. It is an `nn.Module`, so that learned multipliers
and discriminators are saved with the rest.
"""
