#!/usr/bin/env python3
# ruff: noqa
"""Kernel REML log-likelihood, and a checker for the cases in open/.

    kernel = -0.5 * ( log|V| + log|X' V^-1 X| + y'Py ),   P = V^-1 - V^-1 X (X'V^-1X)^-1 X'V^-1

Needs numpy and pandas only.  Usage:
    python kernel_loglik.py                 # check every case in open/
    python kernel_loglik.py open            # one folder
    python kernel_loglik.py open oats       # one case
From Python:  from kernel_loglik import kernel_loglik, load_case, build_X, build_V
"""

import json
import os
import sys

import numpy as np
import pandas as pd


def kernel_loglik(V, X, y, parts=False):
    """Dense kernel log-likelihood; X must have full column rank. parts=True: also beta, its covariance, P y."""
    V = np.asarray(V, float)
    X = np.asarray(X, float)
    y = np.asarray(y, float)
    L = np.linalg.cholesky(V)
    A = np.linalg.solve(L, np.column_stack([X, y]))
    AX, ay = A[:, :-1], A[:, -1]
    M = AX.T @ AX
    LM = np.linalg.cholesky(M)
    beta = np.linalg.solve(M, AX.T @ ay)
    r = ay - AX @ beta
    ll = -0.5 * (2 * np.log(np.diag(L)).sum() + 2 * np.log(np.diag(LM)).sum() + r @ r)
    if not parts:
        return float(ll)
    return float(ll), beta, np.linalg.inv(M), np.linalg.solve(L.T, r)


# ---------------------------------------------------------------- data and X
def _s(col):
    """Column as a plain object array of str (works with any pandas version)."""
    return np.array([str(v) for v in col], dtype=object)


def load_case(folder, name):
    cases = json.load(open(os.path.join(folder, "cases.json")))
    case = next(c for c in cases if c["name"] == name)
    df = pd.read_csv(os.path.join(folder, case["csv"]), keep_default_na=False)
    return case, df


def build_X(case, df):
    """Columns from case['fixed']['columns']; each is a product of {'factor','level'} indicators and {'covariate','power'}."""
    cols = []
    for c in case["fixed"]["columns"]:
        v = np.ones(len(df))
        for f in c["product"]:
            if "factor" in f:
                v = v * (_s(df[f["factor"]]) == f["level"]).astype(float)
            else:
                v = v * df[f["covariate"]].values.astype(float) ** f.get("power", 1)
        cols.append(v)
    return np.column_stack(cols)


# ---------------------------------------------------------------- V
def _codes(df, factors):
    key = _s(df[factors[0]])
    for f in factors[1:]:
        key = key + ":" + _s(df[f])
    lev = sorted(set(key))
    idx = {k: i for i, k in enumerate(lev)}
    return np.array([idx[k] for k in key]), lev


def _Z(codes, q):
    Z = np.zeros((len(codes), q))
    Z[np.arange(len(codes)), codes] = 1.0
    return Z


def load_K(folder, spec):
    rows = [list(map(float, l.split(","))) for l in open(os.path.join(folder, spec["lower_csv"]))]
    n = len(rows)
    K = np.zeros((n, n))
    for i, r in enumerate(rows):
        K[i, : i + 1] = r
    K = K + np.tril(K, -1).T
    return K / spec["divisor"]


def random_term(t, df, th, folder):
    """(Z, G, labels) of a random term: V gets Z G Z'."""
    ty = t["type"]
    if ty in ("random_intercept", "nested"):
        codes, lev = _codes(df, [t["factor"]] if ty == "random_intercept" else t["factors"])
        return _Z(codes, len(lev)), th[t["variance"]] * np.eye(len(lev)), lev
    if ty == "random_slope_us":
        codes, lev = _codes(df, [t["factor"]])
        Z0 = _Z(codes, len(lev))
        covs = [np.ones(len(df)) if c == "1" else df[c].values.astype(float) for c in t["covariates"]]
        Z = np.hstack([Z0 * c[:, None] for c in covs])
        G = np.array([[th[p] for p in row] for row in t["params"]])
        return Z, np.kron(G, np.eye(len(lev))), [f"{l}|{c}" for c in t["covariates"] for l in lev]
    if ty == "random_fa":
        codes, lev = _codes(df, [t["factor"]])
        envs = t["levels"]
        e = np.array([envs.index(v) for v in _s(df[t["by"]])])
        Z = _Z(e * len(lev) + codes, len(lev) * len(envs))
        Lam = np.array([[th[p] for p in row] for row in t["loadings"]])  # env x k
        G = Lam @ Lam.T + np.diag([th[p] for p in t["psi"]])
        return Z, np.kron(G, np.eye(len(lev))), [f"{l}|{v}" for v in envs for l in lev]
    if ty == "kernel":
        ids = list(df[t["factor"]])  # K is in the row order of the data file
        K = load_K(folder, t["K"])
        pos = {k: i for i, k in enumerate(ids)}
        return _Z(np.array([pos[v] for v in df[t["factor"]]]), len(ids)), th[t["variance"]] * K, ids
    if ty == "ar1xar1":
        r, c = df[t["row"]].values, df[t["col"]].values
        ru, cu = np.arange(r.min(), r.max() + 1), np.arange(c.min(), c.max() + 1)
        Rr = th[t["rho_row"]] ** np.abs(ru[:, None] - ru[None])
        Rc = th[t["rho_col"]] ** np.abs(cu[:, None] - cu[None])
        Z = _Z((r - ru[0]) * len(cu) + (c - cu[0]), len(ru) * len(cu))
        return Z, th[t["variance"]] * np.kron(Rr, Rc), [f"row{i}:col{j}" for i in ru for j in cu]
    raise KeyError(ty)


