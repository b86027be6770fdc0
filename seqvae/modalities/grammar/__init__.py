"""Records as derivations of a context-free grammar: molecules, expressions, whatever a grammar describes."""
