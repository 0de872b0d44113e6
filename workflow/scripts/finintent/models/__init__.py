"""Base models as ordinary Hugging Face folders, from any source and format."""
