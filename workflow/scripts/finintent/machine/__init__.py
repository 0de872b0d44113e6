"""The machine that jobs run on: who may use its accelerator, and what a job took."""
