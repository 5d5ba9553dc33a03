# Makes the reference designs of tests/formula: Rscript tests/formula/reference/designs.R, in the root of the repository.
#
# model.matrix of R for the formulas of fixed effects, and, where rows are predicted, the columns that predict() gives
# them (with what poly, bs, ns and scale took from the rows of the fit). The tests never call R.
suppressMessages({library(splines); library(jsonlite)})
here <- "tests/formula/reference"
found <- list()
design <- function(data, formula, contrasts = NULL, rows = NULL) {
  set <- read.csv(file.path(here, paste0(data, ".csv")), stringsAsFactors = TRUE)
  model <- lm(as.formula(paste("rep(c(1, 2, 4), length.out = nrow(set)) ~", formula)), set, contrasts = contrasts)
  x <- model.matrix(model)
  entry <- list(data = data, formula = formula, contrasts = contrasts, columns = colnames(x),
                x = unname(lapply(seq_len(ncol(x)), function(j) unname(x[, j]))))
  if (!is.null(rows)) {
    new <- model.matrix(delete.response(terms(model)), model.frame(delete.response(terms(model)), rows, xlev = model$xlevels),
                        contrasts.arg = model$contrasts)
    entry$new <- as.list(rows)
    entry$new_x <- unname(lapply(seq_len(ncol(new)), function(j) unname(new[, j])))
  }
  found[[length(found) + 1]] <<- entry
}
days <- data.frame(Days = c(0.5, 4, 8.25))
design("sleepstudy", "log(Days + 1) + I(Days^2)", rows = days)
design("sleepstudy", "poly(Days, 3)", rows = days)
design("sleepstudy", "poly(Days, 2, raw = TRUE)", rows = days)
design("sleepstudy", "bs(Days, df = 5)", rows = days)
design("sleepstudy", "bs(Days, knots = c(3, 6), degree = 2)", rows = days)
design("sleepstudy", "ns(Days, df = 3)", rows = data.frame(Days = c(0.5, 4, 8.25, 11)))
design("sleepstudy", "ns(Days, knots = c(2, 5), intercept = TRUE) - 1", rows = days)
design("sleepstudy", "scale(Days) + scale(log(Days + 2), scale = FALSE)", rows = days)
design("cake", "(recipe + factor(temp) + replicate)^2")
design("cake", "recipe / temp", rows = data.frame(recipe = c("B", "C", "A"), temp = c(180, 200, 240)))
design("cake", "recipe / temp - 1")
design("cake", "recipe * factor(temp)", rows = data.frame(recipe = c("B", "C", "A"), temp = c(185, 205, 225)))
design("cake", "recipe + recipe:factor(temp)")
design("cake", "temp + recipe:temp")
design("cake", "recipe:factor(temp) - 1")
design("cake", "recipe + factor(temp)", contrasts = list(recipe = "contr.sum"), rows = data.frame(recipe = c("C", "A"), temp = c(175, 225)))
design("cake", "recipe * temp", contrasts = list(recipe = "contr.helmert"))
design("cake", "recipe", contrasts = list(recipe = "contr.poly"))
design("cake", "C(factor(temp), contr.poly)")
design("cake", "C(factor(temp), contr.helmert) * recipe")
design("cake", "recipe %in% factor(temp) + recipe")
design("Oats", "nitro * Variety + Block - Variety")
design("CO2", "Type * Treatment * log10(conc)", rows = data.frame(Type = "Quebec", Treatment = c("chilled", "nonchilled"), conc = c(100, 1000)))
design("CO2", "sqrt(conc) + exp(-conc / 500) + Type:poly(conc, 2)")
write(toJSON(found, auto_unbox = TRUE, digits = NA, null = "null"), file.path(here, "designs.json"))
cat(length(found), "designs\n")
