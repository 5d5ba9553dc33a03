# Predictions at new rows with standard errors, by lme4 and Henderson's mixed-model equations written out, for
# new_rows_reference.json:
#   Rscript new_rows_reference.R > new_rows_reference.json
# predict(se.fit = TRUE) came with lme4 1.1-35; what it gives is the prediction error variance below.
suppressMessages({library(lme4); library(jsonlite)})
tight <- lmerControl(optimizer = "nloptwrap", optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-14, maxeval = 1e5))

# W: rows of X and Z for the new rows, in the order of getME(m, "X") and getME(m, "Z").
# own: var(z'u) of what is new, which no equation has.
errors <- function(m, x, z, own = 0) {
  X <- getME(m, "X"); Z <- as.matrix(getME(m, "Z")); s2 <- sigma(m)^2
  G <- s2 * as.matrix(tcrossprod(getME(m, "Lambda")))
  W <- cbind(X, Z); C <- crossprod(W) / s2
  k <- ncol(X) + seq_len(ncol(Z)); C[k, k] <- C[k, k] + solve(G)
  w <- cbind(x, z); pev <- diag(w %*% solve(C) %*% t(w)) + own
  list(fixed = sqrt(diag(x %*% as.matrix(vcov(m)) %*% t(x))), random = sqrt(pev), observation = sqrt(pev + s2))
}

m <- lmer(Reaction ~ Days + (Days | Subject), sleepstudy, control = tight)
nd <- data.frame(Days = c(2.5, 10, 4), Subject = c("308", "309", "999"))
x <- cbind(1, nd$Days); z <- matrix(0, 3, 36); levels <- levels(sleepstudy$Subject)
for (i in 1:2) z[i, 2 * match(nd$Subject[i], levels) + c(-1, 0)] <- x[i, ]
G1 <- as.matrix(VarCorr(m)$Subject)
slopes <- errors(m, x, z, c(0, 0, x[3, ] %*% G1 %*% x[3, ]))
# An observation of a subject that nothing is known of: fixed effects, the whole variance of a subject, the error.
slopes$marginal <- sqrt(slopes$fixed^2 + diag(x %*% G1 %*% t(x)) + sigma(m)^2)
slopes$predict <- unname(predict(m, nd, allow.new.levels = TRUE))

a <- read.csv("../../covstudio/data/examples/john_alpha.csv", stringsAsFactors = TRUE)
a$cell <- factor(paste(a$rep, a$block))
b <- lmer(yield ~ rep + (1 | gen) + (1 | cell), a, control = tight)
rows <- a[c(1, 30, 72), ]
x <- model.matrix(~ rep, a)[c(1, 30, 72), ]
Z <- as.matrix(getME(b, "Z"))[c(1, 30, 72), ]
crossed <- errors(b, x, Z)
# gen alone, blocks at 0: a prediction of gen, and blocks that nothing is known of in the observation.
gen <- 1:nlevels(a$gen); blocks <- setdiff(seq_len(ncol(Z)), gen)
stopifnot(identical(rownames(getME(b, "Zt"))[gen], levels(a$gen)))
one <- Z; one[, blocks] <- 0
alone <- errors(b, x, one)
crossed$gen <- alone$random
crossed$gen_observation <- sqrt(alone$random^2 + VarCorr(b)$cell[1] + sigma(b)^2)
crossed$rows <- lapply(rows[c("rep", "block", "gen")], as.character)
crossed$predict <- unname(predict(b, rows))

cat(toJSON(list(R = R.version.string, lme4 = as.character(packageVersion("lme4")), slopes = slopes,
                crossed = crossed), digits = 12, auto_unbox = TRUE), "\n")
