"""Number routing: rules as data, and how a wanted rule is compared with what stands."""
