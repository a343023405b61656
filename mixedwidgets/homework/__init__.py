"""Course homework: one description, data for each student, notebooks, answers, grading."""
