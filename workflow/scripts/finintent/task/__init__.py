"""The task as data: labels, wording, questions, and what answers a question."""
