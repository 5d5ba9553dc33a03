# Variogram and ACF of residuals by nlme, for pictures_reference.json:
#   Rscript pictures_reference.R > pictures_reference.json
suppressMessages({library(nlme); library(jsonlite)})
d <- as.data.frame(Orthodont)
d$Subject <- as.character(d$Subject); d$Sex <- as.character(d$Sex)
fit <- gls(distance ~ age, d, correlation = corCompSymm(form = ~ 1 | Subject))
acf <- ACF(fit, form = ~ 1 | Subject, resType = "response")
v <- Variogram(fit, form = ~ age | Subject, resType = "response", collapse = "none")
mean_by <- aggregate(variog ~ dist, v, mean)
out <- list(R = R.version.string, nlme = as.character(packageVersion("nlme")), data = d,
            acf = data.frame(lag = acf$lag, ACF = acf$ACF),
            variogram = data.frame(dist = mean_by$dist, variog = mean_by$variog, pairs = as.vector(table(v$dist))),
            loglik = as.numeric(logLik(fit)))
cat(toJSON(out, digits = 12, auto_unbox = TRUE, dataframe = "columns"), "\n")
