# Write the golden texts of tests/golden: what R's lme4 prints for a fit (NAME.print.txt) and for
# its summary (NAME.summary.txt), and the numbers that went in (NAME.json, 17 digits).
#
# Usage: Rscript scripts/make_golden.R [NAME ...]
#   from the repository's root, with lme4 1.1-31, nlme and jsonlite installed.
# The school and synthetic data are read from the folder named by MIXEDWIDGETS_REFERENCE (or
# ../shared/reference); only printed text and numbers go into the repository.

suppressPackageStartupMessages(library(lme4))
options(digits = 7, width = 80, OutDec = ".")
invisible(Sys.setlocale("LC_CTYPE", "C.UTF-8"))

reference <- Sys.getenv("MIXEDWIDGETS_REFERENCE", "../shared/reference")
target <- "tests/golden"

read_reference <- function(name) {
  schema <- jsonlite::read_json(file.path(reference, "data", paste0(name, ".schema.json")))
  table <- read.csv(file.path(reference, "data", paste0(name, ".csv")), na.strings = "")
  for (column in schema$columns) {
    if (identical(column$type, "factor")) {
      table[[column$name]] <- factor(table[[column$name]], levels = unlist(column$levels))
    }
  }
  table
}

read_wheat <- function() {
  shipped <- "mixedwidgets/data/wheat.csv"
  if (file.exists(shipped)) read.csv(shipped, comment.char = "#") else read_reference("wheat_surrogate")
}

plain <- function(table) {
  class(table) <- "data.frame"
  for (name in names(table)) {
    if (is.ordered(table[[name]])) class(table[[name]]) <- "factor"
  }
  table
}

# ---------------------------------------------------------------- recording

capture <- function(expression) {
  lines <- capture.output(withCallingHandlers(expression, message = function(m) {
    cat(conditionMessage(m))
    invokeRestart("muffleMessage")
  }))
  paste0(lines, "\n", collapse = "")
}

one_line <- function(expression) {
  if (is.null(expression)) NULL else paste(deparse(expression, width.cutoff = 500L), collapse = " ")
}

# jsonlite stops at 15 digits; 17 are needed to give a double back exactly.
digits17 <- function(value) {
  if (is.list(value)) return(lapply(value, digits17))
  if (!is.double(value)) return(value)
  if (is.matrix(value)) return(unname(apply(value, 1, function(row) digits17(I(row)), simplify = FALSE)))
  text <- ifelse(is.finite(value), sprintf("%.17g", value), sprintf('"%s"', value))
  text <- if (length(text) == 1 && !inherits(value, "AsIs")) text else sprintf("[%s]", paste(text, collapse = ","))
  structure(text, class = "json")
}

blocks <- function(fit) {
  variances <- VarCorr(fit)
  unname(Map(function(block, group) {
    list(
      group = group, names = I(colnames(block)), sd = I(unname(attr(block, "stddev"))),
      corr = unname(attr(block, "correlation"))
    )
  }, variances, names(variances)))
}

