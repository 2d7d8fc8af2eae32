"""Temperature scaling: makes a network's confidence match how often it is right."""

import numpy as np
import numpy.typing as npt

from fersys.errors import ConfigError

_FLOOR = np.finfo(np.float32).tiny  # a probability that underflowed to 0 still has a logarithm


def apply_temperature(probabilities: npt.NDArray[np.floating], temperature: float) -> npt.NDArray[np.float32]:
    """Return softmax(log p / T): the answers stay, T > 1 makes them less and T < 1 more confident.

    As log p is the logits up to a constant a row, this is temperature scaling of the logits
    (Guo, Pleiss, Sun & Weinberger, "On Calibration of Modern Neural Networks", ICML 2017).
    `apply_temperature(p, 1 / T)` undoes it up to rounding.

    Args:
        probabilities: (n, k), 0–1, rows sum to 1; n = 0 is allowed.
        temperature: T, finite and above 0; 1 changes nothing.

    Returns:
        float32 (n, k), rows sum to 1.

    Raises:
        ConfigError: if the temperature is not a finite number above 0.
    """
    if not (np.isfinite(temperature) and temperature > 0):
        raise ConfigError(f"temperature: expected a finite number above 0. Received: {temperature}")
    if not len(probabilities):
        return np.asarray(probabilities, dtype=np.float32)
    logits = np.log(np.maximum(probabilities, _FLOOR, dtype=np.float64)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)
