"""Optimisation of molecules by the field's protocols, on a trained run."""
