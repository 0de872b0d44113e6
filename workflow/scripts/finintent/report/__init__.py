"""What people look at: figures, captions, cards, the report, provenance and cost."""
