"""From candidates of any source to curated rows, their quality and their card."""
