"""Widgets in which a student answers a homework; each answer is recorded as text."""
