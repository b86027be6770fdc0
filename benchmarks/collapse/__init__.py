"""The cure table: every cure for posterior collapse on one model, one protocol and one data set."""
