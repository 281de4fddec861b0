"""A model as a graph: the parts that write into the residual stream, those that read it, and the edges between them."""

from dataclasses import dataclass

from workbench.model.model import Model
from workbench.patching.engine.layer_sites import count

INSIDE = ("q", "k", "v")  # what a head reads


@dataclass(frozen=True)
class Node:
    """A sender or a receiver, of edges or of a path: `unit` is a head, or the key-value head of k and v."""

    kind: str
    layer: int
    unit: int = 0

    @property
    def name(self) -> str:
        """In words, such as `head 2.5` or `mlp 3`."""
        if self.kind in ("embedding", "logits"):
            return self.kind
        return f"mlp {self.layer}" if self.kind == "mlp" else f"{self.kind} {self.layer}.{self.unit}"


def senders(model: Model) -> list[Node]:
    """The embedding, then each layer's heads and its MLP: 1 + layers * (heads + 1)."""
    nodes = [Node("embedding", -1)]
    for layer in range(model.n_layers):
        nodes += [*(Node("head", layer, head) for head in range(model.n_heads)), Node("mlp", layer)]
    return nodes


def receivers(model: Model) -> list[Node]:
    """Each layer's q of every head, k and v of every key-value head and its MLP; then the logits."""
    nodes = []
    for layer in range(model.n_layers):
        nodes += [Node(site, layer, unit) for site in INSIDE for unit in range(count(model, site))]
        nodes.append(Node("mlp", layer))
    return [*nodes, Node("logits", model.n_layers)]


def has_edge(receiver: Node, sender: Node, *, parallel: bool) -> bool:
    """Whether what the sender writes is part of what the receiver reads.

    In a parallel block the MLP reads what attention reads; else it also reads the heads of its own layer.
    """
    if sender.layer < receiver.layer:
        return True
    return sender.layer == receiver.layer and (sender.kind, receiver.kind) == ("head", "mlp") and not parallel
