"""A model outside the process: its folder on disk, and the Hugging Face hub. Only safetensors, JSON and text; never a pickle."""
