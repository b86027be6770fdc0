"""The data room: cards, readers, splits, the ragged store on disk, and length-bucketed batches."""
