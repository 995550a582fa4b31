"""The search language: parsed to terms, which say of each node whether they find it."""
