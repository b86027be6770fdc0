"""Recognition: a small classifier, trained on a user's own labelled records, that says of what class a record looks to be.

It judges what a model writes (is the reconstruction of an A taken for an A?) without a network that must be downloaded.
"""
