"""The panels: each a widget that shows one view of a fit, alone or in the explorer."""