def residual_term(t, df, th):
    ty, n = t["type"], len(df)
    if ty == "residual_iid":
        return th[t["variance"]] * np.eye(n)
    sd = None
    if "variances" in t:
        sd = np.sqrt(np.array([th[t["variances"][v]] for v in _s(df[t["by"]])]))
    elif "variance" in t:
        sd = np.full(n, np.sqrt(th[t["variance"]]))
    if ty == "residual_diag":
        return np.diag(sd**2)
    g = _s(df[t["within"]])
    same = g[:, None] == g[None, :]
    if ty in ("residual_ar1", "residual_car1", "residual_arh1"):
        tm = df[t["time"]].values.astype(float)
        C = np.power(th[t["rho"]], np.abs(tm[:, None] - tm[None]) * same) * same
        return C * np.outer(sd, sd)
    if ty == "residual_cs":
        C = np.where(np.eye(n, dtype=bool), 1.0, th[t["rho"]]) * same
        return C * np.outer(sd, sd)
    if ty == "residual_us":
        S = np.array([[th[p] for p in row] for row in t["params"]])
        k = np.array([t["levels"].index(v) for v in _s(df[t["time"]])])
        return S[np.ix_(k, k)] * same
    raise KeyError(ty)


def is_residual(t):
    return t["type"].startswith("residual_")


def build_V(case, df, th, folder):
    V = np.zeros((len(df), len(df)))
    for t in case["structure"]["terms"]:
        if is_residual(t):
            V += residual_term(t, df, th)
        else:
            Z, G, _ = random_term(t, df, th, folder)
            V += Z @ G @ Z.T
    return V


def blups(case, df, th, folder, k=5):
    """First k levels of every random term: {term: {label: [blup, sqrt(PEV)]}}."""
    V, X, y = build_V(case, df, th, folder), build_X(case, df), df[case["response"]].values.astype(float)
    _, _, C, Py = kernel_loglik(V, X, y, parts=True)
    Vi = np.linalg.inv(V)
    P = Vi - Vi @ X @ C @ X.T @ Vi
    out = {}
    for t in case["structure"]["terms"]:
        if is_residual(t):
            continue
        Z, G, lab = random_term(t, df, th, folder)
        CZ = Z @ G
        u = CZ.T @ Py
        q = len(lab)
        want = list(range(min(k, q)))
        if t["type"] in ("random_slope_us", "random_fa"):
            nb = len(t["covariates"]) if t["type"] == "random_slope_us" else len(t["levels"])
            m = q // nb
            want = [b * m + i for b in range(nb) for i in range(min(k, m))]
        o = {}
        for i in want:
            pev = G[i, i] - CZ[:, i] @ P @ CZ[:, i]
            o[lab[i]] = [float(u[i]), float(np.sqrt(max(pev, 0)))]
        out[t["name"]] = o
    return out


# ---------------------------------------------------------------- checker
def check(folder, only=None, eps=1e-3, verbose=True):
    bad = 0
    for case in json.load(open(os.path.join(folder, "cases.json"))):
        if only and case["name"] != only:
            continue
        df = pd.read_csv(os.path.join(folder, case["csv"]), keep_default_na=False)
        X, y = build_X(case, df), df[case["response"]].values.astype(float)
        est = case["estimates"]
        th = dict(est["variance_parameters"])
        ll, beta, C, _ = kernel_loglik(build_V(case, df, th, folder), X, y, parts=True)
        ref = est["kernel_loglik"]
        b = np.array([est["fixed_effects"][c["name"]] for c in case["fixed"]["columns"]])
        s = np.array([est["fixed_se"][c["name"]] for c in case["fixed"]["columns"]])
        e1 = abs(ll - ref)
        e2 = np.max(np.abs(beta - b) / s)
        e3 = np.max(np.abs(np.sqrt(np.diag(C)) / s - 1))
        worst = -np.inf
        flat = []
        for k in th:
            for sg in (-1, 1):
                t2 = dict(th)
                h = eps * abs(th[k]) if th[k] != 0 else eps * np.var(y)
                t2[k] = th[k] + sg * h
                if th[k] == 0 and sg < 0:
                    continue
                try:
                    d = kernel_loglik(build_V(case, df, t2, folder), X, y) - ll
                except np.linalg.LinAlgError:
                    continue
                worst = max(worst, d)
        ok = (
            e1 < 1e-7 * (1 + abs(ref))
            and e2 < 1e-6
            and e3 < 1e-6
            and worst < 0
            and len(y) == case["n"]
            and X.shape[1] == case["p"]
        )
        bad += not ok
        if verbose:
            print(
                f"{case['name']:20s} n={case['n']:5d} p={case['p']:2d} kernel={ll: .8f} |d|={e1:.1e} beta {e2:.1e} se {e3:.1e} best perturbation {worst:.2e} {'ok' if ok else 'BAD'}",
                flush=True,
            )
    return bad


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    folders = (
        [sys.argv[1]]
        if len(sys.argv) > 1
        else [f for f in ("open", "heldout") if os.path.exists(os.path.join(here, f, "cases.json"))]
    )
    bad = sum(check(os.path.join(here, f), sys.argv[2] if len(sys.argv) > 2 else None) for f in folders)
    sys.exit(1 if bad else 0)
