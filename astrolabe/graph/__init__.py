"""The pure core, in seven rooms.

- `model`: what the writer knows.
- `state`: what every process holds.
- `search`, `views`: what clients ask for.
- `visible`: what a user may see.
- `causes`: what is broken, why, and what depends on it.
- `encoding`: what is sent.

Promise: pure. Nothing here knows asyncio, the clock, the environment, logging or the network. The model knows
no Kubernetes kind by name: `Facts` and `Rules` bring what is particular to a kind. The same input, in any
order, ends in the same graph.
"""
