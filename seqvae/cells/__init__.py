"""Recurrent cells: one layer over a sequence, in one direction.

A cell is built as `Cell(inputs: int, hidden: int, *, ...)` by the encoder or decoder that stacks it, and offers

- `forward(inputs [R,T,I], state, told | None) -> (outputs [R,T,H], state)`: any number of steps from a state. `told` is what every
  step reads besides its own input (a latent, `recurrence.Told`); the constructor's `inputs` then counts I + K columns;
- `start(memory [R,H]) -> state`: a state that remembers `memory`; zeros give the zero state;
- `widths`: of the state's tensors `[R,width]`, the output h first, the memory c second where there is one.
"""
