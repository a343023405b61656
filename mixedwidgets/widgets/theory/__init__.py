"""The theory of the lecture as widgets of their own."""
