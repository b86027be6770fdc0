"""What each number of an evaluation means, with its unit: the one place where a metric is defined in words."""

from __future__ import annotations

from typing import NamedTuple


class Definition(NamedTuple):
    """A metric's unit and its meaning."""

    unit: str
    meaning: str


_SEQUENCE = "nats per sequence"

DEFINITIONS: dict[str, Definition] = {
    "modality": Definition("", "what the records are"),
    "split": Definition("", "which part of the data was evaluated"),
    "count": Definition("records", "records evaluated"),
    "classes": Definition("classes", "the model is told each record's: its likelihoods are of the record given its class"),
    "samples": Definition("samples", "importance samples per record behind the NLL"),
    "elbo_nats": Definition(_SEQUENCE, "evidence lower bound, -(rate + distortion), one posterior sample per record"),
    "rate_nats": Definition(_SEQUENCE, "KL(q(z|x) || p(z)): what the latent costs"),
    "distortion_nats": Definition(_SEQUENCE, "-log p(x|z): what the latent leaves unsaid"),
    "nll_nats": Definition(_SEQUENCE, "-log p(x) by importance weighting; falls towards the true value as samples grow"),
    "nll_stderr_nats": Definition("nats", "Monte Carlo error of the mean NLL over draws of z, not over records"),
    "ppl_word": Definition("per word", "exp(sum NLL / sum(words + 1)); each sentence's end counts as one word"),
    "ppl_token": Definition("per token", "exp(sum NLL / sum tokens), ends counted; depends on the tokenizer"),
    "mi_nats": Definition("nats", "I(x;z) under the aggregated posterior over all records: what the latent tells"),
    "mi_bound_nats": Definition("nats", "ln(records): the largest value that mi_nats can take"),
    "mi_minibatch_nats": Definition("nats", "the same within batches of 32 records (He et al. 2019), at most ln 32 = 3.47"),
    "active_units": Definition("dimensions", "latent dimensions whose posterior mean has variance >= 0.01 over records"),
    "latent_dim": Definition("dimensions", "size of the latent"),
    "collapsed": Definition("", "whether the latent tells (almost) nothing about the record"),
    "reconstruction_exact": Definition("share", "records that the greedy decode of the posterior mean gives back exactly"),
    "reconstruction_token_accuracy": Definition("share", "target tokens, ends counted, that this decode has at the same position"),
    "bleu": Definition("0 to 100", "corpus BLEU of this decode against the records"),
    "retrieval_gallery": Definition(
        "records", "among which a reconstruction, encoded again, is to find its own; of its class where that is told, on average"
    ),
    "retrieval_top1": Definition("share", "reconstructions whose own record is the nearest; 1 / gallery by chance"),
    "retrieval_top10": Definition("share", "the same among the 10 nearest; 10 / gallery by chance"),
    "retrieval_top50": Definition("share", "the same among the 50 nearest; 50 / gallery by chance"),
    "l_r_magenta": Definition(
        "nats per row", "sketch-rnn's L_R as its training prints it: offsets and pens, ends counted, over N_max"
    ),
    "l_r_masked": Definition("nats per row", "the same without the ends; N_max is the longest training drawing's points"),
    "nats_per_point": Definition("nats per point", "-log p of offset and pen at each point; offsets in units of the scale factor"),
    "validity": Definition("share", "samples of the prior, one draw at each latent, that are molecules for RDKit"),
    "uniqueness": Definition("share", "distinct molecules among the valid samples"),
    "novelty": Definition("share", "of these, molecules that are not among the training records"),
    "prior_validity": Definition(
        "share", "valid draws over many draws at each of many latents of the prior (1,000 x 100 published)"
    ),
    "reconstruction_sampled": Definition(
        "share", "draws that give the record back, over latents sampled from its posterior (10 x 10 published)"
    ),
    "references": Definition("records", "real ones, drawn by the seed, that all valid samples, repeats too, are compared with"),
    "snn": Definition(
        "0 to 1", "as MOSES: Tanimoto similarity of a sample to the nearest reference, averaged; grows with their number"
    ),
    "fragments": Definition("0 to 1", "as MOSES: cosine of the counts of BRICS fragments in samples and references"),
    "scaffolds": Definition("0 to 1", "as MOSES: cosine of the counts of Murcko scaffolds with two rings or more"),
    "internal_diversity": Definition("0 to 1", "as MOSES: 1 - mean Tanimoto similarity of all pairs of samples"),
    "filters": Definition("share", "samples that pass MOSES's filters: elements, charges, rings, unwanted substructures"),
    "property_distances": Definition("the property's", "Wasserstein-1 distance of its distributions in samples and references"),
    "fcd": Definition("", "Frechet ChemNet distance of samples to references; lower is nearer"),
    "properties": Definition(
        "the property's", "how well the heads read it off the posterior mean: absolute error and R2, or accuracy"
    ),
    "sampled": Definition("records", "samples of the prior, of each class in turn where the model is told classes"),
    "known_classes": Definition("classes", "that the classifier tells apart"),
    "recognised_real": Definition("share", "real records whose class the classifier tells: what the next can reach at best"),
    "recognised_reconstructed": Definition(
        "share", "reconstructions that it takes for the class of their source, which a class-conditional decoder was told"
    ),
    "recognised_sampled": Definition("share", "samples that it takes for the class asked for"),
    "same_class": Definition("share", "reconstructions that it takes for what it takes their source for, right or wrong"),
    "confidence_real": Definition("0 to 1", "the classifier's probability of the class it names, on real records"),
    "confidence_reconstructed": Definition("0 to 1", "the same on reconstructions"),
    "confidence_sampled": Definition("0 to 1", "the same on samples"),
    "step": Definition(
        "optimiser steps", "when validation distortion + training.best_beta x rate was least: -ELBO where that beta is 1"
    ),
    "training_records": Definition("records", "in the training split"),
    "parameters": Definition("weights", "in the model"),
    "aggregated_kl_nats": Definition("nats", "KL(q(z) || p(z)): the part of the rate that tells nothing of the record"),
    "decoder_sensitivity_nats": Definition(_SEQUENCE, "what the decoder loses by the latent of another record"),
    "round_trip_prior": Definition("share", "of a latent drawn from the prior, what comes back through decoder and encoder"),
    "round_trip_posterior": Definition("share", "the same of a latent drawn from a record's posterior"),
}
