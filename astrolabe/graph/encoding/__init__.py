"""What is sent: the messages of the stream, and the whole graph as encoded pages."""
