# Power of t and F tests by R's stats, for tests/design/power_reference.json:
#   Rscript power_reference.R > power_reference.json
library(jsonlite)
t_cases <- lapply(list(c(8, 1.5, 1, .05), c(5, 3, 2, .01), c(40, .4, 1, .05), c(3, 1, 1, .1)), function(k)
  list(n = k[1], delta = k[2], sd = k[3], level = k[4],
       power = power.t.test(n = k[1], delta = k[2], sd = k[3], sig.level = k[4], strict = TRUE)$power))
f_cases <- lapply(list(list(c(0, 1, 2, 1), 5, 1.5, .05), list(c(2, 2, 3), 10, 1, .01)), function(k)
  list(means = k[[1]], n = k[[2]], within = k[[3]], level = k[[4]],
       power = power.anova.test(groups = length(k[[1]]), n = k[[2]], between.var = var(k[[1]]),
                                within.var = k[[3]], sig.level = k[[4]])$power))
cat(toJSON(list(R = R.version.string, t = t_cases, F = f_cases), auto_unbox = TRUE, digits = 12, pretty = TRUE), "\n")
