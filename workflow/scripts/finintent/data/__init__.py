"""From candidates of every source to curated rows, their quality and their card."""
