"""Benchmarks, a script for each figure. Each prints ratios within one run, because machines differ and are noisy."""
