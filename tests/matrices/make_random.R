# Writes random_terms.json: what lme4's lFormula makes of formulas, on data made here by arithmetic.
# Of each matrix a sum per column is kept, weighted by sin(row), and for Z also by cos(level).
# Run in this folder: Rscript make_random.R
suppressMessages({
  library(lme4)
  library(splines)
})
center <- function(x) x - mean(x, na.rm = TRUE)
n <- 72
i <- seq_len(n) - 1
pick <- function(values, step) values[(floor(i * i / step) + i) %% length(values) + 1]
data <- data.frame(
  y = round(4 + 3 * sin(11 * i) + cos(i), 3), x = round(sin(7 * i) * 2, 2),
  z = round(3 + 2 * cos(5 * i), 2), f = c("a", "b", "c")[i %% 3 + 1],
  h = c("p", "q")[(i %/% 3) %% 2 + 1], o = pick(1:4, 3), u = pick(c("w", "u", "q"), 5),
  l = pick(c(TRUE, FALSE, FALSE), 7), s = pick(c("beta", "Alpha", "gamma"), 11), a = i %/% 18,
  b = c("b1", "b2", "b3")[(i %/% 6) %% 3 + 1], c = c("c1", "c2")[(i %/% 3) %% 2 + 1], g = i %% 6,
  t = pick(c("t10", "t9", "T2", "t1", "t2"), 13), total.fruits = pick(0:8, 4),
  k = pick(c(1.5, 2.5, 10.25), 9), my.var = round(cos(3 * i), 2), big = round(sin(2 * i), 2)
)
names(data)[names(data) == "my.var"] <- "my var"
names(data)[names(data) == "big"] <- "gr\u00f6\u00dfe"
holes <- list(
  x = c(3, 40), f = c(5, 41), g = 7, z = 9, u = 11, l = 13, s = 15, t = 20, b = 30, o = 33, y = 50
)
with_types <- function(d) {
  d$f <- factor(d$f)
  d$h <- factor(d$h)
  d$a <- factor(d$a)
  d$o <- factor(d$o, ordered = TRUE)
  d$u <- factor(d$u, levels = c("zz", "w", "v", "u", "q"))
  d
}
punched <- data
for (name in names(holes)) punched[[name]][holes[[name]] + 1] <- NA
frames <- list(whole = with_types(data), holes = with_types(punched))
formulas <- readLines("random_terms.txt", encoding = "UTF-8")
quoted <- function(x) paste0('"', gsub('"', '\\\\"', gsub("\\\\", "\\\\\\\\", x)), '"')
listed <- function(x) paste0("[", paste(x, collapse = ", "), "]")
number <- function(x) {
  out <- sprintf("%.12g", x)
  out[is.na(x)] <- "null"
  listed(out)
}
ignoring <- lmerControl(
  check.nobs.vs.nlev = "ignore", check.nobs.vs.nRE = "ignore", check.nlev.gtr.1 = "ignore",
  check.rankX = "ignore", check.scaleX = "ignore"
)
entry <- function(text, which, coding = NULL, coding_text = "null") {
  made <- tryCatch(
    suppressMessages(suppressWarnings(
      lFormula(as.formula(text), frames[[which]], control = ignoring, contrasts = coding)
    )),
    error = function(e) NULL
  )
  if (is.null(made)) return(NULL)
  re <- made$reTrms
  rows <- sin(seq_len(nrow(made$fr)))
  offset <- model.offset(made$fr)
  blocks <- vapply(seq_along(re$cnms), function(j) {
    group <- names(re$flist)[attr(re$flist, "assign")[j]]
    z <- as.matrix(re$Zt)[(re$Gp[j] + 1):re$Gp[j + 1], , drop = FALSE] %*% rows
    z <- matrix(z, nrow = length(re$cnms[[j]]))
    paste0(
      '{"group": ', quoted(group), ', "names": ', listed(quoted(re$cnms[[j]])), ', "levels": ',
      listed(quoted(levels(re$flist[[group]]))), ', "sums": ',
      number(z %*% cos(seq_len(ncol(z)))), "}"
    )
  }, "")
  paste0(
    '{"data": ', quoted(which), ', "formula": ', quoted(text), ', "contrasts": ', coding_text,
    ', "n": ', nrow(made$fr),
    ', "y": ', number(sum(rows * model.response(made$fr))),
    ', "offset": ', number(if (is.null(offset)) 0 else sum(rows * offset)),
    ', "x_names": ', if (ncol(made$X)) listed(quoted(colnames(made$X))) else "[]",
    ', "x_sums": ', if (ncol(made$X)) number(crossprod(made$X, rows)) else "[]",
    ', "theta": ', number(re$theta), ', "blocks": ', listed(blocks), "}"
  )
}
entries <- unlist(lapply(names(frames), function(which) lapply(formulas, entry, which)))
coded <- list(
  list("y ~ f * h + (f | a)", list(f = "contr.sum", h = "contr.SAS"),
       '{"f": "contr.sum", "h": "sas"}'),
  list("y ~ f + x:f + (1 | g)", list(f = "contr.helmert"), '{"f": "helmert"}'),
  list("y ~ o + u + (u | a)", list(o = "contr.treatment", u = "contr.sum"),
       '{"o": "treatment", "u": "contr.sum"}'),
  list("y ~ f * x + (1 | g)", list(f = cbind(c(1, 0, -1))), '{"f": [1, 0, -1]}'),
  list("y ~ f + (1 | g)", list(f = cbind(low = c(2, -1, -1), high = c(0, 1, -1))),
       '{"f": {"low": [2, -1, -1], "high": [0, 1, -1]}}'),
  list("y ~ factor(k) + s + l + (1 | g)",
       list("factor(k)" = "contr.poly", s = "contr.sum", l = "contr.sum"),
       '{"factor(k)": "poly", "s": "sum", "l": "sum"}'),
  list("y ~ 0 + f + h + (1 | g)", list(f = "contr.sum", h = "contr.sum"),
       '{"f": "sum", "h": "sum"}')
)
entries <- c(entries, unlist(lapply(names(frames), function(which) {
  lapply(coded, function(e) entry(e[[1]], which, e[[2]], e[[3]]))
})))
columns <- vapply(names(data), function(name) {
  v <- data[[name]]
  paste0(quoted(name), ": ", listed(if (is.character(v)) quoted(v) else if (is.logical(v)) tolower(v) else v))
}, "")
gaps <- paste0(quoted(names(holes)), ": ", vapply(holes, function(h) listed(h), ""))
writeLines(enc2utf8(paste0(
  '{"software": "', R.version.string, ", lme4 ", packageVersion("lme4"),
  '",\n"data": {', paste(columns, collapse = ",\n"),
  '},\n"holes": {', paste(gaps, collapse = ", "),
  '},\n"models": [\n', paste(entries, collapse = ",\n"), "\n]}"
)), "random_terms.json", useBytes = TRUE)
