"""Makes a CTranslate2 Whisper model from the 8-bit ONNX files of the transformers.js layout.

Package registries carry Whisper small and tiny in that layout only. The 8-bit weights are multiplied out, given back the
names that transformers uses, and quantised again by CTranslate2's own converter. Needs the extra `convert`.
"""
from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from models import pytorch

TOKENIZER_FILES = ("tokenizer.json", "preprocessor_config.json")
STACKS = {"encoder": "onnx/encoder_model_quantized.onnx", "decoder": "onnx/decoder_model_merged_quantized.onnx"}
# Nodes that take a weight matrix, as 8-bit exports of optimum write them.
WEIGHING = {"MatMulInteger", "MatMul", "ConvInteger", "Conv", "Gather", "DequantizeLinear"}


class CannotConvert(Exception):
    """Something that conversion needs is not installed, or the files are not of the expected layout."""


def whisper_from_onnx(inputs: Path, into: Path, quantization: str = "int8") -> None:
    """Converts the folder `inputs` (config, tokenizer, onnx/*.onnx) into the folder `into`, ready for faster-whisper.

    `small` takes about 15 s, 3.6 GB of memory and 2 GB of disk for a while. Raises CannotConvert.
    """
    try:
        torch = pytorch.load()
        from ctranslate2.converters import TransformersConverter
        from onnx import numpy_helper  # noqa: F401
        from transformers import GenerationConfig, WhisperConfig, WhisperForConditionalGeneration
        from transformers.utils import logging as hub_logging
    except (ImportError, OSError, pytorch.NoTorch) as fault:
        missing = getattr(fault, "name", None) or str(fault)
        raise CannotConvert(f"conversion needs {missing}: pip install 'tingjian[convert]'") from fault
    hub_logging.disable_progress_bar()
    weights: dict[str, np.ndarray] = {}
    for stack, file in STACKS.items():
        for name, value in _weights(inputs / file, stack):
            weights.setdefault(name, value)
    if "model.decoder.embed_tokens.weight" not in weights:
        raise CannotConvert("the ONNX files do not hold a Whisper decoder in the expected layout")
    weights["proj_out.weight"] = weights["model.decoder.embed_tokens.weight"]      # Whisper ties input and output embedding
    model = WhisperForConditionalGeneration(WhisperConfig.from_pretrained(inputs))
    tensors = {name: torch.from_numpy(np.array(value, np.float32, order="C")) for name, value in weights.items()}
    left = model.load_state_dict(tensors, strict=False)
    if left.missing_keys or left.unexpected_keys:
        raise CannotConvert(f"the ONNX files do not fit: missing {left.missing_keys[:3]}, new {left.unexpected_keys[:3]}")
    model.generation_config = GenerationConfig.from_pretrained(inputs)
    with tempfile.TemporaryDirectory(dir=into.parent) as folder:
        model.save_pretrained(folder)
        for path in inputs.iterdir():
            if path.is_file() and not (Path(folder) / path.name).exists():
                shutil.copy(path, folder)
        for name in TOKENIZER_FILES:
            shutil.copy(inputs / name, folder)
        TransformersConverter(folder, copy_files=list(TOKENIZER_FILES)).convert(
            str(into), quantization=quantization, force=True)


def _weights(path: Path, stack: str) -> Iterator[tuple[str, np.ndarray]]:
    """The parameters of one ONNX file as (name in transformers, float array)."""
    constants, nodes = _read(path)
    prefix = f"model.{stack}."

    def full(name: str) -> str:
        return name if name.startswith("model.") else prefix + name

    for name, value in constants.items():       # biases and norms were left as floats under their own names
        plain = re.sub(r"_merged_\d+$", "", name)
        if value.dtype.kind == "f" and plain.endswith((".weight", ".bias")) and not plain.startswith("onnx::"):
            yield full(plain), value
    for node in nodes:
        if node.op_type not in WEIGHING:
            continue
        for name in node.input:
            if not name.endswith("_quantized") or name not in constants or constants[name].ndim < 2:
                continue
            stem = name.removesuffix("_quantized")
            value = _multiplied_out(constants, stem)
            plain = re.sub(r"_merged_\d+$", "", stem)
            if plain.endswith("weight"):
                yield full(plain), value
            # A linear layer lost its name in the export; the path of its node still says which one it is.
            elif place := re.search(r"layers\.(\d+)/(.+?)/MatMul", node.name):
                yield f"{prefix}layers.{place[1]}.{place[2].replace('/', '.')}.weight", value.T


def _multiplied_out(constants: dict[str, np.ndarray], stem: str) -> np.ndarray:
    """(q - zero point) * scale, with one scale for the whole matrix or one for each output channel."""
    quantised = constants[f"{stem}_quantized"].astype(np.float32)
    scale = constants[f"{stem}_scale"]
    zero = constants[f"{stem}_zero_point"].astype(np.float32)
    if scale.size > 1:
        axis = max(axis for axis, length in enumerate(quantised.shape) if length == scale.size)
        shape = [scale.size if i == axis else 1 for i in range(quantised.ndim)]
        scale, zero = scale.reshape(shape), zero.reshape(shape)
    return (quantised - zero) * scale


def _read(path: Path) -> tuple[dict[str, np.ndarray], list[Any]]:
    """All constants by name and all nodes, also of the graphs nested in them (the merged decoder keeps two in an If)."""
    import onnx
    from onnx import numpy_helper
    constants: dict[str, np.ndarray] = {}
    nodes: list[Any] = []
    waiting = [onnx.load(str(path)).graph]
    while waiting:
        graph = waiting.pop()
        constants |= {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        for node in graph.node:
            nodes.append(node)
            for attribute in node.attribute:
                if attribute.type == onnx.AttributeProto.GRAPH:
                    waiting.append(attribute.g)
                elif node.op_type == "Constant" and attribute.name == "value":
                    constants.setdefault(node.output[0], numpy_helper.to_array(attribute.t))
    return constants, nodes
