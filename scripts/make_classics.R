# Write the classic published tables of mixedwidgets/data from the copies that come with R.
#
# Usage: Rscript scripts/make_classics.R [FOLDER]
#   from the repository's root, with lme4 and nlme installed. The factors' levels, in R's order,
#   and the original publications stand in mixedwidgets/catalogue.py.

suppressPackageStartupMessages(library(lme4))

folder <- commandArgs(trailingOnly = TRUE)
folder <- if (length(folder)) folder[[1]] else "mixedwidgets/data"

tables <- list(
  penicillin = Penicillin, pastes = Pastes, cake = cake,
  orthodont = nlme::Orthodont, machines = nlme::Machines, oats = nlme::Oats, rail = nlme::Rail
)

for (name in names(tables)) {
  table <- as.data.frame(tables[[name]])
  write.csv(table, file.path(folder, paste0(name, ".csv")), row.names = FALSE, quote = FALSE)
}
