"""What is measured, one script a figure. Each prints ratios of one run, because machines differ and are noisy."""
