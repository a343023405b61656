# Serves timings of lme4 to benchmarks/_common.py: one request a line on stdin, fields separated
# by tabs; one answer a line on stdout, the seconds first. Nothing but the work itself is timed.

suppressPackageStartupMessages(library(lme4))
options(warn = -1) # doubts about convergence show in the likelihoods that the caller compares

answer <- function(...) {
    cat(paste(c(...), collapse = "\t"), "\n", sep = "")
    flush(stdout())
}

digits <- function(x) formatC(x, digits = 17, format = "g")

seconds <- function(expr) {
    started <- Sys.time()
    force(expr)
    as.numeric(difftime(Sys.time(), started, units = "secs"))
}

rows <- NULL
fitted <- NULL

load_rows <- function(path, factors) {
    rows <<- read.csv(path)
    rows[factors] <<- lapply(rows[factors], factor)
    answer("0", nrow(rows))
}

time_fit <- function(formula, reml) {
    model <- as.formula(formula)
    gc(FALSE)
    took <- seconds({
        fitted <<- lmer(model, rows, REML = reml)
        se <- sqrt(diag(as.matrix(vcov(fitted))))
    })
    answer(digits(took), digits(as.numeric(logLik(fitted))), digits(se))
}

time_confint <- function() {
    gc(FALSE)
    # Profiling warns dozens of times about its splines; the limits are compared by the caller.
    took <- seconds(limits <- suppressWarnings(suppressMessages(
        confint(fitted, method = "profile", oldNames = FALSE, quiet = TRUE)
    )))
    answer(digits(took), paste(rownames(limits), digits(limits[, 1]), digits(limits[, 2]), sep = "="))
}

# Standard deviations and correlations in theta's order, sigma, coefficients.
parameters <- function(model) {
    c(as.data.frame(VarCorr(model), order = "lower.tri")$sdcor, fixef(model))
}

time_bootstrap <- function(nsim, seed) {
    gc(FALSE)
    took <- seconds(boot <- suppressWarnings(suppressMessages(
        bootMer(fitted, parameters, nsim = nsim, seed = seed)
    )))
    answer(digits(took), digits(colMeans(boot$t)))
}

# Debian names every library of linear algebra alike; what the links lead to tells them apart.
describe <- function() {
    answer(
        "0",
        paste0("R ", getRversion()),
        paste0("lme4 ", packageVersion("lme4")),
        paste0("BLAS ", normalizePath(extSoftVersion()[["BLAS"]], mustWork = FALSE)),
        paste0("LAPACK ", normalizePath(La_library(), mustWork = FALSE))
    )
}

requests <- file("stdin", open = "r")
while (length(line <- readLines(requests, n = 1)) > 0) {
    fields <- strsplit(line, "\t")[[1]]
    tryCatch(
        switch(fields[1],
            describe = describe(),
            load = load_rows(fields[2], fields[-(1:2)]),
            fit = time_fit(fields[2], fields[3] == "REML"),
            confint = time_confint(),
            bootstrap = time_bootstrap(as.integer(fields[2]), as.integer(fields[3]))
        ),
        error = function(e) answer("ERROR", conditionMessage(e))
    )
}