numbers <- function(fit, x) {
  reml <- isREML(fit)
  scaled <- residuals(fit, "pearson", scaled = TRUE)
  small <- length(scaled) <= 60
  remarks <- unlist(fit@optinfo$conv$lme4$messages)
  warnings <- lme4:::.merMod.msgs(fit)
  is_rank <- grepl("rank deficient", warnings)
  p <- length(fixef(fit))
  list(
    formula = one_line(fit@call$formula), data_name = one_line(fit@call$data),
    weights_name = one_line(fit@call$weights), offset_name = one_line(fit@call$offset),
    subset_name = one_line(fit@call$subset), reml = reml,
    criterion = if (reml) unname(REMLcrit(fit)) else unname(deviance(fit)),
    loglik = c(logLik(fit)), aic = AIC(fit), bic = BIC(fit),
    deviance = if (reml) -2 * c(logLik(fit)) else unname(deviance(fit)),
    df_resid = df.residual(fit),
    scaled_residuals = if (small) I(unname(scaled)),
    scaled_residual_quantiles = if (!small) unname(quantile(scaled, na.rm = TRUE)),
    varcorr = blocks(fit), sigma = sigma(fit), nobs = nobs(fit),
    ngroups = unname(Map(list, names(ngrps(fit)), unname(ngrps(fit)))),
    fixef_names = I(as.character(names(fixef(fit)))), fixef = I(unname(fixef(fit))),
    fixef_se = I(unname(coef(x)[, "Std. Error"])),
    fixef_corr = if (p > 0) unname(cov2cor(as.matrix(vcov(fit)))) else list(),
    dropped = I(as.character(names(attr(getME(fit, "X"), "col.dropped")))),
    fit_warnings = I(warnings[!is_rank]),
    optimizer_line = if (length(remarks)) {
      sprintf("optimizer (%s) convergence code: 0 (OK)", fit@optinfo$optimizer)
    },
    messages = I(as.character(remarks))
  )
}

wanted <- commandArgs(trailingOnly = TRUE)

golden <- function(name, fit_expression) {
  if (length(wanted) && !(name %in% wanted)) return(invisible())
  fit <- suppressMessages(suppressWarnings(force(fit_expression)))
  x <- summary(fit)
  stem <- file.path(target, name)
  cat(capture(print(fit)), file = paste0(stem, ".print.txt"))
  cat(capture(print(x)), file = paste0(stem, ".summary.txt"))
  json <- jsonlite::toJSON(digits17(numbers(fit, x)), auto_unbox = TRUE, null = "null", json_verbatim = TRUE)
  writeLines(json, paste0(stem, ".json"))
}

# ---------------------------------------------------------------- the lecture's fits

wheat <- read_wheat()
y <- wheat$yield
g <- wheat$region
yield <- wheat$yield
region <- wheat$region
golden("wheat_reml", lmer(y ~ 1 + (1 | g)))
golden("wheat_ml", lmer(yield ~ 1 + (1 | region), REML = FALSE))
golden("wheat_data", lmer(yield ~ 1 + (1 | region), wheat))

nels_mathdat <- read_reference("nels")
mscores <- nels_mathdat$mscore
schools <- nels_mathdat$school
golden("nels_null", lmer(mscores ~ 1 + (1 | schools), REML = FALSE))
golden("nels_slope", lmer(mscore ~ flp + enroll + ses + (ses | school), nels_mathdat, REML = FALSE))
golden("nels_factors", lmer(mscore ~ urbanicity * ses + public + (ses | school), nels_mathdat))

# ---------------------------------------------------------------- sleepstudy

golden("sleep_slope", lmer(Reaction ~ Days + (Days | Subject), sleepstudy))
golden("sleep_slope_ml", lmer(Reaction ~ Days + (Days | Subject), sleepstudy, REML = FALSE))
golden("sleep_double_bar", lmer(Reaction ~ Days + (Days || Subject), sleepstudy))
golden("sleep_intercept", lmer(Reaction ~ Days + (1 | Subject), sleepstudy))
golden("sleep_slope_only", lmer(Reaction ~ Days + (0 + Days | Subject), sleepstudy))
golden("sleep_factor_days", lmer(Reaction ~ factor(Days) + (1 | Subject), sleepstudy))
golden("sleep_log", lmer(log(Reaction) ~ log(Days + 1) + (log(Days + 1) | Subject), sleepstudy))
golden("sleep_no_fixed", lmer(Reaction ~ 0 + (1 | Subject), sleepstudy, REML = FALSE))
golden("sleep_no_intercept", lmer(Reaction ~ 0 + Days + (Days | Subject), sleepstudy))
golden("sleep_poly", lmer(
  Reaction ~ poly(Days, 3) + (poly(Days, 2) | Subject), sleepstudy
))
golden("sleep_subset", lmer(
  Reaction ~ Days + (Days | Subject),
  data = sleepstudy, subset = Days > 1 & Subject != "308", REML = FALSE
))
late <- sleepstudy
late$w <- rep(c(1, 2, 4), 60)
late$shift <- late$Days * 3
golden("sleep_weights", lmer(Reaction ~ Days + (Days | Subject), late, weights = w))
golden("sleep_offset", lmer(Reaction ~ Days + (1 | Subject), late, offset = shift, weights = sqrt(w)))
late$Days2 <- late$Days^2
late$twice <- 2 * late$Days
late$thrice <- 3 * late$Days + 1
golden("sleep_two_dropped", lmer(Reaction ~ Days + twice + Days2 + thrice + (1 | Subject), late))

