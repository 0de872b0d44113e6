"""What the workflow's scripts do, without Snakemake in it."""
