# Makes the reference fits of tests/formula: Rscript tests/formula/reference/make.R, in the root of the repository.
#
# Data are written to csv beside this script, and every call with what R says of it to fits.json. The tests never
# call R. Sources of the data: lme4 (sleepstudy, Dyestuff, Pastes, Penicillin, cake), nlme (Orthodont, Ovary,
# BodyWeight, Oats, Machines, Rail, Assay, Dialyzer, Glucose2, Wheat2), MASS (petrol, Rabbit), R itself (npk, ChickWeight, CO2).
suppressMessages({library(lme4); library(nlme); library(glmmTMB); library(MASS); library(splines); library(jsonlite)})
here <- "tests/formula/reference"
plain <- function(frame) {
  frame <- as.data.frame(frame)
  for (name in names(frame)) if (is.factor(frame[[name]])) frame[[name]] <- as.character(frame[[name]])
  frame
}
data_sets <- list(
  sleepstudy = lme4::sleepstudy, Dyestuff = lme4::Dyestuff, Pastes = lme4::Pastes, Penicillin = lme4::Penicillin,
  cake = transform(lme4::cake, temperature = as.character(temperature)),
  Orthodont = nlme::Orthodont, Ovary = nlme::Ovary, BodyWeight = nlme::BodyWeight, Oats = nlme::Oats,
  Machines = nlme::Machines, Rail = nlme::Rail, Assay = nlme::Assay, petrol = MASS::petrol, Rabbit = MASS::Rabbit,
  npk = npk, CO2 = CO2, Wheat2 = nlme::Wheat2, Dialyzer = nlme::Dialyzer,
  ChickWeight = subset(as.data.frame(ChickWeight), as.integer(as.character(Chick)) <= 12)
)
sets <- list()
for (name in names(data_sets)) {
  set <- plain(data_sets[[name]])
  write.csv(set, file.path(here, paste0(name, ".csv")), row.names = FALSE, quote = FALSE)
  # What R reads back is what the tests read.
  sets[[name]] <- read.csv(file.path(here, paste0(name, ".csv")), stringsAsFactors = TRUE)
  assign(name, sets[[name]])
}
found <- list()
ref <- function(name, data, call, options = list()) {
  model <- suppressMessages(suppressWarnings(eval(parse(text = call))))
  beta <- if (inherits(model, "gls")) coef(model) else if (inherits(model, "glmmTMB")) fixef(model)$cond else fixef(model)
  found[[length(found) + 1]] <<- c(
    list(name = name, data = data, call = gsub("\\s+", " ", call), loglik = as.numeric(logLik(model)),
         fixed = as.list(beta), terms = names(beta)), options)
  cat(sprintf("%-34s %.6f\n", name, as.numeric(logLik(model))))
}
tight <- "control = lmerControl(optimizer = 'bobyqa', optCtrl = list(rhoend = 1e-9, maxfun = 1e6))"
lmer_ref <- function(name, data, arguments)
  ref(name, data, sprintf("lmer(%s, data = %s, %s)", arguments, data, tight))

# --- lme4
lmer_ref("sleepstudy slopes", "sleepstudy", "Reaction ~ Days + (Days | Subject)")
lmer_ref("sleepstudy slopes ML", "sleepstudy", "Reaction ~ Days + (Days | Subject), REML = FALSE")
lmer_ref("sleepstudy double bar", "sleepstudy", "Reaction ~ Days + (Days || Subject)")
lmer_ref("sleepstudy slope alone", "sleepstudy", "Reaction ~ Days + (0 + Days | Subject)")
lmer_ref("sleepstudy two terms", "sleepstudy", "Reaction ~ poly(Days, 2) + (1 | Subject) + (0 + Days | Subject)")
lmer_ref("sleepstudy square in slopes", "sleepstudy", "Reaction ~ Days + I(Days^2) + (Days + I(Days^2) | Subject), REML = FALSE")
lmer_ref("sleepstudy log", "sleepstudy", "log(Reaction) ~ log(Days + 1) + (1 | Subject)")
lmer_ref("Dyestuff", "Dyestuff", "Yield ~ 1 + (1 | Batch)")
lmer_ref("Pastes nested", "Pastes", "strength ~ 1 + (1 | batch/cask)")
lmer_ref("Pastes crossed levels", "Pastes", "strength ~ 1 + (1 | batch) + (1 | batch:cask)")
lmer_ref("Penicillin crossed", "Penicillin", "diameter ~ 1 + (1 | plate) + (1 | sample), REML = FALSE")
lmer_ref("cake", "cake", "angle ~ recipe * temp + (1 | recipe:replicate)")
lmer_ref("cake polynomial contrasts", "cake", "angle ~ recipe * C(factor(temperature), contr.poly) + (1 | recipe:replicate)")
lmer_ref("Machines within worker", "Machines", "score ~ Machine + (0 + Machine | Worker)")
lmer_ref("Machines contrasts in slopes", "Machines", "score ~ Machine + (Machine | Worker)")
lmer_ref("Machines nested", "Machines", "score ~ Machine + (1 | Worker/Machine)")
lmer_ref("Machines double bar", "Machines", "score ~ Machine + (Machine || Worker), REML = FALSE")
lmer_ref("Oats", "Oats", "yield ~ nitro * Variety + (1 | Block/Variety)")
lmer_ref("Oats sum contrasts", "Oats", "yield ~ factor(nitro) * Variety + (1 | Block/Variety), contrasts = list(Variety = 'contr.sum')")
lmer_ref("npk helmert", "npk", "yield ~ (C(factor(N), contr.helmert) + factor(P) + factor(K))^2 + (1 | block)")
lmer_ref("Orthodont by sex", "Orthodont", "distance ~ Sex/age - 1 + (age | Subject)")
lmer_ref("petrol", "petrol", "Y ~ SG + VP + V10 + EP + (1 | No)")
lmer_ref("ChickWeight splines", "ChickWeight", "weight ~ ns(Time, df = 3) * Diet + (1 | Chick)")
lmer_ref("ChickWeight b-splines", "ChickWeight", "weight ~ bs(Time, df = 5) + offset(2 * Time) + (scale(Time) | Chick)")
lmer_ref("Rabbit weights", "Rabbit", "BPchange ~ Treatment * log(Dose) + (1 | Animal), weights = Dose")

