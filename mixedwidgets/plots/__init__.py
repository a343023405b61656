"""Pictures: each draws one table with matplotlib and never computes a fit."""
