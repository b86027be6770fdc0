"""Molecules written as strings: SMILES, SELFIES, and the productions of a grammar."""
