"""Linear mixed models: formula, design, cross-products, likelihood, fit."""
