"""The network, in torch: MiniLM with heads for tokens and for clauses. Training only; what ships is its export.

In: batches of `Ready`s. Out: logits and losses. Knows no file and no figure.

A window is read once. Over its tokens stand a head for clause boundaries and one for PHI. A clause is the mean and the greatest of its tokens; a
small GRU runs both ways over a dictation's clauses, since asides come in runs, and over it stand the heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import BertModel

from models.encoder.features import SHAPES, SPEAKERS
from models.encoder.pieces import ELEMENTS, ROLES, ROUTES
from models.encoder.ready import TAGS, Ready, batch

WIDTH, SEQUENCE, SHAPE_WIDTH = 384, 96, 16
SHORT = 56  # tokens
HEADS = (len(ROUTES), len(ROLES), 1, len(ELEMENTS))
WEIGHTS = {"begins": 1.5, "tags": 1.0, "route": 1.5, "role": 0.6, "risk": 1.5, "elements": 2.0}  # of the losses; found on held-out writers


class TokenPart(nn.Module):
    """Windows → hidden states (windows, tokens, WIDTH), boundary logits (windows, tokens), PHI logits (windows, tokens, TAGS)."""

    def __init__(self, trunk: BertModel) -> None:
        super().__init__()
        self.trunk = trunk
        self.shape = nn.Sequential(nn.Linear(len(SHAPES), SHAPE_WIDTH), nn.ReLU())
        self.boundary = nn.Linear(WIDTH + SHAPE_WIDTH, 1)
        self.phi = nn.Sequential(nn.Linear(WIDTH + SHAPE_WIDTH, 96), nn.ReLU(), nn.Linear(96, TAGS))

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, shapes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        hidden = self.trunk(input_ids=ids, attention_mask=mask).last_hidden_state
        both = torch.cat([hidden, self.shape(shapes)], -1)
        return hidden, self.boundary(both).squeeze(-1), self.phi(both)


class ClausePart(nn.Module):
    """Clause vectors in order (pieces, clauses, 2 × WIDTH) and speakers (pieces, clauses, 3) → logits (pieces, clauses, all HEADS)."""

    def __init__(self, dropout: float = 0.2) -> None:
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.narrow = nn.Sequential(nn.Linear(2 * WIDTH + len(SPEAKERS), 192), nn.ReLU())
        self.sequence = nn.GRU(192, SEQUENCE, batch_first=True, bidirectional=True)
        self.out = nn.Linear(192 + 2 * SEQUENCE, sum(HEADS))

    def forward(self, clauses: torch.Tensor, speakers: torch.Tensor) -> torch.Tensor:
        own = self.narrow(self.drop(torch.cat([clauses, speakers], -1)))
        around, _ = self.sequence(own)
        return self.out(self.drop(torch.cat([own, around], -1)))


class Network(nn.Module):
    """Both parts. Word embeddings stay as they came: a few thousand clauses would only bend those they hold."""

    def __init__(self, trunk: BertModel, cls: int, sep: int) -> None:
        super().__init__()
        self.tok, self.cl = TokenPart(trunk), ClausePart()
        self.marks = (cls, sep)
        for p in trunk.embeddings.parameters():
            p.requires_grad_(False)

    def forward(self, items: Sequence[Ready]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Boundary logits and PHI logits over the items' tokens in a row, and clause logits (items, most clauses, all HEADS)."""
        seen = [self._tokens(list(some)) for _, some in groupby(items, key=_is_short)]
        hidden, begins, tags = map(torch.cat, zip(*seen, strict=True))
        most = max(map(len, items))
        vectors, speakers, at = [], torch.zeros(len(items), most, len(SPEAKERS)), 0
        for n, item in enumerate(items):
            own = slice(at, at + len(item.tokens))
            vectors.append(functional.pad(pooled(hidden[own], item), (0, 0, 0, most - len(item))))
            speakers[n, : len(item)] = torch.from_numpy(item.speaker)
            at = own.stop
        return begins, tags, self.cl(torch.stack(vectors), speakers)

    def _tokens(self, items: Sequence[Ready]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        ids, mask, shapes, new = map(torch.from_numpy, batch(items, *self.marks))
        hidden, begins, tags = self.tok(ids, mask, shapes)
        return hidden.reshape(-1, WIDTH)[new], begins.reshape(-1)[new], tags.reshape(-1, TAGS)[new]


def _is_short(item: Ready) -> bool:
    """Short items are read apart from long ones, so that little is padded."""
    return len(item.tokens) < SHORT


def pooled(hidden: torch.Tensor, item: Ready) -> torch.Tensor:
    """The mean and the greatest of each clause's tokens (clauses, 2 × WIDTH)."""
    owner, hidden = torch.from_numpy(item.owner[item.real]), hidden[torch.from_numpy(item.real)]
    nothing, places = torch.zeros(len(item), WIDTH), owner[:, None].expand(-1, WIDTH)
    return torch.cat([nothing.scatter_reduce(0, places, hidden, how, include_self=False) for how in ("mean", "amax")], -1)


def losses(items: Sequence[Ready], begins: torch.Tensor, tags: torch.Tensor, clauses: torch.Tensor) -> dict[str, torch.Tensor]:
    """Each head's loss, weighed. A private clause and a danger weigh more: missing one is worse."""

    def joined(name: str) -> torch.Tensor:
        return torch.from_numpy(np.concatenate([getattr(i, name) for i in items]))

    real = joined("real")
    begins, begun = begins[real], joined("begins")[real]
    rows = torch.cat([clauses[n, : len(i)] for n, i in enumerate(items)])
    route, role, risk, elements = rows.split(HEADS, -1)
    known = joined("risk") >= 0
    outside = torch.ones(TAGS)
    outside[0] = 0.6
    found = {
        "begins": _binary(begins, begun, begun >= 0, 1.5),
        "tags": _classes(tags[real], joined("tags")[real], weight=outside),
        "route": _classes(route, joined("route"), weight=torch.tensor([1.0, 1.5, 1.0]), label_smoothing=0.03),
        "role": _classes(role, joined("role"), label_smoothing=0.03),
        "risk": _binary(risk.squeeze(-1), joined("risk").clamp(0.02, 0.98), known, 2.0),
        "elements": _binary(elements, joined("elements"), known, 1.5),
    }
    return {name: loss * WEIGHTS[name] for name, loss in found.items()}


def _classes(logits: torch.Tensor, labels: torch.Tensor, **how: object) -> torch.Tensor:
    return functional.cross_entropy(logits, labels, ignore_index=-1, **how) if (labels >= 0).any() else logits.sum() * 0


def _binary(logits: torch.Tensor, labels: torch.Tensor, known: torch.Tensor, weight: float) -> torch.Tensor:
    if not known.any():
        return logits.sum() * 0
    return functional.binary_cross_entropy_with_logits(logits[known], labels[known], pos_weight=torch.tensor(weight))
