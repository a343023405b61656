# Write what R's lme4 prints for the models of models.json: NAME.print.txt, NAME.summary.txt.
#
# Usage: Rscript tests/golden_fits/make.R [NAME ...]
#   from the repository's root, with lme4 1.1-31, nlme and jsonlite installed.
# Data are those that mixedwidgets ships and made.csv, which this script makes as well. lme4's own
# optimiser stops up to 1e-3 from the optimum in theta, which changes printed digits, so the search
# below starts at several points and ends with Newton's steps. lme4 prints nothing of the optimiser
# but the lines on a singular fit, which the test replaces by ours.

suppressPackageStartupMessages(library(lme4))
options(digits = 7, width = 80, OutDec = ".")
invisible(Sys.setlocale("LC_ALL", "C.UTF-8"))
folder <- "tests/golden_fits"

# ---------------------------------------------------------------- data

make <- function() {
  suppressWarnings(RNGversion("4.2.0"))
  set.seed(20)
  i <- 0:239
  table <- data.frame(
    subject = sprintf("s%02d", i %% 24 + 1), item = letters[(i * 7 + i %/% 24) %% 10 + 1],
    lab = LETTERS[i %/% 48 + 1], room = sprintf("r%d", (i %/% 16) %% 3 + 1),
    bench = sprintf("b%d", (i %/% 4) %% 4 + 1), x = round(rnorm(240), 2), dose = i %% 4
  )
  effect <- function(name, sd) rnorm(length(unique(table[[name]])), sd = sd)[factor(table[[name]])]
  x <- table$x
  table$y <- round(
    20 + 1.5 * x - 0.4 * table$dose + effect("subject", 2) + effect("subject", 0.9) * x +
      effect("item", 1.2) + effect("item", 0.7) * x + effect("item", 0.5) * table$dose +
      effect("lab", 1) + rnorm(15, sd = 0.7)[i %/% 16 + 1] + rnorm(240), 3
  )
  table$deep <- round(
    5 + 0.8 * x + effect("lab", 2) + rnorm(15, sd = 1.5)[i %/% 16 + 1] +
      rnorm(60, sd = 1.2)[i %/% 4 + 1] + rnorm(240), 3
  )
  table$flat <- round(5 + effect("lab", 1) * (1 + 0.4 * x) + rnorm(240), 3)
  table$holes <- replace(table$y, c(3, 50, 51, 200), NA)
  table$w <- c(0.5, 1, 2, 4)[(i * 5) %% 7 %% 4 + 1]
  table$known <- round(sin(i), 2)
  table$chosen <- i %% 5 > 0
  table$twice <- 2 * table$x
  table$teaching_method_of_the_course <- c("lecture", "seminar", "self-study")[i %/% 24 %% 3 + 1]
  table$hours_of_preparation <- round(10 + 3 * cos(i * i), 1)
  table$examination_room_and_time <- table$item
  table[["odd name"]] <- round(5 * x + cos(3 * i), 2)
  write.csv(table, file.path(folder, "made.csv"), row.names = FALSE, quote = FALSE, na = "")
}

plain <- function(table) {
  class(table) <- "data.frame"
  table
}

read <- function(name) {
  switch(name,
    made = read.csv(file.path(folder, "made.csv"), check.names = FALSE, stringsAsFactors = TRUE),
    wheat = transform(read.csv("mixedwidgets/data/wheat.csv"), region = factor(region)),
    schools = read.csv("mixedwidgets/data/schools.csv.gz", stringsAsFactors = TRUE),
    dyestuff = Dyestuff, dyestuff2 = Dyestuff2, penicillin = Penicillin, pastes = Pastes,
    sleepstudy = sleepstudy, cake = cake, orthodont = plain(nlme::Orthodont),
    machines = plain(nlme::Machines), oats = plain(nlme::Oats), rail = plain(nlme::Rail)
  )
}

# ---------------------------------------------------------------- the search

newton <- function(fn, par, free, step = 1e-3) {
  along <- function(j, h) replace(par, j, par[j] + h)
  slope <- function(f, j) {
    d <- function(h) (f(along(j, h)) - f(along(j, -h))) / (2 * h)
    (4 * d(step / 2) - d(step)) / 3
  }
  mixed <- function(j, k) {
    if (j == k) return((fn(along(j, step)) - 2 * fn(par) + fn(along(j, -step))) / step^2)
    corner <- function(a, b) fn(replace(par, c(j, k), par[c(j, k)] + step * c(a, b)))
    (corner(1, 1) - corner(1, -1) - corner(-1, 1) + corner(-1, -1)) / (4 * step^2)
  }
  gradient <- vapply(free, function(j) slope(fn, j), 0)
  hessian <- outer(free, free, Vectorize(mixed))
  replace(par, free, par[free] - solve(hessian, gradient))
}

polish <- function(fn, par, lower, upper, control) {
  tight <- list(rhobeg = 0.2, rhoend = 1e-11, maxfun = 1e5)
  diagonal <- lower == 0
  starts <- lapply(c(1, 0.3, 3), function(scale) replace(par, diagonal, par[diagonal] * scale))
  starts <- c(starts, list(ifelse(diagonal, par, par - 0.2)))
  search <- function(from) minqa::bobyqa(from, fn, lower, upper, control = tight)
  found <- lapply(starts, search)
  found <- lapply(found, function(end) search(end$par))
  best <- found[[which.min(vapply(found, `[[`, 0, "fval"))]]
  theta <- ifelse(diagonal & best$par < 1e-5, 0, best$par)
  # Below a standard deviation of zero nothing is free to move.
  free <- which(!diagonal | theta > 0.01)
  for (i in 1:3) {
    moved <- tryCatch(newton(fn, theta, free), error = function(e) theta)
    better <- all(moved >= lower) && fn(moved) <= fn(theta) + 1e-10
    if (better && max(abs(moved - theta)) < 1e-3) theta <- moved
  }
  message(sprintf("  moved %.1e after bobyqa, %s", max(abs(theta - best$par)), paste(signif(theta, 6), collapse = " ")))
  list(par = theta, fval = fn(theta), feval = 0L, convergence = 0L, message = "")
}

# ---------------------------------------------------------------- the texts

capture <- function(expression) {
  lines <- capture.output(withCallingHandlers(expression, message = function(m) {
    cat(conditionMessage(m))
    invokeRestart("muffleMessage")
  }))
  paste0(lines, "\n", collapse = "")
}

golden <- function(model) {
  message(model$name)
  assign(model$data, read(model$data))
  call <- list(
    quote(lmer), str2lang(model$formula), data = as.name(model$data), REML = !isFALSE(model$REML),
    control = quote(lmerControl(optimizer = "polish"))
  )
  for (name in intersect(names(model), c("weights", "offset", "subset"))) {
    call[[name]] <- as.name(model[[name]])
  }
  if (!is.null(model$contrasts)) call$contrasts <- model$contrasts
  fit <- eval(as.call(call))
  fit@call$control <- NULL # or a line would name it
  stem <- file.path(folder, model$name)
  cat(capture(print(fit)), file = paste0(stem, ".print.txt"))
  x <- summary(fit) # lme4 names the object in what it says of many coefficients
  cat(capture(print(x)), file = paste0(stem, ".summary.txt"))
}

make()
wanted <- commandArgs(trailingOnly = TRUE)
for (model in jsonlite::read_json(file.path(folder, "models.json"))) {
  if (!length(wanted) || model$name %in% wanted) golden(model)
}
