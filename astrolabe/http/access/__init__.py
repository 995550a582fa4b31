"""Who may ask, and what they may see: hosts, origins, tokens, users' rights, and the server's certificate."""
