"""Looking around in the latent space."""
