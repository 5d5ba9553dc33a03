"""Speed, as ratios against floors and budgets measured in the same run. `make bench` runs them all."""
