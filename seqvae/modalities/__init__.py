"""One folder a modality: its codec, its readers, its metrics and how its records are drawn."""
