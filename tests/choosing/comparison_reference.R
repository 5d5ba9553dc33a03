# Criteria and likelihood-ratio tests by lme4, nlme and cAIC4, for comparison_reference.json; data as in
# ../formula/reference:
#   Rscript comparison_reference.R > comparison_reference.json
suppressMessages({library(lme4); library(nlme); library(cAIC4); library(jsonlite)})
read <- function(name) read.csv(file.path("..", "formula", "reference", paste0(name, ".csv")), stringsAsFactors = TRUE)
of <- function(m) {
  l <- logLik(m)
  list(loglik = as.numeric(l), df = attr(l, "df"), AIC = AIC(m), BIC = -2 * as.numeric(l) + log(nobs(m)) * attr(l, "df"))
}
# Of cAIC4 1.0 the closed form for the degrees of freedom has C[j, ] <- e W_j A - (e'W_j e) e / (2 y'Ay), where the
# derivative of e'W_j e / y'Ay by y, times y'Ay / 2, has y'Ay, as its formula for analytic = FALSE has; `derived` is
# cAIC with that.
closed <- cAIC4:::calculateGaussianBc
derived <- eval(parse(text = gsub("eWje * e/(2 * ", "eWje * e/(1 * ", paste(deparse(closed), collapse = "\n"), fixed = TRUE)))
environment(derived) <- asNamespace("cAIC4")
conditional <- function(m) {
  found <- list()
  for (name in c("caic4", "derived")) {
    assignInNamespace("calculateGaussianBc", if (name == "derived") derived else closed, "cAIC4")
    c <- suppressWarnings(suppressMessages(cAIC(m)))
    found[[name]] <- as.numeric(c$caic)
  }
  found
}
lr <- function(a, b, ...) {t <- suppressMessages(anova(a, b, ...)); list(chisq = t$Chisq[2], df = t$Df[2], p = t$`Pr(>Chisq)`[2])}
lrn <- function(a, b) {t <- anova(a, b); list(chisq = t$L.Ratio[2], df = abs(diff(t$df)), p = t$`p-value`[2])}
tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9, maxfun = 1e5))
s <- read("sleepstudy"); s$Subject <- factor(s$Subject)
s0 <- lmer(Reaction ~ Days + (1 | Subject), s, control = tight)
s1 <- lmer(Reaction ~ Days + (Days || Subject), s, control = tight)
s2 <- lmer(Reaction ~ Days + (Days | Subject), s, control = tight)
p <- read("Pastes")
p0 <- lmer(strength ~ 1 + (1 | sample), p, control = tight)
p1 <- lmer(strength ~ 1 + (1 | batch) + (1 | sample), p, control = tight)
o <- read("Orthodont")
o0 <- lmer(distance ~ age + (1 | Subject), o, REML = FALSE, control = tight)
o1 <- lmer(distance ~ age * Sex + (1 | Subject), o, REML = FALSE, control = tight)
control <- lmeControl(msTol = 1e-12, tolerance = 1e-12, niterEM = 200, msMaxIter = 500)
b <- read("BodyWeight"); b$Rat <- factor(b$Rat)
b0 <- lme(weight ~ Time, b, random = ~ 1 | Rat, control = control)
b1 <- lme(weight ~ Time, b, random = ~ 1 | Rat, correlation = corCAR1(form = ~ Time | Rat), control = control)
v0 <- lme(distance ~ age, o, random = ~ 1 | Subject, control = control)
v1 <- lme(distance ~ age, o, random = ~ 1 | Subject, weights = varIdent(form = ~ 1 | Sex), control = control)
out <- list(
  R = R.version.string, lme4 = as.character(packageVersion("lme4")), nlme = as.character(packageVersion("nlme")),
  cAIC4 = as.character(packageVersion("cAIC4")),
  sleepstudy = list(intercepts = of(s0), independent = of(s1), correlated = of(s2),
                    conditional = list(intercepts = conditional(s0), independent = conditional(s1), correlated = conditional(s2)),
                    tests = list(independent = lr(s0, s1, refit = FALSE), correlated = lr(s1, s2, refit = FALSE))),
  pastes = list(sample = of(p0), both = of(p1), conditional = list(sample = conditional(p0), both = conditional(p1)),
                tests = list(both = lr(p0, p1, refit = FALSE))),
  orthodont = list(age = of(o0), crossed = of(o1), conditional = list(age = conditional(o0), crossed = conditional(o1)),
                   tests = list(crossed = lr(o0, o1))),
  bodyweight = list(plain = of(b0), series = of(b1), tests = list(series = lrn(b0, b1))),
  sexes = list(plain = of(v0), byGroup = of(v1), tests = list(byGroup = lrn(v0, v1))))
cat(toJSON(out, digits = 12, auto_unbox = TRUE, pretty = FALSE), "\n")
