"""Models that answer questions: loading, prompts, likelihoods, baselines, the classifier for use."""
