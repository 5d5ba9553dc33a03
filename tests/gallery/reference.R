# What R finds for the models of docs/gallery: Rscript reference.R, in this folder, writes reference.json.
# Tables that R has are written to ../../covstudio/data/examples by the argument "tables".
# REML where nothing else is said; log-likelihoods are those of R's logLik. Where R has no such model, V is written out here, from
# its definition, and its restricted likelihood maximised by nlminb from several starts.
suppressMessages({library(nlme); library(lme4); library(jsonlite); library(splines)})
data_of <- function(name) read.csv(file.path("../../covstudio/data/examples", paste0(name, ".csv")))
save_to <- function(name, table) write.csv(table, file.path("../../covstudio/data/examples", paste0(name, ".csv")), row.names = FALSE, quote = FALSE)

if ("tables" %in% commandArgs(TRUE)) {
  chicks <- as.data.frame(datasets::ChickWeight)
  chicks <- chicks[chicks$Time %in% c(4, 8, 12, 16, 20), ]
  number <- as.integer(as.character(chicks$Chick))
  save_to("chickweight", data.frame(chick = sprintf("C%02d", number), diet = paste0("D", chicks$Diet), day = chicks$Time, weight = chicks$weight)[order(number, chicks$Time), ])
  boys <- as.data.frame(nlme::Oxboys)
  number <- as.integer(as.character(boys$Subject))
  save_to("oxboys", data.frame(subject = sprintf("B%02d", number), occasion = as.integer(as.character(boys$Occasion)), age = boys$age, height = boys$height)[order(number, boys$age), ])
  e <- new.env(); data("meuse", package = "sp", envir = e)
  save_to("meuse", data.frame(x = e$meuse$x, y = e$meuse$y, zinc = e$meuse$zinc, logzinc = round(log(e$meuse$zinc), 6)))
  months <- as.numeric(datasets::nottem)
  k <- seq_along(months) - 1
  save_to("nottem", data.frame(time = format(1920 + k / 12, nsmall = 8, digits = 12), month = k %% 12 + 1, temperature = months))
  trials <- metafor::escalc(measure = "RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = metadat::dat.colditz1994)
  save_to("bcg", data.frame(study = sprintf("T%02d", trials$trial), author = gsub(",.*| et al.*", "", trials$author), year = trials$year, latitude = trials$ablat, y = round(as.numeric(trials$yi), 8), variance = round(as.numeric(trials$vi), 8)))
}

found <- list()
keep <- function(name, call, loglik, ...) found[[name]] <<- list(call = call, loglik = as.numeric(loglik), parameters = list(...))

# Restricted log-likelihood of y ~ N(X b, V), in R's convention.
restricted <- function(y, X, V) {
  L <- tryCatch(chol(V), error = function(e) NULL)
  if (is.null(L)) return(-1e10)
  Xs <- backsolve(L, X, transpose = TRUE); ys <- backsolve(L, y, transpose = TRUE)
  Q <- qr(Xs); r <- qr.resid(Q, ys)
  -0.5 * ((length(y) - ncol(X)) * log(2 * pi) + 2 * sum(log(diag(L))) + 2 * sum(log(abs(diag(qr.R(Q))))) + sum(r^2))
}
best <- function(objective, starts) {
  fits <- lapply(starts, function(start) nlminb(start, function(p) -objective(p), control = list(iter.max = 1000, eval.max = 4000, rel.tol = 1e-13, x.tol = 1e-10)))
  fits[[which.min(sapply(fits, `[[`, "objective"))]]
}
ar1 <- function(levels, rho) rho^abs(outer(as.integer(levels), as.integer(levels), "-"))
same <- function(...) { f <- paste(...); outer(f, f, "==") + 0 }

# --- field trials
nin <- subset(data_of("stroup_nin"), !is.na(yield))
m <- lmer(yield ~ gen + (1 | rep), nin); v <- as.data.frame(VarCorr(m))$vcov
keep("blocks", "lmer(yield ~ gen + (1 | rep), stroup_nin)", logLik(m), block = v[1], residual = v[2])

m <- lmer(yield ~ Variety * N + (1 | Block) + (1 | Block:Variety), data_of("oats_yates")); v <- as.data.frame(VarCorr(m))
keep("split_plot", "lmer(yield ~ Variety * N + (1 | Block) + (1 | Block:Variety), oats_yates)", logLik(m), block = v$vcov[v$grp == "Block"], whole = v$vcov[v$grp == "Block:Variety"], residual = v$vcov[v$grp == "Residual"])

m <- lmer(yield ~ rep + (1 | gen) + (1 | rep:block), data_of("john_alpha")); v <- as.data.frame(VarCorr(m))
keep("alpha", "lmer(yield ~ rep + (1 | gen) + (1 | rep:block), john_alpha)", logLik(m), genotype = v$vcov[v$grp == "gen"], block = v$vcov[v$grp == "rep:block"], residual = v$vcov[v$grp == "Residual"])

m <- lmer(yield ~ rep + (1 | gen) + (1 | rep:row) + (1 | rep:bed), data_of("durban_rowcol")); v <- as.data.frame(VarCorr(m))
keep("row_column", "lmer(yield ~ rep + (1 | gen) + (1 | rep:row) + (1 | rep:bed), durban_rowcol)", logLik(m), genotype = v$vcov[v$grp == "gen"], row = v$vcov[v$grp == "rep:row"], column = v$vcov[v$grp == "rep:bed"], residual = v$vcov[v$grp == "Residual"])

d <- data_of("kempton_slatehall"); X <- model.matrix(~ gen, d)
V <- function(p) exp(p[1]) * ar1(d$row, tanh(p[2])) * ar1(d$col, tanh(p[3])) + exp(p[4]) * diag(nrow(d))
f <- best(function(p) restricted(d$yield, X, V(p)), list(c(10, .5, .5, 8), c(10.5, 1, 1, 9)))
keep("spatial", "REML of yield ~ gen with sigma^2 AR1(row) x AR1(col) + nugget, V written out, kempton_slatehall", -f$objective, field = exp(f$par[1]), rho_row = tanh(f$par[2]), rho_column = tanh(f$par[3]), units = exp(f$par[4]))

d <- subset(data_of("besag_met"), county %in% c("C1", "C2") & !is.na(yield)); X <- model.matrix(~ county, d)
G <- same(d$gen); GT <- same(d$gen, d$county); one <- (d$county == "C1") + 0; two <- 1 - one; S <- same(d$county)
V <- function(p) { s <- sqrt(exp(p[3]) * one + exp(p[4]) * two)
  exp(p[1]) * G + exp(p[2]) * GT + S * outer(s, s) * ar1(d$row, tanh(p[5])) * ar1(d$col, tanh(p[6])) + diag(exp(p[7]) * one + exp(p[8]) * two) }
f <- best(function(p) restricted(d$yield, X, V(p)), list(c(4, 3, 4, 4, .8, .8, 5, 5), c(4, 4, 5, 5, 1.3, .5, 4, 4)))
keep("trials", "REML of yield ~ county with gen + gen:county + a field AR1(row) x AR1(col) and a nugget in each of C1 and C2, V written out, besag_met", -f$objective, genotype = exp(f$par[1]), genotype_in_trial = exp(f$par[2]), field_1 = exp(f$par[3]), field_2 = exp(f$par[4]), rho_row = tanh(f$par[5]), rho_column = tanh(f$par[6]), units_1 = exp(f$par[7]), units_2 = exp(f$par[8]))

# --- repeated measures
child <- data_of("orthodont"); child$visit <- match(child$age, c(8, 10, 12, 14))
m <- gls(distance ~ Sex * age, child, correlation = corCompSymm(form = ~ 1 | Subject), method = "ML"); r <- coef(m$modelStruct$corStruct, unconstrained = FALSE)
keep("compound_symmetry", "gls(distance ~ Sex * age, orthodont, correlation = corCompSymm(form = ~ 1 | Subject), method = \"ML\")", logLik(m), variance = m$sigma^2, rho = unname(r))

m <- lme(follicles ~ sin_t + cos_t, data_of("ovary"), ~ 1 | Mare, correlation = corAR1(form = ~ obs | Mare))
keep("repeated", "lme(follicles ~ sin_t + cos_t, ovary, ~ 1 | Mare, correlation = corAR1(form = ~ obs | Mare))", logLik(m), subject = getVarCov(m)[1, 1], within = m$sigma^2, rho = unname(coef(m$modelStruct$corStruct, unconstrained = FALSE)))

tight <- glsControl(msTol = 1e-12, tolerance = 1e-10, maxIter = 500, msMaxIter = 500)
m <- gls(distance ~ Sex * age, child, correlation = corSymm(form = ~ visit | Subject), weights = varIdent(form = ~ 1 | visit), method = "ML", control = tight)
S <- getVarCov(m, individual = "M01"); keep("unstructured", "gls(distance ~ Sex * age, orthodont, correlation = corSymm(form = ~ visit | Subject), weights = varIdent(form = ~ 1 | visit), method = \"ML\")", logLik(m), V11 = S[1, 1], V21 = S[2, 1], V44 = S[4, 4])

chick <- data_of("chickweight"); chick$visit <- chick$day / 4
m <- gls(weight ~ diet * factor(day), chick, correlation = corSymm(form = ~ visit | chick), weights = varIdent(form = ~ 1 | visit), control = tight)
whole <- names(which(table(chick$chick) == 5))[1]; S <- getVarCov(m, individual = whole)
keep("mmrm", "gls(weight ~ diet * factor(day), chickweight, correlation = corSymm(form = ~ visit | chick), weights = varIdent(form = ~ 1 | visit))", logLik(m), V11 = S[1, 1], V21 = S[2, 1], V55 = S[5, 5], V51 = S[5, 1])

m <- lmer(Reaction ~ Days + (Days | Subject), data_of("sleepstudy")); G <- VarCorr(m)$Subject
keep("random_slopes", "lmer(Reaction ~ Days + (Days | Subject), sleepstudy)", logLik(m), G11 = G[1, 1], G21 = G[2, 1], G22 = G[2, 2], residual = sigma(m)^2)

boys <- data_of("oxboys")
m <- lmer(height ~ bs(age, df = 3, degree = 2) + (bs(age, df = 3, degree = 2) | subject), boys)
# The first and the last function of the basis with its constant are the curve at both ends.
A <- rbind(c(1, 0, 0, 0), c(1, 0, 0, 1)); G <- A %*% as.matrix(VarCorr(m)$subject) %*% t(A)
keep("spline_regression", "lmer(height ~ bs(age, df = 3, degree = 2) + (bs(age, df = 3, degree = 2) | subject), oxboys)", logLik(m), G11 = G[1, 1], G44 = G[2, 2], G41 = G[2, 1], residual = sigma(m)^2)

m <- lme(distance ~ Sex * age, child, ~ 1 | Subject, weights = varIdent(form = ~ 1 | Sex), control = lmeControl(msTol = 1e-12, tolerance = 1e-10)); w <- coef(m$modelStruct$varStruct, unconstrained = FALSE, allCoef = TRUE)
keep("heteroscedastic", "lme(distance ~ Sex * age, orthodont, ~ 1 | Subject, weights = varIdent(form = ~ 1 | Sex))", logLik(m), subject = getVarCov(m)[1, 1], Female = unname((m$sigma * w["Female"])^2), Male = unname((m$sigma * w["Male"])^2))

# --- relatives, environments
d <- data_of("made_up_lines"); M <- as.matrix(read.csv("../../covstudio/data/examples/made_up_markers.csv", row.names = 1))
freq <- colMeans(M) / 2; Z <- sweep(M, 2, 2 * freq); K <- tcrossprod(Z) / (2 * sum(freq * (1 - freq)))
X <- model.matrix(~ rep, d); Kd <- K[d$line, d$line]
f <- best(function(p) restricted(d$yield, X, exp(p[1]) * Kd + exp(p[2]) * diag(nrow(d))), list(c(1, 1), c(2, 0)))
keep("gblup", "REML of yield ~ rep with VanRaden's G, V written out, made_up_lines", -f$objective, genotype = exp(f$par[1]), residual = exp(f$par[2]))

suppressMessages(library(glmmTMB))
met <- subset(data_of("besag_met"), !is.na(yield)); met$county <- factor(met$county); met$unit <- interaction(met$county, met$rep, met$block)
m <- glmmTMB(yield ~ county + county:rep + rr(0 + county | gen, d = 1) + diag(0 + county | gen) + (1 | unit), met, dispformula = ~ county, REML = TRUE)
v <- VarCorr(m)$cond
keep("factor_analytic", "glmmTMB(yield ~ county + county:rep + rr(0 + county | gen, d = 1) + diag(0 + county | gen) + (1 | unit), besag_met, dispformula = ~ county, REML = TRUE)", logLik(m), block = v$unit[1, 1], G11 = v[[1]][1, 1] + v[[2]][1, 1], G21 = v[[1]][2, 1], convergence = m$fit$convergence)

# --- processes
d <- data_of("meuse"); D <- as.matrix(dist(d[, c("x", "y")])); X <- matrix(1, nrow(d), 1)
matern <- function(h) (1 + h) * exp(-h)
f <- best(function(p) restricted(d$logzinc, X, exp(p[1]) * matern(sqrt(3) * D / exp(p[2])) + exp(p[3]) * diag(nrow(d))), list(c(-.5, 5.5, -3), c(0, 6, -2), c(-1, 5, -2.5)))
keep("matern", "REML of logzinc ~ 1 with a Matern covariance (nu = 3/2) and a nugget, V written out, meuse", -f$objective, variance = exp(f$par[1]), range = exp(f$par[2]), nugget = exp(f$par[3]))

d <- data_of("nottem"); X <- matrix(1, nrow(d), 1); D <- outer(d$time, d$time, "-")
f <- best(function(p) restricted(d$temperature, X, exp(p[1]) * exp(-2 * sin(pi * D)^2 / exp(2 * p[2])) + exp(p[3]) * exp(-abs(D) / exp(p[4]))), list(c(5, 0, 1.5, -2.5), c(6, .5, 1.5, -2), c(4, .7, 1.7, -3)))
keep("seasonal", "REML of temperature ~ 1 with a periodic covariance of period 1 and an Ornstein-Uhlenbeck process, V written out, nottem", -f$objective, season = exp(f$par[1]), range = exp(f$par[2]), weather = exp(f$par[3]), scale = exp(f$par[4]))

m <- metafor::rma(y, variance, data = data_of("bcg"), method = "REML", control = list(threshold = 1e-12, maxiter = 1000))
keep("meta_analysis", "rma(y, variance, bcg, method = \"REML\")", as.numeric(logLik(m)), heterogeneity = m$tau2, mean = as.numeric(m$beta), se = m$se)

write(toJSON(found, digits = NA, auto_unbox = TRUE, pretty = TRUE), "reference.json")
