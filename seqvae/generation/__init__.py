"""Generation: latents to sequences of steps, by a sampling rule or by beam search, free or under a constraint."""
