"""The index algebra: integers and fractions, neither torch nor networkx."""
