"""Speed ratios against plain code (`speed`), and results on real data (`run`)."""
