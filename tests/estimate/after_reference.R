# Type I, II and III tests, means, contrasts and letters by lmerTest and emmeans, for after_reference.json:
#   Rscript after_reference.R > after_reference.json
suppressMessages({library(lmerTest); library(emmeans); library(jsonlite)})
emm_options(lmer.df = "satterthwaite")
set.seed(20260801)
d <- expand.grid(block = paste0("b", 1:6), a = c("a1", "a2", "a3"), b = c("low", "high"), stringsAsFactors = FALSE)
d <- d[-c(2, 9, 17, 18, 30), ]
d$x <- round(runif(nrow(d), 1, 9), 2)
u <- c(b1 = .8, b2 = -.4, b3 = .1, b4 = -1.1, b5 = .5, b6 = .3)
d$y <- round(10 + c(a1 = 0, a2 = 1.2, a3 = 2.5)[d$a] + c(low = 0, high = .9)[d$b] + .25 * d$x +
             .8 * (d$a == "a3" & d$b == "high") + u[d$block] + rnorm(nrow(d), 0, .7), 3)
tests <- function(m, type) {t <- as.data.frame(anova(m, type = type))
  data.frame(term = rownames(t), F = t$`F value`, df = t$NumDF, den_df = t$DenDF, p = t$`Pr(>F)`)}
means <- function(e) {s <- as.data.frame(summary(e)); names(s)[names(s) %in% c("emmean", "response", "prob")] <- "mean"; s}
m <- lmer(y ~ a * b + x + (1 | block), d)
m2 <- lmer(y ~ a + b + x + (1 | block), d)
ml <- lmer(log(y) ~ a + x + (1 | block), d)
mx <- lmer(y ~ a * x + (1 | block), d)
ab <- emmeans(m, ~ a | b); am <- emmeans(m2, ~ a); la <- emmeans(ml, ~ a, type = "response")
adjusted <- function(how) as.data.frame(summary(pairs(am), adjust = how, infer = TRUE))
out <- list(
  R = R.version.string, emmeans = as.character(packageVersion("emmeans")),
  lmerTest = as.character(packageVersion("lmerTest")), data = d,
  tests = list(crossed1 = tests(m, 1), crossed2 = tests(m, 2), crossed3 = tests(m, 3),
               main1 = tests(m2, 1), main2 = tests(m2, 2), main3 = tests(m2, 3),
               slopes1 = tests(mx, 1), slopes2 = tests(mx, 2), slopes3 = tests(mx, 3)),
  means = list(a_by_b = means(ab), a = means(am), slopes = means(emmeans(mx, ~ a, at = list(x = 2)))),
  pairs = list(a_by_b = as.data.frame(summary(pairs(ab), adjust = "none", infer = TRUE)),
               none = adjusted("none"), tukey = adjusted("tukey"), bonferroni = adjusted("bonferroni"),
               holm = adjusted("holm"), sidak = adjusted("sidak"), fdr = adjusted("fdr")),
  control = as.data.frame(summary(contrast(am, "trt.vs.ctrl1"), adjust = "none", infer = TRUE)),
  response = list(means = means(la), pairs = as.data.frame(summary(pairs(la), adjust = "tukey", infer = TRUE))))
cat(toJSON(out, digits = 12, pretty = FALSE, auto_unbox = TRUE, dataframe = "columns"), "\n")
