# Writes model_matrices.json: model matrices as R builds them, on data made here by arithmetic.
# Run in this folder: Rscript make.R
library(splines)

n <- 24
i <- seq_len(n)
data <- data.frame(
  x = round(sin(7 * i) * 2, 2), z = round(3 + 2 * cos(5 * i), 2),
  f = gl(3, 1, n, labels = c("a", "b", "c")), h = gl(2, 3, n, labels = c("p", "q")),
  o = factor(rep(1:4, 6), ordered = TRUE), l = rep(c(TRUE, FALSE, FALSE), 8)
)
formulas <- c(
  "x * f", "0 + x:f", "0 + x + x:f", "f:h", "0 + f:h", "f * h * o", "h + f:h", "x + f + x:f:h",
  "(x + f + h)^2", "f/h", "h/f/x", "(f + h)/x", "f %in% h", "0 + h + f %in% h", "poly(x, 3) * f",
  "poly(x, 2, raw = TRUE)", "poly(x, 1)", "scale(x) + scale(z, scale = FALSE)",
  "scale(x, center = FALSE)", "scale(x, 2, 5)", "bs(x)", "bs(x, df = 5)",
  "bs(x, df = 6, intercept = TRUE, degree = 2)", "bs(x, knots = c(0, 0.4))", "ns(x, df = 3)",
  "ns(z)", "ns(x, knots = c(-0.5, 0.3), Boundary.knots = c(-1, 1))", "ns(z, 4, intercept = TRUE)",
  "C(f, sum) * h", "C(o, treatment)", "C(f, helmert, 1)", "C(f, contr.SAS)", "C(f, treatment)", "C(f, contr.treatment)", "C(f, SAS, 1)", "C(o)",
  "ordered(f)",
  "log(z, base = 3) + log(z, 2) + log1p(z) + sqrt(z) + exp(x) + abs(x) + log10(z) + log2(z)",
  "I(x^2) + I(-x) + I((x + z)/2)", "l * x", "0 + l + f", "l:f", "factor(h):x", "o * x",
  "f * h - f", "x + f - 1", "factor(f, levels = c(\"c\", \"b\", \"a\"))", "x:z + z:x", "0 + f + h",
  "0 + h:x + f", "f + f:h:o + h:o", "o:f - 1", "x * z * f - x:z:f", "poly(x, 2):poly(z, 2)",
  "factor(o, labels = c(\"i\", \"ii\", \"iii\", \"iv\"))", "I(l + 1)", "z + f:x", "f:z:h + x"
)
quoted <- function(x) paste0('"', gsub('"', '\\\\"', x), '"')
listed <- function(x) paste0("[", paste(x, collapse = ", "), "]")
entries <- vapply(formulas, function(text) {
  m <- model.matrix(as.formula(paste("~", text)), data)
  paste0(
    '{"formula": ', quoted(text), ', "names": ', listed(quoted(colnames(m))),
    ', "columns": ', listed(apply(m, 2, function(v) listed(sprintf("%.17g", v)))), "}"
  )
}, "")
columns <- paste0(
  '{"x": ', listed(data$x), ', "z": ', listed(data$z), ', "f": ', listed(quoted(data$f)),
  ', "h": ', listed(quoted(data$h)), ', "o": ', listed(data$o),
  ', "l": ', listed(tolower(data$l)), "}"
)
writeLines(
  paste0('{"software": "', R.version.string, '",\n"data": ', columns, ',\n"matrices": [\n',
         paste(entries, collapse = ",\n"), "\n]}"),
  "model_matrices.json"
)
