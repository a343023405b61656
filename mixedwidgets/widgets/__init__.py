"""The ipywidgets layer: choices, the live loop, pictures and panels."""
