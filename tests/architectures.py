"""Tiny random models of the study's four architectures, in the formats in which their real weights come."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from transformers import (
    GlmConfig,
    GlmForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from finintent.files import write_json
from tiny import ROOT

TOKENIZERS = ROOT / "../shared/tokenizers"
TEMPLATES = {"qwen2.5": "qwen", "llama3": "llama3", "chatglm3": "chatglm3", "baichuan2": None}
SIZES = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 512,
    "tie_word_embeddings": False,
}
CONFIGS = {
    "qwen2.5": Qwen2Config(**SIZES, vocab_size=151936, num_key_value_heads=2, eos_token_id=151645),
    "llama3": LlamaConfig(**SIZES, vocab_size=128256, num_key_value_heads=2, bos_token_id=128000, eos_token_id=128001),
    "chatglm3": GlmConfig(
        **SIZES, vocab_size=65024, num_key_value_heads=2, head_dim=16, rms_norm_eps=1e-5, pad_token_id=0, eos_token_id=2
    ),
    "baichuan2": LlamaConfig(**SIZES, vocab_size=125696, pad_token_id=0, bos_token_id=1, eos_token_id=2),
}
CLASSES = {"qwen2": Qwen2ForCausalLM, "llama": LlamaForCausalLM, "glm": GlmForCausalLM}


def real_tokenizer(name: str) -> Path:
    """Return the folder of a model's own tokenizer; without it the test is skipped."""
    if not (TOKENIZERS / name).is_dir():
        pytest.skip(f"the tokenizer of {name} is third-party data, which this machine does not have in {TOKENIZERS}")
    return TOKENIZERS / name


def random_model(name: str) -> PreTrainedModel:
    """Return a native model of an architecture, with random weights, biases and norms."""
    torch.manual_seed(0)
    model = CLASSES[CONFIGS[name].model_type](CONFIGS[name])
    for tensor in model.parameters():
        torch.nn.init.normal_(tensor, mean=1.0 if tensor.dim() == 1 else 0.0, std=0.1)
    if name == "baichuan2":  # every row of a converted head has the norm 1
        model.lm_head.weight.data = torch.nn.functional.normalize(model.lm_head.weight.data)
    return model.eval()


def write_model(name: str, directory: Path, model: PreTrainedModel) -> None:
    """Write a model as its hub repository holds it: ChatGLM3 and Baichuan2 in their original formats."""
    if name in ("chatglm3", "baichuan2"):
        directory.mkdir()
        {"chatglm3": write_original_chatglm3, "baichuan2": write_original_baichuan2}[name](directory, model)
    else:
        model.save_pretrained(directory)
    for path in real_tokenizer(name).iterdir():
        if path.name != "config.json":
            shutil.copyfile(path, directory / path.name)


def write_original_chatglm3(directory: Path, model: PreTrainedModel) -> None:
    """Write a native model's weights in .bin shards, with ChatGLM3's names and packing, and its config.json."""
    native, config = model.state_dict(), model.config
    layers: list[dict[str, torch.Tensor]] = []
    for number in range(config.num_hidden_layers):
        old, new = f"transformer.encoder.layers.{number}", f"model.layers.{number}"
        layer = {
            f"{old}.self_attention.query_key_value.{kind}": torch.cat(
                [native[f"{new}.self_attn.{name}_proj.{kind}"] for name in "qkv"]
            )
            for kind in ("weight", "bias")
        }
        layer[f"{old}.input_layernorm.weight"] = native[f"{new}.input_layernorm.weight"]
        layer[f"{old}.self_attention.dense.weight"] = native[f"{new}.self_attn.o_proj.weight"]
        layer[f"{old}.post_attention_layernorm.weight"] = native[f"{new}.post_attention_layernorm.weight"]
        layer[f"{old}.mlp.dense_h_to_4h.weight"] = native[f"{new}.mlp.gate_up_proj.weight"]
        layer[f"{old}.mlp.dense_4h_to_h.weight"] = native[f"{new}.mlp.down_proj.weight"]
        layers.append(layer)
    ends = {
        "transformer.embedding.word_embeddings.weight": native["model.embed_tokens.weight"],
        "transformer.rotary_pos_emb.inv_freq": torch.ones(4),
        "transformer.encoder.final_layernorm.weight": native["model.norm.weight"],
        "transformer.output_layer.weight": native["lm_head.weight"],
    }
    weight_map = {}
    for number, tensors in enumerate((ends, *layers), start=1):
        file = f"pytorch_model-{number:05}-of-{len(layers) + 1:05}.bin"
        torch.save(tensors, directory / file)
        weight_map |= dict.fromkeys(tensors, file)
    write_json(directory / "pytorch_model.bin.index.json", {"metadata": {}, "weight_map": weight_map})
    original = {
        "model_type": "chatglm",
        "architectures": ["ChatGLMModel"],
        "add_bias_linear": False,
        "add_qkv_bias": True,
        "multi_query_attention": True,
        "multi_query_group_num": config.num_key_value_heads,
        "post_layer_norm": True,
        "rmsnorm": True,
        "original_rope": True,
        "hidden_size": config.hidden_size,
        "ffn_hidden_size": config.intermediate_size,
        "kv_channels": config.head_dim,
        "num_layers": config.num_hidden_layers,
        "num_attention_heads": config.num_attention_heads,
        "padded_vocab_size": config.vocab_size,
        "seq_length": config.max_position_embeddings,
        "layernorm_epsilon": config.rms_norm_eps,
        "eos_token_id": 2,
        "pad_token_id": 0,
        "torch_dtype": "float32",
    }
    write_json(directory / "config.json", original)


def write_original_baichuan2(directory: Path, model: PreTrainedModel) -> None:
    """Write a native model's weights in one safetensors file, with Baichuan2's names and packing, and its config.json.

    The rows of the head have random norms: its original code divides by them.
    """
    native, config = model.state_dict(), model.config
    for number in range(config.num_hidden_layers):
        attention = f"model.layers.{number}.self_attn"
        packed = torch.cat([native.pop(f"{attention}.{name}_proj.weight") for name in "qkv"])
        native |= {f"{attention}.W_pack.weight": packed, f"{attention}.rotary_emb.inv_freq": torch.ones(8)}
    native["lm_head.weight"] = native["lm_head.weight"] * (0.5 + torch.rand(config.vocab_size, 1))
    save_file(native, directory / "model.safetensors", metadata={"format": "pt"})
    keys = (
        "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings",
        "vocab_size", "rms_norm_eps", "bos_token_id", "eos_token_id", "pad_token_id", "hidden_act",
    )  # fmt: skip
    original = {"model_type": "baichuan", "architectures": ["BaichuanForCausalLM"], "tie_word_embeddings": False}
    write_json(directory / "config.json", original | {key: getattr(config, key) for key in keys})