# --- nlme
lme_ref <- function(name, data, arguments)
  ref(name, data, sprintf("lme(%s, data = %s, control = lmeControl(msTol = 1e-10, tolerance = 1e-10, maxIter = 500, msMaxIter = 500, returnObject = TRUE))", arguments, data))
gls_ref <- function(name, data, arguments)
  ref(name, data, sprintf("gls(%s, data = %s, control = glsControl(msTol = 1e-10, tolerance = 1e-10, maxIter = 500, msMaxIter = 500, returnObject = TRUE))", arguments, data))
lme_ref("Orthodont slopes", "Orthodont", "distance ~ age, random = ~ age | Subject")
lme_ref("Orthodont the house's own", "Orthodont", "distance ~ age, random = ~ age | Subject, correlation = corAR1(form = ~ 1 | Subject), weights = varIdent(form = ~ 1 | Sex)")
lme_ref("Orthodont diagonal", "Orthodont", "distance ~ age * Sex, random = list(Subject = pdDiag(~ age)), method = 'ML'")
lme_ref("Orthodont variances by sex", "Orthodont", "distance ~ age * Sex, random = ~ 1 | Subject, weights = varIdent(form = ~ 1 | Sex)")
lme_ref("Ovary autoregression", "Ovary", "follicles ~ sin(2 * pi * Time) + cos(2 * pi * Time), random = ~ 1 | Mare, correlation = corAR1(form = ~ 1 | Mare)")
lme_ref("Ovary moving average", "Ovary", "follicles ~ sin(2 * pi * Time) + cos(2 * pi * Time), random = ~ 1 | Mare, correlation = corARMA(form = ~ 1 | Mare, p = 1, q = 1)")
lme_ref("BodyWeight exponential", "BodyWeight", "weight ~ Time * Diet, random = ~ Time | Rat, correlation = corExp(form = ~ Time | Rat), weights = varPower(form = ~ Time)")
lme_ref("BodyWeight continuous", "BodyWeight", "weight ~ Time * Diet, random = ~ 1 | Rat, correlation = corCAR1(form = ~ Time | Rat)")
lme_ref("Oats nested", "Oats", "yield ~ nitro, random = ~ 1 | Block/Variety")
lme_ref("Oats list", "Oats", "yield ~ nitro, random = list(Block = ~ 1, Variety = ~ 1), method = 'ML'")
lme_ref("Machines compound symmetric", "Machines", "score ~ Machine, random = list(Worker = pdCompSymm(~ Machine - 1))")
lme_ref("Machines identity", "Machines", "score ~ Machine, random = list(Worker = pdIdent(~ Machine - 1))")
lme_ref("Rail", "Rail", "travel ~ 1, random = ~ 1 | Rail")
lme_ref("Assay blocked", "Assay", "logDens ~ sample * factor(dilut), random = list(Block = pdBlocked(list(pdIdent(~ 1), pdIdent(~ sample - 1))))")
gls_ref("Orthodont unstructured", "Orthodont", "distance ~ age * Sex, correlation = corSymm(form = ~ 1 | Subject), weights = varIdent(form = ~ 1 | age)")
gls_ref("Orthodont compound symmetric", "Orthodont", "distance ~ age * Sex, correlation = corCompSymm(form = ~ 1 | Subject), method = 'ML'")
gls_ref("Dialyzer power", "Dialyzer", "rate ~ (pressure + I(pressure^2)) * factor(QB), weights = varPower(form = ~ pressure)")
gls_ref("Dialyzer power and series", "Dialyzer", "rate ~ (pressure + I(pressure^2)) * factor(QB), weights = varPower(form = ~ pressure), correlation = corAR1(0.5, form = ~ 1 | Subject)")
gls_ref("Wheat2 Gaussian", "Wheat2", "yield ~ variety - 1, correlation = corGaus(c(12, 0.2), form = ~ latitude + longitude, nugget = TRUE)")
gls_ref("Wheat2 ratio", "Wheat2", "yield ~ variety - 1, correlation = corRatio(c(12.5, 0.2), form = ~ latitude + longitude, nugget = TRUE)")
gls_ref("CO2 exponential variances", "CO2", "uptake ~ Type * Treatment, weights = varExp(form = ~ conc / 1000)")
gls_ref("BodyWeight fixed variances", "BodyWeight", "weight ~ Time, weights = varFixed(~ Time), correlation = corGaus(20, form = ~ Time | Rat, nugget = TRUE)")
gls_ref("petrol strata and power", "petrol", "Y ~ SG + EP, weights = varComb(varIdent(form = ~ 1 | No), varFixed(~ EP))")

