"""Claude through Anthropic's API: requests, replies, their store and their price."""
