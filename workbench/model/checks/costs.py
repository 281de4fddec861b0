"""What is slower or impossible when an ability of a model is missing."""

COSTS = {
    "head": "heads cannot be ablated, weighed or patched",
    "pattern": "attention patterns cannot be read, patched or frozen",
    "neuron": "neurons cannot be counted, knocked out or patched",
    "fused": "attention always forms its pattern: as exact, slower on long texts",
    "restart": "sweeps run the whole model for every cell: as exact, many times slower; paths, edges, circuits, "
    "concepts and attribution are impossible",
    "linear": "attribution graphs are impossible",
    "generate": "generation runs all tokens again at every step: as exact, slower",
}