# --- glmmTMB
tmb_ref <- function(name, data, arguments)
  ref(name, data, sprintf("glmmTMB(%s, data = %s, control = glmmTMBControl(optCtrl = list(iter.max = 1e4, eval.max = 1e4, rel.tol = 1e-14)))", arguments, data))
tmb_ref("sleepstudy glmmTMB", "sleepstudy", "Reaction ~ Days + (Days | Subject)")
tmb_ref("sleepstudy series", "sleepstudy", "Reaction ~ Days + ar1(0 + factor(Days) | Subject), REML = TRUE, start = list(theta = c(3.7, 2), betad = log(400))")
tmb_ref("Orthodont dispersion", "Orthodont", "distance ~ age * Sex + (1 | Subject), dispformula = ~ Sex")
tmb_ref("Orthodont heterogeneous", "Orthodont", "distance ~ age + cs(0 + factor(age) | Subject), dispformula = ~ 0")
tmb_ref("Orthodont Toeplitz", "Orthodont", "distance ~ age + toep(0 + factor(age) | Subject), dispformula = ~ 0")
tmb_ref("Machines diagonal", "Machines", "score ~ Machine + diag(0 + Machine | Worker), REML = TRUE")
tmb_ref("Oats glmmTMB", "Oats", "yield ~ nitro + (1 | Block / Variety)")
tmb_ref("sleepstudy double bar glmmTMB", "sleepstudy", "Reaction ~ Days + (Days || Subject)")

# --- more of each kind
lmer_ref("sleepstudy polynomial double bar", "sleepstudy", "Reaction ~ Days + (poly(Days, 2) || Subject), REML = FALSE")
lmer_ref("sleepstudy shifted slopes", "sleepstudy", "Reaction ~ Days + (I(Days - 4.5) | Subject)")
lmer_ref("CO2 logarithmic slopes", "CO2", "uptake ~ Type * Treatment + log(conc) + (log(conc) | Plant), REML = FALSE")
lme_ref("Machines intercept and levels", "Machines", "score ~ Machine, random = list(Worker = pdBlocked(list(pdIdent(~ 1), pdIdent(~ Machine - 1))))")
gls_ref("CO2 crossed strata", "CO2", "uptake ~ Type + log(conc), weights = varIdent(form = ~ 1 | Type * Treatment)")
gls_ref("CO2 strata and compound symmetry", "CO2", "uptake ~ Type + log(conc), weights = varIdent(c(chilled = 0.7), form = ~ 1 | Treatment), correlation = corCompSymm(0.3, form = ~ 1 | Plant)")
gls_ref("Dialyzer constant and power", "Dialyzer", "rate ~ poly(pressure, 3) * factor(QB), weights = varConstPower(form = ~ pressure)")
tmb_ref("Orthodont dispersion by two", "Orthodont", "distance ~ age * Sex + (1 | Subject), dispformula = ~ Sex + age")
tmb_ref("sleepstudy dispersion by a curve", "sleepstudy", "Reaction ~ Days + (1 | Subject), dispformula = ~ poly(Days, 2)")
tmb_ref("Machines reduced rank", "Machines", "score ~ Machine + rr(0 + Machine | Worker, d = 1)")
tmb_ref("Machines contrasts in a double bar", "Machines", "score ~ Machine + (Machine || Worker), REML = TRUE")

lmer_ref("sleepstudy spline with knots", "sleepstudy", "Reaction ~ bs(Days, knots = c(3, 6), degree = 2) + (1 | Subject)")
lme_ref("Oats ordered", "Oats", "yield ~ ordered(nitro) + Variety, random = ~ 1 | Block/Variety")
gls_ref("Orthodont steps", "Orthodont", "distance ~ age * Sex, correlation = corAR1(0.5, form = ~ as.integer(age / 2) | Subject)")
lme_ref("BodyWeight strata, curve and series", "BodyWeight", "weight ~ Time * factor(Diet), random = ~ 1 | Rat, correlation = corAR1(form = ~ 1 | Rat), weights = varComb(varIdent(form = ~ 1 | Diet), varExp(form = ~ Time))")
tmb_ref("Orthodont process", "Orthodont", "distance ~ age + Sex + ou(0 + numFactor(age) | Subject)")

write(toJSON(found, auto_unbox = TRUE, digits = 12, pretty = TRUE), file.path(here, "fits.json"))
