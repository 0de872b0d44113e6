"""From predictions to answers, metrics, intervals and tests."""