# ---------------------------------------------------------------- other classic tables

golden("dyestuff", lmer(Yield ~ 1 + (1 | Batch), Dyestuff))
golden("dyestuff_ml", lmer(Yield ~ 1 + (1 | Batch), Dyestuff, REML = FALSE))
golden("dyestuff2", lmer(Yield ~ 1 + (1 | Batch), Dyestuff2))
golden("dyestuff2_ml", lmer(Yield ~ 1 + (1 | Batch), Dyestuff2, REML = FALSE))
golden("penicillin", lmer(diameter ~ 1 + (1 | plate) + (1 | sample), Penicillin))
golden("pastes_nested", lmer(strength ~ 1 + (1 | batch/cask), Pastes))
golden("pastes_sample", lmer(strength ~ 1 + (1 | sample) + (1 | batch), Pastes, REML = FALSE))

Machines <- plain(nlme::Machines)
golden("machines_nested", lmer(score ~ Machine + (1 | Worker/Machine), Machines))
golden("machines_cells", lmer(score ~ Machine + (0 + Machine | Worker), Machines))

Oats <- plain(nlme::Oats)
golden("oats", lmer(yield ~ nitro * Variety + (1 | Block/Variety), Oats, REML = FALSE))
golden("oats_three", lmer(yield ~ nitro + (nitro | Block) + (1 | Block:Variety), Oats))

golden("cake", lmer(angle ~ recipe * temperature + (1 | recipe:replicate), cake))
golden("cake_ml", lmer(angle ~ recipe * temperature + (1 | recipe:replicate), cake, REML = FALSE))

Orthodont <- plain(nlme::Orthodont)
golden("orthodont", lmer(distance ~ age * Sex + (age | Subject), Orthodont))
golden("orthodont_two", lmer(distance ~ I(age - 11) * Sex + (0 + Sex | Subject) + (age || Subject), Orthodont))

ergoStool <- plain(nlme::ergoStool)
golden("ergostool_helmert", lmer(
  effort ~ Type + (1 | Subject), ergoStool,
  contrasts = list(Type = "contr.helmert")
))

# ---------------------------------------------------------------- edges

syn_rankdef <- read_reference("syn_rankdef")
golden("syn_rankdef", lmer(y ~ x1 + x2 + x3 + (1 | g), syn_rankdef))
syn_weights <- read_reference("syn_weights")
golden("syn_weights", lmer(y ~ x + (1 | g), syn_weights, weights = w, REML = FALSE))
syn_offset <- read_reference("syn_offset")
golden("syn_offset", lmer(y ~ x + offset(off) + (1 | g), syn_offset))
syn_scaled <- read_reference("syn_scaled")
golden("syn_scaled", lmer(y ~ x1 + x2 + (1 | g), syn_scaled))
syn_bigoffset <- read_reference("syn_bigoffset")
golden("syn_bigoffset", lmer(y ~ x + (1 | g), syn_bigoffset))
syn_crossed3 <- read_reference("syn_crossed3")
golden("syn_crossed3", lmer(y ~ x + (x | a) + (1 | b) + (1 | c), syn_crossed3))
syn_4slopes <- read_reference("syn_4slopes")
golden("syn_4slopes", lmer(y ~ x1 + x2 + x3 + (x1 + x2 + x3 | g), syn_4slopes))
syn_missing <- read_reference("syn_missing")
golden("syn_missing", lmer(y ~ x + f + (x | g), syn_missing))
syn_singular_slope <- read_reference("syn_singular_slope")
golden("syn_singular_slope", lmer(y ~ x + (x | g), syn_singular_slope))

