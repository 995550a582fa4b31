"""What somebody with certain rights may see of a graph: a graph of its own, kept up to date step by step."""
