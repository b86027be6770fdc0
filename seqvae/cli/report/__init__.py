"""The report of a demo: what is shown (study), how it is drawn (drawings), and the page around it."""
