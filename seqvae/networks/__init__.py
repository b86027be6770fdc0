"""What several parts are built of: transformer blocks, pooling, how a latent enters attention, networks that others trained."""
