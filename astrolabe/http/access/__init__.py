"""Who may ask: hosts, origins, tokens, and the certificate that the server shows."""
