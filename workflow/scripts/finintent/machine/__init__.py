"""The machine that jobs run on: the lock on its accelerator, and what a job used."""
