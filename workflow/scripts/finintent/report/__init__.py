"""Results for readers: figures, captions, cards, the report, provenance and cost."""
