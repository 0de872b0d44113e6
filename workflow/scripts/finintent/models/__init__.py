"""Base models as ordinary Hugging Face folders, whatever they came as."""
