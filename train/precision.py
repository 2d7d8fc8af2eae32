"""Number format of a training: bfloat16 only where the processor multiplies in it.

With its own instructions bfloat16 makes an epoch twice as fast or more; without them TensorFlow
emulates it and the paper's network takes five times as long (LOG.md, 2026-11-24).
"""

from pathlib import Path

from train.config import FitConfig

CPU_FACTS = Path("/proc/cpuinfo")  # Linux only: elsewhere float32 is the safe choice
_INSTRUCTIONS = {"amx_bf16", "avx512_bf16"}


def precision_of(config: FitConfig, facts: Path = CPU_FACTS) -> str:
    """Return the Keras dtype policy of a training: `float32` or `mixed_bfloat16`.

    Args:
        config: settings; a precision other than `auto` is taken as it is.
        facts: what the system says of the processor, in the layout of /proc/cpuinfo.
    """
    if config.precision != "auto":
        return config.precision
    return "mixed_bfloat16" if _INSTRUCTIONS & _flags(facts) else "float32"


def _flags(facts: Path) -> set[str]:
    try:
        lines = facts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    return next((set(line.split(":", 1)[1].split()) for line in lines if line.startswith("flags")), set())
