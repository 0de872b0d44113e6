"""Asking Claude: requests, replies, their store and their price."""
