# Two stages by lme4, emmeans and nlme, for stages_reference.json:
#   Rscript stages_reference.R besag_met.csv > stages_reference.json
# besag_met.csv: maize in six counties, Besag & Higdon (1999), J. R. Stat. Soc. B 61:691, from R's agridat (MIT).
suppressMessages({library(lme4); library(emmeans); library(nlme); library(jsonlite)})
d <- read.csv(commandArgs(TRUE)[1], stringsAsFactors = FALSE)
d <- d[d$gen %in% sprintf("G%02d", 1:12) & !is.na(d$yield) & d$county %in% c("C1", "C2", "C4", "C6"),
       c("county", "rep", "block", "gen", "yield")]
rownames(d) <- NULL
first <- lapply(split(d, d$county), function(one) {
  m <- lmer(yield ~ rep + gen + (1 | rep:block), one, control = lmerControl(optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-14)))
  e <- emmeans(m, ~ gen, lmer.df = "asymptotic")
  list(county = one$county[1], gen = as.character(as.data.frame(e)$gen), mean = as.data.frame(e)$emmean, C = as.matrix(vcov(e)),
       theta = c(block = as.data.frame(VarCorr(m))$vcov[1], residual = sigma(m)^2))})
means <- do.call(rbind, lapply(first, function(o) data.frame(county = o$county, gen = o$gen, mean = o$mean,
  variance = diag(o$C), smith = 1 / diag(solve(o$C)))))
rownames(means) <- NULL
n <- nrow(means)
C <- matrix(0, n, n); at <- 0
for (o in first) {k <- length(o$gen); C[at + 1:k, at + 1:k] <- o$C; at <- at + k}
X <- model.matrix(~ gen, means); Z <- model.matrix(~ county - 1, means); y <- means$mean
# REML written out, by optim: nlme 3.1-162 has another log-likelihood by REML where sigma is fixed.
second <- function(C) {
  at <- function(theta) {V <- theta[1] * Z %*% t(Z) + theta[2] * diag(n) + C; W <- solve(V); B <- solve(t(X) %*% W %*% X)
    b <- B %*% t(X) %*% W %*% y; r <- y - X %*% b
    list(ll = -0.5 * as.numeric((n - ncol(X)) * log(2 * pi) + determinant(V)$modulus - determinant(B)$modulus + t(r) %*% W %*% r),
         b = as.numeric(b), se = unname(sqrt(diag(B))))}
  o <- optim(log(c(800, 50)), function(t) -at(exp(t))$ll, control = list(reltol = 1e-15, maxit = 4000))
  o <- optim(o$par, function(t) -at(exp(t))$ll, method = "BFGS", control = list(reltol = 1e-15, maxit = 4000))
  found <- at(exp(o$par))
  list(loglik = found$ll, variances = exp(o$par), beta = found$b, se = found$se)
}
ml <- lme(mean ~ gen, means, random = ~ 1 | county/gen, weights = varFixed(~ variance), method = "ML",
          control = lmeControl(sigma = 1, opt = "optim", msMaxIter = 500, reltol = 1e-14, tolerance = 1e-10))
out <- list(R = R.version.string, lme4 = as.character(packageVersion("lme4")), nlme = as.character(packageVersion("nlme")),
  data = d, means = means, full = second(C), smith = second(diag(means$smith)), variance = second(diag(means$variance)),
  nlme_ml = list(loglik = as.numeric(logLik(ml)), beta = unname(fixef(ml))))
cat(toJSON(out, digits = 12, auto_unbox = TRUE, dataframe = "columns"), "\n")
