"""The configuration: its types, defaults, descriptions and checks, one module a block, and what is made from them."""
