"""Liger's fused kernels, for the architectures whose fast preset uses them."""

from typing import TYPE_CHECKING, Any

import liger_kernel.transformers as liger
from transformers.models.glm import modeling_glm

if TYPE_CHECKING:
    from llamafactory.hparams import ModelArguments
    from transformers import PretrainedConfig


def apply_kernels(config: "PretrainedConfig", model_args: "ModelArguments", is_trainable: bool, **_: Any) -> None:
    """Let models that are made from here on use Liger's kernels, in place of LlamaFactory's function of this purpose.

    The fused cross-entropy is left out: the trainer computes few logits. For GLM, LlamaFactory patches the classes of
    GLM-4; here it gets the kernels that suit it, and one of its own for its rotary positions.
    """
    if not (is_trainable and model_args.enable_liger_kernel):
        return
    if config.model_type == "glm":
        from finintent.training.glm_rotary import apply_rotary_positions  # Triton, which only Linux has

        modeling_glm.GlmRMSNorm = liger.LigerRMSNorm
        modeling_glm.GlmMLP = liger.LigerPhi3SwiGLUMLP
        modeling_glm.apply_rotary_pos_emb = apply_rotary_positions
    else:
        apply = getattr(liger, f"apply_liger_kernel_to_{config.model_type}")
        apply(cross_entropy=False, fused_linear_cross_entropy=False)
