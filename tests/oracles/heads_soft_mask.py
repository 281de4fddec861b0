"""A soft mask by hand: one question at a time on the unwrapped module, AdamW written out."""

import numpy as np
import torch

from tests.oracles import heads as oracle


def answer_loss(module, prompt, answer, mask):
    """(mean loss of the answer's tokens, whether each is the most likely one)."""
    ids = prompt + answer
    with oracle.edited(module, lambda layer, z: z * mask[layer][None, None, :, None]):
        scores = torch.log_softmax(module(torch.tensor([ids]), use_cache=False).logits[0].float(), -1)
    places = range(len(prompt) - 1, len(ids) - 1)
    loss = -sum(scores[p, ids[p + 1]] for p in places) / len(answer)
    return loss, all(int(scores[p].argmax()) == ids[p + 1] for p in places)


def train(module, questions, cells, rate, epochs_of_rows, size, decay=0.0, betas=(0.9, 0.999), eps=1e-8):
    """The values of `cells` after AdamW over batches of rows; everything else stays one."""
    shape = (module.config.num_hidden_layers, oracle.n_heads(module))
    values, mean, square, step = np.ones(len(cells)), np.zeros(len(cells)), np.zeros(len(cells)), 0
    for rows in epochs_of_rows:
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            total = np.zeros(len(cells))
            for row in part:
                mask = torch.ones(shape)
                for cell, value in zip(cells, values, strict=True):
                    mask[cell] = float(value)
                mask.requires_grad_(True)
                answer_loss(module, *questions[row], mask)[0].backward()
                module.zero_grad()
                total += [float(mask.grad[cell]) for cell in cells]
            g, step = total / len(part), step + 1
            mean, square = betas[0] * mean + (1 - betas[0]) * g, betas[1] * square + (1 - betas[1]) * g**2
            values = values * (1 - rate * decay)
            values = values - rate * (mean / (1 - betas[0] ** step)) / (np.sqrt(square / (1 - betas[1] ** step)) + eps)
    return values
