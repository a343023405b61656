# Write the optima of several grouping factors that R's lme4 finds at its most careful: optima.json.
#
# Usage: Rscript tests/crossed_optima/make.R
#   from the repository's root, with lme4 1.1-31, minqa, nloptr and jsonlite installed.
# Data are those that mixedwidgets ships and tests/golden_fits/made.csv. Each criterion is minimised
# from three starts by three optimisers with tight tolerances, then once more from the best.

suppressPackageStartupMessages(library(lme4))

models <- list(
  c("made", "y ~ x + (x | subject) + (x + dose | item)", ""),
  c("made", "y ~ x + dose + (1 | subject) + (x || item) + (1 | lab)", ""),
  c("made", "deep ~ x + (1 | lab/room/bench)", "w"),
  c("made", "deep ~ x + (x | lab/room)", ""),
  c("made", "flat ~ x + (x | lab/room) + (1 | item)", "w"),
  c("made", "y ~ x + (1 | item:lab) + (x | subject)", "w"),
  c("made", "y ~ dose + (1 | subject) + (1 | item) + (1 | lab) + (1 | lab:room)", ""),
  c("sleepstudy", "Reaction ~ Days + (Days | Subject) + (1 | Days)", ""),
  c("cake", "angle ~ recipe + temp + (temp | replicate) + (1 | recipe:replicate)", ""),
  c("oats", "yield ~ nitro * Variety + (nitro | Block/Variety)", ""),
  c("machines", "score ~ Machine + (1 | Worker) + (1 | Worker:Machine)", ""),
  c("pastes", "strength ~ 1 + (1 | batch) + (1 | cask) + (1 | sample)", ""),
  c("penicillin", "diameter ~ 1 + (1 | plate) + (1 | sample)", ""),
  c("orthodont", "distance ~ age * Sex + (age | Subject) + (1 | age)", "")
)

read <- function(name) {
  path <- if (name == "made") "tests/golden_fits/made.csv" else sprintf("mixedwidgets/data/%s.csv", name)
  table <- read.csv(path, comment.char = "#", stringsAsFactors = TRUE)
  for (column in intersect(c("Subject", "replicate", "Worker"), names(table))) {
    table[[column]] <- factor(table[[column]])
  }
  if (name == "orthodont") table$Sex <- factor(table$Sex, c("Male", "Female"))
  table
}

optimum <- function(criterion, start, lower) {
  set.seed(1)
  starts <- list(start, ifelse(lower == 0, 1, 0), pmax(lower, 1.5 * rnorm(length(start))))
  searches <- list(
    function(s) {
      found <- minqa::bobyqa(s, criterion, lower = lower, control = list(rhobeg = 0.1, rhoend = 1e-9, maxfun = 20000))
      list(theta = found$par, value = found$fval)
    },
    function(s) {
      found <- nlminb(s, criterion, lower = lower, control = list(rel.tol = 1e-15, x.tol = 1e-12, eval.max = 5000, iter.max = 5000))
      list(theta = found$par, value = found$objective)
    },
    function(s) {
      options <- list(algorithm = "NLOPT_LN_NELDERMEAD", xtol_rel = 1e-12, ftol_rel = 1e-15, maxeval = 8000)
      found <- nloptr::nloptr(s, criterion, lb = lower, opts = options)
      list(theta = found$solution, value = found$objective)
    }
  )
  found <- unlist(lapply(starts, function(s) lapply(searches, function(f) f(s))), recursive = FALSE)
  best <- found[[which.min(vapply(found, function(f) f$value, 0))]]
  again <- minqa::bobyqa(best$theta, criterion, lower = lower, control = list(rhobeg = 1e-3, rhoend = 1e-10, maxfun = 20000))
  if (again$fval < best$value) again$par else best$theta
}

quiet <- function(x) suppressMessages(suppressWarnings(x))
control <- lmerControl(
  check.conv.grad = "ignore", check.conv.hess = "ignore", check.conv.singular = "ignore"
)

one <- function(model, reml) {
  data <- read(model[1])
  arguments <- list(formula = as.formula(model[2]), data = data, REML = reml, control = control)
  if (model[3] != "") arguments$weights <- data[[model[3]]]
  default <- quiet(do.call(lmer, arguments))
  criterion <- quiet(do.call(lmer, c(arguments, devFunOnly = TRUE)))
  theta <- optimum(criterion, getME(default, "theta"), getME(default, "lower"))
  value <- criterion(theta)
  inside <- environment(criterion)
  N <- nrow(data) - reml * length(fixef(default))
  sigma <- sqrt((inside$resp$wrss() + inside$pp$sqrL(1)) / N)
  list(
    data = model[1], formula = model[2], weights = model[3], reml = reml, criterion = value,
    default = if (reml) REMLcrit(default) else deviance(default), theta = theta, sigma = sigma,
    fixef = as.list(setNames(inside$pp$beta(1), names(fixef(default)))),
    se = sigma * sqrt(diag(inside$pp$unsc()))
  )
}

found <- unlist(lapply(models, function(m) list(one(m, TRUE), one(m, FALSE))), recursive = FALSE)
text <- jsonlite::toJSON(found, digits = 15, auto_unbox = TRUE, pretty = TRUE)
writeLines(text, "tests/crossed_optima/optima.json")