# Made-up data: the magnitudes, names and sizes that stress a page of 80 columns.
set.seed(20231)
n <- 240
hostile <- data.frame(
  g = factor(rep(1:24, 10)), h = factor(rep(sprintf("site %02d", 1:12), each = 20)),
  x = rnorm(n), z = rnorm(n), `odd name` = rnorm(n), check.names = FALSE
)
for (i in 1:24) hostile[[paste0("covariate_", i)]] <- rnorm(n)
hostile$a_factor_with_a_very_long_name <- factor(rep(c("first level", "second level", "third"), 80))
hostile$u <- rnorm(24)[hostile$g] + 0.5 * rnorm(24)[hostile$g] * hostile$x + rnorm(n)
hostile$tiny <- 1e-8 * hostile$u
hostile$huge <- 1e8 * (3 + hostile$u)
hostile$mixed <- 1e5 + hostile$u
hostile$small_x <- hostile$x * 1e-6
hostile$huge_x <- hostile$z * 1e7
hostile$`µ größe` <- hostile$z
golden("many_21", lmer(
  reformulate(c(paste0("covariate_", 1:20), "(1 | g)"), "u"), hostile
))
golden("many_20", lmer(
  reformulate(c(paste0("covariate_", 1:19), "(1 | g)"), "u"), hostile,
  REML = FALSE
))
golden("many_13", lmer(
  reformulate(c(paste0("covariate_", 1:12), "(1 | g)"), "u"), hostile
))
golden("many_12", lmer(
  reformulate(c(paste0("covariate_", 1:11), "(1 | g)"), "u"), hostile
))
golden("tiny", lmer(tiny ~ x + z + (x | g), hostile))
golden("tiny_ml", lmer(tiny ~ x + z + (1 | g), hostile, REML = FALSE))
golden("huge", lmer(huge ~ x + z + (x | g), hostile, REML = FALSE))
golden("huge_reml", lmer(huge ~ x + (1 | g), hostile))
golden("mixed_sizes", lmer(mixed ~ small_x + huge_x + (1 | g), hostile))
golden("mixed_slope", lmer(u ~ small_x + z + (0 + small_x | g) + (1 | h), hostile))
golden("odd_names", lmer(u ~ `odd name` + I(x^2) + poly(z, 2) + (`odd name` | h) + (1 | g), hostile))
golden("unicode_names", lmer(u ~ `µ größe` * x + (`µ größe` | g), hostile))
golden("long_names", lmer(
  u ~ a_factor_with_a_very_long_name * x + (0 + a_factor_with_a_very_long_name | g) + (1 | h), hostile
))
golden("wide_correlations", lmer(
  u ~ x + (x + z + covariate_1 + covariate_2 + covariate_3 + covariate_4 + covariate_5 | g), hostile
))
hostile$many_words_for_a_grouping_factor <- hostile$g
hostile$another_long_name_of_a_factor <- hostile$h
hostile$third_one <- factor(rep(1:8, 30))
golden("long_groups", lmer(
  u ~ x + (1 | many_words_for_a_grouping_factor) + (1 | another_long_name_of_a_factor) + (1 | third_one),
  hostile
))
exact <- hostile
exact$v <- round(exact$u) * 10
golden("scientific_variance", lmer(I(v * 1e3) ~ x + (0 + small_x | g) + (1 | h), exact))
golden("subtract", lmer(u ~ x * z - x - 1 + (1 | g), hostile))
