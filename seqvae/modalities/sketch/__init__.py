"""Sketches: drawings as pen strokes."""
