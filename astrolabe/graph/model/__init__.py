"""What the writer knows: facts about every watched object, and how they become nodes and edges.

Promise: the incremental result equals a rebuild, in any order of arrival. Only the leader has a model.
"""
