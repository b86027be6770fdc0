"""How good a model is: its likelihood, the health of its latent, its reconstructions, and the card that puts them together."""
