"""Training: the loop, its engine, optimisers, checkpoints and loggers."""
